"""From a kernel's sums to its responses: in which levels, and how great they can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import inf, sqrt
from typing import Any

import numpy as np

from convcli import engine
from convcli.borders import Border, by_axis
from convcli.engine import Seen
from convcli.kernels.exact import written
from convcli.kernels.kernel import AnyKernel, Combine, Compound, Kernel
from convcli.record import record, replace
from convcli.spec import Mapping, Rounding, Spec


@record
class Target:
    """What a result should be.

    Parameters
    ----------
    dtype
        Its sample type.
    mapping
        How a response becomes a sample.
    maximum
        The value of a full sample of the source, which becomes a full one of the result.
    in_levels
        Whether fill values and offsets count in 8-bit levels, as for images, or in the
        source's own units, as for arrays.
    samples
        The least and the greatest sample there can be; None for 0 and `maximum`.
    between
        Whether another step follows, so that degrees and shares are given as levels.
    watch
        Whether the range of responses and how many are clipped will be asked for.
    weighed
        Whether what is filtered is colour weighted by alpha, and alpha, which keeps brightness.
    span
        The responses that `normalize` stretches over the whole range; None for the image's own.
    white
        The sample of the source that white has; None for `maximum`.
    signed
        Whether whole samples of the result are around their middle, where no response is.
    zero
        The sample of the source that stands for nothing, where that isn't 0: what a kernel makes
        of it alone is taken from its responses.
    top, least, same
        Of the result, as `engine.Scale` has them.
    """

    dtype: np.dtype[Any]
    mapping: Mapping
    maximum: float
    in_levels: bool = True
    samples: tuple[float, float] | None = None
    between: bool = False
    watch: bool = True
    span: tuple[float, float] | None = None
    white: float | None = None
    signed: bool = False
    zero: float = 0.0
    weighed: bool = False
    top: float = 0.0
    least: float = 0.0
    same: bool = False

    @property
    def scale(self) -> engine.Scale:
        """From the source's samples to the result's."""
        return engine.Scale(self.maximum, self.top, self.least, self.same)

    def finish(
        self, slope: Fraction, shift: Fraction, rounding: Rounding = Rounding.AWAY
    ) -> engine.Finish:
        """Return how sums become samples: response = slope·sum + shift, in levels of the source."""
        return engine.finish(
            self.mapping, self.dtype, scale=self.scale, slope=slope, shift=shift, rounding=rounding
        )

    @property
    def in_pixels(self) -> bool:
        """Whether responses are in levels of an image; else in units of their own."""
        return self.between or self.mapping is not Mapping.RAW

    @property
    def level(self) -> Fraction:
        """What a fill value or offset of 1 is worth in the source."""
        white = self.maximum if self.white is None else self.white
        return Fraction(white) / 255 if self.in_levels else Fraction(1)

    @property
    def full(self) -> Fraction:
        """The response that becomes a full sample of the result."""
        return Fraction(self.scale.full(self.dtype)) / self.scale.levels(self.dtype)

    @property
    def half(self) -> Fraction:
        """The greatest response that fits above mid-gray: 127 of 255, or half of a float's 1."""
        scale = self.scale
        room = Fraction(scale.full(self.dtype)) - Fraction(scale.middle(self.dtype))
        return room / scale.levels(self.dtype)


def response(kernel: AnyKernel, divisor: Fraction, target: Target) -> tuple[Fraction, Fraction]:
    """Return (slope, shift): response = slope·sum + shift, in levels of the source.

    Parameters
    ----------
    kernel, divisor
        What is summed, and what its sums are divided by, as `kernel_set_of` gives it.
    target
        What the result should be.
    """
    if isinstance(kernel, Kernel):
        return 1 / divisor, written(kernel.offset) * target.level
    if kernel.full_scale is not None:
        full = target.full / Fraction(kernel.full_scale)
        unit = full if target.in_pixels else Fraction(1)
        return unit / written(kernel.divisor), Fraction(0)
    return 1 / (divisor * written(kernel.divisor)), Fraction(0)


def scaled(
    kernel: AnyKernel,
    slope_shift: tuple[Fraction, Fraction],
    scale: float | str,
    target: Target,
) -> tuple[Fraction, Fraction]:
    """Multiply a response by the spec's scale, or by what makes overflow impossible.

    Parameters
    ----------
    kernel, target
        What is summed, and what the result should be.
    slope_shift
        As `response` gives them.
    scale
        A number, or `auto`.
    """
    slope, shift = slope_shift
    if not isinstance(scale, str):
        factor = Fraction(str(scale))
        return slope * factor, shift * factor
    low, high = (Fraction(end) for end in response_range(kernel, target))
    top = target.full
    if target.mapping in (Mapping.RAW, Mapping.NORMALIZE):
        return slope, shift
    if target.mapping is Mapping.CLIP and low < 0 <= target.least:
        factor = top / (high - low) if low < high else Fraction(1)
        return slope * factor, (shift - low) * factor
    room = target.half if target.mapping is Mapping.OFFSET else top
    factor = min(Fraction(1), room / max(abs(low), abs(high), Fraction(1, 10**9)))
    return slope * factor, shift * factor


def response_range(kernel: AnyKernel, target: Target) -> tuple[float, float]:
    """Least and greatest response there can be to samples in `target.samples`.

    For compounds the greatest is a bound that no image need reach.
    """
    ends = [_sums(part, target) for part in kernel.parts]
    if isinstance(kernel, Kernel):
        extra = kernel.offset * float(target.level)
        return ends[0][0] + extra, ends[0][1] + extra
    low, high = _combined(kernel, ends)
    if kernel.combine is Combine.MAX:
        # The greatest response is no less than the mean of all, which is a kernel, too.
        mean = Kernel("mean", np.mean([part.scaled for part in kernel.parts], axis=0))
        low = max(low, _sums(mean, target)[0])
    if kernel.full_scale is not None and target.in_pixels:
        high = float(target.full)
    first, last = sorted((low / kernel.divisor, high / kernel.divisor))
    return first, last


def _sums(kernel: Kernel, target: Target) -> tuple[float, float]:
    """Least and greatest response without offset."""
    low, high = target.samples or (0.0, target.maximum)
    negative = float(kernel.scaled.clip(max=0).sum())
    positive = float(kernel.scaled.clip(min=0).sum())
    return negative * high + positive * low, negative * low + positive * high


def _combined(kernel: Compound, ends: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Bounds of a compound's value, before its divisor, from those of its parts."""
    sizes = [max(-low, high) for low, high in ends]
    match kernel.combine:
        case Combine.DIRECTION:
            return 0.0, 360.0
        case Combine.SHARE:
            return 0.0, 1.0
        case Combine.MAX:
            return max(low for low, _ in ends), max(high for _, high in ends)
        case Combine.SUM_ABS:
            return 0.0, sum(sizes)
        case Combine.MAX_ABS:
            return 0.0, max(sizes)
        case _:
            return 0.0, sqrt(sum(size**2 for size in sizes))


def after(kernels: Sequence[AnyKernel], spec: Spec, target: Target) -> Target:
    """Return the target for what follows these kernels: it knows the samples they leave."""
    for kernel in kernels:
        ends = response_range(kernel, between(target, target.dtype))
        if Border.ZERO in by_axis(spec.border):
            ends = (min(ends[0], 0.0), max(ends[1], 0.0))
        if Border.CONSTANT in by_axis(spec.border):
            fill = spec.fill * float(target.level)
            ends = (min(ends[0], fill), max(ends[1], fill))
        target = replace(target, samples=ends)
    return target


def between(target: Target, dtype: np.dtype[Any]) -> Target:
    """Return the target of a step that another follows: responses as they are, in levels."""
    return replace(target, dtype=dtype, mapping=Mapping.RAW, between=True, watch=False)


def fill_level(fill: float, dtype: np.dtype[Any], target: Target) -> float:
    """Turn a fill value into a sample of the source, a whole one if those are."""
    value = float(Fraction(fill) * target.level)
    if dtype.kind != "u":
        return value
    top = target.maximum if target.in_levels else np.iinfo(dtype).max
    return float(np.clip(np.floor(value + 0.5), 0, top))


def ends_of(sums: Iterable[Seen], slope: float, shift: float) -> tuple[float, float]:
    """Return the range of responses, slope·sum + shift, given that of sums."""
    low, high, _ = Seen.of((Seen(inf, -inf, 0), *sums))
    first, last = sorted(slope * end + shift for end in (low, high))
    return first, last


def finish_of(target: Target, slope: Fraction, shift: Fraction, spec: Spec) -> engine.Finish:
    """Return how sums become samples of a result.

    Parameters
    ----------
    target, spec
        What the result should be, and what was asked for.
    slope, shift
        Response = slope·sum + shift, in levels of the source.
    """
    finish = target.finish(slope, shift, spec.rounding)
    if not target.signed or target.mapping is Mapping.RAW:
        return finish
    return replace(finish, mid=(finish.maximum + 1) / 2 if finish.is_levels else 0.0)
