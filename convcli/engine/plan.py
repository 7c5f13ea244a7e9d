"""How a response will be computed, chosen before it is, as data with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.engine.accumulators import Accumulator, Bounds, choose_accumulator
from convcli.engine.costs import LOOKED_AT, box_cost, direct_cost, sorting_cost, terms_cost
from convcli.engine.passes import KernelSet, Terms, shared
from convcli.engine.strips import Layout, Strips
from convcli.engine.tiling import Tiling, best_tiling
from convcli.errors import UsageError
from convcli.record import record, replace

#: Scratch that a thread's strip may take, in bytes: half of a 512 KB second-level cache.
_STRIP_BYTES = 256 * 1024

#: Output rows of a strip at the least; and of a box's, whose sums begin anew with each.
_LEAST_ROWS, _BOX_ROWS = 16, 128
#: Samples of a part at the least; and of a box's.
_LEAST_PART, _BOX_PART = 1024, 2048

#: Kernels of fewer taps are never cheaper as spectra.
_FEW_TAPS = 36

#: How much greater than a kernel's own Σ|w| that of its terms may be: what cancels out again
#: leaves its rounding behind.
_CANCELS = 4
#: Methods in which one sample that isn't finite spoils others' sums.
NEEDS_FINITE = ("lowrank", "box", "fft")

_NEEDS = {
    "separable": "a kernel that is a column times a row (rank 1)",
    "lowrank": "a kernel that is a sum of few columns times rows",
    "box": "a single kernel whose weights are all the same, without `dilation`, and without "
    "`stride` along the rows",
    "fft": "kernels that leave a tile of 512×512 some room, applied to every channel alike",
}


@record
class Plan:
    """A decision that can be printed.

    Parameters
    ----------
    method
        How: `direct` multiplies every tap that isn't zero; `separable` goes down a column, then
        along a row; `lowrank` adds several of these; `box` keeps running sums; `fft` multiplies
        spectra of tiles.
    accumulator
        The type that samples are converted to and sums are kept in.
    exact
        Whether sums are exact whole numbers, so that nothing but the final rounding rounds.
    taps
        Multiplications an output sample takes.
    cost
        Processor cycles an output sample takes, by the planner's model.
    others
        (method, cost) of the methods that were not chosen, the cheapest first.
    strip_rows
        Output rows in a strip.
    jobs
        Threads.
    reason
        Why, in one sentence.
    """

    method: str
    accumulator: str
    exact: bool
    taps: int
    cost: float
    others: tuple[tuple[str, float], ...]
    strip_rows: int
    jobs: int
    reason: str


@record(eq=False)
class Choice:
    """A method that can compute a kernel, and what it would take.

    Parameters
    ----------
    method, taps, cost
        As in a `Plan`.
    what
        What it does, in a few words.
    accumulator
        The type it would sum in.
    at_once
        Output rows that its loop sums at once.
    divisor
        What its sums are greater by than the kernel's own.
    tiling
        For `fft`: how the image is cut.
    """

    method: str
    taps: int
    cost: float
    what: str
    accumulator: Accumulator
    at_once: int = 1
    divisor: int = 1
    tiling: Tiling | None = None

    @property
    def loop(self) -> str:
        """The end of its respond loop's name."""
        if self.method in ("separable", "lowrank"):
            return "terms"
        return "pairs" if self.method == "direct" and self.at_once == 2 else self.method


@record
class How:
    """What was asked for: a `method`, or `auto`; `double` precision; `jobs` threads.

    `finite` says whether samples are known to be numbers: what isn't would spread with methods
    that subtract, or transform.
    """

    method: str = "auto"
    double: bool = False
    jobs: int = 1
    finite: bool = True


def choose(
    kernel_set: KernelSet, layout: Layout, source: np.dtype[Any], how: How
) -> tuple[Choice, tuple[Choice, ...]]:
    """Return the cheapest method, or the one asked for, and the others, cheapest first.

    Parameters
    ----------
    kernel_set, layout
        What is summed, and where it lies.
    source
        The image's sample type.
    how
        What was asked for.

    Raises
    ------
    UsageError
        If the method asked for can't compute this kernel.
    """
    choices = sorted(_choices(kernel_set, layout, source, how), key=lambda choice: choice.cost)
    asked = how.method
    chosen = next((c for c in choices if asked in ("auto", c.method)), None)
    if chosen is None and asked in NEEDS_FINITE and not how.finite:
        raise UsageError(
            f"`method` {asked} needs finite samples of like size; this image or its `fill` has "
            f"some that are infinite, no numbers, or drown the others: leave `method` out"
        )
    if chosen is None:
        raise UsageError(f"`method` {asked} needs {_NEEDS[asked]}; leave `method` out")
    return chosen, tuple(choice for choice in choices if choice is not chosen)


def _choices(
    kernel_set: KernelSet, layout: Layout, source: np.dtype[Any], how: How
) -> Iterator[Choice]:
    """Every method that can compute these kernels with the same result."""
    bounds = Bounds.of(kernel_set.flat, source)
    choices = [
        replace(choice, cost=choice.cost + _sorting(choice, layout))
        for choice in _by_rows(kernel_set, layout, bounds, source, how)
    ]
    many = how.method == "fft" or _used(kernel_set.flat[None]) >= _FEW_TAPS
    if how.finite and kernel_set.weights.ndim == 3 and many:
        choices += _by_tiles(kernel_set, layout, bounds, source)
    for choice in choices:
        looks = source.kind == "f" and choice.method in NEEDS_FINITE
        yield replace(choice, cost=choice.cost + LOOKED_AT) if looks else choice


def _sorting(choice: Choice, layout: Layout) -> float:
    """Cycles a sample of the result of sorting columns by their phase, if they are."""
    stride = layout.geometry.cols.stride
    if stride == 1:
        return 0.0
    rows = min(layout.stride, layout.span) / layout.rows_apart
    loaded = rows * len(layout.col_source) / layout.samples
    return sorting_cost(loaded, stride, layout.step, as_they_are=choice.method != "direct")


def _by_rows(
    kernel_set: KernelSet, layout: Layout, bounds: Bounds, source: np.dtype[Any], how: How
) -> Iterator[Choice]:
    """Those that go row by row."""
    accumulator = choose_accumulator(bounds, source, double=how.double)
    yield _direct(kernel_set, layout, accumulator)
    if kernel_set.terms is not None and (
        how.finite or kernel_set.terms.count == len(kernel_set.weights) == 1
    ):
        top = float(np.iinfo(source).max) if source.kind == "u" else inf
        weight = float(np.abs(kernel_set.flat).sum(axis=1).max())
        yield from _by_terms(kernel_set.terms, layout, bounds, accumulator, (top, weight))
    if how.finite and _is_box(kernel_set, layout):
        yield _box(kernel_set, layout, bounds, source)


def _direct(kernel_set: KernelSet, layout: Layout, accumulator: Accumulator) -> Choice:
    kernels = len(kernel_set.weights)
    used = layout.tap_offsets.ravel()[kernel_set.flat.any(axis=0)]
    ends = shared(used, layout).ends
    cost, at_once = direct_cost(accumulator.dtype, len(used), ends, kernels)
    count = len(used) * kernels
    what = f"{count} taps that are not zero"
    return Choice("direct", count, cost, what, accumulator, at_once)


def _by_terms(
    terms: Terms,
    layout: Layout,
    bounds: Bounds,
    accumulator: Accumulator,
    sizes: tuple[float, float],
) -> Iterator[Choice]:
    """Columns times rows, if their sums can be as exact as the kernel's own.

    `sizes` are the greatest sample and the kernel's Σ|w|.
    """
    top, weight = sizes
    products = np.abs(terms.columns).sum(axis=2) * np.abs(terms.rows).sum(axis=2)
    total = float(products.sum(axis=1).max())
    if not bounds.whole and total > _CANCELS * terms.divisor * weight:
        return
    if terms.count > 1 and bounds.whole:
        partial = total * top
        exact = choose_accumulator(
            bounds.scaled(terms.divisor, partial), np.dtype(np.uint8), double=True
        )
        if not exact.exact:
            return
        accumulator = exact
    kernels = len(terms.columns)
    down, along = (_used(part) for part in (terms.columns, terms.rows))
    start = layout.tap_offsets[:, 0] - layout.tap_offsets[0, 0]
    ends = shared(start[terms.columns.any(axis=(0, 1))], layout).ends
    count = terms.count * kernels
    widening = len(layout.col_source) / layout.samples
    cost = terms_cost(accumulator.dtype, ends, (down, along), count, widening)
    taken = round(count * (down * widening + along))
    if terms.count == 1:
        what = f"{down} taps down and {along} along"
        yield Choice("separable", taken, cost, what, accumulator, 2)
        return
    what = f"{terms.count} columns times rows, {down} taps down and {along} along each"
    yield Choice("lowrank", taken, cost, what, accumulator, 2, terms.divisor)


def _is_box(kernel_set: KernelSet, layout: Layout) -> bool:
    """Whether all taps have one weight and lie next to one another."""
    weights = kernel_set.weights
    if weights.ndim != 3 or len(weights) != 1 or not (weights == weights[0, 0, 0]).all():
        return False
    rows, cols = weights.shape[1:]
    places = np.arange(rows)[:, None] * layout.pitch + np.arange(cols) * layout.step
    return bool(weights.any()) and np.array_equal(layout.tap_offsets, places)


def _box(kernel_set: KernelSet, layout: Layout, bounds: Bounds, source: np.dtype[Any]) -> Choice:
    # A float's rounding would stay in a running sum: only float64 makes it small enough.
    among = ("int16", "uint16", "int32", "float64")
    accumulator = choose_accumulator(bounds, source, double=True, among=among)
    widening = len(layout.col_source) / layout.samples
    cost = box_cost(accumulator.dtype, layout.stride, layout.step, widening)
    return Choice("box", 1, cost, "four additions whatever the size", accumulator)


def _by_tiles(
    kernel_set: KernelSet, layout: Layout, bounds: Bounds, source: np.dtype[Any]
) -> Iterator[Choice]:
    """Products of spectra, if whole sums stay exact."""
    accumulator = choose_accumulator(bounds, source, double=True, among=("float64",))
    found = best_tiling(kernel_set, layout, source)
    if found is None or accumulator.exact != bounds.whole:
        return
    tiling, cost = found
    what = f"spectra of tiles of {tiling.size}×{tiling.size}"
    yield Choice("fft", 0, cost, what, accumulator, tiling=tiling)


def _used(weights: NDArray[Any]) -> int:
    """Taps that are not zero in every kernel and term; (kernels, terms, taps)."""
    return int(np.count_nonzero(weights.any(axis=(0, 1))))


def make_plan(chosen: Choice, others: tuple[Choice, ...], rows: int, jobs: int) -> Plan:
    """Write a choice down, with the output rows of a strip."""
    accumulator = chosen.accumulator
    reason = f"{chosen.method}: {chosen.what}"
    if others:
        next_best = others[0]
        reason += f"; {next_best.method} would take {_times(next_best.cost / chosen.cost)}"
    return Plan(
        method=chosen.method,
        accumulator=accumulator.dtype.name,
        exact=accumulator.exact,
        taps=chosen.taps,
        cost=round(chosen.cost, 2),
        others=tuple((choice.method, round(choice.cost, 2)) for choice in others),
        strip_rows=rows,
        jobs=jobs,
        reason=f"{reason}; {accumulator.reason}",
    )


def _times(ratio: float) -> str:
    return "as long" if 0.95 < ratio < 1.05 else f"{ratio:.1f} times as long"


def cut(choice: Choice, layout: Layout, source: np.dtype[Any]) -> Strips:
    """Cut an image of that sample type so that what is read again is still in a cache.

    A strip has rows enough that those which neighbouring strips both load don't outweigh the
    rest. A part is as wide as keeps the rows that a kernel reads in the cache, but eight times
    the halo at least, which neighbouring parts both sum.
    """
    box = choice.method == "box"
    as_they_are = box or choice.loop == "terms"
    itemsize = (source if as_they_are else choice.accumulator.dtype).itemsize
    fits = _STRIP_BYTES // max(1, layout.pitch * itemsize)
    least = _BOX_ROWS if box else _LEAST_ROWS
    rows = min(
        max(64, least), max((fits - layout.span) // layout.stride + 1, layout.span // 4, least)
    )
    return Strips(int(rows // 2 * 2), _part(layout, itemsize, box=box))


def _part(layout: Layout, itemsize: int, *, box: bool) -> int:
    """Samples of a part; the whole row where a halo is not what lies beside it."""
    if layout.geometry.cols.stride > 1 or layout.step != layout.channels:
        return layout.samples
    fits = _STRIP_BYTES // ((layout.span + layout.stride) * itemsize)
    # A box reads its samples once, and its three rows of sums again.
    width = _BOX_PART if box else max(fits, _LEAST_PART)
    return max(width, 8 * layout.halo) // 128 * 128
