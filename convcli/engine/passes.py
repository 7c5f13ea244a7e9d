"""What the respond loops are given: where taps read, and their weights, zeros left out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convcli.engine.strips import Layout
from convcli.record import record


@record(eq=False)
class Terms:
    """Kernels as sums of columns times rows.

    Parameters
    ----------
    columns, rows
        (kernels, terms, rows) and (kernels, terms, cols), int64 if they are whole.
    divisor
        What the sums of the products are to be divided by to give the kernel's own; whole.
    """

    columns: NDArray[Any]
    rows: NDArray[Any]
    divisor: int = 1

    @property
    def count(self) -> int:
        """How many columns times rows a kernel is a sum of."""
        return int(self.columns.shape[1])


@record(eq=False)
class KernelSet:
    """One or more filters of one size, and how their sums become one response.

    Parameters
    ----------
    weights
        (kernels, rows, cols), each kernel applied to every channel alike; or
        (kernels, channels, rows, cols), each kernel summing over the channels. int64 if whole.
    terms
        The weights as sums of columns times rows, of the weights' type; None if that is not
        known or doesn't pay.
    combine
        How the sums of several kernels become one: the end of a `combine_…` loop's name, with
        hyphens; '' for a single kernel.
    share
        For `share`: how many kernels are the share.
    """

    weights: NDArray[Any]
    terms: Terms | None = None
    combine: str = ""
    share: int = 0

    @property
    def flat(self) -> NDArray[Any]:
        """(kernels, taps)."""
        return self.weights.reshape(len(self.weights), -1)


class Passes(NamedTuple):
    """The arrays of a respond loop.

    Parameters
    ----------
    offsets
        (terms, taps) places that are read, in samples of a strip.
    weights
        (kernels, terms, taps, output rows at once).
    row_offsets, row_weights
        (terms, row taps) and (kernels, terms, row taps): the second pass.
    ends
        For two rows at once: where the taps begin and end that both read.
    """

    offsets: NDArray[np.int64]
    weights: NDArray[Any]
    row_offsets: NDArray[np.int64]
    row_weights: NDArray[Any]
    ends: tuple[int, int]


def one_pass(kernel_set: KernelSet, layout: Layout, at_once: int, work: np.dtype[Any]) -> Passes:
    """Every tap, for one output row or two at once."""
    offsets, weights = _squeezed(layout.tap_offsets.ravel(), kernel_set.flat)
    nothing = np.zeros((1, 0), np.int64), np.zeros((len(weights), 1, 0), work)
    if at_once == 1:
        return Passes(offsets[None], _as(weights[:, None, :, None], work), *nothing, (0, 0))
    parts, several = _at_once(offsets, weights, layout)
    return Passes(parts.places[None], _as(several[:, None], work), *nothing, parts.ends)


def two_passes(terms: Terms, layout: Layout, work: np.dtype[Any]) -> Passes:
    """Columns, for two output rows at once, then rows."""
    down = layout.tap_offsets[:, 0] - layout.tap_offsets[0, 0]
    along = layout.tap_offsets[0]
    kernels, count = terms.columns.shape[:2]
    down, columns = _squeezed(down, terms.columns.reshape(kernels * count, -1))
    along, rows = _squeezed(along, terms.rows.reshape(kernels * count, -1))
    parts, several = _at_once(down, columns, layout)
    return Passes(
        np.tile(parts.places, (count, 1)),
        _as(several.reshape(kernels, count, *several.shape[1:]), work),
        np.tile(along, (count, 1)),
        _as(rows.reshape(kernels, count, -1), work),
        parts.ends,
    )


def box_passes(kernel_set: KernelSet, work: np.dtype[Any]) -> Passes:
    """Just extents and the one weight."""
    rows, cols = kernel_set.weights.shape[-2:]
    weights = np.broadcast_to(kernel_set.weights[0, 0, 0], (1, 1, rows, 1))
    return Passes(
        np.zeros((1, rows), np.int64),
        _as(weights, work),
        np.zeros((1, cols), np.int64),
        np.zeros((1, 1, cols), work),
        (0, 0),
    )


class Shared(NamedTuple):
    """The places that two neighbouring output rows read: the upper only, both, the lower only."""

    upper: NDArray[np.int64]
    both: NDArray[np.int64]
    lower: NDArray[np.int64]

    @property
    def places(self) -> NDArray[np.int64]:
        """All of them, in this order."""
        return np.concatenate(self)

    @property
    def ends(self) -> tuple[int, int]:
        """Where the shared ones begin and end."""
        return len(self.upper), len(self.upper) + len(self.both)


def shared(offsets: NDArray[np.int64], layout: Layout) -> Shared:
    """Sort out what two neighbouring output rows read, each part in order."""
    upper = np.sort(offsets)
    lower = upper + layout.stride * layout.pitch
    again = np.isin(upper, lower, assume_unique=True)
    first = np.isin(lower, upper, assume_unique=True, invert=True)
    return Shared(upper[~again], upper[again], lower[first])


def _at_once(
    offsets: NDArray[np.int64], weights: NDArray[Any], layout: Layout
) -> tuple[Shared, NDArray[Any]]:
    """Places and (kernels, places, 2) weights for two output rows at once."""
    parts = shared(offsets, layout)
    places = parts.places
    order = np.argsort(places)
    several = np.zeros((len(weights), len(places), 2), dtype=weights.dtype)
    for row in range(2):
        below = offsets + row * layout.stride * layout.pitch
        several[:, order[np.searchsorted(places, below, sorter=order)], row] = weights
    return parts, several


def _squeezed(
    offsets: NDArray[np.int64], weights: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Leave out taps that are zero in every kernel."""
    used = np.flatnonzero(weights.any(axis=0))
    return np.ascontiguousarray(offsets[used]), weights[:, used]


def _as(weights: NDArray[Any], work: np.dtype[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(weights.astype(work))
