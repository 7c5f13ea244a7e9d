"""A soft threshold: what differs little from a blur stays; against the formula in float64."""

from __future__ import annotations

import numpy as np
import pytest
from command import call
from marks import exhaustive_but
from PIL import Image as PillowImage

from convcli import Image, Kernel, KernelError, Spec, UsageError, apply, correlate
from convcli.kernels import parse_kernel
from convcli.kernels.bank_notation import parse_bank

AMOUNT, THRESHOLD, SIGMA = 1.5, 8.0, 1.0
TEXT = f"unsharp:sigma={SIGMA:g},amount={AMOUNT:g},threshold={THRESHOLD:g}"


def blurred(samples, sigma=SIGMA):
    """Return a Gaussian blur of (rows, cols), borders replicated."""
    weights = parse_kernel(f"gaussian:sigma={sigma:g}").scaled
    reach = len(weights) // 2
    wide = np.pad(samples.astype(np.float64), reach, mode="edge")
    total = np.zeros(samples.shape)
    for row in range(len(weights)):
        for col in range(len(weights)):
            part = wide[row : row + samples.shape[0], col : col + samples.shape[1]]
            total += weights[row, col] * part
    return total


def softened(samples, threshold=THRESHOLD):
    """Return s + amount·sign(d)·max(|d| − t, 0), where d is what a blur takes away."""
    d = samples.astype(np.float64) - blurred(samples)
    return samples + AMOUNT * np.sign(d) * np.maximum(np.abs(d) - threshold, 0)


def stored(values, top):
    return np.floor(np.clip(values, 0, top) + 0.5)


@pytest.mark.parametrize(
    "depth", exhaustive_but(["uint8"], ["uint8", "uint16", "float32", "float64"])
)
def test_it_is_the_formula_in_8_bit_levels_of_every_depth(depth, tiny):
    samples = tiny((20, 30), depth)
    top = np.iinfo(depth).max if depth[0] == "u" else 1.0
    found = apply(Image(samples), TEXT).pixels
    expected = softened(samples, THRESHOLD * top / 255)
    assert found.dtype == samples.dtype
    if depth[0] == "u":
        apart = np.abs(found - stored(expected, top))
        assert apart.max() <= 1
        assert np.count_nonzero(apart) <= 0.01 * apart.size
    else:
        assert np.abs(found - expected).max() < 1e-5


def test_each_channel_by_itself_and_alpha_where_there_is_one(tiny_image):
    image = tiny_image((15, 20), "RGB")
    found = apply(image, TEXT).pixels
    for channel in range(3):
        expected = stored(softened(image.pixels[:, :, channel]), 255)
        assert np.abs(found[:, :, channel] - expected).max() <= 1


def test_no_threshold_is_the_kernel_itself_to_the_bit(tiny_image):
    for channels in ("L", "RGBA", "CMYK"):
        image = tiny_image((15, 20), channels)
        none, zero = (
            apply(image, f"unsharp:sigma=1,amount=1.5{more}") for more in ("", ",threshold=0")
        )
        assert np.array_equal(none.pixels, zero.pixels)
    assert parse_kernel("unsharp:threshold=0").threshold == 0


def test_noise_below_it_stays_and_an_edge_is_sharpened(rng):
    samples = np.full((30, 40), 60, np.int64)
    samples[:, 20:] = 180
    noisy = (samples + rng.integers(-3, 4, samples.shape)).astype(np.uint8)
    found = apply(Image(noisy), TEXT).pixels.astype(int)
    assert np.array_equal(found[:, :14], noisy[:, :14])
    assert np.array_equal(found[:, 26:], noisy[:, 26:])
    assert (found[:, 19] < noisy[:, 19]).all()
    assert (found[:, 20] > noisy[:, 20]).all()


@pytest.mark.exhaustive
def test_of_lightness_and_in_linear_light(tiny_image):
    image = tiny_image((15, 20), "RGB")
    found = apply(image, TEXT, Spec(luma=True, depth="float", precision="double")).pixels
    light = image.pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    expected = image.pixels + (softened(light) - light)[:, :, None]
    assert np.abs(found * 255 - expected).max() < 2e-2
    gray = tiny_image((15, 20))
    shares = gray.pixels / 255.0
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    expected = softened(linear, THRESHOLD / 255)  # of light: 255 is white
    found = apply(gray, TEXT, Spec(linear=True, depth="float", precision="double")).pixels
    back = np.where(found <= 0.04045, found / 12.92, ((np.abs(found) + 0.055) / 1.055) ** 2.4)
    assert np.abs(back - expected)[expected > 0].max() < 1e-4


def test_colour_does_not_leak_out_of_what_cannot_be_seen(tiny_image, rng):
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[:, :, :3] = 90, 160, 30
    pixels[:, :, 3] = rng.integers(1, 256, (20, 20))
    found = apply(Image(pixels), TEXT).pixels
    seen = found[:, :, 3] > 0
    assert np.abs(found[:, :, :3].astype(int) - [90, 160, 30])[seen].max() <= 1
    opaque = tiny_image((20, 20), "RGB")
    beside = np.dstack((opaque.pixels, np.full((20, 20), 255, np.uint8)))
    assert np.array_equal(apply(Image(beside), TEXT).pixels[:, :, :3], apply(opaque, TEXT).pixels)
    half = beside.copy()
    half[0, 0, 3] = 254
    apart = np.abs(
        apply(Image(half), TEXT).pixels[9:, 9:, :3].astype(int) - apply(opaque, TEXT).pixels[9:, 9:]
    )
    assert apart.max() <= 1


@pytest.mark.parametrize(
    "border", exhaustive_but(["reflect"], ["reflect", "wrap", "zero", "symmetric"])
)
def test_borders_and_parts(border, tiny_image):
    image = tiny_image((25, 30), "RGB")
    whole = apply(image, TEXT, Spec(border=border)).pixels
    part = apply(image, TEXT, Spec(border=border, region="0,3,12x9")).pixels
    expected = image.pixels.copy()
    expected[3:12, :12] = whole[3:12, :12]
    assert np.array_equal(part, expected)


@pytest.mark.exhaustive
def test_in_a_chain_it_acts_where_it_stands(tiny_image):
    image = tiny_image((20, 25))
    plain = Spec(depth="float", precision="double")
    first = apply(image, TEXT, plain)
    expected = apply(first, "sobel-x", Spec(mapping="raw", precision="double")).pixels * 255
    found = apply(image, [TEXT, "sobel-x"], Spec(mapping="raw", precision="double")).pixels
    assert np.abs(found - expected).max() < 1e-6
    last = apply(image, ["gaussian", TEXT], plain).pixels
    assert np.abs(last - apply(apply(image, "gaussian", plain), TEXT, plain).pixels).max() < 1e-9


def test_stride_takes_the_sample_below_the_anchor(tiny_image):
    image = tiny_image((21, 30))
    whole = apply(image, TEXT).pixels
    assert np.array_equal(apply(image, TEXT, Spec(stride=2)).pixels, whole[::2, ::2])
    assert np.array_equal(apply(image, TEXT, Spec(padding="valid")).pixels, whole[4:-4, 4:-4])


def test_bias_comes_behind_it(tiny_image):
    image = Image(np.full((5, 6), 100, np.uint8))
    assert (apply(image, TEXT, Spec(bias=20)).pixels == 120).all()


@pytest.mark.parametrize(
    "use",
    [
        lambda image: apply(image, TEXT, Spec(divisor=2)),
        lambda image: correlate(image.pixels, TEXT),
        lambda image: parse_bank(TEXT),
    ],
    ids=["divisor", "correlate", "bank"],
)
def test_where_only_sums_count_it_is_refused(use, tiny_image):
    with pytest.raises(KernelError, match="has a threshold"):
        use(tiny_image((5, 5)))


def test_a_threshold_is_a_number_of_0_or_more():
    for wrong in (-1, float("nan"), float("inf"), "x"):
        with pytest.raises(KernelError, match="threshold"):
            Kernel("k", [[1]], threshold=wrong)
    with pytest.raises(KernelError, match="threshold must be"):
        parse_kernel("unsharp:threshold=-1")
    with pytest.raises(UsageError):
        parse_kernel("gaussian:threshold=3")


def test_what_is_said_of_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    PillowImage.fromarray(np.eye(9, dtype=np.uint8) * 255).save("a.png")
    said = call("apply", TEXT, "a.png", "-o", "b.png")
    assert "changes are 12 levels less" in said.err
    shown = call("kernels", TEXT).out
    assert "sign(r − s)·max(|r − s| − 12," in shown
    assert "sign(d)·max(|d|" in shown
    said = call("explain", TEXT, "a.png")
    assert (said.status, "sign(r − s)·max(|r − s| − 12, 0)" in said.err) == (0, True)
