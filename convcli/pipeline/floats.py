"""Filtering in linear light, weighted by alpha, or lightness alone: floats until the end."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import arrays
from convcli.arrays import Filtered
from convcli.geometry import Geometry
from convcli.image import channels as ch
from convcli.image.image import Image
from convcli.image.light import linear as light
from convcli.kernels.kernel import Kernel
from convcli.pipeline.kept import at_anchors, beside_kept
from convcli.pipeline.work import Work, gray_beside_alpha, squeezed
from convcli.record import replace
from convcli.responses import Target, after
from convcli.spec import Mapping, Precision

_NOTHING = np.empty(0)


def in_floats(work: Work) -> tuple[Filtered, NDArray[Any]]:
    """Filter, and round once, at the end.

    Returns
    -------
    Filtered
        What was seen; its pixels are the filtered channels.
    ndarray of shape (rows, cols, channels)
        The result.
    """
    planes, full = _floats(work)
    seen = _responses(work, planes, full)
    colour, alpha = _apart(work, seen.pixels, full)
    # Floats take four times what 8-bit samples do: none stay longer than they are needed.
    seen = replace(seen, pixels=_NOTHING)
    before = planes if work.spec.luma else None
    del planes
    mapped = _mapped(work, colour, full)
    seen = replace(seen, lowest=mapped.lowest, highest=mapped.highest, clipped=mapped.clipped)
    colour = mapped.pixels
    del mapped
    if before is not None:
        colour = _recoloured(work, colour, before, full, seen.geometries)
        del before
    if work.spec.linear or work.spec.luma:
        colour, clipped = _encoded(work, colour)
        seen = replace(seen, clipped=clipped)
    if alpha is not None:
        colour = np.concatenate((colour, _alpha(work, alpha, full)), axis=2)
    return replace(seen, pixels=colour), beside_kept(work, colour, seen.geometries)


def _responses(work: Work, planes: NDArray[Any], full: float) -> Filtered:
    """Filter what is to be filtered, without mapping it."""
    source = _lightness(work, planes) if work.spec.luma else planes
    if work.weighs:
        source = ch.weigh(source, full)
    elif work.spec.luma and work.image.has_alpha and not work.filters_alpha:
        source = source[:, :, :-1]
    raw = Target(source.dtype, Mapping.RAW, full, between=True)
    kernels = arrays.without_offset(work.kernels)
    return arrays.filter_array(source, kernels, replace(work.spec, scale=1.0), raw)


def _floats(work: Work) -> tuple[NDArray[Any], float]:
    """Return samples as floats, (rows, cols, channels), and the value of a full one.

    Alpha is left out if nothing comes of it.
    """
    image = work.image
    if image.has_alpha and not (work.weighs or work.filters_alpha or work.spec.luma):
        names = image.channels[:-1]
        colours = ch.select(work.planes, range(len(names)))
        image = Image(squeezed(colours), names, image.meta)
    if work.spec.linear:
        samples = light.decode(image).reshape(*image.size, -1)
        if work.spec.gray:
            samples, _ = gray_beside_alpha(samples, image.channels, linear=True)
        return samples.reshape(*image.size, -1), 1.0
    # Colour times alpha is exact in float32 for 8-bit samples only.
    wide = image.pixels.dtype.itemsize > 1 or work.spec.precision is Precision.DOUBLE
    dtype = np.float64 if wide and image.pixels.dtype != np.float32 else np.float32
    return image.pixels.reshape(*image.size, -1).astype(dtype), image.maximum


def _lightness(work: Work, planes: NDArray[Any]) -> NDArray[Any]:
    """Return (rows, cols, 1) of lightness, with alpha beside it if there is one."""
    linear = work.spec.linear
    return gray_beside_alpha(planes, work.channels, linear=linear)[0].reshape(*planes.shape[:2], -1)


def _apart(
    work: Work, responses: NDArray[Any], full: float
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Colour and, if it was filtered, alpha; both in 0..`full` again."""
    if not (work.weighs or work.filters_alpha):
        return responses, None
    if not work.weighs:
        return responses[:, :, :-1], responses[:, :, -1:]
    if work.keeps_brightness:
        gain = prod(kernel.sum for kernel in work.kernels if isinstance(kernel, Kernel))
        responses = ch.unweigh(responses, full, gain)
    else:
        responses = responses / responses.dtype.type(full)
    return responses[:, :, :-1], responses[:, :, -1:]


def _mapped(work: Work, colour: NDArray[Any], full: float) -> Filtered:
    """Map responses: to samples of the result, or to 0..1 where more is to come."""
    more = work.spec.linear or work.spec.luma
    dtype = colour.dtype if more else work.target.dtype
    target = Target(dtype, work.target.mapping, full, span=work.target.span)
    target = after(work.kernels[:-1], work.spec, target)
    return arrays.store_responses(colour, work.kernels[-1], work.spec, target)


def _recoloured(
    work: Work,
    lightness: NDArray[Any],
    planes: NDArray[Any],
    full: float,
    geometries: tuple[Geometry, ...],
) -> NDArray[Any]:
    """Add the change of lightness to every colour channel; all in 0..1."""
    target = Target(planes.dtype, Mapping.RAW, full)
    before = at_anchors(planes, geometries, work.spec, target) / planes.dtype.type(full)
    was = _lightness(work, before)[:, :, :1]
    # Samples that aren't finite give some that are no number.
    with np.errstate(over="ignore", invalid="ignore"):
        changed: NDArray[Any] = ch.colours(before, work.channels) + (lightness - was)
    return changed


def _encoded(work: Work, colour: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Colour in 0..1 as samples of the result, and how many of them were clipped."""
    dtype = work.target.dtype
    if work.target.mapping is Mapping.RAW:
        return colour, 0
    if not work.spec.linear:
        stored = arrays.store_responses(colour, None, work.spec, Target(dtype, Mapping.CLIP, 1.0))
        return stored.pixels, stored.clipped
    if work.target.mapping is Mapping.OFFSET:
        # What looks mid-gray, not half of the light, stands for zero.
        gray = np.full((1, 1, colour.shape[2]), 0.5, dtype=np.float32)
        middle = light.decode(Image(squeezed(gray), meta=work.image.meta))
        colour = colour + (middle - 0.5)
    # Under half a level of 16 bits is rounding, not clipping.
    clipped = 0
    if dtype.kind == "u":
        clipped = int(np.count_nonzero(colour < -(2**-17)) + np.count_nonzero(colour > 1 + 2**-17))
    return light.encode(squeezed(colour), work.image.meta, dtype).reshape(colour.shape), clipped


def _alpha(work: Work, alpha: NDArray[Any], full: float) -> NDArray[Any]:
    """Filtered alpha as samples of the result."""
    mapping = Mapping.CLIP if work.keeps_brightness else work.target.mapping
    target = Target(work.target.dtype, mapping, full)
    return arrays.store_responses(alpha, None, work.spec, target).pixels
