"""Reading TIFF and BigTIFF: every depth, every number of channels (TIFF 6.0)."""

from __future__ import annotations

import io
from functools import partial
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.channels import PLAIN, Bands, colour_of
from convcli.image.depth import divide_alpha, scaled_note, storable, widen_bits
from convcli.image.header import VALUES
from convcli.image.image import Image, Meta
from convcli.image.limits import MAX_PIXELS, TOGETHER, check_size
from convcli.image.orientation import upright
from convcli.image.tiff import bands as tiff_bands
from convcli.image.tiff import directories, rows, stacks
from convcli.image.tiff.beside import Around, blocks, resolution
from convcli.image.tiff.kinds import MINISWHITE, PALETTE
from convcli.image.tiff.nodata import TAG as NODATA
from convcli.image.tiff.nodata import nodata_of
from convcli.image.tiff.segments import decoded
from convcli.image.tiff.whole import check_page

_DESCRIPTION, _ORIENTATION, _XMP = 270, 274, 700
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


def read_page(
    page: Any, data: bytes, limit: int, count: int = 1, around: Around | None = None
) -> Image:
    """Read a page, upright.

    Fewer than 8 bits are scaled to 8 by repeating bits, 9 to 15 stay as they are in 16; levels
    that count from white are turned about; premultiplied alpha is divided out; palettes become
    colours.

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
    around
        What is known of the rest of the file; None for nothing.

    Raises
    ------
    ImageError
        As for `decode`.
    """
    _check_page(page, data, limit)
    peak = _peak(page)
    made = rows.rows_of(page, data, partial(converted, peak=peak))
    if made is None:
        pixels, channels, bands, notes = converted(_stored(page), page, peak)
    else:
        channels, bands, notes = made.channels, made.bands, made.notes
    icc = bytes(page.iccprofile) if page.iccprofile else None
    exif, around = directories.take_exif(data, page.offset), around or Around()
    texts = _text(page)
    nodata = nodata_of(page)
    taken = {*texts, *(directories.POINTERS if exif else ())}
    taken |= set() if nodata is None else {NODATA}
    beside = blocks(page, data, around, frozenset(taken))
    if _DESCRIPTION in texts and stacks.is_stated(texts[_DESCRIPTION]):
        del texts[_DESCRIPTION]
    meta = Meta(
        format="TIFF",
        mode=_mode(page),
        icc=icc,
        exif=exif,
        xmp=_xmp(page),
        dpi=None if resolution(beside) else _density(page),
        text=tuple((TEXT_TAGS[tag], value) for tag, value in texts.items()),
        frames=count,
        beside=beside,
        peak=peak,
        white_is_zero=int(page.photometric) == MINISWHITE,
        nodata=nodata,
        bands=bands,
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


def _peak(page: Any) -> int | None:
    """Return the value of a full sample, if no type of samples has that one."""
    bits = page.bitspersample
    whole = page.dtype is not None and page.dtype.kind == "u" and int(page.photometric) != PALETTE
    return 2**bits - 1 if whole and 8 < bits < 16 else None


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


def converted(
    stored: NDArray[Any], page: Any, peak: int | None
) -> tuple[NDArray[Any], str, Bands, tuple[str, ...]]:
    """Return the pixels that stored samples are, what their channels are, and what there is to say.

    Parameters
    ----------
    stored
        All rows of a page, or some: (rows, cols) or (rows, cols, channels).
    page
        As tifffile has it.
    peak
        The value of a full sample, if no type of samples has that one.
    """
    if int(page.photometric) == PALETTE:
        return _look_up(stored, page.colormap), "RGB", PLAIN, ()
    channels, bands = tiff_bands.bands_of(page, 1 if stored.ndim == 2 else stored.shape[2])
    whole, notes = _samples(stored, page.bitspersample)
    if int(page.photometric) == MINISWHITE:
        notes += _turned(whole, peak)
    whole = tiff_bands.in_order(whole, channels, bands)
    if tiff_bands.is_multiplied(page, channels, bands):
        whole = _divided(whole, channels, peak)
        notes += ("colour was stored multiplied by alpha, and was divided by it",)
    return whole, channels, bands, notes


def _divided(pixels: NDArray[Any], channels: str, peak: int | None) -> NDArray[Any]:
    """Undo the multiplication of colour by alpha; other bands aren't multiplied."""
    count = len(colour_of(channels)) or pixels.shape[2] - 1
    if colour_of(channels) == "Lab":
        raise ImageError("its samples are L*a*b* multiplied by alpha, which isn't read")
    if count == pixels.shape[2] - 1:
        return divide_alpha(pixels, peak)
    colour = divide_alpha(np.dstack((pixels[:, :, :count], pixels[:, :, -1])), peak)
    return np.dstack((colour[:, :, :count], pixels[:, :, count:]))


def _samples(stored: NDArray[Any], bits: int) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return samples of one of an image's types; several channels of 1 bit as 8."""
    if bits < 8 and stored.dtype.kind in "bu":
        if bits == 1 and stored.ndim == 2:
            return stored.astype(bool), ()
        return widen_bits(stored, bits), (scaled_note(2**bits - 1),)
    pixels = storable(stored)
    if pixels.dtype.kind in "iu" and 16 < bits < 32:
        return pixels, (f"{bits}-bit samples are kept as their values in 32 bits",)
    return pixels, ()


def _turned(samples: NDArray[Any], peak: int | None) -> tuple[str, ...]:
    """Turn levels that count from white about, in place; say so of those that can't be.

    Not those of alpha, nor of any other channel beyond the one that has the image: TIFF 6.0 speaks
    of gray only.
    """
    name = samples.dtype.name
    if name in VALUES or samples.dtype.kind == "f":
        kind = "floats" if samples.dtype.kind == "f" else f"{name} samples"
        return (
            f"white is zero in it: {kind} have no full scale to turn about, and stay as stored",
        )
    gray = samples if samples.ndim == 2 else samples[:, :, 0]
    if samples.dtype == bool:
        np.logical_not(gray, out=gray)
    else:
        np.subtract(samples.dtype.type(peak or np.iinfo(samples.dtype).max), gray, out=gray)
    return ()


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


def _text(page: Any) -> dict[int, str]:
    values = ((tag, page.tags.valueof(tag)) for tag in TEXT_TAGS)
    return {tag: value for tag, value in values if isinstance(value, str) and value}


def _mode(page: Any) -> str:
    kind = getattr(page.photometric, "name", str(page.photometric)).lower()
    samples = f", {page.samplesperpixel} channels" if page.samplesperpixel > 1 else ""
    real = "real " if page.dtype is not None and page.dtype.kind == "f" else ""
    return f"{page.bitspersample}-bit {real}{kind}{samples}"
