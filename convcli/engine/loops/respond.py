"""Responding: valid correlation of a row, tap by tap or as column times row."""

from __future__ import annotations

from convcli.engine.loops.places import jit


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
def respond_direct(
    strip, base, offsets, weights, row_offsets, row_weights, column, acc
):  # fmt: skip
    """Every tap of a kernel; see `respond_row`. What belongs to rows is not used."""
    respond_row(strip, base, offsets, weights, acc)


@jit
def respond_separable(
    strip, base, offsets, weights, row_offsets, row_weights, column, acc
):  # fmt: skip
    """A kernel that is a column times a row: first down, then along.

    Textbook form: ``column[i] = Σ weights[t] * strip[base + offsets[t] + i]`` over a whole row of
    the strip, then ``acc[x] = Σ row_weights[t] * column[row_offsets[t] + x]``.

    JUSTIFICATION: F + F taps instead of F·F; the column lies in the first cache (bench:
    separable). Sums of whole numbers are exact in any order, in 16 bits as they wrap around.
    """
    respond_row(strip, base, offsets, weights, column)
    respond_row(column, 0, row_offsets, row_weights, acc)
