"""Kernels applied to arrays: which numbers the engine needs for a kernel and a spec."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.borders import Border
from convcli.errors import GeometryError, UsageError
from convcli.geometry import Geometry, plan_geometry
from convcli.kernels.kernel import Combine, Compound, Kernel
from convcli.record import field, record, replace
from convcli.spec import Mapping, Precision, Spec
from convcli.taps import AnyKernel, taps_of

#: Pixels that a result may have however small its source is: 4 GB of three float channels.
MOST_PIXELS = 2**28


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
        Whether fill values and offsets count in 8-bit levels, as for pictures, or in the
        source's own units, as for arrays.
    samples
        The least and the greatest sample there can be; None for 0 and `maximum`.
    between
        Whether another step follows, so that degrees and shares are given as levels.
    watch
        Whether the range of responses and how many are clipped will be asked for.
    """

    dtype: np.dtype[Any]
    mapping: Mapping
    maximum: float
    in_levels: bool = True
    samples: tuple[float, float] | None = None
    between: bool = False
    watch: bool = True

    @property
    def in_pixels(self) -> bool:
        """Whether responses are in levels of a picture; else in units of their own."""
        return self.between or self.mapping is not Mapping.RAW

    @property
    def level(self) -> Fraction:
        """What a fill value or offset of 1 is worth in the source."""
        return Fraction(self.maximum) / 255 if self.in_levels else Fraction(1)

    @property
    def half(self) -> Fraction:
        """The greatest response that fits above mid-grey: 127 of 255, or half of a float's 1."""
        if self.dtype.kind != "u":
            return Fraction(self.maximum) / 2
        full = int(np.iinfo(self.dtype).max)
        return Fraction(self.maximum) * (full - 1) / (2 * full)


@record
class Filtered:
    """A filtered array and what was seen on the way.

    Parameters
    ----------
    pixels
        The result.
    geometries, plans
        One a kernel, in order.
    lowest, highest
        The range of the last response, in levels of the source, before mapping.
    clipped
        Samples of the result that did not fit its range.
    """

    pixels: NDArray[Any] = field(repr=False)
    geometries: tuple[Geometry, ...]
    plans: tuple[engine.Plan, ...]
    lowest: float
    highest: float
    clipped: int


def own_mapping(kernels: Sequence[AnyKernel]) -> Mapping:
    """Return the mapping of a chain: the last kernel's own, or `abs` if the response is signed."""
    signed = False
    for kernel in kernels:
        own = kernel.default_mapping
        signed = own == "abs" or (signed and isinstance(kernel, Kernel) and kernel.offset == 0)
    return Mapping.ABS if signed else Mapping(kernels[-1].default_mapping)


def overridden(kernels: Sequence[AnyKernel], spec: Spec) -> tuple[AnyKernel, ...]:
    """Return the kernels with the spec's divisor and bias in place of their own.

    Raises
    ------
    UsageError
        If there are several kernels, or the kernel is a compound: which one is meant?
    """
    if spec.divisor is None and spec.bias is None:
        return tuple(kernels)
    if len(kernels) > 1:
        raise UsageError(
            "--divisor and --bias change one kernel, and --then gives several; "
            "write a divisor into a kernel instead, as in '[[1,2,1],[2,4,2],[1,2,1]]/16'"
        )
    kernel = kernels[0]
    divisor = kernel.divisor if spec.divisor is None else spec.divisor
    if isinstance(kernel, Compound):
        if spec.bias is not None:
            raise UsageError(
                f"--bias can't be added to {kernel.name!r}, which combines several kernels; "
                f"use --map offset to shift its result"
            )
        return (replace(kernel, divisor=divisor),)
    offset = kernel.offset if spec.bias is None else spec.bias
    return (replace(kernel, divisor=divisor, offset=offset),)


def filter_array(
    pixels: NDArray[Any], kernels: Sequence[AnyKernel], spec: Spec, target: Target
) -> Filtered:
    """Apply kernels one after the other, without rounding between them.

    Parameters
    ----------
    pixels
        (rows, cols) or (rows, cols, channels), of uint8, uint16, float32 or float64.
    kernels
        At least one.
    spec
        Its border, geometry, scale, precision and threads are used here.
    target
        What the result should be.
    """
    double = spec.precision is Precision.DOUBLE or pixels.dtype == np.float64
    between = np.dtype(np.float64 if double else np.float32)
    geometries: list[Geometry] = []
    plans: list[engine.Plan] = []
    for kernel in kernels[:-1]:
        step = _filter(pixels, kernel, spec, _between(target, between))
        pixels = step.pixels
        geometries += step.geometries
        plans += step.plans
    target = after(kernels[:-1], spec, target)
    last = _filter(pixels, kernels[-1], spec, target, scale=spec.scale)
    return replace(
        last,
        geometries=(*geometries, *last.geometries),
        plans=(*plans, *last.plans),
    )


def _filter(
    pixels: NDArray[Any],
    kernel: AnyKernel,
    spec: Spec,
    target: Target,
    scale: float | str = 1.0,
) -> Filtered:
    """Apply one kernel."""
    step = _step(pixels.shape, pixels.dtype, kernel, spec, target, scale)
    done = engine.correlate_planned(
        pixels, step.taps, step.geometry, step.outside, step.finish, step.options
    )
    ends = sorted(step.slope * end + step.shift for end in (done.lowest, done.highest))
    return Filtered(done.pixels, (step.geometry,), done.plans, ends[0], ends[1], done.clipped)


@record(eq=False)
class _Step:
    """What the engine takes for one kernel, and response = slope·sum + shift."""

    taps: engine.Taps
    geometry: Geometry
    outside: engine.Border2D
    finish: engine.Finish
    options: engine.Options
    slope: float
    shift: float


@lru_cache(maxsize=64)
def _step(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    kernel: AnyKernel,
    spec: Spec,
    target: Target,
    scale: float | str,
) -> _Step:
    """Work out what the engine takes; once for pictures of a kind."""
    geometry = _geometry(shape, kernel, spec)
    double = spec.precision is Precision.DOUBLE or dtype == np.float64
    taps, divisor = taps_of(kernel, flip=spec.convolve, double=double)
    slope, shift = _scaled(kernel, _response(kernel, divisor, target), scale, target)
    return _Step(
        taps,
        geometry,
        engine.Border2D(spec.border, fill_level(spec.fill, dtype, target.level)),
        engine.finish(
            target.mapping, target.dtype, maximum=target.maximum, slope=slope, shift=shift
        ),
        replace(_options(spec), stretch=target.mapping is Mapping.NORMALIZE, watch=target.watch),
        float(slope),
        float(shift),
    )


def plan_array(
    shape: tuple[int, ...], dtype: np.dtype[Any], kernel: AnyKernel, spec: Spec
) -> engine.Plan:
    """Return how an array of that shape and sample type would be filtered."""
    geometry = _geometry(shape, kernel, spec)
    double = spec.precision is Precision.DOUBLE or dtype == np.float64
    taps, _ = taps_of(kernel, flip=spec.convolve, double=double)
    layout = engine.lay_out_for(shape, taps, geometry, engine.Border2D(spec.border))
    return engine.plan_for(dtype, taps, layout, _options(spec))[0]


def _geometry(shape: tuple[int, ...], kernel: AnyKernel, spec: Spec) -> Geometry:
    """Lay a kernel over an array, and refuse absurd results."""
    geometry = plan_geometry(
        (shape[0], shape[1]),
        kernel.shape,
        stride=spec.stride,
        dilation=spec.dilation,
        padding=spec.padding,
        flip=spec.convolve,
    )
    _check_size(geometry)
    return geometry


def _options(spec: Spec) -> engine.Options:
    double = spec.precision is Precision.DOUBLE
    return engine.Options(jobs=spec.jobs, method=str(spec.method), double=double)


def _check_size(geometry: Geometry) -> None:
    """Refuse a result that padding makes far larger than its source."""
    rows, cols = geometry.out
    most = max(MOST_PIXELS, 4 * geometry.rows.size * geometry.cols.size)
    if rows * cols > most:
        raise GeometryError(
            f"the result would have {rows:,} × {cols:,} pixels; expected at most {most:,} from "
            f"this picture: use a smaller --padding"
        )


def _response(kernel: AnyKernel, divisor: float, target: Target) -> tuple[Fraction, Fraction]:
    """(slope, shift): response = slope·sum + shift, in levels of the source."""
    if isinstance(kernel, Kernel):
        return 1 / Fraction(divisor), Fraction(kernel.offset) * target.level
    if kernel.full_scale is not None:
        full = Fraction(target.maximum) / Fraction(kernel.full_scale)
        unit = full if target.in_pixels else Fraction(1)
        return unit / Fraction(kernel.divisor), Fraction(0)
    return 1 / (Fraction(divisor) * Fraction(kernel.divisor)), Fraction(0)


def _scaled(
    kernel: AnyKernel,
    response: tuple[Fraction, Fraction],
    scale: float | str,
    target: Target,
) -> tuple[Fraction, Fraction]:
    """Multiply a response by the spec's scale, or by what makes overflow impossible."""
    slope, shift = response
    if not isinstance(scale, str):
        factor = Fraction(str(scale))
        return slope * factor, shift * factor
    low, high = (Fraction(end) for end in response_range(kernel, target))
    top = Fraction(target.maximum)
    if target.mapping in (Mapping.RAW, Mapping.NORMALIZE):
        return slope, shift
    if target.mapping is Mapping.CLIP and low < 0:
        factor = top / (high - low) if low < high else Fraction(1)
        return slope * factor, (shift - low) * factor
    room = target.half if target.mapping is Mapping.OFFSET else top
    factor = min(Fraction(1), room / max(abs(low), abs(high), Fraction(1, 10**9)))
    return slope * factor, shift * factor


def response_range(kernel: AnyKernel, target: Target) -> tuple[float, float]:
    """Least and greatest response there can be to samples in `target.samples`.

    For compounds the greatest is a bound that no picture need reach.
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
        high = target.maximum
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
        ends = response_range(kernel, _between(target, target.dtype))
        if spec.border is Border.ZERO:
            ends = (min(ends[0], 0.0), max(ends[1], 0.0))
        if spec.border is Border.CONSTANT:
            fill = spec.fill * float(target.level)
            ends = (min(ends[0], fill), max(ends[1], fill))
        target = replace(target, samples=ends)
    return target


def _between(target: Target, dtype: np.dtype[Any]) -> Target:
    """Return the target of a step that another follows: responses as they are, in levels."""
    return replace(target, dtype=dtype, mapping=Mapping.RAW, between=True, watch=False)


def fill_level(fill: float, dtype: np.dtype[Any], level: Fraction) -> float:
    """Turn a fill value into a sample of the source, a whole one if those are."""
    value = float(Fraction(fill) * level)
    if dtype.kind != "u":
        return value
    return float(np.clip(np.floor(value + 0.5), 0, np.iinfo(dtype).max))


def without_offset(kernels: Sequence[AnyKernel]) -> tuple[AnyKernel, ...]:
    """Return the kernels, the last one without its offset."""
    last = kernels[-1]
    return (*kernels[:-1], replace(last, offset=0) if isinstance(last, Kernel) else last)


def store_responses(
    responses: NDArray[Any], kernel: AnyKernel | None, spec: Spec, target: Target
) -> Filtered:
    """Turn responses into samples, as `filter_array` does.

    Parameters
    ----------
    responses
        Floats in levels of the source, before the kernel's offset and the spec's scale.
    kernel
        What gave them; None for samples that are only brought to another type.
    spec, target
        As `filter_array` takes them.
    """
    slope, shift = Fraction(1), Fraction(0)
    if kernel is not None:
        if isinstance(kernel, Kernel):
            shift = Fraction(kernel.offset) * target.level
        elif kernel.full_scale is not None and not target.in_pixels:
            slope = Fraction(kernel.full_scale) / Fraction(target.maximum)
        slope, shift = _scaled(kernel, (slope, shift), spec.scale, target)
    finish = engine.finish(
        target.mapping, target.dtype, maximum=target.maximum, slope=slope, shift=shift
    )
    samples = np.asarray(responses, dtype=np.promote_types(responses.dtype, np.float32))
    if target.mapping is Mapping.NORMALIZE:
        finish = finish.stretch(float(samples.min()), float(samples.max()))
    done = engine.store(samples, finish)
    ends = sorted(float(slope) * end + float(shift) for end in (done.lowest, done.highest))
    return Filtered(done.pixels, (), (), ends[0], ends[1], done.clipped)
