"""3-D kernels, and what can be said of them without a volume.

Correlation form. The axes are planes, rows and columns, in this order everywhere: z grows from one
plane to the next, y down, x to the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convcli.errors import KernelError
from convcli.kernels.given import real_weights
from convcli.kernels.kernel import Combine, Compound, Kernel, Kind
from convcli.record import record, replace
from convcli.volume_geometry import Triple

#: Samples of a spectrum's side at the least: enough to find where it is greatest.
_SPECTRUM = 16


@record(eq=False)
class VolumeKernel:
    """A 3-D kernel: response = Σ weights·samples / divisor + offset.

    Parameters
    ----------
    flat
        Its weights as a kernel of (planes, rows·cols), with its name, divisor and offset.
    shape
        (planes, rows, cols) of the weights.
    """

    flat: Kernel
    shape: Triple

    @classmethod
    def of(cls, name: str, weights: ArrayLike, divisor: float = 1) -> VolumeKernel:
        """Return the kernel of an array of (planes, rows, cols).

        Raises
        ------
        KernelError
            If it has another number of axes, or as for a `Kernel`.
        """
        array = np.asarray(real_weights(f"kernel {name[:64]!r}", weights))
        if array.ndim != 3 or array.size == 0:
            raise KernelError(
                f"kernel {name[:64]!r} must have weights of shape (planes, rows, cols), "
                f"got {array.shape}"
            )
        planes, rows, cols = array.shape
        return cls(Kernel(name, array.reshape(planes, -1), divisor), (planes, rows, cols))

    @property
    def name(self) -> str:
        """What it is called."""
        return self.flat.name

    @property
    def weights(self) -> NDArray[Any]:
        """(planes, rows, cols) numbers as they were written."""
        return self.flat.weights.reshape(self.shape)

    @property
    def summed(self) -> NDArray[Any]:
        """The weights as they are summed, whole ones if there can be; `flat.summed` divides."""
        return self.flat.summed.weights.reshape(self.shape)

    @property
    def sum(self) -> float:
        """Σ weights / divisor: what a flat volume is multiplied by."""
        return self.flat.sum

    @cached_property
    def kind(self) -> Kind:
        """Zero-sum if the sum is 0; smoothing if no frequency grows; else sharpening."""
        if self.sum == 0:
            return Kind.ZERO_SUM
        most = abs(self.sum) * (1 + 1e-9)
        if np.abs(self.flat.scaled).sum() <= most:
            return Kind.SMOOTHING
        size = [max(_SPECTRUM, 2 * taps) for taps in self.shape]
        response = np.abs(
            np.fft.rfftn(self.flat.scaled.reshape(self.shape), s=size, axes=(0, 1, 2))
        )
        return Kind.SHARPENING if response.max() > most else Kind.SMOOTHING

    @cached_property
    def factors(self) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """Weights along the planes, and (rows, cols) within each, whose product is `summed`.

        None if there are none.
        """
        found = self.flat.summed.factors
        return found and (found[0], found[1].reshape(self.shape[1:]))

    @property
    def divisor(self) -> float:
        """What sums of `summed` are divided by."""
        return self.flat.summed.divisor

    @property
    def parts(self) -> tuple[VolumeKernel, ...]:
        """The kernels to run: itself."""
        return (self,)

    def changed(self, divisor: float | None, offset: float | None) -> VolumeKernel:
        """Return the kernel with another divisor and offset, or with its own where None."""
        flat = self.flat
        divisor = flat.divisor if divisor is None else divisor
        offset = flat.offset if offset is None else offset
        return replace(self, flat=replace(flat, divisor=divisor, offset=offset))


@record(eq=False)
class VolumeCompound:
    """3-D kernels of one shape; the response is the root of the sum of their squares.

    Parameters
    ----------
    flat
        The same of their `flat` kernels, with a name.
    parts
        The kernels, undivided.
    """

    flat: Compound
    parts: tuple[VolumeKernel, ...]

    @classmethod
    def of(cls, name: str, parts: Sequence[VolumeKernel]) -> VolumeCompound:
        """Return the magnitude of several kernels."""
        flats = tuple(part.flat for part in parts)
        return cls(Compound(name, flats, Combine.MAGNITUDE), tuple(parts))

    @property
    def name(self) -> str:
        """What it is called."""
        return self.flat.name

    @property
    def shape(self) -> Triple:
        """(planes, rows, cols) of every part."""
        return self.parts[0].shape

    @property
    def kind(self) -> Kind:
        """The kind of its parts."""
        return self.flat.kind

    @property
    def combine(self) -> Combine:
        """How responses become one."""
        return self.flat.combine

    @property
    def divisor(self) -> float:
        """What sums are divided by before `flat.divisor` divides."""
        return 1

    def changed(self, divisor: float | None, offset: float | None) -> VolumeCompound:
        """Return the same with another divisor.

        Raises
        ------
        KernelError
            If it is to have an offset.
        """
        if offset is not None:
            raise KernelError(
                f"`bias` can't be added to {self.name!r}, which combines several kernels; use "
                f"`mapping` offset to shift its result"
            )
        divisor = self.flat.divisor if divisor is None else divisor
        return replace(self, flat=replace(self.flat, divisor=divisor))


AnyVolumeKernel: TypeAlias = VolumeKernel | VolumeCompound
