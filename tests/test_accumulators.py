"""Sums neither overflow nor round: the choice of a type, and the loops at its edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcli import Image, Kernel, Spec, pipeline
from convcli.engine.accumulators import Bounds, choose_accumulator

ALL = np.ones(129, dtype=np.int64)

#: Weights, sample type, accumulator, exact.
CHOICES = [
    ([1], "uint8", "int16", True),
    ([-1, 1], "uint8", "int16", True),
    ([-128], "uint8", "int16", True),  # −32640
    ([-129], "uint8", "float32", True),  # −32895
    ([128], "uint8", "int16", True),  # 32640
    ([129], "uint8", "uint16", True),  # 32895
    ([257], "uint8", "uint16", True),  # 65535
    ([258], "uint8", "float32", True),
    ([129, -1], "uint8", "float32", True),
    ([128, -128], "uint8", "int16", True),
    (ALL[:128], "uint8", "int16", True),
    (ALL, "uint8", "uint16", True),
    ([65793], "uint8", "float32", True),  # 2^24 − 1
    ([65794], "uint8", "int32", True),
    ([65793, -1], "uint8", "int32", True),  # the sizes of all products count for floats
    ([8421504], "uint8", "int32", True),  # 2^31 − 128
    ([8421505], "uint8", "float64", True),
    ([-8421504], "uint8", "int32", True),
    ([-8421505], "uint8", "float64", True),
    ([8421504, -8421504], "uint8", "int32", True),
    ([1], "uint16", "uint16", True),
    ([-1], "uint16", "float32", True),
    ([256], "uint16", "float32", True),
    ([257], "uint16", "int32", True),
    ([32768], "uint16", "int32", True),  # 2^31 − 2^15
    ([32769], "uint16", "float64", True),
    ([2**37], "uint16", "float64", True),
    ([2**38], "uint16", "float32", False),
    ([0], "uint8", "int16", True),
    ([0.5], "uint8", "float32", False),
    ([0.5], "uint16", "float32", False),
    ([1], "float32", "float32", False),
    ([0.5], "float64", "float64", False),
    ([1], "float64", "float64", False),
]


def chosen(weights, source, **options):
    """The accumulator for kernels of some weights."""
    weights, source = np.array(weights), np.dtype(source)
    return choose_accumulator(Bounds.of(weights, source), source, **options)


@pytest.mark.parametrize(("weights", "source", "name", "exact"), CHOICES)
def test_the_fastest_safe_type_is_chosen(weights, source, name, exact):
    found = chosen([weights], source)
    assert (found.dtype.name, found.exact) == (name, exact)
    assert name in found.reason


def test_double_precision_is_for_what_is_not_exact():
    assert chosen([[0.5]], "uint8", double=True).dtype == np.float64
    assert chosen([[0.5]], "float32", double=True).dtype == np.float64
    assert chosen([[3]], "uint8", double=True).dtype == np.int16


def test_the_widest_kernel_of_several_decides():
    assert chosen([[1, 0], [0, -129]], "uint8").dtype == np.float32


def test_a_choice_can_be_limited():
    only = ("int32", "float64")
    assert chosen([[1]], "uint8", among=only).dtype == np.int32
    assert chosen([[2**30]], "uint8", among=only).dtype == np.float64
    assert not chosen([[0.5]], "uint8", among=only, double=True).exact


def test_bounds_are_those_of_the_least_and_the_greatest_image():
    bounds = Bounds.of(np.array([[3, -2, 0], [1, 1, -7]]), np.dtype(np.uint8))
    assert (bounds.low, bounds.high, bounds.partial) == (-7 * 255, 3 * 255, 9 * 255)
    assert bounds.whole
    more = bounds.scaled(3, 10_000.0)
    assert (more.low, more.high, more.partial) == (-21 * 255, 9 * 255, 10_000)
    real = Bounds.of(np.array([[0.5, -0.5]]), np.dtype(np.float32))
    assert (real.low, real.high, real.whole) == (-np.inf, np.inf, False)


def sums_in(weights, samples, dtype):
    """Sums as the loops form them: products and running sums in one type."""
    total = np.zeros(1, dtype)
    with np.errstate(over="ignore"):
        for weight, sample in zip(weights.tolist(), samples, strict=True):
            product = np.array([weight]).astype(dtype) * np.array([sample]).astype(dtype)
            total = (total + product).astype(dtype)
    return total.item()


@given(
    st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=12),
    st.sampled_from(["uint8", "uint16"]),
    st.integers(0, 2**20),
    st.randoms(use_true_random=False),
)
def test_sums_at_the_extremes_are_those_of_whole_numbers(weights, source, shrink, random):
    flat = np.array([weights]) // max(1, shrink)
    found = chosen(flat, source)
    assert found.exact
    top = int(np.iinfo(source).max)
    row = flat[0]
    patterns = [
        [top if w > 0 else 0 for w in row],  # the greatest sum
        [top if w < 0 else 0 for w in row],  # the least
        [top] * len(row),
        [random.choice([0, 1, top - 1, top]) for _ in row],
    ]
    for samples in patterns:
        exact = sum(int(w) * s for w, s in zip(row, samples, strict=True))
        assert sums_in(row, samples, found.dtype) == exact
        assert abs(exact) <= found.largest


EDGES = [1, 127, 128, 129, 130, 256, 257, 258, 32768, 32769, 65793, 65794, 8421504, 8421505, 2**30]


@pytest.mark.exhaustive
@pytest.mark.parametrize("source", ["uint8", "uint16"])
def test_the_loops_sum_right_at_the_edges_of_each_type(source):
    top = int(np.iinfo(source).max)
    seen = set()
    for edge in EDGES:
        rows = ([edge], [-edge], [edge, -edge], [edge - 1, 1], [-1, 1 - edge], [1] * min(edge, 300))
        for weights in rows:
            patterns = [
                [top if w > 0 else 0 for w in weights],
                [top if w < 0 else 0 for w in weights],
                [top - (k % 2) for k in range(len(weights))],
            ]
            for samples in patterns:
                image = Image(np.array([samples], dtype=source))
                spec = Spec(padding="valid", mapping="raw", method="direct")
                _, facts = pipeline.apply(image, [Kernel("k", [weights])], spec)
                exact = sum(w * s for w, s in zip(weights, samples, strict=True))
                assert (facts.lowest, facts.highest) == (exact, exact)
                seen.add(facts.plans[0].accumulator)
    narrow = {"int16"} if source == "uint8" else set()
    assert seen == {"uint16", "float32", "int32", "float64"} | narrow
