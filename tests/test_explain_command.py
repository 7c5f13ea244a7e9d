"""`convcli explain` on the command line: what it prints, and what it refuses."""

from __future__ import annotations

import json
import re

import pytest
from command import call, spawn

import convcli

STAIRS = "1 1 1 0; 1 1 0 0; 1 0 0 0; 0 0 0 0"
CORNERS = "1 0 -1; 0 0 0; -1 0 1"


def said(*args):
    done = call("explain", *args)
    assert (done.status, done.err) == (0, "")
    return done.out


def flat(text):
    """The text without its line ends."""
    return " ".join(text.split())


def test_the_worked_example():
    out = said(CORNERS, "--grid", STAIRS, "--padding", "valid", "--at", "0,0")
    lines = out.splitlines()
    assert lines[0] == "custom on a 4×4 grid: row 0, column 0 of the result"
    assert "height     ⌊(4 − 3 + 2·0)/1⌋ + 1 = 2" in lines
    assert "rows       0·1 − 0 = 0: the kernel lies on rows 0, 1, 2" in lines
    start = lines.index("patch           kernel       products")
    assert [line.rstrip() for line in lines[start + 1 : start + 4]] == [
        "  1   1   1       1  0 -1      1  0 -1",
        "  1   1   0   ×   0  0  0  =   0  0  0",
        "  1   0   0      -1  0  1     -1  0  0",
    ]
    assert "sum        1 − 1 − 1 = -1" in lines
    assert "sample     -1; the engine stored the same" in lines


def test_padding_is_marked_and_told_of():
    out = said("box3", "--grid", STAIRS, "--at", "0,3", "--border", "wrap")
    assert "(0) (0) (0)" in out
    assert "begins again from its other side: row -1 is row 3, column 4 is column 0" in flat(out)
    out = said("box3", "--grid", STAIRS, "--at", "0,0", "--fill", "7")
    assert "outside the image all is 7" in out
    assert "(7) (7) (7)" in out


def test_all_steps_to_a_pixel(samples):
    out = said(
        "[-1 0 1]/2", samples / "camera.png", "--at", "200,191", "--map", "offset", "--scale", "3"
    )
    steps = out.split("\n\nWhat the weights")[0]
    found = re.findall(r"^(sum|divide|scale|round|offset|clip|sample) +(.*)$", steps, re.M)
    labels = [label for label, _ in found]
    assert labels[0] == "sum"
    assert labels[1] == "divide"
    assert labels[-1] == "sample"
    assert "this level stands for 0" in dict(found)["offset"]


def test_colour_and_channels(samples):
    out = said("sobel-x", samples / "astronaut.png", "--at", "100,200", "--channels", "GB")
    assert "channel    G, of G, B" in out
    assert re.search(r"^G +sum .* → sample", out, re.M)
    assert re.search(r"^B +sum .* → sample", out, re.M)


def test_a_compound_has_both_parts_and_the_magnitude():
    out = said("sobel", "--grid", "0 0 0; 0 0 4; 0 3 0", "--at", "1,1", "--border", "zero")
    assert re.findall(r"^part +(.*)$", out, re.M)[:2] == ["sobel-x", "sobel-y"]
    assert "combine    √(8² + 6²) = 10" in out


def test_what_the_weights_say():
    assert "a flat region keeps its brightness" in flat(said("sharpen"))
    assert "which sharpens" in flat(said("sharpen"))
    assert "a flat region gives 0" in flat(said("laplacian4"))
    assert "which smooths" in flat(said("box3"))


def test_correlation_beside_convolution():
    out = said("[1 2 3; 4 5 6; 7 8 9]", "--grid", "0 0 0; 0 0 1; 0 0 0", "--at", "1,1")
    assert "correlate  the kernel as it is: sum 6" in out
    assert "convolve   the kernel turned by 180° first: sum 4" in out
    flipped = said(
        "[1 2 3; 4 5 6; 7 8 9]", "--grid", "0 0 0; 0 0 1; 0 0 0", "--at", "1,1", "--convolve"
    )
    assert "correlate  the kernel as it is: sum 6" in flipped
    assert "kernel, turned" in flipped


def test_columns_times_rows_and_the_plan(samples):
    out = said("gaussian5", samples / "camera.png", "--at", "5,5")
    assert "separable  rank 1: a column times a row, 10 multiplications a sample, 25" in out
    assert "+ column" in said("laplacian4")
    plan = convcli.choose_plan((512, 512), "gaussian5")
    assert " ".join(re.search(r"^plan +(.*?)\n\n", out, re.M | re.S)[1].split()) == plan.reason


def test_where_the_response_is_largest_is_where_it_begins():
    out = said("1 0; 0 1", "--grid", "0 0 0 0; 0 0 5 0; 0 0 0 5; 0 0 0 0", "--padding", "valid")
    assert "row 1, column 2 of the result" in out.splitlines()[0]
    assert "largest    response 10 at row 1, column 2; cosine 1.000" in out


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    "args",
    [
        ("gaussian:sigma=3", "samples/logo.png", "--at", "50,120"),
        ("sobel", "samples/grid-7x7.csv"),
        ("kirsch", "samples/astronaut.png", "--at", "0,0"),
        ("gabor", "samples/camera.png", "--at", "0,0", "--border", "constant"),
        ("box3", "samples/grid-4x4.csv", "--steps"),
        ("0.123456789 1e-5; -1 4", "samples/float.tif", "--at", "3,3"),
    ],
    ids=lambda args: args[0],
)
def test_no_line_is_wider_than_the_terminal(args, width, samples, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.chdir(samples.parent)
    lines = said(*args).splitlines()
    assert max(map(len, lines)) <= width
    assert not any(line.endswith(" ") for line in lines)


def test_every_step():
    out = said(CORNERS, "--grid", STAIRS, "--padding", "valid", "--steps")
    heads = re.findall(r"step (\d) of 4", out)
    assert heads == ["1", "2", "3", "4"]
    assert "1·1 − 1·1 − 1·1 + 1·0 = -1" in out
    results = re.findall(r"row (\d), column (\d) of the result: (\S+)", out)
    assert results == [("0", "0", "-1"), ("0", "1", "1"), ("1", "0", "1"), ("1", "1", "1")]


def test_every_step_of_a_large_image_is_refused(samples):
    done = call("explain", "box3", samples / "camera.png", "--steps")
    assert done.status == 2
    assert len(done.lines) == 1
    assert "up to 64 outputs" in done.err
    assert "262,144" in done.err


def test_json_has_all_of_it(samples):
    data = json.loads(said("sobel", samples / "chelsea.png", "--at", "0,7", "--json"))
    made = convcli.apply(convcli.read(samples / "chelsea.png"), "sobel").pixels
    assert data["output"] == list(made.shape[:2])
    assert [place["stored"] for place in data["channels"]] == made[0, 7].tolist()
    assert data["place"]["stored"] == data["place"]["sample"]
    assert [part["kernel"] for part in data["place"]["parts"]] == ["sobel-x", "sobel-y"]
    part = data["place"]["parts"][0]
    assert part["outside"] == [[True] * 3, [False] * 3, [False] * 3]
    products = [
        [w * s for w, s in zip(*rows, strict=True)]
        for rows in zip(part["weights"], part["patch"], strict=True)
    ]
    assert part["products"] == products
    assert part["sum"] == sum(map(sum, products))
    assert data["convolve"] == [-total for total in data["correlate"]]
    assert data["largest"]["response"] >= data["smallest"]["response"]
    assert data["weights"][0]["rank"] == 1


def test_json_of_every_step(samples):
    args = ("1 0 1; 0 1 0; 1 0 1", samples / "grid-5x5.csv", "--padding", "valid", "--steps")
    data = json.loads(said(*args, "--json"))
    assert [step["stored"] for step in data["steps"]] == [4, 3, 4, 2, 4, 3, 2, 3, 4]


def test_an_image_from_a_pipe(samples):
    done = spawn("explain", "box3", "-", "--at", "1,1", stdin=(samples / "chart.png").read_bytes())
    assert done.status == 0
    assert "sample" in done.out


def test_no_colour_on_a_pipe_nor_where_none_is_wanted():
    assert "\x1b" not in spawn("explain", "sobel-x").out
    assert "\x1b" not in spawn("explain", "sobel-x", NO_COLOR="1").out


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (["box3", "--at", "9,9"], 2, "rows 0 to 4 and columns 0 to 4"),
        (["box3", "--at", "3"], 2, "expected a row and a column"),
        (["box3", "--at", "-1,0"], 2, "expected a row and a column"),
        (["box3", "none.png"], 1, "none.png: can't be read"),
        (["box3", "none.csv"], 1, "none.csv: can't be read"),
        (["box3", "a.png", "--grid", "1"], 2, "--grid stands for an image"),
        (["box3", "--grid", "1 2; 3"], 1, "the grid can't be read"),
        (["box3", "--grid", ""], 1, "the grid can't be read"),
        (["box3", "--play", "--steps"], 2, "--steps and --play exclude"),
        (["box3", "--play", "--json"], 2, "--json and --play exclude"),
        (["nokernel"], 2, "nokernel"),
        (["box3", "--linear"], 2, "no option --linear"),
        (["box:size=9", "--padding", "valid"], 2, "doesn't fit even once"),
        (["sobel", "--bias", "3"], 2, "--bias can't be added"),
        (["box3", "--border", "zero", "--fill", "3"], 2, "--fill goes with"),
        (["box3", "--channels", "G"], 1, "--channels G doesn't fit"),
    ],
    ids=str,
)
def test_what_is_refused(args, status, words):
    done = call("explain", *args)
    assert (done.status, done.out) == (status, "")
    assert len(done.lines) == 1
    assert words in done.err
