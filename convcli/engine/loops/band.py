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
    PART,
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
    WIDTH,
)


@jit
def band(
    respond, combine, store, source, row_source, col_source, fill, offsets, weights, row_offsets,
    row_weights, strip, column, sums, acc, rest, out, sizes, numbers, limits, extremes,
):  # fmt: skip
    """Filter output rows FIRST to LAST by one kernel, or by several whose sums are combined.

    JUSTIFICATION: a strip is filtered in parts of PART samples a row, so that what neighbouring
    output rows both read is still in the cache (bench: named).

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
    column : (ROWS, ROW_PITCH) of the working type, scratch; two rows at least
    sums : (KERNELS, ROWS, SUMS_PITCH) of the working type, scratch
    acc : (SUMS_PITCH,) float64, scratch
    rest : (a block,) of the result's type, scratch
    out : (output rows, WIDTH), rows FIRST to LAST of it written
    sizes : int64
        See the names of its places in `places`.
    numbers
        As the store loop takes them.
    limits, extremes
        As `count_row` takes them.
    """
    stride, part = sizes[STRIDE], sizes[PART]
    y = sizes[FIRST]
    while y < sizes[LAST]:
        rows = min(sizes[STRIP_ROWS], sizes[LAST] - y)
        count = (rows - 1) * stride + sizes[SPAN]
        load_rows(source, row_source, col_source, sizes, fill[0], y * stride, count, strip)
        for start in range(0, sizes[WIDTH], part):
            sizes[SAMPLES] = min(part, sizes[WIDTH] - start)
            _rows(
                respond, combine, store, offsets, weights, row_offsets, row_weights,
                at(strip, start), column, sums, acc, rest, at(out, y * sizes[WIDTH] + start), rows,
                sizes, numbers, limits, extremes,
            )  # fmt: skip
        y += rows


@jit
def _rows(
    respond, combine, store, offsets, weights, row_offsets, row_weights, strip, column, sums, acc,
    rest, out, rows, sizes, numbers, limits, extremes,
):  # fmt: skip
    """Filter SAMPLES samples of some rows."""
    at_once, samples = sizes[ROWS], sizes[SAMPLES]
    apart = at_once * sizes[SUMS_PITCH]
    down = sizes[TERMS] * sizes[TAPS] * at_once
    along = sizes[TERMS] * sizes[ROW_TAPS]
    r = 0
    while r < rows:
        base = at(strip, r * sizes[STRIDE] * sizes[PITCH])
        for g in range(sizes[KERNELS]):
            respond(
                base, r, sizes, offsets, at(weights, g * down), row_offsets,
                at(row_weights, g * along), column, at(sums, g * apart),
            )  # fmt: skip
        for k in range(min(at_once, rows - r)):
            done = combine(at(sums, k * sizes[SUMS_PITCH]), apart, sizes, acc)
            if sizes[WATCH]:
                count_row(done, samples, limits, extremes, sizes)
            store(done, samples, at(out, (r + k) * sizes[WIDTH]), numbers, rest)
        r += at_once
