"""NaN, infinities and huge samples reach those outputs only whose windows see them."""

from __future__ import annotations

import numpy as np
import pytest
from asserts import assert_same_pixels
from chosen import weights_for
from marks import exhaustive_but

from convcli import Compound, Kernel, KernelError, UsageError, correlate
from convcli.kernels.kernel import Combine

GAPS = {
    "3×3": np.array([[1.5, 0, -2], [0, 0, 0.5], [1, 1, 0]]),
    "gaussian": "gaussian:sigma=4",
    "log": "log:sigma=3",
    "box31": np.full((31, 31), 1 / 961),
    "dense": "dense",
    "farid": "farid",
    "sobel": "sobel",
    "sparse": "sparse",
}


def gap_kernel(name, rng):
    """A kernel by its name in `GAPS`."""
    kernel = GAPS[name]
    if name in ("dense", "sparse"):
        weights = rng.normal(size=(41, 41))
        return weights if name == "dense" else weights * (rng.random((41, 41)) < 0.3)
    return kernel


@pytest.mark.parametrize("depth", ["float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", GAPS)
def test_what_is_not_finite_reaches_only_those_who_see_it(name, value, depth, rng):
    pixels = rng.random((150, 140)).astype(depth)
    pixels[70, 60] = pixels[2, 139] = value
    kernel = gap_kernel(name, rng)
    found = correlate(pixels, kernel)
    direct = correlate(pixels, kernel, method="direct")
    assert np.isnan(found).sum() == np.isnan(direct).sum()
    assert_same_pixels(np.isnan(found), np.isnan(direct))
    assert_same_pixels(found == np.inf, direct == np.inf)
    assert_same_pixels(found == -np.inf, direct == -np.inf)
    finite = np.isfinite(direct)
    assert finite.mean() > 0.5
    assert_same_pixels(found[finite], direct[finite], 1e-5 * np.abs(direct[finite]).max())


@pytest.mark.parametrize("name", ["box31", "dense", "gaussian", "log", "3×3"])
@pytest.mark.parametrize("depth", ["float32", "float64"])
def test_a_huge_sample_reaches_only_those_who_see_it(name, depth, rng):
    # Such as the number that stands for "no data" in a map.
    pixels = rng.random((150, 140)).astype(depth)
    kernel = gap_kernel(name, rng)
    calm = correlate(pixels, kernel, method="direct")
    pixels[70, 60] = -1e36
    found = correlate(pixels, kernel)
    direct = correlate(pixels, kernel, method="direct")
    unseen = direct == calm
    assert 0.8 < unseen.mean() < 1
    assert_same_pixels(found[unseen], calm[unseen], 1e-5 * np.abs(calm).max())


@pytest.mark.parametrize("method", ["box", "fft", "lowrank"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e36])
def test_methods_that_spread_what_is_not_finite_are_refused(method, value, rng):
    pixels = rng.random((40, 50, 3)).astype(np.float32)
    pixels[20, 20, 1] = value
    weights = weights_for(method, (7, 7), rng) / 7.0
    with pytest.raises(UsageError, match=method) as caught:
        correlate(pixels, weights, method=method)
    assert "\n" not in str(caught.value)
    assert "finite" in str(caught.value) or "NaN" in str(caught.value)


@pytest.mark.parametrize("name", ["box31", "dense"])
def test_a_huge_fill_value_reaches_only_the_edges(name, rng):
    pixels = rng.random((150, 140))
    kernel = gap_kernel(name, rng)
    calm = correlate(pixels, kernel, method="direct", border="zero")
    found = correlate(pixels, kernel, border="constant", fill=1e36)
    inside = (slice(20, 130), slice(20, 120))
    assert_same_pixels(found[inside], calm[inside], 1e-9 * np.abs(calm).max())


@pytest.mark.parametrize(
    "combine",
    exhaustive_but(["magnitude"], [c for c in Combine if c not in ("direction", "share")]),
)
def test_compounds_of_one_part(combine):
    pixels = np.ones((8, 8), np.float32)
    pixels[3, 3] = np.inf
    kernel = Kernel("a", np.outer([1, 2, 1], [1, 2, 1]))
    result = correlate(pixels, Compound("c", (kernel,), combine), jobs=1)
    assert np.isinf(result[2:5, 2:5]).all()
    assert np.isfinite(result[6:]).all()


def test_a_direction_has_two_parts():
    with pytest.raises(KernelError, match="direction needs 2 parts"):
        Compound("c", (Kernel("a", [[1]]),), Combine.DIRECTION)
