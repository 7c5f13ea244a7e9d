"""The sums that least squares needs of two images: products of every two samples of a patch."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import UsageError
from convcli.record import field, record

#: Taps a side that a fitted kernel may have at most: its equations have so many squared unknowns.
MOST_TAPS = 31
#: Patches that are looked at at once, and products of a fit: a few seconds of one processor.
_PATCHES, _PRODUCTS = 2**13, 1.5e10
#: Patches that are looked at for each unknown, at least, if there are so many.
_LEAST = 50


@record(eq=False)
class Sums:
    """What is known of two images, for kernels of a size.

    Parameters
    ----------
    size
        (rows, cols) of the kernel.
    products
        (taps + 1, taps + 1): Σ x·xᵀ over all patches x, the last entry of which is 1.
    targets
        (taps + 1,): Σ x·y.
    squares
        Σ y².
    count
        Patches.
    clipped
        Samples that were left out as they are at an end of the range, where they were clipped.
    every
        Every how many rows were looked at.
    """

    size: tuple[int, int]
    products: NDArray[np.float64] = field(repr=False)
    targets: NDArray[np.float64] = field(repr=False)
    squares: float
    count: int
    clipped: int
    every: int


def aligned(
    before: NDArray[Any], after: NDArray[Any], size: tuple[int, int]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the parts of two images in which every sample of the second has its whole patch.

    Parameters
    ----------
    before, after
        (rows, cols, channels); of one size, or the second smaller by the same count on each side.
    size
        (rows, cols) of the kernel, odd.

    Returns
    -------
    ndarray, ndarray
        The first larger by size − 1.

    Raises
    ------
    UsageError
        If they don't belong together, or no patch fits.
    """
    if before.shape[2] != after.shape[2]:
        raise UsageError(
            f"the images have {before.shape[2]} and {after.shape[2]} channels; expected as many: "
            f"make both gray"
        )
    slices: list[list[slice]] = [[], []]
    for axis, taps in enumerate(size):
        n, m, half = before.shape[axis], after.shape[axis], taps // 2
        if n < m or (n - m) % 2:
            sizes = [" × ".join(map(str, image.shape[1::-1])) for image in (before, after)]
            raise UsageError(
                f"the images are {sizes[0]} and {sizes[1]} (width × height); expected one size, or "
                f"the second smaller by as many pixels on each side"
            )
        edge = (n - m) // 2
        first, last = max(half, edge), min(n - half, n - edge)
        if last - first < 1:
            raise UsageError(f"a kernel of {size[0]}×{size[1]} has no place in these images")
        slices[0].append(slice(first - half, last + half))
        slices[1].append(slice(first - edge, last - edge))
    return before[tuple(slices[0])], after[tuple(slices[1])]


def gather(
    before: NDArray[Any],
    after: NDArray[Any],
    size: tuple[int, int],
    ends: tuple[float, float] | None,
) -> Sums:
    """Sum products over the patches of two images.

    Parameters
    ----------
    before, after
        As `aligned` gives them, in levels of 8 bits.
    size
        (rows, cols) of the kernel.
    ends
        The range of `after`'s samples: those at an end may have been clipped, and are left out;
        None for samples that can't have been.

    Raises
    ------
    UsageError
        If nothing is left.
    """
    taps, (rows, cols, channels) = size[0] * size[1], after.shape
    most = max(_PRODUCTS / (taps + 1) ** 2, _LEAST * taps)
    every = max(1, ceil(rows * cols * channels / most))
    # A step that has no factor in common with 8 × 8 blocks looks at all of their places.
    every += every > 1 and every % 2 == 0
    products, targets = np.zeros((taps + 1, taps + 1)), np.zeros(taps + 1)
    squares, count, clipped = 0.0, 0, 0
    windows = np.lib.stride_tricks.sliding_window_view(before, size, axis=(0, 1))
    step = max(1, _PATCHES // cols)
    chosen = np.arange(0, rows, every)
    for start in range(0, len(chosen), step):
        part = chosen[start : start + step]
        for channel in range(channels):
            x = windows[part, :, channel].reshape(-1, taps)
            y = after[part, :, channel].reshape(-1).astype(np.float64)
            if ends is not None:
                inside = (y > ends[0]) & (y < ends[1])
                clipped += int(len(y) - np.count_nonzero(inside))
                x, y = x[inside], y[inside]
            x = np.concatenate((x, np.ones((len(x), 1))), axis=1, dtype=np.float64)
            products += x.T @ x
            targets += x.T @ y
            squares += float(y @ y)
            count += len(y)
    if not count:
        raise UsageError(
            "every sample of the second image is at an end of its range, where it may have been "
            "clipped; nothing can be told from them"
        )
    return Sums(size, products, targets, squares, count, clipped, every)
