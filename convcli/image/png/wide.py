"""Rows of PNG files that are wider than libpng takes."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.image import codecs
from convcli.image.png.chunks import GRAY, SAMPLES, PngHeader, assemble, parse_header

#: libpng refuses more columns (PNG_USER_WIDTH_MAX); libspng has no such limit.
WIDEST = 1_000_000
#: Where the content of IHDR and that of the only IDAT chunk begin, and what follows the latter.
_HEADER, _CONTENT, _AFTER = 8 + 8, 8 + 25 + 8, 4 + 12


def decode(file: bytes | memoryview, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the samples of a PNG file as `assemble` makes it, of 8 or 16 bits.

    A filter takes each byte for itself, with those as many bytes to the left as a pixel has: so
    the first bytes of all pixels are the rows of an image in gray of 8 bits, and so are the
    second ones, and these libspng decodes.

    Parameters
    ----------
    file
        The file.
    out
        Where its samples are put; None for new memory.

    Raises
    ------
    Exception
        Of any kind, if the data are damaged.
    """
    header = parse_header(b"IHDR", bytes(file[_HEADER : _HEADER + 13]))
    size = header.row_bytes(header.width)
    # One byte more, or the checksum behind the last one would not be looked at.
    expected = header.height * size
    raw = zlib.decompressobj().decompress(file[_CONTENT:-_AFTER], expected + 1)
    if len(raw) != expected:
        raise ValueError("the stream doesn't hold what the rows are")
    rows = np.frombuffer(raw, np.uint8).reshape(header.height, size)
    step = header.row_bytes(1) - 1
    samples = np.empty((header.height, header.width, step), np.uint8)
    bare = PngHeader(header.width, header.height, 8, GRAY, interlaced=False)
    for place in range(step):
        plane = np.hstack((rows[:, :1], rows[:, 1 + place :: step]))
        content = zlib.compress(plane.tobytes(), 0)
        samples[..., place] = codecs.load_quiet().spng_decode(assemble(bare, content))
    found: NDArray[Any] = samples
    if header.depth == 16:
        found = samples.view(">u2").astype(np.uint16)
    if SAMPLES[header.colour] == 1:
        found = found[..., 0]
    if out is None:
        return found
    out[...] = found
    return out
