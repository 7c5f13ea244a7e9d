"""How a PNG file is put together: its header and its chunks (PNG third edition, section 5)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from convcli.errors import ImageError
from convcli.image import codecs
from convcli.image.header import Peek
from convcli.record import record

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, COLOUR, PALETTE, GRAY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
#: Samples a pixel, by colour type (table 11.1).
SAMPLES = {GRAY: 1, COLOUR: 3, PALETTE: 1, GRAY_ALPHA: 2, COLOUR_ALPHA: 4}
#: The depths allowed, by colour type (table 11.1).
DEPTHS = {
    GRAY: (1, 2, 4, 8, 16),
    COLOUR: (8, 16),
    PALETTE: (1, 2, 4, 8),
    GRAY_ALPHA: (8, 16),
    COLOUR_ALPHA: (8, 16),
}
#: Adam7: first row, first column, step down, step right (section 8.2).
_PASSES = (
    (0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4),
    (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1),
)  # fmt: skip


@record
class PngHeader:
    """The IHDR chunk."""

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    def row_bytes(self, width: int) -> int:
        """Bytes of a row of that many pixels, its filter's byte included."""
        return 1 + (width * SAMPLES[self.colour] * self.depth + 7) // 8

    def pack(self) -> bytes:
        """Return what is in the chunk."""
        fields = (self.width, self.height, self.depth, self.colour, 0, 0, self.interlaced)
        return struct.pack(">IIBBBBB", *fields)


def parse_header(name: bytes, content: bytes | memoryview) -> PngHeader:
    """Return what a file's first chunk says.

    Raises
    ------
    ImageError
        If it is no header, or what it says isn't PNG.
    """
    if name != b"IHDR" or len(content) != 13:
        raise ImageError("the PNG file is damaged: it doesn't begin with a header chunk")
    width, height, depth, colour, method, filters, interlace = struct.unpack(">IIBBBBB", content)
    if colour not in DEPTHS or depth not in DEPTHS[colour]:
        raise ImageError(
            f"the PNG file is damaged: its header says depth {depth} and colour type {colour}"
        )
    if method or filters or interlace > 1:
        raise ImageError("the PNG file uses a compression, filter or interlace that is not PNG's")
    return PngHeader(width, height, depth, colour, bool(interlace))


def passes_of(header: PngHeader) -> Iterator[tuple[int, int, tuple[slice, slice]]]:
    """(width, height, where it belongs) of each Adam7 pass that has pixels."""
    for top, left, down, right in _PASSES:
        width = -(-(header.width - left) // right)
        height = -(-(header.height - top) // down)
        if width > 0 and height > 0:
            yield width, height, (slice(top, None, down), slice(left, None, right))


def assemble(header: PngHeader, data: bytes) -> bytes:
    """Return a PNG file of a header and compressed rows."""
    chunks = ((b"IHDR", header.pack()), (b"IDAT", data), (b"IEND", b""))
    return b"".join((SIGNATURE, *frame(chunks)))


def frame(chunks: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """Yield the parts of chunks: size and name before the content, a checksum after it."""
    crc32 = codecs.packing().crc32
    for name, content in chunks:
        yield struct.pack(">I", len(content)) + name
        yield content
        yield struct.pack(">I", crc32(content, crc32(name)))


def walk(peek: Peek) -> Iterator[tuple[int, int, bytes]]:
    """Give (where it begins, bytes of its content, name) of each chunk, whole or not."""
    at = len(SIGNATURE)
    while len(head := peek(at, 8)) == 8:
        size, name = int.from_bytes(head[:4], "big"), head[4:]
        yield at, size, name
        at += 12 + size
