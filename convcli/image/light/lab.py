"""CIE L*a*b* as it is stored: which samples white and neutral have, and its colours as sRGB.

TIFF 6.0, section 23; ICC.1:2022, section 6.3.4 (of which 16 bits are as in version 2). In an image
a* and b* are around the middle, however a file codes them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.image.channels import colour_of
from convcli.image.image import Image

#: White of L*a*b* in print and in ICC profiles, D50; and from its X, Y, Z to linear sRGB, whose
#: white is D65 (Bradford).
_D50 = (0.9642, 1.0, 0.8249)
_TO_SRGB = (
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)


def full_of(dtype: np.dtype[Any]) -> float:
    """Return a full sample of a type."""
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


def middle_of(dtype: np.dtype[Any]) -> float:
    """Return the sample that a* and b* of 0 have."""
    return (full_of(dtype) + 1) / 2 if dtype.kind == "u" else 0.0


def units(kind: str, dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the sample of a type that white has, and what a* or b* of 1 is worth.

    Parameters
    ----------
    kind
        `CIELab` or `ICCLab`.
    dtype
        The samples' type.
    """
    if dtype.kind == "f":
        return 100.0, 1.0
    if dtype.itemsize == 1:
        return 255.0, 1.0
    return (65280.0 if kind == "ICCLab" else 65535.0), 256.0


def white_of(image: Image) -> float:
    """Return the sample that white has in an image's first channel."""
    if colour_of(image.channels) != "Lab":
        return image.maximum
    return units(image.meta.bands.kind, image.dtype)[0]


def stretched(samples: NDArray[Any], white: float) -> NDArray[Any]:
    """Return lightness of which `white` becomes a full sample."""
    if samples.dtype.kind == "f":
        shares: NDArray[Any] = samples / samples.dtype.type(white)
        return shares
    full, half = int(full_of(samples.dtype)), int(white) // 2
    wide = (samples.astype(np.uint64) * full + half) // int(white)
    return np.minimum(wide, full).astype(samples.dtype)


def as_srgb(pixels: NDArray[Any], kind: str) -> NDArray[np.float32]:
    """Return colours as sRGB from 0 to 1, to be looked at; what it can't show is clipped.

    Parameters
    ----------
    pixels
        (rows, cols, channels), of which the first three are L*, a* and b*.
    kind
        `CIELab` or `ICCLab`.
    """
    white, step = units(kind, pixels.dtype)
    middle = middle_of(pixels.dtype)
    lightness = pixels[:, :, 0].astype(np.float32) * np.float32(100 / white)
    first = (pixels[:, :, 1].astype(np.float32) - np.float32(middle)) / np.float32(step)
    second = (pixels[:, :, 2].astype(np.float32) - np.float32(middle)) / np.float32(step)
    y = (lightness + 16) / 116
    roots = np.stack((y + first / 500, y, y - second / 200), axis=2)
    light = np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29))
    linear = (light * np.array(_D50, np.float32)) @ np.array(_TO_SRGB, np.float32).T
    linear = np.nan_to_num(linear).clip(0, 1)
    curved = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return curved.astype(np.float32)
