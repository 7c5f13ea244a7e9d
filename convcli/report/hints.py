"""What would clip less, by what the kernel is: it is true, and does an image no harm."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from convcli.kernels.exact import format_number, written
from convcli.kernels.kernel import Combine, Kernel, Kind
from convcli.pipeline import Facts
from convcli.spec import Mapping

#: Taps a side up to which a kernel of half the strength is written out.
_SHORT = 3
#: An offset that stands for zero, in 8-bit levels, and how far others may be from it.
_MIDDLE, _NEAR = 128, 2
_AMOUNT = r"(?:^|[:,])amount=([\d.]+)"


def hint(kernels: Sequence[Any], facts: Facts) -> str:
    """Return what would clip less, a few words; '' if there is nothing that does no harm.

    Parameters
    ----------
    kernels
        What was done, in order, with the divisor and offset that were used.
    facts
        What came out: something was clipped.
    """
    if not facts.avoidable:
        return ""
    last = kernels[-1]
    if facts.mapping is Mapping.HUE:
        return "--scale auto avoids it"
    if isinstance(getattr(last, "combine", None), Combine) or last.kind is Kind.ZERO_SUM:
        return _of_change(last, facts)
    if len(kernels) > 1 or abs(facts.scale) > 1:
        return _of_several(kernels, facts)
    if facts.mapping is not Mapping.CLIP:
        return "--scale auto avoids it"
    if last.sum > 1:
        return f"--divisor {_over(last)} keeps brightness, which is × {last.sum:.6g} now"
    if last.sum == 1 and isinstance(last, Kernel) and not last.offset:
        return f"a smaller amount clips less{_half(last)}"
    return ""


def _of_change(kernel: Any, facts: Facts) -> str:
    """Return what shows all of a response that is 0 where an image is flat."""
    own = float(getattr(kernel, "offset", 0))
    if facts.mapping is Mapping.OFFSET or (own and abs(own - _MIDDLE) < _NEAR):
        # The gray that stands for zero stays.
        return "--scale auto avoids it"
    if own:
        return ""
    if facts.mapping is Mapping.CLIP and not hasattr(kernel, "combine"):
        return "--map offset --scale auto shows both signs"
    return "--map normalize avoids it"


def _of_several(kernels: Sequence[Any], facts: Facts) -> str:
    """Return which kernel of a chain, or which scale, makes an image brighter."""
    if abs(facts.scale) > 1:
        return f"a --scale nearer to 1 than {facts.scale:.6g} clips less"
    for kernel in kernels:
        if getattr(kernel, "sum", 1) > 1:
            total = f"the weights of {kernel.name[:40]} add up to {kernel.sum:.6g}"
            return f"{total}; […]/{_over(kernel)} keeps brightness"
    return ""


def _over(kernel: Any) -> str:
    """Return the divisor with which the weights, as they were written, keep brightness."""
    own = getattr(kernel, "flat", kernel).divisor
    return format_number(written(kernel.sum) * written(own))


def _half(kernel: Kernel) -> str:
    """Return how half as much of a sharpener is written; '' if that takes long."""
    amount = re.search(_AMOUNT, kernel.name)
    if amount:
        return f", such as amount={float(amount[1]) / 2:g}"
    if max(kernel.shape) > _SHORT or min(kernel.shape) % 2 == 0 or not kernel.is_integer:
        return ", such as unsharp:amount=0.5"
    rows, cols = kernel.shape
    # The mean of the kernel and of what changes nothing.
    weights = [[int(weight) for weight in row] for row in kernel.summed.weights]
    weights[rows // 2][cols // 2] += int(kernel.summed.divisor)
    matrix = "; ".join(" ".join(map(str, row)) for row in weights)
    return f": half as much is '[{matrix}]/{int(2 * kernel.summed.divisor)}'"
