"""Whole kernels by any method: the same bits, from the library's to the largest sums there are."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from asserts import assert_same_pixels
from chosen import FORCED, methods_of, sums_type, weights_for
from hypothesis import given
from hypothesis import strategies as st
from marks import exhaustive_but

from convcli import UsageError, correlate, get_kernel
from convcli.kernels import names
from convcli.kernels.kernel import Kernel
from convcli.kernels.registry import canonical

#: float32's unit roundoff.
SINGLE = 2.0**-24

vectors = st.lists(st.integers(-9, 9), min_size=1, max_size=6).filter(any)
steps = st.tuples(st.integers(1, 3), st.integers(1, 3))


def library():
    """The library's kernels by name, compounds left out."""
    found = [name for name in names() if canonical(name) == name]
    return [name for name in found if isinstance(get_kernel(name), Kernel)]


@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], ["uint8", "uint16"]))
def test_every_kernel_by_every_method(depth, rng):
    top = np.iinfo(depth).max
    used = set()
    for name in library():
        pixels = rng.integers(0, top, (23, 19, 3), dtype=depth, endpoint=True)
        kernel = Kernel(name, get_kernel(name).weights)
        dtype = sums_type(kernel.weights, pixels.dtype)
        direct = correlate(pixels, kernel, method="direct", dtype=dtype)
        tolerance = 0 if kernel.is_integer else 64 * SINGLE * top * np.abs(kernel.scaled).sum()
        for method in methods_of(kernel):
            used.add(method)
            found = correlate(pixels, kernel, method=method, dtype=dtype)
            try:
                assert_same_pixels(found, direct, tolerance)
            except AssertionError as error:
                raise AssertionError(f"{name} by {method}: {error}") from None
    assert used == set(FORCED)


@pytest.mark.exhaustive
@given(vectors, vectors, steps, steps, st.booleans(), st.sampled_from(["uint8", "uint16"]))
def test_separable_is_direct_for_any_column_and_row(column, row, stride, dilation, flip, depth):
    rng = np.random.default_rng(len(column) * 100 + len(row))
    top = np.iinfo(depth).max
    pixels = rng.integers(0, top, (9, 11, 2), dtype=depth, endpoint=True)
    how = {"stride": stride, "dilation": dilation, "flip": flip, "border": "reflect"}
    weights = np.outer(column, row)
    dtype = sums_type(weights, pixels.dtype)
    results = [
        correlate(pixels, weights, method=method, dtype=dtype, **how)
        for method in ("direct", "separable")
    ]
    assert_same_pixels(results[1], results[0])


def extremes(weights, depth, rng, size=(60, 70)):
    """Images with the greatest sums, and the roughest: full or nothing, by the weights' signs."""
    top = np.iinfo(depth).max
    tiled = np.tile(weights > 0, (size[0] // len(weights) + 1, size[1] // weights.shape[1] + 1))
    tiled = tiled[: size[0], : size[1]]
    board = np.add.outer(np.arange(size[0]), np.arange(size[1])) % 2 == 1
    noise = rng.integers(0, 2, size) == 1
    patterns = [np.ones(size, bool), tiled, ~tiled, board, noise]
    return [(pattern * top).astype(depth) for pattern in patterns]


#: What weights are multiplied by, so that sums need each of the accumulators.
SCALES = [1, 11, 300, 20_000, 10**7, 10**9]


@pytest.mark.exhaustive
@pytest.mark.parametrize("method", FORCED)
@pytest.mark.parametrize("depth", ["uint8", "uint16"])
def test_whole_sums_have_the_same_bits_at_the_extremes(method, depth, rng):
    tried = 0
    for scale, shape in product(SCALES, [(5, 6), (7, 5)]):
        weights = weights_for(method, shape, rng) * scale
        if np.abs(weights).sum() * np.iinfo(depth).max > 2**53:
            continue  # no type holds these
        dtype = sums_type(weights, depth)
        for pixels in extremes(weights, depth, rng):
            direct = correlate(pixels, weights, method="direct", dtype=dtype)
            try:
                found = correlate(pixels, weights, method=method, dtype=dtype)
            except UsageError:
                assert method in ("fft", "lowrank")  # which can't be exact for weights so large
                assert scale > 300
                continue
            tried += 1
            assert_same_pixels(found, direct)
    assert tried >= 30
