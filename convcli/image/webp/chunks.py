"""Chunks, of which a RIFF file is made (RFC 9649, section 2.3)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from convcli.image.header import MOST, Peek

#: Where a file's first chunk is, and where a frame's first one is within the frame's.
_FIRST, _INNER = 12, 16


def places(peek: Peek, most: int = MOST, frames: bool = False) -> Iterator[tuple[bytes, int, int]]:
    """Give (name, where its content begins, where it ends) of each chunk of a file.

    The last one may end behind the file.

    Parameters
    ----------
    peek
        Gives the file's bytes.
    most
        After so many chunks no more are looked for.
    frames
        Whether those within a frame's chunk are given, too, behind it.
    """
    at, frame = _FIRST, 0
    for _ in range(most):
        if frame and at + 8 > frame:
            at, frame = frame, 0
        head = peek(at, 8)
        if len(head) < 8:
            return
        name, size = struct.unpack("<4sI", head)
        start, at = at + 8, at + 8 + size + size % 2
        yield name, start, start + size
        if frames and not frame and name == b"ANMF":
            at, frame = start + _INNER, at


def is_lossy(peek: Peek, most: int = MOST) -> bool:
    """Whether no image of a file is coded without loss, as far as `most` chunks tell."""
    return not any(name == b"VP8L" for name, _, _ in places(peek, most, frames=True))


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk."""
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
