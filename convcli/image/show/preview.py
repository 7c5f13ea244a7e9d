"""Small versions of images, to be looked at: each pixel is the mean of the area it stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.image.channels import alpha, colour_of, colours
from convcli.image.image import Image
from convcli.image.light.lab import as_srgb
from convcli.record import record

#: Grays of the board that is seen through alpha, and how many pixels its squares have.
_BOARD, _SQUARE = (0.4, 0.6), 4
#: Small images are enlarged by a whole factor, up to this one.
_LARGEST = 16
#: Floats within these stand for 0..1, a little overshot; others are stretched to be seen.
_OVERSHOT = (-1.0, 2.0)


@record(eq=False)
class Preview:
    """An image before and after, made small, at one scale.

    Parameters
    ----------
    before, after
        (rows, cols, 3) uint8: red, green, blue, as stored.
    notes
        What is seen differently from what is stored, each a line for the user.
    """

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    notes: tuple[str, ...] = ()


def make_preview(
    source: Image, result: Image, room: tuple[int, int], *, raw: bool = False
) -> Preview:
    """Make a source and its result small, so that both fit side by side.

    Parameters
    ----------
    source, result
        Images of any depth and channels.
    room
        (rows, cols) of pixels that there are for both.
    raw
        Whether the result's samples are responses, in levels of the source.
    """
    scale = _scale(source.size, result.size, room)
    full = source.maximum if raw and not source.has_values else 1.0
    small, notes = [], []
    for name, image, top in (("before", source, 1.0), ("after", result, full)):
        low, high = _range(image, top, signed=raw and image is result)
        size = [max(1, int(extent * scale)) for extent in image.size]
        small.append(thumbnail(image, (size[0], size[1]), (low, high)))
        if (low, high) not in ((0.0, 1.0), (0.0, top)) and _has_span(image):
            middle = ", 0 is mid-gray" if low < 0 else ""
            notes.append(f"{name}: {low:.6g} is shown black and {high:.6g} white{middle}")
    return Preview(small[0], small[1], tuple(notes))


def thumbnail(
    image: Image,
    size: tuple[int, int],
    span: tuple[float, float] = (0.0, 1.0),
) -> NDArray[np.uint8]:
    """Return an image of another size whose pixels are means over areas.

    Colour is averaged as stored and weighted by alpha, which lets a checkerboard be seen.

    Parameters
    ----------
    image
        The image.
    size
        (rows, cols) of the result.
    span
        What is black and what is white among floats and values; others have a range of their own.

    Returns
    -------
    ndarray of shape (rows, cols, 3), uint8
    """

    def visible(band: NDArray[Any]) -> NDArray[Any]:
        light = colours(band, image.channels)
        if colour_of(image.channels) == "Lab":
            light = as_srgb(light, image.meta.bands.kind)
        else:
            of = span if _has_span(image) else None
            light = _unit(light, image.maximum, of)
        opacity = alpha(band, image.channels)
        if opacity is not None:
            opacity = _unit(
                opacity, image.maximum, (0.0, 1.0) if opacity.dtype.kind == "f" else None
            )
        return _visible(light, opacity, image.channels)

    rows = np.stack([weights @ band for weights, band in _bands(image.pixels, size[0], visible)])
    across = rows.reshape(size[0], image.size[1], -1).swapaxes(0, 1)
    cols = np.stack([weights @ band for weights, band in _bands(across, size[1], _same)])
    mean = cols.reshape(size[1], size[0], -1).swapaxes(0, 1)
    light = mean[:, :, :3]
    if image.has_alpha:
        light = light + (1 - mean[:, :, 3:]) * _board(size)
    levels: NDArray[np.uint8] = np.floor(np.clip(light, 0, 1) * 255 + 0.5).astype(np.uint8)
    return levels


def _same(band: NDArray[Any]) -> NDArray[Any]:
    return band


def _bands(
    samples: NDArray[Any], count: int, work: Callable[[NDArray[Any]], NDArray[Any]]
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Part rows among `count` areas of one height.

    Yields
    ------
    tuple
        The share that each row has in an area, and these rows, (rows, values), worked on.
    """
    extent = len(samples)
    for k in range(count):
        # In units of 1/count of a row, so that all edges are whole numbers.
        begin, end = k * extent, (k + 1) * extent
        first, last = begin // count, -(-end // count)
        edges = np.clip(np.arange(first, last + 1) * count, begin, end)
        band = work(samples[first:last])
        yield (np.diff(edges) / extent).astype(band.dtype), band.reshape(last - first, -1)


def _has_span(image: Image) -> bool:
    """Whether samples count in any unit, so that what there is says what is black and white."""
    return image.dtype.kind == "f" or image.has_values


def _unit(band: NDArray[Any], maximum: float, span: tuple[float, float] | None) -> NDArray[Any]:
    """Samples in 0..1."""
    if span is None:
        return band.astype(np.float32) * np.float32(1 / maximum)
    low, high = span
    # What is no number is black.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.fmin(np.fmax((band.astype(np.float64) - low) / (high - low), 0), 1)


def _visible(light: NDArray[Any], opacity: NDArray[Any] | None, names: str) -> NDArray[Any]:
    """Red, green and blue; weighted by alpha, and alpha beside them, if there is one."""
    if colour_of(names) == "CMYK":
        light = (1 - light[:, :, :3]) * (1 - light[:, :, 3:4])
    elif light.shape[2] < 3:
        light = np.repeat(light[:, :, :1], 3, axis=2)
    light = light[:, :, :3]
    if opacity is None:
        return light
    return np.dstack((light * opacity[:, :, None], opacity))


def _board(size: tuple[int, int]) -> NDArray[np.float64]:
    """Return a checkerboard, (rows, cols, 1)."""
    rows, cols = np.ogrid[: size[0], : size[1]]
    squares = (rows // _SQUARE + cols // _SQUARE) % 2
    board: NDArray[np.float64] = np.array(_BOARD)[squares][:, :, None]
    return board


def _scale(before: tuple[int, int], after: tuple[int, int], room: tuple[int, int]) -> Fraction:
    """Return by what both are enlarged so that they fit: a whole number, or less than 1."""
    down = Fraction(room[0], max(before[0], after[0]))
    across = Fraction(room[1], before[1] + after[1])
    scale = min(down, across, Fraction(_LARGEST))
    return Fraction(int(scale)) if scale >= 1 else scale


def _range(image: Image, full: float, *, signed: bool) -> tuple[float, float]:
    """Return what is shown black and what white, of floats and values."""
    if not _has_span(image) or colour_of(image.channels) == "Lab":
        return 0.0, 1.0
    found = colours(image.pixels, image.channels)
    found = found[np.isfinite(found)]
    if not found.size:
        return 0.0, full
    low, high = float(found.min()), float(found.max())
    least, most = (0.0, 1.0) if signed else _OVERSHOT
    if low >= least * full and high <= most * full:
        return 0.0, full
    if low < 0:
        return -max(-low, high), max(-low, high)
    return 0.0, high
