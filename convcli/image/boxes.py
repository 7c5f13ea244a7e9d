"""Boxes, of which JPEG 2000, JPEG XL and ISO media files are made (ISO/IEC 14496-12, 4.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from convcli.errors import ImageError


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give (name, content) of each box on one level.

    Raises
    ------
    ImageError
        If one is cut short.
    """
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
            start = at + 16
        end = len(data) if size == 0 else at + size
        if end > len(data) or end < start:
            raise ImageError("the file is cut short: it ends within a box")
        yield name, data[start:end]
        at = end


def box(name: bytes, content: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I4s", len(content) + 8, name) + content
