"""Which kernels of the library a kernel is like."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ConvError
from convcli.kernels.kernel import Kernel
from convcli.kernels.registry import get_kernel, names
from convcli.record import record

#: Likeness from which on two kernels are said to be of one kind, and that of the same one.
ALIKE, SAME = 0.98, 0.99999
#: A sum this small beside Σ|w| is zero but for what rounding leaves.
_ZERO = 0.01
#: Widths of Gaussians that are tried, and the steps of a search between two.
_WIDTHS = tuple(0.3 * 1.15**k for k in range(30))
_STEPS = 24


@record
class Likeness:
    """A kernel of the library beside one that was found.

    Parameters
    ----------
    name
        What is typed for it.
    cosine
        The cosine similarity of the weights: 1 if they are the same up to a factor.
    factor
        What its weights are multiplied by.
    """

    name: str
    cosine: float
    factor: float


def likenesses(weights: NDArray[np.float64], most: int = 3) -> list[Likeness]:
    """Return the kernels of the library that some weights are most like, the most alike first.

    Parameters
    ----------
    weights
        (rows, cols), odd.
    most
        How many.
    """
    found = [_compared(name, weights, other) for name, other in _library()]
    zero_sum = abs(weights.sum()) < _ZERO * np.abs(weights).sum()
    found += [_bell(weights, "log" if zero_sum else "gaussian"), _box(weights)]
    unique = {each.name: each for each in found if each is not None}
    return sorted(unique.values(), key=lambda each: (-round(each.cosine, 9), len(each.name)))[:most]


@lru_cache(maxsize=1)
def _library() -> tuple[tuple[str, NDArray[np.float64]], ...]:
    """Return the names and the weights of all kernels, generators at their defaults."""
    found = []
    for name in names():
        try:
            kernel = get_kernel(name)
        except ConvError:  # one that needs a parameter
            continue
        if isinstance(kernel, Kernel):
            found.append((name, kernel.scaled))
    return tuple(found)


def _bell(weights: NDArray[np.float64], name: str) -> Likeness | None:
    """Return the Gaussian, or its Laplacian, that is the most alike, its sigma in four digits."""

    def at(sigma: float) -> Likeness | None:
        size = max(weights.shape)
        try:
            kernel = get_kernel(name, sigma=float(f"{sigma:.4g}"), size=size)
        except ConvError:
            return None
        if not isinstance(kernel, Kernel):
            return None
        return _compared(f"{name}:sigma={sigma:.4g}", weights, kernel.scaled)

    def cosine(sigma: float) -> float:
        each = at(sigma)
        return -1.0 if each is None else each.cosine

    best = max(range(len(_WIDTHS)), key=lambda k: cosine(_WIDTHS[k]))
    low, high = _WIDTHS[max(best - 1, 0)], _WIDTHS[min(best + 1, len(_WIDTHS) - 1)]
    for _ in range(_STEPS):
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if cosine(left) < cosine(right):
            low = left
        else:
            high = right
    return at((low + high) / 2)


def _box(weights: NDArray[np.float64]) -> Likeness | None:
    """Return the box of the weights' own size."""
    rows, cols = weights.shape
    if rows != cols or rows == 1:
        return None
    return _compared(f"box:size={rows}", weights, np.full(weights.shape, 1 / (rows * cols)))


def _compared(
    name: str, weights: NDArray[np.float64], other: NDArray[np.float64]
) -> Likeness | None:
    """Compare weights around their middles; None if either is 0."""
    before = [max(a // 2, b // 2) for a, b in zip(weights.shape, other.shape, strict=True)]
    shape = [
        middle + max(a - a // 2, b - b // 2)
        for middle, a, b in zip(before, weights.shape, other.shape, strict=True)
    ]
    a, b = (_padded(each, shape, before) for each in (weights, other))
    product, squares = float((a * b).sum()), float((b * b).sum())
    both = float(np.sqrt((a * a).sum() * squares))
    return Likeness(name, product / both, product / squares) if both > 0 else None


def _padded(
    weights: NDArray[np.float64], shape: list[int], middle: list[int]
) -> NDArray[np.float64]:
    """Put weights so that their middle tap lies on a place."""
    out = np.zeros(shape)
    rows, cols = weights.shape
    top, left = middle[0] - rows // 2, middle[1] - cols // 2
    out[top : top + rows, left : left + cols] = weights
    return out
