"""Linear light: samples as amounts of light, and back to how they were stored.

The curve is the one that the file tells of (`told`), or sRGB's (IEC 61966-2-1) if there is none.
Float images are taken as sRGB-encoded, too, unless the file says otherwise.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from convcli.errors import ImageError
from convcli.image.channels import colour_of
from convcli.image.codec import LazyFunction
from convcli.image.image import Image, Meta
from convcli.image.light.curves import Curve, Floats
from convcli.record import record

_CURVES = LazyFunction("light.told", "curves")
#: Samples worked on at a time, so that what comes in between stays in the cache.
_BLOCK = 2**17
#: Linear light below 2⁻⁴⁰ is 0 for any curve and depth in use (gamma 2.6, 16 bits: 2⁻⁴²).
_SMALLEST = 44


def decode(image: Image) -> NDArray[Any]:
    """Return an image's samples in linear light.

    Parameters
    ----------
    image
        L, LA, RGB or RGBA, of any depth.

    Returns
    -------
    ndarray of the same shape, float32 (float64 for float64)
        Colour in linear light, 0..1; float samples may lie outside, and the curve is mirrored
        for negative ones. Alpha as 0..1 in its place, on no curve.

    Raises
    ------
    ImageError
        If the channels aren't gray or colour, or the profile has no tone curve.
    """
    if image.channels not in ("L", "LA", "RGB", "RGBA"):
        colour = colour_of(image.channels)
        what = colour if colour == "CMYK" else "channels of unknown meaning"
        raise ImageError(f"linear light is not defined for {what}; leave `linear` out")
    pixels = image.pixels
    kind = np.float64 if pixels.dtype == np.float64 else np.float32
    result = np.empty(pixels.shape, dtype=kind)
    for k, curve in _planes(pixels, image.meta):
        source, target = _plane(pixels, k), _plane(result, k)
        if pixels.dtype.kind == "f":
            _in_blocks(source, target, curve.forward if curve else _same)
        else:
            light = _light(curve, int(image.maximum))
            _in_blocks(source, target, light.take)
    return result


def encode(
    linear: NDArray[Any], meta: Meta, dtype: DTypeLike, peak: float | None = None
) -> NDArray[Any]:
    """Return samples as they are stored, for linear light: the inverse of `decode`.

    Parameters
    ----------
    linear
        (rows, cols) or (rows, cols, channels) of 1 to 4 channels, float; of 2 and of 4 the last
        is alpha.
    meta
        Says by which curve samples were decoded.
    dtype
        bool, uint8, uint16: clipped to 0..1 and rounded to nearest, half upwards. float32,
        float64: not clipped, and the curve is mirrored for negative samples.
    peak
        The value of a full sample; None for the type's greatest.

    Returns
    -------
    ndarray of the same shape

    Raises
    ------
    ImageError
        If the profile has no tone curve.
    """
    kind = np.dtype(dtype)
    result = np.empty(linear.shape, dtype=kind)
    for k, curve in _planes(linear, meta):
        source, target = _plane(linear, k), _plane(result, k)
        if kind.kind == "f":
            _in_blocks(source, target, curve.inverse if curve else _same)
        else:
            maximum = int(peak or (1 if kind.kind == "b" else np.iinfo(kind).max))
            _in_blocks(source, target, _steps(curve, maximum).find)
    return result


@record(eq=False)
class Steps:
    """The stored value for linear light: how many of the rising thresholds lie below it.

    Threshold k is the light of k − ½, so this rounds to nearest on the stored scale, by the
    curve itself and without its inverse.

    JUSTIFICATION: a binary search among 65,535 thresholds takes 100 ns a sample. The first bits
    of a float32 are its logarithm, roughly: as an index they lead to within `passes` thresholds
    (1 for sRGB), and comparing with those makes it exact.
    """

    thresholds: NDArray[np.float32]
    first: NDArray[np.int32]
    shift: int
    passes: int

    def find(self, light: NDArray[np.float32]) -> NDArray[np.int32]:
        """Return the value for each sample of a 1-D array; NaN is 0."""
        clipped = np.fmax(light, np.float32(0))
        np.fmin(clipped, np.float32(1), out=clipped)
        cells = clipped.view(np.int32) >> self.shift
        cells -= _lowest() >> self.shift
        values: NDArray[np.int32] = self.first.take(np.maximum(cells, 0, out=cells))
        for _ in range(self.passes):
            values += clipped >= self.thresholds.take(values)
        return values


def _lowest() -> int:
    return int(np.float32(2.0**-_SMALLEST).view(np.int32))


@lru_cache(maxsize=16)
def _steps(curve: Curve | None, maximum: int) -> Steps:
    """Lay out the thresholds of a curve for samples 0..`maximum`."""
    middles = (np.arange(maximum) + 0.5) / maximum
    rising = np.maximum.accumulate(curve.forward(middles) if curve else middles)
    thresholds = np.append(rising, np.inf).astype(np.float32)
    shift = 8 if maximum > 255 else 12
    highest = int(np.float32(1).view(np.int32))
    cells = np.arange(_lowest() >> shift, (highest >> shift) + 2, dtype=np.int32)
    edges = (cells << shift).astype(np.int32).view(np.float32)
    first = np.searchsorted(thresholds[:-1], edges, side="right").astype(np.int32)
    passes = int(np.diff(first).max())
    # What is smaller than the smallest edge begins with the first threshold.
    passes = max(passes, int(first[0]) + int(first[1] - first[0]))
    first[0] = 0
    return Steps(thresholds, first[:-1], shift, passes)


@lru_cache(maxsize=16)
def _light(curve: Curve | None, maximum: int) -> NDArray[np.float32]:
    """Linear light of each sample 0..`maximum`."""
    samples = np.arange(maximum + 1) / maximum
    return (curve.forward(samples) if curve else samples).astype(np.float32)


def _planes(pixels: NDArray[Any], meta: Meta) -> list[tuple[int | None, Curve | None]]:
    """(channel, curve) pairs for all samples; channel None is every one, curve None alpha."""
    count = 1 if pixels.ndim == 2 else pixels.shape[2]
    curves: tuple[Curve, ...] = _CURVES(meta)
    colours = count - (count in (2, 4))
    if len(curves) != 1 and colours == 1:
        # A gray version of a colour image: green's curve has most of its light.
        curves = curves[1:2]
    if len(curves) == 1 and colours == count:
        return [(None, curves[0])]
    planes: list[tuple[int | None, Curve | None]] = [
        (k, curves[k % len(curves)]) for k in range(colours)
    ]
    return planes + [(k, None) for k in range(colours, count)]


def _plane(pixels: NDArray[Any], channel: int | None) -> NDArray[Any]:
    if channel is None or pixels.ndim == 2:
        return pixels.reshape(-1)
    return pixels.reshape(-1, pixels.shape[2])[:, channel]


def _in_blocks(source: NDArray[Any], target: NDArray[Any], work: Any) -> None:
    """Fill `target` with `work` of `source`, a block at a time; floats mirrored at 0."""
    # Float files may hold anything: what is too great becomes infinite, without a remark.
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(source), _BLOCK):
            part = source[start : start + _BLOCK]
            target[start : start + _BLOCK] = _worked(part, target.dtype.kind, work)


def _worked(part: NDArray[Any], kind: str, work: Any) -> NDArray[Any]:
    result: NDArray[Any]
    if kind != "f":
        result = work(np.ascontiguousarray(part, dtype=np.float32))
    elif part.dtype.kind != "f":
        # As an index, and not as a mask, for bool.
        result = work(part.view(np.uint8) if part.dtype == bool else part)
    else:
        result = np.copysign(work(np.abs(part)), part)
    return result


def _same(samples: Floats) -> Floats:
    return samples
