"""WebP's other chunks: kept, as the format asks of who writes it (RFC 9649, section 2.7.1.6)."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from convcli.image.beside.block import CREDENTIAL, Block
from convcli.image.header import printable
from convcli.image.webp.chunks import chunk

_KIND = "WEBP "
_KNOWN = frozenset(
    (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP ")
)
_ALPHA = 0x10


def blocks_of(chunks: Iterable[tuple[bytes, memoryview]]) -> tuple[Block, ...]:
    """Return what isn't read of a file."""
    return tuple(_block(name, bytes(content)) for name, content in chunks if name not in _KNOWN)


def _block(name: bytes, content: bytes) -> Block:
    if name == b"C2PA":
        return Block(_KIND + "C2PA", CREDENTIAL)
    said = printable(name).strip()
    return Block(_KIND + name.decode("latin-1"), f"chunk {said}", content)


def written(blocks: Iterable[Block]) -> list[bytes]:
    """Return the chunks of blocks, which stand at a file's end."""
    return [
        chunk(block.kind[len(_KIND) :].encode("latin-1"), block.content)
        for block in blocks
        if block.kind.startswith(_KIND) and isinstance(block.content, bytes)
    ]


def added(coded: bytes, blocks: Iterable[Block], size: tuple[int, int], alpha: bool) -> bytes:
    """Return a file of one image with the chunks of blocks at its end.

    Parameters
    ----------
    coded
        The file.
    blocks
        What is beside the image.
    size, alpha
        (rows, cols) of the image, and whether it has alpha, for a header that tells of more.
    """
    chunks = written(blocks)
    if not chunks:
        return coded
    body = coded[12:]
    if body[:4] != b"VP8X":
        sides = b"".join((side - 1).to_bytes(3, "little") for side in size[::-1])
        body = chunk(b"VP8X", struct.pack("<I", _ALPHA * alpha) + sides) + body
    body = b"WEBP" + body + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body
