"""BMP of Windows and OS/2: its codec, and what its header says."""

from __future__ import annotations

import struct

from convcli.image.codec import GRAY, OPAQUE, Codec, LazyFunction
from convcli.image.header import Header, Peek


def _header(peek: Peek) -> Header:
    head = peek(0, 64)
    (kind,) = struct.unpack_from("<I", head, 14)
    if kind < 40:
        cols, rows, _, bits = struct.unpack_from("<HHHH", head, 18)
    else:
        cols, rows, _, bits = struct.unpack_from("<iiHH", head, 18)
    rows = abs(rows)
    channels = 4 if bits == 32 else 1 if bits == 1 else 3
    stored = rows * ((cols * bits + 31) // 32 * 4)
    return Header("BMP", (rows, cols), channels, "uint8", 5 * rows * cols, stored=stored)


CODEC = Codec(
    "BMP",
    {"bool": GRAY, "uint8": OPAQUE},
    decode=LazyFunction("bmp.read", "decode"),
    encode=LazyFunction("bmp.read", "encode"),
    header=_header,
    carries=frozenset({"dpi", "icc"}),
    coder=2.7,
)
