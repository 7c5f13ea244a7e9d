"""Correlation made ready for images of one shape and sample type, and run on them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from convcli.engine import native
from convcli.engine.accumulators import Accumulator
from convcli.engine.bands import Bands, Seen, Storing
from convcli.engine.finish import Finish
from convcli.engine.options import Border2D, Options
from convcli.engine.passes import KernelSet, Passes, box_passes, one_pass, two_passes
from convcli.engine.plan import (
    NEEDS_FINITE,
    Choice,
    How,
    Plan,
    choose,
    cut,
    make_plan,
)
from convcli.engine.scratch import Scratch
from convcli.engine.strips import Layout, Source, lay_out
from convcli.engine.tiled import TileGroups
from convcli.geometry import Geometry
from convcli.processors import processors
from convcli.record import record, replace


class ArrayKind(NamedTuple):
    """What images are like: (rows, cols) or (rows, cols, channels), and their sample type."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def prepare(
    kind: ArrayKind,
    kernel_set: KernelSet,
    geometry: Geometry,
    outside: Border2D,
    finish: Finish,
    options: Options,
) -> Prepared:
    """Plan and lay out the correlation of images with one kernel, or with several.

    Parameters
    ----------
    kind
        Of the images, which are of uint8, uint16, float32 or float64.
    kernel_set
        What is summed.
    geometry
        Of an image under the kernel.
    outside
        What lies outside an image.
    finish
        How sums become samples.
    options
        Threads, precision, and whether to stretch the sums seen over the whole range.
    """
    shape, dtype = kind
    layout = lay_out_for(shape, kernel_set, geometry, outside)
    plan, choice = plan_for(dtype, kernel_set, layout, options)
    source = Source(layout.channels * geometry.cols.size, dtype)
    keeps_channels = len(shape) == 3 and kernel_set.weights.ndim == 3
    return Prepared(
        _loops_of(source, kernel_set, layout, choice, outside.level),
        (*geometry.out, shape[2]) if keeps_channels else geometry.out,
        plan,
        choice,
        finish,
        options,
    )


@record(eq=False)
class Prepared:
    """A correlation that only needs an image.

    Parameters
    ----------
    loops
        What runs the loops over some rows.
    shape
        Of the result.
    plan, choice
        How it is computed; the threads are those that there were when it was planned.
    finish, options
        As `prepare` takes them.
    """

    loops: Bands | TileGroups
    shape: tuple[int, ...]
    plan: Plan
    choice: Choice
    finish: Finish
    options: Options

    @property
    def planned(self) -> Plan:
        """The plan, on as many threads as there may be now."""
        jobs = self.options.jobs or processors()
        return self.plan if self.plan.jobs == jobs else replace(self.plan, jobs=jobs)

    def seen(self, sums: Seen) -> Seen:
        """Return what was seen of a kernel's sums, given what was of those that were stored."""
        divisor = self.choice.divisor
        return Seen(sums.lowest / divisor, sums.highest / divisor, sums.clipped)

    def load(self) -> None:
        """Have the loops loaded before there is an image."""
        _ = self.scratch

    @cached_property
    def spreads(self) -> bool:
        """Whether one sample that isn't finite would spoil others' sums."""
        method, kernel_set = self.plan.method, self.loops.kernel_set
        if not self.options.finite:
            return False
        return method in NEEDS_FINITE or (method == "separable" and kernel_set.combine != "")

    @cached_property
    def uneven(self) -> Prepared:
        """The same for images whose samples are not finite, or drown others."""
        loops, options = self.loops, replace(self.options, finite=False)
        plan, choice = plan_for(loops.source.dtype, loops.kernel_set, loops.layout, options)
        again = _loops_of(loops.source, loops.kernel_set, loops.layout, choice, loops.fill)
        return replace(self, loops=again, plan=plan, choice=choice, options=options)

    @cached_property
    def scratch(self) -> Callable[[], Scratch]:
        """Makes what a thread needs."""
        choice, kernel_set = self.choice, self.loops.kernel_set
        finish = replace(self.finish, slope=self.finish.slope / choice.divisor)
        sums, largest, exact = _sums(choice.accumulator, kernel_set)
        store, numbers = finish.loop(sums, largest, exact)
        watch = self.options.watch or self.options.stretch
        storing = Storing(numbers, finish.limits(sums), watch)
        loop = native.load(*self.loops.entry(store, finish.dtype, storing))
        return partial(self.loops.scratch, loop, finish.dtype, storing)


def _sums(accumulator: Accumulator, kernel_set: KernelSet) -> tuple[np.dtype[Any], float, bool]:
    """What is known of the sums that are stored: their type, greatest size, and exactness."""
    if not kernel_set.combine:
        return accumulator.dtype, accumulator.largest, accumulator.exact
    exact = accumulator.exact and kernel_set.combine in ("max", "max-abs", "sum-abs")
    return np.dtype(np.float64), accumulator.largest * len(kernel_set.weights), exact


def plan_for(
    dtype: np.dtype[Any], kernel_set: KernelSet, layout: Layout, options: Options
) -> tuple[Plan, Choice]:
    """Return how an image of that sample type would be filtered, and what was chosen.

    Parameters
    ----------
    dtype
        Of the image.
    kernel_set, layout, options
        What is summed, where it lies, and how it is run.
    """
    how = How(options.method, options.double, options.jobs or processors(), options.finite)
    return _plan_for(dtype, kernel_set, layout, how)


@lru_cache(maxsize=32)
def _plan_for(
    dtype: np.dtype[Any], kernel_set: KernelSet, layout: Layout, how: How
) -> tuple[Plan, Choice]:
    chosen, others = choose(kernel_set, layout, dtype, how)
    return make_plan(chosen, others, cut(chosen, layout, dtype).rows, how.jobs), chosen


def lay_out_for(
    shape: tuple[int, ...], kernel_set: KernelSet, geometry: Geometry, outside: Border2D
) -> Layout:
    """Lay out strips for an image of that shape, channels last."""
    channels = 1 if len(shape) == 2 else shape[2]
    return lay_out(geometry, outside.border, channels, parted=kernel_set.weights.ndim == 4)


def _loops_of(
    source: Source, kernel_set: KernelSet, layout: Layout, choice: Choice, fill: float
) -> Bands | TileGroups:
    """Gather what the loops take."""
    if choice.tiling is not None:
        return TileGroups(source, kernel_set, layout, choice.tiling, fill)
    work, respond = choice.accumulator.dtype, f"respond_{choice.loop}"
    strips = cut(choice, layout, source.dtype)
    passes = _passes(choice, kernel_set, layout)
    return Bands(source, kernel_set, layout, passes, respond, work, strips, fill)


@lru_cache(maxsize=32)
def _passes(choice: Choice, kernel_set: KernelSet, layout: Layout) -> Passes:
    """Gather what the respond loop of a choice takes."""
    work = choice.accumulator.dtype
    if choice.method == "box":
        return box_passes(kernel_set, work)
    if choice.method in ("separable", "lowrank") and kernel_set.terms is not None:
        return two_passes(kernel_set.terms, layout, work)
    return one_pass(kernel_set, layout, choice.at_once, work)
