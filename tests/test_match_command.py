"""`convcli find`: what it prints, writes and refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from command import ROOT, call

import convcli
from convcli import Image, read, write
from convcli.cli.status import DONE, FAILED, WRONG_USAGE

PHOTOGRAPH = ROOT / "samples" / "astronaut.png"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A photograph, a patch of it, and an image without it."""
    monkeypatch.chdir(tmp_path)
    photograph = read(PHOTOGRAPH)
    write("photo.png", photograph)
    write("eye.png", Image(photograph.pixels[100:140, 180:260], "RGB"))
    write("other.png", Image(photograph.pixels[300:, :200], "RGB"))
    return tmp_path


def test_a_patch_of_a_photograph_is_found_and_marked(folder):
    said = call("find", "eye.png", "photo.png", "-o", "marked.png")
    assert (said.status, said.err) == (DONE, "")
    head, columns, place = said.out.splitlines()
    assert head == "photo.png: 1 place like eye.png (80×40), scored 0.8 or more"
    assert columns.split() == ["x", "y", "score"]
    assert place.split() == ["180", "100", "1.0000"]
    before, after = read("photo.png").pixels, read("marked.png").pixels
    changed = (before != after).any(axis=2)
    rows, cols = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert (rows[0], rows[-1], cols[0], cols[-1]) == (96, 143, 176, 263)
    assert not changed[100:140, 180:260].any()
    # A bright line within dark ones, on every side.
    for line in (after[96:100, 220], after[143:139:-1, 220], after[120, 176:180]):
        assert line.tolist() == [[0, 0, 0], *[[255, 230, 0]] * 2, [0, 0, 0]]


def test_json_has_every_place(folder):
    said = call("find", "eye.png", "photo.png", "--json", "--min", "0.3", "--top", "2")
    data = json.loads(said.out)
    assert said.status == DONE
    assert list(data) == [
        *("source", "patch", "status", "width", "height", "least", "matches", "more", "best"),
        *("marks", "map", "notes"),
    ]
    best = {"x": 180, "y": 100, "score": 1, "width": 80, "height": 40}
    assert (data["source"], data["patch"]) == ("photo.png", "eye.png")
    assert (data["width"], data["height"], data["least"]) == (512, 512, 0.3)
    assert data["best"] == data["matches"][0] == best
    assert len(data["matches"]) == 2
    assert data["more"]
    found = convcli.find(read("eye.png"), read("photo.png"), least=0.3, top=2)
    assert [each["x"] for each in data["matches"]] == [match.x for match in found]


def test_status_says_whether_all_have_it(folder):
    said = call("find", "eye.png", "photo.png", "other.png")
    assert said.status == FAILED
    assert said.err == "found in 1 of 2 images\n"
    last = said.out.splitlines()[-1]
    assert last.startswith("other.png: nothing like eye.png (80×40) scores 0.8 or more; the best")
    data = json.loads(call("find", "eye.png", "other.png", "--json").out)
    assert (data["status"], data["matches"]) == ("not found", [])
    assert data["best"]["score"] < 0.8
    said = call("find", "eye.png", "photo.png", "none.png")
    assert said.status == FAILED
    assert said.lines == [
        "convcli: none.png: can't be read: no such file or directory",
        "found in 1 of 2 images",
    ]
    assert "180    100" in said.out
    lines = call("find", "eye.png", "none.png", "photo.png", "--json").out.splitlines()
    failed = json.loads(lines[0])
    assert (failed["status"], list(failed)[3:]) == ("failed", ["error"])
    assert "no such file" in failed["error"]
    assert len(json.loads(lines[1])["matches"]) == 1


@pytest.mark.parametrize("suffix", ["tif", "npy"])
def test_scores_are_written_as_they_are(folder, suffix):
    assert call("find", "eye.png", "photo.png", "--map", f"m.{suffix}").status == DONE
    scores = convcli.match_scores(read("eye.png"), read("photo.png"))
    written = read(f"m.{suffix}")
    assert written.dtype == np.float32
    np.testing.assert_array_equal(written.pixels, scores)


def test_scores_in_8_bits_are_0_to_1(folder):
    assert call("find", "eye.png", "photo.png", "--map", "m.png").status == DONE
    scores = convcli.match_scores(read("eye.png"), read("photo.png"))
    expected = np.floor(scores.clip(0, 1) * 255 + 0.5)
    np.testing.assert_array_equal(read("m.png").pixels, expected)


def test_marks_stay_within_images_of_every_kind(folder, rng):
    kinds = {"L": "png", "LA": "png", "RGBA": "png", "CMYK": "tif"}
    for channels, suffix in kinds.items():
        for dtype in ("uint8", "uint16") if channels != "CMYK" else ("uint8",):
            shape = (60, 70) if channels == "L" else (60, 70, len(channels))
            pixels = rng.integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)
            path, patch = f"{channels}{dtype}.{suffix}", f"{channels}{dtype}-patch.{suffix}"
            write(path, Image(pixels, channels))
            write(patch, Image(pixels[:9, -12:], channels))
            said = call("find", patch, path, "-o", "marked/", "--min", "0.9")
            assert (said.status, said.err) == (DONE, "")
            after = read(f"marked/{path}")
            assert (after.size, after.channels, after.dtype) == ((60, 70), channels, dtype)
            changed = (after.pixels != pixels).reshape(60, 70, -1).any(axis=2)
            # The corner's frame lies within the image, half a patch away nothing has changed.
            assert changed[0, 60:].any()
            assert not changed[20:, :40].any()
    real = rng.normal(300, 5, (50, 60)).astype(np.float32)
    write("real.tif", Image(real, "L"))
    write("real-patch.tif", Image(real[20:30, 20:33], "L"))
    assert call("find", "real-patch.tif", "real.tif", "-o", "real-marked.tif").status == DONE
    marked = read("real-marked.tif").pixels
    assert (marked.min(), marked.max()) == (0, real.max())


def test_a_folder_of_images(folder):
    said = call("find", "eye.png", ".", "-o", "out/", "--map", "scores/", "--min", "0.99")
    assert said.status == FAILED
    assert [line.split(":")[0] for line in said.out.splitlines() if ":" in line] == [
        f"./{name}.png" for name in ("eye", "other", "photo")
    ]
    for name in ("eye", "other", "photo"):
        assert read(f"out/{name}.png").size == read(f"{name}.png").size
    assert read("scores/photo.png").size == (512 - 39, 512 - 79)
    (folder / "empty").mkdir()
    said = call("find", "eye.png", "empty", "photo.png")
    assert said.status == FAILED
    assert said.err.startswith("convcli: empty: no images in this folder; --recursive also looks")
    assert call("find", "eye.png", ".", "--include", "ph*").out.count("place") == 1


def test_standard_input(folder):
    photograph = (folder / "photo.png").read_bytes()
    said = call("find", "eye.png", "-", stdin=photograph)
    assert said.out.startswith("-: 1 place like eye.png")
    said = call("find", "-", "photo.png", stdin=(folder / "eye.png").read_bytes())
    assert said.out.startswith("photo.png: 1 place like - (80×40)")


def test_a_page_of_several(folder):
    photograph = read("photo.png")
    write("pages.tif", [read("other.png"), photograph])
    said = call("find", "eye.png", "pages.tif")
    assert said.status == FAILED
    assert said.err == ("convcli: pages.tif: looked at one of 2 frames; --frame chooses another\n")
    assert call("find", "eye.png", "pages.tif", "--frame", "1").status == DONE
    said = call("find", "eye.png", "pages.tif", "--frame", "2")
    assert said.err.startswith("convcli: pages.tif: there is no frame 2: the file has 2 frames")


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (("flat.png", "photo.png"), FAILED, "convcli: flat.png: the patch is flat: its samples"),
        (("photo.png", "eye.png"), FAILED, "the patch is 512×512 and the image 80×40: it has to"),
        (("none.png", "photo.png"), FAILED, "convcli: none.png: can't be read"),
        (("-", "-"), WRONG_USAGE, "PATCH and IMAGE can't both be standard input"),
        (("eye.png",), WRONG_USAGE, "missing argument 'IMAGE...'"),
        (("eye.png", "photo.png", "-o", "-"), WRONG_USAGE, "-o -: standard output has the places"),
        (("eye.png", "photo.png", "--map", "-"), WRONG_USAGE, "--map -: standard output has"),
        (("eye.png", "photo.png", "-o", "photo.png"), WRONG_USAGE, "photo.png is a source, and so"),
        (("eye.png", "photo.png", "--map", "eye.png"), WRONG_USAGE, "eye.png is the patch, which"),
        (("eye.png", "photo.png", "-o", "a.png", "--map", "a.png"), WRONG_USAGE, "-o and --map"),
        (("eye.png", "photo.png", "other.png", "--map", "a.png"), WRONG_USAGE, "--map a.png names"),
        (("eye.png", "photo.png", "-o", "flat.png"), FAILED, "'flat.png' exists; use --overwrite"),
        (("eye.png", "photo.png", "--map", "flat.png"), FAILED, "'flat.png' exists; use --overw"),
        (("eye.png", "photo.png", "--map", "x.xyz"), WRONG_USAGE, "--map x.xyz: "),
        (("eye.png", "photo.png", "--min", "2"), WRONG_USAGE, "expected a number from -1 to 1"),
        (("eye.png", "photo.png", "--top", "0"), WRONG_USAGE, "a whole number of at least 1"),
        (("eye.png", "photo.png", "--apart", "0"), WRONG_USAGE, "a whole number from 1"),
    ],
)  # fmt: skip
def test_what_is_refused(folder, args, status, words):
    write("flat.png", Image(np.full((5, 6, 3), 99, np.uint8), "RGB"))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    said = call("find", *args)
    assert said.status == status
    assert words in said.err
    assert len(said.lines) == 1
    assert said.out == ""
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
