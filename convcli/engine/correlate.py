"""Correlation of one array: plan, lay out, run the loops."""

from __future__ import annotations

from functools import lru_cache, partial
from math import inf, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.borders import Border
from convcli.engine import native
from convcli.engine import places as at
from convcli.engine.accumulators import Accumulator
from convcli.engine.bands import Bands, Seen, Storing
from convcli.engine.bands import seen as found
from convcli.engine.costs import block
from convcli.engine.finish import Finish
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
from convcli.engine.strips import Layout, lay_out
from convcli.engine.team import run_bands
from convcli.engine.tiled import TileRows
from convcli.errors import ImageError
from convcli.geometry import Geometry
from convcli.processors import processors
from convcli.record import field, record, replace

#: Samples that are smaller than the greatest by this lose bits of float32 to methods that round
#: to the greatest one in float64, 2⁻⁵³ of it a few times.
_DROWNED = 2.0**-26
#: Samples that are looked at for this; up to a hundredth may be so small.
_LOOKED_AT = 1 << 18


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


@record
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
    layout = lay_out_for(pixels.shape, taps, geometry, outside)
    plan, choice = plan_for(pixels.dtype, taps, layout, options)
    spreads = plan.method in NEEDS_FINITE or (plan.method == "separable" and taps.combine != "")
    if spreads and not _is_even(pixels, outside.level):
        options = replace(options, finite=False)
        plan, choice = plan_for(pixels.dtype, taps, layout, options)
    run = _prepare(pixels, taps, layout, choice, outside.level)
    keeps_channels = pixels.ndim == 3 and taps.weights.ndim == 3
    shape = (*geometry.out, pixels.shape[2]) if keeps_channels else geometry.out
    watch = options.watch or options.stretch
    out, seen = _filtered(run, shape, choice, finish, (plan.jobs, watch))
    clipped = seen.clipped
    if options.stretch and seen.lowest < seen.highest:
        stretched = finish.stretch(seen.lowest, seen.highest)
        out, (_, _, clipped) = _filtered(run, shape, choice, stretched, (plan.jobs, watch))
    return Finished(out, (plan,), seen.lowest, seen.highest, clipped)


@record
class Options:
    """How to run: `jobs` threads, None for all processors; `double` precision; `stretch`.

    `method` is `auto`, or one of the methods of a `Plan`. Without `watch` nobody asks for the range
    of sums and how many were clipped. `finite` says whether all samples are finite numbers.
    """

    jobs: int | None = None
    double: bool = False
    stretch: bool = False
    method: str = "auto"
    watch: bool = True
    finite: bool = True


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


def _filtered(
    run: Bands | TileRows,
    shape: tuple[int, ...],
    choice: Choice,
    finish: Finish,
    how: tuple[int, bool],
) -> tuple[NDArray[Any], Seen]:
    """Run the loops over all rows, on threads, watching or not; the result and what was seen."""
    out = _allocate(shape, finish.dtype)
    rows = out.reshape(shape[0], -1)
    divisor = choice.divisor
    finish = replace(finish, slope=finish.slope / divisor)
    jobs, watch = how
    store, storing = _storing(finish, *_sums(choice.accumulator, run.taps), watch)
    loop = native.load(*run.entry(store, rows.dtype, storing))

    begin = partial(run.begin, loop, rows, storing)
    found = Seen.of(run_bands(run.units, rows.size, jobs, begin))
    return out, Seen(found.lowest / divisor, found.highest / divisor, found.clipped)


@lru_cache(maxsize=32)
def _storing(
    finish: Finish, sums: np.dtype[Any], largest: float, exact: bool, watch: bool
) -> tuple[str, Storing]:
    """Return the name of the store loop for sums of which this is known, and what it is given."""
    store, numbers = finish.loop(sums, largest, exact)
    return store, Storing(numbers, finish.limits(sums), watch)


def _sums(accumulator: Accumulator, taps: Taps) -> tuple[np.dtype[Any], float, bool]:
    """What is known of the sums that are stored: their type, greatest size, and exactness."""
    if not taps.combine:
        return accumulator.dtype, accumulator.largest, accumulator.exact
    exact = accumulator.exact and taps.combine in ("max", "max-abs", "sum-abs")
    return np.dtype(np.float64), accumulator.largest * len(taps.weights), exact


@lru_cache(maxsize=32)
def plan_for(
    dtype: np.dtype[Any], taps: Taps, layout: Layout, options: Options
) -> tuple[Plan, Choice]:
    """Return how a picture of that sample type would be filtered, and what was chosen.

    Parameters
    ----------
    dtype
        Of the picture.
    taps, layout, options
        What is summed, where it lies, and how it is run.
    """
    jobs = options.jobs or processors()
    how = How(options.method, options.double, jobs, options.finite)
    chosen, others = choose(taps, layout, dtype, how)
    return make_plan(chosen, others, cut(chosen, layout, dtype).rows, jobs), chosen


def lay_out_for(
    shape: tuple[int, ...], taps: Taps, geometry: Geometry, outside: Border2D
) -> Layout:
    """Lay out strips for a picture of that shape, channels last."""
    channels = 1 if len(shape) == 2 else shape[2]
    return lay_out(geometry, outside.border, channels, parted=taps.weights.ndim == 4)


def _prepare(
    pixels: NDArray[Any], taps: Taps, layout: Layout, choice: Choice, fill: float
) -> Bands | TileRows:
    """Gather what the loops take."""
    source = np.ascontiguousarray(pixels).reshape(pixels.shape[0], -1)
    if choice.tiling is not None:
        return TileRows(source, taps, layout, choice.tiling, fill)
    work, respond = choice.accumulator.dtype, f"respond_{choice.loop}"
    strips = cut(choice, layout, pixels.dtype)
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
    storing = Storing(numbers, finish.limits(rows.dtype))
    extremes = storing.extremes()
    sizes = np.zeros(at.PLACES, np.int64)
    sizes[at.LAST], sizes[at.SAMPLES] = rows.shape
    sizes[at.WATCH] = storing.watch
    acc = np.empty(rows.shape[1] + block(rows.dtype), dtype=rows.dtype)
    types = (rows.dtype.name, finish.dtype.name, numbers.dtype.name)
    loop = native.load("store_rows", (name,), types)
    rest = np.empty(block(np.dtype(np.uint8)), dtype=out.dtype)
    loop(rows, acc, rest, out, sizes, numbers, storing.limits, extremes)
    return Finished(out, (), *found(extremes, sizes))


def _allocate(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    try:
        return np.empty(shape, dtype=dtype)
    except MemoryError:
        size = int(np.prod(shape)) * dtype.itemsize
        raise ImageError(
            f"a result of {' × '.join(map(str, shape))} {dtype} samples takes {size:,} bytes, "
            f"more than there is memory; use a larger stride or a smaller picture"
        ) from None
