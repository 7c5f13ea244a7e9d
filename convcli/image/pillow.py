"""Reading what Pillow reads exactly: BMP, WebP, and AVIF of 8 bits.

Each format's own reader is called, never `PIL.Image.open`: no other format can be reached
through a crafted file, and Pillow's global limit of pixels stays as its user set it.
"""

from __future__ import annotations

import io
import struct
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image import codecs, exif
from convcli.image.bmp import palette as bmp_palette
from convcli.image.bmp import read as bmp
from convcli.image.coded_size import check_coded
from convcli.image.depth import widen_bits
from convcli.image.image import Image, Meta
from convcli.image.limits import check_size
from convcli.image.tiff.whole import check_bmp
from convcli.record import replace

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_READERS = {
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "JPEG2000": ("PIL.Jpeg2KImagePlugin", "Jpeg2KImageFile"),
}
#: What each of Pillow's modes becomes without losing anything.
_TARGETS = {"1": "1", "L": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "CMYK": "CMYK"}


def open_with_pillow(data: bytes, format: str) -> ImageFile:
    """Return Pillow's view of a file of that format, header read, pixels not."""
    # Pillow remarks upon odd metadata and large images through `warnings`. This filter is for
    # good, as taking it back isn't safe with threads.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    module, reader = _READERS[format]
    opened: ImageFile = getattr(import_module(module), reader)(io.BytesIO(data))
    return opened


def decode_bmp(data: bytes, limit: int) -> Image:
    """Read a BMP file: 1-bit gray, gray, colour, and colour with alpha."""
    header = bmp.read_header(data)
    check_bmp(data)
    if bmp.is_unusual(header):
        return bmp.decode_fields(data, header, limit)
    if header.bits <= 8:
        return bmp_palette.decode_indices(data, header, limit)
    return _decode(data, "BMP", limit)


def decode_webp(data: bytes, limit: int) -> Image:
    """Read a WebP file's first frame."""
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        raise ImageError(f"the WebP file is cut short: {len(data)} bytes of {size + 8}")
    check_coded(data, limit)
    image = _decode(data, "WEBP", limit)
    return Image(image.pixels, image.channels, replace(image.meta, lossy=b"VP8L" not in data))


def decode_avif(data: bytes, limit: int) -> Image:
    """Read an AVIF file's first frame; 10 and 12 bits are scaled to 16 by repeating bits."""
    check_coded(data, limit)
    bits = avif_bits(data)
    if bits == 8:
        image = _decode(data, "AVIF", limit)
        return Image(image.pixels, image.channels, replace(image.meta, lossy=True))
    imagecodecs = codecs.load("imagecodecs")

    opened = open_with_pillow(data, "AVIF")
    width, height = opened.size
    count = count_frames(opened)
    check_size(width, height * count, limit)
    # Never with an index: imagecodecs (2026.3.6) then makes room for one image and writes all
    # of them, beyond its end.
    stored = imagecodecs.avif_decode(data)
    stored = stored[0] if count > 1 else stored
    if stored.shape[:2] != (height, width):
        raise ImageError(f"the AVIF file is damaged: its pixels have shape {stored.shape}")
    pixels = widen_bits(stored, bits)
    meta = replace(meta_of(opened, f"{bits}-bit colour"), format="AVIF", lossy=True)
    return Image(pixels, meta=meta)


def avif_bits(data: bytes) -> int:
    """Bits a sample, from the AV1 configuration (AV1 in ISOBMFF 1.2, section 2.3.3)."""
    at = data.find(b"av1C")
    flags = data[at + 6] if 0 <= at < len(data) - 6 else 0
    if not flags & 0x40:
        return 8
    return 12 if flags & 0x20 else 10


def _decode(data: bytes, format: str, limit: int) -> Image:
    opened = open_with_pillow(data, format)
    check_size(*opened.size, limit)
    mode = opened.mode
    opened.load()
    pixels, channels = to_pixels(opened)
    return Image(pixels, channels, replace(meta_of(opened, mode), format=format))


def to_pixels(opened: Any) -> tuple[NDArray[Any], str]:
    """Return the loaded pixels and their channels' names, palettes and transparency applied."""
    target = _TARGETS.get(opened.mode)
    if "transparency" in opened.info and opened.mode in ("1", "L", "P", "RGB"):
        target = "RGBA"
    elif opened.mode in ("P", "PA"):
        target = "RGBA" if opened.mode == "PA" else "RGB"
        if opened.palette is not None and opened.palette.mode == "RGBA":
            target = "RGBA"
    if target is None:
        raise ImageError(f"its samples, of kind {opened.mode}, can't be read exactly")
    converted = opened if opened.mode == target else opened.convert(target)
    return np.array(converted), "L" if target == "1" else target


def meta_of(opened: ImageFile, mode: str) -> Meta:
    """Return what stands beside the pixels; `mode` is Pillow's word for them."""
    info = opened.info
    comment = info.get("comment")
    block = info.get("exif")
    text = comment.decode("utf-8", "replace") if isinstance(comment, bytes) else comment
    dpi = info.get("dpi")
    return Meta(
        mode=_MODE_WORDS.get(mode, mode),
        icc=info.get("icc_profile") or None,
        exif=exif.strip_prefix(block) if block else None,
        xmp=info.get("xmp") or None,
        dpi=(float(dpi[0]), float(dpi[1])) if dpi else None,
        text=(("Comment", str(text)),) if text else (),
        frames=count_frames(opened),
    )


_MODE_WORDS = {
    "1": "1-bit gray",
    "L": "8-bit gray",
    "LA": "8-bit gray with alpha",
    "P": "8-bit palette",
    "RGB": "8-bit colour",
    "RGBA": "8-bit colour with alpha",
}


def count_frames(opened: Any) -> int:
    """Return how many images there are, as far as they can be counted."""
    try:
        return int(getattr(opened, "n_frames", 1))
    except MemoryError:
        raise
    except Exception:
        # The first image is whole; a later one is damaged.
        return 1
