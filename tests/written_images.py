"""Images shaped like what people have: screens, text, scans, maps, charts, photographs, noise."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
WORDS = str.split(
    "the quick brown fox jumps over a lazy dog while 12.5 % of all rows are white; File Edit View "
    "Help Total 1,204.00 EUR Fig. 3 (north) OK Cancel https://example.org/a?b=c Größe naïve"
)
#: Sides around which something begins anew: coded units, runs of bits, and primes.
SIDES = (
    1, 2, 3, 5, 7, 8, 9, 13, 15, 16, 17, 23, 31, 32, 33, 47, 63, 64, 65, 79, 97, 101, 127, 128, 129,
    160, 199, 211,
)  # fmt: skip
#: Widths of screens, pages, cameras, primes, and rows around the 32 KiB that a match spans.
WIDTHS = (
    61, 320, 480, 640, 800, 997, 1024, 1280, 1366, 1440, 1654, 1920, 2048, 2481, 2560, 3001, 4096,
    8191, 10_922, 10_923, 16_384, 32_767, 32_768, 40_000,
)  # fmt: skip
MIB = 2**20


# Sizes


def small_size(rng, most=211):
    """Rows and columns, each around something; one in five is a row, a column or a strip."""
    sides = [side for side in SIDES if side <= most]
    rows, cols = (int(rng.choice(sides)) for _ in range(2))
    odd = rng.integers(0, 10)
    if odd == 0:
        return (1, cols * 7) if rng.random() < 0.5 else (rows * 7, 1)
    if odd == 1:
        return (rows % 5 + 1, cols * 5) if rng.random() < 0.5 else (rows * 5, cols % 5 + 1)
    return rows, cols


def large_size(rng, pixel_bytes, least=MIB):
    """Rows and columns of more than a mebibyte, often close to where a band more is needed."""
    share = rng.random()
    if share < 0.3:
        wanted = least * int(rng.choice([1, 1, 1, 2, 2, 3, 4])) + int(rng.integers(-6, 7)) * 4000
    elif share < 0.98:
        wanted = int(least * rng.uniform(1.02, 3.2))
    else:
        wanted = int(least * rng.uniform(4, 18))
    cols = int(rng.choice(WIDTHS)) if rng.random() < 0.8 else int(rng.integers(50, 4000))
    return max(2, round(wanted / (cols * pixel_bytes))), cols


# What is drawn; each gives (rows, cols, bands) of uint8


def ink(rng, bands):
    """A colour, often a plain one."""
    if rng.random() < 0.4:
        return np.full(bands, int(rng.choice([0, 255, 240, 192, 128, 51])), np.uint8)
    return rng.integers(0, 256, bands, dtype=np.uint8)


def flat(rng, rows, cols, bands):
    canvas = np.empty((rows, cols, bands), np.uint8)
    canvas[:] = ink(rng, bands)
    if rng.random() < 0.3:
        canvas[rng.integers(rows), rng.integers(cols)] = ink(rng, bands)
    return canvas


def gradient(rng, rows, cols, bands):
    """A slope across, down, along a diagonal, or rings; in steps or not."""
    y = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, cols, dtype=np.float32)[None, :]
    way = rng.integers(0, 4)
    plane = np.broadcast_to((x, y, (x + y) / 2, np.sqrt((x - 0.5) ** 2 + (y - 0.5) ** 2))[way],
                            (rows, cols))  # fmt: skip
    if rng.random() < 0.3:
        steps = int(rng.integers(2, 40))
        plane = np.floor(plane * steps) / steps
    levels = np.arange(256, dtype=np.float32) / 255
    first, last = ink(rng, bands).astype(np.float32), ink(rng, bands).astype(np.float32)
    table = (first + levels[:, None] * (last - first)).astype(np.uint8)
    return table[(plane * 255).astype(np.uint8)]


@cache
def words(size):
    """A page of words, as (rows, cols) of how much ink; smooth letters, or bits for size 0."""
    font = ImageFont.load_default(size) if size else ImageFont.load_default_imagefont()
    page = Pillow.new("L", (1800, 900))
    draw = ImageDraw.Draw(page)
    chosen = np.random.default_rng(size)
    step = size + 6 if size else 13
    for top in range(4, 900 - step, step):
        if chosen.random() < 0.15:
            continue
        line = " ".join(chosen.choice(WORDS, 60))
        draw.text((8, top), line if size else line.encode("ascii", "replace").decode(), 255, font)
    return np.asarray(page)


def write_on(rng, canvas, top=0, left=0, height=None, width=None):
    """Put words on a part of a canvas."""
    part = canvas[top : top + (height or len(canvas)), left : left + (width or canvas.shape[1])]
    page = words(int(rng.choice([0, 0, 11, 14, 24])))
    colour = ink(rng, canvas.shape[2])
    for start in range(0, len(part), len(page)):
        rows = min(len(page), len(part) - start)
        cols = min(page.shape[1], part.shape[1])
        at = int(rng.integers(0, len(page) - rows + 1)), int(rng.integers(0, 40))
        mask = page[at[0] : at[0] + rows, at[1] : at[1] + cols][:, :, None]
        piece = part[start : start + rows, : mask.shape[1]]
        smooth = piece + (colour.astype(np.int16) - piece) * mask.astype(np.int16) // 255
        piece[...] = np.where((mask > 0) & (mask < 255), smooth.clip(0, 255), piece)
        np.copyto(piece, colour, where=mask == 255)


def text_page(rng, rows, cols, bands):
    canvas = np.full((rows, cols, bands), 255 if rng.random() < 0.8 else 20, np.uint8)
    write_on(rng, canvas, rows // 20, cols // 20, max(1, rows * 9 // 10), max(1, cols * 9 // 10))
    return canvas


def screen(rng, rows, cols, bands):
    """Windows with bars, buttons and words on a plain, shaded or photographed ground."""
    canvas = (flat, gradient, photograph, flat)[rng.integers(0, 4)](rng, rows, cols, bands)
    for _ in range(int(rng.integers(1, 6))):
        top, left = int(rng.integers(0, rows)), int(rng.integers(0, cols))
        height, width = (int(side * rng.uniform(0.2, 0.9)) + 1 for side in (rows, cols))
        window = canvas[top : top + height, left : left + width]
        window[:] = ink(rng, bands)
        window[:1] = window[-1:] = window[:, :1] = window[:, -1:] = ink(rng, bands)
        bar = max(1, min(24, len(window) // 6))
        window[:bar] = gradient(rng, *window[:bar].shape[:2], bands)
        for place in range(2, min(window.shape[1] - 16, 600), 26):
            window[bar + 3 : bar + 19, place : place + 16] = ink(rng, bands)
        if len(window) > bar + 40:
            write_on(rng, window[bar + 26 :], 0, 4, int(rng.integers(20, len(window))))
    return canvas


def scan(rng, rows, cols, bands):
    """A page on rough paper, a little crooked, darker to one side."""
    page = text_page(rng, rows, cols, 1)[..., 0]
    if rows > 4 and cols > 4:
        turned = Pillow.fromarray(page).rotate(rng.uniform(-2, 2), Pillow.Resampling.BILINEAR)
        page = np.asarray(turned)
    noise = rough(rng, rows, cols, 1, int(rng.integers(2, 9)))[..., 0]
    shade = np.linspace(0, rng.uniform(0, 40), cols).astype(np.uint8)
    paper = np.clip(page.astype(np.int16) - 12 + noise - shade, 0, 255).astype(np.uint8)
    tint = np.array([255, 250, 235][:bands], np.uint16)
    return (paper[..., None] * tint // 255).astype(np.uint8)


def rough(rng, rows, cols, bands, spread):
    """Whole numbers about 0, near ones more often."""
    parts = rng.integers(0, spread + 1, (2, rows, cols, bands), dtype=np.int8)
    return parts[0] - parts[1]


def chart_map(rng, rows, cols, bands):
    """Areas of few colours with thin lines and names, as maps have."""
    coarse = rng.integers(0, 256, (int(rng.integers(3, 9)), int(rng.integers(3, 9))), np.uint8)
    smooth = Pillow.fromarray(coarse).resize((cols, rows), Pillow.Resampling.BICUBIC)
    count = int(rng.integers(2, 12))
    table = np.stack([ink(rng, bands) for _ in range(count)])
    areas = np.asarray(smooth).astype(np.uint16) * count // 256
    canvas = draw_lines(rng, table[areas], int(rng.integers(2, 20)))
    if rng.random() < 0.5 and rows > 30:
        write_on(rng, canvas, rows // 2, cols // 3, 30, cols // 3 + 1)
    return canvas


def draw_lines(rng, canvas, count):
    """Draw polylines, rings and boxes on a canvas; return it."""
    rows, cols, bands = canvas.shape
    image = Pillow.fromarray(canvas[..., 0] if bands == 1 else canvas)
    draw = ImageDraw.Draw(image)
    for _ in range(count):
        colour = tuple(int(v) for v in ink(rng, bands))
        colour = colour[0] if bands == 1 else colour
        spots = rng.integers(-5, (cols + 5, rows + 5), (int(rng.integers(2, 9)), 2))
        kind = rng.integers(0, 4)
        if kind == 0:
            low, high = spots[:2].min(axis=0), spots[:2].max(axis=0)
            draw.ellipse([*map(int, low), *map(int, high)], outline=colour)
        elif kind == 1:
            low, high = spots[:2].min(axis=0), spots[:2].max(axis=0)
            draw.rectangle([*map(int, low), *map(int, high)], outline=colour)
        else:
            points = [(int(x), int(y)) for x, y in spots]
            draw.line(points, fill=colour, width=int(rng.integers(1, 4)))
    return np.array(image).reshape(rows, cols, bands)


def chart(rng, rows, cols, bands):
    """Bars, grid lines and curves on white."""
    canvas = np.full((rows, cols, bands), 255, np.uint8)
    canvas[:: max(2, rows // 10)] = 220
    count = int(rng.integers(2, 12))
    for bar in range(count):
        left = cols * bar // count
        top = int(rng.integers(0, rows))
        canvas[top:, left : left + max(1, cols // count * 2 // 3)] = ink(rng, bands)
    return draw_lines(rng, canvas, 4)


def line_art(rng, rows, cols, bands):
    canvas = np.full((rows, cols, bands), 255, np.uint8)
    if rng.random() < 0.5:
        canvas[:, :: int(rng.integers(2, 9))] = 0
    return draw_lines(rng, canvas, int(rng.integers(3, 40)))


@cache
def photographs():
    """The samples that were photographed, as RGB."""
    names = ("astronaut.png", "camera.png", "chelsea.png", "coffee.jpg", "rocket.jpg")
    return [Pillow.open(SAMPLES / name).convert("RGB") for name in names]


def photograph(rng, rows, cols, bands):
    """A crop brought to size, or many side by side; with the noise of a night now and then."""
    source = photographs()[rng.integers(0, 5)]
    source = source if bands == 3 else source.convert("L")
    width, height = source.size
    if rng.random() < 0.5:
        left, top = rng.uniform(0, width * 0.6), rng.uniform(0, height * 0.6)
        box = left, top, left + width * 0.35, top + height * 0.35
        way = Pillow.Resampling.BILINEAR if rng.random() < 0.7 else Pillow.Resampling.NEAREST
        canvas = np.array(source.resize((cols, rows), way, box)).reshape(rows, cols, bands)
    else:
        whole = np.asarray(source).reshape(height, width, bands)
        start = int(rng.integers(0, height)), int(rng.integers(0, width))
        across = np.arange(start[1], start[1] + cols) % (2 * width)
        down = np.arange(start[0], start[0] + rows) % (2 * height)
        across, down = (
            np.minimum(across, 2 * width - 1 - across),
            np.minimum(down, 2 * height - 1 - down),
        )
        canvas = whole[down][:, across]
    if rng.random() < 0.25:
        noise = rough(rng, rows, cols, bands, int(rng.integers(3, 60)))
        canvas = np.clip(canvas // 2 + noise.astype(np.int16), 0, 255).astype(np.uint8)
    return canvas


def noise(rng, rows, cols, bands):
    """Noise that fills its range, or salt on plain ground."""
    whole = rng.integers(0, 256, (rows, cols, bands), np.uint8)
    if rng.random() < 0.5:
        return whole
    return np.where(whole < rng.integers(2, 40), whole, ink(rng, bands))


def beside_flat(rng, rows, cols, bands):
    """Patches of noise on something plain: what suits one suits the other badly."""
    canvas = (flat, gradient, line_art)[rng.integers(0, 3)](rng, rows, cols, bands)
    for _ in range(int(rng.integers(1, 7))):
        top, left = int(rng.integers(0, rows)), int(rng.integers(0, cols))
        wide = rng.random() < 0.4
        height = int(rows * rng.uniform(0.02, 0.5)) + 1
        width = cols if wide else int(cols * rng.uniform(0.05, 0.7)) + 1
        left = 0 if wide else left
        patch = canvas[top : top + height, left : left + width]
        patch[...] = noise(rng, *patch.shape)
    return canvas


def dithered(rng, rows, cols, bands):
    """Few levels that stand for many, scattered or in a raster."""
    slope = (gradient, photograph)[rng.integers(0, 2)](rng, rows, cols, bands)
    if rng.random() < 0.5:
        plane = Pillow.fromarray(np.ascontiguousarray(slope[..., 0])).convert("1")
        return np.repeat(np.asarray(plane)[..., None] * np.uint8(255), bands, axis=2)
    raster = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.uint8) * 16
    tiled = np.tile(raster, (rows // 4 + 1, cols // 4 + 1))[:rows, :cols, None]
    return np.where(slope > tiled, np.uint8(255), np.uint8(0))


def pattern(rng, rows, cols, bands):
    """A tile again and again, or squares as games have them."""
    tile = noise(rng, int(rng.integers(1, 40)), int(rng.integers(1, 40)), bands)
    if rng.random() < 0.5:
        times = rows // len(tile) + 1, cols // tile.shape[1] + 1, 1
        return np.ascontiguousarray(np.tile(tile, times)[:rows, :cols])
    down = np.arange(rows) * len(tile) // rows
    across = np.arange(cols) * tile.shape[1] // cols
    return tile[down][:, across]


SINGLE = {
    "flat": flat, "gradient": gradient, "text": text_page, "screen": screen, "scan": scan,
    "map": chart_map, "chart": chart, "lines": line_art, "photograph": photograph, "noise": noise,
    "beside": beside_flat, "dithered": dithered, "pattern": pattern,
}  # fmt: skip


def collage(rng, rows, cols, bands):
    """Several of the others, one below the other."""
    canvas = np.empty((rows, cols, bands), np.uint8)
    top = 0
    while top < rows:
        height = min(rows - top, int(rows * rng.uniform(0.05, 0.6)) + 1)
        drawn = list(SINGLE.values())[rng.integers(0, len(SINGLE))]
        canvas[top : top + height] = drawn(rng, height, cols, bands)
        top += height
    return canvas


SCENES = SINGLE | {"collage": collage}
