"""Every image of Willem van Schaik's PNG suite: broken ones refused, others read exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from convcli.errors import ImageError
from convcli.image.files import encode, read

SUITE = Path(__file__).parent / "data" / "pngsuite"
FILES = sorted(SUITE.glob("*.png"))
BROKEN = [path for path in FILES if path.name.startswith("x")]
WHOLE = [path for path in FILES if not path.name.startswith("x")]
GRAY, PALETTE = 0, 3


def header(path):
    """(depth, colour type) as the file's header has them."""
    data = path.read_bytes()
    return data[24], data[25]


def as_bytes(pixels):
    """1-bit samples as 0 and 255, as other decoders give them."""
    return pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels


def test_the_suite_is_here():
    assert (len(BROKEN), len(WHOLE)) == (14, 161)


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_broken_files_are_refused(path):
    with pytest.raises(ImageError) as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_pixels_are_those_of_libpng(path):
    imagecodecs = pytest.importorskip("imagecodecs")
    image = read(path)
    expected = imagecodecs.png_decode(path.read_bytes())
    depth, colour = header(path)
    assert image.pixels.shape == expected.shape
    assert np.array_equal(as_bytes(image.pixels), expected)
    assert image.pixels.dtype == (
        bool
        if (depth, colour) == (1, GRAY) and image.channels == "L"
        else np.uint16
        if depth == 16
        else np.uint8
    )


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
@pytest.mark.peers("cv2")
def test_pixels_are_those_of_opencv(path):
    """OpenCV gives gray with alpha as colour, and drops some alpha: colour is compared."""
    import cv2

    image = read(path)
    expected = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if expected.ndim == 3:
        expected = expected[..., [2, 1, 0]]
    ours = as_bytes(image.pixels)
    ours = ours if ours.ndim == 2 else ours[..., : 1 if image.channels == "LA" else 3]
    if ours.ndim == 2 and expected.ndim == 3:
        ours = ours[..., None]
    if ours.ndim == 3 and expected.ndim == 2:
        ours = ours[..., 0]
    assert np.array_equal(np.broadcast_to(ours, expected.shape), expected)


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_writing_changes_nothing(path):
    image = read(path)
    again = read(encode(image, "PNG"))
    assert again.pixels.dtype == image.pixels.dtype
    assert np.array_equal(again.pixels, image.pixels)
    for name in ("icc", "exif", "xmp", "text", "chunks"):
        assert getattr(again.meta, name) == getattr(image.meta, name)


def test_nothing_is_said_on_standard_error(capfd):
    """The PNG library remarks upon interlaced images; a user must not see that."""
    for path in WHOLE:
        read(path)
    assert capfd.readouterr().err == ""


def test_text_of_every_kind_is_kept():
    assert dict(read(SUITE / "ctzn0g04.png").meta.text)["Title"] == "PngSuite"
    japanese = dict(read(SUITE / "ctjn0g04.png").meta.text)
    assert any(ord(letter) > 0x3000 for value in japanese.values() for letter in value)


def test_what_the_file_says_on_colour_is_kept():
    names = [name for name, _ in read(SUITE / "ccwn2c08.png").meta.chunks]
    assert names == ["gAMA", "cHRM"]


def test_density_is_pixels_an_inch_only_if_the_unit_is_known():
    assert read(SUITE / "cdun2c08.png").meta.dpi == pytest.approx((25.4, 25.4))
    assert read(SUITE / "cdfn2c08.png").meta.dpi is None
