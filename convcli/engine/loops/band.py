"""A band: output rows, strip by strip."""

from __future__ import annotations

from convcli.engine.loops.load import load_rows
from convcli.engine.loops.places import FIRST, LAST, SPAN, STRIDE, STRIP_ROWS, jit
from convcli.engine.loops.store import count_row


@jit
def band(
    respond, combine, store, source, row_source, col_source, fill, offsets, weights, row_offsets,
    row_weights, share, strip, column, sums, acc, out, sizes, numbers, limits, stats,
):  # fmt: skip
    """Filter output rows FIRST to LAST by one kernel, or by several whose sums are combined.

    Parameters
    ----------
    respond, combine, store : function
        One each of the loops of those names.
    source, row_source, col_source, fill
        As `load_rows` takes them.
    offsets : (taps,) int64
        Where each tap reads, in samples of a strip from the output sample's own place.
    weights : (kernels, taps) array of the working type
    row_offsets, row_weights
        The same for the second pass of `respond_separable`.
    share : int
        As `combine_share` takes it.
    strip : flat array of the working type, scratch
        ((STRIP_ROWS − 1)·STRIDE + SPAN)·pitch samples.
    column : (pitch,) array of the working type, scratch
    sums : (kernels, SAMPLES) array of the working type, scratch
    acc : (SAMPLES,) array, scratch
        ``sums[0]`` for a single kernel, else float64.
    out : (output rows, SAMPLES) array, rows FIRST to LAST of it written
    sizes : (9,) int64
        See the names of its places in `places`.
    numbers : (7,) float array
        As the store loop takes them.
    limits : (2,) float64
        Sums outside are counted as clipped.
    stats : (3,) float64, updated
        Least sum, greatest sum, sums clipped.
    """
    pitch, stride = len(col_source), sizes[STRIDE]
    y = sizes[FIRST]
    while y < sizes[LAST]:
        rows = min(sizes[STRIP_ROWS], sizes[LAST] - y)
        count = (rows - 1) * stride + sizes[SPAN]
        load_rows(source, row_source, col_source, sizes, fill, y * stride, count, strip)
        for r in range(rows):
            base = r * stride * pitch
            for g in range(len(weights)):
                respond(
                    strip, base, offsets, weights[g], row_offsets, row_weights[g], column, sums[g]
                )
            combine(sums, share, acc)
            count_row(acc, limits, stats)
            store(acc, out[y + r], numbers)
        y += rows
