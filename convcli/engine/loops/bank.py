"""A bank of filters over an image: strips of parted channels, and several maps at once."""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.several import (
    add_products,
    load_four,
    load_four_as,
    load_of,
    nothing_for,
    store_several,
)
from convcli.engine.loops.vectors import (
    BLOCK,
    add,
    at,
    convert,
    lanes,
    load,
    spread_like,
    store,
    transpose,
)


@jit
def _part_four(pixel, apart, depth, target, pitch):
    """Part the channels of four pixels, which go side by side: ``target[c * pitch + n]``.

    JUSTIFICATION: four channels of four pixels at once, a third of the time of one by one (bench:
    banks).
    """
    second, third, fourth = at(pixel, apart), at(pixel, 2 * apart), at(pixel, 3 * apart)
    fours = depth // 4 * 4
    for c in range(0, fours, 4):
        into = c * pitch
        p, q, r, s = transpose(
            load_four_as(pixel, c, target),
            load_four_as(second, c, target),
            load_four_as(third, c, target),
            load_four_as(fourth, c, target),
        )
        store(target, into, p)
        store(target, into + pitch, q)
        store(target, into + 2 * pitch, r)
        store(target, into + 3 * pitch, s)
    for c in range(fours, depth):
        into = at(target, c * pitch)
        one, two, three, four = pixel[c], second[c], third[c], fourth[c]
        into[0], into[1], into[2], into[3] = one, two, three, four


@jit
def _load_row(given, row, first_col, cols, channel, target):
    """Part the channels of a padded row: ``target[c * channel_pitch + places[i]] = row[…, c]``.

    No column is further from the one before it than in the padded image, so those are evenly
    apart that are so at their ends.
    """
    sizes, depth, pitch = given.sizes, given.sizes.depth, given.sizes.channel_pitch
    fill, pixels = given.fill[0], at(given.source, row * sizes.cols * sizes.channels + channel)
    columns, col_source, i = given.columns, at(given.col_source, first_col), 0
    step = 3 * sizes.stride_cols
    while i < sizes.columns:
        j, into = columns[i], at(target, given.places[i])
        if j >= cols:
            i += 1
            continue
        column = col_source[j] if row >= 0 else -1
        if column < 0:
            for c in range(depth):
                into[c * pitch] = fill
        else:
            pixel = at(pixels, column * sizes.channels)
            follow = i + 3 < sizes.columns and columns[i + 3] - j == step and j + step < cols
            if follow and col_source[j + step] - column == step:
                _part_four(pixel, sizes.stride_cols * sizes.channels, depth, into, pitch)
                i += 3
            else:
                for c in range(depth):
                    into[c * pitch] = pixel[c]
        i += 1


@jit
def _load(given, first_row, rows, first_col, cols, channel, strip):
    """Fill a strip with some padded rows and columns of a group's channels."""
    sizes = given.sizes
    for r in range(rows):
        if r % sizes.stride < sizes.stride_read:
            row = given.row_source[first_row + r]
            _load_row(given, row, first_col, cols, channel, at(strip, r * sizes.row_pitch))


def _summing(count, size=BLOCK):
    """Make a loop that sums `count` maps at once, for `size` bytes of samples."""
    nothing, values_at = nothing_for(count, size), load_of(size)

    @jit
    def sum_maps(strip, given, weights, samples, sums):
        """``sums[k * sums_pitch + x] = Σ weights[t * count + k] * strip[offsets[t] + x]``.

        JUSTIFICATION: a sample that is loaded once is multiplied by `count` weights, and one sum
        doesn't wait for another (bench: banks).
        """
        x, taps, pitch, offsets = 0, given.sizes.taps, given.sizes.sums_pitch, given.offsets
        while x < samples:
            totals = nothing(strip)
            for t in range(taps):
                totals = add_products(totals, values_at(strip, offsets[t] + x), weights, t * count)
            store_several(sums, x, pitch, totals)
            x += lanes(strip) * size // BLOCK

    return sum_maps


def _summing_pairs(count):
    """Make the same for two blocks at once, where few maps would leave registers empty."""
    nothing = nothing_for(count, BLOCK)

    @jit
    def sum_maps(strip, given, weights, samples, sums):
        x, taps, pitch, offsets = 0, given.sizes.taps, given.sizes.sums_pitch, given.offsets
        step = lanes(strip)
        while x < samples:
            left, right = nothing(strip), nothing(strip)
            for t in range(taps):
                place = offsets[t] + x
                left = add_products(left, load(strip, place), weights, t * count)
                right = add_products(right, load(strip, place + step), weights, t * count)
            store_several(sums, x, pitch, left)
            store_several(sums, x + step, pitch, right)
            x += 2 * step

    return sum_maps


_one_pair, _two_pairs, _three_pairs = (_summing_pairs(count) for count in (1, 2, 3))
_two, _four, _six, _eight = (_summing(count) for count in (2, 4, 6, 8))
_three_half, _four_half, _six_half = (_summing(count, BLOCK // 2) for count in (3, 4, 6))


@jit
def sum_wide(count, strip, given, weights, samples, sums):
    """Sum some maps for a part of a row, with 32 registers of 64 bytes."""
    if count == 8:
        _eight(strip, given, weights, samples, sums)
    elif count == 6:
        _six(strip, given, weights, samples, sums)
    elif count == 4:
        _four(strip, given, weights, samples, sums)
    elif count == 3:
        _three_pairs(strip, given, weights, samples, sums)
    elif count == 2:
        _two_pairs(strip, given, weights, samples, sums)
    else:
        _one_pair(strip, given, weights, samples, sums)


@jit
def sum_narrow(count, strip, given, weights, samples, sums):
    """Sum some maps for a part of a row, with 16 registers of 32 bytes.

    JUSTIFICATION: twelve sums, two blocks of samples and a weight fill them; with one more sums
    would wait for memory, which takes twice as long.
    """
    if count == 6:
        _six_half(strip, given, weights, samples, sums)
    elif count == 4:
        _four_half(strip, given, weights, samples, sums)
    elif count == 3:
        _three_half(strip, given, weights, samples, sums)
    elif count == 2:
        _two(strip, given, weights, samples, sums)
    else:
        _one_pair(strip, given, weights, samples, sums)


@jit
def _sum_group(sum_maps, strip, given, weights, samples, sums):
    """Sum all maps of a group for a part of a row, tile by tile."""
    sizes, done = given.sizes, 0
    for k in range(sizes.tiles):
        packed, into = at(weights, done * sizes.taps), at(sums, done * sizes.sums_pitch)
        sum_maps(given.tile_maps[k], strip, given, packed, samples, into)
        done += given.tile_maps[k]


@jit
def _finished(sums, index, bias, biased, out):
    """Four sums as samples of the result's type, with what is added to them."""
    values = load_four(sums, index)
    if biased == 0:
        return convert(values, out)
    real = convert(values, bias)
    return convert(add(real, spread_like(real, bias[0])), out)


@jit
def _put_four(sums, given, bias, k, x, out):
    """Put four maps, from the k-th, of four pixels side by side; the last is any if none is."""
    sizes, pitch, last = given.sizes, given.sizes.sums_pitch, given.sizes.maps - 1
    q, r, s = min(k + 1, last), min(k + 2, last), min(k + 3, last)
    a, b, c, d = transpose(
        _finished(sums, k * pitch + x, at(bias, k), sizes.biased, out),
        _finished(sums, q * pitch + x, at(bias, q), sizes.biased, out),
        _finished(sums, r * pitch + x, at(bias, r), sizes.biased, out),
        _finished(sums, s * pitch + x, at(bias, s), sizes.biased, out),
    )
    apart = sizes.all_maps
    into = x * apart + k
    store(out, into, a)
    store(out, into + apart, b)
    store(out, into + 2 * apart, c)
    store(out, into + 3 * apart, d)


@jit
def _put(sums, given, bias, samples, out):
    """Put a group's rows of sums side by side: ``out[x * all maps + k] = sums[k][x] + bias[k]``.

    JUSTIFICATION: four maps of four pixels at once, a quarter of the time of one by one (bench:
    banks). What maps there are not of the last four is written over by the next pixel, so the last
    pixels are put one by one, and all if another group's maps come next.
    """
    sizes = given.sizes
    pitch, maps, apart = sizes.sums_pitch, sizes.maps, sizes.all_maps
    whole, x = maps // 4 * 4, 0
    if apart == 1:
        while x + 4 <= samples:
            store(out, x, _finished(sums, x, bias, sizes.biased, out))
            x += 4
        fours = x
    elif whole < maps and sizes.groups > 1:
        fours = 0
    elif whole < maps:
        fours = max(samples - 4, 0) // 4 * 4
    else:
        fours = samples // 4 * 4
    while x < fours:
        if whole < maps:
            _put_four(sums, given, bias, whole, x, out)
        for k in range(0, whole, 4):
            _put_four(sums, given, bias, k, x, out)
        x += 4
    for i in range(fours, samples):
        for k in range(maps):
            out[i * apart + k] = sums[k * pitch + i] + bias[k]


@jit
def bank(sum_maps, given, scratch, result):
    """Slide every filter of a bank over its group of channels, for some rows of the result.

    Parameters
    ----------
    sum_maps : `sum_wide` or `sum_narrow`
    given : BankInput
    scratch : BankScratch
    result : Result
        `out` is (rows, width, groups · maps).
    """
    sizes, strip, sums = given.sizes, scratch.strip, scratch.sums
    maps, stride, y = sizes.maps, sizes.stride, given.task.first
    while y < given.task.last:
        rows, x = min(sizes.strip_rows, given.task.last - y), 0
        while x < sizes.width:
            samples = min(sizes.part, sizes.width - x)
            needed = (samples - 1) * sizes.stride_cols + sizes.span_cols
            for g in range(sizes.groups):
                loaded, left = (rows - 1) * stride + sizes.span, x * sizes.stride_cols
                _load(given, y * stride, loaded, left, needed, g * sizes.depth, strip)
                weights, bias = at(given.weights, g * sizes.taps * maps), at(given.bias, g * maps)
                for r in range(rows):
                    begin = at(strip, r * stride * sizes.row_pitch)
                    _sum_group(sum_maps, begin, given, weights, samples, sums)
                    into = at(result.out, ((y + r) * sizes.width + x) * sizes.all_maps + g * maps)
                    _put(sums, given, bias, samples, into)
            x += samples
        y += rows
