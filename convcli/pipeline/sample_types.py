"""Types of samples: which they are filtered as, and how they become those of a result again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from convcli.engine import Plan
from convcli.errors import UsageError
from convcli.image.header import VALUES
from convcli.image.image import Image, Meta
from convcli.kernels.kernel import AnyKernel, Kernel
from convcli.pipeline.responses import Target
from convcli.record import replace
from convcli.spec import Depth, Mapping, Precision, Rounding, Spec

#: Sums of whole numbers below this are exact in float32.
_EXACT = 2.0**24
#: JUSTIFICATION: sums that were rounded on the way may lie this far below a half that they are:
#: running sums and transforms of float64. Exact ones are nearer to a half only with divisors
#: beyond 2^29.
_NEARLY = 2.0**-30


def check_kind(image: Image, spec: Spec, mapping: Mapping) -> None:
    """Refuse what has no meaning for samples of an image's type.

    Parameters
    ----------
    image, spec
        What is to be filtered, and how.
    mapping
        The one that will be used.

    Raises
    ------
    UsageError
        If something needs a full scale, and values have none; or more than gray is to become 1 bit.
    """
    if spec.depth is Depth.ONE:
        _check_one_bit(image, spec, mapping)
    if not image.has_values:
        return
    name = image.dtype.name
    for option in ("linear", "luma"):
        if getattr(spec, option):
            raise UsageError(
                f"`{option}` needs samples with a full scale, and {name} samples are values; leave "
                f"it out, or make levels of them first, with `mapping` normalize `depth` 16"
            )
    if mapping is Mapping.HUE:
        raise UsageError(f"`mapping` hue makes colours, and {name} samples are values; use another")
    if spec.gray and image.channels == "CMYK":
        raise UsageError(f"`gray` of CMYK needs to know full ink, and {name} samples are values")


def _check_one_bit(image: Image, spec: Spec, mapping: Mapping) -> None:
    if image.has_alpha and spec.alpha != "drop":
        raise UsageError("`depth` 1 holds no alpha; use `alpha` drop")
    if len(image.channels.removesuffix("A")) > 1 and not spec.gray:
        raise UsageError("`depth` 1 is black and white, and the image has colour; use `gray`")
    if image.has_values and mapping is not Mapping.NORMALIZE:
        raise UsageError(
            f"`depth` 1 is white from half of a full sample on, and {image.dtype.name} samples are "
            f"values without one; use `mapping` normalize"
        )


def working_type(image: Image, kernels: Sequence[AnyKernel], spec: Spec) -> np.dtype[Any]:
    """Return the type that an image's samples are filtered as, a few rows at a time."""
    if image.dtype == np.bool_:
        return np.dtype(np.uint8)
    if image.dtype == np.float16:
        return np.dtype(np.float32)
    if not image.has_values:
        return image.dtype
    narrow = image.dtype.itemsize <= 2 and not image.has_alpha
    top = image.maximum + 1
    if not narrow or spec.precision is Precision.DOUBLE or spec.scale != 1:
        return np.dtype(np.float64)
    return np.dtype(np.float32 if all(_is_short(each, top) for each in kernels) else np.float64)


def _is_short(kernel: AnyKernel, top: float) -> bool:
    """Whether float32 is enough for a kernel's responses to round right.

    Sums have to be exact. A quotient by d lies at least 1/2d from a half, or is one; those of
    powers of two are exact.
    """
    if not isinstance(kernel, Kernel):
        return False
    held, divisor = kernel.summed, kernel.summed.divisor
    if float(np.abs(held.weights).sum()) * top >= _EXACT:
        return False
    if held.weights.dtype.kind != "i":
        return True
    whole = float(divisor).is_integer() and float(held.offset).is_integer()
    size = abs(int(divisor))
    return whole and (size & (size - 1) == 0 or size * top < _EXACT / 2)


def stored_type(image: Image, ready: Image, spec: Spec, mapping: Mapping) -> np.dtype[Any]:
    """Return the type of a result's samples."""
    if mapping is not Mapping.RAW:
        if spec.depth is Depth.ONE:
            return np.dtype(np.bool_)
        if spec.depth is Depth.SAME and image.dtype != np.bool_:
            return image.dtype
    return _made_type(ready, spec, mapping)


def _made_type(image: Image, spec: Spec, mapping: Mapping) -> np.dtype[Any]:
    """Return the sample type that depth and mapping ask for, of those that the engine makes."""
    double = spec.precision is Precision.DOUBLE or image.dtype == np.float64
    real = np.dtype(np.float64 if double else np.float32)
    if mapping is Mapping.RAW:
        return real
    if spec.depth is Depth.SAME:
        return image.dtype
    if spec.depth is Depth.ONE:
        narrow = image.dtype == np.uint8 and image.meta.peak is None
        return np.dtype(np.uint8 if narrow else np.uint16)
    whole = {Depth.EIGHT: np.uint8, Depth.SIXTEEN: np.uint16}
    return np.dtype(whole[spec.depth]) if spec.depth in whole else real


def target_of(image: Image, ready: Image, spec: Spec, mapping: Mapping) -> Target:
    """Return what the engine makes of an image.

    Parameters
    ----------
    image, ready
        As it is, and as the engine takes it.
    spec, mapping
        How it is filtered.
    """
    dtype = _made_type(ready, spec, mapping)
    same = spec.depth is Depth.SAME and mapping is not Mapping.HUE
    if not image.has_values:
        top = float(image.meta.peak or 0) if same else 0.0
        return Target(dtype, mapping, ready.maximum, top=top, same=bool(top))
    ends = np.iinfo(image.dtype)
    target = Target(
        dtype if not same or mapping is Mapping.RAW else ready.dtype,
        mapping,
        ready.maximum,
        in_levels=False,
        samples=(float(ends.min), float(ends.max)),
        same=True,
    )
    if spec.depth not in (Depth.SAME, Depth.FLOAT):
        return target
    return replace(target, top=float(ends.max), least=float(ends.min))


def described_by(meta: Meta, source: np.dtype[Any], stored: np.dtype[Any], target: Target) -> Meta:
    """Return an image's metadata as they are true of its result's samples.

    Parameters
    ----------
    meta, source
        The image's, and the type of its samples.
    stored, target
        The type of the result's samples, and what they are.
    """
    own = meta.peak is None or (stored.kind == "u" and target.top == meta.peak)
    # Levels were turned about when they were read, values and floats weren't.
    turned = [dtype.kind == "f" or dtype.name in VALUES for dtype in (source, stored)]
    alike = not meta.white_is_zero or turned[0] == turned[1]
    if own and alike:
        return meta
    return replace(
        meta, peak=meta.peak if own else None, white_is_zero=meta.white_is_zero and alike
    )


def plans_told(image: Image, plans: tuple[Plan, ...]) -> tuple[Plan, ...]:
    """Return plans whose reasons speak of an image's samples, not of the floats made of them."""
    if not image.has_values:
        return plans
    floats, values = "samples are not whole numbers", f"{image.dtype.name} samples are values"
    return tuple(replace(plan, reason=plan.reason.replace(floats, values)) for plan in plans)


class Settling:
    """Makes of results of the types that the engine makes samples of another type.

    Parameters
    ----------
    dtype
        int8, int16, …: of floats, rounded once now; float16; or bool, white from half of a full
        sample on.
    target, rounding
        What the results are, and how they are rounded.
    """

    def __init__(self, dtype: np.dtype[Any], target: Target, rounding: Rounding) -> None:
        self._type, self._target, self._rounding = dtype, target, rounding
        self._clipped: dict[int, int] = {}

    @property
    def clipped(self) -> int:
        """Samples of the rows that were made and did not fit."""
        return sum(self._clipped.values())

    def __call__(self, rows: NDArray[Any], start: int) -> NDArray[Any]:
        """Return the samples of some rows; `start` is the first of them, or -1 for none."""
        dtype = self._type
        if dtype == np.bool_:
            white: NDArray[Any] = rows > np.iinfo(rows.dtype).max // 2
            return white
        # Floats may hold anything.
        with np.errstate(over="ignore", invalid="ignore"):
            if dtype.kind == "f":
                return rows.astype(dtype)
            whole = self._rounded(rows)
        ends = np.iinfo(dtype)
        low, high = float(ends.min), float(ends.max)
        if start >= 0:
            self._clipped[start] = int(
                np.count_nonzero(whole < low) + np.count_nonzero(whole > high)
            )
        return saturated(whole, dtype)

    def _rounded(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return whole numbers."""
        middle = (
            self._target.scale.middle(rows.dtype) if self._target.mapping is Mapping.OFFSET else 0
        )
        return rounded(rows - middle if middle else rows, self._rounding) + middle


def rounded(values: NDArray[Any], rounding: Rounding = Rounding.AWAY) -> NDArray[Any]:
    """Return floats rounded to whole numbers."""
    if rounding is Rounding.EVEN:
        even: NDArray[Any] = np.rint(values)
        return even
    sizes = np.abs(values)
    floors = np.floor(sizes)
    sizes -= floors
    floors += sizes >= (1 if rounding is Rounding.TRUNCATE else 0.5) - _NEARLY
    whole: NDArray[Any] = np.copysign(floors, values, out=floors)
    return whole


def saturated(whole: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return whole floats as a whole type: the nearest of its numbers; what is none is 0."""
    ends = np.iinfo(dtype)
    low, high = float(ends.min), float(ends.max)
    fits = np.nan_to_num(np.clip(whole, low, high), copy=False)
    if float(ends.max) == ends.max:
        result: NDArray[Any] = fits.astype(dtype)
        return result
    # The greatest whole numbers of 64 bits are none of float64.
    result = np.minimum(fits, np.nextafter(high, 0)).astype(dtype)
    result[fits >= high] = ends.max
    return result


def values_type(
    source: np.dtype[Any], mapping: str | Mapping, dtype: DTypeLike | None
) -> np.dtype[Any] | None:
    """Return the type of a result that is made of floats, of int8, int16, …; None for others.

    Parameters
    ----------
    source
        The array's.
    mapping, dtype
        As `correlate` takes them.
    """
    if dtype is None and (source.name not in VALUES or mapping == Mapping.RAW):
        return None
    try:
        chosen = source if dtype is None else np.dtype(dtype)
    except TypeError:
        # It is refused elsewhere.
        return None
    return chosen.newbyteorder("=") if chosen.name in VALUES else None


def as_values(result: NDArray[Any], dtype: np.dtype[Any] | None) -> NDArray[Any]:
    """Return floats as a whole type, rounded and saturated; as they are without one."""
    return result if dtype is None else saturated(rounded(result), dtype)
