"""How a picture is cut into tiles for products of spectra."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

import numpy as np

from convcli.engine.costs import tiles_cost
from convcli.engine.passes import Taps
from convcli.engine.spectra import SIZES, Packing, packing
from convcli.engine.strips import Layout
from convcli.record import record

#: Memory that the sums of rows of tiles may take, for each thread, in bytes.
_SUMS_BYTES = 16 * 1024 * 1024
#: Groups of rows of tiles that a picture should have at least.
_UNITS = 4


@record
class Tiling:
    """Tiles of a picture.

    Parameters
    ----------
    size
        Padded samples of a tile, along both axes.
    edge
        (rows, cols) of output samples that a tile gives.
    count
        (rows, cols) of tiles.
    at_once
        Rows of tiles that a thread takes at once, so that sets are full.
    packing
        How tiles are packed into sets.
    """

    size: int
    edge: tuple[int, int]
    count: tuple[int, int]
    at_once: int
    packing: Packing

    def sets(self, channels: int) -> int:
        """How many sets of tiles are transformed."""
        whole, rest = divmod(self.count[0], self.at_once)
        across = self.count[1] * channels
        full = ceil(self.at_once * across / self.packing.in_set)
        return whole * full + ceil(rest * across / self.packing.in_set)


def best_tiling(taps: Taps, layout: Layout, source: np.dtype[Any]) -> tuple[Tiling, float] | None:
    """Return the cheapest tiling and its cost in cycles an output sample; None if there is none.

    It doesn't depend on the threads: where a tile lies decides how its sums are rounded.
    """
    found = []
    for tiling in _tilings(taps, layout, source):
        sets = tiling.sets(layout.channels)
        found.append((tiling, tiles_cost(tiling.size, sets, *_work(tiling, taps, layout))))
    return min(found, key=lambda pair: pair[1], default=None)


def _work(tiling: Tiling, taps: Taps, layout: Layout) -> tuple[int, int, int]:
    """Tiles, kernels and output samples."""
    tiles = tiling.count[0] * tiling.count[1] * layout.channels
    return tiles, len(taps.weights), layout.samples * layout.geometry.rows.out


def _tilings(taps: Taps, layout: Layout, source: np.dtype[Any]) -> Iterator[Tiling]:
    axes = layout.geometry.rows, layout.geometry.cols
    found = False
    for size in SIZES:
        edge = tuple((size - axis.span) // axis.stride + 1 for axis in axes)
        # Sums are taken out four at a time.
        edge = (edge[0], edge[1] // 4 * 4)
        packed = packing(taps.flat, source, size)
        if min(edge) < size // 16 or packed is None:
            continue
        row_bytes = edge[0] * layout.samples * len(taps.weights) * 8
        if found and row_bytes > 2 * _SUMS_BYTES:
            continue
        found = True
        count = tuple(ceil(axis.out / each) for axis, each in zip(axes, edge, strict=True))
        yield Tiling(
            size, (edge[0], edge[1]), (count[0], count[1]),
            _at_once(count[0], count[1] * layout.channels, packed.in_set, row_bytes), packed,
        )  # fmt: skip


def _at_once(rows: int, across: int, in_set: int, row_bytes: int) -> int:
    """Rows of tiles that waste the fewest places of sets, and leave work for several threads."""
    most = max(1, min(_SUMS_BYTES // max(1, row_bytes), rows // _UNITS))

    def waste(count: int) -> float:
        return ceil(count * across / in_set) * in_set / (count * across)

    return min(range(1, most + 1), key=lambda count: (round(waste(count), 1), count))
