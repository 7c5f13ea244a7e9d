"""Every treatment of channels goes with every kind of image, or is refused in a line."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from asserts import assert_same_pixels
from marks import exhaustive_but

from convcli import ConvError, Image, Spec, apply

KINDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4, "?????": 5}
TREATMENTS = [
    {},
    {"gray": True},
    {"luma": True},
    {"linear": True},
    {"linear": True, "gray": True},
    {"linear": True, "luma": True},
    {"channels": "R"},
    {"channels": "A"},
    {"linear": True, "channels": "GA"},
]


def _image(names, depth):
    pixels = np.random.default_rng(3).random((9, 8, KINDS[names]))
    if depth != "float32":
        pixels = pixels * np.iinfo(depth).max
    pixels = pixels.astype(depth)
    return Image(pixels[:, :, 0] if names == "L" else pixels, names)


def _filtered(image, kernel, spec):
    """Return the result, or None if it is refused."""
    try:
        return apply(image, kernel, Spec(**spec))
    except ConvError:
        return None


@pytest.mark.parametrize("depth", exhaustive_but(["uint8"], ["uint8", "float32"]))
@pytest.mark.parametrize("names", KINDS)
@pytest.mark.parametrize(
    "kernel", exhaustive_but(["sobel-x"], ["sobel-x", "sharpen", "identity", "sobel"])
)
def test_a_treatment_gives_an_image_of_its_kind_or_is_refused(kernel, names, depth):
    image = _image(names, depth)
    for treatment, alpha, mapping in product(
        TREATMENTS, ("auto", "keep", "filter", "drop"), (None, "offset", "raw")
    ):
        spec = {"alpha": alpha, "stride": 2, "mapping": mapping, **treatment}
        result = _filtered(image, kernel, spec)
        if result is None:
            assert treatment, spec
            continue
        assert result.size == (5, 4)
        expected = names.removesuffix("A") if alpha == "drop" else names
        if treatment.get("gray"):
            expected = "LA" if expected.endswith("A") else "L"
        assert result.channels == expected


@pytest.mark.parametrize("kernel", ["sobel-x", "sharpen"])
@pytest.mark.parametrize("linear", [False, True])
def test_lightness_beside_a_kept_alpha_is_the_lightness_of_the_colour(kernel, linear):
    image = _image("RGBA", "uint8")
    spec = Spec(luma=True, alpha="keep", linear=linear)
    result = apply(image, kernel, spec).pixels
    opaque = apply(Image(image.pixels[:, :, :3]), kernel, spec).pixels
    assert_same_pixels(result[:, :, :3], opaque)
    assert_same_pixels(result[:, :, 3], image.pixels[:, :, 3])
