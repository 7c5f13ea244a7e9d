"""Spectra of kernels, and how tiles are laid out and packed so that whole sums stay exact."""

from __future__ import annotations

from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.record import record

#: Lanes of a vector of float64 in `loops.tiles`.
LANES = 4
#: Tile sizes to choose from.
SIZES = (64, 128, 256, 512)


@record
class Packing:
    """How many real tiles a complex one holds, and the numbers for that.

    Parameters
    ----------
    depth
        2: two in each part, told apart by rounding; 1: one, rounded; 0: one, as it is.
    middle
        What is taken from every sample, so that they are smaller in size.
    power
        What the second tile of a part is multiplied by.
    """

    depth: int
    middle: float
    power: float

    @property
    def in_set(self) -> int:
        """Real tiles that are transformed at once."""
        return 2 * LANES * max(1, self.depth)


def packing(weights: NDArray[Any], source: np.dtype[Any], size: int) -> Packing | None:
    """Return how tiles of `size` can be packed; None if whole sums couldn't be told from others.

    Parameters
    ----------
    weights
        (kernels, taps), int64 if whole.
    source
        The image's sample type.
    size
        Of a tile, in samples.

    Notes
    -----
    A product of transforms of length n = size² in floats of unit roundoff u is off by less than
    ``‖x‖₂·‖w‖₂·((1 + u)^{3m}·(1 + u√5)^{3m+1}·(1 + μ)^{3m} − 1)``, m = log₂ n, with twiddles
    good to μ (Brent, Percival, Zimmermann: Error bounds on complex floating-point multiplication,
    Math. Comp. 76, 2007, theorem 2, after Percival 2003, theorem 5.1). With μ = u that is about
    (6 + 3√5)·m·u; twice that is asked for here. Rounding gives the whole sum if the error is
    below 1/2, and a pair ``a + power·b`` comes apart if |a| stays below power/2 as well.
    """
    if source.kind != "u" or weights.dtype.kind != "i":
        return Packing(0, 0.0, 1.0)
    half = (int(np.iinfo(source).max) + 1) / 2
    levels = 2 * log2(size)
    relative = 2 * 12.71 * (levels + 1) * 2.0**-53
    weight = float(np.sqrt((weights.astype(np.float64) ** 2).sum(axis=1)).max())
    power = 2.0 ** np.ceil(log2(2 * half * float(np.abs(weights).sum(axis=1).max()) + 4))
    norm = half * size * np.sqrt(2.0) * weight
    if relative * norm * (power + 1) < 0.5:
        return Packing(2, half, float(power))
    return Packing(1, half, 1.0) if relative * norm < 0.5 else None


def reversed_digits(size: int) -> NDArray[np.intp]:
    """Which frequency `loops.fourier.forward` leaves at each place.

    Examples
    --------
    >>> reversed_digits(8)
    array([0, 4, 1, 5, 2, 6, 3, 7])
    """
    if size <= 2:
        return np.arange(size)
    within = reversed_digits(size // 4)
    return np.concatenate([m + 4 * within for m in range(4)])


def factors(kernels: NDArray[Any], size: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Real and imaginary parts of conjugated spectra over size², in the loops' order, by columns.

    Parameters
    ----------
    kernels
        (kernels, rows, cols) weights with their dilation; the first at the anchor's corner.
    """
    spectra = np.fft.fft2(kernels, s=(size, size))
    spectra /= size**2
    order = reversed_digits(size)
    real, imag = (
        np.ascontiguousarray(part.take(order, 1).take(order, 2).transpose(0, 2, 1))
        for part in (spectra.real, spectra.imag)
    )
    return real, np.negative(imag, out=imag)


def turns(size: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Cosines and sines of 2πk/size, each rounded once: from an eighth of a turn, mirrored."""
    eighth = 2 * np.pi * np.arange(size // 8 + 1) / size
    cosines, sines = np.cos(eighth), np.sin(eighth)
    quarter = np.concatenate((cosines[:-1], sines[::-1]))  # 0 to a quarter turn
    half = np.concatenate((quarter[:-1], -quarter[::-1]))
    whole = np.concatenate((half[:-1], half[::-1]))[:size]
    return whole, np.roll(whole, size // 4)
