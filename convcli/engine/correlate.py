"""Correlation of one array: plan, lay out, run the loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convcli.borders import Border
from convcli.engine import native
from convcli.engine.finish import Finish
from convcli.engine.plan import (
    Accumulator,
    Plan,
    choose_accumulator,
    choose_method,
    strip_rows,
)
from convcli.engine.strips import Layout, lay_out, processors, run_bands
from convcli.errors import ImageError
from convcli.geometry import Geometry


@dataclass(frozen=True)
class Taps:
    """What is summed.

    Parameters
    ----------
    weights
        (kernels, rows, cols), each kernel applied to every channel alike; or
        (kernels, channels, rows, cols), each kernel summing over the channels. int64 if whole.
    factors
        ((kernels, rows), (kernels, cols)) columns and rows whose products are the weights, of
        the weights' type; None if some kernel is no such product.
    combine
        How the sums of several kernels become one: the end of a `combine_…` loop's name, with
        hyphens; '' for a single kernel.
    share
        For `share`: how many kernels are the share.
    """

    weights: NDArray[Any]
    factors: tuple[NDArray[Any], NDArray[Any]] | None = None
    combine: str = ""
    share: int = 0


@dataclass(frozen=True)
class Finished:
    """A result, and what was seen on the way.

    Parameters
    ----------
    pixels
        (rows, cols) or (rows, cols, channels).
    plans
        How it was computed; none if it wasn't here.
    lowest, highest
        The least and the greatest sum.
    clipped
        Samples that did not fit the result's range.
    """

    pixels: NDArray[Any] = field(repr=False)
    plans: tuple[Plan, ...]
    lowest: float
    highest: float
    clipped: int


@dataclass(frozen=True)
class Border2D:
    """What lies outside a picture, for both axes.

    Parameters
    ----------
    border
        Where a sample outside comes from.
    fill
        The value of samples that come from nowhere under a `constant` border, in levels of the
        picture; it is 0 under `zero`.
    """

    border: Border = Border.REPLICATE
    fill: float = 0.0

    @property
    def level(self) -> float:
        """The value of samples that come from nowhere."""
        return 0.0 if self.border is Border.ZERO else self.fill


def correlate_planned(
    pixels: NDArray[Any],
    taps: Taps,
    geometry: Geometry,
    outside: Border2D,
    finish: Finish,
    options: Options | None = None,
) -> Finished:
    """Correlate a picture with one kernel, or with several whose sums are combined.

    Parameters
    ----------
    pixels
        (rows, cols) or (rows, cols, channels), of uint8, uint16, float32 or float64.
    taps
        What is summed.
    geometry
        Of the picture under the kernel.
    outside
        What lies outside the picture.
    finish
        How sums become samples.
    options
        Threads, precision, and whether to stretch the sums seen over the whole range.

    Returns
    -------
    Finished
        The same to the bit for whole weights and integer samples, whatever the threads.
    """
    options = options or Options()
    run = _prepare(pixels, taps, geometry, outside, options)
    result = run.filtered(finish)
    if options.stretch and result.lowest < result.highest:
        stretched = run.filtered(finish.stretch(result.lowest, result.highest))
        return Finished(
            stretched.pixels, result.plans, result.lowest, result.highest, stretched.clipped
        )
    return result


@dataclass(frozen=True)
class Options:
    """How to run: `jobs` threads, None for all processors; `double` precision; `stretch`.

    `method` is `auto`, `direct` or `separable`.
    """

    jobs: int | None = None
    double: bool = False
    stretch: bool = False
    method: str = "auto"


@dataclass(frozen=True)
class _Run:
    """All that a band of rows needs, made once."""

    source: NDArray[Any]
    shape: tuple[int, ...]
    taps: Taps
    layout: Layout
    fill: float
    passes: Passes
    accumulator: Accumulator
    plan: Plan

    def filtered(self, finish: Finish) -> Finished:
        """Run the loops over all bands and gather what they saw."""
        out = _allocate(self.shape, finish.dtype)
        rows = out.reshape(self.shape[0], -1)
        store, numbers = finish.loop(*self._sums())
        target = (rows, numbers, np.array(finish.limits()))
        loop = self._loop(store, rows.dtype, numbers.dtype)

        def work(first: int, last: int) -> NDArray[np.float64]:
            stats = np.array([inf, -inf, 0.0])
            self._call(loop, first, last, (*target, stats))
            return stats

        seen = np.array(run_bands(self.shape[0], rows.shape[1], self.plan.jobs, work))
        lowest, highest = float(seen[:, 0].min()), float(seen[:, 1].max())
        if lowest > highest:  # nothing but NaN
            lowest = highest = nan
        return Finished(out, (self.plan,), lowest, highest, int(seen[:, 2].sum()))

    def _sums(self) -> tuple[np.dtype[Any], float, bool]:
        """What is known of the sums that are stored: their type, greatest size, and exactness."""
        known, combine = self.accumulator, self.taps.combine
        if not combine:
            return known.dtype, known.largest, known.exact
        exact = known.exact and combine in ("max", "max-abs", "sum-abs")
        return np.dtype(np.float64), known.largest * len(self.taps.weights), exact

    def _loop(self, store: str, out: np.dtype[Any], real: np.dtype[Any]) -> Callable[..., None]:
        combine = "combine_" + (self.taps.combine or "nothing").replace("-", "_")
        functions = (f"respond_{self.plan.method}", combine, store)
        types = (self.source.dtype.name, self.accumulator.dtype.name, out.name, real.name)
        return native.load("band", functions, types)

    def _call(
        self, loop: Callable[..., None], first: int, last: int, target: tuple[Any, ...]
    ) -> None:
        """Call a compiled band for some rows, with scratch of its own."""
        layout, work, rows = self.layout, self.accumulator.dtype, self.plan.strip_rows
        pitch, samples = len(layout.col_source), layout.samples
        sizes = (first, last, rows, layout.stride, layout.span, samples, *layout.run)
        sums = np.empty((len(self.taps.weights), samples), dtype=work)
        out, *rest = target
        loop(
            self.source,
            layout.row_source,
            layout.col_source,
            np.array([self.fill], dtype=work),
            *self.passes,
            np.array([self.taps.share], dtype=np.int64),
            np.empty(((rows - 1) * layout.stride + layout.span) * pitch, dtype=work),
            np.empty(pitch, dtype=work),
            sums,
            np.empty(samples, dtype=np.float64) if self.taps.combine else sums[0],
            out,
            np.array(sizes, dtype=np.int64),
            *rest,
        )


def make_plan(
    dtype: np.dtype[Any], taps: Taps, layout: Layout, options: Options
) -> tuple[Plan, Accumulator]:
    """Return how a picture of that sample type would be filtered, and in which type.

    Parameters
    ----------
    dtype
        Of the picture.
    taps, layout, options
        What is summed, where it lies, and how it is run.
    """
    accumulator = choose_accumulator(
        taps.weights.reshape(len(taps.weights), -1), dtype, double=options.double
    )
    pitch = len(layout.col_source)
    method, cost, reason = choose_method(
        taps.weights, taps.factors, pitch / layout.samples, options.method
    )
    itemsize = accumulator.dtype.itemsize
    plan = Plan(
        method=method,
        accumulator=accumulator.dtype.name,
        exact=accumulator.exact,
        taps=cost,
        strip_rows=strip_rows(pitch, itemsize, layout.stride, layout.span),
        jobs=options.jobs or processors(),
        reason=f"{reason}; {accumulator.reason}",
    )
    return plan, accumulator


def lay_out_for(
    shape: tuple[int, ...], taps: Taps, geometry: Geometry, outside: Border2D
) -> Layout:
    """Lay out strips for a picture of that shape, channels last."""
    channels = 1 if len(shape) == 2 else shape[2]
    return lay_out(geometry, outside.border, channels, parted=taps.weights.ndim == 4)


def _prepare(
    pixels: NDArray[Any], taps: Taps, geometry: Geometry, outside: Border2D, options: Options
) -> _Run:
    """Lay the picture out, plan, and gather what the loops take."""
    layout = lay_out_for(pixels.shape, taps, geometry, outside)
    plan, accumulator = make_plan(pixels.dtype, taps, layout, options)
    keeps_channels = pixels.ndim == 3 and taps.weights.ndim == 3
    return _Run(
        source=np.ascontiguousarray(pixels).reshape(pixels.shape[0], -1),
        shape=(*geometry.out, pixels.shape[2]) if keeps_channels else geometry.out,
        taps=taps,
        layout=layout,
        fill=outside.level,
        passes=_passes(plan.method, taps, layout, accumulator.dtype),
        accumulator=accumulator,
        plan=plan,
    )


class Passes(NamedTuple):
    """Where the taps of one pass or two read, and their weights, zeros left out."""

    offsets: NDArray[np.int64]
    weights: NDArray[Any]
    row_offsets: NDArray[np.int64]
    row_weights: NDArray[Any]


def _passes(method: str, taps: Taps, layout: Layout, work: np.dtype[Any]) -> Passes:
    """Gather offsets and weights: of every tap, or of columns and of rows."""
    if method == "separable" and taps.factors is not None:
        columns, rows = taps.factors
        down = layout.tap_offsets[:, 0] - layout.tap_offsets[0, 0]
        along = layout.tap_offsets[0]
        return Passes(*_squeezed(down, columns, work), *_squeezed(along, rows, work))
    flat = taps.weights.reshape(len(taps.weights), -1)
    nothing = _squeezed(np.zeros(0, np.int64), np.zeros((len(flat), 0)), work)
    return Passes(*_squeezed(layout.tap_offsets.ravel(), flat, work), *nothing)


def _squeezed(
    offsets: NDArray[np.int64], weights: NDArray[Any], work: np.dtype[Any]
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Leave out taps that are zero in every kernel."""
    used = np.flatnonzero(weights.any(axis=0))
    return (
        np.ascontiguousarray(offsets[used]),
        np.ascontiguousarray(weights[:, used].astype(work)),
    )


def store(responses: NDArray[Any], finish: Finish) -> Finished:
    """Turn responses that were computed elsewhere into samples, as `correlate_planned` does.

    Parameters
    ----------
    responses
        Floats of any shape with at least one axis.
    finish
        How they become samples.
    """
    out = _allocate(responses.shape, finish.dtype)
    rows = np.ascontiguousarray(responses).reshape(len(responses), -1)
    name, numbers = finish.loop(rows.dtype, inf, exact=False)
    stats = np.array([inf, -inf, 0.0])
    types = (rows.dtype.name, finish.dtype.name, numbers.dtype.name)
    loop = native.load("store_rows", (name,), types)
    loop(rows, out.reshape(len(out), -1), numbers, np.array(finish.limits()), stats)
    return Finished(out, (), float(stats[0]), float(stats[1]), int(stats[2]))


def _allocate(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        return np.empty(shape, dtype=dtype)
    except MemoryError:
        size = int(np.prod(shape)) * dtype.itemsize
        raise ImageError(
            f"a result of {' × '.join(map(str, shape))} {dtype} samples takes {size:,} bytes, "
            f"more than there is memory; use a larger stride or a smaller picture"
        ) from None
