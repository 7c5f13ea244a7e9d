"""The rows that a stage needs of the one before it, kept while they are needed."""

from __future__ import annotations

from itertools import pairwise
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.engine.rows import Rows, put


class Window:
    """The rows of a source that a stage needs for some of its own; those needed again are kept.

    Each thread has its own. The rows that it needs next mostly follow those that it has.

    Parameters
    ----------
    source
        The rows.
    """

    def __init__(self, source: Rows) -> None:
        self._source, self._own = source, local()

    def at(self, needed: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[np.intp]]:
        """Return rows of the source, and where the needed ones are among them.

        Parameters
        ----------
        needed
            Which rows; -1 for those outside the image.

        Returns
        -------
        ndarray of shape (count, …)
            There until this thread asks for others.
        ndarray of intp, as long as `needed`
            -1 for those outside.
        """
        if self._source.held is not None:
            return self._source.held, needed
        runs, places = _runs(needed)
        if not runs:
            return np.empty((1, *self._source.shape[1:]), self._source.dtype), needed
        if len(runs) == 1:
            rows, first = self._kept.between(*runs[0])
            return rows, np.where(places < 0, -1, places + (runs[0][0] - first))
        count, begin = sum(stop - start for start, stop in runs), 0
        out = np.empty((count, *self._source.shape[1:]), self._source.dtype)
        for start, stop in runs:
            rows, first = _HeldRows(self._source).between(start, stop)
            out[begin : begin + stop - start] = rows[start - first : stop - first]
            begin += stop - start
        return out, places

    @property
    def _kept(self) -> _HeldRows:
        kept: _HeldRows | None = getattr(self._own, "kept", None)
        if kept is None:
            kept = self._own.kept = _HeldRows(self._source)
        return kept


def cut_out(
    source: Rows, down: NDArray[np.intp], across: NDArray[np.intp]
) -> tuple[NDArray[Any], NDArray[np.intp], NDArray[np.intp]]:
    """Return a part of a source, and where rows and columns that are needed are in it.

    Parameters
    ----------
    source
        Rows of which some columns can be had.
    down, across
        Which rows and columns are needed; -1 for those outside the image.

    Returns
    -------
    ndarray of shape (rows, cols, …)
        There until this thread asks for others.
    ndarray of intp, as long as `down`; ndarray of intp, as long as `across`
        -1 for those outside.
    """
    rows, places_down = _runs(down)
    cols, places_across = _runs(across)
    parts = [
        [source.part(*these, *those) for those in cols or [(0, 1)]] for these in rows or [(0, 1)]
    ]
    if len(parts) == len(parts[0]) == 1:
        return parts[0][0], places_down, places_across
    return (
        np.concatenate([np.concatenate(beside, axis=1) for beside in parts]),
        places_down,
        places_across,
    )


def _runs(needed: NDArray[np.intp]) -> tuple[list[tuple[int, int]], NDArray[np.intp]]:
    """Return from which to which are needed, and where each is in these together.

    They are several where some lie far from the others, as at the ends of an image that is wrapped.
    """
    inside = needed[needed >= 0]
    if not inside.size:
        return [], needed
    low, high = int(inside.min()), int(inside.max()) + 1
    if high - low <= 2 * len(needed):
        return [(low, high)], np.where(needed < 0, -1, needed - low)
    inside = np.unique(inside)
    edges = [0, *(np.flatnonzero(np.diff(inside) > 1) + 1).tolist(), len(inside)]
    runs = [(int(inside[begin]), int(inside[end - 1]) + 1) for begin, end in pairwise(edges)]
    return runs, np.where(needed < 0, -1, np.searchsorted(inside, needed))


class _HeldRows:
    """Rows of a source, from `_begin` up to `_end`, in a room that begins with row `_base`."""

    def __init__(self, source: Rows) -> None:
        self._source = source
        self._room = np.empty((0, *source.shape[1:]), source.dtype)
        self._base = self._begin = self._end = 0
        self._doubled = False

    def between(self, low: int, high: int) -> tuple[NDArray[Any], int]:
        """Return rows from `low` on, or from a few before it, up to `high`; and the first."""
        step = self._source.step
        first = low // step * step
        last = min(-(-high // step) * step, self._source.shape[0])
        self._make_room(first, last)
        if self._end < last:
            put(self._source, self._end, last, self._part(self._end, last))
            self._end = last
        self._begin = first
        return self._part(first, last), first

    def _make_room(self, first: int, last: int) -> None:
        """Keep what is there of some rows, with room for all of them behind it."""
        if not self._begin <= first <= self._end:
            self._base = self._end = first
        if last - self._base <= len(self._room):
            return
        kept = self._part(first, self._end)
        many = 2 * len(kept) > last - first
        if last - first > len(self._room) or (many and not self._doubled):
            # With as many again, rows of which most are needed again are seldom moved.
            self._doubled = many
            rows = (last - first) * (1 + many)
            self._room = np.empty((rows, *kept.shape[1:]), kept.dtype)
        # NumPy sees to rows that overlap.
        self._room[: len(kept)] = kept
        self._base = first

    def _part(self, first: int, last: int) -> NDArray[Any]:
        return self._room[first - self._base : last - self._base]
