"""What holds for every image and kernel: linearity, shifts, impulses, threads, memory, NaN."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from asserts import assert_same_pixels
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from marks import exhaustive_but

from convcli import Border, Image, Kernel, Spec, apply, correlate, get_kernel, pipeline
from convcli.engine import prepared
from convcli.engine.strips import Strips
from convcli.pipeline import arrays
from convcli.spec import Mapping

BORDERS = st.sampled_from([border.value for border in Border])
SIZES = st.tuples(st.integers(1, 12), st.integers(1, 12))
TAPS = st.tuples(st.integers(1, 5), st.integers(1, 5))
BYTES = hnp.arrays(np.uint8, SIZES)
WHOLE = hnp.arrays(np.int64, TAPS, elements=st.integers(-9, 9))
#: Small cases are tried one by one elsewhere (test_engine.py).
FEW = settings(max_examples=50)
REAL = hnp.arrays(np.float32, SIZES, elements=st.floats(-4, 4, width=32))


@FEW
@given(BYTES, WHOLE, BORDERS, st.integers(-7, 7), st.integers(-7, 7), st.integers(0, 2**32 - 1))
def test_linear_in_the_image(pixels, weights, border, a, b, seed):
    other = np.random.default_rng(seed).integers(0, 256, pixels.shape).astype(np.float64)
    one = pixels.astype(np.float64)
    together = correlate(a * one + b * other, weights, border=border)
    apart = a * correlate(one, weights, border=border) + b * correlate(
        other, weights, border=border
    )
    assert_same_pixels(together, apart)


@FEW
@given(BYTES, WHOLE, BORDERS, st.integers(-5, 5), st.integers(0, 2**32 - 1))
def test_linear_in_the_weights(pixels, weights, border, factor, seed):
    more = np.random.default_rng(seed).integers(-9, 10, weights.shape)
    together = correlate(pixels, weights + factor * more, border=border)
    apart = correlate(pixels, weights, border=border) + factor * correlate(
        pixels, more, border=border
    )
    assert_same_pixels(together, apart)


@FEW
@given(BYTES, WHOLE, st.integers(-15, 15), st.integers(-15, 15), st.booleans())
def test_a_shift_of_the_image_shifts_the_result(pixels, weights, down, right, flip):
    # Under the wrap border there is no edge, so this holds everywhere.
    moved = np.roll(pixels, (down, right), axis=(0, 1))
    options = {"border": "wrap", "flip": flip}
    expected = np.roll(correlate(pixels, weights, **options), (down, right), axis=(0, 1))
    assert_same_pixels(correlate(moved, weights, **options), expected)


@FEW
@given(WHOLE, st.integers(1, 3), st.integers(1, 3))
def test_an_impulse_gives_the_kernel(weights, dilation_y, dilation_x):
    rows, cols = weights.shape
    dilated = np.zeros((dilation_y * (rows - 1) + 1, dilation_x * (cols - 1) + 1))
    dilated[::dilation_y, ::dilation_x] = weights
    impulse = np.zeros((31, 33), np.uint8)
    impulse[15, 16] = 1
    for flip in (False, True):
        stamp = dilated if flip else dilated[::-1, ::-1]
        # Correlating reads the impulse with tap (i, j) at the place i, j before it, counted from
        # the anchor; so the anchor, tap taps // 2, lands on the impulse, the rest turned around.
        anchor = np.array([dilation_y * (rows // 2), dilation_x * (cols // 2)])
        if not flip:
            anchor = np.array(dilated.shape) - 1 - anchor
        top, left = np.array([15, 16]) - anchor
        expected = np.zeros(impulse.shape)
        expected[top : top + dilated.shape[0], left : left + dilated.shape[1]] = stamp
        actual = correlate(
            impulse, weights, flip=flip, dilation=(dilation_y, dilation_x), border="zero"
        )
        assert_same_pixels(actual, expected)


@FEW
@given(BYTES, WHOLE, BORDERS)
def test_flipping_is_correlating_with_the_turned_kernel(pixels, weights, border):
    # With every place in it, `full`, the anchor plays no part.
    turned = weights[::-1, ::-1]
    once = correlate(pixels, weights, padding="full", border=border, flip=True)
    assert_same_pixels(correlate(pixels, turned, padding="full", border=border), once)


@FEW
@given(BYTES, WHOLE)
def test_full_convolution_does_not_mind_which_is_the_kernel(pixels, weights):
    options = {"padding": "full", "border": "zero", "flip": True, "method": "direct"}
    one = correlate(pixels, weights, **options)
    other = correlate(weights.astype(np.float64), pixels, **options)
    assert_same_pixels(one, other)


@FEW
@given(BYTES, WHOLE)
def test_valid_is_the_inner_part_of_same(pixels, weights):
    rows, cols = weights.shape
    assume(rows <= pixels.shape[0])
    assume(cols <= pixels.shape[1])
    same = correlate(pixels, weights, border="symmetric")
    valid = correlate(pixels, weights, padding="valid")
    inner = same[rows // 2 :, cols // 2 :][: valid.shape[0], : valid.shape[1]]
    assert_same_pixels(valid, inner)


@FEW
@given(BYTES, WHOLE, BORDERS, st.integers(1, 4), st.integers(1, 4))
def test_a_stride_takes_every_so_manieth(pixels, weights, border, down, right):
    every = correlate(pixels, weights, border=border)
    strided = correlate(pixels, weights, border=border, stride=(down, right))
    assert_same_pixels(strided, every[::down, ::right])


@FEW
@given(BYTES, WHOLE, BORDERS, st.integers(2, 3))
def test_dilation_is_a_kernel_with_zeros_between(pixels, weights, border, dilation):
    spread = np.zeros([dilation * (taps - 1) + 1 for taps in weights.shape], dtype=np.int64)
    spread[::dilation, ::dilation] = weights
    padding = tuple((dilation * taps, dilation * taps) for taps in weights.shape)
    dilated = correlate(pixels, weights, border=border, padding=padding, dilation=dilation)
    assert_same_pixels(dilated, correlate(pixels, spread, border=border, padding=padding))


@FEW
@given(
    REAL,
    hnp.arrays(np.float64, st.integers(1, 6), elements=st.floats(-2, 2)),
    hnp.arrays(np.float64, st.integers(1, 6), elements=st.floats(-2, 2)),
    BORDERS,
)
def test_a_product_of_a_column_and_a_row_is_two_passes(pixels, column, row, border):
    whole = correlate(pixels, np.outer(column, row), border=border)
    along = correlate(pixels, row[None], border=border)
    passes = correlate(along, column[:, None], border=border)
    tolerance = 1e-5 * max(1, np.abs(column).sum() * np.abs(row).sum() * np.abs(pixels).max())
    assert_same_pixels(whole, passes, tolerance)


@FEW
@given(BYTES, st.sampled_from(["box3", "gaussian5", "sharpen", "sobel-x", "emboss", "sobel"]))
def test_interleaved_colour_is_channel_by_channel(pixels, name):
    planes = [pixels, pixels[::-1], 255 - pixels, pixels[:, ::-1]]
    for count in (1, 2, 3, 4):
        colour = np.dstack(planes[:count])
        together = correlate(colour, name, dtype=np.uint8)
        for c in range(count):
            assert_same_pixels(together[:, :, c], correlate(planes[c], name, dtype=np.uint8))


CASES = list(product(["gaussian5", "sobel-x", "gaussian:sigma=1.5"], ["uint8", "float32"]))
CASES += [("sobel", "uint8"), ("kirsch", "float32")]


@pytest.mark.parametrize(("name", "depth"), exhaustive_but([("gaussian5", "uint8")], CASES))
@pytest.mark.parametrize("stride", exhaustive_but([1], [1, 3]))
def test_threads_and_strips_change_nothing(name, depth, stride, rng, monkeypatch):
    # On an image as high as several strips, and on bands of every height.
    pixels = rng.integers(0, 256, (73, 141, 3)).astype(depth)
    spec = Spec(border="wrap", stride=stride, mapping="raw", jobs=1)
    kernel = get_kernel(name)
    expected, facts = pipeline.apply(Image(pixels), [kernel], spec)
    monkeypatch.setattr("convcli.engine.thread_pool._SMALL", 0)
    for rows, part in ((1, 500), (2, 128), (3, 256), (7, 192), (64, 384), (1000, 320)):
        strips = Strips(rows, part if stride == 1 else 1000)
        monkeypatch.setattr("convcli.engine.prepared.cut", lambda *_, strips=strips: strips)
        _forget()
        for jobs in range(1, 6):
            run = Spec(border="wrap", stride=stride, mapping="raw", jobs=jobs)
            result, found = pipeline.apply(Image(pixels), [kernel], run)
            assert np.array_equal(result.pixels, expected.pixels), (rows, part, jobs)
            assert found.plans[0].jobs == jobs
            assert found.plans[0].strip_rows == rows
            assert (found.lowest, found.highest) == (facts.lowest, facts.highest)
    _forget()


def _forget():
    prepared._plan_for.cache_clear()
    arrays.step_of.cache_clear()


def test_threads_on_an_image_that_is_worth_them(rng, monkeypatch):
    monkeypatch.setattr("convcli.engine.thread_pool._SMALL", 0)
    pixels = rng.integers(0, 256, (640, 480)).astype(np.uint8)
    one = correlate(pixels, "sharpen", dtype=np.uint8, jobs=1)
    for jobs in (2, 3, 5, None):
        assert np.array_equal(correlate(pixels, "sharpen", dtype=np.uint8, jobs=jobs), one)


def test_callers_in_threads_do_not_disturb_each_other(rng):
    from concurrent.futures import ThreadPoolExecutor

    images = [rng.integers(0, 256, (50, 60)).astype(np.uint8) for _ in range(24)]
    expected = [correlate(p, "gaussian5", dtype=np.uint8) for p in images]
    with ThreadPoolExecutor(6) as pool:
        actual = pool.map(lambda p: correlate(p, "gaussian5", dtype=np.uint8), images)
        for one, other in zip(actual, expected, strict=True):
            assert np.array_equal(one, other)


def test_how_the_array_lies_in_memory_does_not_matter(rng):
    base = rng.integers(0, 256, (30, 40, 3)).astype(np.uint8)
    locked = base.copy()
    locked.flags.writeable = False
    views = {
        "read-only": (locked, base),
        "every other": (base[::2, ::3], base[::2, ::3].copy()),
        "backwards": (base[::-1, ::-1], base[::-1, ::-1].copy()),
        "transposed": (base.transpose(1, 0, 2), base.transpose(1, 0, 2).copy()),
        "Fortran": (np.asfortranarray(base), base),
        "one channel": (base[:, :, 1], base[:, :, 1].copy()),
        "repeated": (np.broadcast_to(base[0], base.shape), np.repeat(base[:1], 30, axis=0)),
    }
    for name, (view, plain) in views.items():
        before = view.copy()
        expected = correlate(plain, "sharpen", dtype=np.uint8)
        assert np.array_equal(correlate(view, "sharpen", dtype=np.uint8), expected), name
        assert np.array_equal(view, before), name
        assert np.array_equal(apply(Image(view), "sharpen").pixels, expected), name


@pytest.mark.parametrize("dtype", [">u2", "<u2", ">f4", "<f4", ">f8", "<f8"])
def test_the_order_of_bytes_does_not_matter(dtype, rng):
    pixels = rng.integers(0, 1000, (6, 7)).astype(dtype)
    native = pixels.astype(pixels.dtype.newbyteorder("="))
    for name in ("box3", "sobel-x"):
        expected = correlate(native, name)
        assert_same_pixels(correlate(pixels, name), expected)
        spec = Spec(mapping="raw")
        assert_same_pixels(apply(Image(pixels), name, spec).pixels, expected)


def test_weights_lie_in_memory_as_they_like(rng):
    pixels = rng.integers(0, 256, (9, 9)).astype(np.uint8)
    base = rng.integers(-9, 10, (6, 8))
    base.flags.writeable = False
    for view in (base, base.T, base[::2, ::-3], base.astype(np.int8), base.astype(">i4")):
        assert_same_pixels(correlate(pixels, view), correlate(pixels, np.array(view, int)))


def test_the_result_is_an_array_of_its_own(rng):
    pixels = rng.integers(0, 256, (5, 5)).astype(np.float32)
    result = correlate(pixels, [[1]])
    result[:] = 0
    assert pixels.any()


NO_NUMBERS = (np.nan, np.inf, -np.inf)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bad", NO_NUMBERS)
def test_what_is_no_number_stays_where_the_kernel_reaches(dtype, bad, rng):
    pixels = rng.random((9, 9)).astype(dtype)
    pixels[4, 4] = bad
    result = correlate(pixels, np.ones((3, 3)), border="zero")
    spoilt = ~np.isfinite(result)
    expected = np.zeros((9, 9), bool)
    expected[3:6, 3:6] = True
    assert np.array_equal(spoilt, expected)


@pytest.mark.parametrize(
    "mapping", exhaustive_but([Mapping.CLIP], [each for each in Mapping if each != "hue"])
)
@pytest.mark.parametrize("depth", exhaustive_but(["8"], ["8", "16", "float"]))
@pytest.mark.parametrize("bad", NO_NUMBERS)
def test_what_is_no_number_is_stored_without_harm(mapping, depth, bad, rng):
    if mapping is Mapping.RAW and depth != "float":
        return  # refused; see the tests of the pipeline
    pixels = rng.random((5, 7)).astype(np.float32)
    pixels[2, 3] = pixels[0, 0] = bad
    spec = Spec(mapping=mapping, depth=depth)
    for name in ("identity", "sobel"):
        result, facts = pipeline.apply(Image(pixels), [get_kernel(name)], spec)
        assert result.pixels.shape == (5, 7)
        assert facts.samples == 35
    result, _ = pipeline.apply(Image(pixels), [get_kernel("identity")], spec)
    if depth != "float" and np.isnan(bad):
        # Under `offset` mid-gray stands for zero.
        middle = {"8": 128, "16": 32768}[depth] if mapping is Mapping.OFFSET else 0
        assert result.pixels[2, 3] == middle
    if depth != "float" and mapping is Mapping.CLIP:
        top = {"8": 255, "16": 65535}[depth]
        assert result.pixels[2, 3] == (top if bad == np.inf else 0)


@pytest.mark.parametrize("where", [(0, 0), (0, 3), (2, 0), (4, 6)])
@pytest.mark.parametrize("whole_row", [False, True])
def test_what_is_no_number_does_not_hide_what_is_seen(where, whole_row):
    # NaN is neither least nor greatest, nor clipped, wherever in a row it comes.
    pixels = np.linspace(-0.5, 1.5, 35, dtype=np.float32).reshape(5, 7)
    pixels[2] += 0.1
    pixels[where] = np.nan
    if whole_row:
        pixels[where[0]] = np.nan
    _, facts = pipeline.apply(Image(pixels), [Kernel("k", [[1]])], Spec(depth="8"))
    assert facts.lowest == pytest.approx(float(np.nanmin(pixels)), abs=1e-6)
    assert facts.highest == pytest.approx(float(np.nanmax(pixels)), abs=1e-6)
    levels = 255 * pixels.astype(np.float64)
    assert facts.clipped == np.count_nonzero((levels <= -0.5) | (levels >= 255.5))


def test_nothing_but_nan():
    pixels = np.full((3, 3), np.nan, np.float32)
    for mapping in {*Mapping} - {Mapping.HUE}:
        depth = "float" if mapping is Mapping.RAW else "8"
        result, facts = pipeline.apply(
            Image(pixels), [Kernel("k", [[1]])], Spec(mapping=mapping, depth=depth)
        )
        assert np.isnan(facts.lowest)
        assert np.isnan(facts.highest)
        assert facts.clipped == 0
        zero = 128 if mapping is Mapping.OFFSET else 0
        assert np.isnan(result.pixels).all() or (result.pixels == zero).all()


@FEW
@given(BYTES, BORDERS)
@example(np.zeros((1, 1), np.uint8), "reflect")
def test_the_identity_changes_nothing(pixels, border):
    for mapping in ("clip", "abs"):
        spec = Spec(border=border, mapping=mapping)
        assert_same_pixels(apply(Image(pixels), "identity", spec).pixels, pixels)
