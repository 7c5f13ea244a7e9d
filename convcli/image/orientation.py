"""Images turned the way they are meant to be seen."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.image import exif
from convcli.image.image import Image
from convcli.record import replace

_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=[\"']|>)\s*)[2-8]")


def turn(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn stored pixels upright.

    Parameters
    ----------
    pixels
        (rows, cols) or (rows, cols, channels), as stored.
    orientation
        1 to 8: where the stored first row and first column belong (Exif 2.32, table 6).

    Returns
    -------
    ndarray
        C-contiguous; rows and columns change places for 5 to 8.

    Examples
    --------
    >>> turn(np.array([[1, 2], [3, 4]]), 6)
    array([[3, 1],
           [4, 2]])
    """
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def upright(image: Image, orientation: int | None = None) -> Image:
    """Return the image upright; what its metadata say agrees with that.

    Parameters
    ----------
    image
        The image as stored.
    orientation
        1 to 8; None to ask the image's EXIF.
    """
    meta = image.meta
    stored = exif.orientation(meta.exif) if orientation is None else orientation
    dpi = meta.dpi[::-1] if meta.dpi and stored >= 5 else meta.dpi
    xmp = meta.xmp and _XMP_ORIENTATION.sub(rb"\g<1>1", meta.xmp)
    settled = replace(meta, exif=exif.settle(meta.exif), xmp=xmp, dpi=dpi)
    if stored == 1 and image.made is not None:
        return Image.of(image.made, image.channels, settled)
    return Image(turn(image.pixels, stored), image.channels, settled)
