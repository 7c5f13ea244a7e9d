"""Missing samples: weighted means of what is there, as defined and as others have them."""

from __future__ import annotations

import json
import shutil
import subprocess
import warnings

import numpy as np
import pytest
import tifffile
from asserts import assert_same_pixels
from command import call
from marks import exhaustive_but
from masked import responses
from PIL import Image as Pillow
from scipy import ndimage

from convcli import (
    Compound,
    Image,
    Kernel,
    Spec,
    UsageError,
    apply,
    correlate,
    pipeline,
    read,
    write,
)
from convcli.image.image import Meta
from convcli.kernels import parse_kernel
from convcli.kernels.kernel import Combine

BORDERS = ("replicate", "zero", "constant", "reflect", "symmetric", "wrap")
NODATA = -9999.0
TAG = 42113


def kernel_of(kind, shape, rng):
    """Weights of a kind, of which some are not zero."""
    weights = {
        "whole": lambda: 1 + rng.integers(0, 5, shape),
        "real": lambda: rng.random(shape) + 0.01,
        "product": lambda: np.outer(*(rng.random(n) + 0.05 for n in shape)),
        "box": lambda: np.full(shape, 1 / np.prod(shape)),
        "signed": lambda: rng.integers(-2, 5, shape) + 0.25,
        "zero": lambda: rng.integers(-3, 4, shape),
        "rank2": lambda: (
            np.outer(*(rng.random(n) for n in shape))
            + 3 * np.outer(*(rng.random(n) for n in shape))
        ),
    }[kind]()
    if kind == "zero":
        weights[shape[0] // 2, shape[1] // 2] -= weights.sum()
    return weights


METHODS = {
    "product": ("auto", "direct", "separable"),
    "box": ("auto", "direct", "separable", "box"),
    "rank2": ("auto", "direct"),
}


class Case:
    """A random image with holes, a random kernel and spec, made of a seed."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        size = rng.integers(3, 30, 2)
        self._ask(seed, rng, size)
        self._draw(seed, rng, size)

    def _ask(self, seed, rng, size):
        kinds = ("whole", "real", "product", "box", "signed", "zero", "rank2")
        self.kind, shape = kinds[seed % 7], tuple(int(n) for n in rng.integers(2, 8, 2))
        self.weights = kernel_of(self.kind, shape, rng)
        if not self.weights.any():
            self.weights[0, 0] = 1
        self.method = rng.choice((*METHODS.get(self.kind, ("auto", "direct")), "fft"))
        stride, dilation = (tuple(int(n) for n in rng.integers(1, 4, 2)) for _ in range(2))
        if self.method == "box":
            stride, dilation = (stride[0], 1), (1, 1)
        spans = [d * (n - 1) + 1 for n, d in zip(shape, dilation, strict=True)]
        words = ["same", "full"] + ["valid"] * all(spans[k] <= size[k] for k in (0, 1))
        self.padding = str(rng.choice(words))
        same = [(n // 2 * d, (n - 1 - n // 2) * d) for n, d in zip(shape, dilation, strict=True)]
        full = [(span - 1, span - 1) for span in spans]
        places = {"same": same, "full": full, "valid": [(0, 0)] * 2}[self.padding]
        self.border = BORDERS[seed % 6]
        self.fill = float(rng.integers(0, 200)) if self.border == "constant" else 0.0
        self.missing = ("ignore", "fill", "spread")[seed // 7 % 3]
        self.least = float(rng.choice([0, 0, 0.3, 0.7, 1])) * (self.missing != "spread")
        self.how = {"padding": places, "stride": stride, "dilation": dilation}

    def _draw(self, seed, rng, size):
        self.dtype = np.dtype(("float32", "float64", "uint8", "uint16")[seed % 4])
        self.top = {"f": 1.0}.get(self.dtype.kind) or float(np.iinfo(self.dtype).max)
        self.there = rng.random(size) >= rng.choice([0.02, 0.2, 0.6, 0.95])
        self.there[0, 0] = False
        values = (
            rng.integers(1, min(self.top, 5000), size) if self.top > 1 else 300 + rng.random(size)
        )
        self.nodata = 0.0 if self.top > 1 else (None, NODATA)[seed // 4 % 2]
        mark = np.nan if self.nodata is None else self.nodata
        self.pixels = np.where(self.there, values, mark).astype(self.dtype)
        level = self.fill * self.top / 255
        fill = np.floor(level + 0.5) if self.top > 1 else level
        self.how |= {"border": self.border, "fill": fill}

    @property
    def spec(self):
        """What is asked for."""
        return Spec(
            padding=self.padding, border=self.border, fill=self.fill, stride=self.how["stride"],
            dilation=self.how["dilation"], mapping="raw", method=str(self.method),
            nodata=self.nodata, missing=self.missing, least_share=self.least,
        )  # fmt: skip


@pytest.mark.parametrize("seed", exhaustive_but(range(0, 32, 8), range(400)))
def test_random_cases_are_as_defined(seed):
    case = Case(seed)
    meant = responses(case.pixels, case.there, case.weights, case.how, case.missing, case.least)
    found = apply(Image(case.pixels), Kernel("k", case.weights), case.spec).pixels
    lacking = np.isnan(found) if case.nodata is None else found == case.nodata
    assert_same_pixels(lacking, np.isnan(meant))
    scale = np.abs(case.weights).sum() * float(np.where(case.there, case.pixels, 0).max())
    within = scale * (2e-3 if case.method == "fft" else 5e-6)
    assert_same_pixels(found[~lacking], meant[~lacking], within)


@pytest.mark.peers("astropy")
@pytest.mark.parametrize("seed", exhaustive_but(range(20), range(200)))
def test_random_cases_equal_astropy(seed):
    from astropy.convolution import convolve

    rng = np.random.default_rng(seed)
    weights = rng.random(2 * rng.integers(0, 4, 2) + 1) + 0.01
    pixels = 300 + 100 * rng.random(rng.integers(8, 40, 2))
    pixels[rng.random(pixels.shape) < 0.3] = np.nan
    theirs, ours = (("extend", "replicate"), ("wrap", "wrap"), ("fill", "zero"))[seed % 3]
    for keeps, missing in ((True, "ignore"), (False, "fill")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what stays missing
            meant = convolve(
                pixels, weights, boundary=theirs, nan_treatment="interpolate",
                preserve_nan=keeps, normalize_kernel=False,
            )  # fmt: skip
        spec = Spec(border=ours, mapping="raw", convolve=True, missing=missing)
        found = apply(Image(pixels), Kernel("k", weights), spec).pixels
        np.testing.assert_allclose(found, meant, 1e-6)


def mean_of(pixels, there, sigma, mode):
    """A blur of what is there, as is usual with SciPy."""
    values, weight = (
        ndimage.gaussian_filter(each.astype(float), sigma, mode=mode, truncate=4)
        for each in (np.where(there, pixels, 0), there)
    )
    with np.errstate(invalid="ignore"):
        return values / weight


@pytest.mark.parametrize("mode", [("nearest", "replicate"), ("reflect", "symmetric"),
                                  ("mirror", "reflect"), ("wrap", "wrap")])  # fmt: skip
@pytest.mark.parametrize("sigma", [1, 2.5])
def test_a_blur_is_scipys_of_values_over_that_of_a_mask(mode, sigma, rng):
    pixels = (300 + 100 * rng.random((70, 60))).astype(np.float32)
    pixels[20:40, 10:30] = pixels[::7, ::5] = np.nan
    there = ~np.isnan(pixels)
    meant = mean_of(pixels, there, sigma, mode[0])
    found = apply(Image(pixels), f"gaussian:sigma={sigma}", Spec(border=mode[1])).pixels
    assert_same_pixels(np.isnan(found), ~there)
    np.testing.assert_allclose(found[there], meant[there], 2e-6)


@pytest.mark.parametrize("name", ["sobel-x", "sobel", "laplacian", "prewitt", "log:sigma=2",
                                  "kirsch", "sobel-direction", "frei-chen"])  # fmt: skip
@pytest.mark.parametrize("missing", ["ignore", "fill"])
def test_flat_stays_zero(name, missing, rng):
    pixels = np.full((40, 50), 412.5, np.float32)
    pixels[rng.random(pixels.shape) < 0.3] = np.nan
    pixels[10:20, 10:20] = np.nan
    found = apply(Image(pixels), name, Spec(mapping="raw", missing=missing)).pixels
    if missing == "ignore":
        assert_same_pixels(np.isnan(found), np.isnan(pixels))
    numbers = found[~np.isnan(found)]
    assert np.abs(numbers).max() <= {"log:sigma=2": 1e-3, "frei-chen": 1e-6}.get(name, 0)


@pytest.mark.parametrize("combine", [c for c in Combine if c is not Combine.SHARE])
def test_several_kernels_are_combined_after_that(combine, rng):
    pixels = rng.random((30, 31)).astype(np.float32)
    there = rng.random(pixels.shape) > 0.2
    weights = [parse_kernel(name).weights for name in ("sobel-x", "sobel-y")]
    how = {"padding": [(1, 1)] * 2, "border": "reflect", "fill": 0, "stride": (1, 1),
           "dilation": (1, 1)}  # fmt: skip
    one, two = (responses(pixels, there, each, how) for each in weights)
    angle = np.degrees(np.arctan2(two, one)) % 360
    meant = {
        "magnitude": np.hypot(one, two), "direction": angle, "max": np.maximum(one, two),
        "max-abs": np.maximum(abs(one), abs(two)), "sum-abs": abs(one) + abs(two),
    }[combine]  # fmt: skip
    kernel = Compound("both", tuple(map(Kernel, "ab", weights)), combine)
    holes = Image(np.where(there, pixels, np.float32(np.nan)))
    found = apply(holes, kernel, Spec(mapping="raw", border="reflect")).pixels
    np.testing.assert_allclose(found, meant, 1e-3, 2e-5)


def test_shares_of_squares_are_those_of_what_is_there():
    pixels = np.tile(np.arange(12, dtype=np.float32), (12, 1))
    pixels[5, 5] = np.nan
    found = apply(Image(pixels), "frei-chen", Spec(mapping="raw")).pixels
    assert np.isnan(found[5, 5])
    assert np.isfinite(np.delete(found, 65)).all()


@pytest.mark.parametrize(
    "method", exhaustive_but(["direct", "auto"], ["direct", "separable", "fft", "auto"])
)
def test_what_sees_nothing_missing_is_as_without(method, rng):
    pixels = rng.random((80, 90)).astype(np.float32)
    holes = pixels.copy()
    holes[40:44, 50:52] = np.nan
    spec = Spec(method=method)
    for name in ("gaussian:sigma=1.5", "sobel", "laplacian", "sharpen"):
        if method == "separable" and name in ("sharpen", "laplacian"):
            continue
        kernel = parse_kernel(name)
        far = ndimage.binary_dilation(np.isnan(holes), np.ones(kernel.shape), iterations=1)
        plain, found = (apply(Image(each), kernel, spec).pixels for each in (pixels, holes))
        assert_same_pixels(found[~far], plain[~far], 1e-5)
        assert_same_pixels(found[:16], plain[:16], 1e-6 if method == "fft" else 0)


@pytest.mark.parametrize("mapping", ["clip", "abs", "offset", "normalize", "raw"])
@pytest.mark.parametrize("depth", ["same", "8", "16", "float"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_marks_are_kept_or_said_to_be_gone(mapping, depth, dtype, rng):
    if mapping == "raw" and depth in ("8", "16"):
        return
    pixels = (300 + rng.random((20, 20))).astype(dtype)
    pixels[3:6, 3:6], pixels[10, 10] = NODATA, np.nan
    image = Image(pixels, meta=Meta(nodata=NODATA))
    kernels = [parse_kernel("gaussian:sigma=1")]
    result, facts = pipeline.apply(image, kernels, Spec(mapping=mapping, depth=depth))
    found, missing = result.pixels, facts.missing
    assert (missing.source, missing.result, missing.samples) == (10, 10, 400)
    if depth in ("8", "16"):
        zero = {"8": 128, "16": 32768}[depth] if mapping == "offset" else 0
        assert missing.mark is None is result.meta.nodata
        assert (found[3:6, 3:6] == zero).all()
        assert found[10, 10] == zero
    else:
        assert missing.mark == NODATA == result.meta.nodata
        assert (found[3:6, 3:6] == NODATA).all()
        assert np.isnan(found[10, 10])
        assert np.count_nonzero(found == NODATA) == 9
    if mapping == "normalize":
        assert found[(found != NODATA) & ~np.isnan(found)].min() == 0
        assert 300 <= facts.lowest < facts.highest <= 301


@pytest.mark.parametrize("nodata", [0, 255])
@pytest.mark.parametrize("name", ["gaussian:sigma=1", "sobel", "sharpen", "box3"])
def test_whole_samples_may_say_that_they_are_missing(nodata, name, rng):
    pixels = rng.integers(1, 255, (40, 41)).astype(np.uint8)
    pixels[:9] = pixels[20:25, 20:25] = nodata
    pixels[30:, :20] = 7
    image = Image(pixels, meta=Meta(nodata=float(nodata)))
    result, facts = pipeline.apply(image, [parse_kernel(name)], Spec())
    assert_same_pixels(result.pixels == nodata, pixels == nodata)
    assert facts.missing.result == facts.missing.source == np.count_nonzero(pixels == nodata)
    if name == "sobel" and nodata == 0:
        # What is flat would be 0, which is taken.
        assert facts.missing.moved > 100
        assert (result.pixels[33:, :17] == 1).all()


def test_levels_of_another_depth_are_the_same_mark(rng):
    pixels = rng.integers(0, 255, (12, 12)).astype(np.uint8)
    pixels[4, 4] = 255
    image = Image(pixels, meta=Meta(nodata=255.0))
    wide = apply(image, "box3", Spec(depth="16"))
    assert wide.meta.nodata == 65535 == wide.pixels[4, 4]
    real = apply(image, "box3", Spec(depth="float"))
    assert real.meta.nodata == 1 == real.pixels[4, 4]
    raw = apply(image, "box3", Spec(mapping="raw"))
    assert raw.meta.nodata == 255 == raw.pixels[4, 4]


def test_a_mean_of_what_is_there_is_rounded_as_ever():
    pixels = np.array([[10, 0, 13], [0, 20, 0], [1, 0, 3]], np.uint8)
    found = apply(Image(pixels), "box3", Spec(nodata=0, padding="valid")).pixels
    assert found == 9  # 47/5 = 9.4
    # 4·5 less 4 of the two that are there, doubled: their share is 1/3 of 1.
    assert (
        apply(
            Image(pixels), "0 1 0; 1 1 1; 0 1 0", Spec(nodata=0, padding="valid", divisor=5)
        ).pixels
        == 20
    )


def test_kernels_follow_one_another(rng):
    pixels = (300 + rng.random((90, 40))).astype(np.float32)
    pixels[rng.random(pixels.shape) < 0.1] = np.nan
    how = {"padding": [(1, 1)] * 2, "border": "wrap", "fill": 0, "stride": (1, 1),
           "dilation": (1, 1)}  # fmt: skip
    weights = [rng.random((3, 3)), parse_kernel("sobel-y").weights, rng.random((3, 3))]
    for missing in ("ignore", "fill", "spread"):
        meant = pixels
        for each in weights:
            meant = responses(meant, ~np.isnan(meant), each, how, missing)
        kernels = [Kernel(f"k{n}", each) for n, each in enumerate(weights)]
        spec = Spec(mapping="raw", border="wrap", missing=missing)
        found = apply(Image(pixels), kernels, spec).pixels
        assert_same_pixels(np.isnan(found), np.isnan(meant))
        np.testing.assert_allclose(found, meant, 1e-4, 2e-2)


@pytest.mark.parametrize("options", [
    {}, {"gray": True}, {"luma": True}, {"linear": True}, {"linear": True, "luma": True},
    {"channels": "RB"}, {"keep_edges": True}, {"alpha": "drop"}, {"rounding": "even"},
])  # fmt: skip
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("name", ["gaussian:sigma=1", "sobel"])
def test_colour_keeps_what_is_missing(options, alpha, name, rng):
    pixels = rng.random((24, 25, 3 + alpha)).astype(np.float32)
    pixels[4:8, 4:8, :3] = np.nan
    if alpha:
        pixels[12:, :, 3] = 0.5
    result, facts = pipeline.apply(Image(pixels), [parse_kernel(name)], Spec(**options))
    planes = result.pixels.reshape(24, 25, -1)
    colours = 1 if options.get("gray") else 3
    hole = np.zeros((24, 25), bool)
    hole[4:8, 4:8] = True
    for channel in range(colours):
        assert_same_pixels(np.isnan(planes[:, :, channel]), hole)
    assert np.isfinite(planes[:, :, colours:]).all()
    assert facts.missing.result == 16 * (2 if "channels" in options else colours)


def test_alpha_weighs_what_is_there(rng):
    pixels = rng.random((20, 20, 4)).astype(np.float32)
    pixels[5:9, 5:9, :3] = np.nan
    hidden = pixels.copy()
    hidden[5:9, 5:9] = 0
    found, meant = (
        apply(Image(each), "gaussian:sigma=1", Spec(alpha="filter")).pixels
        for each in (pixels, hidden)
    )
    there = ~np.isnan(pixels[:, :, 0])
    # What can't be seen counts as little as what isn't there.
    np.testing.assert_allclose(found[there][:, :3], meant[there][:, :3], 1e-4)
    assert_same_pixels(found[~there][:, 3], pixels[~there][:, 3])


def test_bands_have_holes_of_their_own(rng):
    pixels = (300 + rng.random((30, 30, 6))).astype(np.float32)
    there = rng.random(pixels.shape) > 0.2
    pixels[~there] = NODATA
    found = apply(Image(pixels), "gaussian:sigma=1", Spec(nodata=NODATA)).pixels
    assert_same_pixels(found == NODATA, ~there)
    for band in range(6):
        one = apply(Image(pixels[:, :, band].copy()), "gaussian:sigma=1", Spec(nodata=NODATA))
        assert_same_pixels(found[:, :, band], one.pixels, 1e-4)


@pytest.mark.parametrize("mark", [np.nan, NODATA])
def test_kept_channels_lose_their_marks_with_a_word(mark, rng):
    pixels = rng.random((8, 9, 3), dtype=np.float32)
    pixels[2, 3:5, 0] = mark
    image = Image(pixels, meta=Meta(nodata=None if np.isnan(mark) else mark))
    for depth, said in (("8", True), ("same", False)):
        spec = Spec(channels="2", depth=depth)
        notes = pipeline.lay(image, [parse_kernel("box3")], spec).facts.notes
        note = "missing samples of channels that are kept: 2, which whole samples can't say"
        assert (note in notes) == said
    kept = apply(image, "box3", Spec(channels="2")).pixels
    assert_same_pixels(kept[..., 0], pixels[..., 0])


@pytest.mark.parametrize(
    ("options", "places"),
    [({"bands": "2"}, [1]), ({"bands": "4,1"}, [3, 0]), ({"bands": "1-3"}, [0, 1, 2]),
     ({"gray": True}, [0, 1, 2])],
)  # fmt: skip
@pytest.mark.parametrize("mark", [np.nan, NODATA])
def test_what_is_missing_of_chosen_bands_is_missing(mark, options, places, rng):
    pixels = rng.random((12, 13, 5), dtype=np.float32)
    pixels[rng.random(pixels.shape) < 0.1] = mark
    meta = Meta(nodata=None if np.isnan(mark) else mark)
    found = apply(Image(pixels, "RGB??", meta), "box3", Spec(**options))
    letters = {1: "L", 2: "??", 3: "RGB"}[len(places)]
    alone = Image(np.ascontiguousarray(np.squeeze(pixels[..., places])), letters, meta)
    rest = {} if "bands" in options else options
    assert_same_pixels(found.pixels, apply(alone, "box3", Spec(**rest)).pixels)
    assert found.meta.nodata == meta.nodata


def test_all_may_be_missing():
    pixels = np.full((9, 9), np.nan, np.float32)
    for name in ("gaussian", "sobel"):
        for options in ({}, {"missing": "fill"}, {"mapping": "normalize"}):
            found, facts = pipeline.apply(Image(pixels), [parse_kernel(name)], Spec(**options))
            assert np.isnan(found.pixels).all()
            assert np.isnan(facts.lowest)


def test_infinities_are_there():
    pixels = np.ones((9, 9), np.float32)
    pixels[4, 4], pixels[0, 0] = np.inf, np.nan
    found = apply(Image(pixels), "box3").pixels
    assert np.isposinf(found[3:6, 3:6]).all()
    assert np.isnan(found).sum() == 1


def test_what_is_missing_nowhere_costs_nothing(rng):
    pixels = rng.random((30, 30)).astype(np.float32)
    plain = pipeline.lay(Image(pixels), [parse_kernel("gaussian")], Spec())
    for spec in (Spec(nodata=NODATA), Spec(missing="spread"), Spec(least_share=0.5)):
        road = pipeline.lay(Image(pixels), [parse_kernel("gaussian")], spec)
        assert road.work.gaps is None
        assert_same_pixels(road.result.pixels, plain.result.pixels)
    found = apply(Image(np.eye(3, dtype=np.float32)), "box3", Spec(nodata=np.float32(1)))
    assert np.array_equal(found.pixels == 1, np.eye(3))
    whole = Image(np.ones((3, 3), np.uint8), meta=Meta(nodata=NODATA))
    assert pipeline.lay(whole, [parse_kernel("box3")], Spec()).work.gaps is None
    assert apply(whole, "box3").meta.nodata == NODATA


def test_what_makes_no_sense_is_refused():
    for options, said in (
        ({"nodata": "nothing"}, "`nodata` must be a number or 'none'"),
        ({"least_share": 1.5}, "`least_share` must be a number from 0 to 1"),
        ({"missing": "hide"}, "missing 'hide' is not known; there are ignore, fill, spread"),
        ({"missing": "spread", "least_share": 0.5}, "one missing sample is enough"),
    ):
        with pytest.raises(UsageError, match=said):
            Spec(**options)
    holes = Image(np.full((3, 3, 3), np.nan, np.float32))
    for options, said in (
        ({"luma": True, "missing": "fill"}, "`luma` with `missing` fill"),
        ({"region": "0,0,2x2"}, "`region`"),
    ):
        with pytest.raises(
            UsageError, match=f"samples of the image are missing, which {said} can't"
        ):
            apply(holes, "box3", Spec(**options))


# Arrays


@pytest.mark.exhaustive
def test_arrays_take_the_same(rng):
    pixels = rng.random((20, 21))
    pixels[4, 4] = np.nan
    assert np.isnan(correlate(pixels, "box3")).sum() == 9
    for missing in ("ignore", "fill", "spread"):
        meant = apply(Image(pixels), "box3", Spec(mapping="raw", missing=missing)).pixels
        np.testing.assert_allclose(correlate(pixels, "box3", missing=missing), meant, 1e-12)
    nodata = np.where(np.isnan(pixels), NODATA, pixels)
    found = correlate(nodata, "box3", nodata=NODATA)
    assert found[4, 4] == NODATA
    assert np.count_nonzero(found == NODATA) == 1
    with pytest.raises(UsageError, match="bank of filters knows none"):
        correlate(pixels, np.ones((2, 1, 3, 3)), missing="fill")


def test_masked_arrays_stay_masked():
    pixels = np.ma.masked_equal(np.arange(30, dtype=np.uint8).reshape(5, 6), 14)
    found = correlate(pixels, "box3")
    assert_same_pixels(np.ma.getmaskarray(found), np.ma.getmaskarray(pixels))
    assert found[1, 1] == pytest.approx((0 + 1 + 2 + 6 + 7 + 8 + 12 + 13) / 8)
    colour = np.ma.masked_equal(np.ones((5, 6, 3)), 0)
    assert correlate(colour, "box3").shape == (5, 6, 3)


# Files


def dem(path, nodata="-9999", dtype="float32", hole=NODATA):
    """Write a height model with a missing corner, as GDAL does; return its samples."""
    y, x = np.mgrid[0:40, 0:50]
    heights = (100 + x + y // 2).astype(dtype)
    heights[:12, :15] = hole
    tags = [(TAG, "s", 0, nodata, True)] if nodata else []
    tifffile.imwrite(path, heights, extratags=tags, metadata=None)
    return heights


def tag_of(path):
    with tifffile.TiffFile(path) as file:
        return file.pages[0].tags.valueof(TAG)


@pytest.mark.parametrize("nodata", ["-9999", "-9999.0", " -9999 ", "-9.999e3"])
def test_a_files_nodata_value_is_kept(tmp_path, nodata):
    heights = dem(tmp_path / "dem.tif", nodata)
    said = call("apply", "gaussian:sigma=2", tmp_path / "dem.tif", "-o", tmp_path / "out.tif")
    assert said.status == 0
    assert "missing  180 samples (-9999 or NaN); 180 of 2,000 in the result" in said.err
    found = tifffile.imread(tmp_path / "out.tif")
    assert_same_pixels(found == NODATA, heights == NODATA)
    there = heights != NODATA
    np.testing.assert_allclose(found[there], mean_of(heights, there, 2, "nearest")[there], 1e-5)
    assert tag_of(tmp_path / "out.tif") == "-9999"


@pytest.mark.parametrize(("value", "text"), [
    (-3.4028234663852886e38, "-3.4028234663852886e+38"), (1e20, "1e+20"), (0.1, "0.1"),
    (np.nan, "nan"), (-32768.0, "-32768"), (0.0, "0"),
])  # fmt: skip
def test_nodata_values_are_written_as_gdal_writes_them(tmp_path, value, text):
    pixels = np.ones((8, 9), np.float32)
    pixels[2, 2] = value
    write(tmp_path / "a.tif", Image(pixels, meta=Meta(nodata=value)))
    again = read(tmp_path / "a.tif")
    assert again.meta.nodata == pytest.approx(value, nan_ok=True)
    assert float(tag_of(tmp_path / "a.tif")) == pytest.approx(float(text), nan_ok=True)
    found, facts = pipeline.apply(again, [parse_kernel("box3")], Spec())
    assert facts.missing.result == 1
    assert found.pixels[2, 2].tobytes() == np.float32(value).tobytes() or np.isnan(value)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("dtype", "hole", "nodata"), [("uint8", 0, "0"), ("uint8", 255, "255"),
                                                       ("uint16", 65535, "65535")])  # fmt: skip
def test_whole_files_keep_it_too(tmp_path, dtype, hole, nodata):
    heights = dem(tmp_path / "dem.tif", nodata, dtype, hole)
    said = call("apply", "box5", tmp_path / "dem.tif", "-o", tmp_path / "out.tif", "--json")
    told = json.loads(said.out)["missing"]
    assert told == {"source": 180, "nodata": hole, "result": 180, "samples": 2000, "mark": hole,
                    "moved": 0}  # fmt: skip
    found = tifffile.imread(tmp_path / "out.tif")
    assert found.dtype == dtype
    assert_same_pixels(found == hole, heights == hole)
    assert tag_of(tmp_path / "out.tif") == nodata


def test_white_is_zero_of_fewer_bits_means_the_sample_it_becomes(tmp_path):
    stored = np.full((16, 16), 3, np.uint8)
    stored[4:8, 4:8] = 15
    tags = [(TAG, "s", 0, "15", True)]
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite", extratags=tags,
                     metadata=None)  # fmt: skip
    image = read(tmp_path / "a.tif")
    assert image.meta.nodata == image.pixels[5, 5] != image.pixels[0, 0]


def test_pages_have_values_of_their_own(tmp_path):
    pages = [np.full((20, 20), 5, np.float32) for _ in range(3)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for number, (page, nodata) in enumerate(zip(pages, (-1, -2, None), strict=True)):
            if nodata is not None:
                page[number, :4] = nodata
            tags = [] if nodata is None else [(TAG, "s", 0, str(nodata), True)]
            file.write(page, extratags=tags, metadata=None)
    said = call("apply", "box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--json")
    assert json.loads(said.out)["missing"]["source"] == 8
    found = tifffile.imread(tmp_path / "b.tif", key=range(3))
    assert_same_pixels(found, np.array(pages))
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert [page.tags.valueof(TAG) for page in file.pages] == ["-1", "-2", None]


def test_the_user_says_what_is_missing(tmp_path):
    dem(tmp_path / "dem.tif", nodata=None)
    plain = call("apply", "box3", tmp_path / "dem.tif", "-o", tmp_path / "a.tif")
    assert "missing" not in plain.err
    call("apply", "box3", tmp_path / "dem.tif", "-o", tmp_path / "b.tif", "--nodata", "-9999")
    found = tifffile.imread(tmp_path / "b.tif")
    assert np.count_nonzero(found == NODATA) == 180
    assert tag_of(tmp_path / "b.tif") == "-9999"
    dem(tmp_path / "told.tif")
    data = call(
        "apply", "box3", tmp_path / "told.tif", "-o", tmp_path / "c.tif", "--nodata", "none"
    )
    assert data.status == 0
    assert_same_pixels(*(tifffile.imread(tmp_path / name) for name in ("a.tif", "c.tif")))
    assert tag_of(tmp_path / "c.tif") is None
    other = call("apply", "box3", tmp_path / "told.tif", "-o", tmp_path / "d.tif", "--nodata", "7")
    assert "the file's own nodata value -9999 was filtered as data" in other.err


@pytest.mark.parametrize(
    ("options", "zero"),
    [((), 0), (("--map", "offset"), 128), (("--map", "normalize"), 0), (("--map", "abs"), 0)],
)
def test_eight_bits_can_not_say_it_and_that_is_said(tmp_path, options, zero):
    heights = np.random.default_rng(1).random((30, 30)).astype(np.float32)
    heights[3:9, 3:9] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", heights)
    said = call(
        "apply", "box3", tmp_path / "a.tif", "-o", tmp_path / "b.png", "--depth", "8", *options
    )
    assert "missing  36 samples (NaN); 36 of 900 in the result" in said.err
    assert f"they are {zero} there: 8-bit samples can't say that they are missing" in said.err
    with Pillow.open(tmp_path / "b.png") as image:
        assert (np.asarray(image)[3:9, 3:9] == zero).all()


def test_no_json_has_a_number_that_is_none(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((9, 9), np.nan, np.float32))
    for options in ((), ("--map", "normalize"), ("--depth", "8", "--map", "offset")):
        said = call("apply", "box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--overwrite",
                    "--json", *options)  # fmt: skip
        told = json.loads(said.out, parse_constant=lambda word: pytest.fail(word))
        assert told["missing"]["result"] == 81
        assert told["response"]["lowest"] is None
    text = call("apply", "box3", tmp_path / "a.tif", "-o", tmp_path / "c.tif")
    assert "none that is a number" in text.err


def test_a_format_without_the_tag_says_so(tmp_path):
    dem(tmp_path / "dem.tif", "0", "uint8", 0)
    said = call("apply", "box3", tmp_path / "dem.tif", "-o", tmp_path / "a.png")
    assert "PNG can't hold the source's nodata value: left out" in said.err


def test_volumes_and_banks_say_that_they_know_none(tmp_path):
    dem(tmp_path / "dem.tif")
    said = call("apply", "box", tmp_path / "dem.tif", "--volume", "-o", tmp_path / "v.tif",
                "--nodata", "-9999")  # fmt: skip
    assert said.status != 0
    assert "--nodata can't be had for a volume; leave it out" in said.err
    said = call("apply", "--bank", "sobel-x,sobel-y", tmp_path / "dem.tif", "-o",
                tmp_path / "maps", "--missing", "fill")  # fmt: skip
    assert "--missing goes with a single kernel, not with banks; leave it out" in said.err
    said = call("apply", "--bank", "sobel-x,sobel-y", tmp_path / "dem.tif", "-o", tmp_path / "maps")
    assert "the nodata value -9999 was filtered as data" in said.err


def test_volumes_and_banks_say_that_numbers_were_missing(tmp_path):
    stack = np.full((4, 19, 18), 0.5, np.float32)
    stack[1, 2:4, 5] = np.nan
    tifffile.imwrite(tmp_path / "stack.tif", stack, photometric="minisblack")
    tifffile.imwrite(tmp_path / "one.tif", stack[1])
    words = "2 samples are no numbers, and no response that sees one is (whole samples are 0 there)"
    said = call("apply", "box", tmp_path / "stack.tif", "--volume", "--depth", "8", "-o",
                tmp_path / "v.tif")  # fmt: skip
    assert f"{words}: volumes know no missing samples" in said.err
    assert np.count_nonzero(tifffile.imread(tmp_path / "v.tif") == 0) == 3 * 4 * 3
    said = call("apply", "--bank", "sobel-x,box3", tmp_path / "one.tif", "-o", tmp_path / "m.tif")
    assert f"{words}: banks know no missing samples" in said.err
    assert (
        np.isnan(tifffile.imread(tmp_path / "m.tif")).sum() == 12 + 8
    )  # the middle of sobel-x is 0
    whole = np.full((19, 18), 0.5, np.float32)
    tifffile.imwrite(tmp_path / "whole.tif", whole)
    said = call("apply", "--bank", "sobel-x", tmp_path / "whole.tif", "-o", tmp_path / "w.tif")
    assert "no number" not in said.err


def test_alpha_alone_is_filtered_whatever_is_missing_beside_it(rng):
    pixels = rng.integers(0, 3, (8, 9, 4), np.uint16)
    found = apply(Image(pixels, "RGBA"), "box3", Spec(channels="A", nodata=1)).pixels
    alone = apply(Image(np.ascontiguousarray(pixels[..., 3])), "box3").pixels
    assert_same_pixels(found, np.dstack((pixels[..., :3], alone)))


@pytest.mark.parametrize(
    ("typed", "mark"), [("-3.4028234663852886e+38", -np.finfo("f4").max), ("nan", np.nan)]
)
def test_any_float_may_say_what_is_missing(typed, mark, tmp_path):
    dem(tmp_path / "dem.tif", None, hole=mark)
    call("apply", "box3", tmp_path / "dem.tif", "--nodata", typed, "-o", tmp_path / "a.tif")
    found = tifffile.imread(tmp_path / "a.tif")
    holes = np.isnan(found) if np.isnan(mark) else found == np.float32(mark)
    assert 0 < np.count_nonzero(holes) < found.size
    assert np.abs(found[~holes]).max() < 1e4
    assert call("apply", "box3", tmp_path / "dem.tif", "--nodata", "no").status == 2


def test_explain_works_nothing_out_with_a_missing_sample(tmp_path):
    dem(tmp_path / "dem.tif")
    said = call("explain", "box3", tmp_path / "dem.tif", "--at", "5,5")
    assert said.status == 1
    assert "row 4, column 4 is -9999.0: nothing can be worked out with it" in said.err


@pytest.mark.exhaustive
@pytest.mark.skipif(not shutil.which("gdal_translate"), reason="gdal-bin isn't installed")
def test_gdal_makes_the_same(tmp_path):
    heights = dem(tmp_path / "dem.tif")
    (tmp_path / "k.vrt").write_text("""<VRTDataset rasterXSize="50" rasterYSize="40">
<VRTRasterBand dataType="Float32" band="1"><NoDataValue>-9999</NoDataValue>
<KernelFilteredSource><SourceFilename relativeToVRT="1">dem.tif</SourceFilename>
<SourceBand>1</SourceBand><Kernel normalized="1"><Size>3</Size>
<Coefs>1 2 1 2 4 2 1 2 1</Coefs></Kernel></KernelFilteredSource></VRTRasterBand></VRTDataset>""")
    halved = ("-outsize", "25", "20", "-r", "average")
    for options in (
        ["k.vrt", "gdal.tif"],
        [*halved, "dem.tif", "half.tif"],
    ):
        subprocess.run(["gdal_translate", "-q", *options], cwd=tmp_path, check=True)
    call("apply", "[[1,2,1],[2,4,2],[1,2,1]]/16", tmp_path / "dem.tif", "-o", tmp_path / "a.tif")
    theirs, ours = (tifffile.imread(tmp_path / name) for name in ("gdal.tif", "a.tif"))
    assert_same_pixels(theirs == NODATA, heights == NODATA)
    assert_same_pixels(ours, theirs, 1e-4)
    options = ("--stride", 2, "--padding", "valid", "--missing", "fill")
    call("apply", "[[1,1],[1,1]]/4", tmp_path / "dem.tif", "-o", tmp_path / "b.tif", *options)
    assert_same_pixels(*(tifffile.imread(tmp_path / name) for name in ("b.tif", "half.tif")))
    told = subprocess.run(["gdalinfo", tmp_path / "a.tif"], capture_output=True, check=True)
    assert b"NoData Value=-9999" in told.stdout
