"""The eight orientations: all must give the same upright image, in every format."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from convcli.image import exif
from convcli.image.files import encode, read
from convcli.image.image import Image, Meta
from convcli.image.orientation import turn
from convcli.record import replace

FOLDER = Path(__file__).parent / "data" / "orientation"
ALL = range(1, 9)
#: What to do to an upright image to store it so, by Pillow's own names for these moves.
STORE = {
    1: None,
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_90,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_270,
}
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def block(orientation, order="<", thumbnail=b""):
    """Make an EXIF block with an orientation, a maker's name, and perhaps a thumbnail."""
    entries = [(0x010F, 2, 8, 80), (0x0112, 3, 1, None)]
    data = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8))
    data += struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        data += struct.pack(order + "HHI", tag, kind, count)
        data += (
            struct.pack(order + "I", value) if value else struct.pack(order + "HH", orientation, 0)
        )
    data += struct.pack(order + "I", 96 if thumbnail else 0)
    data += bytes(80 - len(data)) + b"Convcli\0" + bytes(8)
    if thumbnail:
        data += struct.pack(order + "H", 2)
        data += struct.pack(order + "HHII", 0x0201, 4, 1, 128)
        data += struct.pack(order + "HHII", 0x0202, 4, 1, len(thumbnail))
        data += bytes(4) + bytes(128 - len(data) - 4) + thumbnail
    return bytes(data)


def stored(pixels, orientation):
    """Return pixels as a camera held that way stores them."""
    move = STORE[orientation]
    original = PillowImage.fromarray(pixels)
    return np.array(original if move is None else original.transpose(move))


@pytest.fixture
def original(rng):
    return rng.integers(0, 256, (24, 41, 3), dtype=np.uint8)


@pytest.mark.parametrize("orientation", ALL)
def test_turn_undoes_storing(original, orientation):
    assert np.array_equal(turn(stored(original, orientation), orientation), original)


@pytest.mark.parametrize("orientation", ALL)
def test_photographs_look_alike(orientation):
    reference = read(FOLDER / "Landscape_1.jpg").pixels.astype(float)
    image = read(FOLDER / f"Landscape_{orientation}.jpg")
    assert image.size == (80, 120)
    # JPEG blocks lie elsewhere in a turned image; another turn would differ by 60 and more.
    assert np.abs(image.pixels - reference).mean() < 6
    assert np.abs(image.pixels[::-1] - reference).mean() > 30
    assert exif.orientation(image.meta.exif) == 1


@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG2000", "JPEGXL"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", ALL)
def test_exif_turns_lossless_formats(original, orientation, order, format):
    meta = Meta(exif=block(orientation, order))
    file = encode(Image(stored(original, orientation), meta=meta), format)
    image = read(file)
    assert np.array_equal(image.pixels, original)
    assert exif.orientation(image.meta.exif) == 1
    assert b"Convcli" in image.meta.exif


@pytest.mark.parametrize("orientation", ALL)
def test_jpeg_is_turned(original, orientation):
    meta = Meta(exif=block(orientation))
    plain = read(encode(Image(stored(original, orientation)), "JPEG", quality=95))
    turned = read(encode(Image(stored(original, orientation), meta=meta), "JPEG", quality=95))
    assert np.array_equal(turned.pixels, turn(plain.pixels, orientation))


@pytest.mark.parametrize("orientation", ALL)
def test_avif_is_turned_once(orientation):
    """AVIF says it in two places, and Pillow makes one of them; smooth, as AVIF loses noise."""
    rows, cols = np.mgrid[0:40, 0:64]
    smooth = np.stack([rows * 6, cols * 3, rows + cols], axis=2).astype(np.uint8)
    target = io.BytesIO()
    PillowImage.fromarray(stored(smooth, orientation)).save(
        target, "AVIF", quality=95, exif=block(orientation)
    )
    image = read(target.getvalue())
    assert image.size == smooth.shape[:2]
    assert np.abs(image.pixels.astype(int) - smooth).max() < 12


@pytest.mark.parametrize("orientation", ALL)
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_is_turned_once(original, orientation, compression):
    import tifffile

    target = io.BytesIO()
    tifffile.imwrite(
        target,
        stored(original, orientation),
        photometric="rgb",
        metadata=None,
        compression=compression,
        extratags=[(274, 3, 1, orientation, True)],
        resolution=(300, 150),
        resolutionunit="INCH",
    )
    image = read(target.getvalue())
    assert np.array_equal(image.pixels, original)
    assert image.meta.dpi == ((150, 300) if orientation >= 5 else (300, 150))
    again = read(encode(image, "TIFF"))
    assert np.array_equal(again.pixels, original)


@pytest.mark.parametrize("orientation", ALL)
def test_writing_an_upright_image_keeps_it_upright(original, orientation):
    meta = Meta(exif=block(orientation))
    image = read(encode(Image(stored(original, orientation), meta=meta), "PNG"))
    for format in ("PNG", "WEBP", "TIFF", "JPEG2000", "JPEGXL"):
        assert np.array_equal(read(encode(image, format)).pixels, original), format


@pytest.mark.parametrize("value", [0, 9, 77])
def test_an_orientation_without_sense_is_left_alone(original, value):
    file = encode(Image(original, meta=Meta(exif=block(value))), "PNG")
    assert np.array_equal(read(file).pixels, original)


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_thumbnail_goes_and_the_rest_stays(original, order):
    thumbnail = b"\xff\xd8" + b"thumb" * 20 + b"\xff\xd9"
    meta = Meta(exif=block(6, order, thumbnail))
    image = read(encode(Image(original, meta=meta), "PNG"))
    assert b"thumb" not in image.meta.exif
    assert b"Convcli" in image.meta.exif
    read_back = PillowImage.Exif()
    read_back.load(image.meta.exif)
    assert (read_back[0x010F], read_back[0x0112]) == ("Convcli", 1)
    assert read_back.get_ifd(1) == {}


def test_xmp_agrees_with_the_pixels(original):
    image = read(encode(Image(original, meta=Meta(xmp=XMP, exif=block(6))), "PNG"))
    assert image.meta.xmp == XMP.replace(b'"6"', b'"1"')


def test_xmp_alone_turns_nothing(original):
    image = read(encode(Image(original, meta=Meta(xmp=XMP)), "PNG"))
    assert np.array_equal(image.pixels, original)


def test_density_turns_with_the_image(original):
    meta = replace(Meta(), exif=block(6), dpi=(300, 100))
    image = read(encode(Image(original, meta=meta), "PNG"))
    assert image.meta.dpi == pytest.approx((100, 300), rel=1e-3)


def test_cut_exif_never_raises(rng):
    whole = block(6, "<", b"\xff\xd8" + bytes(30))
    for size in range(len(whole)):
        exif.settle(whole[:size])
        exif.orientation(whole[:size])
        exif.resolution(whole[:size])
    for _ in range(2000):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), 3):
            damaged[at] = rng.integers(256)
        exif.settle(bytes(damaged))
        exif.resolution(bytes(damaged))
