"""`convcli.correlate` is the correlation of the definition: every size, step, border and type."""

from __future__ import annotations

from itertools import combinations, pairwise, product

import numpy as np
import oracle
import pytest
from asserts import assert_same_pixels
from marks import exhaustive_but
from scipy import ndimage

from convcli import Border, ConvError, GeometryError, KernelError, UsageError, correlate

BORDERS = [border.value for border in Border]
QUICK = ["replicate", "constant", "wrap"]
FILL = 77
#: SciPy's name for each border.
SCIPY = {
    "replicate": "nearest",
    "zero": "constant",
    "constant": "constant",
    "reflect": "mirror",
    "symmetric": "reflect",
    "wrap": "grid-wrap",
}
#: Halos on one side only, on both, and wider than the images they surround.
PADDINGS = ["same", "valid", "full", 1, (2, 0), ((3, 0), (1, 6)), ((0, 9), (11, 2))]


def pad_pair(padding, taps, dilation, flip):
    """Padding as the oracle takes it, worked out apart from `geometry`."""
    sides = []
    for axis in (0, 1):
        reach = dilation[axis] * (taps[axis] - 1)
        match padding:
            case "same":
                anchor = taps[axis] // 2 if not flip else taps[axis] - 1 - taps[axis] // 2
                before = anchor * dilation[axis]
                sides.append((before, reach - before))
            case "valid":
                sides.append((0, 0))
            case "full":
                sides.append((reach, reach))
            case int():
                sides.append((padding, padding))
            case _:
                side = padding[axis]
                sides.append((side, side) if isinstance(side, int) else side)
    return tuple(sides)


def fits(size, taps, dilation, sides):
    """Whether the kernel has a place in the padded image."""
    return all(
        n + sum(side) >= d * (f - 1) + 1
        for n, f, d, side in zip(size, taps, dilation, sides, strict=True)
    )


def check(pixels, weights, **options):
    """Compare one call with the oracle, or with its finding that the kernel doesn't fit."""
    stride, dilation = options.get("stride", (1, 1)), options.get("dilation", (1, 1))
    flip = options.get("flip", False)
    sides = pad_pair(options.get("padding", "same"), weights.shape, dilation, flip)
    if not fits(pixels.shape[:2], weights.shape, dilation, sides):
        with pytest.raises(GeometryError):
            correlate(pixels, weights, jobs=1, **options)
        return
    border = options.get("border", "replicate")
    expected = oracle.correlate(
        pixels,
        weights,
        stride=stride,
        dilation=dilation,
        padding=sides,
        border=border,
        fill=options.get("fill", 0),
        flip=flip,
    )
    actual = correlate(pixels, weights, jobs=1, **options)
    assert actual.dtype == np.float32
    try:
        assert_same_pixels(actual, expected)
    except AssertionError as error:
        raise AssertionError(f"{pixels.shape} under {weights.shape}, {options}: {error}") from None


def small_numbers(rng, shape, taps):
    """An image and weights whose sums float32 holds exactly, so that equal means equal."""
    return rng.integers(0, 256, shape).astype(np.uint8), rng.integers(-9, 10, taps)


def test_the_doctest_of_the_definition():
    assert_same_pixels(correlate([[1, 2, 4]], [[-1, 1]], padding="valid"), [[1, 2]])


@pytest.mark.parametrize("border", exhaustive_but(QUICK, BORDERS))
def test_every_small_size_under_every_small_kernel(border, rng):
    for size in product(range(1, 6), repeat=2):
        for taps in product(range(1, 5), repeat=2):
            pixels, weights = small_numbers(rng, size, taps)
            check(pixels, weights, border=border, fill=FILL * (border == "constant"))


@pytest.mark.exhaustive
@pytest.mark.parametrize("border", exhaustive_but(QUICK, BORDERS))
@pytest.mark.parametrize("upright", [False, True], ids=["along x", "along y"])
def test_every_step_along_one_axis(border, upright, rng):
    sizes, taps, strides, dilations = (1, 2, 5, 7), (1, 2, 3, 4), (1, 2, 3), (1, 2)
    paddings = ("same", "full", ((2, 5), (5, 2)))
    for n, f, s, d, padding in product(sizes, taps, strides, dilations, paddings):
        shapes = ((n, 1), (f, 1)) if upright else ((1, n), (1, f))
        pixels, weights = small_numbers(rng, *shapes)
        check(pixels, weights, border=border, stride=(s, s), dilation=(d, d), padding=padding)


FEATURES = {
    "height": [1, 2, 3, 4, 5, 9],
    "width": [1, 2, 3, 4, 5, 13],
    "rows": [1, 2, 3, 4],
    "cols": [1, 2, 3, 4],
    "stride_y": [1, 2, 3],
    "stride_x": [1, 2, 3],
    "dilation_y": [1, 2],
    "dilation_x": [1, 2],
    "padding": PADDINGS,
    "border": BORDERS,
    "flip": [False, True],
    "channels": [0, 1, 2, 3, 4],
}


def covering(features, seed=7):
    """Cases in which every two values of two features meet, as tuples of places; fewer than all."""
    rng = np.random.default_rng(seed)
    sizes = [len(values) for values in features.values()]
    open_pairs = {
        ((i, a), (j, b))
        for i, j in combinations(range(len(sizes)), 2)
        for a in range(sizes[i])
        for b in range(sizes[j])
    }
    cases = []
    while open_pairs:
        (i, a), (j, b) = min(open_pairs)
        tries = rng.integers(0, sizes, (40, len(sizes)))
        tries[:, i], tries[:, j] = a, b
        pairs = [set(combinations(enumerate(map(int, case)), 2)) for case in tries]
        best = max(range(len(tries)), key=lambda k: len(pairs[k] & open_pairs))
        open_pairs -= pairs[best]
        cases.append(tuple(map(int, tries[best])))
    return cases


def test_the_sample_covers_every_pair():
    cases = covering(FEATURES)
    for (i, one), (j, other) in combinations(enumerate(FEATURES.values()), 2):
        assert len({(case[i], case[j]) for case in cases}) == len(one) * len(other)


@pytest.mark.parametrize("seed", range(6))
def test_every_two_features_together(seed, rng):
    for places in covering(FEATURES, seed):
        case = {name: FEATURES[name][place] for name, place in zip(FEATURES, places, strict=True)}
        shape = (case["height"], case["width"]) + (case["channels"],) * (case["channels"] > 0)
        pixels, weights = small_numbers(rng, shape, (case["rows"], case["cols"]))
        check(
            pixels,
            weights,
            stride=(case["stride_y"], case["stride_x"]),
            dilation=(case["dilation_y"], case["dilation_x"]),
            padding=case["padding"],
            border=case["border"],
            fill=FILL * (case["border"] == "constant"),
            flip=case["flip"],
        )


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64", "bool", "int32"])
def test_every_sample_type_is_summed_exactly_where_it_can_be(dtype, rng):
    pixels = rng.integers(0, 2 if dtype == "bool" else 200, (9, 11, 3)).astype(dtype)
    weights = rng.integers(-9, 10, (3, 4))
    expected = oracle.correlate(pixels.astype(int), weights, padding=((1, 1), (2, 1)))
    assert_same_pixels(correlate(pixels, weights), expected)


def test_real_weights_are_those_of_the_definition_to_float32(rng):
    pixels, weights = rng.random((8, 9)).astype(np.float32), rng.normal(size=(4, 3))
    expected = oracle.correlate(pixels.astype(float), weights, padding=((2, 1), (1, 1)))
    assert_same_pixels(correlate(pixels, weights), expected, 1e-6 * np.abs(weights).sum())
    wide = pixels.astype(np.float64)
    assert_same_pixels(correlate(wide, weights), expected, 1e-14 * np.abs(weights).sum())


def test_kernels_with_many_and_with_no_taps(rng):
    # The loops take taps by nines, threes and ones: 0 to 13 of them, and zeros left out.
    pixels = rng.integers(0, 256, (3, 17)).astype(np.uint8)
    for count in range(14):
        weights = np.zeros((1, 16), dtype=int)
        weights[0, rng.permutation(16)[:count]] = rng.integers(1, 9, count)
        check(pixels, weights, border="symmetric")


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_bigger_images_against_scipy(border, dtype, rng):
    pixels = rng.integers(0, 2**8 if dtype == "uint8" else 2**16, (83, 131)).astype(dtype)
    for taps in ((3, 3), (5, 2), (4, 4), (1, 11), (8, 7)):
        weights = rng.integers(-9, 10, taps)
        fill = FILL * (border == "constant")
        expected = ndimage.correlate(
            pixels.astype(np.float64), weights.astype(np.float64), mode=SCIPY[border], cval=fill
        )
        actual = correlate(pixels.astype(np.float64), weights, border=border, fill=fill)
        assert_same_pixels(actual, expected)
        actual = correlate(pixels, weights, border=border, fill=fill)
        assert_same_pixels(actual, expected.astype(np.float32))


@pytest.mark.parametrize("taps", [(3, 3), (2, 3), (4, 2), (6, 6)])
def test_convolution_against_scipy(taps, rng):
    pixels = rng.integers(0, 256, (40, 37)).astype(np.uint8)
    weights = rng.integers(-9, 10, taps)
    # The anchor stays on the tap taps // 2 of the kernel as it was given, which is the tap that
    # SciPy's convolve puts there too.
    expected = ndimage.convolve(
        pixels.astype(np.float64), weights.astype(np.float64), mode="nearest"
    )
    assert_same_pixels(correlate(pixels, weights, flip=True), expected)


def test_float_images_against_scipy(rng):
    pixels, weights = rng.random((61, 47, 3)).astype(np.float32), rng.normal(size=(5, 5))
    expected = ndimage.correlate(pixels.astype(np.float64), weights[:, :, None], mode="mirror")
    tolerance = 1e-6 * np.abs(weights).sum()
    assert_same_pixels(correlate(pixels, weights, border="reflect"), expected, tolerance)


@pytest.mark.parametrize(
    "case", [(3, 1, 1, 1), (3, 2, 1, 0), (5, 1, 2, 4), (2, 3, 3, 1), (7, 4, 1, 3)]
)
@pytest.mark.peers("torch")
def test_against_torch(case, rng):
    import torch

    taps, stride, dilation, padding = case
    pixels = rng.integers(0, 256, (31, 42)).astype(np.uint8)
    weights = rng.integers(-9, 10, (taps, taps))
    expected = torch.nn.functional.conv2d(
        torch.tensor(pixels, dtype=torch.float64)[None, None],
        torch.tensor(weights, dtype=torch.float64)[None, None],
        stride=stride,
        dilation=dilation,
        padding=padding,
    )[0, 0].numpy()
    actual = correlate(
        pixels, weights, stride=stride, dilation=dilation, padding=padding, border="zero"
    )
    assert_same_pixels(actual, expected)


@pytest.mark.parametrize("border", ["replicate", "zero", "reflect", "symmetric"])
@pytest.mark.parametrize("taps", [(3, 3), (5, 3), (2, 4), (1, 6)])
@pytest.mark.peers("cv2")
def test_against_opencv(border, taps, rng):
    import cv2

    modes = {
        "replicate": cv2.BORDER_REPLICATE,
        "zero": cv2.BORDER_CONSTANT,
        "reflect": cv2.BORDER_REFLECT_101,
        "symmetric": cv2.BORDER_REFLECT,
    }
    pixels = rng.integers(0, 256, (37, 53, 3)).astype(np.uint8)
    weights = rng.integers(-9, 10, taps)
    expected = cv2.filter2D(
        pixels, cv2.CV_32F, weights.astype(np.float32), borderType=modes[border]
    )
    assert_same_pixels(correlate(pixels, weights, border=border), expected)


def test_dtype_asks_for_levels(rng):
    pixels = rng.integers(0, 256, (9, 9)).astype(np.uint8)
    expected = [
        [oracle.mapped(oracle.Fraction(value, 9), "clip", 255) for value in row]
        for row in oracle.correlate(pixels, np.ones((3, 3), int), padding=((1, 1), (1, 1)))
    ]
    actual = correlate(pixels, "box3", dtype=np.uint8)
    assert actual.dtype == np.uint8
    assert_same_pixels(actual, expected)
    assert_same_pixels(correlate(pixels, "box3", mapping="clip"), expected)
    wide = correlate(pixels, "box3", dtype="uint16")
    assert wide.dtype == np.uint16
    assert_same_pixels(wide, expected)  # values are never rescaled


def test_a_float64_array_stays_double(rng):
    pixels = rng.random((5, 5))
    assert correlate(pixels, [[1.0]]).dtype == np.float64
    assert_same_pixels(correlate(pixels, [[1.0]]), pixels)


@pytest.mark.exhaustive
def test_an_array_of_the_other_byte_order_is_read_rightly(rng):
    pixels = rng.integers(0, 65536, (6, 7)).astype(">u2")
    assert_same_pixels(correlate(pixels, [[1]]), pixels.astype(np.uint16))
    real = rng.random((6, 7)).astype(">f4")
    assert_same_pixels(correlate(real, [[1]]), real.astype(np.float32))
    swapped = correlate(pixels, [[1]], dtype=">u2")
    assert_same_pixels(swapped, pixels.astype(np.uint16))


def test_a_fill_that_the_samples_cannot_hold_is_their_nearest():
    pixels = np.zeros((1, 1), dtype=np.uint8)
    for fill, level in ((300, 255), (-5, 0), (7.5, 8)):
        actual = correlate(pixels, [[1, 0, 0]], border="constant", fill=fill)
        assert_same_pixels(actual, [[level]])
        bank = correlate(pixels, [[[1, 0, 0]]], border="constant", fill=fill)
        assert_same_pixels(bank, [[level]])


@pytest.mark.parametrize(
    ("pixels", "weights", "options"),
    [
        (np.zeros(5), [[1]], {}),
        (np.zeros((2, 3, 4, 5)), [[1]], {}),
        (np.zeros((0, 3)), [[1]], {}),
        (np.zeros((3, 3), complex), [[1]], {}),
        (np.array([["a"]]), [[1]], {}),
        (np.zeros((3, 3)), [1, 2], {}),
        (np.zeros((3, 3)), [[]], {}),
        (np.zeros((3, 3)), [[np.nan]], {}),
        (np.zeros((3, 3)), "no-such-kernel", {}),
        (np.zeros((3, 3)), [[1]], {"mapping": "nonsense"}),
        (np.zeros((3, 3)), [[1]], {"method": "nonsense"}),
        (np.zeros((3, 3)), [[1]], {"border": "nonsense"}),
        (np.zeros((3, 3)), [[1]], {"padding": "nonsense"}),
        (np.zeros((3, 3)), [[1]], {"dtype": np.complex64}),
        (np.zeros((3, 3)), [[1]], {"dtype": "nonsense"}),
        (np.zeros((3, 3)), [[1]], {"jobs": 0}),
        (np.zeros((3, 3)), [[1]], {"stride": 0}),
        (np.zeros((3, 3)), [[1]], {"dilation": 0}),
        (np.zeros((3, 3)), [[1]], {"padding": -1}),
        (np.zeros((3, 3)), [[1]], {"groups": 2}),
        (np.zeros((3, 3)), [[1]], {"bias": [1, 2]}),
        (np.zeros((3, 3)), [[1]], {"bias": np.nan}),
        (np.zeros((3, 3)), "sobel", {"bias": 1}),
        (np.zeros((3, 3)), np.ones((4, 4)), {"padding": "valid"}),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(pixels, weights, options):
    with pytest.raises((UsageError, GeometryError, KernelError)) as caught:
        correlate(pixels, weights, **options)
    assert "\n" not in str(caught.value)


def test_strides_and_phases_read_what_they_should():
    # Columns are kept by phase; a stride longer than the kernel leaves phases that no tap reads.
    pixels = np.arange(60, dtype=np.uint8).reshape(3, 20)
    for stride, taps in product((1, 2, 3, 5, 7), (1, 2, 3)):
        actual = correlate(pixels, [[1] + [0] * (taps - 1)], stride=(1, stride), padding="valid")
        assert_same_pixels(actual, pixels[:, : 20 - taps + 1 : stride])
    for one, other in pairwise((1, 2, 3)):
        assert correlate(pixels, [[1]], stride=(one, other)).shape == (
            -(-3 // one),
            -(-20 // other),
        )


def test_steps_may_be_lists_and_arrays():
    pixels = np.arange(30.0).reshape(5, 6)
    expected = correlate(pixels, "box3", stride=(2, 1), dtype=np.float64)
    for stride in ([2, 1], np.array([2, 1]), (np.int64(2), np.int64(1))):
        assert_same_pixels(correlate(pixels, "box3", stride=stride, dtype=np.float64), expected)


@pytest.mark.parametrize("name", ["stride", "padding", "dilation"])
@pytest.mark.parametrize("value", [[[1], 2], {1: 2}, np.ones((2, 2)), [1, 2, 3], 1.5, (1.0, 1.0)])
def test_steps_that_make_no_sense_are_refused(name, value):
    correlate(np.ones((5, 5)), "box3", **{name: (1, 1)})
    with pytest.raises(ConvError) as caught:
        correlate(np.ones((5, 5)), "box3", **{name: value})
    assert "\n" not in str(caught.value)
