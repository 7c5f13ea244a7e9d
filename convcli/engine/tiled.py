"""Running the loops over groups of tiles."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.engine import places as at
from convcli.engine.bands import Seen, Storing, combine_loop, seen
from convcli.engine.costs import block
from convcli.engine.native import Call, Loop
from convcli.engine.passes import Taps
from convcli.engine.scratch import NOTHING, Scratch
from convcli.engine.spectra import LANES, factors, turns
from convcli.engine.strips import Layout, Source, empty
from convcli.engine.tiling import Tiling
from convcli.record import record


def _pitch(size: int) -> int:
    """Samples from a row of a set to the next.

    One place more than a tile is wide: rows a power of two apart would all fall into the same few
    lines of the cache.
    """
    return (size + 1) * 2 * LANES


@lru_cache(maxsize=8)
def _kernels(
    taps: Taps, layout: Layout, tiling: Tiling
) -> tuple[tuple[NDArray[Any], ...], NDArray[np.intp]]:
    """Spectra, turns, what the middle takes from each kernel's sums; and the columns' sources."""
    rows, cols = layout.geometry.rows, layout.geometry.cols
    spread = np.zeros((len(taps.weights), rows.span, cols.span))
    spread[:, :: rows.dilation, :: cols.dilation] = taps.weights
    offsets = taps.flat.sum(axis=1) * tiling.packing.middle
    made = (*factors(spread, tiling.size), *turns(tiling.size), offsets.astype(np.float64))
    return made, layout.columns


@record
class TileGroups:
    """Correlation by products of spectra: what every group of tiles needs, made once.

    Parameters
    ----------
    source
        What the images are like.
    taps, layout, tiling
        What is summed, where it lies, and how it is cut.
    fill
        What lies outside.
    """

    source: Source
    taps: Taps
    layout: Layout
    tiling: Tiling
    fill: float

    @property
    def units(self) -> tuple[int, int]:
        """Groups of tiles, which threads share one by one."""
        down, across = self.tiling.groups
        return down * across, 1

    @property
    def together(self) -> int:
        """Rows of the result that are made together: those of a group."""
        return self.tiling.at_once[0] * self.tiling.edge[0]

    @property
    def least_rows(self) -> int:
        """Rows of the result that are best made at a time."""
        return self.together

    def needed(self, start: int, stop: int) -> slice:
        """Return which padded rows some rows of the result are made of, those of whole tiles."""
        edge = self.tiling.edge[0]
        stride = self.layout.geometry.rows.stride
        last = (-(-stop // edge) - 1) * edge * stride + self.tiling.size
        return slice(start * stride, min(last, len(self.layout.row_source)))

    def units_in(self, rows: int) -> int:
        """Return how many units so many rows of the result are."""
        return -(-rows // self.together) * self.tiling.groups[1]

    def entry(
        self, store: str, out: np.dtype[Any], storing: Storing
    ) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """Return the name, the functions and the types of the loop to load."""
        functions = (combine_loop(self.taps), store)
        return "tiles", functions, (self.source.dtype.name, out.name, storing.numbers.dtype.name)

    def scratch(self, loop: Loop, out: np.dtype[Any], storing: Storing) -> Scratch:
        """Make scratch for one thread, to run the loop over some units."""
        tiling, kernels = self.tiling, len(self.taps.weights)
        rows, cols = (many * edge for many, edge in zip(tiling.at_once, tiling.edge, strict=True))
        pitch = -(-cols * self.layout.channels // 16) * 16
        sizes, extremes = self._sizes(pitch), storing.extremes()
        sizes[at.WATCH] = storing.watch
        places = tiling.size * _pitch(tiling.size)
        sets = [empty((places,), np.dtype(np.float64)) for _ in range(1 if kernels == 1 else 2)]
        spectra, columns = _kernels(self.taps, self.layout, tiling)
        arrays: tuple[NDArray[Any], ...] = (
            NOTHING,
            NOTHING,
            columns,
            np.array([self.fill], dtype=self.source.dtype),
            *spectra,
            np.array([tiling.packing.middle, tiling.packing.power]),
            np.empty((4, tiling.size), dtype=self.source.dtype),
            *(part for whole in (sets[0], sets[-1]) for part in (whole, whole[LANES:])),
            np.empty((kernels, rows, pitch)),
            np.empty(pitch),
            np.empty(block(np.dtype(np.uint8)), dtype=out),
            NOTHING,
            sizes,
            storing.numbers,
            storing.limits,
            extremes,
        )

        def run(call: Call, rows: tuple[int, int], first: int, last: int) -> Seen:
            sizes[at.CLIPPED] = 0
            sizes[at.PADDED_ROWS], sizes[at.OUT_ROWS] = rows
            for unit in range(first, last):
                self._choose(sizes, unit)
                call()
            return seen(extremes, sizes)

        return Scratch(loop, arrays, run)

    def _choose(self, sizes: NDArray[np.int64], unit: int) -> None:
        """Put down which group of tiles is meant."""
        tiling, out = self.tiling, self.layout.geometry.cols.out
        (rows, cols), (down, across) = tiling.at_once, divmod(unit, tiling.groups[1])
        row, left = down * rows, across * cols
        tiles = min(cols, tiling.count[1] - left)
        last = -(-int(sizes[at.OUT_ROWS]) // tiling.edge[0])
        sizes[at.FIRST], sizes[at.LAST] = row, min(row + rows, last)
        sizes[at.LEFT], sizes[at.TILES] = left, tiles
        columns = min(tiles * tiling.edge[1], out - left * tiling.edge[1])
        sizes[at.SAMPLES] = columns * self.layout.channels

    def _sizes(self, pitch: int) -> NDArray[np.int64]:
        """The whole numbers of tiles, but for which."""
        layout, tiling = self.layout, self.tiling
        rows, cols = layout.geometry.rows, layout.geometry.cols
        sizes = np.zeros(at.PLACES, dtype=np.int64)
        sizes[at.SUMS_PITCH] = pitch
        sizes[at.SOURCE_SAMPLES] = self.source.samples
        sizes[at.KERNELS], sizes[at.SHARE] = len(self.taps.weights), self.taps.share
        sizes[at.STEP] = layout.channels
        sizes[at.STRIDE], sizes[at.STRIDE_COLS] = rows.stride, cols.stride
        sizes[at.TILE], sizes[at.TILE_PITCH] = tiling.size, _pitch(tiling.size)
        sizes[at.EDGE_ROWS], sizes[at.EDGE_COLS] = tiling.edge
        sizes[at.OUT_COLS] = cols.out
        sizes[at.PADDED_COLS] = len(layout.col_map)
        sizes[at.DEPTH] = tiling.packing.depth
        return sizes
