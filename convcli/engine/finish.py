"""How a sum becomes a sample: the numbers of the store loops, and the proof that they are exact."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor, inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.spec import Mapping

#: 2|t| + d must stay below these for the rounding of `loops.store_rounded` to be exact.
_ROUNDING_LIMIT = {np.dtype(np.float32): 2**22, np.dtype(np.float64): 2**51}
#: Whole numbers up to here are exact in float64.
_WHOLE_LIMIT = 2**53


@dataclass(frozen=True)
class Finish:
    """From a sum to a sample: ``clip(abs?(round(slope·sum + shift)) + mid)``.

    Parameters
    ----------
    slope, shift
        Exact numbers; ``slope·sum + shift`` is the response in levels of the result.
    dtype
        The result's sample type. Floats are neither rounded nor clipped.
    absolute
        Whether the sign is dropped.
    mid
        What is added after rounding: the level that stands for zero.
    """

    slope: Fraction
    shift: Fraction
    dtype: np.dtype[Any]
    absolute: bool = False
    mid: float = 0.0

    @property
    def is_levels(self) -> bool:
        """Whether the result has whole levels."""
        return self.dtype.kind == "u"

    @property
    def maximum(self) -> float:
        """The highest level: 255 or 65535; without end for floats."""
        return float(np.iinfo(self.dtype).max) if self.is_levels else inf

    def stretch(self, lowest: float, highest: float) -> Finish:
        """Map the sums `lowest`..`highest` to the whole range, the least response to 0.

        Unchanged if they are equal or not finite.
        """
        if not -inf < lowest < highest < inf:
            return self
        top = Fraction(self.maximum) if self.is_levels else Fraction(1)
        slope, start = top / (Fraction(highest) - Fraction(lowest)), Fraction(lowest)
        if self.slope < 0:  # the greatest sum is the least response
            slope, start = -slope, Fraction(highest)
        return replace(self, slope=slope, shift=-slope * start, absolute=False, mid=0.0)

    def limits(self) -> tuple[float, float]:
        """Sums below the first or above the second are clipped."""
        if not self.is_levels or self.slope == 0:
            return -inf, inf
        # A level q is clipped when |slope·sum + shift| rounds outside; halves round outwards.
        top = Fraction(self.maximum - self.mid) + Fraction(1, 2)
        bottom = -top if self.absolute else -Fraction(self.mid) - Fraction(1, 2)
        ends = sorted(((bottom - self.shift) / self.slope, (top - self.shift) / self.slope))
        # The halves themselves are clipped: step just inside.
        low, high = (_float(end) for end in ends)
        return float(np.nextafter(low, inf)), float(np.nextafter(high, -inf))

    def loop(self, sums: np.dtype[Any], largest: float, exact: bool) -> tuple[str, NDArray[Any]]:
        """Choose the store loop for sums of a type up to `largest` in size, and its numbers.

        Parameters
        ----------
        sums
            Their type.
        largest
            The greatest |sum| there can be.
        exact
            Whether the sums are exact whole numbers.

        Returns
        -------
        str
            The name of a store loop in `loops`.
        ndarray of shape (7,)
            Its numbers, in float32 where that provably rounds right.
        """
        divisor = self.slope.denominator * self.shift.denominator
        m, a = self.slope * divisor, self.shift * divisor
        rest = (float(self.absolute), self.mid, self.maximum)
        if not self.is_levels:
            # One division of whole numbers where they are exact; what is real has no such form.
            whole = max(abs(m), abs(a), Fraction(divisor)) <= _WHOLE_LIMIT
            parts = (m, a, Fraction(divisor)) if whole else (self.slope, self.shift, Fraction(1))
            values = (*map(_float, parts), 0.0)
            return "store_response", np.array(values + rest, dtype=np.float64)
        if (
            exact
            and sums.itemsize == 2
            and m == divisor
            and self.shift.denominator == 1
            and abs(self.shift) < 2**30
        ):
            return "store_whole", np.array((1.0, float(self.shift), 0.0, 0.0, *rest))
        reach = 2 * (abs(m) * floor(min(largest, 1e300)) + abs(a)) + divisor
        if exact and reach < _ROUNDING_LIMIT[np.dtype(np.float64)]:
            narrow = reach < _ROUNDING_LIMIT[np.dtype(np.float32)] and sums.itemsize < 8
            values = (float(2 * m), float(2 * a), divisor + 0.5, 1 / (2 * divisor))
            return "store_rounded", np.array(
                values + rest, dtype=np.float32 if narrow else np.float64
            )
        values = (2 * _float(self.slope), 2 * _float(self.shift), 1.0, 0.5)
        return "store_rounded", np.array(values + rest, dtype=np.float64)


def _float(number: Fraction) -> float:
    """The nearest float64; an infinity for what is beyond."""
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf


def finish(
    mapping: Mapping,
    dtype: np.dtype[Any],
    *,
    maximum: float,
    slope: Fraction = Fraction(1),
    shift: Fraction = Fraction(0),
) -> Finish:
    """Return how sums become samples under a mapping.

    Parameters
    ----------
    mapping
        `normalize` gives what comes before stretching: call `Finish.stretch` with the range.
    dtype
        The result's sample type.
    maximum
        The value of a full sample of the source, which becomes the result's: 255, 65535 or 1.
    slope, shift
        Response = slope·sum + shift, in levels of the source.
    """
    full = Fraction(int(np.iinfo(dtype).max)) if dtype.kind == "u" else Fraction(1)
    if mapping is Mapping.RAW:
        return Finish(slope, shift, dtype)
    levels = full / Fraction(maximum)
    mid = 0.0
    if mapping is Mapping.OFFSET:
        mid = float((full + 1) / 2) if dtype.kind == "u" else 0.5
    return Finish(slope * levels, shift * levels, dtype, mapping is Mapping.ABS, mid)
