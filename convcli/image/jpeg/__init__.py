"""JPEG (ITU-T T.81): its codec, and what its header says."""

from __future__ import annotations

import struct
from importlib import import_module
from typing import TYPE_CHECKING

from convcli.errors import ImageError
from convcli.image.codec import EVERYTHING, GRAY, Codec, LazyFunction
from convcli.image.header import Header, Peek, whole_type
from convcli.image.jpeg.segments import FRAMES, Segment, walk
from convcli.image.limits import MAX_PIXELS

if TYPE_CHECKING:
    from convcli.image.decode_memory import DecodeMemory

#: How far a file is searched for its frame: previews and profiles may stand before it.
_HEADS = (2**12, 2**17, 2**21, 2**24)
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_INK = frozenset({"L", "RGB", "CMYK"})
#: From so many bytes of samples on memory for them is had before NumPy is there.
_LARGE = 2**20
#: A file that says it has more samples a byte is taken for one made to look large: an empty block
#: of 64 takes 4 bits or more (T.81, annex K).
_DENSEST = 128


def _header(peek: Peek) -> Header | None:
    frame, data = None, b""
    for size in _HEADS:
        data = peek(0, size)
        frame = _frame(data)
        if frame is not None or len(data) < size:
            break
    if frame is None:
        return None
    marker = frame.marker
    bits, rows, cols, channels = _said(data, frame)
    samples = rows * cols * channels
    # All coefficients of a progressive file are held, 2 bytes each.
    overhead = min(2**22, samples) + (2 * samples if marker in _PROGRESSIVE else 0)
    overhead += samples * 2 * (bits != 8)
    return Header(
        "JPEG",
        (rows, cols),
        channels,
        whole_type(bits),
        overhead,
        lossy=True,
        progressive=marker in _PROGRESSIVE,
    )


def _frame(data: bytes | memoryview) -> Segment | None:
    """Return the segment that says what a file's image is like; None if it isn't there yet."""
    try:
        return next((found for found in walk(data) if found.marker in FRAMES), None)
    except ImageError:
        return None


def _said(data: bytes | memoryview, frame: Segment) -> tuple[int, int, int, int]:
    """Return (bits of a sample, rows, columns, components)."""
    bits, rows, cols, components = struct.unpack_from(">BHHB", data, frame.start)
    return bits, rows, cols, components


def _coded_size(data: bytes | memoryview) -> tuple[int, int] | None:
    frame = _frame(data)
    if frame is None:
        return None
    _, rows, cols, _ = _said(data, frame)
    return cols, rows


def _ahead(data: bytes) -> DecodeMemory | None:
    """Begin to have memory for a file's samples, if there are many; import what decodes it."""
    room = _make_room(data)
    _ = import_module("imagecodecs").jpeg8_decode
    _DECODE.load()
    return room


def _make_room(data: bytes) -> DecodeMemory | None:
    """Begin to have memory for a JPEG file's samples, if there are many, and not too many."""
    frame = _frame(data)
    try:
        precision, height, width, count = _said(data, frame) if frame else (0, 0, 0, 0)
    except struct.error:
        return None
    size = height * width * count
    if precision != 8 or not _LARGE < size <= len(data) * _DENSEST:
        return None
    if height * width > MAX_PIXELS or count not in (1, 3, 4):
        return None
    from convcli.image.decode_memory import DecodeMemory

    try:
        return DecodeMemory(size)
    except (OSError, OverflowError, MemoryError):
        return None


_DECODE = LazyFunction("jpeg.read", "decode")
CODEC = Codec(
    "JPEG",
    {"bool": GRAY, "uint8": _INK},
    decode=_DECODE,
    encode=LazyFunction("jpeg.write", "parts"),
    header=_header,
    coded_size=_coded_size,
    ahead=_ahead,
    like=LazyFunction("jpeg.read", "like"),
    options=("quality",),
    carries=EVERYTHING,
    keeps=("IPTC", "Photoshop", "Photoshop ", "JPEG APP "),
    lossy=True,
    lenient=True,
    in_bands=True,
    coder=0.0,
    coder_whole=3.4,
    proposed=4,
)
