"""The grid runs what it says, and says where two versions differ."""

from __future__ import annotations

import copy
import json
import sys
from collections import Counter

import grid
import pytest
from grid_cases import GROUPS, Case, cases
from grid_sources import KINDS, STILL

#: A command that is done, one that is wrong, and a call.
FEW = (
    Case("kinds", "61x83-rgba8.png", ("sobel",)),
    Case("wrong", "61x83-rgb8.png", ("sharpen",), "--stride 0"),
    Case("calls", "61x83-five.tif", (), call="read", suffix=".npy"),
)


@pytest.fixture(scope="module")
def found():
    return grid.make(sys.executable, FEW, 1)


@pytest.mark.exhaustive
def test_a_case_is_run_in_both_ways(found):
    done = found["cases"]["61x83-rgba8.png sobel"]
    assert (done["status"], done["kind"]) == (0, "1 of (61, 83, 4) uint8")
    assert done["response.alpha"] == "keep"
    assert not [what for what in done if what.startswith("quiet")]
    read = found["cases"]["61x83-five.tif read({}) → .npy"]
    assert read["kind"] == "1 of (61, 83, 5) uint8"
    wrong = found["cases"]["61x83-rgb8.png sharpen --stride 0"]
    assert wrong["status"] == 2
    assert "--stride" in wrong["said"]


def test_differences_are_told(found, capsys):
    assert grid.compare(found, json.loads(json.dumps(found))) == 0
    other = copy.deepcopy(found)
    done = other["cases"]["61x83-rgba8.png sobel"]
    done["samples"], done["response.lowest"] = "0" * 16, None
    del done["plan0.method"]
    other["cases"]["another"] = other["cases"].pop("61x83-five.tif read({}) → .npy")
    assert grid.compare(found, other) == 3
    said = capsys.readouterr().out
    assert "samples: " in said
    assert "case: True → False" in said
    assert "plan0.method" not in said


def test_what_is_meant_is_not_a_difference():
    key = "61x83-rgb-float32-nan.tif sharpen"
    assert grid.reason(key, "response.highest", float("inf"), None)
    key = "61x83-rgb8.png sharpen"
    assert grid.reason(key, "response.highest", 1.5, 1.5 + 1e-15)
    assert grid.reason(key, "response.highest", 1.5, 1.6) is None
    assert grid.reason(key, "response.highest", 1.5, None) is None
    assert grid.reason(key, "samples", "1", "2") is None


def test_the_grid_has_all_kinds_in_the_same_order_every_time():
    made = cases()
    assert [case.key for case in made] == [case.key for case in cases()]
    assert set(Counter(case.group for case in made)) == set(GROUPS)
    kinds = Counter(case.source.partition("-")[2] for case in made)
    assert set(kinds) == set(KINDS)
    assert min(kinds[kind] for kind in STILL) > 25
    assert not [case.key for case in made if "divisor" in case.key]
