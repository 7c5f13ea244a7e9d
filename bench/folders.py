"""Folders of many images, the same in every run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from bench import images, tools

#: What small images are cut out of; two are gray.
_SAMPLES = ("astronaut.png", "camera.png", "chelsea.png", "coffee.jpg", "rocket.jpg", "page.png")
#: Columns and rows of a small image.
SMALL = (256, 192)
#: How many small images differ; further ones are hard links to these, as are further large ones.
DIFFERENT, LARGE_DIFFERENT = 1000, 4
#: One small image in so many is PNG, the others are JPEG.
PNG_EVERY = 4


@dataclass(frozen=True)
class Folder:
    """So many small images, or large ones.

    Parameters
    ----------
    count
        How many.
    shape
        Rows and columns of large ones; None for small ones.
    """

    count: int
    shape: tuple[int, int] | None = None

    @property
    def kind(self) -> str:
        """What is in it."""
        if self.shape is None:
            return "small images"
        return f"images of {self.shape[0] * self.shape[1] / 1e6:.3g} MP"

    @property
    def path(self) -> Path:
        """Where it is; it is made when this is asked for the first time."""
        return _folder(self.count, self.shape)

    @property
    def files(self) -> list[Path]:
        """The images, by name."""
        return sorted(self.path.iterdir())

    @property
    def different(self) -> list[Path]:
        """One file of each image that is in it."""
        return self.files[: DIFFERENT if self.shape is None else LARGE_DIFFERENT]


@cache
def _folder(count: int, shape: tuple[int, int] | None) -> Path:
    name = "small" if shape is None else f"{shape[1]}x{shape[0]}"
    path = tools.folder() / f"{name}-{count}"
    path.mkdir()
    many = min(count, DIFFERENT if shape is None else LARGE_DIFFERENT)
    for number in range(count):
        source = _small(number % many) if shape is None else _large(number % many, shape)
        os.link(source, path / f"{number:05}{source.suffix}")
    return path


@cache
def _small(number: int) -> Path:
    """Return a file of a small image, cut out of a sample somewhere."""
    sample = _sample(_SAMPLES[number % len(_SAMPLES)])
    rng = np.random.default_rng(number)
    left, top = (int(rng.integers(sample.size[axis] - SMALL[axis] + 1)) for axis in (0, 1))
    part = sample.crop((left, top, left + SMALL[0], top + SMALL[1]))
    suffix = ".png" if number // len(_SAMPLES) % PNG_EVERY == PNG_EVERY - 1 else ".jpg"
    return _saved(part, f"small-{number}{suffix}")


@cache
def _sample(name: str) -> Image.Image:
    with Image.open(images.SAMPLES / name) as opened:
        return opened.convert("L" if opened.mode == "L" else "RGB")


@cache
def _large(number: int, shape: tuple[int, int]) -> Path:
    """Return a JPEG file of the photograph: as it is, mirrored, upside down, or both."""
    down, right = divmod(number, 2)
    pixels = images.photograph(*shape)[:: -1 if down else 1, :: -1 if right else 1]
    return _saved(Image.fromarray(pixels), f"large-{shape[1]}x{shape[0]}-{number}.jpg")


def _saved(image: Image.Image, name: str) -> Path:
    """Write an image: JPEG as `tools.source` does, PNG as Pillow does if nothing is said."""
    path = tools.folder() / name
    if path.suffix == ".jpg":
        image.save(path, quality=tools.QUALITY, subsampling=2)
    else:
        image.save(path)
    return path
