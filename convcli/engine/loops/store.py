"""Storing: what was seen of a row of sums, and the sums as samples."""

from __future__ import annotations

import numpy as np

from convcli.engine.loops.places import (
    ABSOLUTE,
    CLIPPED,
    HALF,
    HIGHEST,
    LOWEST,
    MAXIMUM,
    MID,
    RATIO,
    SHIFT,
    SLOPE,
    jit,
)


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
def store_rows(store, responses, out, numbers, limits, stats):
    """Store rows of responses that were computed elsewhere, as `band` stores its sums."""
    for y in range(len(responses)):
        count_row(responses[y], limits, stats)
        store(responses[y], out[y], numbers)
