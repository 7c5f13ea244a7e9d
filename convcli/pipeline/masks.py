"""Masks: how much of a filtered image there is at each pixel."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ConvError, ImageError
from convcli.image import channels as ch
from convcli.image import files
from convcli.image.depth import full_range
from convcli.image.image import Image
from convcli.paths import status
from convcli.record import field, record
from convcli.region import Box
from convcli.region import Mask as GivenMask

#: Pixels a side of the cells in which places that a mask lets through are looked for, at least,
#: and cells along an axis, at most.
_CELL, _CELLS = 64, 256
_EXPECTED = "expected a gray image, from black (nothing is filtered) to white"


@record(eq=False)
class Mask:
    """A mask of an image, upright.

    Parameters
    ----------
    samples
        (rows, cols), 0 to `full`; below 0 or above it nothing is.
    full
        Where all of the filtered image is taken.
    """

    samples: NDArray[Any] = field(repr=False)
    full: float

    def within(self, boxes: tuple[Box, ...]) -> Mask:
        """Return the mask with 0 outside of some boxes."""
        samples = np.zeros_like(self.samples)
        for top, left, bottom, right in boxes:
            place = slice(top, bottom), slice(left, right)
            samples[place] = self.samples[place]
        return Mask(samples, self.full)

    def shares(self, box: Box) -> NDArray[np.float64]:
        """Return how much of the filtered image there is in a box, 0 to 1."""
        part = self.samples[box.top : box.bottom, box.left : box.right]
        return part / np.float64(self.full)

    def counts(self) -> tuple[int, int]:
        """Return how many pixels are filtered, and how many of them in part."""
        some = np.count_nonzero(self.samples)
        return int(some), int(some - np.count_nonzero(self.samples == self.full))

    def is_soft(self, box: Box) -> bool:
        """Whether some pixels in a box are filtered in part."""
        part = self.samples[box.top : box.bottom, box.left : box.right]
        return bool(((part > 0) & (part < self.full)).any())

    def boxes(self) -> tuple[Box, ...]:
        """Return rectangles, none of which overlap, that hold all pixels that are filtered."""
        rows, cols = self.samples.shape
        step = [max(_CELL, -(-size // _CELLS)) for size in (rows, cols)]
        used = np.add.reduceat(
            np.add.reduceat(self.samples != 0, np.arange(0, rows, step[0]), axis=0, dtype=np.int64),
            np.arange(0, cols, step[1]),
            axis=1,
        )
        cells = {(int(row), int(col)) for row, col in np.argwhere(used)}
        found: list[Box] = []
        while cells:
            found.append(self._tight(_take_group(cells), step))
        return _apart(found)

    def _tight(self, group: set[tuple[int, int]], step: list[int]) -> Box:
        """Return the smallest rectangle around what there is in a group of cells."""
        rows, cols = zip(*group, strict=True)
        top, left = min(rows) * step[0], min(cols) * step[1]
        part = self.samples[top : (max(rows) + 1) * step[0], left : (max(cols) + 1) * step[1]] != 0
        down, across = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
        return Box(
            top + int(down[0]), left + int(across[0]), top + int(down[-1]) + 1,
            left + int(across[-1]) + 1,
        )  # fmt: skip


def mask_for(given: Any, size: tuple[int, int]) -> Mask:
    """Return the mask of an image.

    Parameters
    ----------
    given
        As `Spec` has it.
    size
        The image's (rows, cols).

    Raises
    ------
    ImageError
        If it can't be read, is no mask, or is of another size.
    """
    name = f"`mask` {given}" if isinstance(given, str) else "`mask`"
    mask = _read(given) if isinstance(given, str) else _of(given)
    if mask.samples.shape != size:
        rows, cols = mask.samples.shape
        raise ImageError(
            f"{name} is {cols}×{rows}; expected {size[1]}×{size[0]}, the size of the image"
        )
    return mask


def check_mask(given: Any) -> None:
    """Refuse a mask that no image can have."""
    if isinstance(given, str):
        _read(given)
    elif given is not None:
        _of(given)


def _read(path: str) -> Mask:
    """Read a mask from a file; once while that stays as it is."""
    try:
        found = status(path)
        if found is None:
            raise ImageError("no such file or directory")
        return _read_once(path, (found.st_mtime_ns, found.st_size, found.st_ino))
    except ConvError as error:
        said = str(error).removeprefix(f"{path}: ")
        raise ImageError(f"`mask` {path}: {said}") from error
    except OSError as error:
        raise ImageError(f"`mask` {path}: {(error.strerror or str(error)).lower()}") from error


@lru_cache(maxsize=2)
def _read_once(path: str, _: tuple[int, ...]) -> Mask:
    image = files.read(Path(path))
    if image.meta.frames > 1:
        raise ImageError(f"holds {image.meta.frames} images; {_EXPECTED}")
    return _of_image(image)


@lru_cache(maxsize=2)
def _of(given: GivenMask) -> Mask:
    """Return a mask that was given as an array or an image."""
    try:
        pixels = given.pixels
        if not isinstance(pixels, Image):
            found = np.asarray(pixels)
            pixels = Image(found.astype(np.float64) if found.dtype == np.float16 else found)
        return _of_image(pixels)
    except ImageError as error:
        raise ImageError(f"`mask`: {error}") from error


def _of_image(image: Image) -> Mask:
    """Return a mask's gray samples; what is transparent in it is outside."""
    image = full_range(image)
    names = image.channels
    if "?" in names:
        raise ImageError(f"has {len(names)} channels of unknown meaning; {_EXPECTED}")
    planes = image.pixels.reshape(*image.size, -1)
    if planes.dtype == np.bool_:
        planes = planes.astype(np.uint8) * np.uint8(255)
    full = float(np.iinfo(planes.dtype).max) if planes.dtype.kind in "iu" else 1.0
    samples = ch.gray(ch.colours(planes, names), names)
    alpha = ch.alpha(planes, names)
    if alpha is not None and (alpha != full).any():
        samples, full = samples / full * (alpha / full), 1.0
    if samples.dtype.kind != "u" and not ((samples >= 0) & (samples <= full)).all():
        low, high = np.fmin.reduce(samples, None), np.fmax.reduce(samples, None)
        raise ImageError(f"has samples from {low:g} to {high:g}; expected 0 to {full:g}")
    return Mask(np.ascontiguousarray(samples), full)


def _take_group(cells: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Take cells out that touch one another, those at corners too."""
    ends = [cells.pop()]
    group = set(ends)
    while ends:
        row, col = ends.pop()
        around = {(row + down, col + along) for down in (-1, 0, 1) for along in (-1, 0, 1)}
        more = around & cells
        cells -= more
        group |= more
        ends += more
    return group


def _apart(boxes: list[Box]) -> tuple[Box, ...]:
    """Return rectangles around those that overlap, until none do."""
    done: list[Box] = []
    while boxes:
        box = boxes.pop()
        hit = next((each for each in done if box.cut(each)), None)
        if hit is None:
            done.append(box)
            continue
        done.remove(hit)
        ends = max(box.bottom, hit.bottom), max(box.right, hit.right)
        boxes.append(Box(min(box.top, hit.top), min(box.left, hit.left), *ends))
    return tuple(sorted(done))
