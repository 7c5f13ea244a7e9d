"""What is read of damaged files, and what is refused: each row of the table in docs/formats.md."""

from __future__ import annotations

import gc
import io
import json
import struct
import sys
import time
import tracemalloc
import zlib
from pathlib import Path
from random import Random

import damaged_files as made
import fuzz_seeds as seeds
import imagecodecs
import numpy as np
import pytest
from command import call
from damaged_files import FILES
from fuzz_mutate import damaged as mutate
from PIL import Image as Pillow

from convcli import read, read_frames
from convcli.errors import ImageError
from convcli.image.jpeg import check as jpeg_check
from convcli.image.jpeg.scans import read_scans
from convcli.image.jpeg.segments import walk
from convcli.image.recognise import coded_size

DOCS = (Path(__file__).parent.parent / "docs" / "formats.md").read_text(encoding="utf-8")
TABLE = {
    cells[0]: cells[2:]
    for line in DOCS.partition("## Damaged files")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| ") and not line.startswith("| Damage")
    for cells in [[cell.strip() for cell in line.strip("| ").split(" | ")]]
}


def outcome(data, lenient):
    """What is read of a file: `read`, with notes or what is named, or `refused`; and the words."""
    try:
        frames = read_frames(data, lenient=lenient)
        notes = {note for image in frames for note in image.meta.notes} | {*frames.notes}
        beside = read(data, lenient=lenient).meta.beside
    except ImageError as error:
        return "refused", str(error)
    if not notes and any(block.content is None and block.words for block in beside):
        return "read, named", ""
    return "read, noted" if notes else "read", "\n".join(notes)


def test_every_row_of_the_table_has_its_file():
    assert [*TABLE] == [*FILES]


@pytest.mark.parametrize("name", FILES)
def test_damage_is_dealt_with_as_the_table_says(name):
    data = FILES[name]()
    default, lenient = (cell.partition(":")[0] for cell in TABLE[name])
    found, words = outcome(data, lenient=False)
    assert found == default, words
    if default == "refused":
        assert ("`lenient`" in words) == (lenient != "refused"), words
    found, words = outcome(data, lenient=True)
    assert found == lenient, words
    assert "\n" not in words or found != "refused"
    assert "`lenient`" not in words


@pytest.mark.parametrize("name", [n for n in FILES if TABLE[n][0] != "refused"])
def test_what_is_read_without_lenient_has_the_same_pixels_with_it(name):
    data = FILES[name]()
    for one, other in zip(read_frames(data), read_frames(data, lenient=True), strict=True):
        assert np.array_equal(one.pixels, other.pixels)


# JPEG


def libjpeg(data):
    return imagecodecs.jpeg8_decode(data)


@pytest.mark.parametrize(
    "name",
    [n for n in FILES if n.startswith("JPEG") and TABLE[n][1].startswith("read")][:10],
)
def test_a_damaged_jpeg_has_the_pixels_that_libjpeg_gives(name):
    data = FILES[name]()
    assert np.array_equal(read(data, lenient=True).pixels, libjpeg(data))


def test_the_row_is_named_from_which_on_a_jpeg_is_cut():
    whole = read(made.jpeg(subsampling=0)).pixels
    data = made.cut_scan(made.jpeg(subsampling=0), 0.5)
    image = read(data, lenient=True)
    (note,) = image.meta.notes
    row = int(note.split("from row ")[1].split()[0])
    assert np.array_equal(image.pixels[:row], whole[:row])
    assert (image.pixels[row] != whole[row]).any()
    assert (image.pixels[row + 16 :] == 128).all()


def small(rng, **options):
    """A small JPEG file of a random kind."""
    height, width = rng.integers(1, 70, 2)
    pixels = made.original()[:height, :width]
    target = io.BytesIO()
    mode = ("RGB", "L", "CMYK")[rng.integers(3)]
    options |= {"subsampling": int(rng.integers(3)), "quality": int(rng.integers(30, 97))}
    if rng.random() < 0.3:
        options["restart_marker_blocks"] = int(rng.integers(1, 4))
    Pillow.fromarray(pixels).convert(mode).save(target, "JPEG", **options)
    return target.getvalue(), mode


@pytest.mark.parametrize("progressive", [False, True])
def test_whole_jpeg_files_are_read_without_a_note_and_cut_ones_are_not(progressive, rng):
    """Wherever they are cut; an end mark is put behind progressive ones, and none behind others."""
    end = b"\xff\xd9" if progressive else b""
    for _ in range(60):
        data, mode = small(rng, progressive=progressive)
        image = read(data)
        expected = libjpeg(data)
        assert image.meta.notes == ()
        assert np.array_equal(image.pixels, 255 - expected if mode == "CMYK" else expected)
        start = made.scan_starts(data)[0]
        for at in rng.integers(start, len(data) - 2, 5):
            cut = data[:at].rstrip(b"\xff") + end
            if np.array_equal(decoded(cut), expected):
                continue
            with pytest.raises(ImageError, match=r"cut short|damaged"):
                read(cut)


def test_what_cannot_be_told_of_a_cut_jpeg_is_its_last_unit(rng):
    """With an end mark put behind it; chroma of neighbours is mixed, so they may change, too."""
    told = 0
    for _ in range(120):
        data, mode = small(rng, progressive=False)
        expected = libjpeg(data)
        start = made.scan_starts(data)[0]
        for at in rng.integers(start, len(data) - 2, 5):
            cut = data[:at].rstrip(b"\xff") + b"\xff\xd9"
            try:
                pixels = read(cut).pixels
            except ImageError:
                told += 1
                continue
            pixels = 255 - pixels if mode == "CMYK" else pixels
            rows, cols = np.nonzero((pixels != expected).reshape(*pixels.shape[:2], -1).any(axis=2))
            if rows.size:
                assert rows.min() >= (expected.shape[0] - 1) // 16 * 16 - 2
                assert cols.min() >= (expected.shape[1] - 1) // 16 * 16 - 2
    assert told > 200


def decoded(data):
    """What libjpeg reads, or nothing."""
    try:
        return libjpeg(data)
    except imagecodecs.Jpeg8Error:
        return None


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_only_an_end_mark_is_missing(mode):
    """Where it can be told for certain, whatever the kind of file."""
    for options in ({}, {"progressive": True}, {"restart_marker_rows": 1}):
        data = made.jpeg(mode, **options)
        image = read(data[:-2])
        assert image.meta.notes == (
            "the JPEG file has no mark at its end; all of its pixels are there",
        )
        assert np.array_equal(image.pixels, libjpeg(data))
        assert np.array_equal(read(data[:-1]).pixels, libjpeg(data))
    with pytest.raises(ImageError, match="its end is missing"):
        read(made.jpeg("CMYK")[:-2])


def test_a_jpeg_file_of_separate_scans_needs_all_of_them(tmp_path):
    """Not progressive, but a scan for each component, as some scanners have it."""
    script = "0; 1; 2;"
    data = separate(made.jpeg(subsampling=0), script)
    assert np.array_equal(read(data).pixels, libjpeg(data))
    starts = made.scan_starts(data)
    assert len(starts) == 3
    with pytest.raises(ImageError, match="later scans are missing"):
        read(data[: starts[2]].rpartition(b"\xff\xda")[0] + b"\xff\xd9")
    with pytest.raises(ImageError, match=r"a scan lacks its end|damaged"):
        read(made.cut_scan(data, 0.6))


def separate(data, script):
    """A file's coefficients in scans of one component each: made of three gray files."""
    grays = []
    for channel in range(3):
        target = io.BytesIO()
        ycc = Pillow.open(io.BytesIO(data)).convert("YCbCr").split()[channel]
        ycc.save(target, "JPEG", quality=85)
        grays.append(target.getvalue())
    segments = [(grays[0], each) for each in walk(grays[0])]
    head = b"".join(file[s.at : s.end] for file, s in segments if s.marker in (0xDB, 0xE0, 0xC4))
    frame = next(s for _, s in segments if s.marker == 0xC0)
    size = grays[0][frame.start : frame.start + 5]
    parts = [b"\xff\xd8", head, b"\xff\xc0\0\x11", size, b"\3\1\x11\0\2\x11\0\3\x11\0"]
    for number, gray in enumerate(grays):
        (start,) = made.scan_starts(gray)
        parts += [b"\xff\xda\0\x08\1", bytes((number + 1, 0, 0, 63, 0)), gray[start:-2]]
    return b"".join((*parts, b"\xff\xd9"))


def test_libjpegs_warnings_are_heard_by_who_listens_alone(caplog):
    """The words are libtiff's and libjpeg's; nobody else is told."""
    data = made.cut_scan(made.jpeg(progressive=True), 0.8)
    size, sampling = (made.ROWS, made.COLS), [(2, 2), (1, 1), (1, 1)]
    assert "premature end" in jpeg_check.watched(data, size, sampling)
    found = jpeg_check.watched(made.jpeg(progressive=True), size, sampling)
    assert np.array_equal(found, libjpeg(made.jpeg(progressive=True)))
    assert caplog.records == []
    caplog.set_level("CRITICAL", logger="imagecodecs")
    assert jpeg_check.watched(data, size, sampling) is None
    with pytest.raises(ImageError, match="a scan lacks its end"):
        read(data)


def test_all_readers_of_a_jpeg_header_skip_what_is_between_segments():
    data = FILES["JPEG: other bytes, or 0xFF 0x00, between segments"]()
    assert coded_size(data) == (made.COLS, made.ROWS)


@pytest.mark.parametrize("filling", [b"\xff", b"\0", b"\xff\0"])
def test_much_filling_before_a_marker_takes_no_time(filling):
    data = made.before(made.jpeg(), b"\xff\xdb", filling * (2**24 // len(filling)))
    start = time.perf_counter()
    assert coded_size(data) == (made.COLS, made.ROWS)
    assert np.array_equal(read(data).pixels, libjpeg(made.jpeg()))
    assert time.perf_counter() - start < 5


def test_a_file_of_very_many_scans_is_refused():
    data = made.jpeg(progressive=True)
    start = made.scan_starts(data)[-1]
    scan = data[data.rindex(b"\xff\xda", 0, start) : -2]
    with pytest.raises(ImageError, match="more than 100 scans"):
        read(data[:-2] + scan * 100 + b"\xff\xd9")


def test_restart_markers_are_counted_over_parts(monkeypatch):
    data = made.jpeg(restart_marker_blocks=1)
    first = [*walk(data)][-1]
    whole = read_scans(data, first, 1)
    monkeypatch.setattr("convcli.image.jpeg.scans._PART", 7)
    assert read_scans(data, first, 1) == whole
    assert whole.found[0].restarts == bytes(k % 8 for k in range(19))


def test_kinds_of_jpeg_that_cannot_be_read_are_named():
    for kind, word in ((0xC5, "hierarchical"), (0xCF, "hierarchical"), (0xCB, "lossless")):
        with pytest.raises(ImageError, match=f"a {word}.* can't be read"):
            read(made.frame_kind(made.jpeg(), kind))


# GIF


def test_what_is_missing_of_a_gif_is_clear():
    whole, cut = (
        read(made.gif(made.gif_frame(made.indices()))),
        made.gif(made.gif_frame(made.indices()))[:-900],
    )
    image = read(cut, lenient=True)
    rows = int(image.meta.notes[1].split(": ")[1].split()[0])
    assert 0 < rows < made.ROWS
    assert np.array_equal(image.pixels[:rows, :, :3], whole.pixels[:rows])
    assert (image.pixels[:rows, :, 3] == 255).all()
    assert not image.pixels[rows + 1 :].any()


def test_a_gif_frame_without_a_pixel_is_left_out():
    frames = [made.gif_frame(made.indices(seed)) for seed in range(3)]
    data = made.gif(*frames)
    cut = data[: data.rindex(frames[2]) + 12]
    found = read_frames(cut, lenient=True)
    assert len(found) == 2
    assert any("frame 2 has no pixels" in note for note in found.notes)
    assert [image.pixels.shape for image in found] == [(made.ROWS, made.COLS, 3)] * 2


@pytest.mark.parametrize("filling", [b"\0", b"\x01"])
def test_a_gif_of_nothing_takes_no_time(filling):
    """No turn of a loop for each byte between blocks; nothing is kept of them."""
    data = made.gif(end=b"") + filling * 2**25
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(ImageError, match="no image"):
        read(data)
    assert time.perf_counter() - start < 3
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


# PNG


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_the_rows_of_a_png_that_are_there_are_right(share):
    whole = made.png()
    image = read(whole[: int(share * len(whole))], lenient=True)
    rows = int(image.meta.notes[-1].split(" of ")[0].split()[-1])
    assert 0 < rows < made.ROWS
    assert np.array_equal(image.pixels[:rows], made.original()[:rows])
    assert not image.pixels[rows:].any()


def test_an_interlaced_png_is_coarse_where_passes_are_missing():
    whole = made.png_interlaced()
    image = read(whole[: len(whole) // 8], lenient=True)
    assert np.array_equal(image.pixels[::8, ::8], made.original()[::8, ::8])
    far = np.abs(image.pixels.astype(int) - made.original()).mean()
    assert far < 60
    assert image.pixels.any(axis=2).all()


def test_a_png_without_a_row_is_refused_in_any_case():
    data = made.png()
    with pytest.raises(ImageError, match="not one row"):
        read(data[: data.index(b"IDAT") + 9], lenient=True)


def test_a_process_outlives_thousands_of_damaged_png_files():
    """libpng's binding gives back more references to None than it takes."""
    head = struct.pack(">IIBBBBB", made.COLS, made.ROWS, 16, 0, 0, 0, 0)
    rows = zlib.compress(bytes(100))
    data = bytes(made.png_whole([(b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")]))
    gc.collect()  # what other tests left, and refers to None
    count = sys.getrefcount(None)
    for _ in range(300):
        with pytest.raises(ImageError):
            read(data)
    assert sys.getrefcount(None) > count - 100


# All three


@pytest.mark.parametrize("group", ["jpeg", "gif", "png"])
def test_whatever_is_damaged_is_read_in_part_or_refused_in_a_line(group):
    """And what is read without --lenient is read with it, pixel by pixel."""
    rng = Random(7)
    files = [*seeds.images(group).values()]
    for _ in range(250):
        data = bytes(mutate(rng.choice(files), rng, group, files))
        image = tried(data, lenient=True)
        strict = tried(data, lenient=False)
        assert strict is None or np.array_equal(strict.pixels, image.pixels)


def tried(data, **options):
    """The image and its frames, or None for what is refused; words and notes are lines."""
    said, image = [], None
    try:
        image = read(data, max_pixels=300_000, **options)
        for frame in read_frames(data, max_pixels=300_000, **options):
            said += frame.meta.notes
    except ImageError as error:
        said.append(str(error))
        image = None
    assert not any("\n" in each for each in said)
    return image


# The option


def test_lenient_is_an_option_of_apply_and_the_note_is_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cut.jpg").write_bytes(FILES["JPEG: cut short"]())
    Path("cut.gif").write_bytes(FILES["GIF: cut short within a later frame"]())
    Path("good.png").write_bytes(made.png())
    said = call("apply", "box", "cut.jpg", "-o", "out.png")
    assert said.status == 1
    assert "from row 31 of 60 on; --lenient reads" in said.err
    said = call("apply", "box", "cut.jpg", "--lenient", "-o", "out.png", "--json")
    assert said.status == 0
    assert "from row 31 of 60 on" in json.loads(said.out)["notes"][0]
    # Many are handed out to processes.
    said = call("apply", "box", "cut.jpg", "cut.gif", "good.png", "-o", "results/")
    assert said.status == 1
    assert sorted(path.name for path in Path("results").iterdir()) == ["good.png"]
    files = ("cut.jpg", "cut.gif", "good.png", "-o", "results/")
    said = call("apply", "box", *files, "--lenient", "--overwrite", "--json")
    assert said.status == 0
    found = (json.loads(line) for line in said.out.splitlines())
    noted = {each["source"] for each in found if each["notes"]}
    assert noted == {"cut.jpg", "cut.gif"}
    said = call("apply", "box", "cut.gif", "--lenient", "--frame", "2", "-o", "frame.png")
    assert said.status == 0


def test_lenient_is_an_option_of_explain(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cut.jpg").write_bytes(FILES["JPEG: cut short"]())
    assert call("explain", "box", "cut.jpg", "--at", "2,3").status == 1
    said = call("explain", "box", "cut.jpg", "--at", "2,3", "--lenient")
    assert said.status == 0
    assert "from row 31 of 60 on" in said.err
