"""Images of every kind for the grid, the same bytes in every run; nothing of convcli makes them."""

from __future__ import annotations

import io
import re
import struct
import zlib
from functools import cache

import imagecodecs
import numpy as np
import tifffile
from PIL import Image as Pillow
from PIL import ImageCms

#: Sample types, and the value of a full sample.
FULL = {"uint8": 255, "uint16": 65535, "float32": 1.0, "float64": 1.0}
TEXT = {"Author": "Ada", "Comment": "made of light"}
DPI = (300.0, 150.0)


@cache
def samples(rows, cols, channels=3, depth="uint8", seed=1):
    """Slopes, noise and hard edges; (rows, cols) for one channel. Real ones leave 0..1."""
    y, x = np.mgrid[0:rows, 0:cols]
    slopes = [x * 190 // cols + 20, y * 200 // rows, (x + y) * 240 // (rows + cols), 255 - x % 256]
    planes = np.stack([slopes[k % 4] + 3 * k for k in range(channels)], axis=2)
    rng = np.random.Generator(np.random.PCG64(seed))
    planes = planes + rng.integers(-25, 26, planes.shape)
    planes[((y // 7 + x // 11) % 5 == 0)] += 90
    planes = planes.clip(0, 255)
    if depth == "uint16":
        planes = planes * 257 - rng.integers(0, 200, planes.shape)
        planes = planes.clip(0, 65535)
    elif depth.startswith("float"):
        planes = planes / 200 - 0.1 + rng.integers(0, 999, planes.shape) * 1e-5
    planes = planes.astype(depth)
    return planes[..., 0].copy() if channels == 1 else planes


def with_alpha(rows, cols, channels, depth="uint8", seed=1):
    """Samples whose last channel is alpha: clear and opaque in parts, and between."""
    planes = samples(rows, cols, channels, depth, seed).copy()
    y, x = np.mgrid[0:rows, 0:cols]
    share = ((x + 2 * y) % 97 / 60 - 0.2).clip(0, 1)
    planes[..., -1] = (share * FULL[depth]).astype(depth)
    return planes


# Profiles and EXIF


def profile(gamma=None):
    """An ICC profile: sRGB's, or colours of sRGB with another curve."""
    block = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    block = block[:24] + bytes(12) + block[36:]  # without the time at which it was made
    if gamma is None:
        return block
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    head, count = block[:128], struct.unpack(">I", block[128:132])[0]
    tags = [struct.unpack(">4sII", block[132 + 12 * k : 144 + 12 * k]) for k in range(count)]
    table, body = b"", b""
    for name, at, size in tags:
        content = curve if name.endswith(b"TRC") else block[at : at + size]
        table += struct.pack(">4sII", name, 132 + 12 * count + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    block = head + struct.pack(">I", count) + table + body
    return struct.pack(">I", len(block)) + block[4:]


def exif(orientation):
    """A block with an orientation, a maker and a time."""
    block = Pillow.Exif()
    block[0x010F], block[0x0112] = "Convcli Optics", orientation
    block.get_ifd(0x8769)[0x9003] = "2026:01:02 03:04:05"
    return block.tobytes()


# PNG, by hand: every depth and colour type, interlaced or not


def _chunk(name, content=b""):
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def _rows(planes, bits):
    """Packed rows, each behind its filter's number."""
    flat = planes.reshape(planes.shape[0], -1)
    for row in flat:
        if bits == 16:
            packed = row.astype(">u2").tobytes()
        elif bits == 8:
            packed = row.astype(np.uint8).tobytes()
        else:
            each = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - bits :]
            packed = np.packbits(each.ravel()).tobytes()
        yield b"\0" + packed


_PASSES = ((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2),
           (1, 2, 0, 1))  # fmt: skip


def png(planes, colour, bits=8, *, interlaced=False, extra=()):
    """A PNG file; colour is PNG's number, extra are (name, content) of chunks."""
    parts = [planes]
    if interlaced:
        parts = [planes[top::down, left::along] for top, down, left, along in _PASSES]
    raw = b"".join(row for part in parts if part.size for row in _rows(part, bits))
    head = struct.pack(">IIBBBBB", planes.shape[1], planes.shape[0], bits, colour, 0, 0, interlaced)
    chunks = [(b"IHDR", head), *extra, (b"IDAT", zlib.compress(raw, 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def _colours(count, seed=2):
    rng = np.random.Generator(np.random.PCG64(seed))
    return rng.integers(0, 256, (count, 3)).astype(np.uint8)


def _told():
    """Chunks that say something beside the samples."""
    icc = b"profile\0\0" + zlib.compress(profile(1.8))
    dpi = struct.pack(">IIB", *(round(value / 0.0254) for value in DPI), 1)
    texts = [(b"tEXt", f"{key}\0{value}".encode("latin1")) for key, value in TEXT.items()]
    return [(b"iCCP", icc), (b"pHYs", dpi), *texts, (b"eXIf", exif(6).removeprefix(b"Exif\0\0"))]


def _index(rows, cols, count):
    return (samples(rows, cols, 1).astype(int) * count // 256).astype(np.uint8)


def _apng16(rows, cols):
    return imagecodecs.apng_encode(
        np.stack([samples(rows, cols, 3, "uint16", k) for k in range(3)]), delay=80
    )


# Through Pillow and tifffile


def _pillow(image, kind, **more):
    target = io.BytesIO()
    image.save(target, kind, **more)
    return target.getvalue()


def _still(kind, mode, channels, **more):
    def made(rows, cols):
        alpha = mode in ("LA", "RGBA")
        planes = (with_alpha if alpha else samples)(rows, cols, channels)
        return _pillow(Pillow.fromarray(planes), kind, **more)

    return made


def _jpeg(channels=3, **more):
    def made(rows, cols):
        image = Pillow.fromarray(samples(rows, cols, channels))
        if channels == 4:
            image = Pillow.frombytes("CMYK", (cols, rows), samples(rows, cols, 4).tobytes())
        return _pillow(image, "JPEG", **{"quality": 90, **more})

    return made


def _palette(kind, **more):
    def made(rows, cols):
        image = Pillow.fromarray(_index(rows, cols, 60), "L").convert("P")
        image.putpalette(_colours(60).tobytes())
        return _pillow(image, kind, **more)

    return made


def _black_white(kind):
    return lambda rows, cols: _pillow(Pillow.fromarray(samples(rows, cols, 1) > 120), kind)


#: When an AVIF sequence was made and changed (ISO/IEC 14496-12, 8.2.2, 8.3.2, 8.4.2, version 1).
_TIMES = re.compile(rb"((?:mvhd|tkhd|mdhd)\x01...).{16}", re.DOTALL)


def _animated(kind, channels, count=4, **more):
    def made(rows, cols):
        shapes = (with_alpha if channels == 4 else samples), range(1, count + 1)
        frames = [Pillow.fromarray(shapes[0](rows, cols, channels, seed=k)) for k in shapes[1]]
        if kind == "GIF":
            frames = [frame.convert("RGB").quantize(30, dither=0) for frame in frames]
        durations = [40 + 30 * k for k in range(count)]
        frames[0].save(
            target := io.BytesIO(), kind, save_all=True, append_images=frames[1:],
            **{"duration": durations, "loop": 2, **more},
        )  # fmt: skip
        return _TIMES.sub(rb"\1" + bytes(16), target.getvalue())

    return made


def _tiff(planes=None, **more):
    def made(rows, cols):
        target = io.BytesIO()
        options = {"photometric": "minisblack", "metadata": None, "software": False, **more}
        tifffile.imwrite(target, planes(rows, cols), **options)
        return target.getvalue()

    return made


def _of(channels, depth="uint8"):
    return lambda rows, cols: samples(rows, cols, channels, depth)


def _alpha(channels, depth="uint8"):
    return lambda rows, cols: with_alpha(rows, cols, channels, depth)


def _signed(depth):
    return lambda rows, cols: (samples(rows, cols, 1).astype(int) - 100).astype(depth)


def _premultiplied(rows, cols):
    planes = with_alpha(rows, cols, 4).astype(int)
    planes[..., :3] = planes[..., :3] * planes[..., 3:] // 255
    return planes.astype(np.uint8)


def _not_finite(rows, cols):
    planes = samples(rows, cols, 3, "float32").copy()
    planes[rows // 2, cols // 3] = np.nan
    planes[rows // 3, cols // 2, 1] = np.inf
    return planes


def _pages(rows, cols):
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        for k in range(3):
            page = samples(rows + 4 * k, max(1, cols - 3 * k), 3, seed=k + 1)
            more = {"photometric": "rgb", "metadata": None, "software": False}
            writer.write(page, contiguous=False, **more)
    return target.getvalue()


def _mixed_pages(rows, cols):
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        for depth, channels in (("uint8", 1), ("uint16", 3), ("float32", 1)):
            kind = "rgb" if channels == 3 else "minisblack"
            page = samples(rows, cols, channels, depth)
            writer.write(page, photometric=kind, metadata=None, software=False, contiguous=False)
    return target.getvalue()


def _npy(planes):
    def made(rows, cols):
        np.save(target := io.BytesIO(), planes(rows, cols))
        return target.getvalue()

    return made


def _pnm(magic, planes, maximum):
    def made(rows, cols):
        given = planes(rows, cols)
        body = given.astype(">u2" if maximum > 255 else "u1").tobytes()
        return f"{magic}\n{cols} {rows}\n{maximum}\n".encode() + body

    return made


def _pbm(rows, cols):
    return f"P4\n{cols} {rows}\n".encode() + np.packbits(samples(rows, cols, 1) > 120, 1).tobytes()


def _pfm(magic, channels):
    def made(rows, cols):
        body = samples(rows, cols, channels, "float32")[::-1].astype("<f4").tobytes()
        return f"{magic}\n{cols} {rows}\n-1.0\n".encode() + body

    return made


def _jp2(planes):
    def made(rows, cols):
        return imagecodecs.jpeg2k_encode(planes(rows, cols), reversible=True, level=0)

    return made


_TILES = {"tile": (32, 48)}
_RGB = {"photometric": "rgb"}
_CLEAR = {"extrasamples": ["unassalpha"]}
#: By name and suffix: a function from rows and columns to a file's bytes.
KINDS = {
    "l8.png": lambda r, c: png(samples(r, c, 1), 0),
    "la8.png": lambda r, c: png(with_alpha(r, c, 2), 4),
    "rgb8.png": lambda r, c: png(samples(r, c), 2),
    "rgba8.png": lambda r, c: png(with_alpha(r, c, 4), 6),
    "l16.png": lambda r, c: png(samples(r, c, 1, "uint16"), 0, 16),
    "la16.png": lambda r, c: png(with_alpha(r, c, 2, "uint16"), 4, 16),
    "rgb16.png": lambda r, c: png(samples(r, c, 3, "uint16"), 2, 16),
    "rgba16.png": lambda r, c: png(with_alpha(r, c, 4, "uint16"), 6, 16),
    "l1.png": lambda r, c: png(_index(r, c, 2), 0, 1),
    "l2.png": lambda r, c: png(_index(r, c, 4), 0, 2),
    "l4.png": lambda r, c: png(_index(r, c, 16), 0, 4),
    "palette.png": lambda r, c: png(
        _index(r, c, 60), 3, extra=[(b"PLTE", _colours(60).tobytes())]
    ),
    "palette4-clear.png": lambda r, c: png(
        _index(r, c, 16), 3, 4, extra=[(b"PLTE", _colours(16).tobytes()), (b"tRNS", bytes([0, 90]))]
    ),
    "rgb8-clear.png": lambda r, c: png(
        samples(r, c) // 64 * 64, 2, extra=[(b"tRNS", struct.pack(">3H", 64, 64, 64))]
    ),
    "rgb8-told.png": lambda r, c: png(samples(r, c), 2, extra=_told()),
    "rgba8-gamma.png": lambda r, c: png(
        with_alpha(r, c, 4), 6, extra=[(b"gAMA", struct.pack(">I", 55556))]
    ),
    "l8-interlaced.png": lambda r, c: png(samples(r, c, 1), 0, interlaced=True),
    "rgb8-interlaced.png": lambda r, c: png(samples(r, c), 2, interlaced=True),
    "rgba16-interlaced.png": lambda r, c: png(
        with_alpha(r, c, 4, "uint16"), 6, 16, interlaced=True
    ),
    "l8.jpg": _jpeg(1),
    "rgb-420.jpg": _jpeg(subsampling=2),
    "rgb-444.jpg": _jpeg(subsampling=0, quality=75),
    "rgb-progressive.jpg": _jpeg(progressive=True),
    "rgb-told.jpg": _jpeg(
        icc_profile=profile(2.2), exif=exif(1), dpi=(72, 96), comment=b"made of light"
    ),
    "cmyk.jpg": _jpeg(4),
    **{f"rgb-turned{k}.jpg": _jpeg(exif=exif(k)) for k in range(2, 9)},
    "rgb.webp": _still("WEBP", "RGB", 3, quality=80),
    "rgba.webp": _still("WEBP", "RGBA", 4, lossless=True),
    "rgb.avif": _still("AVIF", "RGB", 3, quality=70, speed=9),
    "rgba.avif": _still("AVIF", "RGBA", 4, quality=70, speed=9),
    "rgb.bmp": _still("BMP", "RGB", 3),
    "rgba.bmp": _still("BMP", "RGBA", 4),
    "palette.bmp": _palette("BMP"),
    "l1.bmp": _black_white("BMP"),
    "l8.tif": _tiff(_of(1)),
    "rgb8.tif": _tiff(_of(3), **_RGB, rowsperstrip=13),
    "rgb8-lzw.tif": _tiff(_of(3), **_RGB, compression="lzw", predictor=2),
    "rgb8-planar.tif": _tiff(
        lambda r, c: np.ascontiguousarray(samples(r, c).transpose(2, 0, 1)), **_RGB,
        planarconfig="separate",
    ),
    "rgb8-tiled.tif": _tiff(_of(3), **_RGB, **_TILES, compression="zlib"),
    "rgb16-big.tif": _tiff(_of(3, "uint16"), **_RGB, byteorder=">"),
    "l16-tiled.tif": _tiff(_of(1, "uint16"), **_TILES),
    "rgba8.tif": _tiff(_alpha(4), **_RGB, **_CLEAR),
    "rgba16.tif": _tiff(_alpha(4, "uint16"), **_RGB, **_CLEAR),
    "rgba8-associated.tif": _tiff(_premultiplied, **_RGB, extrasamples=["assocalpha"]),
    "rgba-float32.tif": _tiff(_alpha(4, "float32"), **_RGB, **_CLEAR),
    "l-float32.tif": _tiff(_of(1, "float32")),
    "rgb-float32.tif": _tiff(_of(3, "float32"), **_RGB, compression="zlib", predictor=3),
    "rgb-float64.tif": _tiff(_of(3, "float64"), **_RGB),
    "rgb-float32-nan.tif": _tiff(_not_finite, **_RGB),
    "l-int16.tif": _tiff(_signed("int16")),
    "l-int32.tif": _tiff(_signed("int32")),
    "l-uint32.tif": _tiff(lambda r, c: samples(r, c, 1).astype("uint32") * 9_000_000),
    "l1.tif": _tiff(lambda r, c: samples(r, c, 1) > 120),
    "l8-white.tif": _tiff(_of(1), photometric="miniswhite"),
    "cmyk8.tif": _tiff(_of(4), photometric="separated"),
    "five.tif": _tiff(_of(5), planarconfig="contig", extrasamples=["unspecified"] * 4),
    "rgb8-told.tif": _tiff(
        _of(3), **_RGB, iccprofile=profile(1.8), resolution=DPI, resolutionunit="inch",
        description="made of light",
    ),
    "stack.tif": _pages,
    "mixed.tif": _mixed_pages,
    "u8.npy": _npy(_of(1)),
    "rgb8.npy": _npy(_of(3)),
    "rgb16.npy": _npy(_of(3, "uint16")),
    "float32.npy": _npy(_of(1, "float32")),
    "rgb-float64.npy": _npy(_of(3, "float64")),
    "seven.npy": _npy(_of(7)),
    "bool.npy": _npy(lambda r, c: samples(r, c, 1) > 120),
    "l1.pbm": _pbm,
    "l8.pgm": _pnm("P5", _of(1), 255),
    "l16.pgm": _pnm("P5", _of(1, "uint16"), 65535),
    "l10.pgm": _pnm("P5", lambda r, c: samples(r, c, 1).astype(int) * 4, 1023),
    "rgb8.ppm": _pnm("P6", _of(3), 255),
    "rgb16.ppm": _pnm("P6", _of(3, "uint16"), 65535),
    "l.pfm": _pfm("Pf", 1),
    "rgb.pfm": _pfm("PF", 3),
    "l8.jp2": _jp2(_of(1)),
    "rgb8.jp2": _jp2(_of(3)),
    "rgb16.jp2": _jp2(_of(3, "uint16")),
    "rgba8.jp2": _jp2(_alpha(4)),
    "still.gif": _palette("GIF"),
    "still-clear.gif": _palette("GIF", transparency=3),
    "moving.gif": _animated("GIF", 3),
    "moving-clear.gif": _animated("GIF", 3, transparency=2, disposal=2),
    "moving-rgb.png": _animated("PNG", 3),
    "moving-rgba.png": _animated("PNG", 4),
    "moving-16.png": _apng16,
    "moving-rgb.webp": _animated("WEBP", 3, quality=80),
    "moving-rgba.webp": _animated("WEBP", 4, lossless=True),
    "moving-rgb.avif": _animated("AVIF", 3, quality=70, speed=9),
}  # fmt: skip
MOVING = tuple(name for name in KINDS if name.startswith(("moving", "stack", "mixed")))
STILL = tuple(name for name in KINDS if name not in MOVING)


def make(name, folder):
    """Write a source called as `61x83-l8.png`, unless it is there; return its path."""
    path = folder / name
    if not path.exists():
        size, _, kind = name.partition("-")
        rows, cols = map(int, size.split("x"))
        content = KINDS[kind](rows, cols)
        path.with_suffix(".part").write_bytes(content)
        path.with_suffix(".part").rename(path)
    return path


def weights(size):
    """A dense kernel of real weights of both signs that sum to 1."""
    rng = np.random.Generator(np.random.PCG64(size))
    found = rng.integers(-1000, 1001, (size, size)) / 1000
    found /= np.abs(found).sum() / 3
    found[size // 2, size // 2] += 1 - found.sum()
    return found


def whole_weights(size):
    """A dense kernel of small whole weights."""
    return np.random.Generator(np.random.PCG64(size)).integers(-2, 4, (size, size))
