"""Responding: valid correlation, tap by tap or as columns times rows."""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.vectors import add_product, at, lanes, load, spread, store
from convcli.engine.places import (
    PITCH,
    ROW_TAPS,
    SAMPLES,
    SHARED_TAPS,
    STEP,
    STRIDE,
    SUMS_PITCH,
    TAPS,
    TERMS,
    UPPER_TAPS,
)


@jit
def respond_direct(strip, row, sizes, offsets, weights, row_offsets, row_weights, column, sums):
    """One row: ``sums[x] = Σ weights[t] * strip[offsets[t] + x]`` over all TAPS.

    The same for every loop of this family: `strip` starts at the output row's first padded row;
    `sums` may be written up to SUMS_PITCH, whole blocks; the last blocks read beyond the row.

    Parameters
    ----------
    strip : of the working type
    row : int
        Which of the strip's output rows this is.
    sizes : int64
        See the names of its places in `places`.
    offsets : (TERMS, TAPS) int64
    weights : (TERMS, TAPS, ROWS) of the working type
    row_offsets : (TERMS, ROW_TAPS) int64
    row_weights : (TERMS, ROW_TAPS) of the working type
    column : (ROWS, PITCH and a block) of the working type, scratch
    sums : (ROWS, SUMS_PITCH) of the working type, written
    """
    x = 0
    while x < sizes[SAMPLES]:
        total = spread(sums, 0)
        for t in range(sizes[TAPS]):
            total = add_product(total, load(strip, offsets[t] + x), weights[t])
        store(sums, x, total)
        x += lanes(sums)


@jit
def _sum_pair(strip, sizes, offsets, weights, count, above, below):
    """Two rows: ``above[x], below[x] = Σ weights[t, 0 and 1] * strip[offsets[t] + x]``.

    The first UPPER_TAPS are read for the upper row only, those from SHARED_TAPS on for the lower.

    JUSTIFICATION: neighbouring rows share all but a row of the samples they read; what is loaded
    once serves both, and loading is what limits these loops (bench: dense, a half to a third
    less time from 9×9 on and in float32).
    """
    x = 0
    while x < count:
        first, second = spread(above, 0), spread(above, 0)
        for t in range(sizes[UPPER_TAPS]):
            first = add_product(first, load(strip, offsets[t] + x), weights[2 * t])
        for t in range(sizes[UPPER_TAPS], sizes[SHARED_TAPS]):
            values = load(strip, offsets[t] + x)
            first = add_product(first, values, weights[2 * t])
            second = add_product(second, values, weights[2 * t + 1])
        for t in range(sizes[SHARED_TAPS], sizes[TAPS]):
            second = add_product(second, load(strip, offsets[t] + x), weights[2 * t + 1])
        store(above, x, first)
        store(below, x, second)
        x += lanes(above)


@jit
def respond_pairs(strip, row, sizes, offsets, weights, row_offsets, row_weights, column, sums):
    """Two rows at once; `offsets` are all places that either reads. See `respond_direct`."""
    _sum_pair(strip, sizes, offsets, weights, sizes[SAMPLES], sums, at(sums, sizes[SUMS_PITCH]))


@jit
def respond_terms(strip, row, sizes, offsets, weights, row_offsets, row_weights, column, sums):
    """Two rows of a kernel that is a sum of TERMS columns times rows: first down, then along.

    Textbook form, for each term: ``column[i] = Σ weights[t] * strip[offsets[t] + i]`` over a
    whole row of the strip, then ``sums[x] += Σ row_weights[t] * column[row_offsets[t] + x]``.

    JUSTIFICATION: TERMS·2F taps instead of F·F; the columns lie in the first cache (bench:
    named). Sums of whole numbers are exact in any order, in 16 bits as they wrap around.
    """
    lower_column = at(column, sizes[PITCH] + max(lanes(column), sizes[STEP]))
    lower_sums = at(sums, sizes[SUMS_PITCH])
    for term in range(sizes[TERMS]):
        taps, row_taps = sizes[TAPS], sizes[ROW_TAPS]
        down = at(weights, 2 * term * taps)
        along, places = at(row_weights, term * row_taps), at(row_offsets, term * row_taps)
        _sum_pair(strip, sizes, at(offsets, term * taps), down, sizes[PITCH], column, lower_column)
        x = 0
        while x < sizes[SAMPLES]:
            first, second = spread(sums, 0), spread(sums, 0)
            if term > 0:
                first, second = load(sums, x), load(lower_sums, x)
            for t in range(row_taps):
                first = add_product(first, load(column, places[t] + x), along[t])
                second = add_product(second, load(lower_column, places[t] + x), along[t])
            store(sums, x, first)
            store(lower_sums, x, second)
            x += lanes(sums)


@jit
def _sum_along(sizes, weight, column, sums):
    """``sums[x] = weight * Σ column[x + t * STEP]`` over ROW_TAPS, each from the one before."""
    step, taps = sizes[STEP], sizes[ROW_TAPS]
    for channel in range(step):
        places, results = at(column, channel), at(sums, channel)
        total = places[0]
        for t in range(1, taps):
            total += places[t * step]
        entering = at(places, taps * step)
        x = 0
        while x < sizes[SAMPLES]:
            results[x] = weight * total
            total += entering[x] - places[x]
            x += step


@jit
def respond_box(strip, row, sizes, offsets, weights, row_offsets, row_weights, column, sums):
    """One row of a box: TAPS rows high, ROW_TAPS samples wide (STEP apart), all of one weight.

    Textbook form: ``column[i] = Σ strip[t * PITCH + i]`` over TAPS rows, then
    ``sums[x] = weights[0] * Σ column[x + t * STEP]`` over ROW_TAPS.

    JUSTIFICATION: from one row to the next, and from one sample to the next, a sum gains what
    enters and loses what leaves: four additions whatever the size (bench: named). Whole numbers
    stay exact; floats are summed in float64, and must be finite, for what has entered as an
    infinity never leaves.
    """
    pitch, stride, taps = sizes[PITCH], sizes[STRIDE], sizes[TAPS]
    if row == 0:
        for i in range(pitch):
            column[i] = strip[i]
        for t in range(1, taps):
            entering = at(strip, t * pitch)
            for i in range(pitch):
                column[i] = column[i] + entering[i]
    else:
        for s in range(stride):
            leaving = at(strip, (s - stride) * pitch)
            entering = at(leaving, taps * pitch)
            for i in range(pitch):
                column[i] = column[i] + (entering[i] - leaving[i])
    _sum_along(sizes, weights[0], column, sums)
