"""The best of many scores: peaks, of which none lies too near to a better one."""

from __future__ import annotations

from math import inf
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convcli import engine

#: Places that are looked at together.
_AT_ONCE = 4096


class Peak(NamedTuple):
    """A place that no neighbour is better than: its score, row and column."""

    score: float
    row: int
    col: int


class Peaks:
    """The places of an image of scores that are no worse than those around them.

    Parameters
    ----------
    source
        The scores, which are made once.
    cycles
        About how many a processor takes to make them.
    least
        The least score that counts.
    jobs
        Threads.
    """

    def __init__(self, source: engine.Rows, cycles: float, least: float, jobs: int) -> None:
        self._least, self._lock, self._shape = least, Lock(), source.shape
        self._ends: dict[int, NDArray[Any]] = {}
        self._found: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []
        #: The best score there is, whether it counts or not.
        self.best = Peak(-inf, 0, 0)
        engine.each_part(source, cycles, jobs, self._look)

    def _look(self, start: int, scores: NDArray[Any]) -> None:
        """Note what some rows have, of which the first and the last have neighbours elsewhere."""
        row, col = divmod(int(scores.argmax()), scores.shape[1])
        best = Peak(float(scores[row, col]), start + row, col)
        rows, cols = np.divmod(np.flatnonzero(scores >= self._least), scores.shape[1])
        kept = _is_peak(scores, rows, cols)
        rows, cols = rows[kept], cols[kept]
        with self._lock:
            self.best = max(self.best, best, key=_order)
            self._ends[start] = scores[0].copy()
            self._ends[start + len(scores) - 1] = scores[-1].copy()
            self._found.append((scores[rows, cols], rows + start, cols))

    def apart(self, apart: tuple[int, int], top: int | None) -> list[Peak]:
        """Return the best, the best first; equal ones from the top, and from the left.

        Parameters
        ----------
        apart
            Rows and columns: of two places that are nearer in both, the better one is taken.
        top
            How many at the most; None for all.
        """
        scores, rows, cols = (np.concatenate(part) for part in zip(*self._found, strict=True))
        kept = np.ones(len(scores), bool)
        for row, ends in self._ends.items():
            some = np.flatnonzero((rows == row - 1) | (rows == row + 1))
            if len(some):
                across = np.zeros(len(some), np.intp)
                kept[some] &= _is_peak(ends[None], across, cols[some], scores[some])
        scores, rows, cols = scores[kept], rows[kept], cols[kept]
        order = np.lexsort((cols, rows, -scores))
        return self._spread(scores[order], rows[order], cols[order], (apart, top))

    def _spread(
        self,
        scores: NDArray[Any],
        rows: NDArray[Any],
        cols: NDArray[Any],
        wanted: tuple[tuple[int, int], int | None],
    ) -> list[Peak]:
        """Take peaks, the best first, unless they are too near to one that was taken."""
        (down, across), top = wanted
        taken = np.zeros(self._shape, bool)
        found: list[Peak] = []
        for first in range(0, len(scores), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            free = first + np.flatnonzero(~taken[rows[some], cols[some]])
            for number in free:
                if len(found) == top:
                    return found
                row, col = int(rows[number]), int(cols[number])
                if not taken[row, col]:
                    found.append(Peak(float(scores[number]), row, col))
                    taken[
                        max(0, row - down + 1) : row + down, max(0, col - across + 1) : col + across
                    ] = True
        return found


def _is_peak(
    scores: NDArray[Any],
    rows: NDArray[np.intp],
    cols: NDArray[np.intp],
    own: NDArray[Any] | None = None,
) -> NDArray[np.bool_]:
    """Whether places are no worse than those around them; `own` are their scores, if not there."""
    last_row, last_col = scores.shape[0] - 1, scores.shape[1] - 1
    own = scores[rows, cols] if own is None else own
    kept = np.ones(len(rows), bool)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            near = scores[(rows + down).clip(0, last_row), (cols + right).clip(0, last_col)]
            kept &= own >= near
    return kept


def _order(peak: Peak) -> tuple[float, int, int]:
    return peak.score, -peak.row, -peak.col
