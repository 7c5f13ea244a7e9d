"""The usual command line is understood without Click as Click understands it."""

from __future__ import annotations

import struct
import subprocess
import sys
from types import SimpleNamespace

import click
import numpy as np
import pytest
from command import call, program
from hypothesis import given
from hypothesis import strategies as st

from convcli.cli import quick
from convcli.cli.group import cli
from convcli.cli.main import main
from convcli.errors import GeometryError, ImageError
from convcli.image import decode_memory, jpeg
from convcli.image.decode_ahead import look_ahead
from convcli.image.files import read, write
from convcli.image.image import Image
from convcli.kernels import get_kernel
from convcli.pipeline import apply, lay
from convcli.spec import Spec

WORDS = ["sobel-x", "box3", "a.png", "b c.jpg", "folder", "nosuch", "-", "--", "-1 0 1", "", "~"]
OPTIONS = [*quick.FLAGS, "-o", "--output", "--out", "-j", "2", "--gray", "-rq", "--output=x", "-h"]


def by_click(monkeypatch, arguments):
    """What Click hands over: kernels, spec and the other options; None if it finds a mistake."""
    handed = []
    monkeypatch.setattr("convcli.cli.filtering.filter_images", lambda *args: handed.append(args))
    try:
        cli.main(["apply", *arguments], standalone_mode=False)
    except (click.ClickException, click.exceptions.Exit):
        return None
    return handed[0]


@given(arguments=st.lists(st.sampled_from(WORDS + OPTIONS), max_size=6))
def test_it_understands_what_click_understands(arguments):
    found = quick.parse(arguments)
    if found is None:
        return
    text, options = found
    with pytest.MonkeyPatch.context() as patch:
        # A kernel that isn't known is found out later, and is then left to Click.
        handed = by_click(patch, ["sobel" if word == text else word for word in arguments])
    assert handed is not None
    assert len(handed[0]) == 1
    assert handed[1] == Spec()
    expected = {**handed[2], "images": tuple(handed[2]["images"])}
    assert {name: _named(value, text) for name, value in expected.items()} == options


def _named(value, text):
    """Put back the word that stood for the kernel, wherever it was typed."""
    if isinstance(value, tuple):
        return tuple(_named(each, text) for each in value)
    return text if value == "sobel" else value


@pytest.mark.parametrize(
    "arguments",
    [
        ["sobel", "a.png", "-o", "b.png", "--overwrite"],
        ["sobel", "a.png", "b.png", "-q"],
        ["-o", "out/", "-r", "box3", "photos"],
    ],
)
def test_the_usual_is_understood(arguments):
    assert quick.parse(arguments) is not None


@pytest.mark.parametrize("option", ["--quality", "--then", "--gray", "-j", "--help", "-1 0 1"])
def test_the_unusual_is_left_to_click(option):
    assert quick.parse(["sobel", "a.png", option, "5"]) is None


def test_shell_completion_is_left_to_click(monkeypatch):
    monkeypatch.setenv("_CONVCLI_COMPLETE", "bash_complete")
    assert quick.parse(["sobel", "a.png"]) is None


@pytest.mark.parametrize(("expands", "quickly"), [(True, False), (False, True)])
def test_wildcards_are_left_to_click_where_it_expands_them(expands, quickly, monkeypatch):
    asked = []
    monkeypatch.setattr("convcli.cli.main._EXPANDS", expands)
    monkeypatch.setattr("convcli.cli.quick.attempt", lambda words: asked.append(words) or 0)
    monkeypatch.setattr("convcli.cli.group.cli.main", lambda **given: asked.append(given["args"]))
    monkeypatch.setattr(sys, "argv", ["convcli", "apply", "sobel", "*.png"])
    assert main() == 0
    # Click expands only what it takes from the process itself.
    assert asked == [["sobel", "*.png"] if quickly else None]


def test_click_is_not_imported_for_the_usual(tmp_path, samples):
    code = (
        "import sys; from convcli.cli.main import main; status = main(sys.argv[1:]);"
        "print('click' in sys.modules); sys.exit(status)"
    )
    asked = program("apply", "box3", samples / "coffee.jpg", "-o", tmp_path / "o.jpg", "-q")
    asked["args"][1:3] = ["-c", code]
    done = subprocess.run(**asked, timeout=120)
    assert (done.returncode, done.stdout.decode().split()) == (0, ["False"]), done.stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["nosuch", "a.png"], 2),
        (["sobel", "none.png"], 1),
        (["sobel", "broken.png"], 1),
        (["sobel", "cut.jpg"], 1),
        (["sobel", "a.png", "--overwrite", "--skip-existing"], 2),
        (["sobel", "a.png", "-q", "-v"], 2),
        (["sobel", "a.png", "-o", "a.png", "--overwrite"], 2),
        (["sobel", "a.png", "-o", "taken.png"], 1),
        (["sobel", "a.png", "-o", "x.xyz"], 2),
    ],
)
def test_mistakes_are_said_as_click_says_them(arguments, status, tmp_path, monkeypatch, samples):
    monkeypatch.chdir(tmp_path)
    write("a.png", Image(np.zeros((5, 6), np.uint8)))
    write("taken.png", Image(np.zeros((5, 6), np.uint8)))
    (tmp_path / "broken.png").write_bytes((samples / "astronaut.png").read_bytes()[:200_000])
    (tmp_path / "cut.jpg").write_bytes((samples / "coffee.jpg").read_bytes()[:2000])
    quickly = call("apply", *arguments)
    monkeypatch.setattr(quick, "attempt", lambda arguments: None)
    slowly = call("apply", *arguments)
    assert (quickly.status, quickly.err) == (slowly.status, slowly.err)
    assert quickly.status == status
    assert len(quickly.err.splitlines()) == 1


@pytest.mark.parametrize("name", ["astronaut.png", "camera.png", "coffee.jpg", "float.tif"])
def test_what_is_read_ahead_is_what_is_read(name, samples):
    reading = look_ahead(str(samples / name))
    assert reading is not None
    found, expected = reading.take(), read(samples / name)
    assert np.array_equal(found.pixels, expected.pixels)
    assert found.meta == expected.meta


@pytest.mark.parametrize("name", ["coffee.jpg", "rocket-sideways.jpg", "rocket.jpg"])
def test_what_an_image_will_be_like_is_known_before_it_is_there(name, samples):
    reading = look_ahead(str(samples / name))
    like, image = reading.like(), reading.take()
    assert (like.shape, like.dtype, like.channels) == (image.shape, image.dtype, image.channels)


def test_getting_ready_says_nothing_of_what_is_wrong(tmp_path, samples):
    for name in ("astronaut.png", "float.tif"):
        assert look_ahead(str(samples / name)).like() is None
    data = (samples / "coffee.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: data.index(b"\xff\xda") + 4])
    reading = look_ahead(str(tmp_path / "cut.jpg"))
    assert reading.like() is None
    with pytest.raises(ImageError, match="cut short"):
        reading.take()
    (tmp_path / "cut.jpg").write_bytes(data[:-2000])
    reading = look_ahead(str(tmp_path / "cut.jpg"))
    assert reading.like() is not None
    with pytest.raises(ImageError, match="cut short"):
        reading.take()


def test_a_kernel_that_does_not_fit_is_said_of_the_image():
    like, spec = Image(np.zeros((4, 5), np.uint8)), Spec(padding="valid")
    with pytest.raises(GeometryError, match="9"):
        lay(like, [get_kernel("box:size=9")], spec)
    with pytest.raises(GeometryError, match="9"):
        apply(like, [get_kernel("box:size=9")], spec)


def test_only_files_that_are_images_are_read_ahead(tmp_path):
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "short.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for name in ("text.png", "none.png", ".", "\0"):
        assert look_ahead(str(tmp_path / name)) is None
    reading = look_ahead(str(tmp_path / "short.png"))
    assert reading is not None
    with pytest.raises(Exception, match="cut short"):
        reading.take()


@pytest.mark.skipif(sys.platform == "win32", reason="no FIFOs there")
def test_a_pipe_is_not_read_ahead(tmp_path):
    """What is taken out of it would be gone."""
    import os

    os.mkfifo(tmp_path / "pipe.png")
    assert look_ahead(str(tmp_path / "pipe.png")) is None


@pytest.fixture
def any_size(monkeypatch):
    """Memory is had beforehand for small images, too."""
    monkeypatch.setattr(jpeg, "_LARGE", 100)
    made = []
    init = decode_memory.DecodeMemory.__init__

    def noting(self, size):
        made.append(size)
        init(self, size)

    monkeypatch.setattr(decode_memory.DecodeMemory, "__init__", noting)
    return made


@pytest.mark.parametrize(
    ("name", "count"),
    [("coffee.jpg", 3), ("coffee-cmyk.jpg", 4), ("rocket-sideways.jpg", 3), ("gray.jpg", 1)],
)
def test_samples_are_decoded_into_memory_that_is_there(name, count, samples, tmp_path, any_size):
    path = samples / name
    if name == "gray.jpg":
        path = tmp_path / name
        write(path, Image(np.arange(40 * 50, dtype=np.uint8).reshape(40, 50)))
    found, expected = look_ahead(str(path)).take(), read(path)
    assert any_size == [expected.size[0] * expected.size[1] * count]
    assert np.array_equal(found.pixels, expected.pixels)
    assert found.meta == expected.meta


def test_memory_is_not_had_for_what_a_small_file_only_says(samples, tmp_path, any_size):
    data = bytearray((samples / "coffee.jpg").read_bytes())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 12000, 12000)
    (tmp_path / "large.jpg").write_bytes(data)
    (tmp_path / "cut.jpg").write_bytes(data[: at + 7])
    for name in ("large.jpg", "cut.jpg"):
        reading = look_ahead(str(tmp_path / name))
        assert any_size == []
    with pytest.raises(ImageError, match="cut short"):
        reading.take()


def test_a_damaged_file_is_refused_in_the_same_words(samples, tmp_path, any_size):
    data = bytearray((samples / "coffee.jpg").read_bytes())
    at = data.index(b"\xff\xc4")
    data[at + 4 : at + 40] = bytes(36)  # no Huffman table
    (tmp_path / "broken.jpg").write_bytes(data)
    said = []
    for work in (
        look_ahead(str(tmp_path / "broken.jpg")).take,
        lambda: read(tmp_path / "broken.jpg"),
    ):
        with pytest.raises(ImageError) as caught:
            work()
        said.append(str(caught.value))
    assert len(any_size) == 1
    assert said[0] == said[1]


def test_no_memory_is_no_reason_to_fail(samples, monkeypatch, any_size):
    def full(*_):
        raise OSError("no memory")

    monkeypatch.setattr(decode_memory, "mmap", SimpleNamespace(mmap=full))
    assert look_ahead(str(samples / "coffee.jpg")).take().size == read(samples / "coffee.jpg").size
    assert len(any_size) == 1


def test_nothing_is_begun_early_where_memory_is_scarce(samples, monkeypatch):
    monkeypatch.setattr("convcli.memory.is_had", lambda size: False)
    assert look_ahead(str(samples / "coffee.jpg")) is None


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_quiet_changes_no_sample(suffix, samples, tmp_path):
    """Nobody is told of responses then, so they are not looked at."""
    for kernel in ("sharpen", "gaussian", "sobel", "sobel-x"):
        quiet, told = (tmp_path / f"{kernel}-{word}{suffix}" for word in ("quiet", "told"))
        assert call("apply", kernel, samples / "rocket.jpg", "-o", quiet, "-q").err == ""
        assert "response" in call("apply", kernel, samples / "rocket.jpg", "-o", told).err
        assert quiet.read_bytes() == told.read_bytes()
