"""`convcli apply --volume`: stacks in, stacks out, and what is said of them."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import tifffile
from command import call
from scipy import ndimage

from convcli import Frames, ImageError, Meta, Spec, read_frames, write_frames
from convcli import Image as Picture
from convcli.image.volumes import open_volume
from convcli.kernels.volume_library import parse_volume_kernel, volume_names
from convcli.pipeline.memory import ImageKind
from convcli.pipeline.volume_memory import volume_stages


@pytest.fixture
def stack(tmp_path, rng):
    """A stack of 16-bit pages, and its path."""
    volume = rng.integers(0, 65536, (7, 9, 40), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "stack.tif", volume, resolution=(300, 300), resolutionunit="INCH")
    return volume, tmp_path / "stack.tif"


def rounded(sums, divisor):
    return (2 * sums + divisor) // (2 * divisor)


def test_pages_of_16_bits_are_one_volume(stack, tmp_path):
    volume, path = stack
    said = call("apply", "box", path, "--volume", "-o", tmp_path / "out.tif")
    assert said.status == 0
    assert "image    7 planes, 40×9 gray, 16-bit" in said.err
    assert "planes   ⌊(7 − 3 + 2·1)/1⌋ + 1 = 7" in said.err
    assert "kernel   box 3×3×3, smoothing" in said.err
    sums = ndimage.correlate(volume.astype(np.int64), np.ones((3, 3, 3), int), mode="nearest")
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        assert len(file.pages) == 7
        assert file.asarray().dtype == np.uint16
        np.testing.assert_array_equal(file.asarray(), rounded(sums, 27))
    assert [frame.meta.dpi for frame in read_frames(tmp_path / "out.tif")][:1] == [(300, 300)]


@pytest.mark.exhaustive
def test_steps_and_padding_have_three_numbers(stack, tmp_path):
    volume, path = stack
    options = ("--stride", "2,1,3", "--padding", "1,0,0", "--border", "symmetric")
    said = call("apply", "laplacian", path, "--volume", "-o", tmp_path / "a.npy", *options)
    assert said.status == 0
    assert "7 → 4 planes, 40×9 gray, 16-bit → 13×7 gray, 16-bit" in said.err
    expected = ndimage.laplace(volume.astype(np.int64), mode="reflect")
    expected = np.abs(expected)[::2, 1:-1, 1:-1:3].clip(0, 65535)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), expected)


def test_arrays_are_planes_rows_and_columns(tmp_path, rng):
    volume = rng.normal(size=(5, 6, 40)).astype(np.float32)
    np.save(tmp_path / "v.npy", np.asfortranarray(volume))
    np.save(tmp_path / "k.npy", np.array([1.0, 0, -1]).reshape(3, 1, 1) / 4)
    said = call("apply", tmp_path / "k.npy", tmp_path / "v.npy", "--volume", "--map", "raw", "-q")
    assert said.status == 0
    expected = ndimage.correlate1d(volume, [0.25, 0, -0.25], axis=0, mode="nearest")
    got = np.load(tmp_path / "v-k.npy")
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, atol=1e-7)
    # The same as pages of floats, through a pipe.
    source = (tmp_path / "v.npy").read_bytes()
    said = call(
        "apply", tmp_path / "k.npy", "-", "--volume", "--map", "raw", "--format", "tif", "-q",
        stdin=source,
    )  # fmt: skip
    assert said.status == 0
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(said.data)), got)


def test_channels_are_filtered_and_alpha_is_dropped(tmp_path, rng):
    pages = rng.integers(0, 256, (4, 6, 40, 4), dtype=np.uint8)
    path = tmp_path / "rgba.tif"
    tifffile.imwrite(path, pages, photometric="rgb", extrasamples=["unassalpha"])
    said = call("apply", "sobel-z", path, "--volume", "-o", tmp_path / "o.tif")
    assert said.status == 1
    assert said.lines == [
        f"convcli: {path}: pages with alpha can't be filtered as one volume; use --alpha drop"
    ]
    options = ("--alpha", "drop", "--map", "offset", "-q")
    assert (
        call("apply", "sobel-z", path, "--volume", "-o", tmp_path / "o.tif", *options).status == 0
    )
    found = tifffile.imread(tmp_path / "o.tif")
    for c in range(3):
        edges = ndimage.sobel(pages[..., c].astype(int), 0, mode="nearest")
        np.testing.assert_array_equal(found[..., c], (edges + 128).clip(0, 255))


def test_gray_bits_and_fill_are_as_for_images(tmp_path, rng):
    colour, bits = rng.integers(0, 256, (4, 6, 40, 3), dtype=np.uint8), rng.random((4, 6, 40)) < 0.5
    tifffile.imwrite(tmp_path / "rgb.tif", colour, photometric="rgb")
    out = tmp_path / "o.tif"
    options = ("--volume", "-o", out, "--overwrite", "-q")
    assert call("apply", "identity", tmp_path / "rgb.tif", "--gray", *options).status == 0
    gray = tifffile.imread(out)
    assert gray.shape == (4, 6, 40)
    assert np.abs(gray - colour @ (0.299, 0.587, 0.114)).max() < 0.51
    np.save(tmp_path / "bits.npy", bits)
    # A fill of 51 of 255 is as much of any range.
    for source, full in ((bits, 255), (bits * np.uint16(65535), 65535), (np.float32(bits), 1)):
        np.save(tmp_path / "bits.npy", source)
        said = call("apply", "box", tmp_path / "bits.npy", "--fill", "51", *options)
        assert said.status == 0
        plain = np.pad(bits * float(full), 1, constant_values=full / 5)
        expected = ndimage.uniform_filter(plain, 3)[1:-1, 1:-1, 1:-1]
        assert np.abs(tifffile.imread(out) - expected).max() < (1e-6 if full == 1 else 0.51)


@pytest.mark.parametrize(("like", "rounded"), [("scipy", np.floor), ("opencv", np.rint)])
def test_presets_say_how_volumes_are_rounded(stack, tmp_path, like, rounded):
    volume, path = stack
    said = call("apply", "box:size=2", path, "--volume", "--like", like, "-o", tmp_path / "o.tif")
    assert said.status == 0
    assert f"--like {like} is" in said.err
    mode = {"scipy": "reflect", "opencv": "mirror"}[like]
    means = ndimage.uniform_filter(volume.astype(np.float64), 2, mode=mode)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "o.tif"), rounded(means))


def test_normalize_has_one_range_for_all_planes(stack, tmp_path):
    volume, path = stack
    options = ("--then", "laplacian", "--map", "normalize", "--depth", "8", "-q")
    said = call("apply", "gaussian", path, "--volume", "-o", tmp_path / "o.tif", *options)
    assert said.status == 0
    found = tifffile.imread(tmp_path / "o.tif").astype(float)
    smooth = ndimage.gaussian_filter(volume.astype(float), 1, mode="nearest")
    expected = ndimage.laplace(smooth, mode="nearest")
    low, high = expected.min(), expected.max()
    assert np.abs(found - (expected - low) / (high - low) * 255).max() < 0.51


def test_json_has_the_third_axis(stack, tmp_path):
    _, path = stack
    said = call("apply", "gaussian:sigma=1,0,0", path, "--volume", "-o", tmp_path / "o", "--json",
                "--format", "tif")  # fmt: skip
    (data,) = map(json.loads, said.out.splitlines())
    assert data["kernels"][0] == {
        "name": "gaussian:sigma=1,0,0", "shape": [9, 1, 1], "kind": "smoothing", "sum": 1.0,
        "combine": None,
    }  # fmt: skip
    assert data["geometry"][0]["planes"]["out"] == data["frames"] == 7
    assert data["plan"][0]["reason"].startswith("separable along the planes, 9 taps; within each")
    assert any("9 planes kept" in stage["name"] for stage in data["memory"]["stages"])


def test_how_steep_a_volume_is(stack, tmp_path):
    volume, path = stack
    said = call("apply", "sobel", path, "--volume", "--scale", "auto", "-o", tmp_path / "o.tif")
    assert said.status == 0
    assert "kernel   sobel 3×3×3, 3 kernels combined: magnitude" in said.err
    plain = volume.astype(np.float64)
    steep = ndimage.generic_gradient_magnitude(plain, ndimage.sobel, mode="nearest")
    # Each of the three can be 16 times a full sample.
    expected = steep / (16 * np.sqrt(3))
    assert np.abs(tifffile.imread(tmp_path / "o.tif") - expected).max() < 0.51
    said = call("apply", "sobel", path, "--volume", "-o", tmp_path / "p.tif", "--json")
    (data,) = map(json.loads, said.out.splitlines())
    assert (data["kernels"][0]["combine"], data["kernels"][0]["sum"]) == ("magnitude", None)


def test_kernels_of_three_axes_are_listed_and_shown():
    lines = call("kernels", "--volume").out.splitlines()
    assert any(line.split()[:3] == ["sobel-z", "Shows", "edges"] for line in lines)
    names = [entry["name"] for entry in json.loads(call("kernels", "--volume", "--json").out)]
    assert tuple(names) == volume_names()
    for entry in json.loads(call("kernels", "--volume", "--json").out):
        assert call("kernels", entry["usage"], *entry["aliases"], "--volume").status == 0
    shown = call("kernels", "--volume", "sobel-z", "sobel", "box:size=11").out.splitlines()
    assert "separable: along the planes [1 0 -1], and 3×3 within each" in shown
    at = shown.index("z = 1")
    assert [line.split() for line in shown[at + 1 : at + 4]] == [
        ["1", "2", "1"], ["2", "4", "2"], ["1", "2", "1"],
    ]  # fmt: skip
    assert "made of sobel-z, sobel-y, sobel-x" in shown
    assert "too large to be shown; --json has all weights" in shown
    found = json.loads(call("kernels", "--volume", "box", "--json").out)
    assert found["parts"][0]["weights"] == [[[1] * 3] * 3] * 3
    assert (found["parts"][0]["divisor"], found["parts"][0]["separable"]) == (27, True)


def test_mistakes_about_kernels_of_three_axes_are_one_line():
    for options, words in (
        (("nothing",), "no 3-D kernel named 'nothing'"),
        (("--family", "edges"), "--volume goes with neither --check nor --family"),
    ):
        said = call("kernels", "--volume", *options)
        assert (said.status, len(said.lines)) == (2, 1)
        assert words in said.err


def test_a_dry_run_tells_of_planes(stack, tmp_path):
    _, path = stack
    np.save(tmp_path / "v.npy", np.zeros((100, 9, 40), np.uint16))
    for source in (path, tmp_path / "v.npy"):
        said = call("apply", "box", source, "--volume", "-o", tmp_path / "o.tif", "--dry-run", "-v")
        assert said.status == 0
        assert "40×9 plane decoded" in said.err
        assert not (tmp_path / "o.tif").exists()


def test_several_stacks_are_filtered_by_workers(stack, tmp_path):
    _, path = stack
    (tmp_path / "in").mkdir()
    for name in ("a.tif", "b.tif"):
        (tmp_path / "in" / name).write_bytes(path.read_bytes())
    (tmp_path / "in" / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    said = call("apply", "box", tmp_path / "in", "--volume", "-o", tmp_path / "out")
    assert said.status == 1
    assert "c.png: a PNG file is no stack of planes" in said.err
    assert "2 done, 1 failed" in said.err
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a.tif", "b.tif"]


def test_words_of_the_whole_stack_are_made_true(tmp_path, rng):
    volume = rng.integers(0, 256, (6, 8, 40), dtype=np.uint8)
    path, out = tmp_path / "j.tif", tmp_path / "o.tif"
    given = {"axes": "ZYX", "spacing": 1.5, "unit": "um"}
    tifffile.imwrite(path, volume, imagej=True, metadata=given, resolution=(4, 4))
    assert call("apply", "box", path, "--volume", "-o", out).status == 0
    with tifffile.TiffFile(out) as file:
        assert file.is_imagej
        assert file.imagej_metadata["images"] == 6
        assert file.series[0].axes == "ZYX"
    for option, shape, spacing, resolution in (
        (("--stride", "2,1,1"), (3, 8, 40), 3.0, (4, 1)),
        (("--stride", "2,2,1"), (3, 4, 40), 3.0, (4, 1)),
        (("--depth", "16"), (6, 8, 40), 1.5, (4, 1)),
        (("--padding", "valid"), (4, 6, 38), 1.5, (4, 1)),
    ):
        said = call("apply", "box", path, "--volume", "-o", out, "--overwrite", *option)
        assert said.status == 0
        assert ": left out" not in said.err
        with tifffile.TiffFile(out) as file:
            assert file.asarray().shape == shape
            assert file.imagej_metadata["images"] == shape[0]
            assert (file.imagej_metadata["spacing"], file.imagej_metadata["unit"]) == (
                spacing,
                "um",
            )
            assert file.pages[0].tags.valueof(282) == resolution
    given = {"axes": "ZYX", "PhysicalSizeX": 0.25, "PhysicalSizeZ": 2.0}
    tifffile.imwrite(path, volume, ome=True, metadata=given)
    said = call("apply", "box", path, "--volume", "-o", out, "--overwrite", "--stride", "2,1,2")
    assert ": left out" not in said.err
    with tifffile.TiffFile(out) as file:
        assert (file.is_ome, file.asarray().shape) == (True, (3, 8, 20))
        assert 'PhysicalSizeX="0.5"' in file.ome_metadata
        assert 'PhysicalSizeZ="4"' in file.ome_metadata


def test_planes_of_several_kinds_are_refused(tmp_path, rng):
    first, second = (rng.integers(0, 256, (8, cols), dtype=np.uint8) for cols in (40, 41))
    for name, other in (("size", second), ("type", first.astype(np.uint16))):
        frames = [Picture(first), Picture(first), Picture(other)]
        write_frames(tmp_path / f"{name}.tif", Frames.of(frames))
        said = call("apply", "box", tmp_path / f"{name}.tif", "--volume", "-o", tmp_path / "o.tif")
        assert said.status == 1
        assert "frame 2 is" in said.err
        assert "and the first 40×8 gray, 8-bit; the planes of a volume are alike" in said.err
        assert not (tmp_path / "o.tif").exists()


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (("box", "-o", "o.png"), 1, "PNG can't hold a volume; use -o NAME.tif or -o NAME.npy"),
        (("box", "--luma", "-o", "o.tif"), 1, "--luma can't be had for a volume; leave it out"),
        (("box", "--linear", "-o", "o.tif"), 1, "--linear can't be had for a volume"),
        (("box", "--channels", "R", "-o", "o.tif"), 1, "--channels can't be had for a volume"),
        (("box", "--show", "-o", "o.tif"), 2, "--volume and --show contradict each other"),
        (("box", "--compare", "c.png"), 2, "--volume and --compare contradict each other"),
        (("box", "--border", "wrap,zero"), 1, "--border of a volume is one for all axes; give one"),
        (("box", "--anchor", "0,0,0"), 1, "--anchor can't be had for a volume; leave it out"),
        (("box", "--padding", "1,2,3,4"), 2, "or three as PLANES,ROWS,COLS; got '1,2,3,4'"),
        (("box", "--relu"), 2, "--volume takes 3-D kernels; banks, --relu and --pool are for"),
        (("box", "--montage", "m.png"), 2, "--volume takes 3-D kernels; banks, --relu"),
        (("box", "--frame", "0"), 2, "--volume takes all planes, --frame one; leave one out"),
        (("emboss",), 2, "no 3-D kernel named 'emboss'; there are sobel, prewitt, gaussian, box"),
        (("sobel", "--bias", "3"), 2, "--bias can't be added to 'sobel', which combines several"),
        (("box", "--stride", "1,2"), 2, "or three as PLANES,ROWS,COLS; got '1,2'"),
        (("box", "--padding", "1,2"), 2, "or three as PLANES,ROWS,COLS; got '1,2'"),
        (("box", "--then", "box", "--divisor", "2"), 2, "--divisor and --bias change one kernel"),
        (("box:size=8,3,3", "--padding", "valid"), 1, "along the planes: the kernel spans 8"),
        (("laplacian", "--method", "separable"), 1, "a product along the planes and within them"),
    ],
)
def test_what_makes_no_sense_is_one_line(stack, tmp_path, monkeypatch, options, status, words):
    monkeypatch.chdir(tmp_path)
    kernel, *rest = options
    said = call("apply", kernel, "stack.tif", "--volume", *rest)
    assert (said.status, len(said.lines)) == (status, 1)
    assert words in said.err
    assert [file.name for file in tmp_path.iterdir()] == ["stack.tif"]


def test_what_is_no_stack_is_refused(tmp_path):
    for name, shape in (("flat", (3, 4)), ("deep", (1, 2, 3, 4, 5)), ("none", (0, 3, 4))):
        np.save(tmp_path / f"{name}.npy", np.zeros(shape))
        with pytest.raises(ImageError, match=r"the array has shape .*; expected \(planes, rows, "):
            open_volume(tmp_path / f"{name}.npy")
    np.save(tmp_path / "large.npy", np.zeros((2, 30, 40)))
    with pytest.raises(ImageError, match="`max_pixels` 1200"):
        open_volume(tmp_path / "large.npy", max_pixels=1000)
    data = (tmp_path / "large.npy").read_bytes()
    with pytest.raises(ImageError, match="cut short"):
        open_volume(data[:-1])
    np.save(tmp_path / "objects.npy", np.full((2, 3, 4), None), allow_pickle=True)
    with pytest.raises(ImageError, match="object, not numbers"):
        open_volume(tmp_path / "objects.npy")


def test_damaged_pages_are_named_and_nothing_is_left(stack, tmp_path):
    _, path = stack
    data = bytearray(path.read_bytes())
    (tmp_path / "cut.tif").write_bytes(data[: len(data) - 500])
    said = call("apply", "box", tmp_path / "cut.tif", "--volume", "-o", tmp_path / "o.tif")
    assert (said.status, len(said.lines)) == (1, 1)
    assert not (tmp_path / "o.tif").exists()


def test_memory_grows_with_the_kernel_and_not_with_the_stack():
    kind = ImageKind((512, 512), 1, "uint8")
    few, many = (
        sum(
            stage.bytes
            for stage in volume_stages(kind, [parse_volume_kernel(text)], Spec(), "TIFF")
        )
        for text in ("box", "box:size=31,3,3")
    )
    assert many - few == 28 * 512 * 512 * 4


def test_meta_is_that_of_the_plane_below(tmp_path, rng):
    pages = [
        Picture(
            rng.integers(0, 256, (6, 40), dtype=np.uint8),
            meta=Meta(text=(("Description", f"page {number}"),)),
        )
        for number in range(6)
    ]
    write_frames(tmp_path / "s.tif", Frames.of(pages))
    out = tmp_path / "o.tif"
    said = call("apply", "box", tmp_path / "s.tif", "--volume", "--stride", "2,1,1", "-o", out)
    assert said.status == 0
    texts = [dict(frame.meta.text)["Description"] for frame in read_frames(out)]
    assert texts == ["page 0", "page 2", "page 4"]


def test_large_files_are_mapped(tmp_path, monkeypatch):
    monkeypatch.setattr("convcli.image.source._LARGE", 1000)
    np.save(tmp_path / "v.npy", np.arange(4800, dtype=np.uint16).reshape(4, 30, 40))
    with monkeypatch.context() as patch:
        patch.setattr("convcli.image.source._drain", None)
        frames = open_volume(tmp_path / "v.npy")
    assert frames.count == 4
    assert frames[3].pixels[0, 0] == 3600
