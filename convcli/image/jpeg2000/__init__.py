"""JPEG 2000 (ITU-T T.800): its codec, and what its header says."""

from __future__ import annotations

import struct

from convcli.image.boxes import places
from convcli.image.codec import CLEAR, GRAY, Codec, LazyFunction
from convcli.image.header import Header, Peek, peek_into, whole_type

#: How a codestream begins.
SIZ = b"\xff\x4f\xff\x51"


def _header(peek: Peek) -> Header | None:
    code = _beginning(peek)
    size = _size(code)
    if size is None:
        return None
    (channels,) = struct.unpack_from(">H", code, 40)
    # Coefficients are held as 4 bytes each.
    overhead = 7 * size[0] * size[1] * channels
    return Header("JPEG2000", size[::-1], channels, whole_type((code[42] & 0x7F) + 1), overhead)


def coded_size(found: bytes | memoryview) -> tuple[int, int] | None:
    """Return (width, height), if the codestream begins within what is there."""
    return _size(_beginning(peek_into(found)))


def _beginning(peek: Peek) -> bytes:
    """Return a codestream's first bytes, which may lie in a box."""
    at = 0
    if peek(0, 4) != SIZ:
        at = next((start for name, start, _ in places(peek) if name == b"jp2c"), 0)
    return peek(at, 64)


def _size(code: bytes) -> tuple[int, int] | None:
    if not code.startswith(SIZ):
        return None
    right, bottom, left, top = struct.unpack_from(">IIII", code, 8)
    return right - left, bottom - top


CODEC = Codec(
    "JPEG2000",
    {"bool": GRAY, "uint8": CLEAR, "uint16": CLEAR},
    decode=LazyFunction("jpeg2000.read", "decode"),
    encode=LazyFunction("jpeg2000.write", "encode"),
    header=_header,
    coded_size=coded_size,
    options=("quality",),
    carries=frozenset({"icc", "exif", "xmp", "text", "dpi"}),
    keeps=("IPTC", "JPEG2000 "),
    coder=9.0,
    peaks=frozenset(2**bits - 1 for bits in range(9, 16)),
)
