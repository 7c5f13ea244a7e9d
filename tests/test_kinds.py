"""Kinds of files: each is read as it was meant, or refused by a line that says what it is.

"Damaged" is said of damage only, and nothing that a library or Python says of itself is shown.
"""

from __future__ import annotations

import io
import re
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tiff_made as made
import tifffile
from fuzz_seeds import IMAGES, images

from convcli.errors import ImageError
from convcli.image.depth import widen_bits
from convcli.image.files import read
from convcli.image.guard import guard
from convcli.image.tiff import kinds as tiff_kinds

DOCS = Path(__file__).parent.parent / "docs" / "formats.md"
#: What nobody wants to read who has a file.
INTERNALS = re.compile(
    r"Error\b|Exception|Traceback|errno|_decode|_read_|imcd|IMCD|LIBDEFLATE|object at|<class|b'"
    r"|list index|out of range|could not import|cannot import|NoneType|struct\.|subscript"
    r"|unpack|positional|keyword|dtype|literal|reshape|KeyError|\bnot in list|codec can't"
)


def refusal(data):
    with pytest.raises(ImageError) as caught:
        read(data)
    said = str(caught.value)
    assert not INTERNALS.search(said), said
    assert "\n" not in said
    return said


def refused_by_name(data, *words):
    said = refusal(data)
    for word in words:
        assert word in said, said
    assert "damaged" not in said
    return said


# TIFF


def page(*, segment=bytes(64), **tags):
    """A page of 8 × 8 gray pixels of 8 bits, with some tags (by their numbers) changed."""
    usual = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 277: 1, 278: 8}
    return made.file(usual | {int(tag[1:]): value for tag, value in tags.items()}, [segment])


def test_the_page_is_read_as_it_is():
    assert np.array_equal(read(page()).pixels, np.zeros((8, 8), np.uint8))


@pytest.mark.parametrize("coding", sorted({int(c) for c in tifffile.COMPRESSION} | {12345}))
def test_every_coding_is_read_or_named(coding):
    """Nothing but a coding that is read may be called damaged."""
    data = page(t259=coding, segment=bytes(range(1, 65)))
    if coding in tiff_kinds.CODINGS:
        assert coding not in tiff_kinds.UNREAD
        return
    name = tiff_kinds.UNREAD.get(coding, "an unknown way (12345)")
    refused_by_name(data, name, "isn't read", "convert it first")


@pytest.mark.parametrize("meaning", sorted({int(p) for p in tifffile.PHOTOMETRIC} | {77}))
def test_every_meaning_is_read_or_named(meaning):
    data = page(t262=meaning)
    if meaning in tiff_kinds.MEANINGS and meaning != tiff_kinds.YCBCR:
        return
    name = tiff_kinds.UNREAD_MEANINGS.get(meaning, "unknown kind (77)")
    refused_by_name(data, "YCbCr" if meaning == tiff_kinds.YCBCR else name, "isn't read")


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"t258": 24, "t339": 3}, "real numbers of 24 bits"),
        ({"t258": 8, "t339": 3}, "real numbers of 8 bits"),
        ({"t258": 64, "t339": 6}, "complex numbers of 64 bits"),
        ({"t258": 32, "t339": 5}, "complex whole numbers"),
        ({"t339": 4}, "undefined numbers of 8 bits"),
        ({"t339": 9}, "unknown (SampleFormat 9)"),
        ({"t258": 48}, "whole numbers of 48 bits"),
        ({"t258": 12, "t339": 2}, "signed whole numbers of 12 bits"),
        ({"t258": [5, 6, 5], "t277": 3, "t262": 2}, "different depths (5, 6, 5 bits)"),
        ({"t339": [1, 3, 1], "t277": 3, "t262": 2, "t258": [8] * 3}, "different types"),
        ({"t32997": 4}, "TIFF volume"),
        ({"t262": 3, "t277": 2, "t258": [8, 8]}, "a palette and 2 channels"),
        ({"t262": 3, "t339": 2}, "a palette and 1 channels of signed whole"),
        ({"t262": 6, "t277": 3, "t258": [8] * 3, "t530": [2, 2]}, "YCbCr outside of JPEG"),
        ({"t259": 6}, "old-style JPEG) is of a kind that isn't read: its tables stand elsewhere"),
        ({"t259": 34887, "t50674": [4, 2]}, "LERC and packed once more"),
        ({"t259": 50001, "t266": 2}, "filled from the lowest bit"),
    ],
)  # fmt: skip
def test_other_kinds_of_tiff_are_named(tags, words):
    data = page(**tags, segment=bytes(1024))
    if "t259" in tags and tags["t259"] == 6:
        data = page(**tags, segment=b"\xff\xda" + bytes(200) + b"\xff\xd9")
    refused_by_name(data, words)


# BMP


def bmp(pixels, *, size=(4, 2), bits=24, coding=0, header=40, masks=(), palette=b""):
    width, height = size
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        head = struct.pack(
            "<IiiHHIIiiII", header, width, height, 1, bits, coding, len(pixels), 2835, 2835, 0, 0
        )
        behind = struct.pack(f"<{len(masks)}I", *masks)
        head = (head + behind).ljust(header, b"\0") if header > 40 else head + behind
    start = 14 + len(head) + len(palette)
    return struct.pack("<2sIII", b"BM", start + len(pixels), 0, start) + head + palette + pixels


def words(bits, count=8):
    noise = np.random.default_rng(4).integers(0, 2**bits, count, dtype=np.uint64)
    return noise.astype(f"<u{bits // 8}")


@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (16, (0xF00, 0xF0, 0xF)),
        (16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
        (16, (0xF00, 0xF0, 0xF, 0xF000)),
        (16, (0xE0, 0x1C, 0x3)),
        (32, (0xFF, 0xFF0000, 0xFF00)),
        (32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
        (32, (0xFFFF0000, 0xFF00, 0xFF)),
        (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    ],
)
def test_bitmaps_with_channels_at_any_bits(header, bits, masks):
    """They were called damaged, and the alpha of 16 bits was lost."""
    if len(masks) == 4 and header < 56:
        return
    stored = words(bits)
    image = read(bmp(stored.tobytes(), bits=bits, coding=3, header=header, masks=masks))
    most = [mask.bit_count() for mask in masks]
    full = 65535 if max(most) > 8 else 255
    for channel, mask in enumerate(masks):
        value = (stored.astype(np.int64) & mask) // (mask & -mask)
        exact = value / (2 ** mask.bit_count() - 1) * full
        assert np.abs(image.pixels[::-1, :, channel].ravel() - exact).max() <= 0.5
    assert image.channels == "RGBA"[: len(masks)]
    assert image.meta.dpi == pytest.approx((72, 72), abs=0.1)


def test_bitmaps_with_the_usual_channels_are_read_as_ever():
    pixels = np.arange(24, dtype=np.uint8).tobytes()
    expected = np.arange(24).reshape(2, 4, 3)[::-1, :, ::-1]
    for header in (12, 40, 64, 108, 124):
        assert np.array_equal(read(bmp(pixels, header=header)).pixels, expected)
    assert np.array_equal(read(bmp(pixels, size=(4, -2))).pixels, expected[::-1])
    stored = words(32)
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    usual = read(bmp(stored.tobytes(), bits=32, coding=3, header=108, masks=masks))
    # Windows CE's coding is the same with masks behind a short header.
    other = read(bmp(stored.tobytes(), bits=32, coding=6, masks=masks))
    assert np.array_equal(usual.pixels, other.pixels)


def test_bitmaps_of_run_lengths():
    palette = bytes(range(256)) * 4
    plain = read(bmp(bytes([7, 7, 9, 9, 5, 5, 5, 5]), bits=8, palette=palette))
    runs = b"\x02\x07\x02\x09\0\0\x04\x05\0\1"
    assert np.array_equal(read(bmp(runs, bits=8, coding=1, palette=palette)).pixels, plain.pixels)
    assert "not enough image data" in refusal(bmp(runs[:6], bits=8, coding=1, palette=palette))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"coding": 4, "bits": 0}, "stored as a JPEG image"),
        ({"coding": 5, "bits": 0}, "stored as a PNG image"),
        ({"coding": 11, "bits": 32}, "stored as CMYK"),
        ({"coding": 77}, "in an unknown way (77)"),
        ({"coding": 3, "bits": 1, "header": 64}, "with Huffman's code"),
        ({"coding": 4, "header": 64}, "run lengths of 24 bits"),
        ({"header": 48}, "header has 48 bytes"),
        ({"bits": 2}, "has 2 bits a pixel"),
        ({"bits": 64}, "has 64 bits a pixel"),
        ({"bits": 24, "coding": 3, "masks": (0xFF, 0xFF00, 0xFF0000)}, "24 bits aren't the usual"),
    ],
)
def test_other_kinds_of_bitmaps_are_named(how, said):
    refused_by_name(bmp(bytes(64), **how), said)


@pytest.mark.parametrize("masks", [(0, 0xFF, 0xFF00), (0xF0F, 0xF0, 0xF000), (0xFF, 0xFF, 0xFF00)])
def test_masks_that_make_no_sense_are_damage(masks):
    assert "damaged: the masks of its channels" in refusal(
        bmp(bytes(64), bits=16, coding=3, masks=masks)
    )


# JPEG 2000


def jp2(pixels, form="jp2", **options):
    coded = imagecodecs.jpeg2k_encode(pixels, level=0, codecformat=form, reversible=True, **options)
    return bytes(coded)


@pytest.mark.parametrize("form", ["jp2", "j2k"])
@pytest.mark.parametrize("bits", [1, 2, 4, 7, 8, 9, 12, 16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_jpeg_2000_of_every_depth(form, bits, channels):
    """Pillow shifts the bits of less than 8: 4 bits never became white."""
    kind = np.uint8 if bits <= 8 else np.uint16
    stored = np.random.default_rng(6).integers(0, 2**bits, (9, 11, channels)).astype(kind)
    stored = stored[..., 0] if channels == 1 else stored
    image = read(jp2(stored, form, bitspersample=bits))
    assert np.array_equal(image.pixels, widen_bits(stored, bits) if bits < 8 else stored)
    assert image.maximum == 2 ** max(bits, 8) - 1


def _box(name, content):
    return struct.pack(">I4s", len(content) + 8, name) + content


def with_header(data, *, more=b"", space=None):
    """A JP2 file with boxes added to its header, or another number for its colours."""
    out, at = b"", 0
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        size = size or len(data) - at
        content = data[at + 8 : at + size]
        if name == b"jp2h":
            if space is not None:
                place = content.index(b"colr") + 7
                content = content[:place] + struct.pack(">I", space) + content[place + 4 :]
            content += more
        out += _box(name, content)
        at += size
    return out


GRAY = np.arange(99, dtype=np.uint8).reshape(9, 11)
PALETTE = _box(b"pclr", struct.pack(">HB", 100, 3) + b"\7\7\7" + bytes(300)) + _box(
    b"cmap", b"".join(struct.pack(">HBB", 0, 1, k) for k in range(3))
)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (with_header(jp2(GRAY), more=PALETTE), "in a palette"),
        (with_header(jp2(GRAY), space=14), "colours are CIE L*a*b*"),
        (with_header(jp2(GRAY), space=99), "of an unknown kind (99)"),
        (jp2(GRAY.astype(np.int8)), "samples are signed and have 8 bits"),
        (jp2(GRAY.astype(np.uint32) * 70_000), "samples are unsigned and have 26 bits"),
        (jp2(np.dstack([GRAY] * 5)), "has 5 channels"),
        (with_header(jp2(np.dstack([GRAY] * 3).astype(np.uint16) * 257), space=18),
         "YCbCr or thinned out, and have 16 bits"),
    ],
    ids=["palette", "Lab", "unknown", "signed", "deep", "five", "YCC"],
)  # fmt: skip
def test_other_kinds_of_jpeg_2000_are_named(data, said):
    refused_by_name(data, said, "isn't read")


def test_deep_jpeg_2000_of_inks_is_cmyk():
    stored = np.dstack([GRAY] * 4).astype(np.uint16) * 257
    assert read(with_header(jp2(stored), space=12)).channels == "CMYK"


# PNM and arrays


def test_other_kinds_of_pnm_are_named():
    assert "its header is not complete" in refusal(b"P7\nWIDTH 1\n")
    assert "maximum is 0; expected 1 to 65535" in refusal(b"P5 1 1 0\n\0")
    assert "maximum is 65536" in refusal(b"P5 1 1 65536\n\0\0\0")
    assert "has '1e2' for a whole" in refusal(b"P5 1 1 1e2\n\0")


def npy(header, body=bytes(64), version=b"\1\0"):
    header = header.encode("latin-1").ljust(117) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header + body


def shaped(shape, kind="'|u1'"):
    return npy(f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}")


@pytest.mark.parametrize(
    "kind", ["c8", "c16", "U3", "S4", "M8[s]", "m8[s]", "V8", "O", "longdouble"]
)
def test_arrays_of_other_things_are_named(kind):
    target = io.BytesIO()
    np.save(target, np.zeros((2, 2), np.dtype(kind)), allow_pickle=True)
    refused_by_name(target.getvalue())


@pytest.mark.parametrize(
    "data",
    [
        shaped("(True, 3)"), shaped("(2, 3, True)"), shaped("(-2, 3)"), shaped("[2, 3]"),
        shaped("(2.0, 3)"), shaped("(2, 3)", "'zz'"), shaped("(2, 3)", "1"), npy("{'descr': '|u1'"),
        npy("{}"), npy("7"), npy("{'descr': '|u1'}", version=b"\7\0"), b"\x93NUMPY", b"\x93NUMPY\1",
    ],
)  # fmt: skip
def test_arrays_whose_header_makes_no_sense_are_damaged(data):
    assert "the array is damaged" in refusal(data)


# The boundary


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("IDAT: CRC error"), "x is damaged: IDAT: CRC error"),
        (OSError("image file is truncated (3 bytes not processed)"), "(3 bytes not processed)"),
        (IndexError("list index out of range"), "makes no sense"),
        (struct.error("unpack requires a buffer of 4 bytes"), "makes no sense"),
        (TypeError("'NoneType' object is not subscriptable"), "makes no sense"),
        (ValueError("cannot reshape array of size 4 into shape (3,)"), "makes no sense"),
        (ValueError("('EOF in multi-line statement', (2, 0))"), "makes no sense"),
        (RuntimeError("imcd_lzw_decode returned IMCD_LZW_CORRUPT"), "makes no sense"),
        (OSError("cannot identify image file <_io.BytesIO object at 0x7f>"), "makes no sense"),
        (KeyError(32809), "makes no sense"),
        (ValueError(""), "makes no sense"),
        (OSError("-2"), "makes no sense"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "makes no sense"),
        (NotImplementedError("chroma subsampling"), "it is of a kind that isn't read: chroma"),
        (OSError("Fractional sampling not implemented yet"), "it is of a kind that isn't read: F"),
        (ImportError("cannot import name 'x' from 'y'"), "install convcli again"),
    ],
)
def test_what_libraries_raise_becomes_words(error, said):
    def fail():
        raise error

    with pytest.raises(ImageError) as caught:
        guard(fail, "x is damaged")
    assert said in str(caught.value)
    assert not INTERNALS.search(str(caught.value))


def test_what_can_not_be_written_is_not_called_a_kind_that_is_not_read():
    def fail():
        raise NotImplementedError("no such samples")

    with pytest.raises(ImageError, match="can't be written as X: no such samples"):
        guard(fail, "can't be written as X")


def test_no_damage_shows_what_is_inside(rng):
    """Thousands of damaged files, and no word of Python's or a library's."""
    said = set()
    for name in IMAGES:
        for data in images(name).values():
            for _ in range(6):
                changed = bytearray(data)
                for _ in range(rng.integers(1, 5)):
                    changed[rng.integers(min(len(data), 200))] = rng.integers(256)
                try:
                    read(bytes(changed), max_pixels=10**5)
                except ImageError as error:
                    said.add(str(error))
    assert len(said) > 100
    assert not [line for line in said if INTERNALS.search(line)]
    assert all(len(line) < 400 for line in said)


# What the docs say


def test_the_docs_name_every_kind_of_tiff():
    text = " ".join(DOCS.read_text(encoding="utf-8").replace("\\*", "*").split())
    read_ones, refused = re.search(
        r"Codings that are read: (.*?)\. Codings that are refused: (.*?), and whatever", text
    ).groups()
    read_ones = re.sub(r" \(.*?\)", "", read_ones)
    assert set(read_ones.split(", ")) == set(tiff_kinds.CODINGS.values())
    assert set(refused.split(", ")) == set(tiff_kinds.UNREAD.values())
    meanings = re.search(r"Meanings of samples that are refused: (.*?)\. Every", text)[1]
    for name in tiff_kinds.UNREAD_MEANINGS.values():
        short = re.search(r"\((LogL|LogLuv|CFA)\)", name)
        assert (short[1] if short else name) in meanings


def test_the_docs_name_every_bitmap():
    text = DOCS.read_text(encoding="utf-8").split("### BMP")[1].split("###")[0]
    headers = [int(number) for number in re.findall(r"\d+", text.split("bytes")[0])]
    assert tuple(headers) == (12, 40, 52, 56, 64, 2, 108, 124)
    for header in set(headers) - {2}:
        read(bmp(bytes(64), header=header))
    depths = re.search(r"bits a pixel \| ([\d, ]+) \|", text)[1]
    for bits in map(int, depths.split(", ")):
        read(bmp(bytes(64), bits=bits, palette=bytes(1024) if bits < 16 else b""))
