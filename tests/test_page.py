"""The interactive page: every number in it is the engine's, and it needs no other file."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest
from command import call
from marks import exhaustive_but
from page_parts import (
    CORNERS,
    COUNTED,
    CROSS,
    EDGE,
    FIVE,
    HOSTILE,
    SOBEL,
    SPOT,
    STAIRS,
    data_of,
    grid_page,
    hostile_page,
    image_page,
)
from PIL import Image as PillowImage

import convcli
from convcli.errors import ImageError, UsageError
from convcli.geometry import plan_geometry
from convcli.kernels import get_kernel, parse_kernel
from convcli.kernels.kernel import Combine
from convcli.report.page import write
from convcli.spec import Spec
from convcli.teach import lessons
from convcli.teach.explain import study
from convcli.teach.views import MOST_PRODUCTS

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def text(samples):
    """Return the page of sobel-x on a photograph."""
    return image_page(convcli.read(samples / "camera.png"), "sobel-x", at=(100, 200))


@pytest.fixture(scope="module")
def data(text):
    """Return what is embedded in it."""
    return data_of(text)


def check_walk(walk, pixels, weights, divisor=1, **options):
    """Compare every number of a small section with `convcli.correlate`."""
    pixels, weights = np.array(pixels, float), np.array(weights, float)
    options = {"padding": 0, "border": "zero"} | options
    sums = convcli.correlate(pixels, weights, **options)
    slid = weights[::-1, ::-1] if options.get("flip") else weights
    (top, bottom), (left, right) = walk["pad"]
    padded = np.pad(pixels, ((top, bottom), (left, right)))
    np.testing.assert_array_equal(walk["cells"], padded)
    np.testing.assert_array_equal(walk["kernel"], slid)
    np.testing.assert_allclose(walk["output"], sums / divisor)
    assert walk["divisor"] == divisor
    assert walk["out"] == list(sums.shape)
    assert [step["at"] for step in walk["steps"]] == [list(at) for at in np.ndindex(sums.shape)]
    for step in walk["steps"]:
        patch = padded[np.ix_(step["rows"], step["cols"])]
        np.testing.assert_array_equal(np.reshape(step["patch"], slid.shape), patch)
        np.testing.assert_array_equal(np.reshape(step["products"], slid.shape), patch * slid)
        at = tuple(step["at"])
        assert step["total"] == sum(step["products"]) == sums[at]
        assert step["value"] == pytest.approx(sums[at] / divisor)
        assert (step["chain"] or [["", step["total"]]])[-1][1] == pytest.approx(step["value"])
    for axis, formula in enumerate(walk["formulas"]):
        assert formula.endswith(f" = {sums.shape[axis]}")


def test_sliding_is_the_engines_at_every_position(data):
    check_walk(data["sliding"], FIVE, CROSS)
    assert data["sliding"]["output"] == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]


@pytest.mark.exhaustive
def test_stride_is_the_engines_at_every_position(data):
    for stride, walk in zip((1, 2, 3), data["stride"], strict=True):
        check_walk(walk, lessons.FACE, np.ones((3, 3)), 9, stride=stride)
        assert np.array(walk["cells"]).shape == (7, 7)
        whole = np.array(data["stride"][0]["output"])
        np.testing.assert_array_equal(walk["output"], whole[::stride, ::stride])
    assert [walk["out"] for walk in data["stride"]] == [[5, 5], [3, 3], [2, 2]]
    assert [walk["unvisited"] for walk in data["stride"]] == [[0, 0], [0, 0], [1, 1]]
    assert "never visited: the last column (7 of 7)" in data["stride"][2]["notes"]


def test_padding_is_the_engines_at_every_position(data):
    for padding, walk in enumerate(data["padding"]):
        check_walk(walk, FIVE, CROSS, padding=padding)
        assert walk["pad"] == [[padding, padding], [padding, padding]]
    assert [walk["out"] for walk in data["padding"]] == [[3, 3], [5, 5], [7, 7]]


def test_the_numericals_are_the_engines_at_every_position(data):
    check_walk(data["stairs"], STAIRS, CORNERS)
    assert data["stairs"]["output"] == [[-1, 1], [1, 1]]
    check_walk(data["edge"], EDGE, SOBEL)
    assert data["edge"]["output"] == [[0, 40, 40, 0], [0, 30, 30, 0], [0, 10, 10, 0]]


def test_the_flip_is_the_engines_at_every_position(data):
    correlated, convolved = data["flip"]
    check_walk(correlated, SPOT, COUNTED)
    check_walk(convolved, SPOT, COUNTED, flip=True)
    assert convolved["output"] == COUNTED
    assert correlated["output"] == [row[::-1] for row in COUNTED[::-1]]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("replicate", {"mode": "edge"}),
        ("zero", {"mode": "constant"}),
        ("constant", {"mode": "constant", "constant_values": 50}),
        ("reflect", {"mode": "reflect"}),
        ("symmetric", {"mode": "symmetric"}),
        ("wrap", {"mode": "wrap"}),
    ],
)
def test_borders_are_the_engines_and_numpys(data, name, options):
    (rule,) = [rule for rule in data["borders"] if rule["name"] == name]
    pixels = np.arange(1, 21).reshape(4, 5)
    np.testing.assert_array_equal(rule["cells"], np.pad(pixels, 2, **options))
    seen = convcli.correlate(pixels, [[1]], padding=2, border=name, fill=rule["fill"])
    np.testing.assert_array_equal(rule["cells"], seen)
    for r, c in np.ndindex(8, 9):
        came = rule["from"][r][c]
        assert rule["at"][r][c] == [r - 2, c - 2]
        assert rule["cells"][r][c] == (rule["fill"] if came is None else pixels[tuple(came)])
    letters = [rule["fill"] if k < 0 else "abcde"[k] for k in rule["strip"]]
    strip = np.pad(
        np.arange(5),
        3,
        **(options | {"constant_values": -1} if name in ("zero", "constant") else options),
    )
    assert letters == [rule["fill"] if k < 0 else "abcde"[k] for k in strip]


#: Kernels and options for the user's own image: (kernel, options).
CASES = [
    ("sobel-x", {}),
    ("emboss-lode", {"border": "zero"}),
    ("gaussian:sigma=1.5", {"border": "reflect"}),
    ("sobel", {"border": "wrap"}),
    ("kirsch", {"stride": 3}),
    ("1 2; 3 4", {"padding": "full", "border": "constant", "fill": 100.0}),
    ("sharpen", {"stride": (2, 1), "dilation": 2, "padding": "valid"}),
    ("1 2 3; 0 1 0; 0 0 7", {"convolve": True, "mapping": "offset"}),
    ("sobel-x", {"mapping": "normalize"}),
    ("laplacian", {"mapping": "raw"}),
]


class Expected:
    """What a kernel gives on an image, by `convcli.correlate` and `convcli.apply`."""

    def __init__(self, image, kernel, options):
        spec = Spec(**options)
        self.image, self.kernel = image, kernel
        fill = spec.fill * image.maximum / 255
        outside = {"border": spec.border, "fill": fill}
        steps = {k: options[k] for k in ("padding", "stride", "dilation") if k in options}
        geometry = plan_geometry(
            image.size, kernel.shape, flip=spec.convolve, **({"padding": "same"} | steps)
        )
        axes = geometry.rows, geometry.cols
        self.steps = [axis.stride for axis in axes]
        pads = tuple((axis.before, axis.after) for axis in axes)
        pixels = image.pixels.reshape(*image.size, -1).astype(float)
        self.padded = convcli.correlate(pixels, [[1]], padding=pads, **outside)
        self.sums = [
            convcli.correlate(pixels, part.weights, flip=spec.convolve, **outside, **steps)
            for part in kernel.parts
        ]
        result = convcli.apply(image, kernel, spec).pixels
        self.result = result.reshape(*result.shape[:2], -1)

    def check(self, view, channel, plane, weights):
        """Compare one channel of a view; return how many outputs."""
        cells = np.array(channel["cells"], float)
        top, left = (
            view[k][0] * step for k, step in zip(("rows", "cols"), self.steps, strict=True)
        )
        height, width = cells.shape
        padded = self.padded[top : top + height, left : left + width, plane]
        known = ~np.isnan(cells)  # between the taps of a dilated kernel nothing is seen
        np.testing.assert_allclose(cells[known], padded[known], rtol=1e-6)
        places = [(r, c) for r in range(len(view["rows"])) for c in range(len(view["cols"]))]
        for (r, c), (products, totals, steps, value) in zip(places, channel["places"], strict=True):
            patch = cells[np.ix_(view["windowRows"][r], view["windowCols"][c])]
            at = view["rows"][r], view["cols"][c], plane
            for k, slid in enumerate(weights):
                expected = patch * slid
                shaped = np.reshape(products[k], slid.shape)
                np.testing.assert_allclose(shaped, expected, rtol=1e-5, atol=1e-6)
                assert totals[k] == pytest.approx(float(self.sums[k][at]), rel=1e-5, abs=1e-4)
            assert value == pytest.approx(float(self.result[at]), rel=1e-6, abs=1e-6)
            assert all(0 <= label < len(channel["labels"]) for label, _ in steps)
        return len(places)


@pytest.mark.parametrize(("text", "options"), exhaustive_but(CASES[:4] + CASES[7:8], CASES))
@pytest.mark.parametrize("channels", exhaustive_but(["L"], ["L", "RGB"]))
def test_the_users_image_is_the_engines_at_every_position(tiny_image, text, options, channels):
    image, kernel = tiny_image((40, 30), channels), parse_kernel(text)
    yours = data_of(image_page(image, kernel, **options))["yours"]
    turn = -1 if options.get("convolve") else 1
    weights = [np.array(part.weights)[::turn, ::turn] for part in kernel.parts]
    for part, slid in zip(yours["parts"], weights, strict=True):
        np.testing.assert_allclose(part["weights"], slid, rtol=1e-6)
    expected = Expected(image, kernel, options)
    assert tuple(yours["out"]) == expected.result.shape[:2]
    assert yours["channels"] in (list(channels), [channels[0]])
    checked = 0
    for view in yours["views"]:
        for name, channel in zip(yours["channels"], view["channels"], strict=True):
            checked += expected.check(view, channel, image.channels.index(name), weights)
    assert checked >= 30


@pytest.mark.parametrize(
    "depth", exhaustive_but(["float32"], ["bool", "uint16", "float32", "float64"])
)
def test_samples_of_every_depth_are_the_engines(tiny_image, depth):
    image, kernel = tiny_image((20, 25), "L", depth), parse_kernel("sharpen")
    yours = data_of(image_page(image, kernel))["yours"]
    if depth == "bool":  # counts as 0 and 255
        image = convcli.Image(image.pixels.astype(np.uint8) * np.uint8(255))
    expected = Expected(image, kernel, {})
    (weights,) = (np.array(part["weights"]) for part in yours["parts"])
    for view in yours["views"]:
        assert expected.check(view, view["channels"][0], 0, [weights]) >= 100


def test_an_image_with_alpha_is_shown_with_its_stored_samples(tiny_image):
    image, kernel = tiny_image((20, 25), "RGBA"), parse_kernel("gaussian:sigma=0.5")
    yours = data_of(image_page(image, kernel))["yours"]
    assert yours["alpha"] == "weighed"
    assert "A" not in yours["channels"]
    expected = Expected(image, kernel, {"alpha": "keep"})
    weights = [np.array(part["weights"]) for part in yours["parts"]]
    assert expected.check(yours["views"][0], yours["views"][0]["channels"][0], 0, weights)


def test_samples_that_are_no_number_leave_their_outputs_out(tiny):
    pixels = tiny((20, 25), "float32")
    pixels[3, 4] = np.nan
    yours = data_of(image_page(convcli.Image(pixels), "box3", at=(3, 4)))["yours"]
    view = yours["views"][0]
    places = np.reshape(
        [place is None for place in view["channels"][0]["places"]], (-1, len(view["cols"]))
    )
    rows, cols = np.nonzero(places)
    assert {view["rows"][r] for r in rows} == {2, 3, 4}
    assert {view["cols"][c] for c in cols} == {3, 4, 5}


def test_views_are_the_places_that_they_are_named_after(samples):
    image = convcli.read(samples / "camera.png")
    yours = data_of(image_page(image, "sobel-x", at=(100, 200)))["yours"]
    response = convcli.correlate(image.pixels, SOBEL)
    asked, largest, smallest, middle, corner = (view["focus"] for view in yours["views"])
    assert (asked, middle, corner) == ([100, 200], [256, 256], [0, 0])
    assert response[tuple(largest)] == response.max()
    assert response[tuple(smallest)] == response.min()
    for view in yours["views"]:
        assert view["focus"][0] in view["rows"]
        assert view["focus"][1] in view["cols"]


def decoded(address):
    """Return the samples of an image that is an address."""
    head, content = address.split(",", 1)
    assert head in ("data:image/png;base64", "data:image/webp;base64")
    return np.asarray(PillowImage.open(io.BytesIO(base64.b64decode(content))))


def test_close_looks_are_exact_images_of_source_and_result(tiny_image):
    image = tiny_image((200, 150), "RGB")
    result = convcli.apply(image, "emboss", Spec(border="wrap")).pixels
    yours = data_of(image_page(image, "emboss", border="wrap"))["yours"]
    padded = np.pad(image.pixels, ((1, 1), (1, 1), (0, 0)), mode="wrap")
    for view in yours["views"]:
        rows, cols = view["rows"], view["cols"]
        after = result[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
        np.testing.assert_array_equal(decoded(view["after"]), after)
        before = padded[rows[0] : rows[-1] + 3, cols[0] : cols[-1] + 3]
        np.testing.assert_array_equal(decoded(view["before"]), before)
        top, left, height, width = view["spotAfter"]
        assert np.allclose([top * 200, left * 150], [rows[0], cols[0]], atol=1e-3)
        assert np.allclose([height * 200, width * 150], [len(rows), len(cols)], atol=1e-3)
    (top, bottom), (left, right) = yours["views"][-1]["outside"]
    assert (top, bottom, left, right) == (1, 0, 1, 0)


def test_a_large_image_is_shown_small(samples):
    image = convcli.read(samples / "camera.png")
    tall = convcli.Image(np.tile(image.pixels, (3, 2)))
    yours = data_of(image_page(tall, "box3"))["yours"]
    assert yours["factor"] == 3
    small = decoded(yours["before"])
    assert small.shape[:2] == tuple(yours["beforeSize"]) == (512, 342)
    means = tall.pixels[:1536, :1023].reshape(512, 3, 341, 3).mean(axis=(1, 3))
    assert np.abs(small[:, :341].reshape(512, 341, -1)[:, :, 0] - means).mean() < 6


def test_a_small_grid_is_shown_by_its_numbers():
    yours = data_of(
        grid_page("1 1 1 0; 1 1 0 0; 1 0 0 0; 0 0 0 0", "1 0 -1; 0 0 0; -1 0 1", padding="valid")
    )["yours"]
    check_walk(yours["walk"], STAIRS, CORNERS)
    assert yours["start"] == 1
    assert "views" not in yours


def test_a_page_needs_nothing_else(text):
    found = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.extend((tag, name, value) for name, value in attributes)

    Reader().feed(text)
    addresses = [value for _, name, value in found if name in ("src", "href", "srcset", "action")]
    assert addresses
    assert all(value.startswith(("#", "data:")) for value in addresses)
    assert not any(tag in ("base", "iframe", "object", "embed") for tag, _, _ in found)
    assert not any(name.startswith("on") or name == "style" for _, name, _ in found)
    assert "http:" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https:" not in text
    assert "@import" not in text
    assert "url(" not in text


def test_the_policy_lets_only_the_pages_own_script_run(text):
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag, element in (("style", "style"), ("script", "script")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy


def test_names_can_not_add_elements(samples):
    hostile, plain = hostile_page(samples), grid_page("1 2; 3 4", "box3")
    assert hostile.count("<script") == plain.count("<script") == 2
    assert hostile.count("<img") == 0
    yours = data_of(hostile)["yours"]
    assert yours["kernel"] == yours["source"] == HOSTILE


def test_a_page_of_a_photograph_is_small(samples):
    image = convcli.read(samples / "astronaut.png")
    for kernel in ("sobel", "gaussian:sigma=3", "sharpen"):
        assert len(image_page(image, kernel).encode()) < 1_000_000


@pytest.mark.exhaustive
def test_a_kernel_too_large_for_a_page_is_refused(tiny_image):
    with pytest.raises(UsageError, match=r"has 40,401 weights; a page holds kernels of up to"):
        image_page(tiny_image((9, 9)), "box:size=201")
    assert MOST_PRODUCTS >= 10_000


def test_a_page_is_written_whole_and_replaces_nothing(tiny_image, tmp_path):
    subject = study(tiny_image(), get_kernel("box3"), Spec())
    target = tmp_path / "page.html"
    assert write(target, subject, "tiny.png") == target
    first = target.read_bytes()
    with pytest.raises(ImageError, match="exists; use `overwrite`"):
        write(target, subject)
    assert target.read_bytes() == first
    write(target, subject, "other.png", overwrite=True)
    assert target.read_bytes() != first
    assert list(tmp_path.iterdir()) == [target]


def test_the_command_writes_a_page(samples, tmp_path):
    target = tmp_path / "out.html"
    arguments = ("explain", "sobel-x", samples / "camera.png", "--at", "10,20", "--page", target)
    assert call(*arguments).status == 0
    yours = data_of(target.read_text(encoding="utf-8"))["yours"]
    assert yours["views"][0]["focus"] == [10, 20]
    again = call(*arguments)
    assert again.status == 1
    assert "exists" in again.err
    assert call(*arguments, "--overwrite").status == 0


def test_the_pages_parts_are_package_data():
    place = files("convcli.report.page")
    names = {item.name for item in place.iterdir()}
    assert {
        "page.html",
        "page.css",
        "draw.js",
        "lab.js",
        "lessons.js",
        "image.js",
        "start.js",
    } <= names


def test_every_way_to_combine_has_words():
    from convcli.report.page.words import _COMBINE

    assert set(_COMBINE) == set(Combine)


def test_a_page_never_replaces_the_source(tmp_path, samples):
    for name in ("photo.png", "photo.html"):
        source = tmp_path / name
        source.write_bytes((samples / "logo.png").read_bytes())
        said = call("explain", "box3", source, "--page", source, "--overwrite")
        assert said.status == 2
        assert len(said.lines) == 1
        assert source.read_bytes() == (samples / "logo.png").read_bytes()
