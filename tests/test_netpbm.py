"""PAM, streams of several images, and comments: netpbm's formats as its own programs have them."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess

import numpy as np
import pytest
from command import call
from PIL import Image as Pillow

from convcli import Frames, Image, ImageError, read_frames, write_frames
from convcli.image.depth import full_range
from convcli.image.files import encode, read
from convcli.image.header import peek_into
from convcli.image.image import Meta
from convcli.image.recognise import header_of, recognise
from convcli.image.source import load


def pam(pixels, kind, maximum=255, more=""):
    """Return a PAM file, as its page says."""
    rows, cols = pixels.shape[:2]
    depth = pixels.shape[2] if pixels.ndim == 3 else 1
    words = f"P7\nWIDTH {cols}\nHEIGHT {rows}\nDEPTH {depth}\nMAXVAL {maximum}\n{more}"
    words += f"TUPLTYPE {kind}\n" if kind else ""
    wide = ">u2" if maximum > 255 else "u1"
    return words.encode() + b"ENDHDR\n" + pixels.astype(wide).tobytes()


def pnm(pixels, comment=""):
    """Return a PBM, PGM or PPM file."""
    rows, cols = pixels.shape[:2]
    said = f"# {comment}\n" if comment else ""
    if pixels.dtype == bool:
        return f"P4\n{said}{cols} {rows}\n".encode() + np.packbits(~pixels, axis=1).tobytes()
    magic = "P6" if pixels.ndim == 3 else "P5"
    most = np.iinfo(pixels.dtype).max
    head = f"{magic}\n{said}{cols} {rows}\n{most}\n".encode()
    return head + pixels.astype(">u2" if most > 255 else "u1").tobytes()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


TYPES = [
    ("GRAYSCALE", "L", 1), ("GRAYSCALE_ALPHA", "LA", 2), ("RGB", "RGB", 3),
    ("RGB_ALPHA", "RGBA", 4), ("CMYK", "CMYK", 4), ("", "L", 1), ("", "RGB", 3),
    ("", "??", 2), ("", "?????", 5), ("seen by a radar", "??", 2),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "channels", "depth"), TYPES)
@pytest.mark.parametrize("maximum", [1, 200, 255, 1023, 65535])
def test_pam_of_every_type_and_maximum(rng, kind, channels, depth, maximum):
    pixels = rng.integers(0, maximum + 1, (5, 7, depth))
    full = 255 if maximum < 256 else 65535
    image = read(pam(pixels, kind, maximum))
    assert (image.channels, image.dtype.itemsize) == (channels, 1 + (maximum > 255))
    assert image.maximum == (255 if maximum == 1 else maximum)
    expected = pixels * 255 if maximum == 1 else pixels
    assert np.array_equal(image.pixels.reshape(pixels.shape), expected)
    assert full_range(image).maximum == full


@pytest.mark.parametrize(("kind", "channels", "depth"), TYPES)
@pytest.mark.parametrize("wide", ["uint8", "uint16"])
def test_pam_that_is_written_is_as_its_page_says(rng, kind, channels, depth, wide):
    pixels = rng.integers(0, np.iinfo(wide).max + 1, (4, 6, depth)).astype(wide)
    data = encode(Image(pixels[:, :, 0] if depth == 1 else pixels, channels), "PAM")
    named = "GRAYSCALE" if channels == "L" else "RGB" if channels == "RGB" else kind
    named = "" if "?" in channels else named
    assert data == pam(pixels, named, np.iinfo(wide).max)
    assert np.array_equal(read(data).pixels.reshape(pixels.shape), pixels)


@pytest.mark.parametrize("channels", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.skipif(shutil.which("convert") is None, reason="ImageMagick is not installed")
def test_imagemagick_sees_the_same_in_pam(rng, channels, here):
    pixels = rng.integers(0, 256, (9, 6, len(channels))).astype(np.uint8)
    pixels[..., -1] |= 1
    image = Image(pixels[:, :, 0] if channels == "L" else pixels, channels)
    (here / "a.pam").write_bytes(encode(image, "PAM"))
    subprocess.run(["convert", "a.pam", "-depth", "8", "a.png"], check=True)
    assert np.array_equal(np.array(Pillow.open("a.png").convert(channels)), image.pixels)
    subprocess.run(["convert", "a.png", "-depth", "8", "b.pam"], check=True)
    again = read("b.pam").pixels
    # It writes gray as colour.
    again = again[..., 0] if channels == "L" and again.ndim == 3 else again
    assert np.array_equal(again, image.pixels)


def test_black_and_white_pam_is_one_bit(rng):
    pixels = rng.integers(0, 2, (5, 9))
    image = read(pam(pixels, "BLACKANDWHITE", 1))
    assert image.dtype == bool
    assert np.array_equal(image.pixels, pixels == 1)
    assert encode(image, "PAM") == pam(pixels, "BLACKANDWHITE", 1)
    both = np.dstack((pixels, 1 - pixels))
    image = read(pam(both, "BLACKANDWHITE_ALPHA", 1))
    assert (image.channels, image.pixels.max()) == ("LA", 255)


def test_pam_has_comments_and_types_of_several_lines(rng):
    pixels = rng.integers(0, 256, (2, 3, 3))
    image = read(pam(pixels, "RGB", more="# made by hand\n  # and more\n"))
    assert image.meta.text == (("Comment", "made by hand\nand more"),)
    odd = pam(pixels, "RGB", more="TUPLTYPE visible\n")
    assert read(odd).channels == "RGB"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((b"WIDTH 3\n", b""), "without WIDTH"),
        ((b"DEPTH 3", b"DEPTH 4"), "RGB has 3 samples a pixel, its header says DEPTH 4"),
        ((b"DEPTH 3", b"DEPTH x"), "DEPTH x"),
        ((b"MAXVAL 255", b"MAXVAL 70000"), "maximum is 70000"),
        ((b"HEIGHT 2", b"HEIGHT -2"), "whole number"),
        ((b"ENDHDR\n", b""), "not complete"),
        ((b"HEIGHT 2", b"HEIGHT 9"), "cut short"),
        ((b"WIDTH 3", b"WIDTH 999999999"), "the limit is"),
    ],
)
def test_a_damaged_pam_is_told(rng, change, words):
    data = pam(rng.integers(0, 256, (2, 3, 3)), "RGB").replace(*change)
    with pytest.raises(ImageError, match=words):
        read(data)


def images(rng):
    """Return images of several sizes and kinds."""
    return [
        rng.integers(0, 256, (5, 7)).astype(np.uint8),
        rng.integers(0, 256, (4, 3, 3)).astype(np.uint8),
        rng.random((3, 11)) < 0.5,
        rng.integers(0, 65536, (6, 2)).astype(np.uint16),
    ]


@pytest.mark.parametrize("between", [b"", b"\n"])
def test_all_images_of_a_stream_are_read(rng, between):
    made = images(rng)
    frames = read_frames(io.BytesIO(between.join(map(pnm, made))))
    assert (len(frames), frames.format, frames.durations) == (4, "PNM", None)
    for image, pixels in zip(frames, made, strict=True):
        assert np.array_equal(image.pixels, pixels)
    assert np.array_equal(frames[2].pixels, made[2])
    assert header_of(peek_into(between.join(map(pnm, made))), "PGM").frames == 4


def test_pam_and_others_may_follow_each_other(rng):
    made = images(rng)
    data = pnm(made[0]) + pam(made[1], "RGB") + pnm(made[3])
    frames = read_frames(io.BytesIO(data))
    assert (len(frames), frames.format) == (3, "PAM")
    assert np.array_equal(frames[1].pixels, made[1])


def test_texts_may_follow_each_other():
    data = b"P2\n# P5 x\n2 2\n255\n1 2\n3 4\nP2 1 1 9\n5\nP1\n2 1\n10"
    found = [image.pixels.tolist() for image in read_frames(io.BytesIO(data))]
    assert found == [[[1, 2], [3, 4]], [[5]], [[False, True]]]


def test_a_stream_is_filtered_whole_and_comes_back_as_one(rng, here):
    made = [rng.integers(0, 256, (6, 8)).astype(np.uint8) for _ in range(5)]
    (here / "in.pgm").write_bytes(b"".join(map(pnm, made)))
    said = call("apply", "box", "in.pgm", "-o", "out.pgm")
    assert (said.status, "5 frames" in said.err) == (0, True)
    frames = read_frames("out.pgm")
    assert len(frames) == 5
    for number, image in enumerate(frames):
        assert call("apply", "box", "in.pgm", "--frame", number, "-o", f"{number}.png").status == 0
        assert np.array_equal(image.pixels, np.array(Pillow.open(f"{number}.png")))
    # What ImageMagick and Pillow see of the first is the same.
    assert np.array_equal(np.array(Pillow.open("out.pgm")), frames[0].pixels)


@pytest.mark.parametrize("suffix", [".pnm", ".tif", ".pam"])
def test_images_of_any_kind_are_written_where_they_fit(rng, here, suffix):
    made = [Image(pixels) for pixels in images(rng)]
    write_frames(f"a{suffix}", Frames.of(made))
    for image, again in zip(made, read_frames(f"a{suffix}"), strict=True):
        expected = image.pixels
        if suffix == ".pnm" and image.dtype == bool:
            assert (here / "a.pnm").read_bytes().count(b"P4\n") == 1
        assert np.array_equal(again.pixels, expected)


def test_one_that_does_not_fit_is_named(rng, here):
    (here / "in.pnm").write_bytes(b"".join(map(pnm, images(rng))))
    said = call("apply", "identity", "in.pnm", "-o", "out.pgm")
    assert (said.status, len(said.lines)) == (1, 1)
    assert "frame 1: PGM can't hold 8-bit colour" in said.err
    assert not (here / "out.pgm").exists()


def test_a_stack_of_pages_and_an_animation_become_a_stream(rng, here):
    frames = [Pillow.fromarray(np.full((4, 5), 60 * k, np.uint8)) for k in range(4)]
    frames[0].save("a.tif", save_all=True, append_images=frames[1:])
    frames[0].save("a.gif", save_all=True, append_images=frames[1:], duration=70)
    assert call("apply", "identity", "a.tif", "-o", "b.pgm").status == 0
    said = call("apply", "identity", "a.gif", "-o", "c.ppm")
    assert "PPM can't hold the animation's timing: left out" in said.err
    assert len(read_frames("b.pgm")) == len(read_frames("c.ppm")) == 4


def test_a_stream_through_pipes(rng):
    made = [rng.integers(0, 256, (6, 8)).astype(np.uint8) for _ in range(3)]
    data = b"".join(map(pnm, made))
    said = call("apply", "identity", "-", "-o", "-", stdin=data)
    assert (said.status, said.data) == (0, data)
    mixed = b"".join(map(pnm, images(rng)[:2]))
    assert call("apply", "identity", "-", "-o", "-", stdin=mixed).data == mixed


def test_a_later_image_that_is_cut_is_named(rng, here):
    made = images(rng)
    (here / "a.pnm").write_bytes(pnm(made[0]) + pnm(made[1])[:-5])
    said = call("apply", "box", "a.pnm", "-o", "b.pnm")
    assert said.status == 1
    assert "frame 1: the file is cut short" in said.err


@pytest.mark.parametrize("behind", [b"xyz", b"P9 5", b"\0\0", b"P5"])
def test_what_follows_and_is_no_image_is_told(rng, behind):
    image = read(pnm(images(rng)[0]) + behind)
    assert image.meta.notes == ("what follows the last image in the file is no image: left out",)
    assert read(pnm(images(rng)[0]) + b"\n \n").meta.notes == ()


def test_all_of_a_large_stream_is_read(rng, here, monkeypatch):
    """Of 64 MB and more only what its images account for is read, and that is all of them."""
    monkeypatch.setattr("convcli.image.source._LITTLE", 10)
    monkeypatch.setattr("convcli.image.source._MUCH", 100)
    monkeypatch.setattr("convcli.image.netpbm.stream.ALLOWANCE", 10)
    data = b"".join(pnm(np.full((9, 9), k, np.uint8)) for k in range(40))
    (here / "a.pgm").write_bytes(data + bytes(1000))
    found, name = load("a.pgm")
    assert (name, len(found)) == ("PGM", len(data) + 10)
    assert len(read_frames("a.pgm")) == 40


def test_more_pixels_than_the_limit_allows_are_refused():
    data = pnm(np.zeros((10, 10), np.uint8)) * 70
    with pytest.raises(ImageError, match=r"its 70 frames have 7000 pixels together"):
        read_frames(io.BytesIO(data), max_pixels=100)
    with pytest.raises(ImageError, match="the limit is 99"):
        read(data, max_pixels=99)


@pytest.mark.parametrize("kind", ["pgm", "ppm", "pbm", "pam"])
def test_comments_are_text_that_is_kept(rng, here, kind):
    pixels = {"pbm": 2, "ppm": 1}.get(kind, 0)
    pixels = images(rng)[pixels]
    data = pnm(pixels, "Scanned on a Tuesday")
    if kind == "pam":
        data = pam(pixels, "GRAYSCALE", more="# Scanned on a Tuesday\n")
    (here / f"a.{kind}").write_bytes(data)
    said = call("apply", "identity", f"a.{kind}", "-o", "b.png")
    assert "left out" not in said.err
    assert Pillow.open("b.png").text["Comment"] == "Scanned on a Tuesday"
    assert call("apply", "identity", f"a.{kind}", "-o", "c.pnm").status == 0
    assert b"\n# Scanned on a Tuesday\n" in (here / "c.pnm").read_bytes()
    assert np.array_equal(read("c.pnm").pixels, read("b.png").pixels)
    assert "PFM can't hold the source's text" in call(
        "apply", "identity", f"a.{kind}", "-o", "d.pfm", "--depth", "float"
    ).err  # fmt: skip


def test_text_of_others_stands_in_comments():
    meta = Meta(text=(("Title", "one\ntwo"), ("Comment", "späte Blüte")))
    data = encode(Image(np.zeros((2, 2), np.uint8), "L", meta), "PGM")
    assert data.startswith("P5\n# Title: one\n# two\n# späte Blüte\n2 2\n".encode())
    assert read(data).meta.text == (("Comment", "Title: one\ntwo\nspäte Blüte"),)


def test_several_arrays_in_one_file_are_told(here):
    with (here / "a.npy").open("wb") as file:
        for k in range(3):
            np.save(file, np.full((4, 5), k, np.uint8))
    said = call("apply", "box", "a.npy", "-o", "b.npy")
    assert "only the first array in the file was filtered: others follow it" in said.err
    with (here / "c.npy").open("wb") as file:
        np.save(file, np.zeros((4, 5), np.uint8))
        file.write(struct.pack("<I", 7))
    said = call("apply", "box", "c.npy", "-o", "d.npy")
    assert "what follows the array in the file is left out" in said.err
    with (here / "v.npy").open("wb") as file:
        for _ in range(2):
            np.save(file, np.zeros((3, 4, 5), np.uint8))
    said = call("apply", "box", "v.npy", "--volume", "-o", "w.npy")
    assert "others follow it" in said.err


def test_words_that_begin_like_one_are_none():
    for data in (b"P7 332\n#XVVERSION\n", b"P7x\n", b"P8\n1 1\n"):
        with pytest.raises(ImageError):
            recognise(data)
    assert recognise(b"P7\r\nWIDTH 1\r\n") == "PAM"
