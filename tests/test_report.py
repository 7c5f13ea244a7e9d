"""What `convcli apply` says of an image: as text for people and as JSON for programs."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from command import call

from convcli.batch import Job, Outcome
from convcli.borders import Border
from convcli.report.explain import _OUTSIDE
from convcli.report.lines import columns, printable, wrapped
from convcli.report.outcome import status, tally
from convcli.report.page.words import BORDERS

TOP_KEYS = [
    "source", "target", "status", "error", "seconds", "kernels", "input", "output", "frames",
    "response", "missing", "geometry", "plan", "memory", "notes",
]  # fmt: skip
IMAGE_KEYS = ["height", "width", "channels", "depth"]
KEYS = {
    "kernels": ["name", "shape", "kind", "sum", "combine"],
    "input": IMAGE_KEYS,
    "output": IMAGE_KEYS,
    "response": [
        "lowest",
        "highest",
        "scale",
        "offset",
        "mapping",
        "clipped",
        "samples",
        "alpha",
        "units",
    ],
    "geometry": ["rows", "cols"],
    "memory": ["bytes", "stages"],
    "plan": ["method", "accumulator", "exact", "taps", "strip_rows", "jobs", "reason"],
}


@pytest.fixture
def here(tmp_path, monkeypatch, samples):
    """A folder with some samples to work in."""
    monkeypatch.chdir(tmp_path)
    for name in ("camera.png", "logo.png", "grid-7x7.png"):
        shutil.copy(samples / name, name)
    return tmp_path


def fact(*args, status=0):
    """Apply a kernel and return the JSON of the only image."""
    said = call("apply", *args, "--json")
    assert said.status == status, said.err
    (line,) = said.out.splitlines()
    return json.loads(line)


def text(*args):
    """Apply a kernel and return what is said."""
    said = call("apply", *args, "--overwrite")
    assert said.status == 0, said.err
    assert said.data == b""
    return said.err


def test_the_keys_of_json_are_stable(here):
    found = fact("gaussian", "logo.png", "--then", "sobel")
    assert list(found) == TOP_KEYS
    for name, keys in KEYS.items():
        several = found[name] if isinstance(found[name], list) else [found[name]]
        assert [list(each) for each in several] == [keys] * len(several)
    assert [len(found[name]) for name in ("kernels", "geometry", "plan")] == [2, 2, 2]
    axis = call("shape", "--n", "7", "--f", "3", "--json").out
    assert list(found["geometry"][0]["rows"]) == list(json.loads(axis)["axes"][0])


def test_the_keys_are_there_whatever_happened(here):
    done = fact("sobel-x", "camera.png")
    skipped = fact("sobel-x", "camera.png", "--skip-existing")
    failed = fact("sobel-x", "nope.png", status=1)
    planned = fact("sobel-x", "logo.png", "--dry-run")
    assert [each["status"] for each in (done, skipped, failed, planned)] == [
        "done", "skipped", "failed", "planned",
    ]  # fmt: skip
    for each in (done, skipped, failed, planned):
        assert list(each) == TOP_KEYS
    assert failed["error"] == "can't be read: no such file or directory"
    assert done["error"] is skipped["error"] is planned["error"] is None


def test_json_and_text_tell_the_same(here):
    args = ("sobel-x", "camera.png", "--stride", "3", "--padding", "valid")
    found, said = fact(*args), text(*args, "--verbose")
    lines = said.splitlines()
    assert lines[0] == f"{found['source']} → {found['target']}"
    before, after = found["input"], found["output"]
    assert (
        f"  image    {before['width']}×{before['height']} gray, 8-bit → "
        f"{after['width']}×{after['height']} gray, 8-bit"
    ) in lines
    assert f"  height   {found['geometry'][0]['rows']['formula']}" in lines
    assert f"  width    {found['geometry'][0]['cols']['formula']}" in lines
    response = found["response"]
    assert (
        f"  response {response['lowest']:g} … {response['highest']:g}, "
        f"mapped by {response['mapping']}"
    ) in lines
    assert f"  clipped  {response['clipped']:,} of {response['samples']:,} samples" in said
    assert f"  plan     {found['plan'][0]['reason']}" in lines


def test_the_numbers_are_those_of_the_image(here):
    found = fact("sobel-x", "grid-7x7.png", "--stride", "3", "--padding", "valid")
    assert (found["output"]["height"], found["output"]["width"]) == (2, 2)
    rows = found["geometry"][0]["rows"]
    assert rows["formula"] == "⌊(7 − 3 + 2·0)/3⌋ + 1 = 2"
    assert (rows["leftover"], rows["never_visited"]) == (1, 1)
    # The corner of 255 is at rows 4 to 6, columns 4 to 6: one window holds an edge of it.
    assert found["response"]["samples"] == 4
    assert found["kernels"] == [
        {"name": "sobel-x", "shape": [3, 3], "kind": "zero-sum", "sum": 0, "combine": None}
    ]


def test_rows_and_columns_never_visited_are_told_and_what_would_fit(here):
    lines = text("sobel-x", "camera.png", "--stride", "3", "--padding", "valid").splitlines()
    at = lines.index("  height   ⌊(512 − 3 + 2·0)/3⌋ + 1 = 170")
    assert lines[at + 1 : at + 4] == [
        "           509/3 is not whole: 2 left over",
        "           never visited: the last 2 rows (511 to 512 of 512)",
        "           what would fit: stride 1, or padding 2",
    ]


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        ("sobel-x", "sobel-x 3×3, zero-sum: finds change, silent where flat"),
        ("box", "box 3×3, smoothing, sum 1: keeps brightness"),
        ("0 -1 0; -1 5 -1; 0 -1 0", "custom 3×3, sharpening, sum 1: keeps brightness"),
        ("1 1; 1 1", "custom 2×2, smoothing, sum 4: brightness × 4"),
        ("sobel", "sobel 3×3, 2 kernels combined: magnitude"),
    ],
)
def test_a_kernel_is_told_by_its_class_and_sum(kernel, words, here):
    assert f"  kernel   {words}" in text(kernel, "grid-7x7.png", "-o", "x.png").splitlines()


def test_every_kernel_of_a_chain_is_told(here):
    said = text("box", "grid-7x7.png", "--then", "sobel-x", "--padding", "valid")
    kernels = [line for line in said.splitlines() if line.startswith("  kernel ")]
    heights = [line for line in said.splitlines() if line.startswith("  height ")]
    assert [line.split()[1] for line in kernels] == ["box", "sobel-x"]
    assert [line.split("= ")[-1] for line in heights] == ["5", "3"]


def test_clipped_samples_are_counted_and_the_way_out_is_named(here):
    said = text("sobel-x", "grid-7x7.png")
    (line,) = [line for line in said.splitlines() if line.startswith("  clipped ")]
    assert re.fullmatch(r"  clipped  \d+ of 49 samples \(\d+\.\d %\); --map normalize .*", line)
    assert "clipped" not in text("sobel-x", "grid-7x7.png", "--map", "normalize")


def test_alpha_is_told_where_there_is_one(here):
    assert "  alpha    kept as it is" in text("sobel-x", "logo.png")
    assert "  alpha    filtered, with colour weighted by it" in text("box", "logo.png")
    assert "  alpha    dropped" in text("box", "logo.png", "--alpha", "drop")
    assert "  alpha " not in text("box", "camera.png")


def test_only_verbose_tells_the_plan(here):
    assert "  plan " not in text("sobel-x", "camera.png")
    said = text("sobel-x", "camera.png", "--verbose", "--jobs", "1")
    assert "sums exact, 1 thread, strips of" in said


def test_several_images_get_a_line_each_and_a_tally(here):
    lines = text("sobel-x", "camera.png", "logo.png").splitlines()
    assert len(lines) == 3
    camera, logo = sorted(lines[:2])
    assert re.fullmatch(
        r"camera\.png → camera-sobel-x\.png  512×512 gray, 8-bit, 2\.6 % clipped, "
        r"\d+\.\d\d s",
        camera,
    )
    assert logo.startswith("logo.png → logo-sobel-x.png  240×240 RGBA, 8-bit")
    assert re.fullmatch(r"2 done in \d+\.\d s \([\d.]+ a second\)", lines[2])


def test_json_has_a_line_for_each_image_and_nothing_else_is_said(here):
    said = call("apply", "sobel-x", "camera.png", "nope.png", "logo.png", "--json")
    found = [json.loads(line) for line in said.out.splitlines()]
    assert {each["source"]: each["status"] for each in found} == {
        "camera.png": "done",
        "nope.png": "failed",
        "logo.png": "done",
    }
    assert said.err == "convcli: nope.png: can't be read: no such file or directory\n"


def test_quiet_says_nothing(here):
    said = call("apply", "sobel-x", "camera.png", "logo.png", "--quiet")
    assert (said.status, said.data, said.err) == (0, b"", "")


def test_the_report_keeps_to_60_columns_without_breaking_formulas(here, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    said = text("sobel", "logo.png", "--stride", "2", "--padding", "1", "--verbose")
    lines = said.splitlines()
    assert max(map(len, lines)) <= 60
    assert "  height   ⌊(240 − 3 + 2·1)/2⌋ + 1 = 120" in lines
    assert "\x1b" not in said
    at = next(k for k, line in enumerate(lines) if line.startswith("  plan     direct"))
    assert lines[at + 1].startswith("           ")


def test_a_tally_counts_what_became_of_all():
    assert tally({"done": 2}, 2, 1.26) == "2 done in 1.3 s (1.59 a second)"
    assert tally({"done": 1, "skipped": 1, "failed": 2}, 4, 0) == (
        "1 done, 1 skipped, 2 failed in 0.0 s"
    )
    assert tally({"failed": 1}, 1, 0) == "0 done, 1 failed in 0.0 s"
    assert tally({"planned": 1, "failed": 1}, 2, 0) == "1 planned, 1 failed in 0.0 s"
    assert tally({"done": 4000}, 12000, 4) == "4,000 done, 8,000 left in 4.0 s (1,000 a second)"


def test_what_became_of_an_image_is_one_of_four():
    job = Job("a", "b")
    found = [Outcome(job, facts=object()), Outcome(job), Outcome(job, error="no")]
    assert [status(each) for each in found] == ["done", "planned", "failed"]
    assert status(Outcome(job, skipped="exists")) == "skipped"


def test_lines_are_wrapped_below_what_was_said_first():
    assert wrapped("  note  ", "one two three", 14) == "  note  one\n        two\n        three"
    assert wrapped("  note  ", "one two three", None) == "  note  one two three"


def test_what_cannot_be_printed_is_written_out():
    assert printable("grün ⌊½⌋.png") == "grün ⌊½⌋.png"
    assert printable("a\nb\t\x1b[0m\udcff") == r"a\nb\t\x1b[0m\udcff"


def test_columns_are_those_of_the_terminal_only(monkeypatch, tmp_path):
    with (tmp_path / "log").open("w") as file:
        assert columns(file) is None
        monkeypatch.setenv("COLUMNS", "72")
        assert columns(file) == 72


def test_every_border_and_mapping_has_its_words():
    assert {*_OUTSIDE} >= {*Border} - {Border.CONSTANT}
    assert {*BORDERS} == {*Border}
