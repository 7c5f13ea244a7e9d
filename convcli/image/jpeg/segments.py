"""Where the segments of a JPEG file are, as all of its readers see them (T.81, section B.1.1)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from convcli.errors import ImageError

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
#: Start-of-frame markers; 0xC4, 0xC8 and 0xCC in between are none (table B.1).
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Markers without content: TEM, and restarts that are out of place.
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))
#: A marker: the last 0xFF of any number, and what isn't a stuffed zero.
_MARKER = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
#: Bytes before a marker that are looked at to tell filling from what doesn't belong there.
_LOOKED_AT = 2**16


class Segment(NamedTuple):
    """A segment: where its marker is, where its content begins and ends; bytes skipped before it.

    `stray` doesn't count 0xFF, of which there may be any number before a marker.
    """

    marker: int
    at: int
    start: int
    end: int
    stray: int = 0


def walk(data: bytes | memoryview, at: int = 2) -> Iterator[Segment]:
    """Yield the segments from a place on, up to the first scan's or the end mark.

    What lies between two segments is skipped, as libjpeg and browsers do.

    Raises
    ------
    ImageError
        If a segment is cut short, or another file begins.
    """
    while found := _MARKER.search(data, at):
        place, start = found.start(), found.end()
        marker = data[place + 1]
        stray = len(bytes(data[at : min(place, at + _LOOKED_AT)]).strip(b"\xff"))
        if marker == SOI:
            raise ImageError(f"the JPEG file is damaged: another one begins at byte {place}")
        if marker == EOI:
            yield Segment(marker, place, start, start, stray)
            return
        if marker in _ALONE:
            at = start
            continue
        end = _end(data, start)
        yield Segment(marker, place, start + 2, end, stray)
        if marker == SOS:
            return
        at = end


def _end(data: bytes | memoryview, start: int) -> int:
    """Where a segment ends whose size stands at a place."""
    size = struct.unpack_from(">H", data, start)[0] if start + 2 <= len(data) else 0
    if size < 2 or start + size > len(data):
        raise ImageError("the JPEG file is cut short: it ends within a segment")
    return start + int(size)
