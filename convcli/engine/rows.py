"""Rows of a result that are made when they are asked for, on the thread that asks."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.engine.bands import Seen
from convcli.engine.scratch import Scratch


class Rows:
    """An image that is filtered bit by bit: who writes a result needs a few rows of it at a time.

    JUSTIFICATION: a band is coded while it is still in the cache, and the next one takes its place
    in memory. New memory is dear: 36 MB of it take as long to be had as to be filled (bench:
    commands).

    Parameters
    ----------
    source
        (rows, samples) of the image.
    shape, dtype
        Of the result.
    step
        Rows that are made together; bands begin at multiples of it.
    scratch
        Makes what a thread needs.
    """

    def __init__(
        self,
        source: NDArray[Any],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        step: int,
        scratch: Callable[[], Scratch],
    ) -> None:
        self.shape, self.dtype = shape, dtype
        self._source, self._step, self._make_scratch = source, step, scratch
        self._own = local()
        self._seen: list[Seen] = []

    def make(self, start: int, stop: int) -> NDArray[Any]:
        """Return some rows of the result; they are there until this thread asks for others.

        Parameters
        ----------
        start, stop
            What is counted as seen: together all of them, each once.

        Raises
        ------
        ValueError
            If rows that are made together would be counted apart.
        """
        step, rows = self._step, self.shape[0]
        if start % step or (stop % step and stop != rows):
            raise ValueError(f"rows {start} to {stop} are not made in steps of {step}")
        out = self._room(stop - start)
        work = self._scratch.on(self._source, out.reshape(stop - start, -1), start)
        self._seen.append(work(start, stop))
        return out

    @property
    def seen(self) -> Seen:
        """What was seen of all rows that were counted so far."""
        return Seen.of((Seen(inf, -inf, 0), *self._seen))

    def _room(self, rows: int) -> NDArray[Any]:
        """Return room for some rows, the same each time."""
        room: NDArray[Any] | None = getattr(self._own, "room", None)
        if room is None or len(room) < rows:
            room = self._own.room = np.empty((rows, *self.shape[1:]), dtype=self.dtype)
        return room[:rows]

    @property
    def _scratch(self) -> Scratch:
        """The thread's own."""
        scratch: Scratch | None = getattr(self._own, "scratch", None)
        if scratch is None:
            scratch = self._own.scratch = self._make_scratch()
        return scratch
