"""PNG files are written in bands on threads: filters, streams, choices, and what comes back."""

from __future__ import annotations

import io
import struct
import zlib
from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marks import exhaustive_but

from convcli.image import codecs
from convcli.image.image import Image
from convcli.image.png import deflate
from convcli.image.png import filters as png_rows
from convcli.image.png import read as png
from convcli.image.png import unfilter as png_unfilter
from convcli.image.png import write as png_write
from convcli.image.png.inflate import Inflating

CHANNELS = {"L": (), "LA": (2,), "RGB": (3,), "RGBA": (4,)}
PHOTOGRAPHS = ("astronaut.png", "camera.png", "chelsea.png", "coffee.jpg", "rocket.jpg")
FLAT = ("text.png", "page.png", "chart.png", "logo.png", "zone-plate.png", "grid-7x7.png")


@pytest.fixture(params=["zlib-ng", "zlib"])
def packing(request, monkeypatch):
    """Run a test with either library; the second is what is there if the first is missing."""
    if request.param == "zlib-ng":
        pytest.importorskip("zlib_ng")
    else:
        monkeypatch.setattr(codecs, "packing", lambda: zlib)


def chunks(data):
    """(name, content) of each chunk of a PNG file."""
    at, found = 8, []
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def rows_of(data):
    """Return the filtered rows in a PNG file; zlib checks the stream and its checksum."""
    return zlib.decompress(b"".join(content for name, content in chunks(data) if name == b"IDAT"))


def cut_small(monkeypatch):
    """Have bands of a few thousand bytes, so that there are many, of which the last is shorter."""
    monkeypatch.setattr(png_write, "_LEAST", 5000)
    monkeypatch.setattr(png_rows, "_BLOCK", 1500)


def photograph(rng, size, channels="RGB", dtype=np.uint8):
    """Return something smooth with noise upon it."""
    rows, cols = size
    y, x = np.mgrid[:rows, :cols]
    full = np.iinfo(dtype).max
    plane = (np.sin(y / 17) + np.cos(x / 23) + 2) / 4 * full * 0.9
    planes = [plane + rng.normal(0, full / 200, size) for _ in channels]
    pixels = np.clip(np.stack(planes, axis=2), 0, full).astype(dtype)
    return pixels if len(channels) > 1 else pixels[:, :, 0]


def paeth_as_written(left, up, corner):
    """Section 9.4 of the standard, in 16 bits."""
    a, b, c = (each.astype(np.int16) for each in (left, up, corner))
    estimate = a + b - c
    pa, pb, pc = abs(estimate - a), abs(estimate - b), abs(estimate - c)
    return np.where((pa <= pb) & (pa <= pc), a, np.where(pb <= pc, b, c)).astype(np.uint8)


# Row filters


@pytest.mark.parametrize("corner", range(0, 256, 5))
def test_paeth_is_the_standards(corner):
    left, up = np.mgrid[:256, :256].astype(np.uint8)
    corners = np.full_like(left, corner)
    expected = paeth_as_written(left, up, corners)
    assert np.array_equal(png_rows.predict(png_rows.PAETH, left, up, corners), expected)


def test_average_is_the_standards():
    left, up = np.mgrid[:256, :256].astype(np.uint8)
    expected = (left.astype(int) + up) // 2
    assert np.array_equal(png_rows.predict(png_rows.AVERAGE, left, up, left), expected)


@pytest.mark.parametrize(
    ("kind", "pixels"),
    [
        (
            png_rows.NONE,
            np.random.default_rng(1).choice([0, 128, 255], (40, 900), p=[0.4, 0.2, 0.4]),
        ),
        (png_rows.SUB, np.add.outer(np.random.default_rng(2).integers(0, 256, 40), np.arange(900))),
        (png_rows.UP, np.add.outer(np.arange(40), np.random.default_rng(3).integers(0, 256, 900))),
        (
            png_rows.PAETH,
            np.where(np.add.outer(np.arange(40) * 7, np.arange(900)) % 97 < 40, 9, 200),
        ),
    ],
)
def test_rows_get_the_filter_that_suits_them(kind, pixels):
    pixels = pixels.astype(np.uint8)
    filtered = png_rows.filter_rows(pixels[1:], pixels[0], 1)
    assert (filtered[:, 0] == kind).mean() > 0.8


@pytest.mark.parametrize("block", [1, 700, 10**6])
def test_blocks_change_no_bytes_of_rows_that_keep_their_filter(rng, monkeypatch, block):
    pixels = photograph(rng, (30, 100))
    rows = pixels.reshape(30, -1)
    whole = png_rows.filter_rows(rows, np.zeros(300, np.uint8), 3)
    monkeypatch.setattr(png_rows, "_BLOCK", block)
    assert np.array_equal(png_rows.filter_rows(rows, np.zeros(300, np.uint8), 3), whole)


# Streams


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=6))
def test_checksums_are_combined_as_if_taken_of_the_whole(pieces):
    checksum = 1
    for piece in pieces:
        checksum = deflate.combine(checksum, zlib.adler32(piece), len(piece))
    assert checksum == zlib.adler32(b"".join(pieces))


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("strategy", [zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_RLE])
def test_bands_make_one_stream(rng, level, strategy):
    whole = rng.integers(0, 9, 100_000, dtype=np.uint8).tobytes()
    way = (deflate.Compression(level, strategy),)
    cuts = [0, 1, 40_000, 40_003, 100_000]
    bands = []
    for start, stop in pairwise(cuts):
        past = memoryview(whole)[max(0, start - deflate.WINDOW) : start]
        own = memoryview(whole)[start:stop]
        bands.append(deflate.compress(own, past, way, stop == len(whole)))
    assert zlib.decompress(b"".join(deflate.join(bands))) == whole


@pytest.mark.usefixtures("packing")
def test_a_band_refers_to_the_one_before(rng):
    noise = rng.integers(0, 256, 30_000, dtype=np.uint8).tobytes()
    way = (deflate.Compression(6, zlib.Z_DEFAULT_STRATEGY),)
    own, nothing = memoryview(noise), memoryview(b"")
    assert len(deflate.compress(own, own, way, True).data) < 1000
    assert len(deflate.compress(own, nothing, way, True).data) > len(noise)


@pytest.mark.usefixtures("packing")
def test_the_cheaper_way_is_chosen(rng):
    ways = png_write.ways_of(None, 2**30)
    noise = rng.normal(0, 5, 300_000).astype(np.int8).view(np.uint8)
    pattern = np.tile(rng.integers(0, 256, 1000, dtype=np.uint8), 300)
    nothing = memoryview(b"")
    assert deflate.choose(noise.data, nothing, ways).strategy == zlib.Z_RLE
    assert deflate.choose(pattern.data, nothing, ways).strategy == zlib.Z_FILTERED


def test_a_small_image_has_the_time_for_a_higher_level():
    small, large = (max(w.level for w in png_write.ways_of(None, s)) for s in (10**6, 10**7))
    assert small > large
    for size in (10**6, 10**7):
        assert {way.level for way in png_write.ways_of(3, size)} == {1, 3}


@pytest.mark.usefixtures("packing")
def test_a_flat_band_is_tried_whole(rng):
    """Its middle is empty, so that both ways are equal there."""
    content = bytearray(600_000)
    content[:60_000] = rng.integers(0, 256, 600, dtype=np.uint8).tobytes() * 100
    ways = png_write.ways_of(None, 2**30)
    band = deflate.compress(memoryview(content), memoryview(b""), ways, True)
    assert len(band.data) < 3000


# Whole files


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("compress", [None, 0, 1, 5, 9])
def test_what_was_written_in_bands_comes_back(rng, monkeypatch, dtype, channels, compress):
    cut_small(monkeypatch)
    pixels = photograph(rng, (101, 97), channels, dtype)
    data = png_write.encode(Image(pixels, channels), compress)
    assert sum(name == b"IDAT" for name, _ in chunks(data)) > 1
    again = png.decode(data, 10**6)
    assert again.channels == channels
    assert again.pixels.dtype == dtype
    assert np.array_equal(again.pixels, pixels)
    assert len(rows_of(data)) == 101 * (1 + pixels[0].nbytes)


@pytest.mark.parametrize("size", [(1, 1), (1, 70_000), (70_000, 1), (3, 2), (2, 40_000)])
def test_odd_sizes_come_back(rng, size):
    pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    data = png_write.encode(Image(pixels, "RGB"))
    assert np.array_equal(png.decode(data, 10**6).pixels, pixels)


def test_a_part_of_an_image_can_be_written(rng):
    pixels = photograph(rng, (60, 80))[10:50:2, 5:60:3]
    data = png_write.encode(Image(pixels, "RGB"))
    assert np.array_equal(png.decode(data, 10**6).pixels, pixels)


def screen(rng, size, channels="RGB"):
    """Return something like a screen: flat areas beside noise, dithering, text, a gradient.

    No filter suits some of its blocks and any suits others, so that what is chosen changes often.
    """
    rows, cols = size
    pixels = np.full((rows, cols, len(channels)), 240, dtype=np.uint8)
    at = 0
    while at < rows:
        high = int(rng.integers(1, 40))
        part = pixels[at : at + high]
        kind = rng.integers(5)
        if kind == 0:
            part[:] = rng.integers(0, 256, part.shape)
        elif kind == 1:
            part[:] = rng.choice([0, 128, 255], (*part.shape[:2], 1))
        elif kind == 2:
            part[:, ::2] = rng.integers(0, 256, (1, 1, len(channels)))
        elif kind == 3:
            part[:] = (np.arange(cols) % 251)[:, None]
        at += high
    return pixels if len(channels) > 1 else pixels[:, :, 0]


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("compress", [None, 1, 5, 9])
@pytest.mark.parametrize("seed", range(6))
def test_any_decoder_reads_bands_of_screens(monkeypatch, compress, seed):
    """Issue 13: a band filtered the rows above it anew, and referred to what nobody had stored."""
    cut_small(monkeypatch)
    rng = np.random.default_rng(seed)
    channels = ("L", "RGB", "RGBA")[seed % 3]
    pixels = screen(rng, (int(rng.integers(150, 400)), int(rng.integers(20, 400))), channels)
    data = png_write.encode(Image(pixels, channels), compress, jobs=1 + seed % 3)
    assert len(rows_of(data)) == pixels.nbytes + len(pixels)
    assert np.array_equal(by_pillow(data), pixels)
    assert np.array_equal(png.decode(data, 10**7).pixels, pixels)


@pytest.mark.parametrize("scale", [1, 2])
def test_any_decoder_reads_bands_as_they_are_cut(rng, scale):
    """The same with nothing made small for the test: 1 MiB a band."""
    pixels = screen(rng, (900 * scale, 1300))
    data = png_write.encode(Image(pixels, "RGB"))
    assert sum(name == b"IDAT" for name, _ in chunks(data)) > 2
    assert np.array_equal(by_pillow(data), pixels)


def by_pillow(data):
    from PIL import Image as PillowImage

    return np.asarray(PillowImage.open(io.BytesIO(data)))


@given(
    width=st.integers(1, 400_000),
    rows=st.integers(1, 100_000),
)
def test_bands_are_made_of_whole_blocks(width, rows):
    height = png_write._band_rows(rows, width)
    assert height % png_rows.block_rows(width) == 0
    assert height % 2 == 0


def test_how_a_row_is_stored_follows_from_its_place(rng, monkeypatch):
    pixels = screen(rng, (300, 90))
    stored = set()
    for least in (1, 5000, 9000, 10**6):
        monkeypatch.setattr(png_write, "_LEAST", least)
        monkeypatch.setattr(png_write, "_MOST", max(least, 3000))
        monkeypatch.setattr(png_rows, "_BLOCK", 2500)
        stored.add(rows_of(png_write.encode(Image(pixels, "RGB"))))
    assert len(stored) == 1


def test_who_waits_for_a_part_that_fails_is_told(rng, monkeypatch):
    cut_small(monkeypatch)
    filter_rows = png_rows.filter_rows
    calls = count()

    def failing(*given):
        if next(calls) == 2:
            raise MemoryError
        return filter_rows(*given)

    monkeypatch.setattr(png_write, "filter_rows", failing)
    image = Image(photograph(rng, (400, 90)), "RGB")
    for jobs in (1, 2, 5):
        calls = count()
        with pytest.raises(MemoryError):
            png_write.encode(image, jobs=jobs)


def test_threads_change_nothing(rng, monkeypatch):
    cut_small(monkeypatch)
    image = Image(photograph(rng, (120, 90)), "RGB")
    files = {png_write.encode(image, jobs=jobs) for jobs in (1, 2, 5, None)}
    assert len(files) == 1


def test_parts_are_the_file(rng, monkeypatch):
    cut_small(monkeypatch)
    image = Image(photograph(rng, (120, 90)), "RGB")
    assert b"".join(png_write.parts(image)) == png_write.encode(image)


def test_no_pillow_and_no_imagecodecs_to_write_with(rng):
    import subprocess
    import sys

    script = (
        "import sys, numpy; from convcli.image.files import encode;"
        "from convcli.image.image import Image;"
        "encode(Image(numpy.zeros((9, 9, 3), numpy.uint8), 'RGB'), 'PNG');"
        "print([m for m in ('PIL', 'imagecodecs', 'tifffile') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_higher_levels_make_smaller_files(samples):
    from convcli.image.files import read

    image = read(samples / "chelsea.png")
    sizes = [len(png_write.encode(image, level)) for level in (0, 1, 6, 9)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > image.pixels.nbytes > 1.3 * sizes[1]


def pillows_size(image):
    from PIL import Image as PillowImage

    target = io.BytesIO()
    PillowImage.fromarray(image.pixels).save(target, "PNG")
    return len(target.getvalue())


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("kernel", exhaustive_but([None], [None, "sharpen"]))
@pytest.mark.parametrize(
    ("name", "most"), [(name, 1.01) for name in PHOTOGRAPHS] + [(name, 1.3) for name in FLAT]
)
def test_files_are_about_as_small_as_pillows(samples, name, most, kernel):
    from convcli import api
    from convcli.image.files import read

    image = read(samples / name)
    image = Image(image.pixels, image.channels)
    if kernel:
        image = api.apply(image, kernel)
    assert len(png_write.encode(image)) <= most * pillows_size(image)


# Reading in bands


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", CHANNELS)
def test_bands_are_decoded_like_the_whole(rng, monkeypatch, dtype, channels):
    monkeypatch.setattr(png_unfilter, "_BAND", 3000)
    pixels = photograph(rng, (103, 90), channels, dtype)
    data = png_write.encode(Image(pixels, channels))
    found = png.split(data, 10**6)
    samples = png_unfilter.decode_bands(
        found.header, Inflating(found.data), png._library(found.header)
    )
    assert samples.dtype == dtype
    assert np.array_equal(samples.reshape(pixels.shape), pixels)


def big_file(rng):
    return png_write.encode(Image(photograph(rng, (600, 700)), "RGB"))


def test_large_files_are_decoded_in_bands(rng, monkeypatch):
    data = big_file(rng)
    monkeypatch.setattr(png, "assemble", None)
    assert png.decode(data, 10**6).pixels.shape == (600, 700, 3)


def with_stream(data, stream):
    """Return a PNG file with another stream in one IDAT chunk."""
    (_, header), *_ = chunks(data)
    from convcli.image.png.chunks import SIGNATURE, frame

    parts = frame([(b"IHDR", header), (b"IDAT", stream), (b"IEND", b"")])
    return b"".join((SIGNATURE, *parts))


@pytest.mark.usefixtures("packing")
def test_bands_refuse_what_is_damaged(rng):
    """The library decides then, as it does for small files."""
    data = big_file(rng)
    rows = rows_of(data)
    whole = zlib.compress(rows, 1)
    for stream in (
        whole[:-5],
        whole[: len(whole) // 2],
        whole[:-1] + bytes((whole[-1] ^ 1,)),
        zlib.compress(rows + b"\0", 1),
        zlib.compress(rows[:-1], 1),
        zlib.compress(b"\7" + rows[1:], 1),
        b"nonsense",
    ):
        found = png.split(with_stream(data, stream), 10**6)
        with pytest.raises(Exception):  # noqa: B017, PT011
            png_unfilter.decode_bands(
                found.header, Inflating(found.data), png._library(found.header)
            )


def test_more_than_the_rows_is_read_as_before(rng):
    data = big_file(rng)
    longer = with_stream(data, zlib.compress(rows_of(data) + bytes(5), 1))
    assert np.array_equal(png.decode(longer, 10**6).pixels, png.decode(data, 10**6).pixels)


def test_a_bomb_of_rows_takes_no_more_than_the_image(rng):
    """A stream of 128 megabytes for an image of one is not unfolded to its end."""
    packer = zlib.compressobj(1)
    stream = b"".join(packer.compress(bytes(2**24)) for _ in range(8)) + packer.flush()
    inflated = Inflating([memoryview(stream)])
    inflated.fill([memoryview(bytearray(2**20))])
    with pytest.raises(ValueError, match="more than the rows"):
        inflated.finish()


def test_a_way_that_follows_is_tried_only_after_the_cheapest(monkeypatch):
    tried = []

    def pack(content, past, way, ending):
        tried.append(way.level)
        return bytes(way.level)

    monkeypatch.setattr(deflate, "_pack", pack)
    last = deflate.Compression(1, 0, follows=True)
    for levels, expected in (((2, 3), [2, 3]), ((3, 2), [3, 2, 1])):
        ways = (*(deflate.Compression(level, 0) for level in levels), last)
        chosen = deflate.choose(memoryview(bytes(100)), memoryview(b""), ways)
        assert tried == expected
        assert chosen.level == min(expected)
        tried.clear()
