"""NumPy's `.npy` files: their codec, and what a header says."""

from __future__ import annotations

import re
from math import prod

from convcli.image.codec import ANY, Codec, LazyFunction
from convcli.image.header import HEAD, WIDTHS, Header, Peek, number_type

_SHAPE = re.compile(rb"'shape':\s*\(([\d,\sL]*)\)")
_DESCR = re.compile(rb"'descr':\s*'[<>|=]?([a-zA-Z])(\d*)'")


def _header(peek: Peek) -> Header | None:
    head = peek(0, HEAD)
    shape, kind = _SHAPE.search(head), _DESCR.search(head)
    if shape is None or kind is None:
        return None
    sizes = [int(part.strip(b" L")) for part in shape[1].split(b",") if part.strip()]
    if len(sizes) not in (2, 3):
        return None
    name, width = kind[1].decode(), int(kind[2] or 1)
    stored = prod(sizes) * width * (4 if name == "U" else 1)
    dtype = number_type(name, 8 * width)
    overhead = stored
    channels = sizes[2] if len(sizes) == 3 else 1
    return Header("NPY", (sizes[0], sizes[1]), channels, dtype, overhead, stored=stored + HEAD)


CODEC = Codec(
    "NPY",
    dict.fromkeys(WIDTHS, ANY),
    decode=LazyFunction("npy.array", "decode"),
    encode=LazyFunction("npy.array", "encode"),
    header=_header,
    open_volume=LazyFunction("npy.volume", "open_planes"),
    encode_volume=LazyFunction("npy.volume", "parts"),
    coder=2.0,
    proposed=6,
)
