"""Parameters that several generators have."""

from __future__ import annotations

from convcli.kernels.exact import MAX_TAPS
from convcli.kernels.parameters import Parameter, Type


def size(derived: str) -> Parameter:
    """An odd number of taps a side, if it isn't told from the others."""
    return Parameter(
        "size", "taps a side", None, Type.ODD, 1, MAX_TAPS, unit="pixels", derived=derived
    )


def sigma(default: float) -> Parameter:
    """The width of a Gaussian."""
    return Parameter(
        "sigma", "width of the bell", default, low=0, high=500, above=True, unit="pixels"
    )


def theta(meaning: str) -> Parameter:
    """A direction."""
    return Parameter("theta", meaning, 0, low=-360, high=360, unit="degrees")


CUT = Parameter("truncate", "how many sigma the kernel reaches", 4, low=0, high=20, above=True)
BELL = (sigma(1), size("2·⌈truncate·sigma⌉ + 1"), CUT)
