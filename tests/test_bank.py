"""Filters over channels, and banks of them: against the definition, and against PyTorch."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from asserts import assert_same_pixels
from marks import exhaustive_but

from convcli import GeometryError, KernelError, UsageError, correlate

#: Filters, channels of the image, groups, rows and columns of a filter.
BANKS = [
    (1, 1, 1, 1, 1),
    (1, 3, 1, 3, 3),
    (4, 3, 1, 3, 3),
    (5, 2, 1, 2, 4),
    (4, 4, 2, 3, 2),
    (6, 4, 2, 1, 3),
    (3, 3, 3, 3, 3),  # depthwise
    (6, 3, 3, 2, 2),  # depthwise, two maps a channel
    (2, 8, 1, 3, 3),
]
IDS = ["x".join(map(str, bank)) for bank in BANKS]
SIDES = ((1, 2), (0, 3))


def make(rng, bank, dtype="uint8", size=(6, 7)):
    """An image and a bank of small whole weights."""
    count, channels, groups, rows, cols = bank
    pixels = rng.integers(0, 256, (*size, channels)).astype(dtype)
    return pixels, rng.integers(-5, 6, (count, channels // groups, rows, cols))


@pytest.mark.parametrize("bank", BANKS, ids=IDS)
@pytest.mark.parametrize("border", ["zero", "reflect", "wrap"])
def test_every_bank_is_the_oracle(bank, border, rng):
    pixels, weights = make(rng, bank)
    bias = rng.integers(-300, 300, bank[0])
    for stride, dilation, flip in (((1, 1), (1, 1), False), ((2, 3), (1, 2), True)):
        options = {"stride": stride, "dilation": dilation, "border": border, "flip": flip}
        expected = oracle.correlate_bank(
            pixels, weights, groups=bank[2], bias=bias, padding=SIDES, **options
        )
        actual = correlate(pixels, weights, groups=bank[2], bias=bias, padding=SIDES, **options)
        assert actual.dtype == np.float32
        assert_same_pixels(actual, expected)


def test_three_axes_give_one_map(rng):
    pixels, weights = make(rng, (1, 3, 1, 3, 4))
    expected = oracle.correlate_filter(pixels, weights[0], padding=SIDES)
    actual = correlate(pixels, weights[0], padding=SIDES)
    assert actual.shape == np.shape(expected)
    assert_same_pixels(actual, expected)
    shifted = correlate(pixels, weights[0], padding=SIDES, bias=-2.5)
    assert_same_pixels(shifted, np.asarray(expected) - 2.5)


def test_an_image_without_a_channel_axis_is_one_channel(rng):
    pixels, weights = make(rng, (2, 1, 1, 3, 3))
    assert_same_pixels(correlate(pixels[:, :, 0], weights), correlate(pixels, weights))
    single = correlate(pixels[:, :, 0], weights[0])
    assert_same_pixels(single, correlate(pixels[:, :, 0], weights[0, 0]))


def test_equal_filters_over_one_channel_each_are_a_kernel(rng):
    pixels, weights = make(rng, (1, 1, 1, 3, 5))
    colour = np.dstack([pixels, pixels[::-1], pixels[:, ::-1]])
    bank = np.repeat(weights, 3, axis=0)
    assert_same_pixels(correlate(colour, bank, groups=3), correlate(colour, weights[0, 0]))


@pytest.mark.parametrize("dtype", exhaustive_but(["float32"], ["uint16", "float32", "float64"]))
def test_other_sample_types(dtype, rng):
    pixels, weights = make(rng, (2, 3, 1, 3, 3), dtype)
    expected = oracle.correlate_bank(pixels.astype(int), weights, padding=((1, 1), (1, 1)))
    actual = correlate(pixels, weights, border="replicate")
    assert actual.dtype == (np.float64 if dtype == "float64" else np.float32)
    assert_same_pixels(actual, expected)


def test_real_filters_to_single_precision(rng):
    pixels, _ = make(rng, (3, 4, 2, 3, 3), "float32")
    weights = rng.normal(size=(4, 2, 3, 3))
    expected = oracle.correlate_bank(pixels, weights, groups=2, padding=((1, 1), (1, 1)))
    tolerance = 1e-6 * 255 * np.abs(weights).sum(axis=(1, 2, 3)).max()
    assert_same_pixels(correlate(pixels, weights, groups=2), expected, tolerance)


def test_levels_are_rounded_after_the_bias(rng):
    pixels, weights = make(rng, (3, 2, 1, 3, 3))
    bias = [0.5, -1.5, 200]
    raw = oracle.correlate_bank(
        pixels, weights, bias=[oracle.Fraction(b) for b in bias], padding=((1, 1), (1, 1))
    )
    for mapping in ("clip", "abs", "offset"):
        expected = [[[oracle.mapped(v, mapping, 255) for v in at] for at in row] for row in raw]
        actual = correlate(pixels, weights, bias=bias, mapping=mapping)
        assert actual.dtype == np.uint8
        assert_same_pixels(actual, expected)


def test_threads_change_nothing(rng, monkeypatch):
    monkeypatch.setattr("convcli.engine.thread_pool._SMALL", 0)
    pixels, weights = make(rng, (3, 3, 1, 3, 3), size=(40, 31))
    one = correlate(pixels, weights, jobs=1)
    for jobs in (2, 5):
        assert_same_pixels(correlate(pixels, weights, jobs=jobs), one)


@pytest.mark.parametrize(
    ("bank", "step"),
    [
        ((4, 3, 1, 3, 3), (1, 1, 1)),
        ((6, 4, 2, 5, 5), (2, 1, 2)),
        ((3, 3, 3, 3, 3), (1, 2, 2)),
        ((8, 4, 4, 2, 2), (3, 1, 0)),
        ((2, 2, 1, 1, 7), (1, 3, 9)),
    ],
)
@pytest.mark.peers("torch")
def test_against_torch(bank, step, rng):
    import torch

    stride, dilation, padding = step
    pixels, weights = make(rng, bank, size=(23, 29))
    bias = rng.integers(-9, 10, bank[0])
    expected = torch.nn.functional.conv2d(
        torch.tensor(pixels.astype(np.float64).transpose(2, 0, 1))[None],
        torch.tensor(weights.astype(np.float64)),
        torch.tensor(bias.astype(np.float64)),
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=bank[2],
    )[0]
    actual = correlate(
        pixels,
        weights,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=bank[2],
        bias=bias,
        border="zero",
    )
    assert_same_pixels(actual, expected.numpy().transpose(1, 2, 0))


@pytest.mark.parametrize(
    ("pixels", "weights", "options", "error"),
    [
        ((5, 5, 3), (2, 2, 3, 3), {}, UsageError),
        ((5, 5), (2, 3, 3), {}, UsageError),
        ((5, 5, 4), (3, 2, 3, 3), {"groups": 2}, UsageError),
        ((5, 5, 4), (4, 4, 3, 3), {"groups": 2}, UsageError),
        ((5, 5, 4), (4, 4, 3, 3), {"groups": 0}, UsageError),
        ((5, 5, 4), (4, 4, 3, 3), {"groups": -1}, UsageError),
        ((5, 5, 4), (1, 1, 4, 4, 3), {}, KernelError),
        ((5, 5, 4), (0, 4, 3, 3), {}, KernelError),
        ((5, 5, 4), (3, 4, 0, 3), {}, KernelError),
        ((5, 5, 4), (3, 4, 3, 3), {"bias": [1, 2]}, UsageError),
        ((5, 5, 4), (3, 4, 3, 3), {"bias": [1, 2, np.inf]}, UsageError),
        ((5, 5, 4), (3, 4, 3, 3), {"bias": "much"}, UsageError),
        ((5, 5, 4), (3, 4, 6, 3), {"padding": "valid"}, GeometryError),
    ],
)
def test_shapes_that_do_not_fit(pixels, weights, options, error):
    with pytest.raises(error) as caught:
        correlate(np.ones(pixels), np.ones(weights), **options)
    assert "\n" not in str(caught.value)


def test_a_weight_that_is_no_number_is_refused():
    with pytest.raises(KernelError, match="finite"):
        correlate(np.ones((5, 5, 1)), np.full((1, 1, 2, 2), np.nan))
