"""Samples of any width, brought to the widths an image can have, and nothing lost."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.formats import codec_of
from convcli.image.image import DEPTHS, Image, depth_words
from convcli.record import replace


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


def check_peak(samples: NDArray[Any], peak: int) -> None:
    """Refuse samples that are above the greatest that their file speaks of.

    Raises
    ------
    ImageError
        If one is.
    """
    if samples.size and int(samples.max()) > peak:
        raise ImageError(f"a sample is {int(samples.max())}, above the file's maximum {peak}")


def scale_to_full(samples: NDArray[Any], maximum: int) -> NDArray[Any]:
    """Scale samples in 0..`maximum` to 0..255, or to 0..65535 if the maximum is above 255.

    Rounded to nearest, which can be undone: the steps only grow.
    """
    full = 255 if maximum <= 255 else 65535
    kind = np.uint8 if maximum <= 255 else np.uint16
    if maximum == full:
        return samples.astype(kind, copy=False)
    table = (np.arange(maximum + 1, dtype=np.int64) * (2 * full) + maximum) // (2 * maximum)
    scaled: NDArray[Any] = table.astype(kind)[samples]
    return scaled


def full_range(image: Image) -> Image:
    """Return an image whose full samples are the greatest of their type; as it is if they are."""
    peak = image.meta.peak
    if peak is None:
        return image
    bits = 0 if peak & (peak + 1) else peak.bit_length()
    pixels = image.pixels
    scaled = widen_bits(pixels, bits) if bits else scale_to_full(pixels, peak)
    return replace(image, pixels=scaled, meta=replace(image.meta, peak=None))


def settled(image: Image, format: str) -> Image:
    """Return an image as a format holds it: to the full range, unless it says what that is.

    Parameters
    ----------
    image
        The image.
    format
        The name of the format to be written.
    """
    peak = image.meta.peak
    return image if peak is None or peak in codec_of(format).peaks else full_range(image)


def scaled_note(peak: int) -> str:
    """Say that samples up to a greatest one were scaled to all of their type."""
    full = 255 if peak <= 255 else 65535
    bits = "an 8-bit one" if full == 255 else "a 16-bit one"
    return f"{depth_words(peak)} samples were scaled: {peak} became {full}, {bits}"


def storable(samples: NDArray[Any]) -> NDArray[Any]:
    """Return an array of one of an image's sample types, in the machine's order of bytes.

    Raises
    ------
    ImageError
        If the samples are not real numbers.
    """
    kind = samples.dtype.newbyteorder("=")
    if kind.name not in DEPTHS:
        raise ImageError(
            f"samples of type {kind.name} can't be an image; expected whole or real numbers"
        )
    return samples.astype(kind, copy=False)


def as_bytes(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return bytes for samples: bool as 0 and 255."""
    return pixels.astype(np.uint8) * np.uint8(255) if pixels.dtype == bool else pixels


def divide_alpha(pixels: NDArray[Any], peak: int | None = None) -> NDArray[Any]:
    """Undo the multiplication of colour by alpha; what is clear stays as it is.

    Parameters
    ----------
    pixels
        (rows, cols, channels).
    peak
        The value of a full sample; None for the type's greatest, and 1 for floats.
    """
    kind = pixels.dtype
    alpha = pixels[..., -1:].astype(np.float64)
    full = float(peak or np.iinfo(kind).max) if kind.kind in "iu" else 1.0
    # Float files may hold anything, and what can't be divided is infinite.
    with np.errstate(over="ignore", invalid="ignore"):
        return _divided(pixels, alpha, full)


def _divided(pixels: NDArray[Any], alpha: NDArray[Any], full: float) -> NDArray[Any]:
    kind = pixels.dtype
    colour = pixels[..., :-1] * np.divide(full, alpha, out=np.ones_like(alpha), where=alpha > 0)
    if kind.kind in "iu":
        colour = np.floor(colour.clip(0 if kind.kind == "u" else -full, full) + 0.5)
    return np.concatenate([colour.astype(kind), pixels[..., -1:]], axis=-1)
