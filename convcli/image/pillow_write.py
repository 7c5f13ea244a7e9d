"""Writing what Pillow writes exactly: BMP, GIF, WebP, and AVIF of 8 bits."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image import codecs
from convcli.image.picture import Image, Meta
from convcli.image.profile import fits

#: Quality without a word from the user, for a source that had lost something already.
WEBP_QUALITY = 90
AVIF_QUALITY = 85
_AVIF_SPEED = 7
#: GIF has 256 colours, or 255 and a transparent one.
_COLOURS = 256


def encode_bmp(image: Image) -> bytes:
    """Return a BMP file: bool (1 bit), or uint8 L or RGB."""
    return _save(image.pixels, "BMP", _density(image.meta))


def encode_webp(image: Image, quality: int | None) -> bytes:
    """Return a WebP file.

    Parameters
    ----------
    image
        bool (written as 0 and 255) or uint8; grey becomes equal red, green and blue.
    quality
        1 to 100 for lossy coding. None is lossless, or 90 if the source's coding was lossy.
    """
    lossless = quality is None and not image.meta.lossy
    options: dict[str, Any] = {"lossless": lossless, "exact": True, **_blocks(image)}
    if not lossless:
        options["quality"] = quality or WEBP_QUALITY
    return _save(_bytes(image.pixels), "WEBP", options)


def encode_avif(image: Image, quality: int | None) -> bytes:
    """Return an AVIF file: uint8 with metadata; uint16 as 12 bits, without.

    Parameters
    ----------
    image
        bool (written as 0 and 255), uint8 or uint16.
    quality
        1 to 100; None is 85. With 100, 12-bit pictures lose nothing but the lowest 4 bits.
    """
    quality = quality or AVIF_QUALITY
    if image.pixels.dtype == np.uint16:
        imagecodecs = codecs.load("imagecodecs")

        return bytes(
            imagecodecs.avif_encode(
                image.pixels >> 4, level=quality, bitspersample=12, speed=_AVIF_SPEED
            )
        )
    options = {
        "quality": quality,
        "speed": _AVIF_SPEED,
        "subsampling": "4:0:0" if image.channels == "L" else "4:4:4",
        **_blocks(image),
    }
    return _save(_bytes(image.pixels), "AVIF", options)


def encode_gif(image: Image) -> bytes:
    """Return a GIF file: exact up to 256 colours, else the nearest of 256 chosen ones.

    Raises
    ------
    ImageError
        If a pixel is neither opaque nor fully transparent.
    """
    pixels = _bytes(image.pixels)
    comment = "\n".join(value for key, value in image.meta.text if key == "Comment")
    options: dict[str, Any] = {"comment": comment.encode()[:65535]} if comment else {}
    if pixels.ndim == 2:
        return _save(pixels, "GIF", {**options, "optimize": False})
    clear = None
    if image.has_alpha:
        alpha = pixels[..., -1]
        if ((alpha > 0) & (alpha < 255)).any():
            raise ImageError(
                "GIF can't hold partly transparent pixels; use --alpha drop, or -o NAME.png"
            )
        clear = alpha == 0
        pixels = pixels[..., :-1]
    colours = pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)
    return _save_palette(*_to_palette(colours, clear), clear is not None, options)


def _to_palette(
    colours: NDArray[Any], clear: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return (rows, cols) indices and (n, 3) colours; index n is left for what is clear."""
    room = _COLOURS - (clear is not None)
    packed = colours.astype(np.uint32) @ np.array([65536, 256, 1], dtype=np.uint32)
    seen = packed if clear is None else packed[~clear]
    values = np.unique(seen)
    if len(values) <= room:
        entries = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1)
        entries = entries.astype(np.uint8)
        indices = np.searchsorted(values, packed).astype(np.uint8)
    else:
        from PIL import Image as PillowImage

        reduced = PillowImage.fromarray(colours).quantize(room, dither=PillowImage.Dither.NONE)
        flat = reduced.getpalette() or []
        entries = np.array(flat, dtype=np.uint8).reshape(-1, 3)[:room]
        indices = np.array(reduced)
    if clear is not None:
        indices[clear] = len(entries)
    return indices, entries


def _save_palette(
    indices: NDArray[Any], entries: NDArray[Any], transparent: bool, options: dict[str, Any]
) -> bytes:
    from PIL import Image as PillowImage

    picture = PillowImage.fromarray(indices)
    picture.putpalette(entries.tobytes() + bytes(3 * transparent))
    if transparent:
        options["transparency"] = len(entries)
    target = io.BytesIO()
    picture.save(target, "GIF", optimize=False, **options)
    return target.getvalue()


def _bytes(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels.astype(np.uint8) * np.uint8(255) if pixels.dtype == bool else pixels


def _blocks(image: Image) -> dict[str, Any]:
    """Return the metadata that WebP and AVIF hold, as Pillow's options."""
    meta = image.meta
    options: dict[str, Any] = {"icc_profile": None}
    if meta.icc and (fits(meta.icc, image.channels)):
        options["icc_profile"] = meta.icc
    if meta.exif:
        options["exif"] = meta.exif
    if meta.xmp:
        options["xmp"] = meta.xmp
    return options


def _density(meta: Meta) -> dict[str, Any]:
    return {"dpi": meta.dpi} if meta.dpi else {}


def _save(pixels: NDArray[Any], format: str, options: dict[str, Any]) -> bytes:
    from PIL import Image as PillowImage

    target = io.BytesIO()
    PillowImage.fromarray(pixels).save(target, format, **options)
    return target.getvalue()
