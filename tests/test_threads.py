"""However many threads share the rows, a result has the same bits."""

from __future__ import annotations

import pytest
from asserts import assert_same_pixels
from chosen import FORCED, weights_for

from convcli import correlate

JOBS = (1, 2, 3)


@pytest.mark.parametrize("method", FORCED)
@pytest.mark.parametrize("depth", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("size", [(13, 6000), (300, 401), (9, 8001), (67, 333, 3)])
def test_threads_change_no_bit(method, depth, size, rng):
    weights = weights_for(method, (7, 7), rng)
    if method in ("direct", "fft"):
        weights = weights * (rng.random((7, 7)) < 0.5)  # zeros change the order of sums
    if depth == "uint8":
        pixels = rng.integers(0, 256, size).astype(depth)
    else:
        pixels, weights = rng.normal(size=size).astype(depth), weights / 7
    results = [correlate(pixels, weights, method=method, jobs=jobs) for jobs in JOBS]
    for other in results[1:]:
        assert_same_pixels(other, results[0])


def test_threads_change_no_bit_of_large_tiles(rng):
    pixels, weights = rng.normal(size=(700, 900)), rng.normal(size=(31, 31))
    results = [correlate(pixels, weights, method="fft", jobs=jobs) for jobs in JOBS]
    for other in results[1:]:
        assert_same_pixels(other, results[0])
