"""`python -OO` takes docstrings and asserts away, and nothing that anybody is told or given."""

from __future__ import annotations

import pytest
from command import call, spawn

COMMANDS = ("apply", "shape", "kernels", "explain", "find", "network")


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=" ".join)
def test_help_is_the_same_without_docstrings(command):
    said = spawn(*command, "--help", PYTHONOPTIMIZE="2", COLUMNS="90")
    assert (said.status, said.err) == (0, "")
    assert said.out == spawn(*command, "--help", PYTHONOPTIMIZE="0", COLUMNS="90").out
    assert "\n\n  " in said.out.partition("Options:")[0]  # more than the usage


@pytest.mark.parametrize(
    "command",
    [("kernels",), ("kernels", "gaussian:2", "sobel"), ("kernels", "gabor", "--json"),
     ("network", "vgg16"), ("shape", "--n", "7", "--f", "3"), ("explain", "box3")],
    ids=" ".join,
)  # fmt: skip
def test_all_that_is_said_is_the_same(command):
    assert spawn(*command, PYTHONOPTIMIZE="2").out == call(*command).out


def test_an_image_is_filtered_alike(samples, tmp_path):
    image = samples / "grid-7x7.png"
    said = spawn("apply", "box3", image, "-o", tmp_path / "a.png", PYTHONOPTIMIZE="2")
    assert said.status == 0, said.err
    assert call("apply", "box3", image, "-o", tmp_path / "b.png").status == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
