"""Where a kernel lies: anchors, padding of each side, a border for each axis, and `same`."""

from __future__ import annotations

from itertools import product

import numpy as np
import oracle
import pytest
from asserts import assert_same_pixels
from chosen import FORCED, sums_type, weights_for
from hypothesis import given
from hypothesis import strategies as st
from marks import exhaustive_but

from convcli import (
    Bank,
    Border,
    GeometryError,
    Image,
    Spec,
    UsageError,
    apply,
    correlate,
    feature_maps,
)
from convcli.borders import parse_borders
from convcli.geometry import plan_geometry
from convcli.kernels.kernel import Kernel

FILL = 77
PAIRS = [pair for pair in product(Border, Border) if set(pair) != {Border.ZERO, Border.CONSTANT}]


def around(taps, anchor, flip, dilation):
    """Padding that puts a tap, which a flip takes along, over each sample."""
    sides = []
    for count, at, step in zip(taps, anchor, dilation, strict=True):
        tap = count - 1 - at if flip else at
        sides.append((step * tap, step * (count - 1 - tap)))
    return tuple(sides)


@pytest.mark.parametrize("method", exhaustive_but(["direct", "separable", "fft"], FORCED))
def test_every_anchor_of_every_small_kernel(method, rng):
    done = 0
    for k, taps in enumerate(product(range(1, 7), range(1, 7))):
        weights = weights_for(method, taps, rng)
        if weights is None:
            continue
        pixels = rng.integers(0, 256, (5 + k % 3, 6)).astype(np.uint8)
        for number, anchor in enumerate(product(range(taps[0]), range(taps[1]))):
            if (number + k) % 4:
                continue
            flip, pair = bool(number % 2), PAIRS[done % len(PAIRS)]
            fill = FILL * (Border.CONSTANT in pair)
            how = {"border": pair, "fill": fill, "flip": flip}
            expected = oracle.correlate(
                pixels, weights, padding=around(taps, anchor, flip, (1, 1)), **how
            )
            got = correlate(
                pixels,
                weights,
                anchor=anchor,
                method=method,
                dtype=sums_type(weights, pixels.dtype),
                **how,
            )
            assert_same_pixels(got, expected)
            done += 1
    assert done > 40


@pytest.mark.parametrize("method", exhaustive_but(["direct", "box"], FORCED))
def test_every_pair_of_borders_with_its_own_padding_on_each_side(method, rng):
    for k, pair in enumerate(PAIRS):
        taps = [(3, 4), (5, 5), (2, 6)][k % 3] if method != "lowrank" else (5, 5 + k % 3)
        weights = weights_for(method, taps, rng)
        pixels = rng.integers(0, 256, (6 + k % 4, 7, 2)).astype(np.uint8)
        padding = ((k % 5, 12 - k % 7), (2 * k % 9, k % 4))
        how = {"padding": padding, "border": pair, "fill": FILL * (Border.CONSTANT in pair)}
        expected = oracle.correlate(pixels, weights, **how)
        dtype = sums_type(weights, pixels.dtype)
        assert_same_pixels(correlate(pixels, weights, method=method, dtype=dtype, **how), expected)


def test_anchors_under_strides_and_dilations(rng):
    steps = product(
        [(1, 1), (2, 1), (3, 2)], [(1, 1), (2, 3)], [False, True], product((0, 2), (1, 3))
    )
    for stride, dilation, flip, anchor in steps:
        pixels, weights = rng.integers(0, 256, (9, 11)), rng.integers(-9, 10, (3, 4))
        how = {"stride": stride, "dilation": dilation, "flip": flip, "border": ("wrap", "reflect")}
        padding = around((3, 4), anchor, flip, dilation)
        expected = oracle.correlate(pixels, weights, padding=padding, **how)
        got = correlate(pixels.astype(np.uint8), weights, anchor=anchor, **how)
        assert_same_pixels(got, expected)


def test_anchors_and_pairs_of_borders_of_banks(rng):
    pixels, bank = (
        rng.integers(0, 256, (7, 8, 3)).astype(np.uint8),
        rng.integers(-5, 6, (4, 3, 3, 4)),
    )
    for anchor, flip in product(((0, 3), (2, 1)), (False, True)):
        how = {"border": ("wrap", "reflect"), "flip": flip}
        padding = around((3, 4), anchor, flip, (1, 1))
        expected = oracle.correlate_bank(pixels, bank, padding=padding, **how)
        assert_same_pixels(correlate(pixels, bank, anchor=anchor, **how), expected)
        spec = Spec(anchor=anchor, border="wrap,reflect", convolve=flip, padding="same")
        maps = feature_maps(Image(pixels), [Bank("bank", bank)], spec)
        np.testing.assert_allclose(maps * 255, expected, atol=1e-2)


def test_the_words_for_anchors(rng):
    pixels = rng.integers(0, 256, (6, 7)).astype(np.uint8)
    for rows, cols in product(range(1, 6), range(1, 6)):
        weights, flip = rng.integers(-9, 10, (rows, cols)), bool(rows % 2)
        for word, anchor in (
            ("middle", (rows // 2, cols // 2)),
            ("first-middle", ((rows - 1) // 2, (cols - 1) // 2)),
        ):
            got = correlate(pixels, weights, anchor=word, flip=flip)
            assert_same_pixels(got, correlate(pixels, weights, anchor=anchor, flip=flip))


@pytest.mark.parametrize(
    ("anchor", "message"),
    [
        ((3, 0), "lies outside of a kernel of 3×2: its rows are 0 to 2, its columns 0 to 1"),
        ((0, 2), "lies outside of a kernel of 3×2"),
        (-1, "lies outside of a kernel of 3×2"),
        ("center", "expected middle or first-middle, or the row and column of a tap"),
        ((1, 2, 3), "expected a whole number, or two as (rows, cols)"),
        (0.5, "expected a whole number"),
    ],
)
def test_an_anchor_that_a_kernel_has_not_is_refused(anchor, message):
    with pytest.raises(GeometryError) as caught:
        correlate(np.ones((5, 5), np.uint8), np.ones((3, 2)), anchor=anchor)
    assert message in str(caught.value)


def test_what_is_not_filtered_comes_from_under_the_anchor(rng):
    """An identity kernel with its 1 elsewhere shifts the image, and its alpha with it."""
    pixels = rng.integers(0, 256, (7, 8, 4)).astype(np.uint8)
    weights = np.zeros((3, 4), int)
    weights[0, 3] = 1
    kernel = Kernel("shift", weights)
    kept = apply(Image(pixels), kernel, Spec(anchor=(0, 3), alpha="keep", border="wrap,zero"))
    assert_same_pixels(kept.pixels, pixels)
    moved = apply(Image(pixels), kernel, Spec(padding=((1, 1), (2, 1)), border="wrap,reflect"))
    alone = apply(Image(pixels), kernel, Spec(channels="RG", anchor=(1, 2), border="wrap,reflect"))
    assert_same_pixels(alone.pixels[..., 2:], pixels[..., 2:])
    assert_same_pixels(alone.pixels[..., :2], moved.pixels[..., :2])


@given(
    size=st.integers(1, 40),
    taps=st.integers(1, 9),
    stride=st.integers(1, 7),
    dilation=st.integers(1, 4),
)
def test_same_upper_is_what_tensorflow_documents(size, taps, stride, dilation):
    """tf.nn, "Notes on padding": the formulas of 'SAME', with its special case for a remainder."""
    span = dilation * (taps - 1) + 1
    total = max(span - (size % stride or stride), 0)
    found = {}
    for word in ("same-upper", "same-lower"):
        shape = plan_geometry(
            (size, size), (taps, taps), stride=stride, dilation=dilation, padding=word, flip=True
        )
        assert shape.out == (-(-size // stride),) * 2
        found[word] = shape.cols.before, shape.cols.after
    assert found["same-upper"] == (total // 2, total - total // 2)
    assert found["same-lower"] == (total - total // 2, total // 2)


@pytest.mark.peers("torch")
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_same_upper_is_same_of_torch(rng):
    import torch

    for rows, cols, dilation in product(range(1, 7), range(1, 7), (1, 2, 3)):
        pixels = rng.integers(0, 256, (9, 8)).astype(np.float32)
        weights = rng.integers(-9, 10, (rows, cols)).astype(np.float32)
        expected = torch.nn.functional.conv2d(
            torch.tensor(pixels)[None, None],
            torch.tensor(weights)[None, None],
            padding="same",
            dilation=dilation,
        )[0, 0].numpy()
        got = correlate(pixels, weights, padding="same-upper", border="zero", dilation=dilation)
        assert_same_pixels(got, expected)


def test_borders_that_can_not_be():
    for word, message in (
        ("zero,constant", "there is one `fill` for both"),
        ("wrap,wrap,wrap", "one border, or two"),
        (7, "one border, or two"),
        ((), "one border, or two"),
        ("wrap,", "no border named ''"),
        ("wrap,around", "no border named 'around'"),
    ):
        with pytest.raises(UsageError) as caught:
            parse_borders(word)
        assert message in str(caught.value), word


def test_a_word_that_programs_use_in_two_ways_is_told_of():
    assert Spec(border="nearest,grid-mirror").notes == ()
    spec = Spec(border="Mirror,mirror")
    assert spec.border is Border.REFLECT
    (note,) = spec.notes
    assert "SciPy" in note
    assert "symmetric" in note
