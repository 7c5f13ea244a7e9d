"""Fourier transforms of many sequences at once, each lane of a vector its own.

A place of a sequence is a vector; `step` is how far the next place is. The forward transform
leaves frequencies in the order of reversed base-4 digits, where the inverse one expects them:
nothing is ever sorted, and a table of a kernel's spectrum is made in the same order.

Radix 4, decimation in frequency and, inverse, in time: Van Loan, Computational Frameworks for the
Fast Fourier Transform, 1992, algorithms 2.4.x. The inverse isn't divided by the size.
"""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.vectors import (
    add,
    add_product,
    load_small,
    scale,
    store,
    subtract,
)


@jit
def _put(re, im, place, real, imaginary):
    store(re, place, real)
    store(im, place, imaginary)


@jit
def _put_product(re, im, place, real, imaginary, cosine, sine):
    """Store (real + i·imaginary)·(cosine + i·sine)."""
    store(re, place, add_product(scale(real, cosine), imaginary, -sine))
    store(im, place, add_product(scale(imaginary, cosine), real, sine))


@jit
def _pairs(re, im, size, step):
    """Sums and differences of neighbouring places: a transform of length 2, and its inverse."""
    for k in range(0, size, 2):
        p, q = k * step, (k + 1) * step
        a, b, c, d = load_small(re, p), load_small(re, q), load_small(im, p), load_small(im, q)
        _put(re, im, p, add(a, b), add(c, d))
        _put(re, im, q, subtract(a, b), subtract(c, d))


@jit
def forward(re, im, size, step, cosines, sines):
    """``X[k] = Σ x[n]·exp(−2πi·k·n / size)``, in place; k in the order of reversed digits.

    Parameters
    ----------
    re, im
        Real and imaginary parts.
    size, step
        How many places, a power of 2, and samples from one to the next.
    cosines, sines : (size,)
        ``cos(2π·k / size)`` and ``sin(2π·k / size)``.
    """
    length = size
    while length >= 4:
        quarter, turn = length // 4, size // length
        apart = quarter * step
        for k in range(quarter):
            c1, c2, c3 = cosines[k * turn], cosines[2 * k * turn], cosines[3 * k * turn]
            s1, s2, s3 = -sines[k * turn], -sines[2 * k * turn], -sines[3 * k * turn]
            start = k
            while start < size:
                p = start * step
                q, r, t = p + apart, p + 2 * apart, p + 3 * apart
                a, b = load_small(re, p), load_small(re, q)
                c, d = load_small(re, r), load_small(re, t)
                e, f = load_small(im, p), load_small(im, q)
                g, h = load_small(im, r), load_small(im, t)
                even_re, even_im, odd_re, odd_im = add(a, c), add(e, g), add(b, d), add(f, h)
                gap_re, gap_im = subtract(a, c), subtract(e, g)
                turn_re, turn_im = subtract(f, h), subtract(d, b)
                _put(re, im, p, add(even_re, odd_re), add(even_im, odd_im))
                _put_product(re, im, q, add(gap_re, turn_re), add(gap_im, turn_im), c1, s1)
                x, y = subtract(even_re, odd_re), subtract(even_im, odd_im)
                _put_product(re, im, r, x, y, c2, s2)
                x, y = subtract(gap_re, turn_re), subtract(gap_im, turn_im)
                _put_product(re, im, t, x, y, c3, s3)
                start += length
        length = quarter
    if length == 2:
        _pairs(re, im, size, step)


@jit
def _first(re, im, size, step):
    """Undo transforms of length 2 where there are any; the length that comes next."""
    power = 4
    while power < size:
        power *= 4
    if power == size:
        return 4
    _pairs(re, im, size, step)
    return 8


@jit
def inverse(re, im, size, step, cosines, sines):
    """``x[n] = Σ X[k]·exp(2πi·k·n / size)``, in place; the inverse of `forward` but for 1/size."""
    length = _first(re, im, size, step)
    while length <= size:
        quarter, turn = length // 4, size // length
        apart = quarter * step
        for k in range(quarter):
            c1, c2, c3 = cosines[k * turn], cosines[2 * k * turn], cosines[3 * k * turn]
            s1, s2, s3 = sines[k * turn], sines[2 * k * turn], sines[3 * k * turn]
            start = k
            while start < size:
                p = start * step
                q, r, t = p + apart, p + 2 * apart, p + 3 * apart
                a, e = load_small(re, p), load_small(im, p)
                x, y = load_small(re, q), load_small(im, q)
                b, f = add_product(scale(x, c1), y, -s1), add_product(scale(y, c1), x, s1)
                x, y = load_small(re, r), load_small(im, r)
                c, g = add_product(scale(x, c2), y, -s2), add_product(scale(y, c2), x, s2)
                x, y = load_small(re, t), load_small(im, t)
                d, h = add_product(scale(x, c3), y, -s3), add_product(scale(y, c3), x, s3)
                even_re, even_im, odd_re, odd_im = add(a, c), add(e, g), add(b, d), add(f, h)
                gap_re, gap_im = subtract(a, c), subtract(e, g)
                turn_re, turn_im = subtract(h, f), subtract(b, d)
                _put(re, im, p, add(even_re, odd_re), add(even_im, odd_im))
                _put(re, im, q, add(gap_re, turn_re), add(gap_im, turn_im))
                _put(re, im, r, subtract(even_re, odd_re), subtract(even_im, odd_im))
                _put(re, im, t, subtract(gap_re, turn_re), subtract(gap_im, turn_im))
                start += length
        length *= 4
