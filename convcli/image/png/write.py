"""Writing PNG: fast, small, every depth, and what the image's metadata say."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.image.image import Image
from convcli.image.parallel import on_threads
from convcli.image.png import deflate
from convcli.image.png import text as png_text
from convcli.image.png.chunks import (
    COLOUR,
    COLOUR_ALPHA,
    GRAY,
    GRAY_ALPHA,
    SIGNATURE,
    PngHeader,
    frame,
)
from convcli.image.png.deflate import Compression, DeflatedBand
from convcli.image.png.filters import Bytes, block_rows, filter_rows
from convcli.image.png.relay import Relay
from convcli.record import replace

# JUSTIFICATION: in photographs runs of equal bytes are as good as matches, and found in a sixth
# of the time; elsewhere level 7 is a little smaller than Pillow's default (libpng's level 6) and
# two to four times as fast; where it is, matches of three bytes may help, too. Which is which is
# tried out on each band. Measured on 26 images, as they are and sharpened, at 0.01 to 12
# megapixels.
_WAYS = (
    Compression(1, zlib.Z_RLE),
    Compression(7, zlib.Z_FILTERED),
    Compression(7, zlib.Z_DEFAULT_STRATEGY, follows=True),
)
#: Level 8 takes 1.6 times as long for the last thousandth: images of so many bytes have the time.
#: Smaller ones come by the thousand.
_TINY, _SMALL = 2**18, 2**22
_SMALL_WAYS = tuple(replace(way, level=8) if way.level > 1 else way for way in _WAYS)
#: An image has this many bands of this many bytes, or more larger ones.
_BANDS, _LEAST, _MOST = 16, 2**20, 2**21
_COLOURS = {"L": GRAY, "LA": GRAY_ALPHA, "RGB": COLOUR, "RGBA": COLOUR_ALPHA}


def encode(image: Image, compress: int | None = None, jobs: int | None = None) -> bytes:
    """Return a PNG file; its parameters are those of `parts`."""
    return b"".join(parts(image, compress, jobs))


def parts(image: Image, compress: int | None = None, jobs: int | None = None) -> Iterator[bytes]:
    """Yield a PNG file bit by bit, while later rows are still being compressed.

    Parameters
    ----------
    image
        bool (written with 1 bit), uint8 or uint16; L, LA, RGB or RGBA.
    compress
        0 (stored) to 9 (smallest); None for quick and about as small as level 6.
    jobs
        Threads; None for one a processor.
    """
    yield SIGNATURE
    yield from frame([(b"IHDR", header_of(image).pack()), *png_text.before_pixels(image)])
    yield from frame((b"IDAT", part) for part in stream(image, compress, jobs))
    yield from frame([(b"IEND", b"")])


def header_of(image: Image) -> PngHeader:
    """Return the header of an image's file."""
    rows, cols = image.size
    depth = 1 if image.dtype == bool else 8 * image.dtype.itemsize
    return PngHeader(cols, rows, depth, _COLOURS[image.channels], interlaced=False)


def stream(image: Image, compress: int | None = None, jobs: int | None = None) -> Iterator[bytes]:
    """Give the parts of a zlib stream of an image's rows; `parts` says what it takes."""
    if image.dtype == bool:
        return iter((_compress_bits(image.pixels, 6 if compress is None else compress),))
    jobs = jobs or (image.jobs if image.made else None)
    return _compress(image, ways_of(compress, image.size[0] * image.row_bytes), jobs)


def ways_of(level: int | None, size: int) -> tuple[Compression, ...]:
    """Return what to choose from at a level that the user asked for, or None, for so many bytes."""
    if level is None:
        return _SMALL_WAYS if _TINY <= size <= _SMALL else _WAYS
    if level == 0:
        return (Compression(0, zlib.Z_DEFAULT_STRATEGY),)
    return (
        Compression(level, zlib.Z_DEFAULT_STRATEGY),
        Compression(level, zlib.Z_FILTERED),
        Compression(1, zlib.Z_RLE),
    )


def _compress(image: Image, ways: tuple[Compression, ...], jobs: int | None) -> Iterator[bytes]:
    """Yield the parts of a zlib stream of an image's filtered rows, made on threads."""
    bands = _DeflatedBands(image, ways)
    return deflate.join(on_threads(bands.make, range(bands.count), jobs))


class _DeflatedBands:
    """Bands of an image's rows, each filtered and compressed apart.

    What a band refers to, the row above it and the stored bytes before it, it is given by the band
    before: both are what stands in the stream, since nobody makes them a second time.
    """

    def __init__(self, image: Image, ways: tuple[Compression, ...]) -> None:
        self._image, self._ways = image, ways
        self._height = _band_rows(image.size[0], image.row_bytes)
        self.count = -(-image.size[0] // self._height)
        self._last_rows: Relay[Bytes] = Relay()
        self._last_bytes: Relay[Bytes] = Relay()

    def make(self, number: int) -> DeflatedBand:
        """Return a band, compressed."""
        with self._last_rows.part(), self._last_bytes.part():
            stored = self._filtered(number).reshape(-1)
            # A copy, or the whole band would be held until the next one is done.
            self._last_bytes.put(number, stored[-deflate.WINDOW :].copy())
            past = self._last_bytes.take(number - 1) if number else stored[:0]
            last = number == self.count - 1
            return deflate.compress(stored.data, past.data, self._ways, last)

    def _filtered(self, number: int) -> Bytes:
        """Return a band's rows as they are stored."""
        image, start = self._image, number * self._height
        lines = _lines(image.rows(start, min(start + self._height, image.size[0])))
        self._last_rows.put(number, lines[-1].copy())
        above = self._last_rows.take(number - 1) if number else np.zeros_like(lines[0])
        if self._ways[0].level == 0:
            return np.insert(lines, 0, 0, axis=1)
        return filter_rows(lines, above, image.row_bytes // image.size[1])


def _band_rows(rows: int, width: int) -> int:
    """Return how many rows of that many bytes a band has: whole blocks, all about as high."""
    size = min(max(rows * (width + 1) // _BANDS, _LEAST), _MOST)
    height = -(-rows // -(-rows * (width + 1) // size))
    block = block_rows(width)
    return -(-height // block) * block


def _lines(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the bytes of rows, the high one of two first."""
    stored = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder(">"))
    return stored.reshape(len(pixels), -1).view(np.uint8)


def _compress_bits(pixels: NDArray[np.bool_], level: int) -> bytes:
    """Return rows of 1 bit a sample, not filtered, compressed."""
    packed = np.packbits(pixels, axis=1)
    return zlib.compress(np.insert(packed, 0, 0, axis=1).tobytes(), level)
