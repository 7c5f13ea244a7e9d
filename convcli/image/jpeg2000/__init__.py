"""JPEG 2000 (ITU-T T.800): its codec, and what its header says."""

from __future__ import annotations

import struct

from convcli.image.boxes import places
from convcli.image.codec import CLEAR, GRAY, Codec, LazyFunction
from convcli.image.header import HEAD, Header, Peek, whole_type

#: How a codestream begins.
SIZ = b"\xff\x4f\xff\x51"


def _header(peek: Peek) -> Header | None:
    at = 0
    if peek(0, 4) != SIZ:
        at = next((start for name, start, _ in places(peek) if name == b"jp2c"), 0)
    code = peek(at, 64)
    right, bottom, left, top = struct.unpack_from(">IIII", code, 8)
    (channels,) = struct.unpack_from(">H", code, 40)
    if not code.startswith(SIZ):
        return None
    samples = (bottom - top) * (right - left) * channels
    bits = (code[42] & 0x7F) + 1
    # Coefficients are held as 4 bytes each.
    size_ = bottom - top, right - left
    return Header("JPEG2000", size_, channels, whole_type(bits), 7 * samples)


def coded_size(found: bytes | memoryview) -> tuple[int, int] | None:
    """Return (width, height), if they are within the first kilobytes."""
    data = bytes(found[:HEAD])
    at = data.find(SIZ)
    if at < 0:
        return None
    right, bottom, left, top = struct.unpack_from(">IIII", data, at + 8)
    return right - left, bottom - top


CODEC = Codec(
    "JPEG2000",
    {"bool": GRAY, "uint8": CLEAR, "uint16": CLEAR},
    decode=LazyFunction("jpeg2000.read", "decode"),
    encode=LazyFunction("jpeg2000.write", "encode"),
    header=_header,
    coded_size=coded_size,
    options=("quality",),
    carries=frozenset({"icc", "exif", "xmp"}),
    coder=9.0,
)
