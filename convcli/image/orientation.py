"""Images turned the way they are meant to be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.image import exif
from convcli.image.codec import LazyFunction
from convcli.image.image import Image, Meta
from convcli.record import replace

_SETTLED = LazyFunction("beside.statements", "settled")


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
    if meta.exif or meta.xmp:
        meta = _settled(meta, stored, image.size)
    meta = replace(meta, dpi=dpi)
    if stored == 1 and image.made is not None:
        return Image.of(image.made, image.channels, meta)
    return Image(turn(image.pixels, stored), image.channels, meta)


def _settled(meta: Meta, orientation: int, size: tuple[int, int]) -> Meta:
    """Return metadata without what is true of no result."""
    block, xmp, gone = _SETTLED(meta.exif, meta.xmp, orientation, size)
    return replace(meta, exif=exif.settle(block), xmp=xmp, beside=meta.beside + gone)
