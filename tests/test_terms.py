"""Kernels as sums of columns times rows: exactly them, or near enough, and less work."""

from __future__ import annotations

import numpy as np
import pytest
import reference
from asserts import assert_same_pixels
from hypothesis import given
from hypothesis import strategies as st

from convcli import correlate, get_kernel
from convcli.kernels import names
from convcli.kernels.kernel import Kernel
from convcli.kernels.terms import low_rank

SIZES = st.integers(1, 12)


def product(low):
    """Σ columns × rows in Python's own whole numbers, or in float64."""
    kind = object if low.columns.dtype.kind in "iO" else float
    return sum(
        np.outer(column, row)
        for column, row in zip(low.columns.astype(kind), low.rows.astype(kind), strict=True)
    )


def work(low):
    """Multiplications a sample takes."""
    return len(low.columns) * (low.columns.shape[1] + low.rows.shape[1])


def of_rank(rng, shape, rank, most):
    """A whole matrix that is a sum of `rank` columns times rows of weights up to `most`."""
    return sum(np.outer(*(rng.integers(-most, most + 1, n) for n in shape)) for _ in range(rank))


@given(SIZES, SIZES, st.integers(1, 4), st.sampled_from([1, 3, 50, 2**10, 2**20]), st.integers(0))
def test_whole_weights_are_exactly_their_terms(rows, cols, rank, most, seed):
    weights = of_rank(np.random.default_rng(seed), (rows, cols), rank, most)
    low = low_rank(Kernel("k", weights))
    if low is None:
        return
    assert low.columns.dtype.kind == low.rows.dtype.kind == "i"
    assert isinstance(low.divisor, int)
    assert low.divisor >= 1
    assert (product(low) == weights.astype(object) * low.divisor).all()
    assert len(low.columns) == 1 or work(low) < np.count_nonzero(weights)


def test_low_rank_is_found_wherever_it_pays(rng):
    for shape, rank in (((5, 5), 2), ((9, 9), 2), ((9, 7), 3), ((15, 15), 4), ((31, 31), 2)):
        low = low_rank(Kernel("k", of_rank(rng, shape, rank, 3)))
        assert low is not None, (shape, rank)
        assert len(low.columns) == rank


@pytest.mark.parametrize(
    "weights",
    [
        [[0, 0], [0, 0]],
        [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
        np.eye(9, dtype=int),  # nine taps; nine terms
        np.arange(36).reshape(6, 6) ** 3 % 37,
        np.diag([0.5] * 9),
    ],
)
def test_what_takes_no_less_work_has_no_terms(weights):
    assert low_rank(Kernel("k", weights)) is None


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("name", ["log:sigma=2", "dog:sigma=2", "log:sigma=6", "gaussian:sigma=3"])
def test_real_weights_are_within_the_tolerance(name, double):
    kernel = get_kernel(name)
    low = low_rank(kernel, double=double)
    if double and low is None:
        return  # rounding of the weights themselves may be more than is allowed
    assert low.divisor == 1
    assert len(low.columns) <= 2
    off = np.abs(product(low) - kernel.weights).sum()
    if len(low.columns) > 1:  # one is `Kernel.factors`, with a tolerance of its own
        assert off <= (2.0**-50 if double else 2.0**-28) * np.abs(kernel.weights).sum()


def test_noise_has_no_terms(rng):
    assert low_rank(Kernel("k", rng.normal(size=(15, 15)))) is None
    assert low_rank(Kernel("k", rng.integers(-9, 10, (15, 15)))) is None


def test_no_name_of_the_library_is_off():
    for name in names():
        for part in get_kernel(name).parts:
            low = low_rank(part)
            if low is not None:
                off = np.abs(product(low) / low.divisor - part.weights).max()
                assert off <= 1e-8 * np.abs(part.weights).max(), name


def test_weights_too_large_for_the_loops_have_no_terms(rng):
    for most in (2**24, 2**25):
        weights = of_rank(rng, (9, 9), 2, most)
        low = low_rank(Kernel("k", weights))
        assert low is None or max(np.abs(low.columns).max(), np.abs(low.rows).max()) < 2**53
        pixels = rng.random((20, 20)).astype(np.float32)
        expected = reference.correlate(pixels, weights)
        found = correlate(pixels, weights)
        assert_same_pixels(found, expected, 1e-6 * np.abs(weights).sum())


@pytest.mark.exhaustive
@pytest.mark.parametrize("depth", ["uint8", "uint16"])
def test_a_divisor_leaves_sums_exact(depth, rng):
    top = np.iinfo(depth).max
    divisors = set()
    for _ in range(12):
        # Weights near one another leave little that cancels out.
        weights = sum(np.outer(*(rng.integers(10, 14, n) for n in (9, 8))) for _ in range(2))
        low = low_rank(Kernel("k", weights))
        if low is None or len(low.columns) == 1:
            continue
        divisors.add(low.divisor)
        pixels = rng.integers(0, 2, (20, 21)).astype(depth) * top
        direct = correlate(pixels, weights, method="direct")
        assert_same_pixels(correlate(pixels, weights, method="lowrank"), direct)
        for mapping in ("clip", "normalize"):
            results = [
                correlate(pixels, weights, method=method, mapping=mapping)
                for method in ("direct", "lowrank")
            ]
            assert_same_pixels(*results)
    assert len(divisors) > 5
    assert max(divisors) > 9


def test_whole_weights_on_float_images_keep_their_precision(rng):
    # Exact terms can be many times the weights, and their sums then lose what they cancel.
    pixels = rng.random((40, 41)).astype(np.float32)
    for seed in range(8):
        weights = of_rank(np.random.default_rng(seed), (15, 15), 2, 50)
        expected = reference.correlate(pixels, weights)
        found = correlate(pixels, weights)
        assert_same_pixels(found, expected, 1e-6 * np.abs(weights).sum())


@pytest.mark.parametrize(
    "weights",
    [np.outer([1, 2], [3, -4]), np.outer([2**30, 1], [2**22, 3]), np.outer([0.1, 0.7], [0.3, 9])],
)
def test_factors_multiply_to_the_weights(weights):
    column, row = Kernel("k", weights).factors
    assert np.allclose(np.outer(column, row), weights, rtol=1e-12)


@pytest.mark.parametrize("weights", [[[1, 2], [2, 5]], [[0, 0]], [[2**40, 1], [1, 1]]])
def test_what_is_no_product_has_no_factors(weights):
    assert Kernel("k", weights).factors is None
