"""Hostile files around the command: sizes, names, kinds, metadata, and files that change."""

from __future__ import annotations

import io
import os
import pickle
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import fuzz_seeds as seeds
import numpy as np
import pytest
from command import call, program, spawn
from fuzz_mutate import png_parts, png_whole
from marks import exhaustive_but

from convcli import batch, pipeline
from convcli.errors import ImageError
from convcli.image.files import encode, read
from convcli.image.image import Image, Meta
from convcli.image.limits import MAX_PIXELS
from convcli.kernels import parse_kernel
from convcli.spec import Spec

PIXELS = seeds.image()
WHOLE = encode(Image(PIXELS), "PNG")
A = ("apply", "box")
#: Bytes that a refused file may add to what the command takes anyway.
_LITTLE = 64 * 2**20

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="names and kinds as on Unix")


def outcomes(folder, names, **writing):
    """What becomes of a folder's images, by name, each filtered into `out`."""
    jobs = [batch.Job(str(folder / name), str(folder / "out" / f"{name}.png")) for name in names]
    work = batch.Common(
        lambda image: pipeline.lay(image, [parse_kernel("box")], Spec()),
        batch.Writing(format="PNG", **writing),
        (io.BytesIO(), io.BytesIO()),
    )
    return {Path(each.job.source).name: each for each in batch.run(jobs, work)}


# Huge


def changed(data, *changes):
    """A file with bytes replaced: (where, or after what, how far), and what is there now."""
    data = bytearray(data)
    for at, new in changes:
        place = at if isinstance(at, int) else data.index(at[0]) + len(at[0]) + at[1]
        data[place : place + len(new)] = new
    return bytes(data)


def _huge():
    """Small files of every format that claim 20,000 × 20,000 pixels, or as many as there can be."""
    big, little = struct.pack(">II", 20_000, 20_000), struct.pack("<II", 20_000, 20_000)
    deep = seeds.images("avif")["10 bit"]
    return {
        "png": bytes(
            png_whole([(b"IHDR", big + png_parts(WHOLE)[0][1][8:]), *png_parts(WHOLE)[1:]])
        ),
        "jpg": changed(encode(Image(PIXELS), "JPEG"), ((b"\xff\xc0", 3), big[2:4] + big[2:4])),
        "tif": changed(seeds.tiff(PIXELS, photometric="rgb"), (18, little[:4]), (30, little[:4])),
        "big.tif": changed(
            seeds.tiff(PIXELS, photometric="rgb", bigtiff=True),
            ((struct.pack("<HHQ", 256, 4, 1), 0), little[:4]),
            ((struct.pack("<HHQ", 257, 4, 1), 0), little[:4]),
        ),
        "bmp": changed(encode(Image(PIXELS), "BMP"), (18, little)),
        "gif": changed(
            seeds.images("gif")["RGB"], (6, b"\x20\x4e" * 2), ((b",\0\0\0\0", 0), b"\x20\x4e" * 2)
        ),
        "webp": changed(
            seeds.images("webp")["beside"], ((b"VP8X", 8), (19_999).to_bytes(3, "little") * 2)
        ),
        "avif": changed(seeds.images("avif")["ours"], ((b"ispe\0\0\0\0", 0), big)),
        "10.avif": changed(deep, ((b"ispe\0\0\0\0", 0), big)),
        "jp2": changed(
            encode(Image(PIXELS), "JPEG2000"), ((b"ihdr", 0), big), ((b"\xff\x51", 4), big)
        ),
        "ppm": b"P6\n20000 20000\n255\n" + bytes(64),
        "pbm": b"P1 20000 20000 0 1",
        "pfm": b"PF\n20000 20000\n-1\n" + bytes(64),
        "npy": seeds.array(PIXELS).replace(b"(20, 27, 3), }    ", b"(20000,20000,3), }"),
    }


HUGE = _huge()


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_declared_size_is_refused_with_the_limit_and_the_option(name):
    with pytest.raises(ImageError) as caught:
        read(HUGE[name])
    message = str(caught.value)
    assert "400000000 pixels" in message, message
    assert f"the limit is {MAX_PIXELS}" in message
    assert "`max_pixels` 400000000" in message


def test_huge_files_take_no_memory(tmp_path):
    """The command's peak is that of the small image beside them."""
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "whole.png").write_bytes(WHOLE)
    (tmp_path / "huge").mkdir()
    (tmp_path / "huge" / "whole.png").write_bytes(WHOLE)
    for name, data in HUGE.items():
        (tmp_path / "huge" / f"a.{name}").write_bytes(data)
    small, _ = peak(*A, tmp_path / "small", "-o", tmp_path / "out1")
    huge, said = peak(*A, tmp_path / "huge", "-o", tmp_path / "out2", "--verbose")
    assert said.count(b"--max-pixels") == len(HUGE)
    # Readers of more formats are imported.
    assert huge < small + 2 * _LITTLE
    assert [path.name for path in (tmp_path / "out2").iterdir()] == ["whole.png"]


#: Runs a command and prints the peak of its memory. A process that is started from a large one
#: counts that one's memory as its own, so a small one stands between.
_LAUNCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak(*args):
    """Run a command; return the peak of its memory in bytes, and what it said."""
    asked = program(*args, "--jobs", 1)
    asked["args"] = [sys.executable, "-c", _LAUNCH, *asked["args"]]
    done = subprocess.run(**asked, timeout=120)
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024), done.stderr


def test_a_file_within_the_limit_but_without_its_pixels_is_refused_early():
    """13,000 × 13,000 pixels are allowed; these files have none of them."""
    for data in (
        b"P6\n13000 13000\n255\n" + bytes(64),
        b"PF\n13000 13000\n-1\n" + bytes(64),
        seeds.array(PIXELS).replace(b"(20, 27, 3), }    ", b"(13000,13000,3), }"),
        changed(encode(Image(PIXELS), "BMP"), (18, struct.pack("<II", 13_000, 13_000))),
        changed(
            seeds.tiff(PIXELS, photometric="rgb"),
            (18, struct.pack("<I", 13_000)),
            (30, struct.pack("<I", 13_000)),
        ),
    ):
        with pytest.raises(ImageError, match=r"cut short|damaged"):
            read(data)


@pytest.mark.parametrize("name", exhaustive_but([b"iTXt"], [b"zTXt", b"iCCP", b"iTXt"]))
def test_chunks_that_unfold_to_gigabytes_are_left_out(name, tmp_path):
    """A megabyte that becomes 200, twenty times."""
    folded = zlib.compress(bytes(200 * 2**20), 1)
    heads = {b"zTXt": b"Comment\0\0", b"iCCP": b"p\0\0", b"iTXt": b"Comment\0\1\0\0\0"}
    parts = png_parts(WHOLE)
    chunk = (name, heads[name] + folded)
    path = tmp_path / "bomb.png"
    path.write_bytes(png_whole([parts[0], *[chunk] * 20, *parts[1:]]))
    taken, said = peak(*A, path, "-o", tmp_path / "out.png")
    assert np.array_equal(read(path).pixels, PIXELS)
    assert f"chunk {name.decode()} could not be understood".encode() in said
    assert taken < 2**30


# What stands beside the pixels


BESIDE = {
    "EXIF of zeros": Meta(exif=bytes(60_000)),
    "EXIF of noise": Meta(exif=np.random.default_rng(1).bytes(60_000)),
    "EXIF in a loop": Meta(
        exif=b"II*\0\x08\0\0\0\x03\0"
        + struct.pack("<HHII", 0x0112, 3, 1, 1)
        + struct.pack("<HHII", 0x8769, 4, 1, 8)
        + struct.pack("<HHII", 0x8825, 4, 1, 8)
        + struct.pack("<I", 8)
    ),
    "EXIF of 65,535 entries": Meta(exif=b"MM\0*\0\0\0\x08\xff\xff" + bytes(5000)),
    "EXIF that points beyond": Meta(exif=b"II*\0\xff\xff\xff\xff"),
    "profile of noise": Meta(icc=np.random.default_rng(2).bytes(70_000)),
    "profile of 16 bytes": Meta(icc=bytes(16) + b"RGB "),
    "XMP of noise": Meta(xmp=np.random.default_rng(3).bytes(50_000)),
    "text with controls": Meta(text=(("\x1b[2J\0\n", "\x1b]0;x\a\0" * 99), ("", ""))),
    "10 MB of text": Meta(text=(("Comment", "x" * 10**7),)),
    "no density": Meta(dpi=(1e-9, 1e9)),
}


SMALL = [name for name in BESIDE if name != "10 MB of text"]
BESIDE_SOURCES = ("PNG", "TIFF", "JPEG", "WEBP", "AVIF", "JPEG2000", "JPEGXL")


@pytest.mark.parametrize(
    ("name", "sources"),
    exhaustive_but(
        # Each in two, so that each of them is read.
        [(name, BESIDE_SOURCES[k % 6 : k % 6 + 2]) for k, name in enumerate(SMALL)],
        [(name, BESIDE_SOURCES[k % 6 : k % 6 + 2]) for k, name in enumerate(SMALL)]
        + [(name, BESIDE_SOURCES) for name in BESIDE],
    ),
)
def test_absurd_metadata_change_no_pixels_and_end_nothing(name, sources, tmp_path):
    """Read from each format that holds it, filtered, in linear light too, and written to each."""
    for source in sources:
        try:
            data = encode(Image(PIXELS, meta=BESIDE[name]), source)
        except ImageError as error:
            assert "can't hold" in str(error)  # noqa: PT017 (JPEG's 64 KB)
            continue
        image = read(data)
        assert image.pixels.shape in (PIXELS.shape, (27, 20, 3))
        if source in ("PNG", "TIFF"):
            assert np.array_equal(image.pixels, PIXELS)
        path = tmp_path / f"a.{source.lower()}"
        path.write_bytes(data)
        for suffix in ("png", "jpg", "tif", "webp", "avif", "jp2", "jxl"):
            said = call(*A, path, "-o", tmp_path / f"{source}.{suffix}", "--linear")
            assert said.status in (0, 1), said.err
            assert "Traceback" not in said.err
            assert said.err.replace("\n", "").isprintable()
            if said.status == 1:
                assert len(said.lines) == 1, said.err
                assert not (tmp_path / f"{source}.{suffix}").exists()


# What is no file, or not the one it was


def test_a_folder_called_like_an_image_holds_images(tmp_path):
    (tmp_path / "x.png").mkdir()
    said = call(*A, tmp_path / "x.png")
    assert said.status == 1
    assert "no images in this folder" in said.err
    (tmp_path / "x.png" / "y.png").write_bytes(WHOLE)
    (tmp_path / "z.png").write_bytes(WHOLE)
    assert call(*A, tmp_path, "-o", tmp_path / "out", "--recursive").status == 0
    results = sorted(str(p.relative_to(tmp_path)) for p in (tmp_path / "out").rglob("*.png"))
    assert results == ["out/x.png", "out/x.png/y.png", "out/z.png"]


def test_a_fifo_is_no_image_of_a_folder_and_empty_by_itself(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(WHOLE)
    said = spawn(*A, tmp_path, "-o", tmp_path / "out")
    assert said.status == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.png"]
    said = spawn(*A, tmp_path / "a.png", "-o", tmp_path / "c.png")
    assert said.status == 1
    assert "the file is empty" in said.err


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/full", "/dev/random"])
def test_a_device_is_refused_whatever_it_is_called(device, tmp_path):
    (tmp_path / "a.png").symlink_to(device)
    said = spawn(*A, tmp_path / "a.png", "-o", tmp_path / "b.png")
    assert said.status == 1
    assert "it is a device, not an image" in said.err
    (tmp_path / "k.toml").symlink_to(device)
    said = spawn("apply", tmp_path / "k.toml", tmp_path / "a.png")
    assert said.status == 2
    assert "it is a device, not a file of kernels" in said.err


@pytest.mark.parametrize("suffix", ["toml", "csv", "npy", "json", "mat", "txt"])
def test_a_fifo_of_kernels_does_not_hang(suffix, tmp_path):
    (tmp_path / "a.png").write_bytes(WHOLE)
    os.mkfifo(tmp_path / f"k.{suffix}")
    said = spawn("apply", tmp_path / f"k.{suffix}", tmp_path / "a.png")
    assert said.status == 2
    assert len(said.lines) == 1


def test_files_that_vanish_or_change_spare_the_others(tmp_path):
    """Found by name, and gone, a folder, empty or cut short when their turn comes."""
    names = ["a.png", "b.png", "c.png", "d.png", "e.png"]
    for name in names:
        (tmp_path / name).write_bytes(WHOLE)
    request = batch.Request([str(tmp_path)], str(tmp_path / "out"), "box")
    jobs = batch.plan(request)
    assert [Path(job.source).name for job in jobs] == names
    (tmp_path / "a.png").unlink()
    (tmp_path / "b.png").unlink()
    (tmp_path / "b.png").mkdir()
    (tmp_path / "c.png").write_bytes(b"")
    (tmp_path / "d.png").write_bytes(WHOLE[:100])
    found = outcomes(tmp_path, names)
    errors = [found[name].error for name in names]
    assert [bool(error) for error in errors] == [True, True, True, True, False]
    for error, words in zip(
        errors, ["no such file", "a folder", "0 bytes", "cut short"], strict=False
    ):
        assert words in error
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["e.png.png"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_a_file_that_may_not_be_read_is_told(tmp_path):
    (tmp_path / "a.png").write_bytes(WHOLE)
    (tmp_path / "a.png").chmod(0)
    said = call(*A, tmp_path / "a.png", "-o", tmp_path / "b.png")
    assert said.status == 1
    assert "permission denied" in said.err


def test_what_the_system_refuses_to_read_is_told(tmp_path, monkeypatch):
    """A file whose disk fails, as for anybody, root included."""
    (tmp_path / "a.png").write_bytes(WHOLE)

    def failing(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("convcli.image.source._drain", failing)
    said = call(*A, tmp_path / "a.png", "-o", tmp_path / "b.png")
    assert said.status == 1
    assert "can't be read: input/output error" in said.err


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no /proc here")
@pytest.mark.parametrize("name", ["mem", "environ", "maps", "cmdline"])
def test_files_that_are_none_are_refused(name, tmp_path):
    said = spawn(*A, f"/proc/self/{name}", "-o", tmp_path / "b.png")
    assert said.status == 1
    assert len(said.lines) == 1


# Names


NAMES = [b"two\nlines.png", b"\x1b[31mred\x1b[2J.png", b"\xff\xfe.png", b"-o.png", b"--help.png",
         b" .png", b"a b.png", "\u202egnp.png".encode(), "é.png".encode(), b"%s%n.png", b"*.png",
         b"$(id).png", b"x" * 240 + b".png", b"\x7f.png", b"a;b.png", b"#.png"]  # fmt: skip


def test_odd_names_are_kept_and_said_in_one_line(tmp_path):
    """Half of the files are broken, so that every name is said."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        (folder / os.fsdecode(name)).write_bytes(WHOLE if number % 2 else WHOLE[:-7])
    said = spawn(*A, folder, "-o", out)
    assert said.status == 1
    assert sorted(os.fsencode(path.name) for path in out.iterdir()) == sorted(NAMES[1::2])
    assert said.err.replace("\n", "").isprintable()
    failed = [line for line in said.lines if "cut short" in line]
    assert len(failed) == len(NAMES[::2])


def test_a_name_that_begins_with_a_dash_is_a_file_after_two(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("-o.png").write_bytes(WHOLE)
    assert call("apply", "box", "-o", "r.png", "--", "-o.png").status == 0
    assert call("apply", "box", "./-o.png", "-o", "s.png").status == 0
    assert Path("r.png").read_bytes() == Path("s.png").read_bytes()


# Code


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("form", ["array", "bare"])
def test_npy_never_runs_what_is_in_it(form, tmp_path):
    """Neither as an image nor as a kernel, and neither well-formed nor as a bare pickle."""
    evil = np.empty((3, 3), dtype=object)
    evil[:] = Evil(str(tmp_path / "made"))
    path = tmp_path / "a.npy"
    if form == "array":
        np.save(path, evil, allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(Evil(str(tmp_path / "made"))))
    (tmp_path / "b.png").write_bytes(WHOLE)
    image = call(*A, path, "-o", tmp_path / "c.png")
    kernel = call("apply", path, tmp_path / "b.png", "-o", tmp_path / "c.png")
    assert (image.status, kernel.status) == (1, 2)
    assert not (tmp_path / "made").exists()
    assert not (tmp_path / "c.png").exists()
