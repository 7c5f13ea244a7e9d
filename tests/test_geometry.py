"""The shape formula against counting, against PyTorch, and against its own promises."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convcli.errors import GeometryError
from convcli.geometry import Axis, Geometry, output_size, pair, plan_geometry

SMALL = list(product(range(1, 9), range(1, 5), range(1, 6), range(1, 4), range(4), range(4)))


def windows(size, taps, stride, dilation, before, after):
    """Return every window that fits, as the list of places it takes a sample from."""
    found = []
    start = -before
    while start + dilation * (taps - 1) <= size + after - 1:
        found.append([start + k * dilation for k in range(taps)])
        start += stride
    return found


def axes():
    """Every small axis on which the kernel fits, with its windows."""
    for numbers in SMALL:
        if found := windows(*numbers):
            yield Axis(*numbers), found


def test_out_counts_the_windows():
    for axis, found in axes():
        assert axis.out == len(found), axis
        assert axis.span == found[0][-1] - found[0][0] + 1, axis
        assert axis.padded == axis.before + axis.size + axis.after


def test_an_axis_that_no_window_fits_is_refused():
    refused = 0
    for numbers in SMALL:
        if not windows(*numbers):
            refused += 1
            with pytest.raises(GeometryError, match="doesn't fit even once"):
                Axis(*numbers)
    assert refused > 1000


def test_leftover_unvisited_and_skipped_are_what_no_window_covers():
    """A window covers all from its first sample to its last, dilated or not."""
    for axis, found in axes():
        covered = {place for window in found for place in range(window[0], window[-1] + 1)}
        end = axis.size + axis.after
        last = max(covered)
        assert axis.leftover == end - 1 - last, axis
        tail = [place for place in range(axis.size) if place > last]
        assert axis.unvisited == len(tail), axis
        between = set(range(-axis.before, last + 1)) - covered
        assert axis.skipped * (axis.out - 1) == len(between), axis
        assert (axis.skipped > 0) == bool(between), axis


def test_fitting_strides_are_all_that_leave_nothing_over():
    for axis, _ in axes():
        fits = []
        for stride in range(1, max(axis.span, axis.stride) + 1):
            other = Axis(axis.size, axis.taps, stride, axis.dilation, axis.before, axis.after)
            if other.leftover == 0:
                fits.append(stride)
        assert axis.fitting_strides() == tuple(fits), axis


def test_fitting_padding_is_the_least_that_leaves_nothing_over():
    """Beyond a whole stride more on either side, remainders only repeat."""
    for axis, _ in axes():
        least = max(axis.before, axis.after)
        tried = [
            Axis(axis.size, axis.taps, axis.stride, axis.dilation, p, p)
            for p in range(least, least + 3 * axis.stride)
        ]
        fits = [other.before for other in tried if other.leftover == 0]
        assert axis.fitting_padding() == (fits[0] if fits else None), axis


def test_no_padding_fits_when_the_remainder_is_odd_and_the_stride_even():
    assert Axis(size=6, taps=3, stride=2).fitting_padding() is None
    assert Axis(size=7, taps=3, stride=2).fitting_padding() == 0
    assert Axis(size=10, taps=3, stride=3).fitting_padding() == 1


@given(
    size=st.integers(1, 10_000),
    taps=st.integers(1, 64),
    stride=st.integers(1, 70),
    dilation=st.integers(1, 20),
    flip=st.booleans(),
)
def test_same_keeps_the_size_over_the_stride_rounded_up(size, taps, stride, dilation, flip):
    shape = plan_geometry((size, size), (taps, taps), stride=stride, dilation=dilation, flip=flip)
    assert shape.out == (-(-size // stride),) * 2


@given(taps=st.integers(1, 12), dilation=st.integers(1, 5), flip=st.booleans())
def test_same_puts_the_anchor_on_the_sample(taps, dilation, flip):
    """Tap `taps // 2` lies on the first sample; a flipped kernel brings its anchor with it."""
    axis = plan_geometry((9, 9), (taps, taps), dilation=dilation, flip=flip).rows
    places = windows(9, taps, 1, dilation, axis.before, axis.after)[0]
    taps_as_laid = list(range(taps))[::-1] if flip else list(range(taps))
    assert places[taps_as_laid.index(taps // 2)] == 0


@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    taps=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_full_is_every_place_where_kernel_and_image_touch(size, taps, dilation):
    shape = plan_geometry(size, taps, padding="full", dilation=dilation)
    for k, axis in enumerate((shape.rows, shape.cols)):
        touching = [
            start
            for start in range(-3 * axis.span, size[k] + 3 * axis.span)
            if start < size[k] and start + axis.span > 0
        ]
        assert shape.out[k] == len(touching)


@given(size=st.integers(1, 60), taps=st.integers(1, 9), dilation=st.integers(1, 3))
def test_valid_adds_nothing(size, taps, dilation):
    assume(size >= dilation * (taps - 1) + 1)
    axis = plan_geometry((size, size), (taps, taps), padding="valid", dilation=dilation).cols
    assert (axis.before, axis.after, axis.out) == (0, 0, size - dilation * (taps - 1))


@pytest.mark.parametrize(
    ("padding", "around"),
    [
        (0, ((0, 0), (0, 0))),
        (2, ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        (((1, 2), (3, 4)), ((1, 2), (3, 4))),
        ((1, (0, 3)), ((1, 1), (0, 3))),
        ("valid", ((0, 0), (0, 0))),
        ("full", ((2, 2), (3, 3))),
        ("same", ((1, 1), (2, 1))),
    ],
)
def test_every_form_of_padding(padding, around):
    shape = plan_geometry((9, 9), (3, 4), padding=padding)
    got = tuple((axis.before, axis.after) for axis in (shape.rows, shape.cols))
    assert got == around


def test_a_flip_moves_the_padding_of_an_even_kernel():
    shape = plan_geometry((9, 9), (3, 4), flip=True)
    assert (shape.rows.before, shape.rows.after) == (1, 1)
    assert (shape.cols.before, shape.cols.after) == (1, 2)


def test_rows_and_columns_have_their_own_numbers():
    shape = plan_geometry((10, 20), (3, 5), stride=(1, 2), dilation=(2, 1), padding="valid")
    assert shape == Geometry(Axis(10, 3, 1, 2), Axis(20, 5, 2, 1))
    assert shape.out == (6, 8)
    assert (pair(3), pair((3, 4))) == ((3, 3), (3, 4))


@pytest.mark.parametrize(
    ("numbers", "out"),
    [
        ((7, 3), 5),
        ((7, 3, 2), 3),
        ((7, 3, 2, 1), 4),
        ((5, 3, 2, 1), 3),
        ((10, 3, 3), 3),
        ((227, 11, 4), 55),  # AlexNet's first layer, as it is usually told
        ((224, 11, 4, 2), 55),  # and as it has to be for 224
        ((224, 7, 2, 3), 112),  # ResNet's first layer
        ((32, 5, 1, 2), 32),
        ((224, 3, 1, 1), 224),
        ((224, 2, 2), 112),
        ((7, 3, 1, 0, 2), 3),
        ((7, 3, 1, 2, 2), 7),
        ((1, 1), 1),
    ],
)
def test_numbers_that_are_taught(numbers, out):
    assert output_size(*numbers) == out


@pytest.mark.parametrize(
    ("axis", "formula"),
    [
        (Axis(7, 3, 2, 1, 1, 1), "⌊(7 − 3 + 2·1)/2⌋ + 1 = 4"),
        (Axis(7, 3), "⌊(7 − 3 + 2·0)/1⌋ + 1 = 5"),
        (Axis(7, 3, 1, 2, 2, 2), "⌊(7 − (2·(3 − 1) + 1) + 2·2)/1⌋ + 1 = 7"),
        (Axis(8, 4, 1, 1, 2, 1), "⌊(8 − 4 + (2 + 1))/1⌋ + 1 = 8"),
    ],
)
def test_the_formula_shows_its_numbers(axis, formula):
    assert axis.formula == formula


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Axis(0, 1), "the image's size must be at least 1, got 0"),
        (lambda: Axis(5, 0), "the kernel's size must be at least 1, got 0"),
        (lambda: Axis(5, 3, 0), "stride must be at least 1, got 0"),
        (lambda: Axis(5, 3, 1, 0), "dilation must be at least 1, got 0"),
        (lambda: Axis(5, 3, 1, 1, -1, 0), "padding must be at least 0, got -1"),
        (lambda: Axis(5, 3, 1, 1, 0, -2), "padding must be at least 0, got -2"),
        (
            lambda: Axis(4, 7),
            "the kernel spans 7 samples but the axis has 4: it doesn't fit even once; "
            "use padding of at least 2 or a smaller kernel",
        ),
        (
            lambda: Axis(4, 4, 1, 3, 1, 1),
            "the kernel spans 10 samples but the axis has 4 + 1 + 1 of padding: it doesn't fit "
            "even once; use padding of at least 3 or a smaller kernel",
        ),
        (
            lambda: plan_geometry((5, 5), (3, 3), padding="sane"),
            "padding 'sane' is not known: expected same, valid, full, same-upper, same-lower, "
            "a number, or two numbers ROWS,COLS",
        ),
        (
            lambda: plan_geometry((5, 5), (3, 3), padding=(0, -1)),
            "padding must be at least 0, got -1",
        ),
        (
            lambda: plan_geometry((5, 5), (3, 3), stride=(1, 0)),
            "stride must be at least 1, got 0",
        ),
        (
            lambda: plan_geometry((5, 5), (3, 3), dilation=0),
            "dilation must be at least 1, got 0",
        ),
        (lambda: plan_geometry((5, 0), (3, 3)), "the image's size must be at least 1, got 0"),
        (lambda: output_size(3, 3, -1), "stride must be at least 1, got -1"),
    ],
)
def test_every_refusal_says_why(make, message):
    with pytest.raises(GeometryError) as caught:
        make()
    assert str(caught.value) == message


def test_the_padding_that_a_refusal_advises_is_the_least_that_helps():
    for numbers in SMALL:
        if windows(*numbers):
            continue
        with pytest.raises(GeometryError) as caught:
            Axis(*numbers)
        advised = int(str(caught.value).split("at least ")[1].split()[0])
        size, taps, stride, dilation = numbers[:4]
        assert windows(size, taps, stride, dilation, advised, advised)
        assert not windows(size, taps, stride, dilation, advised - 1, advised - 1)


def test_axes_are_values():
    assert Axis(5, 3) == Axis(5, 3, 1, 1, 0, 0)
    assert len({Axis(5, 3), Axis(5, 3), Axis(5, 3, 2)}) == 2
    with pytest.raises(AttributeError):
        Axis(5, 3).size = 6


@pytest.mark.peers("torch")
def test_out_is_what_pytorch_makes():
    import torch

    convolve = torch.nn.functional.conv2d
    numbers = product((1, 2, 5, 8), (1, 2, 3, 5), (1, 2, 3), (1, 2, 3), (0, 1, 2))
    tried = 0
    for size, taps, stride, dilation, padding in numbers:
        if not windows(size, taps, stride, dilation, padding, padding):
            continue
        tried += 1
        made = convolve(
            torch.zeros(1, 1, size, size + 2),
            torch.zeros(1, 1, taps, taps),
            stride=stride,
            padding=padding,
            dilation=dilation,
        )
        shape = plan_geometry(
            (size, size + 2), (taps, taps), stride=stride, dilation=dilation, padding=padding
        )
        assert shape.out == tuple(made.shape[2:])
    assert tried > 200
