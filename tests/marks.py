"""Which parameters are exhaustive: `pytest` leaves them out, `.ci/run` and `pytest -m ''` don't."""

from __future__ import annotations

import pytest


def exhaustive_but(quick, values):
    """Return parameters of which only those in `quick` are for the quick tests, too.

    A tuple is for several names.
    """
    values = list(values)
    missing = [value for value in quick if value not in values]
    assert not missing, f"{missing} are none of {values}"
    return [value if value in quick else _exhaustive(value) for value in values]


def _exhaustive(value):
    each = value if isinstance(value, tuple) else (value,)
    return pytest.param(*each, marks=pytest.mark.exhaustive)
