"""What a response was multiplied by, and what was added, until it was a sample."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf

from convcli.kernels.exact import written
from convcli.kernels.kernel import AnyKernel, Kernel
from convcli.pipeline.responses import Target, after, scaled
from convcli.spec import Mapping, Spec


def applied(
    kernels: Sequence[AnyKernel], spec: Spec, target: Target, ends: tuple[float, float]
) -> tuple[float, float]:
    """Return (scale, offset): what is shown is scale · Σ weights·samples / divisor + offset.

    Both in levels of the source, before `abs` drops the sign and before anything is clipped.

    Parameters
    ----------
    kernels, spec
        What is done.
    target
        What the result is.
    ends
        The range of the responses.
    """
    last = kernels[-1]
    own = written(last.offset) * target.level if isinstance(last, Kernel) else Fraction(0)
    target = after(kernels[:-1], spec, target)
    slope, shift = map(float, scaled(last, (Fraction(1), own), spec.scale, target))
    if target.mapping is Mapping.OFFSET:
        return slope, shift + _middle(target)
    low, high = target.span or ends
    if target.mapping is Mapping.NORMALIZE and -inf < low < high < inf:
        stretch = float(target.full) / (high - low)
        return slope * stretch, (shift - low) * stretch
    return slope, shift


def _middle(target: Target) -> float:
    """Return what stands for zero under `offset`, in levels of the source."""
    scale, dtype = target.scale, target.dtype
    return float(Fraction(scale.middle(dtype)) / scale.levels(dtype))
