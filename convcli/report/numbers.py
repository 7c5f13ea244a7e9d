"""Numbers as reports write them: for people, and for JSON."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite


def number(value: Fraction | float, digits: int = 6) -> str:
    """Write a number in as many digits, a whole one in full.

    Examples
    --------
    >>> number(Fraction(1530)), number(Fraction(-1, 3)), number(Fraction(5, 4))
    ('1530', '-0.333333', '1.25')
    """
    exact = Fraction(value)
    if exact.denominator == 1 and abs(exact) < 10**12:
        return str(exact.numerator)
    return f"{float(exact):.{digits}g}"


def as_json_number(value: Fraction | float) -> int | float | None:
    """A whole number as such; what JSON has no number for as null."""
    if isinstance(value, float) and not isfinite(value):
        return None
    exact = Fraction(value)
    return exact.numerator if exact.denominator == 1 else float(exact)


def seven_digits(value: Fraction | float) -> int | float:
    """Return a number as JSON has it: whole if it is, else with seven digits.

    Examples
    --------
    >>> seven_digits(Fraction(6, 2)), seven_digits(Fraction(1, 3)), seven_digits(4.0)
    (3, 0.3333333, 4)
    """
    plain = float(value)
    return int(plain) if plain.is_integer() and abs(plain) < 2**53 else float(f"{plain:.7g}")


def fraction(value: Fraction | int) -> str:
    """Return a number as 2, 0.5 or 1/3."""
    if value == int(value):
        return str(value).replace("-", "−")
    exact = Fraction(str(float(value))) == value
    return (str(float(value)) if exact else str(value)).replace("-", "−")


def short(count: int) -> str:
    """Return a count in three digits.

    Examples
    --------
    >>> short(86_704_128), short(999), short(15_470_264_320)
    ('86.7 M', '999', '15.5 G')
    """
    value, unit = float(count), ""
    for unit in ("", " k", " M", " G", " T"):
        if value < 999.5 or unit == " T":
            break
        value /= 1000
    return f"{count}{unit}" if not unit else f"{value:.3g}{unit}"


def rounded(rate: float) -> str:
    """Three digits, or all before the point."""
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
