"""Masks: how much of a filtered image there is at each pixel; against NumPy in float64."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import tifffile
from command import call
from marks import exhaustive_but
from PIL import Image as PillowImage
from test_region import filtered, itself, random_case, region_of

from convcli import Image, ImageError, Spec, UsageError, apply, read
from convcli.pipeline.masks import Mask, mask_for
from convcli.record import replace
from convcli.region import Box


def soft_mask(rng, size, depth="uint8"):
    """Return a random mask: empty, full, and in between."""
    mask = rng.random(size)
    mask[rng.random(size) < 0.3] = 0
    mask[rng.random(size) < 0.3] = 1
    if depth == "bool":
        return mask > 0.5
    if depth[0] == "f":
        return mask.astype(depth)
    return np.rint(mask * np.iinfo(depth).max).astype(depth)


def shares_of(mask):
    """Return a mask as shares from 0 to 1."""
    return mask / (np.iinfo(mask.dtype).max if mask.dtype.kind == "u" else 1.0)


def unrounded(image, chain, spec):
    """Return the result in its own levels, as float64, clipped but not rounded."""
    found, _ = filtered(image, chain, replace(spec, depth="float", precision="double"))
    return found.astype(np.float64)


def case_for_masks(rng):
    """Return an image, kernels and a spec whose result is a plain mix."""
    while True:
        image, chain, spec = random_case(rng)
        if spec.mapping in ("normalize", "offset", "raw") or spec.rounding != "away":
            continue
        if spec.keep_edges or (image.has_alpha and spec.alpha in ("auto", "filter")):
            continue
        try:
            return image, chain, spec, filtered(image, chain, spec)[0]
        except (UsageError, ImageError):
            continue


QUICK = [(1, "uint8")]


@pytest.mark.parametrize(
    ("seed", "depth"),
    exhaustive_but(
        QUICK, itertools.product(range(40), ["uint8", "uint16", "float64", "float32", "bool"])
    ),
)
def test_a_mask_mixes_the_result_with_the_image(seed, depth):
    rng = np.random.default_rng(seed)
    image, chain, spec, whole = case_for_masks(rng)
    mask = soft_mask(rng, image.size, depth)
    found, facts = filtered(image, chain, replace(spec, mask=mask))
    levels = found.dtype.kind == "u"
    near, top = (1, np.iinfo(found.dtype).max) if levels else (1e-4, 1.0)
    share, kept = shares_of(mask)[:, :, None], itself(image, spec)
    assert np.array_equal(found[mask == 0], kept[mask == 0].astype(found.dtype))
    full = share[:, :, 0] == 1
    some = (share[:, :, 0] > 0) & ~full
    assert np.abs(found[full].astype(float) - whole[full]).max(initial=0) <= near
    inside = unrounded(image, chain, spec) * top
    before = kept
    if (image.dtype, image.pixels.size) != (found.dtype, found.size):
        # What is mixed is rounded once, so the image isn't before.
        before = itself(image, replace(spec, depth="float", precision="double")) * top
    mixed = share * (np.clip(inside, 0, top) if levels else inside) + (1 - share) * before
    if levels:
        mixed = np.floor(mixed + 0.5)
    apart = np.abs(found[some].astype(float) - mixed[some])
    assert apart.max(initial=0) <= near
    assert np.count_nonzero(apart > 1e-4) <= 0.01 * apart.size
    assert facts.inside.pixels == np.count_nonzero(mask)
    assert facts.inside.partly == np.count_nonzero(some)


def test_whole_numbers_are_mixed_exactly_and_rounded_once():
    image = Image(np.array([[0, 255, 0, 255, 9, 200]], np.uint8))
    # A third of each: 85, 85, 170, 88, 154.67, 136.33 for replicate.
    mask = np.array([[128, 128, 0, 255, 1, 254]], np.uint8)
    found = apply(image, "1 1 1; 0 0 0; 0 0 0", Spec(divisor=3, mask=mask)).pixels[0]
    sums = np.array([0 + 0 + 255, 0 + 255 + 0, 510, 255 + 9, 255 + 9 + 200, 409])
    share = mask[0] / 255
    mixed = share * np.minimum(sums / 3, 255) + (1 - share) * image.pixels[0]
    assert found.tolist() == np.floor(mixed + 0.5 + 1e-9).astype(int).tolist()


def test_where_a_mask_is_full_the_result_is_as_without_it(tiny_image):
    for kind in ("L", "RGBA", "CMYK"):
        image = tiny_image((30, 40), kind, "uint8")
        whole = apply(image, "gaussian:sigma=2").pixels
        mask = np.full((30, 40), 255, np.uint8)
        assert np.array_equal(apply(image, "gaussian:sigma=2", Spec(mask=mask)).pixels, whole)
        assert np.array_equal(apply(image, "gaussian:sigma=2", Spec(mask=mask > 0)).pixels, whole)


@pytest.mark.parametrize("rounding", ["away", "even", "truncate"])
def test_rounding_of_what_is_mixed(rounding):
    image = Image(np.array([[1, 2, 3, 4]], np.uint8))
    half = np.full((1, 4), 0.5)
    spec = Spec(mask=half, rounding=rounding)
    found = apply(image, "2", spec).pixels[0].tolist()  # (2s + s)/2: 1.5, 3, 4.5, 6
    assert found == {"away": [2, 3, 5, 6], "even": [2, 3, 4, 6], "truncate": [1, 3, 4, 6]}[rounding]


def test_mid_gray_of_whole_levels_stands_for_zero_under_a_soft_mask(tiny_image):
    image = tiny_image((9, 9), "L", "uint8")
    mask = np.full((9, 9), 254, np.uint8)
    whole = apply(image, "sobel-x", Spec(mapping="offset")).pixels.astype(float)
    found = apply(image, "sobel-x", Spec(mapping="offset", mask=mask)).pixels.astype(float)
    mixed = whole * 254 / 255 + image.pixels / 255
    assert np.abs(found - mixed).max() <= 0.5 + 1e-6


@pytest.mark.exhaustive
def test_colour_is_mixed_by_how_much_there_is_of_it():
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0] = (200, 0, 0, 255), (0, 0, 0, 0), (200, 0, 0, 255)
    mask = np.full((1, 3), 0.5)
    found = apply(Image(pixels), "1 1 1", Spec(divisor=3, mask=mask)).pixels[0]
    # Alpha is 170 after filtering, mixed with what was; red is red wherever anything can be seen.
    assert found[:, :3].tolist() == [[200, 0, 0]] * 3
    assert found[:, 3].tolist() == [213, 85, 213]


def test_what_a_mask_may_be(tmp_path, tiny_image):
    gray = np.arange(35, dtype=np.uint8).reshape(5, 7) * 7
    made = {
        "l.png": PillowImage.fromarray(gray),
        "rgb.png": PillowImage.fromarray(np.dstack([gray] * 3)),
        "p.gif": PillowImage.fromarray(gray),
        "rgba.png": PillowImage.fromarray(np.dstack([gray] * 3 + [np.full_like(gray, 255)])),
    }
    image = tiny_image((5, 7), "RGB")
    expected = apply(image, "box3", Spec(mask=gray)).pixels
    for name, mask in made.items():
        mask.save(tmp_path / name)
        found = apply(image, "box3", Spec(mask=tmp_path / name)).pixels
        assert np.array_equal(found, expected), name
    tifffile.imwrite(tmp_path / "w.tif", gray.astype(np.uint16) * 257)
    assert np.array_equal(apply(image, "box3", Spec(mask=str(tmp_path / "w.tif"))).pixels, expected)
    assert np.array_equal(apply(image, "box3", Spec(mask=Image(gray))).pixels, expected)
    PillowImage.fromarray(gray > 100).save(tmp_path / "one.png")
    bits = apply(image, "box3", Spec(mask=tmp_path / "one.png")).pixels
    assert np.array_equal(bits, apply(image, "box3", Spec(mask=gray > 100)).pixels)
    clear = np.dstack([np.full_like(gray, 255), gray])
    PillowImage.fromarray(clear, "LA").save(tmp_path / "la.png")
    assert np.array_equal(apply(image, "box3", Spec(mask=tmp_path / "la.png")).pixels, expected)


def test_a_mask_of_a_turned_photograph_is_turned_as_it_says(tmp_path):
    gray = np.zeros((4, 6), np.uint8)
    gray[0] = 255
    exif = PillowImage.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    PillowImage.fromarray(gray).save(tmp_path / "m.png", exif=exif)
    image = Image(np.random.default_rng(1).integers(0, 256, (6, 4), np.uint8))
    found = apply(image, "box3", Spec(mask=tmp_path / "m.png")).pixels
    assert np.array_equal(found[:, :3], image.pixels[:, :3])
    assert np.array_equal(found[:, 3], apply(image, "box3").pixels[:, 3])


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.zeros((5, 8)), "`mask` is 8×5; expected 7×5, the size of the image"),
        (np.full((5, 7), 1.5), "`mask`: has samples from 1.5 to 1.5; expected 0 to 1"),
        (np.full((5, 7), np.nan), "`mask`: has samples from nan to nan"),
        (np.zeros((5, 7, 5), np.uint8), "`mask`: has 5 channels of unknown meaning"),
        (np.zeros((5, 7), np.complex64), "`mask`: an image's samples are"),
        (np.zeros(7), "`mask`: an image has shape"),
        (np.ma.masked_less(np.eye(5, 7), 1), "`mask`: an image's samples are masked"),
        ("nope.png", "`mask` nope.png: no such file or directory"),
        ("-", "`mask` -: a mask isn't read from standard input; expected a file"),
    ],
)  # fmt: skip
def test_what_is_no_mask_is_refused(mask, said, tiny_image):
    with pytest.raises(ImageError) as error:
        apply(tiny_image((5, 7)), "box3", Spec(mask=mask))
    assert str(error.value).startswith(said)


def test_places_that_a_mask_lets_through_are_found_apart():
    samples = np.zeros((400, 500), np.uint8)
    samples[10:30, 20:40] = 255
    samples[300:310, 450:460] = 9
    found = Mask(samples, 255.0)
    assert found.boxes() == (Box(10, 20, 30, 40), Box(300, 450, 310, 460))
    assert found.counts() == (500, 100)
    assert found.is_soft(Box(300, 450, 310, 460))
    assert not found.is_soft(Box(10, 20, 30, 40))
    assert Mask(np.zeros((4, 5), bool).astype(np.uint8), 255.0).boxes() == ()


def test_boxes_hold_all_of_a_mask_and_never_overlap(rng):
    for _ in range(50):
        size = tuple(rng.integers(1, 400, 2))
        samples = (rng.random(size) < rng.choice([0.0005, 0.01, 0.5])).astype(np.uint8)
        covered = np.zeros(size, int)
        for top, left, bottom, right in Mask(samples, 1.0).boxes():
            covered[top:bottom, left:right] += 1
        assert covered.max(initial=0) <= 1
        assert (covered[samples > 0] == 1).all()


def test_a_mask_that_is_empty_changes_nothing_and_says_so(tmp_path, tiny_image):
    image = tiny_image((5, 7), "RGB")
    found, facts = filtered(image, ["gaussian"], Spec(mask=np.zeros((5, 7), np.uint8)))
    assert np.array_equal(found, image.pixels)
    assert "the mask is 0 everywhere: nothing was filtered" in facts.notes


@pytest.mark.exhaustive
def test_regions_and_a_mask_are_both_meant(tiny_image, rng):
    image = tiny_image((40, 50), "RGB")
    mask = soft_mask(rng, (40, 50))
    box = Box(5, 6, 20, 30)
    cut = np.zeros_like(mask)
    cut[5:20, 6:30] = mask[5:20, 6:30]
    both = apply(image, "gaussian", Spec(mask=mask, region=region_of(box))).pixels
    assert np.array_equal(both, apply(image, "gaussian", Spec(mask=cut)).pixels)


def test_a_mask_is_never_overwritten_and_read_once_before_any_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png", "m.png"):
        PillowImage.fromarray(np.full((5, 7), 255, np.uint8)).save(name)
    said = call("apply", "box3", "a.png", "--mask", "m.png", "-o", "m.png", "--overwrite")
    assert (said.status, "m.png is the mask" in said.err) == (2, True)
    said = call("apply", "box3", "a.png", "b.png", "--mask", "nope.png", "-o", "out/")
    assert said.status == 1
    assert said.err == "convcli: --mask nope.png: no such file or directory\n"
    said = call("apply", "box3", "a.png", "b.png", "--mask", "m.png", "-o", "out/", "-q")
    assert said.status == 0, said.err
    assert np.array_equal(read("out/a.png").pixels, read("a.png").pixels)


def test_a_stack_as_a_mask_is_refused(tmp_path, tiny_image):
    tifffile.imwrite(tmp_path / "m.tif", np.zeros((3, 5, 7), np.uint8), photometric="minisblack")
    with pytest.raises(ImageError, match="holds 3 images"):
        apply(tiny_image((5, 7)), "box3", Spec(mask=tmp_path / "m.tif"))


def test_a_mask_that_changed_is_read_again(tmp_path, tiny_image):
    image, path = tiny_image((5, 7)), tmp_path / "m.pgm"
    for value in (0, 255):
        path.write_bytes(b"P5 7 5 255 " + bytes([value]) * 35 + b"\n" * (value // 255))
        found = mask_for(str(path), (5, 7))
        assert found.samples.max() == value
    assert image.size == (5, 7)
