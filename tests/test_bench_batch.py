"""Folders of images are measured right: what is in them, their results, memory and rates."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import convcli

sys.path.append(str(Path(__file__).resolve().parent.parent))  # bench is not installed

from bench import batch, folders, targets, timing, tools, tree
from bench.cases import Record, Wrong
from bench.folders import Folder
from bench.scale import Scale

pytestmark = pytest.mark.exhaustive

TINY = Scale(quick=True, shape=(48, 70))


@pytest.mark.parametrize("name", batch.COMMANDS)
@pytest.mark.parametrize("shape", [None, TINY.shape])
def test_folders_are_sharpened_as_we_do(name, shape):
    if absent := batch.missing(name):
        pytest.skip(f"{absent} is not installed")
    case = batch.rate(Folder(24 if shape is None else 5, shape), [name], TINY)
    case.check()
    assert list(case.peers) == [name]
    sizes = case.facts()
    assert sizes["size"] == pytest.approx(sizes["sizes"][name], rel=0.2)


@pytest.mark.exhaustive
def test_folders_are_what_is_said_of_them():
    small, large = Folder(48), Folder(6, TINY.shape)
    assert [path.suffix for path in small.files].count(".png") == 48 / folders.PNG_EVERY
    assert {size_of(path) for path in small.files} == {folders.SMALL}
    assert len({path.read_bytes() for path in small.files}) == 48
    assert len({path.read_bytes() for path in large.files}) == folders.LARGE_DIFFERENT
    assert len(large.different) == folders.LARGE_DIFFERENT
    assert {size_of(path) for path in large.files} == {TINY.shape[::-1]}
    assert len(folders.Folder(folders.DIFFERENT).different) == folders.DIFFERENT


def size_of(path):
    """Columns and rows of an image file."""
    with Image.open(path) as image:
        return image.size


@pytest.fixture
def sharpened(tmp_path):
    """A folder, and a copy of its images sharpened by Pillow, as a peer would."""
    folder = Folder(24)
    mine, theirs = tmp_path / "ours", tmp_path / "theirs"
    mine.mkdir()
    for path in folder.files:
        pixels = convcli.correlate(pixels_of(path), np.array(tools.SHARPEN), mapping="clip")
        how = {"quality": tools.QUALITY, "subsampling": 2} if path.suffix == ".jpg" else {}
        Image.fromarray(pixels).save(mine / path.name, **how)
    shutil.copytree(mine, theirs)
    batch.right(folder, mine)
    batch.alike("peer", folder, theirs, mine)
    return folder, mine, theirs


def pixels_of(path):
    """The pixels of a file, gray ones without a third axis."""
    with Image.open(path) as image:
        return np.asarray(image)


def first(folder, suffix):
    """The name of a folder's first file of a kind."""
    return next(path.name for path in folder.files if path.suffix == suffix)


def test_a_folder_without_all_results_is_found(sharpened):
    folder, mine, theirs = sharpened
    (theirs / first(folder, ".png")).unlink()
    with pytest.raises(Wrong, match="24 images, 23 results"):
        batch.alike("peer", folder, theirs, mine)
    shutil.copy(mine / first(folder, ".png"), mine / "another.png")
    with pytest.raises(Wrong, match=r"another\.png"):
        batch.right(folder, mine)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_an_image_in_a_folder_that_was_not_sharpened_is_found(sharpened, suffix):
    folder, mine, theirs = sharpened
    name = first(folder, suffix)
    shutil.copy(folder.path / name, theirs / name)
    with pytest.raises(Wrong, match=name):
        batch.alike("peer", folder, theirs, mine)
    if suffix == ".png":
        shutil.copy(folder.path / name, mine / name)
        with pytest.raises(Wrong, match="by definition"):
            batch.right(folder, mine)


def test_another_quality_is_found(sharpened):
    folder, mine, theirs = sharpened
    name = first(folder, ".jpg")
    for where in (mine, theirs):
        with Image.open(mine / name) as image:
            image.load()
        image.save(where / name, quality=tools.QUALITY - 5, subsampling=2)
    with pytest.raises(Wrong, match="quality"):
        batch.right(folder, mine)
    with pytest.raises(Wrong, match="quality"):
        batch.alike("peer", folder, theirs, mine)


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    case = batch.rate(Folder(2, TINY.shape), list(batch.COMMANDS), TINY)
    assert case.peers == {}
    case.ours()
    assert case.facts()["not installed"] == "mogrify, vips, GNU parallel"


def test_images_a_second_follow_from_seconds(monkeypatch):
    times = {"": [2.0, 4.0, 3.0], "peer": [6.0, 7.0, 5.0]}
    monkeypatch.setattr(timing, "alternate", lambda *_, **__: times)
    case = batch.BatchCase("g", "12", lambda: None, {"peer": lambda: None}, unit="s", images=12)
    found = case.measure("batch", timing.QUICK)
    assert found.facts == {"ours, images/s": 4.0, "peer, images/s": 2.0}
    assert found.ratio("peer") == 2.0


needs_proc = pytest.mark.skipif(not tree.measurable(), reason="the system doesn't tell of it")

#: A process with 60 MB, which two copies share, each with 30 MB of its own.
_FAMILY = """
import os, time
shared = b"1" * 60_000_000
if os.fork() and os.fork():
    os.wait(), os.wait()
else:
    own = b"1" * 30_000_000
    time.sleep(1)
"""


@needs_proc
def test_the_memory_of_a_command_is_that_of_all_its_processes(tmp_path):
    alone = tree.run([sys.executable, "-c", "import time; time.sleep(0.3)"], cwd=tmp_path)
    found = tree.run([sys.executable, "-c", _FAMILY], cwd=tmp_path, every=0.01)
    assert (alone.processes, found.processes) == (1, 3)
    assert 0 < alone.peak < 30e6
    assert 120e6 <= found.peak < 150e6
    assert 20e6 <= found.first < 60e6
    assert found.seconds > 1


@needs_proc
def test_a_watched_command_that_fails_is_told(tmp_path):
    with pytest.raises(timing.CommandError, match="no such thing"):
        tree.run([sys.executable, "-c", "raise SystemExit('no such thing')"], cwd=tmp_path)


@needs_proc
def test_peaks_are_of_batches_that_work():
    found = batch.peak(Folder(150, TINY.shape)).measure("batch", timing.QUICK)
    assert (found.unit, found.row, found.runs) == ("MB", "150", 1)
    assert found.ours > found.facts["first process, MB"] > 0
    assert found.facts["images/s"] > 0


def test_memory_that_grows_with_the_number_of_images_is_told():
    sizes = {"100": 90.0, "1,000": 100.0, "10,000": 125.0}
    records = [Record("batch", "g", row, "MB", peak, {}, 1) for row, peak in sizes.items()]
    (found,) = [each for each in targets.outcomes(records) if each.what.startswith("peak")]
    assert found.figure == 1.25
    assert found.where.endswith("10,000 over 1,000")
    assert found.met is False
