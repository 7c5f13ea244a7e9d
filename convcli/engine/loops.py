"""The inner loops: valid correlation of padded strips, and nothing else.

Every function takes arrays and numbers, writes in place, allocates nothing and raises nothing.
A picture is a 2-D array here, a row of it all samples of all its columns and channels; a strip
is a flat array of `pitch` samples a row, in the working type, its border filled in.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numba.extending import intrinsic

# No fastmath: sums of exact integers must stay in order, and NaN must stay NaN.
jit = njit(  # type: ignore[call-overload]  # the last two are missing from Numba's stubs
    nogil=True,
    error_model="numpy",
    boundscheck=False,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
)


@intrinsic
def square_root(typing_context, value):
    """√value by the processor's own instruction; `math.sqrt` calls C and doesn't vectorise."""

    def generate(context, builder, signature, arguments):
        kind = context.get_value_type(signature.args[0])
        root = builder.module.declare_intrinsic("llvm.sqrt", [kind])
        return builder.call(root, arguments)

    return value(value), generate


# Places in `sizes`, the whole numbers of a band.
FIRST, LAST, STRIP_ROWS, STRIDE, SPAN, SAMPLES, RUN_AT, RUN_LENGTH, RUN_FROM = range(9)
# Places in `numbers`, what a store loop needs.
SLOPE, SHIFT, HALF, RATIO, ABSOLUTE, MID, MAXIMUM = range(7)
# Places in `stats`, what a band reports.
LOWEST, HIGHEST, CLIPPED = range(3)


@jit
def load_rows(source, row_source, col_source, sizes, fill, first, count, strip):
    """Fill `count` rows of a strip, from padded row `first` on: convert and fill the border.

    Parameters
    ----------
    source : (rows, samples) array
        The picture.
    row_source : (padded rows,) intp
        The picture's row for each padded row, -1 for the fill value.
    col_source : (pitch,) intp
        The sample of a picture's row for each sample of a strip's row, -1 for the fill value.
    sizes : int64 array
        RUN_AT, RUN_LENGTH, RUN_FROM: a run of `col_source` that grows by 1 a sample.
    fill
        What lies outside, in the working type.
    strip : flat array, written
        ``strip[r * pitch + i] = source[row_source[first + r], col_source[i]]``.
    """
    pitch = len(col_source)
    at, length, start = sizes[RUN_AT], sizes[RUN_LENGTH], sizes[RUN_FROM]
    for r in range(count):
        target = strip[r * pitch : (r + 1) * pitch]
        row_index = row_source[first + r]
        if row_index < 0:
            for i in range(pitch):
                target[i] = fill
            continue
        row = source[row_index]
        # JUSTIFICATION: slices indexed by the plain loop variable vectorise; `row[start + i]`
        # keeps the negative-index check and runs six times slower (bench: load).
        run, inner = row[start : start + length], target[at : at + length]
        for i in range(length):
            inner[i] = run[i]
        for i in range(at):
            target[i] = fill if col_source[i] < 0 else row[col_source[i]]
        for i in range(at + length, pitch):
            target[i] = fill if col_source[i] < 0 else row[col_source[i]]


@jit
def add_nine(acc, r0, r1, r2, r3, r4, r5, r6, r7, r8, w):
    """``acc[x] += Σ w[k] * rk[x]`` over nine taps."""
    w0, w1, w2, w3, w4, w5, w6, w7, w8 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8]
    for x in range(len(acc)):
        acc[x] = (
            acc[x]
            + w0 * r0[x]
            + w1 * r1[x]
            + w2 * r2[x]
            + w3 * r3[x]
            + w4 * r4[x]
            + w5 * r5[x]
            + w6 * r6[x]
            + w7 * r7[x]
            + w8 * r8[x]
        )


@jit
def add_three(acc, r0, r1, r2, w):
    """``acc[x] += Σ w[k] * rk[x]`` over three taps."""
    w0, w1, w2 = w[0], w[1], w[2]
    for x in range(len(acc)):
        acc[x] = acc[x] + w0 * r0[x] + w1 * r1[x] + w2 * r2[x]


@jit
def add_one(acc, r0, w):
    """``acc[x] += w[0] * r0[x]``."""
    w0 = w[0]
    for x in range(len(acc)):
        acc[x] = acc[x] + w0 * r0[x]


@jit
def respond_row(strip, base, offsets, weights, acc):
    """Valid correlation of one row: ``acc[x] = Σ weights[t] * strip[base + offsets[t] + x]``.

    JUSTIFICATION: nine taps a pass keep the sums in registers and the row in the first cache,
    and compile once for every kernel; a 3×3 is one pass (bench: direct).
    """
    for x in range(len(acc)):
        acc[x] = 0
    t, taps = 0, len(offsets)
    while taps - t >= 9:
        add_nine(
            acc,
            strip[base + offsets[t] :],
            strip[base + offsets[t + 1] :],
            strip[base + offsets[t + 2] :],
            strip[base + offsets[t + 3] :],
            strip[base + offsets[t + 4] :],
            strip[base + offsets[t + 5] :],
            strip[base + offsets[t + 6] :],
            strip[base + offsets[t + 7] :],
            strip[base + offsets[t + 8] :],
            weights[t : t + 9],
        )
        t += 9
    while taps - t >= 3:
        add_three(
            acc,
            strip[base + offsets[t] :],
            strip[base + offsets[t + 1] :],
            strip[base + offsets[t + 2] :],
            weights[t : t + 3],
        )
        t += 3
    while taps - t >= 1:
        add_one(acc, strip[base + offsets[t] :], weights[t : t + 1])
        t += 1


@jit
def count_row(acc, limits, stats):
    """Widen `stats` to the row's least and greatest sum, and count sums outside `limits`.

    NaN is neither.
    """
    start = 0
    while start < len(acc) - 1 and acc[start] != acc[start]:
        start += 1
    low, high = acc[start], acc[start]
    for x in range(len(acc)):
        value = acc[x]
        low = value if value < low else low
        high = value if value > high else high
    stats[LOWEST] = min(stats[LOWEST], np.float64(low))
    stats[HIGHEST] = max(stats[HIGHEST], np.float64(high))
    if low < limits[0] or high > limits[1]:
        clipped = 0
        for x in range(len(acc)):
            clipped += (acc[x] < limits[0]) | (acc[x] > limits[1])
        stats[CLIPPED] += clipped


@jit
def store_whole(acc, out, numbers):
    """Store 16-bit sums that need no division: ``clip(abs?(sum + shift) + mid)``.

    Parameters
    ----------
    acc : int16 or uint16 array
    out : uint8 or uint16 array, written
    numbers : float array
        SHIFT, ABSOLUTE, MID, MAXIMUM, all whole and below 2^30.
    """
    shift, mid = np.int32(numbers[SHIFT]), np.int32(numbers[MID])
    top, absolute = np.int32(numbers[MAXIMUM]), numbers[ABSOLUTE] != 0
    for x in range(len(acc)):
        value = np.int32(np.int32(acc[x]) + shift)
        if absolute and value < 0:
            value = np.int32(-value)
        value = np.int32(value + mid)
        value = value if value > 0 else np.int32(0)
        out[x] = value if value < top else top


@jit
def store_rounded(acc, out, numbers):
    """Store sums as levels: divided, rounded once, half away from zero, mapped and clipped.

    Textbook form, t = sum·m + a over the divisor d, all whole:
    ``q = sign(t) * floor((2|t| + d) / 2d)``, then ``clip(abs?(q) + mid)``.

    JUSTIFICATION: with SLOPE = 2m, SHIFT = 2a, HALF = d + 1/2 and RATIO = 1/2d the quotient below
    is off its true value by less than 2 ulp, while the true value lies at least 1/4d from a
    whole number; so the floor is exact for 2|t| + d below 2^22 in float32 and 2^51 in float64
    (`finish.py` checks). It vectorises, and an integer division doesn't (bench: store).
    For sums that aren't exact SLOPE and SHIFT are real, HALF = 1 and RATIO = 1/2.
    """
    slope, shift, half, ratio = numbers[SLOPE], numbers[SHIFT], numbers[HALF], numbers[RATIO]
    absolute, mid, top = numbers[ABSOLUTE] != 0, numbers[MID], numbers[MAXIMUM]
    zero = mid - mid
    for x in range(len(acc)):
        t = acc[x] * slope + shift
        size = t if t > 0 else -t
        level = np.floor((size + half) * ratio)
        level = level if absolute or t > 0 else -level
        level += mid
        # Comparisons in this order turn NaN into 0.
        level = level if level > zero else zero
        out[x] = level if level < top else top


@jit
def store_response(acc, out, numbers):
    """Store sums as floats: ``abs?((sum·m + a) / d) + mid``, unclipped.

    SLOPE = m, SHIFT = a, HALF = d; `numbers` is float64.
    """
    slope, shift, divisor = numbers[SLOPE], numbers[SHIFT], numbers[HALF]
    absolute, mid = numbers[ABSOLUTE] != 0, numbers[MID]
    for x in range(len(acc)):
        value = (acc[x] * slope + shift) / divisor
        out[x] = (-value if absolute and value < 0 else value) + mid


@jit
def band(
    store, source, row_source, col_source, fill, offsets, weights, strip, acc, out, sizes,
    numbers, limits, stats,
):  # fmt: skip
    """Filter output rows FIRST to LAST, strip by strip.

    Parameters
    ----------
    store : function
        One of the store loops above.
    source, row_source, col_source, fill
        As `load_rows` takes them.
    offsets : (taps,) int64
        Where each tap reads, in samples of a strip from the output sample's own place.
    weights : (taps,) array of the working type
    strip : flat array of the working type, scratch
        ((STRIP_ROWS − 1)·STRIDE + SPAN)·pitch samples.
    acc : (SAMPLES,) array of the working type, scratch
    out : (output rows, SAMPLES) array, rows FIRST to LAST of it written
    sizes : (9,) int64
        See the names of its places above.
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
            respond_row(strip, r * stride * pitch, offsets, weights, acc)
            count_row(acc, limits, stats)
            store(acc, out[y + r], numbers)
        y += rows


@jit
def combine_magnitude(sums, share, acc):
    """``acc[x] = √Σ sums[g, x]²``."""
    for x in range(len(acc)):
        acc[x] = 0
    for g in range(len(sums)):
        row = sums[g]
        for x in range(len(acc)):
            value = np.float64(row[x])
            acc[x] = acc[x] + value * value
    for x in range(len(acc)):
        acc[x] = square_root(acc[x])


@jit
def combine_direction(sums, share, acc):
    """``acc[x]`` = the angle of (sums[0, x], sums[1, x]) in degrees, from 0 up to 360."""
    along, down = sums[0], sums[1]
    for x in range(len(acc)):
        angle = math.degrees(math.atan2(np.float64(down[x]), np.float64(along[x])))
        acc[x] = angle + 360.0 if angle < 0 else angle


@jit
def combine_max(sums, share, acc):
    """``acc[x] = max sums[g, x]``."""
    for x in range(len(acc)):
        acc[x] = sums[0][x]
    for g in range(1, len(sums)):
        row = sums[g]
        for x in range(len(acc)):
            value = np.float64(row[x])
            acc[x] = value if value > acc[x] else acc[x]


@jit
def combine_max_abs(sums, share, acc):
    """``acc[x] = max |sums[g, x]|``."""
    for x in range(len(acc)):
        acc[x] = 0
    for g in range(len(sums)):
        row = sums[g]
        for x in range(len(acc)):
            value = abs(row[x])
            acc[x] = value if value > acc[x] else acc[x]


@jit
def combine_sum_abs(sums, share, acc):
    """``acc[x] = Σ |sums[g, x]|``."""
    for x in range(len(acc)):
        acc[x] = 0
    for g in range(len(sums)):
        row = sums[g]
        for x in range(len(acc)):
            acc[x] = acc[x] + abs(row[x])


@jit
def combine_share(sums, share, acc):
    """``acc[x] = √(Σ of the first `share` squares / Σ of all squares)``, 0 where all are 0."""
    for x in range(len(acc)):
        part, whole = 0.0, 0.0
        for g in range(len(sums)):
            value = np.float64(sums[g][x])
            whole += value * value
            if g < share:
                part = whole
        acc[x] = square_root(part / whole) if whole > 0 else 0.0


@jit
def compound_band(
    store, combine, source, row_source, col_source, fill, offsets, weights, share, strip,
    sums, acc, out, sizes, numbers, limits, stats,
):  # fmt: skip
    """Filter output rows FIRST to LAST by several kernels and combine their sums.

    As `band`, with ``weights`` (kernels, taps), ``sums`` (kernels, SAMPLES) scratch of the working
    type and ``acc`` float64.
    """
    pitch, stride = len(col_source), sizes[STRIDE]
    y = sizes[FIRST]
    while y < sizes[LAST]:
        rows = min(sizes[STRIP_ROWS], sizes[LAST] - y)
        count = (rows - 1) * stride + sizes[SPAN]
        load_rows(source, row_source, col_source, sizes, fill, y * stride, count, strip)
        for r in range(rows):
            for g in range(len(weights)):
                respond_row(strip, r * stride * pitch, offsets, weights[g], sums[g])
            combine(sums, share, acc)
            count_row(acc, limits, stats)
            store(acc, out[y + r], numbers)
        y += rows


@jit
def store_rows(store, responses, out, numbers, limits, stats):
    """Store rows of responses that were computed elsewhere, as `band` stores its sums."""
    for y in range(len(responses)):
        count_row(responses[y], limits, stats)
        store(responses[y], out[y], numbers)
