"""Make the drawn samples again: `python samples/make.py [FOLDER]`.

Nothing is random and nothing is fetched. The three that start from a photograph take it from
this folder. Pixels are the same everywhere; compressed bytes may differ with the versions of
the codecs, and so may the decoded values of the JPEG files and the edges of drawn letters.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent

GRIDS = {
    "grid-4x4": "1 1 1 0 / 1 1 0 0 / 1 0 0 0 / 0 0 0 0",
    # The 5×5 image of most introductions to convolutional networks.
    "grid-5x5": "1 1 1 0 0 / 0 1 1 1 0 / 0 0 1 1 1 / 0 0 1 1 0 / 0 1 1 0 0",
    # A bright corner: one vertical edge, one horizontal edge, and the point where they meet.
    "grid-7x7": (
        "0 0 0 0 0 0 0 / 0 0 0 0 0 0 0 / 0 0 0 0 0 0 0 / "
        "0 0 0 10 10 10 10 / 0 0 0 10 10 10 10 / 0 0 0 10 10 10 10 / 0 0 0 10 10 10 10"
    ),
}

PAGE = """\
Correlation and convolution

A kernel is a small table of weights. It is laid over
the image, each weight is multiplied with the sample
under it, and the products are added. The sum is one
sample of the result. Then the kernel moves on.

Correlation uses the kernel as it is written down.
Convolution turns it by half a circle first. For a
kernel that looks the same after the turn, the two
are one and the same.

  1 2 1        -1 0 1
  2 4 2        -2 0 2
  1 2 1        -1 0 1

The table on the left makes an image smoother: its
weights are positive and add up to sixteen. The one
on the right adds up to nothing, so that it answers
only where the image changes.

(n - f + 2p) / s + 1 = (7 - 3 + 2) / 2 + 1 = 4
"""


def draw_zone_plate() -> NDArray[np.uint8]:
    """Return cos(k·r²), (512, 512), whose rings reach two samples a period at r = 256."""
    y, x = np.mgrid[-255.5:256, -255.5:256]
    wave = np.cos(np.pi / 512 * (x * x + y * y))
    return np.asarray(np.rint(127.5 + 127.5 * wave), dtype=np.uint8)


def draw_logo() -> NDArray[np.uint8]:
    """Return nine soft tiles, (240, 240, 4), with magenta hidden where alpha is 0."""
    y, x = np.mgrid[0:240, 0:240] + 0.5
    alpha = np.zeros((240, 240))
    colour = np.empty((240, 240, 3))
    colour[...] = 255, 0, 255
    for i, level in enumerate((1, 2, 1, 2, 4, 2, 1, 2, 1)):
        centre_y, centre_x = 40 + 80 * (i // 3), 40 + 80 * (i % 3)
        # Distance to a square of half side 14, so that corners come out round.
        away_y = np.maximum(np.abs(y - centre_y) - 14, 0)
        away_x = np.maximum(np.abs(x - centre_x) - 14, 0)
        tile = np.clip((24 - np.hypot(away_x, away_y)) / 14, 0, 1)
        colour[tile > 0] = {1: (38, 70, 83), 2: (42, 157, 143), 4: (244, 162, 97)}[level]
        alpha = np.maximum(alpha, tile)
    logo = np.dstack([colour, np.rint(255 * alpha)]).astype(np.uint8)
    logo[logo[..., 3] == 0, :3] = 255, 0, 255
    return logo


def draw_gray_ramp() -> NDArray[np.uint16]:
    """Return (96, 512): above, all of 0..65535; below, 512 levels of the middle."""
    wide = np.rint(np.linspace(0, 65535, 512))
    narrow = np.arange(32768 - 256, 32768 + 256)
    return np.asarray(np.repeat([wide, narrow], 48, axis=0), dtype=np.uint16)


def draw_colour_ramp() -> NDArray[np.uint16]:
    """Return (96, 512, 3): red grows to the right, green down, blue to the left."""
    across = np.linspace(0, 65535, 512)
    down = np.linspace(0, 65535, 96)[:, None]
    planes = np.broadcast_arrays(across, down, across[::-1])
    return np.asarray(np.rint(np.dstack(planes)), dtype=np.uint16)


def draw_page() -> NDArray[np.uint8]:
    """Return a page of text, (540, 464), dark gray on light gray."""
    page = Image.new("L", (464, 540), 244)
    font = ImageFont.load_default(size=16)
    ImageDraw.Draw(page).multiline_text((30, 28), PAGE, fill=24, font=font, spacing=6)
    return np.asarray(page)


def draw_float() -> NDArray[np.float32]:
    """Return (120, 160) samples from about −0.8 to 2.4: a bright spot over gentle waves."""
    y, x = np.mgrid[0:120, 0:160].astype(np.float64)
    waves = 0.5 + 0.5 * np.sin(x / 9) * np.cos(y / 7)
    spot = 2 * np.exp(-((x - 110) ** 2 + (y - 45) ** 2) / 300)
    hole = np.exp(-((x - 40) ** 2 + (y - 80) ** 2) / 200)
    return np.asarray(waves + spot - hole, dtype=np.float32)


def draw_chart() -> Image.Image:
    """Return a palette image, 200×160, of bars on nothing, with a half-transparent grid."""
    index = np.zeros((160, 200), dtype=np.uint8)
    index[19::20, :] = 1
    for bar, height in enumerate((40, 95, 70, 130, 110)):
        left = 15 + 36 * bar
        index[160 - height :, left : left + 26] = 2 + bar
    chart = Image.fromarray(index).convert("P")
    colours = [(0, 255, 0), (90, 90, 90), (38, 70, 83), (42, 157, 143)]
    colours += [(233, 196, 106), (244, 162, 97), (231, 111, 81)]
    chart.putpalette([value for colour in colours for value in colour])
    return chart


def separate_inks(photo: Image.Image) -> Image.Image:
    """Return the photograph in four inks, with gray moved from the colours into black."""
    inks = 255 - np.asarray(photo.convert("RGB"))
    black = inks.min(axis=2, keepdims=True)
    planes = np.dstack([inks - black, black])
    return Image.merge("CMYK", [Image.fromarray(planes[..., ink].copy()) for ink in range(4)])


def lay_sideways(photo: Image.Image) -> tuple[Image.Image, Image.Exif]:
    """Return the photograph turned left, and EXIF that says: turn me right to see me."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.ImageDescription] = "stored lying down, seen standing up"
    return photo.transpose(Image.Transpose.ROTATE_90), exif


def write_grid(folder: Path, name: str, text: str) -> None:
    """Write a grid as CSV with its own numbers, and as PNG with its largest number as 255."""
    rows = [[int(number) for number in row.split()] for row in text.split("/")]
    lines = [",".join(str(number) for number in row) for row in rows]
    (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="ascii")
    grid = np.array(rows)
    save(folder / f"{name}.png", (grid * 255 // grid.max()).astype(np.uint8))


def save(path: Path, pixels: NDArray[Any]) -> None:
    """Write pixels as PNG; unlike Pillow, imagecodecs keeps 16 bits of colour."""
    path.write_bytes(imagecodecs.png_encode(pixels, level=9))


def make(folder: Path) -> None:
    """Write every drawn sample into a folder that exists."""
    save(folder / "zone-plate.png", draw_zone_plate())
    save(folder / "logo.png", draw_logo())
    save(folder / "ramp-gray16.png", draw_gray_ramp())
    save(folder / "ramp-rgb16.png", draw_colour_ramp())
    page = draw_page()
    save(folder / "page.png", page)
    Image.fromarray(page > 128).save(folder / "page-1bit.png", optimize=True)
    tifffile.imwrite(folder / "float.tif", draw_float(), metadata=None, software=False)
    draw_chart().save(folder / "chart.png", transparency=bytes([0, 128]), optimize=True)

    with Image.open(HERE / "coffee.jpg") as photo:
        separate_inks(photo.reduce(2)).save(folder / "coffee-cmyk.jpg", quality=88)
    with Image.open(HERE / "rocket.jpg") as photo:
        sideways, exif = lay_sideways(photo.convert("RGB").reduce(2))
        sideways.save(folder / "rocket-sideways.jpg", quality=88, exif=exif)
    for name, text in GRIDS.items():
        write_grid(folder, name, text)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
