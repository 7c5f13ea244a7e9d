"""The kernel that turns one image into another, and what can be said of it."""

from __future__ import annotations

from itertools import islice
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.api import correlate
from convcli.errors import UsageError
from convcli.fitting.likeness import Likeness, likenesses
from convcli.fitting.solve import Fit, solve
from convcli.fitting.sums import MOST_TAPS, Sums, aligned, gather
from convcli.fitting.whole import candidates
from convcli.image import channels as ch
from convcli.image.image import Image
from convcli.kernels.kernel import Kernel
from convcli.record import field, record

#: Candidates of whole weights that are tried out, and rows that most of them fail on.
_CANDIDATES, _ROWS = 200, 32
#: How much more than rounding a kernel may miss and still be what was done.
_ALLOWED = 1.5
#: Levels of 8 bits that samples of floats may be off by.
_FLOAT_LEVELS = 1e-4
#: Share of samples that whole weights must give, and no fewer than those of least squares do.
_ALIKE = 0.9


@record(eq=False)
class Fitted:
    """A kernel, and how it was found.

    Parameters
    ----------
    kernel
        With whole weights if these give the second image, else as least squares gives it.
    fit
        What least squares says.
    sums
        Of the two images.
    agrees
        The share of samples that whole weights reproduce; None if none do.
    rounding
        Root mean square of what rounding alone misses, in levels of 8 bits.
    likenesses
        Kernels of the library, the most alike first.
    larger
        (taps a side, residual) of larger kernels, if this one misses more than rounding.
    """

    kernel: Kernel
    fit: Fit
    sums: Sums = field(repr=False)
    agrees: float | None
    rounding: float
    likenesses: tuple[Likeness, ...]
    larger: tuple[tuple[int, float], ...]

    @property
    def is_convolution(self) -> bool:
        """Whether the kernel misses little more than rounding does."""
        return self.fit.residual <= _allowed(self.rounding)

    @property
    def fitting(self) -> int | None:
        """Taps a side of the smallest larger kernel that misses little more than rounding does."""
        fits = (taps for taps, residual in self.larger if residual <= _allowed(self.rounding))
        return next(fits, None)


def fit_kernel(
    before: Image,
    after: Image,
    size: tuple[int, int],
    *,
    symmetric: bool = False,
    separable: bool = False,
    offset: bool = False,
) -> Fitted:
    """Find the kernel that turns one image into another, by least squares.

    Samples whose patch reaches over the border are left out, and those of the second image that
    may have been clipped. Alpha is left out; every colour channel is looked at.

    Parameters
    ----------
    before, after
        The images; of one size, or the second smaller by as many pixels on each side.
    size
        (rows, cols) of the kernel, odd, up to 31.
    symmetric
        Whether a half turn of the kernel is to change nothing.
    separable
        Whether it is to be a column times a row.
    offset
        Whether a number is added to its sums, too.

    Raises
    ------
    UsageError
        If the images don't belong together, or are too small.
    """
    if any(taps % 2 == 0 or not 1 <= taps <= MOST_TAPS for taps in size):
        raise UsageError(f"`size` must be odd, 1 to {MOST_TAPS}; got {' × '.join(map(str, size))}")
    pair = _levels(before), _levels(after)
    ends = (0.0, 255.0) if after.dtype.kind == "u" and not after.has_values else None
    rounding = _unit(after) / sqrt(12) if after.dtype.kind in "iu" else 0.0

    def found(taps: tuple[int, int]) -> tuple[Sums, Fit]:
        sums = gather(*aligned(*pair, taps), taps, ends)
        return sums, solve(sums, symmetric=symmetric, separable=separable, offset=offset)

    sums, fit = found(size)
    kernel, agrees = _whole(_planes(before), _planes(after), fit, symmetric=symmetric)
    larger = []
    if fit.residual > _allowed(rounding):
        for taps in (max(size) + 2, max(size) + 4, max(size) + 8):
            if taps <= min(MOST_TAPS, *(n - 1 for n in after.size)):
                larger.append((taps, found((taps, taps))[1].residual))
    return Fitted(
        kernel or Kernel("fitted", fit.weights, 1, fit.offset),
        fit,
        sums,
        agrees,
        rounding,
        tuple(likenesses(fit.weights)),
        tuple(larger),
    )


def _allowed(rounding: float) -> float:
    return max(_ALLOWED * rounding, _FLOAT_LEVELS)


def _planes(image: Image) -> NDArray[Any]:
    """Colour, (rows, cols, channels)."""
    pixels = image.pixels.reshape(*image.size, -1)
    return np.ascontiguousarray(ch.colours(pixels, image.channels))


def _levels(image: Image) -> NDArray[Any]:
    """Colour in levels of 8 bits; values as they are."""
    planes = _planes(image)
    if planes.dtype == np.uint8 and image.meta.peak is None:
        return planes
    return planes.astype(np.float64) * _unit(image)


def _unit(image: Image) -> float:
    """Return what a sample of 1 counts."""
    return 1.0 if image.has_values else 255 / image.maximum


def _whole(
    before: NDArray[Any], after: NDArray[Any], fit: Fit, *, symmetric: bool
) -> tuple[Kernel | None, float | None]:
    """Return the kernel of whole weights that gives the second image, and for what share."""
    if before.dtype != after.dtype or before.dtype.kind not in "iu":
        return None, None
    first, second = aligned(before, after, fit.weights.shape[:2])
    rows = fit.weights.shape[0] - 1
    # Other programs round otherwise: then no kernel gives every sample.
    least = _share(first, second, Kernel("fitted", fit.weights, 1, fit.offset))
    best: tuple[float, Kernel | None] = (max(least, _ALIKE), None)
    for weights, divisor in islice(candidates(fit), _CANDIDATES):
        if symmetric and not np.array_equal(weights, weights[::-1, ::-1]):
            continue
        kernel = Kernel("fitted", weights, divisor, round(fit.offset * divisor) / divisor)
        if _share(first[: _ROWS + rows], second[:_ROWS], kernel) == 0:
            continue
        share = _share(first, second, kernel)
        if share > best[0] or (share == best[0] and best[1] is None):
            best = share, kernel
        if share == 1:
            break
    return (best[1], best[0]) if best[1] is not None else (None, None)


def _share(before: NDArray[Any], after: NDArray[Any], kernel: Kernel) -> float:
    """Return the share of samples that a kernel gives exactly; 0 if one is off by two levels."""
    got = correlate(before, kernel, padding="valid", mapping="clip").reshape(after.shape)
    off = np.abs(got.astype(np.int64) - after)
    return float(np.mean(off == 0)) if off.max() <= 1 else 0.0
