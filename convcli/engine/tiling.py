"""How an image is cut into tiles for products of spectra.

A thread takes a group of neighbouring tiles at once, the smallest that fills sets, whatever the
image's width.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, inf
from typing import Any

import numpy as np

from convcli.engine.costs import tiles_cost
from convcli.engine.passes import KernelSet
from convcli.engine.spectra import SIZES, Packing, packing
from convcli.engine.strips import Layout
from convcli.record import record

#: Memory that the sums of a group of tiles may take, for each thread, in bytes; more only if no
#: smaller tiles will do.
_SUMS_BYTES = 12 * 1024 * 1024
#: Groups that an image should have at least, if there are as many full sets.
_GROUPS = 4
#: Part of all places that may stay empty, so that fewer groups need be looked at.
_WASTE = 1 / 32


@record
class Tiling:
    """Tiles of an image.

    Parameters
    ----------
    size
        Padded samples of a tile, along both axes.
    edge
        (rows, cols) of output samples that a tile gives.
    count
        (rows, cols) of tiles.
    at_once
        (rows, cols) of tiles in a group, which a thread takes at once: so many that sets are full,
        so few that their sums need little memory.
    packing
        How tiles are packed into sets.
    """

    size: int
    edge: tuple[int, int]
    count: tuple[int, int]
    at_once: tuple[int, int]
    packing: Packing

    @property
    def groups(self) -> tuple[int, int]:
        """(rows, cols) of groups."""
        down, across = (
            -(-many // each) for many, each in zip(self.count, self.at_once, strict=True)
        )
        return down, across

    def sets(self, channels: int) -> int:
        """How many sets of tiles are transformed."""
        return _sets(self.count, self.at_once, channels, self.packing.in_set)


def best_tiling(
    kernel_set: KernelSet, layout: Layout, source: np.dtype[Any]
) -> tuple[Tiling, float] | None:
    """Return the cheapest tiling and its cost in cycles an output sample; None if there is none.

    It doesn't depend on the threads: where a tile lies decides how its sums are rounded.
    """
    found = []
    for tiling in _tilings(kernel_set, layout, source):
        sets = tiling.sets(layout.channels)
        found.append((tiling, tiles_cost(tiling.size, sets, *_work(tiling, kernel_set, layout))))
    return min(found, key=lambda pair: pair[1], default=None)


def _work(tiling: Tiling, kernel_set: KernelSet, layout: Layout) -> tuple[int, int, int]:
    """Tiles, kernels and output samples."""
    tiles = tiling.count[0] * tiling.count[1] * layout.channels
    return tiles, len(kernel_set.weights), layout.samples * layout.geometry.rows.out


def _tilings(kernel_set: KernelSet, layout: Layout, source: np.dtype[Any]) -> Iterator[Tiling]:
    axes = layout.geometry.rows, layout.geometry.cols
    found = False
    for size in SIZES:
        edge = tuple((size - axis.span) // axis.stride + 1 for axis in axes)
        # Sums are taken out four at a time.
        edge = (edge[0], edge[1] // 4 * 4)
        packed = packing(kernel_set.flat, source, size)
        if min(edge) < size // 16 or packed is None:
            continue
        tile_bytes = edge[0] * edge[1] * layout.channels * len(kernel_set.weights) * 8
        if found and tile_bytes > _SUMS_BYTES:
            continue
        found = True
        down, across = (ceil(axis.out / each) for axis, each in zip(axes, edge, strict=True))
        most = max(1, _SUMS_BYTES // tile_bytes)
        at_once = _at_once((down, across), most, layout.channels, packed.in_set)
        yield Tiling(size, (edge[0], edge[1]), (down, across), at_once, packed)


def _at_once(count: tuple[int, int], most: int, channels: int, in_set: int) -> tuple[int, int]:
    """Rows and columns of the smallest group of up to `most` tiles that hardly wastes places."""
    down, across = count
    sets = down * across * channels / in_set
    most = max(1, min(most, down * across // min(_GROUPS, ceil(sets))))
    widths = {-(-across // groups) for groups in range(-(-across // most), across + 1)}
    shapes = sorted(
        (rows * cols, rows, cols)
        for cols in widths
        for rows in range(1, min(down, most // cols, in_set) + 1)
    )
    best = (inf, (1, 1))
    for _, rows, cols in shapes:
        taken = _sets(count, (rows, cols), channels, in_set)
        if taken <= sets * (1 + _WASTE):
            return rows, cols
        best = min(best, (taken, (rows, cols)))
    return best[1]


def _sets(count: tuple[int, int], at_once: tuple[int, int], channels: int, in_set: int) -> int:
    """How many sets of tiles there are if every group has its own."""
    return sum(
        many_rows * many_cols * ceil(rows * cols * channels / in_set)
        for many_rows, rows in _parts(count[0], at_once[0])
        for many_cols, cols in _parts(count[1], at_once[1])
    )


def _parts(count: int, at_once: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """How many whole parts there are, and how long; and the rest."""
    whole, rest = divmod(count, at_once)
    return (whole, at_once), (1, rest)
