"""How sums become samples, by the same numbers as the engine's, one step at a time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import floor, isfinite

import numpy as np

from convcli import engine
from convcli.errors import ImageError
from convcli.kernels.exact import written
from convcli.kernels.kernel import AnyKernel, Combine, Compound, Kernel
from convcli.pipeline.kernel_set import kernel_set_of
from convcli.pipeline.responses import response, scaled
from convcli.record import record, replace
from convcli.spec import Mapping
from convcli.teach.explain_parts import SampleStep
from convcli.teach.explain_responses import Responses

_NONE = Fraction(0)
#: Bigger than any sample: nothing can be said of a quotient of almost nothing.
ANYTHING = Fraction(10) ** 60
#: Beside greater shifts responses don't tell the sums that they came from.
_GREAT = 2**32


@record
class Way:
    """From the base, which is the combined sum, to the sample.

    Parameters
    ----------
    divisor, unit
        What the base is divided and multiplied by: `unit` is for compounds in degrees or shares.
    offset, factor, shift
        The kernel's offset, the spec's scale, and what `scale` auto adds.
    finish
        slope·base + shift in levels of the result, and how these are stored.
    multiple
        What a base is multiplied by where the engine sums it.
    stretched
        Whether that brings the responses seen to the whole range.
    vague
        How far the ends of that range may be off, in sums.
    within
        The least and the greatest sample of a whole type; None for floats.
    """

    divisor: Fraction
    unit: Fraction
    offset: Fraction
    factor: Fraction
    shift: Fraction
    finish: engine.Finish
    multiple: Fraction = Fraction(1)
    stretched: bool = False
    vague: Fraction = _NONE
    within: tuple[Fraction, Fraction] | None = None

    @property
    def levels(self) -> Fraction:
        """Levels of the result for one of the source."""
        slope = self.unit / self.divisor * self.factor
        return self.finish.slope / slope if slope else Fraction(1)

    def sample(self, base: Fraction) -> Fraction:
        """The sample that a base becomes."""
        *_, last = self.steps(base)
        return last.value

    def steps(self, base: Fraction) -> Iterator[SampleStep]:
        """Steps from the base, itself the first, to the sample."""
        yield SampleStep("base", None, base)
        value = base
        for name, by, changed in (
            ("divide", self.divisor, base / self.divisor),
            ("unit", self.unit, base / self.divisor * self.unit),
        ):
            if by != 1:
                yield SampleStep(name, by, changed)
            value = changed
        if self.offset:
            value += self.offset
            yield SampleStep("offset", self.offset, value)
        if self.factor != 1:
            value *= self.factor
            yield SampleStep("scale", self.factor, value)
        if self.shift:
            value += self.shift
            yield SampleStep("shift", self.shift, value)
        yield from self._stored(base, value)

    def _stored(self, base: Fraction, value: Fraction) -> Iterator[SampleStep]:
        """From the response on."""
        finish = self.finish
        level = finish.slope * base + finish.shift
        if self.stretched:
            yield SampleStep("stretch", None, level)
        elif level != value:
            yield SampleStep("levels", self.levels, level)
        value = level
        if self.within and value.denominator != 1:
            value = rounded(value)
            yield SampleStep("round", None, value)
        if finish.absolute and value < 0:
            value = -value
            yield SampleStep("abs", None, value)
        if finish.mid:
            value += Fraction(finish.mid)
            yield SampleStep("middle", Fraction(finish.mid), value)
        if self.within and not self.within[0] <= value <= self.within[1]:
            value = self.within[0] if value < self.within[0] else self.within[1]
            yield SampleStep("clip", None, value)


def rounded(value: Fraction) -> Fraction:
    """The nearest whole number; halves away from zero.

    Examples
    --------
    >>> [int(rounded(Fraction(n, 2))) for n in (-3, -1, 1, 2, 5)]
    [-2, -1, 1, 1, 3]
    """
    size = floor(abs(value) + Fraction(1, 2))
    return Fraction(size if value >= 0 else -size)


def way_of(study: Responses, *, alpha: bool) -> Way:
    """How sums become samples, by the same functions as for the engine.

    Parameters
    ----------
    study
        Whose kernel, spec and target count.
    alpha
        Whether for alpha that colour is weighted by: it has neither offset nor scale.
    """
    kernel, target = study.kernel, study.target
    one = Fraction(1)
    if alpha:
        plain = replace(target, mapping=Mapping.CLIP).finish(one, _NONE)
        return Way(one, one, _NONE, one, _NONE, plain, within=_within(study, plain))
    if study.work.weighs:
        multiple = divisor = unit = one
        offset = written(_offset(kernel)) * target.level
        slope_shift = one, offset
    else:
        divisor = _shared_divisor(kernel)
        multiple = _summed_divisor(study) / divisor
        slope_shift = response(kernel, divisor, target)
        if isinstance(kernel, Compound):
            own_units = kernel.full_scale is not None
            divisor = written(kernel.divisor) * (1 if own_units else divisor)
            multiple = one if own_units else multiple
        unit, offset = slope_shift[0] * divisor, slope_shift[1]
    slope, shift = scaled(kernel, slope_shift, study.spec.scale, target)
    factor = slope / slope_shift[0]
    finish = target.finish(slope, shift)
    stretched = target.mapping is Mapping.NORMALIZE and study.lowest < study.highest
    vague = _NONE
    if stretched:
        ends = _ends(study, slope, shift, multiple)
        finish = finish.stretch(*ends)
        vague = _NONE if _has_whole_sums(study) else Fraction(max(map(abs, ends))) / 2**48
    if target.mapping is Mapping.NORMALIZE and abs(shift) > _GREAT:
        vague = ANYTHING
    given = divisor, unit, offset, factor, shift - offset * factor
    return Way(*given, finish, multiple, stretched, vague, _within(study, finish))


def _within(study: Responses, finish: engine.Finish) -> tuple[Fraction, Fraction] | None:
    """Return the least and the greatest sample of the result's type; None for floats."""
    if finish.is_levels:
        return _NONE, Fraction(finish.maximum)
    if not study.has_values:
        return None
    ends = np.iinfo(study.work.stored)
    return Fraction(int(ends.min)), Fraction(int(ends.max))


def _offset(kernel: AnyKernel) -> float:
    return kernel.offset if isinstance(kernel, Kernel) else 0.0


def _shared_divisor(kernel: AnyKernel) -> Fraction:
    """What the sums of all parts are divided by as it was written; 1 if these differ."""
    divisors = {part.divisor for part in kernel.parts}
    return written(divisors.pop()) if len(divisors) == 1 else Fraction(1)


def _summed_divisor(study: Responses) -> Fraction:
    """What the engine's sums are divided by."""
    return kernel_set_of(study.kernel, flip=study.spec.convolve, double=study.is_double)[1]


def _ends(study: Responses, slope: Fraction, shift: Fraction, multiple: Fraction) -> list[Fraction]:
    """The sums of the least and the greatest response, in order; whole ones if the engine's are.

    Raises
    ------
    ImageError
        If a response is infinite.
    """
    found = study.lowest, study.highest
    if not all(map(isfinite, found)):
        raise ImageError(
            f"the responses reach from {study.lowest:g} to {study.highest:g}: these can't be "
            f"stretched; use another `mapping`, such as raw"
        )
    summed = [(Fraction(end) - shift) / slope * multiple for end in found]
    whole = _has_whole_sums(study)
    held = [Fraction(round(end)) if whole else Fraction(float(end)) for end in summed]
    return sorted(end / multiple for end in held)


def _has_whole_sums(study: Responses) -> bool:
    kernel = study.kernel
    irrational = (Combine.MAGNITUDE, Combine.DIRECTION, Combine.SHARE)
    combines = isinstance(kernel, Compound) and kernel.combine in irrational
    return study.is_exact and not combines
