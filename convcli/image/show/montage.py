"""A contact sheet: many images of one size in one, in rows from left to right."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

import numpy as np
from numpy.typing import NDArray

from convcli.image.image import Image
from convcli.image.show.preview import thumbnail

#: Pixels a side of the largest sheet, and of the gap between two images.
_MOST, _GAP = 4096, 2
_GRAY = 128


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
        room = [(_MOST - _GAP * (number + 1)) // number for number in (self.down, self.across)]
        scale = min(1.0, max(1, room[0]) / rows, max(1, room[1]) / cols)
        self.tile = max(1, int(rows * scale)), max(1, int(cols * scale))
        self.shrinks = self.tile != size

    @property
    def size(self) -> tuple[int, int]:
        """(rows, cols) of the sheet."""
        rows, cols = self.tile
        return self.down * (rows + _GAP) + _GAP, self.across * (cols + _GAP) + _GAP

    def of(self, images: Iterable[NDArray[np.uint8]]) -> Image:
        """Return the sheet of some images, 8-bit gray, with thin gaps of mid-gray between them."""
        canvas = np.full(self.size, _GRAY, np.uint8)
        rows, cols = self.tile
        for k, pixels in enumerate(images):
            small = thumbnail(Image(pixels), self.tile)[:, :, 0] if self.shrinks else pixels
            top = _GAP + k // self.across * (rows + _GAP)
            left = _GAP + k % self.across * (cols + _GAP)
            canvas[top : top + rows, left : left + cols] = small
        return Image(canvas, "L")
