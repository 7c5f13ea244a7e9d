"""Banks of filters: maps of an array, each of a filter over its group of channels."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convcli import engine
from convcli.errors import UsageError
from convcli.geometry import plan_geometry
from convcli.kernels.kernel import Kernel
from convcli.pipeline.responses import Target, fill_level
from convcli.spec import Mapping, Spec


def correlate_bank(
    volume: NDArray[Any],
    weights: NDArray[Any],
    *,
    bias: ArrayLike | None,
    groups: int,
    spec: Spec,
    target: Target,
) -> NDArray[Any]:
    """Slide every filter of a bank over its group of channels.

    Parameters
    ----------
    volume
        (H, W, C), of uint8, uint16, float32 or float64, C-contiguous.
    weights
        (K, C / groups, F, F), of whole or real numbers.
    bias
        Added to the responses: a number, one for each map, or None.
    groups
        Groups of channels that are filtered apart, each by K / groups filters.
    spec
        Padding, border, fill, stride, dilation, flip, method and threads.
    target
        What the result should be; `normalize` stretches each map by itself.

    Returns
    -------
    ndarray of shape (H', W', K)

    Raises
    ------
    ConvError
        If shapes don't match, weights or biases aren't finite, or the filters don't fit.
    """
    count, depth = weights.shape[:2]
    if groups < 1 or volume.shape[2] != depth * groups or count % groups:
        raise UsageError(
            f"{count} filters over {depth} channels in {groups} groups don't fit an array of "
            f"{volume.shape[2]} channels: expected {depth} · {groups} channels, and as many "
            f"filters as a multiple of the groups"
        )
    offsets = biases(bias, count)
    maps = []
    for k in range(count):
        start = (k * groups // count) * depth
        part = np.ascontiguousarray(volume[:, :, start : start + depth])
        maps.append(_one_map(part, weights[k], float(offsets[k]), spec, target))
    return np.stack(maps, axis=-1)


def biases(bias: ArrayLike | None, count: int) -> NDArray[np.float64]:
    """Return one bias for each of `count` maps."""
    try:
        values = np.asarray(0.0 if bias is None else bias, dtype=np.float64)
        each = np.broadcast_to(values, count)
    except (TypeError, ValueError):
        raise UsageError(f"bias must be one number, or one for each of {count} maps") from None
    if not np.isfinite(each).all():
        raise UsageError("bias must be finite, and has a value that is infinite or no number")
    return each


def _one_map(
    volume: NDArray[Any], weights: NDArray[Any], bias: float, spec: Spec, target: Target
) -> NDArray[Any]:
    """One filter over all channels of a volume."""
    flat = Kernel("filter", weights.reshape(len(weights), -1)).weights
    stack = flat.reshape(weights.shape)
    geometry = plan_geometry(
        (volume.shape[0], volume.shape[1]),
        (weights.shape[1], weights.shape[2]),
        stride=spec.stride,
        dilation=spec.dilation,
        padding=spec.padding,
        flip=spec.convolve,
    )
    mapping = target.mapping
    done = engine.correlate_planned(
        volume,
        engine.KernelSet((stack[:, ::-1, ::-1] if spec.convolve else stack)[None]),
        geometry,
        engine.Border2D(spec.border, fill_level(spec.fill, volume.dtype, target.level)),
        engine.finish(mapping, target.dtype, maximum=target.maximum, shift=Fraction(bias)),
        engine.Options(
            jobs=spec.jobs,
            stretch=mapping is Mapping.NORMALIZE,
            method=str(spec.method),
            watch=False,
        ),
    )
    return done.pixels
