"""Running the loops over bands of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convcli.engine import places as at
from convcli.engine.costs import block
from convcli.engine.passes import Passes, Taps
from convcli.engine.strips import Layout


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


@dataclass(frozen=True)
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
    """Read what a loop has seen."""
    return Seen(float(extremes[0].min()), float(extremes[1].max()), int(sizes[at.CLIPPED]))


def combine_loop(taps: Taps) -> str:
    """Name the loop that combines the sums of several kernels."""
    return "combine_" + (taps.combine or "nothing").replace("-", "_")


@dataclass(frozen=True)
class Bands:
    """Correlation strip by strip: what every band of rows needs, made once.

    Parameters
    ----------
    source
        (rows, samples) of the picture.
    taps, layout, passes
        What is summed, where it lies, and what the respond loop is given.
    respond
        The respond loop's name.
    work
        The type that sums are kept in.
    strip_rows
        Output rows of a strip.
    fill
        What lies outside.
    full_pitch
        The pitch of a strip that gives whole rows; `layout` may be narrower.
    """

    source: NDArray[Any]
    taps: Taps
    layout: Layout
    passes: Passes
    respond: str
    work: np.dtype[Any]
    strip_rows: int
    fill: float
    full_pitch: int

    @property
    def units(self) -> tuple[int, int]:
        """Rows, which threads share, and what bands begin at multiples of.

        So that sums are formed in the same order whatever the threads: two rows are summed at
        once, and running sums begin with a strip.
        """
        step = self.strip_rows if self.respond == "respond_box" else 2
        return self.layout.geometry.rows.out, step

    def entry(
        self, store: str, out: np.dtype[Any], real: np.dtype[Any]
    ) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """Return the name, the functions and the types of the loop to load."""
        functions = (self.respond, combine_loop(self.taps), store)
        return "band", functions, (self.source.dtype.name, self.work.name, out.name, real.name)

    def run(
        self,
        loop: Callable[..., None],
        unit: tuple[int, int],
        out: NDArray[Any],
        storing: Storing,
    ) -> Seen:
        """Run some rows, with scratch of their own; return what was seen."""
        width = self.layout.pitch - self.halo
        parts = [
            self._run_part(loop, (*unit, start), out, storing)
            for start in range(0, self.layout.samples, width)
        ]
        return Seen.of(parts)

    @property
    def halo(self) -> int:
        """Samples of a strip's row that an output row has less."""
        return self.full_pitch - self.layout.samples

    def _run_part(
        self,
        loop: Callable[..., None],
        unit: tuple[int, int, int],
        out: NDArray[Any],
        storing: Storing,
    ) -> Seen:
        """Run some rows of a panel that begins at a sample; (first row, last row, sample)."""
        layout, work, extra = self.layout, self.work, block(self.work)
        rows = min(self.strip_rows, unit[1] - unit[0] + 1)
        kernels, _, _, at_once = self.passes.weights.shape
        samples = min(layout.samples - unit[2], layout.pitch - self.halo)
        pitch = -(-samples // extra) * extra
        sizes = self._sizes(unit, rows, pitch)
        sizes[at.WATCH] = storing.watch
        extremes = storing.extremes()
        loop(
            self.source,
            layout.row_source,
            layout.col_source[unit[2] :],
            np.array([self.fill], dtype=work),
            *self.passes[:4],
            np.empty(((rows + 1) * layout.stride + layout.span) * layout.pitch + extra, dtype=work),
            np.empty((at_once, layout.pitch + max(extra, layout.step)), dtype=work),
            np.empty((kernels, at_once, pitch), dtype=work),
            np.empty(pitch if self.taps.combine else 1),
            np.empty(block(np.dtype(np.uint8)), dtype=out.dtype),
            out[:, unit[2] :],
            sizes,
            storing.numbers,
            storing.limits,
            extremes,
        )
        return seen(extremes, sizes)

    def _sizes(self, unit: tuple[int, int, int], rows: int, pitch: int) -> NDArray[np.int64]:
        """The whole numbers of a panel of a band."""
        layout, passes, start = self.layout, self.passes, unit[2]
        samples = min(layout.samples - start, layout.pitch - self.halo)
        loaded = samples + self.halo
        begin, length, source = layout.run
        first, last = max(begin - start, 0), min(begin + length - start, loaded)
        sizes = np.zeros(at.PLACES, dtype=np.int64)
        sizes[at.FIRST], sizes[at.LAST] = unit[:2]
        sizes[at.STRIP_ROWS], sizes[at.STRIDE], sizes[at.SPAN] = rows, layout.stride, layout.span
        sizes[at.SAMPLES], sizes[at.PITCH], sizes[at.LOADED] = samples, layout.pitch, loaded
        sizes[at.SUMS_PITCH], sizes[at.OUT_PITCH] = pitch, layout.samples
        sizes[at.SOURCE_SAMPLES], sizes[at.SHARE] = self.source.shape[1], self.taps.share
        sizes[at.RUN_AT], sizes[at.RUN_LENGTH] = min(first, loaded), max(last - first, 0)
        sizes[at.RUN_FROM] = source + max(start - begin, 0)
        sizes[at.KERNELS], sizes[at.TERMS], sizes[at.TAPS], sizes[at.ROWS] = passes.weights.shape
        sizes[at.UPPER_TAPS], sizes[at.SHARED_TAPS] = passes.ends
        sizes[at.ROW_TAPS], sizes[at.STEP] = passes.row_offsets.shape[1], layout.step
        return sizes
