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


@jit
def count_row(acc, samples, limits, result):
    """Widen the result's `extremes` to a row's sums, and count those outside `limits` as clipped.

    Parameters
    ----------
    acc : (samples, rounded up to whole blocks)
        What is beyond the samples is overwritten with the last one.
    samples : int
    limits : Limits
        Of the type of `acc`. NaN is neither below nor above, neither least nor greatest.
    result : Result
    """
    step, extremes = lanes(acc), result.extremes
    for x in range(samples, (samples + step - 1) // step * step):
        acc[x] = acc[samples - 1]
    low, high = load(extremes, 0), load(extremes, step)
    bottom, top = spread(acc, limits.low), spread(acc, limits.high)
    outside, x = 0, 0
    while x < samples:
        values = load(acc, x)
        low, high = minimum(values, low), maximum(values, high)
        outside += count_outside(values, bottom, top)
        x += step
    # The copies of the last sample were counted with it.
    over = x - samples
    if over > 0 and (acc[samples - 1] < limits.low or acc[samples - 1] > limits.high):
        outside -= over
    store(extremes, 0, low)
    store(extremes, step, high)
    result.clipped[0] += outside


@jit
def put(target, sums, into, x):
    """Put a block of sums where a `Target` says: ``into[x : x + lanes] = level(sums)``.

    JUSTIFICATION: samples that are made while their sums are in registers take an eighth off a
    blur and off float32 (bench: named, dense).
    """
    store(into, x, target.level(sums, into, target.numbers))


@jit
def unchanged(sums, _out, _numbers):
    """Return sums as they are, for rows of sums."""
    return sums


@jit
def store_row(level, acc, samples, out, numbers, rest):
    """Store a row of sums as samples, by one of the functions below.

    `acc` has whole blocks, `out` just `samples`, and `rest` is scratch of a block of `out`.
    """
    x, step = 0, lanes(acc)
    while x + step <= samples:
        store(out, x, level(load(acc, x), out, numbers))
        x += step
    if x < samples:
        store(rest, 0, level(load(acc, x), rest, numbers))
        for i in range(samples - x):
            out[x + i] = rest[i]


@jit
def store_whole(sums, out, numbers):
    """Return whole sums that need no division as levels: ``clip(abs?(sum + shift) + mid)``.

    All of these take a block of sums, and give one of samples of the type of `out`. Here `Numbers`
    are of the type of the sums, in which nothing overflows or rounds (`finish.py` checks).
    """
    shift, mid = spread_like(sums, numbers.shift), spread_like(sums, numbers.mid)
    zero, top = spread_like(sums, 0), spread_like(sums, numbers.maximum)
    absolute = numbers.absolute != 0
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

    JUSTIFICATION: as `store_rounded`, with `shift` = 2a + d + 1/2; half of its work (bench: named).
    """
    slope, offset, share = numbers.slope, numbers.shift, numbers.ratio
    most = numbers.maximum
    real = convert(sums, numbers)
    levels = scale(add(scale(real, slope), spread_like(real, offset)), share)
    # In this order NaN becomes 0; a positive float loses its fraction when it becomes whole.
    levels = minimum(maximum(levels, spread_like(real, 0)), spread_like(real, most))
    return convert(levels, out)


@jit
def store_near(sums, out, numbers):
    """Return sums as levels, as `store_clipped`; for sums that give levels of 31 bits at most.

    JUSTIFICATION: with `slope` = m/d and `shift` = (2a + d + 1/2) / 2d one multiplication and
    addition gives the level and its fraction, which falls off with the change to a whole number;
    that saturates, so nothing needs clipping. The true value lies at least 1/4d from a whole
    number and the computed one is off by less (`finish.py` checks). Two thirds of
    `store_clipped`'s time (bench: named).
    """
    slope, offset = numbers.slope, numbers.shift
    real = convert(sums, numbers)
    levels = add_product(spread_like(real, offset), real, slope)
    return convert(levels, out)


@jit
def store_rounded(sums, out, numbers):
    """Return sums as levels: divided, rounded once, half away from zero, mapped and clipped.

    Textbook form, t = sum·m + a over the divisor d, all whole:
    ``q = sign(t) * floor((2|t| + d) / 2d)``, then ``clip(abs?(q) + mid)``.

    JUSTIFICATION: with `slope` = 2m, `shift` = 2a, `half` = d + 1/2 and `ratio` = 1/2d the quotient
    below is off its true value by less than 2 ulp, while the true value lies at least 1/4d from
    a whole number; so the floor is exact for 2|t| + d below 2^22 in float32 and 2^51 in float64
    (`finish.py` checks). It vectorises, and an integer division doesn't (bench: named).
    For sums that aren't exact `slope` and `shift` are real, `half` = 1 and `ratio` = 1/2.
    """
    slope, shift, half, ratio = numbers.slope, numbers.shift, numbers.half, numbers.ratio
    absolute, mid, most = numbers.absolute != 0, numbers.mid, numbers.maximum
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
def store_sums(sums, out, _numbers):
    """Return sums as floats, as they are."""
    return convert(sums, out)


@jit
def store_response(sums, out, numbers):
    """Return sums as floats: ``abs?((sum·m + a) / d) + mid``, unclipped.

    `slope` = m, `shift` = a, `half` = d; `numbers` is float64.
    """
    slope, shift, divisor = numbers.slope, numbers.shift, numbers.half
    absolute, mid = numbers.absolute != 0, numbers.mid
    real = convert(sums, numbers)
    value = add(scale(real, slope), spread_like(real, shift))
    value = divide(value, spread_like(real, divisor))
    if absolute:
        value = maximum(value, subtract(spread_like(real, 0), value))
    value = add(value, spread_like(real, mid))
    return convert(value, out)


@jit
def store_rows(level, given, scratch, result):
    """Store responses that were computed elsewhere, as `band` its sums.

    Parameters
    ----------
    level : function
        A store loop.
    given : RowsInput
    scratch : RowsScratch
    result : Result
    """
    samples, acc = given.sizes.samples, scratch.acc
    for y in range(given.sizes.rows):
        source = at(given.responses, y * samples)
        for x in range(samples):
            acc[x] = source[x]
        count_row(acc, samples, given.limits, result)
        out = at(result.out, y * samples)
        store_row(level, acc, samples, out, given.numbers, scratch.rest)
