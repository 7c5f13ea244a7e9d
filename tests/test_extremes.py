"""Extreme numbers: a kernel or one clear line, never a warning, a traceback or a long wait."""

from __future__ import annotations

import re
import warnings
from math import isfinite
from time import perf_counter

import numpy as np
import pytest
from command import call
from hypothesis import given, settings
from hypothesis import strategies as st
from marks import exhaustive_but

from convcli.errors import KernelError
from convcli.kernels import parse_kernel
from convcli.kernels.generators import GENERATORS, generate
from convcli.kernels.kernel import Kernel
from convcli.kernels.parameters import Type
from convcli.pipeline.responses import Target, response_range
from convcli.spec import Mapping

#: Floats about where squares, quotients and exponentials overflow or vanish.
EDGES = (
    *("5e-324", "1e-320", "1e-310", "1e-308", "1e-200", "1e-162", "1e-155", "1e-100", "1e-30"),
    *(
        "1e-9",
        "0.02",
        "0.026",
        "0.03",
        "0.1",
        "0.5",
        "1",
        "2",
        "2.5",
        "7",
        "51",
        "125",
        "180",
        "500",
    ),
    *("-0.0", "0", "-1", "-360", "-1e-300", "1e-330", "1e-399", "1e9", "1e300", "1e309", "nan"),
    *("inf", "-inf", "1/3", "1/7919", "9" * 5000, "\0", "", "180"),
)
VALUES = st.one_of(
    st.sampled_from(EDGES),
    st.floats().map(float.__repr__),
    st.floats(),
    st.floats(0, 10),
    st.integers(-3, 60),
    st.sampled_from((10**5000, None, True, "remove", "l5e5", b"1", np.float32(0.3))),
)


def judged(make):
    """Make a kernel and ask all of it; None if it is refused in one line."""
    start = perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            kernel = make()
        except KernelError as error:
            said = str(error)
            assert (len(said) < 300, "\n" in said) == (True, False)
            return None
        ends = response_range(kernel, Target(np.dtype(np.uint16), Mapping.RAW, 65535))
        assert all(isfinite(end) for end in ends)
        for part in kernel.parts:
            assert all(isfinite(fact) for fact in (part.sum, *part.gain))
            assert np.isfinite(part.weights).all()
            assert np.isfinite(part.scaled).all()
            assert part.symmetry
        assert kernel.kind
        assert kernel.default_mapping
    assert perf_counter() - start < 5  # a second on a machine that does nothing else
    return kernel


@pytest.mark.parametrize("name", exhaustive_but(["gaussian", "box", "motion"], GENERATORS))
@given(data=st.data())
@settings(max_examples=60)
def test_any_parameters_make_a_kernel_or_one_line(name, data):
    names = [parameter.name for parameter in GENERATORS[name].parameters]
    chosen = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=4))
    judged(lambda: generate(name, **chosen))


@pytest.mark.parametrize("name", GENERATORS)
def test_each_parameter_takes_or_refuses_each_edge(name):
    for parameter in GENERATORS[name].parameters:
        for value in EDGES:
            kernel = judged(lambda p=parameter, v=value: generate(name, **{p.name: v}))
            if value in ("nan", "inf", "-inf", "1e309", "\0", "", "1e300"):
                assert kernel is None or parameter.type is Type.WORD


@pytest.mark.parametrize(
    "text", ["gaussian:sigma=1e-200", "gaussian:sigma=5e-324", "unsharp:sigma=1e-160"]
)
def test_a_bell_narrower_than_a_sample_changes_nothing(text):
    kernel = judged(lambda: parse_kernel(text))
    assert kernel.sum == 1
    assert np.count_nonzero(kernel.weights) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gaussian:sigma=1e300", "at most 500, got '1e300'"),
        ("gaussian:sigma=1e-330", "must be a number above 0"),
        ("gabor:wavelength=1e-300", "from 2 to 500"),
        ("gabor:sigma=1e-300", "nothing is left"),
        ("log:sigma=1e-160", "a size of at least 3"),
        ("gaussian-dx:sigma=1e-160,size=3", "too narrow"),
        ("dog:sigma=1e-9,sigma2=1e-12,size=5", "nothing is left"),
        ("motion:length=1e9", "from 1 to 999"),
        ("[1e30 1e30]/1e-30", "too near to 0"),
        ("1 1; 1e31 1", "within ±1e30"),
    ],
)
def test_what_leaves_nothing_or_too_much_is_said(text, words):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KernelError, match=re.escape(words)):
            parse_kernel(text)


def test_a_number_of_numpy_is_taken_as_it_is():
    assert generate("gaussian", sigma=np.float64(2.5)).name == "gaussian:sigma=2.5"


NUMBERS = st.one_of(
    st.sampled_from((0, 1, -1, 1e30, 1e39, 1e154, 1.7e308, -1.7e308, 5e-324, 1e-310, 2**53, 2**64)),
    st.floats(),
    st.integers(-9, 9),
)


@given(
    st.lists(st.lists(NUMBERS, min_size=2, max_size=2), min_size=1, max_size=3), NUMBERS, NUMBERS
)
def test_any_weights_make_a_kernel_or_one_line(weights, divisor, offset):
    judged(lambda: Kernel("x", weights, divisor, offset if abs(offset) < 1e300 else 0))


@pytest.mark.parametrize(
    "weights",
    [
        np.ones((2, 2), complex), np.array([["1", "2"]]), np.array([[None, 1]]),
        np.zeros((1, 1), "M8[s]"), [[1j]], [["x"]], [[10**400]], np.zeros((2, 0)), [[1], [1, 2]],
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_matrix_of_real_numbers_is_refused(weights):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KernelError):
            Kernel("x", weights)


#: Options and their extremes; what is refused is a wrong command line.
OPTIONS = [
    ("--divisor=1e-310", 2), ("--divisor=1e-30", 0), ("--divisor=1e30", 0), ("--divisor=-1e31", 2),
    ("--scale=1e-320", 2), ("--scale=1e30", 0), ("--scale=-1e-30", 0), ("--scale=1.7e308", 2),
    ("--bias=1e30", 0), ("--bias=1e-320", 0), ("--bias=1e300", 2), ("--fill=1e-320", 0),
]  # fmt: skip


@pytest.mark.parametrize(("option", "status"), OPTIONS)
@pytest.mark.parametrize("how", exhaustive_but(["raw"], ["clip", "normalize", "raw"]))
def test_extreme_options_are_done_or_refused(option, status, how, samples, tmp_path):
    image = samples / "grid-7x7.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kernel in ("box3", "sobel-x", "0 0", "1e-300"):
            more = ("--map", how, option, "--border", "constant")
            said = call("apply", kernel, image, *more, "-o", tmp_path / "a.tif", "--overwrite")
            assert said.status == status, said.err
            if status:
                assert len(said.lines) == 1
            said = call("explain", kernel, image, *more)
            assert said.status == status, said.err


def test_responses_that_reach_to_infinity_are_null_in_json(samples, tmp_path):
    import json

    from convcli.image.files import write
    from convcli.image.image import Image

    pixels = np.ones((5, 5), np.float32)
    pixels[2, 2], pixels[0, 0] = np.inf, -np.inf
    write(tmp_path / "a.tif", Image(pixels))
    said = call("apply", "box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--json")
    assert said.status == 0

    def refuse(word):
        raise ValueError(word)

    data = json.loads(said.out, parse_constant=refuse)
    assert data["response"]["lowest"] is None
    assert data["response"]["highest"] is None


def test_what_cannot_be_stretched_is_said(tmp_path):
    from convcli.image.files import write
    from convcli.image.image import Image

    pixels = np.full((3, 3), 3e38, np.float32)
    pixels[0, 0] = 0
    write(tmp_path / "a.tif", Image(pixels))
    said = call("explain", "[9 9; 9 9]", tmp_path / "a.tif", "--map", "normalize")
    assert said.status == 1
    assert "can't be stretched" in said.err
