"""Banks of filters: maps of an array, each of a filter over its group of channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convcli import engine
from convcli.errors import UsageError
from convcli.geometry import Geometry, plan_geometry
from convcli.kernels.given import real_weights
from convcli.kernels.kernel import Kernel
from convcli.pipeline.responses import Target, fill_level
from convcli.spec import Mapping, Precision, Spec

#: Banks of so many bytes are kept as they were made ready.
_KEPT_BYTES = 1 << 22


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
    added = biases(bias, len(weights))
    ready = _made_ready(volume.shape, volume.dtype, weights, groups, (spec, target))
    if ready.prepared is None or not (ready.alike or np.isfinite(volume).all()):
        return _one_by_one(volume, ready, [_finish(target, shift) for shift in added])
    if target.mapping is Mapping.RAW and target.dtype.kind == "f":
        return ready.prepared.run(volume, target.dtype, added)
    return _stored(ready.prepared, volume, added, target)


def plan_bank(
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
    weights: NDArray[Any],
    *,
    groups: int,
    spec: Spec,
    target: Target,
) -> engine.Plan:
    """Return how a bank would be summed over an array, and why; `correlate_bank` says of what.

    Where maps are summed one after the other it is the plan of the first.
    """
    ready = _made_ready(shape, dtype, weights, groups, (spec, target))
    if ready.prepared is not None:
        return ready.prepared.plan
    bank, geometry = ready.bank, ready.geometry
    kernel_set = engine.KernelSet(_whole(bank.weights[0])[None])
    part = (*shape[:2], bank.weights.shape[1])
    layout = engine.lay_out_for(part, kernel_set, geometry, ready.outside)
    return engine.plan_for(dtype, kernel_set, layout, ready.options)[0]


class _Ready(NamedTuple):
    """A bank made ready for arrays of a kind.

    Parameters
    ----------
    prepared
        What sums all maps together; None if it is better done one after the other.
    alike
        Whether it does so with samples that aren't finite, too: all maps have zeros at the same
        taps, which are left out. Elsewhere they would make no numbers of what is infinite.
    bank, geometry, outside, options
        What is summed, over what, what lies outside, and how.
    """

    prepared: engine.PreparedBank | None
    alike: bool
    bank: engine.Bank
    geometry: Geometry
    outside: engine.Border2D
    options: engine.Options


def _made_ready(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    weights: NDArray[Any],
    groups: int,
    how: tuple[Spec, Target],
) -> _Ready:
    """Make a bank ready for arrays of a shape and type, if it fits these."""
    count, depth = weights.shape[:2]
    if groups < 1 or shape[2] != depth * groups or count % groups:
        raise UsageError(
            f"{count} filters over {depth} channels in {groups} groups don't fit an array of "
            f"{shape[2]} channels: expected {depth} · {groups} channels, and as many filters as a "
            f"multiple of the groups"
        )
    if weights.dtype.kind not in "iuf":
        weights = _whole(weights)
    given = weights.tobytes(), weights.dtype, weights.shape
    ready: Callable[..., _Ready] = _ready if weights.nbytes <= _KEPT_BYTES else _ready.__wrapped__
    return ready(engine.ArrayKind(shape, dtype), given, groups, *how)


@lru_cache(maxsize=16)
def _ready(
    kind: engine.ArrayKind,
    given: tuple[bytes, np.dtype[Any], tuple[int, ...]],
    groups: int,
    spec: Spec,
    target: Target,
) -> _Ready:
    """Make a bank ready, whose weights are given as bytes, their type and their shape.

    JUSTIFICATION: it takes as long as a small bank over a small array (bench: banks).
    """
    content, dtype, shape = given
    weights = _whole(np.frombuffer(content, dtype).reshape(shape))
    geometry = plan_geometry(
        (kind.shape[0], kind.shape[1]),
        (shape[2], shape[3]),
        stride=spec.stride,
        dilation=spec.dilation,
        padding=spec.padding,
        flip=spec.convolve,
        anchor=spec.anchor,
    )
    outside = engine.Border2D(spec.border, fill_level(spec.fill, kind.dtype, target))
    bank = engine.Bank(weights[:, :, ::-1, ::-1] if spec.convolve else weights, groups)
    options = engine.Options(
        jobs=spec.jobs,
        double=spec.precision is Precision.DOUBLE,
        stretch=target.mapping is Mapping.NORMALIZE,
        method=str(spec.method),
        watch=False,
    )
    prepared = engine.prepare_bank(kind, bank, geometry, outside, options)
    used = bank.flat != 0
    alike = kind.dtype.kind == "u" or bool((used == used[0]).all())
    return _Ready(prepared, alike, bank, geometry, outside, options)


def _whole(weights: NDArray[Any]) -> NDArray[Any]:
    """Return weights as a kernel has them: int64 if all are whole, else float64; all finite."""
    return Kernel("filter", weights.reshape(-1, weights.shape[-1])).weights.reshape(weights.shape)


def _finish(target: Target, shift: float) -> engine.Finish:
    return target.finish(Fraction(1), Fraction(shift))


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
    volume: NDArray[Any], ready: _Ready, finishes: Sequence[engine.Finish]
) -> NDArray[Any]:
    """Sum one map after the other."""
    bank, maps = ready.bank, []
    count, depth = bank.weights.shape[:2]
    for k, finish in enumerate(finishes):
        start = (k * bank.groups // count) * depth
        part = np.ascontiguousarray(volume[:, :, start : start + depth])
        kernel_set = engine.KernelSet(_whole(bank.weights[k])[None])
        how = ready.geometry, ready.outside, finish, ready.options
        maps.append(engine.correlate_planned(part, kernel_set, *how).pixels)
    return np.stack(maps, axis=-1)


def biases(bias: ArrayLike | None, count: int) -> NDArray[np.float64]:
    """Return one bias for each of `count` maps."""
    try:
        given = 0.0 if bias is None else real_weights("bias", bias)
        values = np.asarray(given, dtype=np.float64)
        each = np.broadcast_to(values, count)
    except (TypeError, ValueError):
        raise UsageError(f"bias must be one number, or one for each of {count} maps") from None
    if not np.isfinite(each).all():
        raise UsageError("bias must be finite, and has a value that is infinite or no number")
    return each
