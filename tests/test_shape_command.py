"""`convcli shape`: every number it shows, and what is said when the division leaves a remainder."""

from __future__ import annotations

import json

import pytest
from command import call


def shape(text, *more):
    """Run `convcli shape` with options as they are typed."""
    said = call("shape", *text.split(), *more)
    assert said.status == 0, said.err
    assert said.err == ""
    return said.out


def fact(text):
    """Return its JSON."""
    return json.loads(shape(text, "--json"))


@pytest.mark.parametrize(
    ("text", "line", "out"),
    [
        ("--n 7 --f 3", "⌊(7 − 3 + 2·0)/1⌋ + 1 = 5", 5),
        ("--n 7 --f 3 --s 2 --p 1", "⌊(7 − 3 + 2·1)/2⌋ + 1 = 4", 4),
        ("--n 7 --f 3 --s 2", "⌊(7 − 3 + 2·0)/2⌋ + 1 = 3", 3),
        ("--n 227 --f 11 --s 4", "⌊(227 − 11 + 2·0)/4⌋ + 1 = 55", 55),
        ("--n 32 --f 5 --p 2", "⌊(32 − 5 + 2·2)/1⌋ + 1 = 32", 32),
        ("--n 7 --f 3 --d 2", "⌊(7 − (2·(3 − 1) + 1) + 2·0)/1⌋ + 1 = 3", 3),
        ("--n 224 --f 7 --s 2 --p 3", "⌊(224 − 7 + 2·3)/2⌋ + 1 = 112", 112),
    ],
)
def test_the_formula_is_shown_with_its_numbers_and_its_result(text, line, out):
    said = shape(text)
    assert f"  = {line}" in said.splitlines()
    assert fact(text)["output"] == [out]


def test_the_formula_stands_above_its_numbers():
    assert shape("--n 7 --f 3").splitlines()[0] == "⌊(N − F + 2P)/S⌋ + 1"
    assert shape("--n 7 --f 3 --d 2").splitlines()[0] == "⌊(N − (D·(F − 1) + 1) + 2P)/S⌋ + 1"


@pytest.mark.parametrize(
    ("f", "padding"),
    [("1", "0"), ("3", "1"), ("5", "2"), ("7", "3"), ("2", "1 before, 0 after"),
     ("4", "2 before, 1 after")],
)  # fmt: skip
def test_the_same_padding_of_a_kernel_is_told(f, padding):
    assert f"`same` padding for F = {f}: {padding}" in shape(f"--n 9 --f {f}").splitlines()


def test_the_same_padding_grows_with_dilation_and_differs_by_axis():
    assert "`same` padding for F = 3, D = 2: 2" in shape("--n 9 --f 3 --d 2")
    lines = shape("--n 9x9 --f 3 --d 2x1").splitlines()
    assert lines[-2:] == ["`same` padding for F = 3, D = 2: 2", "`same` padding for F = 3: 1"]
    lines = shape("--n 9x9 --f 3x5").splitlines()
    assert lines[-2:] == ["`same` padding for F = 3: 1", "`same` padding for F = 5: 2"]


@pytest.mark.parametrize("f", range(1, 8))
def test_the_same_padding_keeps_the_size(f):
    assert fact(f"--n 9 --f {f} --p same")["output"] == [9]


@pytest.mark.parametrize(("word", "out"), [("same", 7), ("valid", 5), ("full", 9), ("2", 9)])
def test_padding_may_be_a_word(word, out):
    assert fact(f"--n 7 --f 3 --p {word}")["output"] == [out]


def test_a_first_layer_of_alexnet():
    """Krizhevsky, Sutskever and Hinton 2012: 96 filters of 11 × 11 × 3 with stride 4."""
    lines = shape("--n 227x227x3 --f 11 --s 4 --k 96").splitlines()
    assert "height  ⌊(227 − 11 + 2·0)/4⌋ + 1 = 55" in lines
    assert "width   ⌊(227 − 11 + 2·0)/4⌋ + 1 = 55" in lines
    assert "227×227×3 → 55×55×96" in lines
    layer = fact("--n 227x227x3 --f 11 --s 4 --k 96")["layer"]
    assert layer["output"] == [55, 55, 96]
    assert layer["filter_weights"] == 363
    assert layer["parameters"] == 34_944
    assert layer["multiply_adds"] == 105_415_200


def test_64_filters_of_3_by_3_by_3_have_1792_parameters():
    lines = shape("--n 224x224x3 --f 3 --p 1 --k 64").splitlines()
    assert "224×224×3 → 224×224×64" in lines
    assert "filter      3·3·3 = 27 weights + 1 bias" in lines
    assert "parameters  (27 + 1)·64 = 1,792" in lines


def test_a_fully_connected_layer_is_compared_with():
    """A dense layer needs (input values + 1 bias) · output values; 32·32·3 + 1 = 3073."""
    layer = fact("--n 32x32x3 --f 3 --p 1 --k 10")["layer"]
    assert layer["dense_parameters"] == 3073 * 32 * 32 * 10
    said = shape("--n 32x32x3 --f 3 --p 1 --k 10")
    assert "fully connected instead  31,467,520" in said
    assert "112,384 times as many" in said


def test_rows_and_columns_may_differ_in_everything():
    found = fact("--n 20x30 --f 3x5 --s 2x3 --p 1x2 --d 2x1")
    assert found["output"] == [(20 - 5 + 2) // 2 + 1, (30 - 5 + 4) // 3 + 1]


# What is left over.


def test_a_remainder_says_which_samples_are_never_visited_and_what_would_fit():
    lines = shape("--n 8 --f 3 --s 2").splitlines()
    assert "  5/2 is not whole: 1 left over" in lines
    assert "  never visited: the last sample (8 of 8)" in lines
    assert "  what would fit: stride 1" in lines
    lines = shape("--n 10 --f 3 --s 4").splitlines()
    assert "  7/4 is not whole: 3 left over" in lines
    assert "  never visited: the last 3 samples (8 to 10 of 10)" in lines


def test_a_remainder_of_an_image_is_told_in_rows_and_columns():
    lines = shape("--n 10x9 --f 3 --s 4").splitlines()
    assert "height  never visited: the last 3 rows (8 to 10 of 10)" in lines
    assert "width   never visited: the last 2 columns (8 to 9 of 9)" in lines


def test_padding_that_would_fit_is_named():
    """(9 − 3 + 2·1)/4 = 2."""
    assert "  what would fit: stride 1 or 2 or 3, or padding 1" in shape("--n 9 --f 3 --s 4")
    assert fact("--n 9 --f 3 --s 4 --p 1")["axes"][0]["leftover"] == 0


def test_a_remainder_in_the_padding_visits_every_sample():
    lines = shape("--n 8 --f 3 --s 2 --p 1").splitlines()
    assert "  7/2 is not whole: 1 left over" in lines
    assert "  only padding is left out: every sample is visited" in lines


def test_a_stride_wider_than_the_kernel_says_what_is_skipped():
    lines = shape("--n 10 --f 2 --s 5").splitlines()
    assert "  stride 5 is wider than the kernel's 2: 3 of every 5 samples are skipped" in lines


@pytest.mark.parametrize("text", ["--n 7 --f 3 --s 2 --p 1", "--n 227x227x3 --f 11 --s 4 --k 96"])
def test_nothing_is_said_of_remainders_where_there_are_none(text):
    said = shape(text)
    assert "left over" not in said
    assert "never visited" not in said


@pytest.mark.parametrize("n", range(3, 12))
@pytest.mark.parametrize("s", range(1, 5))
def test_what_is_said_to_fit_fits(n, s):
    axis = fact(f"--n {n} --f 3 --s {s}")["axes"][0]
    for stride in axis["strides_that_fit"]:
        assert (n - 3) % stride == 0
    padding = axis["padding_that_fits"]
    if padding is not None:
        assert (n - 3 + 2 * padding) % s == 0
    assert axis["leftover"] == (n - 3) % s


# Its forms.

AXIS_KEYS = [
    "n", "f", "s", "d", "padding", "span", "out", "formula", "leftover", "never_visited",
    "skipped_between", "strides_that_fit", "padding_that_fits", "same_padding",
]  # fmt: skip
LAYER_KEYS = [
    "input", "output", "filters", "filter_weights", "parameters", "multiply_adds",
    "dense_parameters",
]  # fmt: skip


def test_the_keys_of_json_are_stable():
    small, large = fact("--n 7 --f 3"), fact("--n 7x7x3 --f 3 --k 4")
    assert list(small) == ["axes", "output"]
    assert list(large) == ["axes", "output", "layer"]
    assert [list(axis) for axis in (*small["axes"], *large["axes"])] == [AXIS_KEYS] * 3
    assert list(large["layer"]) == LAYER_KEYS


def test_json_and_text_hold_the_same_numbers():
    text = "--n 227x227x3 --f 11 --s 4 --k 96"
    found, said = fact(text), shape(text)
    for axis in found["axes"]:
        assert axis["formula"] in said
    assert f"{found['layer']['dense_parameters']:,}" in said


@pytest.mark.parametrize(
    "text",
    [
        "--n 7 --f 3",
        "--n 10 --f 2 --s 5",
        "--n 640x481x3 --f 5 --s 4 --k 96",
        "--n 1024x1023x64 --f 3 --s 2 --d 3 --p full --k 512",
        "--n 8 --f 4 --d 2 --s 3",
    ],
)
def test_no_line_is_wider_than_60_columns_and_none_is_coloured(text, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    said = shape(text)
    assert max(map(len, said.splitlines())) <= 60
    assert "\x1b" not in said
    assert not any(line != line.rstrip() for line in said.splitlines())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("--n 7 --f 9", ["the kernel spans 9", "7", "padding of at least 1"]),
        ("--n 7 --f 3 --d 4", ["spans 9", "7"]),
        ("--n 0 --f 3", ["at least 1", "got 0"]),
        ("--n 7 --f 0", ["kernel's size", "at least 1", "got 0"]),
        ("--n 7 --f 3 --s 0", ["stride", "at least 1", "got 0"]),
        ("--n 7 --f 3 --d 0", ["dilation", "at least 1", "got 0"]),
        (
            "--n 7 --f 3 --p -1",
            ["'--p'", "expected same, valid, full, same-upper, same-lower, 1, 1x2,", "got '-1'"],
        ),
        ("--n 7 --f 3 --p 1x2x3", ["'--p'", "one number, two, or four", "got '1x2x3'"]),
        ("--n 7x7x0 --f 3 --k 2", ["channels", "at least 1", "got 0"]),
        ("--n seven --f 3", ["'--n'", "224x224x3", "got 'seven'"]),
        ("--n 7 --f 3x3x3", ["'--f'", "1 to 2 whole numbers", "got '3x3x3'"]),
        ("--n 7.5 --f 3", ["'--n'", "whole numbers", "got '7.5'"]),
    ],
)
def test_what_cannot_be_is_told(text, parts):
    said = call("shape", *text.split())
    assert said.status == 2
    assert len(said.lines) == 1
    assert all(part in said.err for part in parts), said.err


def test_padding_of_each_side_and_as_tensorflow_has_it():
    sides = call("shape", *["--n", "7x9", "--f", "4", "--p", "1x0x2x3"]).out
    assert "⌊(7 − 4 + (1 + 0))/1⌋ + 1 = 5" in sides
    assert "⌊(9 − 4 + (2 + 3))/1⌋ + 1 = 11" in sides
    assert (
        "⌊(7 − 4 + (1 + 2))/2⌋ + 1 = 4"
        in call("shape", *["--n", "7", "--f", "4", "--s", "2", "--p", "same-upper"]).out
    )


def test_numbers_may_be_joined_in_several_ways():
    for size in ("224x224x3", "224X224X3", "224×224×3", "224,224,3"):
        assert fact(f"--n {size} --f 3 --k 2")["layer"]["input"] == [224, 224, 3]
