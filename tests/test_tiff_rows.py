"""Large TIFF pages decoded as rows are asked for: the same as those that are read at once."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
import tifffile

import convcli
from convcli import Image, ImageError, Spec, apply, get_kernel
from convcli.image.tiff import rows

KINDS = [
    (dtype, channels, planar)
    for dtype in ("uint8", "uint16", "float32")
    for channels in (1, 3, 4)
    for planar in ("contig", "separate")
    if channels > 1 or planar == "contig"
]


@pytest.fixture
def small(monkeypatch):
    """Read every TIFF page by rows, in steps of few."""
    monkeypatch.setattr(rows, "LARGE", 1)
    monkeypatch.setattr(rows, "LEAST", 2**10)


def tiff(pixels, planar="contig", **options):
    file = io.BytesIO()
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    stored = np.moveaxis(pixels, -1, 0) if planar == "separate" else pixels
    if channels > 1:
        options["planarconfig"] = planar
    if channels == 4:
        options["extrasamples"] = ["unassalpha"]
    options.setdefault("photometric", "rgb" if channels > 1 else "minisblack")
    tifffile.imwrite(file, stored, metadata=None, **options)
    return file.getvalue()


def random(dtype, channels, rng, size=(53, 71)):
    shape = size if channels == 1 else (*size, channels)
    return (rng.random(shape) * (1 if dtype == "float32" else 255)).astype(dtype)


@pytest.mark.parametrize("layout", [{"tile": (16, 32)}, {"rowsperstrip": 7}, {}])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
def test_rows_on_demand_are_those_of_the_page(small, layout, compression, rng):
    for dtype, channels, planar in KINDS:
        pixels = random(dtype, channels, rng)
        for order in "<>":
            data = tiff(pixels, planar, compression=compression, byteorder=order, **layout)
            image = convcli.read(data)
            assert image.made is not None
            found = apply(image, "gaussian:sigma=1.5")
            expected = apply(Image(pixels, image.channels), "gaussian:sigma=1.5")
            assert np.array_equal(found.pixels, expected.pixels)
            assert np.array_equal(image.pixels, pixels)


@pytest.mark.parametrize(
    "spec",
    [
        Spec(mapping="normalize"),
        Spec(gray=True),
        Spec(luma=True),
        Spec(linear=True),
        Spec(channels="G"),
        Spec(alpha="drop"),
        Spec(alpha="filter"),
        Spec(stride=3, padding="valid"),
        Spec(jobs=1),
    ],
    ids=str,
)
def test_no_option_minds(small, spec, rng):
    pixels = random("uint8", 4, rng)
    image = convcli.read(tiff(pixels, tile=(16, 16), compression="zlib"))
    kernels = [get_kernel("sharpen"), get_kernel("gaussian3")]
    expected = convcli.apply(Image(pixels), kernels, spec).pixels
    assert np.array_equal(convcli.apply(image, kernels, spec).pixels, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(small, orientation, monkeypatch, rng):
    tags = [(274, "H", 1, orientation, True)]
    data = tiff(random("uint8", 3, rng), rowsperstrip=7, compression="zlib", extratags=tags)
    found = convcli.read(data).pixels
    monkeypatch.setattr(rows, "LARGE", 2**40)
    assert np.array_equal(found, convcli.read(data).pixels)


def test_palettes_few_bits_and_white_is_zero_are_what_they_mean(small, monkeypatch, rng):
    indices = rng.integers(0, 256, (53, 71), np.uint8)
    table = rng.integers(0, 2**16, (3, 256), np.uint16)
    files = [
        tiff(indices, photometric="palette", colormap=table, rowsperstrip=5, compression="zlib"),
        tiff(indices, photometric="miniswhite", rowsperstrip=5, compression="zlib"),
        tiff(indices > 99, rowsperstrip=5, compression="zlib"),
    ]
    found = [convcli.read(data).pixels for data in files]
    monkeypatch.setattr(rows, "LARGE", 2**40)
    for data, pixels in zip(files, found, strict=True):
        assert np.array_equal(pixels, convcli.read(data).pixels)


def test_a_damaged_tile_is_named_and_nothing_is_written(small, tmp_path, rng):
    data = bytearray(tiff(random("uint8", 3, rng), tile=(16, 16), compression="zlib"))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        at = file.pages[0].dataoffsets[7]
    data[at : at + 8] = b"\xff" * 8
    with pytest.raises(ImageError, match="tile 8 can't be decoded"):
        _ = apply(convcli.read(bytes(data)), "gaussian3").pixels
    path = tmp_path / "a.tif"
    path.write_bytes(data)
    with pytest.raises(ImageError, match="tile 8"):
        convcli.write(tmp_path / "b.tif", apply(convcli.read(path), "gaussian3"))
    assert [each.name for each in tmp_path.iterdir()] == ["a.tif"]


def test_what_is_read_by_rows_needs_no_permission_to_be_large(small, rng):
    data = tiff(random("uint8", 1, rng), rowsperstrip=7, compression="zlib")
    assert convcli.read(data, max_pixels=100).size == (53, 71)


def test_a_bomb_needs_it(small, monkeypatch):
    monkeypatch.setattr(rows, "_PACKED", 100)
    data = tiff(np.zeros((1000, 1000), np.uint8), rowsperstrip=500, compression="zlib")
    with pytest.raises(ImageError, match="max_pixels"):
        convcli.read(data, max_pixels=1000)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the peak")
def test_memory_does_not_grow_with_the_image(tmp_path, rng):
    """A file of 300 MB of samples takes less than two thirds of them, most of it libraries."""
    pixels = np.repeat(rng.integers(0, 255, (1, 20_000), np.uint8), 15_000, axis=0)
    tifffile.imwrite(
        tmp_path / "a.tif", pixels, tile=(256, 256), compression="zlib", photometric="minisblack"
    )
    del pixels
    code = (
        "from convcli.cli.main import main;"
        "status = main(['apply', 'box3', 'a.tif', '-o', 'b.tif', '--quiet']);"
        "peak = open('/proc/self/status').read().split('VmHWM:')[1].split()[0];"
        "print(status, peak)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    status, peak = map(int, done.stdout.split())
    assert status == 0
    assert peak < 200_000
