"""Colours told by numbers, by PNG's chunks, by EXIF and TIFF: followed, carried on, or named."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from made_beside import chunks_of, coded, program, ramp, said, with_chunks, with_segments
from PIL import Image as Pillow
from PIL import ImageCms
from test_beside_jpeg import exif_of

import convcli
from convcli import Image, Meta, Spec
from convcli.image.avif.items import read_items
from convcli.image.beside.block import Block
from convcli.image.files import encode, read
from convcli.image.formats import left_out
from convcli.image.light import linear, numbers, told
from convcli.image.light.curves import SRGB, Parametric, curves_of

P3, PQ, HLG = (12, 13, 0, 1), (9, 16, 0, 1), (9, 18, 0, 1)
CHRM = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
#: EXIF of a camera that is set to Adobe RGB: no colour space, and an index of R03.
INDEX = b"\2\0\1\0\2\0\4\0\0\0R03\0\2\0\7\0\4\0\0\0000100" + bytes(4)


def avif(cicp, bits=8):
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = ramp() if bits == 8 else ramp().astype(np.uint16) << (bits - 8)
    options = dict(zip(("primaries", "transfer", "matrix"), (*cicp[:2], 6), strict=True))
    return bytes(imagecodecs.avif_encode(pixels, level=95, bitspersample=bits, **options))


def adobe_rgb():
    block = exif_of("<", [(0xA001, 3, 65535), (0xA005, 4, 0)])
    at = len(block)
    return block[:-8] + struct.pack("<I", at) + bytes(4) + INDEX


def written(image, format, **spec):
    """Return a result's file, its metadata read again, and all that is said of it."""
    result = convcli.apply(image, "box3", Spec(**spec))
    notes = result.meta.notes + left_out(result.meta, format, result.channels)
    file = encode(result, format)
    return file, read(file).meta, " / ".join(notes)


@pytest.mark.parametrize(
    ("cicp", "bits"),
    [
        (P3, 8),
        (PQ, 10),
        *(
            pytest.param(cicp, bits, marks=pytest.mark.exhaustive)
            for cicp in (P3, PQ, HLG, (1, 1, 0, 1))
            for bits in (8, 10, 12)
        ),
    ],
)
@pytest.mark.parametrize("format", ["AVIF", "PNG"])
def test_numbers_go_from_avif_to_avif_and_png(cicp, bits, format):
    image = read(avif(cicp, bits))
    assert image.meta.cicp == cicp
    file, again, notes = written(image, format)
    assert again.cicp == cicp
    assert "CICP" not in notes
    if format == "PNG":
        assert dict(chunks_of(file))[b"cICP"] == bytes(cicp)
    else:
        assert read_items(file).colours == cicp


@pytest.mark.parametrize("cicp", [P3, PQ, HLG, (11, 17, 0, 1), (9, 8, 0, 1)])
def test_numbers_go_through_jpeg_xl(cicp):
    file, again, notes = written(Image(ramp(), meta=Meta(cicp=cicp)), "JPEGXL")
    assert notes == ""
    # Colours of a curve that a profile can tell of are read as a profile.
    assert again.cicp == cicp or (cicp in (P3, (9, 8, 0, 1)) and again.icc)
    _, back, _ = written(read(file), "PNG")
    assert back.cicp == again.cicp


def test_avifdec_and_jxlinfo_read_them(tmp_path):
    program("avifdec")
    file = tmp_path / "a.avif"
    file.write_bytes(written(read(avif(PQ, 10)), "AVIF")[0])
    printed = said("avifdec", "--info", file=file)
    assert "Color Primaries: 9" in printed
    assert "Transfer Char. : 16" in printed
    program("jxlinfo")
    file = tmp_path / "a.jxl"
    file.write_bytes(written(read(avif(PQ, 10)), "JPEGXL")[0])
    assert "PQ transfer" in said("jxlinfo", file=file)


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "WEBP", "JPEG2000"])
def test_where_numbers_have_no_place_a_profile_says_the_same(format):
    _, again, notes = written(read(avif(P3)), format)
    assert notes == ""
    there = ImageCms.ImageCmsProfile(io.BytesIO(again.icc)).profile
    # Display P3's red as ICC has it, adapted to D50.
    assert there.red_colorant[0] == pytest.approx((0.5151, 0.2412, -0.0011), abs=5e-4)
    x = np.linspace(0, 1, 99)
    assert np.abs(curves_of(again.icc)[0].forward(x) - SRGB.forward(x)).max() < 1e-4


@pytest.mark.parametrize("format", ["JPEG", "TIFF", "WEBP", "BMP", "PPM", "GIF"])
def test_where_nothing_says_the_same_it_is_named(format):
    _, again, notes = written(Image(ramp(), meta=Meta(cicp=PQ)), format)
    assert again.icc is None
    assert f"{format} can't hold the source's CICP colours (BT.2020, PQ): left out" in notes


def test_one_image_gives_one_profile():
    assert numbers.profile_of(P3, False) == numbers.profile_of(P3, False)
    assert numbers.profile_of(P3, False)[24:36] == b"\x07\xd0\0\1\0\1" + bytes(6)
    assert numbers.profile_of(PQ, False) is None


@pytest.mark.parametrize(
    "cicp",
    [
        pytest.param((9, t, 0, 1), marks=[] if t in (1, 4, 16, 18) else pytest.mark.exhaustive)
        for t in numbers.CURVES
    ],
)
def test_linear_light_follows_numbers(cicp, rng):
    pixels = rng.integers(0, 65536, (20, 20, 3)).astype(np.uint16)
    image = Image(pixels, meta=Meta(cicp=cicp))
    same = convcli.apply(image, "identity", Spec(linear=True)).pixels
    assert np.array_equal(same, pixels)
    curve = numbers.CURVES[cicp[1]]
    light = np.pad(curve.forward(pixels / 65535), ((1, 1), (1, 1), (0, 0)), mode="edge")
    down = sum(light[k : k + 20] for k in range(3))
    mean = sum(down[:, k : k + 20] for k in range(3)) / 9
    expected = np.rint(curve.inverse(mean) * 65535)
    found = convcli.apply(image, "box3", Spec(linear=True)).pixels
    assert np.abs(found - expected).max() <= 1


def test_perceptual_and_hybrid_curves_meet_their_standards():
    # SMPTE ST 2084: 100 cd/m² is coded as 0.508; ARIB STD-B67: 1/12 of the light as a half.
    assert numbers.CURVES[16].inverse(np.array([0.01]))[0] == pytest.approx(0.508078, abs=1e-6)
    assert numbers.CURVES[18].inverse(np.array([1 / 12]))[0] == pytest.approx(0.5)
    assert numbers.CURVES[18].inverse(np.array([1.0]))[0] == pytest.approx(1, abs=1e-6)


def test_a_curve_that_is_not_known_is_refused():
    with pytest.raises(convcli.ImageError, match="linear light isn't known"):
        convcli.apply(Image(ramp(), meta=Meta(cicp=(1, 9, 0, 1))), "box3", Spec(linear=True))


GAMA = ("gAMA", struct.pack(">I", 100000))


@pytest.mark.parametrize(
    ("meta", "power"),
    [
        (Meta(chunks=(GAMA,)), 1.0),
        (Meta(chunks=(("gAMA", struct.pack(">I", 50000)),)), 2.0),
        (Meta(chunks=(GAMA, ("sRGB", b"\0"))), None),
        (Meta(chunks=(("gAMA", b"\0\0\0\0"),)), None),
        (Meta(exif=adobe_rgb()), 563 / 256),
        (Meta(exif=exif_of("<", [(0xA001, 3, 2)])), 563 / 256),
        (Meta(exif=exif_of(">", [(0xA001, 3, 1)])), None),
        (Meta(), None),
    ],
)
def test_linear_light_follows_what_else_tells(meta, power):
    (curve,) = told.curves(meta)
    assert curve == (SRGB if power is None else Parametric(g=pytest.approx(power)))


@pytest.mark.parametrize("channels", [1, 3])
def test_linear_light_follows_tiff_s_transfer_function(channels):
    table = (np.linspace(0, 1, 256) ** 3 * 65535).astype(int).tolist() * channels
    meta = Meta(beside=(Block("TIFF tag 301", "transfer function", (Field(table),)),))
    light = linear.decode(Image(np.arange(256, dtype=np.uint8).reshape(16, 16), meta=meta))
    assert np.abs(light.reshape(-1) - np.linspace(0, 1, 256) ** 3).max() < 2e-5


class Field:
    def __init__(self, values):
        self.values = values


def test_gamma_and_primaries_become_a_profile_outside_png():
    file = with_chunks((b"gAMA", GAMA[1]), (b"cHRM", CHRM))
    image = read(file)
    result, again, notes = written(image, "PNG")
    assert dict(chunks_of(result))[b"cHRM"] == CHRM
    assert notes == ""
    _, again, notes = written(image, "JPEG")
    assert curves_of(again.icc) == (Parametric(),)
    assert notes == ""
    assert written(image, "PPM")[2] == "PPM can't hold the source's gamma and primaries: left out"


def test_chunks_that_say_srgb_need_no_profile():
    usual = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    for chunks in (((b"gAMA", struct.pack(">I", 45455)),), ((b"sRGB", b"\0"), (b"cHRM", usual))):
        _, again, notes = written(read(with_chunks(*chunks)), "JPEG")
        assert (again.icc, notes) == (None, "")


def test_what_is_said_of_a_display_is_named():
    file = with_chunks((b"cICP", bytes(PQ)), (b"mDCV", bytes(24)), (b"cLLI", bytes(8)))
    assert written(read(file), "PNG")[2] == ""
    notes = written(read(file), "AVIF")[2]
    assert notes == "AVIF can't hold the source's mastering display, content light level: left out"


@pytest.mark.parametrize("block", [adobe_rgb(), exif_of(">", [(0xA001, 3, 2)])])
def test_adobe_rgb_of_exif_goes_along(block):
    image = read(with_segments((0xE1, b"Exif\0\0" + block)))
    _, again, notes = written(image, "JPEG")
    assert (again.icc, again.exif, notes) == (None, image.meta.exif, "")
    for format in ("PNG", "AVIF", "TIFF"):
        _, again, notes = written(image, format)
        assert curves_of(again.icc) == (Parametric(g=pytest.approx(563 / 256, abs=1e-4)),)
        assert notes == ""


def test_gray_has_no_primaries_and_keeps_its_curve():
    file = with_chunks((b"cICP", bytes(PQ)), (b"cHRM", CHRM))
    result, again, notes = written(read(file), "PNG", gray=True)
    assert again.cicp == PQ
    assert b"cHRM" not in dict(chunks_of(result))
    assert notes == "the primaries (cHRM) were left out: they don't describe a gray image"


def test_gray_files_keep_what_they_say_of_colour():
    file = with_chunks((b"cHRM", CHRM), file=coded("PNG", ramp()[..., 0]))
    assert dict(chunks_of(written(read(file), "PNG")[0]))[b"cHRM"] == CHRM


def test_linear_floats_are_not_said_to_be_anything_else():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    spec = {"linear": True, "mapping": "raw"}
    _, again, notes = written(Image(ramp(), meta=Meta(icc=srgb)), "TIFF", **spec)
    assert again.icc is None
    assert notes == "the colour profile was left out: it doesn't describe linear light"
    result = convcli.apply(Image(ramp(), meta=Meta(cicp=P3)), "box3", Spec(**spec))
    assert result.meta.cicp == (12, 8, 0, 1)
    _, again, _ = written(Image(ramp(), meta=Meta(cicp=P3)), "JPEGXL", **spec)
    assert curves_of(again.icc) == (Parametric(),)


def test_a_profile_of_other_channels_is_named():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = io.BytesIO()
    Pillow.fromarray(ramp()[..., 0]).save(file, "JPEG", icc_profile=srgb)
    _, again, notes = written(read(file.getvalue()), "JPEG")
    assert again.icc is None
    assert notes == "the colour profile was left out: it doesn't describe a gray image"
