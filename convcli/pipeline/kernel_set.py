"""What the engine sums for a kernel: a set of kernels."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.kernels.exact import written
from convcli.kernels.kernel import AnyKernel, Compound, Kernel
from convcli.kernels.terms import low_rank
from convcli.record import replace


@lru_cache(maxsize=64)
def kernel_set_of(
    kernel: AnyKernel, *, flip: bool, double: bool
) -> tuple[engine.KernelSet, Fraction]:
    """Return what is summed for a kernel, and what the sums are divided by.

    Parameters
    ----------
    kernel
        A kernel, or several whose sums are combined.
    flip
        Whether it is turned by 180° first.
    double
        Whether its low-rank form has to be good to float64.
    """
    step = -1 if flip else 1
    parts = [part.summed for part in kernel.parts]
    divisors = {part.divisor for part in parts}
    shared = divisors.pop() if len(divisors) == 1 else None
    weights = [part.scaled if shared is None else part.weights for part in parts]
    kernel_set = engine.KernelSet(np.stack(weights)[:, ::step, ::step])
    terms = [low_rank(part, double=double) for part in parts]
    whole = [low for low in terms if low is not None]
    if len(whole) == len(terms) and (len(terms) == 1 or all(low.divisor == 1 for low in whole)):
        columns = _padded([low.columns[:, ::step] for low in whole])
        rows = _padded([low.rows[:, ::step] for low in whole])
        if shared is None:
            rows = rows / np.array([[[part.divisor]] for part in parts])
        kernel_set = replace(kernel_set, terms=engine.Terms(columns, rows, whole[0].divisor))
    if isinstance(kernel, Compound):
        kernel_set = replace(kernel_set, combine=str(kernel.combine), share=kernel.share)
    return kernel_set, Fraction(1) if shared is None else written(shared)


@lru_cache(maxsize=64)
def upside_down(kernel: AnyKernel) -> AnyKernel:
    """Return a kernel whose last row is another's first."""
    if isinstance(kernel, Kernel):
        return replace(kernel, weights=kernel.weights[::-1].copy())
    return replace(kernel, parts=tuple(upside_down(part) for part in kernel.parts))


def _padded(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Stack (terms, taps) arrays of several kernels, with zeros where one has fewer terms."""
    most = max(len(part) for part in parts)
    return np.stack([np.pad(part, ((0, most - len(part)), (0, 0))) for part in parts])
