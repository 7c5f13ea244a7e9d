"""A TIFF result is stored as its source is: coding, differences, tiles, byte order, BigTIFF."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
import tifffile
from command import call

from convcli.image.files import encode, read

CODINGS = (None, "lzw", "zlib", "packbits", "zstd", "lzma")
ROWS, COLS = 100, 150
TILE = (32, 48)


def source_of(dtype, colours):
    y, x = np.mgrid[0:ROWS, 0:COLS]
    base = (3 * x + y) % 250
    samples = base > 100 if dtype == "bool" else (base * (1 if dtype == "uint8" else 200))
    samples = samples.astype(dtype)
    return np.stack([samples, samples[::-1], samples[:, ::-1]], axis=-1) if colours else samples


def layout_of(path):
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        tile = (page.tilelength, page.tilewidth) if page.is_tiled else None
        return int(page.compression), int(page.predictor), tile, file.byteorder, file.is_bigtiff


def write(path, samples, **options):
    colours = samples.ndim == 3
    tifffile.imwrite(
        path, samples, metadata=None, photometric="rgb" if colours else "minisblack", **options
    )


def check(folder, samples, kernel="identity", **options):
    """Filter a file, and compare samples and layout with the source's."""
    source, out = folder / "a.tif", folder / "b.tif"
    write(source, samples, **options)
    said = call("apply", kernel, source, "-o", out, "--overwrite")
    assert said.status == 0, said.err
    assert np.array_equal(tifffile.imread(out), samples)
    before = layout_of(source)
    if options.get("bigtiff"):
        before = (*before[:3], "<", True)
    assert layout_of(out) == before
    return out


@pytest.mark.parametrize("coding", CODINGS)
def test_coding_tiles_and_byte_order_stay(coding, tmp_path):
    for order in "<>":
        for tile in (None, TILE):
            predictor = coding not in (None, "packbits")
            samples = source_of("uint16", colours=True)
            check(
                tmp_path,
                samples,
                compression=coding,
                tile=tile,
                byteorder=order,
                predictor=predictor,
            )
            check(tmp_path, samples, compression=coding, tile=tile, byteorder=order)


@pytest.mark.exhaustive
@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("big", [False, True])
def test_every_layout_stays(coding, dtype, big, tmp_path):
    for order in "<>":
        for tile in (None, TILE):
            for colours in (False, True):
                for predictor in {False, coding not in (None, "packbits")}:
                    check(
                        tmp_path,
                        source_of(dtype, colours),
                        compression=coding,
                        tile=tile,
                        byteorder=order,
                        predictor=predictor,
                        bigtiff=big,
                    )


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_bigtiff_and_differences_of_reals_stay(dtype, tmp_path):
    for order in "<>":
        samples = source_of(dtype, colours=False)
        check(tmp_path, samples, bigtiff=True, compression="lzw", predictor=True, byteorder=order)
        check(tmp_path, samples, compression="zlib", predictor=True, tile=TILE, byteorder=order)


@pytest.mark.skipif(shutil.which("gdal_translate") is None, reason="GDAL is not installed")
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_libtiff_reads_what_is_written(dtype, tmp_path):
    samples = source_of(dtype, colours=True)
    for order, coding, tile in (("<", "lzw", TILE), (">", "zlib", TILE), (">", "packbits", None)):
        out = check(
            tmp_path,
            samples,
            compression=coding,
            tile=tile,
            byteorder=order,
            predictor=coding != "packbits",
        )
        target = tmp_path / "raw.bin"
        command = ["gdal_translate", "-q", "-of", "ENVI", "-co", "INTERLEAVE=BIP", out, target]
        subprocess.run(command, check=True, capture_output=True)
        assert np.array_equal(np.fromfile(target, samples.dtype).reshape(samples.shape), samples)


def test_a_number_says_otherwise(tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    write(source, source_of("uint8", colours=False), compression="lzw", tile=TILE)
    for number, coding in (("0", 1), ("6", 8)):
        call("apply", "box3", source, "-o", out, "--compress", number, "--overwrite")
        assert layout_of(out)[:3] == (coding, 2 if coding == 8 else 1, TILE)


def test_every_page_keeps_its_own_layout(tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    kinds = ({"compression": "lzw"}, {"tile": (16, 16)}, {"compression": "zstd", "predictor": True})
    with tifffile.TiffWriter(source, byteorder=">") as file:
        for options in kinds:
            file.write(source_of("uint16", colours=False), metadata=None, **options)
    assert call("apply", "identity", source, "-o", out).status == 0
    with tifffile.TiffFile(source) as before, tifffile.TiffFile(out) as after:
        assert after.byteorder == ">"
        for old, new in zip(before.pages, after.pages, strict=True):
            assert (new.compression, new.predictor) == (old.compression, old.predictor)
            assert (new.is_tiled, new.tilewidth) == (old.is_tiled, old.tilewidth)
            assert np.array_equal(new.asarray(), old.asarray())


@pytest.mark.parametrize(
    ("coding", "name"), [("jpeg", "JPEG"), ("jpeg2000", "JPEG 2000"), ("webp", "WebP")]
)
def test_a_coding_that_is_not_written_is_named(coding, name, tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    write(source, source_of("uint8", colours=True), compression=coding, tile=(128, 128))
    said = call("apply", "box3", source, "-o", out)
    assert f"the source's {name} compression wasn't kept: the result's loses nothing" in said.err
    assert layout_of(out)[:3] == (8, 2, (128, 128))
    assert "wasn't kept" not in call("apply", "box3", source, "-o", tmp_path / "b.png").err


def test_other_sources_are_written_as_ever(tmp_path):
    samples = source_of("uint8", colours=False)
    write(tmp_path / "a.tif", samples)
    call("apply", "identity", tmp_path / "a.tif", "-o", tmp_path / "a.png")
    call("apply", "identity", tmp_path / "a.png", "-o", tmp_path / "b.tif")
    assert layout_of(tmp_path / "b.tif") == (8, 2, None, "<", False)


def test_tiles_may_be_larger_than_the_image_but_not_than_memory(tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    for dtype, tile, found in (
        ("uint8", (2048, 2048), (2048, 2048)),
        ("float32", (4096, 4096), None),
    ):
        small = source_of(dtype, colours=False)[:40, :40]
        write(source, small, tile=tile, compression="zlib")
        assert call("apply", "identity", source, "-o", out, "--overwrite").status == 0
        assert layout_of(out)[2] == found
        assert np.array_equal(tifffile.imread(out), small)


def test_one_bit_stays_in_strips(tmp_path):
    source, out = tmp_path / "a.tif", tmp_path / "b.tif"
    write(source, source_of("bool", colours=False), compression="lzw")
    image = read(source)
    out.write_bytes(encode(image, "TIFF"))
    assert layout_of(out)[0] == 5
    assert np.array_equal(tifffile.imread(out), image.pixels)
