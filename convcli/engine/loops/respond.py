"""Responding: valid correlation, tap by tap or as columns times rows.

What the loops of this family are given says `structs`, and how to write another.
"""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.parts import KernelData, RowData, SumTarget
from convcli.engine.loops.store import put, unchanged
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


@jit
def respond_direct(row, sizes, kernel, _room, target):
    """One row: ``sums[x] = Σ weights[t] * strip[offsets[t] + x]`` over all taps.

    The last block ends where the row does, over part of the one before it; in a row of less than
    a block it reads and writes beyond, up to `sums_pitch`.
    """
    x, step, taps = 0, lanes(row.strip), sizes.taps
    last = max(row.samples - step, 0)
    while x < row.samples:
        place = min(x, last)
        total = spread(row.strip, 0)
        for t in range(taps):
            samples = load(row.strip, kernel.offsets[t] + place)
            total = add_product(total, samples, kernel.weights[t])
        put(target, total, target.into, place)
        x += step


@jit
def respond_pairs(row, sizes, kernel, _room, target):
    """Two rows: ``into[x], below[x] = Σ weights[t, 0 and 1] * strip[offsets[t] + x]``.

    The offsets are all places that either reads: the first `upper_taps` are the upper row's only,
    those from `shared_taps` on the lower one's.

    JUSTIFICATION: neighbouring rows share all but a row of the samples they read; what is loaded
    once serves both, and loading is what limits these loops (bench: dense, a half to a third
    less time from 9×9 on and in float32).
    """
    strip, offsets, weights = row.strip, kernel.offsets, kernel.weights
    x, step = 0, lanes(weights)
    upper_taps, shared_taps = sizes.upper_taps, sizes.shared_taps
    taps, last = sizes.taps, max(row.samples - step, 0)
    while x < row.samples:
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
        put(target, lower, target.below, place)
        put(target, upper, target.into, place)
        x += step


@jit
def respond_terms(row, sizes, kernel, room, target):
    """Two rows of a kernel that is a sum of `terms` columns times rows: first down, then along.

    Textbook form, for each term: ``column[i] = Σ weights[t] * strip[offsets[t] + i]`` for the
    samples of this row and `halo` more, then
    ``sums[x] += Σ row_weights[t] * column[row_offsets[t] + x]``.

    JUSTIFICATION: terms·2F taps instead of F·F; the columns lie in the first cache (bench:
    named). Sums of whole numbers are exact in any order, in 16 bits as they wrap around.
    """
    column, lower_column = room.column, at(room.column, sizes.row_pitch)
    sums, lower_sums = room.sums, at(room.sums, sizes.sums_pitch)
    taps, row_taps, terms = sizes.taps, sizes.row_taps, sizes.terms
    for term in range(terms):
        down, rows = at(kernel.weights, 2 * term * taps), at(kernel.offsets, term * taps)
        along = at(kernel.row_weights, term * row_taps)
        places = at(kernel.row_offsets, term * row_taps)
        respond_pairs(
            RowData(row.strip, row.pitch, row.samples + sizes.halo, row.number),
            sizes,
            KernelData(rows, down, places, along),
            room,
            SumTarget(unchanged, target.numbers, column, lower_column),
        )
        x, step = 0, lanes(sums)
        last = max(row.samples - step, 0)
        while x < row.samples:
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
                put(target, second, target.below, place)
                put(target, first, target.into, place)
            x += step


@jit
def _difference(column, reach, step, x):
    """``Σ column[i + reach] - column[i]`` over i = x and x + step, for a block of x."""
    entering = add(load(column, x + reach), load(column, x + reach + step))
    return subtract(entering, add(load(column, x), load(column, x + step)))


@jit
def _sum_along(sizes, samples, weight, column, sums):
    """``sums[x] = weight * Σ column[x + t * step]`` over `row_taps`; overwrites a second column.

    JUSTIFICATION: n = `small` columns at once. From a column to the n-th after it a sum changes by
    n differences of what enters and what leaves, and these are summed by doubling: a third of
    the time of one column after another (bench: named).
    """
    step, taps, few = sizes.step, sizes.row_taps, small(sums)
    changes, jump = at(column, sizes.row_pitch), few * step
    x = 0
    while x < samples:
        store(changes, x, _difference(column, taps * step, step, x))
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
def respond_box(row, sizes, kernel, room, target):
    """One row of a box: `taps` rows high, `row_taps` samples wide, all of one weight.

    Textbook form: ``column[i] = Σ strip[t * pitch + i]`` over the rows, then
    ``into[x] = weights[0] * Σ column[x + t * step]``. It writes sums as they are, blocks beyond
    the row: `rows_by_sums` has room for them.

    JUSTIFICATION: from one row to the next, and from one sample to the next, a sum gains what
    enters and loses what leaves: a few additions whatever the size (bench: named). Whole numbers
    stay exact; floats are summed in float64, and must be finite, for what has entered as an
    infinity never leaves.
    """
    pitch, taps, column = row.pitch, sizes.taps, room.column
    entered = taps if row.number == 0 else sizes.stride
    leaving = at(row.strip, -entered * pitch)
    entering = at(leaving, taps * pitch)
    i = 0
    while i < row.samples + sizes.halo:
        total = spread(column, 0)
        if row.number > 0:
            total = load(column, i)
            for s in range(entered):
                total = subtract(total, load_as(leaving, s * pitch + i, column))
        for s in range(entered):
            total = add(total, load_as(entering, s * pitch + i, column))
        store(column, i, total)
        i += lanes(column)
    _sum_along(sizes, row.samples, kernel.weights[0], column, target.into)
