"""Products of spectra: whole sums to the bit, whatever the tiles, the packing and the image."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import reference
from asserts import assert_same_pixels
from chosen import sums_type
from hypothesis import given, settings
from hypothesis import strategies as st
from marks import exhaustive_but

import convcli
from convcli import correlate
from convcli.borders import Border
from convcli.engine import tiling
from convcli.engine.passes import KernelSet
from convcli.engine.spectra import SIZES, factors, packing, reversed_digits, turns
from convcli.engine.strips import lay_out
from convcli.engine.tiling import best_tiling
from convcli.geometry import plan_geometry
from convcli.image.image import Image
from convcli.spec import Method, Spec

UINT8 = np.dtype(np.uint8)
DEPTHS = ["uint8", "uint16"]


@pytest.fixture
def only(monkeypatch):
    """Return what makes one size of tiles the only one."""
    return lambda size: monkeypatch.setattr(tiling, "SIZES", (size,))


def same_as_direct(pixels, weights, **how):
    how |= {"dtype": sums_type(weights, pixels.dtype)}
    direct = correlate(pixels, weights, method="direct", **how)
    assert_same_pixels(correlate(pixels, weights, method="fft", **how), direct)


#: Output samples of a 64-tile are 64 − 8 = 56 along each axis for nine taps.
EDGE = 56


@pytest.mark.parametrize("border", ["replicate", "constant", "wrap"])
def test_images_around_whole_tiles(border, only, rng):
    only(64)
    weights = rng.integers(-9, 10, (9, 9))
    sizes = [EDGE - 1, EDGE, EDGE + 1, 2 * EDGE - 1, 2 * EDGE, 2 * EDGE + 1, 5 * EDGE + 3]
    fill = 99 * (border == "constant")
    for height, width in product(sizes, repeat=2):
        pixels = rng.integers(0, 256, (height, width)).astype(np.uint8)
        expected = reference.correlate(pixels, weights, border=border, fill=fill)
        found = correlate(pixels, weights, method="fft", border=border, fill=fill, jobs=1)
        assert_same_pixels(found, expected.astype(np.float32))


@pytest.mark.parametrize("channels", [2, 3, 4, 5])
@pytest.mark.parametrize("depth", [*DEPTHS, "float32"])
def test_sets_that_are_not_full(channels, depth, only, rng):
    only(64)
    weights = rng.integers(-9, 10, (8, 10))
    for size in ((40, 60), (57, 170), (230, 58), (180, 180)):
        pixels = rng.integers(0, 256, (*size, channels)).astype(depth)
        expected = reference.correlate(pixels, weights, border="reflect")
        for jobs in (1, 3):
            found = correlate(pixels, weights, method="fft", border="reflect", jobs=jobs)
            assert_same_pixels(found, expected, 0 if depth in DEPTHS else 0.1)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["sobel", "kirsch", "frei-chen"])
def test_groups_of_several_kernels(name, only, rng):
    only(64)
    image = Image(rng.integers(0, 256, (150, 330, 3)).astype(np.uint8), "RGB")
    direct, fft = (
        convcli.apply(image, name, Spec(method=method)).pixels
        for method in (Method.DIRECT, Method.FFT)
    )
    # Sums are whole, but for Frei and Chen's.
    assert_same_pixels(fft, direct, 1 if name == "frei-chen" else 0)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(3000, 4000), (512, 512), (64, 9000), (700, 30)])
def test_groups_are_full_and_need_little_memory(size, channels):
    for taps, kernels in product((9, 31, 63, 127, 201, 301), (1, 4, 40)):
        weights = np.ones((kernels, taps, taps)) / 3
        geometry = plan_geometry(size, (taps, taps), padding=(taps // 2, taps // 2))
        layout = lay_out(geometry, Border.REPLICATE, channels)
        found, _ = best_tiling(KernelSet(weights, combine="max" * (kernels > 1)), layout, UINT8)
        rows, cols = found.at_once
        tile = found.edge[0] * found.edge[1] * channels * kernels * 8
        limit = tiling._SUMS_BYTES
        assert rows * cols * tile <= limit or (rows, cols) == (1, 1)
        smaller = [size for size in SIZES if size < found.size and size - taps + 1 >= size // 16]
        assert tile <= limit or not smaller
        down, across = found.groups
        assert (down - 1) * rows < found.count[0] <= down * rows
        assert (across - 1) * cols < found.count[1] <= across * cols
        tiles = found.count[0] * found.count[1] * channels
        places = found.sets(channels) * found.packing.in_set
        # A set more a group, where images or memory are too small for full ones.
        assert tiles <= places <= tiles + down * across * found.packing.in_set
        if tile < 2**18 and tiles > 400:
            assert places <= 1.1 * tiles


@pytest.mark.parametrize("size", exhaustive_but([64, 128], SIZES))
def test_every_size_of_tiles(size, only, rng):
    only(size)
    for taps in ((1, 1), (3, 2), (size // 2, size // 3), (size - size // 16 + 1, 5)):
        weights = rng.integers(-3, 4, taps)
        pixels = rng.integers(0, 256, (size + 37, size - 5)).astype(np.uint8)
        same_as_direct(pixels, weights, border="symmetric")


@pytest.mark.parametrize("size", [64, 128])
def test_steps_within_tiles(size, only, rng):
    only(size)
    pixels = rng.integers(0, 256, (150, 170, 3)).astype(np.uint8)
    for stride, dilation, flip in product(
        [(1, 1), (2, 1), (1, 3), (4, 5)], [(1, 1), (3, 2)], (False, True)
    ):
        weights = rng.integers(-9, 10, (6, 7))
        same_as_direct(
            pixels, weights, stride=stride, dilation=dilation, flip=flip, border="reflect"
        )


def extreme(kind, shape, weights, depth, rng):
    """An image of nothing and full samples only, or flat."""
    top = np.iinfo(depth).max
    match kind:
        case "full":
            pattern = np.ones(shape)
        case "signs":
            tiled = np.tile(
                weights > 0, [n // m + 1 for n, m in zip(shape, weights.shape, strict=True)]
            )
            pattern = tiled[: shape[0], : shape[1]]
        case "board":
            pattern = np.add.outer(*map(np.arange, shape)) % 2
        case "stripes":
            pattern = np.broadcast_to(np.arange(shape[1]) % 2, shape)
        case "noise":
            pattern = rng.integers(0, 2, shape)
    return (pattern * top).astype(depth)


KINDS = ["full", "signs", "board", "stripes", "noise"]


@pytest.mark.exhaustive
@settings(max_examples=30)
@given(
    st.integers(1, 63), st.integers(1, 63), st.sampled_from(KINDS), st.sampled_from(DEPTHS),
    st.sampled_from([1, 9, 100, 3000]), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_whole_kernels_on_extreme_images(rows, cols, kind, depth, most, seed):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-most, most + 1, (rows, cols))
    shape = tuple(int(n) for n in rng.integers(1, 150, 2))
    same_as_direct(extreme(kind, shape, weights, depth, rng), weights, border="wrap")


def largest(pattern, depth, size, wanted):
    """Return a pattern of signs times the largest factor that still is packed as deep."""
    source = np.dtype(depth)

    def fits(factor):
        found = packing((pattern * factor).reshape(1, -1), source, size)
        return found is not None and found.depth >= wanted

    low, high = 1, 2**40
    if not fits(low):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return pattern * low


@pytest.mark.exhaustive
@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], DEPTHS))
@pytest.mark.parametrize("wanted", [2, 1])
@pytest.mark.parametrize("size", SIZES)
def test_the_largest_weights_that_are_packed(size, wanted, depth, only, rng):
    only(size)
    taps = min(size // 3, 48)
    tried = 0
    for pattern in (
        np.ones((taps, taps), int),
        np.add.outer(np.arange(taps), np.arange(taps)) % 2 * 2 - 1,
        rng.choice([-1, 1], (taps, taps)),
        rng.choice([-1, 1], (2, 3)),
        np.ones((1, 1), int),
    ):
        weights = largest(pattern, depth, size, wanted)
        if weights is None:
            continue
        tried += 1
        kinds = KINDS if size < 256 else ["noise", "signs"]
        for kind in kinds:
            pixels = extreme(kind, (size + 9, size + 30), weights, depth, rng)
            same_as_direct(pixels, weights, border="wrap")
    assert tried >= 1


def test_packing_knows_its_limits():
    ones = np.ones((1, 81), dtype=np.int64)
    byte = np.dtype(np.uint8)
    assert packing(ones, byte, 64).depth == 2
    assert packing(ones * 2**20, byte, 64).depth == 1
    assert packing(ones * 2**40, byte, 64) is None
    assert packing(ones * 0.5, byte, 64).depth == 0
    assert packing(ones, np.dtype(np.float32), 64).depth == 0
    pack = packing(ones, byte, 64)
    assert pack.power >= 2 * 128 * 81 + 2
    assert np.log2(pack.power) % 1 == 0


@pytest.mark.parametrize("size", SIZES)
def test_turns_and_their_order(size):
    cosines, sines = turns(size)
    # In a wider type, so that the angles' own rounding doesn't count.
    angles = 8 * np.arctan(np.longdouble(1)) * np.arange(size) / size
    rounding = 2.0**-53 if np.finfo(np.longdouble).eps < 1e-18 else 4e-16
    assert np.abs(np.cos(angles) - cosines).max() <= rounding
    assert np.abs(np.sin(angles) - sines).max() <= rounding
    assert cosines[size // 4] == 0
    assert sines[size // 2] == 0
    assert sorted(reversed_digits(size)) == list(range(size))


def test_factors_are_conjugated_spectra(rng):
    kernels = rng.normal(size=(2, 5, 7))
    re, im = factors(kernels, 64)
    order = reversed_digits(64)
    spectrum = np.fft.fft2(kernels[1], s=(64, 64))
    assert_same_pixels(re[1].T, spectrum.real[np.ix_(order, order)] / 4096, 1e-15)
    assert_same_pixels(im[1].T, -spectrum.imag[np.ix_(order, order)] / 4096, 1e-15)


@pytest.mark.parametrize("depth", exhaustive_but(["float32"], ["float32", "float64"]))
def test_floats_are_near(depth, only, rng):
    only(128)
    pixels, weights = rng.normal(size=(190, 200)).astype(depth), rng.normal(size=(41, 37))
    expected = reference.correlate(pixels, weights, border="wrap")
    found = correlate(pixels, weights, method="fft", border="wrap")
    reach = np.abs(weights).sum() * np.abs(pixels).max()
    assert_same_pixels(found, expected, reach * (1e-7 if depth == "float32" else 1e-14))
