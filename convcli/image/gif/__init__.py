"""GIF (89a, CompuServe 1990), animations included: its codec, and what its header says."""

from __future__ import annotations

import struct

from convcli.image.codec import CLEAR, GRAY, Codec, LazyFunction
from convcli.image.header import HEAD, Header, Peek

_EXTENSION, _CONTROL = 0x21, 0xF9
_COLOURS = frozenset({"RGB", "RGBA"})


def _header(peek: Peek) -> Header:
    head = peek(0, HEAD)
    cols, rows = struct.unpack_from("<HH", head, 6)
    channels = 3 + _sees_through(head)
    # Indices, colours, and the canvas as it is before and after a frame.
    return Header("GIF", (rows, cols), channels, "uint8", 10 * rows * cols)


def _sees_through(head: bytes) -> bool:
    """Whether the first frame has a clear colour (GIF 89a, section 23)."""
    at = 13 + (3 * (2 << (head[10] & 7)) if head[10] & 0x80 else 0)
    while at + 4 <= len(head) and head[at] in (0, _EXTENSION):
        if head[at] and head[at + 1] == _CONTROL:
            return bool(head[at + 3] & 1)
        at += 2 * bool(head[at])
        while at < len(head) and head[at]:
            at += 1 + head[at]
        at += 1
    return False


CODEC = Codec(
    "GIF",
    {"bool": GRAY, "uint8": CLEAR},
    decode=LazyFunction("gif.read", "decode"),
    encode=LazyFunction("gif.write", "encode"),
    header=_header,
    open=LazyFunction("gif.read", "open_frames"),
    encode_frames=LazyFunction("gif.write", "frame_parts"),
    extent=LazyFunction("gif.extent", "extent"),
    carries=frozenset({"icc", "xmp", "text"}),
    keeps=("GIF ",),
    lenient=True,
    one_bit_alpha=True,
    sure=False,
    coder=12.0,
    note=("", _COLOURS, "GIF holds 256 colours: others become the nearest"),
)
