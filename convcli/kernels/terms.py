"""A kernel as a sum of few columns times rows: its low-rank form.

Terms of whole kernels are found by elimination over the rationals, so they stay whole; those of
others are their singular vectors.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convcli.kernels.kernel import Kernel

#: Σ|weights − their terms| is at most this share of Σ|weights|: for float32 sums, whose own
#: rounding is 2⁻²⁴ of each product; and for float64.
_TOLERANCE = {False: 2.0**-28, True: 2.0**-50}
#: Sides of whole and of real kernels beyond which looking takes longer than it can save.
_MOST = {"i": 63, "f": 255}
#: Whole terms must stay below this to be summed exactly.
_LARGEST = 2**31


class LowRank(NamedTuple):
    """``weights · divisor = Σ columns[t] × rows[t]``.

    Parameters
    ----------
    columns, rows
        (terms, rows) and (terms, cols); int64 if the weights are whole.
    divisor
        A whole number; 1 for weights that aren't whole.
    """

    columns: NDArray[Any]
    rows: NDArray[Any]
    divisor: int


def low_rank(kernel: Kernel, *, double: bool = False) -> LowRank | None:
    """Return a kernel as a sum of columns times rows; None if that takes no less work.

    Parameters
    ----------
    kernel
        Whole weights give whole terms, and exactly the weights.
    double
        Whether real weights are to be met to float64's precision, not float32's.

    Examples
    --------
    >>> low_rank(Kernel("sum", np.add.outer(range(9), range(9)))).rows.shape
    (2, 9)
    """
    if kernel.factors is not None:
        column, row = kernel.factors
        return LowRank(column[None], row[None], 1)
    weights = kernel.weights
    most = (np.count_nonzero(weights) - 1) // sum(weights.shape)
    if most < 2:  # its rank is not 1
        return None
    if max(weights.shape) > _MOST[weights.dtype.kind]:
        return None
    if weights.dtype.kind == "i":
        likely = int(np.linalg.matrix_rank(weights))
        return eliminated(weights, int(most)) if likely <= most else None
    left, sizes, right = np.linalg.svd(weights)
    limit = _TOLERANCE[double] * np.abs(weights).sum()
    rest = weights.copy()
    for count in range(1, most + 1):
        rest = rest - sizes[count - 1] * np.outer(left[:, count - 1], right[count - 1])
        if np.abs(rest).sum() <= limit:
            return LowRank((left[:, :count] * sizes[:count]).T, right[:count], 1)
    return None


def eliminated(weights: NDArray[np.int64], most: int) -> LowRank | None:
    """Take away one column times row after the other, over the rationals.

    Parameters
    ----------
    weights
        (rows, cols), whole numbers.
    most
        Terms.

    Returns
    -------
    LowRank or None
        Exact terms; None if it takes more than `most`, or none, as all weights are 0.
    """
    rest = [[Fraction(int(w)) for w in row] for row in weights]
    terms: list[tuple[list[int], list[int], Fraction]] = []
    while any(map(any, rest)):
        if len(terms) == most:
            return None
        _, i, j = min(
            (abs(w.numerator * w.denominator), i, j)
            for i, row in enumerate(rest)
            for j, w in enumerate(row)
            if w
        )
        column, by = _whole([row[j] for row in rest])
        row, along = _whole(rest[i])
        factor = by * along / rest[i][j]
        terms.append((column, row, factor))
        rest = [
            [w - factor * c * r for w, r in zip(line, row, strict=True)]
            for line, c in zip(rest, column, strict=True)
        ]
    if not terms:
        return None
    divisor = lcm(*(factor.denominator for *_, factor in terms))
    columns = [[c * int(factor * divisor) for c in column] for column, _, factor in terms]
    if max(abs(c) for column in columns for c in column) * divisor >= _LARGEST:
        return None
    return LowRank(np.array(columns), np.array([row for _, row, _ in terms]), divisor)


def _whole(values: list[Fraction]) -> tuple[list[int], Fraction]:
    """Return whole numbers without a common divisor, and what they are to be multiplied by."""
    below = lcm(*(value.denominator for value in values))
    numbers = [int(value * below) for value in values]
    common = gcd(*numbers)
    return [number // common for number in numbers], Fraction(common, below)
