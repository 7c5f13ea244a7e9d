"""ICC profiles for colours that a JPEG XL codestream tells by numbers (18181-1, annex D.3)."""

from __future__ import annotations

import numpy as np

from convcli.image import codecs
from convcli.image.jpegxl.stream import D65, GRAY, SRGB, Colours
from convcli.image.light.numbers import UNKNOWN, Cicp, undated

_WHITES = {D65: (0.3127, 0.3290), 10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
_PRIMARIES = {
    SRGB: (0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_LINEAR, _SRGB_CURVE = 8, 13
#: Curves for which there is no profile here.
_CURVES = {1: "BT.709's", 2: "unknown", 16: "PQ's", 17: "DCI's", 18: "HLG's"}
#: CICP's number for white and primaries.
_NUMBERS = {(D65, SRGB): 1, (D65, 9): 9, (D65, 11): 12, (11, 11): 11}
#: Curves by CICP's number: those of BT.601 and BT.2020 are BT.709's.
_CURVE_NUMBERS = {1: 1, 6: 1, 14: 1, 15: 1, 8: 8, 13: 13, 16: 16, 17: 17, 18: 18}
_MILLION = 1e6
#: Entries of a curve that is written point by point.
_POINTS = 4096


def profile_of(colours: Colours) -> tuple[bytes | None, str]:
    """Return a profile, None for sRGB's and gray's usual colours; and what to say, '' if nothing.

    Parameters
    ----------
    colours
        Without a profile of their own.
    """
    if colours.are_usual:
        return None, ""
    places = [_number(value) for pair in colours.places for value in pair]
    white = _WHITES.get(colours.white) or tuple(places[:2])
    primaries = _PRIMARIES.get(colours.primaries) or tuple(places[-6:])
    if colours.curve in _CURVES and not colours.gamma:
        said = f"its colours' curve is {_CURVES[colours.curve]}, and is taken for sRGB's"
        return None, said
    options: dict[str, object] = {"whitepoint": white}
    kind = "gray" if colours.space == GRAY else "rgb"
    if kind == "rgb":
        options["primaries"] = primaries
    if colours.gamma or colours.curve == _LINEAR:
        options["gamma"] = 1e7 / colours.gamma if colours.gamma else 1.0
    else:
        options["transferfunction"] = _curve()
    return undated(bytes(codecs.load("imagecodecs").cms_profile(kind, **options))), ""


def numbers_of(colours: Colours) -> Cicp | None:
    """Return numbers for colours that no profile stands for here; None if there are none.

    Parameters
    ----------
    colours
        Without a profile of their own.
    """
    primaries = 1 if colours.space == GRAY else _NUMBERS.get((colours.white, colours.primaries))
    if colours.gamma or colours.curve not in _CURVES or colours.curve == UNKNOWN or not primaries:
        return None
    # Both tables of curves have the same numbers.
    return primaries, colours.curve, 0, 1


def are_told(cicp: Cicp) -> bool:
    """Whether a codestream's header can tell of colours."""
    return bool(cicp[3]) and cicp[0] in _NUMBERS.values() and cicp[1] in _CURVE_NUMBERS


def written(cicp: Cicp) -> tuple[int, int, int]:
    """Return white, primaries and curve, as a header has them."""
    white, primaries = next(each for each, number in _NUMBERS.items() if number == cicp[0])
    return white, primaries, _CURVE_NUMBERS[cicp[1]]


def _number(value: int) -> float:
    """Return a place on a diagram of colours."""
    return (-(value >> 1) - 1 if value & 1 else value >> 1) / _MILLION


def _curve() -> object:
    """Return sRGB's curve, point by point."""
    x = np.linspace(0, 1, _POINTS)
    light = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return np.floor(light * 65535 + 0.5).astype(np.uint16)
