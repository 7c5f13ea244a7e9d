"""What is left out on purpose: all but colours, in every format."""

from __future__ import annotations

import json

import numpy as np
import pytest
from made_beside import coded, iptc, packet, program, ramp, resource, said, with_segments
from PIL import Image as Pillow
from PIL import ImageCms
from test_beside_jpeg import exif_of
from test_colours_told import adobe_rgb

import convcli
from convcli import Frames, Image, Meta, Spec
from convcli.cli.main import main
from convcli.image.beside.block import Block
from convcli.image.files import encode, read
from convcli.image.formats import FORMATS
from convcli.image.light.curves import Parametric, curves_of

SECRET = b"Secret"
META = Meta(
    icc=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    exif=exif_of("<", [(0xA002, 4, 64)]) + SECRET,
    xmp=packet(b'e:x="Secret"', {b"e": b"urn:e"}),
    text=(("Comment", "Secret"), ("Title", "Secret")),
    dpi=(300.0, 300.0),
    beside=(Block("IPTC", "IPTC", iptc(caption="Secret")), Block("JPEG APP 5", "APP5", SECRET)),
)


@pytest.mark.parametrize(
    "format", [name for name in FORMATS if name not in ("PBM", "PFM", "NPY", "HEIF")]
)
def test_nothing_but_colours_stays(format):
    image = Image(ramp() if format != "PGM" else ramp()[..., 0], meta=META)
    assert format == "BMP" or SECRET in encode(image, format)
    source = read(encode(image, format))
    file = encode(convcli.apply(source, "identity", Spec(strip=True)), format)
    assert SECRET not in file
    again = read(file).meta
    assert (again.exif, again.xmp) == (None, None)
    # Pillow writes 96 pixels an inch into BMP where nothing is said.
    assert again.dpi is None or format == "BMP"
    assert not any(SECRET.decode() in value for _, value in again.text)
    assert again.icc == source.meta.icc
    plain = convcli.apply(source, "identity")
    assert np.array_equal(read(file).pixels, read(encode(plain, format)).pixels)


def test_it_is_said_what_was_there():
    result = convcli.apply(Image(ramp(), meta=META), "identity", Spec(strip=True))
    assert result.meta.notes == ("stripped: EXIF, XMP, text, resolution, IPTC, APP5",)
    assert convcli.apply(Image(ramp()), "identity", Spec(strip=True)).meta.notes == ()


def test_orientation_is_applied_all_the_same(tmp_path):
    turned = Pillow.Exif()
    turned[0x0112] = 6
    Pillow.fromarray(ramp()).save(tmp_path / "a.jpg", exif=turned)
    out = tmp_path / "b.jpg"
    assert main(["apply", "box3", str(tmp_path / "a.jpg"), "-o", str(out), "--strip"]) == 0
    assert read(out).size == (64, 48)
    assert read(out).meta.exif is None


def test_colours_that_exif_tells_of_stay():
    file = with_segments((0xE1, b"Exif\0\0" + adobe_rgb()))
    again = read(encode(convcli.apply(read(file), "box3", Spec(strip=True)), "JPEG")).meta
    assert again.exif is None
    assert curves_of(again.icc) == (Parametric(g=pytest.approx(563 / 256, abs=1e-4)),)


def test_numbers_and_chunks_of_colour_stay():
    meta = Meta(cicp=(9, 16, 0, 1), chunks=(("gAMA", b"\0\1\x86\xa0"),), text=(("Title", "x"),))
    again = read(encode(convcli.apply(Image(ramp(), meta=meta), "box3", Spec(strip=True)), "PNG"))
    assert (again.meta.cicp, again.meta.chunks) == (meta.cicp, meta.chunks)
    assert again.meta.text == ()


def test_a_folder_and_its_report(tmp_path, capfd):
    source = tmp_path / "in"
    source.mkdir()
    secret = resource(1028, iptc(caption="Secret"))
    (source / "a.jpg").write_bytes(with_segments((0xED, b"Photoshop 3.0\0" + secret)))
    (source / "b.png").write_bytes(encode(Image(ramp(), meta=META), "PNG"))
    frames = Frames.of([Image(ramp() // 128 * 128, meta=META)] * 2)
    (source / "c.gif").write_bytes(encode(frames, "GIF"))
    (source / "d.tif").write_bytes(encode(Frames.of([Image(ramp(), meta=META)] * 2), "TIFF"))
    out = tmp_path / "out"
    assert main(["apply", "box3", str(source), "-o", str(out), "--strip", "--json"]) == 0
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert len(lines) == 4
    assert all(any(note.startswith("stripped: ") for note in each["notes"]) for each in lines)
    assert all(SECRET not in file.read_bytes() for file in out.iterdir())


def test_exiftool_finds_nothing(tmp_path):
    program("exiftool")
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    source.write_bytes(coded(quality=90))
    said(
        "exiftool", "-q", "-overwrite_original", "-Make=Maker", "-GPSLatitude=4", "-Comment=x",
        "-IPTC:Caption-Abstract=Harvest", "-XMP:Rating=4", "-SerialNumber=7", file=source,
    )  # fmt: skip
    groups = ["-EXIF:all", "-GPS:all", "-XMP:all", "-IPTC:all", "-Comment", "-Photoshop:all"]
    assert said("exiftool", *groups, file=source)
    assert main(["apply", "box3", str(source), "-o", str(target), "--strip"]) == 0
    assert said("exiftool", *groups, file=target) == ""
