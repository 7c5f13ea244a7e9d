"""Options without effect are said, truly; every option states when it has an effect."""

import json
import re
from pathlib import Path

import click
import numpy as np
import pytest
from command import call

from convcli import Image, read, write
from convcli.cli.effects import EFFECTS
from convcli.cli.fit import fit
from convcli.cli.group import cli
from convcli.cli.idle import ALWAYS
from convcli.cli.types import ConvCommand

COMMANDS = {
    "convcli": cli,
    "fit": fit,
    **{name: cli.get_command(click.Context(cli), name) for name in cli.list_commands(None)},
}
NONE = "without effect: "


@pytest.fixture
def here(tmp_path, monkeypatch, samples):
    """A folder with some images to work in, made small."""
    monkeypatch.chdir(tmp_path)
    for name in ("camera.png", "logo.png", "chelsea.png", "float.tif"):
        image = read(samples / name)
        write(name, Image(image.pixels[::4, ::4].copy(), image.channels))
    return tmp_path


def noted(*args):
    """Return the note of a command on options without effect; '' if there is none."""
    said = call(*args)
    assert said.status == 0, said.err
    found = re.search(rf"{NONE}(.*?)(?= time \d|$)", " ".join(said.err.split()))
    return found[1] if found else ""


def filtered(*args, kernel="sobel-x", image="camera.png", out="out.png"):
    """Filter an image; return the note, and the bytes of the result."""
    note = noted("apply", kernel, image, "-o", out, "--overwrite", *args)
    return note, Path(out).read_bytes()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_states_when_it_has_an_effect(name):
    options = {p.name for p in COMMANDS[name].params if isinstance(p, click.Option)}
    assert set(EFFECTS[name]) == options
    assert all(callable(effect) for effect in EFFECTS[name].values())
    assert name == "convcli" or isinstance(COMMANDS[name], ConvCommand)


def test_there_are_no_other_commands():
    assert set(EFFECTS) == set(COMMANDS)


#: A kernel, an image, what else is given, and the option that had no effect.
IDLE = [
    ("sobel-x", "camera.png", ["--padding", "valid"], ["--fill", "9"]),
    ("sobel-x", "camera.png", ["--padding", "0"], ["--border", "wrap"]),
    ("[[2]]", "camera.png", [], ["--border", "zero"]),
    ("box", "chelsea.png", ["--keep-edges"], ["--border", "wrap"]),
    ("[[2]]", "camera.png", [], ["--padding", "full"]),
    ("[[2]]", "camera.png", [], ["--dilation", "3"]),
    ("1 0 -1", "camera.png", [], ["--dilation", "2,1"]),
    ("box", "camera.png", ["--padding", "valid"], ["--anchor", "0,0"]),
    ("gaussian", "chelsea.png", [], ["--convolve"]),
    ("sobel-x", "camera.png", [], ["--convolve"]),
    ("sobel", "chelsea.png", [], ["--convolve"]),
    ("sobel-y", "camera.png", [], ["--flip-rows"]),
    ("sobel-x", "camera.png", [], ["--flip-rows"]),
    ("laplacian", "camera.png", ["--map", "normalize"], ["--divisor", "9"]),
    ("laplacian", "camera.png", ["--map", "normalize"], ["--bias", "9"]),
    ("laplacian", "camera.png", ["--map", "normalize"], ["--scale", "2"]),
    ("laplacian", "camera.png", ["--map", "normalize"], ["--scale", "auto"]),
    ("box", "camera.png", [], ["--scale", "auto"]),
    ("box", "camera.png", [], ["--gray"]),
    ("box", "camera.png", [], ["--alpha", "keep"]),
    ("box", "camera.png", [], ["--depth", "8"]),
    ("sharpen", "chelsea.png", [], ["--channels", "RGB"]),
    ("sharpen", "camera.png", [], ["--precision", "double"]),
    ("sharpen", "chelsea.png", ["--linear"], ["--rounding", "truncate"]),
    ("box", "camera.png", ["--padding", "valid"], ["--keep-edges"]),
    ("box", "camera.png", [], ["--quality", "10"]),
    ("box", "camera.png", [], ["--fail-fast"]),
    ("box", "camera.png", [], ["--timeout", "9"]),
    ("box", "camera.png", [], ["--recursive"]),
    ("box", "camera.png", [], ["--jobs", "2"]),
]


@pytest.mark.parametrize(("kernel", "image", "given", "idle"), IDLE)
def test_what_is_said_to_have_no_effect_has_none(here, kernel, image, given, idle):
    note, with_it = filtered(*given, *idle, kernel=kernel, image=image)
    assert note.startswith(f"{idle[0]} ("), note
    before, without = filtered(*given, kernel=kernel, image=image)
    assert before == ""
    if idle[0] == "--keep-edges":
        return  # what isn't reached is left out, and the sizes say so
    assert with_it == without


#: The same options where they have one: nothing is said, and the result is another.
BUSY = [
    ("sobel-x", "camera.png", [], ["--fill", "9"]),
    ("box", "camera.png", ["--padding", "full"], ["--border", "wrap"]),
    ("box", "camera.png", [], ["--padding", "full"]),
    ("box", "camera.png", [], ["--dilation", "3"]),
    ("box", "camera.png", [], ["--anchor", "0,0"]),
    ("emboss", "camera.png", [], ["--convolve"]),
    ("sobel-x", "camera.png", ["--map", "offset"], ["--convolve"]),
    ("1 1", "camera.png", [], ["--convolve"]),
    ("sobel-y", "camera.png", ["--map", "clip"], ["--flip-rows"]),
    ("laplacian", "camera.png", [], ["--divisor", "9"]),
    ("laplacian", "camera.png", ["--map", "normalize"], ["--divisor", "-9"]),
    ("laplacian", "camera.png", [], ["--bias", "9"]),
    ("laplacian", "camera.png", ["--map", "normalize"], ["--scale", "-1"]),
    ("sharpen", "camera.png", [], ["--scale", "auto"]),
    ("box", "chelsea.png", [], ["--gray"]),
    ("box", "logo.png", [], ["--alpha", "keep"]),
    ("box", "camera.png", [], ["--depth", "16"]),
    ("sharpen", "chelsea.png", [], ["--channels", "R"]),
    ("sharpen", "camera.png", [], ["--keep-edges"]),
    ("box", "camera.png", [], ["--rounding", "truncate"]),
]


@pytest.mark.parametrize(("kernel", "image", "given", "busy"), BUSY)
def test_an_option_that_has_an_effect_is_not_told_of(here, kernel, image, given, busy):
    note, with_it = filtered(*given, *busy, kernel=kernel, image=image)
    assert note == ""
    assert with_it != filtered(*given, kernel=kernel, image=image)[1]


def test_options_of_formats_are_known_by_the_results_names(here):
    assert filtered("--quality", "9", image="chelsea.png", out="a.jpg")[0] == ""
    assert filtered("--compress", "9", image="chelsea.png", out="a.jpg")[0] == (
        "--compress (JPEG takes none)"
    )
    assert filtered("--quality", "9", image="float.tif", out="a.tif", kernel="box")[0] == (
        "--quality (TIFF takes none)"
    )
    assert "--lenient" in filtered("--lenient", image="float.tif", out="b.tif", kernel="box")[0]
    assert filtered("--lenient")[0] == ""


def test_several_images_are_told_once_and_only_where_none_had_it(here):
    many = "apply", "box", "camera.png", "chelsea.png", "-o", "out"
    said = call(*many, "--quality", "9", "--fail-fast", "--timeout", "9")
    assert said.err.count(NONE) == 1
    assert "--quality (PNG takes none)" in said.err
    assert "--fail-fast" not in said.err
    assert NONE not in call(*many, "--overwrite", "--gray").err
    lines = map(json.loads, call(*many, "--overwrite", "--gray", "--json").out.splitlines())
    assert {line["source"]: line["notes"] for line in lines} == {
        "camera.png": [f"{NONE}--gray (the image is gray)"],
        "chelsea.png": [],
    }


def test_one_note_names_all_and_json_has_it(here):
    args = "apply", "sharpen", "camera.png", "-o", "a.png", "--gray", "--quality", "9", "--json"
    (line,) = call(*args).out.splitlines()
    assert [note for note in json.loads(line)["notes"] if NONE in note] == [
        f"{NONE}--gray (the image is gray), --quality (PNG takes none)"
    ]
    assert call(*args[:-1], "--overwrite", "-q").err == ""


def test_threads_that_a_large_image_takes_are_not_told_of(here, samples):
    assert filtered("--jobs", "2", kernel="box", image=str(samples / "camera.png"))[0] == ""


def test_what_a_preset_sets_is_nobodys_option(here):
    assert filtered("--like", "opencv", kernel="box", image="camera.png")[0] == ""


@pytest.mark.parametrize(
    ("args", "note"),
    [
        (("explain", "sobel-x", "--padding", "valid", "--fill", "3"), "--fill (no padding"),
        (("explain", "box", "--overwrite"), "--overwrite (nothing is written without --page)"),
        (("explain", "box", "--convolve"), "--convolve (the kernel is the same when flipped)"),
        (("explain", "box", "--steps", "--at", "1,1"), "--at (--steps shows every place)"),
        (("shape", "--n", "7", "--f", "1", "--d", "2"), "--d (a kernel of one tap has no gaps)"),
        (("signal", "1 2", "3 4", "--as", "polynomial", "--swap"), "--swap (--as works out"),
        (("signal", "1 2", "3 4", "--overwrite"), "--overwrite (nothing is written without -o)"),
        (("kernels", "sobel", "--family", "compass"), "--family (one is named)"),
        (("network", "conv 3 8 s3", "--input", "9x9", "--compare-fc"), "--compare-fc (of a single"),
        (("network", "vgg16", "--layer", "1", "--compare", "alexnet"), "--layer (--compare sets"),
        (("find", "patch.png", "camera.png", "-r", "--overwrite"), "--overwrite (nothing is"),
        (("kernels", "fit", "camera.png", "camera.png", "--overwrite"), "--overwrite (nothing"),
        (("apply", "--bank", "box,sobel-x", "camera.png", "-o", "m", "--together", "--map", "clip"),
         "--together (--map clip stretches nothing)"),
    ],
)  # fmt: skip
def test_other_commands_say_so_too(here, args, note):
    write("patch.png", Image(read("camera.png").pixels[20:40, 30:60].copy()))
    assert note in noted(*args)


def test_an_option_that_is_always_of_use_says_nothing():
    assert ALWAYS(None) == ""


def test_notes_change_no_result(here):
    plain = filtered(kernel="box")[1]
    assert filtered("--fail-fast", kernel="box") == ("--fail-fast (there is one image)", plain)
    assert np.array_equal(read("out.png").pixels.shape, (128, 128))
