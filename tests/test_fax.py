"""Fax codes: whole rows pass, damaged ones are found out."""

from __future__ import annotations

import io
import re
import struct

import imagecodecs
import numpy as np
import pytest
import tiff_made as made
import tifffile
from PIL import Image as Pillow

from convcli.errors import ImageError
from convcli.image.files import read
from convcli.image.tiff import fax

#: Pillow's name, and the tags that choose among a coding's ways.
WAYS = {
    "run lengths": ("tiff_ccitt", {}),
    "group 3": ("group3", {}),
    "group 3, two dimensions": ("group3", {292: 1}),
    "group 3, whole bytes": ("group3", {292: 4}),
    "group 3, two dimensions and whole bytes": ("group3", {292: 5}),
    "group 4": ("group4", {}),
    "group 4, strips": ("group4", {278: 7}),
}
#: Whether another colour follows: so runs are long, or short.
FLIPS = (0.5, 0.05, 0.002)


def coded(way, image):
    """A TIFF file as libtiff makes it."""
    compression, tags = WAYS[way]
    target = io.BytesIO()
    Pillow.fromarray(image).save(target, "TIFF", compression=compression, tiffinfo=tags)
    return target.getvalue()


def outcome(data):
    """A file's pixels, or what is said of it."""
    try:
        return read(data).pixels, ""
    except ImageError as error:
        return None, str(error)


def runs(rng, rows, cols, flips, along):
    image = np.cumsum(rng.random((rows, cols)) < flips, axis=along) % 2 == 1
    return image if rng.random() < 0.5 else ~image


@pytest.mark.parametrize("way", WAYS)
def test_what_libtiff_codes_is_read_as_it_was(way, rng):
    for number in range(60):
        rows, cols = rng.integers(1, 40), rng.integers(1, 6000 if number % 12 == 0 else 150)
        image = runs(rng, rows, cols, FLIPS[number % 3], number % 2)
        assert np.array_equal(read(coded(way, image)).pixels, image)


@pytest.mark.parametrize("way", WAYS)
def test_a_changed_bit_is_refused_or_read_as_libtiff_reads_it(way, rng):
    """Pixels that nobody had drawn came out, without a word.

    A changed bit may give another image's code, which is as whole as the first was; there is
    no checksum. What isn't whole must be refused, whatever a decoder would make of it.
    """
    y, x = np.mgrid[:48, :96]
    image = ((x - 48) ** 2 + (y - 24) ** 2 < 400) | (rng.random((48, 96)) > 0.97)
    data = coded(way, image)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        at, size = file.pages.first.dataoffsets[0], file.pages.first.databytecounts[0]
    refused = 0
    for _ in range(120):
        changed = bytearray(data)
        changed[at + rng.integers(size)] ^= 1 << rng.integers(8)
        found, said = outcome(bytes(changed))
        if said:
            assert re.search(r"strip 1 can't be decoded \(CCITT .*\): its fax data", said)
            refused += 1
            continue
        assert np.array_equal(found, np.array(Pillow.open(io.BytesIO(changed))))
    assert refused > 70


@pytest.mark.parametrize("way", WAYS)
def test_data_cut_short_are_refused(way, rng):
    image = runs(rng, 7, 90, 0.1, 1)
    data = coded(way, image)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages.first
        at, size = page.dataoffsets[0], page.databytecounts[0]
        coding, options = int(page.compression), page.tags.valueof(292) or 0
    segment = data[at : at + size]
    fax.check(segment, coding, 7, 90, options)
    for kept in (1, size // 3, size // 2, size - 8):
        with pytest.raises(ImageError, match="fax data are damaged"):
            fax.check(segment[:kept], coding, 7, 90, options)
    with pytest.raises(ImageError, match="damaged"):
        fax.check(segment, coding, 8, 90, options)
    with pytest.raises(ImageError, match=r"damaged in row \d of 7: its runs add up to"):
        fax.check(segment, coding, 7, 89, options)


def strip(bits, *, rows, width, coding):
    """A TIFF file of one strip, its bits given as text."""
    bits = bits.replace(" ", "")
    segment = np.packbits([int(bit) for bit in bits]).tobytes()
    tags = {256: width, 257: rows, 258: 1, 259: coding, 262: 0, 277: 1, 278: rows}
    return made.file(tags, [segment])


EOFB = "000000000001 000000000001"


def test_rows_by_hand():
    """T.6: white 4 and black 4 in horizontal mode; then both changes where they are above."""
    row = [True] * 4 + [False] * 4
    found = read(strip(f"001 1011 011 1 1 {EOFB}", rows=2, width=8, coding=4))
    assert found.pixels.tolist() == [row, row]
    with pytest.raises(ImageError, match="after row 2: its data go on"):
        read(strip(f"001 1011 011 1 1 1 {EOFB}", rows=2, width=8, coding=4))


def test_lines_may_be_filled_up_though_it_is_not_said():
    """imagecodecs then takes the zeros for a row, and all later rows for white."""
    line = "000000000001 1011 011"
    filled = line + "0000000000" + line + "000" + line
    found = read(strip(filled, rows=3, width=8, coding=3)).pixels
    assert found.tolist() == [[True] * 4 + [False] * 4] * 3


def test_a_first_line_without_its_mark_is_refused():
    """imagecodecs and libtiff look for the mark, and leave out the row before it."""
    line = "1011 011 000000000001"
    with pytest.raises(ImageError, match="row 1 of 2: no end of a line stands before it"):
        read(strip(line * 2, rows=2, width=8, coding=3))


def test_rows_that_go_on_are_refused():
    row = "1" * 40
    with pytest.raises(ImageError, match="after row 2: its data go on"):
        read(strip(f"11 {row}", rows=2, width=8, coding=4))
    # What is left of a byte may be filled up, and whole bytes with zeros.
    read(strip("11 111111", rows=2, width=8, coding=4))
    read(strip("11 000000" + "0" * 40, rows=2, width=8, coding=4))


def test_the_last_strip_may_be_filled_up_to_the_others(rng):
    image = runs(rng, 14, 60, 0.1, 1)
    data = coded("group 4, strips", image)
    # The height is 11 instead of 14.
    entry = struct.Struct("<HHII")
    assert data.count(entry.pack(257, 3, 1, 14)) == 1
    shorter = data.replace(entry.pack(257, 3, 1, 14), entry.pack(257, 3, 1, 11))
    assert np.array_equal(read(shorter).pixels, image[:11])


def test_rows_that_are_not_compressed_are_named():
    tags = {256: 8, 257: 1, 258: 1, 259: 4, 262: 0, 277: 1, 278: 1, 293: 2}
    with pytest.raises(ImageError, match="is of a kind that isn't read: it may have rows"):
        read(made.file(tags, [b"\x80"]))


def test_bits_from_the_lowest_on(rng):
    image = runs(rng, 9, 50, 0.1, 1)
    data = coded("group 4", image)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        at, size = file.pages.first.dataoffsets[0], file.pages.first.databytecounts[0]
        kind = int(file.pages.first.photometric)
    turned = bytes(imagecodecs.bitorder_encode(data[at : at + size]))
    tags = {256: 50, 257: 9, 258: 1, 259: 4, 262: kind, 266: 2, 277: 1, 278: 9}
    assert np.array_equal(read(made.file(tags, [turned])).pixels, image)
