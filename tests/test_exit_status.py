"""Every way a command ends: 0 done, 1 not all could be done, 2 wrong command line, 130 stopped.

Whatever goes wrong is told on standard error in one line that says what was wrong (expected, got)
and what to do, and never with a traceback.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
from command import call, program, spawn
from PIL import Image

GRID = "grid.png"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, samples):
    """Everything that can be wrong with a file, in one folder; tests only add results to it."""
    here = tmp_path_factory.mktemp("files")
    for name in ("logo.png", "coffee-cmyk.jpg", "float.tif", "ramp-rgb16.png", "page-1bit.png"):
        shutil.copy(samples / name, here)
    shutil.copy(samples / "grid-7x7.png", here / GRID)
    _odd_images(here)
    _kernel_files(here)
    _folders(here)
    return here


def _odd_images(here):
    whole = (here / "logo.png").read_bytes()
    (here / "cut.png").write_bytes(whole[: len(whole) // 2])
    (here / "cut.jpg").write_bytes((here / "coffee-cmyk.jpg").read_bytes()[:3000])
    wrong = bytearray(whole)
    wrong[200] ^= 0xFF
    (here / "crc.png").write_bytes(wrong)
    (here / "zero.png").write_bytes(b"")
    (here / "text.png").write_text("this is no image\n")
    (here / "notes.txt").write_text("this is no image\n")
    (here / "link.png").symlink_to(GRID)
    (here / "hard.png").hardlink_to(here / GRID)
    (here / "gone.png").symlink_to("nowhere.png")


def _kernel_files(here):
    for name, text in {
        "cell.toml": '[kernel.ridge]\nweights = [[1, 2], [3, "x"]]\n',
        "broken.toml": "[kernel.ridge\n",
        "key.toml": "[kernel.ridge]\nweight = [[1]]\n",
        "two.toml": "[kernel.a]\nweights = [[1]]\n[kernel.b]\nweights = [[1, 2]]\n",
        "bad.csv": "1,2,3\n4,x,6\n",
        "ragged.csv": "1,2,3\n4,5\n",
        "empty.csv": "",
        "short.mat": "3 3\n1 2 3\n",
        "bad.json": '{"weights": [[1, 2], [3, }',
        "bad.npy": "junk",
    }.items():
        (here / name).write_text(text)


def _folders(here):
    (here / "empty").mkdir()
    (here / "deep" / "inner").mkdir(parents=True)
    shutil.copy(here / GRID, here / "deep" / "inner" / "a.png")
    (here / "twin").mkdir()
    shutil.copy(here / GRID, here / "twin" / GRID)
    (here / "there.png").write_bytes((here / GRID).read_bytes())


@pytest.fixture
def inside(folder, monkeypatch):
    """Work in that folder."""
    monkeypatch.chdir(folder)
    return folder


A = ("apply", "sobel-x")

#: Command lines that no image could make right, and what their message must hold.
WRONG = {
    # What is missing.
    "no kernel": (("apply",), ["missing argument 'KERNEL'", "convcli apply --help"]),
    "no image": (A, ["missing argument 'IMAGE...'", "convcli apply --help"]),
    "no value": ((*A, GRID, "--stride"), ["--stride", "requires an argument"]),
    "no --n": (("shape", "--f", "3"), ["missing option '--n'", "convcli shape --help"]),
    "no --f": (("shape", "--n", "7"), ["missing option '--f'", "convcli shape --help"]),
    # What isn't known.
    "typo in a command": (("aply", "x"), ["no command named 'aply'", "did you mean 'apply'?"]),
    "no such command": (("frob",), ["no command named 'frob'", "there are", "shape", "kernels"]),
    "typo in an option": ((*A, GRID, "--strid", "2"), ["no option --strid", "mean --stride?"]),
    "no such option": ((*A, GRID, "--zebra"), ["no option --zebra", "convcli apply --help"]),
    "no such short option": ((*A, "-x.png"), ["no option -x", "write ./-x"]),
    "typo in a kernel": (
        ("apply", "soble-x", GRID),
        ["'KERNEL'", "no kernel named 'soble-x'", "did you mean 'sobel-x'?"],
    ),
    "no such kernel": (
        ("apply", "xyzzy", GRID),
        ["no kernel named 'xyzzy'", "'convcli kernels' lists them"],
    ),
    "typo in a second kernel": (
        (*A, GRID, "--then", "soble"),
        ["'--then'", "no kernel named 'soble'", "did you mean 'sobel'?"],
    ),
    "typo in a shown kernel": (("kernels", "soble-x"), ["soble-x", "did you mean 'sobel-x'?"]),
    "no such family": (("kernels", "--family", "foo"), ["--family", "'foo'", "there are basic"]),
    "image before kernel": (
        ("apply", GRID, "sobel-x"),
        ["looks like an image", "expected a kernel first"],
    ),
    # Parameters of kernels.
    "parameter out of range": (
        ("apply", "gaussian:sigma=0", GRID),
        ["gaussian: sigma must be a number above 0", "got '0'"],
    ),
    "parameter is no number": (("apply", "gaussian:sigma=x", GRID), ["sigma", "got 'x'"]),
    "typo in a parameter": (("apply", "gaussian:sgma=2", GRID), ["'sgma'", "mean 'sigma'?"]),
    "parameter twice": (("apply", "gaussian:sigma=2,sigma=3", GRID), ["sigma is given twice"]),
    "even size": (("apply", "gaussian:size=4", GRID), ["must be odd", "got 4", "try 3 or 5"]),
    "parameters for a fixed kernel": (
        ("apply", "sharpen:size=3", GRID),
        ["'sharpen' has no parameters", "gaussian"],
    ),
    # Matrices.
    "empty matrix": (("apply", "", GRID), ["no kernel given", "expected a name"]),
    "ragged matrix": (
        ("apply", "0 1; 1", GRID),
        ["line 1, column 6", "row 2 has 1 weight, but row 1 has 2", "rows of one length"],
    ),
    "ragged matrix that begins with a minus": (
        ("apply", "-1 0 1; 2", GRID),
        ["line 1, column 9", "row 2 has 1 weight, but row 1 has 3"],
    ),
    "letter in a matrix": (
        ("apply", "0 x; 1 2", GRID),
        ["line 1, column 3", "'x' is not a number", "expected a number such as"],
    ),
    "open bracket": (("apply", "[[1,2],[3,4]", GRID), ["line 1, column 13", "expected"]),
    "unclear factor": (("apply", "1 1; 1 1/4", GRID), ["column 8", "for one weight or for all?"]),
    # Files of kernels.
    "kernel file missing": (("apply", "nope.toml", GRID), ["no such file: nope.toml"]),
    "kernel file: cell": (
        ("apply", "cell.toml", GRID),
        ["cell.toml, line 2, column 24", "'x' is not a number"],
    ),
    "kernel file: syntax": (("apply", "broken.toml", GRID), ["broken.toml, line 1", "not TOML"]),
    "kernel file: key": (
        ("apply", "key.toml", GRID),
        ["key.toml, line 2, column 10", "unknown key 'weight'", "did you mean 'weights'?"],
    ),
    "kernel file: which": (("apply", "two.toml", GRID), ["2 kernels: a, b", "two.toml#a"]),
    "kernel file: name": (("apply", "two.toml#c", GRID), ["no kernel 'c'", "it has a, b"]),
    "kernel file: csv": (("apply", "bad.csv", GRID), ["bad.csv, line 2, column 3", "'x'"]),
    "kernel file: rows": (("apply", "ragged.csv", GRID), ["ragged.csv, line 2", "rows of one"]),
    "kernel file: empty": (("apply", "empty.csv", GRID), ["empty.csv", "at least one weight"]),
    "kernel file: mat": (("apply", "short.mat", GRID), ["short.mat, line 1", "1 rows", "says 3"]),
    "kernel file: json": (("apply", "bad.json", GRID), ["bad.json, line 1, column 26"]),
    "kernel file: npy": (("apply", "bad.npy", GRID), ["bad.npy: not a NumPy array"]),
    # Values of options.
    "stride 0": ((*A, GRID, "--stride", "0"), ["'--stride'", "from 1 to", "got '0'"]),
    "stride of three": ((*A, GRID, "--stride", "1,2,3"), ["or two as ROWS,COLS", "got '1,2,3'"]),
    "stride in another script": ((*A, GRID, "--stride", "²"), ["'--stride'", "got '²'"]),
    "huge stride": ((*A, GRID, "--stride", "9" * 40), ["'--stride'", "to 10,000"]),
    "dilation 0": ((*A, GRID, "--dilation", "0"), ["'--dilation'", "from 1 to", "got '0'"]),
    "padding word": ((*A, GRID, "--padding", "sam"), ["expected same, valid, full", "got 'sam'"]),
    "padding below 0": ((*A, GRID, "--padding", "-1"), ["a whole number from 0", "got '-1'"]),
    "padding fraction": ((*A, GRID, "--padding", "1.5"), ["a whole number from 0", "got '1.5'"]),
    "huge padding": ((*A, GRID, "--padding", "99999999"), ["to 10,000", "got '99999999'"]),
    "border": (
        (*A, GRID, "--border", "mirrored"),
        ["expected replicate, zero, constant, reflect, symmetric or wrap", "got 'mirrored'"],
    ),
    "fill is no number": ((*A, GRID, "--fill", "x"), ["from 0 to 255", "got 'x'"]),
    "fill is not a number": ((*A, GRID, "--fill", "nan"), ["from 0 to 255", "got 'nan'"]),
    "fill too large": ((*A, GRID, "--fill", "256"), ["from 0 to 255", "got '256'"]),
    "map": (
        (*A, GRID, "--map", "foo"),
        ["expected clip, abs, offset, normalize, raw or hue", "'foo'"],
    ),
    "divisor 0": ((*A, GRID, "--divisor", "0"), ["'--divisor'", "other than 0", "got '0'"]),
    "divisor without end": ((*A, GRID, "--divisor", "inf"), ["'--divisor'", "got 'inf'"]),
    "bias undefined": ((*A, GRID, "--bias", "nan"), ["'--bias'", "a number", "got 'nan'"]),
    "bias fraction": ((*A, GRID, "--bias", "-1/2"), ["'--bias'", "got '-1/2'"]),
    "scale 0": ((*A, GRID, "--scale", "0"), ["other than 0, or auto", "got '0'"]),
    "scale word": ((*A, GRID, "--scale", "much"), ["other than 0, or auto", "got 'much'"]),
    "no channels": ((*A, GRID, "--channels", ""), ["--channels is empty", "such as RGB"]),
    "alpha": (
        (*A, GRID, "--alpha", "foo"),
        ["auto, keep, weigh, filter or drop", "'foo'"],
    ),
    "depth": ((*A, GRID, "--depth", "12"), ["expected same, 1, 8, 16 or float", "got '12'"]),
    "method": ((*A, GRID, "--method", "foo"), ["'--method'", "expected auto", "got 'foo'"]),
    "precision": ((*A, GRID, "--precision", "half"), ["expected single or double", "'half'"]),
    "jobs": ((*A, GRID, "--jobs", "0"), ["'--jobs'", "from 1 to 1024", "got '0'"]),
    "quality": ((*A, GRID, "--quality", "101"), ["'--quality'", "from 1 to 100", "got '101'"]),
    "compress": ((*A, GRID, "--compress", "10"), ["'--compress'", "from 0 to 9", "got '10'"]),
    "max pixels": ((*A, GRID, "--max-pixels", "0"), ["'--max-pixels'", "at least 1", "got '0'"]),
    "format": ((*A, GRID, "--format", "xyz"), ["--format", "'xyz'", "there are png, jpg"]),
    "suffix": ((*A, GRID, "-o", "x.xyz"), ["-o x.xyz", "'.xyz'", "expected one of", "--format"]),
    "empty image name": ((*A, ""), ["expected a file, a folder, or -", "got ''"]),
    "empty result name": ((*A, GRID, "-o", ""), ["'-o'", "expected a file, a folder", "got ''"]),
    "shape is no number": (("shape", "--n", "x", "--f", "3"), ["'--n'", "224x224x3", "got 'x'"]),
    "shape of four": (("shape", "--n", "7x7x7x7", "--f", "3"), ["1 to 3 whole numbers"]),
    "shape padding": (("shape", "--n", "7", "--f", "3", "--p", "sam"), ["same, valid, full"]),
    "shape too large": (("shape", "--n", "9" * 30, "--f", "3"), ["'--n'", "up to 1,000,000"]),
    "shape stride 0": (("shape", "--n", "7", "--f", "3", "--s", "0"), ["stride", "at least 1"]),
    "shape filters": (("shape", "--n", "7", "--f", "3", "--k", "0"), ["'--k'", "got '0'"]),
    "shape doesn't fit": (
        ("shape", "--n", "7", "--f", "9"),
        ["spans 9", "has 7", "padding of at least 1"],
    ),
    # Options that contradict each other.
    "fill and border": ((*A, GRID, "--border", "wrap", "--fill", "3"), ["--fill", "leave one out"]),
    "gray and luma": ((*A, GRID, "--gray", "--luma"), ["--gray and --luma", "give one"]),
    "gray and channels": ((*A, GRID, "--gray", "--channels", "R"), ["--channels", "give one"]),
    "raw and 8 bits": (
        (*A, GRID, "--map", "raw", "--depth", "8"),
        ["--map raw", "--depth 8", "use --map offset"],
    ),
    "raw and luma": ((*A, GRID, "--map", "raw", "--luma"), ["--luma", "--gray --map raw"]),
    "overwrite and skip": (
        (*A, GRID, "--overwrite", "--skip-existing"),
        ["--overwrite and --skip-existing", "leave one out"],
    ),
    "quiet and verbose": ((*A, GRID, "-q", "-v"), ["--quiet and --verbose", "leave one out"]),
    "json and pipe": ((*A, GRID, "--json", "-o", "-"), ["--json", "give -o FILE"]),
    "divisor of which": (
        (*A, GRID, "--then", "gaussian", "--divisor", "2"),
        ["--divisor and --bias change one kernel", "write a divisor into a kernel"],
    ),
    "bias of a compound": (
        ("apply", "sobel", GRID, "--bias", "2"),
        ["--bias can't be added to 'sobel'", "use --map offset"],
    ),
    "format and suffix": (
        (*A, GRID, "--format", "jpg", "-o", "x.png"),
        ["--format JPEG and -o x.png", "leave --format out", "-o x.jpg"],
    ),
    # Where results can't go.
    "source is target": ((*A, GRID, "-o", GRID), [GRID, "sources are never overwritten"]),
    "source is target, overwrite": (
        (*A, GRID, "-o", GRID, "--overwrite"),
        ["sources are never overwritten", "choose another -o"],
    ),
    "source is target, ./": ((*A, GRID, "-o", f"./{GRID}"), ["never overwritten"]),
    "source is target, ..": ((*A, GRID, "-o", f"twin/../{GRID}"), ["never overwritten"]),
    "source is target, link": (
        (*A, GRID, "-o", "link.png", "--overwrite"),
        ["link.png is a source", "never overwritten"],
    ),
    "source is target, from link": (
        (*A, "link.png", "-o", GRID, "--overwrite"),
        [f"{GRID} is a source", "never overwritten"],
    ),
    "source is target, hard link": (
        (*A, GRID, "-o", "hard.png", "--overwrite"),
        ["hard.png is a source", "never overwritten"],
    ),
    "source is target, folder": ((*A, GRID, "-o", ".", "--overwrite"), ["never overwritten"]),
    "other source is target": (
        (*A, GRID, "logo.png", "-o", "twin/../twin/..", "--overwrite"),
        ["never overwritten"],
    ),
    "two to one": (
        (*A, GRID, f"twin/{GRID}", "-o", "out"),
        [f"{GRID} and twin/{GRID} would both be written to out/{GRID}", "the folder above them"],
    ),
    "several to a file": (
        (*A, GRID, "logo.png", "-o", "x.png"),
        ["-o x.png names a file", "2 images", "name a folder"],
    ),
    "several to a pipe": (
        (*A, GRID, "logo.png", "-o", "-"),
        ["-o - takes one image", "there are 2", "name a folder"],
    ),
    "timeout without a bound": ((*A, GRID, "--timeout", "inf"), ["--timeout", "of at least 0"]),
    "timeout that is none": ((*A, GRID, "--timeout", "nan"), ["--timeout", "got 'nan'"]),
    "negative timeout": ((*A, GRID, "--timeout", "-1"), ["--timeout", "got '-1'"]),
    "pipe to a folder": ((*A, "-", "-o", "out/"), ["standard input has no name", "-o FILE"]),
}


@pytest.mark.parametrize(("args", "parts"), WRONG.values(), ids=WRONG)
def test_a_wrong_command_line_is_told_in_one_line_and_ends_with_2(args, parts, inside):
    before = _contents(inside)
    said = call(*args)
    assert said.status == 2
    _check_line(said, parts)
    assert _contents(inside) == before


#: What can't be done with an image that is asked for rightly.
FAILED = {
    "missing": ((*A, "nope.png"), ["nope.png: can't be read", "no such file"]),
    "link to nowhere": ((*A, "gone.png"), ["gone.png: can't be read", "no such file"]),
    "folder without images": ((*A, "empty"), ["empty: no images", "--recursive"]),
    "folder with folders": ((*A, "deep"), ["deep: no images", "--recursive"]),
    "text": ((*A, "notes.txt"), ["notes.txt", "not an image in a known format", "PNG"]),
    "text named as an image": ((*A, "text.png"), ["text.png", "not an image in a known format"]),
    "kernel as an image": ((*A, "gaussian"), ["gaussian: can't be read", "no such file"]),
    "empty file": ((*A, "zero.png"), ["zero.png: the file is empty"]),
    "device": ((*A, "/dev/zero"), ["/dev/zero: can't be read", "a device, not an image"]),
    "PNG cut short": ((*A, "cut.png"), ["cut.png: the PNG file is cut short"]),
    "JPEG cut short": ((*A, "cut.jpg"), ["cut.jpg: the JPEG file is cut short"]),
    "PNG damaged": ((*A, "crc.png"), ["crc.png: the PNG file is damaged", "checksum"]),
    "empty pipe": ((*A, "-"), ["-: the file is empty"]),
    "too large": (
        (*A, GRID, "-o", "m.png", "--max-pixels", "10"),
        ["49 pixels", "the limit is 10", "--max-pixels 49"],
    ),
    "result exists": (
        (*A, GRID, "-o", "there.png"),
        [f"{GRID}: there.png exists already", "--overwrite", "--skip-existing"],
    ),
    "result is a link to nowhere": ((*A, GRID, "-o", "gone.png"), ["gone.png", "exists"]),
    "result below a file": (
        (*A, GRID, "-o", "notes.txt/x.png"),
        ["can't write", "notes.txt is a file, not a folder"],
    ),
    "result far below a file": (
        (*A, GRID, "-o", "notes.txt/a/x.png"),
        ["can't write", "below a file"],
    ),
    "result's name too long": ((*A, GRID, "-o", "x" * 300 + ".png"), ["name too long"]),
    "device as a result": (
        (*A, GRID, "-o", "/dev/null", "--format", "png", "--overwrite"),
        ["not a regular file", "use -o -"],
    ),
    "16 bits to JPEG": (
        (*A, "ramp-rgb16.png", "-o", "r.jpg"),
        ["JPEG can't hold 16-bit colour", "--depth 8", "-o NAME.png"],
    ),
    "alpha to JPEG": (
        (*A, "logo.png", "-o", "l.jpg"),
        ["JPEG can't hold 8-bit colour with alpha", "--alpha drop", "-o NAME.png"],
    ),
    "CMYK to PNG": (
        (*A, "coffee-cmyk.jpg", "-o", "c.png"),
        ["PNG can't hold 8-bit CMYK", "-o NAME.jpg"],
    ),
    "float to PNG": (
        (*A, "float.tif", "-o", "f.png"),
        ["PNG can't hold float gray", "--depth 16", "-o NAME.tif"],
    ),
    "raw to PNG": (
        (*A, GRID, "-o", "r.png", "--map", "raw"),
        ["PNG can't hold the signed floats", "-o NAME.tif"],
    ),
    "no such channel": (
        (*A, "logo.png", "--channels", "RX"),
        ["--channels RX", "R, G, B, A", "name some of these"],
    ),
    "colour of a gray image": ((*A, GRID, "--channels", "R"), ["--channels R", "are L"]),
    "luma of inks": (
        (*A, "coffee-cmyk.jpg", "--luma"),
        ["--luma needs red, green and blue", "CMYK"],
    ),
    "light of inks": (
        (*A, "coffee-cmyk.jpg", "--linear"),
        ["not defined for CMYK", "leave --linear out"],
    ),
    "kernel doesn't fit": (
        ("apply", "box:size=9", GRID, "--padding", "valid"),
        ["spans 9", "has 7", "padding of at least 1"],
    ),
    "result too large": (
        (*A, GRID, "--padding", "10000"),
        ["20,005 × 20,005", "use a smaller --padding"],
    ),
}


@pytest.mark.parametrize(("args", "parts"), FAILED.values(), ids=FAILED)
def test_what_cannot_be_done_is_told_in_one_line_and_ends_with_1(args, parts, inside):
    before = _contents(inside)
    said = call(*args)
    assert said.status == 1
    _check_line(said, parts)
    assert said.data == b""
    assert _contents(inside) == before


def _check_line(said, parts):
    """One line, from us, with all that it should hold."""
    assert len(said.lines) == 1, said.err
    line = said.lines[0]
    assert line.startswith("convcli: ")
    assert "Traceback" not in line
    missing = [part for part in parts if part not in line]
    assert not missing, line


def _contents(folder):
    """What a folder holds, and when it changed."""
    return {p: p.lstat().st_mtime_ns for p in folder.rglob("*") if not p.is_dir()}


DONE = {
    "apply": (*A, GRID, "-o", "done/apply.png"),
    "skipped": (*A, GRID, "-o", "there.png", "--skip-existing"),
    "dry run": (*A, GRID, "--dry-run"),
    "shape": ("shape", "--n", "7", "--f", "3"),
    "kernels": ("kernels",),
    "one kernel": ("kernels", "sobel-x"),
    "checked file": ("kernels", "--check", "two.toml"),
    "help": ("--help",),
    "help of a command": ("apply", "--help"),
    "version": ("--version",),
}


@pytest.mark.parametrize("args", DONE.values(), ids=DONE)
def test_what_is_done_ends_with_0(args, inside):
    said = call(*args)
    assert said.status == 0
    assert "convcli: " not in said.err


def test_a_file_of_kernels_with_a_mistake_ends_with_1_and_says_where(inside):
    said = call("kernels", "--check", "cell.toml")
    assert said.status == 1
    assert "cell.toml, line 2, column 24" in " ".join(said.out.split())


def test_one_bad_image_does_not_stop_the_others_and_ends_with_1(inside, tmp_path):
    said = call(*A, "cut.png", GRID, "nope.png", "empty", "logo.png", "-o", tmp_path)
    assert said.status == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == [GRID, "logo.png"]
    bad = [line for line in said.lines if line.startswith("convcli: ")]
    assert sorted(line.split(": ")[1] for line in bad) == ["cut.png", "empty", "nope.png"]
    assert said.lines[-1].startswith("2 done, 3 failed in ")
    assert len(said.lines) == 6


def test_quiet_says_errors_only(inside, tmp_path):
    said = call(*A, GRID, "nope.png", "-o", tmp_path, "--quiet")
    assert said.status == 1
    _check_line(said, ["nope.png"])


def test_an_error_in_json_is_on_both_streams_and_ends_with_1(inside):
    said = call(*A, "nope.png", "--json")
    assert said.status == 1
    assert '"status": "failed"' in said.out
    _check_line(said, ["nope.png"])


def test_control_characters_in_names_do_not_reach_the_terminal(inside):
    said = call(*A, "red\x1b[31m\ngreen.png")
    assert said.status == 1
    _check_line(said, [r"red\x1b[31m\ngreen.png"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told(inside, tmp_path):
    tmp_path.chmod(0o500)
    said = call(*A, GRID, "-o", tmp_path / "x.png")
    assert said.status == 1
    _check_line(said, ["permission denied"])


def test_a_full_disk_is_told_and_leaves_nothing_behind(inside, tmp_path):
    """A limit on the size of files stands for a disk that is full."""
    code = (
        "import resource, signal, sys; sys.dont_write_bytecode = True;"
        "from convcli.cli.main import main;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500));"
        "sys.exit(main(sys.argv[1:]))"
    )
    assert call(*A, "logo.png", "-o", tmp_path / "warm.png").status == 0
    (tmp_path / "warm.png").unlink()
    asked = program(*A, "logo.png", "-o", tmp_path / "x.png")
    asked["args"][1:3] = ["-c", code]
    done = subprocess.run(**asked, timeout=60)
    assert done.returncode == 1
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("convcli: logo.png: can't write: file too large")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def many(tmp_path, samples):
    """A folder of enough images to be busy with for a while."""
    images = tmp_path / "many"
    images.mkdir()
    for k in range(400):
        (images / f"{k:03}.png").hardlink_to(_copy(samples, tmp_path))
    return images


def _copy(samples, tmp_path):
    copy = tmp_path / "camera.png"
    if not copy.exists():
        shutil.copy(samples / "camera.png", copy)
    return copy


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name
)
def test_an_interrupted_batch_leaves_whole_files_only(number, many, tmp_path):
    out = tmp_path / "out"
    call("apply", "sobel-x", many / "000.png", "-o", tmp_path / "warm.png")
    process = subprocess.Popen(
        **program("apply", "sobel-x", many, "-o", out, "--quiet"), preexec_fn=_heed_interrupts
    )
    _until(lambda: out.exists() and len(list(out.glob("*.png"))) >= 2, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.decode().splitlines() == ["convcli: interrupted; what was finished is whole"]
    results = list(out.iterdir())
    assert 2 <= len(results) < 400
    for path in results:
        assert path.suffix == ".png"
        assert not path.name.startswith(".")
    with Image.open(results[-1]) as image:
        assert np.asarray(image).shape == (512, 512)


def _heed_interrupts():
    """Tests that were started in the background ignore Ctrl-C, and so would what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _until(ready, process):
    for _ in range(600):
        if ready():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("it never got that far")


@pytest.mark.parametrize(
    "args", [("kernels",), ("shape", "--n", "7", "--f", "3"), (*A, GRID, "-o", "-")]
)
def test_a_reader_that_leaves_early_gets_no_traceback(args, inside):
    """As in `convcli kernels | head -1`, with a reader that has left before the first line."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(**program(*args) | {"stdout": writer}, timeout=60)
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("args", [("kernels",), (*A, GRID, "-o", "-")])
def test_standard_output_that_is_full_is_told(args, inside):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(**program(*args) | {"stdout": full}, timeout=60)
    assert done.returncode == 1
    assert done.stderr.decode() == "convcli: standard output: no space left on device\n"


def test_the_program_returns_the_status_to_the_shell():
    assert spawn("shape", "--n", "7", "--f", "3").status == 0
    assert spawn("kernels", "--check", "nope.toml").status == 1
    assert spawn("frob").status == 2


def test_a_terminal_of_few_characters_gets_other_ones_and_no_traceback():
    said = spawn("shape", "--n", "7", "--f", "3", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert said.status == 0
    assert "= 5" in said.out
    assert said.err == ""


def test_an_image_is_not_written_to_a_terminal(inside):
    """With a pseudo-terminal as standard output."""
    reader, writer = os.openpty()
    asked = program(*A, GRID, "-o", "-") | {"stdout": writer}
    done = subprocess.run(**asked, timeout=60)
    os.close(writer)
    os.close(reader)
    assert done.returncode == 2
    line = done.stderr.decode()
    assert line.startswith("convcli: an image can't be shown on a terminal; give -o FILE")
