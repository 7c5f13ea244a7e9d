"""Descriptions of stacks are made true of results; images are seen that no directory tells of."""

from __future__ import annotations

import json
import struct
from time import perf_counter

import numpy as np
import pytest
import tifffile
from command import call

import convcli
from convcli.image.files import open, read
from convcli.image.frames import Frames
from convcli.image.image import Image
from convcli.image.tiff import geo, ome, stacks
from convcli.image.tiff.fields import words as text_field

ROWS, COLS = 30, 40


@pytest.fixture
def planes(rng):
    return rng.integers(0, 256, (24, ROWS, COLS), dtype=np.uint8)


@pytest.fixture
def colours(rng):
    return rng.integers(0, 256, (3, ROWS, COLS, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def no_warnings(caplog):
    """What tifffile warns of in a result is a mistake of ours."""
    yield
    said = [record.getMessage() for record in caplog.records if record.name == "tifffile"]
    assert [line for line in said if "STK" not in line and "33628" not in line] == []


def write(path, kind, planes, colours):
    """Write a stack as some program does."""
    hyper = planes.reshape(2, 3, 4, ROWS, COLS)
    match kind:
        case "tifffile":
            tifffile.imwrite(
                path, planes.reshape(4, 6, ROWS, COLS), metadata={"axes": "TZYX", "note": "mine"}
            )
        case "truncated":
            tifffile.imwrite(path, planes, truncate=True)
        case "planar":
            tifffile.imwrite(
                path, planes[:4], photometric="rgb", planarconfig="separate", extrasamples=[0]
            )
        case "colours":
            tifffile.imwrite(path, colours, photometric="rgb")
        case "ImageJ":
            told = {"axes": "TZCYX", "unit": "um", "spacing": 2.0, "mode": "composite"}
            labels = {"Labels": [f"s{k}" for k in range(24)], "Info": "Zürich"}
            tifffile.imwrite(path, hyper, imagej=True, resolution=(4, 4), metadata=told | labels)
        case "ImageJ, one directory":
            tifffile.imwrite(path, planes, imagej=True, truncate=True, byteorder="<")
        case "ImageJ colours":
            tifffile.imwrite(path, colours, imagej=True, metadata={"axes": "ZYXS", "unit": "mm"})
        case "OME":
            told = {"axes": "TZCYX", "Channel": {"Name": list("abcd")}, "PhysicalSizeX": 0.25}
            tifffile.imwrite(path, hyper, ome=True, metadata=told)
        case "OME colours":
            tifffile.imwrite(path, colours, ome=True, photometric="rgb", metadata={"axes": "ZYXS"})


KINDS = (
    *("tifffile", "truncated", "planar", "colours", "ImageJ", "ImageJ, one directory"),
    *("ImageJ colours", "OME", "OME colours"),
)
CHANGES = {
    "nothing": ([], lambda shape: shape),
    "frame": (["--frame", "0"], lambda shape: shape[-3:] if shape[-1] in (3, 4) else shape[-2:]),
    "valid": (["--padding", "valid"], lambda shape: _plane(shape, ROWS - 2, COLS - 2)),
    "stride": (["--stride", "2"], lambda shape: _plane(shape, ROWS // 2, COLS // 2)),
}


def _plane(shape, rows, cols):
    k = len(shape) - (3 if shape[-1] in (3, 4) and shape[-2] == COLS else 2)
    return (*shape[:k], rows, cols, *shape[k + 2 :])


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", KINDS)
def test_results_are_read_as_what_they_are(kind, change, planes, colours, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    write(source, kind, planes, colours)
    options, shape_of = CHANGES[change]
    shape = tifffile.imread(source).shape
    if kind == "planar":
        # Channels stand beside each other in results.
        shape = (*shape[1:], shape[0])
    said = call("apply", "gaussian3", source, "-o", out, *options)
    assert said.status == 0
    assert "left out" not in said.err.replace("is left out: every", "")
    assert tifffile.imread(out).shape == shape_of(shape)


@pytest.mark.parametrize("kind", ["colours", "ImageJ colours", "OME colours"])
def test_gray_results_of_colours_are_read_as_gray(kind, planes, colours, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    write(source, kind, planes, colours)
    assert call("apply", "gaussian3", source, "-o", out, "--gray").status == 0
    assert tifffile.imread(out).shape == (3, ROWS, COLS)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_written_that_was_not_changed(kind, planes, colours, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    write(source, kind, planes, colours)
    assert call("apply", "identity", source, "-o", out).status == 0
    expected = tifffile.imread(source)
    if kind == "planar":
        expected = np.moveaxis(expected, 0, -1)
    assert np.array_equal(tifffile.imread(out), expected)
    assert call("apply", "identity", out, "-o", source, "--overwrite").status == 0
    assert out.read_bytes() == source.read_bytes()


def test_one_image_of_an_imagej_stack_keeps_what_is_said_of_it(planes, colours, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    write(source, "ImageJ", planes, colours)
    for number in (0, 5):
        call("apply", "gaussian3", source, "-o", out, "--frame", number, "--overwrite")
        with tifffile.TiffFile(out) as file:
            told = file.imagej_metadata
            assert (told["unit"], told["spacing"], told["Info"]) == ("um", 2.0, "Zürich")
            assert told["Labels"] == f"s{number}"
            assert not {"images", "channels", "slices", "frames", "mode"} & told.keys()
            assert file.pages[0].tags.valueof(282) == (4, 1)


def test_calibration_follows_the_stride(planes, colours, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    write(source, "ImageJ", planes, colours)
    call("apply", "gaussian3", source, "-o", out, "--stride", "4,2")
    with tifffile.TiffFile(out) as file:
        assert file.pages[0].get_resolution() == (2.0, 1.0)
    write(source, "OME", planes, colours)
    call("apply", "gaussian3", source, "-o", out, "--stride", "4,2", "--overwrite")
    with tifffile.TiffFile(out) as file:
        assert 'PhysicalSizeX="0.5"' in file.ome_metadata


def test_origins_follow_the_samples(tmp_path):
    text = "ImageJ=1.53t\nunit=mm\nxorigin=10.5\nyorigin=-3\n"
    out = tmp_path / "b.tif"
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((ROWS, COLS), np.uint8), description=text, metadata=None
    )
    call("apply", "box3", tmp_path / "a.tif", "-o", out, "--padding", "valid", "--stride", "2")
    with tifffile.TiffFile(out) as file:
        assert file.pages[0].description == "ImageJ=1.53t\nunit=mm\nxorigin=4.75\nyorigin=-2"


@pytest.mark.parametrize("order", ["<", ">"])
def test_display_and_regions_are_left_out_where_they_are_untrue(order, planes, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    told = {"axes": "ZYX", "min": 3.0, "max": 200.0, "Ranges": (3.0, 200.0), "Overlays": b"Iout"}
    tifffile.imwrite(source, planes, imagej=True, byteorder=order, metadata=told)
    assert "left out" not in call("apply", "box3", source, "-o", out).err
    with tifffile.TiffFile(out) as file:
        found = file.imagej_metadata
        assert (found["min"], found["max"], found["Ranges"]) == (3.0, 200.0, (3.0, 200.0))
        assert found["Overlays"] == b"Iout"
        assert file.byteorder == order
    said = call("apply", "box3", source, "-o", out, "--padding", "valid", "--overwrite")
    assert "ImageJ overlay left out" in said.err
    with tifffile.TiffFile(out) as file:
        assert "Overlays" not in file.imagej_metadata
    said = call(
        "apply", "box3", source, "-o", tmp_path / "c.tif", "--depth", "float", "--frame", "1"
    )
    assert "ImageJ display range" in said.err
    with tifffile.TiffFile(tmp_path / "c.tif") as file:
        assert not {"min", "max", "Ranges"} & file.imagej_metadata.keys()


def test_a_plane_of_an_ome_stack_keeps_its_channel(planes, colours, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    write(source, "OME", planes, colours)
    call("apply", "gaussian3", source, "-o", out, "--frame", "6")
    with tifffile.TiffFile(out) as file:
        assert file.ome_metadata.count("<Channel") == 1
        assert 'Name="c"' in file.ome_metadata
        assert 'SizeT="1"' in file.ome_metadata


def several(path, planes, rng):
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(planes[:6].reshape(2, 3, ROWS, COLS), metadata={"axes": "TCYX", "Name": "one"})
        file.write(rng.integers(0, 9, (20, 20), dtype=np.uint16), metadata={"Name": "two"})


def test_several_images_of_ome_xml_are_told_apart(planes, rng, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    several(source, planes, rng)
    assert call("apply", "gaussian3", source, "-o", out).status == 0
    with tifffile.TiffFile(out) as file:
        assert [series.shape for series in file.series] == [(2, 3, ROWS, COLS), (20, 20)]
        assert [series.name for series in file.series] == ["one", "two"]
    call("apply", "gaussian3", source, "-o", out, "--frame", "6", "--overwrite")
    with tifffile.TiffFile(out) as file:
        assert [series.name for series in file.series] == ["two"]
        assert file.asarray().shape == (20, 20)
    said = call("apply", "gaussian3", source, "-o", out, "--padding", "valid", "--overwrite")
    assert "OME-XML left out: not true of the result, whose size" in said.err
    with tifffile.TiffFile(out) as file:
        assert not file.is_ome


def test_other_files_of_an_ome_set_are_named(planes, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    tifffile.imwrite(source, planes[:2], ome=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(source) as file:
        text = file.ome_metadata
    names = ("x.tif", "a.tif")
    others = (f'<TiffData><UUID FileName="{name}">1</UUID></TiffData>' for name in names)
    text = text.replace("<TiffData", f"{''.join(others)}<TiffData", 1)
    tifffile.imwrite(source, planes[:2], description=text, metadata=None)
    assert "its OME-XML tells of another file" in call("apply", "box3", source, "-o", out).err
    with tifffile.TiffFile(out) as file:
        assert "UUID FileName" not in file.ome_metadata


def test_a_pointer_to_ome_xml_elsewhere_is_named(planes, tmp_path):
    text = '<OME xmlns="x"><BinaryOnly MetadataFile="a.companion.ome" UUID="1"/></OME>'
    tifffile.imwrite(tmp_path / "a.tif", planes[0], description=text, metadata=None)
    said = call("apply", "box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    assert "OME-XML in another file: left out" in said.err


def test_series_of_tifffile_keep_their_shapes(planes, rng, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    with tifffile.TiffWriter(source) as file:
        file.write(planes[:5])
        file.write(rng.integers(0, 9, (2, 20, 20), dtype=np.uint8))
    for options, shapes in (
        ([], [(5, ROWS, COLS), (2, 20, 20)]),
        (["--padding", "valid"], [(5, ROWS - 2, COLS - 2), (2, 18, 18)]),
        (["--frame", "6"], [(20, 20)]),
    ):
        assert call("apply", "box3", source, "-o", out, "--overwrite", *options).status == 0
        with tifffile.TiffFile(out) as file:
            assert [series.shape for series in file.series] == shapes


def test_other_formats_name_what_a_description_says_beyond_shape(planes, colours, tmp_path):
    for kind, words in (
        ("truncated", ""),
        ("tifffile", "tifffile metadata"),
        ("ImageJ", "ImageJ calibration, ImageJ info, ImageJ labels"),
        ("OME", "OME-XML"),
    ):
        write(tmp_path / "a.tif", kind, planes, colours)
        said = call(
            "apply",
            "box3",
            tmp_path / "a.tif",
            "-o",
            tmp_path / "b.png",
            "--frame",
            "0",
            "--overwrite",
        )
        left = [line for line in said.lines if "left out" in line]
        assert [words in line for line in left] == ([True] if words else [])
        assert b'"shape"' not in (tmp_path / "b.png").read_bytes()


def stk(planes):
    """Return a MetaMorph stack: planes behind one directory, whose tag counts them."""
    body, count = planes.tobytes(), len(planes)
    tags = {
        **{256: (4, (COLS,)), 257: (4, (ROWS,)), 258: (3, (8,)), 259: (3, (1,)), 262: (3, (1,))},
        **{273: (4, (8,)), 277: (3, (1,)), 278: (4, (ROWS,)), 279: (4, (ROWS * COLS,))},
        33629: (5, (1, 1, 2451545, 0, 2451545, 0) * count),
    }
    at = 8 + len(body)
    beyond, more = at + 2 + 12 * len(tags) + 4, b""
    entries = b""
    for tag, (kind, values) in sorted(tags.items()):
        value = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(value) > 4:
            value, more = struct.pack("<I", beyond + len(more)), more + value
        entries += struct.pack("<HHI", tag, kind, count if kind == 5 else 1) + value.ljust(4, b"\0")
    return (
        b"II*\0"
        + struct.pack("<I", at)
        + body
        + struct.pack("<H", len(tags))
        + entries
        + bytes(4)
        + more
    )


def test_all_planes_of_a_metamorph_stack_are_seen(planes, tmp_path):
    (tmp_path / "a.tif").write_bytes(stk(planes[:5]))
    found = open(tmp_path / "a.tif")
    assert len(found) == 5
    assert all(
        np.array_equal(image.pixels, plane) for image, plane in zip(found, planes, strict=False)
    )
    said = call("apply", "box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    assert "5 frames" in said.err
    assert "MetaMorph description: left out" in said.err
    assert tifffile.imread(tmp_path / "b.tif").shape == (5, ROWS, COLS)


def lsm(path, planes):
    info = np.zeros(1, np.dtype(tifffile.TIFF.CZ_LSMINFO))
    info["MagicNumber"], info["StructureSize"] = 67127628, info.dtype.itemsize
    info["DimensionX"], info["DimensionY"], info["DimensionZ"] = COLS, ROWS, len(planes)
    info["DimensionChannels"], info["DimensionTime"] = 1, 1
    info["ThumbnailX"], info["ThumbnailY"] = COLS // 4, ROWS // 4
    with tifffile.TiffWriter(path) as file:
        for k, plane in enumerate(planes):
            more = [(34412, 1, info.nbytes, info.tobytes(), True)] if k == 0 else []
            file.write(plane, metadata=None, subfiletype=0, extratags=more, compression="lzw")
            file.write(plane[::4, ::4].copy(), metadata=None, subfiletype=1)


def test_thumbnails_between_the_planes_of_an_lsm_file_are_left_out(planes, tmp_path):
    lsm(tmp_path / "a.lsm", planes[:4])
    said = call("apply", "identity", tmp_path / "a.lsm", "-o", tmp_path / "b.tif")
    assert "4 pages that are reduced versions or masks of others were left out" in said.err
    assert "LSM description: left out" in said.err
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), planes[:4])


@pytest.mark.parametrize("kind", ["ImageJ, one directory", "truncated"])
def test_planes_behind_one_directory_are_frames_and_volumes(kind, planes, colours, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    write(source, kind, planes, colours)
    found = open(source)
    assert len(found) == len(planes)
    assert np.array_equal(found[7].pixels, planes[7])
    assert read(source).meta.frames == len(planes)
    assert call("apply", "identity", source, "-o", out, "--frame", "23").status == 0
    assert np.array_equal(tifffile.imread(out), planes[23])
    said = call("apply", "identity", source, "-o", out, "--frame", "24", "--overwrite")
    assert "the file has 24 frames" in said.err
    said = call("apply", "box", source, "-o", out, "--volume", "--overwrite")
    assert "24 planes" in said.err
    assert tifffile.imread(out).shape == planes.shape
    looked = call("find", source, source)
    assert "looked at one of 24 frames" in looked.err + looked.out


def test_planes_that_are_not_there_are_said_to_be_missing(planes, tmp_path):
    text = "ImageJ=1.53t\nimages=9\nslices=9\n"
    tifffile.imwrite(tmp_path / "a.tif", planes[0], description=text, metadata=None)
    said = call("apply", "box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    assert "its description tells of 9 images, of which 1 image is there" in said.err
    assert tifffile.imread(tmp_path / "b.tif").shape == (ROWS, COLS)


def test_images_within_a_page_are_counted(planes, tmp_path):
    source = tmp_path / "a.tif"
    with tifffile.TiffWriter(source) as file:
        file.write(planes[0], subifds=2, metadata=None)
        file.write(planes[1], metadata=None)
        file.write(planes[2], metadata=None)
    said = call("apply", "box3", source, "-o", tmp_path / "b.tif")
    assert "2 images within a page (SubIFD) left out" in said.err
    with tifffile.TiffWriter(source) as file:
        file.write(planes[0], subifds=1, metadata=None)
        file.write(planes[0, ::2, ::2], subfiletype=1, metadata=None)
    said = call("apply", "box3", source, "-o", tmp_path / "b.tif", "--overwrite")
    assert "a reduced version of a page (thumbnail or pyramid) left out" in said.err


def camera(path, pages):
    """Write directories of a camera: (size, photometric, subfiletype, SubIFDs)."""
    with tifffile.TiffWriter(path) as file:
        for k, (size, meaning, kind, within) in enumerate(pages):
            shape = size if meaning == "cfa" else (*size, 3)
            more = [(271, "s", 0, "MAKER", True)] if k == 0 else []
            pixels = np.zeros(shape, np.uint8 if meaning == "rgb" else np.uint16)
            file.write(
                pixels,
                photometric=meaning,
                subfiletype=kind,
                subifds=within,
                metadata=None,
                extratags=more,
            )


RAW = {
    "nef": [((12, 16), "rgb", 1, 2), ((24, 32), "rgb", 1, 0), ((96, 128), "cfa", 0, 0)],
    "dng": [((12, 16), "rgb", 1, 1), ((96, 128), "linear_raw", 0, 0)],
    "pef": [((96, 128), "cfa", 0, 0), ((12, 16), "rgb", 1, 0)],
    "arw": [((12, 16), "rgb", 0, 1), ((96, 128), "cfa", 0, 0)],
}


@pytest.mark.parametrize("kind", RAW)
def test_a_camera_s_raw_file_is_refused_with_what_to_do(kind, tmp_path):
    source = tmp_path / f"a.{kind}"
    camera(source, RAW[kind])
    for command in (
        ("apply", "sharpen", source, "-o", tmp_path / "b.png"),
        ("apply", "sharpen", source, "-o", tmp_path / "b.png", "--frame", "0"),
        ("apply", "box", source, "-o", tmp_path / "b.tif", "--volume"),
        ("find", source, source),
        ("explain", "box3", source),
    ):
        said = call(*command)
        assert said.status in (1, 2), command
        assert "a camera raw file: develop it first" in said.err, command
        assert "darktable-cli" in said.err
    assert not (tmp_path / "b.png").exists()


def test_canon_s_raw_files_are_known_by_their_mark(tmp_path):
    camera(tmp_path / "a.tif", [((12, 16), "rgb", 0, 0)])
    data = bytearray((tmp_path / "a.tif").read_bytes())
    assert call("apply", "box3", tmp_path / "a.tif", "-o", tmp_path / "b.png").status == 0
    data += data[8:16]
    data[8:16] = b"CR\x02\0" + bytes(4)
    (tmp_path / "a.cr2").write_bytes(data)
    said = call("apply", "box3", tmp_path / "a.cr2", "-o", tmp_path / "c.png")
    assert "a camera raw file" in said.err


@pytest.mark.parametrize(
    ("given", "count", "found"),
    [([2, 3], 6, [2, 3]), ([2, 3], 1, [1, 1]), ([1, 6], 4, [1, 4]), ([2, 3], 4, None)],
)
def test_dimensions_of_another_number_of_images(given, count, found):
    assert stacks._dimensions(given, count) == found


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"shape": "x"}',
        '{"shape": [0]}',
        '{"shape": [-1, 5]}',
        "[" * 9999,
        '{"shape":' + "[" * 9999,
    ],
)
def test_descriptions_without_sense_are_anybody_s_words(text, tmp_path):
    pixels = np.zeros((ROWS, COLS), np.uint8)
    assert stacks.program_of(text) == ""
    extra = [(270, 2, 0, text, True)]
    tifffile.imwrite(tmp_path / "a.tif", pixels, metadata=None, extratags=extra)
    assert call("apply", "box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif").status == 0
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages[0].tags.valueof(270) == text


@pytest.mark.parametrize(
    "text",
    [
        "<OME></OME>",
        "<OME><Image></Image></OME>",
        '<OME><Image><Pixels SizeX="a" SizeZ="-1"/></Image></OME>',
        "<OME><Image><Pixels/></Image><Image><Pixels/></Image></OME>",
        "<OME" + "<Image>" * 999 + "</OME>",
    ],
)
def test_ome_xml_without_sense_is_carried(text):
    for alone, count in ((0, 1), (None, 7)):
        assert ome.made_true(text, (3, 4, 1), "uint8", count, alone).endswith("</OME>")


def test_frames_of_a_program_are_written_truly(planes, colours, tmp_path):
    source = tmp_path / "a.tif"
    write(source, "tifffile", planes, colours)
    held = list(open(source))
    convcli.write(tmp_path / "b.tif", Frames.of(held[3:9]))
    assert tifffile.imread(tmp_path / "b.tif").shape == (6, ROWS, COLS)
    convcli.write(tmp_path / "c.tif", held[4])
    with tifffile.TiffFile(tmp_path / "c.tif") as file:
        assert json.loads(file.pages[0].description)["note"] == "mine"
        assert file.asarray().shape == (ROWS, COLS)
    plain = Image(held[0].pixels)
    convcli.write(tmp_path / "d.tif", plain)
    with tifffile.TiffFile(tmp_path / "d.tif") as file:
        assert file.pages[0].description == ""


@pytest.mark.parametrize(
    "unit",
    ["<Image>", "<Image ", '<Image a="', "<Image><Pixels>", "<Image><Pixels><Channel>", "<UUID "],
)
def test_time_grows_with_a_text_and_not_faster(unit):
    """A text of 30,000 elements without an end would take minutes if each were looked for."""
    start = perf_counter()
    for tail in ("</OME>", "</Pixels></Image></OME>"):
        text = "<OME>" + unit * 30_000 + tail
        ome.unlike(text)
        ome.other_files(text)
        ome.made_true(text, (3, 4, 1), "uint8", 1, 0)
        geo.blocks({geo.GDAL: text_field(geo.GDAL, text.replace("Image", "Item"))}, turned=False)
    assert perf_counter() - start < 10
