"""Correlation made ready for images of one shape and sample type, and run on them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convcli.engine import native
from convcli.engine.accumulators import Accumulator
from convcli.engine.bands import Bands, Seen, Storing
from convcli.engine.finish import Finish
from convcli.engine.options import Border2D, Options
from convcli.engine.passes import Passes, Taps, box_passes, one_pass, two_passes
from convcli.engine.plan import (
    NEEDS_FINITE,
    Choice,
    How,
    Plan,
    choose,
    cut,
    make_plan,
)
from convcli.engine.rows import Rows
from convcli.engine.scratch import Scratch, give_back, take
from convcli.engine.strips import Layout, Source, lay_out
from convcli.engine.thread_pool import Work, run_bands
from convcli.engine.tiled import TileGroups
from convcli.errors import ImageError
from convcli.geometry import Geometry
from convcli.processors import processors
from convcli.record import field, record, replace

#: Samples that are smaller than the greatest by this lose bits of float32 to methods that round
#: to the greatest one in float64, 2⁻⁵³ of it a few times.
_DROWNED = 2.0**-26
#: Samples that are looked at for this; up to a hundredth may be so small.
_LOOKED_AT = 1 << 18
#: Rows made together, and cycles a sample, up to which a result may be made as it is written.
_FEW_ROWS, _CHEAP = 2, 32.0


@record
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


class Kind(NamedTuple):
    """What images are like: (rows, cols) or (rows, cols, channels), and their sample type."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def prepare(
    kind: Kind,
    taps: Taps,
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
    taps
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
    layout = lay_out_for(shape, taps, geometry, outside)
    plan, choice = plan_for(dtype, taps, layout, options)
    source = Source(layout.channels * geometry.cols.size, dtype)
    keeps_channels = len(shape) == 3 and taps.weights.ndim == 3
    return Prepared(
        _rows_of(source, taps, layout, choice, outside.level),
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
    rows
        What runs the loops over some rows.
    shape
        Of the result.
    plan, choice
        How it is computed; the threads are those that there were when it was planned.
    finish, options
        As `prepare` takes them.
    """

    rows: Bands | TileGroups
    shape: tuple[int, ...]
    plan: Plan
    choice: Choice
    finish: Finish
    options: Options

    def run(self, pixels: NDArray[Any], *, again: bool = True) -> Finished:
        """Correlate an image of that shape and sample type.

        Parameters
        ----------
        pixels
            The image.
        again
            Whether others may follow, so that scratch is kept for them.

        Returns
        -------
        Finished
            The same to the bit for whole weights and integer samples, whatever the threads.
        """
        if self._spreads and not _is_even(pixels, self.rows.fill):
            return self._uneven.run(pixels, again=again)
        source = np.ascontiguousarray(pixels).reshape(len(pixels), -1)
        out, seen = self._filtered(source, self._scratch, again)
        clipped = seen.clipped
        if self.options.stretch and seen.lowest < seen.highest:
            stretched = self._scratch_maker(self.finish.stretch(seen.lowest, seen.highest))
            out, (_, _, clipped) = self._filtered(source, stretched, False)
        return Finished(out, (self.planned,), seen.lowest, seen.highest, clipped)

    def begin(self, pixels: NDArray[Any]) -> Rows | None:
        """Have rows of the result made as they are asked for.

        Parameters
        ----------
        pixels
            An image of that shape and sample type.

        Returns
        -------
        Rows or None
            None where `run` is better: rows depend on all others, many of them are made together,
            or they take so long that threads should share them out evenly.
        """
        looks = self._spreads and pixels.dtype.kind == "f"
        if self.options.stretch or looks or self.planned.jobs != processors():
            return None
        step = self.rows.units[1]
        if isinstance(self.rows, TileGroups) or step > _FEW_ROWS or self.choice.cost > _CHEAP:
            return None
        source = np.ascontiguousarray(pixels).reshape(len(pixels), -1)
        return Rows(source, self.shape, self.finish.dtype, step, self._scratch)

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
        _ = self._scratch

    @cached_property
    def _spreads(self) -> bool:
        """Whether one sample that isn't finite would spoil others' sums."""
        method, taps = self.plan.method, self.rows.taps
        if not self.options.finite:
            return False
        return method in NEEDS_FINITE or (method == "separable" and taps.combine != "")

    @cached_property
    def _uneven(self) -> Prepared:
        """The same for images whose samples are not finite, or drown others."""
        rows, options = self.rows, replace(self.options, finite=False)
        plan, choice = plan_for(rows.source.dtype, rows.taps, rows.layout, options)
        again = _rows_of(rows.source, rows.taps, rows.layout, choice, rows.fill)
        return replace(self, rows=again, plan=plan, choice=choice, options=options)

    @cached_property
    def _scratch(self) -> Callable[[], Scratch]:
        """Makes what a thread needs."""
        return self._scratch_maker(self.finish)

    def _scratch_maker(self, finish: Finish) -> Callable[[], Scratch]:
        choice, taps = self.choice, self.rows.taps
        finish = replace(finish, slope=finish.slope / choice.divisor)
        sums, largest, exact = _sums(choice.accumulator, taps)
        store, numbers = finish.loop(sums, largest, exact)
        watch = self.options.watch or self.options.stretch
        storing = Storing(numbers, finish.limits(sums), watch)
        loop = native.load(*self.rows.entry(store, finish.dtype, storing))
        return partial(self.rows.scratch, loop, finish.dtype, storing)

    def _filtered(
        self, source: NDArray[Any], make: Callable[[], Scratch], again: bool
    ) -> tuple[NDArray[Any], Seen]:
        """Run a loop over all rows, on threads; the result and what was seen."""
        out = allocate(self.shape, self.finish.dtype)
        target = out.reshape(self.shape[0], -1)
        used: list[Scratch] = []

        def begin() -> Work:
            scratch = take(make)
            used.append(scratch)
            return scratch.on(source, target)

        cycles = self.choice.cost * target.size
        seen = Seen.of(run_bands(self.rows.units, cycles, self.planned.jobs, begin))
        # Not after an exception: an interrupt leaves a thread behind that still writes.
        for scratch in used if again else ():
            give_back(scratch)
        return out, self.seen(seen)


def _is_even(pixels: NDArray[Any], fill: float) -> bool:
    """Whether all samples are finite, and none so great that it would drown the others."""
    if pixels.dtype.kind == "u":
        return True
    low, high = min(float(pixels.min()), fill), max(float(pixels.max()), fill)
    if not (isfinite(low) and isfinite(high)):
        return False
    flat = np.ascontiguousarray(pixels).ravel()
    some = np.abs(flat[:: max(1, len(flat) // _LOOKED_AT)])
    drowned = (some > 0) & (some < max(-low, high) * _DROWNED)
    return bool(np.count_nonzero(drowned) <= len(some) // 100)


def _sums(accumulator: Accumulator, taps: Taps) -> tuple[np.dtype[Any], float, bool]:
    """What is known of the sums that are stored: their type, greatest size, and exactness."""
    if not taps.combine:
        return accumulator.dtype, accumulator.largest, accumulator.exact
    exact = accumulator.exact and taps.combine in ("max", "max-abs", "sum-abs")
    return np.dtype(np.float64), accumulator.largest * len(taps.weights), exact


def plan_for(
    dtype: np.dtype[Any], taps: Taps, layout: Layout, options: Options
) -> tuple[Plan, Choice]:
    """Return how an image of that sample type would be filtered, and what was chosen.

    Parameters
    ----------
    dtype
        Of the image.
    taps, layout, options
        What is summed, where it lies, and how it is run.
    """
    how = How(options.method, options.double, options.jobs or processors(), options.finite)
    return _plan_for(dtype, taps, layout, how)


@lru_cache(maxsize=32)
def _plan_for(dtype: np.dtype[Any], taps: Taps, layout: Layout, how: How) -> tuple[Plan, Choice]:
    chosen, others = choose(taps, layout, dtype, how)
    return make_plan(chosen, others, cut(chosen, layout, dtype).rows, how.jobs), chosen


def lay_out_for(
    shape: tuple[int, ...], taps: Taps, geometry: Geometry, outside: Border2D
) -> Layout:
    """Lay out strips for an image of that shape, channels last."""
    channels = 1 if len(shape) == 2 else shape[2]
    return lay_out(geometry, outside.border, channels, parted=taps.weights.ndim == 4)


def _rows_of(
    source: Source, taps: Taps, layout: Layout, choice: Choice, fill: float
) -> Bands | TileGroups:
    """Gather what the loops take."""
    if choice.tiling is not None:
        return TileGroups(source, taps, layout, choice.tiling, fill)
    work, respond = choice.accumulator.dtype, f"respond_{choice.loop}"
    strips = cut(choice, layout, source.dtype)
    passes = _passes(choice, taps, layout)
    return Bands(source, taps, layout, passes, respond, work, strips, fill)


@lru_cache(maxsize=32)
def _passes(choice: Choice, taps: Taps, layout: Layout) -> Passes:
    """Gather what the respond loop of a choice takes."""
    work = choice.accumulator.dtype
    if choice.method == "box":
        return box_passes(taps, work)
    if choice.method in ("separable", "lowrank") and taps.terms is not None:
        return two_passes(taps.terms, layout, work)
    return one_pass(taps, layout, choice.at_once, work)


def allocate(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Make room for a result; ImageError if there is none."""
    try:
        return np.empty(shape, dtype=dtype)
    except MemoryError:
        size = int(np.prod(shape)) * dtype.itemsize
        raise ImageError(
            f"a result of {' × '.join(map(str, shape))} {dtype} samples takes {size:,} bytes, "
            f"more than there is memory; use a larger stride or a smaller image"
        ) from None
