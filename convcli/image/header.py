"""What a file's header says of its image, before anything else of the file is read.

NumPy isn't needed: a batch asks this of every file before it is handed to a worker, and a single
file is asked while NumPy is still being imported.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from math import prod
from typing import TypeAlias

from convcli.errors import ImageError
from convcli.image.coded_size import coded_size
from convcli.image.jpeg.segments import FRAMES, Segment, walk
from convcli.record import record

#: Returns so many bytes from a place of a file on, or as many as there are.
Peek: TypeAlias = Callable[[int, int], bytes]

_HEAD = 4096
#: Bytes in which a container's header is looked for.
_BOXES = 2**16
#: Chunks, segments or boxes that are looked at before a header is given up.
_MOST = 1000
#: Stored samples of a PNG pixel, by colour type (section 11.2.1).
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_PNG_PALETTE = 3
#: How far a JPEG file is searched for its frame: previews and profiles may stand before it.
_JPEG_HEADS = (2**12, 2**17, 2**21, 2**24)
_JPEG_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_SIZ = b"\xff\x4f\xff\x51"
_NUMBER = re.compile(rb"(?:\s|#[^\r\n]*[\r\n])+([^\s#]+)")
_SHAPE = re.compile(rb"'shape':\s*\(([\d,\sL]*)\)")
_DESCR = re.compile(rb"'descr':\s*'[<>|=]?([a-zA-Z])(\d*)'")
#: Bytes of a sample, by its type.
WIDTHS = {"bool": 1, "uint8": 1, "uint16": 2, "float32": 4, "float64": 8}


@record
class Header:
    """What a header says.

    Parameters
    ----------
    format
        The file's, as `recognise` names it.
    size
        (rows, cols) as they are stored; of the largest of several.
    channels
        How many a pixel has once it is read.
    dtype
        The name of the type that samples have then.
    beside
        Bytes that reading takes at its peak beside the file and the samples.
    frames
        How many images there are, as far as the header says so.
    stored
        Bytes that all samples take uncompressed in the file; 0 for as many as in memory.
    lossy
        Whether its coding has lost something.
    """

    format: str
    size: tuple[int, int]
    channels: int
    dtype: str
    beside: int = 0
    frames: int = 1
    stored: int = 0
    lossy: bool = False

    @property
    def pixels(self) -> int:
        """Of one image."""
        return prod(self.size)

    @property
    def nbytes(self) -> int:
        """What one image's samples take in memory."""
        return self.pixels * self.channels * WIDTHS[self.dtype]


def header_of(peek: Peek, format: str) -> Header | None:
    """Return what a file's header says; None if it isn't there, or makes no sense.

    Parameters
    ----------
    peek
        Gives the file's bytes.
    format
        As `recognise` names it.

    Examples
    --------
    >>> data = b"P6 30 20 255 "
    >>> header_of(lambda at, size: data[at : at + size], "PPM").size
    (20, 30)
    """
    try:
        if format == "TIFF":
            from convcli.image.tiff.header import tiff

            return tiff(peek)
        found = _FORMATS[format](peek)
    except (ImageError, struct.error, ValueError, IndexError, KeyError, OverflowError):
        return None
    return found if found is not None and min(found.size) > 0 and found.channels > 0 else None


def peek_into(data: bytes) -> Peek:
    """Return what gives a file's bytes when all of them are there."""
    return lambda at, size: bytes(data[at : at + size])


def _whole(bits: int) -> str:
    return "uint8" if bits <= 8 else "uint16"


def _png(peek: Peek) -> Header:
    head = peek(0, 64)
    cols, rows, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", head, 16)
    frames, transparent = _png_chunks(peek)
    channels = _PNG_CHANNELS[colour] + (transparent and colour not in (4, 6))
    dtype = "bool" if depth == 1 and colour == 0 and not transparent else _whole(depth)
    pixels = rows * cols
    line = 1 + (cols * depth * {3: 1}.get(colour, _PNG_CHANNELS[colour]) + 7) // 8
    beside = min(2**23, 2 * rows * line)
    if interlaced:
        # The rows, inflated at once, and the largest pass of them three times.
        beside += 5 * rows * line // 2
    if depth < 8 or transparent or colour == _PNG_PALETTE:
        beside += 2 * pixels
    return Header("PNG", (rows, cols), channels, dtype, beside, frames, rows * (line + 8))


def _png_chunks(peek: Peek) -> tuple[int, bool]:
    """Return how many frames there are, and whether something is transparent."""
    frames, transparent, at = 1, False, 8
    for _ in range(_MOST):
        size, name = struct.unpack(">I4s", peek(at, 8))
        if name in (b"IDAT", b"IEND"):
            break
        if name == b"acTL":
            frames = max(1, *struct.unpack(">I", peek(at + 8, 4)))
        transparent = transparent or name == b"tRNS"
        at += 12 + size
    return frames, transparent


def _jpeg(peek: Peek) -> Header | None:
    frame, data = None, b""
    for size in _JPEG_HEADS:
        data = peek(0, size)
        frame = _frame(data)
        if frame is not None or len(data) < size:
            break
    if frame is None:
        return None
    marker = frame.marker
    bits, rows, cols, channels = struct.unpack_from(">BHHB", data, frame.start)
    samples = rows * cols * channels
    # All coefficients of a progressive file are held, 2 bytes each.
    beside = min(2**22, samples) + (2 * samples if marker in _JPEG_PROGRESSIVE else 0)
    beside += samples * 2 * (bits != 8)
    return Header("JPEG", (rows, cols), channels, _whole(bits), beside, lossy=True)


def _frame(data: bytes) -> Segment | None:
    """Return the segment that says what a JPEG file's image is like, if it is there."""
    try:
        return next((found for found in walk(data) if found.marker in FRAMES), None)
    except ImageError:
        return None


def _webp(peek: Peek) -> Header | None:
    head = peek(0, 64)
    size = coded_size(head)
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
        lossy=b"VP8L" not in peek(0, _HEAD),
    )


def _avif(peek: Peek) -> Header | None:
    head = peek(0, _BOXES)
    size = coded_size(head)
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
    beside = 8 * pixels * (1 + deep)
    if deep:
        # These are decoded all at once.
        beside += frames * pixels * channels * 2
    return Header("AVIF", size[::-1], channels, dtype, beside, frames, lossy=True)


def _jpeg2000(peek: Peek) -> Header | None:
    at = 0
    if peek(0, 4) != _SIZ:
        for _ in range(_MOST):
            size, name = struct.unpack(">I4s", peek(at, 8))
            head = 8
            if size == 1:
                (size,) = struct.unpack(">Q", peek(at + 8, 8))
                head = 16
            if name == b"jp2c":
                at += head
                break
            at += max(8, size)
    code = peek(at, 64)
    right, bottom, left, top = struct.unpack_from(">IIII", code, 8)
    (channels,) = struct.unpack_from(">H", code, 40)
    if not code.startswith(_SIZ):
        return None
    samples = (bottom - top) * (right - left) * channels
    bits = (code[42] & 0x7F) + 1
    # Coefficients are held as 4 bytes each.
    size_ = bottom - top, right - left
    return Header("JPEG2000", size_, channels, _whole(bits), 7 * samples)


def _gif(peek: Peek) -> Header:
    head = peek(0, _HEAD)
    cols, rows = struct.unpack_from("<HH", head, 6)
    control = head.find(b"\x21\xf9\x04")
    channels = 3 + (control >= 0 and bool(head[control + 3] & 1))
    # Indices, colours, and the canvas as it is before and after a frame.
    return Header("GIF", (rows, cols), channels, "uint8", 10 * rows * cols)


def _bmp(peek: Peek) -> Header:
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


def _netpbm(peek: Peek) -> Header | None:
    head = peek(0, _HEAD)
    magic, at, numbers = head[:2], 2, []
    for _ in range(2 if magic in (b"P1", b"P4") else 3):
        found = _NUMBER.match(head, at)
        if found is None:
            return None
        numbers.append(found[1])
        at = found.end()
    cols, rows = int(numbers[0]), int(numbers[1])
    channels = 3 if magic in (b"P3", b"P6", b"PF") else 1
    samples = rows * cols * channels
    name = {b"P1": "PBM", b"P4": "PBM", b"Pf": "PFM", b"PF": "PFM"}.get(magic, "")
    name = name or ("PPM" if channels == 3 else "PGM")
    dtype, wide = "float32", 4
    if name == "PBM":
        dtype, wide = "bool", 1
    elif name != "PFM":
        dtype = _whole(8 if int(numbers[2]) < 256 else 16)
        wide = WIDTHS[dtype]
    plain = magic in (b"P1", b"P2", b"P3")
    # Words of text are objects of 33 bytes and more, and a place in a list each.
    beside = samples * (60 if plain and name != "PBM" else 3 * wide)
    stored = samples * 16 if plain else samples * wide
    return Header(name, (rows, cols), channels, dtype, beside, stored=stored + at)


def _npy(peek: Peek) -> Header | None:
    head = peek(0, _HEAD)
    shape, kind = _SHAPE.search(head), _DESCR.search(head)
    if shape is None or kind is None:
        return None
    sizes = [int(part.strip(b" L")) for part in shape[1].split(b",") if part.strip()]
    if len(sizes) not in (2, 3):
        return None
    name, width = kind[1].decode(), int(kind[2] or 1)
    stored = prod(sizes) * width * (4 if name == "U" else 1)
    dtype = number_type(name, 8 * width)
    beside = stored
    channels = sizes[2] if len(sizes) == 3 else 1
    return Header("NPY", (sizes[0], sizes[1]), channels, dtype, beside, stored=stored + _HEAD)


def number_type(kind: str, bits: int) -> str:
    """Return the type that samples get; `kind` is NumPy's letter: `u`, `i`, `f`, `b`."""
    if kind in "b?" or (kind == "u" and bits == 1):
        return "bool"
    if kind == "u" and bits <= 16:
        return _whole(bits)
    small = bits <= 32 if kind == "f" else bits <= 16
    return "float32" if small else "float64"


_FORMATS: dict[str, Callable[[Peek], Header | None]] = {
    "PNG": _png,
    "JPEG": _jpeg,
    "WEBP": _webp,
    "AVIF": _avif,
    "JPEG2000": _jpeg2000,
    "GIF": _gif,
    "BMP": _bmp,
    "NPY": _npy,
    **dict.fromkeys(("PBM", "PGM", "PPM", "PFM"), _netpbm),
}
