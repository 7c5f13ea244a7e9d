"""Channels beside colour: near infrared, spot inks, alpha anywhere; names, numbers, ranges."""

from __future__ import annotations

import io
import json
import shutil
import subprocess

import numpy as np
import pytest
import tiff_made as made
import tifffile
from command import call

from convcli import Spec, read
from convcli.errors import ImageError, UsageError
from convcli.image import channels as ch
from convcli.image.channels import Bands
from convcli.image.image import Image
from convcli.image.tiff.write import encode
from convcli.kernels import parse_kernel
from convcli.pipeline import apply

GRAY, RGB, INKS = 1, 2, 5
NONE, MULTIPLIED, ALPHA = 0, 1, 2
INK_SET, INK_NAMES, INK_COUNT, DOTS, GDAL = 332, 333, 334, 336, 42112
BLUR = "[[1,2,1],[2,4,2],[1,2,1]]/16"
SPOTS = b"Cyan\0Magenta\0Yellow\0Black\0PANTONE 185 C\0Varnish\0"
SIX = b"Orange\0Green\0Violet\0Cyan\0Magenta\0Yellow\0"
GDAL_NAMES = (
    b'<GDALMetadata>\n  <Item name="DESCRIPTION" sample="0" role="description">B4 &amp; red</Item>'
    b'\n  <Item name="COLORINTERP" sample="3" role="colorinterp">NIR</Item>\n</GDALMetadata>\0'
)
#: (photometric, channels, tags, what they are called here).
KINDS = {
    "near infrared": (RGB, 4, {338: [NONE]}, "RGB?"),
    "two bands": (RGB, 5, {338: [NONE, NONE]}, "RGB??"),
    "no word of five": (RGB, 5, {}, "RGB??"),
    "alpha": (RGB, 4, {338: [ALPHA]}, "RGBA"),
    "alpha, band": (RGB, 5, {338: [ALPHA, NONE]}, "RGB?A"),
    "band, alpha": (RGB, 5, {338: [NONE, ALPHA]}, "RGB?A"),
    "alpha between": (RGB, 6, {338: [NONE, ALPHA, NONE]}, "RGB??A"),
    "two alphas": (RGB, 5, {338: [ALPHA, ALPHA]}, "RGB?A"),
    "spot inks": (INKS, 6, {338: [NONE, NONE], INK_SET: 1, INK_NAMES: SPOTS, INK_COUNT: 6},
                  "CMYK??"),
    "dots": (INKS, 4, {DOTS: [10, 240]}, "CMYK"),
    "inks and alpha": (INKS, 5, {338: [ALPHA]}, "CMYKA"),
    "inks, alpha, spot": (INKS, 6, {338: [ALPHA, NONE]}, "CMYK?A"),
    "six inks": (INKS, 6, {INK_SET: 2, INK_NAMES: SIX, INK_COUNT: 6}, "??????"),
    "three inks": (INKS, 3, {INK_SET: 2, INK_COUNT: 3}, "???"),
    "four inks": (INKS, 4, {INK_SET: 2}, "????"),
    "five inks and alpha": (INKS, 6, {INK_SET: 2, INK_COUNT: 5, 338: [ALPHA]}, "?????A"),
    "spectrum": (GRAY, 30, {338: [NONE] * 29}, "?" * 30),
    "gray, band, alpha": (GRAY, 3, {338: [NONE, ALPHA]}, "??A"),
    "gray, alpha, band": (GRAY, 3, {338: [ALPHA, NONE]}, "??A"),
}  # fmt: skip
KEPT = (262, 277, 338, INK_SET, INK_NAMES, INK_COUNT, DOTS)


def stored(count, kind="u1", seed=1, size=(11, 13)):
    """Noise, and alpha of all sizes."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(kind).max + 1, (*size, count)).astype(kind)


def said(data):
    """What a file's first page says of its channels, and its samples."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        tags = {}
        for tag in KEPT:
            value = page.tags.valueof(tag)
            if isinstance(value, bytes | str):
                value = value.encode() if isinstance(value, str) else value
                value = value.rstrip(b"\0")
            elif value is not None:
                value = np.atleast_1d(value).tolist()
            tags[tag] = value
        return tags, page.asarray()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ok(*arguments):
    """Run a command that does what it is asked for."""
    said = call(*arguments)
    assert said.status == 0, said.err
    return said


def page(name, order="<", planar=1, kind="u1"):
    photometric, count, tags, _ = KINDS[name]
    samples = stored(count, kind)
    bits = 8 * samples.dtype.itemsize
    data = made.page(
        samples, photometric=photometric, bits=bits, tags=tags, order=order, planar=planar
    )
    return data, samples


# What a file says, is said by the result


@pytest.mark.parametrize("name", KINDS)
def test_a_file_is_read_and_written_as_what_it_is(name):
    for order, planar, kind in (("<", 1, "u1"), (">", 2, "u2")):
        data, samples = page(name, order, planar, kind)
        image = read(data)
        assert image.channels == KINDS[name][3]
        assert np.array_equal(image.pixels[..., ch.file_order(image.channels, image.meta.bands)],
                              samples)  # fmt: skip
        for big in (False, True):
            tags, pixels = said(encode(image, big=big))
            assert np.array_equal(pixels, samples)
            before = said(data)[0]
            if name == "no word of five":
                before[338] = [NONE, NONE]
            assert tags == before


@pytest.mark.parametrize("name", KINDS)
def test_a_result_is_what_its_source_is(name, here):
    data, _ = page(name)
    (here / "a.tif").write_bytes(data)
    ok("apply", BLUR, "a.tif", "-o", "out.tif")
    before, after = said(data)[0], said((here / "out.tif").read_bytes())[0]
    if name == "no word of five":
        before[338] = [NONE, NONE]
    assert after == before


def blurred(plane):
    """By shifted sums, exactly."""
    padded = np.pad(plane.astype(np.float64), 1, mode="edge")
    rows, cols = plane.shape
    weights = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]])
    return (
        sum(weights[i, j] * padded[i : i + rows, j : j + cols] for i in range(3) for j in range(3))
        / 16
    )


@pytest.mark.parametrize(
    "name",
    ["alpha, band", "band, alpha", "alpha between", "inks and alpha", "inks, alpha, spot",
     "gray, alpha, band", "five inks and alpha"],
)  # fmt: skip
def test_all_else_is_weighted_by_alpha_wherever_it_stands(name):
    data, samples = page(name)
    _, _, tags, letters = KINDS[name]
    at = samples.shape[2] - len(tags[338]) + tags[338].index(ALPHA)
    result, facts = apply(read(data), [parse_kernel(BLUR)], Spec())
    found = said(encode(result))[1]
    alpha = samples[..., at].astype(np.float64)
    below = blurred(alpha)
    assert np.abs(found[..., at] - np.floor(below + 0.5)).max() == 0
    for k in range(samples.shape[2]):
        if k != at:
            expected = blurred(samples[..., k] * alpha) / below
            assert np.abs(found[..., k] - expected).max() <= 0.5001
    assert facts.alpha == "filter"
    assert letters.endswith("A")


def test_what_is_no_alpha_weighs_nothing():
    data, samples = page("near infrared")
    result, facts = apply(read(data), [parse_kernel(BLUR)], Spec())
    expected = np.dstack([np.floor(blurred(samples[..., k]) + 0.5) for k in range(4)])
    assert np.array_equal(result.pixels, expected)
    assert facts.alpha == ""


def test_colour_alone_was_multiplied_by_alpha():
    samples = np.array([[[100, 50, 10, 128, 200]]], np.uint8)
    data = made.page(samples, photometric=RGB, bits=8, tags={338: [MULTIPLIED, NONE]})
    image = read(data)
    assert image.pixels[0, 0].tolist() == [199, 100, 20, 200, 128]
    assert "divided by it" in image.meta.notes[0]
    assert said(encode(image))[1][0, 0].tolist() == [199, 100, 20, 128, 200]


# Channels by letters, numbers, ranges and names

NAMED = Bands(("", "", "", "NIR", "PANTONE 185 C", ""), alpha=3)


@pytest.mark.parametrize(
    ("wanted", "places"),
    [("RGB", [0, 1, 2]), ("rb", [0, 2]), ("R,B", [0, 2]), ("1", [0]), ("2-3", [1, 2]), ("4", [5]),
     ("5", [3]), ("6", [4]), ("4-6", [3, 4, 5]), ("A", [5]), ("alpha", [5]), ("nir", [3]),
     ("R,5-6", [0, 3, 4]), ("pantone 185 c,1", [0, 4]), (" green , blue", [1, 2]),
     ("6,1-2", [0, 1, 4])],
)  # fmt: skip
def test_channels_are_named_in_several_ways(wanted, places):
    assert ch.pick(wanted, "RGB??A", NAMED) == places


@pytest.mark.parametrize(
    "wanted",
    ["0", "7", "3-2", "5-9", "R,R", "1,R", "X", "?", "RGBX", "mir", ",", "-1", "2-", "1.5"],
)
def test_channels_that_are_not_there_are_refused_with_what_there_is(wanted):
    with pytest.raises(ImageError) as caught:
        ch.pick(wanted, "RGB??A", NAMED)
    assert str(caught.value) == (
        f"`channels` {wanted} doesn't fit an image whose channels, counted from 1, are 1 (R), "
        f"2 (G), 3 (B), 4 (A), 5 (NIR), 6 (PANTONE 185 C); name some, each once"
    )


def test_many_channels_are_not_listed():
    with pytest.raises(ImageError, match=r"counted from 1, are 1 to 200; name some"):
        ch.pick("201", "?" * 200)
    assert ch.pick("1-200", "?" * 200) == list(range(200))


def test_python_names_channels_by_numbers_too():
    image = Image(stored(5), "RGB??")
    asked = [Spec(channels=value) for value in ("5", 5, [5], (5,))]
    assert len({spec.channels for spec in asked}) == 1
    result, _ = apply(image, [parse_kernel(BLUR)], asked[0])
    assert np.array_equal(result.pixels[..., :4], image.pixels[..., :4])
    assert np.array_equal(result.pixels[..., 4], np.floor(blurred(image.pixels[..., 4]) + 0.5))


def test_names_of_inks_and_of_gdal_are_known(here):
    data, samples = page("spot inks")
    (here / "a.tif").write_bytes(data)
    ok("apply", BLUR, "a.tif", "--channels", "varnish,magenta", "-o", "out.tif")
    found = said((here / "out.tif").read_bytes())[1]
    for k in range(6):
        plane = np.floor(blurred(samples[..., k]) + 0.5) if k in (1, 5) else samples[..., k]
        assert np.array_equal(found[..., k], plane)
    image = read(made.page(stored(4), photometric=RGB, bits=8, tags={338: [NONE]}))
    assert image.meta.bands == Bands()
    with io.BytesIO() as file:
        extra = [(GDAL, 2, len(GDAL_NAMES), GDAL_NAMES, True)]
        tifffile.imwrite(file, stored(4), photometric="rgb", extrasamples=[0], metadata=None,
                         planarconfig="contig", extratags=extra)  # fmt: skip
        named = read(file.getvalue())
    assert named.meta.bands.names == ("B4 & red", "", "", "NIR")
    assert ch.pick("nir,b4 & red", named.channels, named.meta.bands) == [0, 3]


def test_arrays_have_numbers():
    image = Image(stored(7))
    result, _ = apply(image, [parse_kernel(BLUR)], Spec(channels="2-4,7"))
    same = [np.array_equal(result.pixels[..., k], image.pixels[..., k]) for k in range(7)]
    assert same == [True, False, False, False, True, True, False]


# Gray, lightness and light know the colours


@pytest.mark.parametrize(
    "options",
    [{"gray": True}, {"luma": True}, {"linear": True}, {"linear": True, "gray": True},
     {"linear": True, "luma": True}, {"channels": "R"}, {"linear": True, "channels": "RB"}],
)  # fmt: skip
@pytest.mark.parametrize("name", ["near infrared", "band, alpha", "alpha between"])
def test_colours_are_filtered_as_if_they_were_alone(options, name):
    image = read(page(name)[0])
    places = [0, 1, 2, *[len(image.channels) - 1] * image.has_alpha]
    alone = Image(image.pixels[..., places], "RGBA"[: len(places)])
    spec = Spec(**options)
    result, facts = apply(image, [parse_kernel(BLUR)], spec)
    expected, _ = apply(alone, [parse_kernel(BLUR)], spec)
    if spec.gray:
        assert result.channels == expected.channels
        assert np.array_equal(result.pixels, expected.pixels)
        assert any("left out" in note for note in facts.notes)
        return
    assert result.channels == image.channels
    assert np.array_equal(result.pixels[..., places], expected.pixels)
    band = result.pixels[..., 3]
    plain, _ = apply(image, [parse_kernel(BLUR)], Spec())
    untouched = image.pixels[..., 3]
    kept = spec.luma or spec.channels
    assert np.array_equal(band, untouched if kept else plain.pixels[..., 3])


def test_kept_bands_lie_below_the_anchors():
    image = read(page("near infrared")[0])
    spec = Spec(luma=True, padding="valid")
    result, _ = apply(image, [parse_kernel(BLUR)], spec)
    assert np.array_equal(result.pixels[..., 3], image.pixels[1:-1, 1:-1, 3])


def test_inks_beside_cmyk_have_no_part_in_gray():
    image = read(page("spot inks")[0])
    result, _ = apply(image, [parse_kernel("1")], Spec(gray=True))
    alone, _ = apply(Image(image.pixels[..., :4], "CMYK"), [parse_kernel("1")], Spec(gray=True))
    assert np.array_equal(result.pixels, alone.pixels)
    assert result.meta.bands == Bands()


# Some bands alone


def test_bands_are_taken_in_their_order(here):
    data, samples = page("spectrum")
    (here / "a.tif").write_bytes(data)
    ok("apply", "1", "a.tif", "--bands", "20,10,1", "-o", "out.png")
    assert np.array_equal(read("out.png").pixels, samples[..., [19, 9, 0]])
    ok("apply", "1", "a.tif", "--bands", "7", "-o", "one.png")
    assert np.array_equal(read("one.png").pixels, samples[..., 6])
    ok("apply", "1", "a.tif", "--bands", "7-10", "-o", "four.tif")
    tags, found = said((here / "four.tif").read_bytes())
    assert np.array_equal(found, samples[..., 6:10])
    assert (tags[262], tags[338]) == ([GRAY], [NONE] * 3)


def test_bands_that_are_colours_stay_these(here):
    data, samples = page("alpha between")
    (here / "a.tif").write_bytes(data)
    ok("apply", "1", "a.tif", "--bands", "RGBA", "-o", "out.png")
    assert read("out.png").channels == "RGBA"
    assert np.array_equal(read("out.png").pixels, samples[..., [0, 1, 2, 4]])
    ok("apply", "1", "a.tif", "--bands", "1-3,5,6", "-o", "out.tif")
    tags, found = said((here / "out.tif").read_bytes())
    assert (tags[262], tags[338]) == ([RGB], [ALPHA, NONE])
    assert np.array_equal(found, samples[..., [0, 1, 2, 4, 5]])


def test_bands_that_are_not_there_are_refused(here):
    (here / "a.tif").write_bytes(page("near infrared")[0])
    told = call("apply", "1", "a.tif", "--bands", "5", "-o", "out.tif")
    assert told.status == 1
    assert "--bands 5 doesn't fit an image whose channels, counted from 1, are" in told.err
    assert call("apply", "1", "a.tif", "--bands", "", "-o", "out.tif").status == 2
    with pytest.raises(UsageError):
        Spec(channels={"R": 1})


# Formats that can't hold them


@pytest.mark.parametrize(
    ("name", "out", "words"),
    [("near infrared", "png", "RGB and 1 band; use --bands RGB, or -o NAME.tif"),
     ("band, alpha", "png", "RGB and 1 band with alpha; use --bands RGBA, or"),
     ("band, alpha", "jpg", "RGB and 1 band with alpha; use --bands RGB, or"),
     ("spot inks", "jpg", "CMYK and 2 inks; use --bands CMYK, or"),
     ("spot inks", "png", "CMYK and 2 inks; use -o NAME.tif"),
     ("inks and alpha", "jpg", "CMYK with alpha; use --alpha drop, or"),
     ("six inks", "png", "images of 6 channels; use --bands 1, or -o NAME.tif")],
)  # fmt: skip
def test_what_a_format_cannot_hold_is_refused_in_one_line(name, out, words, here):
    (here / "a.tif").write_bytes(page(name)[0])
    told = call("apply", "1", "a.tif", "-o", f"out.{out}")
    assert told.status == 1
    assert words in told.err
    assert len(told.lines) == 1
    assert not (here / f"out.{out}").exists()


def test_npy_has_channels_as_the_file_has_them(here):
    data, samples = page("alpha between")
    (here / "a.tif").write_bytes(data)
    ok("apply", "1", "a.tif", "-o", "out.npy")
    assert np.array_equal(np.load("out.npy"), samples)


# Reports, previews, comparisons


def test_reports_name_what_there_is(here):
    (here / "a.tif").write_bytes(page("near infrared")[0])
    assert "13×11 RGB and 1 band, 8-bit" in ok("apply", "1", "a.tif", "-o", "out.tif").err
    told = ok("apply", "1", "a.tif", "-o", "b.tif", "--json")
    assert json.loads(told.out)["input"]["channels"] == "RGB?"


@pytest.mark.parametrize("options", [(), ("--gray",), ("--bands", "RGB"), ("--luma",)])
def test_source_and_result_stand_side_by_side(options, here):
    (here / "a.tif").write_bytes(page("alpha, band")[0])
    ok("apply", BLUR, "a.tif", *options, "-o", "o.tif", "--compare", "c.tif")
    assert read("c.tif").size == (11, 27)


def test_a_stack_of_bands_is_a_volume(here):
    samples = np.stack([stored(4, seed=k) for k in range(4)])
    with tifffile.TiffWriter("s.tif") as file:
        for plane in samples:
            file.write(plane, photometric="rgb", extrasamples=[0], planarconfig="contig",
                       metadata=None)  # fmt: skip
    ok("apply", "--volume", "box:size=3", "s.tif", "-o", "o.tif")
    tags, _ = said((here / "o.tif").read_bytes())
    assert (tags[262], tags[338]) == ([RGB], [NONE])
    ok("apply", "--volume", "box:size=3", "s.tif", "--gray", "-o", "g.tif")
    assert said((here / "g.tif").read_bytes())[0][277] in ([1], None)


def test_alpha_is_last_in_memory():
    with pytest.raises(ImageError, match="alpha is the last"):
        Image(stored(5), "RGBA?")


# Other programs


def _tool(name, *arguments):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    return subprocess.run([name, *arguments], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(
    ("name", "colours"),
    [
        ("near infrared", ["Red", "Green", "Blue", "Undefined"]),
        ("alpha, band", ["Red", "Green", "Blue", "Alpha", "Undefined"]),
        ("band, alpha", ["Red", "Green", "Blue", "Undefined", "Alpha"]),
        ("spot inks", None),
    ],
)
def test_gdal_sees_the_same_bands(name, colours, here):
    (here / "a.tif").write_bytes(page(name)[0])
    ok("apply", BLUR, "a.tif", "-o", "out.tif")
    seen = []
    for path in ("a.tif", "out.tif"):
        lines = _tool("gdalinfo", path).splitlines()
        seen.append([line.split("=")[-1] for line in lines if line.startswith("Band ")])
    assert seen[0] == seen[1]
    assert seen[1] == (colours or seen[1])


def test_libtiff_and_imagemagick_read_inks(here):
    (here / "a.tif").write_bytes(page("three inks")[0])
    ok("apply", BLUR, "a.tif", "-o", "out.tif")
    told = _tool("tiffinfo", "out.tif")
    assert "separated" in told
    assert "NumberOfInks: 3" in told
    assert "Extra" not in told
    (here / "b.tif").write_bytes(page("spot inks")[0])
    ok("apply", BLUR, "b.tif", "-o", "spot.tif")
    assert "CMYK" in _tool("identify", "spot.tif")


@pytest.mark.parametrize(
    ("options", "names", "count"),
    [
        (("--bands", "CMYK"), b"Cyan\0Magenta\0Yellow\0Black", 4),
        (("--bands", "C,M,Y,K,varnish"), b"Cyan\0Magenta\0Yellow\0Black\0Varnish", 5),
        ((), SPOTS.rstrip(b"\0"), 6),
    ],
)
def test_names_of_inks_are_those_of_the_result(options, names, count, here):
    (here / "a.tif").write_bytes(page("spot inks")[0])
    ok("apply", "1", "a.tif", *options, "-o", "out.tif")
    tags, _ = said((here / "out.tif").read_bytes())
    assert (tags[262], tags[INK_NAMES], tags[INK_COUNT]) == ([INKS], names, [count])


def test_the_range_of_dots_goes_with_the_depth(here):
    (here / "a.tif").write_bytes(page("dots")[0])
    ok("apply", "1", "a.tif", "--depth", "16", "-o", "out.tif")
    assert said((here / "out.tif").read_bytes())[0][DOTS] == [10 * 257, 240 * 257]


@pytest.mark.parametrize("options", [(), ("--linear",), ("--luma",), ("--channels", "4")])
def test_a_region_of_all_bands_is_filtered(options, here):
    (here / "a.tif").write_bytes(page("band, alpha")[0])
    ok("apply", BLUR, "a.tif", "--region", "2,3,5x4", *options, "-o", "o.tif")
    ok("apply", BLUR, "a.tif", *options, "-o", "all.tif")
    told = read("a.tif").pixels.copy()
    told[3:7, 2:7] = read("all.tif").pixels[3:7, 2:7]
    assert np.array_equal(read("o.tif").pixels, told)


def test_directions_are_hues_of_the_colours(here):
    (here / "a.tif").write_bytes(page("near infrared")[0])
    ok("apply", "sobel-direction", "a.tif", "--map", "hue", "-o", "a.png")
    ok("apply", "sobel-direction", "a.tif", "--map", "hue", "--bands", "RGB", "-o", "b.png")
    assert np.array_equal(read("a.png").pixels, read("b.png").pixels)
