"""Laying an image out in strips.

Columns are sorted by their phase, column modulo stride, while a strip is loaded. So a strided
filter reads neighbouring samples and computes only what is kept. Rows and phases that no tap reads
are left out, the others picked out of blocks of the image. Channels are parted in the same place
for filters over channels; else they stay interleaved.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convcli.borders import Borders, by_axis, source
from convcli.geometry import Axis, Geometry
from convcli.record import record


@record(eq=False)
class Layout:
    """Where a strip's samples come from, and where a kernel's taps read in it.

    Columns are sorted by their phase, column modulo stride, so that a strided filter reads
    neighbouring samples, and phases that no tap reads are left out; channels stay interleaved,
    or are parted for filters over channels.

    Parameters
    ----------
    row_source, col_source
        As `loops.load_rows` takes them.
    col_map
        The image's column for each padded column, -1 for the fill value.
    phases
        Phases that columns are sorted by: up to which, and how far from one to the next that is
        read. (0, 1) if they needn't be, or channels are parted.
    rows_apart
        How far from one another rows are that taps read.
    run
        (at, length, start) of the longest part of `col_source` that grows by 1 a sample.
    samples
        Samples of one output row.
    tap_offsets
        (taps rows, taps cols), or (channels, taps rows, taps cols): where each tap reads.
    stride, span
        Along the rows.
    step
        Samples from a column to the next of the same channel.
    geometry, channels
        What was laid out.
    pitch
        Samples from a strip's row to the next: at least those that are loaded.
    """

    row_source: NDArray[np.intp]
    col_source: NDArray[np.intp]
    col_map: NDArray[np.intp]
    phases: tuple[int, int]
    rows_apart: int
    run: tuple[int, int, int]
    samples: int
    tap_offsets: NDArray[np.int64]
    stride: int
    span: int
    step: int
    geometry: Geometry
    channels: int
    pitch: int

    @property
    def halo(self) -> int:
        """Samples of a padded row that an output row has less."""
        return len(self.col_source) - self.samples


class Source(NamedTuple):
    """What an image is like: samples of a row, of all its columns and channels, and their type."""

    samples: int
    dtype: np.dtype[Any]


class Strips(NamedTuple):
    """How output rows are cut: `rows` at a time, and `part` samples of these at a time."""

    rows: int
    part: int


@lru_cache(maxsize=32)
def lay_out(geometry: Geometry, border: Borders, channels: int, *, parted: bool = False) -> Layout:
    """Lay out strips for an image of `channels` interleaved channels.

    With `parted`, every channel has its own part of a strip's row, and a tap for each.
    """
    rows, cols = geometry.rows, geometry.cols
    across, along = by_axis(border)
    row_source = source(rows.size, rows.before, rows.after, across)
    col_map = source(cols.size, cols.before, cols.after, along)
    needed = (cols.out - 1) * cols.stride + cols.span
    # A longer step than there are samples is taken once at the most.
    step_x, step_y = min(cols.stride, needed), min(rows.stride, rows.padded)
    taps_x = min(cols.dilation, needed) * np.arange(cols.taps)
    apart = _read_apart(cols, step_x)
    phases = step_x if cols.dilation > 1 and cols.taps > 1 else min(step_x, cols.taps)
    by_phase = [np.arange(phase, needed, step_x) for phase in range(0, phases, apart)]
    starts = np.cumsum([0] + [len(part) for part in by_phase])
    picked = col_map[np.concatenate(by_phase)]
    col_source = _samples(picked, channels, parted=parted)
    pitch = _apart(len(col_source))
    step = 1 if parted else channels
    offset_x = (starts[taps_x % step_x // apart] + taps_x // step_x) * step
    offset_y = min(rows.dilation, rows.padded) * np.arange(rows.taps) * pitch
    offsets = offset_y[:, None] + offset_x
    if parted:
        offsets = offsets + (np.arange(channels) * len(picked))[:, None, None]
    return Layout(
        row_source=row_source,
        col_source=col_source,
        col_map=col_map[:needed],
        phases=(0, 1) if parted or step_x == 1 else (phases, apart),
        rows_apart=_read_apart(rows, step_y),
        run=_longest_run(col_source),
        samples=cols.out * step,
        tap_offsets=offsets.astype(np.int64),
        stride=step_y,
        span=rows.span,
        step=step,
        geometry=geometry,
        channels=channels,
        pitch=pitch,
    )


def _samples(picked: NDArray[np.intp], channels: int, *, parted: bool) -> NDArray[np.intp]:
    """Which samples of an image's row some of its columns have, -1 outside: `col_source`."""
    columns, channel = picked[:, None], np.arange(channels)
    places = np.where(columns < 0, -1, columns * channels + channel)
    return np.ascontiguousarray((places.T if parted else places).ravel(), dtype=np.intp)


def interleaved(columns: NDArray[np.intp], channels: int) -> NDArray[np.intp]:
    """Return which samples of an image's row some of its columns have, -1 outside."""
    return _samples(columns, channels, parted=False)


def _read_apart(axis: Axis, stride: int) -> int:
    """How far from one another samples are that taps read, as windows go on by `stride`."""
    return gcd(stride, axis.dilation) if axis.taps > 1 else 1


def _apart(samples: int) -> int:
    """Samples from a row to the next where rows of so many lie below one another.

    Rows begin at multiples of 16, which vectors load faster from; but not at multiples of 512,
    of which a cache holds just eight at once.
    """
    pitch = -(-samples // 16) * 16
    return pitch + 16 if pitch % 512 == 0 else pitch


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return scratch that begins at a line of the cache."""
    count, line = prod(shape), 64 // dtype.itemsize
    room = np.empty(count + line, dtype=dtype)
    start = -room.ctypes.data % 64 // dtype.itemsize
    return room[start : start + count].reshape(shape)


def _longest_run(places: NDArray[np.intp]) -> tuple[int, int, int]:
    """(at, length, start) of the longest stretch of sources that grows by 1 a sample."""
    breaks = np.flatnonzero((np.diff(places) != 1) | (places[:-1] < 0)) + 1
    edges = np.concatenate(([0], breaks, [len(places)]))
    longest = int(np.argmax(np.diff(edges)))
    at, end = int(edges[longest]), int(edges[longest + 1])
    return (at, end - at, int(places[at])) if places[at] >= 0 else (0, 0, 0)
