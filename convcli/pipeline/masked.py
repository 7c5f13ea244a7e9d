"""Correlation of what is there: weighted means where samples are missing, rows on demand.

With weights w and samples v, of which those with m = 0 are missing, the response of a kernel is
Σw · Σw·m·v / Σw·m, as astropy's `convolve` has it. Of a kernel whose weights sum to zero it is
Σw·m·v − c·Σw·m: what is missing counts as the sample c under the anchor, so what is flat stays 0.
Both sums are correlations that the engine plans as it does any; several kernels are combined after
that. What lies outside under the borders `zero` and `constant` is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.borders import Border, by_axis
from convcli.kernels.kernel import AnyKernel, Combine, Compound, Kernel, Kind
from convcli.pipeline.anchors import AtAnchors
from convcli.pipeline.arrays import (
    Step,
    Stored,
    one_by_one,
    prepare_array,
    steps_for,
    without_offset,
)
from convcli.pipeline.missing import Present, as_sample, put_where, there_of
from convcli.pipeline.responses import Target, response
from convcli.record import replace
from convcli.spec import Mapping, Method, Missing, Spec

#: Up to which part of all weight a sum of weights may be nothing but rounding, by method, and if
#: weights have both signs.
_NOTHING, _SIGNED = {"fft": 1e-4, "lowrank": 1e-6, "box": 1e-6}, 1e-6
#: Rows of a result that are told from each other: whether they see a missing sample.
_BLOCK = 16
#: Cycles a sample beside the correlations.
_CYCLES = 6.0


def correlate_present(
    array: NDArray[Any],
    kernel: AnyKernel,
    spec: Spec,
    target: Target,
    masked: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Correlate an array of which samples may be missing.

    Parameters
    ----------
    array, kernel, spec, target
        As `arrays.prepare_array` takes them; what is no number, or the spec's nodata value, is
        missing.
    masked
        What else is; None for nothing.

    Returns
    -------
    ndarray
        The result; what is missing is the nodata value, or no number, or 0.
    ndarray of bool
        What is missing of it.
    """
    planes = array.reshape(*array.shape[:2], -1)
    there, nodata = there_of(planes, spec)
    if masked is not None:
        there &= ~masked.reshape(planes.shape)
    rows = np.asarray(~there.all(axis=(1, 2)))
    present = Present(engine.Held(planes), engine.Held(there.view(np.uint8)), rows)
    dtype = np.dtype(np.float32 if array.dtype in (np.uint8, np.float32) else np.float64)
    raw = replace(target, dtype=dtype, mapping=Mapping.RAW, between=True)
    asked = without_offset([kernel]), replace(spec, scale=1.0), raw
    steps = masked_steps(present, *asked)
    stage = masked_responses(present, steps, *asked)
    responses = stage.whole(steps[-1].prepared.planned.jobs)
    lacking = np.isnan(responses)
    found = Stored(dtype, kernel, spec, target, _range_of(responses)).part(responses, (0, 0))
    mark = 0.0 if found.dtype.kind != "f" else np.nan
    if nodata is not None:
        mark = float(nodata) if as_sample(nodata, found.dtype) is not None else mark
    put_where(found, lacking, mark)
    shape = found.shape[: array.ndim]
    return found.reshape(shape), lacking.reshape(shape)


def _range_of(responses: NDArray[Any]) -> tuple[float, float]:
    return float(np.fmin.reduce(responses, None)), float(np.fmax.reduce(responses, None))


def masked_steps(
    present: Present, kernels: Sequence[AnyKernel], spec: Spec, target: Target
) -> tuple[Step, ...]:
    """Make kernels ready as if nothing were missing, as `masked_responses` takes them."""
    steps: list[Step] = []
    shape, dtype = present.values.shape, present.values.dtype
    for kernel in kernels:
        steps += steps_for(shape, dtype, (kernel,), spec, target)
        shape, dtype = steps[-1].prepared.shape, target.dtype
    return tuple(steps)


def masked_responses(
    present: Present,
    steps: Sequence[Step],
    kernels: Sequence[AnyKernel],
    spec: Spec,
    target: Target,
) -> Masked:
    """Return the responses of kernels, one after the other, to what is there.

    Parameters
    ----------
    present
        The samples.
    steps
        The kernels as they are made ready where nothing is missing.
    kernels, spec
        What is done, without a scale; the last kernel without an offset.
    target
        Of the responses: of floats, raw, in levels of the source.
    """
    stage = Masked(present, kernels[0], steps[0], spec, target)
    for kernel, step in zip(kernels[1:], steps[1:], strict=True):
        axis = step.geometry.rows
        present = Present.responses(stage, 2 * (axis.span + axis.stride * stage.chunk))
        stage = Masked(present, kernel, step, spec, target)
    return stage


class Masked(engine.Stage):
    """The responses of a kernel to what is there; no numbers where they are missing.

    Parameters
    ----------
    present
        (rows, cols, channels).
    kernel
        What is summed.
    step
        The kernel made ready as if nothing were missing.
    spec, target
        As `masked_responses` takes them.
    """

    def __init__(
        self, present: Present, kernel: AnyKernel, step: Step, spec: Spec, target: Target
    ) -> None:
        self._kernel, self._fills = kernel, spec.missing is Missing.FILL
        target = replace(target, between=True, watch=False)
        self._plain: engine.Stage | None = None
        if present.rows is not None:
            plain = engine.correlated(step.prepared, present.values)
            self._plain = one_by_one(plain, step.prepared.planned.jobs)
        self.prepared, self._geometry = step.prepared, step.geometry
        self._slope, self._shift = _line(kernel, target)
        self._parts = [_Part(present, part, spec, target) for part in kernel.parts]
        self._weight = _Weight(present, kernel, spec, target)
        self._middle = _Middle(present, kernel, step, spec, target)
        others = (self._plain, self._weight.stage, self._middle.mean)
        sums = [each for part in self._parts for each in part.sums]
        sums += [stage for stage in others if stage is not None]
        shape = (*step.geometry.out, present.values.shape[2])
        super().__init__(shape, target.dtype, max(each.step for each in sums))
        self._cycles = sum(each.cycles for each in sums) + _CYCLES * prod(shape)
        chunk = max(engine.chunk_of(shape, self.dtype), *(each.chunk for each in sums))
        self.chunk = -(-chunk // _BLOCK) * _BLOCK
        self._sees = self._rows_that_see(present.rows)

    @property
    def cycles(self) -> float:
        """About how many a processor takes for all rows."""
        return self._cycles

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        out, at = self.room(stop - start, into), start
        while at < stop:
            sees, end = self._sees[at], at + 1
            while end < stop and self._sees[end] == sees:
                end += 1
            part = out[at - start : end - start]
            if sees or self._plain is None:
                with np.errstate(all="ignore"):
                    self._put(at, end, part)
            else:
                engine.put(self._plain, at, end, part)
            at = end
        return out

    def _rows_that_see(self, rows: NDArray[np.bool_] | None) -> list[bool]:
        """Return which rows of the result may see a missing sample, block by block."""
        count = self.shape[0]
        if rows is None:
            return [True] * count
        axis = self._geometry.rows
        source = self.prepared.loops.layout.row_source
        some = np.concatenate(([0], np.cumsum(np.where(source < 0, False, rows[source]))))
        first = np.arange(count) * axis.stride
        sees = some[first + axis.span] > some[first]
        starts = np.arange(0, count, _BLOCK)
        return np.repeat(np.logical_or.reduceat(sees, starts), _BLOCK)[:count].tolist()  # type: ignore[no-any-return]

    def _put(self, start: int, stop: int, out: NDArray[Any]) -> None:
        """Make some rows of which samples may be missing."""
        there, centre = self._middle.rows(start, stop, self._weight)
        if isinstance(self._kernel, Kernel):
            self._parts[0].put(start, stop, centre, out)
        else:
            several = np.empty((len(self._parts), *out.shape), out.dtype)
            for part, each in zip(self._parts, several, strict=True):
                part.put(start, stop, centre, each)
            _combine(self._kernel, several, out)
        if self._slope != 1:
            out *= self.dtype.type(self._slope)
        if self._shift:
            out += self.dtype.type(self._shift)
        lacking = self._weight.lacks(start, stop)
        if there is not None and not self._fills:
            lacking = ~there if lacking is None else lacking | ~there
        if lacking is not None:
            put_where(out, lacking, np.nan)


class _Part:
    """The responses of one kernel, without its offset, and what they are made of."""

    def __init__(self, present: Present, kernel: Kernel, spec: Spec, target: Target) -> None:
        kernel = _plain(kernel)
        self.is_zero = kernel.kind is Kind.ZERO_SUM
        self._total = float(kernel.scaled.sum())
        self._values = _of_values(present, kernel, spec, target)
        self.sums = [self._values]
        self._shares = None
        if spec.missing is not Missing.SPREAD:
            self._shares = _of_shares(present, kernel, spec, target)
            self.sums.append(self._shares)
            # The least that isn't rounding.
            signed = bool((kernel.scaled < 0).any())
            part = max(_rounding(kernel, spec, target, present.values.shape), _SIGNED * signed)
            self._least = part * float(np.abs(kernel.scaled).sum())

    def put(self, start: int, stop: int, centre: NDArray[Any] | None, out: NDArray[Any]) -> None:
        """Make those of some rows; `centre` has the samples under the anchors."""
        values = self._values.rows(start, stop, out)
        if self._shares is None:
            return
        shares = self._shares.rows(start, stop)
        if self.is_zero:
            assert centre is not None
            np.subtract(values, np.multiply(shares, centre, dtype=out.dtype), out=out)
            return
        np.divide(values, shares, out=out)
        if self._total != 1:
            out *= out.dtype.type(self._total)
        if self._least:
            put_where(out, np.abs(shares) <= self._least, np.nan)


class _Middle:
    """What lies under the anchors, as far as that has to be known."""

    def __init__(
        self, present: Present, kernel: AnyKernel, step: Step, spec: Spec, target: Target
    ) -> None:
        zero = any(part.kind is Kind.ZERO_SUM for part in kernel.parts)
        fills, places = spec.missing is Missing.FILL, ((step.geometry,), spec, target)
        self.mean: engine.Stage | None = None
        self._there: AtAnchors | None = None
        self._centre: AtAnchors | None = None
        if zero or not fills:
            self._there = AtAnchors(present.there, *places, fill=1)
        if zero and spec.missing is not Missing.SPREAD:
            self._centre = AtAnchors(present.samples, *places)
        if zero and fills:
            automatic = replace(spec, method=Method.AUTO)
            self.mean = _of_values(present, _absolute(kernel), automatic, target)

    def rows(
        self, start: int, stop: int, weight: _Weight
    ) -> tuple[NDArray[np.bool_] | None, NDArray[Any] | None]:
        """Return whether samples are there, and what missing ones count as, for some rows.

        That is the sample under the anchor; where it is missing itself, and is to be filled, the
        mean of what is there.
        """
        there = self._there.rows(start, stop).view(np.bool_) if self._there else None
        if self._centre is None:
            return there, None
        centre = self._centre.rows(start, stop)
        if self.mean is None or there is None:
            return there, centre
        mean = self.mean.rows(start, stop) / weight.sums(start, stop)
        return there, np.where(there, centre, mean)


class _Weight:
    """How much of a kernel's weight lies on what is there, where that has to be known."""

    def __init__(self, present: Present, kernel: AnyKernel, spec: Spec, target: Target) -> None:
        self.stage: engine.Stage | None = None
        zero = any(part.kind is Kind.ZERO_SUM for part in kernel.parts)
        spread, fill = spec.missing is Missing.SPREAD, spec.missing is Missing.FILL
        if not (spread or spec.least_share or (fill and zero)):
            return
        weights = _support(kernel) if spread else _absolute(kernel)
        automatic = replace(spec, method=Method.AUTO)
        self.stage = _of_shares(present, weights, automatic, target)
        total = float(weights.scaled.sum())
        rounding = max(_rounding(weights, automatic, target, present.values.shape), _SIGNED)
        # Of whole weights all are there, or one is missing.
        self._least = total - 0.5 if spread else total * max(spec.least_share - 1e-6, rounding)

    def sums(self, start: int, stop: int) -> NDArray[Any]:
        """Return the weight itself, of some rows."""
        assert self.stage is not None
        return self.stage.rows(start, stop)

    def lacks(self, start: int, stop: int) -> NDArray[np.bool_] | None:
        """Return where there is too little, of some rows; None if that is of no concern."""
        if self.stage is None:
            return None
        lacking: NDArray[np.bool_] = self.stage.rows(start, stop) < self._least
        return lacking


def _of_values(present: Present, kernel: Kernel, spec: Spec, target: Target) -> engine.Stage:
    """Return the correlation of samples, 0 where one is missing."""
    return _correlated(present.values, kernel, spec, target)


def _of_shares(present: Present, kernel: Kernel, spec: Spec, target: Target) -> engine.Stage:
    """Return the correlation of 1 where a sample is there, 0 where it is missing."""
    ones = {Border.ZERO: Border.CONSTANT}
    border = tuple(ones.get(each, each) for each in by_axis(spec.border))
    target = replace(target, in_levels=False)
    return _correlated(present.there, kernel, replace(spec, border=border, fill=1.0), target)


def _correlated(rows: engine.Rows, kernel: Kernel, spec: Spec, target: Target) -> engine.Stage:
    prepared = prepare_array(rows.shape, rows.dtype, kernel, replace(spec, scale=1.0), target)
    return one_by_one(engine.correlated(prepared, rows), prepared.planned.jobs)


def _rounding(kernel: Kernel, spec: Spec, target: Target, shape: tuple[int, ...]) -> float:
    """Return which part of all weight may be nothing but rounding in a sum of weights."""
    method = prepare_array(shape, np.dtype(np.uint8), kernel, spec, target).planned.method
    return _NOTHING.get(method, 0.0)


def _line(kernel: AnyKernel, target: Target) -> tuple[float, float]:
    """Return (slope, shift): response = slope·combined + shift, of parts without offsets."""
    if isinstance(kernel, Kernel):
        return 1.0, float(response(kernel, Fraction(1), target)[1])
    return float(response(kernel, Fraction(1), target)[0]), 0.0


def _combine(kernel: Compound, found: NDArray[Any], out: NDArray[Any]) -> None:
    """Combine the responses of several kernels, as the engine's loops do; they are written to."""
    match kernel.combine:
        case Combine.MAX:
            np.max(found, axis=0, out=out)
        case Combine.MAX_ABS:
            np.max(np.abs(found, out=found), axis=0, out=out)
        case Combine.SUM_ABS:
            np.sum(np.abs(found, out=found), axis=0, out=out)
        case Combine.DIRECTION:
            angle = np.degrees(np.arctan2(found[1], found[0], out=out), out=out)
            angle += (angle < 0) * angle.dtype.type(360)
        case Combine.SHARE:
            squares = np.square(found, dtype=np.float64)
            whole = squares.sum(axis=0)
            share = np.sqrt(squares[: kernel.share].sum(axis=0) / whole)
            out[...] = np.where(whole == 0, 0, share)
        case _:
            np.square(found, out=found)
            np.sqrt(np.sum(found, axis=0, out=out), out=out)


@lru_cache(maxsize=64)
def _plain(kernel: Kernel) -> Kernel:
    """Return a kernel without its offset."""
    return replace(kernel, offset=0) if kernel.offset else kernel


@lru_cache(maxsize=64)
def _absolute(kernel: AnyKernel) -> Kernel:
    """Return the sizes of a kernel's weights, those of several added up."""
    return Kernel("weight", np.sum([np.abs(part.scaled) for part in kernel.parts], axis=0))


@lru_cache(maxsize=64)
def _support(kernel: AnyKernel) -> Kernel:
    """Return 1 where a kernel, or any of several, has a weight, else 0."""
    return Kernel("taps", np.any([part.weights != 0 for part in kernel.parts], axis=0).astype(int))
