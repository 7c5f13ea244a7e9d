"""AVIF, sequences included: its codec, and what its header says."""

from __future__ import annotations

import struct

from convcli.image.codec import CLEAR, GRAY, Codec, LazyFunction
from convcli.image.header import Header, Peek

#: Bytes in which a file's header is looked for.
_BOXES = 2**16
_ISPE = b"ispe\0\0\0\0"


def _header(peek: Peek) -> Header | None:
    head = peek(0, _BOXES)
    size = _coded_size(head)
    if size is None:
        return None
    at = head.find(b"av1C")
    deep = 0 <= at < len(head) - 6 and bool(head[at + 6] & 0x40)
    channels = 3 + (b"auxid:1" in head or b"auxiliary:alpha" in head)
    frames, at = 1, head.find(b"stsz")
    while at >= 0:
        frames = max(frames, struct.unpack_from(">I", head, at + 12)[0])
        at = head.find(b"stsz", at + 4)
    pixels = size[0] * size[1]
    dtype = "uint16" if deep else "uint8"
    overhead = 8 * pixels * (1 + deep)
    if deep:
        # These are decoded all at once.
        overhead += frames * pixels * channels * 2
    return Header("AVIF", size[::-1], channels, dtype, overhead, frames, lossy=True)


def _coded_size(found: bytes | memoryview) -> tuple[int, int] | None:
    """Return the largest of the sizes that a file's items have (ISO/IEC 23008-12, 6.5.3)."""
    data = bytes(found[:_BOXES])
    sizes, at = [], data.find(_ISPE)
    while at >= 0:
        if at + 16 <= len(data):
            width, height = struct.unpack_from(">II", data, at + 8)
            sizes.append((width, height))
        at = data.find(_ISPE, at + 8)
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


CODEC = Codec(
    "AVIF",
    {"bool": GRAY, "uint8": CLEAR, "uint16": CLEAR},
    decode=LazyFunction("avif.read", "decode"),
    encode=LazyFunction("avif.write", "encode"),
    header=_header,
    open=LazyFunction("avif.read", "open_frames"),
    encode_frames=LazyFunction("avif.write", "parts"),
    coded_size=_coded_size,
    options=("quality",),
    carries=frozenset({"icc", "exif", "xmp"}),
    lossy=True,
    loops=False,
    crashes=True,
    coder=14.5,
    note=(
        "uint16",
        CLEAR,
        "AVIF holds 12 bits of 16, and such a file is written without metadata",
    ),
)
