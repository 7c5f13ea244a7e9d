"""Kernels applied to arrays: which numbers the engine needs for a kernel and a spec."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property, lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.errors import GeometryError, UsageError
from convcli.geometry import Geometry, plan_geometry
from convcli.kernels.kernel import AnyKernel, Compound, Kernel
from convcli.kernels.linear import check_linear
from convcli.pipeline.kernel_set import kernel_set_of, upside_down
from convcli.pipeline.responses import (
    Target,
    after,
    between,
    fill_level,
    finish_of,
    response,
    scaled,
)
from convcli.record import record, replace
from convcli.spec import Mapping, Precision, Spec

if TYPE_CHECKING:
    from convcli.pipeline.soft import Soft, Softened

#: Pixels that a result may have however small its source is: 4 GB of three float channels.
MOST_PIXELS = 2**28
#: Rows made together up to which whoever asks for rows asks for those.
_FEW_ROWS = 2


@record(eq=False)
class Filtered:
    """An array under kernels, one after the other, its rows made on demand.

    Parameters
    ----------
    rows
        The last kernel's correlation, which has seen the rows that were made.
    steps
        The kernels, made ready.
    """

    rows: engine.Stage
    steps: tuple[Step, ...]

    @cached_property
    def pixels(self) -> NDArray[Any]:
        """All rows."""
        return self.rows.whole(self.jobs)

    @property
    def jobs(self) -> int:
        """Threads that may ask for rows."""
        return self.steps[-1].prepared.planned.jobs

    @property
    def _seen(self) -> engine.Seen:
        """What was seen of sums; of others nobody asks it."""
        seen: engine.Seen = getattr(self.rows, "seen", engine.Seen(0.0, 0.0, 0))
        return seen

    @property
    def geometries(self) -> tuple[Geometry, ...]:
        """One a kernel, in order."""
        return tuple(step.geometry for step in self.steps)

    @property
    def plans(self) -> tuple[engine.Plan, ...]:
        """One a kernel, in order."""
        return tuple(step.prepared.planned for step in self.steps)

    @property
    def samples(self) -> int:
        """Of the result."""
        return prod(self.rows.shape)

    @property
    def ends(self) -> tuple[float, float]:
        """The range of the responses in the rows that were made, in levels of the source."""
        return self.steps[-1].ends(self._seen)

    @property
    def clipped(self) -> int:
        """Samples of the rows that were made and did not fit the result's range."""
        return self._seen.clipped


def own_mapping(kernels: Sequence[AnyKernel]) -> Mapping:
    """Return the mapping of a chain: the last kernel's own, or `abs` if the response is signed."""
    signed = False
    for kernel in kernels:
        own = kernel.default_mapping
        signed = own == "abs" or (signed and isinstance(kernel, Kernel) and kernel.offset == 0)
    return Mapping.ABS if signed else Mapping(kernels[-1].default_mapping)


def overridden(kernels: Sequence[AnyKernel], spec: Spec) -> tuple[AnyKernel, ...]:
    """Return the kernels as the spec has them: turned, its divisor and bias for their own.

    Raises
    ------
    UsageError
        If there are several kernels, or the kernel is a compound: which one is meant? Or if a
        hue is asked for of a kernel without a direction.
    """
    if (spec.mapping or own_mapping(kernels)) is Mapping.HUE:
        from convcli.pipeline.directions import check_direction

        check_direction(kernels[-1], spec)
    if spec.flip_rows:
        kernels = [upside_down(kernel) for kernel in kernels]
    if spec.divisor is None and spec.bias is None:
        return tuple(kernels)
    if len(kernels) > 1:
        raise UsageError(
            "`divisor` and `bias` change one kernel, and there are several; "
            "write a divisor into a kernel instead, as in '[[1,2,1],[2,4,2],[1,2,1]]/16'"
        )
    kernel = kernels[0]
    if spec.divisor is not None:
        check_linear(kernel, "`divisor`")
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
    """Apply kernels to an array one after the other, without rounding between them.

    Parameters
    ----------
    pixels
        (rows, cols) or (rows, cols, channels), of uint8, uint16, float32 or float64.
    kernels, spec, target
        As `steps_for` takes them.
    """
    steps = steps_for(pixels.shape, pixels.dtype, kernels, spec, target)
    return filter_rows(engine.Held(pixels), steps)


def filter_rows(source: engine.Rows, steps: tuple[Step, ...]) -> Filtered:
    """Have rows filtered as they are asked for, by kernels that were made ready for them.

    Parameters
    ----------
    source
        The rows.
    steps
        One a kernel, in order.
    """
    done: list[Step] = []
    for step in steps:
        last = step.over(source)
        done.append(replace(step, prepared=last.prepared))
        source = one_by_one(last, last.prepared.planned.jobs)
    return Filtered(last, tuple(done))


def one_by_one(stage: engine.Stage, jobs: int, *, once: bool = False) -> engine.Stage:
    """Return a stage that gives rows one by one, where another makes many together.

    Parameters
    ----------
    stage, jobs, once
        As `engine.Blocks` takes them.
    """
    return engine.Blocks(stage, jobs, once=once) if stage.step > _FEW_ROWS else stage


def steps_for(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    kernels: Sequence[AnyKernel],
    spec: Spec,
    target: Target,
) -> tuple[Step, ...]:
    """Make kernels ready that are applied one after the other, without rounding between them.

    Parameters
    ----------
    shape, dtype
        Of the array: (rows, cols) or (rows, cols, channels), of uint8, uint16, float32 or float64.
    kernels
        At least one.
    spec
        Its border, geometry, scale, precision and threads are used here.
    target
        What the result should be.
    """
    real = sums_type(dtype, spec)
    steps: list[Step] = []
    for kernel in kernels[:-1]:
        steps.append(step_of(shape, dtype, kernel, spec, between(target, real), 1.0))
        shape, dtype = steps[-1].prepared.shape, real
    target = after(kernels[:-1], spec, target)
    steps.append(step_of(shape, dtype, kernels[-1], spec, target, spec.scale))
    return tuple(steps)


def sums_type(dtype: np.dtype[Any], spec: Spec) -> np.dtype[Any]:
    """Return the type of what a kernel leaves of samples of a type to one that follows."""
    double = spec.precision is Precision.DOUBLE or dtype == np.float64
    return np.dtype(np.float64 if double else np.float32)


def prepare_array(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    kernel: AnyKernel,
    spec: Spec,
    target: Target,
) -> engine.Prepared:
    """Make one kernel ready for arrays of a shape and sample type, as `filter_array` takes it."""
    check_linear(kernel, "a correlation")
    return step_of(shape, dtype, kernel, spec, target, spec.scale).prepared


@record(eq=False)
class Step:
    """One kernel made ready for images of a kind, and response = slope·sum + shift."""

    prepared: engine.Prepared
    geometry: Geometry
    slope: float
    shift: float
    soft: Soft | None = None

    def over(self, source: engine.Rows) -> engine.Correlated | Softened:
        """Have rows filtered."""
        responses = engine.correlated(self.prepared, source)
        return self.soft.over(responses, source) if self.soft else responses

    def ends(self, seen: engine.Seen) -> tuple[float, float]:
        """Return the range of responses, given that of sums."""
        low, high = sorted(self.slope * end + self.shift for end in (seen.lowest, seen.highest))
        return low, high


@lru_cache(maxsize=64)
def step_of(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    kernel: AnyKernel,
    spec: Spec,
    target: Target,
    scale: float | str,
) -> Step:
    """Make a kernel ready; once for images of a kind."""
    geometry = lay_over(shape, kernel, spec)
    double = spec.precision is Precision.DOUBLE or dtype == np.float64
    kernel_set, divisor = kernel_set_of(kernel, flip=spec.convolve, double=double)
    slope, shift = response(kernel, divisor, target)
    if target.zero:
        shift -= slope * Fraction(target.zero) * Fraction(kernel_set.weights.sum().item())
    slope, shift = scaled(kernel, (slope, shift), scale, target)
    finish = finish_of(target, slope, shift, spec)
    stretches = target.mapping is Mapping.NORMALIZE
    if stretches and target.span is not None:
        finish = finish.stretch(*sums_of(target.span, slope, shift))
        stretches = False
    outside = engine.Border2D(spec.border, fill_level(spec.fill, dtype, target))
    options = replace(_options(spec), stretch=stretches, watch=target.watch)
    prepared = engine.prepare(
        engine.ArrayKind(shape, dtype), kernel_set, geometry, outside, finish, options
    )
    soft = None
    if threshold := getattr(kernel, "threshold", 0):
        from convcli.pipeline.soft import Soft

        soft = Soft(threshold * float(target.level), geometry, spec, target)
    return Step(prepared, geometry, float(slope), float(shift), soft)


def sums_of(span: tuple[float, float], slope: Fraction, shift: Fraction) -> tuple[float, float]:
    """Return the least and the greatest sum that give a range of responses."""
    if slope == 0:
        return 0.0, 0.0
    ends = [float((Fraction(end) - shift) / slope) for end in span]
    return min(ends), max(ends)


def plan_array(
    shape: tuple[int, ...], dtype: np.dtype[Any], kernel: AnyKernel, spec: Spec
) -> engine.Plan:
    """Return how an array of that shape and sample type would be filtered."""
    geometry = lay_over(shape, kernel, spec)
    double = spec.precision is Precision.DOUBLE or dtype == np.float64
    kernel_set, _ = kernel_set_of(kernel, flip=spec.convolve, double=double)
    layout = engine.lay_out_for(shape, kernel_set, geometry, engine.Border2D(spec.border))
    return engine.plan_for(dtype, kernel_set, layout, _options(spec))[0]


def lay_over(shape: tuple[int, ...], kernel: AnyKernel, spec: Spec) -> Geometry:
    """Lay a kernel over an array, and refuse absurd results."""
    geometry = plan_geometry(
        (shape[0], shape[1]),
        kernel.shape,
        stride=spec.stride,
        dilation=spec.dilation,
        padding=spec.padding,
        flip=spec.convolve,
        anchor=spec.anchor,
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
