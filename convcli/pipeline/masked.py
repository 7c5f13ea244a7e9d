"""Correlation of what is there: weighted means where samples are missing, rows on demand.

With weights w and samples v, of which those with m = 0 are missing, the response of a kernel is
Σw · Σw·m·v / Σw·m, as astropy's `convolve` has it. Of a kernel whose weights sum to zero it is
Σw·m·v − c·Σw·m: what is missing counts as the sample c under the anchor, so what is flat stays 0.
Both sums are correlations that the engine plans as it does any; several kernels are combined after
that. What lies outside under the borders `zero` and `constant` is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.kernels.kernel import AnyKernel, Kernel
from convcli.pipeline.arrays import (
    Step,
    one_by_one,
    steps_for,
    without_offset,
)
from convcli.pipeline.masked_sums import Middle, Part, Weight, combine, line
from convcli.pipeline.missing import Present, as_sample, put_where, there_of
from convcli.pipeline.responses import Target
from convcli.pipeline.stored import Stored
from convcli.record import replace
from convcli.spec import Mapping, Missing, Spec

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
            # Rows that see nothing missing need no copy of the samples; but tiles see others, too.
            samples = present.values if step.prepared.spreads else present.samples
            plain = engine.correlated(step.prepared, samples)
            self._plain = one_by_one(plain, step.prepared.planned.jobs)
        self.prepared, self._geometry = step.prepared, step.geometry
        self._slope, self._shift = line(kernel, target)
        self._parts = [Part(present, part, spec, target) for part in kernel.parts]
        self._weight = Weight(present, kernel, spec, target)
        self._middle = Middle(present, kernel, step, spec, target)
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
            combine(self._kernel, several, out)
        if self._slope != 1:
            out *= self.dtype.type(self._slope)
        if self._shift:
            out += self.dtype.type(self._shift)
        lacking = self._weight.lacks(start, stop)
        if there is not None and not self._fills:
            lacking = ~there if lacking is None else lacking | ~there
        if lacking is not None:
            put_where(out, lacking, np.nan)
