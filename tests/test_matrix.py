"""A matrix as it is typed: what is read, what is refused, and that no text breaks the door."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from convcli.errors import KernelError
from convcli.kernels import format_matrix, parse_kernel, parse_matrix
from convcli.kernels.exact import PlacedError, format_number, parse_number, to_fraction


@pytest.mark.parametrize(
    ("text", "weights", "divisor", "denominator"),
    [
        ("0 -1 0; -1 5 -1; 0 -1 0", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]], 1, 1),
        ("[[1,2,1],[2,4,2],[1,2,1]]/16", [[1, 2, 1], [2, 4, 2], [1, 2, 1]], 16, 1),
        ("[0 1; 1 0]/2", [[0, 1], [1, 0]], 2, 1),
        ("1/9 1/9 1/9; 1/9 1/9 1/9", [[1 / 9] * 3] * 2, 1, 9),
        ("[1/9 1/3]/16", [[1 / 9, 1 / 3]], 16, 9),
        ("0.25, 0.5, 0.25", [[0.25, 0.5, 0.25]], 1, 4),
        ("-.5 1e-3 5.", [[-0.5, 0.001, 5]], 1, 1000),
        ("1 2\n3 4\n", [[1, 2], [3, 4]], 1, 1),
        ("\r\n1 2\r\n3 4\r\n", [[1, 2], [3, 4]], 1, 1),
        ("1 2;3 4;", [[1, 2], [3, 4]], 1, 1),
        ("1;2;3", [[1], [2], [3]], 1, 1),
        ("-1 0 1", [[-1, 0, 1]], 1, 1),
        ("−1 0 1", [[-1, 0, 1]], 1, 1),
        ("[[1 2]\n [3 4]]", [[1, 2], [3, 4]], 1, 1),
        ("[[1, 2], [3, 4],]", [[1, 2], [3, 4]], 1, 1),
        ("[1 2; 3 4] * 2", [[2, 4], [6, 8]], 1, 1),
        ("[2 4] * 0.5", [[1, 2]], 1, 2),
        ("[1 2]/-4", [[1, 2]], -4, 1),
        ("[1]/0.1", [[1]], 0.1, 1),
        ("[1; 1/9]", [[1], [1 / 9]], 1, 9),
        ("+5", [[5]], 1, 1),
    ],
)
def test_what_is_read(text, weights, divisor, denominator):
    matrix = parse_matrix(text)
    assert matrix.weights == weights
    assert (matrix.divisor, matrix.denominator) == (divisor, denominator)
    whole = (weight for row in matrix.weights for weight in row if weight == int(weight))
    assert all(isinstance(weight, int) for weight in whole)


def test_numbers_without_a_small_common_denominator_are_floats():
    matrix = parse_matrix("[0.123456789 1; 1/3 2]/16")
    assert matrix.weights == [[0.123456789, 1.0], [1 / 3, 2.0]]
    assert (matrix.divisor, matrix.denominator) == (16, None)
    assert parse_matrix("[1 2]/2.8284271247461903").divisor == 2.8284271247461903


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "the matrix is empty; expected at least one weight"),
        ("1 x 3", 1, 3, "'x' is not a number; expected a number such as 5, -0.5, 1e-3 or 1/9"),
        ("1 2\n3 4x", 2, 3, "'4x' is not a number"),
        (
            "1 2 3; 4 5",
            1,
            8,
            "row 2 has 2 weights, but row 1 has 3; expected rows of one length",
        ),
        ("1 2; 3", 1, 6, "row 2 has 1 weight, but row 1 has 2"),
        ("[[1, 2], [3]]", 1, 11, "row 2 has 1 weight, but row 1 has 2"),
        ("1,,2", 1, 3, "a weight is missing before ','"),
        (",1", 1, 1, "a weight is missing before ','"),
        ("1 2;;3 4", 1, 5, "an empty row"),
        ("[1 2", 1, 5, "the matrix ends without its closing ]"),
        ("[[1, 2]", 1, 8, "got the end; expected '['"),
        ("[[1, 2], 3]", 1, 10, "got '3'; expected '['"),
        (
            "[1 2]]",
            1,
            6,
            "']' follows the matrix; expected nothing, or a factor such as /16 or *2",
        ),
        ("[1 2] 3", 1, 7, "'3' follows the matrix"),
        ("[1 2]/x", 1, 6, "'x' is not a number"),
        ("[1 2]/0", 1, 6, "'/0' leaves nothing; expected a factor other than 0"),
        ("[1 2]*0", 1, 6, "'*0' leaves nothing; expected a factor other than 0"),
        ("1/0", 1, 1, "'1/0' divides by 0"),
        ("1e31", 1, 1, "'1e31' is too large; expected a number within ±1e30"),
        ("1e999999999", 1, 1, "'1e999999999' is too large"),
        ("nan", 1, 1, "'nan' is not a number"),
        (
            "1 1; 1 1/4",
            1,
            8,
            "is '1/4' for one weight or for all? write [1 2; 3 4]/9 to divide",
        ),
        ("1 1; 1 1 /4", 1, 10, "is '/4' for one weight or for all?"),
        ("1 1 * 4", 1, 5, "is '*' for one weight or for all?"),
        ("[1 ١]", 1, 4, "'١' is not a number"),
        (
            " ".join(["1"] * 1002),
            1,
            1,
            "the matrix is 1×1002; expected at most 1001 weights a side",
        ),
    ],
)
def test_what_is_refused(text, line, column, message):
    with pytest.raises(PlacedError) as caught:
        parse_matrix(text)
    assert caught.value.reason.startswith(message)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value) == f"line {line}, column {column}: {caught.value.reason}"


integers = hnp.arrays(
    np.int64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=7),
    elements=st.integers(-(10**6), 10**6),
)
floats = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=5),
    elements=st.floats(-1e6, 1e6, allow_subnormal=False),
)


@given(integers, st.integers(1, 10**6))
@settings(deadline=None)
def test_whole_numbers_come_back_the_same(weights, divisor):
    matrix = parse_matrix(format_matrix(weights.tolist(), divisor))
    assert np.array_equal(matrix.weights, weights)
    assert matrix.divisor == divisor


@given(floats)
@settings(deadline=None)
def test_floats_come_back_the_same(weights):
    matrix = parse_matrix(format_matrix(weights.tolist()))
    assert np.array_equal(np.array(matrix.weights) / matrix.divisor, weights)


@given(integers, st.sampled_from([" ", ",", ", ", "\t"]), st.sampled_from([";", "\n", "; \n"]))
@settings(deadline=None)
def test_every_way_of_writing_is_read_alike(weights, between, ends):
    rows = [between.join(str(weight) for weight in row) for row in weights.tolist()]
    for text in (
        ends.join(rows),
        f"[{ends.join(rows)}]",
        "[" + ", ".join(f"[{row}]" for row in rows) + "]",
        str(weights.tolist()),
    ):
        assert np.array_equal(parse_matrix(text).weights, weights)


@given(st.fractions(-(10**6), 10**6, max_denominator=1000))
def test_numbers_come_back_the_same(value):
    assert parse_number(format_number(value)) == value


@pytest.mark.parametrize("value", [True, None, [], float("nan"), float("inf"), 1e31, "x", 10**40])
def test_what_is_no_number(value):
    with pytest.raises(KernelError):
        to_fraction(value)


def test_floats_are_taken_as_they_are():
    assert to_fraction(0.25) == Fraction(1, 4)
    assert to_fraction(0.1) != Fraction(1, 10)
    assert to_fraction("0.1") == Fraction(1, 10)
    assert to_fraction("1e-500") == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no kernel given; expected a name such as sobel, a matrix such as"),
        ("  \n", "no kernel given"),
        ("3x3", "looks like a matrix, but line 1, column 1: '3x3' is not a number"),
        ("(1 2)", "looks like a matrix, but line 1, column 1: '(1' is not a number"),
        ("[1 2; 3]", "looks like a matrix, but line 1, column 7: row 2 has 1 weight"),
        ("sobelx", "no kernel named 'sobelx'; did you mean 'sobel-x'?"),
        ("photo.png", "'photo.png' looks like an image; expected a kernel first"),
        ("./mine", "'./mine' is not a kernel file; those end in .toml, .csv"),
        ("../mine.yaml", "'../mine.yaml' is not a kernel file"),
        ("/tmp/x", "'/tmp/x' is not a kernel file"),
        ("nowhere.csv", "no such file: nowhere.csv"),
        ("nowhere.toml#mine", "no such file: nowhere.toml"),
    ],
)
def test_each_confusion_has_its_message(text, message):
    with pytest.raises(KernelError) as caught:
        parse_kernel(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "name", "shape"),
    [
        ("-1 0 1", "custom", (1, 3)),
        (" [1 2; 3 4]/4 ", "custom", (2, 2)),
        (".5 .5", "custom", (1, 2)),
        ("sobel", "sobel", (3, 3)),
        ("Mean Removal", "sharpen8", (3, 3)),
        ("gaussian5-s1.4", "gaussian5-s1.4", (5, 5)),
        ("gaussian:1.5", "gaussian:sigma=1.5", (13, 13)),
        ("laplacian:1/3", "laplacian:alpha=1/3", (3, 3)),
    ],
)
def test_the_door(text, name, shape):
    kernel = parse_kernel(text)
    assert kernel.name == name
    assert kernel.shape == shape


@given(st.text() | st.text("0123456789.,;[]/*-+eE \n#:=ax()", max_size=30))
@settings(deadline=None, max_examples=400)
def test_no_text_breaks_the_door(text):
    kernel = outcome(text)
    if isinstance(kernel, str):
        assert "\n" not in kernel
        assert len(kernel) < 400
    else:
        assert kernel.shape[0] > 0


def outcome(text):
    try:
        return parse_kernel(text)
    except KernelError as error:
        return str(error)


@pytest.mark.parametrize("suffix", [".csv", ".toml", ".npy"])
@given(st.text(max_size=12))
@settings(deadline=None, max_examples=40)
def test_no_name_of_a_file_breaks_the_door(suffix, stem):
    with pytest.raises(KernelError):
        parse_kernel("nowhere\x7f/" + stem + suffix)
