"""Running the loops over bands of rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convcli.engine.costs import block
from convcli.engine.native import Call, Loop
from convcli.engine.passes import KernelSet, Passes
from convcli.engine.scratch import NOTHING, CalledFor, Scratch
from convcli.engine.strips import Layout, Source, Strips, empty
from convcli.engine.structs import (
    FIXED,
    READS_SAMPLES,
    BandInput,
    BandScratch,
    BandSizes,
    BandTask,
    Result,
)
from convcli.record import record

#: Loops of up to so many taps are compiled for their number where an image has this many samples
#: or more: a tenth to a fifth less time (bench: named), for which LLVM takes 0.4 s once.
_FEW_TAPS, _LARGE = 40, 1 << 20


class Seen(NamedTuple):
    """The least and the greatest sum, and how many were clipped."""

    lowest: float
    highest: float
    clipped: int

    @classmethod
    def of(cls, parts: Sequence[Seen]) -> Seen:
        """What several saw; NaN where there was nothing but NaN."""
        lowest, highest = min(p.lowest for p in parts), max(p.highest for p in parts)
        if lowest > highest:
            lowest = highest = nan
        return cls(lowest, highest, sum(p.clipped for p in parts))


@record
class Storing:
    """What a store loop is given.

    Parameters
    ----------
    numbers, limits
        As `Finish.loop` and `Finish.limits` give them.
    watch
        Whether sums are looked at: their range, and how many are outside the limits.
    """

    numbers: NDArray[Any]
    limits: NDArray[Any]
    watch: bool = True

    def result(self, out: NDArray[Any]) -> Result:
        """Return what a loop writes, before it has; `out` is what its samples go to."""
        return Result(out, np.zeros(1, np.int64), self._extremes())

    def seen(self, result: Result) -> Seen:
        """Read what a loop has seen, if it was to look."""
        if not self.watch:
            return Seen(inf, -inf, 0)
        lowest, highest = result.extremes
        return Seen(float(lowest.min()), float(highest.max()), int(result.clipped[0]))

    def _extremes(self) -> NDArray[Any]:
        """(2, a block) of the greatest and of the least value of the sums' type."""
        dtype = self.limits.dtype
        ends: tuple[float, float] = (inf, -inf)
        if dtype.kind != "f":
            ends = (np.iinfo(dtype).max, np.iinfo(dtype).min)
        return np.repeat(np.array(ends, dtype=dtype)[:, None], block(dtype), axis=1)


def combine_loop(kernel_set: KernelSet) -> str:
    """Name the loop that combines the sums of several kernels."""
    return "combine_" + (kernel_set.combine or "nothing").replace("-", "_")


@lru_cache(maxsize=64)
def _names(*types: np.dtype[Any]) -> tuple[str, ...]:
    return tuple(dtype.name for dtype in types)


@record
class Bands:
    """Correlation strip by strip: what every band of rows needs, made once.

    Parameters
    ----------
    source
        What the images are like.
    kernel_set, layout, passes
        What is summed, where it lies, and what the respond loop is given.
    respond
        The respond loop's name.
    work
        The type that sums are kept in.
    strips
        How the rows are cut.
    fill
        What lies outside.
    """

    source: Source
    kernel_set: KernelSet
    layout: Layout
    passes: Passes
    respond: str
    work: np.dtype[Any]
    strips: Strips
    fill: float

    @property
    def units(self) -> tuple[int, int]:
        """Rows, which threads share, and what bands begin at multiples of.

        So that sums are formed in the same order whatever the threads: two rows are summed at
        once, and running sums begin with a strip.
        """
        step = self.strips.rows if self._is_box else 2
        return self.layout.geometry.rows.out, step

    @property
    def together(self) -> int:
        """Rows of the result that are made together."""
        return self.units[1]

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """(left, right) of the columns that are made at a time: all of them."""
        return ((0, self.layout.geometry.cols.out),)

    @property
    def least_rows(self) -> int:
        """Rows of the result under which to load a strip would outweigh the rest."""
        return self.strips.rows

    def needed(self, start: int, stop: int) -> slice:
        """Return which padded rows some rows of the result are made of."""
        stride = self.layout.stride
        return slice(start * stride, (stop - 1) * stride + self.layout.span)

    def units_in(self, rows: int) -> int:
        """Return how many units so many rows of the result are."""
        return rows

    @property
    def scratch_bytes(self) -> int:
        """What a thread's strip takes."""
        return (self.least_rows * self.layout.stride + self.layout.span) * self.layout.pitch * 4

    def entry(
        self, store: str, out: np.dtype[Any], storing: Storing
    ) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
        """Return the name, the functions and the types of the loop to load, and fixed numbers."""
        types = _names(self.source.dtype, self.work, out, storing.numbers.dtype)
        several = self.kernel_set.combine or self.passes.offsets.shape[0] > 1
        end = "_strided" if self.layout.phases[0] else ""
        if several or storing.watch or self._is_box or self.layout.samples < block(self.work):
            return f"band{end}", (self.respond, combine_loop(self.kernel_set), store), types, ()
        return f"band_at_once{end}", (self.respond, store), types, self._fixed

    @property
    def _is_box(self) -> bool:
        return self.respond == "respond_box"

    @cached_property
    def _fixed(self) -> tuple[int, ...]:
        """The numbers that the loop is compiled for; none where that doesn't pay."""
        sizes = self._sizes
        if sizes.taps + sizes.row_taps > _FEW_TAPS:
            return ()
        if self.layout.samples * self.layout.geometry.rows.out < _LARGE:
            return ()
        return tuple(getattr(sizes, name) for name in FIXED)

    def scratch(self, loop: Loop, out: np.dtype[Any], storing: Storing) -> Scratch:
        """Make scratch for one thread, to run the loop over some rows."""
        task, result = np.zeros(len(BandTask._fields), np.int64), storing.result(NOTHING)

        def run(call: Call, _: CalledFor, first: int, last: int) -> Seen:
            task[:], result.clipped[0] = BandTask(first, last), 0
            call()
            return storing.seen(result)

        return Scratch(loop, (self._input(storing, task), self._room(out), result), run)

    def _input(self, storing: Storing, task: NDArray[np.int64]) -> BandInput:
        """What the loop reads, but for the image."""
        sizes = self._sizes._replace(watch=int(storing.watch))
        return BandInput(
            source=NOTHING,
            row_source=NOTHING,
            col_source=self.layout.col_source,
            fill=np.array([self.fill], dtype=self._strip_type),
            offsets=self._offsets,
            weights=self.passes.weights,
            row_offsets=self.passes.row_offsets,
            row_weights=self.passes.row_weights,
            numbers=storing.numbers,
            limits=storing.limits,
            sizes=np.array(sizes, dtype=np.int64),
            task=task,
        )

    def _room(self, out: np.dtype[Any]) -> BandScratch:
        """What the loop may overwrite."""
        sizes, layout, work = self._sizes, self.layout, self.work
        rows = (sizes.strip_rows + 1) * layout.stride + layout.span
        return BandScratch(
            strip=empty((rows * layout.pitch + 2 * block(work),), self._strip_type),
            column=empty((2, sizes.row_pitch), work),
            sums=empty((sizes.kernels, sizes.at_once, sizes.sums_pitch), work),
            acc=np.empty(sizes.sums_pitch if self.kernel_set.combine else 1),
            rest=np.empty(block(np.dtype(np.uint8)), dtype=out),
        )

    @property
    def _strip_type(self) -> np.dtype[Any]:
        """What a strip's samples are converted to.

        JUSTIFICATION: columns and boxes read them as they are. Each is read a few times only, and
        converting it each time takes less than a pass that converts all, and less than reading
        that from a slower cache (bench: named, a fifth of a blur's time).
        """
        return self.source.dtype if self.respond in READS_SAMPLES else self.work

    @cached_property
    def _offsets(self) -> NDArray[np.int64]:
        """(2, terms, taps) places that are read: in a strip, and in the image itself."""
        down, along = np.divmod(self.passes.offsets, self.layout.pitch)
        return np.stack([self.passes.offsets, down * self.source.samples + along])

    @property
    def _inner(self) -> tuple[int, int]:
        """Where the samples of a row begin and end that are read where they lie in the image.

        Those that no border is near, where samples needn't be converted; what is left of and
        right of them is a block at least, or nothing.
        """
        layout, extra = self.layout, block(self.work)
        at, length, _ = layout.run
        begin, end = -(-at // extra) * extra, at + length - layout.halo
        end = end if end == layout.samples else min(end, layout.samples - extra)
        whole = self.source.dtype == self._strip_type and not self._is_box
        if end - begin < extra or not whole:
            return layout.samples, layout.samples
        return begin, end

    @cached_property
    def _sizes(self) -> BandSizes:
        """The whole numbers of a band whose sums nobody looks at."""
        layout, passes, extra = self.layout, self.passes, block(self.work)
        cols, part = layout.geometry.cols, min(self.strips.part, layout.samples)
        kernels, terms, taps, at_once = passes.weights.shape
        # Blocks of columns, and what a box reads beyond them.
        reach = -(-(part + layout.halo) // extra) + 2 + layout.step
        return BandSizes(
            strip_rows=min(self.strips.rows, layout.geometry.rows.out + 1),
            stride=layout.stride, span=layout.span, width=layout.samples, part=part,
            source_samples=self.source.samples, strip_pitch=layout.pitch,
            sums_pitch=-(-part // extra) * extra, row_pitch=reach * extra,
            halo=layout.halo, loaded=len(layout.col_source), step=layout.step,
            inner_from=self._inner[0], inner_to=self._inner[1],
            run_at=layout.run[0], run_length=layout.run[1], run_from=layout.run[2],
            # A box adds and takes away what lies between the rows that it is to sum.
            stride_read=layout.stride if self._is_box else layout.span,
            row_apart=1 if self._is_box else layout.rows_apart,
            phases=layout.phases[0], phase_apart=layout.phases[1],
            stride_cols=min(cols.stride, len(layout.col_map)), needed=len(layout.col_map),
            ahead=cols.before, cols=cols.size,
            kernels=kernels, terms=terms, taps=taps, at_once=at_once,
            row_taps=passes.row_offsets.shape[1],
            upper_taps=passes.ends[0], shared_taps=passes.ends[1],
            share=self.kernel_set.share, watch=0,
        )  # fmt: skip
