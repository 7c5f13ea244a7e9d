"""Combining: the sums of several kernels become one.

Each takes `sums`, one row of each kernel's, as `several` says (`parts.Several`), and writes
`acc`; it returns what holds the result.
"""

from __future__ import annotations

import math

import numpy as np
from numba.extending import intrinsic

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.vectors import at


@intrinsic
def square_root(typing_context, value):
    """√value by the processor's own instruction; `math.sqrt` calls C and doesn't vectorise."""

    def generate(context, builder, signature, arguments):
        kind = context.get_value_type(signature.args[0])
        root = builder.module.declare_intrinsic("llvm.sqrt", [kind])
        return builder.call(root, arguments)

    return value(value), generate


@jit
def combine_nothing(sums, _several, _acc):
    """For a single kernel: its sums themselves."""
    return sums


@jit
def combine_magnitude(sums, several, acc):
    """``acc[x] = √Σ sums[g, x]²``."""
    for x in range(several.samples):
        acc[x] = 0.0
    for g in range(several.kernels):
        row = at(sums, g * several.apart)
        for x in range(several.samples):
            value = np.float64(row[x])
            acc[x] = acc[x] + value * value
    for x in range(several.samples):
        acc[x] = square_root(acc[x])
    return acc


@jit
def combine_direction(sums, several, acc):
    """``acc[x]`` = the angle of (sums[0, x], sums[1, x]) in degrees, from 0 up to 360."""
    down = at(sums, several.apart)
    for x in range(several.samples):
        angle = math.degrees(math.atan2(np.float64(down[x]), np.float64(sums[x])))
        acc[x] = angle + 360.0 if angle < 0 else angle
    return acc


@jit
def combine_max(sums, several, acc):
    """``acc[x] = max sums[g, x]``."""
    for x in range(several.samples):
        acc[x] = np.float64(sums[x])
    for g in range(1, several.kernels):
        row = at(sums, g * several.apart)
        for x in range(several.samples):
            value = np.float64(row[x])
            acc[x] = value if value > acc[x] else acc[x]
    return acc


@jit
def combine_max_abs(sums, several, acc):
    """``acc[x] = max |sums[g, x]|``."""
    for x in range(several.samples):
        acc[x] = 0.0
    for g in range(several.kernels):
        row = at(sums, g * several.apart)
        for x in range(several.samples):
            value = abs(np.float64(row[x]))
            acc[x] = value if value > acc[x] else acc[x]
    return acc


@jit
def combine_sum_abs(sums, several, acc):
    """``acc[x] = Σ |sums[g, x]|``."""
    for x in range(several.samples):
        acc[x] = 0.0
    for g in range(several.kernels):
        row = at(sums, g * several.apart)
        for x in range(several.samples):
            acc[x] = acc[x] + abs(np.float64(row[x]))
    return acc


@jit
def combine_share(sums, several, acc):
    """``acc[x] = √(Σ of the first `share` squares / Σ of all squares)``, 0 where all are 0."""
    for x in range(several.samples):
        part, whole = 0.0, 0.0
        for g in range(several.kernels):
            value = np.float64(sums[g * several.apart + x])
            whole += value * value
            if g < several.share:
                part = whole
        acc[x] = square_root(part / whole) if whole > 0 else 0.0
    return acc
