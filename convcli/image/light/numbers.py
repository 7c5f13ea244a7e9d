"""Colours told by numbers (ITU-T H.273), their curves, and profiles that say the same.

PNG's cICP chunk, AVIF's and HEIF's `nclx` and JPEG XL's header tell colours so.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from convcli.errors import ImageError
from convcli.image import codecs
from convcli.image.light.curves import SRGB, Curve, Floats, Parametric, joined
from convcli.record import record

#: Primaries, curve, matrix, and whether samples have their full range.
Cicp: TypeAlias = tuple[int, int, int, int]
#: (x, y) of red, green, blue and white.
Places: TypeAlias = tuple[float, ...]

UNKNOWN, LINEAR, SRGB_CURVE, PQ, HLG = 2, 8, 13, 16, 18
_D65, _C = (0.3127, 0.3290), (0.310, 0.316)
#: H.273, table 2.
PRIMARIES: dict[int, Places] = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *_D65),
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, *_C),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *_D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, *_C),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *_D65),
}
_NAMES = {1: "BT.709", 4: "BT.470 M", 5: "BT.470 BG", 6: "BT.601", 7: "SMPTE 240M", 8: "film",
          9: "BT.2020", 10: "XYZ", 11: "DCI-P3", 12: "Display P3", 22: "EBU 3213"}  # fmt: skip
_CURVE_NAMES = {1: "BT.709", 4: "gamma 2.2", 5: "gamma 2.8", 6: "BT.601", 7: "SMPTE 240M",
                8: "linear", 11: "xvYCC", 13: "sRGB", 14: "BT.2020", 15: "BT.2020", 16: "PQ",
                17: "SMPTE 428", 18: "HLG"}  # fmt: skip
#: The first of January 2000, as profiles have it.
_MADE = bytes((7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))
#: Entries of a curve that is written point by point.
_POINTS = 4096


@record
class Perceptual:
    """PQ (SMPTE ST 2084): full light is 10,000 candelas a square metre."""

    m1: float = 2610 / 16384
    m2: float = 2523 / 32
    c1: float = 3424 / 4096
    c2: float = 2413 / 128
    c3: float = 2392 / 128

    def forward(self, x: Floats) -> Floats:
        """Linear light of stored samples x ≥ 0."""
        power = np.minimum(x, 1) ** (1 / self.m2)
        light = np.maximum(power - self.c1, 0) / (self.c2 - self.c3 * power)
        return (light ** (1 / self.m1)).astype(x.dtype, copy=False)

    def inverse(self, y: Floats) -> Floats:
        """Stored samples for linear light y ≥ 0."""
        power = np.minimum(y, 1) ** self.m1
        stored = (self.c1 + self.c2 * power) / (1 + self.c3 * power)
        # Without light it gives less than a millionth.
        return np.where(y > 0, stored**self.m2, 0).astype(y.dtype, copy=False)


@record
class Hybrid:
    """HLG (ARIB STD-B67): light of the scene."""

    a: float = 0.17883277
    b: float = 0.28466892
    c: float = 0.55991073

    def forward(self, x: Floats) -> Floats:
        """Linear light of stored samples x ≥ 0."""
        # The branch that isn't taken may be too great.
        above = (np.exp((np.maximum(x, 0.5) - self.c) / self.a) + self.b) / 12
        return np.where(x <= 0.5, x * x / 3, above).astype(x.dtype, copy=False)

    def inverse(self, y: Floats) -> Floats:
        """Stored samples for linear light y ≥ 0."""
        above = self.a * np.log(12 * np.maximum(y, 1 / 12) - self.b) + self.c
        return np.where(y <= 1 / 12, np.sqrt(3 * y), above).astype(y.dtype, copy=False)


_BT709 = joined(Parametric(g=1 / 0.45, a=1 / 1.099, b=0.099 / 1.099, c=1 / 4.5, d=0.081))
_SMPTE240 = Parametric(g=1 / 0.45, a=1 / 1.1115, b=0.1115 / 1.1115, c=1 / 4, d=0.0913)
#: H.273, table 3, as far as there is no logarithm.
CURVES: dict[int, Curve] = {
    1: _BT709,
    2: SRGB,
    4: Parametric(g=2.2),
    5: Parametric(g=2.8),
    6: _BT709,
    7: joined(_SMPTE240),
    8: Parametric(),
    11: _BT709,
    13: SRGB,
    14: _BT709,
    15: _BT709,
    16: Perceptual(),
    # Full light is whatever full samples show.
    17: Parametric(g=2.6),
    18: Hybrid(),
}


def are_usual(cicp: Cicp) -> bool:
    """Whether colours are sRGB's, or not told at all."""
    return cicp[0] in (1, UNKNOWN) and cicp[1] in (SRGB_CURVE, UNKNOWN) and bool(cicp[3])


def words_of(cicp: Cicp) -> str:
    """Return what colours are called: CICP colours (BT.2020, PQ)."""
    primaries = _NAMES.get(cicp[0], f"primaries {cicp[0]}")
    curve = _CURVE_NAMES.get(cicp[1], f"curve {cicp[1]}")
    return f"CICP colours ({primaries}, {curve})"


def curve_of(cicp: Cicp) -> Curve:
    """Return the curve from stored samples to light.

    Raises
    ------
    ImageError
        If it is none that is known.
    """
    curve = CURVES.get(cicp[1])
    if curve is None or not cicp[3]:
        what = f"curve {cicp[1]}" if curve is None else "samples of less than their full range"
        raise ImageError(f"linear light isn't known for CICP colours of {what}; leave `linear` out")
    return curve


def profile_of(cicp: Cicp, gray: bool) -> bytes | None:
    """Return a profile that says the same; None where none can."""
    primaries, curve = PRIMARIES.get(cicp[0]), CURVES.get(cicp[1])
    if primaries is None or not isinstance(curve, Parametric) or not cicp[3]:
        return None
    return made(primaries, curve, gray)


def made(primaries: Places, curve: Curve, gray: bool) -> bytes:
    """Return a profile of colours.

    Parameters
    ----------
    primaries
        (x, y) of red, green, blue and white.
    curve
        From stored samples to light.
    gray
        Whether it is for images without colours.
    """
    options: dict[str, object] = {"whitepoint": primaries[6:]}
    if not gray:
        options["primaries"] = primaries[:6]
    if isinstance(curve, Parametric) and curve == Parametric(g=curve.g):
        options["gamma"] = curve.g
    else:
        light = curve.forward(np.linspace(0, 1, _POINTS))
        options["transferfunction"] = np.floor(light * 65535 + 0.5).clip(0, 65535).astype(np.uint16)
    kind = "gray" if gray else "rgb"
    return undated(bytes(codecs.load("imagecodecs").cms_profile(kind, **options)))


def undated(profile: bytes) -> bytes:
    """Return a profile that doesn't say when it was made: one image gives one file."""
    return profile[:24] + _MADE + profile[36:84] + bytes(16) + profile[100:]
