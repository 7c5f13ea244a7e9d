"""The references themselves: the oracle by hand and by SciPy, the comparison on purpose."""

from __future__ import annotations

from fractions import Fraction
from math import inf, nan

import numpy as np
import oracle
import pytest
from asserts import assert_same_pixels

FIVE = [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
CROSS = [[1, 0, 1], [0, 1, 0], [1, 0, 1]]


def test_the_example_that_is_taught():
    assert oracle.correlate(FIVE, CROSS) == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


def test_worked_by_hand():
    pixels, weights = [[1, 2, 3], [4, 5, 6]], [[1, 10]]
    assert oracle.correlate(pixels, weights) == [[21, 32], [54, 65]]
    assert oracle.correlate(pixels, weights, flip=True) == [[12, 23], [45, 56]]
    assert oracle.correlate(pixels, weights, stride=(2, 2)) == [[21]]
    assert oracle.correlate(pixels, weights, dilation=(1, 2)) == [[31], [64]]
    assert oracle.correlate(pixels, [[1]], padding=((1, 0), (0, 2)), border="constant", fill=9) == [
        [9, 9, 9, 9, 9],
        [1, 2, 3, 9, 9],
        [4, 5, 6, 9, 9],
    ]


@pytest.mark.parametrize(
    ("border", "row"),
    [
        ("replicate", [1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3]),
        ("reflect", [1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3]),
        ("symmetric", [3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1]),
        ("wrap", [3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1]),
        ("zero", [0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0]),
    ],
)
def test_borders_by_hand(border, row):
    pixels = [1, 2, 3]
    places = [oracle.lookup(i, 3, border) for i in range(-4, 7)]
    assert [0 if place is None else pixels[place] for place in places] == row


def test_fractions_stay_exact():
    third = Fraction(1, 3)
    assert oracle.correlate([[third] * 3] * 3, [[third] * 3] * 3) == [[1]]
    assert oracle.correlate([[2**70]], [[3]]) == [[3 * 2**70]]


@pytest.mark.parametrize("flip", [False, True])
def test_oracle_is_scipy(rng, flip):
    signal = pytest.importorskip("scipy.signal")
    slide = signal.convolve2d if flip else signal.correlate2d
    for _ in range(20):
        pixels = rng.integers(0, 256, rng.integers(3, 9, 2))
        weights = rng.integers(-9, 10, rng.integers(1, 4, 2))
        expected = slide(pixels, weights, mode="valid")
        assert_same_pixels(oracle.correlate(pixels, weights, flip=flip), expected)


def test_channels_are_treated_alike(rng):
    pixels = rng.integers(0, 256, (4, 5, 3))
    weights = rng.integers(-3, 4, (2, 2))
    got = np.array(oracle.correlate(pixels, weights))
    assert got.shape == (3, 4, 3)
    for c in range(3):
        assert_same_pixels(got[..., c], oracle.correlate(pixels[..., c], weights))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.peers("torch")
def test_banks_are_pytorch_conv2d(rng, groups):
    import torch

    pixels = rng.integers(0, 256, (6, 7, 4))
    bank = rng.integers(-9, 10, (6, 4 // groups, 3, 2))
    bias = rng.integers(-9, 10, 6)
    got = oracle.correlate_bank(
        pixels, bank, groups=groups, bias=bias, stride=(2, 1), dilation=(1, 2),
        padding=((1, 1), (2, 2)), border="zero",
    )  # fmt: skip
    made = torch.nn.functional.conv2d(
        torch.tensor(pixels.transpose(2, 0, 1)[None], dtype=torch.float64),
        torch.tensor(bank, dtype=torch.float64),
        torch.tensor(bias, dtype=torch.float64),
        stride=(2, 1),
        dilation=(1, 2),
        padding=(1, 2),
        groups=groups,
    )
    assert_same_pixels(got, made[0].numpy().transpose(1, 2, 0))


def test_one_filter_is_a_kernel_set_of_one(rng):
    pixels, weights = rng.integers(0, 9, (4, 4, 3)), rng.integers(-3, 4, (3, 2, 2))
    one = np.array(oracle.correlate_filter(pixels, weights))
    assert_same_pixels(one[..., None], oracle.correlate_bank(pixels, weights[None]))


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        (Fraction(1, 2), 1),
        (Fraction(-1, 2), -1),
        (Fraction(5, 2), 3),
        (Fraction(-5, 2), -3),
        (Fraction(1, 3), 0),
        (Fraction(-1, 3), 0),
        (0.49999999999999994, 0),  # adding 0.5 in floating point makes it 1
        (7, 7),
        (-7, -7),
        (2**60 + 1, 2**60 + 1),
    ],
)
def test_halves_go_away_from_zero(value, whole):
    assert oracle.round_half_away(value) == whole


@pytest.mark.parametrize(
    ("response", "clip", "absolute", "offset"),
    [
        (-300, 0, 255, 0),
        (-1, 0, 1, 127),
        (Fraction(-1, 2), 0, 1, 127),
        (Fraction(1, 2), 1, 1, 129),
        (0, 0, 0, 128),
        (100, 100, 100, 228),
        (127, 127, 127, 255),
        (300, 255, 255, 255),
    ],
)
def test_mappings_round_first(response, clip, absolute, offset):
    assert oracle.mapped(response, "clip", 255) == clip
    assert oracle.mapped(response, "abs", 255) == absolute
    assert oracle.mapped(response, "offset", 255) == offset


def test_words_the_oracle_does_not_know():
    with pytest.raises(ValueError, match="no border 'mirror'"):
        oracle.lookup(-1, 3, "mirror")
    with pytest.raises(ValueError, match="no mapping 'normalise'"):
        oracle.mapped(0, "normalise", 255)


@pytest.mark.parametrize(
    ("actual", "expected", "tolerance"),
    [
        ([[1, 2]], [[1, 2]], 0),
        ([[1, 2]], [[1.5, 2]], 0.5),
        ([[Fraction(1, 2)]], [[0.5]], 0),
        ([[nan, inf]], [[nan, inf]], 0),
        (np.uint8([[0]]), [[1]], 1),
        ([[True]], [[1]], 0),
    ],
)
def test_same_pixels_pass(actual, expected, tolerance):
    assert_same_pixels(actual, expected, tolerance)


@pytest.mark.parametrize(
    ("actual", "expected", "tolerance", "message"),
    [
        ([[1, 2]], [[1], [2]], 0, r"actual \(1, 2\), expected \(2, 1\)"),
        (
            [[1, 2]],
            [[1, 4]],
            1,
            r"1 of 2 samples .* more than 1; .* is 2\n  \[0, 1\] actual 2, ",
        ),
        (np.uint8([[0]]), [[255]], 254, r"difference -255"),
        ([[nan]], [[1]], 5, r"actual nan, expected 1"),
        ([[inf]], [[-inf]], 5, r"actual inf, expected -inf"),
        ([[2**62 + 1]], [[2**62]], 0, r"difference \+1"),
        ([[0] * 30], [[1] * 30], 0, r"… and 20 more"),
    ],
)
def test_other_pixels_fail_and_are_named(actual, expected, tolerance, message):
    with pytest.raises(AssertionError, match=message):
        assert_same_pixels(actual, expected, tolerance)
