"""Responses as whole levels, halves to the even one, as IEEE 754 rounds and OpenCV does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.kernels.kernel import AnyKernel, Kernel
from convcli.pipeline.kernel_set import kernel_set_of
from convcli.pipeline.responses import Target, response, scaled
from convcli.spec import Rounding, Spec


def has_halves(kernels: tuple[AnyKernel, ...], spec: Spec, target: Target) -> bool:
    """Whether responses may lie midway between two levels, so that halves to even matter.

    Sums that aren't whole numbers lie there by accident only, and are off by more than that.
    """
    if spec.rounding is not Rounding.EVEN or target.dtype.kind != "u":
        return False
    kernel = kernels[0]
    if len(kernels) > 1 or not isinstance(kernel, Kernel):
        return True
    kernel_set, divisor = kernel_set_of(kernel, flip=False, double=False)
    if kernel_set.weights.dtype.kind != "i":
        return False
    slope, shift = scaled(kernel, response(kernel, divisor, target), spec.scale, target)
    finish = target.finish(slope, shift)
    return finish.slope.denominator % 2 == 0 or finish.shift.denominator % 2 == 0


class HalvesToEven:
    """Makes samples of responses that were computed elsewhere, as `engine.Store` does.

    Parameters
    ----------
    finish
        How they become samples; of a whole type.
    """

    def __init__(self, finish: engine.Finish) -> None:
        self._finish = finish

    def __call__(
        self, responses: NDArray[Any], into: NDArray[Any] | None = None
    ) -> tuple[NDArray[Any], engine.Seen]:
        """Return the samples of responses, as `engine.Store` does, and their range."""
        finish, levels = self._finish, responses
        seen = float(np.fmin.reduce(responses, None)), float(np.fmax.reduce(responses, None))
        # Samples that aren't finite give some that are no number, and these become 0.
        with np.errstate(over="ignore", invalid="ignore"):
            if finish.slope != 1 or finish.shift != 0:
                levels = responses * np.float64(finish.slope) + np.float64(finish.shift)
            levels = np.rint(levels)
            if finish.absolute:
                np.abs(levels, out=levels)
            if finish.mid:
                levels += levels.dtype.type(finish.mid)
            outside = np.count_nonzero(levels < 0) + np.count_nonzero(levels > finish.maximum)
            np.fmax(levels, 0, out=levels)
            np.fmin(levels, finish.maximum, out=levels)
        samples = engine.put_into(into, levels.astype(finish.dtype))
        return samples, engine.Seen(*seen, int(outside))
