"""A contact sheet: many images of one size in one, in rows from left to right."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

import numpy as np
from numpy.typing import NDArray

from convcli.image.image import Image

#: Pixels a side of the largest sheet, and of the gap between two images.
_MOST, _GAP = 4096, 2
_WHITE = 255


class Sheet:
    """Where images stand on a sheet that is a little wider than it is high.

    Parameters
    ----------
    count
        How many images there are.
    size
        (rows, cols) of each.

    Examples
    --------
    >>> sheet = Sheet(6, (20, 10))
    >>> sheet.across, sheet.down, sheet.size
    (3, 2, (46, 38))
    """

    def __init__(self, count: int, size: tuple[int, int]) -> None:
        rows, cols = size
        self.across = min(
            range(1, count + 1),
            key=lambda across: (max(4 * across * cols, 5 * ceil(count / across) * rows), across),
        )
        self.down = ceil(count / self.across)
        rows, cols = (_room(rows, self.down), _room(cols, self.across))
        self.factor = max(rows, cols)
        self.tile = max(1, size[0] // self.factor), max(1, size[1] // self.factor)

    @property
    def size(self) -> tuple[int, int]:
        """(rows, cols) of the sheet."""
        rows, cols = self.tile
        return self.down * (rows + _GAP) + _GAP, self.across * (cols + _GAP) + _GAP

    def of(self, images: Iterable[NDArray[np.uint8]]) -> Image:
        """Return the sheet of some images, 8-bit gray, with thin white gaps between them."""
        canvas = np.full(self.size, _WHITE, np.uint8)
        rows, cols = self.tile
        for k, pixels in enumerate(images):
            top = _GAP + k // self.across * (rows + _GAP)
            left = _GAP + k % self.across * (cols + _GAP)
            canvas[top : top + rows, left : left + cols] = _shrunk(pixels, self.factor, self.tile)
        return Image(canvas, "L")


def _room(extent: int, count: int) -> int:
    """Return by what images are divided, so that so many fit beside each other."""
    return ceil(extent / max(1, (_MOST - _GAP * (count + 1)) // count))


def _shrunk(pixels: NDArray[np.uint8], factor: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the means of squares; what is left over at the right and below is cut off."""
    if factor == 1:
        return pixels
    rows, cols = (min(n * factor, extent) for n, extent in zip(size, pixels.shape, strict=True))
    area = min(factor, rows) * min(factor, cols)
    down = np.zeros((size[0], cols), np.uint32)
    for k in range(min(factor, rows)):
        down += pixels[k:rows:factor, :cols]
    sums = np.full(size, area // 2, np.uint32)
    for k in range(min(factor, cols)):
        sums += down[:, k::factor]
    sums //= np.uint32(area)
    return sums.astype(np.uint8)
