"""A band: output rows, strip by strip."""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.load import load_rows
from convcli.engine.loops.store import count_row
from convcli.engine.loops.vectors import at
from convcli.engine.places import (
    FIRST,
    KERNELS,
    LAST,
    OUT_PITCH,
    PITCH,
    ROW_TAPS,
    ROWS,
    SAMPLES,
    SPAN,
    STRIDE,
    STRIP_ROWS,
    SUMS_PITCH,
    TAPS,
    TERMS,
    WATCH,
)


@jit
def band(
    respond, combine, store, source, row_source, col_source, fill, offsets, weights, row_offsets,
    row_weights, strip, column, sums, acc, rest, out, sizes, numbers, limits, extremes,
):  # fmt: skip
    """Filter output rows FIRST to LAST by one kernel, or by several whose sums are combined.

    Arrays are pointers to their first sample; `sizes` has their extents.

    Parameters
    ----------
    respond, combine, store : function
        One each of the loops of those names.
    source, row_source, col_source, fill
        As `load_rows` takes them; `fill` an array of one.
    offsets, row_offsets : (TERMS, TAPS) and (TERMS, ROW_TAPS) int64
        Where each tap reads, in samples of a strip from the output sample's own place.
    weights, row_weights : (KERNELS, TERMS, TAPS, ROWS) and (KERNELS, TERMS, ROW_TAPS)
        Of the working type, as the respond loop takes them.
    strip : of the working type, scratch
        ((STRIP_ROWS + 1)·STRIDE + SPAN)·PITCH samples and a block.
    column : (ROWS, PITCH and a block) of the working type, scratch
    sums : (KERNELS, ROWS, SUMS_PITCH) of the working type, scratch
    acc : (SUMS_PITCH,) float64, scratch
    rest : (a block,) of the result's type, scratch
    out : (output rows, OUT_PITCH), SAMPLES of rows FIRST to LAST of it written
    sizes : int64
        See the names of its places in `places`.
    numbers
        As the store loop takes them.
    limits, extremes
        As `count_row` takes them.
    """
    stride, at_once, samples = sizes[STRIDE], sizes[ROWS], sizes[SAMPLES]
    apart = at_once * sizes[SUMS_PITCH]
    down = sizes[TERMS] * sizes[TAPS] * at_once
    along = sizes[TERMS] * sizes[ROW_TAPS]
    y = sizes[FIRST]
    while y < sizes[LAST]:
        rows = min(sizes[STRIP_ROWS], sizes[LAST] - y)
        count = (rows - 1) * stride + sizes[SPAN]
        load_rows(source, row_source, col_source, sizes, fill[0], y * stride, count, strip)
        r = 0
        while r < rows:
            base = at(strip, r * stride * sizes[PITCH])
            for g in range(sizes[KERNELS]):
                respond(
                    base, r, sizes, offsets, at(weights, g * down), row_offsets,
                    at(row_weights, g * along), column, at(sums, g * apart),
                )  # fmt: skip
            for k in range(min(at_once, rows - r)):
                done = combine(at(sums, k * sizes[SUMS_PITCH]), apart, sizes, acc)
                if sizes[WATCH]:
                    count_row(done, samples, limits, extremes, sizes)
                store(done, samples, at(out, (y + r + k) * sizes[OUT_PITCH]), numbers, rest)
            r += at_once
        y += rows
