"""A bank: K filters over the same channels, each of which gives one map."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convcli.errors import KernelError, UsageError
from convcli.geometry import PADDING_WORDS, Padding, Pair, pair, whole
from convcli.kernels.exact import MAX_TAPS
from convcli.kernels.given import real_weights
from convcli.kernels.kernel import AnyKernel, Kernel
from convcli.kernels.linear import check_linear
from convcli.record import field, record, replace

#: Weights of a bank: as float64 they take half a gigabyte.
MAX_WEIGHTS = 2**26
#: Σ|weights| of a filter up to here, times samples, fits single precision.
_MOST = 1e36
#: What a kernel's offset counts in: levels of an 8-bit image.
_LEVELS = 255


@record(eq=False)
class Bank:
    """A bank of filters: response k = Σ weights[k]·samples + bias[k].

    Parameters
    ----------
    name
        What it is called.
    weights
        (K, C, rows, cols) as PyTorch has them; (C, rows, cols) for one filter; (rows, cols) for
        one filter over one channel.
    bias
        One number for each filter, in samples of 0 to 1; None for none.
    groups
        Groups of channels that are filtered apart: C is the number of channels of a group.
    maps
        What the filters are called; empty if they have numbers only.
    stride, padding, dilation
        Where the filters are laid, as `plan_geometry` takes them; None for what the spec says.
    doubts
        What is to be said of how its kernels were written: each a note.

    Raises
    ------
    KernelError
        If these don't fit together, or a weight isn't finite.

    Examples
    --------
    >>> Bank("edges", [[[-1, 1]], [[1, -1]]]).shape
    (1, 2, 1, 2)
    """

    name: str
    weights: NDArray[Any] = field(repr=False)
    bias: NDArray[Any] | None = field(default=None, repr=False)
    groups: int = 1
    maps: tuple[str, ...] = ()
    stride: int | Pair | None = None
    padding: Padding | None = None
    dilation: int | Pair | None = None
    doubts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        weights = self._weights()
        object.__setattr__(self, "weights", weights)
        count, groups = len(weights), whole(self.groups)
        object.__setattr__(self, "groups", groups)
        if not isinstance(groups, int) or groups < 1 or count % groups:
            raise self._wrong(
                f"{count} filters can't be divided into {groups} groups; expected a number that "
                f"divides {count}"
            )
        if self.bias is not None:
            object.__setattr__(self, "bias", self._bias(self.bias, count))
        if self.maps and len(self.maps) != count:
            raise self._wrong(f"{len(self.maps)} names for {count} filters; expected one for each")
        self._check_steps()

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(filters, channels of a group, rows, cols)."""
        count, depth, rows, cols = self.weights.shape
        return count, depth, rows, cols

    @property
    def channels(self) -> int:
        """How many channels it filters."""
        return self.shape[1] * self.groups

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.weights.size + (0 if self.bias is None else len(self.bias))

    def apart(self, channels: int) -> Bank:
        """Return the bank whose filters over one channel are laid over each of some channels.

        The maps of the first channel come first.
        """
        bias = None if self.bias is None else np.tile(self.bias, channels)
        return replace(
            self,
            weights=np.tile(self.weights, (channels, 1, 1, 1)),
            bias=bias,
            groups=channels,
            maps=(),
        )

    def _wrong(self, reason: str) -> KernelError:
        return KernelError(f"bank {self.name[:64]!r}: {reason}")

    def _weights(self) -> NDArray[Any]:
        """Return the weights as float32 or float64, (K, C, rows, cols), read-only."""
        try:
            given = np.asarray(real_weights(f"bank {self.name[:64]!r}", self.weights))
        except ValueError:
            raise self._wrong("the weights aren't all of one shape") from None
        if given.dtype.kind not in "buif":
            raise self._wrong(f"expected numbers as weights, got {given.dtype.name}")
        if not 2 <= given.ndim <= 4 or given.size == 0:
            raise self._wrong(
                f"expected weights of shape (K, C, F, F) or (C, F, F), got {given.shape}"
            )
        if max(given.shape[-2:]) > MAX_TAPS or given.size > MAX_WEIGHTS:
            raise self._wrong(
                f"weights of shape {given.shape} are too many; expected filters of at most "
                f"{MAX_TAPS} a side and {MAX_WEIGHTS:,} weights"
            )
        small = given.dtype in (np.float16, np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            weights = np.array(given, np.float32 if small else np.float64)
            weights = weights.reshape((1,) * (4 - given.ndim) + given.shape)
            total = np.abs(weights).sum(axis=(1, 2, 3), dtype=np.float64).max()
        if not total <= _MOST:
            number = "isn't a finite number" if not isfinite(total) else "is too great"
            raise self._wrong(f"a weight {number}; expected finite ones")
        weights.setflags(write=False)
        return weights

    def _bias(self, bias: ArrayLike, count: int) -> NDArray[np.float64]:
        try:
            values = np.asarray(real_weights("bias", bias), np.float64).reshape(-1)
        except (TypeError, ValueError):
            raise self._wrong("bias isn't made of numbers") from None
        if len(values) != count:
            raise self._wrong(f"{len(values)} biases for {count} filters; expected one for each")
        if not np.isfinite(values).all():
            raise self._wrong("a bias isn't a finite number; expected finite ones")
        return values

    def _check_steps(self) -> None:
        """Bring where filters are laid into the form that geometry takes."""
        try:
            for name in ("stride", "dilation", "padding"):
                value = whole(getattr(self, name))
                object.__setattr__(self, name, value)
                if value is not None and name != "padding" and min(pair(value)) < 1:
                    raise self._wrong(f"{name} must be at least 1, got {value}")
        except UsageError as error:
            raise error if isinstance(error, KernelError) else self._wrong(str(error)) from None
        padding = self.padding
        if isinstance(padding, str) and padding not in PADDING_WORDS:
            raise self._wrong(
                f"padding is {padding[:32]!r}; expected {', '.join(PADDING_WORDS)}, or numbers"
            )


def stacked(name: str, kernels: Sequence[AnyKernel]) -> Bank:
    """Return a bank of kernels, each a filter over one channel.

    Smaller ones are centred in the largest: their anchors, tap ⌊taps/2⌋, lie upon each other.

    Parameters
    ----------
    name
        What the bank is called.
    kernels
        At least one.

    Raises
    ------
    KernelError
        If one of them is a compound, which is no filter.

    Examples
    --------
    >>> bank = stacked("pair", [Kernel("one", [[1]]), Kernel("box", [[1, 1, 1]], 3)])
    >>> bank.weights[0].tolist(), bank.maps
    ([[[0.0, 1.0, 0.0]]], ('one', 'box'))
    """
    single: list[Kernel] = []
    for kernel in kernels:
        check_linear(kernel, "a bank")
        if not isinstance(kernel, Kernel):
            parts = ",".join(part.name for part in kernel.parts)
            raise KernelError(
                f"{kernel.name[:64]!r} combines several kernels, and isn't a filter; name its "
                f"parts: {parts[:200]}"
            )
        single.append(kernel)
    rows, cols = (max(kernel.shape[k] for kernel in single) for k in (0, 1))
    weights = np.zeros((len(single), 1, rows, cols))
    for plane, kernel in zip(weights[:, 0], single, strict=True):
        height, width = kernel.shape
        top, left = rows // 2 - height // 2, cols // 2 - width // 2
        plane[top : top + height, left : left + width] = kernel.scaled
    offsets = np.array([kernel.offset / _LEVELS for kernel in single])
    bias = offsets if offsets.any() else None
    doubts = dict.fromkeys(doubt for kernel in single for doubt in kernel.doubts)
    maps = _distinct([kernel.name for kernel in single])
    return Bank(name, weights, bias, maps=maps, doubts=tuple(doubts))


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of which no two are the same: the second `sobel-x` is `sobel-x-2`."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return tuple(found)
