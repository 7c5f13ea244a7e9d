"""Rows that are made when they are asked for have the bits of those that are made at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from asserts import assert_same_pixels
from command import call
from marks import exhaustive_but

from convcli import Spec, engine, read, write
from convcli.engine import blocks, prepared, window
from convcli.image.image import Image, Meta
from convcli.image.jpeg import bands as jpeg_bands
from convcli.image.png import filters as png_rows
from convcli.image.png import write as png_write
from convcli.kernels import parse_kernel
from convcli.pipeline import arrays, lay
from convcli.record import replace

#: What is said of compiling depends on how busy the machine is; plans name their threads.
ALIKE = {"notes": (), "plans": ()}
KERNELS = ("sharpen", "sobel-x", "gaussian:sigma=2", "sobel", "log", "emboss")


@pytest.fixture
def narrow(monkeypatch):
    """Stages make a few rows at a time, of small images, too."""
    monkeypatch.setattr("convcli.engine.rows.CHUNK_BYTES", 700)
    monkeypatch.setattr("convcli.engine.plan._LEAST_ROWS", 2)
    monkeypatch.setattr("convcli.engine.plan._STRIP_BYTES", 2000)
    monkeypatch.setattr("convcli.engine.plan._BOX_ROWS", 6)


def original(rng, shape, dtype):
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, endpoint=True).astype(dtype)


def bands(rng, rows, step):
    """Bands that cover all rows, in no order."""
    inner = np.arange(step, rows, step)
    edges = [0, *sorted(rng.choice(inner, min(len(inner), 6), replace=False)), rows]
    found = [(int(start), int(stop)) for start, stop in pairwise(edges)]
    rng.shuffle(found)
    return found


def assert_rows_are_the_whole(result, whole, rng, times=1):
    """All rows, asked for on three threads in no order, once or more often."""
    source = result.made

    def make(band):
        assert_same_pixels(result.rows(*band), whole[slice(*band)])

    with ThreadPoolExecutor(3) as pool:
        for _ in range(times):
            list(pool.map(make, bands(rng, len(whole), source.step)))


ROADS = {
    "plain": ("RGB", ["gaussian:sigma=2"], {}),
    "chain": ("RGB", ["gaussian:sigma=2", "laplacian"], {}),
    "chain, apart": ("L", ["box:size=5", "gaussian:sigma=1.5"], {"border": "wrap"}),
    "chain, strided": ("RGB", ["sobel-x", "gaussian:sigma=1"], {"stride": 2, "border": "reflect"}),
    "linear": ("RGB", ["gaussian:sigma=2"], {"linear": True}),
    "linear gray": ("RGBA", ["box3"], {"linear": True, "gray": True}),
    "linear offset": ("RGB", ["emboss"], {"linear": True, "mapping": "offset"}),
    "luma": ("RGB", ["unsharp:sigma=1"], {"luma": True}),
    "luma in linear light": ("RGBA", ["sharpen"], {"luma": True, "linear": True}),
    "alpha": ("RGBA", ["gaussian:sigma=1"], {}),
    "alpha filtered": ("RGBA", ["sobel"], {"alpha": "filter"}),
    "alpha kept": ("RGBA", ["gaussian:sigma=1"], {"alpha": "keep", "padding": "valid"}),
    "gray": ("RGB", ["sobel"], {"gray": True}),
    "one channel": ("RGB", ["gaussian:sigma=1"], {"channels": "G", "stride": (2, 3)}),
    "one, padded": ("RGB", ["box3"], {"channels": "B", "padding": "full", "border": "zero"}),
    "box": ("RGB", ["box:size=9"], {"method": "box"}),
    "spectra": ("RGB", ["gaussian:sigma=4"], {"method": "fft"}),
    "spectra of floats": ("RGBA", ["gaussian:sigma=4"], {"method": "fft", "linear": True}),
    "normalize": ("RGB", ["sobel-x"], {"mapping": "normalize"}),
    "normalize in linear light": ("RGBA", ["log"], {"mapping": "normalize", "linear": True}),
    "raw": ("L", ["gabor"], {"mapping": "raw", "border": "constant", "fill": 9}),
    "far from one another": ("L", ["box3"], {"padding": 70, "border": "wrap"}),
}
#: Each stage, treatment of channels and method once.
QUICK = ["plain", "chain", "linear", "luma", "alpha", "alpha filtered", "gray", "box", "spectra",
         "normalize", "raw", "far from one another"]  # fmt: skip


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("name", exhaustive_but(QUICK, ROADS))
def test_rows_have_the_bits_of_the_whole(name, rng):
    names, kernels, options = ROADS[name]
    shape = (61, 40) if names == "L" else (61, 40, len(names))
    image = Image(original(rng, shape, "uint8"), names, Meta(format="PNG"))
    kernels = [parse_kernel(each) for each in kernels]
    spec = Spec(**options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("convcli.engine.rows.CHUNK_BYTES", 2**30)
        whole = lay(image, kernels, replace(spec, jobs=1))
        expected = whole.result.pixels
    road = lay(image, kernels, spec)
    # Rows that are made again are not counted again.
    assert_rows_are_the_whole(road.result, expected, rng, times=2 if "box" in name else 1)
    assert replace(road.facts, **ALIKE) == replace(whole.facts, **ALIKE)


TILED = {
    "weighted": ("RGBA", {}),
    "held": ("RGB", {}),
    "a view": ("L", {"gray": True}),
    "wrapped, strided": ("RGBA", {"border": "wrap", "stride": 2}),
    "one channel": ("RGBA", {"channels": "G", "border": "constant", "fill": 9}),
    "lightness": ("RGBA", {"luma": True, "alpha": "filter", "padding": "full"}),
    "raw light": ("RGB", {"linear": True, "mapping": "raw"}),
    "chain": ("RGB", {"linear": True}),
}


@pytest.mark.parametrize("name", TILED)
def test_groups_of_tiles_are_made_of_parts_of_the_image(name, rng, monkeypatch):
    names, options = TILED[name]
    monkeypatch.setattr("convcli.engine.tiling.SIZES", (64,))
    monkeypatch.setattr("convcli.engine.tiling._SUMS_BYTES", 2**16)
    monkeypatch.setattr(arrays, "step_of", arrays.step_of.__wrapped__)
    monkeypatch.setattr(prepared, "_plan_for", prepared._plan_for.__wrapped__)
    shape = (130, 310) if names == "L" else (130, 310, len(names))
    image = Image(original(rng, shape, "uint8"), names)
    kernels = [parse_kernel("gaussian:sigma=3")] * (1 + (name == "chain"))
    spec = Spec(method="fft", **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.Correlated, "pieces", engine.Stage.pieces)
        whole = lay(image, kernels, replace(spec, jobs=1))
        expected = whole.result.pixels
    road = lay(image, kernels, spec)
    assert len(road.result.made._source.pieces) > 1 or name == "chain"
    assert_rows_are_the_whole(road.result, expected, rng)
    assert replace(road.facts, **ALIKE) == replace(whole.facts, **ALIKE)


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("dtype", exhaustive_but(["float32"], ["uint16", "float32"]))
@pytest.mark.parametrize("name", exhaustive_but(["sharpen", "gaussian:sigma=2"], KERNELS))
def test_rows_of_every_sample_type(name, dtype, rng):
    for shape, spec in (
        ((53, 40, 3), Spec()),
        ((90, 31), Spec(stride=2, border="reflect")),
        ((80, 64, 4), Spec(dilation=2, padding="valid", convolve=True, alpha="keep")),
    ):
        image = Image(original(rng, shape, dtype))
        road = lay(image, [parse_kernel(name)], spec)
        expected = lay(image, [parse_kernel(name)], replace(spec, jobs=1)).result.pixels
        assert_rows_are_the_whole(road.result, expected, rng)


def test_rows_that_are_made_together_are_not_made_apart(rng):
    road = lay(Image(original(rng, (21, 30), "uint8")), [parse_kernel("sharpen")], Spec())
    assert np.isnan(road.facts.lowest)
    for start, stop in ((1, 4), (0, 3)):
        with pytest.raises(ValueError, match="steps of 2"):
            road.result.rows(start, stop)
    assert len(road.result.rows(20, 21)) == 1


def test_an_image_whose_rows_are_to_be_made_is_an_image(rng):
    image = Image(original(rng, (30, 20, 3), "uint8"), "RGB", Meta(format="PNG"))
    road = lay(image, [parse_kernel("sharpen")], Spec())
    result = road.result
    assert (result.size, result.depth, result.maximum) == ((30, 20), "8-bit", 255.0)
    assert (result.channels, result.meta, result.row_bytes) == ("RGB", image.meta, 60)
    assert result.made is not None
    assert np.isnan(road.facts.lowest)
    assert result.pixels.shape == (30, 20, 3)
    assert result.made is None
    assert road.facts.highest >= result.pixels.max()
    assert "pixels" not in repr(result)


# Windows and blocks


class Counted(engine.Stage):
    """Rows of an array, of which is noted which were made."""

    def __init__(self, pixels, step=1):
        super().__init__(pixels.shape, pixels.dtype, step, step)
        self.pixels, self.made = pixels, []

    def rows(self, start, stop, into=None):
        self.made.append((start, stop))
        assert start % self.step == 0
        assert stop % self.step == 0 or stop == len(self.pixels)
        return engine.put_into(into, self.pixels[start:stop].copy())


@pytest.mark.parametrize("step", [1, 2, 7])
def test_a_window_has_the_rows_that_are_needed(step, rng):
    pixels = original(rng, (50, 3), "uint8")
    for trial in range(60):
        source = Counted(pixels, step)
        rows = window.Window(source)
        for _ in range(6):
            low = int(rng.integers(0, 45))
            needed = np.arange(low, low + int(rng.integers(1, 20)))
            if trial % 3 == 1:
                needed %= 50
            if trial % 3 == 2:
                needed = np.abs(needed - 12) * 2
            needed = np.where((needed >= 50) | (rng.random(len(needed)) < 0.1), -1, needed)
            found, places = rows.at(needed.astype(np.intp))
            assert np.array_equal(places < 0, needed < 0)
            inside = needed >= 0
            assert np.array_equal(found[places[inside]], pixels[needed[inside]])


def test_a_window_keeps_what_is_needed_again():
    pixels = np.arange(100, dtype=np.uint8)[:, None]
    source = Counted(pixels)
    rows = window.Window(source)
    for low in range(0, 90, 3):
        rows.at(np.arange(low, low + 10))
    assert sorted(source.made) == [(row, row + 1) for row in range(97)]


def test_each_block_is_made_once(rng):
    pixels = original(rng, (64, 9), "uint8")
    source = Counted(pixels, 8)
    rows = blocks.Blocks(source, 3)

    def make(band):
        assert_same_pixels(rows.band(*band), pixels[slice(*band)])

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(make, [(row, row + 3) for row in range(0, 63, 3)] + [(63, 64)]))
    assert sorted(source.made) == [(row, row + 8) for row in range(0, 64, 8)]


def test_a_block_that_can_not_be_made_is_asked_for_again():
    class Failing(Counted):
        def rows(self, start, stop, into=None):
            if not self.made:
                self.made.append("failed")
                raise MemoryError
            return super().rows(start, stop, into)

    rows = blocks.Blocks(Failing(np.zeros((8, 2)), 4), 2)
    with pytest.raises(MemoryError):
        rows.band(0, 4)
    assert rows.band(0, 8).shape == (8, 2)


@pytest.fixture
def small_bands(monkeypatch):
    """Small images are written as large ones are."""
    monkeypatch.setattr(jpeg_bands, "_BAND", 500)
    monkeypatch.setattr(png_write, "_LEAST", 3000)
    monkeypatch.setattr(png_rows, "_BLOCK", 1000)


def told(*arguments):
    result = call("apply", *arguments, "--json", "--overwrite")
    assert result.status == 0, result.err
    said = json.loads(result.out)
    # How long compiling takes depends on how busy the machine is.
    notes = [note for note in said["notes"] if "went into compiling" not in note]
    return {**said, "notes": notes, "seconds": 0, "memory": 0}


@pytest.mark.usefixtures("small_bands")
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
    rows = Image.rows

    def noting(self, *band):
        taken.append(band)
        return rows(self, *band)

    monkeypatch.setattr(Image, "rows", noting)
    at_writing = told(name, "in.png", "-o", f"out{suffix}")
    made = read(f"out{suffix}")
    assert len(taken) > 3
    # One that is compared is made at once.
    at_once = told(name, "in.png", "-o", f"out{suffix}", "--compare", "both.png")
    notes = [note for note in at_once["notes"] if "both.png" not in note]
    assert at_writing == {**at_once, "notes": notes}
    assert_same_pixels(made.pixels, read(f"out{suffix}").pixels)


@pytest.mark.usefixtures("small_bands")
def test_nothing_is_left_when_a_row_can_not_be_made(tmp_path, rng, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("in.png", Image(original(rng, (67, 90, 3), "uint8"), "RGB"))

    def make(self, start, stop):
        if start > 20:
            raise MemoryError
        return self.pixels[start:stop]

    monkeypatch.setattr(Image, "rows", make)
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
        watched, other = lay(image, kernels, Spec()), lay(image, kernels, Spec(), watch=False)
        assert_same_pixels(other.result.pixels, watched.result.pixels)
        assert np.isnan(other.facts.lowest)
        assert watched.facts.lowest < watched.facts.highest
