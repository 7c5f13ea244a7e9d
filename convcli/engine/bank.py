"""A bank of filters over an array: planned, cut into strips, and run on threads."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from functools import lru_cache
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convcli.borders import by_axis, source
from convcli.engine import native
from convcli.engine.accumulators import Accumulator, Bounds, choose_accumulator
from convcli.engine.bank_structs import BankInput, BankScratch, BankSizes, BankTask
from convcli.engine.costs import bank_cost, block, map_cost, tiles_of
from convcli.engine.fingerprint import has_wide_vectors
from convcli.engine.options import Border2D, Options
from convcli.engine.plan import Plan
from convcli.engine.prepared import ArrayKind
from convcli.engine.rows import allocate
from convcli.engine.strips import empty
from convcli.engine.structs import Result
from convcli.engine.thread_pool import Work, run_bands
from convcli.errors import UsageError
from convcli.geometry import Geometry
from convcli.processors import processors
from convcli.record import record

#: Bytes of a strip, which with its weights fits a second-level cache of 512 KB.
_STRIP_BYTES = 384 * 1024
#: Scratch that is kept for the next array: of so many threads, if a strip has so many bytes.
_KEPT, _KEPT_BYTES = 4, 1 << 20
#: Bands that there are for a thread where strips are as high as one.
_BANDS_A_THREAD = 4
#: Cycles under which one thread sums all maps: a quarter of what `run_bands` takes for other work,
#: as maps are new memory, which two threads are given in half the time (bench: banks).
_SMALL = 1e6
#: Columns of a part of it at the least, and output rows at the least and at the most.
_LEAST_PART, _FEW_ROWS, _MOST_ROWS = 128, 4, 32


@record(eq=False)
class Bank:
    """Filters that are run together.

    Parameters
    ----------
    weights
        (maps, channels / groups, rows, cols), as they slide; int64 if all are whole.
    groups
        Groups of channels that are filtered apart.
    """

    weights: NDArray[Any]
    groups: int = 1

    @property
    def flat(self) -> NDArray[Any]:
        """(maps, taps)."""
        return self.weights.reshape(len(self.weights), -1)


class _Cut(NamedTuple):
    """How a result is cut: rows and columns at a time, and how these lie in a strip.

    `phase` are the samples of a phase of columns, `phases` those that are read.
    """

    rows: int
    part: int
    phase: int
    phases: tuple[int, ...]
    row_pitch: int
    channel_pitch: int
    sums_pitch: int


class PreparedBank:
    """A bank that only needs an array.

    Parameters
    ----------
    kind
        Of the arrays: (rows, cols, channels).
    bank, geometry, outside
        What is summed, over what, and what lies outside.
    plan
        What sums are kept in, and how they are computed.
    jobs
        Threads; None for all processors.

    Attributes
    ----------
    exact, largest
        (maps,): which maps' sums are exact whole numbers, and how great each can be in size.
    """

    def __init__(
        self,
        kind: ArrayKind,
        bank: Bank,
        geometry: Geometry,
        outside: Border2D,
        plan: tuple[Accumulator, Plan],
        jobs: int | None,
    ) -> None:
        self.accumulator, self.plan = plan
        self._jobs, self._free = jobs, deque[BankScratch](maxlen=_KEPT)
        work = self.accumulator.dtype
        self.exact, self.largest = _exact(bank, kind.dtype, work)
        used = np.flatnonzero(bank.flat.any(axis=0))
        cut = _cut(geometry, bank.weights.shape[1], work)
        maps = len(bank.weights) // bank.groups
        tiles = tiles_of(maps, has_wide_vectors())
        self._shape = (*geometry.out, len(bank.weights))
        self._sizes = _sizes(kind, bank, geometry, cut, (len(used), maps, len(tiles)))
        columns, places = _columns(geometry, cut)
        across, along = by_axis(outside.border)
        self._given = BankInput(
            source=_NOTHING,
            row_source=source(*_around(geometry.rows), across),
            col_source=source(*_around(geometry.cols), along),
            columns=columns,
            places=places,
            fill=np.array([outside.level], work),
            offsets=_offsets(geometry, bank.weights.shape[1], cut)[used],
            weights=_packed(bank.flat[:, used].astype(work), bank.groups, tiles),
            tile_maps=np.array(tiles, np.int64),
            bias=_NOTHING,
            sizes=_NOTHING,
            task=_NOTHING,
        )

    def run(
        self, pixels: NDArray[Any], dtype: np.dtype[Any], bias: NDArray[np.float64] | None = None
    ) -> NDArray[Any]:
        """Return (rows, cols, maps) of sums, or of sums and biases that are added in float64.

        Parameters
        ----------
        pixels
            An array of the kind, C-contiguous.
        dtype
            Of the result: float32 or float64.
        bias
            One for each map.
        """
        work = self.accumulator.dtype
        biased = bias is not None and bool(bias.any())
        sizes = self._sizes._replace(biased=int(biased))
        added = np.zeros(self._shape[2]) if bias is None else np.ascontiguousarray(bias)
        given = self._given._replace(
            source=pixels, bias=added, sizes=np.array(sizes, dtype=np.int64)
        )
        out = allocate(self._shape, dtype)
        loop = native.load("bank", (_loop(),), (pixels.dtype.name, work.name, dtype.name))

        scratch: list[BankScratch] = []

        def begin() -> Work:
            task = np.zeros(2, np.int64)
            scratch.append(self._scratch())
            call = loop.bind(given._replace(task=task), scratch[-1], _result(out))

            def work_on(first: int, last: int) -> None:
                task[:] = BankTask(first, last)
                call()

            return work_on

        jobs, rows = self._jobs or processors(), self._shape[0]
        # Whole strips, but for a few bands a thread: what a band loads beside them is loaded twice.
        step = min(sizes.strip_rows, max(1, rows // (_BANDS_A_THREAD * jobs)))
        run_bands((rows, step), self.plan.cost * out.size, jobs, begin, _SMALL)
        self._free.extend(each for each in scratch if each.strip.nbytes <= _KEPT_BYTES)
        return out

    def _scratch(self) -> BankScratch:
        """What a thread needs; whole blocks are read beyond what is loaded, so it is numbers."""
        with suppress(IndexError):
            return self._free.pop()
        sizes, work = self._sizes, self.accumulator.dtype
        rows = (sizes.strip_rows - 1) * sizes.stride + sizes.span
        strip = empty((rows * sizes.row_pitch + 3 * block(work),), work)
        strip[...] = 0
        return BankScratch(strip, empty((sizes.maps, sizes.sums_pitch), work))


_NOTHING = np.empty(0)


def _loop() -> str:
    """The name of the loop that sums several maps on this processor."""
    return "sum_wide" if has_wide_vectors() else "sum_narrow"


def _result(out: NDArray[Any]) -> Result:
    return Result(out, np.zeros(1, np.int64), np.zeros((2, 1)))


def _around(axis: Any) -> tuple[int, int, int]:
    return axis.size, axis.before, axis.after


def prepare_bank(
    kind: ArrayKind, bank: Bank, geometry: Geometry, outside: Border2D, options: Options
) -> PreparedBank | None:
    """Plan a bank over arrays of a kind; None if its maps are better summed one after the other.

    Parameters
    ----------
    kind
        Of the arrays: (rows, cols, channels), of uint8, uint16, float32 or float64.
    bank, geometry, outside
        What is summed, over what, and what lies outside.
    options
        Threads, precision, and the method: `auto` or `direct`.

    Raises
    ------
    UsageError
        If another method is asked for.
    """
    if options.method not in ("auto", "direct"):
        raise UsageError(
            f"`method` {options.method} is not for filters over channels, which are summed tap by "
            f"tap; leave `method` out"
        )
    found = plan_bank(kind, bank, geometry, options)
    return (
        None if found is None else PreparedBank(kind, bank, geometry, outside, found, options.jobs)
    )


def plan_bank(
    kind: ArrayKind, bank: Bank, geometry: Geometry, options: Options
) -> tuple[Accumulator, Plan] | None:
    """Return what sums of all maps at once are kept in, and why they pay; None if they don't.

    Nor where a map of whole weights over whole samples would lose its exactness beside others.
    """
    bounds = Bounds.of(bank.flat, kind.dtype)
    among = ("float32", "float64")
    accumulator = choose_accumulator(bounds, kind.dtype, double=options.double, among=among)
    exact, _ = _exact(bank, kind.dtype, accumulator.dtype)
    if kind.dtype.kind == "u" and not (exact | ~_are_whole(bank)).all():
        return None
    alone = choose_accumulator(bounds, kind.dtype, double=options.double).dtype
    taps, maps = int(np.count_nonzero(bank.flat.any(axis=0))), len(bank.weights) // bank.groups
    cut, rows = _cut(geometry, bank.weights.shape[1], accumulator.dtype), geometry.rows
    loaded = bank.weights.shape[1] * min(rows.stride, rows.span) * len(cut.phases)
    share = max(0.0, 1 - rows.stride / (rows.dilation * rows.taps))
    each = map_cost(alone, taps, share, loaded, has_wide_vectors())
    cost = bank_cost(accumulator.dtype, taps, maps, loaded, has_wide_vectors())
    if cost >= each:
        return None
    tiles = tiles_of(maps, has_wide_vectors())
    reason = (
        f"direct: {taps} taps that are not zero, of {tiles[0]} maps at once; map by map would take "
        f"{each / cost:.1f} times as long; {accumulator.reason}"
    )
    plan = Plan(
        method="direct",
        accumulator=accumulator.dtype.name,
        exact=accumulator.exact,
        taps=taps,
        cost=round(cost, 2),
        others=(),
        strip_rows=cut.rows,
        jobs=options.jobs or processors(),
        reason=reason,
    )
    return accumulator, plan


@lru_cache(maxsize=32)
def _cut(geometry: Geometry, depth: int, work: np.dtype[Any]) -> _Cut:
    """Cut a result so that a strip of it stays in the cache."""
    rows, cols = geometry.rows, geometry.cols
    pair, span = 2 * block(work), (cols.out - 1) * cols.stride + cols.span
    step = min(cols.stride, span)
    taps = min(cols.dilation, span) * np.arange(cols.taps)
    phases = tuple(sorted({int(tap) % step for tap in taps}))
    beyond = (cols.span - 1) // step
    fits = _STRIP_BYTES // work.itemsize // depth // len(phases)
    least = (_FEW_ROWS - 1) * min(rows.stride, rows.padded) + rows.span
    whole = -(-cols.out // block(work)) * block(work)
    part = min(whole, max(_LEAST_PART, (fits // least - beyond) // pair * pair))
    phase = part + beyond
    channel_pitch = phase * len(phases)
    row_pitch = channel_pitch * depth
    most = (fits // phase - rows.span) // min(rows.stride, rows.padded) + 1
    return _Cut(
        min(rows.out, max(_FEW_ROWS, min(_MOST_ROWS, most))),
        part,
        phase,
        phases,
        row_pitch,
        channel_pitch,
        -(-part // pair) * pair,
    )


def _sizes(
    kind: ArrayKind, bank: Bank, geometry: Geometry, cut: _Cut, counts: tuple[int, int, int]
) -> BankSizes:
    rows, cols = geometry.rows, geometry.cols
    taps, maps, tiles = counts
    needed = (cols.out - 1) * cols.stride + cols.span
    stride = min(rows.stride, rows.padded)
    return BankSizes(
        strip_rows=cut.rows,
        part=cut.part,
        stride=stride,
        stride_cols=min(cols.stride, needed),
        stride_read=min(stride, rows.span),
        span=rows.span,
        span_cols=cols.span,
        width=cols.out,
        cols=cols.size,
        channels=kind.shape[2],
        depth=bank.weights.shape[1],
        groups=bank.groups,
        row_pitch=cut.row_pitch,
        channel_pitch=cut.channel_pitch,
        columns=len(_columns(geometry, cut)[0]),
        taps=taps,
        maps=maps,
        tiles=tiles,
        all_maps=len(bank.weights),
        sums_pitch=cut.sums_pitch,
        biased=0,
    )


@lru_cache(maxsize=32)
def _columns(geometry: Geometry, cut: _Cut) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which padded columns of a strip are read, by phase, and where in a channel's part."""
    cols = geometry.cols
    step = min(cols.stride, (cols.out - 1) * cols.stride + cols.span)
    columns = np.arange((cut.part - 1) * step + cols.span)
    read = np.isin(columns % step, cut.phases)
    columns = columns[read]
    columns = columns[np.argsort(columns % step, kind="stable")]
    return columns, np.searchsorted(cut.phases, columns % step) * cut.phase + columns // step


def _offsets(geometry: Geometry, depth: int, cut: _Cut) -> NDArray[np.int64]:
    """Where each tap reads in a strip: (channels · rows · cols,)."""
    rows, cols = geometry.rows, geometry.cols
    needed = (cols.out - 1) * cols.stride + cols.span
    step = min(cols.stride, needed)
    across = min(cols.dilation, needed) * np.arange(cols.taps)
    across = np.searchsorted(cut.phases, across % step) * cut.phase + across // step
    down = min(rows.dilation, rows.padded) * np.arange(rows.taps) * cut.row_pitch
    deep = np.arange(depth) * cut.channel_pitch
    return (deep[:, None, None] + down[:, None] + across).ravel().astype(np.int64)


def _exact(
    bank: Bank, samples: np.dtype[Any], work: np.dtype[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which maps' sums are exact whole numbers in a float type, and how great each can be."""
    flat = bank.flat
    if samples.kind != "u":
        return np.zeros(len(flat), np.bool_), np.full(len(flat), inf)
    largest = np.abs(flat).sum(axis=1, dtype=np.float64) * float(np.iinfo(samples).max)
    fits = largest <= 2.0 ** (np.finfo(work).nmant + 1)
    return fits & _are_whole(bank), largest


def _are_whole(bank: Bank) -> NDArray[np.bool_]:
    """Which maps have whole weights only."""
    whole: NDArray[np.bool_] = (bank.flat == np.rint(bank.flat)).all(axis=1)
    return whole


def _packed(flat: NDArray[Any], groups: int, tiles: tuple[int, ...]) -> NDArray[Any]:
    """(groups, taps · maps): tile after tile, each (taps, its maps)."""
    each = flat.reshape(groups, -1, flat.shape[1])
    ends = np.cumsum(tiles)[:-1]
    parts = [part.transpose(0, 2, 1).reshape(groups, -1) for part in np.split(each, ends, axis=1)]
    return np.ascontiguousarray(np.concatenate(parts, axis=1))
