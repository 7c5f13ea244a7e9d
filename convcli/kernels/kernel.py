"""A kernel: a small matrix of weights, and what can be said of it without an image."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from math import gcd, inf, isfinite
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from convcli.errors import KernelError
from convcli.kernels.exact import exact_rank, over_whole, written
from convcli.kernels.given import real_weights
from convcli.record import field, record, replace

#: Weights and divisors up to here are exact in float64.
_EXACT_LIMIT = 2**53
#: Σ|weights| up to here, times samples, fits single precision, which holds 3e38.
_MOST = 1e36
#: A sum this small beside Σ|w| is zero but for rounding.
_ZERO = 1e-6


class Kind(StrEnum):
    """What a kernel does to an image, told from the sum of its weights and their signs."""

    SMOOTHING = "smoothing"
    SHARPENING = "sharpening"
    ZERO_SUM = "zero-sum"
    MIXED = "mixed"  # of several kernels, not all alike


class Symmetry(StrEnum):
    """How a kernel looks after a turn of 180°, which is what convolution does to it."""

    EVEN = "even"
    ODD = "odd"
    NONE = "none"


@record(eq=False)
class Kernel:
    """A 2-D kernel in correlation form: response = Σ weights·samples / divisor + offset.

    Parameters
    ----------
    name
        What it is called.
    weights
        (rows, cols) numbers as they were written. Whole ones are int64, others float64; read-only.
    divisor
        What the sum is divided by; not 0.
    offset
        What is added afterwards, in levels of an 8-bit image.
    family, effect, source, note
        Its group, what it does in one line, where its values come from, and what else to know.
    aliases
        Other names.
    mapping
        How its response becomes a pixel if the user doesn't say; None to tell from its kind.
    denominator
        What the weights are whole numbers over, so that their sums are exact, as those of
        decimals that were typed are; None for weights that are taken as they are.
    threshold
        How much less the response, before the offset, differs from the sample under the anchor,
        in levels of an 8-bit image (`pipeline.soft`); 0 for a kernel that is linear.
    doubts
        What is to be said of how it was written.

    Raises
    ------
    KernelError
        If the weights aren't a matrix of finite numbers, or not whole over the denominator, the
        divisor is 0, or they are so great that no image could be filtered.
    """

    name: str
    weights: NDArray[Any]
    divisor: float = 1
    offset: float = 0
    family: str = field(default="own", kw_only=True)
    effect: str = field(default="", kw_only=True)
    source: str = field(default="", kw_only=True)
    note: str = field(default="", kw_only=True)
    aliases: tuple[str, ...] = field(default=(), kw_only=True)
    mapping: str | None = field(default=None, kw_only=True)
    denominator: float | None = field(default=None, kw_only=True)
    threshold: float = field(default=0, kw_only=True)
    doubts: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", _matrix(self.name, self.weights))
        for label in ("divisor", "offset", "threshold"):
            object.__setattr__(self, label, _number(self.name, label, getattr(self, label)))
        if self.divisor == 0:
            raise KernelError(f"kernel {self.name[:64]!r} has divisor 0; expected any other number")
        self._check_size()
        if self.denominator is not None:
            self._check_denominator(self.denominator)

    def _check_denominator(self, denominator: float) -> None:
        """Refuse a denominator over which the weights aren't whole."""
        given = _number(self.name, "denominator", denominator)
        object.__setattr__(self, "denominator", given)
        if given == 1 and self.weights.dtype.kind == "i":
            return
        over = self.weights * np.float64(given)
        if given <= 0 or not np.allclose(over, np.rint(over), rtol=2**-50, atol=0):
            raise KernelError(
                f"kernel {self.name[:64]!r}: the weights are no whole numbers over {given:g}; "
                f"expected their common denominator, or none"
            )

    def _check_size(self) -> None:
        """Refuse weights that an image can't be filtered with."""
        with np.errstate(over="ignore"):
            total = float(np.abs(self.weights).sum(dtype=np.float64))
        if total > _MOST:
            raise KernelError(
                f"kernel {self.name[:64]!r}: the weights, without their signs, add up to "
                f"{total:g}; expected at most {_MOST:g}"
            )
        if max(total, 1) > _MOST * abs(self.divisor):
            raise KernelError(
                f"kernel {self.name[:64]!r}: divisor {self.divisor:g} is too near to 0 for its "
                f"weights; expected a response of at most {_MOST:g}"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of the weights."""
        rows, cols = self.weights.shape
        return rows, cols

    @property
    def parts(self) -> tuple[Kernel, ...]:
        """The kernels to run: itself."""
        return (self,)

    @cached_property
    def summed(self) -> Kernel:
        """The same kernel as the engine sums it: whole weights over one divisor if there can be."""
        if self.denominator is None:
            return self
        factor, divisor = over_whole(self.denominator, self.divisor)
        if self.denominator == factor == 1:
            return self
        whole = np.rint(self.weights * np.float64(self.denominator))
        return replace(self, weights=whole * factor, divisor=divisor, denominator=None)

    @cached_property
    def multiple(self) -> Fraction:
        """What the weights are multiplied by where they are summed."""
        if self.denominator is None:
            return Fraction(1)
        return over_whole(self.denominator, self.divisor)[0] * written(self.denominator)

    @cached_property
    def fractions(self) -> list[list[Fraction]]:
        """The weights as they were written: 1/9, which no float is."""
        held = self.summed.weights.tolist()
        return [[Fraction(weight) / self.multiple for weight in row] for row in held]

    @property
    def is_integer(self) -> bool:
        """Whether weights, divisor and offset·divisor are summed as whole numbers: exactly."""
        held = self.summed
        return (
            held.weights.dtype.kind == "i"
            and isinstance(held.divisor, int)
            and float(held.offset * held.divisor).is_integer()
        )

    @cached_property
    def scaled(self) -> NDArray[np.float64]:
        """The weights divided by the divisor, as float64."""
        return np.asarray(self.summed.weights / self.summed.divisor, dtype=np.float64)

    @cached_property
    def sum(self) -> float:
        """Σ weights / divisor: what a flat image is multiplied by."""
        total = float(self.scaled.sum())
        if self.summed.weights.dtype.kind == "i":
            return int(self.summed.weights.sum()) / self.summed.divisor
        if abs(total) <= _ZERO * float(np.abs(self.scaled).sum()):
            return 0.0
        return 1.0 if abs(total - 1) <= _ZERO else total

    @cached_property
    def kind(self) -> Kind:
        """Zero-sum if the sum is 0; smoothing if no frequency grows; else sharpening."""
        if self.sum == 0:
            return Kind.ZERO_SUM
        most = abs(self.sum) * (1 + 1e-9)
        # What most kernels' weights tell already needn't wait for numpy.fft to be imported.
        if np.abs(self.scaled).sum() <= most:
            return Kind.SMOOTHING
        if self._fastest() > most:
            return Kind.SHARPENING
        size = [max(64, 2 * taps) for taps in self.shape]
        response = np.abs(np.fft.rfft2(self.scaled, s=size))
        return Kind.SHARPENING if response.max() > most else Kind.SMOOTHING

    def _fastest(self) -> float:
        """Return the greatest response to samples that alternate along rows, columns, or both."""
        down, along = ((-1) ** np.arange(taps) for taps in self.shape)
        rows = down[:, None] * self.scaled
        changes = (rows, self.scaled * along, rows * along)
        return max(abs(float(each.sum())) for each in changes)

    @property
    def default_mapping(self) -> str:
        """`mapping` if set, else `abs` for a zero-sum kernel without offset, else `clip`."""
        signed = self.kind is Kind.ZERO_SUM and self.offset == 0
        return self.mapping or ("abs" if signed else "clip")

    @cached_property
    def gain(self) -> tuple[float, float]:
        """Response to a ramp that grows by 1 a pixel along +x, and along +y, offset left out."""
        y, x = (np.arange(taps) - taps // 2 for taps in self.shape)
        return float((self.scaled * x).sum()), float((self.scaled * y[:, None]).sum())

    @cached_property
    def symmetry(self) -> Symmetry:
        """Even: a flip changes nothing; odd: a flip changes the sign only."""
        flipped = self.weights[::-1, ::-1]
        if np.array_equal(flipped, self.weights):
            return Symmetry.EVEN
        return Symmetry.ODD if np.array_equal(flipped, -self.weights) else Symmetry.NONE

    @cached_property
    def rank(self) -> int:
        """How many column × row products the weights are a sum of."""
        if self.summed.weights.dtype.kind == "i":
            return exact_rank(self.summed.weights)
        return int(np.linalg.matrix_rank(self.weights, tol=self._tolerance))

    @cached_property
    def factors(self) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """(column, row) whose outer product is the weights, whole numbers if those are; or None."""
        if self.weights.dtype.kind == "f" and self.summed is not self:
            held = self.summed.factors
            return held and (held[0], held[1] / float(self.multiple))
        i, j = np.unravel_index(np.argmax(np.abs(self.weights)), self.shape)
        column, row, pivot = self.weights[:, j], self.weights[i, :], self.weights[i, j]
        if pivot == 0:
            return None
        if self.weights.dtype.kind == "i":
            # Python's own whole numbers: products of weights may not fit 64 bits.
            exact = self.weights.astype(object)
            if not (np.outer(column.astype(object), row) == exact * int(pivot)).all():
                return None
            row = row // gcd(*(int(w) for w in row))
            return column // row[j], row
        column = column / pivot
        if np.abs(np.outer(column, row) - self.weights).max() > self._tolerance:
            return None
        return column, row.copy()

    @property
    def _tolerance(self) -> float:
        return float(np.abs(self.weights).max()) * 1e-9


class Combine(StrEnum):
    """How the responses r of several kernels become one."""

    MAGNITUDE = "magnitude"  # √(r₁² + r₂² + …)
    DIRECTION = "direction"  # the angle of (r₁, r₂) = (x, y), in degrees from 0 up to 360
    MAX = "max"
    MAX_ABS = "max-abs"
    SUM_ABS = "sum-abs"
    SHARE = "share"  # √(Σ of the first `share` squares / Σ of all squares), from 0 to 1


@record(eq=False)
class Compound:
    """Kernels of one size, and how their responses combine; like `sobel`, a gradient magnitude.

    Parameters
    ----------
    name
        What it is called.
    parts
        The kernels, all of one shape.
    combine
        How their responses become one.
    share
        For `Combine.SHARE`: how many kernels, from the first on, count as the share.
    divisor
        What the combined response is divided by.
    full_scale
        The response that is shown as the largest pixel value, for responses that aren't in
        pixel units (360 for an angle, 1 for a share); None for those that are.
    family, effect, source, note, aliases, mapping
        As for a `Kernel`.

    Raises
    ------
    KernelError
        If there are no parts, or their shapes differ, or a direction has not two.
    """

    name: str
    parts: tuple[Kernel, ...]
    combine: Combine
    share: int = field(default=0, kw_only=True)
    divisor: float = field(default=1, kw_only=True)
    full_scale: float | None = field(default=None, kw_only=True)
    family: str = field(default="own", kw_only=True)
    effect: str = field(default="", kw_only=True)
    source: str = field(default="", kw_only=True)
    note: str = field(default="", kw_only=True)
    aliases: tuple[str, ...] = field(default=(), kw_only=True)
    mapping: str = field(default="clip", kw_only=True)

    def __post_init__(self) -> None:
        shapes = {part.shape for part in self.parts}
        if len(shapes) != 1:
            raise KernelError(
                f"compound {self.name[:64]!r} needs kernels of one size, got {sorted(shapes)}"
            )
        if self.combine is Combine.DIRECTION and len(self.parts) != 2:
            raise KernelError(
                f"compound {self.name[:64]!r}: direction needs 2 parts, along x and along y, got "
                f"{len(self.parts)}"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols) of every part."""
        return self.parts[0].shape

    @property
    def kind(self) -> Kind:
        """The kind of its parts, or of those that are the share."""
        kinds = {part.kind for part in self.parts[: self.share or None]}
        return kinds.pop() if len(kinds) == 1 else Kind.MIXED

    @property
    def default_mapping(self) -> str:
        """How its response becomes a pixel if the user doesn't say."""
        return self.mapping


AnyKernel: TypeAlias = Kernel | Compound


def _matrix(name: str, weights: ArrayLike) -> NDArray[Any]:
    """Check weights; whole numbers become int64, others float64; a read-only copy.

    Masked ones aren't there: they count as 0.
    """
    weights = real_weights(f"kernel {name[:64]!r}", weights)
    try:
        if isinstance(weights, np.ndarray) and weights.dtype.kind not in "biuf":
            raise TypeError
        with np.errstate(over="ignore"):
            matrix = np.array(weights, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise KernelError(
            f"kernel {name[:64]!r} is not a matrix of numbers with rows of one length"
        ) from None
    if matrix.ndim != 2 or matrix.size == 0:
        raise KernelError(
            f"kernel {name[:64]!r} must be a matrix of at least one weight, "
            f"got an array of shape {matrix.shape}"
        )
    if not np.isfinite(matrix).all():
        raise KernelError(f"kernel {name[:64]!r} has a weight that is not a finite number")
    whole = np.all(matrix == np.rint(matrix)) and np.abs(matrix).max() < _EXACT_LIMIT
    whole = whole and np.abs(matrix).sum() < _EXACT_LIMIT
    matrix = matrix.astype(np.int64) if whole else matrix
    matrix.flags.writeable = False
    return matrix


def _number(name: str, label: str, value: float) -> float:
    """Check a divisor or offset; a whole one becomes an int."""
    try:
        value = float(value)
    except OverflowError:
        value = inf
    except (TypeError, ValueError):
        raise KernelError(f"kernel {name[:64]!r}: {label} is not a number") from None
    if not isfinite(value) or (label == "threshold" and value < 0):
        raise KernelError(f"kernel {name[:64]!r}: {label} must be a finite number, got {value}")
    return int(value) if value.is_integer() and abs(value) < _EXACT_LIMIT else value
