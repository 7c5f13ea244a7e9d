"""Files as people of several trades have them, for the commands of the texts.

Each is small, and made of the samples: `make(folder)` writes all of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

import convcli

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
#: Cells of the elevation model that nobody measured, and what stands in them.
_HOLE, _MISSING = (slice(20, 32), slice(36, 52)), -9999.0
#: TIFF's tag for it.
_DOCUMENT_NAME = 269
#: GPS of the photograph, 46° 33′ 36″ N, 7° 53′ 24″ E.
_NORTH, _EAST = (46.0, 33.0, 36.0), (7.0, 53.0, 24.0)


def make(folder: Path) -> None:
    """Write all files into a folder."""
    photo = convcli.read(SAMPLES / "coffee.jpg").pixels[:240, :320]
    _elevation(folder / "dem.tif")
    _scan_of_a_body(folder / "ct.tif")
    _cells(folder / "cells.tif")
    near_infrared = photo[:, :, 1] // 2 + 90
    tifffile.imwrite(
        folder / "aerial.tif",
        np.dstack([photo, near_infrared]),
        photometric="rgb",
        extrasamples=[0],
        compression="zlib",
        predictor=True,
        tile=(64, 64),
    )
    _fax(folder / "fax.tif")
    _lab(folder / "lab.tif", photo)
    _phone(folder / "phone.jpg")
    _mask(folder / "mask.png", (512, 512))


def _elevation(path: Path) -> None:
    """Write heights in metres with a hole in them, and where on the earth they lie."""
    down, across = np.mgrid[:60, :80].astype(np.float32)
    heights = 400 + 60 * np.sin(down / 9) * np.cos(across / 13) + across
    heights[_HOLE] = _MISSING
    scale, corner = (30.0, 30.0, 0.0), (0.0, 0.0, 0.0, 630000.0, 5155000.0, 0.0)
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32632)
    tags = [
        (33550, "d", 3, scale, True),
        (33922, "d", 6, corner, True),
        (34735, "H", len(keys), keys, True),
        (42113, "s", 0, f"{_MISSING:g}", True),
    ]
    tifffile.imwrite(path, heights, extratags=tags, metadata=None)


def _scan_of_a_body(path: Path) -> None:
    """Write a slice of X-ray densities, int16, from −1000 (air) to 1200 (bone)."""
    down, across = np.mgrid[-64:64, -64:64]
    away = np.hypot(down, across)
    densities = np.where(away < 55, 40, -1000)
    densities[(away > 44) & (away < 50)] = 1200
    noise = np.random.default_rng(1).normal(0, 25, densities.shape)
    tifffile.imwrite(path, (densities + noise).astype(np.int16), metadata=None)


def _cells(path: Path) -> None:
    """Write a stack of five planes as ImageJ does, 0.25 µm a pixel."""
    rng = np.random.default_rng(2)
    planes = rng.poisson(60, (5, 96, 128)).astype(np.uint16)
    for down, across in rng.integers(12, 84, (9, 2)):
        planes[:, down - 6 : down + 6, across - 6 : across + 6] += 400
    tifffile.imwrite(
        path,
        planes,
        imagej=True,
        resolution=(4.0, 4.0),
        metadata={"axes": "ZYX", "unit": "um", "spacing": 1.0},
    )


def _fax(path: Path) -> None:
    """Write a page of one bit, group 4, with its name."""
    with Image.open(SAMPLES / "page-1bit.png") as page:
        tags = {_DOCUMENT_NAME: "Invoice 4711"}
        page.save(path, compression="group4", dpi=(200, 200), tiffinfo=tags)


def _lab(path: Path, photo: NDArray[np.uint8]) -> None:
    """Write CIELAB as programs for print do: a and b signed."""
    source, target = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(Image.fromarray(photo), source, target, outputMode="LAB")
    samples = np.array(image).reshape(*photo.shape)
    tifffile.imwrite(path, samples, photometric="cielab", metadata=None)


def _phone(path: Path) -> None:
    """Write a photograph that a telephone held on its side has taken, and where."""
    with Image.open(SAMPLES / "rocket-sideways.jpg") as image:
        exif = image.getexif()
        place = exif.get_ifd(0x8825)
        place |= {1: "N", 2: _NORTH, 3: "E", 4: _EAST}
        exif[0x0110] = "Telephone 12"
        image.save(path, exif=exif, quality=92)


def _mask(path: Path, size: tuple[int, int]) -> None:
    """Write an ellipse with a soft edge, white on black."""
    down, across = np.mgrid[: size[0], : size[1]]
    away = np.hypot((down - 115) / 60, (across - 230) / 50)
    level = np.clip((1.2 - away) / 0.2, 0, 1)
    convcli.write(path, convcli.Image((level * 255).astype(np.uint8)))
