"""The whole numbers over one divisor that a fitted kernel was probably written in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from convcli.fitting.solve import Fit

#: Divisors that are tried; a 7×7 Gaussian of the textbooks has 1003, an 8-bit one 2¹⁶ seldom.
MOST_DIVISOR = 4096
#: Standard errors that a weight may be off by, and levels of weights that are certainly meant.
_ERRORS, _FLOOR = 6.0, 1e-9


def candidates(fit: Fit) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Yield (whole weights, divisor) that a fit doesn't contradict, the smallest divisors first."""
    most = _ERRORS * fit.errors + _FLOOR
    for divisor in range(1, MOST_DIVISOR + 1):
        whole = np.rint(fit.weights * divisor)
        if (np.abs(fit.weights - whole / divisor) <= most).all() and whole.any():
            yield whole.astype(np.int64), divisor
