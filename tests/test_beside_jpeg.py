"""JPEG: every segment, and what follows the image, is carried, made true, or named."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from made_beside import (
    XMP_MARK,
    coded,
    iptc,
    packet,
    program,
    ramp,
    resource,
    said,
    segments_of,
    with_segments,
)

import convcli
from convcli import Image, Meta, Spec
from convcli.image.beside import photograph, photoshop, xmp
from convcli.image.beside.block import CHANNELS, DEPTH, Block
from convcli.image.beside.changes import Change, changed
from convcli.image.beside.statements import turned
from convcli.image.files import encode, read
from convcli.image.formats import left_out
from convcli.image.jpeg import application, extended
from convcli.image.orientation import turn

CAMERA = {b"GCamera": b"http://ns.google.com/photos/1.0/camera/"}
GAIN = {b"hdrgm": b"http://ns.adobe.com/hdr-gain-map/1.0/"}
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(500)
TIFF, EXIF = {b"tiff": xmp.TIFF}, {b"exif": xmp.EXIF}


def filtered(file, format="JPEG", **spec):
    """Return a filtered file, and all that is said of it."""
    result = convcli.apply(read(file), "box3", Spec(**spec))
    notes = result.meta.notes + left_out(result.meta, format, result.channels)
    return encode(result, format), " / ".join(notes)


def test_what_press_photographs_say_stays():
    words = iptc(caption="Harvest in the valley", author="A. Writer")
    flag = resource(1034, b"\1")
    file = with_segments((0xED, b"Photoshop 3.0\0" + resource(1028, words) + flag))
    result, notes = filtered(file, padding="valid")
    found = [content for marker, content in segments_of(result) if marker == 0xED]
    assert found == [b"Photoshop 3.0\0" + resource(1028, words) + flag]
    assert notes == ""


def test_thumbnails_paths_and_copies_in_resources():
    parts = (resource(1036, b"\xff\xd8"), resource(2000, b"path"), resource(1060, b"<x/>"))
    file = with_segments((0xED, b"Photoshop 3.0\0" + b"".join(parts)))
    result, notes = filtered(file)
    assert b"path" in result
    assert notes == "the source's Photoshop thumbnail: left out"
    result, notes = filtered(file, stride=2)
    assert b"path" not in result
    assert "Photoshop paths, guides and slices left out" in notes


def test_resources_go_over_several_segments():
    words = iptc(caption="x" * 30000) * 3
    file = encode(
        Image(ramp(), meta=Meta(beside=(photoshop.taken_apart(resource(1028, words))[0],))), "JPEG"
    )
    assert len([1 for marker, _ in segments_of(file) if marker == 0xED]) == 2
    assert read(file).meta.beside[0].content == words


@pytest.mark.parametrize(
    ("marker", "content", "words"),
    [
        (0xE0, b"JFXX\0\x10" + bytes(50), "JFXX thumbnail"),
        (0xE1, b"FLIR\0" + bytes(50), "thermal image (FLIR)"),
        (0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0", "gain map"),
        (0xE2, b"FPXR\0" + bytes(50), "FlashPix data"),
        (0xEB, b"JP\0\1\0\0\0\1\0\0\0\x20jumb\0\0\0\x18jumdc2pa", "content credential (C2PA)"),
        (0xEB, b"JP\0\1\0\0\0\1\0\0\0\x20jumb\0\0\0\x18jumdother", "JUMBF data"),
    ],
)
def test_what_holds_other_images_or_signs_this_one_is_named(marker, content, words):
    result, notes = filtered(with_segments((marker, content)))
    assert content not in result
    assert notes == f"the source's {words}: left out"


@pytest.mark.parametrize("marker", [0xE3, 0xE4, 0xE7, 0xEC, 0xEF])
def test_other_segments_stay_while_nothing_they_may_tell_of_changes(marker):
    name = f"APP{marker - 0xE0} segment Maker"
    file = with_segments((marker, b"Maker\0more"))
    result, notes = filtered(file)
    assert (marker, b"Maker\0more") in segments_of(result)
    assert notes == ""
    result, notes = filtered(file, padding="valid")
    assert b"Maker" not in result
    assert notes == f"{name} left out: not true of the result, whose size and place differ"
    assert filtered(file, "PNG")[1] == f"PNG can't hold the source's {name}: left out"


def test_a_thumbnail_in_the_first_segment_is_named():
    file = coded(quality=90)
    jfif = b"JFIF\0\1\1\0\0\1\0\1" + bytes((2, 1)) + bytes(6)
    at = 4 + struct.unpack_from(">H", file, 4)[0]
    file = with_segments((0xE0, jfif), file=file[:2] + file[at:])
    assert filtered(file)[1] == "the source's JFIF thumbnail: left out"


@pytest.mark.parametrize(
    ("behind", "words"),
    [
        (FILM, "film of a motion photo"),
        (with_segments((0xE1, XMP_MARK + packet(b'hdrgm:Version="1.0"', GAIN))), "gain map"),
        (coded(quality=50), "image behind the image"),
        (b"other data", "10 bytes behind the image"),
        (bytes(100), ""),
    ],
)
def test_what_follows_the_image_is_named(behind, words):
    notes = filtered(with_segments(behind=behind))[1]
    assert notes == (f"the source's {words}: left out" if words else "")


def test_a_film_isn_t_promised_that_isn_t_there():
    said_so = packet(
        b'GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="5000" GCamera:BurstID="7"', CAMERA
    )
    result, notes = filtered(with_segments((0xE1, XMP_MARK + said_so), behind=FILM))
    assert b"MotionPhoto" not in result
    assert b"MicroVideo" not in result
    assert b'BurstID="7"' in result
    assert notes == "the source's film of a motion photo: left out"


def test_a_motion_photo_that_says_it_is_none_says_nothing():
    said_so = packet(b'GCamera:MotionPhoto="0"', CAMERA)
    assert filtered(with_segments((0xE1, XMP_MARK + said_so)))[1] == ""


def test_a_gain_map_isn_t_promised_in_any_format():
    inside = (
        b'<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item '
        b'Item:Semantic="GainMap" Item:Length="9"/></rdf:li></rdf:Seq></Container:Directory>'
    )
    spaces = GAIN | {
        b"Container": b"http://ns.google.com/photos/1.0/container/",
        b"Item": b"http://ns.google.com/photos/1.0/container/item/",
    }
    file = with_segments((0xE1, XMP_MARK + packet(b'hdrgm:Version="1.0"', spaces, inside)))
    for format in ("JPEG", "PNG", "WEBP", "TIFF"):
        result, notes = filtered(file, format)
        assert notes == "the source's gain map: left out"
        assert not any(word in result for word in (b"hdrgm", b"Container", b"GainMap"))


def test_sizes_are_the_result_s():
    both = packet(b'tiff:ImageWidth="64" exif:PixelXDimension="64"', TIFF | EXIF,
                  b"<tiff:ImageLength>48</tiff:ImageLength>")  # fmt: skip
    meta = read(filtered(with_segments((0xE1, XMP_MARK + both)), padding="valid", stride=2)[0]).meta
    assert xmp.value(meta.xmp, xmp.TIFF, b"ImageWidth") == b"31"
    assert xmp.value(meta.xmp, xmp.EXIF, b"PixelXDimension") == b"31"
    assert xmp.value(meta.xmp, xmp.TIFF, b"ImageLength") == b"23"


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_sizes_and_the_subject_are_the_result_s(order):
    block = exif_of(order, [(0xA002, 3, 64), (0xA003, 4, 48), (0x9214, 3, (20, 10, 6, 4))])
    result = filtered(with_segments((0xE1, b"Exif\0\0" + block)), padding="valid", stride=2)[0]
    exif = read(result).meta.exif
    fields = {each.tag: each for each in photograph._fields(exif)}
    assert photograph._number(exif, fields[0xA002]) == 31
    assert photograph._number(exif, fields[0xA003]) == 23
    (place,) = struct.unpack_from(order + "I", exif, fields[0x9214].at)
    assert struct.unpack_from(order + "4H", exif, place) == (10, 4, 3, 2)


def exif_of(order, fields):
    """Return EXIF with fields in its own directory: (tag, type, value or values)."""
    mark = b"MM\0*" if order == ">" else b"II*\0"
    first = struct.pack(order + "HHHIII", 1, 0x8769, 4, 1, 26, 0)
    entries, more = b"", b""
    behind = 26 + 2 + 12 * len(fields) + 4
    for tag, kind, value in fields:
        if isinstance(value, tuple):
            entries += struct.pack(order + "HHII", tag, kind, len(value), behind + len(more))
            more += struct.pack(f"{order}{len(value)}H", *value)
        else:
            code = "HH" if kind == 3 else "I"
            entries += struct.pack(order + "HHI", tag, kind, 1)
            entries += struct.pack(order + code, *([value, 0] if kind == 3 else [value]))
    head = mark + struct.pack(order + "I", 8) + first
    return head + struct.pack(order + "H", len(fields)) + entries + bytes(4) + more


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_subject_is_turned_along(orientation):
    pixels = np.zeros((5, 7), np.uint8)
    pixels[1, 4] = 9
    x, y = turned(4, 1, orientation, (5, 7))
    assert turn(pixels, orientation)[int(y), int(x)] == 9


@pytest.mark.parametrize(
    ("space", "inside", "words"),
    [
        (xmp.EXIF, b"<n:SubjectArea><rdf:Seq><rdf:li>9</rdf:li></rdf:Seq></n:SubjectArea>",
         "subject's place in XMP"),
        (b"http://ns.acdsee.com/regions/", b"<n:Regions><n:Face/></n:Regions>", "face regions"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("spec", "differ"),
    [
        ({"stride": 2}, "size and place differ"),
        ({"padding": "valid"}, "size and place differ"),
        ({"gray": True}, ""),
    ],
)
def test_places_in_xmp_are_true(space, inside, words, spec, differ):
    result, said_so = filtered(
        with_segments((0xE1, XMP_MARK + packet(b'n:Other="1"', {b"n": space}, inside))), **spec
    )
    said = f"{words} left out: not true of the result, whose {differ}"
    assert said_so == (said if differ else "")
    assert (inside in result) == (not differ)


def test_what_differs_alone_differs():
    block = Block("x", "x", b"", frozenset({DEPTH, CHANNELS}))
    for change, words in (
        (Change(depths=("uint8", "uint16")), "sample type differs"),
        (Change(channels=("RGB", "L")), "channels differ"),
    ):
        assert changed([block], change)[1][0].endswith(f"whose {words}")


def test_no_image_of_before_stays_in_exif_or_another_segment():
    image = coded(pixels=ramp()[::2, ::2])
    notes = b"Maker\0notes" + image + b"go on"
    place = 26 + 2 + 12 + 4
    head = struct.pack("<4sIHHHIII", b"II*\0", 8, 1, 0x8769, 4, 1, 26, 0)
    with_notes = head + struct.pack("<HHHIII", 1, 0x927C, 7, len(notes), place, 0) + notes
    result, said_so = filtered(with_segments((0xE1, b"Exif\0\0" + with_notes)))
    assert said_so == "the source's preview in EXIF: left out"
    assert b"Maker\0notes" + bytes(len(image)) + b"go on" in result
    result, said_so = filtered(with_segments((0xE4, b"Phone\0" + image)))
    assert said_so == "the source's preview in APP4 segment Phone: left out"
    assert b"Phone" not in result
    # What only begins like one stays.
    for content in (b"Phone\0\xff\xd8\xff\xe0", b"Phone\0\xff\xd8\xff\xe0\0\2\xff\xd9"):
        result, said_so = filtered(with_segments((0xE4, content)))
        assert (said_so, content in result) == ("", True)


def test_a_thumbnail_that_is_no_jpeg_file_is_gone():
    samples = bytes(range(1, 193))
    fields = ((0x100, 8), (0x101, 8), (0x103, 1), (0x111, 92), (0x117, len(samples)))
    second = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields)
    first = struct.pack("<4sIHHHI6sI", b"II*\0", 8, 1, 0x10F, 2, 4, b"abc\0\0\0", 26)[:26]
    exif = first[:22] + struct.pack("<I", 26) + struct.pack("<H", 5) + second + bytes(4) + samples
    assert exif.index(samples) == 92
    result, said_so = filtered(with_segments((0xE1, b"Exif\0\0" + exif)))
    assert said_so == "the source's EXIF thumbnail: left out"
    assert (samples in result, b"abc\0" in result) == (False, True)


def test_face_regions_and_panoramas():
    regions = {b"mwg-rs": b"http://www.metadataworkinggroup.com/schemas/regions/"}
    pano = {b"GPano": b"http://ns.google.com/photos/1.0/panorama/"}
    both = packet(
        b'GPano:FullPanoWidthPixels="1000" GPano:CroppedAreaLeftPixels="100" '
        b'GPano:CroppedAreaImageWidthPixels="64"',
        regions | pano,
        b'<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList/></mwg-rs:Regions>',
    )
    file = with_segments((0xE1, XMP_MARK + both))
    assert b"RegionList" in filtered(file)[0]
    result, notes = filtered(file, padding="valid")
    assert b"RegionList" not in result
    assert notes == "face regions left out: not true of the result, whose size and place differ"
    space = pano[b"GPano"]
    assert xmp.value(read(result).meta.xmp, space, b"CroppedAreaLeftPixels") == b"101"
    assert xmp.value(read(result).meta.xmp, space, b"CroppedAreaImageWidthPixels") == b"62"
    assert xmp.value(read(result).meta.xmp, space, b"FullPanoWidthPixels") == b"1000"


@pytest.mark.parametrize("size", [1000, 65400, 65536, 200_000])
def test_xmp_of_any_size_is_written_and_read(size):
    rest = b"<rdf:Description rdf:about='' xmlns:e='urn:e' e:x='%s'/>" % (b"ab" * (size // 2))
    small = b"<rdf:Description rdf:about='' xmlns:f='urn:f' f:Rating='4'/>"
    whole = packet(b"", {}).replace(b"</rdf:RDF>", small + rest + b"</rdf:RDF>")
    file = encode(Image(ramp(), meta=Meta(xmp=whole)), "JPEG")
    again = read(file).meta.xmp
    assert b"Rating='4'" in again
    assert b"ab" * (size // 2) in again
    assert b"HasExtendedXMP" not in again


def test_xmp_of_one_piece_that_no_segment_holds():
    whole = packet(b'e:x="%s"' % (b"a" * 70_000), {b"e": b"urn:e"})
    file = encode(Image(ramp(), meta=Meta(xmp=whole)), "JPEG")
    assert b"a" * 70_000 in read(file).meta.xmp
    assert max(len(content) for _, content in segments_of(file)) <= 65533


def test_a_piece_of_xmp_that_is_missing_is_named():
    whole = packet(b'e:x="%s"' % (b"a" * 150_000), {b"e": b"urn:e"})
    file = encode(Image(ramp(), meta=Meta(xmp=whole)), "JPEG")
    kept = [each for each in segments_of(file) if not each[1].startswith(application.MORE_XMP_MARK)]
    damaged = with_segments(*(each for each in kept if each[0] == 0xE1))
    assert "extended XMP, which is damaged" in filtered(damaged)[1]


def test_exif_of_any_size_is_written_and_read():
    block = exif_of("<", [(0xA002, 4, 64)]) + bytes(range(256)) * 400
    file = encode(Image(ramp(), meta=Meta(exif=block)), "JPEG")
    assert read(file).meta.exif == block
    assert extended.split(packet(b"", {}), 65000)[0]


def test_progressive_files_stay_so_and_others_don_t_become_it():
    for options in (
        {"quality": 75},
        {"quality": 92, "subsampling": 0},
        {"qtables": [[9] * 64] * 2},
    ):
        for progressive in (False, True):
            for pixels in (ramp(), ramp()[..., 0]):
                file = coded(pixels=pixels, progressive=progressive, **options)
                image = read(file)
                assert image.meta.progressive is progressive
                again = read(filtered(file)[0]).meta
                assert again.progressive is progressive
                assert again.quantization == image.meta.quantization
                assert again.subsampling == image.meta.subsampling


def test_progressive_ink_is_the_same_ink(rng):
    pixels = np.repeat(np.repeat(rng.integers(0, 256, (6, 8, 4), dtype=np.uint8), 8, 0), 8, 1)
    meta = Meta(format="JPEG", progressive=True)
    again = read(encode(Image(pixels, "CMYK", meta), "JPEG"))
    assert again.meta.progressive
    assert np.abs(again.pixels.astype(int) - pixels).mean() < 2


@pytest.mark.parametrize("order", [("-progressive",), ("-restart", "1"), ("-arithmetic",)])
def test_ways_of_coding(order, tmp_path):
    source = tmp_path / "a.jpg"
    source.write_bytes(coded(quality=90))
    out = tmp_path / "b.jpg"
    said("jpegtran", *order, "-outfile", out, file=source)
    if not out.exists():
        pytest.skip("jpegtran can't code so")
    result, notes = filtered(out.read_bytes())
    assert read(result).meta.progressive is (order == ("-progressive",))
    assert notes == ""


def test_exiftool_finds_all_of_it(tmp_path):
    program("exiftool")
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    source.write_bytes(coded(quality=90))
    said(
        "exiftool", "-q", "-overwrite_original", "-Make=Maker", "-ExifImageWidth=64",
        "-IPTC:Caption-Abstract=Harvest", "-XMP:Rating=4", "-Comment=words",
        "-GPSLatitude=48", "-Photoshop:CopyrightFlag=True", file=source,
    )  # fmt: skip
    names = ["-s3", "-Make", "-Caption-Abstract", "-Rating", "-Comment", "-CopyrightFlag"]
    before = said("exiftool", *names, file=source)
    target.write_bytes(filtered(source.read_bytes(), padding="valid")[0])
    assert said("exiftool", *names, file=target) == before
    assert before.split() == ["Maker", "Harvest", "4", "words", "True"]
    assert said("exiftool", "-s3", "-ExifImageWidth", file=target) == "62\n"
    checked = ["-validate", "-warning"]
    assert said("exiftool", *checked, file=target) == said("exiftool", *checked, file=source)


def test_exiftool_finds_xmp_of_many_segments(tmp_path):
    file = tmp_path / "a.jpg"
    inside = b"<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>%s</rdf:li></rdf:Alt>" % (
        b"a" * 100_000
    )
    spaces = {b"dc": b"http://purl.org/dc/elements/1.1/"}
    whole = packet(b"", spaces, inside + b"</dc:description>")
    file.write_bytes(encode(Image(ramp(), meta=Meta(xmp=whole)), "JPEG"))
    program("exiftool")
    assert len(said("exiftool", "-b", "-Description", file=file)) == 100_000
