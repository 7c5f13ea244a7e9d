"""Where samples outside an image come from: against a walk, NumPy, SciPy and OpenCV."""

from __future__ import annotations

from itertools import product

import numpy as np
import oracle
import pytest
from asserts import assert_same_pixels
from hypothesis import given
from hypothesis import strategies as st

from convcli.borders import ALIASES, Border, source
from convcli.errors import UsageError

#: Images of one to five samples, with nothing around them, and far more than they have.
AXES = list(product((1, 2, 3, 4, 5), (0, 1, 2, 3, 7, 23), (0, 1, 4, 17)))
FILL = 99

NUMPY_MODES = {
    Border.REPLICATE: "edge",
    Border.REFLECT: "reflect",
    Border.SYMMETRIC: "symmetric",
    Border.WRAP: "wrap",
    Border.ZERO: "constant",
    Border.CONSTANT: "constant",
}
SCIPY_MODES = {
    Border.REPLICATE: "nearest",
    Border.REFLECT: "mirror",
    Border.SYMMETRIC: "reflect",
    Border.WRAP: "wrap",
    Border.ZERO: "constant",
    Border.CONSTANT: "constant",
}
OPENCV_MODES = {
    Border.REPLICATE: "BORDER_REPLICATE",
    Border.REFLECT: "BORDER_REFLECT_101",
    Border.SYMMETRIC: "BORDER_REFLECT",
    Border.WRAP: "BORDER_WRAP",
    Border.ZERO: "BORDER_CONSTANT",
    Border.CONSTANT: "BORDER_CONSTANT",
}


def extended(samples, before, after, border):
    """Return the samples with their surroundings, as `source` says."""
    fill = FILL if border is Border.CONSTANT else 0
    places = source(len(samples), before, after, border)
    return np.where(places < 0, fill, samples[places])


@pytest.mark.parametrize("border", Border)
def test_source_is_where_a_walk_ends(border):
    for size, before, after in AXES:
        walked = [oracle.lookup(i, size, border) for i in range(-before, size + after)]
        expected = [-1 if place is None else place for place in walked]
        places = source(size, before, after, border)
        assert places.dtype == np.intp
        assert places.tolist() == expected, (size, before, after)


@given(
    size=st.integers(1, 300),
    before=st.integers(0, 1000),
    after=st.integers(0, 1000),
    border=st.sampled_from(Border),
)
def test_source_stays_inside_and_keeps_the_image(size, before, after, border):
    places = source(size, before, after, border)
    assert len(places) == before + size + after
    assert places[before : before + size].tolist() == list(range(size))
    outside = np.concatenate([places[:before], places[before + size :]])
    if border in (Border.ZERO, Border.CONSTANT):
        assert (outside == -1).all()
    else:
        assert ((outside >= 0) & (outside < size)).all()


@given(size=st.integers(1, 40), far=st.integers(0, 200))
def test_mirrors_look_alike_from_both_ends(size, far):
    for border in (Border.REFLECT, Border.SYMMETRIC, Border.REPLICATE):
        places = source(size, far, far, border)
        assert (places[::-1] == size - 1 - places).all()


@pytest.mark.parametrize("border", Border)
def test_source_is_numpy_pad(border):
    for size, before, after in AXES:
        samples = np.arange(10, 10 + size)
        mode = NUMPY_MODES[border]
        fill = FILL if border is Border.CONSTANT else 0
        options = {"constant_values": fill} if mode == "constant" else {}
        expected = np.pad(samples, (before, after), mode=mode, **options)
        assert_same_pixels(extended(samples, before, after, border), expected)


@pytest.mark.parametrize("border", Border)
def test_source_is_scipy_ndimage(border):
    """A kernel that is 1 at one end and 0 elsewhere shows what lies that far outside."""
    ndimage = pytest.importorskip("scipy.ndimage")
    fill = FILL if border is Border.CONSTANT else 0
    for size, reach in product((1, 2, 3, 4, 5), (1, 2, 3, 7, 23)):
        samples = np.arange(10, 10 + size)
        kernel = np.zeros(2 * reach + 1)
        around = extended(samples, reach, reach, border)
        for tap in (0, 2 * reach):
            kernel[:] = 0
            kernel[tap] = 1
            expected = ndimage.correlate1d(
                samples, kernel, mode=SCIPY_MODES[border], cval=fill, output=np.float64
            )
            assert_same_pixels(around[tap : tap + size], expected)


@pytest.mark.parametrize("border", Border)
@pytest.mark.peers("cv2")
def test_source_is_opencv_copy_make_border(border):
    import cv2

    mode = getattr(cv2, OPENCV_MODES[border])
    fill = FILL if border is Border.CONSTANT else 0
    for size, before, after in AXES:
        samples = np.arange(10, 10 + size, dtype=np.uint8)
        expected = cv2.copyMakeBorder(samples[None], 0, 0, before, after, mode, value=fill)
        assert_same_pixels(extended(samples, before, after, border), expected.reshape(-1))


@pytest.mark.parametrize("border", Border)
def test_every_border_has_its_name(border):
    assert Border.parse(border.value) is border
    assert Border.parse(border.value.upper()) is border


def test_the_words_of_other_programs():
    words = {
        **dict.fromkeys(("edge", "nearest", "clamp", "border_replicate"), Border.REPLICATE),
        "zeros": Border.ZERO,
        **dict.fromkeys(("grid-constant", "border_constant"), Border.CONSTANT),
        **dict.fromkeys(("mirror", "reflect101", "reflect_101", "border_default"), Border.REFLECT),
        **dict.fromkeys(("border_reflect_101", "border_reflect101"), Border.REFLECT),
        **dict.fromkeys(("grid-mirror", "border_reflect"), Border.SYMMETRIC),
        **dict.fromkeys(("circular", "periodic", "grid-wrap", "tile", "loop"), Border.WRAP),
        "border_wrap": Border.WRAP,
    }
    assert {word: Border.parse(word) for word in words} == words
    assert ALIASES.keys() == words.keys()
    assert Border.parse("Edge") is Border.REPLICATE


def test_an_unknown_border_is_refused_with_those_there_are():
    with pytest.raises(UsageError) as caught:
        Border.parse("mirrored")
    assert str(caught.value) == (
        "no border named 'mirrored'; there are replicate, zero, constant, reflect, symmetric, wrap"
    )
