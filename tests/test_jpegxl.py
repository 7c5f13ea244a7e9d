"""JPEG XL: pixels, profiles, metadata and times, against libjxl's own programs where they are.

The files in data/jpegxl were made by cjxl 0.7.0 (linear-float.jxl by imagecodecs 2026.3.6) from the
ramps below.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from marks import exhaustive_but

from convcli import Frames, Image, ImageError, Meta, read_frames
from convcli.cli.main import main
from convcli.image import codecs
from convcli.image.boxes import box, boxes
from convcli.image.exif import orientation, settle
from convcli.image.files import encode, parts, read, timing_notes, write
from convcli.image.header import peek_into
from convcli.image.jpegxl import icc
from convcli.image.jpegxl.bits import ENUM, Reader, Writer
from convcli.image.jpegxl.frames import DURATION, frames
from convcli.image.jpegxl.stream import read_image
from convcli.image.light.profile import fits
from convcli.image.recognise import header_of

DATA = Path(__file__).parent / "data/jpegxl"
FILES = sorted(DATA.glob("*.jxl"))
PROFILE = (DATA / "p3.icc").read_bytes()
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>"
#: A block with orientation 6 and a maker.
EXIF = (
    b"II*\0\x08\0\0\0\2\0"
    b"\x0f\1\2\0\4\0\0\0abc\0" + b"\x12\1\3\0\1\0\0\0\6\0\0\0" + bytes(4)
)  # fmt: skip
needs_programs = pytest.mark.skipif(
    not (shutil.which("cjxl") and shutil.which("djxl")), reason="libjxl's programs are not here"
)


def ramp(channels, most, rows=16, cols=24, seed=0):
    y, x = np.mgrid[:rows, :cols]
    planes = [(x * (3 + k) + y * (5 + 2 * k) + seed * 7) % (most + 1) for k in range(channels)]
    return planes[0] if channels == 1 else np.stack(planes, 2)


def noise(rng, dtype, channels, size=(19, 31)):
    shape = size if len(channels) == 1 else (*size, len(channels))
    if dtype == "float32":
        return rng.normal(0.5, 2, shape).astype(np.float32)
    return rng.integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)


def told(data):
    """Return what a file's codestream says, and its frames."""
    code = data if data[:2] == b"\xff\x0a" else dict(boxes(data))[b"jxlc"]
    reader = Reader(code)
    found = read_image(reader)
    if found.colours.profile:
        icc.read(reader)
    reader.align()
    return found, [*frames(code, reader.at >> 3, found)], len(code)


# Files of others


@pytest.mark.parametrize(
    ("name", "channels", "most"), [("gray16", 1, 65535), ("rgba-e9", 4, 255), ("profile", 3, 255)]
)
def test_lossless_files_are_read_exactly(name, channels, most):
    image = read(DATA / f"{name}.jxl")
    assert np.array_equal(image.pixels, ramp(channels, most))
    assert not image.meta.lossy
    assert image.meta.notes == ()


def test_ten_bits_stay_ten():
    stored = ramp(1, 1023).astype(np.uint16)
    image = read(DATA / "gray10.jxl")
    assert np.array_equal(image.pixels, stored)
    assert image.maximum == 1023
    assert image.meta.mode == "10-bit gray"


def test_a_profile_comes_out_of_the_codestream():
    assert read(DATA / "profile.jxl").meta.icc == PROFILE


def test_colours_stored_without_a_device_are_srgb():
    """libjxl gives linear light of 8 bits for these; djxl's are the same, as linear light."""
    image = read(DATA / "profile-lossy.jxl")
    assert image.meta.icc is None
    assert image.meta.lossy
    assert any("sRGB" in note for note in image.meta.notes)
    srgb = codecs.load("imagecodecs").cms_profile("srgb")
    meant = codecs.load("imagecodecs").cms_transform(
        np.ascontiguousarray(ramp(3, 255).astype(np.uint8)), PROFILE, bytes(srgb), colorspace="rgb",
        outcolorspace="rgb",
    )  # fmt: skip
    # A steep ramp with steps in it, coded at a distance of 1.
    assert np.abs(image.pixels.astype(int) - meant).mean() < 12


def test_linear_light_gets_a_profile_that_says_so():
    image = read(DATA / "linear-float.jxl")
    assert np.array_equal(image.pixels, (ramp(3, 255) / 255).astype(np.float32))
    assert image.meta.icc is not None
    assert fits(image.meta.icc, "RGB")
    from convcli.image.light import linear

    light = linear.decode(image)
    assert np.allclose(light, image.pixels, atol=1e-5)


def test_parts_in_another_order_are_passed_over():
    image = read(DATA / "ordered.jxl")
    y, x = np.mgrid[:300, :600]
    meant = np.stack([x * 255 // 599, y * 255 // 299, (x + y) * 255 // 898], 2)
    assert np.abs(image.pixels.astype(int) - meant).mean() < 2


def test_a_jpeg_file_within_is_upright_and_keeps_its_exif():
    """Its codestream lies in two boxes, its EXIF is packed, and both say how it is turned."""
    image = read(DATA / "sideways-jpeg.jxl")
    assert image.size == (24, 16)
    assert orientation(image.meta.exif) == 1
    assert b"Maker" in image.meta.exif
    assert image.meta.lossy
    header = header_of(peek_into((DATA / "sideways-jpeg.jxl").read_bytes()), "JPEGXL")
    assert header.size == (16, 24)


def test_an_animation_of_others_is_read():
    found = read_frames(DATA / "animation.jxl")
    assert found.durations == (50, 120, 70)
    for k, image in enumerate(found):
        assert np.array_equal(image.pixels, ramp(3, 255, seed=k))
    assert np.array_equal(found[2].pixels, ramp(3, 255, seed=2))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_header_tells_what_is_read(path):
    header, image = header_of(peek_into(path.read_bytes()), "JPEGXL"), read(path)
    assert header.pixels == image.size[0] * image.size[1]
    assert header.channels == len(image.channels)
    assert header.dtype == image.pixels.dtype.name
    assert header.lossy <= image.meta.lossy


# Files of ours


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", ["L", "LA", "RGB", "RGBA"])
def test_everything_comes_back(rng, dtype, channels):
    """With all that may stand beside the pixels, and without."""
    pixels = noise(rng, dtype, channels)
    profile = PROFILE if channels.startswith("RGB") else None
    for meta in (Meta(), Meta(xmp=XMP), Meta(icc=profile), Meta(icc=profile, xmp=XMP)):
        again = read(encode(Image(pixels, channels, meta), "JPEGXL"))
        assert np.array_equal(again.pixels, pixels)
        assert again.pixels.dtype == dtype
        assert (again.channels, again.meta.icc, again.meta.xmp) == (channels, meta.icc, meta.xmp)
        assert not again.meta.lossy


def test_floats_beyond_everything_come_back():
    pixels = np.array([[np.nan, np.inf, -np.inf, 1e30, -5, 1e-40, 0.0, -0.0]], np.float32)
    again = read(encode(Image(pixels), "jxl")).pixels
    assert np.array_equal(again.view(np.uint32), pixels.view(np.uint32))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_quality_is_loss_that_shrinks(dtype):
    y, x = np.mgrid[:64, :96]
    smooth = np.stack([np.sin(x / 9), np.cos(y / 7), x * y / 64 / 96], 2) / 5 + 0.5
    full = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    pixels = (smooth * full).astype(dtype)
    sizes, errors = [], []
    for quality in (30, 90, 100):
        data = encode(Image(pixels), "JPEGXL", quality=quality)
        again = read(data)
        assert again.pixels.dtype == dtype
        assert again.meta.lossy == (quality < 100)
        sizes.append(len(data))
        errors.append(float(np.abs(again.pixels / full - pixels / full).mean()))
    assert errors[0] > errors[1] > errors[2] == 0
    assert errors[1] < 0.01
    assert sizes[0] < sizes[1]


def test_what_had_lost_something_may_lose_again(rng):
    pixels = np.repeat(np.repeat(noise(rng, "uint8", "RGB"), 8, 0), 8, 1)
    lossy = read(encode(Image(pixels), "JPEG"))
    assert read(encode(lossy, "JPEGXL")).meta.lossy
    # Colours that need their profile are kept as they are.
    again = read(encode(Image(lossy.pixels, meta=Meta(lossy=True, icc=PROFILE)), "JPEGXL"))
    assert np.array_equal(again.pixels, lossy.pixels)
    assert again.meta.icc == PROFILE


def test_loss_and_a_profile_are_refused():
    image = Image(ramp(3, 255).astype(np.uint8), meta=Meta(icc=PROFILE))
    with pytest.raises(ImageError, match="colour profile"):
        encode(image, "JPEGXL", quality=80)


def test_exif_is_kept_and_says_upright():
    meta = read(encode(Image(ramp(1, 255).astype(np.uint8), meta=Meta(exif=EXIF)), "jxl")).meta
    assert b"abc" in meta.exif
    assert orientation(meta.exif) == 1


@pytest.mark.parametrize("size", [129, 300, 5000, 70_000])
def test_profiles_of_any_content_are_coded(rng, size):
    profile = rng.integers(0, 256, size).astype(np.uint8).tobytes()
    profile = profile[:16] + b"RGB " + profile[20:]
    writer = Writer()
    icc.write(writer, profile)
    assert icc.read(Reader(writer.finish())) == profile


@pytest.mark.parametrize("quality", [None, 80])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_animations_come_back(rng, dtype, quality):
    images = [Image(noise(rng, dtype, "RGBA", (20, 28)), meta=Meta(xmp=XMP)) for _ in range(4)]
    data = encode(Frames.of(images, [0, 33.3, 50, 400_000], loop=3), "JPEGXL", quality=quality)
    again = read_frames(data)
    assert (again.durations, again.loop) == ((1, 33.3, 50, 400_000), 3)
    for image, found in zip(images, again, strict=True):
        assert found.meta.xmp == XMP
        assert found.pixels.dtype == dtype
        if quality is None:
            assert np.array_equal(found.pixels, image.pixels)
    assert read(data, frame=2).size == (20, 28)


def test_times_too_short_are_told(rng):
    moving = Frames.of([Image(noise(rng, "uint8", "L"))] * 2, [0, 10])
    assert "at least" in timing_notes(moving, "JPEGXL")[0]
    assert timing_notes(moving, "PNG") == ()


def test_an_animation_is_written_frame_by_frame(rng):
    given = []

    def start(first):
        for number in range(first, 3):
            given.append(number)
            yield Image(noise(rng, "uint8", "RGB"))

    coded = parts(Frames(3, start, durations=(10, 20, 30)), "JPEGXL")
    next(coded)
    assert given == [0]
    next(coded)
    next(coded)
    assert given == [0, 1]


def test_numbers_are_written_as_they_are_read():
    writer = Writer()
    values = (0, 1, 17, 255, 256, 2**20, 2**31)
    for value in values:
        writer.long(value)
        writer.number(value, DURATION)
    for value in range(82):
        writer.number(value, ENUM)
    reader = Reader(writer.finish())
    for value in values:
        assert (reader.long(), reader.number(DURATION)) == (value, value)
    assert [reader.number(ENUM) for _ in range(82)] == [*range(82)]


# What is damaged, or isn't held


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_that_is_cut_short_is_refused(path):
    data = path.read_bytes()
    for size in {*range(len(data) - 1, 0, -max(1, len(data) // 60))}:
        with pytest.raises(ImageError):
            for _ in read_frames(data[:size]):
                pass


@pytest.mark.parametrize("path", exhaustive_but(FILES[::3], FILES), ids=lambda path: path.stem)
def test_no_changed_byte_ends_anything(path):
    """A changed byte gives other pixels, as there are no checksums, or one clear line."""
    data = path.read_bytes()
    for at in range(0, len(data), max(1, len(data) // 150)):
        for mask in (0x01, 0x80, 0xFF):
            changed = bytearray(data)
            changed[at] ^= mask
            try:
                read(bytes(changed), max_pixels=2**22)
            except ImageError as error:
                assert "\n" not in str(error)  # noqa: PT017
                assert "JXL_" not in str(error)  # noqa: PT017


def test_a_frame_that_is_cut_off_is_missed(rng):
    """Without its last frame the rest of an animation is whole, but not the file."""
    data = encode(Frames.of([Image(noise(rng, "uint8", "RGB"))] * 3, 50), "JPEGXL")
    _, found, size = told(data)
    before = len(data) - size + found[2].start
    with pytest.raises(ImageError, match="cut short"):
        read_frames(data[:before])


def test_too_many_pixels_are_told_from_the_header():
    with pytest.raises(ImageError, match=r"180000 pixels.*`max_pixels`"):
        read(DATA / "ordered.jxl", max_pixels=100_000)


def test_what_is_not_held_is_refused(rng):
    with pytest.raises(ImageError, match="hold 8-bit CMYK"):
        encode(Image(noise(rng, "uint8", "CMYK"), "CMYK"), "JPEGXL")
    with pytest.raises(ImageError, match="double"):
        encode(Image(noise(rng, "float32", "L").astype(np.float64)), "JPEGXL")


def test_a_packed_box_that_unfolds_to_gigabytes_is_left_out():
    huge = bytes(codecs.load("imagecodecs").brotli_encode(bytes(2**27)))
    data = encode(Image(ramp(1, 255).astype(np.uint8), meta=Meta(xmp=XMP)), "JPEGXL")
    kept = [box(name, content) for name, content in boxes(data) if name != b"xml "]
    kept.insert(2, box(b"brob", b"xml " + huge))
    assert not read(b"".join(kept)).meta.xmp


# The command, and libjxl's programs


def test_the_command_reads_and_writes_it(tmp_path, capfd):
    write(tmp_path / "a.png", Image(ramp(3, 255).astype(np.uint8)))
    assert main(["apply", "identity", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.jxl")]) == 0
    assert main(["apply", "identity", str(tmp_path / "b.jxl"), "-o", str(tmp_path / "c.png")]) == 0
    assert np.array_equal(read(tmp_path / "c.png").pixels, ramp(3, 255))
    assert capfd.readouterr().err.count("error") == 0


@needs_programs
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", ["L", "LA", "RGB", "RGBA"])
def test_djxl_sees_the_same(rng, dtype, channels, tmp_path):
    pixels = noise(rng, dtype, channels)
    profile = PROFILE if channels.startswith("RGB") else None
    source = tmp_path / "a.jxl"
    write(source, Image(pixels, channels, Meta(icc=profile, xmp=XMP, exif=settle(EXIF))))
    subprocess.run(["djxl", source, tmp_path / "b.png", "--quiet"], check=True)
    again = read(tmp_path / "b.png")
    assert np.array_equal(again.pixels, pixels)
    assert again.meta.icc == profile or profile is None


@needs_programs
@pytest.mark.parametrize("effort", [1, 3, 7, 9])
@pytest.mark.parametrize("name", ["gray.png", "page.png", "clear.png"])
def test_files_of_cjxl_are_read(name, effort, tmp_path):
    kinds = {"gray.png": ("L", 255), "page.png": ("L", 1), "clear.png": ("RGBA", 255)}
    channels, most = kinds[name]
    pixels = ramp(len(channels), most, 90, 130).astype(np.uint8)
    image = Image(pixels.astype(bool) if most == 1 else pixels, channels)
    write(tmp_path / name, image)
    call = ["cjxl", tmp_path / name, tmp_path / "a.jxl", "-d", "0", "-e", str(effort), "--quiet"]
    subprocess.run(call, check=True, capture_output=True)
    again = read(tmp_path / "a.jxl")
    assert np.array_equal(again.pixels, image.pixels)
    assert again.channels == channels
    found, stored, size = told((tmp_path / "a.jxl").read_bytes())
    assert stored[-1].end == size
    assert (found.rows, found.cols) == (90, 130)
