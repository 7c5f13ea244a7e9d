"""Boxes, chunks and blocks are where their file says; what looks like one in other data is none."""

from __future__ import annotations

import struct

import fuzz_seeds
import numpy as np
import pytest

from convcli import Frames, Image, Meta, read, read_frames
from convcli.image.avif.read import sample_bits
from convcli.image.boxes import box, places
from convcli.image.files import encode
from convcli.image.header import peek_into
from convcli.image.recognise import coded_size, header_of

#: What says of an image what is not so: sizes, depth, alpha, times, frames and coding.
LOOKS_LIKE = b"".join(
    (
        box(b"ispe", struct.pack(">III", 0, 30_000, 30_000)),
        box(b"av1C", b"\x81\x20\x7c\0"),
        box(b"auxC", bytes(4) + b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"),
        box(b"mdhd", struct.pack(">IIIII", 0, 0, 0, 1, 3)),
        box(b"stts", struct.pack(">IIII", 0, 1, 3, 7)),
        box(b"stsz", struct.pack(">III", 0, 0, 500)),
        b"VP8L\x10\0\0\0/" + bytes(15),
        b"\xff\x4f\xff\x51" + struct.pack(">HHIIIIIIII", 47, 0, 9000, 9000, *[0] * 6),
        box(b"jxlc", b"\xff\x0a\xff\xff\xff\xff\xff\xff"),
    )
)
PIXELS = fuzz_seeds.image()
PLACES = ("icc", "exif", "xmp")


def profile():
    """One with a tag of its own behind all that are known."""
    return fuzz_seeds.meta().icc + LOOKS_LIKE


def with_some(place):
    return Meta(**{place: {"icc": profile, "exif": exif}.get(place, lambda: LOOKS_LIKE)()})


def exif():
    """A maker's note, which may be anything."""
    head = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x010F, 2, len(LOOKS_LIKE), 26) + bytes(4)
    return head + LOOKS_LIKE


def facts(data, format):
    """What is told of a file by its header, and of its coding and times by reading it."""
    frames = read_frames(data)
    kind = read(data)
    return (
        header_of(peek_into(data), format), coded_size(data), kind.size, kind.dtype,
        kind.channels, kind.meta.lossy, frames.count, frames.durations, frames[0].meta.lossy,
    )  # fmt: skip


CODED = [
    ("AVIF", None), ("WEBP", None), ("WEBP", 60), ("JPEG2000", None), ("JPEG2000", 60),
    ("JPEGXL", None), ("JPEGXL", 60),
]  # fmt: skip


@pytest.mark.parametrize(
    ("format", "quality", "place"),
    # With loss it holds no profile.
    [
        (*coded, place)
        for coded in CODED
        for place in PLACES
        if (*coded, place) != (*CODED[-1], "icc")
    ],
)
def test_what_stands_beside_an_image_says_nothing_of_it(format, quality, place):
    data = encode(Image(PIXELS, meta=with_some(place)), format, quality=quality)
    # JPEG XL packs a profile.
    assert b"ispe" in data or (format, place) == ("JPEGXL", "icc")
    assert facts(data, format) == facts(encode(Image(PIXELS), format, quality=quality), format)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("format", "quality"), [("AVIF", None), ("WEBP", None), ("WEBP", 60)])
def test_what_stands_beside_frames_says_nothing_of_them(format, quality, place):
    def coded(meta):
        images = [Image(PIXELS[::step], meta=meta) for step in (1, -1, 1)]
        return encode(Frames.of(images, [40, 50, 60]), format, quality=quality)

    assert facts(coded(with_some(place)), format) == facts(coded(Meta()), format)
    assert read_frames(coded(with_some(place))).durations == (40, 50, 60)


def test_what_tells_of_an_avif_may_stand_at_its_end():
    """Where it was is as much that is free, and says otherwise."""
    data = encode(Image(PIXELS), "AVIF")
    start, end = next((s, e) for name, s, e in places(peek_into(data)) if name == b"meta")
    free = (LOOKS_LIKE * 9)[: end - start]
    moved = data[: start - 4] + b"free" + free + data[end:] + data[start - 8 : end]
    assert facts(moved, "AVIF") == facts(data, "AVIF")


def test_a_comment_says_nothing_of_a_wavelet():
    """It stands before what does."""
    lossless = encode(Image(PIXELS), "JPEG2000")
    assert not read(lossless).meta.lossy
    at = lossless.index(b"\xff\x52")
    comment = b"\xff\x64" + struct.pack(">HH", 24, 0) + b"\xff\x52" + bytes(18)
    code = lossless[lossless.index(b"\xff\x4f\xff\x51") :]
    start = at - (len(lossless) - len(code))
    assert not read(code[:start] + comment + code[start:]).meta.lossy
    assert read(encode(Image(PIXELS), "JPEG2000", quality=50)).meta.lossy


@pytest.mark.parametrize("clear", [False, True])
def test_a_comment_says_nothing_of_what_is_clear(clear):
    pixels = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255 * (not clear), np.uint8)])
    data = encode(Image(pixels // 64 * 64 if clear else PIXELS // 64 * 64), "GIF")
    at = 13 + 3 * (2 << (data[10] & 7))
    other = b"\x21\xf9\x04" + bytes([not clear]) + bytes(4)
    talked = data[:at] + b"\x21\xfe" + bytes([len(other)]) + other + b"\0" + data[at:]
    assert data[10] & 0x80
    for each in (data, talked):
        assert header_of(peek_into(each), "GIF").channels == 3 + clear
        assert read(each).has_alpha == clear


# Walks


def test_boxes_within_boxes_are_in_their_order():
    inner = box(b"bbbb", b"1") + box(b"cccc", b"22")
    data = box(b"aaaa", bytes(4) + inner + b"rest") + box(b"bbbb", b"333")
    found = [(name, data[s:e]) for name, s, e in places(peek_into(data), within={b"aaaa": 4})]
    assert [name for name, _ in found] == [b"aaaa", b"bbbb", b"cccc", b"bbbb"]
    assert [content for _, content in found[1:]] == [b"1", b"22", b"333"]
    assert [name for name, _, _ in places(peek_into(data))] == [b"aaaa", b"bbbb"]


def test_a_box_that_is_longer_than_what_it_is_in_hides_nothing():
    data = bytearray(box(b"aaaa", box(b"bbbb", b"1")) + box(b"cccc", b""))
    data[8:12] = (999).to_bytes(4, "big")
    named = [name for name, _, _ in places(peek_into(data), within={b"aaaa": 0})]
    assert named == [b"aaaa", b"bbbb", b"cccc"]


def test_boxes_as_deep_as_a_file_is_long_end():
    data = b"".join(struct.pack(">I4s", 8 * k, b"aaaa") for k in range(9000, 0, -1))
    found = [*places(peek_into(data), len(data), {b"aaaa": 0})]
    assert len(found) == 9000
    assert header_of(peek_into(box(b"ftyp", b"avif") + data), "AVIF") is None


def test_the_last_box_may_have_boxes_and_no_size():
    data = box(b"bbbb", b"") + bytes(4) + b"aaaa" + box(b"cccc", b"1")
    named = [name for name, _, _ in places(peek_into(data), within={b"aaaa": 0})]
    assert named == [b"bbbb", b"aaaa", b"cccc"]


@pytest.mark.parametrize(("content", "bits"), [(b"\x81\0\x0c\0", 8), (b"\x81\0\x4c\0", 10),
                                              (b"\x81\0\x6c\0", 12), (b"\x81", 8)])  # fmt: skip
def test_the_depth_is_that_of_the_first_configuration(content, bits):
    assert sample_bits([(b"ispe", b""), (b"av1C", content), (b"av1C", b"\x81\0\x4c\0")]) == bits
    assert sample_bits([]) == 8
