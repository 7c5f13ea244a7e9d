"""A result that is made as it is written has the bits, and is told of, as one made at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from asserts import assert_same_pixels
from command import call
from marks import exhaustive_but

from convcli import Spec, read, write
from convcli.arrays import begin_array, filter_array
from convcli.batch import one
from convcli.image.image import Image, Meta
from convcli.image.jpeg import bands as jpeg_bands
from convcli.image.pending import Pending
from convcli.image.png import filters as png_rows
from convcli.image.png import write as png_write
from convcli.kernels import parse_kernel
from convcli.pipeline import apply, begin
from convcli.processors import processors
from convcli.record import replace
from convcli.responses import Target
from convcli.spec import Mapping

KERNELS = ("sharpen", "sobel-x", "gaussian:sigma=2", "sobel", "log", "emboss")


@pytest.fixture
def dear(monkeypatch):
    """Every kernel is cheap enough."""
    monkeypatch.setattr("convcli.engine.prepared._CHEAP", 1e9)


def target_for(pixels, mapping="clip"):
    full = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else 1.0
    return Target(pixels.dtype, Mapping(mapping), full)


def original(rng, shape, dtype):
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)


@pytest.mark.usefixtures("dear")
@pytest.mark.parametrize("dtype", exhaustive_but(["uint8"], ["uint8", "uint16", "float32"]))
@pytest.mark.parametrize("name", exhaustive_but(["sharpen", "gaussian:sigma=2"], KERNELS))
def test_rows_have_the_bits_of_the_whole(name, dtype, rng):
    kernel = parse_kernel(name)
    for shape, spec in (
        ((53, 40, 3), Spec()),
        ((90, 31), Spec(stride=2, border="reflect")),
        ((80, 64, 4), Spec(dilation=2, padding="valid", convolve=True)),
    ):
        pixels = original(rng, shape, dtype)
        target = target_for(pixels, "abs")
        whole = filter_array(pixels, [kernel], spec, target)
        begun = begin_array(pixels, kernel, spec, target)
        if dtype == "float32" and name == "log":
            assert begun is None  # samples are looked at first
            continue
        assert begun is not None
        rows = len(whole.pixels)
        edges = [0, *sorted(2 * rng.choice(range(1, rows // 2), 5, replace=False)), rows]
        bands = list(pairwise(edges))
        rng.shuffle(bands)

        def make(band, begun=begun, whole=whole):
            start, stop = (int(end) for end in band)
            made = begun.rows.make(start, stop)
            assert_same_pixels(made, whole.pixels[start:stop])

        with ThreadPoolExecutor(3) as team:
            list(team.map(make, bands))
        assert (begun.lowest, begun.highest) == (whole.lowest, whole.highest)
        assert (begun.clipped, begun.samples) == (whole.clipped, whole.samples)
        assert (begun.plans, begun.geometries) == (whole.plans, whole.geometries)


def test_rows_that_are_made_together_are_not_counted_apart(rng):
    pixels = original(rng, (21, 30), "uint8")
    begun = begin_array(pixels, parse_kernel("sharpen"), Spec(), target_for(pixels))
    assert np.isnan(begun.lowest)
    for start, stop in ((1, 4), (0, 3)):
        with pytest.raises(ValueError, match="steps of 2"):
            begun.rows.make(start, stop)
    assert len(begun.rows.make(20, 21)) == 1


@pytest.mark.parametrize(
    ("name", "options", "mapping"),
    [
        ("sobel-x", {}, "normalize"),  # the range is that of all rows
        ("box:size=9", {"method": "box"}, "clip"),  # rows follow from those above
        ("gaussian:sigma=9", {"method": "fft"}, "clip"),  # tiles are of many rows
        ("gaussian:sigma=9", {"method": "direct"}, "clip"),  # too dear
        ("sharpen", {"jobs": processors() + 1}, "clip"),  # as many threads as were asked for
    ],
)
def test_what_is_better_made_at_once(name, options, mapping, rng):
    pixels = original(rng, (40, 50), "uint8")
    target = target_for(pixels, mapping)
    assert begin_array(pixels, parse_kernel(name), Spec(**options), target) is None


def test_floats_that_would_drown_others_are_filtered_at_once(rng):
    pixels = original(rng, (60, 60), "float32")
    target = target_for(pixels)
    assert begin_array(pixels, parse_kernel("gaussian"), Spec(), target) is not None
    assert begin_array(pixels, parse_kernel("log"), Spec(), target) is None


def test_an_image_that_is_pending_is_an_image(rng):
    image = Image(original(rng, (30, 20, 3), "uint8"), "RGB", Meta(format="PNG"))
    pending, tell = begin(image, [parse_kernel("sharpen")], Spec())
    assert isinstance(pending, Pending)
    assert (pending.size, pending.depth, pending.maximum) == ((30, 20), "8-bit", 255.0)
    assert (pending.channels, pending.meta, pending.row_bytes) == ("RGB", image.meta, 60)
    assert np.isnan(tell().lowest)
    assert pending.pixels.shape == (30, 20, 3)
    assert tell().highest >= pending.pixels.max()
    assert "pixels" not in repr(pending)


@pytest.mark.parametrize(
    "spec", [Spec(linear=True), Spec(luma=True), Spec(channels="R"), Spec(alpha="filter")]
)
def test_more_than_one_pass_is_not_begun(spec, rng):
    pixels = original(rng, (30, 20, 4), "uint8")
    blur, opaque = parse_kernel("gaussian"), Image(pixels[:, :, :3], "RGB")
    for image, kernels, how in (
        (Image(pixels, "RGBA"), [blur], spec),
        (opaque, [blur] * 2, Spec()),
    ):
        result, tell = begin(image, kernels, how)
        assert not isinstance(result, Pending)
        expected, facts = apply(image, kernels, how)
        assert_same_pixels(result.pixels, expected.pixels)
        # What is said of compiling depends on how busy the machine is.
        assert replace(tell(), notes=()) == replace(facts, notes=())


@pytest.fixture
def small_bands(monkeypatch):
    """Small images are written as large ones are."""
    monkeypatch.setattr(one, "_LARGE", 1)
    monkeypatch.setattr(jpeg_bands, "_BAND", 500)
    monkeypatch.setattr(png_write, "_LEAST", 3000)
    monkeypatch.setattr(png_rows, "_BLOCK", 1000)


def told(*arguments):
    result = call("apply", *arguments, "--json", "--overwrite")
    assert result.status == 0, result.err
    said = json.loads(result.out)
    # How long compiling takes depends on how busy the machine is.
    notes = [note for note in said["notes"] if "went into compiling" not in note]
    return {**said, "notes": notes, "seconds": 0}


@pytest.mark.usefixtures("small_bands", "dear")
@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize(
    ("channels", "dtype", "suffix"),
    [
        ("RGB", "uint8", ".jpg"),
        ("L", "uint8", ".jpg"),
        ("RGB", "uint8", ".png"),
        ("L", "uint16", ".png"),
        ("RGBA", "uint8", ".png"),
    ],
)
def test_a_command_writes_and_says_the_same(
    name, channels, dtype, suffix, tmp_path, rng, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shape = (67, 90) if channels == "L" else (67, 90, len(channels))
    write("in.png", Image(original(rng, shape, dtype), channels))
    taken = []
    rows = Pending.rows

    def noting(self, *band, **more):
        taken.append(band)
        return rows(self, *band, **more)

    monkeypatch.setattr(Pending, "rows", noting)
    at_writing = told(name, "in.png", "-o", f"out{suffix}")
    made = read(f"out{suffix}")
    # Alpha is filtered or left in a way of its own, at once.
    assert (len(taken) > 3) == (channels != "RGBA")
    monkeypatch.setattr(one, "_LARGE", 1 << 60)
    before = len(taken)
    at_once = told(name, "in.png", "-o", f"out{suffix}")
    assert len(taken) == before
    assert at_writing == at_once
    assert_same_pixels(made.pixels, read(f"out{suffix}").pixels)


@pytest.mark.usefixtures("small_bands")
def test_nothing_is_left_when_a_row_can_not_be_made(tmp_path, rng, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("in.png", Image(original(rng, (67, 90, 3), "uint8"), "RGB"))

    def make(self, start, stop):
        if start > 20:
            raise MemoryError
        return self.pixels[start:stop]

    monkeypatch.setattr(Pending, "rows", make)
    for suffix in (".png", ".jpg"):
        result = call("apply", "sharpen", "in.png", "-o", f"out{suffix}")
        assert result.status == 1
        assert "not enough memory" in result.err
        assert len(result.err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_unwatched_rows_have_the_same_bits(rng):
    image = Image(original(rng, (64, 90, 3), "uint8"), "RGB")
    for name in KERNELS:
        kernels = [parse_kernel(name)]
        watched, told = begin(image, kernels, Spec())
        other, untold = begin(image, kernels, Spec(), watch=False)
        assert_same_pixels(other.pixels, watched.pixels)
        assert np.isnan(untold().lowest)
        assert told().lowest < told().highest
