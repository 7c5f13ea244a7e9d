"""Every loop that the engine has is run here and compared with the definition.

So the quick tests run each of them, though most pairs of loops and sample types meet in exhaustive
tests only.
"""

from __future__ import annotations

from contextlib import suppress
from unittest.mock import MagicMock

import numpy as np
import pytest
import reference
from asserts import assert_same_pixels

from convcli import Image, Kernel, Spec, apply, correlate, engine, pipeline
from convcli.engine import entries, loops, native
from convcli.kernels import Compound, parse_kernel

REAL = np.random.default_rng(1).random((21, 21)) - 0.5
SUM_OF_SIZES = Compound(
    "sizes", tuple(Kernel("k", k) for k in ([[1, -2, 2]], [[0, 5, -1]])), "sum-abs", divisor=3
)
#: Kernel, sample type, mapping, and how: `watched` sums take a loop of their own.
CASES = {
    "pairs, whole": ("1 -2 3; 0 -1 1; 2 0 -3", "uint8", "clip", {}),
    "pairs, response": ("[1 2 3; 0 -1 1; 2 0 5]/7", "uint8", "raw", {"watched": True}),
    "direct": ("3", "float64", "raw", {}),
    "terms, near": ("gaussian:sigma=2", "uint8", "clip", {}),
    "terms, rounded": ("log:sigma=1.4", "uint8", "abs", {"watched": True}),
    "box": ("box:size=9", "uint8", "clip", {}),
    "tiles": (Kernel("real", REAL), "float32", "raw", {"method": "fft"}),
    "strided": ("sharpen", "uint8", "clip", {"stride": 2, "watched": True}),
    "at once, strided": ("sharpen", "uint8", "clip", {"stride": 2}),
    "magnitude": ("sobel", "uint8", "clip", {}),
    "direction": ("sobel-direction", "uint8", "clip", {}),
    "max": ("kirsch", "uint8", "clip", {}),
    "max-abs": ("nevatia-babu", "uint8", "clip", {}),
    "sum-abs": (SUM_OF_SIZES, "uint8", "clip", {}),
    "share": ("frei-chen", "uint8", "clip", {}),
    "clipped": ("[90001 -90000]/2", "uint16", "clip", {}),
}
SIZE = (23, 150)
TOP = {"uint8": 255, "uint16": 65535, "float32": 1, "float64": 1}


def image(dtype, size):
    return (np.random.default_rng(2).random(size) * TOP[dtype]).astype(dtype)


def filtered(name, size=SIZE):
    """Filter an image as a case says."""
    kernel, dtype, mapping, how = CASES[name]
    kernel = parse_kernel(kernel) if isinstance(kernel, str) else kernel
    if not how.get("watched"):
        return correlate(image(dtype, size), kernel, mapping=mapping, **how)
    spec = Spec(mapping=mapping, stride=how.get("stride", 1))
    return pipeline.apply(Image(image(dtype, size)), [kernel], spec)[0].pixels


def expected(name):
    """The same by NumPy in float64, before it is rounded."""
    kernel, dtype, mapping, how = CASES[name]
    kernel = parse_kernel(kernel) if isinstance(kernel, str) else kernel
    parts = getattr(kernel, "parts", (kernel,))
    stride = (how.get("stride", 1),) * 2
    sums = [reference.correlate(image(dtype, SIZE), part.scaled, stride=stride) for part in parts]
    value = combined(kernel, np.array(sums), TOP[dtype])
    if mapping == "raw":
        return value
    return np.clip(np.abs(value) if mapping == "abs" else value, 0, TOP[dtype])


def combined(kernel, sums, top):
    """Sums of a kernel's parts as one, in levels."""
    if not isinstance(kernel, Compound):
        return sums[0]
    squares = sums**2
    value = {
        "magnitude": lambda: np.sqrt(squares.sum(axis=0)),
        "direction": lambda: np.degrees(np.arctan2(sums[1], sums[0])) % 360,
        "max": lambda: sums.max(axis=0),
        "max-abs": lambda: np.abs(sums).max(axis=0),
        "sum-abs": lambda: np.abs(sums).sum(axis=0),
        "share": lambda: np.sqrt(squares[: kernel.share].sum(axis=0) / squares.sum(axis=0)),
    }[kernel.combine]()
    return value / kernel.divisor * (top / kernel.full_scale if kernel.full_scale else 1)


def in_linear_light(size=SIZE):
    """Blur in linear light, whose responses are stored by themselves; and the same by NumPy."""
    pixels = image("uint8", size)
    result = apply(Image(np.dstack([pixels] * 3)), "box3", Spec(linear=True)).pixels
    share = pixels / 255
    # IEC 61966-2-1, and back.
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    mean = reference.correlate(light, np.full((3, 3), 1 / 9))
    share = np.where(mean <= 0.0031308, mean * 12.92, 1.055 * mean ** (1 / 2.4) - 0.055)
    return result[:, :, 0], share * 255


def weighted(size=SIZE):
    """Blur colour that is weighted by alpha; and the same by NumPy."""
    pixels = np.dstack([image("uint8", size)] * 2)
    pixels[: size[0] // 2, : size[1] // 2, 1] = 0
    result = apply(Image(pixels, "LA"), "box3", Spec()).pixels
    gray, alpha = pixels[:, :, 0].astype(np.float64), pixels[:, :, 1] / 255
    mean = np.full((3, 3), 1 / 9)
    below = reference.correlate(alpha, mean)
    with np.errstate(invalid="ignore"):
        above = reference.correlate(gray * alpha, mean) / below
    return result, np.dstack((np.where(below > 0, above, 0), below * 255))


def bank(size=SIZE):
    """Five maps of three channels; and the same by NumPy."""
    pixels = np.dstack([image("float32", size)] * 3)
    weights = np.random.default_rng(3).random((5, 3, 3, 3)) - 0.5
    exact = [reference.correlate(pixels[..., 0], each.sum(axis=0)) for each in weights]
    return correlate(pixels, weights), np.dstack(exact)


@pytest.mark.parametrize("name", CASES)
def test_a_loop_gives_what_the_definition_gives(name):
    found, exact = filtered(name), expected(name)
    rounding = 0.5 if found.dtype.kind == "u" else 0
    tolerance = rounding + 2e-6 * max(np.abs(exact).max(), 1)
    assert np.ptp(found) > 0
    assert np.abs(found - exact).max() <= tolerance


def test_a_bank_is_what_the_definition_gives():
    found, exact = bank()
    assert np.abs(found - exact).max() <= 1e-5


def test_linear_light_is_what_the_definition_gives():
    found, exact = in_linear_light()
    assert np.abs(found - exact).max() <= 0.51


def test_colour_weighted_by_alpha_is_what_the_definition_gives():
    found, exact = weighted()
    assert np.abs(found - exact).max() <= 0.51


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_alpha_that_is_no_share_hides_colour_or_shows_it(dtype):
    """What numpy.divide and numpy.clip give: NaN stays, colour is 0 where alpha isn't above 0."""
    alpha = np.array([0.5, 0, -1, np.inf, -np.inf, np.nan, 300, 1e-40], dtype)
    colour = np.array([10, np.nan, 5, 2, np.inf, 1, -7, 3], dtype)
    given = np.dstack((colour, colour, alpha))
    top, gain = given.dtype.type(255), given.dtype.type(0.75)
    with np.errstate(all="ignore"):
        share = alpha / top
        seen = np.where(share > 0, colour / (share / gain), 0)
    found, left = engine.unweigh(given, 255.0, 0.75)
    assert_same_pixels(found, np.dstack((seen, seen)))
    assert_same_pixels(left[..., 0], np.clip(share, 0, top)[None])
    weighed = engine.weigh(given, given.dtype, 255.0)
    with np.errstate(all="ignore"):
        assert_same_pixels(weighed, np.dstack((colour * alpha, colour * alpha, alpha * top)))
    assert_same_pixels(engine.join(found, left), np.concatenate((found, left), axis=2))


def test_every_loop_is_run_here(monkeypatch):
    asked = set()

    def load(name, functions, samples, fixed=()):
        asked.update((name, *functions, f"of {samples[0]}"))
        return MagicMock()

    monkeypatch.setattr(native, "load", load)
    other = SIZE[0], SIZE[1] + 1  # what is made ready for the others' size is not asked for again
    for name in CASES:
        filtered(name, other)
    in_linear_light(other)
    bank(other)
    with suppress(ValueError):  # where nothing was computed
        weighted(other)
    functions = {name for name in loops.__all__ if name.startswith(("respond_", "combine_"))}
    functions |= {name for name in loops.__all__ if name.startswith("store_")}
    assert asked >= functions | {*entries._ENTRIES} | {f"of {source}" for source in TOP}
