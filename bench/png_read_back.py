"""What it would cost to look at every PNG result before it is given its name."""

from __future__ import annotations

import zlib
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

import convcli
from bench import images
from bench.cases import Case, Wrong
from bench.scale import Scale
from convcli.image import codecs
from convcli.image.png import read as png
from convcli.image.png import write as png_write

TITLE = "PNG results, read back"
ABOUT = """Encoding an image in memory, on all processors; beside it the same with every part of the
stream inflated again (*and inflated*), and with the whole file decoded again and compared (*and
decoded*), as a check of each result would have to do. A ratio of 1.2 means that the check takes a
fifth of the time more. Neither is done: DESIGN.md says why."""

#: Side of a patch of a screen: a window, a line of text.
_PATCH = 60


def cases(scale: Scale) -> list[Case]:
    """A photograph and a screen, as they are."""
    made = (("photograph", images.photograph), ("screen", _screen))
    return [case(name, partial(make, *scale.shape)) for name, make in made]


def case(name: str, make: partial[NDArray[np.uint8]]) -> Case:
    """One image."""

    def parts() -> list[bytes]:
        return [*png_write.stream(convcli.Image(make()))]

    def inflated() -> None:
        unpacker = codecs.packing().decompressobj()
        for part in parts():
            unpacker.decompress(part)

    def decoded() -> None:
        pixels = make()
        if not np.array_equal(
            png.decode(png_write.encode(convcli.Image(pixels)), 2**30).pixels, pixels
        ):
            raise Wrong(f"{name}: other pixels are read than were written")

    def check() -> None:
        decoded()
        zlib.decompress(b"".join(parts()))

    peers = {"and inflated": inflated, "and decoded": decoded}
    return Case("PNG, 8-bit RGB", name, parts, peers, check=check)


@cache
def _screen(height: int, width: int) -> NDArray[np.uint8]:
    """Return flat patches, lines like those of text, and dithering, (height, width, 3)."""
    rng = np.random.default_rng(5)
    made = np.full((height, width, 3), 245, dtype=np.uint8)
    for top in range(0, height, _PATCH):
        for left in range(0, width, 5 * _PATCH):
            part = made[top : top + _PATCH, left : left + 5 * _PATCH]
            kind = rng.integers(4)
            if kind == 0:
                part[:] = rng.integers(0, 256, 3)
            elif kind == 1:
                part[rng.random(part.shape[:2]) < 0.2] = 30
            elif kind == 2:
                part[::2, ::2] = rng.integers(0, 256, 3)
    return made
