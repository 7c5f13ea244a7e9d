"""Samples of any width, brought to the widths an image can have, and nothing lost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError

#: Whole numbers up to here are exact in float64.
_EXACT = 2**53


def widen_bits(samples: NDArray[Any], bits: int) -> NDArray[Any]:
    """Scale `bits`-bit samples to 8 bits (if they have fewer) or to 16, exactly reversible.

    The bits are repeated downwards, so that 0 stays 0 and the greatest value becomes 255 or
    65535: 10 bits v become v·64 + ⌊v/16⌋. A shift to the right by the added bits gives v back.

    Parameters
    ----------
    samples
        Unsigned whole numbers below 2**bits.
    bits
        1 to 16.

    Returns
    -------
    ndarray of the same shape, uint8 or uint16

    Examples
    --------
    >>> widen_bits(np.array([0, 1, 512, 1023], dtype=np.uint16), 10)
    array([    0,    64, 32800, 65535], dtype=uint16)
    """
    width = 8 if bits <= 8 else 16
    kind = np.dtype(f"uint{width}")
    if bits == width:
        return samples.astype(kind, copy=False)
    wide = samples.astype(np.uint32)
    result = np.zeros_like(wide)
    shift = width - bits
    while shift > -bits:
        result |= wide << shift if shift >= 0 else wide >> -shift
        shift -= bits
    return result.astype(kind)


def scale_to_full(samples: NDArray[Any], maximum: int) -> NDArray[Any]:
    """Scale samples in 0..`maximum` to 0..255, or to 0..65535 if the maximum is above 255.

    Rounded to nearest, which can be undone: the steps only grow.

    Raises
    ------
    ImageError
        If a sample is above the maximum.
    """
    if samples.size and int(samples.max()) > maximum:
        raise ImageError(f"a sample is {int(samples.max())}, above the file's maximum {maximum}")
    full = 255 if maximum <= 255 else 65535
    kind = np.uint8 if maximum <= 255 else np.uint16
    if maximum == full:
        return samples.astype(kind, copy=False)
    table = (np.arange(maximum + 1, dtype=np.int64) * (2 * full) + maximum) // (2 * maximum)
    scaled: NDArray[Any] = table.astype(kind)[samples]
    return scaled


def storable(samples: NDArray[Any]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Any numeric array as one of an image's sample types, and what there is to say about it.

    bool, uint8, uint16, float32 and float64 stay; float16 becomes float32; other whole numbers
    become float64 with the same values, if each is exact there.

    Raises
    ------
    ImageError
        If the samples are not real numbers, or not exact in float64.
    """
    kind = samples.dtype.newbyteorder("=")
    if kind.name in ("bool", "uint8", "uint16", "float32", "float64"):
        return samples.astype(kind, copy=False), ()
    if kind.name == "float16":
        return samples.astype(np.float32), ()
    if kind.kind not in "iu":
        raise ImageError(
            f"samples of type {kind.name} can't be an image; expected whole or real numbers"
        )
    if kind.itemsize == 8 and samples.size:
        least, most = int(samples.min()), int(samples.max())
        if max(-least, most) > _EXACT:
            raise ImageError(
                f"samples from {least} to {most} are not exact in double precision; "
                f"expected at most ±{_EXACT}"
            )
    note = f"{kind.name} samples are kept as their values in double precision, not scaled to 0..1"
    return samples.astype(np.float64), (note,)


def as_bytes(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return bytes for samples: bool as 0 and 255."""
    return pixels.astype(np.uint8) * np.uint8(255) if pixels.dtype == bool else pixels


def divide_alpha(pixels: NDArray[Any]) -> NDArray[Any]:
    """Undo the multiplication of colour by alpha; what is clear stays as it is."""
    kind = pixels.dtype
    alpha = pixels[..., -1:].astype(np.float64)
    full = float(np.iinfo(kind).max) if kind.kind == "u" else 1.0
    # Float files may hold anything, and what can't be divided is infinite.
    with np.errstate(over="ignore", invalid="ignore"):
        return _divided(pixels, alpha, full)


def _divided(pixels: NDArray[Any], alpha: NDArray[Any], full: float) -> NDArray[Any]:
    kind = pixels.dtype
    colour = pixels[..., :-1] * np.divide(full, alpha, out=np.ones_like(alpha), where=alpha > 0)
    if kind.kind == "u":
        colour = np.floor(colour.clip(0, full) + 0.5)
    return np.concatenate([colour.astype(kind), pixels[..., -1:]], axis=-1)
