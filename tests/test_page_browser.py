"""The interactive page in a real browser: clicked, dragged, typed at, and compared with the engine.

Needs Playwright (the `peers` extra) and a Chromium or Chrome of the system; CONVCLI_CHROMIUM may
name one. Without them these tests are skipped.
"""

from __future__ import annotations

import os
import re
import shutil

import numpy as np
import pytest
from page_parts import (
    CORNERS,
    CROSS,
    EDGE,
    FIVE,
    HOSTILE,
    SOBEL,
    STAIRS,
    grid_page,
    hostile_page,
    image_page,
)

import convcli
from convcli.kernels import parse_kernel
from convcli.teach.lessons import FACE

playwright = pytest.importorskip("playwright.sync_api", reason="peers extra not installed")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = os.environ.get("CONVCLI_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.peers("playwright"),
    pytest.mark.skipif(
        BROWSER is None,
        reason="no Chromium or Chrome was found; install one, or set CONVCLI_CHROMIUM",
    ),
]
SECTIONS = ("sliding", "stride", "padding", "stairs", "edge", "borders", "flip", "yours")
DESKTOP, PHONE = (1280, 900), (360, 740)
AT = (100, 200)


@pytest.fixture(scope="module")
def chromium():
    """Start a browser that all tests of this module share."""
    with playwright.sync_playwright() as driver:
        # A container has no user namespaces to build a sandbox from; the pages are our own.
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(samples, tmp_path_factory):
    """Write the pages that tests open; their paths by name."""
    camera = convcli.read(samples / "camera.png")
    texts = {
        "camera": image_page(camera, "sobel-x", at=AT),
        "colour": image_page(convcli.read(samples / "chelsea.png"), "sobel"),
        "soft": image_page(camera, "gaussian:sigma=2"),
        "grid": grid_page("1 1 1 0; 1 1 0 0; 1 0 0 0; 0 0 0 0", "1 0 -1; 0 0 0; -1 0 1"),
        "hostile": hostile_page(samples),
    }
    folder = tmp_path_factory.mktemp("pages")
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.fixture
def show(chromium, pages):
    """Return what opens a page: show("camera", size, colour_scheme); it must say no error."""
    said, contexts = [], []

    def make(name, size=DESKTOP, scheme="light", motion="reduce", clock=False):
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            reduced_motion=motion,
            offline=True,
        )
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("requestfailed", lambda request: said.append(request.url))
        if clock:
            tab.clock.install()
        tab.goto(pages[name].as_uri())
        return tab

    yield make
    for context in contexts:
        context.close()
    assert said == []


def numbers(tab, section, kind):
    """Return the numbers of a matrix as the page shows them, in reading order."""
    texts = tab.eval_on_selector_all(
        f"#{section} .fig.{kind} td",
        "cells => cells.map(cell => cell.firstChild ? cell.firstChild.textContent : '')",
    )
    return [float(text.replace("−", "-")) for text in texts]


def slide(tab, section, name, value):
    """Move a slider to a value; the page hears of it as from a hand."""
    tab.locator(f"#{section} input[aria-label='{name}']").fill(str(value))


def place(tab, section):
    """Return (row, column, value) as the live region says them."""
    said = tab.locator(f"#{section} [role=status]").inner_text()
    found = re.search(r"row (\d+), column (\d+)[^:]*: (−?[\d.]+)", said)
    return int(found[1]), int(found[2]), float(found[3].replace("−", "-"))


def check(tab, section, pixels, weights, **options):
    """Compare all that a section shows at its position with the engine; return the place."""
    options = {"padding": 0, "border": "zero"} | options
    sums = convcli.correlate(np.array(pixels, float), weights, **options)
    patch, products = numbers(tab, section, "patch"), numbers(tab, section, "products")
    flat = np.ravel(weights).tolist()
    assert numbers(tab, section, "kernel") == flat
    assert products == [a * b for a, b in zip(patch, flat, strict=True)]
    assert numbers(tab, section, "output") == pytest.approx(sums.ravel().tolist())
    row, col, value = place(tab, section)
    assert value == sums[row, col] == sum(products)
    formula = tab.locator(f"#{section} .formula .equation .total").first.inner_text()
    assert float(formula.replace("−", "-")) == sum(products)
    (now,) = tab.eval_on_selector_all(
        f"#{section} .fig.output td.now", "cells => cells.map(cell => cell.textContent)"
    )
    assert float(now.replace("−", "-")) == value
    return row, col


def reached(tab, section, pixels, weights, count):
    """Move the position slider through all positions and check each; return the places."""
    places = []
    for position in range(1, count + 1):
        slide(tab, section, "Position", position)
        places.append(check(tab, section, pixels, weights))
    return places


def test_sliding_steps_by_its_buttons(show):
    tab = show("camera")
    buttons = tab.locator("#sliding button")
    assert check(tab, "sliding", FIVE, CROSS) == (0, 0)
    for expected in ((0, 1), (0, 2), (1, 0)):
        buttons.nth(2).click()
        assert check(tab, "sliding", FIVE, CROSS) == expected
    buttons.nth(0).click()
    assert check(tab, "sliding", FIVE, CROSS) == (0, 2)
    assert tab.locator("#sliding .fig.output td.later").count() == 6


def test_play_goes_through_all_positions_and_pauses(show):
    tab = show("camera", clock=True)
    play = tab.locator("#sliding .play")
    play.click()
    assert play.inner_text() == "Pause"
    tab.clock.run_for(2000)
    assert check(tab, "sliding", FIVE, CROSS) == (0, 2)
    play.click()
    tab.clock.run_for(5000)
    assert check(tab, "sliding", FIVE, CROSS) == (0, 2)
    assert play.inner_text() == "Play"
    play.click()
    tab.clock.run_for(60_000)
    assert check(tab, "sliding", FIVE, CROSS) == (2, 2)
    assert play.inner_text() == "Play"
    play.click()  # begins again
    assert check(tab, "sliding", FIVE, CROSS) == (0, 0)


def test_stride_shrinks_the_output(show):
    tab = show("camera")
    for stride, side in ((1, 5), (2, 3), (3, 2)):
        slide(tab, "stride", "Stride S", stride)
        means = convcli.correlate(np.array(FACE, float), np.ones((3, 3)), stride, 0) / 9
        assert numbers(tab, "stride", "output") == pytest.approx(means.ravel().tolist())
        assert len(numbers(tab, "stride", "output")) == side**2
        assert f"+ 1 = {side}" in tab.locator("#stride .size").inner_text()
        for position in range(1, side**2 + 1):
            slide(tab, "stride", "Position", position)
            row, col, value = place(tab, "stride")
            assert value == pytest.approx(means[row, col])
            assert sum(numbers(tab, "stride", "products")) == pytest.approx(9 * value)
    assert tab.locator("#stride td.unvisited").count() == 13
    assert "never visited: the last column (7 of 7)" in tab.locator("#stride").inner_text()


def test_padding_adds_zeros_and_the_output_grows(show):
    tab = show("camera")
    for padding, side in ((0, 3), (1, 5), (2, 7)):
        slide(tab, "padding", "Padding P", padding)
        padded = np.pad(FIVE, padding)
        assert numbers(tab, "padding", "input") == padded.ravel().tolist()
        assert tab.locator("#padding .fig.input td.pad").count() == padded.size - 25
        for position in (1, side**2 // 2 + 1, side**2):
            slide(tab, "padding", "Position", position)
            check(tab, "padding", FIVE, CROSS, padding=padding)
        assert f"+ 1 = {side}" in tab.locator("#padding .size").inner_text()


def test_the_numericals_are_worked_dot_product_by_dot_product(show):
    tab = show("camera")
    assert reached(tab, "stairs", STAIRS, CORNERS, 4) == [*np.ndindex(2, 2)]
    assert reached(tab, "edge", EDGE, SOBEL, 12) == [*np.ndindex(3, 4)]
    lines = tab.locator("#edge .ledger li")
    assert lines.count() == 12
    lines.nth(5).click()
    assert check(tab, "edge", EDGE, SOBEL) == (1, 1)
    assert lines.nth(5).get_attribute("class") == "now"


def test_borders_show_where_samples_come_from(show):
    tab = show("camera")
    pixels = np.arange(1, 21).reshape(4, 5)
    for name in ("wrap", "replicate", "symmetric", "zero", "reflect"):
        tab.locator(f"#borders input[value={name}]").check()
        seen = convcli.correlate(pixels.astype(float), [[1]], padding=2, border=name)
        assert numbers(tab, "borders", "input") == seen.ravel().tolist()
        outside = [at for at in np.ndindex(8, 9) if not (2 <= at[0] < 6 and 2 <= at[1] < 7)]
        for position in (1, 20, 52):
            slide(tab, "borders", "Outside sample", position)
            row, col = outside[position - 1]
            said = tab.locator("#borders [role=status]").inner_text()
            value = seen[row, col]
            assert said.endswith(f": {value:g}" if name != "zero" else "and is 0")
            assert f"row {row - 2}, column {col - 2}".replace("-", "−") in said
            origin = tab.locator("#borders td.origin")
            assert origin.count() == (0 if name == "zero" else 1)
            if name != "zero":
                assert float(origin.inner_text()) == value


def test_the_flip_turns_the_kernel(show):
    tab = show("camera")
    spot, counted = np.pad([[1.0]], 2), np.arange(1, 10).reshape(3, 3)
    for position in range(1, 10):
        slide(tab, "flip", "Position", position)
        shown = numbers(tab, "flip", "output")
        for lane, flip in enumerate((False, True)):
            sums = convcli.correlate(spot, counted, padding=0, flip=flip).ravel()
            assert shown[9 * lane : 9 * lane + 9] == sums.tolist()
            products = numbers(tab, "flip", "products")[9 * lane : 9 * lane + 9]
            assert sum(products) == sums[position - 1]


def check_image(tab, plane, result, weights):
    """Compare what the user's section shows with the engine; return (row, col)."""
    row, col, value = place(tab, "yours")
    padded = np.pad(plane.astype(float), 1, mode="edge")
    patch = padded[row : row + 3, col : col + 3]
    count = len(weights)
    assert numbers(tab, "yours", "patch")[:9] == patch.ravel().tolist()
    products = np.reshape(numbers(tab, "yours", "products"), (count, 3, 3))
    for k, slid in enumerate(weights):
        assert products[k].tolist() == (patch * slid).tolist()
    assert value == result[row, col]
    assert tab.locator("#yours .pixel").inner_text().split() == ["pixel", str(result[row, col])]
    return row, col


def test_the_users_image_is_looked_at_closely(show, samples):
    tab = show("camera")
    image = convcli.read(samples / "camera.png")
    result = convcli.apply(image, "sobel-x").pixels
    args = (tab, image.pixels, result, [np.array(SOBEL)])
    assert check_image(*args) == AT
    for row, col in ((0, 0), (14, 3), (7, 14)):
        slide(tab, "yours", "Row", row)
        slide(tab, "yours", "Column", col)
        assert check_image(*args) == (AT[0] - 7 + row, AT[1] - 7 + col)
    lens = tab.locator("#yours .lens")
    lens.nth(1).focus()
    for key, expected in (
        ("ArrowLeft", (100, 206)),
        ("ArrowDown", (101, 206)),
        ("Home", (101, 193)),
    ):
        tab.keyboard.press(key)
        assert check_image(*args) == expected
    box = lens.nth(1).bounding_box()
    lens.nth(1).click(position={"x": box["width"] * 2.5 / 15, "y": box["height"] * 4.5 / 15})
    assert check_image(*args) == (97, 195)
    box = lens.nth(0).bounding_box()  # two columns more: the samples around
    lens.nth(0).click(position={"x": box["width"] * 9.5 / 17, "y": box["height"] * 3.5 / 17})
    assert check_image(*args) == (95, 201)
    for k in range(tab.locator("#yours input[name=view]").count()):
        tab.locator("#yours input[name=view]").nth(k).check()
        check_image(*args)
    assert check_image(*args) == (0, 0)
    assert tab.locator("#yours .fig.patch td.pad").count() == 5
    photo = tab.locator("#yours .photo").nth(1)
    box = photo.bounding_box()
    photo.click(position={"x": box["width"] * 200.5 / 512, "y": box["height"] * 100.5 / 512})
    # A browser counts whole pixels, and the photo has a little fewer than samples.
    assert np.abs(np.subtract(check_image(*args), AT)).max() <= 1


def test_the_users_image_has_its_channels(show, samples):
    tab = show("colour")
    image = convcli.read(samples / "chelsea.png")
    result = convcli.apply(image, "sobel").pixels
    weights = [np.array(SOBEL), np.array(SOBEL).T]
    for k in range(3):
        tab.locator("#yours input[name=channel]").nth(k).check()
        check_image(tab, image.pixels[:, :, k], result[:, :, k], weights)


def test_a_large_kernel_is_shown_in_shades(show, samples):
    tab = show("soft")
    image = convcli.read(samples / "camera.png")
    result = convcli.apply(image, "gaussian:sigma=2").pixels
    row, col, value = place(tab, "yours")
    assert value == result[row, col]
    canvas = tab.locator("#yours .fig.kernel canvas")
    assert canvas.evaluate("canvas => [canvas.height, canvas.width]") == [17, 17]
    canvas.hover()  # its middle
    said = tab.locator("#yours .readout").inner_text()
    assert said.startswith(f"{image.pixels[row, col]} × ")
    alpha = "canvas => [...canvas.getContext('2d').getImageData(0, 0, 17, 17).data].slice(3)"
    shades = np.reshape(canvas.evaluate(alpha + ".filter((_, k) => k % 4 === 0)"), (17, 17))
    weights = parse_kernel("gaussian:sigma=2").weights
    assert np.abs(shades / 255 - weights / weights.max()).max() < 0.01


def test_what_is_pointed_at_is_marked_everywhere(show):
    tab = show("camera")
    tab.locator("#sliding .fig.kernel td").nth(4).hover()
    marked = tab.locator("#sliding .hot")
    assert marked.count() == 5  # image, patch, kernel, products and formula
    assert marked.nth(0).inner_text().startswith("1")
    tab.locator("#sliding .fig.kernel td").nth(1).hover()
    assert tab.locator("#sliding .fig.patch td.hot").evaluate("cell => cell.cellIndex") == 1


def test_the_users_grid_is_worked_out(show):
    tab = show("grid")
    args = ("yours", STAIRS, CORNERS)
    options = {"padding": "same", "border": "replicate"}
    for position in range(1, 17):
        slide(tab, "yours", "Position", position)
        check(tab, *args, **options)


def test_keys_move_sliders_outputs_and_play(show):
    tab = show("camera", clock=True)
    slider = tab.locator("#sliding input[type=range]")
    slider.focus()
    tab.keyboard.press("ArrowRight")
    assert check(tab, "sliding", FIVE, CROSS) == (0, 1)
    tab.keyboard.press("End")
    assert check(tab, "sliding", FIVE, CROSS) == (2, 2)
    tab.keyboard.press("Home")
    tab.keyboard.press(" ")
    tab.clock.run_for(3000)
    tab.keyboard.press(" ")
    tab.clock.run_for(3000)
    assert check(tab, "sliding", FIVE, CROSS) == (1, 0)
    output = tab.locator("#sliding .fig.output table")
    output.focus()
    for key, expected in (("ArrowDown", (2, 0)), ("End", (2, 2)), ("ArrowUp", (1, 2))):
        tab.keyboard.press(key)
        assert check(tab, "sliding", FIVE, CROSS) == expected
    output.locator("td").nth(4).click()
    assert check(tab, "sliding", FIVE, CROSS) == (1, 1)
    tab.locator("#borders input[value=replicate]").focus()
    tab.keyboard.press("ArrowDown")
    assert tab.locator("#borders input[value=zero]").is_checked()


def test_all_controls_are_reached_by_tab_in_order_and_seen(show):
    tab = show("camera")
    order = []
    for _ in range(120):
        tab.keyboard.press("Tab")
        order.append(
            tab.evaluate(
                """() => {
                  const at = document.activeElement;
                  const seen = at.closest(".choice, .strip") ?? at;
                  const name = at.getAttribute("aria-label") ?? at.textContent.trim() ?? "";
                  const labelled = name || (at.labels && at.labels[0].textContent.trim());
                  const lab = at.closest("section")?.id ?? at.tagName;
                  return [lab, Boolean(labelled), getComputedStyle(seen).outlineStyle];
                }"""
            )
        )
        if order[-1][0] == "BODY":
            break
    visited = list(dict.fromkeys(lab for lab, _, _ in order))
    assert [lab for lab in visited if lab in SECTIONS] == list(SECTIONS)
    assert visited[0] == "A"  # skip to your image
    stops = [stop for stop in order if stop[0] in SECTIONS]
    assert len(stops) > 30
    assert all(name and outline == "solid" for _, name, outline in stops)


def test_what_a_screen_reader_needs_is_there(show):
    tab = show("colour")
    assert tab.evaluate("document.documentElement.lang") == "en"
    assert tab.locator("[role=status][aria-live=polite]").count() == len(SECTIONS)
    assert tab.locator("table:not([aria-label])").count() == 0
    assert tab.locator("input[type=range]:not([aria-valuetext])").count() == 0
    assert tab.locator("img:not([alt])").count() == 0
    for name in SECTIONS:
        assert tab.locator(f"section#{name}").get_attribute("aria-labelledby") == f"{name}-h"


def ground(tab):
    return tab.evaluate("getComputedStyle(document.body).backgroundColor")


def test_light_and_dark_follow_the_system_until_they_are_chosen(show):
    light, dark = show("camera"), show("camera", scheme="dark")
    colours = [ground(light), ground(dark)]
    assert sum(map(int, re.findall(r"\d+", colours[0]))) > 600
    assert sum(map(int, re.findall(r"\d+", colours[1]))) < 150
    light.get_by_role("button", name="Dark").click()
    assert ground(light) == colours[1]
    assert light.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"
    light.get_by_role("button", name="Auto").click()
    assert ground(light) == colours[0]
    dark.get_by_role("button", name="Light").click()
    assert ground(dark) == colours[0]


@pytest.mark.parametrize("size", [DESKTOP, PHONE, (320, 600)])
@pytest.mark.parametrize("name", ["camera", "colour", "soft", "grid", "hostile"])
def test_no_page_scrolls_sideways(show, name, size):
    tab = show(name, size, "dark")
    slide(tab, "padding", "Padding P", 2)
    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
    beyond = tab.evaluate(
        """() => [...document.querySelectorAll("td, button, input, img, p, li, label")]
          .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
          .map((element) => element.outerHTML.slice(0, 80))"""
    )
    assert beyond == []


def test_names_are_shown_and_never_run(show):
    tab = show("hostile")
    assert tab.evaluate("window.bad") is None
    assert tab.locator("#yours .facts code").all_inner_texts() == [HOSTILE, HOSTILE]
    assert tab.title().startswith(HOSTILE)
    assert tab.locator("img[src=x]").count() == 0


def test_motion_is_left_out_where_it_is_not_wanted(show):
    length = "getComputedStyle(document.querySelector('#sliding .frame')).transitionDuration"
    assert set(show("camera").evaluate(length).split(", ")) == {"0s"}
    assert "0s" not in show("camera", motion="no-preference").evaluate(length)


def test_in_print_controls_are_left_out_and_the_output_is_whole(show):
    tab = show("camera", scheme="dark")
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.locator(".controls:visible").count() == 0
    colour = tab.evaluate("getComputedStyle(document.querySelector('.later')).color")
    assert "0, 0, 0, 0" not in colour
    assert ground(tab) == "rgb(255, 255, 255)"
