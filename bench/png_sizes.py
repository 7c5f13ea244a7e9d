"""How small PNG files come out."""

from __future__ import annotations

import io
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import convcli
from bench.cases import Case, Wrong
from bench.images import SAMPLES
from bench.scale import Scale
from bench.tools import folder

TITLE = "PNG sizes"
ABOUT = """Every image in `samples/` that is whole numbers and has colours that PNG knows, as it
is and sharpened; pixels alone, without colour profiles or text. Pillow is `Image.save` with
nothing said; a ratio above 1 means that our file is smaller. Pillow can't hold 16-bit colour."""

PHOTOGRAPHS = frozenset(
    {"astronaut", "camera", "chelsea", "coffee", "rocket", "rocket-sideways", "text"}
)


def cases(scale: Scale) -> list[Case]:
    """Every image, as it is and sharpened."""
    del scale
    suffixes = {".png", ".jpg"}
    paths = sorted(path for path in SAMPLES.iterdir() if path.suffix in suffixes)
    return [
        case(path, sharpened) for sharpened in (False, True) for path in paths if _pillow_mode(path)
    ]


def case(path: Path, sharpened: bool) -> Case:
    """One image."""
    name = f"{path.stem}{'-sharpened' if sharpened else ''}.png"
    target = folder() / name
    source = partial(_image, path, sharpened)

    def ours() -> int:
        target.unlink(missing_ok=True)
        convcli.write(target, source())
        return target.stat().st_size

    def check() -> None:
        ours()
        if not np.array_equal(convcli.read(target).pixels, source().pixels):
            raise Wrong(f"{name}: other pixels are read than were written")

    kind = "photographs" if path.stem in PHOTOGRAPHS else "text, drawn and flat"
    group = f"{kind}, {'sharpened' if sharpened else 'as they are'}"
    return Case(
        group,
        path.name,
        ours,
        {"Pillow": lambda: _by_pillow(source().pixels)},
        check=check,
        unit="bytes",
    )


@cache
def _image(path: Path, sharpened: bool) -> convcli.Image:
    image = convcli.read(path)
    if sharpened:
        image = convcli.apply(image, "sharpen")
    return convcli.Image(image.pixels, image.channels)


def _pillow_mode(path: Path) -> bool:
    """Whether Pillow can hold the image's pixels."""
    image = _image(path, False)
    if image.channels not in ("L", "LA", "RGB", "RGBA"):
        return False
    return image.pixels.dtype == np.uint8 or (
        image.pixels.dtype == np.uint16 and image.channels == "L"
    )


def _by_pillow(pixels: NDArray[Any]) -> int:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.tell()
