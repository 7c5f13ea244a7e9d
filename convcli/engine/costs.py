"""What each method costs: a model of the loops, in processor cycles an output sample.

The constants are medians on AVX2 (bench: regret grades them); between processors their ratios
change less than the times do. A block is the samples that a loop takes at once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

#: A tap of a block: of one output row; of two rows at once; along a row of columns.
_TAP = {"int16": 4.7, "uint16": 4.7, "int32": 5.3, "float32": 5.0, "float64": 5.0}
_PAIR = {"int16": 8.3, "uint16": 8.3, "int32": 7.7, "float32": 6.4, "float64": 6.4}
_ALONG = {"int16": 4.7, "uint16": 4.7, "int32": 5.3, "float32": 4.8, "float64": 4.8}
#: A pass over a block besides its taps.
_PASS = 6.0
#: Loading, counting and storing a sample.
_SAMPLE = {"int16": 0.5, "uint16": 0.5, "int32": 1.2, "float32": 0.9, "float64": 2.2}
#: Counting and storing a sample whose strip is the image itself, or of its type.
_UNCHANGED = {"int16": 0.25, "uint16": 0.25, "int32": 0.8, "float32": 0.5, "float64": 1.4}
#: A sample of a box along a row, several at once.
_BOX_ALONG = {"int16": 0.9, "uint16": 0.9, "int32": 1.4, "float32": 1.4, "float64": 1.8}
#: And what it takes more where channels are interleaved.
_BOX_APART = 0.15
#: A sample that is loaded where columns are sorted by their phase: picked out of blocks; one by
#: one, as it is; or converted, to a strip that large steps make too high for the cache.
_IN_BLOCKS, _AS_IT_IS, _CONVERTED = 0.4, 0.5, 1.3
#: A sum that is kept for the next term and added to.
_KEPT_SUM = 0.5
#: A float that is looked at first, whether it is finite and doesn't drown others.
LOOKED_AT = 3.5


def block(dtype: np.dtype[Any]) -> int:
    """Samples in a block of 128 bytes."""
    return 128 // dtype.itemsize


def _pair(name: str, ends: tuple[int, int], taps: int) -> float:
    """Cycles of the taps of two rows at once, a row: what is shared, and what isn't."""
    both = ends[1] - ends[0]
    return _PAIR[name] * both / 2 + _TAP[name] * (taps - both)


def direct_cost(
    dtype: np.dtype[Any], taps: int, ends: tuple[int, int], kernels: int
) -> tuple[float, int]:
    """Cycles a sample, and whether one or two output rows at once are cheaper.

    Parameters
    ----------
    dtype
        The working type.
    taps, ends
        Taps that aren't zero; where those begin and end that two neighbouring rows share.
    kernels
        How many are summed.
    """
    name = dtype.name
    single, pair = _TAP[name] * taps, _pair(name, ends, taps)
    at_once = 1 if single <= pair else 2
    passes = kernels * (min(single, pair) + _PASS) / block(dtype)
    return passes + _SAMPLE[name], at_once


def terms_cost(
    dtype: np.dtype[Any], ends: tuple[int, int], taps: tuple[int, int], terms: int, widening: float
) -> float:
    """Cycles a sample of columns times rows.

    Parameters
    ----------
    dtype
        The working type.
    ends, taps
        Where the taps begin and end that two neighbouring columns share; taps of a column and
        of a row.
    terms
        Columns times rows, of all kernels.
    widening
        Samples that a column is summed for, for each sample of the output.
    """
    name = dtype.name
    down = (_pair(name, ends, taps[0]) + _PASS) * widening
    keeping = _UNCHANGED[name] if terms == 1 else _SAMPLE[name] + _KEPT_SUM * terms
    return terms * (down + _ALONG[name] * taps[1] + _PASS) / block(dtype) + keeping


def box_cost(dtype: np.dtype[Any], stride: int, step: int, widening: float) -> float:
    """Cycles a sample of running sums; `step` samples from a column to the next."""
    down = (4.0 * stride + 4.0) * widening / block(dtype)
    along = _BOX_ALONG[dtype.name] + (_BOX_APART if step > 1 else 0.0)
    return down + along + _UNCHANGED[dtype.name]


def sorting_cost(loaded: float, stride: int, step: int, *, as_they_are: bool) -> float:
    """Cycles a sample of the result of loading columns that are sorted by their phase.

    Parameters
    ----------
    loaded
        Samples that are loaded for each of the result.
    stride, step
        Of the columns: how far windows go on, and samples from one to the next.
    as_they_are
        Whether samples stay of the image's type.
    """
    # As `loops.load` has it.
    if stride == 2 or (stride <= 4 and step == 1):
        return _IN_BLOCKS * loaded
    return (_AS_IT_IS if as_they_are else _CONVERTED) * loaded


#: A place of a set of tiles, transformed there and back, by the tile's size; and a sample of a
#: tile, put into a set and its sum taken out.
_PLACE = {64: 82.0, 128: 148.0, 256: 238.0, 512: 509.0}
_TILE_SAMPLE = 3.75


def tiles_cost(size: int, sets: int, tiles: int, kernels: int, samples: int) -> float:
    """Cycles a sample of products of spectra.

    Parameters
    ----------
    size
        Of a tile.
    sets, tiles
        How many are transformed, and loaded.
    kernels
        How many kernels' products are transformed back.
    samples
        Of the whole result.
    """
    each = sets * _PLACE[size] + tiles * _TILE_SAMPLE
    return size**2 * each * (1 + kernels) / 2 / samples


#: A tap of a block of several maps, by their number, as `loops.bank` has them: with 32 registers
#: of 64 bytes, and with others.
_MAPS_WIDE = {1: 3.0, 2: 3.1, 3: 3.6, 4: 4.9, 6: 6.2, 8: 8.1}
_MAPS = {1: 3.0, 2: 4.6, 3: 8.8, 4: 9.2, 6: 12.8}
#: A sample that is parted from its pixel, four at once and one by one; and one of the result that
#: is put beside those of other maps.
_PARTED, _PARTED_ALONE, _BESIDE = 0.6, 1.0, 0.5
#: What registers of 64 bytes make of the cycles of a map by itself.
_WIDE = 0.6


@lru_cache(maxsize=64)
def tiles_of(maps: int, wide: bool) -> tuple[int, ...]:
    """Return how many maps are best summed at once, again and again until all are."""
    each = _MAPS_WIDE if wide else _MAPS
    most = max(each)
    whole = max(0, maps // most - 1)
    best: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for total in range(1, maps - whole * most + 1):
        fit = [(best[total - n], n) for n in each if n <= total]
        best.append(min((cost + each[n], (*tiles, n)) for (cost, tiles), n in fit))
    return (most,) * whole + tuple(sorted(best[-1][1], reverse=True))


def bank_cost(dtype: np.dtype[Any], taps: int, maps: int, loaded: float, wide: bool) -> float:
    """Cycles a sample of several maps at once.

    Parameters
    ----------
    dtype
        The working type.
    taps, maps
        Taps that aren't zero; maps of a group.
    loaded
        Samples that are loaded for each of a map.
    wide
        Whether there are registers of 64 bytes.
    """
    each = _MAPS_WIDE if wide else _MAPS
    tiles = sum(each[n] for n in tiles_of(maps, wide))
    return taps * tiles / maps / block(dtype) + _PARTED * loaded / maps + _BESIDE


def map_cost(dtype: np.dtype[Any], taps: int, share: float, loaded: float, wide: bool) -> float:
    """Cycles a sample of one map after the other.

    Parameters
    ----------
    dtype
        The working type.
    taps, share
        Taps that aren't zero, and how many of them, of 1, two neighbouring rows share.
    loaded
        Samples that are loaded for each of the result.
    wide
        Whether there are registers of 64 bytes.
    """
    ends = (round(taps * (1 - share)), taps)
    summed = direct_cost(dtype, taps, ends, 1)[0]
    return (_WIDE if wide else 1.0) * summed + _PARTED_ALONE * loaded
