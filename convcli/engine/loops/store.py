"""Storing: what was seen of a row of sums, and the sums as samples."""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.vectors import (
    add,
    add_product,
    at,
    convert,
    count_outside,
    divide,
    floor,
    lanes,
    load,
    maximum,
    minimum,
    scale,
    spread,
    spread_like,
    store,
    subtract,
    with_sign,
)
from convcli.engine.places import (
    ABSOLUTE,
    CLIPPED,
    FIRST,
    HALF,
    LAST,
    MAXIMUM,
    MID,
    RATIO,
    SAMPLES,
    SHIFT,
    SLOPE,
)


@jit
def count_row(acc, samples, limits, extremes, sizes):
    """Widen `extremes` to the row's least and greatest sums, and count those outside `limits`.

    Parameters
    ----------
    acc : (samples, rounded up to whole blocks)
        What is beyond the samples is overwritten with the last one.
    limits : (2,) of the type of `acc`
        Sums below the first or above the second are counted into CLIPPED. NaN is neither.
    extremes : (2, a block) of that type, updated
        The least and the greatest sum in each lane. NaN is neither.
    """
    step = lanes(acc)
    for x in range(samples, (samples + step - 1) // step * step):
        acc[x] = acc[samples - 1]
    low, high = load(extremes, 0), load(extremes, step)
    bottom, top = spread(acc, limits[0]), spread(acc, limits[1])
    outside, x = 0, 0
    while x < samples:
        values = load(acc, x)
        low, high = minimum(values, low), maximum(values, high)
        outside += count_outside(values, bottom, top)
        x += step
    # The copies of the last sample were counted with it.
    over = x - samples
    if over > 0 and (acc[samples - 1] < limits[0] or acc[samples - 1] > limits[1]):
        outside -= over
    store(extremes, 0, low)
    store(extremes, step, high)
    sizes[CLIPPED] += outside


@jit
def keep_sums(level, sums, into, x, numbers):
    """Keep a block of sums as they are: ``into[x : x + lanes] = sums``."""
    store(into, x, sums)


@jit
def keep_samples(level, sums, into, x, numbers):
    """Keep a block of sums as samples: ``into[x : x + lanes] = level(sums)``.

    JUSTIFICATION: samples that are made while their sums are in registers take an eighth off a
    blur and off float32 (bench: named, dense).
    """
    store(into, x, level(sums, into, numbers))


@jit
def store_row(level, acc, samples, out, numbers, rest):
    """Store a row of sums as samples, by one of the functions below.

    `acc` has whole blocks, `out` just `samples`, and `rest` is scratch of a block of `out`.
    """
    x, step = 0, lanes(acc)
    while x + step <= samples:
        keep_samples(level, load(acc, x), out, x, numbers)
        x += step
    if x < samples:
        keep_samples(level, load(acc, x), rest, 0, numbers)
        for i in range(samples - x):
            out[x + i] = rest[i]


@jit
def store_whole(sums, out, numbers):
    """Return whole sums that need no division as levels: ``clip(abs?(sum + shift) + mid)``.

    All of these take a block of sums, and give one of samples of the type of `out`. Here `numbers`
    are of the type of the sums, in which nothing overflows or rounds (`finish.py` checks).
    """
    shift, mid = spread_like(sums, numbers[SHIFT]), spread_like(sums, numbers[MID])
    zero, top = spread_like(sums, 0), spread_like(sums, numbers[MAXIMUM])
    absolute = numbers[ABSOLUTE] != 0
    values = add(sums, shift)
    if absolute:
        values = maximum(values, subtract(zero, values))
    values = minimum(maximum(add(values, mid), zero), top)
    return convert(values, out)


@jit
def store_clipped(sums, out, numbers):
    """Return sums as levels: divided, rounded once, halves up, and clipped.

    Textbook form, t = sum·m + a over the divisor d, all whole: ``clip(floor((2t + d) / 2d))``.
    Rounding halves away from zero differs only below 0, where all is clipped.

    JUSTIFICATION: as `store_rounded`, with SHIFT = 2a + d + 1/2; half of its work (bench: named).
    """
    slope, offset, share = numbers[SLOPE], numbers[SHIFT], numbers[RATIO]
    most = numbers[MAXIMUM]
    real = convert(sums, numbers)
    levels = scale(add(scale(real, slope), spread_like(real, offset)), share)
    # In this order NaN becomes 0; a positive float loses its fraction when it becomes whole.
    levels = minimum(maximum(levels, spread_like(real, 0)), spread_like(real, most))
    return convert(levels, out)


@jit
def store_near(sums, out, numbers):
    """Return sums as levels, as `store_clipped`; for sums that give levels of 31 bits at most.

    JUSTIFICATION: with SLOPE = m/d and SHIFT = (2a + d + 1/2) / 2d one multiplication and addition
    gives the level and its fraction, which falls off with the change to a whole number; that
    saturates, so nothing needs clipping. The true value lies at least 1/4d from a whole number
    and the computed one is off by less (`finish.py` checks). Two thirds of `store_clipped`'s
    time (bench: named).
    """
    slope, offset = numbers[SLOPE], numbers[SHIFT]
    real = convert(sums, numbers)
    levels = add_product(spread_like(real, offset), real, slope)
    return convert(levels, out)


@jit
def store_rounded(sums, out, numbers):
    """Return sums as levels: divided, rounded once, half away from zero, mapped and clipped.

    Textbook form, t = sum·m + a over the divisor d, all whole:
    ``q = sign(t) * floor((2|t| + d) / 2d)``, then ``clip(abs?(q) + mid)``.

    JUSTIFICATION: with SLOPE = 2m, SHIFT = 2a, HALF = d + 1/2 and RATIO = 1/2d the quotient below
    is off its true value by less than 2 ulp, while the true value lies at least 1/4d from a
    whole number; so the floor is exact for 2|t| + d below 2^22 in float32 and 2^51 in float64
    (`finish.py` checks). It vectorises, and an integer division doesn't (bench: named).
    For sums that aren't exact SLOPE and SHIFT are real, HALF = 1 and RATIO = 1/2.
    """
    slope, shift, half, ratio = numbers[SLOPE], numbers[SHIFT], numbers[HALF], numbers[RATIO]
    absolute, mid, most = numbers[ABSOLUTE] != 0, numbers[MID], numbers[MAXIMUM]
    real = convert(sums, numbers)
    zero = spread_like(real, 0)
    value = add(scale(real, slope), spread_like(real, shift))
    size = maximum(value, subtract(zero, value))
    level = floor(scale(add(size, spread_like(real, half)), ratio))
    if not absolute:
        level = with_sign(level, value)
    level = maximum(add(level, spread_like(real, mid)), zero)
    level = minimum(level, spread_like(real, most))
    return convert(level, out)


@jit
def store_sums(sums, out, numbers):
    """Return sums as floats, as they are."""
    return convert(sums, out)


@jit
def store_response(sums, out, numbers):
    """Return sums as floats: ``abs?((sum·m + a) / d) + mid``, unclipped.

    SLOPE = m, SHIFT = a, HALF = d; `numbers` is float64.
    """
    slope, shift, divisor = numbers[SLOPE], numbers[SHIFT], numbers[HALF]
    absolute, mid = numbers[ABSOLUTE] != 0, numbers[MID]
    real = convert(sums, numbers)
    value = add(scale(real, slope), spread_like(real, shift))
    value = divide(value, spread_like(real, divisor))
    if absolute:
        value = maximum(value, subtract(spread_like(real, 0), value))
    value = add(value, spread_like(real, mid))
    return convert(value, out)


@jit
def store_rows(level, responses, acc, rest, out, sizes, numbers, limits, extremes):
    """Store rows FIRST to LAST of responses that were computed elsewhere, as `band` its sums."""
    samples = sizes[SAMPLES]
    for y in range(sizes[FIRST], sizes[LAST]):
        source = at(responses, y * samples)
        for x in range(samples):
            acc[x] = source[x]
        count_row(acc, samples, limits, extremes, sizes)
        store_row(level, acc, samples, at(out, y * samples), numbers, rest)
