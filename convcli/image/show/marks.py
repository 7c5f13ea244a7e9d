"""Rectangles drawn on an image, in two tones that are seen on any background."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.image.channels import colour_of
from convcli.image.image import Image
from convcli.record import replace

#: A line is this part of the image's shorter side thick, its dark edges included.
_PART = 120
#: Shares of a full sample in the middle of a line, where colours are known; it is bright yellow.
_BRIGHT = {"RGB": (1.0, 0.9, 0.0), "CMYK": (0.0, 0.1, 1.0, 0.0), "Lab": (0.9, 0.5, 0.85)}
_DARK = {"CMYK": (0.0, 0.0, 0.0, 1.0), "Lab": (0.0, 0.5, 0.5)}


def marked(image: Image, boxes: Iterable[tuple[int, int, int, int]]) -> Image:
    """Return an image with frames around parts of it, which cover nothing of them.

    At the image's border they do: there they stay within it.

    Parameters
    ----------
    image
        The image, which is left as it is.
    boxes
        (top, left, bottom, right) of each part.
    """
    pixels = image.pixels.copy()
    planes = pixels.reshape(*image.size, -1)
    bright, dark = _tones(image, planes)
    edge = max(1, round(min(image.size) / _PART / 4))
    for top, left, bottom, right in boxes:
        outer = (top - 4 * edge, left - 4 * edge, bottom + 4 * edge, right + 4 * edge)
        for at, thick, tone in ((0, edge, dark), (edge, 2 * edge, bright), (3 * edge, edge, dark)):
            _frame(planes, _shrunk(outer, image.size, at), thick, tone)
    return replace(image, pixels=pixels)


def _tones(image: Image, planes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what is bright and what is dark in an image, opaque."""
    names = image.channels.removesuffix("A")
    count = len(names)
    low, high = 0.0, image.maximum
    if image.dtype.kind == "f" or image.has_values:
        # These may count in any unit.
        low, high = min(low, float(np.nanmin(planes))), max(high, float(np.nanmax(planes)))
    colour = colour_of(names)
    # Other bands are bright and dark, other inks none.
    rest = count - len(colour)
    bright, dark = _BRIGHT.get(colour, (1.0,) * len(colour)), _DARK.get(colour)
    more = 0.0 if colour == "CMYK" else 1.0
    shares = np.array(
        [(*bright, *(more,) * rest), (*(dark or (0.0,) * len(colour)), *(0.0,) * rest)]
    )
    tones = low + shares * (high - low)
    if image.has_alpha:
        tones = np.column_stack([tones, (image.maximum, image.maximum)])
    if image.dtype.kind in "iu":
        tones = np.rint(tones)
    first, second = tones.astype(image.dtype)
    return first, second


def _shrunk(
    box: tuple[int, int, int, int], size: tuple[int, int], by: int
) -> tuple[int, int, int, int]:
    """Return a box cut to what there is of the image, and then made smaller on all sides."""
    top, left, bottom, right = box
    return max(top, 0) + by, max(left, 0) + by, min(bottom, size[0]) - by, min(right, size[1]) - by


def _frame(
    planes: NDArray[Any], box: tuple[int, int, int, int], thick: int, tone: NDArray[Any]
) -> None:
    """Draw the four sides of a box, just within it."""
    top, left, bottom, right = box
    if top >= bottom or left >= right:
        return
    planes[top : top + thick, left:right] = tone
    planes[bottom - thick : bottom, left:right] = tone
    planes[top:bottom, left : left + thick] = tone
    planes[top:bottom, right - thick : right] = tone
