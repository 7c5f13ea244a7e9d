"""WebP (RFC 9649), animations included: its codec, and what its header says."""

from __future__ import annotations

import struct

from convcli.image.codec import CLEAR, GRAY, Codec, LazyFunction
from convcli.image.extent import ALLOWANCE, frames, most, one
from convcli.image.header import Header, Peek
from convcli.image.webp.chunks import is_lossy, places

#: Chunks that a file's first image is among.
_FEW = 16


def _header(peek: Peek) -> Header | None:
    head = peek(0, 64)
    size = _coded_size(head)
    if size is None:
        return None
    kind, flags = head[12:16], head[20]
    alpha = bool(flags & 0x10) if kind != b"VP8 " else False
    if kind == b"VP8L":
        # The bit behind two of 14 for the size (RFC 9649, section 3.4).
        alpha = bool(head[24] & 0x10)
    moves = kind == b"VP8X" and bool(flags & 0x02)
    pixels = size[0] * size[1]
    channels = 3 + alpha
    # The decoder's image, Pillow's of it, and for what is lossy planes of their own.
    return Header(
        "WEBP",
        size[::-1],
        channels,
        "uint8",
        15 * pixels,
        1 + moves,
        lossy=is_lossy(peek, _FEW),
    )


def _coded_size(data: bytes | memoryview) -> tuple[int, int] | None:
    """Tell the three kinds of first chunk (RFC 9649, sections 2.5 to 2.7)."""
    head = bytes(data[:32])
    kind = head[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _extent(peek: Peek, header: Header | None, limit: int) -> int:
    """Return what the file says of its size, if its frames can take that."""
    if header is None:
        return most(header, limit)
    (stated,) = struct.unpack_from("<I", peek(0, 12), 4)
    end = ALLOWANCE + one(header)
    if header.frames == 1:
        return int(min(stated + 8, end))
    count = 0
    for name, start, _ in places(peek, end):
        if start - 8 >= min(stated + 8, end) or not name[:3].isalnum():
            break
        if name == b"ANMF" and count < frames(header, limit):
            count += 1
            end += one(header)
    return int(min(stated + 8, end))


CODEC = Codec(
    "WEBP",
    {"bool": GRAY, "uint8": CLEAR},
    decode=LazyFunction("webp.read", "decode"),
    encode=LazyFunction("webp.write", "encode"),
    header=_header,
    open=LazyFunction("webp.read", "open_frames"),
    encode_frames=LazyFunction("webp.write", "parts"),
    coded_size=_coded_size,
    extent=_extent,
    options=("quality",),
    carries=frozenset({"icc", "exif", "xmp"}),
    keeps=("WEBP ",),
    coder=11.0,
    coder_lossy=5.0,
)
