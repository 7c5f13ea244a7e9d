"""Kernels that are a shape: flat ones, all weights inside it alike, and spots of light.

Correlation form; x to the right, y down, both 0 at the centre tap.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, pi, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from convcli.errors import KernelError
from convcli.kernels.exact import MAX_TAPS, Matrix
from convcli.kernels.formulas import NARROWEST, Array, direction, grid, to_matrix

#: First zero of the Bessel function J1.
_FIRST_ZERO = 3.8317059702075125
#: Up to here J1 is a mean of so many cosines, to double precision; beyond, Hankel's series is.
_NEAR, _COSINES, _TERMS = 40, 128, 12

Mask: TypeAlias = NDArray[np.bool_]

_INSIDE: dict[str, Callable[[Array, Array, int], Mask]] = {
    "diamond": lambda x, y, radius: x + y <= radius,
    "plus": lambda x, y, radius: x * y == 0,
    "cross": lambda x, y, radius: x == y,
    "octagon": lambda x, y, radius: x + y <= radius + radius // 2,
}


def flat(shape: str, radius: int = 2) -> Matrix:
    """The mean of the pixels of a shape, as ImageMagick's kernels of these names have it.

    Parameters
    ----------
    shape
        `diamond`, `plus`, `cross` or `octagon`.
    radius
        From the centre to the farthest pixel along an axis.
    """
    x, y = grid(2 * radius + 1, 2 * radius + 1)
    return _mean(_INSIDE[shape](np.abs(x), np.abs(y), radius))


def tophat(radius: float = 5) -> Matrix:
    """Pixels whose centres lie in a disk: x² + y² ≤ radius²."""
    return _mean(_squares(int(radius)) <= radius * radius)


def ring(inner: float = 2.5, outer: float = 3.5) -> Matrix:
    """Pixels whose centres are farther away than `inner`, and not farther than `outer`."""
    if inner >= outer:
        raise KernelError(f"ring: inner must be less than outer {outer:g}, got {inner:g}")
    squares = _squares(int(outer))
    inside = (squares > inner * inner) & (squares <= outer * outer)
    if not inside.any():
        raise KernelError(f"ring: no pixel lies between {inner:g} and {outer:g} from the centre")
    return _mean(inside)


def trapezoid(radius: float = 3, slope: float = 1, size: int | None = None) -> Matrix:
    """A disk whose weights fall off evenly outside `radius`, by `slope` a pixel.

    Parameters
    ----------
    radius, slope
        1 up to `radius`, then 1 − slope·(r − radius) as long as that is above 0.
    size
        Taps a side, odd; as many as aren't 0 if None.
    """
    reach = ceil(radius + 1 / slope) - 1 if size is None else size // 2
    far = np.sqrt(_squares(_reach(reach, "trapezoid", "a smaller radius, a larger slope")))
    weights = np.clip(1 + slope * (radius - far), 0, 1)
    return to_matrix(weights / weights.sum())


def moffat(gamma: float = 2, alpha: float = 2.5, size: int | None = None) -> Matrix:
    """(1 + r²/γ²)^−α: the light of a star through air, with wider wings than a Gaussian.

    Parameters
    ----------
    gamma, alpha
        Width in pixels, and how quickly the wings fall off.
    size
        Taps a side, odd; four times the width at half of the height if None.
    """
    reach = ceil(8 * gamma * sqrt(2 ** (1 / alpha) - 1)) // 2 if size is None else size // 2
    squares = _squares(_reach(reach, "moffat", "a smaller gamma, a larger alpha"))
    weights = np.exp(-alpha * np.log1p(squares / gamma**2))
    return to_matrix(weights / weights.sum())


def airy(radius: float = 3, size: int | None = None) -> Matrix:
    """(2J₁(t)/t)², t = 3.8317·r/radius: the light of a point through a round opening.

    Parameters
    ----------
    radius
        Of the first dark ring.
    size
        Taps a side, odd; four times the radius either way if None.
    """
    reach = ceil(8 * radius) // 2 if size is None else size // 2
    squares, places = np.unique(
        _squares(_reach(reach, "airy", "a smaller radius")), return_inverse=True
    )
    scaled = _FIRST_ZERO / radius * np.sqrt(squares[1:])
    bright = np.concatenate([[1.0], (2 * _bessel(scaled) / scaled) ** 2])
    weights = bright[places].reshape(2 * reach + 1, -1)
    return to_matrix(weights / weights.sum())


def comet(sigma: float = 2, length: int | None = None, theta: float = 0) -> Matrix:
    """Half a Gaussian: every pixel leaves a tail, as ImageMagick's Comet has it.

    Parameters
    ----------
    sigma
        Width of the whole bell; each weight is the mean of three values of it, a third apart.
    length
        Pixels of the tail, its head included; ⌈4σ⌉ + 1 if None.
    theta
        Where the tail goes, in degrees from right towards down: a multiple of 90.
    """
    if theta % 90:
        raise KernelError(f"comet: theta must be a multiple of 90 degrees, got {theta:g}")
    reach = _reach(ceil(4 * sigma) if length is None else length - 1, "comet", "a smaller sigma")
    fine = np.exp(-0.5 * (np.arange(3 * reach + 3) / (3 * max(sigma, NARROWEST))) ** 2)
    tail = fine.reshape(-1, 3).sum(axis=1)
    along = np.concatenate([tail[::-1], np.zeros(reach)]) / tail.sum()
    step_x, step_y = direction(theta)
    line = along if step_x + step_y > 0 else along[::-1]
    return to_matrix(line[None] if step_x else line[:, None])


def _mean(inside: Mask) -> Matrix:
    """Every weight inside the same, their sum 1."""
    return Matrix(inside.astype(np.int64).tolist(), int(inside.sum()))


def _squares(reach: int) -> Array:
    """The squares of the distances of all taps from the centre."""
    x, y = grid(2 * reach + 1, 2 * reach + 1)
    squares: Array = x**2 + y**2
    return squares


def _reach(reach: int, name: str, instead: str) -> int:
    """Check how many taps a kernel reaches from its centre."""
    if 2 * reach + 1 > MAX_TAPS:
        raise KernelError(
            f"{name}: this needs a kernel of {2 * reach + 1} taps a side; "
            f"expected at most {MAX_TAPS}: take {instead}, or fewer taps"
        )
    return reach


def _bessel(x: Array) -> Array:
    """J₁ of positive numbers."""
    angles = np.arange(_COSINES) * (2 * pi / _COSINES)
    near = np.minimum(x, _NEAR)[:, None]
    result: Array = np.cos(angles - near * np.sin(angles)).mean(axis=1)
    far = x > _NEAR
    result[far] = _bessel_far(x[far])
    return result


def _bessel_far(x: Array) -> Array:
    """J₁ of large numbers, by Hankel's asymptotic series (Abramowitz and Stegun, 9.2.5)."""
    even, odd, term = np.zeros_like(x), np.zeros_like(x), np.ones_like(x)
    for k in range(2 * _TERMS):
        signed = -term if k % 4 > 1 else term
        if k % 2:
            odd += signed
        else:
            even += signed
        term = term * (4 - (2 * k + 1) ** 2) / ((k + 1) * 8 * x)
    angle = x - 0.75 * pi
    result: Array = np.sqrt(2 / (pi * x)) * (even * np.cos(angle) - odd * np.sin(angle))
    return result
