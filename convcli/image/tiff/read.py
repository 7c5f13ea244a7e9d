"""Reading TIFF and BigTIFF: every depth, every number of channels (TIFF 6.0)."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.depth import divide_alpha, storable, widen_bits
from convcli.image.image import Image, Meta
from convcli.image.limits import MAX_PIXELS, TOGETHER, check_size
from convcli.image.orientation import upright
from convcli.image.tiff import directories, rows
from convcli.image.tiff.kinds import (
    MINISBLACK,
    MINISWHITE,
    PALETTE,
    RGB,
    SEPARATED,
    YCBCR,
)
from convcli.image.tiff.segments import decoded
from convcli.image.tiff.whole import check_page

_NAMES = {MINISWHITE: "L", MINISBLACK: "L", RGB: "RGB", SEPARATED: "CMYK", YCBCR: "RGB"}
_ASSOCIATED, _UNASSOCIATED = 1, 2
_ORIENTATION, _INK_SET, _XMP = 274, 332, 700
_CMYK = 1
#: TIFF's tags that are text, by PNG's keywords for the same.
TEXT_TAGS = {
    270: "Description",
    271: "Make",
    272: "Model",
    305: "Software",
    306: "Creation Time",
    315: "Author",
    33432: "Copyright",
}


def stream_of(data: bytes) -> BinaryIO:
    """Return a file's bytes, or a mapped file, as what can be read from."""
    if isinstance(data, bytes):
        return io.BytesIO(data)
    return io.BufferedReader(_Mapped(data))


class _Mapped(io.RawIOBase):
    """A mapped file as one that is read."""

    def __init__(self, data: Any) -> None:
        super().__init__()
        self._data, self._at = data, 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from anywhere."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._data)}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """Say which place it is at."""
        return self._at

    def readinto(self, target: Any) -> int:
        """Fill a buffer with what comes next, and return how many bytes that are."""
        found = self._data[self._at : self._at + len(target)]
        target[: len(found)] = found
        self._at += len(found)
        return len(found)


def read_page(page: Any, data: bytes, limit: int, count: int = 1) -> Image:
    """Read a page, upright.

    Fewer than 8 bits are scaled to 8 and 9 to 15 to 16 by repeating bits; white-is-zero is
    inverted; premultiplied alpha is divided out; palettes become colours.

    Parameters
    ----------
    page
        As tifffile has it.
    data
        The whole file.
    limit
        The most pixels it may have.
    count
        How many pages there are.

    Raises
    ------
    ImageError
        As for `decode`.
    """
    _check_page(page, data, limit)
    made = rows.rows_of(page, data, converted)
    if made is None:
        pixels, channels, notes = converted(_stored(page), page)
    else:
        channels, notes = made.channels, made.notes
    icc = bytes(page.iccprofile) if page.iccprofile else None
    meta = Meta(
        format="TIFF",
        mode=_mode(page),
        icc=icc,
        exif=directories.take_exif(data, page.offset),
        xmp=_xmp(page),
        dpi=_density(page),
        text=tuple(_text(page)),
        frames=count,
        notes=notes,
    )
    if made is not None:
        return upright(Image.of(made, channels, meta), _orientation(page))
    return upright(Image(pixels, channels, meta), _orientation(page))


def _check_page(page: Any, data: bytes, limit: int) -> None:
    """Refuse what would be too large, or lies outside the file."""
    samples = int(page.samplesperpixel)
    if page.dtype is not None and not rows.is_held(page, len(data)):
        limit = max(limit, TOGETHER * MAX_PIXELS)
    check_size(page.imagewidth, page.imagelength, limit)
    # Four channels are what the limit has in mind; hundreds of bands count for more.
    check_size(page.imagewidth, page.imagelength * -(-samples // 4), limit)
    check_page(page, data)


def _stored(page: Any) -> NDArray[Any]:
    """Return a page's samples as they are stored, (rows, cols) or (rows, cols, channels)."""
    stored = decoded(page)
    if stored.ndim == 3 and page.axes.startswith("S"):
        stored = np.moveaxis(stored, 0, -1)
    if stored.ndim == 3 and stored.shape[2] == 1:
        stored = stored[:, :, 0]
    if stored.ndim not in (2, 3):
        raise ImageError(f"a TIFF page of shape {stored.shape} can't be read")
    return stored


def converted(stored: NDArray[Any], page: Any) -> tuple[NDArray[Any], str, tuple[str, ...]]:
    """Return the pixels that stored samples are, their channels' names, and what there is to say.

    Parameters
    ----------
    stored
        All rows of a page, or some: (rows, cols) or (rows, cols, channels).
    page
        As tifffile has it.
    """
    if int(page.photometric) == PALETTE:
        return _look_up(stored, page.colormap), "RGB", ()
    if int(page.photometric) == MINISWHITE:
        stored = _inverted(stored, page.bitspersample)
    channels = _channels(page, 1 if stored.ndim == 2 else stored.shape[2])
    whole, notes = _samples(stored, page)
    if channels.endswith("A") and page.extrasamples and int(page.extrasamples[0]) == _ASSOCIATED:
        whole = divide_alpha(whole)
        notes += ("colour was stored multiplied by alpha, and was divided by it",)
    return whole, channels, notes


def _samples(stored: NDArray[Any], page: Any) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return samples of one of an image's types; several channels of 1 bit as 8."""
    bits = page.bitspersample
    if bits < 16 and stored.dtype.kind in "bu" and bits != 8:
        if bits == 1 and stored.ndim == 2:
            return stored.astype(bool), ()
        return widen_bits(stored, bits), ()
    return storable(stored)


def _inverted(stored: NDArray[Any], bits: int) -> NDArray[Any]:
    """Return unsigned samples of `bits` bits with white as the greatest; not those of alpha.

    Nor of any other channel beyond the one that has the image: TIFF 6.0 speaks of gray only.
    """
    if stored.dtype == bool:
        stored = stored.astype(np.uint8)
    full = stored.dtype.type(2**bits - 1)
    if stored.ndim == 2:
        turned: NDArray[Any] = full - stored
        return turned
    stored[:, :, 0] = full - stored[:, :, 0]
    return stored


def _channels(page: Any, count: int) -> str:
    """Name the channels: those that the page's kind has, alpha if it says so, else unknown."""
    base = _NAMES[int(page.photometric)]
    if base == "CMYK" and page.tags.valueof(_INK_SET, _CMYK) != _CMYK:
        return "?" * count
    if count == len(base):
        return base
    extra = tuple(int(sample) for sample in page.extrasamples)
    is_alpha = extra[:1] in ((_ASSOCIATED,), (_UNASSOCIATED,), ()) and base in ("L", "RGB")
    return base + "A" if count == len(base) + 1 and is_alpha else "?" * count


def _look_up(indices: NDArray[Any], table: NDArray[np.uint16]) -> NDArray[Any]:
    """Colours for palette indices; 8 bits if the table's 16 say no more, else 16."""
    if indices.ndim != 2 or table is None or table.ndim != 2 or len(table) != 3:
        raise ImageError("the TIFF file is damaged: it has no palette")
    colours = np.ascontiguousarray(table.T)
    if int(indices.max()) >= len(colours):
        raise ImageError("the TIFF file is damaged: a pixel's colour is not in the palette")
    repeated = (colours >> 8) == (colours & 255)
    if colours.max() < 256:
        # Some writers forget to scale the table.
        colours = colours.astype(np.uint8)
    elif repeated.all() or not (colours & 255).any():
        colours = (colours >> 8).astype(np.uint8)
    image: NDArray[Any] = colours[indices.astype(np.intp)]
    return image


def _orientation(page: Any) -> int:
    value = page.tags.valueof(_ORIENTATION, 1)
    return int(value) if value in range(1, 9) else 1


def _density(page: Any) -> tuple[float, float] | None:
    """Pixels an inch from tags 282, 283 and 296."""
    unit = int(page.resolutionunit)
    if unit not in (2, 3) or 282 not in page.tags:
        return None
    x, y = page.get_resolution("INCH")
    return (float(x), float(y)) if x > 0 and y > 0 else None


def _xmp(page: Any) -> bytes | None:
    value = page.tags.valueof(_XMP)
    return bytes(value) if isinstance(value, bytes) and value else None


def _text(page: Any) -> list[tuple[str, str]]:
    values = ((key, page.tags.valueof(tag)) for tag, key in TEXT_TAGS.items())
    return [(key, value) for key, value in values if isinstance(value, str) and value]


def _mode(page: Any) -> str:
    kind = getattr(page.photometric, "name", str(page.photometric)).lower()
    samples = f", {page.samplesperpixel} channels" if page.samplesperpixel > 1 else ""
    real = "real " if page.dtype is not None and page.dtype.kind == "f" else ""
    return f"{page.bitspersample}-bit {real}{kind}{samples}"
