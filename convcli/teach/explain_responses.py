"""An image, a kernel, and what the engine made of them."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.borders import Border, by_axis
from convcli.engine import Plan
from convcli.geometry import Geometry, Pair
from convcli.image.header import VALUES
from convcli.kernels.kernel import AnyKernel
from convcli.pipeline.responses import Target, fill_level
from convcli.pipeline.work import Work
from convcli.record import field, record
from convcli.spec import Precision, Spec


@record(eq=False)
class Responses:
    """An image, a kernel, and what the engine made of them.

    Parameters
    ----------
    work
        The image made ready, its channels, the kernel, the spec and the target.
    geometry, plan
        Where the kernel lies, and how the engine went about it.
    result
        (rows, cols, channels): what the engine stored, for the filtered channels.
    lowest, highest
        The range of responses, before the mapping.
    is_grid
        Whether numbers stand for themselves, so that fill and offset count in their own units.
    """

    work: Work
    geometry: Geometry
    plan: Plan
    result: NDArray[Any] = field(repr=False)
    lowest: float
    highest: float
    is_grid: bool = False

    @property
    def kernel(self) -> AnyKernel:
        """The kernel, with the spec's divisor and bias in place of its own."""
        return self.work.kernels[0]

    @property
    def spec(self) -> Spec:
        """What was asked for."""
        return self.work.spec

    @property
    def target(self) -> Target:
        """What the result is: its sample type and mapping."""
        return self.work.target

    @property
    def has_values(self) -> bool:
        """Whether the result has whole samples that are values, of which floats were made first."""
        return not self.is_grid and self.work.stored.name in VALUES

    @property
    def channels(self) -> str:
        """Letters of the filtered channels; `result` has them in this order."""
        return "".join(self.work.channels[k] for k in self.work.chosen)

    @property
    def out(self) -> Pair:
        """(rows, cols) of the result."""
        return self.geometry.out

    @cached_property
    def samples(self) -> NDArray[Any]:
        """(rows, cols, channels) of the filtered channels' stored samples."""
        return np.ascontiguousarray(self.work.planes[:, :, list(self.work.chosen)])

    @property
    def is_double(self) -> bool:
        """Whether sums that aren't exact are kept in float64."""
        return self.spec.precision is Precision.DOUBLE or self.samples.dtype == np.float64

    @cached_property
    def is_exact(self) -> bool:
        """Whether every sum is an exact whole number."""
        return self.plan.exact and not self.work.weighs

    @cached_property
    def largest(self) -> float:
        """The largest |sample| that is a number, fill included."""
        sizes = np.abs(self.samples[np.isfinite(self.samples)])
        return max(float(sizes.max(initial=0)), abs(float(self.fill)))

    def is_alpha(self, channel: int) -> bool:
        """Whether a channel is alpha that colour is weighted by."""
        return self.work.weighs and self.channels[channel] == "A"

    @cached_property
    def fill(self) -> Fraction:
        """The fill value, in levels of the image."""
        if Border.CONSTANT not in by_axis(self.spec.border):
            return Fraction(0)
        target = self.target
        if self.work.weighs:
            # What is filtered is colour · alpha, and alpha · maximum: floats, filled alike.
            return Fraction(self.spec.fill) * target.level / Fraction(self.work.image.maximum)
        return Fraction(fill_level(self.spec.fill, self.samples.dtype, target))
