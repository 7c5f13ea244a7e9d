"""Volumes under 3-D kernels: planes made of planes when they are asked for, a few of them kept.

Sums of whole weights over whole samples are whole numbers, kept in a float type that holds all of
them. So they are exact in any order, and are divided and rounded once, as the engine's are.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.errors import GeometryError, UsageError
from convcli.kernels.exact import written
from convcli.kernels.volume import AnyVolumeKernel, VolumeCompound
from convcli.pipeline.arrays import MOST_PIXELS
from convcli.pipeline.half_even import HalvesToEven
from convcli.pipeline.responses import Target, after, between, ends_of, response, scaled
from convcli.pipeline.volume_sums import MagnitudeSums, Planes, VolumeSums
from convcli.record import replace
from convcli.spec import Mapping, Precision, Rounding, Spec
from convcli.volume_geometry import VolumeGeometry


class HeldPlanes:
    """An array, as planes.

    Parameters
    ----------
    volume
        (planes, rows, cols) or (planes, rows, cols, channels), C-contiguous.
    """

    def __init__(self, volume: NDArray[Any]) -> None:
        self._volume = volume
        self.count, self.shape, self.dtype = len(volume), volume.shape[1:], volume.dtype

    def plane(self, number: int) -> NDArray[Any]:
        """Return a plane, a view."""
        plane: NDArray[Any] = self._volume[number]
        return plane


class CorrelatedPlanes:
    """A volume under a kernel: planes of samples.

    Parameters
    ----------
    sums
        The kernel's.
    kernel, target
        What is summed, and what the result should be.
    spec
        Its scale and rounding are used.
    """

    def __init__(
        self,
        sums: VolumeSums | MagnitudeSums,
        kernel: AnyVolumeKernel,
        target: Target,
        spec: Spec,
    ) -> None:
        self.sums, self._target = sums, target
        self.count, self.shape, self.dtype = sums.count, sums.shape, target.dtype
        slope_shift = response(kernel.flat, written(kernel.divisor), target)
        slope, shift = scaled(kernel.flat, slope_shift, spec.scale, target)
        self._slope, self._shift = float(slope), float(shift)
        self._finish = target.finish(slope, shift, spec.rounding)
        self._store: engine.Store | HalvesToEven | None = None
        self._seen: dict[int, engine.Seen] = {}

    @property
    def geometry(self) -> VolumeGeometry:
        """Of the volume under the kernel."""
        return self.sums.geometry

    @property
    def plan(self) -> engine.Plan:
        """How sums are computed."""
        return self.sums.plan

    def plane(self, number: int) -> NDArray[Any]:
        """Return a plane of samples."""
        if self._store is None:
            self._store = self._storing()
        samples, self._seen[number] = self._store(self.sums.plane(number))
        return samples

    def _storing(self) -> engine.Store | HalvesToEven:
        """Return what makes samples of sums."""
        finish, largest = self._finish, self.sums.largest
        if self._target.mapping is Mapping.NORMALIZE:
            finish = finish.stretch(*self._range())
        if finish.is_levels and finish.rounding is Rounding.EVEN:
            return HalvesToEven(finish)
        return engine.Store(self.sums.dtype, finish, largest or inf, exact=largest is not None)

    def _range(self) -> tuple[float, float]:
        """Return the least and the greatest sum of all planes: they are made for that."""
        ends = []
        for number in range(self.count):
            sums = self.sums.plane(number)
            ends.append((float(sums.min()), float(sums.max())))
        # One that is no number makes these so.
        return float(np.min(ends)), float(np.max(ends))

    @property
    def ends(self) -> tuple[float, float]:
        """The range of the responses in the planes that were made, in levels of the source."""
        return ends_of(self._seen.values(), self._slope, self._shift)

    @property
    def clipped(self) -> int:
        """Samples of the planes that were made and did not fit the result's range."""
        return sum(seen.clipped for seen in self._seen.values())


def correlated_planes(
    source: Planes, kernels: Sequence[AnyVolumeKernel], spec: Spec, target: Target
) -> tuple[CorrelatedPlanes, ...]:
    """Apply kernels to a volume one after the other, without rounding between them.

    Parameters
    ----------
    source
        Of uint8, uint16, float32 or float64.
    kernels
        At least one, with the spec's divisor and bias as `overridden_volume` gives them.
    spec
        Its border, geometry, scale, method, precision and threads are used; steps and padding
        may have three numbers: (planes, rows, cols).
    target
        What the result should be.

    Returns
    -------
    tuple of CorrelatedPlanes
        One a kernel; the last one gives the result.

    Raises
    ------
    ConvError
        If a kernel doesn't fit, or the result would be absurdly large.
    """
    double = spec.precision is Precision.DOUBLE or source.dtype == np.float64
    real = np.dtype(np.float64 if double else np.float32)
    flats, plain = [kernel.flat for kernel in kernels], replace(spec, scale=1.0)
    done: list[CorrelatedPlanes] = []
    for number, kernel in enumerate(kernels):
        is_last = number == len(kernels) - 1
        wanted = after(flats[:-1], spec, target) if is_last else between(target, real)
        sums: VolumeSums | MagnitudeSums
        if isinstance(kernel, VolumeCompound):
            sums = MagnitudeSums(source, kernel, spec, wanted)
        else:
            sums = VolumeSums(source, kernel, spec, wanted)
        _check_size(sums.geometry)
        done.append(CorrelatedPlanes(sums, kernel, wanted, spec if is_last else plain))
        source = done[-1]
    return tuple(done)


def overridden_volume(
    kernels: Sequence[AnyVolumeKernel], spec: Spec
) -> tuple[AnyVolumeKernel, ...]:
    """Return the kernels with the spec's divisor and bias in place of their own.

    Raises
    ------
    UsageError
        If there are several: which one is meant?
    """
    if spec.divisor is None and spec.bias is None:
        return tuple(kernels)
    if len(kernels) > 1:
        raise UsageError("`divisor` and `bias` change one kernel, and there are several")
    return (kernels[0].changed(spec.divisor, spec.bias),)


def _check_size(geometry: VolumeGeometry) -> None:
    """Refuse a result that padding makes far larger than its source."""
    size = geometry.planes.size, geometry.plane.rows.size, geometry.plane.cols.size
    most = max(MOST_PIXELS, 8 * prod(size))
    if prod(geometry.out) > most:
        raise GeometryError(
            f"the result would have {'×'.join(f'{n:,}' for n in geometry.out)} samples; expected "
            f"at most {most:,} from this volume: use a smaller `padding`"
        )
