"""A kernel by itself: what its constructor refuses, and the facts told of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from convcli.errors import KernelError
from convcli.kernels import Combine, Compound, Kernel, Kind, Symmetry, get_kernel, names
from convcli.pipeline.responses import Target, response_range
from convcli.spec import Mapping

whole = hnp.arrays(
    np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.integers(-9, 9)
)


@pytest.mark.parametrize(
    "weights",
    [
        [],
        [[]],
        [1, 2, 3],
        [[[1]]],
        [[1, 2], [3]],
        [["a"]],
        [[float("nan")]],
        [[1, float("inf")]],
        [[10**400]],
        None,
    ],
)
def test_weights_that_are_no_matrix_are_refused(weights):
    with pytest.raises(KernelError, match="kernel 'bad'"):
        Kernel("bad", weights)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"divisor": 0}, "divisor 0; expected any other number"),
        ({"divisor": float("nan")}, "divisor must be a finite number"),
        ({"offset": float("inf")}, "offset must be a finite number"),
    ],
)
def test_divisor_and_offset_are_checked(facts, message):
    with pytest.raises(KernelError, match=message):
        Kernel("bad", [[1]], **facts)


def test_response_range():
    target = Target(np.dtype(np.uint8), Mapping.RAW, 255)
    assert response_range(get_kernel("sobel-x"), target) == (-1020, 1020)
    assert response_range(get_kernel("emboss-lode"), target) == (-637, 893)
    assert response_range(get_kernel("box3"), target) == pytest.approx((0, 255))


def test_whole_weights_stay_whole_and_can_not_be_changed():
    kernel = Kernel("k", [[1.0, 2.0], [3.0, 4.0]], 16.0)
    assert kernel.weights.dtype == np.int64
    assert kernel.divisor == 16
    assert isinstance(kernel.divisor, int)
    assert kernel.is_integer
    with pytest.raises(ValueError, match="read-only"):
        kernel.weights[0, 0] = 9


def test_the_caller_s_array_is_copied():
    weights = np.ones((3, 3))
    kernel = Kernel("k", weights)
    weights[0, 0] = 7
    assert kernel.weights[0, 0] == 1


@pytest.mark.parametrize(
    ("weights", "facts", "exact"),
    [
        ([[1, 2]], {}, True),
        ([[1, 2.5]], {}, False),
        ([[1, 2]], {"divisor": 2.5}, False),
        ([[1, 2]], {"divisor": 2, "offset": 0.5}, True),
        ([[1, 2]], {"divisor": 3, "offset": 0.5}, False),
    ],
)
def test_integer_kernels_are_told_apart(weights, facts, exact):
    assert Kernel("k", weights, **facts).is_integer is exact


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("box3", Kind.SMOOTHING),
        ("gaussian5", Kind.SMOOTHING),
        ("identity", Kind.SMOOTHING),
        ("sharpen", Kind.SHARPENING),
        ("unsharp5", Kind.SHARPENING),
        ("sobel-x", Kind.ZERO_SUM),
        ("laplacian", Kind.ZERO_SUM),
        ("emboss", Kind.SHARPENING),
    ],
)
def test_kind(name, kind):
    assert get_kernel(name).kind is kind


@pytest.mark.parametrize(
    ("name", "mapping"),
    [("sobel-x", "abs"), ("emboss-lode", "clip"), ("box3", "clip"), ("find-edges", "clip")],
)
def test_default_mapping(name, mapping):
    assert get_kernel(name).default_mapping == mapping


@pytest.mark.parametrize(
    ("name", "gain"),
    [
        ("sobel-x", (8, 0)),
        ("sobel-y", (0, 8)),
        ("sobel-d1", (6, 6)),
        ("roberts-a", (-1, -1)),
        ("diff-x", (1, 0)),
        ("kirsch-ne", (16, -16)),
        ("box3", (0, 0)),
        ("scharr-opt-x", (1, 0)),
    ],
)
def test_gain_on_a_ramp(name, gain):
    assert get_kernel(name).gain == pytest.approx(gain)


@pytest.mark.parametrize(
    ("name", "symmetry", "rank"),
    [
        ("gaussian5", Symmetry.EVEN, 1),
        ("sobel-x", Symmetry.ODD, 1),
        ("emboss", Symmetry.NONE, 3),
        ("gaussian5-s1", Symmetry.EVEN, 3),
        ("motion9", Symmetry.EVEN, 9),
        ("nevatia-babu-30", Symmetry.ODD, 4),
        ("freichen-w1", Symmetry.ODD, 1),
        ("log9", Symmetry.EVEN, 5),
    ],
)
def test_symmetry_and_rank(name, symmetry, rank):
    kernel = get_kernel(name)
    assert kernel.symmetry is symmetry
    assert kernel.rank == rank


@given(whole)
@settings(deadline=None)
def test_rank_is_that_of_the_matrix(weights):
    assert Kernel("k", weights).rank == np.linalg.matrix_rank(weights)


@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=5),
    st.lists(st.integers(-9, 9), min_size=1, max_size=5),
)
@settings(deadline=None)
def test_factors_multiply_back_exactly(column, row):
    weights = np.outer(column, row)
    kernel = Kernel("k", weights)
    if not weights.any():
        assert kernel.factors is None
        return
    down, across = kernel.factors
    assert np.array_equal(np.outer(down, across), weights)
    assert down.dtype == across.dtype == np.int64


def test_factors_of_floats():
    kernel = get_kernel("gaussian:sigma=2")
    column, row = kernel.factors
    np.testing.assert_allclose(np.outer(column, row), kernel.weights, rtol=1e-12, atol=0)


def test_no_factors_above_rank_one():
    assert get_kernel("sharpen").factors is None


@given(whole)
@settings(deadline=None)
def test_two_flips_are_none(weights):
    kernel = Kernel("k", weights)
    flipped = Kernel("k", kernel.weights[::-1, ::-1])
    assert flipped.symmetry is kernel.symmetry
    assert np.array_equal(flipped.weights[::-1, ::-1], kernel.weights)


def test_a_sum_that_is_zero_but_for_rounding_is_zero():
    assert Kernel("k", [[0.1, 0.2, -0.3]]).sum == 0
    assert Kernel("k", [[1, 1, 1]], 3).sum == 1
    assert Kernel("k", [[0.5, 0.4]]).sum == pytest.approx(0.9)


def test_a_compound_needs_parts_of_one_size():
    with pytest.raises(KernelError, match="kernels of one size"):
        Compound("c", (Kernel("a", [[1]]), Kernel("b", [[1, 2]])), Combine.MAX)
    with pytest.raises(KernelError, match="kernels of one size"):
        Compound("c", (), Combine.MAX)


def test_facts_of_a_compound():
    sobel = get_kernel("sobel")
    assert sobel.shape == (3, 3)
    assert sobel.kind is Kind.ZERO_SUM
    assert sobel.default_mapping == "clip"
    assert [part.name for part in sobel.parts] == ["sobel-x", "sobel-y"]


def test_the_kind_of_a_compound_is_that_of_its_parts():
    known = [kernel for kernel in map(get_kernel, names()) if isinstance(kernel, Compound)]
    assert {kernel.kind for kernel in known} == {Kind.ZERO_SUM}
    blurs = [get_kernel(name) for name in ("box3", "gaussian3")]
    assert Compound("c", tuple(blurs), Combine.MAX).kind is Kind.SMOOTHING
    assert Compound("c", (*blurs, get_kernel("sobel-x")), Combine.MAX).kind is Kind.MIXED


def test_the_kind_is_told_from_all_frequencies(rng):
    """Some kernels' is told from a few of them, or from the weights alone."""
    found = set()
    for _ in range(500):
        weights = rng.integers(-3, 6, rng.integers(1, 6, 2))
        kernel = Kernel("k", weights)
        size = [max(64, 2 * taps) for taps in weights.shape]
        greatest = np.abs(np.fft.rfft2(weights, s=size)).max()
        expected = Kind.SHARPENING if greatest > abs(weights.sum()) * (1 + 1e-9) else Kind.SMOOTHING
        if weights.sum() == 0:
            expected = Kind.ZERO_SUM
        assert kernel.kind is expected, weights
        found.add(expected)
    assert len(found) == 3
