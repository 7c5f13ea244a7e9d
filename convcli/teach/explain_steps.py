"""From the sums at one place to the stored sample, step by step, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import atan2, degrees, isfinite, isqrt, sqrt

import numpy as np

from convcli.geometry import Pair
from convcli.kernels.kernel import Combine, Compound, Kernel
from convcli.teach.explain_parts import Part, Place, SampleStep
from convcli.teach.explain_responses import Responses
from convcli.teach.explain_way import ANYTHING, Way

#: Greatest float32: beyond it a sum overflows.
_FLOAT32_MAX = 2.0**127
#: What a stored float is off by, beside its sum: a few roundings to float32.
_STORED = Fraction(1, 2**21)
#: Single precision has fewer digits for numbers below, and in the end none.
_TINY = Fraction(1, 2**126)
#: Slopes and shifts with longer denominators, such as those of `scale` auto, enter a loop as
#: floats, and a half may be rounded either way.
_SHORT = 2**20


def finished(study: Responses, way: Way, at: Pair, channel: int, parts: tuple[Part, ...]) -> Place:
    """Work out the sample that parts become, and check it against the engine's.

    Raises
    ------
    AssertionError
        If they differ by more than float sums may: a mistake in the program.
    """
    base, reach, before = _base(study, channel, parts)
    first, *rest = way.steps(base)
    steps = (*before, *rest)
    value = rest[-1].value if rest else first.value
    stored = study.result[(*at, channel)].item()
    tolerance = _tolerance(way, base, value, reach, _is_direction(study))
    place = Place(at, study.channels[channel], parts, steps, value, stored, tolerance)
    if isfinite(stored):
        agrees = abs(Fraction(stored) - value) <= tolerance
    else:
        agrees = _size(parts) * max(float(abs(way.finish.slope)), 1.0) > _FLOAT32_MAX
    if not agrees:
        raise AssertionError(
            f"at {at} of channel {channel} the sample should be {float(value)}, give or take "
            f"{float(tolerance)}, but the engine stored {stored}: please report this"
        )
    return place


def _is_direction(study: Responses) -> bool:
    return isinstance(study.kernel, Compound) and study.kernel.combine is Combine.DIRECTION


def _base(
    study: Responses, channel: int, parts: Sequence[Part]
) -> tuple[Fraction, Fraction, tuple[SampleStep, ...]]:
    """What the parts' sums combine to, how far float sums may be off, and the steps to it."""
    kernel = study.kernel
    reach = _reach(study, parts)
    if study.is_alpha(channel):
        return _clipped_alpha(study, parts[0], reach)
    if study.work.weighs:
        return _unweighed(study, parts, reach)
    if isinstance(kernel, Kernel):
        return parts[0].total, reach, ()
    shared = len({part.divisor for part in parts}) == 1
    totals = [part.total if shared else part.response for part in parts]
    base = combined(kernel, totals)
    off = _combined_reach(kernel, totals, base, reach * len(parts))
    return base, off, (SampleStep("combine", None, base),)


def _clipped_alpha(
    study: Responses, part: Part, reach: Fraction
) -> tuple[Fraction, Fraction, tuple[SampleStep, ...]]:
    """Filtered alpha, which neither falls below 0 nor grows above full, even in floats."""
    value = part.response
    steps = [] if part.divisor == 1 else [SampleStep("divide", part.divisor, value)]
    clipped = min(max(value, Fraction(0)), Fraction(study.work.image.maximum))
    if clipped != value:
        steps.append(SampleStep("clip", None, clipped))
    return clipped, reach / abs(part.divisor), tuple(steps)


def _unweighed(
    study: Responses, parts: Sequence[Part], reach: Fraction
) -> tuple[Fraction, Fraction, tuple[SampleStep, ...]]:
    """Colour divided by its filtered alpha."""
    colour, alpha = parts
    steps = () if colour.divisor == 1 else (SampleStep("divide", colour.divisor, colour.response),)
    gain = study.kernel.sum if isinstance(study.kernel, Kernel) else 1
    share = alpha.response / Fraction(study.work.image.maximum) / Fraction(gain)
    value = colour.response / share if alpha.response > 0 else Fraction(0)
    reach /= abs(colour.divisor)
    off = ANYTHING
    if alpha.response > 2 * reach:
        top = Fraction(study.work.image.maximum)
        off = 2 * (reach + abs(value) * reach / top) / abs(share) if reach else Fraction(0)
    return value, off, (*steps, SampleStep("unweigh", share, value))


def combined(kernel: Compound, values: Sequence[Fraction]) -> Fraction:
    """What several sums become; see `Combine`.

    Parameters
    ----------
    kernel
        Whose way to combine counts.
    values
        One a part.
    """
    squares = [value * value for value in values]
    match kernel.combine:
        case Combine.MAGNITUDE:
            return root(sum(squares, Fraction(0)))
        case Combine.DIRECTION:
            angle = degrees(atan2(values[1], values[0]))
            return Fraction(angle + 360 if angle < 0 else angle)
        case Combine.MAX:
            return max(values)
        case Combine.MAX_ABS:
            return max(abs(value) for value in values)
        case Combine.SUM_ABS:
            return sum((abs(value) for value in values), Fraction(0))
        case Combine.SHARE:
            whole = sum(squares, Fraction(0))
            return root(sum(squares[: kernel.share], Fraction(0)) / whole) if whole else whole


def root(value: Fraction) -> Fraction:
    """√value: exactly if that is a fraction, else the nearest float64.

    Examples
    --------
    >>> root(Fraction(25, 4)), float(root(Fraction(2)))
    (Fraction(5, 2), 1.4142135623730951)
    """
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    return Fraction(sqrt(value))


def _reach(study: Responses, parts: Sequence[Part]) -> Fraction:
    """How far a sum may be off: 0 if it is exact, else by the rounding of each product."""
    if study.is_exact:
        return Fraction(0)
    size = max(float(np.abs(part.weights).sum()) for part in study.kernel.parts)
    count = len(parts[0].products) * len(parts[0].products[0]) + 8
    return Fraction(size) * Fraction(study.largest) * count / 2 ** (49 if study.is_double else 23)


def _combined_reach(
    kernel: Compound, values: Sequence[Fraction], base: Fraction, reach: Fraction
) -> Fraction:
    """How far a combined sum may be off, if each sum may be off by `reach`."""
    if kernel.combine in (Combine.DIRECTION, Combine.SHARE):
        size = sqrt(sum(value * value for value in values))
        if reach == 0:
            return Fraction(1, 2**40) if size else Fraction(0)
        if size <= 4 * reach:
            return ANYTHING
        return Fraction(4 * degrees(float(reach) / size) + 2**-40)
    return reach + abs(base) / 2**50 * (kernel.combine is Combine.MAGNITUDE)


def _tolerance(way: Way, base: Fraction, value: Fraction, reach: Fraction, turns: bool) -> Fraction:
    """How far the sample may be off, if the base may be off by `reach`."""
    finish = way.finish
    about = abs(finish.slope * base) + abs(finish.shift) + Fraction(finish.mid)
    off = Fraction(0) if way.within else about * _STORED + _TINY
    summed = finish.slope / way.multiple
    if max(summed.denominator, finish.shift.denominator) > _SHORT:
        reach += (abs(base) + 1) / 2**40
    reach += way.vague
    if reach == 0:
        return off
    if reach >= ANYTHING:
        return ANYTHING
    ends = [base - reach, base + reach]
    if turns and (ends[0] < 0 or ends[1] >= 360):  # 0° and 360° are the same
        ends += [Fraction(0), Fraction(360)]
    return max(abs(way.sample(end) - value) for end in ends) + off


def _size(parts: Sequence[Part]) -> float:
    """The greatest |product|."""
    return max(
        abs(float(product.value)) for part in parts for row in part.products for product in row
    )
