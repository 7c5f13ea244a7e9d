"""Every method gives the same answer: the definition's, to the bit where sums are whole."""

from __future__ import annotations

from itertools import product

import numpy as np
import oracle
import pytest
import reference
from asserts import assert_same_pixels
from chosen import FORCED, methods_of, sums_type, weights_for
from hypothesis import given, settings
from hypothesis import strategies as st
from marks import exhaustive_but

from convcli import Border, Image, Spec, UsageError, correlate, get_kernel
from convcli.kernels.kernel import Kernel
from convcli.pipeline import apply

BORDERS = [border.value for border in Border]
FILL = 77
#: float32's unit roundoff.
SINGLE = 2.0**-24


def check(pixels, weights, method, *, border, **how):
    """Compare one call with the reference, to the bit."""
    how |= {"border": border, "fill": FILL * (border == "constant")}
    expected = reference.correlate(pixels, weights, **how)
    dtype = sums_type(weights, pixels.dtype)
    actual = correlate(
        pixels, weights, method=method, jobs=1, dtype=dtype, **{"padding": "same", **how}
    )
    try:
        assert_same_pixels(actual, expected)
    except AssertionError as error:
        told = f"{method}: {pixels.dtype} {pixels.shape} under {np.shape(weights)}, {how}"
        raise AssertionError(f"{told}: {error}") from None


def test_the_reference_is_the_definition(rng):
    for border, flip in product(BORDERS, (False, True)):
        pixels, weights = rng.integers(0, 256, (4, 5, 2)), rng.integers(-9, 10, (3, 4))
        how = {"stride": (2, 1), "dilation": (1, 3), "border": border, "fill": FILL, "flip": flip}
        how["padding"] = reference.same((3, 4), (1, 3), flip)
        expected = oracle.correlate(pixels, weights, **how)
        assert_same_pixels(reference.correlate(pixels, weights, **how), expected)
        how["padding"] = ((0, 7), (12, 0))
        expected = oracle.correlate(pixels, weights, **how)
        assert_same_pixels(reference.correlate(pixels, weights, **how), expected)


@pytest.mark.parametrize(
    "method", exhaustive_but([method for method in FORCED if method != "lowrank"], FORCED)
)
def test_every_small_size_under_every_small_kernel(method, rng):
    cases = product(range(1, 10), range(1, 10), range(1, 8), range(1, 8))
    done = 0
    for k, (height, width, rows, cols) in enumerate(cases):
        weights = weights_for(method, (rows, cols), rng)
        # Every size along each axis meets every other; together they would be too many.
        if weights is None or (k + height) % 7:
            continue
        pixels = rng.integers(0, 256, (height, width)).astype(np.uint8)
        check(pixels, weights, method, border=BORDERS[done % len(BORDERS)])
        done += 1
    assert done > (150 if method == "lowrank" else 550)


PADDINGS = [((2, 0), (0, 3)), ((0, 9), (11, 2)), ((6, 6), (6, 6)), ((1, 2), (3, 4))]


@pytest.mark.parametrize("method", exhaustive_but(["direct"], FORCED))
@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], ["uint8", "uint16"]))
def test_strides_dilations_paddings_channels_and_flips(method, depth, rng):
    top = np.iinfo(depth).max
    cases = product(
        [(1, 1), (2, 2), (1, 3), (3, 1), (12, 9)], [(1, 1), (2, 1), (1, 3)], [False, True]
    )
    for k, (stride, dilation, flip) in enumerate(cases):
        if method == "box" and (dilation != (1, 1) or stride[1] > 1):
            continue
        for channels in range(6):
            shape = (11, 13) + (channels,) * (channels > 0)
            pixels = rng.integers(0, top, shape, dtype=depth, endpoint=True)
            taps = [(5, 6), (7, 5), (5, 5)][(k + channels) % 3]
            weights = weights_for(method, taps, rng)
            if weights is None:
                continue  # two columns times rows that are one after all
            how = {"stride": stride, "dilation": dilation, "flip": flip}
            border = BORDERS[(k + channels) % len(BORDERS)]
            how["padding"] = ((22, 21), (23, 20))
            if k % 2:
                how["padding"] = tuple(
                    tuple(side + 8 for side in sides) for sides in PADDINGS[k % len(PADDINGS)]
                )
            check(pixels, weights, method, border=border, **how)


#: Samples of a row: blocks are of 16, 32 and 64.
WIDTHS = [15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129]


@pytest.mark.parametrize("method", exhaustive_but(["direct"], FORCED))
# 16-bit, float and 32-bit sums.
@pytest.mark.parametrize("limit", exhaustive_but([1, 60], [1, 60, 20_000]))
def test_widths_around_whole_blocks(method, limit, rng):
    for width in WIDTHS:
        weights = weights_for(method, (5, 5), rng) * limit
        pixels = rng.integers(0, 256, (5, width)).astype(np.uint8)
        check(pixels, weights, method, border="wrap")
        if width % 3 == 0:
            check(pixels.reshape(5, -1, 3), weights, method, border="reflect")


@pytest.mark.parametrize("method", FORCED)
def test_many_strips_of_a_tall_image(method, rng):
    weights = weights_for(method, (6, 5), rng)
    for stride in ((1, 1), (2, 1), (5, 1)):
        for height in (63, 64, 65, 129, 200):
            pixels = rng.integers(0, 256, (height, 9, 2)).astype(np.uint8)
            check(pixels, weights, method, stride=stride, border="symmetric")


@pytest.mark.parametrize("method", FORCED)
@pytest.mark.parametrize("depth", exhaustive_but(["float32"], ["float32", "float64"]))
def test_real_sums_are_near(method, depth, rng):
    unit = SINGLE if depth == "float32" else SINGLE**2 * 2
    for shape, channels in product([(5, 5), (9, 7), (15, 15)], (1, 3)):
        pixels = (rng.normal(size=(80, 90, channels)) * 10).astype(depth)
        weights = weights_for(method, shape, rng) / 7.0
        expected = reference.correlate(pixels, weights, border="wrap")
        found = correlate(pixels, weights, method=method, border="wrap")
        assert found.dtype == depth
        reach = np.abs(weights).sum() * np.abs(pixels).max()
        assert_same_pixels(found, expected, 16 * unit * reach)


@pytest.mark.parametrize("precision", exhaustive_but(["single"], ["single", "double"]))
def test_precision_is_kept_by_every_method(precision, rng):
    pixels = rng.integers(0, 65536, (50, 60)).astype(np.uint16)
    tolerance = {"single": 2e-6, "double": 1e-13}[precision] * 65535
    for name in ("gaussian:sigma=2", "log:sigma=2", "box:size=31"):
        kernel = get_kernel(name)
        real = Kernel("real", kernel.scaled * 0.3)
        expected = reference.correlate(pixels, real.weights)
        for method in methods_of(real):
            spec = Spec(mapping="raw", precision=precision, method=method)
            result, facts = apply(Image(pixels), [real], spec)
            assert facts.plans[0].method == method
            # The result itself is float32.
            rounding = np.abs(expected).max() * SINGLE
            assert_same_pixels(
                result.pixels, expected, tolerance * np.abs(real.weights).sum() + rounding
            )


@pytest.mark.parametrize(
    ("method", "weights", "needs"),
    [
        ("separable", "sharpen", r"column times a row \(rank 1\)"),
        ("separable", "laplacian", r"column times a row \(rank 1\)"),
        ("separable", "disk", r"column times a row \(rank 1\)"),
        ("separable", "kirsch", r"column times a row \(rank 1\)"),
        ("separable", "[[0, 0]]", r"column times a row \(rank 1\)"),
        ("lowrank", "sharpen", "few columns times rows"),
        ("lowrank", "gaussian5", "few columns times rows"),
        ("lowrank", "kirsch", "few columns times rows"),
        ("box", "gaussian5", "weights are all the same"),
        ("box", "sobel", "weights are all the same"),
        ("box", "[[0, 0]]", "weights are all the same"),
        ("fft", "box:size=511", "512×512"),
    ],
)
def test_a_method_that_cannot_is_refused_in_one_line(method, weights, needs):
    with pytest.raises(UsageError, match=needs) as caught:
        correlate(np.eye(5), weights, method=method)
    assert str(caught.value).startswith(f"`method` {method} needs ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("how", [{"dilation": 2}, {"stride": (1, 2)}])
def test_a_box_with_gaps_is_no_box(how):
    with pytest.raises(UsageError, match="`method` box needs"):
        correlate(np.zeros((9, 9), np.uint8), "box3", method="box", **how)


@pytest.mark.parametrize("method", ["separable", "lowrank", "box", "fft"])
def test_filters_over_channels_are_direct(method, rng):
    pixels, weights = rng.random((9, 9, 2)), np.ones((3, 2, 5, 5))
    assert correlate(pixels, weights, method="direct").shape == (9, 9, 3)
    with pytest.raises(UsageError, match=f"`method` {method} needs"):
        correlate(pixels, weights, method=method)


@settings(max_examples=40)
@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(1, 9),
    st.integers(0, 5), st.sampled_from(BORDERS), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_all_methods_agree_on_anything(height, width, rows, cols, channels, border, seed):
    rng = np.random.default_rng(seed)
    shape = (height, width) + (channels,) * (channels > 0)
    pixels = rng.integers(0, 256, shape).astype(np.uint8)
    for method in FORCED:
        weights = weights_for(method, (rows, cols), rng)
        if weights is not None:
            check(pixels, weights, method, border=border)
