"""Kernels for each method, and methods for each kernel."""

from __future__ import annotations

import numpy as np

from convcli import Spec, UsageError
from convcli.pipeline.arrays import plan_array
from convcli.spec import Method

FORCED = [method.value for method in Method if method is not Method.AUTO]


def weights_for(method, taps, rng):
    """Whole weights that a method can compute; None if there are none of that size."""
    if method == "box":
        return np.full(taps, int(rng.choice([-7, -1, 1, 3])))
    if method == "separable":
        column, row = (rng.integers(1, 6, n) * rng.choice([-1, 0, 1], n) for n in taps)
        column[0], row[-1] = 2, -1
        return np.outer(column, row)
    if method == "lowrank":
        if taps[0] * taps[1] <= 2 * sum(taps):
            return None
        one, other = (np.outer(*(rng.integers(1, 9, n) for n in taps)) for _ in range(2))
        weights = (one + other) * rng.choice([-1, 1])  # without zeros, which direct leaves out
        return weights if np.linalg.matrix_rank(weights) == 2 else None
    return rng.integers(-9, 10, taps) + 10 * (taps == (1, 1))


def sums_type(weights, samples):
    """The narrowest float type that holds every sum exactly, for whole samples."""
    most = np.abs(np.asarray(weights, dtype=np.float64)).sum() * np.iinfo(samples).max
    return np.float32 if most <= 2**24 else np.float64


def methods_of(kernel):
    """The methods that take a kernel, asked of the planner."""
    found = []
    for method in FORCED:
        try:
            plan_array((90, 90), np.dtype(np.uint8), kernel, Spec(method=method))
        except UsageError:
            continue
        found.append(method)
    return found
