"""Damaged files by the hundred, and every one that was ever read wrongly or ended in a traceback.

`python tests/fuzz.py` goes on from here for as long as it is let.
"""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from warnings import simplefilter

import fuzz
import fuzz_seeds as seeds
import imagecodecs
import numpy as np
import pytest
import tifffile
from fuzz_mutate import png_parts, png_whole
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marks import exhaustive_but

from convcli.errors import ConvError, ImageError, KernelError
from convcli.image.files import encode, read
from convcli.image.frames import Frames
from convcli.image.image import Image, Meta
from convcli.image.light import curves as trc
from convcli.image.recognise import coded_size
from convcli.image.tiff import directories
from convcli.kernels import check_file, parse_kernel, read_kernel
from convcli.kernels.matrix import format_matrix, parse_matrix

pytestmark = pytest.mark.exhaustive

PIXELS = seeds.image()


# Many


@pytest.mark.skipif(sys.platform == "win32", reason="limits of memory are set as on Unix")
@pytest.mark.parametrize(
    "group", exhaustive_but(["png", "jpeg", "tiff"], [*seeds.IMAGES, *seeds.TEXTS])
)
def test_nothing_is_found_in_damaged_files(group, tmp_path):
    """Each in a process of its own, which may crash or hang without taking the tests along."""
    # Loops may have to be compiled, and on a busy machine.
    campaign = fuzz.Campaign(1, tmp_path, patience=90)
    count = 80
    assert campaign.go_on(group, 0, count) == count
    serious = {look for look in campaign.found if not look[1].startswith("differs")}
    assert serious == set()
    assert campaign.tried[group] == count
    assert campaign.read[group] > 0


@pytest.mark.parametrize("group", seeds.IMAGES)
def test_a_file_cut_short_is_refused_or_shows_all(group):
    assert fuzz.wrong_cuts(group, most=40) == []


def test_the_fuzzer_finds_what_is_wrong(tmp_path, monkeypatch):
    """A check that can't fail would be worth nothing."""
    check = fuzz.check_of("png", tmp_path)
    rng, case = fuzz.Cases("png", 1).make(0)
    whole = encode(Image(PIXELS), "PNG")
    assert check.judge(whole, rng) == []
    assert check.was_read

    def broken(*_, **__):
        raise ZeroDivisionError("one")

    monkeypatch.setattr("fuzz_checks.pipeline.lay", broken)
    assert [kind for kind, _ in check.judge(whole, rng)] == ["raised"]
    assert fuzz.Cases("png", 1).make(0)[1] == case


def test_the_fuzzer_survives_a_crash(tmp_path, monkeypatch):
    """The child is killed in its third case; that is told, and the next number is the fourth."""
    monkeypatch.setenv("CONVCLI_FUZZ_DIES_AT", "2")
    campaign = fuzz.Campaign(1, tmp_path)
    assert campaign.go_on("matrix", 0, 10) == 3
    assert [kind.split()[0] for _, kind, _ in campaign.found] == ["died"]
    assert len([*tmp_path.iterdir()]) == 1


@pytest.mark.exhaustive
def test_a_sample_goes_through_the_command(tmp_path):
    """Exit status 1, a line for each that failed, a result for each other, and nothing else."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for group in seeds.IMAGES:
        cases = fuzz.Cases(group, 1)
        for number in range(8):
            suffix = {"pnm": "ppm", "tiff": "tif", "jpeg": "jpg"}.get(group, group)
            (folder / f"{group}{number}.{suffix}").write_bytes(cases.make(number)[1])
    command = [sys.executable, "-m", "convcli", "apply", "box", str(folder), "-o", str(out)]
    done = subprocess.run(
        [*command, "--quiet", "--max-pixels", "300000"],
        capture_output=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    lines = done.stderr.decode().splitlines()
    results = [path.name for path in out.iterdir()]
    assert done.returncode == 1, done.stderr.decode()
    assert done.stdout == b""
    assert all(line.startswith("convcli: ") and "Traceback" not in line for line in lines)
    assert len(lines) + len(results) == 8 * len(seeds.IMAGES)
    assert 10 < len(results) < 70
    assert all(read(out / name).pixels.size for name in results)


# PNG


def png(change=lambda rows: rows, *, ending=b"", cut=0, interlaced=False):
    """A PNG file whose compressed rows were changed, and then its stream."""
    parts = png_parts(seeds.images("png")["basi0g01"] if interlaced else encode(gray(), "PNG"))
    rows = zlib.decompress(b"".join(content for name, content in parts if name == b"IDAT"))
    packed = zlib.compress(change(rows))
    packed = packed[: len(packed) - cut] + ending
    return bytes(png_whole([parts[0], (b"IDAT", packed), (b"IEND", b"")]))


def gray():
    return Image(seeds.image(1))


def refusal(data, **options):
    with pytest.raises(ImageError) as caught:
        read(data, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_png_rows_must_all_be_there():
    assert np.array_equal(read(png()).pixels, gray().pixels)
    for interlaced in (False, True):
        for missing in (1, 28, 300):
            refusal(png(lambda rows, n=missing: rows[:-n], interlaced=interlaced))


@pytest.mark.parametrize("name", ["basn0g01", "basi0g01", "basn3p08", "basi6a16", "basn2c08"])
def test_png_with_a_wrong_checksum_of_its_rows_is_refused(name):
    whole = (seeds.DATA / "pngsuite" / f"{name}.png").read_bytes()
    parts = png_parts(whole)
    place = max(n for n, part in enumerate(parts) if part[0] == b"IDAT")
    packed = parts[place][1]
    parts[place] = (b"IDAT", packed[:-1] + bytes([packed[-1] ^ 1]))
    read(whole)
    refusal(bytes(png_whole(parts)))


@pytest.mark.parametrize("name", ["IHDR", "IDAT", "IEND", "PLTE", "tRNS"])
def test_png_with_a_wrong_checksum_of_a_chunk_that_matters_is_refused(name):
    whole = bytearray(seeds.images("png")["tbbn3p08"])
    at = whole.index(name.encode())
    (size,) = struct.unpack_from(">I", whole, at - 4)
    whole[at + 4 + size] ^= 1
    assert f"wrong checksum in its {name}" in refusal(bytes(whole))


@pytest.mark.parametrize("name", [b"PLTE", b"tRNS"])
def test_png_with_colours_twice_or_too_late_is_refused(name):
    """libpng refuses the first, and ignores the second: pixels would be other ones."""
    parts = png_parts(seeds.images("png")["tbbn3p08"])
    place = next(n for n, part in enumerate(parts) if part[0] == name)
    assert "out of place" in refusal(
        bytes(png_whole([*parts[:place], parts[place], *parts[place:]]))
    )
    late = [part for part in parts if part[0] != name]
    late.insert(len(late) - 1, parts[place])
    assert "out of place" in refusal(bytes(png_whole(late)))


def test_png_without_its_end_is_refused():
    assert "its end is missing" in refusal(encode(gray(), "PNG")[:-12])


# JPEG


@pytest.mark.parametrize(
    "name", [n for n in seeds.images("jpeg") if n not in ("progressive", "mpo")]
)
def test_jpeg_with_rows_missing_but_an_end_is_refused(name):
    """libjpeg makes them gray, and says so only to those who ask."""
    whole = seeds.images("jpeg")[name]
    start, end = whole.index(b"\xff\xda") + 20, whole.rindex(b"\xff\xd9")
    read(whole)
    for share in (0.2, 0.5, 0.75):
        cut = whole[: start + int(share * (end - start))].rstrip(b"\xff")
        assert "last rows are missing" in refusal(cut + whole[end:])


@pytest.mark.parametrize("restarts", [0, 1])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_that_ends_in_gray_is_read(restarts, progressive):
    pixels = np.full((40, 50, 3), 128, dtype=np.uint8)
    pixels[:20] = 9
    target = io.BytesIO()
    options = {"progressive": progressive, "restart_marker_blocks": restarts}
    seeds.Pillow.fromarray(pixels).save(target, "JPEG", **options)
    assert read(target.getvalue()).pixels[-1, -1].tolist() == [128] * 3


# TIFF


def tiff(**options):
    return seeds.tiff(PIXELS, photometric="rgb", **options)


def entry(data, tag):
    """Where the entry of a tag is in a little-endian file."""
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    places = (at + 2 + 12 * k for k in range(count))
    return next(place for place in places if struct.unpack_from("<H", data, place)[0] == tag)


def patched(data, tag, *, kind=None, count=None, value=None, name=None):
    """A file with an entry changed."""
    changed = bytearray(data)
    at = entry(data, tag)
    for form, offset, new in (("<H", 2, kind), ("<I", 4, count), ("<I", 8, value), ("<H", 0, name)):
        if new is not None:
            struct.pack_into(form, changed, at + offset, new)
    return bytes(changed)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_tiff_without_strips_for_all_rows_is_refused(compression):
    """tifffile makes up the rows that no strip has."""
    data = tiff(compression=compression)
    assert np.array_equal(read(data).pixels, PIXELS)
    assert "it has 1 strips of" in refusal(patched(data, 257, value=200))


@pytest.mark.parametrize("tag", [273, 279])
def test_tiff_with_an_empty_strip_is_refused(tag):
    assert "strip 1 is missing" in refusal(patched(tiff(), tag, value=0))


def test_tiff_with_a_strip_beyond_the_end_is_refused():
    assert "beyond its end" in refusal(patched(tiff(), 273, value=2000))
    assert "beyond its end" in refusal(patched(tiff(), 279, value=2**32 - 1))


@pytest.mark.parametrize("tag", [258, 262, 277, 284, 339])
def test_tiff_with_a_damaged_tag_that_matters_is_refused(tag):
    """tifffile leaves such a tag out, and takes its default: 8 bits become 1, black white."""
    data = seeds.tiff(seeds.image(5, "float32"), photometric="minisblack", planarconfig="contig")
    assert read(data).pixels.dtype == np.float32
    assert "can't be understood" in refusal(patched(data, tag, kind=99))


def test_tiff_that_does_not_say_what_samples_mean_is_refused():
    assert "no Photometric tag" in refusal(patched(tiff(), 262, name=263))


def test_tiff_planes_that_are_neither_are_refused():
    assert "PlanarConfiguration is 9" in refusal(patched(tiff(), 284, value=9))


def test_tiff_with_huge_tiles_is_refused_before_there_is_room_for_one():
    data = tiff(tile=(16, 16), compression="zlib")
    huge = patched(patched(data, 322, value=65536), 323, value=65536)
    assert "tiles of 65536 × 65536 pixels" in refusal(huge)


@pytest.mark.parametrize("compression", ["jpeg", "webp"])
def test_tiff_with_coded_images_larger_than_itself_is_refused(compression):
    data = tiff(compression=compression)
    assert "where there is room for 27 × 8" in refusal(patched(data, 257, value=8))


def test_coded_sizes():
    for name in ("PNG", "JPEG", "WEBP", "JPEG2000"):
        assert coded_size(encode(Image(PIXELS), name)) == (27, 20), name
    assert coded_size(encode(Image(PIXELS), "WEBP", quality=50)) == (27, 20)
    assert coded_size(encode(Image(PIXELS), "BMP")) is None
    assert coded_size(b"\xff\xd8\xff") is None


def test_premultiplied_floats_may_be_anything():
    pixels = np.full((4, 4, 4), 1e38, dtype=np.float32)
    pixels[..., 3] = 1e-30
    data = seeds.tiff(pixels, photometric="rgb", extrasamples=["assocalpha"])
    assert np.isinf(read(data).pixels[0, 0, 0])


# Others


def test_every_image_of_a_deep_avif_is_kept_in_its_room():
    """imagecodecs 2026.3.6 writes all of them into the room of one, if asked for one."""
    stored = np.stack([seeds.image(3, "uint16") >> 6, np.zeros((20, 27, 3), np.uint16)])
    data = bytes(imagecodecs.avif_encode(stored, level=100, bitspersample=10, speed=10))
    script = (
        "import sys; from convcli.image.files import read;"
        "data = sys.stdin.buffer.read();"
        "print(*{int(read(data).pixels.astype(int).sum()) for _ in range(20)})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=data,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent), "MALLOC_CHECK_": "3"},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0
    with pytest.raises(ImageError, match="the limit is"):
        read(data, max_pixels=20 * 27)


def test_plain_bitmaps_hold_zeros_and_ones():
    assert "neither 0 nor 1" in refusal(b"P1 3 2\n101\n0 2 0\n")
    assert read(b"P1 3 2\n101\n010 and more").pixels.shape == (2, 3)


@pytest.mark.parametrize("sample", ["1_0", "-1", "+1", "0x1", "1.0", "9" * 30])
def test_plain_samples_are_whole_numbers(sample):
    assert "damaged" in refusal(f"P2 2 1 255\n1 {sample}\n".encode())


@pytest.mark.parametrize("scale", ["nan", "inf", "0", "-0.0", "x", "1e999"])
def test_the_scale_of_floats_is_a_number(scale):
    assert "its scale is" in refusal(f"Pf\n1 1\n{scale}\n".encode() + bytes(4))


def test_bitmaps_are_whole():
    data = encode(Image(PIXELS), "BMP")
    assert "cut short" in refusal(data[:200] + data[201:])
    assert "begin at byte 0" in refusal(data[:10] + bytes(4) + data[14:])


def test_arrays_that_python_2_wrote_are_read():
    data = seeds.array(seeds.image(1))
    changed = data.replace(b"(20, 27), ", b"(20L,27L),")
    assert changed != data
    assert np.array_equal(read(changed).pixels, seeds.image(1))


def test_pillow_remarks_upon_nothing(recwarn):
    """Its warnings would be lines on standard error."""
    data = encode(Image(PIXELS, meta=Meta(exif=seeds.exif(6))), "AVIF")
    at = data.index(b"II*\0\x08\0\0\0") if b"II*\0" in data else data.index(b"MM\0*")
    cut = data[: at + 20] + bytes([255]) * 8 + data[at + 28 :]
    simplefilter("always")
    read(cut)
    odd = Image(PIXELS, meta=Meta(exif=b"II*\0\xff\xff\xff\xff"))
    for name in ("AVIF", "WEBP", "JPEG", "TIFF"):
        for each in (odd, Frames.of([odd, odd], 50)):
            if name != "JPEG" or each is odd:
                simplefilter("always")
                encode(each, name)
    assert [str(each.message) for each in recwarn] == []


def test_metadata_that_make_no_sense_keep_nobody_from_writing():
    image = Image(PIXELS, meta=Meta(exif=bytes(500), xmp=b"\0<" * 99, icc=b"\xff" * 999))
    for name in ("PNG", "JPEG", "TIFF", "WEBP", "AVIF", "JPEG2000", "JPEGXL"):
        assert read(encode(image, name)).pixels.shape == PIXELS.shape


def test_float_pixels_beyond_everything_have_light():
    from convcli import pipeline
    from convcli.spec import Spec

    for kind in ("float32", "float64"):
        pixels = np.full((5, 5), np.finfo(kind).max, dtype=kind)
        pixels[0, 0], pixels[1, 1] = np.nan, -np.inf
        pipeline.apply(Image(pixels), [parse_kernel("box")], Spec(linear=True))
        clear = np.stack([pixels, pixels], axis=2)
        for linear in (False, True):
            pipeline.apply(Image(clear, "LA"), [parse_kernel("box")], Spec(linear=linear))


# What unfolds


def test_directories_do_not_multiply():
    """A file's entries may all point to the same megabyte, or to each other."""
    count = 3000
    entries = struct.pack("<HHII", 0x010F, 2, 30_000, 8) * (count - 1)
    loop = struct.pack("<HHII", 0x8769, 4, 1, 8)
    body = struct.pack("<H", count) + entries + loop + bytes(4)
    assert directories.take_exif(b"II*\0\x08\0\0\0" + body) is None
    nested = struct.pack("<H", 60) + loop * 60 + bytes(4)
    assert directories.take_exif(b"II*\0\x08\0\0\0" + nested) is None
    block = b"II*\0\x08\0\0\0" + nested
    whole = encode(Image(PIXELS), "TIFF")
    assert directories.put_exif(whole, block) == whole


def test_tone_curves_take_no_more_than_they_need():
    tags = b"".join(struct.pack(">4sII", b"%04d" % k, 0, 2**30) for k in range(999))
    with pytest.raises(ImageError, match="needs a tone curve"):
        trc.curves_of(bytes(128) + struct.pack(">I", 999) + tags)
    with pytest.raises(ImageError, match="100000 points"):
        trc.parse_curve(b"curv" + bytes(4) + struct.pack(">I", 100_000) + bytes(200_000))


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP", b"iTXt"])
def test_folded_chunks_share_their_room(name):
    """Forty chunks of 20 KB that unfold to 20 MB each."""
    parts = png_parts(encode(Image(PIXELS), "PNG"))
    chunk = (name, seeds.bomb(20 * 2**20)[name])
    image = read(bytes(png_whole([parts[0], *[chunk] * 40, *parts[1:]])))
    held = sum(len(value) for _, value in image.meta.text) + len(image.meta.icc or b"")
    assert held <= 2**26
    assert f"chunk {name.decode()} could not be understood" in image.meta.notes[0]


def test_a_hundred_thousand_broken_chunks_are_few_notes():
    whole = encode(Image(PIXELS), "PNG")
    letters = [
        bytes([116, 97 + k // 676 % 26, 65 + k // 26 % 26, 97 + k % 26]) for k in range(9999)
    ]
    broken = b"".join(struct.pack(">I4sI", 0, name, 0) for name in letters)
    notes = read(whole[:33] + broken + whole[33:]).meta.notes
    assert len(notes) == 9
    assert "9991 more chunks" in notes[-1]


# Texts


def kernel_or_none(text):
    """Return a kernel, or None if it is refused in a short line; anything else is a mistake."""
    message = ""
    try:
        return parse_kernel(text)
    except KernelError as error:
        message = str(error)
    assert "\n" not in message
    assert len(message) < 500
    return None


@pytest.mark.parametrize(
    "text",
    [
        "[1 2; 3 4]/92233720368547758086",
        "[1 2; 3 4]*1/92233720368547758086",
        "[1]/1e30",
        "[1]*1e-300",
        "[1]*1e-399",
        "1e-3 .51e30 -2; 4 5e2 6",
        "1 2/91e-30 1/9",
        "1e30 -1e30",
        "1e-399 1",
    ],
)
def test_numbers_at_the_edge_make_a_kernel_or_are_refused(text):
    kernel = kernel_or_none(text)
    if kernel is None:
        return
    assert np.isfinite(kernel.weights / float(kernel.divisor)).all()
    if abs(kernel.divisor) > 1e30:
        return
    again = parse_matrix(format_matrix(kernel.weights, kernel.divisor))
    assert np.array_equal(again.array / again.divisor, kernel.weights / kernel.divisor)


_CELL = st.one_of(
    st.integers(-(10**31), 10**31).map(str),
    st.floats().map(repr),
    st.tuples(st.integers(), st.integers()).map("{0[0]}/{0[1]}".format),
    st.sampled_from(["", ".", "-", "1e", "nan", "1_0", "[", "]", "*", "/", "٣", "−1", "\0"]),
)
_ROWS = st.lists(st.lists(_CELL, max_size=4), max_size=4)


@given(_ROWS, st.sampled_from([" ", ",", ", "]), st.sampled_from([";", "\n", "],["]), _CELL)
@settings(max_examples=300)
def test_a_matrix_is_read_or_refused_in_a_line(rows, comma, end, factor):
    inner = end.join(comma.join(row) for row in rows)
    for text in (inner, f"[{inner}]", f"[[{inner}]]*{factor}", f"[{inner}]/{factor}"):
        kernel = kernel_or_none(text)
        assert kernel is None or np.isfinite(kernel.weights).all()


_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=9,
)
_KEYS = ("weights", "column", "row", "divisor", "offset", "parts", "combine", "share", "name",
         "mapping", "aliases", "full_scale", "effect")  # fmt: skip


@given(st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=99), _VALUE, max_size=5))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_table_is_a_kernel_or_refused_in_a_line(tmp_path, table):
    import json

    path = tmp_path / "k.json"
    path.write_text(json.dumps(table), encoding="utf-8")
    for item in check_file(path).kernels:
        assert "\n" not in item.error
        assert len(item.error) < 500 + len(str(path))


@given(st.sampled_from([".toml", ".json", ".csv", ".txt", ".mat", ".npy"]), st.binary())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_are_a_kernel_or_refused_in_a_line(tmp_path, suffix, data):
    path = tmp_path / f"k{suffix}"
    path.write_bytes((b"\x93NUMPY" if suffix == ".npy" else b"") + data)
    for item in check_file(path).kernels:
        assert "\n" not in item.error


@given(st.binary(max_size=80), st.sampled_from([*seeds.IMAGES]))
@settings(max_examples=200)
def test_what_follows_a_beginning_is_an_image_or_refused(data, group):
    """The first bytes are right, so that the format's reader gets the rest."""
    whole = next(iter(seeds.images(group).values()))
    message = ""
    try:
        read(whole[:12] + data, max_pixels=100_000)
    except ConvError as error:
        message = str(error)
    assert "\n" not in message


def test_long_texts_end_nothing(tmp_path):
    """Numbers of 200,000 digits: where they could be matched in two ways, that took hours."""
    script = (
        "from convcli.errors import KernelError; from convcli.kernels import parse_kernel;"
        "from contextlib import suppress\n"
        "for text in ('9', '1.', '.1', '1e1', '1/1', '-', '[', '1_', ':', '=', '#'):\n"
        "    for end in ('', 'x', '.csv', '/', 'e', ']/0'):\n"
        "        with suppress(KernelError): parse_kernel(text * (200_000 // len(text)) + end)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, timeout=60)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("k.csv", "1," * 5000, "this row has more than 1001 numbers"),
        ("k.txt", "1 " * 5000, "this row has more than 1001 numbers"),
        ("k.txt", "1\n" * 5000, "there are more than 1001 rows"),
        ("k.mat", "3 3\n" + "1 " * 5000, "this row has more than 1001 numbers"),
        ("k.json", f"[{'1,' * 5000}1]", "the matrix is 1×5001"),
        ("k.json", f"[{'[1],' * 5000}[1]]", "the matrix is 5001×1"),
        ("k.toml", f'weights = "{"1 " * 5000}"', "this row has more than 1001 weights"),
        ("k.toml", f'weights = "{"1;" * 5000}"', "there are more than 1001 rows"),
        ("k.toml", f"weights = [[{'1,' * 4_200_000}]]", "larger than 4 MB"),
        ("k.toml", "".join(f"[kernel.a{k}]\n" for k in range(1001)), "at most 1000"),
    ],
)
def test_more_than_a_kernel_can_have_is_refused_early(name, content, words, tmp_path):
    """Sixteen million weights would be read for minutes."""
    (tmp_path / name).write_text(content)
    (item,) = check_file(tmp_path / name).kernels
    assert words in item.error


def test_names_in_messages_are_short(tmp_path):
    long = "x" * 5000
    path = tmp_path / "k.toml"
    for text in (
        f"[kernel.{long}]\nweight = [[1]]\n",
        f"[kernel.{long}]\noffset = 1\n",
        f"{long} = 1\n",
        f"[compound.{long}]\nparts = ['{long}']\n",
        f"[kernel.{long}]\nweights = [[1]]\n[kernel.b]\nweights = [[1]]\n",
    ):
        path.write_text(text)
        with pytest.raises(KernelError) as caught:
            read_kernel(path)
        assert len(str(caught.value)) < 500 + len(str(path))
    with pytest.raises(KernelError) as caught:
        parse_kernel(f"{long}.toml")
    assert len(str(caught.value)) < 500


def test_tifffile_is_what_the_checks_are_for():
    """Should it begin to refuse these itself, the checks can go."""
    data = patched(tiff(compression="zlib"), 257, value=200)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert file.pages.first.asarray().shape == (200, 27, 3)
