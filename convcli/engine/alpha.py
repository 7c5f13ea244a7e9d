"""Colour weighted by alpha, so that what can't be seen doesn't count; and back.

JUSTIFICATION: NumPy multiplies and divides three samples by one at a time, and takes longer for
that than two passes of a blur take (bench: modes).
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.engine import native
from convcli.engine.structs import (
    AlphaInput,
    AlphaLevels,
    JoinInput,
    NoScratch,
    PixelSizes,
    Result,
)


def weigh(samples: NDArray[Any], dtype: np.dtype[Any], maximum: float) -> NDArray[Any]:
    """Multiply colour by alpha.

    Parameters
    ----------
    samples
        (rows, cols, channels), alpha last, in 0..`maximum`.
    dtype
        float32 or float64: what is computed in.
    maximum
        The value of a full sample.

    Returns
    -------
    ndarray of the same shape
        Colour · alpha, and alpha · `maximum`: whole if the samples are, and at most `maximum`².
    """
    out = np.empty(samples.shape, dtype)
    _run("weigh", samples, out, (maximum, 1.0), dtype)
    return out


def unweigh(
    responses: NDArray[Any], maximum: float, gain: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Undo `weigh` after filtering.

    Parameters
    ----------
    responses
        (rows, cols, channels) of float32 or float64, alpha last.
    maximum
        The value of a full sample.
    gain
        What the filter multiplies a flat image by, which colour keeps.

    Returns
    -------
    ndarray of shape (rows, cols, channels - 1)
        Colour / alpha; 0 where nothing can be seen.
    ndarray of shape (rows, cols, 1)
        Alpha in 0..`maximum`.
    """
    rows, cols, channels = responses.shape
    out = np.empty(responses.size, responses.dtype)
    _run("unweigh", responses, out, (maximum, gain), responses.dtype)
    colour, alpha = np.split(out, [rows * cols * (channels - 1)])
    return colour.reshape(rows, cols, channels - 1), alpha.reshape(rows, cols, 1)


def join(colour: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Put alpha, (rows, cols, 1), beside colour, (rows, cols, count), of the same type."""
    rows, cols, count = colour.shape
    out = np.empty((rows, cols, count + 1), colour.dtype)
    given = JoinInput(
        np.ascontiguousarray(colour),
        np.ascontiguousarray(alpha),
        np.array(PixelSizes(rows * cols, count + 1), dtype=np.int64),
    )
    loop = native.load("join", (), (colour.dtype.name,))
    loop.bind(given, NoScratch(_NONE), _result(out))()
    return out


def _run(
    name: str,
    samples: NDArray[Any],
    out: NDArray[Any],
    levels: tuple[float, float],
    dtype: np.dtype[Any],
) -> None:
    given = AlphaInput(
        np.ascontiguousarray(samples),
        np.array(AlphaLevels(*levels), dtype),
        np.array(PixelSizes(prod(samples.shape[:2]), samples.shape[2]), dtype=np.int64),
    )
    loop = native.load(name, (), (samples.dtype.name, dtype.name))
    loop.bind(given, NoScratch(_NONE), _result(out))()


#: Stands for what these loops don't need.
_NONE = np.empty(0)


def _result(out: NDArray[Any]) -> Result:
    return Result(out, np.zeros(1, np.int64), np.zeros((2, 1)))
