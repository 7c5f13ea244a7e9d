"""Loops that are compiled for their number of taps, which give what all others give."""

from __future__ import annotations

import numpy as np
import pytest
from marks import exhaustive_but

from convcli import api, correlate
from convcli.engine import bands, native
from convcli.engine.prepared import _plan_for
from convcli.engine.strips import Strips
from convcli.pipeline import arrays

KERNELS = [
    "sobel-x",
    "laplacian",
    "sharpen",
    "gaussian:sigma=0.5,size=3",
    "gaussian:sigma=1,size=7",
    "gaussian:sigma=1.2,size=9",
    "gaussian:sigma=3,size=19",
    "1 2 3 4; 5 6 7 8",
    "emboss",
]
KINDS = [("uint8", "clip"), ("uint8", "raw"), ("uint16", "clip"), ("float32", "raw")]


def _forget():
    for cached in (api._ready, arrays.step_of, _plan_for):
        cached.cache_clear()


@pytest.fixture
def asked(monkeypatch):
    """The numbers that loops are compiled for, of every loop that is asked for."""
    seen = []
    load = native.load

    def noting(name, functions, samples, fixed=()):
        seen.append(fixed)
        return load(name, functions, samples, fixed)

    monkeypatch.setattr(native, "load", noting)
    _forget()
    yield seen
    _forget()


@pytest.mark.parametrize(("dtype", "mapping"), exhaustive_but([("uint8", "clip")], KINDS))
@pytest.mark.parametrize("name", KERNELS)
def test_the_same_bits(name, dtype, mapping, asked, rng, monkeypatch):
    pixels = (rng.random((37, 150)) * 255).astype(dtype)
    expected = correlate(pixels, name, mapping=mapping)
    assert asked == [()]
    monkeypatch.setattr(bands, "_LARGE", 0)
    _forget()
    actual = correlate(pixels, name, mapping=mapping)
    assert len(asked) == 2
    assert asked[1] != ()
    assert np.array_equal(actual, expected)


def test_large_images_and_few_taps_only(asked):
    large = np.zeros((1024, 1024), np.uint8)
    for name, fixed in (
        ("gaussian:sigma=1,size=7", (1, 1, 7, 8, 7)),
        ("gaussian:sigma=5,size=41", ()),
        ("laplacian", (1, 3, 5, 8, 0)),
    ):
        asked.clear()
        correlate(large, name, mapping="clip")
        correlate(large[:512], name, mapping="clip")
        assert asked == [fixed, ()]


def test_watched_sums_ask_for_none(asked, rng):
    from convcli import Image, apply

    apply(Image(rng.integers(0, 256, (1024, 1024)).astype(np.uint8)), "gaussian5")
    assert asked == [()]


@pytest.mark.parametrize("name", ["sobel-x", "gaussian:sigma=1,size=7", "log:sigma=1", "box3"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_strips_parts_and_threads_change_nothing(name, dtype, asked, rng, monkeypatch):
    pixels = rng.integers(0, 256, (61, 423)).astype(dtype)
    expected = correlate(pixels, name, mapping="clip", jobs=1)
    monkeypatch.setattr("convcli.engine.thread_pool._SMALL", 0)
    for rows, part in ((1, 128), (2, 256), (4, 384), (16, 500), (1000, 192)):
        strips = Strips(rows, part)
        monkeypatch.setattr("convcli.engine.prepared.cut", lambda *_, strips=strips: strips)
        for jobs in (1, 2, 5):
            _forget()
            assert np.array_equal(correlate(pixels, name, mapping="clip", jobs=jobs), expected)


@pytest.mark.parametrize("width", [*range(1, 12), *range(30, 36), *range(62, 68), *range(94, 100)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_every_width_around_blocks(width, dtype, rng):
    """Rows end in a block that overlaps the one before; what is beyond them stays as it is."""
    pixels = rng.integers(0, 256, (9, width)).astype(dtype)
    column, row = np.array([1.0, 2.5, 1.25]), np.array([0.5, 1.0, 0.25])
    for weights in (np.outer(column, row), np.outer(column, row) + np.eye(3) * 0.25):
        padded = np.pad(pixels.astype(float), 1, mode="edge")
        expected = sum(
            weights[i, j] * padded[i : i + 9, j : j + width] for i in range(3) for j in range(3)
        )
        assert np.allclose(correlate(pixels, weights), expected, rtol=1e-6, atol=1e-3)
