"""Running sums: a box of any size costs the same, and gives what adding every tap gives."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import reference
from asserts import assert_same_pixels
from marks import exhaustive_but

from convcli import Image, Kernel, Spec, correlate, pipeline

EXTENTS = [(1, 1), (1, 2), (2, 1), (1, 31), (31, 1), (3, 3), (4, 7), (40, 2), (2, 40), (33, 35)]


@pytest.mark.exhaustive
@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], ["uint8", "uint16"]))
@pytest.mark.parametrize("weight", [1, -3])
def test_every_extent_and_step(depth, weight, rng):
    top = np.iinfo(depth).max
    for k, (taps, stride) in enumerate(product(EXTENTS, (1, 2, 3, 50))):
        channels = (1, 3, 4, 2, 5)[k % 5]
        pixels = rng.integers(0, top, (37, 23, channels), dtype=depth, endpoint=True)
        weights = np.full(taps, weight)
        how = {"stride": (stride, 1), "border": "reflect"}
        expected = reference.correlate(pixels, weights, **how)
        found = correlate(pixels, weights, method="box", **how)
        assert_same_pixels(found, expected.astype(np.float32))


@pytest.mark.parametrize("channels", [16, 17, 33, 70])
@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], ["uint8", "uint16", "float64"]))
def test_more_channels_than_a_block_has_samples(channels, depth, rng):
    weights = np.ones((3, 2), int)
    pixels = rng.integers(0, 200, (9, 8, channels)).astype(depth)
    expected = reference.correlate(pixels, weights)
    assert_same_pixels(correlate(pixels, weights, method="box"), expected, 1e-12)


def test_all_white_and_the_largest_box():
    for depth in ("uint8", "uint16"):
        top = int(np.iinfo(depth).max)
        pixels = np.full((301, 311), top, depth)
        taps = (255, 257)
        found = correlate(pixels, np.ones(taps, int), method="box", padding="valid")
        assert_same_pixels(found, np.full((47, 55), np.float32(top * taps[0] * taps[1])))


@pytest.mark.parametrize("depth", ["float32", "float64"])
def test_floats_lose_nothing_along_a_long_row(depth, rng):
    # What was added must be taken away exactly enough: bright ends first, then almost nothing.
    pixels = rng.random((12, 5000)).astype(depth) * 1e-3
    pixels[:, :40] = 10
    expected = reference.correlate(pixels, np.full((3, 9), 1 / 27))
    found = correlate(pixels, np.full((3, 9), 1 / 27), method="box")
    assert_same_pixels(found[:, 50:], expected[:, 50:], 1e-9 if depth == "float32" else 1e-14)
    assert_same_pixels(found, expected, 1e-5 if depth == "float32" else 1e-12)


def test_the_plan_counts_one_multiplication(rng):
    pixels = rng.integers(0, 256, (90, 90)).astype(np.uint8)
    spec = Spec(method="box")
    _, facts = pipeline.apply(Image(pixels), [Kernel("k", np.ones((31, 31)), divisor=961)], spec)
    (plan,) = facts.plans
    assert (plan.method, plan.taps, plan.exact) == ("box", 1, True)
    assert plan.reason.startswith("box: ")
