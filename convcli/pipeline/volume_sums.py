"""The sums of a 3-D kernel over a volume, plane by plane.

A kernel that is a product of weights along the planes and of a 2-D kernel is applied by the 2-D
engine to each plane once, and along the planes as a weighted sum of what comes of it. Of any other
kernel each plane of weights is a 2-D kernel for the plane below it, and what comes of these is
added up.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.borders import Border
from convcli.borders import source as border_source
from convcli.engine.thread_pool import run_bands
from convcli.errors import UsageError
from convcli.kernels.kernel import Kernel
from convcli.kernels.volume import VolumeCompound, VolumeKernel
from convcli.pipeline.arrays import prepare_array
from convcli.pipeline.responses import Target, fill_level
from convcli.processors import processors
from convcli.record import replace
from convcli.spec import Mapping, Method, Precision, Spec
from convcli.volume_geometry import Steps, plan_volume, triple

#: Whole numbers below these are exact in a float type.
_WHOLE = {"float32": 2.0**24, "float64": 2.0**53}
#: Samples that are added up at a time: so few that their sums stay in the cache.
_BLOCK = 2**15


class Planes(Protocol):
    """A volume whose planes are made, or read, when they are asked for, mostly in order."""

    @property
    def count(self) -> int:
        """How many planes there are."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, cols) or (rows, cols, channels) of each."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The samples' type."""

    def plane(self, number: int) -> NDArray[Any]:
        """Return a plane; not to be written to."""


class VolumeSums:
    """What a kernel sums up at every place of a volume: planes of floats.

    Parameters
    ----------
    source
        The volume.
    kernel, spec
        What is summed, and how it steps.
    target
        What the result should be: fill values are in its levels.

    Attributes
    ----------
    largest
        The greatest size of sums that are exact whole numbers; None for others.
    """

    def __init__(self, source: Planes, kernel: VolumeKernel, spec: Spec, target: Target) -> None:
        border = spec.border
        if not isinstance(border, Border):
            raise UsageError("`border` of a volume is one for all axes; give one")
        steps = Steps(spec.stride, spec.dilation, spec.padding, spec.convolve)
        size = source.count, source.shape[0], source.shape[1]
        self.geometry = plan_volume(size, kernel.shape, steps)
        axis = self.geometry.planes
        self.count, self.shape = axis.out, (*self.geometry.plane.out, *source.shape[2:])
        self.dtype, self.largest = sums_type(kernel, source.dtype, spec)
        level = fill_level(spec.fill, source.dtype, target)
        self._outside = 0.0 if border is Border.ZERO else level
        padded = border_source(axis.size, axis.before, axis.after, border)
        starts = np.arange(axis.out)[:, None] * axis.stride
        self._places = padded[starts + np.arange(axis.taps) * axis.dilation]
        self._jobs = spec.jobs
        within = replace(spec, **steps.within(), scale=1.0, divisor=None, bias=None)
        factors = factors_of(kernel, spec)
        turn = -1 if spec.convolve else 1
        if factors is None:
            self._along, slices = None, kernel.summed[::turn]
        else:
            self._along, slices = factors[0][::turn], factors[1][None]
            if spec.method is Method.SEPARABLE:
                within = replace(within, method=Method.AUTO)
        raw = replace(target, dtype=self.dtype, mapping=Mapping.RAW, watch=False, span=None)
        self._slices = slices
        self._ready = [
            prepare_array((*source.shape,), source.dtype, Kernel("plane", each), within, raw)
            if each.any() or not slices.any()
            else None
            for each in slices
        ]
        work = None if self._along is None else self._correlated
        self._window = _Window(source, work, self._places)

    @property
    def plan(self) -> engine.Plan:
        """How a plane's sums are computed, with the reason."""
        plan = next(each for each in self._ready if each is not None).planned
        if self._along is not None:
            taps = int(np.count_nonzero(self._along))
            said = f"separable along the planes, {taps} taps; within each {plan.reason}"
            return replace(plan, taps=plan.taps + taps, reason=said)
        used = [each.planned.taps for each in self._ready if each is not None]
        said = f"a sum over {len(used)} planes of weights, {sum(used)} taps; of one {plan.reason}"
        return replace(plan, taps=sum(used), reason=said if len(used) > 1 else plan.reason)

    def plane(self, number: int) -> NDArray[Any]:
        """Return a plane of sums, which is the caller's."""
        places = self._places[number].tolist()
        sums = self._dense(places, number) if self._along is None else self._spread(places, number)
        self._window.forget(number)
        return sums

    def _correlated(self, plane: NDArray[Any], k: int = 0) -> NDArray[Any]:
        """Return what one plane of weights gives over a plane of the volume."""
        prepared = self._ready[k]
        if prepared is None:
            return np.zeros(self.shape, self.dtype)
        return engine.run(prepared, plane).pixels

    def _dense(self, places: list[int], number: int) -> NDArray[Any]:
        """Add up what each plane of weights gives over the plane that it lies on."""
        total: NDArray[Any] | None = None
        constant = 0.0
        for k, place in enumerate(places):
            if self._ready[k] is None:
                continue
            if place < 0:
                constant += self._outside * float(self._slices[k].sum())
                continue
            part = self._correlated(self._window.plane(place, number), k)
            total = part if total is None else np.add(total, part, out=total)
        if total is None:
            return np.full(self.shape, constant, self.dtype)
        return np.add(total, constant, out=total) if constant else total

    def _spread(self, places: list[int], number: int) -> NDArray[Any]:
        """Add up planes, each with its weight."""
        assert self._along is not None
        constant, weights = 0.0, dict[int, float]()
        for place, weight in zip(places, self._along.tolist(), strict=True):
            if place < 0:
                constant += weight * self._outside * float(self._slices[0].sum())
            elif weight:
                weights[place] = weights.get(place, 0) + weight
        parts = [(self._window.plane(place, number), weights[place]) for place in sorted(weights)]
        out = np.empty(self.shape, self.dtype)
        _add_up(parts, constant, out, self._jobs)
        return out


class MagnitudeSums:
    """The root of the sum of the squares of what several kernels sum up.

    Parameters
    ----------
    source, kernel, spec, target
        As `VolumeSums` takes them.
    """

    largest = None
    dtype = np.dtype(np.float64)

    def __init__(self, source: Planes, kernel: VolumeCompound, spec: Spec, target: Target) -> None:
        recent = _Recent(source, kernel, spec)
        self._parts = [VolumeSums(recent, part, spec, target) for part in kernel.parts]
        first = self._parts[0]
        self.geometry, self.count, self.shape = first.geometry, first.count, first.shape

    @property
    def plan(self) -> engine.Plan:
        """How the first kernel's sums are computed."""
        plan = self._parts[0].plan
        return replace(plan, reason=f"{len(self._parts)} kernels; of one {plan.reason}")

    def plane(self, number: int) -> NDArray[Any]:
        """Return a plane of magnitudes, which is the caller's."""
        total = np.zeros(self.shape)
        # Samples that aren't finite give some that are no number.
        with np.errstate(over="ignore", invalid="ignore"):
            for part in self._parts:
                total += np.square(part.plane(number), dtype=np.float64)
        return np.sqrt(total, out=total)


class _Recent:
    """Planes of which the last few are kept, as several kernels ask for the same ones."""

    def __init__(self, source: Planes, kernel: VolumeCompound, spec: Spec) -> None:
        self.count, self.shape, self.dtype = source.count, source.shape, source.dtype
        self._source, self._kept = source, dict[int, NDArray[Any]]()
        steps = triple(spec.stride, "stride")[0], triple(spec.dilation, "dilation")[0]
        self._most = kernel.shape[0] * steps[1] + steps[0]

    def plane(self, number: int) -> NDArray[Any]:
        """Return a plane."""
        if number not in self._kept:
            self._kept[number] = self._source.plane(number)
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return self._kept[number]


def factors_of(kernel: VolumeKernel, spec: Spec) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return weights along the planes and within them, if that is how they are summed."""
    if spec.method is Method.DIRECT or kernel.shape[0] == 1:
        return None
    factors = kernel.factors
    if factors is None and spec.method is Method.SEPARABLE:
        raise UsageError(
            "`method` separable needs a kernel that is a product along the planes and within "
            "them; leave `method` out"
        )
    return factors


def sums_type(
    kernel: VolumeKernel, source: np.dtype[Any], spec: Spec
) -> tuple[np.dtype[Any], float | None]:
    """Return the type that sums are kept in, and their greatest size if they are exact."""
    if kernel.summed.dtype.kind == "i" and source.kind == "u":
        largest = float(np.abs(kernel.summed).sum()) * float(np.iinfo(source).max)
        for name, end in _WHOLE.items():
            if largest < end:
                return np.dtype(name), largest
    double = spec.precision is Precision.DOUBLE or source == np.float64
    return np.dtype(np.float64 if double else np.float32), None


def _add_up(
    parts: list[tuple[NDArray[Any], float]],
    constant: float,
    out: NDArray[Any],
    jobs: int | None,
) -> None:
    """Add up planes times their weights, and a constant, in blocks that stay in the cache."""
    into = out.reshape(-1)
    flat = [(plane.reshape(-1), weight) for plane, weight in parts]

    def work(first: int, last: int) -> None:
        product = np.empty(_BLOCK, out.dtype)
        # Samples that aren't finite give some that are no number.
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(first * _BLOCK, min(last * _BLOCK, into.size), _BLOCK):
                sums = into[start : start + _BLOCK]
                sums[...] = constant
                for plane, weight in flat:
                    each = product[: len(sums)]
                    np.multiply(plane[start : start + _BLOCK], weight, out=each)
                    sums += each

    blocks = -(-into.size // _BLOCK)
    cycles = float(prod(out.shape)) * (1 + len(parts))
    run_bands((blocks, 1), cycles, jobs or processors(), lambda: work)


class _Window:
    """The planes that outputs need, each kept from the first output that needs it to the last.

    Parameters
    ----------
    source
        Gives them.
    work
        What is done to each of them, once; None for nothing.
    places
        (outputs, taps) which planes each output needs; -1 for those outside the volume.
    """

    def __init__(
        self,
        source: Planes,
        work: Callable[[NDArray[Any]], NDArray[Any]] | None,
        places: NDArray[np.intp],
    ) -> None:
        self._source, self._work = source, work
        self._kept: dict[int, NDArray[Any]] = {}
        self._next = 0
        self._last = np.full(source.count, -1)
        for number, row in enumerate(places):
            self._last[row[row >= 0]] = number
        self._reach = places.shape[1] and int(np.ptp(places[len(places) // 2])) + 1

    def plane(self, number: int, output: int) -> NDArray[Any]:
        """Return a plane that an output needs; of those before it, what others need is kept."""
        if number not in self._kept:
            follows = self._next <= number <= self._next + self._reach
            for each in range(self._next if follows else number, number + 1):
                if each not in self._kept and self._last[each] >= output:
                    plane = self._source.plane(each)
                    self._kept[each] = plane if self._work is None else self._work(plane)
            self._next = number + 1
        return self._kept[number]

    def forget(self, output: int) -> None:
        """Let go of the planes that no output behind this one needs."""
        self._kept = {k: plane for k, plane in self._kept.items() if self._last[k] > output}
