"""Every method gives the same answer; the planner picks the one that multiplies least."""

from __future__ import annotations

import numpy as np
import pytest
from asserts import assert_same_pixels
from hypothesis import given
from hypothesis import strategies as st

from convcli import Image, Spec, UsageError, correlate
from convcli.engine.plan import choose_method
from convcli.kernels import Compound, get_kernel, names
from convcli.kernels.kernel import Kernel
from convcli.pipeline import apply

vectors = st.lists(st.integers(-9, 9), min_size=1, max_size=6).filter(any)
steps = st.tuples(st.integers(1, 3), st.integers(1, 3))


def _separable(name):
    kernel = get_kernel(name)
    return all(part.factors is not None for part in kernel.parts)


@pytest.mark.parametrize("name", [name for name in names() if _separable(name)])
def test_separable_is_direct(name, rng):
    pixels = rng.integers(0, 256, (23, 19, 3), dtype=np.uint8)
    direct = correlate(pixels, name, method="direct")
    kernel = get_kernel(name)
    whole = all(part.is_integer for part in kernel.parts)
    tolerance = 0 if whole else 1e-5 * np.abs(direct).max()
    assert_same_pixels(correlate(pixels, name, method="separable"), direct, tolerance)


@given(vectors, vectors, steps, steps, st.booleans(), st.sampled_from(["uint8", "uint16"]))
def test_separable_is_direct_for_any_column_and_row(column, row, stride, dilation, flip, depth):
    rng = np.random.default_rng(len(column) * 100 + len(row))
    top = np.iinfo(depth).max
    pixels = rng.integers(0, top, (9, 11, 2), dtype=depth, endpoint=True)
    how = {"stride": stride, "dilation": dilation, "flip": flip, "border": "reflect"}
    weights = np.outer(column, row)
    results = [correlate(pixels, weights, method=m, **how) for m in ("direct", "separable")]
    assert_same_pixels(results[1], results[0])


@pytest.mark.parametrize("name", ["sharpen", "laplacian", "disk", "kirsch", "[[0, 0]]"])
def test_separable_is_refused_for_what_is_no_column_times_a_row(name):
    with pytest.raises(UsageError, match=r"column times a row \(rank 1\)"):
        correlate(np.eye(5), name, method="separable")


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("box3", "direct"),
        ("gaussian5", "separable"),
        ("sobel-x", "direct"),
        ("sobel7-x", "separable"),
        ("gaussian:sigma=3", "separable"),
        ("sharpen", "direct"),
        ("motion:length=31", "direct"),
        ("laws-l5", "direct"),
        ("farid", "separable"),
    ],
)
def test_the_planner_picks_what_multiplies_least(name, method, rng):
    image = Image(rng.integers(0, 256, (30, 40), dtype=np.uint8))
    _, facts = apply(image, [get_kernel(name)], Spec())
    plan = facts.plans[0]
    assert plan.method == method
    assert plan.reason.startswith(f"{method}: ")


def test_zero_taps_cost_nothing():
    weights = np.zeros((1, 9, 9), dtype=int)
    weights[0, [0, 4, 8], [0, 4, 8]] = 1
    method, cost, reason = choose_method(weights, None, 1.0, "auto")
    assert (method, cost) == ("direct", 3)
    assert "3 taps" in reason


def test_columns_of_a_strided_picture_cost_more():
    weights = np.ones((1, 5, 5), dtype=int)
    factors = (np.ones((1, 5), dtype=int), np.ones((1, 5), dtype=int))
    assert choose_method(weights, factors, 1.0, "auto")[:2] == ("separable", 10)
    assert choose_method(weights, factors, 4.0, "auto")[:2] == ("direct", 25)


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


def test_a_compound_of_separable_parts_can_go_either_way(rng):
    pixels = rng.integers(0, 256, (20, 31), dtype=np.uint8)
    compound = get_kernel("farid")
    assert isinstance(compound, Compound)
    direct = correlate(pixels, compound, method="direct")
    assert_same_pixels(correlate(pixels, compound, method="separable"), direct, 1e-3)
