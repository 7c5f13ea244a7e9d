"""What responses to samples of which some are missing are made of: sums of what is there."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.borders import Border, by_axis
from convcli.kernels.kernel import AnyKernel, Combine, Compound, Kernel, Kind
from convcli.pipeline.anchors import AtAnchors
from convcli.pipeline.arrays import Step, one_by_one, prepare_array
from convcli.pipeline.missing import Present, put_where
from convcli.pipeline.responses import Target, response
from convcli.record import replace
from convcli.spec import Method, Missing, Spec

#: Up to which part of all weight a sum of weights may be nothing but rounding, by method, and if
#: weights have both signs.
_NOTHING, _SIGNED = {"fft": 1e-4, "lowrank": 1e-6, "box": 1e-6}, 1e-6


class Part:
    """The responses of one kernel, without its offset, and what they are made of."""

    def __init__(self, present: Present, kernel: Kernel, spec: Spec, target: Target) -> None:
        is_mean = kernel.kind is not Kind.ZERO_SUM and spec.missing is not Missing.SPREAD
        self.is_zero, self._total = kernel.kind is Kind.ZERO_SUM, kernel.sum
        kernel = _whole(kernel) if is_mean else _plain(kernel)
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


class Middle:
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
            self._there = AtAnchors(present.there, *places, fills=[1.0])
        if zero and spec.missing is not Missing.SPREAD:
            self._centre = AtAnchors(present.samples, *places)
        if zero and fills:
            automatic = replace(spec, method=Method.AUTO)
            self.mean = _of_values(present, _absolute(kernel), automatic, target)

    def rows(
        self, start: int, stop: int, weight: Weight
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


class Weight:
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


def line(kernel: AnyKernel, target: Target) -> tuple[float, float]:
    """Return (slope, shift): response = slope·combined + shift, of parts without offsets."""
    if isinstance(kernel, Kernel):
        return 1.0, float(response(kernel, Fraction(1), target)[1])
    return float(response(kernel, Fraction(1), target)[0]), 0.0


def combine(kernel: Compound, found: NDArray[Any], out: NDArray[Any]) -> None:
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
def _whole(kernel: Kernel) -> Kernel:
    """Return a kernel with whole weights if there can be, undivided: a mean needs no divisor."""
    return replace(kernel.summed, divisor=1, offset=0)


@lru_cache(maxsize=64)
def _absolute(kernel: AnyKernel) -> Kernel:
    """Return the sizes of a kernel's weights, those of several added up."""
    return Kernel("weight", np.sum([np.abs(part.scaled) for part in kernel.parts], axis=0))


@lru_cache(maxsize=64)
def _support(kernel: AnyKernel) -> Kernel:
    """Return 1 where a kernel, or any of several, has a weight, else 0."""
    return Kernel("taps", np.any([part.weights != 0 for part in kernel.parts], axis=0).astype(int))
