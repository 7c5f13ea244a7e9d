"""Part of an image: as if all of it were filtered, and the rest put back."""

from __future__ import annotations

import numpy as np
import pytest
from marks import exhaustive_but

from convcli import Image, ImageError, Spec, UsageError
from convcli.borders import Border
from convcli.engine import prepared
from convcli.kernels import parse_kernel
from convcli.pipeline import arrays, lay
from convcli.record import replace
from convcli.region import Box, Region

CHAINS = (
    ["box3"], ["sobel-x"], ["sobel"], ["sobel-direction"], ["gaussian:sigma=2"], ["box:size=9"],
    ["unsharp"], ["emboss"], ["gaussian3", "sobel"], ["box5", "gaussian:sigma=1", "sharpen"],
    ["motion:length=9,angle=30"], ["1 2; 3 4"],
)  # fmt: skip
KINDS = ("L", "LA", "RGB", "RGBA", "CMYK", "?????")
DEPTHS = ("uint8", "uint16", "float32", "float64", "bool")
CHOICES = (
    {}, {"linear": True}, {"luma": True}, {"gray": True}, {"gray": True, "linear": True},
    {"channels": "G"}, {"depth": "16"}, {"depth": "float"}, {"depth": "8"}, {"mapping": "raw"},
    {"mapping": "offset"}, {"mapping": "abs"}, {"mapping": "normalize"}, {"scale": "auto"},
    {"convolve": True}, {"dilation": 2}, {"alpha": "keep"}, {"alpha": "filter"},
    {"alpha": "drop"}, {"method": "fft"}, {"method": "direct"}, {"keep_edges": True},
    {"rounding": "even"}, {"rounding": "truncate"}, {"flip_rows": True},
    {"anchor": "first-middle"}, {"precision": "double"}, {"luma": True, "linear": True},
    {"padding": "same-upper"},
)  # fmt: skip


def pixels_of(rng, size, channels, depth):
    """Return random pixels, with what is empty and what is full in them."""
    shape = size if len(channels) == 1 else (*size, len(channels))
    if depth == "bool":
        return rng.random(shape) < 0.5
    pixels = rng.random(shape)
    pixels[rng.random(shape) < 0.1] = 0
    pixels[rng.random(shape) < 0.1] = 1
    if depth.startswith("float"):
        return pixels.astype(depth)
    return np.rint(pixels * np.iinfo(depth).max).astype(depth)


def box_in(rng, size):
    """Return a random rectangle (top, left, bottom, right); it may be of one pixel, or all."""
    (top, bottom), (left, right) = (sorted(rng.integers(0, n + 1, 2)) for n in size)
    top, left = min(top, size[0] - 1), min(left, size[1] - 1)
    return Box(*map(int, (top, left, max(bottom, top + 1), max(right, left + 1))))


def region_of(box):
    return Region.parse((box.left, box.top, box.right - box.left, box.bottom - box.top))


def filtered(image, chain, spec):
    """Return the result as an array of (rows, cols, channels), and what was done."""
    road = lay(image, [parse_kernel(kernel) for kernel in chain], spec)
    return road.result.pixels.reshape(*image.size, -1), road.facts


def itself(image, spec):
    """Return the image as samples of the result: what a kernel leaves that changes nothing."""
    gray = spec.gray and image.channels[0] != "L"
    kept = {"gray": gray, "linear": spec.linear and gray, "depth": spec.depth}
    kept["alpha"] = spec.alpha if spec.alpha == "drop" else "keep"
    kept["mapping"] = "raw" if spec.mapping == "raw" else "clip"
    kept["precision"] = (
        spec.precision if {spec.mapping, spec.depth} & {"raw", "float"} else "single"
    )
    return filtered(image, ["identity"], Spec(**kept))[0]


def random_case(rng):
    """Return an image, kernels and a spec that fit one another."""
    size = tuple(int(n) for n in rng.integers(1, 40, 2))
    channels, depth = str(rng.choice(KINDS)), str(rng.choice(DEPTHS))
    borders = [str(each) for each in rng.choice(list(Border), 2)]
    if {"zero", "constant"} <= set(borders):
        borders[1] = borders[0]
    spec = Spec(
        border=",".join(borders),
        fill=float(rng.integers(0, 256)) if "constant" in borders else 0,
        **CHOICES[rng.integers(len(CHOICES))],
    )
    chain = CHAINS[rng.integers(len(CHAINS))]
    return Image(pixels_of(rng, size, channels, depth), channels), chain, spec


def halves(image, chain, spec, inside, off):
    """Whether the few samples that differ lie on a half before they are rounded."""
    real, _ = filtered(image, chain, replace(spec, depth="float"))
    top = np.iinfo(filtered(image, chain, spec)[0].dtype).max
    level = real[inside][off].astype(float) * top
    return np.abs(level % 1 - 0.5).max() < 2e-3 * max(1, top / 255)


def check(image, chain, spec, boxes):
    """Compare a part with all of it."""
    partly = replace(spec, region=[region_of(box) for box in boxes])
    try:
        whole, _ = filtered(image, chain, spec)
    except (UsageError, ImageError) as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        with pytest.raises((UsageError, ImageError)) as said:
            filtered(image, chain, partly)
        assert str(said.value) == refused
        return False
    part, facts = filtered(image, chain, partly)
    inside = np.zeros(image.size, dtype=bool)
    for top, left, bottom, right in boxes:
        inside[top:bottom, left:right] = True
    expected = itself(image, spec)
    assert (part.dtype, part.shape) == (whole.dtype, whole.shape)
    assert np.array_equal(part[~inside], expected[~inside].astype(part.dtype), equal_nan=True)
    if image.dtype == part.dtype and spec.alpha != "drop" and not spec.gray:
        kept = image.pixels.reshape(*image.size, -1)
        assert part[~inside].tobytes() == np.ascontiguousarray(kept[~inside]).tobytes()
    assert facts.inside.pixels == np.count_nonzero(inside)
    # Angles of almost nothing are anything, and 0° is 360°.
    if spec.mapping == "normalize" or "sobel-direction" in chain:
        return True
    scale = 1 if part.dtype.kind == "u" else max(1, float(np.abs(whole).max())) * 2e-5
    apart = np.abs(part[inside].astype(float) - whole[inside].astype(float))
    if image.has_alpha and spec.alpha != "drop":
        # Where nothing can be seen a colour is a quotient of almost nothing.
        apart[(np.abs(whole[inside][:, -1]) < 1e-4) & (apart[:, -1] < 1e-4)] = 0
    assert apart.max() <= scale
    # Whole weights on whole samples are exact; others may fall on the other side of a half.
    off = apart > (0 if part.dtype.kind == "u" else scale)
    assert np.count_nonzero(off) <= 0.02 * apart.size or halves(image, chain, spec, inside, off)
    return True


@pytest.mark.parametrize("seed", exhaustive_but([2], range(40)))
def test_a_part_is_the_whole_result_there_and_the_image_elsewhere(seed):
    rng = np.random.default_rng(seed)
    done = 0
    while done < 2:
        image, chain, spec = random_case(rng)
        boxes = [box_in(rng, image.size) for _ in range(rng.integers(1, 4))]
        done += check(image, chain, spec, boxes)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(1000, 1400))
def test_more_parts_are_the_whole_result_there(seed):
    rng = np.random.default_rng(seed)
    for _ in range(10):
        image, chain, spec = random_case(rng)
        check(image, chain, spec, [box_in(rng, image.size) for _ in range(rng.integers(1, 5))])


@pytest.mark.exhaustive
@pytest.mark.parametrize("channels", exhaustive_but(["L"], ["L", "RGB", "RGBA"]))
def test_parts_of_tiles(channels, rng, monkeypatch):
    monkeypatch.setattr("convcli.engine.tiling.SIZES", (64,))
    monkeypatch.setattr("convcli.engine.tiling._SUMS_BYTES", 2**16)
    monkeypatch.setattr(arrays, "step_of", arrays.step_of.__wrapped__)
    monkeypatch.setattr(prepared, "_plan_for", prepared._plan_for.__wrapped__)
    image = Image(pixels_of(rng, (150, 310), channels, "uint8"), channels)
    boxes = [Box(0, 0, 90, 200), Box(100, 180, 150, 310), Box(40, 150, 120, 260)]
    for chain in (["disk:radius=8"], ["gaussian:sigma=3", "box:size=21"]):
        assert check(image, chain, Spec(method="fft", border="wrap"), boxes)
