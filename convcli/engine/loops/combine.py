"""Combining: the sums of several kernels become one."""

from __future__ import annotations

import math

import numpy as np
from numba.extending import intrinsic

from convcli.engine.loops.places import jit


@intrinsic
def square_root(typing_context, value):
    """√value by the processor's own instruction; `math.sqrt` calls C and doesn't vectorise."""

    def generate(context, builder, signature, arguments):
        kind = context.get_value_type(signature.args[0])
        root = builder.module.declare_intrinsic("llvm.sqrt", [kind])
        return builder.call(root, arguments)

    return value(value), generate


@jit
def combine_nothing(sums, share, acc):
    """For a single kernel, whose sums are `acc` itself."""


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
