"""Running the loops over bands of rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convcli.engine import places as at
from convcli.engine.costs import block
from convcli.engine.native import Call, Loop
from convcli.engine.passes import Passes, Taps
from convcli.engine.scratch import NOTHING, Scratch
from convcli.engine.strips import Layout, Source, Strips, empty
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

    def extremes(self) -> NDArray[Any]:
        """(2, a block) of the greatest and of the least value of the sums' type."""
        dtype = self.limits.dtype
        ends: tuple[float, float] = (inf, -inf)
        if dtype.kind != "f":
            ends = (np.iinfo(dtype).max, np.iinfo(dtype).min)
        return np.repeat(np.array(ends, dtype=dtype)[:, None], block(dtype), axis=1)


def seen(extremes: NDArray[Any], sizes: NDArray[np.int64]) -> Seen:
    """Read what a loop has seen, if it was to look."""
    if not sizes[at.WATCH]:
        return Seen(inf, -inf, 0)
    return Seen(float(extremes[0].min()), float(extremes[1].max()), int(sizes[at.CLIPPED]))


def combine_loop(taps: Taps) -> str:
    """Name the loop that combines the sums of several kernels."""
    return "combine_" + (taps.combine or "nothing").replace("-", "_")


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
    taps, layout, passes
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
    taps: Taps
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

    def entry(
        self, store: str, out: np.dtype[Any], storing: Storing
    ) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
        """Return the name, the functions and the types of the loop to load, and fixed numbers."""
        types = _names(self.source.dtype, self.work, out, storing.numbers.dtype)
        several = self.taps.combine or self.passes.offsets.shape[0] > 1
        end = "_strided" if self.layout.phases[0] else ""
        if several or storing.watch or self._is_box or self.layout.samples < block(self.work):
            return f"band{end}", (self.respond, combine_loop(self.taps), store), types, ()
        return f"band_at_once{end}", (self.respond, store), types, self._fixed

    @property
    def _is_box(self) -> bool:
        return self.respond == "respond_box"

    @cached_property
    def _fixed(self) -> tuple[int, ...]:
        """The numbers that the loop is compiled for; none where that doesn't pay."""
        sizes = self._sizes
        if sizes[at.TAPS] + sizes[at.ROW_TAPS] > _FEW_TAPS:
            return ()
        if self.layout.samples * self.layout.geometry.rows.out < _LARGE:
            return ()
        return tuple(int(sizes[place]) for place in at.FIXED)

    def scratch(self, loop: Loop, out: np.dtype[Any], storing: Storing) -> Scratch:
        """Make scratch for one thread, to run the loop over some rows."""
        sizes, extremes = self._sizes.copy(), storing.extremes()
        sizes[at.WATCH] = storing.watch
        layout, work, extra = self.layout, self.work, block(self.work)
        kernels, _, _, at_once = self.passes.weights.shape
        rows = (int(sizes[at.STRIP_ROWS]) + 1) * layout.stride + layout.span
        pitch = int(sizes[at.SUMS_PITCH])
        arrays = (
            NOTHING,
            NOTHING,
            layout.col_source,
            np.array([self.fill], dtype=self._strip_type),
            self._offsets,
            *self.passes[1:4],
            empty((rows * layout.pitch + 2 * extra,), self._strip_type),
            empty((2, int(sizes[at.ROW_PITCH])), work),
            empty((kernels, at_once, pitch), work),
            np.empty(pitch if self.taps.combine else 1),
            np.empty(block(np.dtype(np.uint8)), dtype=out),
            NOTHING,
            sizes,
            storing.numbers,
            storing.limits,
            extremes,
        )

        def run(call: Call, _: tuple[int, int], first: int, last: int) -> Seen:
            sizes[at.FIRST], sizes[at.LAST], sizes[at.CLIPPED] = first, last, 0
            call()
            return seen(extremes, sizes)

        return Scratch(loop, arrays, run)

    @property
    def _strip_type(self) -> np.dtype[Any]:
        """What a strip's samples are converted to.

        JUSTIFICATION: columns and boxes read them as they are. Each is read a few times only, and
        converting it each time takes less than a pass that converts all, and less than reading
        that from a slower cache (bench: named, a fifth of a blur's time).
        """
        as_they_are = self._is_box or self.respond == "respond_terms"
        return self.source.dtype if as_they_are else self.work

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
    def _sizes(self) -> NDArray[np.int64]:
        """The whole numbers of a band, but for its rows."""
        layout, passes, extra = self.layout, self.passes, block(self.work)
        part = min(self.strips.part, layout.samples)
        blocks = -(-part // extra)
        sizes = np.zeros(at.PLACES, dtype=np.int64)
        sizes[at.STRIP_ROWS] = min(self.strips.rows, layout.geometry.rows.out + 1)
        sizes[at.STRIDE], sizes[at.SPAN], sizes[at.STEP] = layout.stride, layout.span, layout.step
        sizes[at.WIDTH], sizes[at.PART], sizes[at.STRIP_PITCH] = layout.samples, part, layout.pitch
        sizes[at.INNER_FROM], sizes[at.INNER_TO] = self._inner
        sizes[at.LOADED], sizes[at.HALO] = len(layout.col_source), layout.halo
        sizes[at.SUMS_PITCH] = blocks * extra
        # Blocks of columns, and what a box reads beyond them.
        reach = -(-(part + layout.halo) // extra) + 2 + layout.step
        sizes[at.ROW_PITCH] = reach * extra
        sizes[at.SOURCE_SAMPLES], sizes[at.SHARE] = self.source.samples, self.taps.share
        sizes[at.RUN_AT], sizes[at.RUN_LENGTH], sizes[at.RUN_FROM] = layout.run
        # A box adds and takes away what lies between the rows that it is to sum.
        sizes[at.STRIDE_READ] = layout.stride if self._is_box else layout.span
        sizes[at.ROW_APART] = 1 if self._is_box else layout.rows_apart
        cols = layout.geometry.cols
        sizes[at.PHASES], sizes[at.PHASE_APART] = layout.phases
        sizes[at.NEEDED] = len(layout.col_map)
        sizes[at.STRIDE_COLS] = min(cols.stride, len(layout.col_map))
        sizes[at.AHEAD], sizes[at.COLS] = cols.before, cols.size
        sizes[at.KERNELS], sizes[at.TERMS], sizes[at.TAPS], sizes[at.ROWS] = passes.weights.shape
        sizes[at.UPPER_TAPS], sizes[at.SHARED_TAPS] = passes.ends
        sizes[at.ROW_TAPS] = passes.row_offsets.shape[1]
        return sizes
