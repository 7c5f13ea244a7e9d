"""Kernels made of Gaussians: blurs, their derivatives, differences and waves.

Correlation form; x to the right, y down, both 0 at the centre tap. The angle theta turns from
+x towards +y, clockwise as the image is seen.
"""

from __future__ import annotations

from math import ceil, pi, radians, sqrt
from typing import Any

import numpy as np

from convcli.errors import KernelError
from convcli.kernels.exact import MAX_TAPS, Matrix, format_number
from convcli.kernels.formulas import AXES, NARROWEST, Array, direction, grid, to_matrix
from convcli.record import record, replace


def gaussian(
    sigma: float = 1,
    sigma_y: float | None = None,
    theta: float = 0,
    size: int | None = None,
    truncate: float = 4,
) -> Matrix:
    """exp(−x'²/2σ² − y'²/2σ_y²), the sum scaled to 1.

    Parameters
    ----------
    sigma, sigma_y
        Widths in pixels along x' and y'; one for both if `sigma_y` is None.
    theta
        Angle of x', degrees from +x towards +y.
    size
        Taps a side, odd; 2·⌈truncate·σ⌉ + 1 if None, as SciPy's gaussian_filter nearly has it.
    truncate
        How many σ the kernel reaches.
    """
    tall = sigma if sigma_y is None else sigma_y
    if sigma == tall or theta % 90 == 0:
        wide, tall = (sigma, tall) if theta % 180 == 0 else (tall, sigma)
        column = _bell(_side(tall, truncate, size), tall)
        return to_matrix(np.outer(column, _bell(_side(wide, truncate, size), wide)))
    x, y = grid(*_box(sigma, tall, theta, truncate, size))
    along, across = _turned(x, y, theta)
    sigma, tall = max(sigma, NARROWEST), max(tall, NARROWEST)
    weights = np.exp(-(along**2) / (2 * sigma**2) - across**2 / (2 * tall**2))
    return to_matrix(weights / weights.sum())


def gaussian_derivative(
    orders: tuple[int, int],
    sigma: float = 1,
    size: int | None = None,
    truncate: float = 4,
    scale: str = "exact",
) -> Matrix:
    """Derivative of a Gaussian, exact on polynomials of its own degree.

    Parameters
    ----------
    orders
        How often along (x, y): 0, 1 or 2 each.
    sigma, size, truncate
        As for `gaussian`.
    scale
        `raw` takes the formula as it is, as SciPy's gaussian_filter does with an order.

    Notes
    -----
    (x/σ²)·G and (x²/σ² − 1)/σ²·G, its sum made 0 by a multiple of G, then scaled so that x and
    x²/2 give exactly 1 in spite of the cut.
    """
    side = _side(sigma, truncate, size)
    make = _sampled if scale == "raw" else _profile
    row, column = (make(order, side, sigma) for order in orders)
    return to_matrix(np.outer(column, row))


def gaussian_gradient(
    sigma: float = 1, truncate: float = 4, combine: str = "magnitude"
) -> tuple[dict[str, Matrix], str]:
    """The slopes of a Gaussian blur along x and y, and how they combine.

    SciPy's gaussian_gradient_magnitude: 2·⌊truncate·σ + ½⌋ + 1 taps a side, not scaled.
    """
    size = 2 * max(1, int(truncate * sigma + 0.5)) + 1
    steps = f"sigma={format_number(sigma)},size={size},scale=raw"
    parts = {
        f"gaussian-d{axis}:{steps}": gaussian_derivative(orders, sigma, size, scale="raw")
        for axis, orders in AXES.items()
    }
    return parts, combine


def laplacian_of_gaussian(
    sigma: float = 1.4, size: int | None = None, truncate: float = 4
) -> Matrix:
    """(x² + y² − 2σ²)/σ⁴·G, negative in the centre, its sum 0; x²/2 gives exactly 1.

    Marr and Hildreth 1980. The sum of the second derivatives along x and y, so of rank 2.
    """
    side = _side(sigma, truncate, size)
    bell, curve = _profile(0, side, sigma), _profile(2, side, sigma)
    return to_matrix(np.outer(bell, curve) + np.outer(curve, bell))


def difference_of_gaussians(
    sigma: float = 1,
    sigma2: float | None = None,
    size: int | None = None,
    truncate: float = 4,
    cut: str = "same",
) -> Matrix:
    """G(σ) − G(σ2), each of sum 1; σ2 = 1.6σ is nearly `laplacian_of_gaussian` (Marr 1980).

    Parameters
    ----------
    sigma, sigma2
        Widths of the bells.
    size, truncate
        As for `gaussian`, of the wider bell.
    cut
        `same`: both bells are as many taps wide; `own`: each 2·⌊truncate·σ + ½⌋ + 1 of its own, as
        in scikit-image's difference_of_gaussians.
    """
    second = 1.6 * sigma if sigma2 is None else sigma2
    if second == sigma:
        raise KernelError("dog: sigma2 must differ from sigma, else nothing is left")
    if cut == "own" and size is not None:
        raise KernelError("dog: with cut=own each bell has a size of its own; leave size out")
    sides = [2 * int(truncate * width + 0.5) + 1 for width in (sigma, second)]
    side = _side(max(sigma, second), truncate, max(sides) if cut == "own" else size)
    sides = sides if cut == "own" else [side, side]
    first, other = (
        np.pad(_bell(own, width), (side - own) // 2)
        for own, width in zip(sides, (sigma, second), strict=True)
    )
    weights = np.outer(first, first) - np.outer(other, other)
    if not weights.any():
        raise KernelError("dog: nothing is left of so few taps; take a larger size or sigma")
    return to_matrix(weights)


@record
class Wave:
    """What a Gabor kernel is made of.

    Parameters
    ----------
    wavelength
        λ in pixels.
    theta
        Direction across the waves, degrees from +x towards +y.
    sigma
        Width of the bell in pixels; 0.56λ, one octave, if None.
    gamma
        How wide the bell is across the waves' direction, beside along it.
    psi
        Phase in degrees: 0 for a line, 90 for an edge.
    size
        Taps a side, odd; so many that the bell reaches 3σ if None.
    dc
        `remove` takes a multiple of the bell away so that the sum is 0; `keep` doesn't.
    scale
        `unit` scales Σ|w| to 2, so that 8-bit samples give −255 to 255; `raw` doesn't.
    """

    wavelength: float = 8
    theta: float = 0
    sigma: float | None = None
    gamma: float = 0.5
    psi: float = 0
    size: int | None = None
    dc: str = "remove"
    scale: str = "unit"


def gabor(**given: Any) -> Matrix:
    """exp(−(x'² + γ²y'²)/2σ²)·cos(2πx'/λ + ψ): waves under a bell (Daugman 1985).

    Parameters
    ----------
    given
        The fields of `Wave`.

    Notes
    -----
    With ``dc=keep,scale=raw`` this is cv2.getGaborKernel turned by 180°, which stores it so.
    """
    wave = Wave(**given)
    width = 0.56 * wave.wavelength if wave.sigma is None else max(wave.sigma, NARROWEST)
    x, y = grid(*_box(width, width / wave.gamma, wave.theta, 3, wave.size))
    along, across = _turned(x, y, wave.theta)
    bell = np.exp(-(along**2 + (wave.gamma * across) ** 2) / (2 * width**2))
    weights = bell * np.cos(2 * pi * along / wave.wavelength + radians(wave.psi))
    if wave.dc == "remove":
        weights -= weights.sum() / bell.sum() * bell
    total = float(np.abs(weights).sum())
    if total < 1e-9:
        raise KernelError("gabor: nothing is left of so few taps; take a larger size or sigma")
    return to_matrix(weights * 2 / total if wave.scale == "unit" else weights)


def unsharp(
    sigma: float = 1,
    amount: float = 1,
    size: int | None = None,
    truncate: float = 4,
    threshold: float = 0,
) -> Matrix:
    """δ + amount·(δ − G): what a blur takes away is added.

    Parameters
    ----------
    sigma, size, truncate
        As for `gaussian`.
    amount
        How strongly.
    threshold
        What d = s − G(s) has to be larger than to be added, in 8-bit levels: it becomes
        sign(d)·max(|d| − threshold, 0). A step behind the kernel, which stays linear.
    """
    weights = -amount * gaussian(sigma, None, 0, size, truncate).array
    weights[len(weights) // 2, len(weights) // 2] += 1 + amount
    return replace(to_matrix(weights), threshold=amount * threshold)


def steerable(
    theta: float = 0, sigma: float = 1, size: int | None = None, truncate: float = 4
) -> Matrix:
    """Cos θ·Gx + sin θ·Gy, a slope in any direction (Freeman and Adelson 1991)."""
    step_x, step_y = direction(theta)
    side = _side(sigma, truncate, size)
    bell, slope = _profile(0, side, sigma), _profile(1, side, sigma)
    return to_matrix(step_x * np.outer(bell, slope) + step_y * np.outer(slope, bell))


def _side(sigma: float, truncate: float, size: int | None) -> int:
    """Taps a side."""
    side = 2 * ceil(truncate * sigma - 1e-9) + 1 if size is None else size
    if side > MAX_TAPS:
        raise KernelError(
            f"sigma {sigma:g} needs a kernel of {side} taps a side; "
            f"expected at most {MAX_TAPS}: take a smaller sigma, or a size"
        )
    return side


def _box(
    sigma: float, sigma_y: float, theta: float, truncate: float, size: int | None
) -> tuple[int, int]:
    """Columns and rows that hold a tilted bell."""
    step_x, step_y = direction(theta)
    wide = sqrt((sigma * step_x) ** 2 + (sigma_y * step_y) ** 2)
    tall = sqrt((sigma * step_y) ** 2 + (sigma_y * step_x) ** 2)
    return _side(wide, truncate, size), _side(tall, truncate, size)


def _turned(x: Array, y: Array, theta: float) -> tuple[Array, Array]:
    """Coordinates along and across the direction theta."""
    step_x, step_y = direction(theta)
    return x * step_x + y * step_y, y * step_x - x * step_y


def _bell(side: int, sigma: float) -> Array:
    """A Gaussian of sum 1."""
    x = np.arange(side, dtype=np.float64) - side // 2
    bell: Array = np.exp(-(x**2) / (2 * max(sigma, NARROWEST) ** 2))
    bell /= bell.sum()
    return bell


def _sampled(order: int, side: int, sigma: float) -> Array:
    """A Gaussian of sum 1, or that times x/σ² (1) or x²/σ⁴ − 1/σ² (2)."""
    x = np.arange(side, dtype=np.float64) - side // 2
    bell = _bell(side, sigma)
    if order == 0:
        return bell
    if np.count_nonzero(bell) < 2:
        raise _too_narrow(sigma)
    return (x if order == 1 else x**2 / sigma**2 - 1) / sigma**2 * bell


def _profile(order: int, side: int, sigma: float) -> Array:
    """A Gaussian (0), or its first or second derivative, exact on x and x²/2."""
    x = np.arange(side, dtype=np.float64) - side // 2
    bell = _bell(side, sigma)
    if order == 0:
        return bell
    if side < 3:
        raise KernelError("a derivative needs a size of at least 3, got 1")
    curve = x * bell if order == 1 else (x**2 - (x**2 * bell).sum()) * bell
    power = x if order == 1 else x**2 / 2
    total = float((power * curve).sum())
    if total == 0:
        raise _too_narrow(sigma)
    result: Array = curve / total
    return result


def _too_narrow(sigma: float) -> KernelError:
    return KernelError(f"sigma {sigma:g} is too narrow for a derivative; try 0.5 or more")
