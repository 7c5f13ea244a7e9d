"""Responding: valid correlation, tap by tap or as columns times rows."""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.fixed import fixed
from convcli.engine.loops.store import keep_sums
from convcli.engine.loops.vectors import (
    add,
    add_product,
    at,
    lanes,
    load,
    load_as,
    load_small,
    scale,
    small,
    spread,
    store,
    subtract,
)
from convcli.engine.places import (
    HALO,
    PITCH,
    ROW_PITCH,
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
def respond_direct(
    strip, row, sizes, offsets, weights, row_offsets, row_weights, column, sums, keep, level, into,
    below, numbers,
):  # fmt: skip
    """One row: ``sums[x] = Σ weights[t] * strip[offsets[t] + x]`` over all TAPS.

    The same for every loop of this family: `strip` starts at the output row's first padded row.
    The last block ends where the row does, over part of the one before it; in a row of less than
    a block it reads and writes beyond, up to SUMS_PITCH.

    Parameters
    ----------
    strip : of the working type; for columns and boxes of the image's
    row : int
        Which of the strip's output rows this is.
    sizes : int64
        See the names of its places in `places`.
    offsets : (TERMS, TAPS) int64
    weights : (TERMS, TAPS, ROWS) of the working type
    row_offsets : (TERMS, ROW_TAPS) int64
    row_weights : (TERMS, ROW_TAPS) of the working type
    column : (ROWS, ROW_PITCH) of the working type, scratch; two rows at least
    sums : (ROWS, SUMS_PITCH) of the working type, scratch; a box's sums, written
    keep : function
        `keep_sums`, or `keep_samples` with its `level` and `numbers`.
    into, below : written
        The output row and, where there are two at once, the one below it. May be the same, and
        then only the first counts.
    """
    x, step, taps = 0, lanes(strip), fixed(sizes, TAPS)
    last = max(sizes[SAMPLES] - step, 0)
    while x < sizes[SAMPLES]:
        place = min(x, last)
        total = spread(strip, 0)
        for t in range(taps):
            total = add_product(total, load(strip, offsets[t] + place), weights[t])
        keep(level, total, into, place, numbers)
        x += step


@jit
def _sum_pair(
    strip, sizes, offsets, weights, count, keep, level, into, below, numbers
):  # fmt: skip
    """Two rows: ``into[x], below[x] = Σ weights[t, 0 and 1] * strip[offsets[t] + x]``.

    The first UPPER_TAPS are read for the upper row only, those from SHARED_TAPS on for the lower.

    JUSTIFICATION: neighbouring rows share all but a row of the samples they read; what is loaded
    once serves both, and loading is what limits these loops (bench: dense, a half to a third
    less time from 9×9 on and in float32).
    """
    x, step = 0, lanes(weights)
    upper_taps, shared_taps = fixed(sizes, UPPER_TAPS), fixed(sizes, SHARED_TAPS)
    taps, last = fixed(sizes, TAPS), max(count - step, 0)
    while x < count:
        place = min(x, last)
        upper, lower = spread(weights, 0), spread(weights, 0)
        for t in range(upper_taps):
            values = load_as(strip, offsets[t] + place, weights)
            upper = add_product(upper, values, weights[2 * t])
        for t in range(upper_taps, shared_taps):
            values = load_as(strip, offsets[t] + place, weights)
            upper = add_product(upper, values, weights[2 * t])
            lower = add_product(lower, values, weights[2 * t + 1])
        for t in range(shared_taps, taps):
            values = load_as(strip, offsets[t] + place, weights)
            lower = add_product(lower, values, weights[2 * t + 1])
        keep(level, lower, below, place, numbers)
        keep(level, upper, into, place, numbers)
        x += step


@jit
def respond_pairs(
    strip, row, sizes, offsets, weights, row_offsets, row_weights, column, sums, keep, level, into,
    below, numbers,
):  # fmt: skip
    """Two rows at once; `offsets` are all places that either reads. See `respond_direct`."""
    _sum_pair(
        strip, sizes, offsets, weights, sizes[SAMPLES], keep, level, into, below, numbers
    )  # fmt: skip


@jit
def respond_terms(
    strip, row, sizes, offsets, weights, row_offsets, row_weights, column, sums, keep, level, into,
    below, numbers,
):  # fmt: skip
    """Two rows of a kernel that is a sum of TERMS columns times rows: first down, then along.

    Textbook form, for each term: ``column[i] = Σ weights[t] * strip[offsets[t] + i]`` for the
    SAMPLES of this part of a row and HALO more, then
    ``sums[x] += Σ row_weights[t] * column[row_offsets[t] + x]``.

    JUSTIFICATION: TERMS·2F taps instead of F·F; the columns lie in the first cache (bench:
    named). Sums of whole numbers are exact in any order, in 16 bits as they wrap around.
    """
    lower_column = at(column, sizes[ROW_PITCH])
    lower_sums = at(sums, sizes[SUMS_PITCH])
    taps, row_taps, terms = fixed(sizes, TAPS), fixed(sizes, ROW_TAPS), fixed(sizes, TERMS)
    for term in range(terms):
        down, rows = at(weights, 2 * term * taps), at(offsets, term * taps)
        along, places = at(row_weights, term * row_taps), at(row_offsets, term * row_taps)
        loaded = sizes[SAMPLES] + sizes[HALO]
        _sum_pair(
            strip, sizes, rows, down, loaded, keep_sums, level, column, lower_column, numbers
        )  # fmt: skip
        x, step = 0, lanes(sums)
        last = max(sizes[SAMPLES] - step, 0)
        while x < sizes[SAMPLES]:
            # What is added to must not be added to twice; it is scratch, of whole blocks.
            place = min(x, last) if terms == 1 else x
            first, second = spread(sums, 0), spread(sums, 0)
            if term > 0:
                first, second = load(sums, place), load(lower_sums, place)
            for t in range(row_taps):
                i = places[t] + place
                first = add_product(first, load(column, i), along[t])
                second = add_product(second, load(lower_column, i), along[t])
            if term + 1 < terms:
                store(sums, place, first)
                store(lower_sums, place, second)
            else:
                keep(level, second, below, place, numbers)
                keep(level, first, into, place, numbers)
            x += step


@jit
def _difference(sizes, column, x):
    """``Σ column[i + taps * STEP] - column[i]`` over i = x and x + STEP, for a block of x."""
    step = sizes[STEP]
    reach = sizes[ROW_TAPS] * step
    entering = add(load(column, x + reach), load(column, x + reach + step))
    return subtract(entering, add(load(column, x), load(column, x + step)))


@jit
def _sum_along(sizes, weight, column, changes, sums):
    """``sums[x] = weight * Σ column[x + t * STEP]`` over ROW_TAPS.

    JUSTIFICATION: n = `small` columns at once. From a column to the n-th after it a sum changes by
    n differences of what enters and what leaves, and these are summed by doubling: a third of
    the time of one column after another (bench: named).
    """
    step, taps, few = sizes[STEP], sizes[ROW_TAPS], small(sums)
    samples, jump = sizes[SAMPLES], few * step
    x = 0
    while x < samples:
        store(changes, x, _difference(sizes, column, x))
        x += lanes(changes)
    double = 2
    while 2 * double < few:
        x = 0
        while x < samples:
            store(changes, x, add(load(changes, x), load(changes, x + double * step)))
            x += lanes(changes)
        double *= 2
    for phase in range(step):
        x = phase * few
        total = load_small(column, x)
        for t in range(1, taps):
            total = add(total, load_small(column, x + t * step))
        while x < samples:
            store(sums, x, scale(total, weight))
            change = load_small(changes, x)
            if double < few:
                change = add(change, load_small(changes, x + double * step))
            total = add(total, change)
            x += jump


@jit
def respond_box(
    strip, row, sizes, offsets, weights, row_offsets, row_weights, column, sums, keep, level, into,
    below, numbers,
):  # fmt: skip
    """One row of a box: TAPS rows high, ROW_TAPS samples wide (STEP apart), all of one weight.

    Textbook form: ``column[i] = Σ strip[t * PITCH + i]`` over TAPS rows, then
    ``sums[x] = weights[0] * Σ column[x + t * STEP]`` over ROW_TAPS.

    JUSTIFICATION: from one row to the next, and from one sample to the next, a sum gains what
    enters and loses what leaves: a few additions whatever the size (bench: named). Whole numbers
    stay exact; floats are summed in float64, and must be finite, for what has entered as an
    infinity never leaves.
    """
    pitch, stride, taps = sizes[PITCH], sizes[STRIDE], sizes[TAPS]
    entered = taps if row == 0 else stride
    leaving = at(strip, -entered * pitch)
    entering = at(leaving, taps * pitch)
    i = 0
    while i < sizes[SAMPLES] + sizes[HALO]:
        total = spread(column, 0)
        if row > 0:
            total = load(column, i)
            for s in range(entered):
                total = subtract(total, load_as(leaving, s * pitch + i, column))
        for s in range(entered):
            total = add(total, load_as(entering, s * pitch + i, column))
        store(column, i, total)
        i += lanes(column)
    changes = at(column, sizes[ROW_PITCH])
    _sum_along(sizes, weights[0], column, changes, sums)
