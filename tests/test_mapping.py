"""How a response becomes a sample: tables of values, and what every mapping keeps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from asserts import assert_same_pixels
from marks import exhaustive_but

from convcli import Image, Kernel, Spec, UsageError, apply, get_kernel, pipeline
from convcli.kernels import Compound, names
from convcli.kernels.registry import canonical

LIBRARY = [get_kernel(name) for name in names() if canonical(name) == name]
#: A few of the generators, whose weights are real.
MADE = [get_kernel(f"{name}") for name in ("gaussian", "log", "gabor", "motion", "box")]
TOP = {"uint8": 255, "uint16": 65535, "float32": 1}

#: Mapping, divisor, samples → results of the kernel −1 0 2 along the row, so that responses are
#: 2·right − left; the borders repeat the ends.
SAMPLES = [0, 0, 10, 0, 100, 255, 255, 3, 0]
TABLE = {
    ("uint8", "clip", 1): [0, 20, 0, 190, 255, 255, 0, 0, 0],
    ("uint8", "abs", 1): [0, 20, 0, 190, 255, 255, 249, 255, 3],
    ("uint8", "offset", 1): [128, 148, 128, 255, 255, 255, 0, 0, 125],
    ("uint8", "clip", 4): [0, 5, 0, 48, 128, 103, 0, 0, 0],
    ("uint8", "abs", 4): [0, 5, 0, 48, 128, 103, 62, 64, 1],
    ("uint8", "offset", 4): [128, 133, 128, 176, 255, 231, 66, 64, 127],
    ("uint8", "normalize", 1): [85, 92, 85, 148, 255, 222, 2, 0, 84],
}


@pytest.mark.parametrize("case", TABLE, ids=lambda case: "-".join(map(str, case)))
def test_values_by_hand(case):
    depth, mapping, divisor = case
    kernel = Kernel("k", [[-1, 0, 2]], divisor=divisor)
    result = apply(Image(np.array([SAMPLES], depth)), kernel, Spec(mapping=mapping))
    assert_same_pixels(result.pixels, [TABLE[case]])


#: Depth, mapping, a response in levels of the image → its sample.
POINTS = [
    ("uint8", "clip", -0.5, 0),
    ("uint8", "clip", 0.5, 1),
    ("uint8", "clip", 0.25, 0),
    ("uint8", "clip", 254.5, 255),
    ("uint8", "clip", 255.5, 255),
    ("uint8", "abs", -0.5, 1),
    ("uint8", "abs", -1.5, 2),
    ("uint8", "abs", -300, 255),
    ("uint8", "offset", 0, 128),
    ("uint8", "offset", 127, 255),
    ("uint8", "offset", 127.25, 255),
    ("uint8", "offset", -0.5, 127),
    ("uint8", "offset", 0.5, 129),
    ("uint8", "offset", -128, 0),
    ("uint8", "offset", -129, 0),
    ("uint16", "clip", -1, 0),
    ("uint16", "clip", 0.5, 1),
    ("uint16", "clip", 65534.5, 65535),
    ("uint16", "clip", 70000, 65535),
    ("uint16", "abs", -40000.5, 40001),
    ("uint16", "offset", 0, 32768),
    ("uint16", "offset", -32768, 0),
    ("uint16", "offset", 32767.5, 65535),
    ("float32", "clip", -0.25, -0.25),  # floats hold what lies outside 0..1
    ("float32", "clip", 1.5, 1.5),
    ("float32", "abs", -1.5, 1.5),
    ("float32", "offset", -0.25, 0.25),
    ("float32", "offset", 0.75, 1.25),
    ("uint8", "raw", -300.25, -300.25),
    ("uint16", "raw", -300.25, -300.25),
    ("float32", "raw", -0.75, -0.75),
]


@pytest.mark.parametrize(("depth", "mapping", "response", "sample"), POINTS)
def test_single_responses(depth, mapping, response, sample):
    # A zero image and a kernel whose offset is the response.
    level = TOP[depth] / 255
    kernel = Kernel("k", [[1], [1]], offset=response / level)
    result, facts = pipeline.apply(Image(np.zeros((2, 3), depth)), [kernel], Spec(mapping=mapping))
    assert_same_pixels(result.pixels, np.full((2, 3), sample), 1e-6 if depth == "float32" else 0)
    assert facts.lowest == pytest.approx(response)
    assert result.pixels.dtype == (np.float32 if mapping == "raw" else depth)


CLIPPED = [
    ("clip", [-2, -1, 0, 255, 256], 3),
    ("abs", [-256, -255, 0, 255, 256], 2),
    ("offset", [-129, -128, 0, 127, 128], 2),
    ("normalize", [-500, 3, 900], 0),
    ("raw", [-500, 3, 900], 0),
]


@pytest.mark.parametrize(("mapping", "responses", "count"), CLIPPED)
def test_what_does_not_fit_is_counted(mapping, responses, count):
    kernel = Kernel("k", [[5]], offset=min(responses))
    # Floats brought to 8 bit: a response may be anything.
    pixels = np.array([[(r - min(responses)) / 255 / 5 for r in responses]], np.float32)
    result, facts = pipeline.apply(
        Image(pixels), [kernel], Spec(mapping=mapping, depth="same" if mapping == "raw" else "8")
    )
    assert facts.clipped == count
    assert facts.samples == len(responses) == result.pixels.size
    assert facts.lowest * 255 == pytest.approx(min(responses))
    assert facts.highest * 255 == pytest.approx(max(responses))


@pytest.mark.parametrize("depth", TOP)
@pytest.mark.parametrize("mapping", ["clip", "offset", "normalize", "raw"])
def test_a_larger_response_is_never_darker(mapping, depth):
    ramp = np.linspace(0, TOP[depth], 300).astype(depth)[None]
    for kernel in (Kernel("k", [[1], [2]], divisor=7, offset=-20), Kernel("k", [[0.3], [0.4]])):
        values = apply(Image(ramp), kernel, Spec(mapping=mapping)).pixels[0].astype(np.float64)
        assert (np.diff(values) >= 0).all()
        assert values[-1] > values[0]


@pytest.mark.parametrize("depth", TOP)
@pytest.mark.parametrize("divisor", [-3, -1])
def test_normalize_of_a_negative_is_the_negative(depth, divisor):
    # The brightest response is white, also where it comes from the least sum.
    ramp = np.linspace(0, TOP[depth], 9).astype(depth)[None]
    spec = Spec(mapping="normalize")
    values = apply(Image(ramp), Kernel("k", [[1], [2]], divisor), spec).pixels[0]
    assert values[0] == TOP[depth]
    assert values[-1] == 0
    turned = apply(Image(ramp), Kernel("k", [[-1], [-2]]), spec).pixels[0]
    assert_same_pixels(values, turned, 0 if depth != "float32" else 1e-6)


@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], TOP))
@pytest.mark.parametrize("border", ["replicate", "reflect", "symmetric", "wrap"])
def test_a_flat_image_stays_flat_under_kernels_of_sum_one(border, depth):
    steady = [kernel for kernel in (*LIBRARY, *MADE) if getattr(kernel, "sum", None) == 1]
    assert len(steady) > 25
    for kernel in steady:
        if kernel.offset:
            continue
        for share in (0, 0.3, 1):
            flat = np.full((4, 5), share * TOP[depth]).astype(depth)
            result, facts = pipeline.apply(Image(flat), [kernel], Spec(border=border))
            assert_same_pixels(result.pixels, flat, 2e-6 if depth == "float32" else 0)
            assert facts.clipped == 0


@pytest.mark.parametrize("border", ["zero", "constant"])
def test_a_flat_image_darkens_where_there_is_nothing_beside_it(border):
    flat = np.full((5, 5), 90, np.uint8)
    result = apply(Image(flat), "box3", Spec(border=border, fill=0))
    assert_same_pixels(result.pixels[0], [40, 60, 60, 60, 40])
    assert_same_pixels(result.pixels[2], [60, 90, 90, 90, 60])


def test_the_zero_border_is_zero_whatever_the_fill():
    flat = np.full((5, 5), 90, np.uint8)
    result = apply(Image(flat), "box3", Spec(border="zero", fill=200))
    assert_same_pixels(result.pixels, apply(Image(flat), "box3", Spec(border="zero")).pixels)


@pytest.mark.parametrize(
    ("depth", "level"),
    exhaustive_but([("uint8", 51)], [("uint8", 51), ("uint16", 13107), ("float32", 0.2)]),
)
def test_fills_and_offsets_count_in_8_bit_levels(depth, level):
    black = Image(np.zeros((1, 1), depth))
    outside = apply(black, Kernel("k", [[1, 0, 0]]), Spec(border="constant", fill=51))
    assert_same_pixels(outside.pixels, [[level]], 1e-6 if depth == "float32" else 0)
    added = apply(black, Kernel("k", [[1]], offset=51))
    assert_same_pixels(added.pixels, [[level]], 1e-6 if depth == "float32" else 0)
    biased = apply(black, Kernel("k", [[1]], offset=200), Spec(bias=51))
    assert_same_pixels(biased.pixels, [[level]], 1e-6 if depth == "float32" else 0)


def test_divisor_and_bias_replace_the_kernel_s_own():
    pixels = Image(np.array([[10, 20, 30]], np.uint8))
    kernel = Kernel("k", [[6]], divisor=3, offset=1)
    assert_same_pixels(apply(pixels, kernel).pixels, [[21, 41, 61]])
    assert_same_pixels(apply(pixels, kernel, Spec(divisor=2)).pixels, [[31, 61, 91]])
    assert_same_pixels(apply(pixels, kernel, Spec(bias=-20)).pixels, [[0, 20, 40]])
    assert_same_pixels(apply(pixels, kernel, Spec(divisor=-6, bias=100)).pixels, [[90, 80, 70]])
    assert_same_pixels(apply(pixels, kernel, Spec(divisor=0.5, bias=0.5)).pixels, [[121, 241, 255]])


def test_divisor_and_bias_say_when_it_is_unclear_what_they_change():
    pixels = Image(np.zeros((3, 3), np.uint8))
    for kernels, spec in (
        (["box3", "sharpen"], Spec(divisor=2)),
        (["box3", "sharpen"], Spec(bias=2)),
        (["sobel"], Spec(bias=2)),
    ):
        with pytest.raises(UsageError):
            apply(pixels, kernels, spec)


def test_a_compound_is_divided():
    pixels = Image(np.array([[0, 0, 100, 100]], np.uint8))
    whole = apply(pixels, "sobel", Spec(mapping="raw")).pixels
    halved = apply(pixels, "sobel", Spec(mapping="raw", divisor=2)).pixels
    assert whole.max() == 400
    assert_same_pixels(halved, whole / 2)


@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], TOP))
def test_a_scale_multiplies_the_response_and_its_offset(depth, rng):
    pixels = Image((rng.random((5, 6)) * TOP[depth]).astype(depth))
    kernel = Kernel("k", [[1, -2, 3]], divisor=4, offset=10)
    plain = apply(pixels, kernel, Spec(mapping="raw")).pixels
    for scale in (0.5, 3, -1, 0, 0.1):
        scaled = apply(pixels, kernel, Spec(mapping="raw", scale=scale)).pixels
        assert_same_pixels(scaled, scale * plain.astype(np.float64), 1e-6 * TOP[depth])


def test_a_decimal_scale_rounds_as_it_is_written():
    # 0.1 · 5 is a half exactly, though the float 0.1 isn't a tenth.
    pixels = Image(np.arange(0, 250, 5, dtype=np.uint8)[None])
    expected = [[(v * 2 + 10) // 20 for v in range(0, 250, 5)]]
    result = apply(pixels, Kernel("k", [[1]]), Spec(scale=0.1))
    assert_same_pixels(result.pixels, expected)


def method_for(kernel):
    """One method where all have the same sums: a scale is not told which it is."""
    return "direct" if all(part.is_integer for part in kernel.parts) else "auto"


def extremes(kernel, depth, rng):
    """An image in which the kernel's least and greatest responses occur, and noise."""
    tops = [
        np.where(np.asarray(part.weights) > 0, TOP[depth], 0)
        for part in getattr(kernel, "parts", (kernel,))
    ]
    blocks = [block for top in tops for block in (top, TOP[depth] - top)]
    noise = rng.integers(0, 2, blocks[0].shape) * TOP[depth]
    return np.hstack([*blocks, noise]).astype(depth)


@pytest.mark.exhaustive
@pytest.mark.parametrize("mapping", ["clip", "abs", "offset"])
@pytest.mark.parametrize("depth", ["uint8", "uint16"])
def test_an_automatic_scale_never_clips(mapping, depth, rng):
    for kernel in (*LIBRARY, *MADE):
        # The bounds of a compound are the same under each mapping: one is tried under all.
        if isinstance(kernel, Compound) and kernel.name != "sobel" and mapping != "clip":
            continue
        image = Image(extremes(kernel, depth, rng))
        for border in ("replicate", "zero"):
            spec = Spec(mapping=mapping, scale="auto", border=border, method=method_for(kernel))
            _, facts = pipeline.apply(image, [kernel], spec)
            assert facts.clipped == 0, (kernel.name, border)


@pytest.mark.exhaustive
@pytest.mark.parametrize("depth", ["8", "16"])
def test_an_automatic_scale_never_clips_floats_that_become_levels(depth, rng):
    for kernel in LIBRARY[::5]:
        image = Image(extremes(kernel, "float32", rng))
        mappings = ("clip",) if isinstance(kernel, Compound) else ("clip", "abs", "offset")
        for mapping in mappings:
            spec = Spec(mapping=mapping, scale="auto", depth=depth, method="direct")
            result, facts = pipeline.apply(image, [kernel], spec)
            assert facts.clipped == 0, (kernel.name, mapping)
            assert result.pixels.min() < result.pixels.max()


@pytest.mark.exhaustive
@pytest.mark.parametrize("mapping", ["clip", "abs", "offset"])
def test_an_automatic_scale_keeps_floats_in_their_range_and_apart(mapping, rng):
    for kernel in LIBRARY[::3]:
        image = Image(extremes(kernel, "float32", rng))
        method = "direct" if isinstance(kernel, Compound) else "auto"
        spec = Spec(mapping=mapping, scale="auto", method=method)
        values = apply(image, kernel, spec).pixels
        assert values.min() >= -1e-5
        assert values.max() <= 1 + 1e-5
        assert values.max() - values.min() > 0.05, kernel.name


def test_an_automatic_scale_fills_the_range_of_a_signed_kernel():
    image = Image(np.array([[255, 0, 0, 255]], np.uint8))
    kernel = Kernel("k", [[-1, 1]])
    values = apply(image, kernel, Spec(scale="auto", padding="valid", mapping="clip")).pixels
    assert_same_pixels(values, [[0, 128, 255]])
    values = apply(image, kernel, Spec(scale="auto", padding="valid", mapping="offset")).pixels
    assert_same_pixels(values, [[1, 128, 255]])


def test_an_automatic_scale_leaves_alone_what_cannot_overflow(rng):
    image = Image(rng.integers(0, 256, (9, 9)).astype(np.uint8))
    for name in ("box3", "gaussian5", "identity"):
        assert_same_pixels(apply(image, name, Spec(scale="auto")).pixels, apply(image, name).pixels)


@pytest.mark.parametrize(
    "kernels", [("sharpen", "sharpen"), ("sobel", "sharpen8"), ("find-edges",) * 3]
)
@pytest.mark.parametrize("mapping", ["clip", "abs", "offset"])
def test_an_automatic_scale_never_clips_a_chain(kernels, mapping, rng):
    image = Image((255 * rng.integers(0, 2, (20, 20))).astype(np.uint8))
    chain = [get_kernel(name) for name in kernels]
    _, facts = pipeline.apply(image, chain, Spec(scale="auto", mapping=mapping))
    assert facts.clipped == 0


@pytest.mark.parametrize("mapping", ["clip", "abs"])
def test_an_automatic_scale_never_clips_a_chain_in_linear_light(mapping, rng):
    image = Image((255 * rng.integers(0, 2, (20, 20, 3))).astype(np.uint8))
    chain = [get_kernel("sharpen"), get_kernel("sharpen")]
    _, facts = pipeline.apply(image, chain, Spec(scale="auto", mapping=mapping, linear=True))
    assert facts.clipped == 0


def test_an_automatic_scale_of_a_kernel_that_is_nothing_but_its_offset():
    image = Image(np.zeros((3, 3), np.uint8))
    kernel = Kernel("k", [[0]], offset=-10)
    assert_same_pixels(apply(image, kernel, Spec(scale="auto")).pixels, np.zeros((3, 3)))


def test_every_kernel_has_a_mapping_of_its_own():
    for kernel in LIBRARY:
        if isinstance(kernel, Compound):
            assert kernel.default_mapping == "clip"
        assert kernel.default_mapping in ("clip", "abs", "offset")
    assert get_kernel("sobel-x").default_mapping == "abs"
    assert get_kernel("box3").default_mapping == "clip"
    for one, other in pairwise(("find-edges", "contour", "emboss")):
        assert get_kernel(one).default_mapping == get_kernel(other).default_mapping == "clip"
