"""All that TIFF files hold beside their pixels is carried, adapted to the result, or named."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess

import numpy as np
import pytest
import tifffile
from command import call
from PIL import Image as Pillow

from convcli.image.files import encode, open, read
from convcli.image.tiff import directories, geo
from convcli.image.tiff.fields import Field, numbers

SCALE, ORIGIN = (4.0, 2.0), (22.0, 240.0)
GDAL = (
    '<GDALMetadata>\n  <Item name="UNITS">metre</Item>\n'
    '  <Item name="STATISTICS_MAXIMUM" sample="0">9</Item>\n'
    '  <Item name="DESCRIPTION" sample="0" role="description">height</Item>\n</GDALMetadata>\n'
)


def program(name):
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")


def tags_of(path, page=0):
    with tifffile.TiffFile(path) as file:
        return {tag.code: tag.value for tag in file.pages[page].tags}


def iim(number, text):
    return b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text.encode()


IPTC = iim(120, "Harvest in the valley") + iim(80, "A. Writer")
ORDINARY = {
    269: (2, b"case 4711\0"),
    285: (2, b"sheet 1\0"),
    316: (2, b"ada\0"),
    32781: (2, b"id 7\0"),
    40091: (1, "Título\0".encode("utf-16-le")),
    18246: (3, (4,)),
    318: (5, (3127, 10000, 3290, 10000)),
    65000: (12, (1.5, -2.5)),
    65001: (9, (-7, 8, 9)),
    65002: (7, b"\1\2\3\4\5"),
    65003: (16, (2**40,)),
    40000: (8, (-3,)),
}


def with_tags(path, tags, pixels=None, **options):
    """Write an image with some tags: (type, values)."""
    pixels = np.arange(40 * 50, dtype=np.uint8).reshape(40, 50) if pixels is None else pixels
    extra = []
    for tag, (kind, values) in tags.items():
        fractions = 2 if kind in (5, 10) else 1
        extra.append((tag, kind, len(values) // fractions, values, True))
    tifffile.imwrite(path, pixels, metadata=None, extratags=extra, **options)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_tags_of_any_number_and_type_stay(order, big, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    with_tags(source, ORDINARY, byteorder=order, bigtiff=big)
    said = call("apply", "gaussian3", source, "-o", out)
    assert said.status == 0
    assert "left out" not in said.err
    before, after = tags_of(source), tags_of(out)
    assert {tag: after.get(tag) for tag in ORDINARY} == {tag: before[tag] for tag in ORDINARY}


def test_another_format_names_them_in_one_line(tmp_path):
    with_tags(tmp_path / "a.tif", ORDINARY)
    said = call("apply", "gaussian3", tmp_path / "a.tif", "-o", tmp_path / "b.png")
    (line,) = [line for line in said.lines if "left out" in line]
    assert "private tags 40000, 65000, 65001, 65002, 65003" in line
    for words in ("document name", "page name", "host computer", "image ID", "Windows title"):
        assert words in line
    assert line.endswith("left out")
    assert line.count("rating") == line.count("white point") == 1


def test_many_private_tags_are_counted(tmp_path):
    with_tags(tmp_path / "a.tif", {65100 + k: (3, (k,)) for k in range(20)})
    said = call("apply", "gaussian3", tmp_path / "a.tif", "-o", tmp_path / "b.png")
    assert "20 private tags from 65100 to 65119: left out" in said.err


@pytest.mark.parametrize(
    ("tags", "options", "words"),
    [
        pytest.param(
            {301: (3, tuple(range(256)))},
            ["--depth", "16"],
            "transfer function left out",
            marks=pytest.mark.exhaustive,
        ),
        ({340: (3, (3,)), 341: (3, (200,))}, [], "range of samples left out"),
        ({37724: (7, b"layers")}, [], "Photoshop layers left out"),
        pytest.param(
            {33445: (4, (2,))},
            ["--depth", "16"],
            "Molecular Dynamics scale left out",
            marks=pytest.mark.exhaustive,
        ),
        ({343: (1, b"path")}, ["--stride", "2"], "clipping path left out"),
        ({34412: (1, b"lsm?")}, [], "LSM description: left out"),
        ({50721: (10, (1, 1))}, [], "camera profile (DNG): left out"),
    ],
)
def test_what_is_not_true_of_the_result_is_left_out_and_named(tags, options, words, tmp_path):
    pixels = np.zeros((40, 50), np.uint8)
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    with_tags(source, tags, pixels)
    said = call("apply", "gaussian3", source, "-o", out, *options)
    assert words in said.err
    assert not tags.keys() & tags_of(out).keys()


def test_what_only_repeats_the_sample_type_is_not_named(tmp_path):
    source = tmp_path / "a.tif"
    with_tags(source, {280: (3, (0,)), 281: (3, (255,))}, np.zeros((40, 50), np.uint8))
    assert "left out" not in call("apply", "box", source, "-o", tmp_path / "b.tif").err


@pytest.mark.parametrize("order", ["<", ">"])
def test_iptc_and_photoshop_stay(order, tmp_path):
    resource = b"8BIM" + struct.pack(">H", 0x03F3) + b"\0\0" + struct.pack(">I", 4) + b"flag"
    within = b"8BIM" + struct.pack(">H", 0x0404) + b"\0\0" + struct.pack(">I", len(IPTC)) + IPTC
    padded = IPTC + bytes(-len(IPTC) % 4)
    for name, tags in {
        "both": {33723: (1, IPTC), 34377: (1, within + bytes(len(IPTC) % 2) + resource)},
        "alone": {33723: (7, IPTC)},
        "numbers": {33723: (4, struct.unpack(f"{order}{len(padded) // 4}I", padded))},
        "swapped": {33723: (4, struct.unpack(f"<{len(padded) // 4}I", padded))},
    }.items():
        source, out = tmp_path / f"{name}.tif", tmp_path / f"{name}-out.tif"
        with_tags(source, tags, byteorder=order)
        assert call("apply", "gaussian3", source, "-o", out).status == 0
        assert bytes(tags_of(out)[33723]).rstrip(b"\0") == IPTC.rstrip(b"\0"), name
        if name == "both":
            assert b"flag" in tags_of(out)[34377]
            assert IPTC in tags_of(out)[34377]


@program("exiftool")
def test_exiftool_reads_what_was_kept(tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    with_tags(source, {**ORDINARY, 33723: (1, IPTC)})
    assert call("apply", "gaussian3", source, "-o", out).status == 0
    asked = ("-DocumentName", "-PageName", "-HostComputer", "-XPTitle", "-Rating")
    asked = (*asked, "-IPTC:Caption-Abstract", "-IPTC:By-line", "-WhitePoint")
    found = [
        json.loads(subprocess.run(["exiftool", "-j", *asked, path], capture_output=True).stdout)[0]
        for path in (source, out)
    ]
    for each in found:
        each.pop("SourceFile")
    assert found[0] == found[1]
    assert found[1]["Caption-Abstract"] == "Harvest in the valley"
    assert len(found[1]) == len(asked)


@program("identify")
def test_imagemagick_reads_results_without_a_warning(tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    with_tags(source, {269: ORDINARY[269], 33723: (1, IPTC)})
    assert call("apply", "gaussian3", source, "-o", out).status == 0
    run = subprocess.run(["identify", "-verbose", out], capture_output=True, text=True)
    assert run.stderr == ""
    assert "case 4711" in run.stdout
    assert "Harvest in the valley" in run.stdout


def located(path, point=False, tie=(0.0, 0.0), how="scale", **options):
    """Write a raster whose samples are the coordinates of their own middles, x and y."""
    rows, cols = 41, 52
    half = 0.0 if point else 0.5
    x = ORIGIN[0] + (np.arange(cols) + half - tie[0]) * SCALE[0]
    y = ORIGIN[1] - (np.arange(rows) + half - tie[1]) * SCALE[1]
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 2 if point else 1, 3072, 0, 1, 32632)
    tags = {34735: (3, keys), 42112: (2, GDAL.encode() + b"\0")}
    if how == "scale":
        tags |= {33550: (12, (*SCALE, 0.0)), 33922: (12, (*tie, 0.0, *ORIGIN, 0.0))}
    else:
        left, top = ORIGIN[0] - tie[0] * SCALE[0], ORIGIN[1] + tie[1] * SCALE[1]
        tags[34264] = (
            12,
            (SCALE[0], 0.0, 0.0, left, 0.0, -SCALE[1], 0.0, top, *[0.0] * 7, 1.0),
        )
    pixels = np.stack(np.broadcast_arrays(x[None, :], y[:, None]), axis=-1).astype(np.uint8)
    with_tags(path, tags, pixels, photometric="minisblack", planarconfig="contig", **options)


def place_of(path, row, col):
    """Return where on earth the middle of a sample lies, by the tags alone."""
    tags = tags_of(path)
    keys = tags[34735]
    half = 0.0 if keys[keys.index(1025) + 3] == 2 else 0.5
    i, j = col + half, row + half
    if 34264 in tags:
        a = np.reshape(tags[34264], (4, 4))
        return tuple((a @ (i, j, 0, 1))[:2])
    tie, scale = tags[33922], tags[33550]
    return tie[3] + (i - tie[0]) * scale[0], tie[4] - (j - tie[1]) * scale[1]


CHANGES = (
    [],
    ["--stride", "2"],
    ["--stride", "2,3", "--padding", "valid"],
    ["--padding", "valid", "--dilation", "2"],
    ["--padding", "full", "--stride", "3"],
    ["--padding", "same-lower", "--stride", "4"],
)


@pytest.mark.parametrize("point", [False, True])
@pytest.mark.parametrize("how", ["scale", "matrix"])
@pytest.mark.parametrize("kernel", ["box3", "box:size=4"])
def test_a_raster_lies_where_its_samples_say(point, how, kernel, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    located(source, point, (3.0, 7.0), how, byteorder=">")
    for options in CHANGES:
        said = call("apply", kernel, source, "-o", out, "--overwrite", *options)
        assert said.status == 0
        samples = tifffile.imread(out)
        row, col = samples.shape[0] // 2, samples.shape[1] // 2
        # A kernel of 4 has no middle: its mean lies half a sample from where its anchor is.
        shift = 0.5 * np.array(SCALE) * (-1, 1) * (kernel != "box3")
        if "2" in options and "--dilation" in options:
            shift = 2 * shift
        assert np.allclose(place_of(out, row, col) + shift, samples[row, col]), options


@program("gdalinfo")
@pytest.mark.parametrize("point", [False, True])
@pytest.mark.parametrize("how", ["scale", "matrix"])
def test_gdal_places_results_where_their_samples_say(point, how, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    located(source, point, (0.0, 0.0), how)
    for options in CHANGES:
        assert call("apply", "box3", source, "-o", out, "--overwrite", *options).status == 0
        run = subprocess.run(["gdalinfo", "-json", out], capture_output=True, text=True)
        told = json.loads(run.stdout)
        x, dx, _, y, _, dy = told["geoTransform"]
        samples = tifffile.imread(out)
        row, col = samples.shape[0] // 2, samples.shape[1] // 2
        found = x + (col + 0.5) * dx, y + (row + 0.5) * dy
        assert np.allclose(found, samples[row, col]), options
        assert told["metadata"][""]["UNITS"] == "metre"
        assert told["bands"][0]["description"] == "height"
        assert "STATISTICS_MAXIMUM" not in run.stdout


def test_several_tie_points_and_polynomials_move_with_the_samples(tmp_path):
    ties = (
        0.0,
        0.0,
        0.0,
        7.0,
        50.0,
        0.0,
        40.0,
        0.0,
        0.0,
        8.0,
        50.0,
        0.0,
        0.0,
        30.0,
        0.0,
        7.0,
        49.0,
        0.0,
    )
    rpc = (1.0, 1.0, 20.0, 25.0, 48.0, 9.0, 100.0, 20.0, 25.0, *[0.5] * 83)
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    tags = {33922: (12, ties), 34735: (3, (1, 1, 0, 0)), 50844: (12, rpc)}
    with_tags(source, tags, np.zeros((40, 50), np.uint8))
    assert (
        call("apply", "box3", source, "-o", out, "--stride", "2", "--padding", "valid").status == 0
    )
    found = tags_of(out)
    # The first sample's middle is that of (1, 1), and corners lie half a sample from middles.
    assert found[33922][6:8] == ((40 - 0.5 - 1) / 2 + 0.5, (0 - 0.5 - 1) / 2 + 0.5)
    assert found[50844][2:4] == ((20 - 1) / 2, (25 - 1) / 2)
    assert found[50844][7:9] == (10.0, 12.5)
    assert found[50844][9:] == rpc[9:]


def test_places_of_a_raster_that_lies_on_its_side_are_named(tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    with_tags(source, {33550: (12, (1.0, 1.0, 0.0)), 274: (3, (6,))})
    assert "GeoTIFF georeference: left out" in call("apply", "box3", source, "-o", out).err
    assert 33550 not in tags_of(out)


@pytest.mark.parametrize("tag", [33550, 33922, 34264])
def test_georeferences_without_sense_are_named(tag, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    with_tags(source, {tag: (12, (1.0,)), 34735: (3, (1, 1, 0))})
    assert call("apply", "box3", source, "-o", out).status == 0
    assert tag in tags_of(out)
    said = call("apply", "box3", source, "-o", out, "--stride", "2", "--overwrite")
    assert said.status == 0
    assert "GeoTIFF georeference left out" in said.err
    assert tag not in tags_of(out)


def test_bands_that_are_no_more_are_not_described(tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    pixels = np.zeros((40, 50, 3), np.uint8)
    with_tags(source, {42112: (2, GDAL.encode() + b"\0")}, pixels, photometric="rgb")
    said = call("apply", "box3", source, "-o", out, "--gray")
    assert "GDAL band metadata left out" in said.err
    assert "UNITS" in tags_of(out)[42112]
    assert "DESCRIPTION" not in tags_of(out)[42112]


def test_resolution_without_a_unit_stays_and_follows_the_stride(tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    pixels = np.zeros((40, 50), np.uint8)
    tifffile.imwrite(source, pixels, resolution=(4.0, 8.0), resolutionunit=1, metadata=None)
    for options, found in (([], (4, 8)), (["--stride", "2,4"], (1, 4))):
        assert call("apply", "box3", source, "-o", out, "--overwrite", *options).status == 0
        tags = tags_of(out)
        assert tags[282][0] / tags[282][1] == found[0]
        assert tags[283][0] / tags[283][1] == found[1]
        assert tags[296] == 1
    assert (
        "resolution without a unit: left out"
        in call("apply", "box3", source, "-o", tmp_path / "b.png").err
    )


def test_every_page_keeps_its_own(tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    with tifffile.TiffWriter(source) as file:
        for k in range(3):
            extra = [(285, 2, 0, f"sheet {k}", True), (297, 3, 2, (k, 3), True)]
            file.write(np.zeros((20, 30), np.uint8), metadata=None, extratags=extra, subfiletype=2)
    assert call("apply", "box3", source, "-o", out).status == 0
    for k in range(3):
        tags = tags_of(out, k)
        assert (tags[285], tags[297], tags[254]) == (f"sheet {k}", (k, 3), 2)
    assert call("apply", "box3", source, "-o", out, "--frame", "1", "--overwrite").status == 0
    tags = tags_of(out)
    assert (tags[285], tags[297], 254 in tags) == ("sheet 1", (0, 1), False)


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_survives_in_and_out_of_bigtiff(order, tmp_path):
    exif = Pillow.Exif()
    exif[0x010F] = "Maker"
    exif[0x8769] = {0x9003: "2026:01:02 03:04:05", 0x829A: 0.004}
    exif[0x8825] = {2: (48.0, 8.0, 30.0)}
    Pillow.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    image = read(tmp_path / "a.jpg")
    classic = encode(image, "TIFF")
    with tifffile.TiffWriter(tmp_path / "big.tif", bigtiff=True, byteorder=order) as file:
        file.write(image.pixels, photometric="rgb", metadata=None)
    big = (tmp_path / "big.tif").read_bytes()
    joined = directories.put_exif(big, image.meta.exif)
    for data in (classic, joined, encode(read(joined), "TIFF")):
        found = Pillow.Exif()
        found.load(read(data).meta.exif)
        assert found.get_ifd(0x8769)[0x9003] == "2026:01:02 03:04:05"
        assert float(found.get_ifd(0x8769)[0x829A]) == 1 / 250
        assert [float(each) for each in found.get_ifd(0x8825)[2]] == [48.0, 8.0, 30.0]
    with tifffile.TiffFile(tmp_path / "big.tif") as file:
        assert file.is_bigtiff


def test_a_file_that_names_its_values_again_and_again_is_read(tmp_path):
    # Each of these says that its value is nearly all of the file.
    count, body = 4000, bytes(2**16)
    entries = b"".join(struct.pack("<HHII", 40000 + k, 7, 2**16 + 8, 0) for k in range(count))
    own = (
        (256, 4),
        (257, 4),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, 4),
        (279, 16),
    )
    entries = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in own) + entries
    head = b"II*\0" + struct.pack("<I", 8 + len(body)) + body
    data = head + struct.pack("<H", count + len(own)) + entries + bytes(4)
    (tmp_path / "a.tif").write_bytes(data)
    image = read(tmp_path / "a.tif")
    held = sum(len(field.content) for block in image.meta.beside for field in _fields(block))
    assert held <= len(data)


def _fields(block):
    content = block.content if isinstance(block.content, tuple) else ()
    return [each for each in content if isinstance(each, Field)]


def test_georeferences_are_numbers():
    keys = numbers(geo.KEYS, 3, 1, 1, 0, 1, 1025, 0, 1, 2)
    assert geo._is_point(keys)
    assert not geo._is_point(None)
    assert not geo._is_point(Field(geo.KEYS, 3, b""))


def test_frames_hold_what_their_pages_hold(tmp_path):
    with_tags(tmp_path / "a.tif", ORDINARY)
    (image,) = open(tmp_path / "a.tif")
    assert {block.kind for block in image.meta.beside} >= {"TIFF tag 269", "TIFF tags"}


def test_maps_of_a_layer_name_what_they_leave_out(tmp_path):
    located(tmp_path / "a.tif")
    with_tags(tmp_path / "plain.tif", {})
    weights = tmp_path / "w.npy"
    np.save(weights, np.ones((3, 1, 3, 3), np.float32))
    for name, found in (("a.tif", True), ("plain.tif", False)):
        with tifffile.TiffFile(tmp_path / name) as file:
            gray = file.asarray()
        if gray.ndim == 3:
            tags = {33550: (12, (1.0, 1.0, 0.0)), 269: ORDINARY[269]}
            with_tags(tmp_path / name, tags, gray[:, :, 0].copy())
        said = call("apply", weights, tmp_path / name, "-o", tmp_path / f"{name}.npy")
        assert said.status == 0, said.err
        words = "maps hold samples alone: the source's GeoTIFF georeference, document name left out"
        assert (words in said.err) == found


def test_places_and_unknown_types_are_named_and_not_written(tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    with_tags(source, {65010: (13, (8,)), 33550: (12, (1.0, 1.0, 0.0)), 65011: (3, (5,))})
    data = source.read_bytes()
    at = data.index(struct.pack("<HH", 33550, 12))
    source.write_bytes(data[:at] + struct.pack("<HH", 33550, 99) + data[at + 4 :])
    said = call("apply", "box3", source, "-o", out)
    assert "the source's private tags 33550, 65010: left out" in said.err
    assert tags_of(out)[65011] == 5
    assert not {33550, 65010} & tags_of(out).keys()


@pytest.mark.parametrize("unit", [0, 7, 255])
def test_units_without_sense_are_no_calibration(unit, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    text = "ImageJ=1.53t\nunit=um\n"
    pixels = np.zeros((20, 30), np.uint8)
    tifffile.imwrite(
        source, pixels, description=text, resolution=(4, 4), resolutionunit=3, metadata=None
    )
    data = source.read_bytes()
    at = data.index(struct.pack("<HHI", 296, 3, 1)) + 8
    source.write_bytes(data[:at] + struct.pack("<H", unit) + data[at + 2 :])
    assert call("apply", "box3", source, "-o", out).status == 0
    assert tags_of(out)[282] == (1, 1)
