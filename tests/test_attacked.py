"""Small files that would take long, or tell lies: attacks by other means than the fuzzer's."""

from __future__ import annotations

import io
import re
import struct
import time

import imagecodecs
import numpy as np
import pytest
from PIL import Image as Pillow

from convcli import read
from convcli.errors import ConvError, ImageError
from convcli.kernels.files import read_kernel
from convcli.kernels.texts import FileKind

#: Seconds: machines that are busy are given time; what was found took minutes.
SOON = 5.0


def refused_soon(read, *words):
    start = time.perf_counter()
    with pytest.raises(ConvError) as caught:
        read()
    taken = time.perf_counter() - start
    said = str(caught.value)
    assert taken < SOON, f"{taken:.1f} s: {said}"
    assert "\n" not in said
    assert len(said) < 300
    for word in words:
        assert word in said, said
    return said


# Kernel files


@pytest.mark.parametrize(
    "text",
    [
        ".".join(["a"] * 100_000) + " = 1",
        "[" + ".".join(["a"] * 100_000) + "]\nweights = [[1]]",
        "[[" + " . ".join(["a"] * 100_000) + "]]\nweights = [[1]]",
        "k = {" + ".".join(["a"] * 100_000) + " = 1}",
        ".".join(['"a b"'] * 50_000) + " = 1",
        ".".join(["'a.b'"] * 50_000) + " = 1",
    ],
    ids=["key", "table", "list", "inline", "quoted", "literal"],
)
def test_keys_of_very_many_parts_take_no_time(text, tmp_path):
    (tmp_path / "k.toml").write_text(text)
    refused_soon(lambda: read_kernel(tmp_path / "k.toml"), "more than 32 parts")


@pytest.mark.parametrize(
    "piece", ['"""\\', "'''\"\"\"", '"\\', "a.a.a\n", ' "', "#", "a . a ", "'"]
)
def test_looking_for_such_keys_takes_no_time(piece):
    kind = FileKind("kernel", 2**20, ConvError)
    refused_soon(lambda: kind.parse_toml("k.toml", "." * 32 + (piece * 2**20)[: 2**20]))


def test_dots_elsewhere_are_no_keys(tmp_path):
    dots = ".".join(["a"] * 99)
    text = f"# {dots}\n[k]\nnote = \"{dots}\"\nsource = '''\n{dots} = 1'''\nweights = [[1.5]]\n"
    (tmp_path / "k.toml").write_text(text)
    assert read_kernel(tmp_path / "k.toml").name == "k"


@pytest.mark.parametrize("suffix", ["csv", "txt", "mat"])
@pytest.mark.parametrize("piece", ["\n", "#\n", " ", " \n", "#"])
def test_tables_of_nothing_take_neither_time_nor_memory(piece, suffix, tmp_path):
    file = tmp_path / f"k.{suffix}"
    file.write_text((piece * 2**21)[: 2**21])
    refused_soon(lambda: read_kernel(file), "empty")


def test_lines_are_counted_with_those_that_say_nothing(tmp_path):
    (tmp_path / "k.csv").write_text("# c\n\n  # c\n1,2 # c\n \n\n3,x\n")
    said = refused_soon(lambda: read_kernel(tmp_path / "k.csv"), "line 7, column 3")
    assert "'x'" in said


@pytest.mark.parametrize("suffix", ["csv", "toml", "json"])
def test_long_numbers_are_called_long(suffix, tmp_path):
    digits = "9" * 5000 if suffix != "csv" else "0." + "1" * 500
    file = tmp_path / f"k.{suffix}"
    file.write_text(
        {"toml": f"weights = [[{digits}]]", "json": f"[[{digits}]]"}.get(suffix, digits)
    )
    said = refused_soon(lambda: read_kernel(file), "too long")
    assert not re.search("conversion|Exceeds|too large", said)


# Bitmaps with a palette


def bitmap(indices, palette, bits, *, core=False, used=None, up=True, coding=0, start=None):
    """A BMP file of indices; `used` is how many colours it says that there are."""
    rows, cols = indices.shape
    width = 3 if core else 4
    table = b"".join(bytes(colour[::-1]).ljust(width, b"\xff") for colour in palette)
    pitch = -(-cols * bits // 32) * 4
    packed = np.zeros((rows, pitch * 8 // bits), np.uint8)
    packed[:, :cols] = indices
    shifts = np.arange(bits - 1, -1, -1)
    stored = np.packbits((packed[:, :, None] >> shifts & 1).astype(np.uint8).reshape(rows, -1), 1)
    content = stored[::-1].tobytes() if up else stored.tobytes()
    if coding:
        content = b"".join(runs(row, bits) for row in indices[::-1]) + b"\0\1"
    used = len(palette) if used is None else used
    info = struct.pack("<IHHHH", 12, cols, rows, 1, bits)
    if not core:
        sides = cols, rows if up else -rows
        info = struct.pack("<IiiHHI12xII", 40, *sides, 1, bits, coding, used, 0)
    place = 14 + len(info) + len(table) if start is None else start
    head = b"BM" + struct.pack("<IHHI", place + len(content), 0, 0, place)
    return head + info + table + content


def runs(row, bits):
    """A row as runs of one pixel each, and its end."""
    return b"".join(bytes([1, n if bits == 8 else n << 4]) for n in row.tolist()) + b"\0\0"


PALETTES = {
    "black and white": [(0, 0, 0), (255, 255, 255)],
    "white and black": [(255, 255, 255), (0, 0, 0)],
    "two grays": [(0, 0, 0), (1, 1, 1)],
    "two colours": [(255, 0, 0), (0, 0, 7)],
    "a ramp": [(k, k, k) for k in range(16)],
    "gray": [(17 * k, 17 * k, 17 * k) for k in range(16)],
    "colours": [(k, 255 - k, 3 * k) for k in range(16)],
    "a long ramp": [(k, k, k) for k in range(256)],
    "many colours": [(k, 255 - k, k // 2) for k in range(256)],
}
WAYS = {
    "plain": {},
    "from the top": {"up": False},
    "short header": {"core": True},
    "run lengths": {"coding": -1},
    "start left out": {"start": 54},
    "count left out": {"used": 0},
    "count too large": {"used": 300},
}


CASES = [
    (name, bits, way)
    for name, palette in PALETTES.items()
    for bits in (1, 4, 8)
    for way in WAYS
    if len(palette) <= 1 << bits and not (bits == 1 and way == "run lengths")
]


@pytest.mark.parametrize(("name", "bits", "way"), CASES)
def test_bitmaps_have_the_colours_of_their_palette(name, bits, way, rng):
    palette, options = PALETTES[name], {**WAYS[way]}
    if "coding" in options:
        options["coding"] = 1 if bits == 8 else 2
    if way == "start left out":
        options["used"] = len(palette)
    indices = rng.integers(0, len(palette), (7, 13)).astype(np.uint8)
    image = read(bitmap(indices, palette, bits, **options))
    found = image.pixels
    found = found * np.uint8(255) if found.dtype == bool else found
    found = np.repeat(found[:, :, None], 3, axis=2) if found.ndim == 2 else found
    assert np.array_equal(found, np.array(palette, np.uint8)[indices])


@pytest.mark.parametrize("way", ["plain", "from the top", "short header", "run lengths"])
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("name", ["black and white", "two colours", "a ramp"])
def test_a_colour_beyond_a_bitmaps_palette_is_refused(name, bits, way):
    """Pillow reads them as black, and where the palette is gray as other grays."""
    palette = PALETTES[name][:9]
    options = {**WAYS[way]}
    if "coding" in options:
        options["coding"] = 1 if bits == 8 else 2
    indices = np.zeros((5, 6), np.uint8)
    indices[2, 3] = len(palette)
    said = f"a pixel has colour {len(palette)} of a palette of {len(palette)}"
    with pytest.raises(ImageError, match=said):
        read(bitmap(indices, palette, bits, **options))


def test_a_bitmaps_last_row_may_lack_its_padding_but_no_pixels(rng):
    indices = rng.integers(0, 2, (5, 9)).astype(np.uint8)
    data = bitmap(indices, PALETTES["two colours"], 8)
    said = data[:2] + struct.pack("<I", len(data) - 3) + data[6:-3]
    assert np.array_equal(read(said).pixels, read(data).pixels)
    for short in (data[:-4], data[:54], data[:60], said[:-1], b"BM" + bytes(4) + data[6:-4]):
        with pytest.raises(ImageError, match=r"cut short|no palette"):
            read(short)


# Open files


class Dribble(io.RawIOBase):
    """A file that gives few bytes at a time, as sockets do."""

    def __init__(self, data, most, seeks=False):
        self.held, self.most, self.seeks = io.BytesIO(data), most, seeks

    def readable(self):
        return True

    def seekable(self):
        return self.seeks

    def seek(self, at, whence=0):
        if not self.seeks:
            raise io.UnsupportedOperation("seek")
        return self.held.seek(at, whence)

    def readinto(self, target):
        found = self.held.read(min(self.most, len(target)))
        target[: len(found)] = found
        return len(found)


@pytest.mark.parametrize("seeks", [False, True])
@pytest.mark.parametrize("most", [1, 7, 63, 5000])
@pytest.mark.parametrize("name", ["png", "jpeg", "gif", "tiff", "bmp"])
def test_files_that_give_few_bytes_at_a_time_are_read_whole(name, most, seeks, rng):
    """What is recognised and read is never what happened to come first."""
    target = io.BytesIO()
    Pillow.fromarray(rng.integers(0, 255, (40, 50), np.uint8)).save(target, name)
    data = target.getvalue()
    found = read(Dribble(data, most, seeks))
    assert np.array_equal(found.pixels, read(data).pixels)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (io.StringIO("P5 1 1 255"), "binary mode"),
        ("a\0b.png", "null"),
    ],
)
def test_what_can_not_be_read_is_an_error_of_ours(source, words):
    refused_soon(lambda: read(source), "can't be read", words)


def test_a_closed_file_and_one_that_does_not_wait_are_refused():
    closed = io.BytesIO(b"P5 1 1 255 x")
    closed.close()
    refused_soon(lambda: read(closed), "can't be read", "closed")
    waits = Dribble(b"", 1)
    waits.readinto = lambda target: None
    refused_soon(lambda: read(waits), "doesn't wait")


# Kinds


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
@pytest.mark.parametrize("bits", ["uint8", "uint16"])
def test_jpeg_ls_is_not_called_damaged(shape, bits, rng):
    data = imagecodecs.jpegls_encode(rng.integers(0, 255, shape).astype(bits))
    said = refused_soon(lambda: read(data), "JPEG-LS")
    assert "damaged" not in said
    assert "cut short" not in said
