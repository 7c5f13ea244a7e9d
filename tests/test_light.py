"""Linear light: the curves are the standards', and nothing is lost there and back."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
from PIL import ImageCms

from convcli.errors import ImageError
from convcli.image.image import Image, Meta
from convcli.image.light import linear as light
from convcli.image.light.curves import SRGB, curves_of, parse_curve

FULL = {"bool": 1, "uint8": 255, "uint16": 65535}


def para(number, *values):
    fixed = [round(value * 65536) for value in values]
    return b"para\0\0\0\0" + struct.pack(f">HH{len(fixed)}i", number, 0, *fixed)


def curv(*values):
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *values)


def profile(space=b"RGB ", **tags):
    """Make an ICC profile of the tags given."""
    head = bytearray(128)
    head[16:20] = space
    table, body = b"", b""
    start = 132 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name.encode(), start + len(body), len(content))
        body += content
    return bytes(head) + struct.pack(">I", len(tags)) + table + body


def colour(curve):
    return profile(rTRC=curve, gTRC=curve, bTRC=curve)


SRGB_PARA = para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
SRGB_TABLE = curv(*np.round(SRGB.forward(np.linspace(0, 1, 1024)) * 65535).astype(int))
PROFILES = {
    "none": None,
    "identity": profile(b"GRAY", kTRC=curv()),
    "gamma 2.2": profile(b"GRAY", kTRC=curv(563)),
    "gamma 1.8": colour(para(0, 1.8)),
    "gamma 2.6": colour(para(0, 2.6)),
    "type 1": colour(para(1, 2.2, 1 / 1.1, 0.1 / 1.1)),
    "sRGB type 3": colour(SRGB_PARA),
    "Rec. 709 type 4": colour(para(4, 1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081, 0, 0)),
    "sRGB table": colour(SRGB_TABLE),
    "three curves": profile(rTRC=para(0, 1.8), gTRC=SRGB_TABLE, bTRC=curv(563)),
}


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("kind", ["bool", "uint8", "uint16"])
@pytest.mark.parametrize("channels", ["L", "LA", "RGB", "RGBA"])
def test_every_value_comes_back(name, kind, channels):
    values = np.arange(FULL[kind] + 1).astype(kind).reshape(1, -1)
    pixels = values if channels == "L" else np.dstack([values] * len(channels))
    image = Image(pixels, channels, Meta(icc=PROFILES[name]))
    linear = light.decode(image)
    assert linear.dtype == np.float32
    assert linear.shape == pixels.shape
    assert linear.min() >= 0
    assert linear.max() == 1
    assert np.array_equal(light.encode(linear, image.meta, kind), pixels)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize(("kind", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_floats_come_back_unclipped(name, kind, tolerance):
    samples = np.linspace(-1.5, 1.5, 301, dtype=kind).reshape(7, 43)
    image = Image(samples, meta=Meta(icc=PROFILES[name]))
    linear = light.decode(image)
    assert linear.dtype == kind
    assert np.array_equal(linear, -light.decode(Image(-samples, meta=image.meta)))
    again = light.encode(linear, image.meta, kind)
    assert np.allclose(again, samples, atol=tolerance, rtol=0)


def test_the_curve_is_that_of_the_standard():
    """IEC 61966-2-1: 0.04045 ends the straight part; half gray is 0.2140 of the light."""
    samples = np.array([[0.0, 0.02, 0.04045, 0.5, 0.735357, 1.0]])
    expected = [0, 0.02 / 12.92, 0.04045 / 12.92, 0.214041, 0.5, 1]
    assert np.allclose(light.decode(Image(samples)), [expected], atol=1e-6)
    assert light.decode(Image(np.array([[128]], dtype=np.uint8)))[0, 0] == pytest.approx(0.2158605)


def test_alpha_is_on_no_curve():
    pixels = np.full((2, 3, 4), 128, dtype=np.uint8)
    linear = light.decode(Image(pixels))
    assert np.allclose(linear[..., 3], 128 / 255)
    assert np.allclose(linear[..., :3], 0.2158605)


def test_rounding_is_to_nearest_on_the_stored_scale():
    """The light of the middle between two neighbours is the border."""
    middle = SRGB.forward((np.arange(255) + 0.5) / 255)
    above = (middle * (1 + 1e-5)).astype(np.float32).reshape(1, -1)
    below = (middle * (1 - 1e-5)).astype(np.float32).reshape(1, -1)
    assert np.array_equal(light.encode(above, Meta(), "uint8")[0], np.arange(1, 256))
    assert np.array_equal(light.encode(below, Meta(), "uint8")[0], np.arange(255))


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_encoding_agrees_with_the_formula(rng, kind):
    linear = rng.random((50, 60, 3)).astype(np.float32) ** 3
    exact = SRGB.inverse(linear.astype(np.float64)) * FULL[kind]
    found = light.encode(linear, Meta(), kind)
    assert np.abs(found - exact).max() <= 0.5 + 1e-2


@pytest.mark.parametrize("kind", ["bool", "uint8", "uint16"])
def test_whole_samples_are_clipped(kind):
    wild = np.array([[-np.inf, -1, -1e-30, 0, 1e-42, 1.0001, 7, np.inf, np.nan]])
    expected = [0, 0, 0, 0, 0, FULL[kind], FULL[kind], FULL[kind], 0]
    for type_ in ("float32", "float64"):
        found = light.encode(wild.astype(type_), Meta(), kind)
        assert np.array_equal(found, np.array([expected]).astype(kind))


def test_the_curve_of_littlecms_profile_is_srgb():
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    values = np.arange(256, dtype=np.uint8).reshape(1, -1)
    ours = light.decode(Image(values, meta=Meta(icc=icc)))
    assert np.allclose(ours, light.decode(Image(values)), atol=2e-5)


def test_three_curves_go_to_three_channels():
    pixels = np.full((1, 1, 3), 128, dtype=np.uint8)
    linear = light.decode(Image(pixels, meta=Meta(icc=PROFILES["three curves"])))[0, 0]
    assert linear[0] == pytest.approx((128 / 255) ** 1.8, abs=1e-5)
    assert linear[1] == pytest.approx(0.2158605, abs=1e-4)
    assert linear[2] == pytest.approx((128 / 255) ** (563 / 256), abs=1e-5)


def test_a_gray_version_takes_the_green_curve():
    icc = profile(rTRC=para(0, 1.0), gTRC=para(0, 2.0), bTRC=para(0, 3.0))
    linear = light.decode(Image(np.array([[0.5]], dtype=np.float32), meta=Meta(icc=icc)))
    assert linear[0, 0] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("content", "at_half"),
    [
        (para(0, 2), 0.25),
        (para(1, 2, 2, -0.5), 0.25),
        (para(1, 2, 1, -0.75), 0.0),
        (para(2, 2, 1, -0.25, 0.125), 0.1875),
        (para(3, 2, 1, 0, 0.5, 0.75), 0.25),
        (para(4, 2, 0.5, 0.5, 0.5, 0.25, 0.125, 0), 0.6875),
        (para(4, 2, 1, 0, 0.5, 0.75, 0, 0.0625), 0.3125),
        (curv(0, 16384, 65535), 16384 / 65535),
    ],
)
def test_every_kind_of_curve(content, at_half):
    """Values worked out by hand from ICC.1:2022, table 68."""
    assert parse_curve(content).forward(np.array([0.5]))[0] == pytest.approx(at_half)


@pytest.mark.parametrize("channels", ["CMYK", "?????"])
def test_channels_without_light_are_refused(channels):
    pixels = np.zeros((2, 2, len(channels)), dtype=np.uint8)
    with pytest.raises(ImageError, match="leave `linear` out"):
        light.decode(Image(pixels, channels))


@pytest.mark.parametrize(
    "icc",
    [
        profile(A2B0=b"mft2" + bytes(60)),
        profile(b"CMYK", A2B0=b"mft2" + bytes(60)),
        profile(rTRC=SRGB_PARA, gTRC=SRGB_PARA),
    ],
)
def test_a_profile_without_curves_is_refused(icc):
    with pytest.raises(ImageError, match=r"has none.*`linear`"):
        light.decode(Image(np.zeros((2, 2, 3), np.uint8), meta=Meta(icc=icc)))


@pytest.mark.parametrize(
    "content", [para(0, 0.0), para(0, -1), curv(0), curv(9, 9, 9), para(7, 1), b"mft2", b""]
)
def test_a_curve_without_sense_is_refused(content):
    with pytest.raises(ImageError):
        curves_of(profile(b"GRAY", kTRC=content))


def test_cut_and_damaged_profiles_raise_nothing_else(rng):
    whole = PROFILES["three curves"]
    for size in range(0, len(whole), 7):
        try_profile(whole[:size])
    for _ in range(300):
        damaged = bytearray(whole)
        for at in rng.integers(120, 300, 4):
            damaged[at] = rng.integers(256)
        try_profile(bytes(damaged))


def try_profile(icc):
    with contextlib.suppress(ImageError):
        curves_of(icc)
