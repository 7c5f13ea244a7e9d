"""What a result must be, and how far another may be from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bench.cases import Wrong
from bench.images import windows

Pixels = NDArray[Any]


def expected(pixels: Pixels, weights: NDArray[Any], window: tuple[slice, slice]) -> Pixels:
    """Correlate a window of an image by the definition, in int64 or float64.

    Parameters
    ----------
    pixels
        (H, W) or (H, W, C); what lies outside is replicated.
    weights
        (rows, cols); the anchor is tap ⌊taps/2⌋.
    window
        Rows and columns of the result.
    """
    source = pixels
    for axis, part in enumerate(window):
        before = weights.shape[axis] // 2
        places = np.arange(part.start - before, part.stop - before + weights.shape[axis] - 1)
        source = source.take(places.clip(0, pixels.shape[axis] - 1), axis=axis)
    whole = weights.dtype.kind == "i" and pixels.dtype.kind == "u"
    exact = np.int64 if whole else np.float64
    views = sliding_window_view(source.astype(exact), weights.shape, axis=(0, 1))
    summed: Pixels = np.einsum("...kl,kl->...", views, weights.astype(exact))
    return summed


def stored(response: Pixels, dtype: np.dtype[Any]) -> Pixels:
    """Round half away from zero and clip, for whole types."""
    if dtype.kind != "u":
        return response
    rounded = np.copysign(np.floor(np.abs(response) + 0.5), response)
    return rounded.clip(0, np.iinfo(dtype).max)


def by_definition(
    what: str, result: Pixels, pixels: Pixels, weights: NDArray[Any], tolerance: float = 0
) -> None:
    """Compare windows of our result with the definition.

    Raises
    ------
    Wrong
        If one differs by more than the tolerance.
    """
    height, width = pixels.shape[:2]
    for window in windows(height, width, weights.size):
        right = stored(expected(pixels, weights, window), result.dtype)
        alike(f"{what}, by definition", right, result[window], tolerance)


def alike(what: str, one: Pixels, other: Pixels, tolerance: float, mean: float = np.inf) -> None:
    """Compare two results.

    Parameters
    ----------
    what
        Says in an error what they are of.
    one, other
        The results.
    tolerance
        Greatest difference of a sample.
    mean
        Greatest mean difference.

    Raises
    ------
    Wrong
        If shapes, or samples, differ.
    """
    if one.shape != other.shape:
        raise Wrong(f"{what}: shapes {one.shape} and {other.shape}")
    worst, total = 0.0, 0.0
    for rows in range(0, len(one), 256):
        part = slice(rows, rows + 256)
        wide = np.float64 if one.dtype == np.float64 else np.float32
        apart = np.abs(one[part].astype(wide) - other[part].astype(wide))
        worst, total = max(worst, float(apart.max())), total + float(apart.sum(dtype=np.float64))
    if not worst <= tolerance:
        raise Wrong(f"{what}: samples differ by up to {worst:g}, allowed is {tolerance:g}")
    if not total / one.size <= mean:
        raise Wrong(f"{what}: they differ by {total / one.size:g} on average, allowed is {mean:g}")


def float32_error(weights: NDArray[Any], depth: str) -> float:
    """How far a sum in float32 may be from the exact one, in samples of the result.

    In units of rounding of a full sample: 16·Σ|w| is what libraries' transforms take, whose errors
    grow with all there is in a tile; 2·√taps·|Σw| is what adding up taps of one sign takes, whose
    partial sums are as large as the result. For whole types half a level is rounding.
    """
    top = 1.0 if depth.startswith("float") else float(np.iinfo(depth).max)
    units = 16 * float(np.abs(weights).sum()) + 2 * weights.size**0.5 * abs(float(weights.sum()))
    error = units * 2.0**-24 * top
    return error if depth.startswith("float") else max(1.0, float(np.ceil(error)))
