"""PNG (third edition, W3C 2025), animations included: its codec, and what its header says."""

from __future__ import annotations

import struct
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING

from convcli.errors import ImageError
from convcli.image.codec import CLEAR, EVERYTHING, GRAY, Codec, LazyFunction
from convcli.image.extent import most, one
from convcli.image.header import MOST, Header, Peek, peek_into, whole_type
from convcli.image.limits import MAX_PIXELS
from convcli.image.png.chunks import SIGNATURE, parse_header, walk

if TYPE_CHECKING:
    from convcli.image.png.inflate import Inflating

#: Stored samples of a pixel, by colour type (section 11.2.1).
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_PALETTE = 3
#: From so many bytes of rows on they are inflated before NumPy is there.
_LARGE = 2**20


def _header(peek: Peek) -> Header:
    head = peek(0, 64)
    cols, rows, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", head, 16)
    frames, transparent = _chunks(peek)
    channels = _CHANNELS[colour] + (transparent and colour not in (4, 6))
    dtype = "bool" if depth == 1 and colour == 0 and not transparent else whole_type(depth)
    pixels = rows * cols
    line = 1 + (cols * depth * {3: 1}.get(colour, _CHANNELS[colour]) + 7) // 8
    overhead = min(2**23, 2 * rows * line)
    if interlaced:
        # The rows, inflated at once, and the largest pass of them three times.
        overhead += 5 * rows * line // 2
    if depth < 8 or transparent or colour == _PALETTE:
        overhead += 2 * pixels
    return Header("PNG", (rows, cols), channels, dtype, overhead, frames, rows * (line + 8))


def _chunks(peek: Peek) -> tuple[int, bool]:
    """Return how many frames there are, and whether something is transparent."""
    frames, transparent = 1, False
    for at, _, name in islice(walk(peek), MOST):
        if name in (b"IDAT", b"IEND"):
            return frames, transparent
        if name == b"acTL":
            frames = max(1, *struct.unpack(">I", peek(at + 8, 4)))
        transparent = transparent or name == b"tRNS"
    raise ValueError("no pixels")


def _coded_size(data: bytes | memoryview) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _extent(peek: Peek, header: Header | None, limit: int) -> int:
    """Return where the file's last chunk ends, or where it makes no sense any more."""
    end = most(header, limit)
    if header is not None:
        # One image more may stand beside the frames.
        end += one(header)
    after = len(SIGNATURE)
    for at, size, name in walk(peek):
        if at >= end:
            return end
        if not name.isalpha():
            return at + 12
        after = at + 12 + size
        if name == b"IEND":
            return after
    return end if after >= end else after + 12


def _ahead(data: bytes) -> Inflating | None:
    """Begin to inflate a file's rows, if there are many; import what decodes most files."""
    rows = _inflate(data)
    _ = import_module("imagecodecs").spng_decode
    return rows


def _inflate(data: bytes) -> Inflating | None:
    """Begin to inflate a file's rows, if there are many, and not too many."""
    try:
        header = parse_header(data[12:16], data[16:29])
    except (ImageError, struct.error):
        return None
    if header.width * header.height > MAX_PIXELS:
        return None
    if header.interlaced or header.height * header.row_bytes(header.width) <= _LARGE:
        return None
    from convcli.image.png.inflate import Inflating

    return Inflating(_content(data))


def _content(data: bytes) -> list[memoryview]:
    """What is in the IDAT chunks; whether they are whole is seen to later."""
    view = memoryview(data)
    chunks = walk(peek_into(data))
    return [view[at + 8 : at + 8 + size] for at, size, name in chunks if name == b"IDAT"]


CODEC = Codec(
    "PNG",
    {"bool": GRAY, "uint8": CLEAR, "uint16": CLEAR},
    decode=LazyFunction("png.read", "decode"),
    encode=LazyFunction("png.write", "parts"),
    header=_header,
    open=LazyFunction("png.animation", "open_frames"),
    encode_frames=LazyFunction("png.animation_write", "parts"),
    coded_size=_coded_size,
    extent=_extent,
    ahead=_ahead,
    options=("compress",),
    carries=EVERYTHING | {"chunks"},
    numbers=lambda _: True,
    keeps=("PNG ", "IPTC", "Photoshop", "Photoshop "),
    lenient=True,
    in_bands=True,
    coder=0.0,
    coder_wide=1.4,
    proposed=1,
)
