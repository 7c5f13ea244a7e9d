"""Writing what Pillow writes exactly: BMP, WebP, and AVIF of 8 bits."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.image import codecs
from convcli.image.image import Image, Meta
from convcli.image.light.profile import fits
from convcli.image.limits import check_sides

#: Quality without a word from the user, for a source that had lost something already.
WEBP_QUALITY = 90
AVIF_QUALITY = 85
AVIF_SPEED = 7


def encode_bmp(image: Image) -> bytes:
    """Return a BMP file: bool (1 bit), or uint8 L or RGB."""
    return _save(image.pixels, "BMP", _density(image.meta))


def encode_webp(image: Image, quality: int | None) -> bytes:
    """Return a WebP file.

    Parameters
    ----------
    image
        bool (written as 0 and 255) or uint8; gray becomes equal red, green and blue.
    quality
        1 to 100 for lossy coding. None is lossless, or 90 if the source's coding was lossy.
    """
    check_sides(image.size, "WebP")
    lossless = quality is None and not image.meta.lossy
    options: dict[str, Any] = {"lossless": lossless, "exact": True, **blocks(image)}
    if not lossless:
        options["quality"] = quality or WEBP_QUALITY
    return _save(as_bytes(image.pixels), "WEBP", options)


def encode_avif(image: Image, quality: int | None) -> bytes:
    """Return an AVIF file: uint8 with metadata; uint16 as 12 bits, without.

    Parameters
    ----------
    image
        bool (written as 0 and 255), uint8 or uint16.
    quality
        1 to 100; None is 85. With 100, 12-bit images lose nothing but the lowest 4 bits.
    """
    check_sides(image.size, "AVIF")
    quality = quality or AVIF_QUALITY
    if image.pixels.dtype == np.uint16:
        imagecodecs = codecs.load("imagecodecs")

        return bytes(
            imagecodecs.avif_encode(
                image.pixels >> 4, level=quality, bitspersample=12, speed=AVIF_SPEED
            )
        )
    options = {
        "quality": quality,
        "speed": AVIF_SPEED,
        "subsampling": "4:0:0" if image.channels == "L" else "4:4:4",
        **blocks(image),
    }
    return _save(as_bytes(image.pixels), "AVIF", options)


def as_bytes(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return bytes for samples: bool as 0 and 255."""
    return pixels.astype(np.uint8) * np.uint8(255) if pixels.dtype == bool else pixels


def blocks(image: Image) -> dict[str, Any]:
    """Return the metadata that WebP and AVIF hold, as Pillow's options."""
    meta = image.meta
    options: dict[str, Any] = {"icc_profile": None}
    if meta.icc and (fits(meta.icc, image.channels)):
        options["icc_profile"] = meta.icc
    # Pillow wants to understand it.
    if meta.exif and meta.exif[:4] in (b"II*\0", b"MM\0*"):
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
