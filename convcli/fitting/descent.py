"""Gradient descent: the way on which a network learns the kernel that least squares gives at once.

The loss is the mean square of what a kernel misses; its gradient over the weights is the
correlation of the image with what is missed, here from sums over all patches.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from convcli.fitting.sums import Sums
from convcli.record import field, record

#: Steps that are taken, and how many of them are kept, closer together at the beginning.
STEPS, KEPT = 5000, 60
#: Slowest directions that are waited for: how much less steep than the steepest one.
_CONDITION = 1e-6


@record(eq=False)
class Step:
    """A kernel on the way.

    Parameters
    ----------
    number
        How many steps were taken.
    residual
        Root mean square of what it misses, in levels of 8 bits.
    weights
        (rows, cols).
    """

    number: int
    residual: float
    weights: NDArray[np.float64] = field(repr=False)


def descend(sums: Sums) -> list[Step]:
    """Return kernels on the way from weights of 0 to those of least squares, first to last.

    Full gradients, with the rate and the momentum that are the best for a quadratic loss:
    Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    """
    taps = sums.size[0] * sums.size[1]
    products, targets = sums.products[:taps, :taps] / sums.count, sums.targets[:taps] / sums.count
    squares = sums.squares / sums.count
    steep = np.linalg.eigvalsh(products)
    most, least = sqrt(steep[-1]), sqrt(max(steep[0], _CONDITION * steep[-1]))
    rate, momentum = 4 / (most + least) ** 2, ((most - least) / (most + least)) ** 2
    weights, speed = np.zeros(taps), np.zeros(taps)
    kept = {0, *(int(k) for k in np.geomspace(1, STEPS, KEPT))}
    found = []
    for number in range(STEPS + 1):
        if number in kept:
            missed = float(squares - 2 * weights @ targets + weights @ products @ weights)
            found.append(Step(number, sqrt(max(missed, 0.0)), weights.reshape(sums.size).copy()))
        speed = momentum * speed - rate * (products @ weights - targets)
        weights = weights + speed
    return found
