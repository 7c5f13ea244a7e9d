"""Colour beside alpha: weighted by it before a filter, unweighted after it, and put beside it."""

from __future__ import annotations

from convcli.engine.loops.compiling import jit


@jit
def weigh(_functions, given, _scratch, result):
    """Multiply colour by alpha, and alpha by `maximum`.

    Parameters
    ----------
    given : AlphaInput
        `samples` are (pixels, channels), alpha last.
    result : Result
        `out` is as large; its type is the one that is computed in.
    """
    samples, out, channels = given.samples, result.out, given.sizes.channels
    first = 0
    for _ in range(given.sizes.pixels):
        last = first + channels - 1
        out[last] = samples[last]
        alpha = out[last]
        for k in range(first, last):
            out[k] = samples[k]
            out[k] = out[k] * alpha
        out[last] = alpha * given.levels.maximum
        first += channels


@jit
def unweigh(_functions, given, _scratch, result):
    """Undo `weigh` after filtering.

    Parameters
    ----------
    given : AlphaInput
        `samples` are (pixels, channels), alpha last.
    result : Result
        `out` has the colour of all pixels, and then their alpha. Where nothing can be seen, colour
        is 0. It is not clipped: where sharpening makes alpha overshoot, colour does so alike.
    """
    samples, out, channels = given.samples, result.out, given.sizes.channels
    top, gain, pixels = given.levels.maximum, given.levels.gain, given.sizes.pixels
    first, target, alphas, zero = 0, 0, pixels * (channels - 1), top - top
    for p in range(pixels):
        alpha = samples[first + channels - 1] / top
        share = alpha / gain
        for k in range(channels - 1):
            out[target + k] = samples[first + k] / share if alpha > 0 else zero
        out[alphas + p] = top if alpha > top else zero if alpha < 0 else alpha
        first += channels
        target += channels - 1


@jit
def join(_functions, given, _scratch, result):
    """Put alpha beside colour.

    Parameters
    ----------
    given : JoinInput
    result : Result
        `out` is (pixels, channels), alpha last.
    """
    colour, alpha, out = given.colour, given.alpha, result.out
    source, target, count = 0, 0, given.sizes.channels - 1
    for p in range(given.sizes.pixels):
        for k in range(count):
            out[target + k] = colour[source + k]
        out[target + count] = alpha[p]
        source += count
        target += count + 1
