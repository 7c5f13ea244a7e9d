"""Camera raw files that begin as a TIFF file does: their first image is a small preview."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

from convcli.errors import ImageError
from convcli.image.tags import entries, first_of, form_of
from convcli.image.tiff.ifd import CODES, directories

#: What a sensor's samples are, by tag 262: behind colour filters, or linear.
_SENSOR = (32803, 34892)
_MEANING, _MAKE, WITHIN, _DNG = 262, 271, 330, 50706
#: Directories that are looked at: a raw file has few, a stack may have thousands. And those
#: within a page.
_MOST, _INNER = 8, 256
#: Canon's mark behind the header of CR2 files.
_CANON = (b"CR\x02", 8)
_SAID = "it is a camera raw file: develop it first, as with: darktable-cli NAME NAME.tif"


def check(data: bytes) -> None:
    """Refuse a camera's raw file.

    Parameters
    ----------
    data
        The whole file.

    Raises
    ------
    ImageError
        If it is one.
    """
    mark, at = _CANON
    try:
        is_raw = data[at : at + len(mark)] == mark or _has_sensor(data)
    except (struct.error, ValueError):
        return
    if is_raw:
        raise ImageError(_SAID)


def _has_sensor(data: bytes) -> bool:
    """Whether a camera wrote it, and a directory has what its sensor saw."""
    form = form_of(data)
    own = {tag for _, tag, _, _ in entries(data, first_of(data, form), form)}
    if not own & {_MAKE, _DNG}:
        return False
    return any(
        _meaning(data, place) in _SENSOR
        for at in islice(directories(data), _MOST)
        for place in (at, *within(data, at))
    )


def _meaning(data: bytes, at: int) -> int:
    """Return what a directory says that samples mean; 0 if it doesn't."""
    form = form_of(data)
    for place, tag, kind, _ in entries(data, at, form):
        if tag == _MEANING and kind in CODES:
            meaning: int = struct.unpack_from(form.order + CODES[kind], data, place)[0]
            return meaning
    return 0


def within(data: bytes, at: int) -> Iterator[int]:
    """Give where the directories within a page are (TIFF Technical Note 1).

    Parameters
    ----------
    data
        The whole file.
    at
        Where the page's directory is.
    """
    form = form_of(data)
    for place, tag, kind, number in entries(data, at, form):
        if tag == WITHIN and kind in CODES:
            code = f"{form.order}{min(number, _INNER)}{CODES[kind]}"
            beyond = number * struct.calcsize(form.order + CODES[kind]) > form.width
            start = struct.unpack_from(form.place, data, place)[0] if beyond else place
            yield from struct.unpack_from(code, data, start)
