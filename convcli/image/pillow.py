"""What the formats have in common that Pillow reads and writes exactly: BMP, WebP, 8-bit AVIF.

Each format's own reader is called, never `PIL.Image.open`: no other format can be reached
through a crafted file, and Pillow's global limit of pixels stays as its user set it.
"""

from __future__ import annotations

import io
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image import exif
from convcli.image.beside.block import letters
from convcli.image.image import Image, Meta
from convcli.image.light.profile import fits
from convcli.image.limits import check_size
from convcli.record import replace

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

#: What each of Pillow's modes becomes without losing anything.
_TARGETS = {"1": "1", "L": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "CMYK": "CMYK"}


def open_with_pillow(data: bytes, reader: str) -> ImageFile:
    """Return Pillow's view of a file, header read, pixels not.

    Parameters
    ----------
    data
        The file.
    reader
        The class that reads its format, such as `WebPImagePlugin.WebPImageFile`.
    """
    hush()
    module, name = reader.split(".")
    opened: ImageFile = getattr(import_module(f"PIL.{module}"), name)(io.BytesIO(data))
    return opened


def hush() -> None:
    """Have Pillow not remark upon odd metadata and large images through `warnings`.

    It is for good, as taking it back isn't safe with threads.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")


def decode(data: bytes, reader: str, format: str, limit: int) -> Image:
    """Read a file's first image; `format` is what it is called."""
    opened = open_with_pillow(data, reader)
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
    text = letters(comment) if isinstance(comment, bytes) else comment
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


def save(pixels: NDArray[Any], format: str, options: dict[str, Any]) -> bytes:
    """Return a file of samples, as Pillow writes it."""
    from PIL import Image as PillowImage

    hush()
    target = io.BytesIO()
    PillowImage.fromarray(pixels).save(target, format, **options)
    return target.getvalue()
