"""Frames put together from what a file stores of each: GIF 89a, and PNG (third edition)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.record import record


class Disposal(IntEnum):
    """What becomes of a frame's region before the next frame is drawn."""

    KEEP = 0
    CLEAR = 1
    RESTORE = 2


@record
class Patch:
    """The region that a frame changes.

    Parameters
    ----------
    top, left, rows, cols
        Where it is on the canvas, and how large.
    disposal
        What becomes of it.
    solid
        Whether nothing of what was there can be seen through it.
    """

    top: int
    left: int
    rows: int
    cols: int
    disposal: Disposal
    solid: bool

    def holds(self, other: Patch) -> bool:
        """Whether another's region lies within this one's."""
        return (
            self.top <= other.top
            and self.left <= other.left
            and self.top + self.rows >= other.top + other.rows
            and self.left + self.cols >= other.left + other.cols
        )


def is_opaque(patches: Sequence[Patch], size: tuple[int, int]) -> bool:
    """Whether no pixel of any frame can be clear: then frames need no alpha.

    A region that was cleared must be covered by the next frame, and stay so.

    Parameters
    ----------
    patches
        One a frame, in order.
    size
        (rows, cols) of the canvas.
    """
    hole: Patch | None = Patch(0, 0, *size, Disposal.CLEAR, solid=False)
    for number, patch in enumerate(patches):
        if hole is not None and not (patch.solid and patch.holds(hole)):
            return False
        if patch.disposal is Disposal.CLEAR:
            hole = patch
        elif patch.disposal is Disposal.KEEP or number:
            hole = hole if patch.disposal is Disposal.RESTORE else None
    return True


def compose(
    canvas: NDArray[Any],
    patches: Sequence[Patch],
    draw: Callable[[int, NDArray[Any]], None],
    first: int = 0,
) -> Iterator[NDArray[Any]]:
    """Give frames as they are seen.

    Parameters
    ----------
    canvas
        (rows, cols) or (rows, cols, channels), clear; it is drawn on.
    patches
        One a frame, in order; each within the canvas.
    draw
        Draws a frame of that number into its region, a view.
    first
        The first frame to give; those before it are drawn, too.

    Yields
    ------
    ndarray of the canvas's shape and type
        A copy.
    """
    for number, patch in enumerate(patches):
        region = canvas[patch.top : patch.top + patch.rows, patch.left : patch.left + patch.cols]
        before = region.copy() if patch.disposal is Disposal.RESTORE else None
        draw(number, region)
        if number >= first:
            yield canvas.copy()
        if before is not None:
            region[...] = before
        elif patch.disposal is Disposal.CLEAR:
            region[...] = 0


def changed(before: NDArray[Any], after: NDArray[Any]) -> tuple[slice, slice]:
    """Return the smallest region in which two frames differ: one pixel if they don't.

    Examples
    --------
    >>> changed(np.zeros((5, 5)), np.eye(5))
    (slice(0, 5, None), slice(0, 5, None))
    """
    differs = before != after
    if differs.ndim == 3:
        differs = differs.any(axis=2)
    rows, cols = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not rows.size:
        return slice(0, 1), slice(0, 1)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)
