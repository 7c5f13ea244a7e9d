"""The kernel that least squares finds, and how good it is."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.fitting.sums import Sums
from convcli.record import field, record

#: Eigenvalues this small beside the greatest are rounding.
_RANK = 1e-10
#: Rounds of a separable fit, and the change at which it stands still.
_ROUNDS, _STILL = 500, 1e-13


@record(eq=False)
class Fit:
    """A kernel, and what is left over.

    Parameters
    ----------
    weights
        (rows, cols) in correlation form.
    offset
        In levels of 8 bits.
    residual
        Root mean square of what it misses, in levels of 8 bits.
    explained
        The share of the second image's variance that it explains.
    rank, unknowns
        How many numbers the images tell, and how many were asked for.
    errors
        (rows, cols) standard errors of the weights.
    """

    weights: NDArray[np.float64]
    offset: float
    residual: float
    explained: float
    rank: int
    unknowns: int
    errors: NDArray[np.float64] = field(repr=False)


def solve(sums: Sums, *, symmetric: bool, separable: bool, offset: bool) -> Fit:
    """Return the kernel with the least sum of squares.

    Parameters
    ----------
    sums
        Of the two images.
    symmetric
        Whether a half turn is to change nothing.
    separable
        Whether it is to be a column times a row.
    offset
        Whether a number is added, too.
    """
    basis = _basis(sums, symmetric=symmetric, offset=offset)
    products = basis.T @ sums.products @ basis
    values, vectors = np.linalg.eigh(products)
    kept = values > _RANK * values[-1]
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    solution = basis @ (inverse @ (basis.T @ sums.targets))
    if separable:
        solution = _separable(sums, solution, symmetric=symmetric, offset=offset)
    missed = max(_missed(sums, solution), 0.0)
    spread = sums.squares - sums.targets[-1] ** 2 / sums.count
    free = max(1, sums.count - int(kept.sum()))
    errors = np.sqrt(np.maximum(np.diag(basis @ inverse @ basis.T), 0) * missed / free)
    return Fit(
        weights=solution[:-1].reshape(sums.size),
        offset=float(solution[-1]),
        residual=sqrt(missed / sums.count),
        explained=1 - missed / spread if spread > 0 else 1.0,
        rank=int(kept.sum()),
        unknowns=basis.shape[1],
        errors=errors[:-1].reshape(sums.size),
    )


def _missed(sums: Sums, solution: NDArray[np.float64]) -> float:
    """Sum of squares that a solution misses."""
    return float(sums.squares - 2 * solution @ sums.targets + solution @ sums.products @ solution)


def _basis(sums: Sums, *, symmetric: bool, offset: bool) -> NDArray[np.float64]:
    """(taps + 1, unknowns): which taps each unknown stands for, the offset last."""
    taps = len(sums.targets) - 1
    columns = np.eye(taps)
    if symmetric:
        columns = (columns + columns[::-1])[:, : taps // 2 + 1]
        columns[taps // 2, -1] = 1
    basis = np.zeros((taps + 1, columns.shape[1] + offset))
    basis[:taps, : columns.shape[1]] = columns
    if offset:
        basis[-1, -1] = 1
    return basis


def _separable(
    sums: Sums, start: NDArray[np.float64], *, symmetric: bool, offset: bool
) -> NDArray[np.float64]:
    """Return the best column × row: each in turn the best for the other."""
    rows, cols = sums.size
    column, row = np.linalg.svd(start[:-1].reshape(rows, cols))[0][:, 0], np.zeros(cols)
    added, before = 0.0, float("inf")
    for _ in range(_ROUNDS):
        # taps = column × row: linear in the row and the offset, then in the column.
        row, added = _half(sums, np.kron(column[:, None], np.eye(cols)), symmetric, offset)
        column, added = _half(sums, np.kron(np.eye(rows), row[:, None]), symmetric, offset)
        solution = np.append(np.outer(column, row).ravel(), added)
        missed = _missed(sums, solution)
        if before - missed <= _STILL * sums.squares:
            break
        before = missed
    return solution


def _half(
    sums: Sums, basis: NDArray[Any], symmetric: bool, offset: bool
) -> tuple[NDArray[Any], float]:
    """Solve for one of the two factors, and the offset."""
    count = basis.shape[1]
    mirror = np.eye(count)
    if symmetric:
        mirror = (mirror + mirror[::-1])[:, : (count + 1) // 2]
        mirror[count // 2, -1] = min(1, mirror[count // 2, -1])
    whole = np.zeros((len(sums.targets), mirror.shape[1] + offset))
    whole[:-1, : mirror.shape[1]] = basis @ mirror
    if offset:
        whole[-1, -1] = 1
    found = np.linalg.lstsq(whole.T @ sums.products @ whole, whole.T @ sums.targets, rcond=1e-12)
    values = found[0]
    factor = mirror @ values[: mirror.shape[1]]
    return factor, float(values[-1]) if offset else 0.0
