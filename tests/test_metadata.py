"""What stands beside the pixels stays, or is named where a format has no place for it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

import convcli
from convcli import Image, Meta, Spec
from convcli.cli.main import main
from convcli.image.files import encode, read
from convcli.image.formats import left_out

EVERYTHING = ("icc", "exif", "xmp", "text", "dpi")


@pytest.fixture
def meta():
    exif = Pillow.Exif()
    exif[0x8769] = {0x9003: "2026:01:02 03:04:05"}
    return Meta(
        icc=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        exif=exif.tobytes().removeprefix(b"Exif\0\0"),
        xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>",
        text=(("Comment", "hello"),),
        dpi=(300.0, 300.0),
    )


@pytest.mark.parametrize(
    "format", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF", "JPEG2000", "JPEGXL", "BMP", "PPM", "NPY"]
)
def test_what_is_left_out_is_named(format, meta, rng):
    pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    again = read(encode(Image(pixels, meta=meta), format)).meta
    said = " ".join(left_out(meta, format))
    words = dict(
        zip(EVERYTHING, ("colour profile", "EXIF", "XMP", "text", "resolution"), strict=True)
    )
    for name in EVERYTHING:
        assert bool(getattr(again, name)) == (words[name] not in said), name


def test_the_report_names_it(meta, rng, tmp_path, capfd):
    pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    convcli.write(tmp_path / "a.png", Image(pixels, meta=meta))
    assert main(["apply", "box", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.ppm")]) == 0
    assert "left out" in capfd.readouterr().err


@pytest.mark.exhaustive
@pytest.mark.parametrize("chain", [("sobel-direction", "identity"), ("frei-chen", "identity")])
def test_shares_and_angles_are_levels_between_kernels(chain, rng):
    image = Image(rng.integers(0, 256, (20, 20), dtype=np.uint8))
    alone = convcli.apply(image, chain[0]).pixels.astype(int)
    chained = convcli.apply(image, chain, Spec(mapping="clip")).pixels
    assert np.abs(alone - chained).max() <= 1
    raw = convcli.apply(image, chain[0], Spec(mapping="raw")).pixels
    assert raw.max() == pytest.approx(
        alone.max() / 255 * {"frei-chen": 1}.get(chain[0], 360), rel=0.01
    )


def test_an_identity_keeps_hidden_colour(rng):
    pixels = rng.integers(0, 256, (9, 9, 4), dtype=np.uint8)
    assert (convcli.apply(Image(pixels), "identity").pixels == pixels).all()


def test_raw_floats_keep_alpha_as_a_share(rng):
    pixels = rng.integers(0, 256, (9, 9, 4), dtype=np.uint8)
    raw = convcli.apply(Image(pixels), "sobel-x", Spec(mapping="raw")).pixels
    assert np.allclose(raw[:, :, 3], pixels[:, :, 3] / 255)


@pytest.mark.parametrize("wrong", [[], [[0, 1], [1, 0]], [3]])
def test_what_is_no_kernel_is_refused(wrong, rng):
    with pytest.raises(convcli.KernelError, match="expected a kernel"):
        convcli.apply(Image(rng.random((5, 5), dtype=np.float32)), wrong)
