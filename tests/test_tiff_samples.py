"""Samples of TIFF files made by hand: each is read as it was meant, or refused."""

from __future__ import annotations

import itertools
import struct

import imagecodecs
import numpy as np
import pytest
import tiff_made as made

from convcli.errors import ImageError
from convcli.image.depth import widen_bits
from convcli.image.files import read

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, INKS = 0, 1, 2, 5
UNSPECIFIED, ASSOCIATED, UNASSOCIATED = 0, 1, 2
SIZE = 13, 17
BITS = (1, 2, 3, 4, 7, 8, 10, 12, 15, 16, 17, 20, 31, 32)


def samples(bits, channels, kind="u", seed=1):
    """Noise of all that so many bits hold."""
    rng = np.random.default_rng(seed)
    if kind == "f":
        return rng.normal(size=(*SIZE, channels)).astype(f"f{bits // 8}")
    width = next(width for width in (8, 16, 32, 64) if bits <= width)
    low = 0 if kind == "u" else -(2 ** (bits - 1))
    noise = rng.integers(low, low + 2**bits, (*SIZE, channels), dtype=np.int64)
    noise[0, 0], noise[0, 1] = low, low + 2**bits - 1
    return noise.astype(f"{kind}{width // 8}")


def meant(stored, bits, photometric=BLACK_IS_ZERO):
    """What the samples mean: TIFF 6.0, page 37, and alpha as it is stored.

    More than 16 bits are values, whose greatest nobody knows.
    """
    if photometric == WHITE_IS_ZERO and bits <= 16:
        stored = stored.copy()
        stored[..., 0] = 2**bits - 1 - stored[..., 0].astype(np.int64)
    if stored.dtype.kind == "u" and bits < 8:
        stored = widen_bits(stored, bits)
    plain = stored[..., 0] if stored.shape[2] == 1 else stored
    return plain > 0 if bits == 1 and plain.ndim == 2 else plain


def check(data, expected):
    found = read(data).pixels
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


def refusal(data):
    with pytest.raises(ImageError) as caught:
        read(data)
    return str(caught.value)


# White is zero


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("extra", [None, UNSPECIFIED, UNASSOCIATED])
def test_white_is_zero_turns_the_gray_and_nothing_else(bits, extra):
    """Alpha was turned, too, and 17 to 32 bits became 1 - v. These stay as stored."""
    stored = samples(bits, 1 if extra is None else 2)
    tags = {} if extra is None else {338: [extra]}
    for planar, tile in ((1, 0), (2, 16)):
        data = made.page(
            stored, photometric=WHITE_IS_ZERO, bits=bits, planar=planar, tile=tile, tags=tags
        )
        check(data, meant(stored, bits, WHITE_IS_ZERO))
        named = {None: "L", UNSPECIFIED: "??", UNASSOCIATED: "LA"}[extra]
        assert read(data).channels == named


def test_white_is_zero_with_alpha_by_its_numbers():
    stored = np.array([[[0, 255], [100, 255], [255, 128], [7, 0]]], dtype=np.uint8)
    data = made.page(stored, photometric=WHITE_IS_ZERO, bits=8, tags={338: [UNASSOCIATED]})
    assert read(data).pixels[0].tolist() == [[255, 255], [155, 255], [0, 128], [248, 0]]


def test_white_is_zero_of_32_bits_by_its_numbers():
    stored = np.array([[[0], [1], [2**31], [2**32 - 1]]], dtype=np.uint32)
    data = made.page(stored, photometric=WHITE_IS_ZERO, bits=32)
    assert read(data).pixels[0].tolist() == [0, 1, 2**31, 2**32 - 1]
    assert "white is zero" in read(data).meta.notes[0]


def test_64_bits_are_exact_or_refused():
    stored = np.full((*SIZE, 1), 2**53, dtype=np.uint64)
    stored -= np.arange(SIZE[1], dtype=np.uint64)[:, None]
    check(made.page(stored, photometric=0, bits=64), stored[..., 0])
    stored[0, 0] = 2**53 + 2
    assert "not exact" in refusal(made.page(stored, photometric=0, bits=64))


def test_white_is_zero_multiplied_by_alpha():
    """Gray is turned first: what was multiplied is what is seen."""
    stored = np.array([[[255 - 51, 102], [255, 0], [0, 255]]], dtype=np.uint8)
    data = made.page(stored, photometric=WHITE_IS_ZERO, bits=8, tags={338: [ASSOCIATED]})
    assert read(data).pixels[0].tolist() == [[128, 102], [0, 0], [255, 255]]


@pytest.mark.parametrize(("kind", "bits"), [("i", 8), ("i", 16), ("i", 32), ("f", 16), ("f", 32)])
def test_white_is_zero_of_numbers_without_a_greatest_stays_as_stored(kind, bits):
    """libvips and Pillow read them as they are, ImageMagick turns some of them."""
    stored = samples(bits, 1, kind)
    image = read(made.page(stored, photometric=WHITE_IS_ZERO, bits=bits))
    assert image.meta.white_is_zero
    assert "white is zero" in image.meta.notes[0]
    assert np.array_equal(image.pixels, stored[..., 0], equal_nan=kind == "f")
    check(made.page(stored, photometric=BLACK_IS_ZERO, bits=bits), stored[..., 0])


# Everything with everything


def _grid():
    """(samples, bits, photometric, layout) of all that TIFF lets be combined, thinned out."""
    kinds = [("u", bits) for bits in (*BITS, 64)]
    kinds += [("i", 8), ("i", 16), ("i", 32), ("i", 64), ("f", 16), ("f", 32), ("f", 64)]
    places = itertools.product(
        kinds, (BLACK_IS_ZERO, RGB, INKS), (0, 1, 2), (1, 2), made.COMPRESSIONS, (1, 2), (1, 2, 3),
        (0, 16), "<>",
    )  # fmt: skip
    rng = np.random.default_rng(13)
    keep = rng.random(len(kinds) * 3 * 3 * 2 * 5 * 2 * 3 * 2 * 2) < 0.03
    for kept, place in zip(keep, places, strict=True):
        (kind, bits), photometric, extra, planar, compression, fill, predictor, tile, order = place
        fits = {1: True, 2: bits in (8, 16, 32, 64), 3: kind == "f"}[predictor]
        if compression in ("none", "packbits") and predictor > 1:
            fits = False
        if kept and fits:
            layout = {"planar": planar, "compression": compression, "fill": fill,
                      "predictor": predictor, "tile": tile, "order": order}  # fmt: skip
            yield kind, bits, photometric, extra, layout


GRID = list(_grid())


def test_the_grid_has_all():
    assert len(GRID) > 400
    for place in (0, 1, 2, 3):
        assert len({case[place] for case in GRID}) > 2
    for name, least in (("planar", 2), ("compression", 5), ("fill", 2), ("predictor", 3)):
        assert len({case[4][name] for case in GRID}) == least


def test_every_combination_is_read_as_it_was_meant():
    for kind, bits, photometric, extra, layout in GRID:
        count = {BLACK_IS_ZERO: 1, RGB: 3, INKS: 4}[photometric] + extra
        stored = samples(min(bits, 50) if kind != "f" else bits, count, kind)
        stored = stored.astype(f"{kind}8") if bits == 64 else stored
        tags = {338: [UNASSOCIATED, UNSPECIFIED][:extra]} if extra else {}
        data = made.page(stored, photometric=photometric, bits=bits, tags=tags, **layout)
        found, expected = read(data).pixels, meant(stored, bits)
        if extra == 2:
            # Alpha is the last of an image's channels, wherever it stands in the file.
            expected[..., -2:] = expected[..., :-3:-1].copy()
        case = (kind, bits, photometric, extra, layout)
        assert found.dtype == expected.dtype, case
        assert np.array_equal(found, expected), case


def test_libtiff_reads_these_files_as_they_were_meant():
    """So that what is compared with is no mistake of who made it."""
    compared = 0
    for kind, bits, photometric, extra, layout in GRID:
        if photometric == INKS or layout["compression"] == "packbits" or bits in (1, 64):
            continue
        count = {BLACK_IS_ZERO: 1, RGB: 3}[photometric] + extra
        stored = samples(bits, count, kind)
        tags = {338: [UNASSOCIATED, UNSPECIFIED][:extra]} if extra else {}
        data = made.page(stored, photometric=photometric, bits=bits, tags=tags, **layout)
        theirs = np.asarray(imagecodecs.tiff_decode(data))
        if layout["planar"] == 2 and count > 1:
            theirs = np.moveaxis(theirs.reshape(count, *SIZE), 0, -1)
        case = (kind, bits, photometric, extra, layout)
        assert np.array_equal(theirs.reshape(stored.shape), stored), case
        compared += 1
    assert compared > 150


@pytest.mark.parametrize("bits", [24])
@pytest.mark.parametrize("order", "<>")
def test_24_bits_are_refused_as_programs_disagree_about_their_order(bits, order):
    data = made.page(samples(bits, 1), photometric=1, bits=bits, order=order)
    assert "whole numbers of 24 bits, which isn't read" in refusal(data)


@pytest.mark.parametrize("compression", ["none", "packbits"])
def test_a_predictor_where_no_coding_has_one_is_refused(compression):
    """tifffile applies it, libtiff doesn't."""
    data = made.page(samples(8, 1), photometric=1, bits=8, compression=compression, predictor=2)
    assert "names predictor 2" in refusal(data)


@pytest.mark.parametrize(("bits", "predictor"), [(4, 2), (12, 2), (8, 3), (8, 7)])
def test_a_predictor_that_does_not_fit_is_refused(bits, predictor):
    data = made.page(
        samples(bits, 1), photometric=1, bits=bits, compression="lzw", tags={317: predictor}
    )
    assert f"predictor {predictor}, which isn't read for {bits}-bit whole" in refusal(data)


def test_one_bit_in_several_channels_becomes_eight():
    stored = samples(1, 3)
    check(made.page(stored, photometric=RGB, bits=1), stored * np.uint8(255))


def test_inks_that_are_not_cmyk_have_no_names():
    stored = samples(8, 4)
    assert read(made.page(stored, photometric=INKS, bits=8)).channels == "CMYK"
    other = made.page(stored, photometric=INKS, bits=8, tags={332: 2})
    assert read(other).channels == "????"
    assert np.array_equal(read(other).pixels, stored)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_palettes_of_every_depth(bits):
    stored = samples(bits, 1)
    table = np.random.default_rng(2).integers(0, 256, (3, 2**bits)) * 257
    data = made.page(stored, photometric=3, bits=bits, tags={320: table.ravel().tolist()})
    check(data, (table // 257).astype(np.uint8).T[stored[..., 0]])


# Damage


def _cut(data, by):
    """A file whose last strip or tile says that it is so many bytes shorter."""
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    changed = bytearray(data)
    for k in range(count):
        tag, kind, number, value = struct.unpack_from("<HHII", data, at + 2 + 12 * k)
        if tag in (279, 325):
            form = {3: "<H", 4: "<I"}[kind]
            place = at + 10 + 12 * k if number * struct.calcsize(form) <= 4 else value
            place += (number - 1) * struct.calcsize(form)
            (size,) = struct.unpack_from(form, data, place)
            struct.pack_into(form, changed, place, max(1, size - by))
    return bytes(changed)


@pytest.mark.parametrize("compression", made.COMPRESSIONS)
@pytest.mark.parametrize("bits", [1, 8, 12])
@pytest.mark.parametrize("tile", [0, 16])
def test_a_short_strip_is_refused_or_whole(compression, bits, tile):
    stored = samples(bits, 1)
    data = made.page(stored, photometric=1, bits=bits, compression=compression, tile=tile)
    expected = meant(stored, bits)
    refused = 0
    for by in range(1, 12):
        try:
            found = read(_cut(data, by)).pixels
        except ImageError:
            refused += 1
            continue
        # What was cut off may have been an end mark, or padding.
        assert np.array_equal(found, expected)
    assert refused > 2


@pytest.mark.parametrize("code", [7, 34933, 34934, 34712, 34887, 50001])
def test_a_short_image_within_is_refused(code):
    coded = {
        7: imagecodecs.jpeg8_encode,
        34712: imagecodecs.jpeg2k_encode,
        34887: imagecodecs.lerc_encode,
        34933: imagecodecs.png_encode,
        34934: imagecodecs.jpegxr_encode,
        50001: imagecodecs.webp_encode,
    }[code]
    y, x = np.mgrid[:48, :64]
    image = np.stack([y * 5, x * 3, x + y], axis=2).astype(np.uint8)
    segment = bytes(coded(image))
    tags = {256: 64, 257: 48, 258: [8] * 3, 259: code, 262: 6 if code == 7 else 2, 277: 3, 278: 48}
    assert np.abs(read(made.file(tags, [segment])).pixels - image.astype(float)).max() < 40
    # PNG has all its pixels without its end.
    for by in (() if code == 34933 else (1, 2, 5)) + (40, len(segment) // 2):
        assert "can't be decoded" in refusal(made.file(tags, [segment[:-by]])), by


def test_sparse_files_are_refused():
    """GDAL leaves out tiles that have nothing but zeros or no data; which, it says elsewhere."""
    stored = samples(8, 1)
    data = made.page(stored, photometric=1, bits=8, tile=16, tags={325: [256, 0]})
    assert "tile 2 is missing" in refusal(data)


def test_an_image_of_another_depth_than_its_page_is_refused():
    segment = bytes(imagecodecs.png_encode(np.zeros((8, 8), np.uint8)))
    tags = {256: 8, 257: 8, 258: 16, 259: 34933, 262: 1, 277: 1, 278: 8}
    assert "its samples are uint8, the page's uint16" in refusal(made.file(tags, [segment]))
