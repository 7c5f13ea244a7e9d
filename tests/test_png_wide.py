"""PNG files of more columns than libpng takes are read like others."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from convcli.errors import ImageError
from convcli.image import codecs
from convcli.image.files import encode, read
from convcli.image.image import Image
from convcli.image.png import wide as png_wide
from convcli.image.png.chunks import DEPTHS, PngHeader, assemble

KINDS = [(depth, colour) for colour in (0, 2, 4, 6) for depth in DEPTHS[colour] if depth >= 8]


@pytest.mark.parametrize(("depth", "colour"), KINDS)
def test_every_filter_is_undone_as_libpng_does(depth, colour, rng):
    header = PngHeader(37, 25, depth, colour, interlaced=False)
    rows = rng.integers(0, 256, (25, header.row_bytes(37)), dtype=np.uint8)
    rows[:, 0] = np.arange(25) % 5
    file = assemble(header, zlib.compress(rows.tobytes()))
    meant = codecs.png_decode(file)
    np.testing.assert_array_equal(png_wide.decode(file), meant)
    out = np.empty_like(meant)
    assert png_wide.decode(memoryview(file), out=out) is out
    np.testing.assert_array_equal(out, meant)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", ["L", "LA", "RGB", "RGBA"])
def test_wide_files_are_read(channels, kind, rng):
    """They were called damaged: "Image width exceeds user limit in IHDR"."""
    shape = (2, png_wide.WIDEST + 1, len(channels))
    steps = rng.integers(0, 3, (*shape[:2], 1)) + np.arange(len(channels))
    pixels = np.cumsum(steps, axis=1).astype(kind).reshape(shape[: 2 if channels == "L" else 3])
    found = read(encode(Image(pixels, channels), "png", compress=1))
    np.testing.assert_array_equal(found.pixels, pixels)


@pytest.mark.parametrize("damage", ["short", "long", "bits"])
def test_damaged_wide_files_are_refused(damage):
    header = PngHeader(png_wide.WIDEST + 1, 1, 16, 0, interlaced=False)
    size = header.row_bytes(header.width) + {"short": -1, "long": 1, "bits": 0}[damage]
    content = bytearray(zlib.compress(bytes(size)))
    if damage == "bits":
        content[-1] ^= 1
    with pytest.raises(ImageError, match="damaged"):
        read(assemble(header, bytes(content)))
