"""Coding a JPEG picture in bands on threads, joined by restart markers (T.81, section F.1.4)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from convcli.image.threads import on_threads

#: About so many pixels make a band; pictures of less than two are coded whole.
_BAND = 2**20
_SOF, _SOS, _RESTART, _INTERVAL = 0xC0, 0xDA, 0xD0, 0xDD


def encode(
    pixels: NDArray[Any], block: tuple[int, int], coder: Callable[[NDArray[Any]], bytes]
) -> bytes:
    """Return a baseline JPEG file, the same for any number of threads.

    JUSTIFICATION: coefficients don't depend on blocks beside them, but for the difference that
    an average is coded as, and a restart marker makes that start anew. So bands have the
    samples, to the bit, that the whole has; in half the time on two threads.

    Parameters
    ----------
    pixels
        (rows, cols[, channels]), uint8.
    block
        Rows and columns of a minimum coded unit.
    coder
        What makes a file of some rows; its tables must not depend on them.
    """
    rows, cols = pixels.shape[:2]
    across = -(-cols // block[1])
    # An interval between markers has at most 65535 units, and whole rows of them here.
    down = max(1, min(_BAND // cols // block[0], 0xFFFF // across))
    height = down * block[0]
    if rows * cols < 2 * _BAND:
        return coder(pixels)

    def work(start: int) -> bytes:
        return coder(pixels[start : start + height])

    return join(list(on_threads(work, range(0, rows, height))), rows, down * across)


def join(files: list[bytes], rows: int, interval: int) -> bytes:
    """Return one file of the scans of several, each of `interval` units but the last."""
    frame, scan, begin = _places(files[0])
    head = bytearray(files[0][:scan])
    struct.pack_into(">H", head, frame + 5, rows)
    parts = [bytes(head), struct.pack(">BBHH", 0xFF, _INTERVAL, 4, interval)]
    parts.append(files[0][scan:begin])
    for number, file in enumerate(files):
        if number:
            parts.append(bytes((0xFF, _RESTART + (number - 1) % 8)))
        parts.append(file[_places(file)[2] : -2])
    return b"".join((*parts, files[0][-2:]))


def _places(file: bytes) -> tuple[int, int, int]:
    """Where the frame's segment, the scan's segment and the coded pixels begin."""
    at, frame = 2, 0
    while True:
        marker, size = struct.unpack_from(">xBH", file, at)
        if marker == _SOF:
            frame = at
        if marker == _SOS:
            return frame, at, at + 2 + size
        at += 2 + size
