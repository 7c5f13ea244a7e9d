"""What a file is meant to show: its images, or what a library makes of them in one piece."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
from PIL import Image as Pillow

#: Pillow's names of JPEG's samplings by number, and of what AVIF is written with.
_AVIF = {"speed": 7}


def lossless(case):
    """Whether the file must show exactly the images."""
    return is_exact(case.format, case.options.get("quality"), case.images[0].meta)


def is_exact(format, quality, meta):
    """Whether a file of that format, written at that quality, must show exactly its images."""
    if format in ("JPEG", "AVIF"):
        return False
    if format == "WEBP":
        return quality is None and not meta.lossy
    if format == "JPEG2000":
        return quality == 100 or (quality is None and not meta.lossy)
    if format == "JPEGXL":
        return quality == 100 or (quality is None and not (meta.lossy and meta.icc is None))
    return True


def bytes_of(pixels):
    return pixels.astype(np.uint8) * np.uint8(255) if pixels.dtype == bool else pixels


def _saved(pixels, format, **options):
    target = io.BytesIO()
    Pillow.fromarray(bytes_of(pixels)).save(target, format, **options)
    return target.getvalue()


def shown(case):
    """The frames that a lossless file shows."""
    if case.writer == "gif":
        return gif_frames([image.pixels for image in case.images])
    return [image.pixels for image in case.images]


# Files that a library makes of the whole


def reference(case):
    """The file that a library makes in one piece at the same settings, for lossy formats."""
    return _REFERENCES[case.format](case)


def _jpeg(case):
    image, quality, meta = case.images[0], case.options["quality"], case.images[0].meta
    tables = meta.quantization if quality is None else None
    if tables and max(map(max, tables.values())) > 255:
        tables = None
    sampling = meta.subsampling
    if sampling is None:
        # Without a word from the source colour is halved below 90.
        known = _quality_of(tables) if tables else quality or 92
        sampling = 0 if known is None or known >= 90 else 2
    options = {} if len(image.channels) != 3 else {"subsampling": sampling}
    if image.channels == "CMYK":
        quality = (_quality_of(tables) if tables else quality) or 92
        target = io.BytesIO()
        original = Pillow.fromarray(image.pixels, "CMYK")
        original.save(target, "JPEG", quality=quality, subsampling=0)
        return target.getvalue()
    if tables:
        options["qtables"] = [tables[0]] if image.channels == "L" else [tables[0], tables[1]]
        return _saved(image.pixels, "JPEG", **options)
    return _saved(image.pixels, "JPEG", quality=quality or 92, **options)


def _quality_of(tables):
    """The quality at which Pillow makes these tables, or None."""
    wanted = [list(tables[k]) for k in sorted(tables)]
    for quality in range(1, 101):
        if _tables(quality)[: len(wanted)] == wanted:
            return quality
    return None


_made = {}


def _tables(quality):
    """Pillow's tables of a quality, as it reads them out of a file."""
    if quality not in _made:
        data = _saved(np.zeros((8, 8, 3), np.uint8), "JPEG", quality=quality)
        with Pillow.open(io.BytesIO(data)) as opened:
            _made[quality] = [list(opened.quantization[k]) for k in (0, 1)]
    return _made[quality]


def _jp2(case):
    quality = 80 if case.options["quality"] is None else case.options["quality"]
    level = round(25 + 30 * quality / 100)
    pixels = bytes_of(case.images[0].pixels)
    return bytes(imagecodecs.jpeg2k_encode(pixels, level=level, codecformat="jp2"))


def _avif(case):
    quality = case.options["quality"] or 85
    first = case.images[0]
    if first.dtype == np.uint16:
        options = {"level": quality, "bitspersample": 12, **_AVIF}
        return bytes(imagecodecs.avif_encode(first.pixels >> 4, **options))
    several = case.writer == "avif-frames"
    sampling = "4:0:0" if first.channels == "L" and not several else "4:4:4"
    options = {"quality": quality, "subsampling": sampling, **_AVIF}
    # A profile beside the frames changes how they are coded.
    meta = first.meta
    options |= {"icc_profile": meta.icc, "exif": meta.exif or b"", "xmp": meta.xmp or b""}
    if not several:
        return _saved(first.pixels, "AVIF", **options)
    mode = "RGBA" if first.has_alpha else "RGB"
    frames = [Pillow.fromarray(bytes_of(image.pixels)).convert(mode) for image in case.images]
    target = io.BytesIO()
    options |= {
        "save_all": True,
        "append_images": frames[1:],
        "duration": [int(each) for each in times(case)],
    }
    frames[0].save(target, "AVIF", **options)
    return target.getvalue()


def _webp(case):
    quality = case.options["quality"] or 90
    return _saved(case.images[0].pixels, "WEBP", quality=quality, exact=True)


_REFERENCES = {"JPEG": _jpeg, "JPEG2000": _jp2, "AVIF": _avif, "WEBP": _webp}


# Animations


def webp_frames(case):
    """Frames of a lossy animation: what changed, coded apart by Pillow and put in its place."""
    canvas, found, before = None, [], None
    for image in case.images:
        pixels = bytes_of(image.pixels)
        rows, cols = pixels.shape[:2]
        top, left, bottom, right = 0, 0, rows, cols
        if before is not None:
            top, left, bottom, right = box(before, pixels)
            top, left = top - top % 2, left - left % 2
        quality = case.options["quality"] or 90
        part = np.ascontiguousarray(pixels[top:bottom, left:right])
        with Pillow.open(io.BytesIO(_saved(part, "WEBP", quality=quality, exact=True))) as opened:
            drawn = np.array(opened.convert("RGBA"))
        canvas = np.zeros((rows, cols, 4), np.uint8) if canvas is None else canvas
        canvas[top:bottom, left:right] = drawn
        found.append(canvas.copy() if image.has_alpha else canvas[..., :3].copy())
        before = pixels
    return found


def box(before, after):
    """The rectangle in which two frames differ; a corner where they don't."""
    differs = (before != after).reshape(*before.shape[:2], -1).any(axis=2)
    where = np.argwhere(differs)
    if not len(where):
        return 0, 0, 1, 1
    return *where.min(axis=0).tolist(), *(where.max(axis=0) + 1).tolist()


def gif_frames(frames):
    """What a GIF shows: frames of up to 256 colours as they are, others in Pillow's nearest."""
    found, before, canvas = [], None, None
    for pixels in frames:
        pixels = bytes_of(pixels)
        clear = None
        if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
            clear = pixels[..., -1] == 0
            pixels = pixels[..., :-1]
        flat = pixels.reshape(*pixels.shape[:2], -1)
        colours = flat if flat.shape[2] == 3 else np.repeat(flat[..., :1], 3, axis=2)
        found.append(_as_gif(colours, clear, before, canvas))
        before, canvas = colours, found[-1]
    return found


def _as_gif(colours, clear, before, canvas):
    """A frame as a GIF shows it: opaque ones keep what did not change of the one before."""
    if clear is not None:
        where = np.argwhere(~clear)
        low, high = (where.min(0), where.max(0) + 1) if len(where) else ((0, 0), (1, 1))
        part = slice(low[0], high[0]), slice(low[1], high[1])
        if before is None:
            part = slice(None), slice(None)
        drawn = np.zeros((*clear.shape, 4), np.uint8)
        nearest = np.where(clear[part][..., None], 0, _nearest(colours[part], clear[part]))
        drawn[part] = np.dstack([nearest, np.where(clear[part], 0, 255)])
        return drawn
    if before is None:
        return _nearest(colours, None)
    top, left, bottom, right = box(before, colours)
    drawn = canvas.copy()
    drawn[top:bottom, left:right] = _nearest(colours[top:bottom, left:right], None)
    return drawn


def _nearest(colours, clear):
    """Colours as they are if a palette holds them, else those that Pillow chooses."""
    room = 256 if clear is None else 255
    flat = colours.reshape(-1, 3)
    seen = flat if clear is None else flat[~clear.reshape(-1)]
    if len(seen) == 0 or len(np.unique(seen, axis=0)) <= room:
        return colours
    original = Pillow.fromarray(np.ascontiguousarray(colours))
    return np.array(original.quantize(room, dither=Pillow.Dither.NONE).convert("RGB"))


def jxl_frames(case):
    """Frames of JPEG XL with loss: each coded apart by libjxl, deep ones in linear light."""
    quality = case.options["quality"] or 90
    options = {"level": quality, "effort": 3, "lossless": False}
    found = []
    for image in case.images:
        pixels = bytes_of(image.pixels)
        if pixels.dtype == np.uint8:
            code = imagecodecs.jpegxl_encode(pixels, **options)
            found.append(imagecodecs.jpegxl_decode(code))
            continue
        colours = slice(0, -1) if image.has_alpha else slice(None)
        full = 65_535 if pixels.dtype == np.uint16 else 1
        real = (pixels / full).reshape(*image.size, -1)
        real[..., colours] = _linear(real[..., colours])
        code = imagecodecs.jpegxl_encode(real.astype(np.float32), **options)
        seen = imagecodecs.jpegxl_decode(code).astype(np.float64).reshape(real.shape)
        seen[..., colours] = _stored(seen[..., colours])
        seen = np.clip(np.rint(seen * full), 0, full) if full > 1 else seen
        found.append(seen.astype(pixels.dtype).reshape(pixels.shape))
    return found


def _linear(stored):
    """Light of what sRGB stores (IEC 61966-2-1)."""
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4)


def _stored(light):
    size = np.abs(light)
    far = 1.055 * size ** (1 / 2.4) - 0.055
    return np.sign(light) * np.where(size <= 0.0031308, 12.92 * size, far)


def slack(case):
    """How far samples may be from what is meant, as a share of a full one."""
    deep = case.images[0].dtype.kind == "f" or case.images[0].dtype == np.uint16
    # libjxl's curve is near that of the standard.
    return 1e-3 if deep and case.format == "JPEGXL" and not lossless(case) else 0


# Times


def times(case):
    """Milliseconds of each frame as the format can say them."""
    if case.format == "PNG":
        return case.durations
    if case.format == "JPEGXL":
        unit = 1 if all(each == int(each) for each in case.durations) else 0.01
        return [max(1, each) for each in _steps(case, unit)]
    return _steps(case, 10 if case.format == "GIF" else 1)


def _steps(case, unit):
    ends = np.floor(np.cumsum([0, *case.durations]) / unit + 0.5)
    return (np.diff(ends) * unit).tolist()


def plays(case):
    """How often the animation is played, as Pillow tells it."""
    if case.format == "GIF":
        return None if case.loop == 1 else max(case.loop - 1, 0)
    return min(case.loop, 65_535) if case.format == "WEBP" else case.loop
