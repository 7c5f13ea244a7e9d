"""Which type sums are kept in, and the proof that they neither overflow nor round."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.record import record


@record
class Accumulator:
    """The type sums are kept in, why, and what is known of the sums.

    Parameters
    ----------
    dtype
        The working type.
    exact
        Whether sums are exact whole numbers.
    largest
        The greatest |sum| there can be.
    reason
        Why this type, as part of a sentence.
    """

    dtype: np.dtype[Any]
    exact: bool
    largest: float
    reason: str


@record
class Bounds:
    """What sums can be, for samples from 0 to the type's maximum.

    Parameters
    ----------
    low, high
        The least and the greatest sum.
    partial
        No sum of some of the products is greater in size.
    whole
        Whether samples and weights are whole numbers.
    """

    low: float
    high: float
    partial: float
    whole: bool

    @classmethod
    def of(cls, weights: NDArray[Any], source: np.dtype[Any]) -> Bounds:
        """Bounds for weights of one or more kernels, (…, taps), int64 if they are whole."""
        top = float(np.iinfo(source).max) if source.kind == "u" else float("inf")
        if not weights.size or not weights.any():
            return cls(0.0, 0.0, 0.0, weights.dtype.kind == "i" and source.kind == "u")
        return cls(
            float(weights.clip(max=0).sum(axis=-1).min()) * top if (weights < 0).any() else 0.0,
            float(weights.clip(min=0).sum(axis=-1).max()) * top if (weights > 0).any() else 0.0,
            float(np.abs(weights).sum(axis=-1).max()) * top,
            weights.dtype.kind == "i" and source.kind == "u",
        )

    def scaled(self, factor: float, partial: float) -> Bounds:
        """The bounds of sums `factor` times as great, whose parts may reach `partial`."""
        return Bounds(self.low * factor, self.high * factor, partial, self.whole)


def _holds(name: str, bounds: Bounds) -> bool:
    """Whether a type holds whole sums exactly.

    Two's complement wraps around, so whole types are right whenever the final sum fits; floats
    hold every whole number up to 2^24 and 2^53, and every part of a sum has to.
    """
    dtype = np.dtype(name)
    if dtype.kind == "f":
        return bounds.partial <= 2.0 ** (np.finfo(dtype).nmant + 1)
    info = np.iinfo(dtype)
    return bounds.low >= float(info.min) and bounds.high <= float(info.max)


def choose_accumulator(
    bounds: Bounds,
    source: np.dtype[Any],
    *,
    double: bool = False,
    among: tuple[str, ...] = ("int16", "uint16", "float32", "int32", "float64"),
) -> Accumulator:
    """Return the fastest type in which sums provably neither overflow nor round.

    Parameters
    ----------
    bounds
        Of the sums.
    source
        The image's sample type.
    double
        Whether sums that can't be exact are kept in float64, not float32.
    among
        The types to choose from, the fastest first.
    """
    largest = max(-bounds.low, bounds.high)
    if bounds.whole:
        for name in among:
            if _holds(name, bounds):
                low, high = f"{bounds.low:.0f}", f"{bounds.high:.0f}"
                reason = f"sums lie in {low}…{high}, which {name} holds exactly"
                return Accumulator(np.dtype(name), True, largest, reason)
    wide = double or source == np.float64
    dtype = np.dtype(np.float64 if wide else np.float32)
    what = "weights" if source.kind == "u" else "samples"
    reason = f"{what} are not whole numbers, so sums are kept in {dtype.name}"
    return Accumulator(dtype, False, largest if isfinite(largest) else float("inf"), reason)
