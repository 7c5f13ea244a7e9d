"""Kernels applied to arrays: which numbers the engine needs for a kernel and a spec."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.errors import GeometryError, UsageError
from convcli.geometry import Geometry, plan_geometry
from convcli.kernels.kernel import Compound, Kernel
from convcli.record import field, record, replace
from convcli.responses import Target, after, between, fill_level, response, scaled
from convcli.spec import Mapping, Precision, Spec
from convcli.taps import AnyKernel, taps_of

#: Pixels that a result may have however small its source is: 4 GB of three float channels.
MOST_PIXELS = 2**28


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

    @property
    def samples(self) -> int:
        """Of the result."""
        return self.pixels.size


@record(eq=False)
class Begun:
    """A filtered array whose rows are made as they are asked for; what `Filtered` has beside.

    Parameters
    ----------
    rows
        Makes them.
    step
        The kernel, made ready.
    """

    rows: engine.Rows
    step: _Step

    @property
    def geometries(self) -> tuple[Geometry, ...]:
        """That of the one kernel."""
        return (self.step.geometry,)

    @property
    def plans(self) -> tuple[engine.Plan, ...]:
        """That of the one kernel."""
        return (self.step.prepared.planned,)

    @property
    def samples(self) -> int:
        """Of the result."""
        return prod(self.rows.shape)

    @property
    def lowest(self) -> float:
        """The least response of the rows that were made."""
        return min(self._ends)

    @property
    def highest(self) -> float:
        """The greatest response of the rows that were made."""
        return max(self._ends)

    @property
    def clipped(self) -> int:
        """Samples of the rows that were made and did not fit."""
        return self.rows.seen.clipped

    @property
    def _ends(self) -> tuple[float, float]:
        return self.step.ends(self.step.prepared.seen(self.rows.seen))


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
            "`divisor` and `bias` change one kernel, and there are several; "
            "write a divisor into a kernel instead, as in '[[1,2,1],[2,4,2],[1,2,1]]/16'"
        )
    kernel = kernels[0]
    divisor = kernel.divisor if spec.divisor is None else spec.divisor
    if isinstance(kernel, Compound):
        if spec.bias is not None:
            raise UsageError(
                f"`bias` can't be added to {kernel.name!r}, which combines several kernels; "
                f"use `mapping` offset to shift its result"
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
    real = np.dtype(np.float64 if double else np.float32)
    geometries: list[Geometry] = []
    plans: list[engine.Plan] = []
    for kernel in kernels[:-1]:
        step = _filter(pixels, kernel, spec, between(target, real))
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


def begin_array(
    pixels: NDArray[Any], kernel: AnyKernel, spec: Spec, target: Target
) -> Begun | None:
    """Apply one kernel as rows are asked for; None where all are better made at once.

    Parameters
    ----------
    pixels, kernel, spec, target
        As `filter_array` takes them.
    """
    step = _step(pixels.shape, pixels.dtype, kernel, spec, target, spec.scale)
    rows = step.prepared.begin(pixels)
    return Begun(rows, step) if rows else None


def prepare_array(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    kernel: AnyKernel,
    spec: Spec,
    target: Target,
) -> engine.Prepared:
    """Make one kernel ready for arrays of a shape and sample type, as `filter_array` takes it."""
    return _step(shape, dtype, kernel, spec, target, spec.scale).prepared


def _filter(
    pixels: NDArray[Any],
    kernel: AnyKernel,
    spec: Spec,
    target: Target,
    scale: float | str = 1.0,
) -> Filtered:
    """Apply one kernel."""
    step = _step(pixels.shape, pixels.dtype, kernel, spec, target, scale)
    done = step.prepared.run(pixels)
    ends = step.ends(done)
    return Filtered(done.pixels, (step.geometry,), done.plans, *ends, done.clipped)


@record(eq=False)
class _Step:
    """One kernel made ready for images of a kind, and response = slope·sum + shift."""

    prepared: engine.Prepared
    geometry: Geometry
    slope: float
    shift: float

    def ends(self, seen: engine.Finished | engine.Seen) -> tuple[float, float]:
        """Return the range of responses, given that of sums."""
        low, high = sorted(self.slope * end + self.shift for end in (seen.lowest, seen.highest))
        return low, high


@lru_cache(maxsize=64)
def _step(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    kernel: AnyKernel,
    spec: Spec,
    target: Target,
    scale: float | str,
) -> _Step:
    """Make a kernel ready; once for images of a kind."""
    geometry = _geometry(shape, kernel, spec)
    double = spec.precision is Precision.DOUBLE or dtype == np.float64
    taps, divisor = taps_of(kernel, flip=spec.convolve, double=double)
    slope, shift = scaled(kernel, response(kernel, divisor, target), scale, target)
    finish = engine.finish(
        target.mapping, target.dtype, maximum=target.maximum, slope=slope, shift=shift
    )
    stretches = target.mapping is Mapping.NORMALIZE
    if stretches and target.span is not None:
        finish = finish.stretch(*_sums(target.span, slope, shift))
        stretches = False
    outside = engine.Border2D(spec.border, fill_level(spec.fill, dtype, target.level))
    options = replace(_options(spec), stretch=stretches, watch=target.watch)
    prepared = engine.prepare(engine.Kind(shape, dtype), taps, geometry, outside, finish, options)
    return _Step(prepared, geometry, float(slope), float(shift))


def _sums(span: tuple[float, float], slope: Fraction, shift: Fraction) -> tuple[float, float]:
    """Return the least and the greatest sum that give a range of responses."""
    if slope == 0:
        return 0.0, 0.0
    ends = [float((Fraction(end) - shift) / slope) for end in span]
    return min(ends), max(ends)


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
            f"this image: use a smaller `padding`"
        )


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
        slope, shift = scaled(kernel, (slope, shift), spec.scale, target)
    finish = engine.finish(
        target.mapping, target.dtype, maximum=target.maximum, slope=slope, shift=shift
    )
    samples = np.asarray(responses, dtype=np.promote_types(responses.dtype, np.float32))
    if target.mapping is Mapping.NORMALIZE:
        own = float(samples.min()), float(samples.max())
        finish = finish.stretch(*(_sums(target.span, slope, shift) if target.span else own))
    done = engine.store(samples, finish)
    ends = sorted(float(slope) * end + float(shift) for end in (done.lowest, done.highest))
    return Filtered(done.pixels, (), (), ends[0], ends[1], done.clipped)
