"""The promise: whole-number kernels on 8- and 16-bit images are exact, pixel for pixel.

The reference is SciPy's float64 sum, which is exact for these sizes; it is divided, the offset is
added, it is rounded half away from zero, then mapped and clipped.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import oracle
import pytest
from asserts import assert_same_pixels
from marks import exhaustive_but
from scipy import ndimage

from convcli import Border, Image, Kernel, Spec, apply, get_kernel, pipeline
from convcli.kernels import Compound, names
from convcli.kernels.registry import canonical

BORDERS = [border.value for border in Border]
SCIPY = {
    "replicate": "nearest",
    "zero": "constant",
    "constant": "constant",
    "reflect": "mirror",
    "symmetric": "reflect",
    "wrap": "grid-wrap",
}
LIBRARY = [get_kernel(name) for name in names() if canonical(name) == name]
WHOLE = [kernel for kernel in LIBRARY if isinstance(kernel, Kernel) and kernel.is_integer]
COMPOUNDS = [kernel for kernel in LIBRARY if isinstance(kernel, Compound)]
DEPTHS = ["uint8", "uint16"]
#: Small enough for every kernel and border, taller than no kernel's halo but wider than all.
SIZE = (17, 29)
FILL = 77


def image(rng, depth, size=SIZE):
    """Noise beside areas of full and of nothing with hard edges, where responses are extreme."""
    top = np.iinfo(depth).max
    pixels = rng.integers(0, top + 1, size).astype(depth)
    pixels[:, size[1] // 2 :] = top * rng.integers(0, 2, (size[0], size[1] - size[1] // 2))
    pixels[size[0] // 2 :, -9:] = 0
    pixels[size[0] // 2 :, -5:] = top
    return pixels


def sums(pixels, weights, border):
    """SciPy's exact float64 sums."""
    return ndimage.correlate(
        pixels.astype(np.float64),
        weights.astype(np.float64),
        mode=SCIPY[border],
        cval=FILL * (np.iinfo(pixels.dtype).max // 255) if border == "constant" else 0,
    )


def half_away(response):
    """Round half away from zero."""
    return np.copysign(np.floor(np.abs(response) + 0.5), response)


def stored(response, mapping, depth):
    """Round, map and clip, in this order."""
    top = np.iinfo(depth).max
    value = half_away(response)
    value = {"clip": value, "abs": np.abs(value), "offset": value + (top + 1) // 2}[mapping]
    return np.clip(value, 0, top), int(np.count_nonzero((value < 0) | (value > top)))


def response(pixels, kernel, border):
    """Σ / divisor + offset, in levels of the image."""
    level = np.iinfo(pixels.dtype).max // 255
    return sums(pixels, kernel.weights, border) / kernel.divisor + kernel.offset * level


def check(pixels, kernel, border, mapping=None, method="auto"):
    """Compare a whole `apply`, and the facts that come with it, with SciPy."""
    spec = Spec(border=border, fill=FILL, mapping=mapping, method=method)
    result, facts = pipeline.apply(Image(pixels), [kernel], spec)
    expected = response(pixels, kernel, border)
    values, clipped = stored(expected, mapping or kernel.default_mapping, pixels.dtype)
    assert result.pixels.dtype == pixels.dtype
    try:
        assert_same_pixels(result.pixels, values)
    except AssertionError as error:
        raise AssertionError(f"{border}, {mapping}, {pixels.dtype}: {error}") from None
    assert facts.clipped == clipped
    assert facts.samples == pixels.size
    assert facts.lowest == pytest.approx(expected.min(), rel=1e-12, abs=1e-9)
    assert facts.highest == pytest.approx(expected.max(), rel=1e-12, abs=1e-9)
    assert all(plan.exact for plan in facts.plans)


def test_the_library_has_what_is_tested_here():
    assert len(WHOLE) > 100
    assert len(COMPOUNDS) > 8


@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], DEPTHS))
@pytest.mark.parametrize("kernel", WHOLE, ids=[kernel.name for kernel in WHOLE])
def test_every_whole_kernel_under_every_border(kernel, depth, rng):
    pixels = image(rng, depth)
    for border in BORDERS:
        check(pixels, kernel, border)


@pytest.mark.parametrize("mapping", ["clip", "abs", "offset"])
@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], DEPTHS))
def test_every_mapping(mapping, depth, rng):
    pixels = image(rng, depth)
    # Sums are the same by every method (test_same_bits.py): what is tried is what follows.
    method = "auto" if depth == "uint8" else "direct"
    for kernel in WHOLE[::3]:
        check(pixels, kernel, "reflect", mapping, method)


@pytest.mark.parametrize("depth", DEPTHS)
def test_names_in_colour_through_the_public_call(depth, rng):
    pixels = np.dstack([image(rng, depth) for _ in range(3)])
    for name in ("gaussian5", "sharpen", "emboss", "sobel-x", "contour"):
        kernel = get_kernel(name)
        result = apply(Image(pixels), name, Spec(border="wrap"))
        for c in range(3):
            values, _ = stored(
                response(pixels[:, :, c], kernel, "wrap"), kernel.default_mapping, depth
            )
            assert_same_pixels(result.pixels[:, :, c], values)


def test_half_levels_go_away_from_zero():
    # Every sum from −1020 to 1020 over every small divisor, ties included, by Fractions.
    pixels = np.array([[0, 255, 255, 255, 255, 0, 1, 2, 3, 4, 5, 254, 253, 9, 130]], np.uint8)
    for divisor in (*range(1, 17), 255, 510, 512):
        for sign in (1, -1):
            kernel = Kernel("k", [[1, -2, 4]], divisor=sign * divisor)
            for mapping in ("clip", "abs", "offset"):
                spec = Spec(border="zero", mapping=mapping)
                whole = oracle.correlate(
                    pixels, kernel.weights, padding=((0, 0), (1, 1)), border="zero"
                )
                expected = [
                    [oracle.mapped(Fraction(v, sign * divisor), mapping, 255) for v in row]
                    for row in whole
                ]
                assert_same_pixels(apply(Image(pixels), kernel, spec).pixels, expected)


@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], DEPTHS))
def test_offsets_count_in_8_bit_levels_and_keep_ties(depth, rng):
    pixels = image(rng, depth)
    for divisor, offset in ((2, 128), (2, 0.5), (4, -0.25), (8, 127.5), (-2, 300), (7, 10)):
        kernel = Kernel("k", [[0, 1, 0], [1, -3, 2]], divisor=divisor, offset=offset)
        assert kernel.is_integer or divisor == 7
        for mapping in ("clip", "abs", "offset"):
            check(pixels, kernel, "symmetric", mapping)


@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], DEPTHS))
@pytest.mark.parametrize("convolve", [False, True])
def test_convolution_and_large_whole_kernels(depth, convolve, rng):
    pixels = image(rng, depth, (40, 50))
    for limit in (9, 300, 40_000):  # 16-bit, single and double sums
        weights = rng.integers(-limit, limit, (5, 7))
        kernel = Kernel("k", weights, divisor=int(np.abs(weights).sum()) // 3)
        spec = Spec(convolve=convolve, mapping="offset")
        turned = weights[::-1, ::-1] if convolve else weights
        expected, _ = stored(
            sums(pixels, turned, "replicate") / kernel.divisor, "offset", pixels.dtype
        )
        assert_same_pixels(apply(Image(pixels), kernel, spec).pixels, expected)


@pytest.mark.exhaustive
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("target", DEPTHS)
def test_a_change_of_depth_is_part_of_the_one_rounding(depth, target, rng):
    pixels = image(rng, depth)
    top, goal = np.iinfo(depth).max, np.iinfo(target).max
    for kernel in WHOLE[::9]:
        bits = {"uint8": "8", "uint16": "16"}[target]
        spec = Spec(depth=bits, mapping="clip", method="direct")
        result = apply(Image(pixels), kernel, spec)
        whole = sums(pixels, kernel.weights, "replicate").astype(int).tolist()
        offset = Fraction(kernel.offset) * goal / 255
        expected = [
            [
                oracle.mapped(Fraction(v * goal, top * kernel.divisor) + offset, "clip", goal)
                for v in row
            ]
            for row in whole
        ]
        assert result.pixels.dtype == target
        assert_same_pixels(result.pixels, expected)


def combined(compound, pixels, border):
    """The response of a compound by its formula in float64, in levels of the image."""
    parts = [sums(pixels, part.weights, border) / part.divisor for part in compound.parts]
    match compound.combine:
        case "magnitude":
            value = np.sqrt(sum(part**2 for part in parts))
        case "direction":
            value = np.degrees(np.arctan2(parts[1], parts[0])) % 360
        case "max":
            value = np.maximum.reduce(parts)
        case "max-abs":
            value = np.maximum.reduce(np.abs(parts))
        case "sum-abs":
            value = np.sum(np.abs(parts), axis=0)
        case "share":
            squares = np.square(parts)
            whole = squares.sum(axis=0)
            share = squares[: compound.share].sum(axis=0)
            value = np.sqrt(np.divide(share, whole, out=np.zeros_like(whole), where=whole > 0))
    unit = 1 if compound.full_scale is None else np.iinfo(pixels.dtype).max / compound.full_scale
    return value / compound.divisor * unit


@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], DEPTHS))
@pytest.mark.parametrize("compound", COMPOUNDS, ids=[kernel.name for kernel in COMPOUNDS])
def test_every_compound(compound, depth, rng):
    pixels = image(rng, depth)
    whole = all(part.is_integer for part in compound.parts)
    for border in BORDERS:
        result, facts = pipeline.apply(Image(pixels), [compound], Spec(border=border, fill=FILL))
        real = combined(compound, pixels, border)
        expected, clipped = stored(real, compound.default_mapping, pixels.dtype)
        if whole:
            assert_same_pixels(result.pixels, expected)
            assert facts.clipped == clipped
        else:
            # Single precision: a value that lies on a half may go either way, no other.
            off = np.abs(real - (np.floor(real) + 0.5)) > 2e-6 * np.iinfo(depth).max
            assert_same_pixels(result.pixels[off], expected[off])
            assert_same_pixels(result.pixels, expected, 1)
            assert off.mean() > 0.3
        assert facts.highest == pytest.approx(real.max(), rel=1e-5)


@pytest.mark.exhaustive
def test_sum_of_sizes_and_greatest_size_are_exact(rng):
    parts = tuple(Kernel(f"k{k}", rng.integers(-9, 10, (3, 3)), divisor=6) for k in range(3))
    for combine in ("sum-abs", "max-abs", "max"):
        compound = Compound("c", parts, type(COMPOUNDS[0].combine)(combine), divisor=5)
        # The library has compounds of the other two, which are tried at each depth above.
        for depth in DEPTHS if combine == "sum-abs" else DEPTHS[:1]:
            pixels = image(rng, depth)
            whole = [sums(pixels, part.weights, "reflect").astype(int) for part in parts]
            value = {
                "sum-abs": np.sum(np.abs(whole), axis=0),
                "max-abs": np.max(np.abs(whole), axis=0),
                "max": np.max(whole, axis=0),
            }[combine]
            top = np.iinfo(depth).max
            expected = [
                [oracle.mapped(Fraction(int(v), 30), "clip", top) for v in row] for row in value
            ]
            result = apply(Image(pixels), compound, Spec(border="reflect"))
            assert_same_pixels(result.pixels, expected)


@pytest.mark.parametrize("precision", exhaustive_but(["single"], ["single", "double"]))
@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], DEPTHS))
def test_real_kernels_are_off_by_a_rounding_at_most(precision, depth, rng):
    pixels = image(rng, depth)
    tolerance = {"single": 2e-6, "double": 1e-12}[precision] * np.iinfo(depth).max
    real = [kernel for kernel in LIBRARY if isinstance(kernel, Kernel) and not kernel.is_integer]
    assert len(real) > 8
    # Every method's double precision: test_methods.py.
    how = {"precision": precision, "method": "direct" if precision == "double" else "auto"}
    for kernel in (*real, get_kernel("gaussian:sigma=1.3"), get_kernel("log:sigma=1.1")):
        if precision == "double" and depth == "uint16" and len(kernel.weights) == 1:
            continue  # its loops have been tried with 8 bits
        exact = ndimage.correlate(pixels.astype(np.float64), kernel.scaled, mode="nearest")
        tight = tolerance * np.abs(kernel.scaled).sum()
        spec = Spec(mapping="raw", **how)
        assert_same_pixels(apply(Image(pixels), kernel, spec).pixels, exact, tight)
        result = apply(Image(pixels), kernel, Spec(mapping="abs", **how))
        expected, _ = stored(exact, "abs", depth)
        sure = np.abs(np.abs(exact) % 1 - 0.5) > tight
        assert_same_pixels(result.pixels[sure], expected[sure])
        assert_same_pixels(result.pixels, expected, 1)
