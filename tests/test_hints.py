"""Hints are true and harmless; a report names scale and offset; names of what is no kernel."""

import json
import re
import shlex
import shutil
import subprocess

import numpy as np
import pytest
from command import call

from convcli import Image, KernelError, get_kernel, read, write
from convcli.kernels import names
from convcli.kernels.others import OTHERS, other
from convcli.kernels.registry import normal
from convcli.kernels.volume_library import parse_volume_kernel

PHOTOS = ("camera.png", "chelsea.png", "astronaut.png", "coffee.jpg", "rocket.jpg")
SHARPENERS = (
    "sharpen", "sharpen8", "sharpen-soft", "detail", "edge-enhance", "sharpen5", "unsharp5",
    "unsharp:amount=3", "unsharp:sigma=2,amount=1.5", "emboss", "unsharp3", "highboost",
)  # fmt: skip
MORE = pytest.mark.exhaustive
CHANGES = ("sobel-x", "sobel", "laplacian", "scharr-y", "kirsch", "line-h", "prewitt")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=[8, pytest.param(1, marks=pytest.mark.exhaustive)])
def photos(request, here, samples):
    """Photographs, whole or made small."""
    paths = []
    for name in PHOTOS:
        paths.append(here / f"{name}.png")
        image = read(samples / name)
        pixels = image.pixels[:: request.param, :: request.param].copy()
        write(paths[-1], Image(pixels, image.channels))
    return paths


def fact(kernel, image, *args):
    """Filter an image; return what JSON says of it, and its hint."""
    given = "apply", kernel, str(image), "-o", "out.png", "--overwrite", *args
    said = call(*given)
    assert said.status == 0, said.err
    line = re.search(r"clipped +.*?(?=\n  \w)", said.err, re.DOTALL)
    way = " ".join(line[0].split()).partition("; ")[2] if line else ""
    (found,) = call(*given, "--json").out.splitlines()
    return json.loads(found)["response"], way


def brightness(image):
    return float(read(image).pixels.astype(float).mean())


@pytest.mark.parametrize(
    "kernel", [pytest.param(k, marks=[MORE] * (n % 3 > 0)) for n, k in enumerate(SHARPENERS)]
)
def test_a_sharpener_is_told_to_do_less_and_that_is_no_gray_image(here, photos, kernel):
    for photo in photos[:3]:
        before, way = fact(kernel, photo)
        if not before["clipped"]:
            continue
        assert way.startswith("a smaller amount clips less"), way
        assert "--scale" not in way
        if typed := re.search(r"is '(.*)'$", way):
            half = typed[1]
        elif amount := re.search(r"such as amount=([\d.]+)$", way):
            half = re.sub(r"amount=[\d.]+", f"amount={amount[1]}", kernel)
        else:
            half = "unsharp:amount=0.5"
            assert way.endswith(half)
        after, _ = fact(half, photo)
        assert after["clipped"] < before["clipped"]
        assert brightness("out.png") == pytest.approx(brightness(photo), abs=8)
        # A gray image would have a ninth of it.
        assert read("out.png").pixels.std() > 0.95 * read(photo).pixels.std()


@pytest.mark.parametrize(
    "kernel", [pytest.param(k, marks=[MORE] * (n > 2)) for n, k in enumerate(CHANGES)]
)
def test_a_derivative_is_told_of_normalize(here, photos, kernel):
    for photo in photos[:2]:
        before, way = fact(kernel, photo)
        assert way == ("--map normalize avoids it" if before["clipped"] else "")
        assert fact(kernel, photo, "--map", "normalize")[0]["clipped"] == 0


@pytest.mark.parametrize("kernel", ["sobel-x", "laplacian", "emboss-lode"])
def test_both_signs_are_shown_around_a_gray_that_stays(here, photos, kernel):
    mapping = [] if kernel == "emboss-lode" else ["--map", "offset"]
    before, way = fact(kernel, photos[0], *mapping)
    assert before["clipped"]
    assert way == "--scale auto avoids it"
    after, _ = fact(kernel, photos[0], *mapping, "--scale", "auto")
    assert after["clipped"] == 0
    write("flat.png", Image(np.full((9, 9), 77, np.uint8)))
    fact(kernel, "flat.png", *mapping, "--scale", "auto")
    assert np.abs(read("out.png").pixels.astype(int) - 128).max() <= 1


def test_a_clipped_derivative_is_told_of_both(here, photos):
    before, way = fact("sobel-x", photos[0], "--map", "clip")
    assert way == "--map offset --scale auto shows both signs"
    after, _ = fact("sobel-x", photos[0], *way.split()[:4])
    assert after["clipped"] == 0 < before["clipped"]


@pytest.mark.parametrize(
    ("kernel", "divisor"),
    [("1 2 1; 2 4 2; 1 2 1", "16"), ("0.5 1 0.5", "2"), ("[3 3; 3 3]/4", "12"),
     ("1 1 1 1 1 1 1 1 1", "9"), ("1/3 1/3 1/3; 1/3 1/3 1/3", "2")],
)  # fmt: skip
def test_weights_that_brighten_are_told_of_their_sum(here, photos, kernel, divisor):
    for photo in photos:
        before, way = fact(kernel, photo)
        assert before["clipped"]
        assert way.startswith(f"--divisor {divisor} keeps brightness, "), way
        after, _ = fact(kernel, photo, "--divisor", divisor)
        assert after["clipped"] == 0
        assert brightness("out.png") == pytest.approx(brightness(photo), abs=2)


@pytest.mark.parametrize(("divisor", "meant"), [("4", "16"), ("-4", None)])
def test_a_divisor_that_was_given_is_told_the_right_one(here, photos, divisor, meant):
    _, way = fact("1 2 1; 2 4 2; 1 2 1", photos[0], "--divisor", divisor)
    assert way == ("" if meant is None else "--divisor 16 keeps brightness, which is × 4 now")


def test_there_is_no_hint_where_none_is_harmless(here, photos):
    assert fact("contour", photos[0])[1] == ""
    assert fact("sharpen", photos[0], "--scale", "auto")[1] == ""
    said = call("apply", "gaussian", "--then", "sharpen", str(photos[0]), "-o", "o.png")
    assert "--scale" not in said.err
    said = call("apply", "box", "--then", "1 2 1", str(photos[0]), "-o", "p.png")
    assert "of custom add up to 4; […]/4 keeps brightness" in " ".join(said.err.split())


#: What is given, and what a flat gray of 100 becomes.
APPLIED = [
    ("box", [], 1, 0),
    ("box", ["--scale", "0.5"], 0.5, 0),
    ("box", ["--bias", "7"], 1, 7),
    ("box", ["--bias", "8", "--scale", "0.5"], 0.5, 4),
    ("emboss-lode", [], 1, 128),
    ("sobel-x", ["--map", "offset"], 1, 128),
    ("sobel-x", ["--map", "offset", "--scale", "auto"], 127 / 1020, 128),
    ("sobel-x", ["--scale", "auto"], 0.25, 0),
    ("sharpen", ["--scale", "auto"], 1 / 9, 1020 / 9),
]


@pytest.mark.parametrize(("kernel", "given", "scale", "offset"), APPLIED)
def test_a_report_names_the_scale_and_the_offset(here, photos, kernel, given, scale, offset):
    response, _ = fact(kernel, photos[0], *given)
    assert response["scale"] == pytest.approx(scale, rel=1e-6)
    assert response["offset"] == pytest.approx(offset, rel=1e-6)
    said = " ".join(call("apply", kernel, str(photos[0]), "-o", "o.png", *given).err.split())
    assert ("; times " in said) == (scale != 1)
    assert (re.search(r"[;,] \+\d", said) is not None) == (offset != 0)


@pytest.mark.parametrize(
    "given",
    [
        [], ["--map", "offset"], ["--map", "normalize"], ["--scale", "auto"], ["--divisor", "3"],
        ["--bias", "9", "--map", "clip"], ["--map", "offset", "--scale", "0.3"],
        ["--map", "clip", "--scale", "auto"], ["--map", "normalize", "--depth", "16"],
        ["--map", "offset", "--depth", "16"], ["--map", "clip", "--depth", "16", "--bias", "9"],
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "kernel",
    ["sharpen", *(pytest.param(k, marks=MORE) for k in ("sobel-y", "emboss-lode", "box"))],
)
def test_scale_and_offset_make_the_samples(here, photos, kernel, given):
    response, _ = fact(kernel, photos[0], *given)
    made = read("out.png").pixels.astype(float)
    made *= 255 / (65535 if "16" in given else 255)
    own = get_kernel(kernel)
    divisor = float(given[given.index("--divisor") + 1]) if "--divisor" in given else own.divisor
    pixels = np.pad(read(photos[0]).pixels.astype(float), 1, mode="edge")
    height, width = made.shape
    sums = sum(
        weight * pixels[r : r + height, c : c + width]
        for r, row in enumerate(own.weights) for c, weight in enumerate(row)
    )  # fmt: skip
    expected = response["scale"] * sums / divisor + response["offset"]
    expected = np.abs(expected) if response["mapping"] == "abs" else expected
    assert np.abs(expected.clip(0, 255) - made).max() <= 0.51


def test_volumes_name_them_too(here):
    np.save("v.npy", np.random.default_rng(2).integers(0, 256, (5, 6, 7)).astype(np.uint8))
    said = call(
        "apply", "laplacian", "v.npy", "--volume", "-o", "o.npy", "--map", "offset", "--json"
    )
    response = json.loads(said.out)["response"]
    assert (response["scale"], response["offset"]) == (1, 128)


@pytest.mark.parametrize(
    "name",
    ["median", "erode", "dilate", "open", "close", "canny", "bilateral", "resize", "rotate",
     "threshold", "fft", "deconvolve", "nlmeans", "clahe", "equalize", "invert", "Median_Blur",
     "MEDIANBLUR", "black hat", "erode:size=3", "hough", "otsu", "crop", "skeleton"],
)  # fmt: skip
def test_what_is_no_kernel_is_told_in_one_line(name):
    with pytest.raises(KernelError) as error:
        get_kernel(name)
    said = str(error.value)
    assert " is no kernel: " in said
    assert "; use " in said
    assert "\n" not in said
    line = call("apply", name, "a.png")
    assert line.status == 2
    assert len(line.err.splitlines()) == 1


def test_commands_and_volumes_tell_of_it_too():
    assert "'median' is no kernel" in call("median", "a.png").err
    assert "did you mean 'convcli apply sobel'" in call("sobel", "a.png").err
    with pytest.raises(KernelError, match="'median' is no kernel"):
        parse_volume_kernel("median")
    assert "--bias 255" in call("apply", "invert", "a.png").err


def test_no_name_is_both():
    known = {normal(name) for name in names(aliases=True)}
    found = [name for each in OTHERS for name in each.names]
    assert len(found) == len({*found})
    assert [name for name in found if name in known] == []
    assert all(other(name) for name in found)
    assert other("gaussian") == "" == other("nobody-knows")


PROGRAMS = sorted(
    {each.how for each in OTHERS if each.how.split()[0] in ("convert", "vips", "ffmpeg")}
)


@pytest.mark.parametrize("command", PROGRAMS)
def test_the_commands_of_other_programs_are_right(command, here, samples):
    words = shlex.split(command)
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} isn't installed")
    write("in.png", Image(read(samples / "camera.png").pixels[::8, ::8].copy()))
    words = [{"IN": "in.png", "OUT": "out.png"}.get(word, word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert read("out.png").pixels.size


def test_what_python_has_is_there():
    skimage = pytest.importorskip("skimage")
    scipy = pytest.importorskip("scipy")
    for each in OTHERS:
        if not each.how.endswith(" in Python"):
            continue
        first, *rest = each.how.split()[0].split(".")
        place = {"skimage": skimage, "scipy": scipy}[first]
        for word in rest:
            place = getattr(place, word)


def test_the_kernel_that_inverts_is_right(here, photos):
    call("apply", "-1", str(photos[0]), "--bias", "255", "-o", "out.png")
    assert np.array_equal(read("out.png").pixels, 255 - read(photos[0]).pixels)
