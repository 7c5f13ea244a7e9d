"""Convolution and correlation of signals of one dimension."""

from __future__ import annotations

from collections.abc import Iterator
from math import log2
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convcli.errors import UsageError
from convcli.record import record

MODES = ("full", "same", "valid")
METHODS = ("auto", "direct", "fft")

#: Nanoseconds that a product of the direct way takes, of floats, int64 and Python's integers.
_PRODUCT = {"f": 0.12, "i": 0.5, "O": 60.0}
#: Those that two transforms take, however small; and more for each sample and doubling of their
#: size. All with NumPy 2 on one processor: only their ratios decide.
_CALL, _SAMPLE = 15_000.0, 0.7
#: Products that Python's integers may take: some ten seconds.
_MOST_PRODUCTS = 10**8
#: Doublings to the largest transform, unless a signal has more samples: 16 MB of complex numbers.
_LARGEST = 20
#: Errors of a sum that is had with transforms, for each doubling, in units of ε·‖a‖·‖b‖: a few
#: times what is seen at the worst.
_ROUNDINGS = 4.0


@record
class SignalPlan:
    """How two signals are convolved.

    Parameters
    ----------
    method
        `direct` or `fft`.
    reason
        Why, in a line.
    """

    method: str
    reason: str


@record(eq=False)
class Product:
    """What came out.

    Parameters
    ----------
    values
        (samples,) or (samples, channels), of int64, object for larger integers, or float64.
    plan
        How it was computed.
    """

    values: NDArray[Any]
    plan: SignalPlan


def convolve_signal(
    a: ArrayLike, b: ArrayLike, mode: str = "full", *, method: str = "auto"
) -> NDArray[Any]:
    """Convolve two signals: c[n] = Σₖ a[k]·b[n − k].

    Parameters
    ----------
    a, b
        (N,) and (M,) real numbers; or (N, channels), of which each is convolved with `b`, or with
        the same channel of it.
    mode
        `full` for all N + M − 1 sums; `same` for the N in the middle; `valid` for the
        |N − M| + 1 in which the shorter lies within the longer.
    method
        `direct`, `fft`, or `auto` for the faster one.

    Returns
    -------
    ndarray
        Integers are summed exactly: int64, or Python's where that doesn't hold them. Other numbers
        are summed in float64.

    Raises
    ------
    UsageError
        If a signal is empty or of something else, or a word is unknown.

    Examples
    --------
    >>> convolve_signal([1, 2, 3], [4, 5, 6])
    array([ 4, 13, 28, 27, 18])
    """
    return product(a, b, mode, method=method).values


def correlate_signal(
    a: ArrayLike, b: ArrayLike, mode: str = "full", *, method: str = "auto"
) -> NDArray[Any]:
    """Correlate two signals: slide `b` over `a` and sum products, without flipping it.

    Parameters and results are those of `convolve_signal`, and the order of the result is that of
    `scipy.signal.correlate`: in the first sum the last sample of `b` lies over the first of `a`.

    Examples
    --------
    >>> correlate_signal([1, 2, 3], [4, 5, 6])
    array([ 6, 17, 32, 23, 12])
    """
    return product(a, b, mode, method=method, flip=True).values


def product(
    a: ArrayLike, b: ArrayLike, mode: str = "full", *, method: str = "auto", flip: bool = False
) -> Product:
    """Convolve two signals, the second turned round before if `flip`; and say how it was done."""
    if mode not in MODES:
        raise UsageError(f"`mode` is one of {', '.join(MODES)}; got {mode!r}")
    if method not in METHODS:
        raise UsageError(f"`method` is one of {', '.join(METHODS)}; got {method!r}")
    first, second = _samples(a, "a"), _samples(b, "b")
    if flip:
        second = second[::-1]
    first, second, kind = _in_common(first, second)
    plan = _plan(first, second, kind, method)
    shape = np.broadcast_shapes(first.shape[1:], second.shape[1:])
    count = shape[0] if shape else 1
    columns = [
        _convolved(_channel(first, k), _channel(second, k), plan.method) for k in range(count)
    ]
    whole = np.stack(columns, axis=-1) if shape else columns[0]
    start, stop = span(len(first), len(second), mode)
    return Product(whole[start:stop], plan)


def span(n: int, m: int, mode: str) -> tuple[int, int]:
    """Return which of the N + M − 1 sums a mode keeps: from, up to."""
    if mode == "same":
        return (m - 1) // 2, (m - 1) // 2 + n
    if mode == "valid":
        return min(n, m) - 1, max(n, m)
    return 0, n + m - 1


def _samples(values: ArrayLike, name: str) -> NDArray[Any]:
    array = np.ma.asarray(values) if np.ma.isMaskedArray(values) else np.asarray(values)
    if isinstance(array, np.ma.MaskedArray):
        raise UsageError(f"`{name}` is masked; fill what is missing first")
    if array.ndim not in (1, 2) or array.size == 0:
        raise UsageError(
            f"`{name}` must have shape (samples,) or (samples, channels), none of them 0; "
            f"got {array.shape}"
        )
    if array.dtype == object and all(isinstance(value, int) for value in array.flat):
        return array
    if array.dtype.kind not in "buif":
        raise UsageError(f"`{name}` must hold real numbers; got {array.dtype.name}")
    return array


def _in_common(first: NDArray[Any], second: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], str]:
    """Return both in the type that they are summed in, and its kind."""
    if (first.ndim, second.ndim) == (2, 2) and first.shape[1] != second.shape[1]:
        raise UsageError(
            f"signals of {first.shape[1]} and {second.shape[1]} channels don't go together; "
            f"expected as many, or one of them with one"
        )
    if "f" in (first.dtype.kind, second.dtype.kind):
        return first.astype(np.float64), second.astype(np.float64), "f"
    most = min(len(first), len(second)) * _largest(first) * _largest(second)
    if most < 2**63:
        return first.astype(np.int64), second.astype(np.int64), "i"
    products = len(first) * len(second)
    if products > _MOST_PRODUCTS:
        raise UsageError(
            f"these integers give sums of more than 64 bits, and {products:,} products of such "
            f"are too many (at most {_MOST_PRODUCTS:,}); write them as floats, such as 1.0"
        )
    return first.astype(object), second.astype(object), "O"


def _largest(values: NDArray[Any]) -> int:
    """The largest size of some integers."""
    return max(abs(int(values.min())), abs(int(values.max())))


def _channel(signal: NDArray[Any], number: int) -> NDArray[Any]:
    if signal.ndim == 1:
        return signal
    return signal[:, number if signal.shape[1] > 1 else 0]


def _plan(first: NDArray[Any], second: NDArray[Any], kind: str, method: str) -> SignalPlan:
    """Choose a method, or check the one that was chosen."""
    short, long = sorted((len(first), len(second)))
    direct = _PRODUCT[kind] * short * long
    size = _transform_size(short, long)
    fft = _transforms(size, short, long)
    refused = _never_fft(first, second, kind, size)
    if method == "fft" and refused:
        raise UsageError(f"`method` fft can't be had: {refused}; leave `method` out")
    if method != "auto":
        return SignalPlan(method, "as asked for")
    if refused or direct <= fft:
        times = f"fft would take {fft / direct:.3g} times as long"
        return SignalPlan("direct", refused or f"{short} products for each of {long}; {times}")
    return SignalPlan(
        "fft",
        f"transforms of {size} samples; direct would take {direct / fft:.3g} times as long",
    )


def _never_fft(first: NDArray[Any], second: NDArray[Any], kind: str, size: int) -> str:
    """Say why transforms would be wrong; '' if they aren't."""
    if kind == "O":
        return "the sums have more than 64 bits"
    if kind == "f":
        finite = np.isfinite(first).all() and np.isfinite(second).all()
        return "" if finite else "a sample that is infinite or no number would spread to all"
    norms = float(_largest(first)) * float(_largest(second)) * min(len(first), len(second))
    worst = (
        _ROUNDINGS
        * log2(2 * size)
        * np.finfo(np.float64).eps
        * norms
        * np.sqrt(size / min(len(first), len(second)))
    )
    return "" if worst < 0.25 else "sums of transforms would not be exact"


def _transform_size(short: int, long: int) -> int:
    """Return the size of transforms that is the cheapest: a power of two."""
    least = short.bit_length()
    whole = (short + long - 2).bit_length()
    largest = max(least, min(whole, _LARGEST))
    sizes = (2**power for power in range(least, largest + 1))
    return int(min(sizes, key=lambda size: _transforms(size, short, long)))


def _transforms(size: int, short: int, long: int) -> float:
    """Return about how many nanoseconds transforms of a size take for all blocks."""
    blocks = -(-long // (size - short + 1))
    return (blocks + 1) * (_CALL + _SAMPLE * size * log2(size))


def _convolved(first: NDArray[Any], second: NDArray[Any], method: str) -> NDArray[Any]:
    """Return all sums of two signals of one type."""
    if len(first) < len(second):
        first, second = second, first
    if method == "direct":
        out: NDArray[Any] = np.convolve(first, second)
        return out
    size = _transform_size(len(second), len(first))
    factor = np.fft.rfft(second.astype(np.float64), size)
    sums = np.zeros(len(first) + len(second) - 1)
    for start, stop in _blocks(len(first), size - len(second) + 1):
        part = np.fft.irfft(np.fft.rfft(first[start:stop], size) * factor, size)
        end = min(stop + len(second) - 1, len(sums))
        sums[start:end] += part[: end - start]
    return sums if first.dtype.kind == "f" else np.rint(sums).astype(np.int64)


def _blocks(length: int, step: int) -> Iterator[tuple[int, int]]:
    for start in range(0, length, step):
        yield start, min(start + step, length)
