"""HEIC is read where pi-heif is installed, as it is to be seen, and never written."""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from command import call
from heif_made import FILES, IMIR, IROT, heic, nclx, with_property

from convcli.errors import ImageError
from convcli.image import exif, formats
from convcli.image.files import read
from convcli.image.formats import format_of, left_out, parse_format
from convcli.image.header import peek_into
from convcli.image.recognise import header_of, recognise

pi_heif = pytest.mark.peers("pi_heif")
NAMES = sorted(path.stem for path in FILES.glob("*.heic"))


@pytest.fixture
def missing(monkeypatch):
    """Do as if pi-heif weren't installed."""
    monkeypatch.delitem(formats.sys.modules, "pi_heif", raising=False)
    monkeypatch.setattr(formats, "PathFinder", SimpleNamespace(find_spec=lambda name: None))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown():
    """Return what the files show, up to what their coding lost: (rows, cols, 3)."""
    down, across = np.mgrid[:64, :128]
    return np.stack((255 - 4 * down, 0 * down, 2 * across), axis=2)


def test_what_reads_heic_is_named_where_it_is_missing(missing, here):
    (here / "a.heic").write_bytes(heic("plain"))
    said = call("apply", "box", "a.heic", "-o", "b.png")
    assert (said.status, len(said.lines)) == (1, 1)
    assert "a HEIC image" in said.err
    assert "install convcli[heic]" in said.err


@pytest.mark.parametrize(
    "brands", [b"heic\0\0\0\0mif1heic", b"mif1\0\0\0\0mif1miafheic", b"heix\0\0\0\0heix"]
)
def test_heic_is_told_by_its_brands(missing, brands):
    head = (len(brands) + 8).to_bytes(4, "big") + b"ftyp" + brands + bytes(100)
    with pytest.raises(ImageError, match=r"install convcli\[heic\]"):
        recognise(head)


def test_heif_of_no_brand_but_mif1_is_told_by_its_coding(missing):
    head = b"\0\0\0\x18ftypmif1\0\0\0\0mif1miaf"
    with pytest.raises(ImageError, match="HEIC"):
        recognise(head + b"\0\0\0\x20meta....infe....hvc1" + bytes(100))
    assert recognise(head + b"\0\0\0\x20meta....infe....av01" + bytes(100)) == "AVIF"


@pytest.mark.parametrize("name", ["heic", "HEIF", ".hif"])
def test_it_is_never_written_and_that_is_said(name):
    with pytest.raises(ImageError, match=r"never written; use `format` jpg, or `format` png"):
        parse_format(name)
    with pytest.raises(ImageError, match=r"never written; name it \.jpg, or \.png, which loses"):
        format_of("x." + name.lower().lstrip("."))


def test_headers_are_read_without_it():
    for name in NAMES:
        data = heic(name)
        header = header_of(peek_into(data), "HEIF")
        assert (header.size, header.dtype) == ((64, 128), "uint16" if name == "ten" else "uint8")
        assert header.channels == 3 + (name in ("alpha", "two"))


@pi_heif
def test_lossless_is_what_was_coded():
    image = read(heic("plain"))
    assert (image.size, image.channels, image.depth) == ((64, 128), "RGB", "8-bit")
    assert np.abs(image.pixels - shown()).max() <= 2
    assert image.meta.lossy


@pi_heif
def test_ten_bits_are_sixteen_of_full_range():
    image = read(heic("ten"))
    assert image.depth == "16-bit"
    assert np.abs(image.pixels / 257 - shown()).max() < 6
    # Bits are repeated: the ten upper ones are all that there is.
    upper = image.pixels >> 6
    assert np.array_equal(image.pixels, upper << 6 | upper >> 4)


@pi_heif
def test_alpha_is_there_and_colour_isnt_multiplied_by_it():
    image = read(heic("alpha"))
    assert image.channels == "RGBA"
    assert np.abs(image.pixels[..., :3] - shown()).max() < 12
    down = image.pixels[:, 0, 3].astype(int)
    assert (abs(down[0] - down[-1]), np.ptp(image.pixels[15, :, 3])) >= (240, 0)


@pi_heif
@pytest.mark.parametrize(
    ("box", "turned"),
    [
        (IROT + b"\1", lambda pixels: np.rot90(pixels, 1)),
        (IROT + b"\2", lambda pixels: np.rot90(pixels, 2)),
        (IROT + b"\3", lambda pixels: np.rot90(pixels, 3)),
        (IMIR + b"\0", lambda pixels: pixels[::-1]),
        (IMIR + b"\1", lambda pixels: pixels[:, ::-1]),
    ],
    ids=["90", "180", "270", "mirrored up", "mirrored left"],
)
def test_images_are_turned_as_the_file_says(box, turned):
    """In a still HEIC, as other programs show it."""
    stored = read(heic("plain")).pixels
    assert np.array_equal(read(with_property(heic("plain"), box)).pixels, turned(stored))


@pi_heif
def test_exif_orientation_is_not_applied_once_more():
    """A phone writes both; the one in EXIF tells only what the other has done."""
    data = heic("phone")
    image = read(data)
    assert image.size == (64, 128)
    assert exif.orientation(image.meta.exif) == 1
    assert b"Maker" in image.meta.exif
    assert b"hi" in image.meta.xmp
    assert b"Orientation>6" not in image.meta.xmp
    turned = read(with_property(data, IROT + b"\3"))
    assert np.array_equal(turned.pixels, np.rot90(image.pixels, 3))
    assert exif.orientation(turned.meta.exif) == 1


@pi_heif
@pytest.mark.parametrize("told", [(9, 16), (12, 13), (9, 18)], ids=["PQ", "P3", "HLG"])
def test_colour_told_by_numbers_is_kept_as_such(told):
    image = read(with_property(heic("plain"), nclx(*told)))
    assert image.meta.cicp == (*told, 0, 1)
    assert read(with_property(heic("plain"), nclx(1, 13))).meta.cicp is None


@pi_heif
def test_what_is_left_out_is_named():
    assert left_out(read(heic("phone")).meta, "PNG") == ("the source's thumbnail: left out",)
    assert left_out(read(heic("two")).meta, "PNG") == ("the source's other image: left out",)
    assert left_out(read(heic("plain")).meta, "PNG") == ()


@pi_heif
@pytest.mark.parametrize("size", [b"\0\0\0\x20", b"\0\0\0\0"], ids=["told", "to the end"])
def test_a_film_behind_the_image_is_named(size):
    """Phones put it into a box of its own."""
    image = read(heic("plain") + size + b"mpvd" + bytes(24))
    assert left_out(image.meta, "PNG") == ("the source's film of a motion photo: left out",)


def test_a_sequence_is_named():
    from convcli.image.heif.read import _around

    def box(name, content):
        return (8 + len(content)).to_bytes(4, "big") + name + content

    track = box(b"stsz", bytes(8) + b"\0\0\0\5")
    for name in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        track = box(name, track)
    assert [block.words for block in _around(heic("plain") + track)] == ["image sequence"]


def test_depths_and_gain_maps_have_names():
    from convcli.image.heif.read import _beside

    one = SimpleNamespace(
        info={
            "depth_images": [object()],
            "aux": {"urn:com:apple:photo:2020:aux:hdrgainmap": [7], "urn:x:odd": [8],
                    "urn:com:apple:photo:2018:aux:portraiteffectsmatte": [9]},
            "metadata": [{"type": "Exif"}, {"type": "uri "},
                         {"type": "mime", "content_type": "application/rdf+xml"}],
        }
    )  # fmt: skip

    words = [block.words for block in _beside(one)]
    assert words == ["depth image", "HDR gain map", "auxiliary image", "matte",
                     "metadata of type uri "]  # fmt: skip


@pi_heif
def test_a_folder_is_filtered_where_it_is_installed(here):
    (here / "in").mkdir()
    for k, name in enumerate(NAMES):
        (here / "in" / f"{k}.HEIC").write_bytes(heic(name))
    said = call("apply", "sharpen", "in", "-o", "out", "--format", "jpg", "--alpha", "drop",
                "--depth", "8")  # fmt: skip
    assert said.status == 0, said.err
    assert said.lines[-1].startswith(f"{len(NAMES)} done in")
    said = call("apply", "sharpen", "in", "-o", "again")
    assert said.status == 1
    assert f"0 done, {len(NAMES)} failed" in said.lines[-1]
    assert "use --format jpg" in said.lines[0]
    assert len(said.lines) == len(NAMES) + 1


@pi_heif
@pytest.mark.parametrize("cut", [60, 400, 700])
def test_damage_is_one_clear_line(here, cut):
    (here / "a.heic").write_bytes(heic("plain")[:cut])
    said = call("apply", "box", "a.heic", "-o", "b.png")
    assert (said.status, len(said.lines)) == (1, 1)
    assert "a.heic: the HEIF file is damaged" in said.err


@pi_heif
@pytest.mark.parametrize(
    ("was", "now"),
    [
        (b"Exif\0\0\0\0", b"Exi\xfd\0\0\0\0"),
        (b"rdf+xml\0", b"rdf+xml\xa4"),
        (b"mime\0", b"mime\xff"),
    ],
    ids=["type", "end of a type of content", "name"],
)
def test_words_that_are_no_text_crash_nothing(was, now):
    """Of these pi-heif 1.4 crashes."""
    data = heic("phone")
    assert was in data
    with pytest.raises(ImageError, match="a word in it is not text"):
        read(data.replace(was, now, 1))


@pi_heif
@pytest.mark.exhaustive
def test_mutated_files_are_read_or_refused(rng):
    for k in range(500):
        data = bytearray(heic(NAMES[k % len(NAMES)]))
        for at in rng.integers(12, min(len(data), 1500), 4):
            data[at] = rng.integers(256)
        with suppress(ImageError):
            assert min(read(bytes(data)).size) > 0


@pi_heif
def test_too_many_pixels_are_refused_before_they_are_decoded():
    with pytest.raises(ImageError, match="the limit is 100"):
        read(heic("plain"), max_pixels=100)
