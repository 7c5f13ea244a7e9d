"""Boxes, of which JPEG 2000, JPEG XL and ISO media files are made (ISO/IEC 14496-12, 4.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from convcli.errors import ImageError
from convcli.image.header import MOST, Peek, peek_into


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give (name, content) of each box on one level.

    Raises
    ------
    ImageError
        If one is cut short.
    """
    for name, start, end in places(peek_into(data), len(data)):
        end = len(data) if end is None else end
        if end > len(data) or end < start:
            raise ImageError("the file is cut short: it ends within a box")
        yield name, data[start:end]


def places(
    peek: Peek, most: int = MOST, within: Mapping[bytes, int] | None = None
) -> Iterator[tuple[bytes, int, int | None]]:
    """Give (name, where its content begins, where it ends) of each box of a file.

    The last one may end where the file does: None.

    Parameters
    ----------
    peek
        Gives the file's bytes.
    most
        After so many boxes no more are looked for.
    within
        Boxes that hold boxes, and how many bytes stand before these. Each comes before those in
        it; without, boxes of one level are given.
    """
    within = within or {}
    at, ends = 0, list[int]()
    for _ in range(most):
        while ends and at + 8 > ends[-1]:
            at = ends.pop()
        head = peek(at, 16)
        if len(head) < 8:
            return
        size, name, start = int.from_bytes(head[:4], "big"), head[4:8], at + 8
        if size == 1 and len(head) == 16:
            size, start = int.from_bytes(head[8:], "big"), at + 16
        end = at + size if size else None
        yield name, start, end
        if end is not None and end < start:
            return
        if name in within:
            ends += [] if end is None else [end]
            at = start + within[name]
        elif end is None:
            return
        else:
            at = end


def box(name: bytes, content: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I4s", len(content) + 8, name) + content
