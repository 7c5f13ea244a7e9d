"""`convcli kernels`: the list, every kernel's card, and files that are judged."""

from __future__ import annotations

import json
import re

import pytest
from command import call, spawn

from convcli.kernels import families, names, parse_kernel
from convcli.kernels.kernel import Kernel


@pytest.fixture(autouse=True)
def width(monkeypatch):
    """As narrow as a terminal should have to be."""
    monkeypatch.setenv("COLUMNS", "60")


def kernels(*args):
    """Run `convcli kernels` and return what it prints."""
    said = call("kernels", *args)
    assert said.status == 0, said.err
    assert said.err == ""
    return said.out


def test_the_list_has_every_name_once_below_its_family():
    out = kernels()
    listed = re.findall(r"^  ([a-z0-9][\w.-]*)(?::\S+)?(?:  |$)", out, re.MULTILINE)
    assert sorted(listed) == sorted(names())
    heads = [line for line in out.splitlines() if line and not line.startswith(" ")]
    assert heads[:-1] == list(families())


def test_the_list_says_how_to_go_on():
    assert kernels().rstrip().splitlines()[-1].startswith("convcli kernels NAME")


def test_one_family_can_be_listed():
    out = kernels("--family", "compass")
    assert "kirsch" in out
    assert "gaussian" not in out


def test_the_list_as_json_has_every_name_and_stable_keys():
    found = json.loads(kernels("--json"))
    assert [item["name"] for item in found] == [
        item.name for members in families().values() for item in members
    ]
    assert {tuple(item) for item in found} == {
        ("name", "family", "form", "usage", "effect", "aliases")
    }


@pytest.mark.parametrize("name", names())
def test_every_card_shows_its_facts_within_60_columns(name):
    out = kernels(name)
    lines = out.splitlines()
    kernel = parse_kernel(name)
    assert lines[0].strip() == kernel.name
    assert max(map(len, lines)) <= 60
    assert "\x1b" not in out
    labels = {line.split()[0] for line in lines if line and not line.startswith(" ")}
    wanted = {"size", "mapping", "family", "source"}
    if isinstance(kernel, Kernel):
        wanted |= {"sum", "gain", "symmetry", "rank", "range"}
    else:
        wanted |= {"parts", "combined"}
    assert wanted <= labels


def test_a_card_shows_the_matrix_and_what_it_means():
    out = kernels("sobel-x")
    rows = [line.split() for line in out.splitlines() if re.match(r"^ +-?\d", line)]
    assert rows == [["-1", "0", "1"], ["-2", "0", "2"], ["-1", "0", "1"]]
    assert "sum       0: zero-sum, finds change, silent where flat" in out
    assert "gain      x 8, y 0 on a ramp of 1 a pixel" in out
    assert "odd: convolution changes the sign only" in out
    assert "1: separable, column (1 2 1) × row (-1 0 1)" in out
    assert "-1020 … 1020 for an 8-bit image" in out


def test_a_divisor_and_an_offset_are_shown():
    assert "all divided by 16" in kernels("[[1,2,1],[2,4,2],[1,2,1]]/16")
    assert "then +128 in 8-bit levels" in kernels("emboss-gray")


def test_a_generator_shows_its_parameters():
    out = kernels("gaussian:sigma=2")
    assert "17×17 (rows × columns)" in out
    parameters = out.partition("\nparameters")[2]
    assert re.search(r"^sigma ", parameters, re.MULTILINE)
    assert "default" in parameters


def test_several_kernels_and_matrices_that_begin_with_a_minus_can_be_shown():
    out = kernels("sobel-x", "-1 0 1; -2 0 2; -1 0 1", "-1")
    heads = [line.strip() for line in out.splitlines() if line.strip() in ("sobel-x", "custom")]
    assert heads == ["sobel-x", "custom", "custom"]


CARD_KEYS = [
    "name", "family", "effect", "source", "note", "aliases", "shape", "kind", "mapping",
]  # fmt: skip
KERNEL_KEYS = [
    "weights", "divisor", "offset", "sum", "gain", "symmetry", "rank", "factors", "range_8bit",
    "exact",
]  # fmt: skip
COMPOUND_KEYS = ["parts", "combine", "divisor", "full_scale"]


def test_the_keys_of_a_card_are_stable():
    kernel, compound = json.loads(kernels("sobel-x", "sobel", "--json"))
    assert list(kernel) == CARD_KEYS + KERNEL_KEYS
    assert list(compound) == CARD_KEYS + COMPOUND_KEYS
    assert list(compound["parts"][0]) == list(kernel)
    assert list(json.loads(kernels("sobel-x", "--json"))) == list(kernel)


@pytest.mark.parametrize("name", names())
def test_every_card_is_json_too(name):
    card = json.loads(kernels(name, "--json"))
    kernel = parse_kernel(name)
    assert card["name"] == kernel.name
    assert tuple(card["shape"]) == kernel.shape


# Colour.


def test_neither_a_pipe_nor_no_color_gets_escape_codes():
    assert "\x1b" not in kernels("sobel-x")
    assert "\x1b" not in spawn("kernels", "sobel-x", NO_COLOR="1", FORCE_COLOR="1").out
    assert not any(line.endswith(" ") for line in kernels("gabor").splitlines())
    assert "\x1b[" in spawn("kernels", "sobel-x", FORCE_COLOR="1", TERM="xterm-256color").out


# Files that are judged.

GOOD = """\
[kernel.ridge]
weights = [[-1, 2, -1]]

[kernel.soft]
weights = "[1 2 1; 2 4 2; 1 2 1]/16"
"""
BAD = (
    GOOD
    + """
[kernel.wrong]
weights = [[1, 2], [3]]

[kernel.zero]
weights = [[1]]
divisor = 0
"""
)


def checked(tmp_path, text, *more):
    """Judge a file of that text."""
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return call("kernels", "--check", path, *more)


def test_a_good_file_is_called_good(tmp_path):
    said = checked(tmp_path, GOOD)
    assert said.status == 0
    assert re.search(r"good +ridge", said.out)
    assert re.search(r"good +soft", said.out)
    assert "wrong" not in said.out
    assert "separable" in said.out


def test_a_bad_file_names_every_mistake_with_its_place(tmp_path):
    said = checked(tmp_path, BAD)
    assert said.status == 1
    told = " ".join(said.out.split())
    assert "good ridge" in told
    assert "line 8" in told
    assert "row 2 has 1 weight, but row 1 has 2" in told
    assert "line 12" in told
    assert "divisor is 0; expected any other number" in told
    assert max(map(len, said.out.splitlines()[1:])) <= 60


def test_what_may_not_be_meant_is_doubted(tmp_path):
    said = checked(tmp_path, "[kernel.dark]\nweights = [[1, 2, 1]]\ndivisor = 5\n")
    assert said.status == 0
    assert re.search(r"doubt +the sum is 0.8", said.out)


def test_a_checked_file_as_json_has_stable_keys_and_places(tmp_path):
    said = checked(tmp_path, BAD, "--json")
    assert said.status == 1
    found = json.loads(said.out)
    assert list(found) == ["path", "ok", "kernels"]
    assert found["ok"] is False
    keys = ["name", "error", "line", "column", "warnings", "notes", "kernel"]
    assert [list(item) for item in found["kernels"]] == [keys] * 4
    assert [item["name"] for item in found["kernels"]] == ["ridge", "soft", "wrong", "zero"]
    assert [item["line"] for item in found["kernels"]] == [None, None, 8, 12]
    assert list(found["kernels"][0]["kernel"]) == CARD_KEYS + KERNEL_KEYS


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [("none.toml", None, "no such file"), ("a.toml", "[x", "not TOML"), ("a.xyz", "1", "expected")],
)
def test_a_file_that_cannot_be_read_is_wrong(name, text, part, tmp_path):
    if text is not None:
        (tmp_path / name).write_text(text)
    said = call("kernels", "--check", tmp_path / name)
    assert said.status == 1
    assert part in " ".join(said.out.split())


def test_completion_knows_kernel_names():
    said = spawn(
        _CONVCLI_COMPLETE="bash_complete", COMP_WORDS="convcli apply sobel-", COMP_CWORD="2"
    )
    assert "plain,sobel-x" in said.out.splitlines()
    said = spawn(
        _CONVCLI_COMPLETE="bash_complete", COMP_WORDS="convcli kernels gaus", COMP_CWORD="2"
    )
    assert "plain,gaussian" in said.out.splitlines()
