"""Banks of filters: maps of an array, each of a filter over its group of channels."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convcli import engine
from convcli.errors import UsageError
from convcli.geometry import Geometry, plan_geometry
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
    added, whole = biases(bias, count), _whole(weights)
    geometry = plan_geometry(
        (volume.shape[0], volume.shape[1]),
        (weights.shape[2], weights.shape[3]),
        stride=spec.stride,
        dilation=spec.dilation,
        padding=spec.padding,
        flip=spec.convolve,
    )
    outside = engine.Border2D(spec.border, fill_level(spec.fill, volume.dtype, target.level))
    bank = engine.Bank(whole[:, :, ::-1, ::-1] if spec.convolve else whole, groups)
    options = _options(spec, target)
    kind = engine.ArrayKind(volume.shape, volume.dtype)
    prepared = engine.prepare_bank(kind, bank, geometry, outside, options)
    if prepared is None or not _is_each(prepared, bank, volume):
        finishes = [_finish(target, shift) for shift in added]
        return _one_by_one(volume, bank, finishes, (geometry, outside, options))
    if target.mapping is Mapping.RAW and target.dtype.kind == "f":
        return prepared.run(volume, target.dtype, added)
    return _stored(prepared, volume, added, target)


def _whole(weights: NDArray[Any]) -> NDArray[Any]:
    """Return weights as a kernel has them: int64 if all are whole, else float64; all finite."""
    return Kernel("filter", weights.reshape(-1, weights.shape[-1])).weights.reshape(weights.shape)


def _options(spec: Spec, target: Target) -> engine.Options:
    return engine.Options(
        jobs=spec.jobs,
        stretch=target.mapping is Mapping.NORMALIZE,
        method=str(spec.method),
        watch=False,
    )


def _finish(target: Target, shift: float) -> engine.Finish:
    return engine.finish(
        target.mapping, target.dtype, maximum=target.maximum, shift=Fraction(shift)
    )


def _is_each(prepared: engine.PreparedBank, bank: engine.Bank, volume: NDArray[Any]) -> bool:
    """Whether what is summed for all maps together is what is summed for each by itself.

    Where samples are whole, a map of whole weights stays exact beside others; where they are
    not, a weight of zero makes no number of one that is infinite.
    """
    if volume.dtype.kind == "u":
        return bool((prepared.exact | ~_are_whole(bank)).all())
    used = bank.flat != 0
    return bool((used == used[0]).all() or np.isfinite(volume).all())


def _are_whole(bank: engine.Bank) -> NDArray[np.bool_]:
    """Which maps have whole weights only."""
    whole: NDArray[np.bool_] = (bank.flat == np.rint(bank.flat)).all(axis=1)
    return whole


def _stored(
    prepared: engine.PreparedBank,
    volume: NDArray[Any],
    added: NDArray[np.float64],
    target: Target,
) -> NDArray[Any]:
    """Sum all maps, and make samples of each."""
    accumulator = prepared.accumulator
    sums = prepared.run(volume, accumulator.dtype)
    out = np.empty(sums.shape, target.dtype)
    for k, shift in enumerate(added):
        finish, each = _finish(target, shift), np.ascontiguousarray(sums[:, :, k])
        if target.mapping is Mapping.NORMALIZE:
            finish = finish.stretch(
                float(np.fmin.reduce(each, None)), float(np.fmax.reduce(each, None))
            )
        exact = bool(prepared.exact[k])
        store = engine.Store(accumulator.dtype, finish, prepared.largest[k], exact=exact)
        out[:, :, k] = store(each)[0]
    return out


def _one_by_one(
    volume: NDArray[Any],
    bank: engine.Bank,
    finishes: Sequence[engine.Finish],
    how: tuple[Geometry, engine.Border2D, engine.Options],
) -> NDArray[Any]:
    """Sum one map after the other."""
    count, depth = bank.weights.shape[:2]
    geometry, outside, options = how
    maps = []
    for k, finish in enumerate(finishes):
        start = (k * bank.groups // count) * depth
        part = np.ascontiguousarray(volume[:, :, start : start + depth])
        kernel_set = engine.KernelSet(_whole(bank.weights[k])[None])
        done = engine.correlate_planned(part, kernel_set, geometry, outside, finish, options)
        maps.append(done.pixels)
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
