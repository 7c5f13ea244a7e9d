"""Tiles: correlation by products of spectra, overlap-save.

A tile of size × size padded samples gives edge_rows × edge_cols output samples, those whose
windows lie within the tile. Tiles are transformed in sets: each lane of a vector is a complex
tile, whose real and imaginary parts are two real ones, as a kernel is real. Where sums are whole,
each part holds two more: one as it is, one times `power`, so great that a sum can be told from the
other by rounding (`spectra.py` in the engine proves it).
"""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.fourier import forward, inverse
from convcli.engine.loops.parts import Several
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


@jit
def _corner(slot, given):
    """(tile row, tile column, channel) of a slot, in the task's group."""
    task, step = given.task, given.sizes.step
    across = task.tiles * step
    within = slot % across
    return task.first + slot // across, task.left + within // step, within % step


@jit
def _line(given, slot, slots, y, line):
    """Return where row y of a slot's tile stands: in the image, or put together in `line`."""
    row, column, channel = _corner(min(slot, slots - 1), given)
    sizes, fill, middle = given.sizes, given.fill[0], given.levels.middle
    size, step = sizes.size, sizes.step
    top = row * sizes.edge_rows * sizes.stride + y
    left = column * sizes.edge_cols * sizes.stride_cols
    if slot >= slots or top >= given.task.padded_rows:
        for x in range(size):
            line[x] = middle
        return line
    cols = min(size, sizes.padded_cols - left)
    columns = at(given.col_source, left * step + channel)
    index, start = given.row_source[top], columns[0]
    image = at(given.source, max(index, 0) * sizes.source_samples)
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
def _load_row(given, scratch, first, slots, y):
    """Load a row of a set: real and imaginary parts, then those that are added `power` times."""
    lines, re, im, sizes = scratch.lines, scratch.re, scratch.im, given.sizes
    size, lanes, depth = sizes.size, small(re), sizes.depth
    middle, power = given.levels.middle, given.levels.power
    for k in range(2 * max(1, depth)):
        slot = first + k * lanes
        a = _line(given, slot, slots, y, lines)
        b = _line(given, slot + 1, slots, y, at(lines, size))
        c = _line(given, slot + 2, slots, y, at(lines, 2 * size))
        d = _line(given, slot + 3, slots, y, at(lines, 3 * size))
        target = at(im if k % 2 == 1 else re, y * sizes.pitch)
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
    if sizes.depth == 0:
        return values
    half = spread_like(values, 0.5)
    if sizes.depth == 2:
        upper = floor(add_product(half, values, 1.0 / power))
        if high:
            return upper
        values = add_product(values, upper, -power)
    return floor(add(values, half))


@jit
def _unload_row(given, scratch, kernel, first, slots, y, sums):
    """Take a row of a kernel's sums of a set out: four lanes at four places, for four tiles."""
    re, im, sizes, offset = (
        scratch.product_re,
        scratch.product_im,
        given.sizes,
        given.offsets[kernel],
    )
    lanes, step, power = small(re), sizes.step, given.levels.power
    apart = 2 * sizes.stride_cols * lanes
    for k in range(2 * max(1, sizes.depth)):
        values, slot = im if k % 2 == 1 else re, first + k * lanes
        if slot >= slots:
            break
        a, b = _target(slot, slots, given), _target(slot + 1, slots, given)
        c, d = _target(slot + 2, slots, given), _target(slot + 3, slots, given)
        line = at(values, y * sizes.stride * sizes.pitch)
        for x in range(0, sizes.edge_cols, 4):
            place = x * apart
            p = _rounded(load_small(line, place), sizes, power, k > 1)
            q = _rounded(load_small(line, place + apart), sizes, power, k > 1)
            r = _rounded(load_small(line, place + 2 * apart), sizes, power, k > 1)
            s = _rounded(load_small(line, place + 3 * apart), sizes, power, k > 1)
            extra = spread_like(p, offset)
            rows = transpose(add(p, extra), add(q, extra), add(r, extra), add(s, extra))
            base = y * sizes.sums_pitch + x * step
            _put_four(sums, a, base, rows[0], step)
            _put_four(sums, b, base, rows[1], step)
            _put_four(sums, c, base, rows[2], step)
            _put_four(sums, d, base, rows[3], step)


@jit
def _target(slot, slots, given):
    """Where the sums of a slot's tile begin; -1 if there is no such tile."""
    if slot >= slots:
        return -1
    row, column, channel = _corner(slot, given)
    sizes, task = given.sizes, given.task
    down = (row - task.first) * sizes.edge_rows * sizes.sums_pitch
    return down + (column - task.left) * sizes.edge_cols * sizes.step + channel


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
def _forward_rows(given, scratch, first, slots):
    """Load a set of tiles, each row transformed as soon as it is loaded."""
    sizes, apart = given.sizes, 2 * small(scratch.re)
    for y in range(sizes.size):
        _load_row(given, scratch, first, slots, y)
        re, im = at(scratch.re, y * sizes.pitch), at(scratch.im, y * sizes.pitch)
        forward(re, im, sizes.size, apart, given.cosines, given.sines)


@jit
def _columns(given, scratch, kernel):
    """Multiply a set's spectrum by a kernel's, and transform the columns of the product back.

    The first kernel's columns are transformed before: while they are in the cache.
    """
    sizes, apart = given.sizes, 2 * small(scratch.re)
    size, pitch = sizes.size, sizes.pitch
    for x in range(size):
        place = x * apart
        re, im = at(scratch.re, place), at(scratch.im, place)
        if kernel == 0:
            forward(re, im, size, pitch, given.cosines, given.sines)
        begin = (kernel * size + x) * size
        by_re, by_im = at(given.factors_re, begin), at(given.factors_im, begin)
        product_re, product_im = at(scratch.product_re, place), at(scratch.product_im, place)
        for y in range(size):
            row = y * pitch
            a, b = load_small(re, row), load_small(im, row)
            c, s = by_re[y], by_im[y]
            store(product_re, row, add_product(scale(a, c), b, -s))
            store(product_im, row, add_product(scale(b, c), a, s))
        inverse(product_re, product_im, size, pitch, given.cosines, given.sines)


@jit
def _inverse_rows(given, scratch, kernel, first, slots, sums):
    """Transform the rows back that have sums, and take those out."""
    sizes, apart = given.sizes, 2 * small(scratch.re)
    for y in range(sizes.edge_rows):
        place = y * sizes.stride * sizes.pitch
        re, im = at(scratch.product_re, place), at(scratch.product_im, place)
        inverse(re, im, sizes.size, apart, given.cosines, given.sines)
        _unload_row(given, scratch, kernel, first, slots, y, sums)


@jit
def tiles(loops, given, scratch, result):
    """Filter the task's group of tiles, and store it.

    Parameters
    ----------
    loops : TileLoops
    given : TileInput
    scratch : TileScratch
    result : Result
    """
    sizes, task = given.sizes, given.task
    slots = (task.last - task.first) * task.tiles * sizes.step
    in_set = 2 * small(scratch.re) * max(1, sizes.depth)
    apart = (task.last - task.first) * sizes.edge_rows * sizes.sums_pitch
    first = 0
    while first < slots:
        _forward_rows(given, scratch, first, slots)
        for g in range(sizes.kernels):
            _columns(given, scratch, g)
            _inverse_rows(given, scratch, g, first, slots, at(scratch.sums, g * apart))
        first += in_set
    _store_group(loops, given, scratch, result, apart)


@jit
def _store_group(loops, given, scratch, result, apart):
    """Store the sums of a group of tiles, a kernel's `apart` from the next one's."""
    sizes, task = given.sizes, given.task
    row, left = sizes.out_cols * sizes.step, task.left * sizes.edge_cols * sizes.step
    several = Several(sizes.kernels, sizes.share, apart, task.samples)
    begin = task.first * sizes.edge_rows
    for y in range(begin, min(task.last * sizes.edge_rows, task.out_rows)):
        sums = at(scratch.sums, (y - begin) * sizes.sums_pitch)
        done = loops.combine(sums, several, scratch.acc)
        if sizes.watch:
            count_row(done, task.samples, given.limits, result)
        out = at(result.out, y * row + left)
        store_row(loops.level, done, task.samples, out, given.numbers, scratch.rest)
