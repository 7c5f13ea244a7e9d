"""Laying a picture out in strips, and running them on threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.borders import Border, source
from convcli.geometry import Geometry

#: Bands a thread gets, so that one that is held up doesn't hold up the others.
_BANDS_A_THREAD = 4
#: Output samples under which starting threads costs more than it saves (about 0.1 ms).
_SMALL = 1 << 16


@dataclass(frozen=True)
class Layout:
    """Where a strip's samples come from, and where a kernel's taps read in it.

    Columns are sorted by their phase, column modulo stride, so that a strided filter reads
    neighbouring samples; channels stay interleaved, or are parted for filters over channels.

    Parameters
    ----------
    row_source, col_source
        As `loops.load_rows` takes them.
    run
        (at, length, start) of the longest part of `col_source` that grows by 1 a sample.
    samples
        Samples of one output row.
    tap_offsets
        (taps rows, taps cols), or (channels, taps rows, taps cols): where each tap reads.
    stride, span
        Along the rows.
    """

    row_source: NDArray[np.intp]
    col_source: NDArray[np.intp]
    run: tuple[int, int, int]
    samples: int
    tap_offsets: NDArray[np.int64]
    stride: int
    span: int


def lay_out(geometry: Geometry, border: Border, channels: int, *, parted: bool = False) -> Layout:
    """Lay out strips for a picture of `channels` interleaved channels.

    With `parted`, every channel has its own part of a strip's row, and a tap for each.
    """
    rows, cols = geometry.rows, geometry.cols
    row_source = source(rows.size, rows.before, rows.after, border)
    col_map = source(cols.size, cols.before, cols.after, border)
    needed = (cols.out - 1) * cols.stride + cols.span
    # A longer step than there are samples is taken once at the most.
    step_x, step_y = min(cols.stride, needed), min(rows.stride, rows.padded)
    by_phase = [np.arange(phase, needed, step_x) for phase in range(step_x)]
    starts = np.cumsum([0] + [len(part) for part in by_phase])
    picked = col_map[np.concatenate(by_phase)]
    channel = np.arange(channels)
    outside = picked < 0
    if parted:
        col_source = np.where(outside, -1, picked * channels + channel[:, None]).ravel()
    else:
        col_source = np.where(outside[:, None], -1, picked[:, None] * channels + channel).ravel()
    pitch = len(col_source)
    step = 1 if parted else channels
    taps_x = min(cols.dilation, needed) * np.arange(cols.taps)
    offset_x = (starts[taps_x % step_x] + taps_x // step_x) * step
    offset_y = min(rows.dilation, rows.padded) * np.arange(rows.taps) * pitch
    offsets = offset_y[:, None] + offset_x
    if parted:
        offsets = offsets + (channel * len(picked))[:, None, None]
    return Layout(
        row_source=row_source,
        col_source=np.ascontiguousarray(col_source, dtype=np.intp),
        run=_longest_run(col_source),
        samples=cols.out * step,
        tap_offsets=offsets.astype(np.int64),
        stride=step_y,
        span=rows.span,
    )


def _longest_run(places: NDArray[np.intp]) -> tuple[int, int, int]:
    """(at, length, start) of the longest stretch of sources that grows by 1 a sample."""
    breaks = np.flatnonzero((np.diff(places) != 1) | (places[:-1] < 0)) + 1
    edges = np.concatenate(([0], breaks, [len(places)]))
    longest = int(np.argmax(np.diff(edges)))
    at, end = int(edges[longest]), int(edges[longest + 1])
    return (at, end - at, int(places[at])) if places[at] >= 0 else (0, 0, 0)


def processors() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_bands(rows: int, samples: int, jobs: int, work: Callable[[int, int], Any]) -> list[Any]:
    """Call ``work(first, last)`` for bands that cover all output rows, on up to `jobs` threads.

    `work` must not depend on how rows are shared out. The first exception is raised.
    """
    if jobs == 1 or rows == 1 or rows * samples < _SMALL:
        return [work(0, rows)]
    count = min(rows, jobs * _BANDS_A_THREAD)
    edges = [rows * k // count for k in range(count + 1)]
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return list(pool.map(work, edges[:-1], edges[1:]))
