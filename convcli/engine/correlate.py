"""Correlation of one array: plan, lay out, run the loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.borders import Border
from convcli.engine import native
from convcli.engine.finish import Finish
from convcli.engine.plan import Accumulator, Plan, choose_accumulator, strip_rows
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
    combine
        How the sums of several kernels become one: the end of a `combine_…` loop's name, with
        hyphens; '' for a single kernel.
    share
        For `share`: how many kernels are the share.
    """

    weights: NDArray[Any]
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
    """How to run: `jobs` threads, None for all processors; `double` precision; `stretch`."""

    jobs: int | None = None
    double: bool = False
    stretch: bool = False


@dataclass(frozen=True)
class _Run:
    """All that a band of rows needs, made once."""

    source: NDArray[Any]
    shape: tuple[int, ...]
    taps: Taps
    layout: Layout
    fill: float
    offsets: NDArray[np.int64]
    weights: NDArray[Any]
    accumulator: Accumulator
    plan: Plan

    def filtered(self, finish: Finish) -> Finished:
        """Run the loops over all bands and gather what they saw."""
        out = _allocate(self.shape, finish.dtype)
        rows = out.reshape(self.shape[0], -1)
        combined = bool(self.taps.combine)
        sums = np.dtype(np.float64) if combined else self.accumulator.dtype
        largest = self._largest_combined() if combined else self.accumulator.largest
        exact = self.accumulator.exact and self.taps.combine in (
            "",
            "max",
            "max-abs",
            "sum-abs",
        )
        store, numbers = finish.loop(sums, largest, exact)
        limits = np.array(finish.limits())

        loop = self._loop(store, rows.dtype, numbers.dtype)

        def work(first: int, last: int) -> NDArray[np.float64]:
            stats = np.array([inf, -inf, 0.0])
            self._call(loop, first, last, (rows, numbers, limits, stats))
            return stats

        seen = np.array(run_bands(self.shape[0], rows.shape[1], self.plan.jobs, work))
        lowest, highest = float(seen[:, 0].min()), float(seen[:, 1].max())
        if lowest > highest:  # nothing but NaN
            lowest = highest = nan
        return Finished(out, (self.plan,), lowest, highest, int(seen[:, 2].sum()))

    def _loop(self, store: str, out: np.dtype[Any], real: np.dtype[Any]) -> Callable[..., None]:
        types = (self.source.dtype.name, self.accumulator.dtype.name, out.name, real.name)
        if self.taps.combine:
            combine = "combine_" + self.taps.combine.replace("-", "_")
            return native.load("compound_band", (store, combine), types)
        return native.load("band", (store,), types)

    def _call(
        self, loop: Callable[..., None], first: int, last: int, target: tuple[Any, ...]
    ) -> None:
        """Call a compiled band for some rows, with scratch of its own."""
        layout, work, samples = self.layout, self.accumulator.dtype, self.layout.samples
        height = (self.plan.strip_rows - 1) * layout.stride + layout.span
        strip = np.empty(height * len(layout.col_source), dtype=work)
        out, *rest = target
        sizes = np.array(
            (
                first,
                last,
                self.plan.strip_rows,
                layout.stride,
                layout.span,
                samples,
                *layout.run,
            ),
            dtype=np.int64,
        )
        fill = np.array([self.fill], dtype=work)
        opening = (self.source, layout.row_source, layout.col_source, fill, self.offsets)
        if self.taps.combine:
            loop(
                *opening,
                self.weights,
                np.array([self.taps.share], dtype=np.int64),
                strip,
                np.empty((len(self.weights), samples), dtype=work),
                np.empty(samples, dtype=np.float64),
                out,
                sizes,
                *rest,
            )
        else:
            acc = np.empty(samples, dtype=work)
            loop(*opening, self.weights[0], strip, acc, out, sizes, *rest)

    def _largest_combined(self) -> float:
        return self.accumulator.largest * len(self.weights)


def _prepare(
    pixels: NDArray[Any], taps: Taps, geometry: Geometry, outside: Border2D, options: Options
) -> _Run:
    """Choose the accumulator and lay the picture out."""
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    parted = taps.weights.ndim == 4
    layout = lay_out(geometry, outside.border, channels, parted=parted)
    flat = taps.weights.reshape(len(taps.weights), -1)
    used = np.flatnonzero(flat.any(axis=0))
    accumulator = choose_accumulator(flat, pixels.dtype, double=options.double)
    weights = np.ascontiguousarray(flat[:, used].astype(accumulator.dtype))
    jobs = options.jobs or processors()
    pitch = len(layout.col_source)
    rows = strip_rows(pitch, accumulator.dtype.itemsize, layout.stride, layout.span)
    count = len(used) * len(flat)
    plan = Plan(
        method="direct",
        accumulator=accumulator.dtype.name,
        exact=accumulator.exact,
        taps=count,
        strip_rows=rows,
        jobs=jobs,
        reason=f"direct: {count} taps that are not zero; {accumulator.reason}",
    )
    return _Run(
        source=np.ascontiguousarray(pixels).reshape(pixels.shape[0], -1),
        shape=(*geometry.out, channels) if pixels.ndim == 3 and not parted else geometry.out,
        taps=taps,
        layout=layout,
        fill=outside.level,
        offsets=np.ascontiguousarray(layout.tap_offsets.ravel()[used]),
        weights=weights,
        accumulator=accumulator,
        plan=plan,
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
