"""The strips or tiles of a TIFF page, decoded whole or refused.

What a decoder makes up for what is missing is found out here, segment by segment.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image import codecs
from convcli.image.recognise import coded_size
from convcli.image.tags import Form, entries, first_of
from convcli.image.tiff.kinds import CODINGS, CONVERT, FAX, IMAGES, JPEG, JPEG_XR, OLD_JPEG

_T4_OPTIONS, _T6_OPTIONS = 292, 293
_FROM_LOWEST = 2
_EOI = b"\xff\xd9"
#: JPEG XR's container (T.832, annex A): tags of where the image is, and how long.
_XR_START, _XR_SIZE = 0xBCC0, 0xBCC1


def decoded(page: Any) -> NDArray[Any]:
    """Return a page's samples as they are stored.

    Parameters
    ----------
    page
        As tifffile has it, of a kind that is read, with all its segments in the file.

    Raises
    ------
    ImageError
        If a segment is damaged, or shorter than it should be.
    """
    if not page.is_contiguous:
        # tifffile keeps what decodes a page's segments in the page: so each goes through here.
        page.decode = careful(page, page.decode)
    samples: NDArray[Any] = page.asarray(maxworkers=codecs.workers(page.nbytes))
    return samples


def careful(page: Any, decode: Callable[..., Any]) -> Callable[..., Any]:
    """Return a decoder of segments that names the one that is damaged."""
    what = "tile" if page.is_tiled else "strip"
    coding, kind = int(page.compression), page.dtype
    name = f" ({CODINGS[coding]})" if coding != 1 else ""

    def work(data: bytes | None, index: int, **options: Any) -> Any:
        try:
            if coding in FAX:
                _, place, shape = decode(None, index, **options)
                return _fax(page, data or b"", shape[1]).reshape(shape), place, shape
            _check(page, data or b"")
            found = decode(data, index, **options)
            if coding in IMAGES and found[0].dtype != kind:
                raise ImageError(f"its samples are {found[0].dtype}, the page's {kind}")
        except MemoryError:
            raise
        except Exception as error:
            raise _explained(error, f"{what} {index + 1}", name) from error
        return found

    return work


def _explained(error: Exception, which: str, coding: str) -> ImageError:
    """Return what is to be said of a segment that can't be decoded."""
    from convcli.image.reasons import SILENT, is_unread, reason

    words = str(error) if isinstance(error, ImageError) else reason(error)
    words = "" if words == SILENT else f": {words}"
    if is_unread(error):
        return ImageError(f"its {which}{coding} is of a kind that isn't read{words}; {CONVERT}")
    return ImageError(f"the TIFF file is damaged: {which} can't be decoded{coding}{words}")


def _check(page: Any, data: bytes) -> None:
    """Refuse a segment that its decoder would fill up."""
    coding = int(page.compression)
    if coding in JPEG and page.jpegheader is None and _EOI not in data[-64:]:
        raise ImageError("its end is missing")
    if coding == OLD_JPEG and coded_size(data) is None:
        raise NotImplementedError("its tables stand elsewhere in the file")
    if coding == JPEG_XR:
        _check_jpeg_xr(data)


def _fax(page: Any, data: bytes, rows: int) -> NDArray[Any]:
    """Return the pixels of a segment of so many rows, 1 for black, once it is known to be whole."""
    # Few files need it.
    from convcli.image.tiff import fax

    imagecodecs = codecs.load("imagecodecs")
    coding, width = int(page.compression), page.tilewidth if page.is_tiled else page.imagewidth
    if page.fillorder == _FROM_LOWEST:
        data = imagecodecs.bitorder_decode(data)
    options = int(page.tags.valueof(_T6_OPTIONS if coding == fax.GROUP4 else _T4_OPTIONS) or 0)
    try:
        fax.check(data, coding, rows, width, options)
    except ImageError:
        # The last strip may have been filled up to the rows of the others.
        if page.is_tiled or rows == page.rowsperstrip:
            raise
        fax.check(data, coding, page.rowsperstrip, width, options)
    if coding == fax.GROUP3:
        # Lines may be filled up with zeros, whether that is said or not.
        options |= fax.FILLED
        black: NDArray[Any] = imagecodecs.ccittfax3_decode(data, rows, width, t4options=options)
    elif coding == fax.GROUP4:
        black = imagecodecs.ccittfax4_decode(data, rows, width)
    else:
        black = imagecodecs.ccittrle_decode(data, rows, width)
    return black


def _check_jpeg_xr(data: bytes) -> None:
    """Refuse a container whose image isn't all there."""
    form = Form("<", big=False)
    try:
        places = {tag: place for place, tag, _, _ in entries(data, first_of(data, form), form)}
        found = {tag: struct.unpack_from("<I", data, place)[0] for tag, place in places.items()}
    except struct.error:
        raise ImageError("it is cut short") from None
    if found.get(_XR_START, 0) + found.get(_XR_SIZE, 0) > len(data):
        raise ImageError("it is cut short")
