"""GIF holds one bit of alpha: smoothing keeps the source's, with colour weighted by it."""

from __future__ import annotations

import numpy as np
import pytest
from command import call
from PIL import Image as Pillow

import convcli
from convcli import Image, Spec, read_frames
from convcli.image.files import read


def disc(shift=0):
    """Return (40, 40, 4): a disc of few colours, clear around it, where a green hides."""
    y, x = np.mgrid[:40, :40]
    pixels = np.zeros((40, 40, 4), np.uint8)
    pixels[..., :3] = (0, 255, 0)
    inside = (y - 20) ** 2 + (x - 16 - shift) ** 2 < 150
    pixels[inside] = (200, 40, 40, 255)
    pixels[inside & (x > 18)] = (40, 40, 200, 255)
    return pixels


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image = Pillow.fromarray(disc())
    image.save("a.gif")
    image.save("a.png")
    image.save("a.webp", lossless=True)
    image.quantize(8).save("palette.png", transparency=0)
    frames = [Pillow.fromarray(disc(k)) for k in range(4)]
    for name in ("m.gif", "m.png", "m.webp"):
        frames[0].save(name, save_all=True, append_images=frames[1:], duration=80, disposal=2)
    return tmp_path


def weighted(pixels, kernel):
    """Return colour weighted by alpha, as it is defined."""
    alpha = pixels[..., 3:] / 255.0
    parts = np.concatenate((pixels[..., :3] * alpha, alpha), axis=2)
    top, left = kernel.shape[0] // 2, kernel.shape[1] // 2
    padded = np.pad(parts, ((top, top), (left, left), (0, 0)), mode="edge")
    rows, cols = pixels.shape[:2]
    sums = sum(
        weight * padded[i : i + rows, j : j + cols] for (i, j), weight in np.ndenumerate(kernel)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[..., :3] / sums[..., 3:]


@pytest.mark.parametrize("source", ["a.gif", "a.png", "a.webp", "palette.png"])
@pytest.mark.parametrize("kernel", ["box", "sharpen", "gaussian:sigma=2"])
def test_alpha_is_kept_and_colour_is_weighted(here, source, kernel):
    said = call("apply", kernel, source, "-o", "out.gif")
    assert said.status == 0, said.err
    assert "alpha    kept as it is, with colour weighted by it" in said.err
    assert "note     GIF holds one bit of alpha: the source's alpha is kept" in said.err
    before, after = read(source), read("out.gif")
    alpha = before.pixels[..., 3]
    assert np.array_equal(after.pixels[..., 3], alpha)
    # 256 colours are the nearest; nothing of what hides where it is clear gets in.
    weights = np.array(convcli.get_kernel(kernel).weights, float)
    expected = weighted(before.pixels, weights / convcli.get_kernel(kernel).divisor)
    seen = alpha == 255
    assert np.abs(after.pixels[..., :3] - expected.clip(0, 255))[seen].max() < 12
    assert after.pixels[..., 1][seen].max() <= 60


@pytest.mark.parametrize("source", ["m.gif", "m.png", "m.webp"])
def test_animations_keep_each_frames_alpha(here, source):
    said = call("apply", "gaussian:sigma=2", source, "-o", "out.gif")
    assert said.status == 0, said.err
    before, after = read_frames(source), read_frames("out.gif")
    assert len(after) == len(before) == 4
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one.pixels[..., 3], other.pixels[..., 3])


@pytest.mark.parametrize(
    "options",
    [
        ("--border", "zero"), ("--stride", "2"), ("--padding", "valid"), ("--padding", "full"),
        ("--linear",), ("--luma",), ("--gray",), ("--map", "normalize"), ("--then", "sharpen"),
        ("--like", "pillow"), ("--depth", "8"), ("--divisor", "12"),
    ],
)  # fmt: skip
def test_whatever_else_is_asked_for(here, options):
    for source in ("a.gif", "m.gif"):
        said = call("apply", "box", source, "-o", "out.gif", "--overwrite", *options)
        assert said.status == 0, said.err
        assert {*np.unique(read("out.gif").pixels[..., -1])} <= {0, 255}


def test_an_image_of_a_batch_is_treated_alike(here):
    said = call("apply", "box", "a.gif", "a.png", "-o", "out", "--format", "gif", "--overwrite")
    assert "would both be written" in said.err
    said = call("apply", "box", "a.gif", "m.gif", "-o", "out")
    assert said.status == 0, said.err
    assert np.array_equal(read("out/a.gif").pixels[..., 3], disc()[..., 3])


def test_where_more_bits_are_held_alpha_is_filtered_as_before(here):
    said = call("apply", "box", "a.gif", "-o", "out.png")
    assert "alpha    filtered, with colour weighted by it" in said.err
    assert len(np.unique(read("out.png").pixels[..., 3])) > 2


def test_alpha_that_is_filtered_on_purpose_is_refused_with_what_to_do(here):
    said = call("apply", "box", "a.gif", "-o", "out.gif", "--alpha", "filter")
    assert (said.status, len(said.lines)) == (1, 1)
    assert "use --alpha weigh if the source has none, --alpha drop, or -o NAME.png" in said.err


def test_a_source_of_more_bits_is_refused_as_before(here):
    pixels = disc()
    pixels[20, 16, 3] = 99
    Pillow.fromarray(pixels).save("soft.png")
    said = call("apply", "box", "soft.png", "-o", "out.gif")
    assert (said.status, len(said.lines)) == (1, 1)
    assert "GIF can't hold partly transparent pixels" in said.err
    assert call("apply", "box", "soft.png", "-o", "out.gif", "--alpha", "drop").status == 0


def test_edges_leave_alpha_as_it_is(here):
    said = call("apply", "sobel-x", "a.gif", "-o", "out.gif")
    assert "alpha    kept as it is\n" in said.err


@pytest.mark.parametrize("depth", ["uint8", "uint16", "float32"])
def test_weighing_can_be_asked_for(depth):
    """Colour is that of `filter` where that has any, and alpha that of `keep`, bit for bit."""
    pixels = (disc() / 255 * {"uint8": 255, "uint16": 65535, "float32": 1}[depth]).astype(depth)
    pixels[..., 3] //= 1 if depth == "float32" else 2
    image = Image(pixels, "RGBA")
    kinds = {
        alpha: convcli.apply(image, "gaussian:sigma=1", Spec(alpha=alpha))
        for alpha in ("weigh", "filter", "keep")
    }
    found = {alpha: result.pixels for alpha, result in kinds.items()}
    seen = found["filter"][..., 3] > 0
    assert np.array_equal(found["weigh"][seen][:, :3], found["filter"][seen][:, :3])
    assert np.array_equal(found["weigh"][~seen], pixels[~seen])
    assert np.array_equal(found["weigh"][..., 3], pixels[..., 3])
    assert not np.array_equal(found["weigh"][..., :3], found["keep"][..., :3])


@pytest.mark.parametrize("kernel", ["1 0 0", "-1 0 2", "0 0 0 0 1"])
def test_a_pixel_whose_kernel_sees_nothing_keeps_its_colour(here, kernel):
    """It stays opaque, and there is no colour to give it: black would be made up."""
    assert call("apply", kernel, "a.gif", "-o", "out.gif").status == 0
    before, after = read("a.gif").pixels, read("out.gif").pixels
    assert np.array_equal(before[..., 3], after[..., 3])
    seen = before[..., 3] == 255
    assert after[..., [0, 2]][seen].max(axis=1).min() >= 190
