"""Running the loops over groups of tiles."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.engine.bands import Seen, Storing, combine_loop
from convcli.engine.costs import block
from convcli.engine.native import Call, Loop
from convcli.engine.passes import KernelSet
from convcli.engine.scratch import NOTHING, CalledFor, Scratch
from convcli.engine.spectra import LANES, factors, turns
from convcli.engine.strips import Layout, Source, empty, interleaved
from convcli.engine.tile_structs import Levels, TileInput, TileScratch, TileSizes, TileTask
from convcli.engine.tiling import Tiling
from convcli.record import record


def _pitch(size: int) -> int:
    """Samples from a row of a set to the next.

    One place more than a tile is wide: rows a power of two apart would all fall into the same few
    lines of the cache.
    """
    return (size + 1) * 2 * LANES


@lru_cache(maxsize=8)
def _kernels(kernel_set: KernelSet, layout: Layout, tiling: Tiling) -> tuple[NDArray[Any], ...]:
    """Spectra, turns, and what the middle takes from each kernel's sums."""
    rows, cols = layout.geometry.rows, layout.geometry.cols
    spread = np.zeros((len(kernel_set.weights), rows.span, cols.span))
    spread[:, :: rows.dilation, :: cols.dilation] = kernel_set.weights
    offsets = kernel_set.flat.sum(axis=1) * tiling.packing.middle
    return (*factors(spread, tiling.size), *turns(tiling.size), offsets.astype(np.float64))


@record
class TileGroups:
    """Correlation by products of spectra: what every group of tiles needs, made once.

    Parameters
    ----------
    source
        What the images are like.
    kernel_set, layout, tiling
        What is summed, where it lies, and how it is cut.
    fill
        What lies outside.
    """

    source: Source
    kernel_set: KernelSet
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

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """(left, right) of the columns that each group of those beside one another gives."""
        width, cols = self.tiling.at_once[1] * self.tiling.edge[1], self.layout.geometry.cols.out
        return tuple((left, min(left + width, cols)) for left in range(0, cols, width))

    def needed_columns(self, piece: int) -> slice:
        """Return which padded columns a piece is made of."""
        stride, tiling = self.layout.geometry.cols.stride, self.tiling
        first = piece * tiling.at_once[1]
        last = min(first + tiling.at_once[1], tiling.count[1]) - 1
        apart = tiling.edge[1] * stride
        return slice(first * apart, min(last * apart + tiling.size, len(self.layout.col_map)))

    def needed(self, start: int, stop: int) -> slice:
        """Return which padded rows some rows of the result are made of, those of whole tiles."""
        edge = self.tiling.edge[0]
        stride = self.layout.geometry.rows.stride
        last = (-(-stop // edge) - 1) * edge * stride + self.tiling.size
        return slice(start * stride, min(last, len(self.layout.row_source)))

    def units_in(self, rows: int) -> int:
        """Return how many units so many rows of the result are."""
        return self.units_down(rows) * self.tiling.groups[1]

    def units_down(self, rows: int) -> int:
        """Return how many units so many rows of a piece are."""
        return -(-rows // self.together)

    @property
    def scratch_bytes(self) -> int:
        """What a thread's sets and sums take."""
        sizes, many = self._sizes, 1 if self._sizes.kernels == 1 else 2
        sums = sizes.kernels * self.together * sizes.sums_pitch
        return 8 * (many * sizes.size * sizes.pitch + sums)

    def entry(
        self, store: str, out: np.dtype[Any], storing: Storing
    ) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """Return the name, the functions and the types of the loop to load."""
        functions = (combine_loop(self.kernel_set), store)
        return "tiles", functions, (self.source.dtype.name, out.name, storing.numbers.dtype.name)

    def scratch(self, loop: Loop, out: np.dtype[Any], storing: Storing) -> Scratch:
        """Make scratch for one thread, to run the loop over some units."""
        result = storing.result(NOTHING)
        given = self._input(storing)

        def run(call: Call, called: CalledFor, first: int, last: int) -> Seen:
            result.clipped[0] = 0
            self._set_columns(given, called)
            for unit in range(first, last):
                given.task[:] = self._task(unit, called)
                call()
            return storing.seen(result)

        return Scratch(loop, (given, self._room(out), result), run)

    def _set_columns(self, given: TileInput, called: CalledFor) -> None:
        """Say which columns there are of source and result."""
        layout, columns = self.layout, called.columns
        places = layout.col_map if columns is None else columns.places
        across = (0, layout.geometry.cols.out) if columns is None else self.pieces[columns.piece]
        sources = interleaved(places, layout.channels)
        given.col_source[: len(sources)] = sources
        sizes = self._sizes._replace(padded_cols=len(places), out_cols=across[1] - across[0])
        if columns is not None:
            sizes = sizes._replace(source_samples=columns.samples)
        given.sizes[:] = sizes._replace(watch=given.sizes[TileSizes._fields.index("watch")])

    def _input(self, storing: Storing) -> TileInput:
        """What the loop reads, but for the image."""
        packing, columns = self.tiling.packing, len(self.layout.col_map) * self.layout.channels
        factors_re, factors_im, cosines, sines, offsets = _kernels(
            self.kernel_set, self.layout, self.tiling
        )
        return TileInput(
            source=NOTHING,
            row_source=NOTHING,
            col_source=np.empty(columns, np.intp),
            fill=np.array([self.fill], dtype=self.source.dtype),
            factors_re=factors_re,
            factors_im=factors_im,
            cosines=cosines,
            sines=sines,
            offsets=offsets,
            levels=np.array(Levels(packing.middle, packing.power), dtype=np.float64),
            numbers=storing.numbers,
            limits=storing.limits,
            sizes=np.array(self._sizes._replace(watch=int(storing.watch)), dtype=np.int64),
            task=np.zeros(len(TileTask._fields), np.int64),
        )

    def _room(self, out: np.dtype[Any]) -> TileScratch:
        """What the loop may overwrite."""
        sizes = self._sizes
        sets = [
            empty((sizes.size * sizes.pitch,), np.dtype(np.float64))
            for _ in range(1 if sizes.kernels == 1 else 2)
        ]
        rows = self.tiling.at_once[0] * sizes.edge_rows
        return TileScratch(
            lines=np.empty((4, sizes.size), dtype=self.source.dtype),
            re=sets[0],
            im=sets[0][LANES:],
            product_re=sets[-1],
            product_im=sets[-1][LANES:],
            sums=np.empty((sizes.kernels, rows, sizes.sums_pitch)),
            acc=np.empty(sizes.sums_pitch),
            rest=np.empty(block(np.dtype(np.uint8)), dtype=out),
        )

    def _task(self, unit: int, called: CalledFor) -> TileTask:
        """Which group of tiles is meant."""
        (rows, cols), edge = self.tiling.at_once, self.tiling.edge
        if called.columns is None:
            down, piece = divmod(unit, self.tiling.groups[1])
            left = piece * cols
        else:
            down, piece, left = unit, called.columns.piece, 0
        tiles = min(cols, self.tiling.count[1] - piece * cols)
        last = min((down + 1) * rows, -(-called.out_rows // edge[0]))
        begin, end = self.pieces[piece]
        return TileTask(
            first=down * rows,
            last=last,
            left=left,
            tiles=tiles,
            samples=(end - begin) * self.layout.channels,
            padded_rows=called.padded_rows,
            out_rows=called.out_rows,
        )

    @cached_property
    def _sizes(self) -> TileSizes:
        """The whole numbers of tiles whose sums nobody looks at."""
        layout, tiling = self.layout, self.tiling
        rows, cols = layout.geometry.rows, layout.geometry.cols
        width = tiling.at_once[1] * tiling.edge[1] * layout.channels
        return TileSizes(
            size=tiling.size,
            pitch=_pitch(tiling.size),
            edge_rows=tiling.edge[0],
            edge_cols=tiling.edge[1],
            stride=rows.stride,
            stride_cols=cols.stride,
            padded_cols=len(layout.col_map),
            out_cols=cols.out,
            step=layout.channels,
            source_samples=self.source.samples,
            sums_pitch=-(-width // 16) * 16,
            kernels=len(self.kernel_set.weights),
            share=self.kernel_set.share,
            watch=0,
            depth=tiling.packing.depth,
        )
