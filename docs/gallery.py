"""The gallery: what every kernel makes of a cat's eye, a sheet of small images for each family.

`text()` is gallery.md. `python docs/make.py --gallery` draws the sheets: each image is a part of
what `convcli apply NAME samples/chelsea.png --gray` makes, sample by sample, with the name below.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import convcli
from convcli.kernels import Compound, families, parse_kernel

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "gallery"
SOURCE = "samples/chelsea.png"
#: Row, column of the part that is shown, and its height and width.
PART = (75, 113, 90, 120)
COLUMNS = 6
GAP, LABEL = 6, 18
_HEAD = f"""# Gallery

What every kernel does to one photograph: an eye from `{SOURCE}`, as it was and after
`convcli apply NAME {SOURCE} --gray`. A sample of the photograph is a sample here. `*5` after a
name stands for `--scale 5`: without it so many responses would be too dark to see, or, where the
number is below 1, all white. Kernels whose weights sum to 0 show how large the response is, unless
they say otherwise; with `--map offset` you see its sign. Compass kernels answer to one side only:
`--map clip` leaves what is negative black here. Kernels with parameters have those in the table.

`python docs/make.py --gallery` makes these images.
"""


def text() -> str:
    """Return gallery.md: each family's sheet, and what its kernels do."""
    parts = [_HEAD]
    for family, members in families().items():
        rows = []
        for member in members:
            written = member.usage if member.form == "generator" else member.name
            effect = member.effect.replace("|", "\\|")
            rows.append(f"| `{written}` | {effect} |")
        title = f"the eye, and {len(members)} images named by kernel"
        parts.append(f"## {family}\n\n![{title}](gallery/{family}.png)\n")
        parts.append("\n".join(["| kernel | effect |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def draw() -> None:
    """Draw every family's sheet."""
    source = convcli.read(ROOT / SOURCE)
    FOLDER.mkdir(exist_ok=True)
    for family, members in families().items():
        tiles = [("as it was", filtered(source, "identity", 1))]
        for member in members:
            scale = fitting(source, member.name)
            title = member.name if scale == 1 else f"{member.name}  *{scale:g}"
            own = family != "compass" or member.form == "compound"
            pixels = filtered(source, member.name, scale, None if own else "clip")
            tiles.append((title, pixels))
        sheet(tiles).save(FOLDER / f"{family}.png", optimize=True)


def filtered(
    source: convcli.Image, name: str, scale: float, mapping: str | None = None
) -> np.ndarray:
    """Return the part that is shown of what a kernel makes of an image; uint8."""
    spec = convcli.Spec(gray=True, scale=scale, mapping=mapping)
    pixels = convcli.apply(source, name, spec).pixels
    row, column, height, width = PART
    return np.ascontiguousarray(pixels[row : row + height, column : column + width])


def fitting(source: convcli.Image, name: str) -> float:
    """Return a scale, of one digit, that brings nearly all responses to 0…255; 1 if they are.

    Only kernels that find something or change brightness are scaled, not those that say how
    their response is to be shown.
    """
    kernel = parse_kernel(name)
    if isinstance(kernel, Compound):
        scaled = kernel.combine not in ("direction", "share")
    else:
        shown = kernel.mapping is None and kernel.offset == 0
        scaled = shown and not np.isclose(float(kernel.sum), 1)
    if not scaled:
        return 1
    spec = convcli.Spec(gray=True, mapping="raw", depth="float")
    most = np.percentile(abs(convcli.apply(source, name, spec).pixels), 99.5)
    return float(f"{255 / most:.0e}")


def size(count: int) -> tuple[int, int]:
    """Return the width and height of a sheet of so many images."""
    columns, rows = min(count, COLUMNS), -(-count // COLUMNS)
    return columns * (PART[3] + GAP) + GAP, rows * (PART[2] + GAP + LABEL) + GAP


def sheet(tiles: list[tuple[str, np.ndarray]]) -> Image.Image:
    """Return one image of many, each with its name below; of shape (height, width), uint8."""
    page = Image.new("L", size(len(tiles)), 255)
    pen = ImageDraw.Draw(page)
    fonts = [ImageFont.load_default(points) for points in (11, 10, 9, 8)]
    for number, (name, pixels) in enumerate(tiles):
        row, column = divmod(number, COLUMNS)
        left = GAP + column * (PART[3] + GAP)
        top = GAP + row * (PART[2] + GAP + LABEL)
        page.paste(Image.fromarray(pixels), (left, top))
        narrow = (f for f in fonts if pen.textlength(name, f) <= PART[3])
        font = next(narrow, fonts[-1])
        pen.text((left, top + PART[2] + 2), name, fill=0, font=font)
    return page
