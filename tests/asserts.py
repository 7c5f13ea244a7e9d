"""Comparisons that say what differs."""

from __future__ import annotations

import numpy as np

#: How many differing pixels are printed.
SHOWN = 10


def assert_same_pixels(actual, expected, tolerance=0):
    """Fail unless both have the same shape and no sample differs by more than `tolerance`.

    Arrays or nested lists of numbers, Fractions included. Whole numbers are compared exactly.
    NaN equals NaN only. Types are not compared: that is another question.
    """
    actual, expected = _comparable(actual), _comparable(expected)
    assert actual.shape == expected.shape, (
        f"shapes differ: actual {actual.shape}, expected {expected.shape}"
    )
    if "f" in (actual.dtype.kind, expected.dtype.kind):
        actual, expected = actual.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore"):  # inf − inf
        difference = actual - expected
    same = (actual == expected) | (np.abs(difference) <= tolerance)
    if actual.dtype.kind == "f":
        same |= np.isnan(actual) & np.isnan(expected)
    places = np.argwhere(~same)
    if len(places):
        raise AssertionError(_report(places, actual, expected, difference, tolerance))


def _comparable(values):
    """Return int64 for whole numbers, else float64; exact, or an error."""
    array = np.asarray(values)
    if array.dtype == object:
        return array.astype(np.float64)
    if array.dtype.kind in "bui":
        assert array.dtype != np.uint64, "uint64 has no exact common type with the others"
        return array.astype(np.int64)
    return array


def _report(places, actual, expected, difference, tolerance):
    """Say how many samples differ, by how much, and which."""
    worst = np.abs(difference[tuple(places.T)]).max()
    lines = [
        f"{len(places)} of {actual.size} samples differ by more than {tolerance}; "
        f"the largest difference is {worst:g}"
    ]
    for place in places[:SHOWN]:
        at = tuple(int(i) for i in place)
        where = ", ".join(str(i) for i in at)
        lines.append(
            f"  [{where}] actual {actual[at]!s}, expected {expected[at]!s}, "
            f"difference {difference[at]:+g}"
        )
    if len(places) > SHOWN:
        lines.append(f"  … and {len(places) - SHOWN} more")
    return "\n".join(lines)
