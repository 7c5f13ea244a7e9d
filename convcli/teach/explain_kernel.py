"""What a kernel's weights say before it meets any image."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from convcli.kernels.exact import written
from convcli.kernels.kernel import Kernel, Kind, Symmetry
from convcli.kernels.terms import LowRank, eliminated, low_rank
from convcli.record import record

#: Sides of whole kernels up to which terms are looked for even where they save nothing.
_SMALL = 15


@record
class Weights:
    """The sum of a kernel's weights, their signs, and what these mean.

    Parameters
    ----------
    kernel
        Which.
    total
        Σ weights, before the divisor.
    sum
        Σ weights / divisor: what a flat region is multiplied by.
    positive, negative, zero
        How many weights are.
    """

    kernel: Kernel
    total: Fraction
    sum: Fraction
    positive: int
    negative: int
    zero: int

    @property
    def brightness(self) -> str:
        """`keeps`, `silent` (flat regions give 0), `brightens`, `darkens` or `inverts`."""
        total = self.kernel.sum
        if total in (0, 1):
            return "keeps" if total else "silent"
        if total < 0:
            return "inverts"
        return "brightens" if total > 1 else "darkens"

    @property
    def signs(self) -> str:
        """What the signs do.

        `copies` (one weight), `averages` (none is negative), `sharpens` (a positive middle with
        negative neighbours, brightness kept), `compares` (both signs, sum 0) or `mixes`.
        """
        used = self.positive + self.negative
        if used <= 1:
            return "copies"
        if not (self.positive and self.negative):
            return "averages"
        if self.kernel.kind is Kind.ZERO_SUM:
            return "compares"
        rows, cols = self.kernel.shape
        middle = self.kernel.scaled[rows // 2, cols // 2]
        greatest = float(np.abs(self.kernel.scaled).max())
        sharpens = self.kernel.kind is Kind.SHARPENING and middle == greatest > 0
        return "sharpens" if sharpens else "mixes"

    @property
    def flip(self) -> str:
        """What true convolution changes: `nothing`, the `sign`, or the `result`."""
        return {Symmetry.EVEN: "nothing", Symmetry.ODD: "sign"}.get(self.kernel.symmetry, "result")


def read_weights(kernel: Kernel) -> Weights:
    """Add up a kernel's weights and count their signs.

    Examples
    --------
    >>> says = read_weights(Kernel("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]))
    >>> int(says.sum), says.negative, says.brightness, says.signs, says.flip
    (1, 4, 'keeps', 'sharpens', 'nothing')
    """
    weights = [weight for row in kernel.fractions for weight in row]
    total = sum(weights, Fraction(0))
    positive = sum(weight > 0 for weight in weights)
    negative = sum(weight < 0 for weight in weights)
    return Weights(
        kernel=kernel,
        total=total,
        sum=total / written(kernel.divisor),
        positive=positive,
        negative=negative,
        zero=len(weights) - positive - negative,
    )


@record
class Separated:
    """A kernel as columns times rows.

    Parameters
    ----------
    terms
        Columns and rows; None if there are too many to be of use.
    divisor
        ``weights · divisor = Σ column × row``.
    rank
        How many there are.
    direct, apart
        Multiplications a sample with the weights that aren't zero, and with columns and rows.
    """

    terms: LowRank | None
    divisor: Fraction
    rank: int
    direct: int
    apart: int


def separated(kernel: Kernel) -> Separated:
    """Return a kernel as columns times rows.

    Examples
    --------
    >>> parts = separated(Kernel("sobel", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]))
    >>> parts.terms.columns.tolist(), parts.terms.rows.tolist(), parts.direct, parts.apart
    ([[1, 2, 1]], [[-1, 0, 1]], 6, 5)
    """
    rank = kernel.rank
    held = kernel if kernel.weights.dtype.kind == "i" else kernel.summed
    multiple = Fraction(1) if held is kernel else kernel.multiple
    terms = low_rank(held)
    if terms is None and held.weights.dtype.kind == "i" and max(kernel.shape) <= _SMALL:
        terms = eliminated(held.weights, rank)
    used = 0
    if terms is not None:
        used = int(np.count_nonzero(terms.columns) + np.count_nonzero(terms.rows))
        multiple *= terms.divisor
    direct = int(np.count_nonzero(kernel.weights))
    return Separated(terms, multiple, rank, direct, used or rank * sum(kernel.shape))
