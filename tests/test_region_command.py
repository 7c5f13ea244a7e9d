"""`convcli apply --region`: files in, files out, and what is said."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from command import call
from PIL import Image as PillowImage

from convcli import Image, Spec, apply, read, read_frames
from convcli.errors import ImageError, UsageError
from convcli.region import Box, Region, disjoint, parse_regions


@pytest.fixture
def here(tmp_path, monkeypatch, rng):
    """A folder with photo.png, 80×60 RGB, to work in."""
    monkeypatch.chdir(tmp_path)
    PillowImage.fromarray(rng.integers(0, 256, (60, 80, 3), np.uint8)).save("photo.png")
    return tmp_path


def run(*args):
    said = call("apply", *args)
    assert said.status == 0, said.err
    return said


def composed(kernel, name, box, *more):
    """Return what all of an image filtered, and put back but for a box, is."""
    run(kernel, name, "-o", "whole.tif", "--overwrite", "-q", *more)
    source, whole = read(name).pixels.copy(), read("whole.tif").pixels
    source[box.top : box.bottom, box.left : box.right] = whole[
        box.top : box.bottom, box.left : box.right
    ]
    return source


def test_a_plate_is_blurred_and_the_rest_is_as_it_was(here):
    said = run("gaussian:sigma=4", "photo.png", "--region", "20,30,24x10", "-o", "out.png")
    found = read("out.png").pixels
    assert np.array_equal(found, composed("gaussian:sigma=4", "photo.png", Box(30, 20, 40, 44)))
    assert "part     20,30,24x10: 240 of 4,800 pixels (5.0 %) filtered\n" in said.err


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "webp", "jxl", "jp2", "ppm", "npy"])
def test_every_lossless_format_keeps_what_is_outside(here, suffix):
    run("identity", "photo.png", "-o", f"a.{suffix}", "-q")
    run("box:size=7", f"a.{suffix}", "--region", "3,4,30x20", "-o", f"b.{suffix}", "-q")
    expected = composed("box:size=7", "photo.png", Box(4, 3, 24, 33))
    assert np.array_equal(read(f"b.{suffix}").pixels, expected)


def test_coding_that_loses_is_told_of(here):
    said = run("gaussian", "photo.png", "--region", "0,0,9x9", "-o", "out.jpg")
    assert "JPEG coding changes samples outside of the part, too" in said.err
    said = run("gaussian", "photo.png", "--region", "0,0,9x9", "-o", "a.webp", "--quality", "90")
    assert "coding changes samples" in said.err
    for name in ("b.webp", "b.tif", "b.png"):
        assert "coding" not in run("gaussian", "photo.png", "--region", "0,0,9x9", "-o", name).err


def test_regions_count_from_the_upper_left_of_the_upright_image(here, samples):
    exif = PillowImage.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    pixels = read("photo.png").pixels
    PillowImage.fromarray(pixels).save("turned.png", exif=exif)
    run("box3", "turned.png", "--region", "0,0,10x80", "-o", "out.png", "-q")
    upright, found = np.rot90(pixels, -1), read("out.png").pixels
    assert found.shape == (80, 60, 3)
    assert np.array_equal(found[:, 10:], upright[:, 10:])
    assert (found[:, :10] != upright[:, :10]).any()


def test_per_cent_and_pixels_mix_and_halves_are_rounded_up():
    assert Region.parse("50%,10,25%x50%").box((60, 81)) == Box(10, 41, 40, 61)
    assert Region.parse("12.5%,0,12.5%x1").box((4, 100)) == Box(0, 13, 1, 25)
    thirds = [Region.parse(f"{k}%,0,{33.4}%x100%").box((7, 10)) for k in (0, 33.4, 66.8)]
    assert [(box.left, box.right) for box in thirds] == [(0, 3), (3, 7), (7, 10)]
    assert Region.parse("0%,0%,100%x100%").box((7, 10)) == Box(0, 0, 7, 10)
    assert Region.parse(" 1 , 2 , 3 X 4 ").box((9, 9)) == Region.parse((1, 2, 3, 4)).box((9, 9))


@pytest.mark.parametrize(
    ("typed", "box"),
    [("-5,-6,10x10", Box(0, 0, 4, 5)), ("70,50,24x24", Box(50, 70, 60, 80)),
     ("-9,-9,999x999", Box(0, 0, 60, 80)), ("79,59,1x1", Box(59, 79, 60, 80))],
)  # fmt: skip
def test_what_reaches_beyond_the_image_is_cut(typed, box, here):
    said = run("box3", "photo.png", f"--region={typed}", "-o", "out.png")
    assert np.array_equal(read("out.png").pixels, composed("box3", "photo.png", box))
    assert (f"--region {typed} reaches beyond the image" in said.err) == (typed != "79,59,1x1")


@pytest.mark.parametrize(
    "typed",
    ["1,2,3", "a", "", "1.5,2,3x4", "1,2,3x4x5", "%,1,2x3", "1,2,0x3", "1,2,3x-4", "1,2,0%x3",
     "1,2,3 4", "1e3,2,3x4", "٣,1,2x2", "nan,1,2x2", "1,2,9999999999x3"],
)  # fmt: skip
def test_what_is_no_region_is_a_wrong_command_line(typed, here):
    said = call("apply", "box3", "photo.png", f"--region={typed}", "-o", "out.png")
    assert (said.status, said.err.count("\n")) == (2, 1)
    assert said.err.startswith("convcli: invalid value for '--region': ")
    with pytest.raises(UsageError, match="`region`"):
        parse_regions(typed)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--region", "80,0,5x5"], "--region 80,0,5x5 lies outside of the image, which is 80×60"),
        (["--region", "0,0,0.1%x5"], "covers no pixel of an image of 80×60"),
        (["--region", "0,0,5x5", "--stride", "2"], "--region keeps the image's size, 80×60, and"),
        (["--region", "0,0,5x5", "--padding", "full"], "the result has 82×62"),
    ],
)
def test_what_does_not_fit_an_image_is_refused_in_a_line(args, said, here):
    found = call("apply", "box3", "photo.png", *args, "-o", "out.png")
    assert (found.status, found.err.count("\n")) == (1, 1)
    assert said in found.err


def test_where_there_are_no_parts_it_is_refused(here):
    tifffile.imwrite("stack.tif", np.zeros((3, 8, 9), np.uint8), photometric="minisblack")
    said = call("apply", "box", "stack.tif", "--volume", "--region", "0,0,2x2", "-o", "o.tif")
    assert said.err == "convcli: stack.tif: --region can't be had for a volume; leave it out\n"
    said = call("apply", "--bank", "box3,sobel-x", "photo.png", "--region", "0,0,2x2", "-o", "o/")
    assert "--region goes with a single kernel" in said.err
    assert said.status != 0


def test_overlapping_regions_are_filtered_once(here):
    regions = ["--region", "0,0,20x20", "--region", "10,10,20x20", "--region", "0,0,20x20"]
    said = json.loads(run("sharpen", "photo.png", *regions, "-o", "out.png", "--json").out)
    part = said["part"]
    assert part["pixels"] == 20 * 20 + 20 * 20 - 10 * 10
    assert (part["samples"], said["response"]["samples"]) == (part["pixels"] * 3,) * 2
    assert part["regions"][1] == {"x": 10, "y": 10, "width": 20, "height": 20}
    assert (part["masked"], part["mixed"]) == (False, 0)
    boxes = disjoint([Box(0, 0, 20, 20), Box(10, 10, 30, 30)])
    covered = np.zeros((30, 30), int)
    for top, left, bottom, right in boxes:
        covered[top:bottom, left:right] += 1
    assert covered.max() == 1
    assert covered.sum() == part["pixels"]


def test_without_a_part_json_has_no_such_key(here):
    assert "part" not in json.loads(run("box3", "photo.png", "-o", "o.png", "--json").out)


def test_frames_pages_and_folders_have_the_same_part(here, rng):
    frames = rng.integers(0, 256, (3, 20, 30), np.uint8)
    tifffile.imwrite("s.tif", frames, photometric="minisblack")
    run("box3", "s.tif", "--region", "5,5,10x10", "-o", "t.tif", "-q")
    inside = np.zeros((20, 30), bool)
    inside[5:15, 5:15] = True
    for before, after in zip(frames, read_frames("t.tif"), strict=True):
        assert np.array_equal(before[~inside], after.pixels[~inside])
        assert (before != after.pixels).any()


def test_one_image_that_is_too_small_does_not_stop_the_others(here):
    (here / "in").mkdir()
    for name, size in (("a.png", 50), ("b.png", 8), ("c.png", 50)):
        PillowImage.new("L", (size, size), 9).save(f"in/{name}")
    said = call("apply", "box3", "in", "--region", "10,10,5x5", "-o", "out/")
    assert said.status == 1
    assert "in/b.png: --region 10,10,5x5 lies outside of the image, which is 8×8" in said.err
    assert sorted(path.name for path in (here / "out").iterdir()) == ["a.png", "c.png"]


def test_source_and_result_side_by_side(here):
    run("gaussian:sigma=3", "photo.png", "--region", "9,9,9x9", "-o", "o.png",
        "--compare", "both.png", "-q")  # fmt: skip
    both, found = read("both.png").pixels, read("o.png").pixels
    assert np.array_equal(both[:, :80], read("photo.png").pixels)
    assert np.array_equal(both[:, -80:], found)


def test_what_is_normalized_is_stretched_over_all_parts(here):
    regions = ["--region", "0,0,20x20", "--region", "40,30,20x20"]
    run("sobel-x", "photo.png", *regions, "--map", "normalize", "-o", "o.png", "-q")
    run("sobel-x", "photo.png", "--map", "raw", "-o", "raw.tif", "-q")
    raw, found = read("raw.tif").pixels, read("o.png").pixels
    places = [(slice(0, 20), slice(0, 20)), (slice(30, 50), slice(40, 60))]
    low = min(raw[place].min() for place in places)
    high = max(raw[place].max() for place in places)
    for place in places:
        expected = np.floor((raw[place].astype(float) - low) / (high - low) * 255 + 0.5)
        assert np.abs(found[place] - expected).max() <= 1


def test_a_part_is_planned_for_its_own_size(here):
    PillowImage.new("L", (3000, 2000)).save("large.png")
    said = json.loads(
        run("disk:radius=9", "large.png", "--region", "5,5,20x20", "-o", "o.png", "--json").out
    )
    whole = json.loads(run("disk:radius=9", "large.png", "-o", "p.png", "--json").out)
    assert said["plan"][0]["strip_rows"] <= 64
    assert whole["plan"][0]["method"] in ("fft", "direct", "lowrank")
    assert said["geometry"] == whole["geometry"]


def test_errors_of_python_name_the_parameter(rng):
    with pytest.raises(ImageError, match=r"^`region` 9,9,1x1 lies outside"):
        apply(Image(rng.integers(0, 9, (5, 5), np.uint8)), "box3", Spec(region=(9, 9, 1, 1)))
