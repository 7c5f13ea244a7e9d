"""Tone curves: sRGB's, and those of ICC profiles (ICC.1:2022, sections 10.6 and 10.18)."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.record import record, replace

Floats: TypeAlias = NDArray[np.floating[Any]]

#: Where the parameters g, a, b, c, d, e, f of each `para` type come from (table 68).
_ORDERS = ("g", "gab", "gabc", "gabcd", "gabcdef")
_MOST_TAGS = 1000
#: The tags of gray's curve, and of red's, green's and blue's.
_CURVES = (b"kTRC", b"rTRC", b"gTRC", b"bTRC")
#: Points of a curve: one for each 16-bit value.
_MOST_POINTS = 2**16


@record
class Parametric:
    """y = (a·x + b)^g + e from x = d on, and c·x + f below.

    sRGB's curve (IEC 61966-2-1) is one of them.
    """

    g: float = 1.0
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    e: float = 0.0
    f: float = 0.0

    def forward(self, x: Floats) -> Floats:
        """Linear light of stored samples x ≥ 0."""
        power = np.maximum(self.a * x + self.b, 0) ** self.g + self.e
        return np.where(x >= self.d, power, self.c * x + self.f).astype(x.dtype, copy=False)

    def inverse(self, y: Floats) -> Floats:
        """Stored samples for linear light y ≥ 0."""
        power = (np.maximum(y - self.e, 0) ** (1 / self.g) - self.b) / self.a
        line = (y - self.f) / self.c if self.c > 0 else np.zeros_like(y)
        knee = max(self.a * self.d + self.b, 0) ** self.g + self.e
        return np.where(y >= knee, power, line).astype(y.dtype, copy=False)


@record(eq=False)
class Table:
    """A curve through evenly spaced points; beyond the last it goes on as before it."""

    values: NDArray[np.float64]

    def forward(self, x: Floats) -> Floats:
        """Linear light of stored samples x ≥ 0."""
        places = np.linspace(0, 1, len(self.values))
        return self._along(x, places, self.values)

    def inverse(self, y: Floats) -> Floats:
        """Stored samples for linear light y ≥ 0."""
        places = np.linspace(0, 1, len(self.values))
        return self._along(y, self.values, places)

    @staticmethod
    def _along(x: Floats, of: NDArray[np.float64], to: NDArray[np.float64]) -> Floats:
        y: Floats = np.interp(x, of, to)
        run = of[-1] - of[-2]
        slope = (to[-1] - to[-2]) / run if run > 0 else 0.0
        y = y + slope * np.maximum(x - of[-1], 0)
        return y.astype(x.dtype, copy=False)


class Formula(Protocol):
    """A curve of another form."""

    def forward(self, x: Floats) -> Floats:
        """Linear light of stored samples x ≥ 0."""

    def inverse(self, y: Floats) -> Floats:
        """Stored samples for linear light y ≥ 0."""

    def __hash__(self) -> int:
        """What was worked out for a curve is looked up by it."""


Curve: TypeAlias = Parametric | Table | Formula

SRGB = Parametric(g=2.4, a=1 / 1.055, b=0.055 / 1.055, c=1 / 12.92, d=0.04045)


@lru_cache(maxsize=16)
def curves_of(icc: bytes | None) -> tuple[Curve, ...]:
    """Return the curves of a profile: one for gray, three for colour; sRGB's without a profile.

    Raises
    ------
    ImageError
        If the profile has no curves, or they make no sense.
    """
    if icc is None:
        return (SRGB,)
    try:
        tags = _tags(icc)
        names = [b"kTRC"] if b"kTRC" in tags else list(_CURVES[1:])
        if any(name not in tags for name in names):
            raise ImageError(
                "linear light needs a tone curve and the image's ICC profile has none "
                f"(its space is {icc[16:20].decode('latin-1').strip()}); leave `linear` out, "
                "or convert the image to sRGB first"
            )
        contents = [tags[name] for name in names]
        if len(set(contents)) == 1:
            return (parse_curve(contents[0]),)
        return tuple(parse_curve(content) for content in contents)
    except (struct.error, ValueError, IndexError) as error:
        raise ImageError(f"the image's ICC profile is damaged: {error}") from error


def parse_curve(content: bytes) -> Curve:
    """Return the curve of a `curv` or `para` element.

    Raises
    ------
    ImageError
        If it is of another kind, or doesn't grow.
    """
    kind = content[:4]
    if kind == b"curv":
        return _check(_sampled(content))
    if kind == b"para":
        (number,) = struct.unpack_from(">H", content, 8)
        if number < len(_ORDERS):
            order = _ORDERS[number]
            values = struct.unpack_from(f">{len(order)}i", content, 12)
            return _check(_parametric(number, dict(zip(order, values, strict=True))))
    raise ImageError(f"the image's ICC profile has a tone curve of unknown kind {kind!r}")


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    tags = {}
    for k in range(min(count, _MOST_TAGS)):
        name, start, size = struct.unpack_from(">4sII", icc, 132 + 12 * k)
        if name in _CURVES:
            tags[name] = icc[start : start + size]
    return tags


def _sampled(content: bytes) -> Curve:
    (count,) = struct.unpack_from(">I", content, 8)
    if count == 0:
        return Parametric()
    if count == 1:
        return Parametric(g=struct.unpack_from(">H", content, 12)[0] / 256)
    if count > _MOST_POINTS:
        raise ImageError(f"the image's ICC profile has a tone curve of {count} points")
    if len(content) < 12 + 2 * count:
        raise ImageError("the image's ICC profile is damaged: a tone curve is cut short")
    values = np.frombuffer(content, dtype=">u2", count=count, offset=12) / 65535
    return Table(np.maximum.accumulate(values))


def _parametric(number: int, fixed: dict[str, int]) -> Parametric:
    """Return types 0 to 4 as one: with thresholds, and constants where they have them."""
    p = {name: value / 65536 for name, value in fixed.items()}
    if number in (1, 2):
        p["d"] = -p["b"] / p["a"] if p["a"] else 0.0
        # Below the threshold both are flat: at 0, or at c, which is added above it, too.
        p["e"] = p["f"] = p.pop("c", 0.0)
    return Parametric(**p)


def _check(curve: Curve) -> Curve:
    """Refuse a curve that doesn't lead from dark to light."""
    if isinstance(curve, Parametric) and (curve.g <= 0 or curve.a <= 0):
        raise ImageError("the image's ICC profile has a tone curve that doesn't grow")
    ends = curve.forward(np.array([0.0, 1.0]))
    if not np.isfinite(ends).all() or ends[1] <= ends[0]:
        raise ImageError("the image's ICC profile has a tone curve that doesn't grow")
    return joined(curve) if isinstance(curve, Parametric) else curve


def joined(curve: Parametric) -> Parametric:
    """Return the curve without a step back where the straight part ends.

    Rounded constants make one in profiles of Rec. 709: the power begins 0.3 % below the end of
    the line, and eight 16-bit values would share their light with eight others. The line then
    goes on to where both meet, if that is near.
    """
    places = curve.d + np.linspace(0, 0.02, 20001)
    power = (curve.a * places + curve.b).clip(0) ** curve.g + curve.e
    gap = power - (curve.c * places + curve.f)
    if curve.d <= 0 or gap[0] >= 0 or gap[-1] <= 0:
        return curve
    return replace(curve, d=float(places[int(np.argmax(gap >= 0))]))
