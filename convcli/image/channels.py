"""What an image's channels mean: gray from colour, colour weighted by alpha."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.header import VALUES

#: Weights of red, green and blue in the gray of stored (gamma-encoded) values, in thousandths:
#: ITU-R BT.601, section 2.5.1, as JPEG, Pillow and OpenCV have it.
STORED_WEIGHTS = (299, 587, 114)
#: Weights of linear red, green and blue in luminance, for sRGB's primaries: IEC 61966-2-1.
LINEAR_WEIGHTS = (0.2126, 0.7152, 0.0722)


def colour_count(channels: str) -> int:
    """Return how many of the channels are not alpha."""
    return len(channels) - channels.endswith("A")


def colours(pixels: NDArray[Any], channels: str) -> NDArray[Any]:
    """Return the colour channels, (rows, cols, count), without alpha; a view."""
    count = colour_count(channels)
    return pixels.reshape(*pixels.shape[:2], -1)[:, :, :count]


def select(pixels: NDArray[Any], places: Sequence[int]) -> NDArray[Any]:
    """Copy some channels of (rows, cols, channels).

    JUSTIFICATION: one after the other takes 20 ms for three of four of 12 megapixels, where
    NumPy's own ways take 120, three bytes at a time.
    """
    result = np.empty((*pixels.shape[:2], len(places)), dtype=pixels.dtype)
    for k, place in enumerate(places):
        result[:, :, k] = pixels[:, :, place]
    return result


def alpha(pixels: NDArray[Any], channels: str) -> NDArray[Any] | None:
    """Return the alpha channel, (rows, cols), or None; a view."""
    return pixels[:, :, -1] if channels.endswith("A") else None


def gray(
    samples: NDArray[Any], channels: str, full: float | None = None, *, linear: bool = False
) -> NDArray[Any]:
    """Gray from colour.

    Parameters
    ----------
    samples
        (rows, cols, count) colour channels.
    channels
        Their names, alpha included or not.
    full
        The value of a full sample; None for the type's own.
    linear
        Whether the samples are linear light, so that luminance is meant.

    Returns
    -------
    ndarray of shape (rows, cols), of the same type; float64 of values
        Levels are rounded to nearest, exactly.

    Raises
    ------
    ImageError
        If the channels have no known colour.
    """
    names = channels.removesuffix("A")
    if names == "L":
        return samples[:, :, 0]
    if samples.dtype.name in VALUES:
        samples = samples.astype(np.float64)
    if names == "CMYK":
        top = full or (1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max))
        inks = samples.astype(np.float64) / top
        light = (1 - inks[:, :, :3]) * (1 - inks[:, :, 3:])
        result = light @ (np.array(STORED_WEIGHTS) / 1000) * top
        return _like(result, samples.dtype)
    if names != "RGB":
        raise ImageError(
            f"an image of {len(channels)} channels of unknown meaning has no gray version; "
            f"leave out `gray` and `luma`"
        )
    if samples.dtype.kind == "f":
        weights = np.array(LINEAR_WEIGHTS if linear else STORED_WEIGHTS)
        weighed: NDArray[Any] = samples @ (weights / weights.sum()).astype(samples.dtype)
        return weighed
    red, green, blue = (samples[:, :, k].astype(np.uint32) for k in range(3))
    total = STORED_WEIGHTS[0] * red + STORED_WEIGHTS[1] * green + STORED_WEIGHTS[2] * blue
    return ((total + 500) // 1000).astype(samples.dtype)


def _like(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    return (np.floor(values + 0.5) if dtype.kind == "u" else values).astype(dtype)


def pick(wanted: str, channels: str) -> list[int]:
    """Return where the wanted channels are among those there are.

    Raises
    ------
    ImageError
        If one isn't there, or is named twice.
    """
    letters = wanted.upper().replace(",", "")
    missing = [letter for letter in letters if letter not in channels]
    if missing or len(set(letters)) != len(letters) or "?" in letters:
        raise ImageError(
            f"`channels` {wanted} doesn't fit an image whose channels are "
            f"{', '.join(channels)}; name some of these, each once"
        )
    return sorted(channels.index(letter) for letter in letters)
