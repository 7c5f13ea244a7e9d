"""GIF (89a, CompuServe 1990), animations included: its codec, and what its header says."""

from __future__ import annotations

import struct

from convcli.image.codec import CLEAR, GRAY, Codec, LazyFunction
from convcli.image.header import HEAD, Header, Peek

_COLOURS = frozenset({"RGB", "RGBA"})


def _header(peek: Peek) -> Header:
    head = peek(0, HEAD)
    cols, rows = struct.unpack_from("<HH", head, 6)
    control = head.find(b"\x21\xf9\x04")
    channels = 3 + (control >= 0 and bool(head[control + 3] & 1))
    # Indices, colours, and the canvas as it is before and after a frame.
    return Header("GIF", (rows, cols), channels, "uint8", 10 * rows * cols)


CODEC = Codec(
    "GIF",
    {"bool": GRAY, "uint8": CLEAR},
    decode=LazyFunction("gif.read", "decode"),
    encode=LazyFunction("gif.write", "encode"),
    header=_header,
    open=LazyFunction("gif.read", "open_frames"),
    encode_frames=LazyFunction("gif.write", "frame_parts"),
    extent=LazyFunction("gif.extent", "extent"),
    lenient=True,
    sure=False,
    coder=12.0,
    note=("", _COLOURS, "GIF holds 256 colours: others become the nearest"),
)
