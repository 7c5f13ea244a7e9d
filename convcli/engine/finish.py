"""How a sum becomes a sample: the numbers of the store loops, and the proof that they are exact."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor, inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.record import record, replace
from convcli.spec import Mapping, Rounding

#: 2|t| + d must stay below these for the rounding of `loops.store_rounded` to be exact.
_ROUNDING_LIMIT = {np.dtype(np.float32): 2**22, np.dtype(np.float64): 2**51}
#: 4d·(highest level + 2|shift| + 3) must stay below these for `loops.store_near` to be exact.
_NEAR_ROUNDING = {"float32": 2**22, "float64": 2**51}
#: Levels before they are clipped must stay below this for `loops.store_near`.
_NEAR_LIMIT = 2**30
#: Whole sums below these are exact in a type, and so are their negatives.
_WHOLE_SUMS = {"int16": 2**15, "uint16": 2**16, "int32": 2**31, "float32": 2**24, "float64": 2**53}
#: Whole numbers up to here are exact in float64.
_WHOLE_LIMIT = 2**53


@record
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
    rounding
        To the nearest level, halves away from zero, or towards zero. No loop rounds halves to
        even levels.
    top
        The value of a full sample of the result; 0 for the type's own: 255, 65535 or 1.
    """

    slope: Fraction
    shift: Fraction
    dtype: np.dtype[Any]
    absolute: bool = False
    mid: float = 0.0
    rounding: Rounding = Rounding.AWAY
    top: float = 0.0

    def is_same(self, sums: np.dtype[Any]) -> bool:
        """Whether sums of a type become samples as they are."""
        changes = self.slope != 1 or self.shift != 0 or self.absolute or self.mid != 0
        return self.dtype == sums and not self.is_levels and not changes

    @property
    def is_levels(self) -> bool:
        """Whether the result has whole levels."""
        return self.dtype.kind == "u"

    @property
    def maximum(self) -> float:
        """The highest level: 255, 65535 or `top`; without end for floats."""
        return self.full if self.is_levels else inf

    @property
    def full(self) -> float:
        """The value of a full sample of the result."""
        return full_sample(self.dtype, self.top)

    def stretch(self, lowest: float | Fraction, highest: float | Fraction) -> Finish:
        """Map the sums `lowest`..`highest` to the whole range, the least response to 0.

        Unchanged if they are equal or not finite.
        """
        if not -inf < lowest < highest < inf:
            return self
        top = Fraction(self.full)
        slope, start = top / (Fraction(highest) - Fraction(lowest)), Fraction(lowest)
        if self.slope < 0:  # the greatest sum is the least response
            slope, start = -slope, Fraction(highest)
        return replace(self, slope=slope, shift=-slope * start, absolute=False, mid=0.0)

    def limits(self, sums: np.dtype[Any]) -> NDArray[Any]:
        """Sums of a type that are below the first or above the second are clipped."""
        if not self.is_levels or self.slope == 0:
            return _ends(sums, -inf, inf)
        # A level q is clipped when |slope·sum + shift| rounds outside; halves round outwards.
        past = 1 - self._half(exact=True)
        top = Fraction(self.maximum - self.mid) + past
        bottom = -top if self.absolute else -Fraction(self.mid) - past
        ends = sorted(((bottom - self.shift) / self.slope, (top - self.shift) / self.slope))
        # The halves themselves are clipped: step just inside.
        low, high = (_float(end) for end in ends)
        return _ends(sums, float(np.nextafter(low, inf)), float(np.nextafter(high, -inf)))

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
            Its numbers, in the type that it computes in.
        """
        # Sums without a sign have none to drop.
        absolute = self.absolute and not (sums.kind == "u" and self.shift == 0 and self.slope > 0)
        rest = (float(absolute), self.mid, self.maximum)
        if not self.is_levels:
            return self._unrounded(rest)
        if exact and self.slope == 1 and self.shift.denominator == 1 and self._fits(sums, largest):
            highest = _WHOLE_SUMS[sums.name] - (sums.kind != "f")
            rest = (*rest[:2], min(self.maximum, highest))
            return "store_whole", np.array((1, int(self.shift), 0, 0, *rest), dtype=sums)
        clips = not self.absolute and self.mid == 0
        # It saturates at the type's own ends.
        own = self.maximum == full_sample(self.dtype)
        near = self._near_type(sums, largest, exact) if clips and own else None
        if near is not None:
            half = self._half(exact) + (Fraction(1, 4 * self._parts) if exact else 0)
            values = (_float(self.slope), _float(self.shift + half), 0.0, 0.0)
            return "store_near", np.array(values + rest, dtype=near)
        divisor = self._parts
        m, a = self.slope * divisor, self.shift * divisor
        reach = 2 * (abs(m) * floor(min(largest, 1e300)) + abs(a)) + divisor
        if exact and reach < _ROUNDING_LIMIT[np.dtype(np.float64)]:
            narrow = reach < _ROUNDING_LIMIT[np.dtype(np.float32)] and sums.itemsize < 8
            dtype = np.dtype(np.float32 if narrow else np.float64)
            more = float(2 * self._half(exact) * divisor) + 0.5
            values = (float(2 * m), float(2 * a), more, 1 / (2 * divisor))
        else:
            dtype = self._real(sums)
            more = float(2 * self._half(exact))
            values = (2 * _float(self.slope), 2 * _float(self.shift), more, 0.5)
        if clips:
            values = (values[0], values[1] + values[2], *values[2:])
            return "store_clipped", np.array(values + rest, dtype=dtype)
        return "store_rounded", np.array(values + rest, dtype=dtype)

    def _unrounded(self, rest: tuple[float, ...]) -> tuple[str, NDArray[Any]]:
        """Choose the store loop for floats."""
        divisor = self._parts
        m, a = self.slope * divisor, self.shift * divisor
        # One division of whole numbers where they are exact; what is real has no such form.
        whole = max(abs(m), abs(a), Fraction(divisor)) <= _WHOLE_LIMIT
        parts = (m, a, Fraction(divisor)) if whole else (self.slope, self.shift, Fraction(1))
        numbers = np.array((*map(_float, parts), 0.0, *rest), dtype=np.float64)
        same = self.slope == 1 and self.shift == 0 and not self.absolute and self.mid == 0
        return ("store_sums" if same else "store_response"), numbers

    def _half(self, exact: bool) -> Fraction:
        """What is added to a level's size before its fraction is dropped.

        Sums that aren't exact are rounded to 257ths of a level first, the levels of 16 bits: else
        a flat 100 under weights that add up to 1 but for rounding would become 99.
        """
        if self.rounding is Rounding.TRUNCATE:
            return Fraction(0) if exact else Fraction(1, 2 * 257)
        return Fraction(1, 2)

    @property
    def _parts(self) -> int:
        """What slope and shift are whole multiples of, as a fraction of 1."""
        return self.slope.denominator * self.shift.denominator

    def _near_type(self, sums: np.dtype[Any], largest: float, exact: bool) -> np.dtype[Any] | None:
        """Return the type that `store_near` is right in; None if it isn't.

        Its value is off by less than 2·(|level| + |shift| + 1) ulp, and what is beyond the highest
        level is clipped whatever it is.
        """
        if abs(self.slope) * Fraction(min(largest, 1e300)) + abs(self.shift) >= _NEAR_LIMIT:
            return None
        if not exact:
            return self._real(sums)
        reach = 4 * self._parts * (Fraction(self.maximum) + 2 * abs(self.shift) + 3)
        if reach < _NEAR_ROUNDING["float32"] and largest < _WHOLE_SUMS["float32"]:
            return np.dtype(np.float32)
        return np.dtype(np.float64) if reach < _NEAR_ROUNDING["float64"] else None

    def _fits(self, sums: np.dtype[Any], largest: float) -> bool:
        """Whether sum + shift + mid neither overflows nor rounds in the type of the sums."""
        if sums.kind == "u" and (self.shift != 0 or self.mid != 0):
            return False
        return largest + abs(self.shift) + self.mid < _WHOLE_SUMS[sums.name]

    def _real(self, sums: np.dtype[Any]) -> np.dtype[Any]:
        """Return the type that real sums become levels in: theirs, if it holds the numbers."""
        numbers = [abs(float(n)) for n in map(_float, (self.slope, self.shift))]
        ordinary = all(n == 0 or 1e-9 < n < 1e9 for n in numbers)
        return np.dtype(np.float32 if sums == np.float32 and ordinary else np.float64)


def _ends(dtype: np.dtype[Any], low: float, high: float) -> NDArray[Any]:
    """(low, high) as a type's own values: values are outside these when outside those."""
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            ends = np.array((low, high)).astype(dtype)
        if float(ends[0]) < low:
            ends[0] = np.nextafter(ends[0], dtype.type(inf))
        if float(ends[1]) > high:
            ends[1] = np.nextafter(ends[1], dtype.type(-inf))
        return ends
    info = np.iinfo(dtype)
    if low > info.max or high < info.min:  # all are outside
        return np.array((info.max, info.min), dtype=dtype)
    bottom = info.min if low < info.min else ceil(low)
    top = info.max if high > info.max else floor(high)
    return np.array((bottom, top), dtype=dtype)


def _float(number: Fraction) -> float:
    """The nearest float64; an infinity for what is beyond."""
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf


@record
class Scale:
    """From a source's samples to a result's.

    Parameters
    ----------
    maximum
        The value of a full sample of the source, which becomes the result's: 255, 65535 or 1.
    top
        The value of a full sample of the result; 0 for the type's own: 255, 65535 or 1.
    least
        The least sample of the result.
    same
        Whether samples of the result count in the source's units: values, which have no full scale.
    """

    maximum: float
    top: float = 0.0
    least: float = 0.0
    same: bool = False

    def full(self, dtype: np.dtype[Any]) -> float:
        """Return the value of a full sample of a result of this type."""
        return full_sample(dtype, self.top)

    def levels(self, dtype: np.dtype[Any]) -> Fraction:
        """Return levels of a result of this type for one of the source."""
        return Fraction(1) if self.same else Fraction(self.full(dtype)) / Fraction(self.maximum)

    def middle(self, dtype: np.dtype[Any]) -> float:
        """Return the sample that stands for zero under `offset`: half of full, or 0 if signed."""
        if self.least < 0:
            return 0.0
        full = self.full(dtype)
        return 0.5 if full == 1 else float((full + 1) // 2)


def finish(
    mapping: Mapping,
    dtype: np.dtype[Any],
    *,
    scale: Scale,
    slope: Fraction = Fraction(1),
    shift: Fraction = Fraction(0),
    rounding: Rounding = Rounding.AWAY,
) -> Finish:
    """Return how sums become samples under a mapping.

    Parameters
    ----------
    mapping
        `normalize` gives what comes before stretching: call `Finish.stretch` with the range.
    dtype
        The result's sample type.
    scale
        The value of a full sample of the source, and which sample of the result it becomes.
    slope, shift
        Response = slope·sum + shift, in levels of the source.
    rounding
        How responses become whole levels, which floats don't.
    """
    if mapping is Mapping.RAW:
        return Finish(slope, shift, dtype, top=scale.top)
    levels = scale.levels(dtype)
    mid = scale.middle(dtype) if mapping is Mapping.OFFSET else 0.0
    absolute = mapping is Mapping.ABS
    return Finish(slope * levels, shift * levels, dtype, absolute, mid, rounding, scale.top)


def full_sample(dtype: np.dtype[Any], top: float = 0.0) -> float:
    """Return the value of a full sample: `top`, or if that is 0 the type's own."""
    return top or (float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0)
