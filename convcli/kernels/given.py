"""What is given as weights: its mask, its imaginary part, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convcli.errors import KernelError


def doubts_of(kernels: Iterable[Any]) -> tuple[str, ...]:
    """Return what is to be said of how kernels, and banks of them, were written."""
    doubts = (doubt for each in kernels for doubt in getattr(each, "doubts", ()))
    return tuple(dict.fromkeys(doubts))


def real_weights(owner: str, weights: ArrayLike) -> ArrayLike:
    """Return weights without their mask: what is masked isn't there, and counts as 0.

    Raises
    ------
    KernelError
        If they are complex.
    """
    if isinstance(weights, np.ndarray) and hasattr(weights, "filled"):
        weights = weights.filled(0)  # to look numpy.ma up would import it
    with suppress(ValueError, TypeError):
        if np.asarray(weights).dtype.kind == "c":
            raise KernelError(
                f"{owner} has complex numbers; expected real ones: filter with their real and "
                f"their imaginary parts apart"
            )
    return weights
