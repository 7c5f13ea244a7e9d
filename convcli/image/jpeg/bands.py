"""Coding a JPEG image in bands on threads, joined by restart markers (T.81, section F.1.4)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from numpy.typing import NDArray

from convcli.image.image import Image
from convcli.image.jpeg.segments import SOS, walk
from convcli.image.parallel import on_threads

#: About so many pixels make a band; images of less than so many bands are coded whole.
_BAND, _LEAST = 2**18, 8
_END = b"\xff\xd9"
_SOF, _RESTART, _INTERVAL = 0xC0, 0xD0, 0xDD


def parts(
    image: Image, block: tuple[int, int], coder: Callable[[NDArray[Any]], bytes]
) -> Iterator[bytes]:
    """Yield a baseline JPEG file bit by bit, the same for any number of threads.

    JUSTIFICATION: coefficients don't depend on blocks beside them, but for the difference that
    an average is coded as, and a restart marker makes that start anew. So bands have the
    samples, to the bit, that the whole has; in half the time on two threads.

    Parameters
    ----------
    image
        uint8.
    block
        Rows and columns of a minimum coded unit.
    coder
        What makes a file of some rows; its tables must not depend on them.

    Yields
    ------
    bytes
        First all up to the coded pixels, and some of these.
    """
    rows, cols = image.size
    across = -(-cols // block[1])
    # An interval between markers has at most 65535 units, and whole rows of them here.
    down = max(1, min(_BAND // cols // block[0], 0xFFFF // across))
    height = down * block[0]
    if rows * cols < _LEAST * _BAND:
        return iter((coder(image.pixels),))

    def work(start: int) -> bytes:
        return coder(image.rows(start, min(start + height, rows)))

    jobs = image.jobs if image.made else None
    return join(on_threads(work, range(0, rows, height), jobs), rows, down * across)


def join(files: Iterable[bytes], rows: int, interval: int) -> Iterator[bytes]:
    """Yield one file of the scans of several, each of `interval` units but the last."""
    for number, file in enumerate(files):
        frame, scan, begin = _places(file)
        if number:
            marker = bytes((0xFF, _RESTART + (number - 1) % 8))
            yield marker + file[begin:-2]
            continue
        head = bytearray(file[:scan])
        struct.pack_into(">H", head, frame + 5, rows)
        yield bytes(head) + struct.pack(">BBHH", 0xFF, _INTERVAL, 4, interval) + file[scan:-2]
    yield _END


def _places(file: bytes) -> tuple[int, int, int]:
    """Where the frame's segment, the scan's segment and the coded pixels begin."""
    frame = 0
    for segment in walk(file):
        if segment.marker == _SOF:
            frame = segment.at
        if segment.marker == SOS:
            return frame, segment.at, segment.end
    raise ValueError("no scan")
