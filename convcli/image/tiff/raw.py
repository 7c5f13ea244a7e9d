"""Camera raw files that begin as a TIFF file does: their first image is a small preview."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice

from convcli.errors import ImageError
from convcli.image.tags import entries, form_of
from convcli.image.tiff.ifd import CODES, directories

#: What a sensor's samples are, by tag 262: behind colour filters, or linear.
_SENSOR = (32803, 34892)
_MEANING, _MAKE, _WITHIN, _DNG = 262, 271, 330, 50706
#: Directories that are looked at: a raw file has few, a stack may have thousands.
_MOST = 8
#: Canon's mark behind the header of CR2 files.
_CANON = (b"CR\x02", 8)
_SAID = (
    "it is a camera raw file: develop it first, with darktable for instance: "
    '"darktable-cli IN OUT.tif"'
)


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
    camera = sensor = False
    for at in islice(directories(data), _MOST):
        for place in (at, *within(data, at)):
            found = _numbers(data, place)
            camera |= _MAKE in found or _DNG in found
            sensor |= found.get(_MEANING) in _SENSOR
    return camera and sensor


def _numbers(data: bytes, at: int) -> dict[int, int]:
    """Return the first number of each field, 0 where it has none."""
    form = form_of(data)
    found = {}
    for place, tag, kind, _ in entries(data, at, form):
        code = form.order + CODES[kind] if tag == _MEANING and kind in CODES else ""
        found[tag] = struct.unpack_from(code, data, place)[0] if code else 0
    return found


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
        if tag == _WITHIN and kind in CODES:
            code = f"{form.order}{min(number, _MOST)}{CODES[kind]}"
            beyond = number * struct.calcsize(form.order + CODES[kind]) > form.width
            start = struct.unpack_from(form.place, data, place)[0] if beyond else place
            yield from struct.unpack_from(code, data, start)
