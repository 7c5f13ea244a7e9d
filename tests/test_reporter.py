"""What is said on a terminal while a batch is on its way."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest
from command import call, on_terminal
from made_beside import coded, with_chunks

from convcli.image.files import write
from convcli.image.image import Image
from convcli.report.notes import summed

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def folder(tmp_path):
    """Make a folder of so many images, the second of which is none."""

    def fill(count):
        path = tmp_path / "in"
        path.mkdir()
        for k in range(count):
            write(path / f"{k:02}.png", Image(np.full((8, 9), k, dtype=np.uint8)))
        (path / "01.png").write_text("no image")
        return path

    return fill


def test_many_images_have_a_bar_and_lines_for_failures(folder, tmp_path):
    status, _, shown = on_terminal("apply", "box3", folder(30), "-o", tmp_path / "out")
    assert status == 1
    plain = _CODES.sub("", shown)
    assert re.search(r"\d+/30 +\d+(\.\d+)?/s", plain)
    assert plain.count("→") == 0
    # A long path is wrapped, wherever a line ends.
    assert "01.png:thisisnotanimage" in "".join(plain.split())
    assert plain.rstrip().splitlines()[-1].startswith("29 done, 1 failed in ")


def test_what_is_lost_of_many_images_is_said_in_the_end(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for k in range(3):
        (folder / f"{k}.png").write_bytes(with_chunks((b"tIME", bytes(7)), (b"prVT", b"x")))
    (folder / "9.jpg").write_bytes(coded())
    (folder / "8.png").write_bytes(coded("PNG") + b"more")
    told = call("apply", "box3", folder, "-o", tmp_path / "out")
    assert told.status == 0
    assert told.lines[-3:-1] == [
        "note: the source's time of the last change (tIME), chunk prVT: left out (3 images)",
        "note: 4 bytes behind the image: left out (1 image)",
    ]
    again = ("apply", "box3", folder, "-o", tmp_path / "out", "--overwrite")
    assert "note:" not in call(*again, "--quiet").err
    assert "note:" not in call(*again, "--json").err
    assert "(3 images)" not in call(*again, "--verbose").err
    alone = call("apply", "box3", folder / "1.png", "-o", tmp_path / "a.png").err
    assert "note:" not in alone


def test_of_many_notes_a_few_are_said():
    lines = summed({f"{k} bytes": k for k in range(1, 12)})
    assert lines[0] == "note: 11 bytes (11 images)"
    assert lines[8:] == ["note: and 3 more (--verbose or --json says them)"]


def test_few_images_are_told_of_one_by_one(folder, tmp_path):
    _, _, shown = on_terminal("apply", "box3", folder(4), "-o", tmp_path / "out")
    assert _CODES.sub("", shown).count("→") == 3


@pytest.mark.parametrize(
    ("args", "environment"), [(["--quiet"], {}), ([], {"TERM": "dumb"})], ids=["quiet", "dumb"]
)
def test_no_bar_where_none_is_wanted(args, environment, folder, tmp_path):
    images = folder(30)
    _, _, shown = on_terminal("apply", "box3", images, "-o", tmp_path / "o", *args, **environment)
    assert "\x1b" not in shown
    assert "01.png: this is not an image" in shown


def test_no_colour_where_none_is_wanted(folder, tmp_path):
    _, _, shown = on_terminal("apply", "box3", folder(30), "-o", tmp_path / "out", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*m", shown.replace("\x1b[0m", ""))
    assert "/30" in shown


def test_json_goes_past_the_bar(folder, tmp_path):
    _, out, shown = on_terminal("apply", "box3", folder(30), "-o", tmp_path / "out", "--json")
    assert len(out.splitlines()) == 30
    assert b"\x1b" not in out
    assert "/30" in shown


def test_the_bar_fits_60_columns(folder, tmp_path):
    _, _, shown = on_terminal("apply", "box3", folder(30), "-o", tmp_path / "out", COLUMNS="60")
    lines = _CODES.sub("", shown).replace("\r", "\n").splitlines()
    bars = [line for line in lines if "/30" in line]
    assert bars
    assert max(map(len, bars)) <= 60
