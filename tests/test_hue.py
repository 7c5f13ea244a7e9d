"""Directions as hues, against the formula in float64; colorsys says what a hue is."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
from command import call
from marks import exhaustive_but
from PIL import Image as PillowImage

from convcli import Image, Spec, UsageError, apply, correlate, correlate_volume, read, write
from convcli.kernels import parse_kernel
from convcli.pipeline import lay


def slopes(gray, kernel="sobel-direction"):
    """Return what grows along x and along y, of floats, borders replicated."""
    x, y = (part.scaled for part in parse_kernel(kernel).parts)
    wide = np.pad(gray.astype(np.float64), 1, mode="edge")
    found = []
    for weights in (x, y):
        total = np.zeros(gray.shape)
        for row in range(3):
            for col in range(3):
                part = wide[row : row + gray.shape[0], col : col + gray.shape[1]]
                total += weights[row, col] * part
        found.append(total)
    return found


def coloured(gray, full, scale=1.0):
    """Return what the formula says, (rows, cols, 3) from 0 to 1."""
    x, y = slopes(gray)
    out = np.zeros((*gray.shape, 3))
    for place in np.ndindex(gray.shape):
        turn = math.atan2(y[place], x[place]) / (2 * math.pi) % 1
        bright = min(math.hypot(x[place], y[place]) * scale / full, 1)
        out[place] = colorsys.hsv_to_rgb(turn, 1, bright)
    return out


@pytest.mark.parametrize(
    ("depth", "to"),
    exhaustive_but(
        [("uint8", "same")],
        [("uint8", "same"), ("uint16", "same"), ("uint8", "16"), ("uint16", "8"),
         ("uint8", "float"), ("float32", "same"), ("float64", "same")],
    ),
)  # fmt: skip
def test_hue_is_the_direction_and_brightness_the_strength(depth, to, tiny):
    gray = tiny((12, 17), depth)
    full = np.iinfo(depth).max if depth[0] == "u" else 1.0
    found = apply(Image(gray), "sobel-direction", Spec(mapping="hue", depth=to, scale=0.25))
    assert found.channels == "RGB"
    expected = coloured(gray, full, 0.25)
    pixels = found.pixels
    if pixels.dtype.kind == "u":
        top = np.iinfo(pixels.dtype).max
        apart = np.abs(pixels - np.floor(expected * top + 0.5))
        assert apart.max() <= 1
        assert np.count_nonzero(apart) <= 0.01 * apart.size
    else:
        assert np.abs(pixels - expected).max() < 1e-5


def test_red_is_right_and_the_rest_follows_clockwise():
    edge = np.zeros((3, 4), np.uint8)
    edge[:, 2:] = 200
    for turns, colour in enumerate(
        [(255, 0, 0), (128, 255, 0), (0, 255, 255), (128, 0, 255)]
    ):  # right, down, left, up
        gray = np.ascontiguousarray(np.rot90(edge, -turns))
        found = apply(Image(gray), "sobel-direction", Spec(mapping="hue")).pixels
        middle = tuple(found[found.shape[0] // 2, found.shape[1] // 2].tolist())
        assert middle == colour


def test_what_is_flat_is_black_and_counts_are_of_pixels():
    gray = np.full((6, 9), 77, np.uint8)
    gray[:, 5:] = 255
    road = lay(Image(gray), [parse_kernel("sobel-direction")], Spec(mapping="hue"))
    pixels, facts = road.result.pixels, road.facts
    assert not pixels[:, :4].any()
    assert (facts.clipped, facts.samples) == (12, 54)
    assert (facts.lowest, facts.highest) == (0.0, 4 * 178.0)


def test_colour_is_made_gray_first_and_alpha_stays(tiny_image):
    image = tiny_image((8, 9), "RGBA")
    found = apply(image, "sobel-direction", Spec(mapping="hue"))
    assert found.channels == "RGBA"
    assert np.array_equal(found.pixels[:, :, 3], image.pixels[:, :, 3])
    gray = apply(Image(image.pixels[:, :, :3]), "identity", Spec(gray=True))
    alone = apply(gray, "sobel-direction", Spec(mapping="hue")).pixels
    assert np.array_equal(found.pixels[:, :, :3], alone)
    dropped = apply(image, "sobel-direction", Spec(mapping="hue", alpha="drop"))
    assert np.array_equal(dropped.pixels, alone)


def test_automatic_scale_clips_nothing(tiny_image):
    image = tiny_image((20, 20))
    road = lay(image, [parse_kernel("sobel-direction")], Spec(mapping="hue", scale="auto"))
    assert road.result.pixels.max() <= 255
    assert road.facts.clipped == 0
    assert road.facts.highest <= 255


def test_strength_is_that_of_the_magnitude(tiny_image):
    image = tiny_image((20, 30))
    found = apply(image, "sobel-direction", Spec(mapping="hue")).pixels
    assert np.abs(found.max(axis=2).astype(int) - apply(image, "sobel").pixels).max() <= 1


@pytest.mark.exhaustive
def test_a_chain_may_end_in_a_hue(tiny_image):
    image = tiny_image((20, 30))
    both = apply(image, ["gaussian:sigma=1", "sobel-direction"], Spec(mapping="hue")).pixels
    blurred = apply(image, "gaussian:sigma=1", Spec(depth="float", precision="double"))
    alone = apply(blurred, "sobel-direction", Spec(mapping="hue", depth="8")).pixels
    assert np.abs(both.astype(int) - alone).max() <= 2


def test_in_linear_light_the_strength_is_encoded():
    gray = np.zeros((3, 8), np.uint8)
    gray[:, 4:] = 60
    found = apply(Image(gray), "sobel-direction", Spec(mapping="hue", linear=True)).pixels
    # 4 times the light of level 60.
    light = 4 * ((60 / 255 + 0.055) / 1.055) ** 2.4
    level = round(255 * (1.055 * light ** (1 / 2.4) - 0.055))
    assert abs(int(found[1, 4, 0]) - level) <= 1
    assert not found[1, 4, 1:].any()


def test_a_part_of_a_photograph_in_hues(tiny_image):
    image = tiny_image((20, 30), "RGB")
    whole = apply(image, "sobel-direction", Spec(mapping="hue")).pixels
    part = apply(image, "sobel-direction", Spec(mapping="hue", region="3,5,10x7")).pixels
    expected = image.pixels.copy()
    expected[5:12, 3:13] = whole[5:12, 3:13]
    assert np.array_equal(part, expected)
    gray = tiny_image((20, 30))
    part = apply(gray, "sobel-direction", Spec(mapping="hue", region="3,5,10x7")).pixels
    assert (part[:5] == gray.pixels[:5, :, None]).all()


@pytest.mark.parametrize(
    ("kernel", "spec"),
    [("sobel", {}), ("gaussian", {}), ("kirsch", {}), ("sobel-direction", {"luma": True}),
     ("sobel-direction", {"channels": "R"}), ("sobel-direction", {"alpha": "filter"}),
     ("sobel-direction", {"alpha": "weigh"})],
)  # fmt: skip
def test_what_has_no_direction_is_refused(kernel, spec, tiny_image):
    with pytest.raises(UsageError, match="`mapping` hue"):
        apply(tiny_image((8, 8), "RGBA"), kernel, Spec(mapping="hue", **spec))


def test_arrays_have_no_hue():
    with pytest.raises(UsageError, match="`mapping` hue"):
        correlate(np.zeros((5, 5)), "sobel-direction", mapping="hue")
    with pytest.raises(UsageError, match="`mapping` hue"):
        correlate_volume(np.zeros((5, 5, 5)), "box", mapping="hue")


def test_a_kernel_file_may_ask_for_it(tmp_path, tiny_image):
    path = tmp_path / "mine.toml"
    path.write_text(
        '[compound.way]\nparts = ["scharr-x", "scharr-y"]\ncombine = "direction"\n'
        'full_scale = 360\nmapping = "hue"\n'
    )
    image = tiny_image((9, 9))
    found = apply(image, f"{path}#way")
    assert found.channels == "RGB"
    strength = apply(image, "scharr").pixels
    assert np.abs(found.pixels.max(axis=2).astype(int) - strength).max() <= 1


def test_the_command_says_what_was_done(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    PillowImage.fromarray(np.eye(9, dtype=np.uint8) * 255).save("a.png")
    said = call("apply", "sobel-direction", "a.png", "--map", "hue", "-o", "b.png")
    assert (said.status, "mapped by hue" in said.err) == (0, True)
    assert "hue is where it grows brighter: red right" in said.err
    assert read("b.png").channels == "RGB"
    assert "--scale auto avoids it" in said.err
    said = call("apply", "sobel", "a.png", "a.png", "--map", "hue", "-o", "x/")
    assert said.status == 2
    assert said.err.count("\n") == 1
    said = call("explain", "sobel-direction", "--map", "hue")
    assert (said.status, said.err.count("\n")) == (2, 1)


def test_formats_without_colour_are_refused_with_what_helps(tmp_path):
    write(tmp_path / "a.png", Image(np.zeros((5, 5), np.uint8)))
    asked = ("apply", "sobel-direction", tmp_path / "a.png", "--map", "hue", "-o")
    said = call(*asked, tmp_path / "b.pgm")
    assert said.status == 1
    assert "PGM can't hold the colours of --map hue; use -o NAME.png" in said.err
    assert call(*asked, tmp_path / "b.png").status == 0
