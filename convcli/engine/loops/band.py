"""A band: output rows, strip by strip."""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.load import load_rows, load_strided_rows
from convcli.engine.loops.store import count_row, keep_samples, keep_sums, store_row
from convcli.engine.loops.vectors import at, lanes, seen_as
from convcli.engine.places import (
    FIRST,
    HALO,
    INNER_FROM,
    INNER_TO,
    KERNELS,
    LAST,
    LOADED,
    PART,
    PITCH,
    ROW_TAPS,
    ROWS,
    RUN_AT,
    RUN_FROM,
    SAMPLES,
    SOURCE_SAMPLES,
    SPAN,
    STRIDE,
    STRIP_PITCH,
    STRIP_ROWS,
    SUMS_PITCH,
    TAPS,
    TERMS,
    TOP,
    WATCH,
    WIDTH,
)


@jit
def _follow(row_source, first, count):
    """Whether these padded rows are rows of the image that follow one another.

    None is more than one row below the one before it, so it is enough to look at both ends.
    """
    top = row_source[first]
    return top >= 0 and row_source[first + count - 1] - top == count - 1


@jit
def _inner(row_source, first, count, rows, sizes):
    """Where the samples begin and end that are read in the image, for some output rows."""
    if rows % sizes[ROWS] != 0 or not _follow(row_source, first, count):
        return sizes[WIDTH], sizes[WIDTH]
    return sizes[INNER_FROM], sizes[INNER_TO]


@jit
def _part(left, part, block):
    """How many of the samples that are left are filtered next: never less than a block."""
    if left <= part:
        return left
    return part - block if left - part < block else part


@jit
def rows_at_once(
    respond, combine, level, offsets, weights, row_offsets, row_weights, strip, column, sums, acc,
    rest, out, rows, sizes, numbers, limits, extremes,
):  # fmt: skip
    """Filter SAMPLES samples of some rows by one kernel; its sums become samples as they come."""
    r = 0
    while r < rows:
        base, target = at(strip, r * sizes[STRIDE] * sizes[PITCH]), at(out, r * sizes[WIDTH])
        # What is below the last row is written there first.
        below = at(target, sizes[WIDTH]) if r + 1 < rows else target
        respond(
            base, r, sizes, offsets, weights, row_offsets, row_weights, column, sums, keep_samples,
            level, target, below, numbers,
        )  # fmt: skip
        r += sizes[ROWS]


@jit
def rows_by_sums(
    respond, combine, level, offsets, weights, row_offsets, row_weights, strip, column, sums, acc,
    rest, out, rows, sizes, numbers, limits, extremes,
):  # fmt: skip
    """Filter SAMPLES samples of some rows, whose sums are combined and looked at."""
    at_once, samples, pitch = sizes[ROWS], sizes[SAMPLES], sizes[SUMS_PITCH]
    apart = at_once * pitch
    down = sizes[TERMS] * sizes[TAPS] * at_once
    along = sizes[TERMS] * sizes[ROW_TAPS]
    r = 0
    while r < rows:
        base = at(strip, r * sizes[STRIDE] * sizes[PITCH])
        for g in range(sizes[KERNELS]):
            own = at(sums, g * apart)
            respond(
                base, r, sizes, offsets, at(weights, g * down), row_offsets,
                at(row_weights, g * along), column, own, keep_sums, level, own, at(own, pitch),
                numbers,
            )  # fmt: skip
        for k in range(min(at_once, rows - r)):
            done = combine(at(sums, k * pitch), apart, sizes, acc)
            if sizes[WATCH]:
                count_row(done, samples, limits, extremes, sizes)
            store_row(level, done, samples, at(out, (r + k) * sizes[WIDTH]), numbers, rest)
        r += at_once


def _banding(load_rows):
    """Make the loop: output rows FIRST to LAST by one kernel, or by several that are combined.

    `load_rows` is how a strip is loaded; what it gives takes the rest.

    JUSTIFICATION: a strip is filtered in parts of PART samples a row, so that what neighbouring
    output rows both read is still in the cache (bench: named).

    Arrays are pointers to their first sample; `sizes` has their extents.

    Parameters
    ----------
    filter_rows : function
        `rows_at_once`, for a single kernel whose sums nobody looks at, or `rows_by_sums`.
    respond, combine, level : function
        One each of the functions named `respond_…`, `combine_…` and `store_…`.
    source, row_source, col_source, fill
        As `load_rows` takes them; `fill` an array of one.
    offsets : (2, TERMS, TAPS) int64
        Where each tap reads, in samples from the output sample's own place: in a strip, and
        in the image, where samples from INNER_FROM to INNER_TO of a row are read from.
    row_offsets : (TERMS, ROW_TAPS) int64
        The same, in a row of columns.
    weights, row_weights : (KERNELS, TERMS, TAPS, ROWS) and (KERNELS, TERMS, ROW_TAPS)
        Of the working type, as the respond loop takes them.
    strip : of the type that the respond loop reads, scratch
        ((STRIP_ROWS + 1)·STRIDE + SPAN)·STRIP_PITCH samples and two blocks.
    column : (ROWS, ROW_PITCH) of the working type, scratch; two rows at least
    sums : (KERNELS, ROWS, SUMS_PITCH) of the working type, scratch
    acc : (SUMS_PITCH,) float64, scratch
    rest : (a block,) of the result's type, scratch
    out : (rows, WIDTH)
        Output rows from TOP on; rows FIRST to LAST are written.
    sizes : int64
        See the names of its places in `places`.
    numbers
        As the store loop takes them.
    limits, extremes
        As `count_row` takes them.
    """

    @jit
    def band(
        filter_rows, respond, combine, level, source, row_source, col_source, fill, offsets,
        weights, row_offsets, row_weights, strip, column, sums, acc, rest, out, sizes, numbers,
        limits, extremes,
    ):  # fmt: skip
        """See `_banding`."""
        stride, y = sizes[STRIDE], sizes[FIRST]
        while y < sizes[LAST]:
            rows = min(sizes[STRIP_ROWS], sizes[LAST] - y)
            first, count = y * stride, (rows - 1) * stride + sizes[SPAN]
            begin, end = _inner(row_source, first, count, rows, sizes)
            edges = (0, begin + sizes[HALO]), (end, sizes[LOADED] if begin < end else end)
            for edge in edges:
                load_rows(
                    source, row_source, col_source, sizes, fill[0], first, count, *edge, strip
                )  # fmt: skip
            inner = row_source[first] * sizes[SOURCE_SAMPLES] + sizes[RUN_FROM] - sizes[RUN_AT]
            start = 0
            while start < sizes[WIDTH]:
                stop, base, places = begin, at(strip, start), offsets
                sizes[PITCH] = sizes[STRIP_PITCH]
                if start >= end:
                    stop = sizes[WIDTH]
                elif start >= begin:
                    stop, base = end, at(seen_as(source, strip), inner + start)
                    places = at(offsets, sizes[TERMS] * sizes[TAPS])
                    sizes[PITCH] = sizes[SOURCE_SAMPLES]
                sizes[SAMPLES] = _part(stop - start, sizes[PART], lanes(column))
                filter_rows(
                    respond, combine, level, places, weights, row_offsets, row_weights, base,
                    column, sums, acc, rest, at(out, (y - sizes[TOP]) * sizes[WIDTH] + start), rows,
                    sizes, numbers, limits, extremes,
                )  # fmt: skip
                start += sizes[SAMPLES]
            y += rows

    return band


band, band_strided = _banding(load_rows), _banding(load_strided_rows)
