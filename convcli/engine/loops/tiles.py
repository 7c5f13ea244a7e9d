"""Tiles: correlation by products of spectra, overlap-save.

A tile of TILE × TILE padded samples gives EDGE_ROWS × EDGE_COLS output samples, those whose
windows lie within the tile. Tiles are transformed in sets: each lane of a vector is a complex
tile, whose real and imaginary parts are two real ones, as a kernel is real. Where sums are whole,
each part holds two more: one as it is, one times POWER, so great that a sum can be told from the
other by rounding (`spectra.py` in the engine proves it).
"""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.fourier import forward, inverse
from convcli.engine.loops.store import count_row, store_row
from convcli.engine.loops.vectors import (
    add,
    add_product,
    at,
    floor,
    lane,
    load_few,
    load_small,
    scale,
    small,
    spread_like,
    store,
    subtract,
    transpose,
)
from convcli.engine.places import (
    DEPTH,
    EDGE_COLS,
    EDGE_ROWS,
    FIRST,
    KERNELS,
    LAST,
    LEFT,
    MIDDLE,
    OUT_COLS,
    OUT_ROWS,
    PADDED_COLS,
    PADDED_ROWS,
    POWER,
    SAMPLES,
    SOURCE_SAMPLES,
    STEP,
    STRIDE,
    STRIDE_COLS,
    SUMS_PITCH,
    TILE,
    TILE_PITCH,
    TILES,
    TOP,
    WATCH,
)


@jit
def _corner(slot, sizes):
    """(tile row, tile column, channel) of a slot, in the group that begins at FIRST and LEFT."""
    across = sizes[TILES] * sizes[STEP]
    within = slot % across
    column = sizes[LEFT] + within // sizes[STEP]
    return sizes[FIRST] + slot // across, column, within % sizes[STEP]


@jit
def _line(source, row_source, col_source, sizes, fill, middle, slot, slots, y, line):
    """Return where row y of a slot's tile stands: in the image, or put together in `line`."""
    row, column, channel = _corner(min(slot, slots - 1), sizes)
    size, step = sizes[TILE], sizes[STEP]
    top = row * sizes[EDGE_ROWS] * sizes[STRIDE] + y
    left = column * sizes[EDGE_COLS] * sizes[STRIDE_COLS]
    if slot >= slots or top >= sizes[PADDED_ROWS]:
        for x in range(size):
            line[x] = middle
        return line
    cols = min(size, sizes[PADDED_COLS] - left)
    columns = at(col_source, left * step + channel)
    index, start = row_source[top], columns[0]
    image = at(source, max(index, 0) * sizes[SOURCE_SAMPLES])
    inside = step == 1 and cols == size and index >= 0 and start >= 0
    if inside and columns[size - 1] - start == size - 1:
        return at(image, start)
    for x in range(cols):
        place = columns[x * step]
        line[x] = fill if index < 0 or place < 0 else image[place]
    for x in range(cols, size):
        line[x] = middle
    return line


@jit
def _load_set(source, row_source, col_source, sizes, fill, levels, first, slots, lines, re, im):
    """Load a set of tiles: real and imaginary parts, then those that are added POWER times."""
    size, lanes, depth = sizes[TILE], small(re), sizes[DEPTH]
    middle, power = levels[MIDDLE], levels[POWER]
    for y in range(size):
        for k in range(2 * max(1, depth)):
            slot = first + k * lanes
            a = _line(source, row_source, col_source, sizes, fill, middle, slot, slots, y, lines)
            b = _line(
                source, row_source, col_source, sizes, fill, middle, slot + 1, slots, y,
                at(lines, size),
            )  # fmt: skip
            c = _line(
                source, row_source, col_source, sizes, fill, middle, slot + 2, slots, y,
                at(lines, 2 * size),
            )  # fmt: skip
            d = _line(
                source, row_source, col_source, sizes, fill, middle, slot + 3, slots, y,
                at(lines, 3 * size),
            )  # fmt: skip
            target = at(im if k % 2 == 1 else re, y * sizes[TILE_PITCH])
            for x in range(0, size, 4):
                gap = spread_like(load_small(target, 0), middle)
                rows = transpose(
                    subtract(load_few(a, x, target), gap),
                    subtract(load_few(b, x, target), gap),
                    subtract(load_few(c, x, target), gap),
                    subtract(load_few(d, x, target), gap),
                )
                p, q = 2 * x * lanes, 2 * (x + 1) * lanes
                r, s = 2 * (x + 2) * lanes, 2 * (x + 3) * lanes
                if k < 2:
                    store(target, p, rows[0])
                    store(target, q, rows[1])
                    store(target, r, rows[2])
                    store(target, s, rows[3])
                else:
                    _add_product_at(target, p, rows[0], power)
                    _add_product_at(target, q, rows[1], power)
                    _add_product_at(target, r, rows[2], power)
                    _add_product_at(target, s, rows[3], power)


@jit
def _add_product_at(target, place, values, factor):
    store(target, place, add_product(load_small(target, place), values, factor))


@jit
def _rounded(values, sizes, power, high):
    """A set's whole sums: told apart where two are packed, as they are where they aren't whole."""
    if sizes[DEPTH] == 0:
        return values
    half = spread_like(values, 0.5)
    if sizes[DEPTH] == 2:
        upper = floor(add_product(half, values, 1.0 / power))
        if high:
            return upper
        values = add_product(values, upper, -power)
    return floor(add(values, half))


@jit
def _unload_set(sizes, levels, offset, first, slots, re, im, sums):
    """Take the sums of a set of tiles out: four lanes at four places at once, for four tiles."""
    lanes, step, power = small(re), sizes[STEP], levels[POWER]
    for k in range(2 * max(1, sizes[DEPTH])):
        values, slot = im if k % 2 == 1 else re, first + k * lanes
        if slot >= slots:
            break
        a, b = _target(slot, slots, sizes), _target(slot + 1, slots, sizes)
        c, d = _target(slot + 2, slots, sizes), _target(slot + 3, slots, sizes)
        apart = 2 * sizes[STRIDE_COLS] * lanes
        for y in range(sizes[EDGE_ROWS]):
            line = at(values, y * sizes[STRIDE] * sizes[TILE_PITCH])
            for x in range(0, sizes[EDGE_COLS], 4):
                place = x * apart
                p = _rounded(load_small(line, place), sizes, power, k > 1)
                q = _rounded(load_small(line, place + apart), sizes, power, k > 1)
                r = _rounded(load_small(line, place + 2 * apart), sizes, power, k > 1)
                s = _rounded(load_small(line, place + 3 * apart), sizes, power, k > 1)
                extra = spread_like(p, offset)
                rows = transpose(add(p, extra), add(q, extra), add(r, extra), add(s, extra))
                base = y * sizes[SUMS_PITCH] + x * step
                _put_four(sums, a, base, rows[0], step)
                _put_four(sums, b, base, rows[1], step)
                _put_four(sums, c, base, rows[2], step)
                _put_four(sums, d, base, rows[3], step)


@jit
def _target(slot, slots, sizes):
    """Where the sums of a slot's tile begin; -1 if there is no such tile."""
    if slot >= slots:
        return -1
    row, column, channel = _corner(slot, sizes)
    down = (row - sizes[FIRST]) * sizes[EDGE_ROWS] * sizes[SUMS_PITCH]
    return down + (column - sizes[LEFT]) * sizes[EDGE_COLS] * sizes[STEP] + channel


@jit
def _put_four(sums, target, base, values, step):
    """Store four neighbouring sums of a channel."""
    if target < 0:
        return
    place = at(sums, target + base)
    if step == 1:
        store(place, 0, values)
    else:
        place[0], place[step] = lane(values, 0), lane(values, 1)
        place[2 * step], place[3 * step] = lane(values, 2), lane(values, 3)


@jit
def _transform(re, im, sizes, cosines, sines, back):
    """Transform all rows and columns of a set, or back."""
    size, pitch, apart = sizes[TILE], sizes[TILE_PITCH], 2 * small(re)
    for k in range(size):
        row_re, row_im = at(re, k * pitch), at(im, k * pitch)
        if back:
            inverse(row_re, row_im, size, apart, cosines, sines)
        else:
            forward(row_re, row_im, size, apart, cosines, sines)
    for k in range(size):
        col_re, col_im = at(re, k * apart), at(im, k * apart)
        if back:
            inverse(col_re, col_im, size, pitch, cosines, sines)
        else:
            forward(col_re, col_im, size, pitch, cosines, sines)


@jit
def _multiply(re, im, sizes, factor_re, factor_im, product_re, product_im):
    """``product = (re + i·im)·(factor_re + i·factor_im)``, place by place."""
    size, apart = sizes[TILE], 2 * small(re)
    for y in range(size):
        for x in range(size):
            place, k = y * sizes[TILE_PITCH] + x * apart, y * size + x
            a, b = load_small(re, place), load_small(im, place)
            c, s = factor_re[k], factor_im[k]
            store(product_re, place, add_product(scale(a, c), b, -s))
            store(product_im, place, add_product(scale(b, c), a, s))


@jit
def tiles(
    combine, level, source, row_source, col_source, fill, factors_re, factors_im, cosines, sines,
    offsets, levels, lines, re, im, product_re, product_im, sums, acc, rest, out, sizes, numbers,
    limits, extremes,
):  # fmt: skip
    """Filter a group of tiles, rows FIRST to LAST and TILES columns from LEFT on, and store it.

    Parameters
    ----------
    combine, level, source, row_source, col_source, fill, acc, rest, out, sizes, numbers, limits,
    extremes
        As `band` takes them, but SAMPLES is how many a row of the group has, of OUT_COLS · STEP;
        `fill` is of the image's type.
    factors_re, factors_im : (KERNELS, TILE, TILE) float64
        Conjugated spectra divided by TILE², in the order that `forward` leaves.
    cosines, sines : (TILE,) float64
    offsets : (KERNELS,) float64
        What MIDDLE takes from each kernel's sums.
    levels : (2,) float64
        MIDDLE, which is taken from samples, and POWER.
    lines : (4, TILE) of the image's type, scratch
    re, im, product_re, product_im : (TILE, TILE_PITCH) float64, scratch
        Real parts, and imaginary ones that begin a vector later: the two of a place share a line
        of the cache. The last two may be the first two for a single kernel.
    sums : (KERNELS, rows of these tiles, SUMS_PITCH) float64, scratch
        SUMS_PITCH holds whole tiles.
    """
    samples = sizes[SAMPLES]
    slots = (sizes[LAST] - sizes[FIRST]) * sizes[TILES] * sizes[STEP]
    in_set = 2 * small(re) * max(1, sizes[DEPTH])
    apart = (sizes[LAST] - sizes[FIRST]) * sizes[EDGE_ROWS] * sizes[SUMS_PITCH]
    area = sizes[TILE] * sizes[TILE]
    row, left = sizes[OUT_COLS] * sizes[STEP], sizes[LEFT] * sizes[EDGE_COLS] * sizes[STEP]
    first = 0
    while first < slots:
        _load_set(
            source, row_source, col_source, sizes, fill[0], levels, first, slots, lines, re, im
        )  # fmt: skip
        _transform(re, im, sizes, cosines, sines, False)
        for g in range(sizes[KERNELS]):
            by_re, by_im = at(factors_re, g * area), at(factors_im, g * area)
            _multiply(re, im, sizes, by_re, by_im, product_re, product_im)
            _transform(product_re, product_im, sizes, cosines, sines, True)
            target = at(sums, g * apart)
            _unload_set(
                sizes, levels, offsets[g], first, slots, product_re, product_im, target
            )  # fmt: skip
        first += in_set
    begin = sizes[FIRST] * sizes[EDGE_ROWS]
    for y in range(begin, min(sizes[LAST] * sizes[EDGE_ROWS], sizes[OUT_ROWS])):
        done = combine(at(sums, (y - begin) * sizes[SUMS_PITCH]), apart, sizes, acc)
        if sizes[WATCH]:
            count_row(done, samples, limits, extremes, sizes)
        target = at(out, (y - sizes[TOP]) * row + left)
        store_row(level, done, samples, target, numbers, rest)
