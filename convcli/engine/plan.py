"""How a response will be computed, chosen before it is, as data with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import UsageError

#: Scratch that a thread's strip may take, in bytes: half of a 512 KB second-level cache.
_STRIP_BYTES = 256 * 1024

#: What a second pass over a row costs besides its taps, in taps (bench: separable).
_SECOND_PASS = 3


@dataclass(frozen=True)
class Plan:
    """A decision that can be printed.

    Parameters
    ----------
    method
        How: `direct` multiplies every tap that isn't zero; `separable` goes down a column, then
        along a row.
    accumulator
        The type that samples are converted to and sums are kept in.
    exact
        Whether sums are exact whole numbers, so that nothing but the final rounding rounds.
    taps
        Multiplications an output sample takes.
    strip_rows
        Output rows in a strip.
    jobs
        Threads.
    reason
        Why, in one sentence.
    """

    method: str
    accumulator: str
    exact: bool
    taps: int
    strip_rows: int
    jobs: int
    reason: str


@dataclass(frozen=True)
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


def choose_method(
    weights: NDArray[Any],
    factors: tuple[NDArray[Any], NDArray[Any]] | None,
    widening: float,
    asked: str,
) -> tuple[str, int, str]:
    """Return the cheapest method, its multiplications a sample, and why.

    Parameters
    ----------
    weights
        (kernels, …) of all taps.
    factors
        (kernels, rows) columns and (kernels, cols) rows, if every kernel is such a product.
    widening
        Samples that a column is summed for, for each sample of the output: more than 1 for
        strides and borders.
    asked
        `auto`, or the method to use.

    Raises
    ------
    UsageError
        If the method asked for can't compute this kernel.
    """
    kernels = len(weights)
    direct = _used(weights) * kernels
    if factors is None:
        if asked == "separable":
            raise UsageError(
                "--method separable needs a kernel that is a column times a row (rank 1); "
                "this one is not: leave --method out"
            )
        return "direct", direct, f"direct: {direct} taps that are not zero"
    down, along = (_used(factor) for factor in factors)
    cost = round(kernels * (down * widening + along))
    if asked == "direct" or (asked == "auto" and direct <= cost + _SECOND_PASS * kernels):
        why = f"direct: {direct} taps that are not zero; {cost} and a second pass would cost more"
        return "direct", direct, why
    why = f"separable: {down} taps down and {along} along instead of {direct}"
    return "separable", cost, why


def _used(weights: NDArray[Any]) -> int:
    """Taps that are not zero in every kernel."""
    return int(np.count_nonzero(weights.reshape(len(weights), -1).any(axis=0)))


def choose_accumulator(
    weights: NDArray[Any], source: np.dtype[Any], *, double: bool = False
) -> Accumulator:
    """Return the narrowest type in which sums provably neither overflow nor round.

    Parameters
    ----------
    weights
        The weights of one or more kernels, int64 if they are whole; (…, taps).
    source
        The picture's sample type.
    double
        Whether sums that can't be exact are kept in float64, not float32.

    Notes
    -----
    With samples in 0..M, sums lie in −M·Σ|w<0| .. M·Σ|w>0|. Two's complement wraps around, so
    16-bit sums are right whenever the final one fits. float32 holds every whole number up to
    2^24 and float64 up to 2^53, and every partial sum stays below M·Σ|w|.
    """
    negative = float(-weights.clip(max=0).sum(axis=-1).min()) if weights.size else 0.0
    positive = float(weights.clip(min=0).sum(axis=-1).max()) if weights.size else 0.0
    total = float(np.abs(weights).sum(axis=-1).max()) if weights.size else 0.0
    if weights.dtype.kind == "i" and source.kind == "u":
        top = float(np.iinfo(source).max)
        low, high, sums = 0.0 - negative * top, positive * top, total * top
        for name, fits in (
            ("int16", low >= -(2**15) and high < 2**15 and total < 2**15),
            ("uint16", low == 0 and high < 2**16),
            ("float32", sums <= 2**24),
            ("float64", sums <= 2**53),
        ):
            if fits:
                reason = f"sums lie in {low:.0f}…{high:.0f}, which {name} holds exactly"
                return Accumulator(np.dtype(name), True, max(-low, high), reason)
    wide = double or source == np.float64
    dtype = np.dtype(np.float64 if wide else np.float32)
    what = "weights" if source.kind == "u" else "samples"
    reason = f"{what} are not whole numbers, so sums are kept in {dtype.name}"
    top = float(np.iinfo(source).max) if source.kind == "u" else float("inf")
    return Accumulator(dtype, False, total * top if isfinite(top) else top, reason)


def strip_rows(pitch: int, itemsize: int, stride: int, span: int) -> int:
    """Output rows a strip should have for its scratch to stay in the cache.

    At least 8 and a quarter of the span, so that the rows that neighbouring strips both load
    don't outweigh the rest, and at most 64; between these the time hardly changes.
    """
    fits = _STRIP_BYTES // max(1, pitch * itemsize)
    return int(min(64, max((fits - span) // stride + 1, span // 4, 8)))
