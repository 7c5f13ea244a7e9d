"""Rows that are made many together, given out one by one."""

from __future__ import annotations

from collections import OrderedDict
from threading import Event, Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.engine.rows import Stage, chunk_of

#: Blocks that are kept beside the one that each thread takes rows from.
_SPARE = 2
#: Seconds between two looks for Ctrl-C, which can't interrupt a wait on Windows.
_PATIENCE = 0.2


class Blocks(Stage):
    """Rows that are made many together: each block once, for all threads that need of it.

    Parameters
    ----------
    source
        Makes them, `source.step` at a time.
    jobs
        Threads that ask for rows.
    once
        Whether each row is asked for once: then a block is let go of when all its rows were.
    """

    def __init__(self, source: Stage, jobs: int, *, once: bool = False) -> None:
        super().__init__(source.shape, source.dtype)
        self.chunk = chunk_of(source.shape, source.dtype)
        self._source, self._lock = source, Lock()
        self._blocks: OrderedDict[int, _MadeBlock] = OrderedDict()
        self._most, self._once = jobs + _SPARE, once

    @property
    def cycles(self) -> float:
        """Those of what is made."""
        return self._source.cycles

    def whole(self, jobs: int) -> NDArray[Any]:
        """Return all rows, made on up to `jobs` threads: nothing need be kept for later."""
        return self._source.whole(jobs)

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        step = self._source.step
        if start // step == (stop - 1) // step and into is None:
            first = start // step * step
            block = self._block(start // step)
            self._took(start // step, stop - start)
            return block[start - first : stop - first]
        out = self.room(stop - start, into)
        for number in range(start // step, -(-stop // step)):
            first, block = number * step, self._block(number)
            low, high = max(start, first), min(stop, first + len(block))
            out[low - start : high - start] = block[low - first : high - first]
            self._took(number, high - low)
        return out

    def _took(self, number: int, rows: int) -> None:
        """Let go of a block of which all rows were asked for."""
        if not self._once:
            return
        with self._lock:
            block = self._blocks.get(number)
            if block is None or block.pixels is None:
                return
            block.taken += rows
            if block.taken >= len(block.pixels):
                del self._blocks[number]

    def _block(self, number: int) -> NDArray[Any]:
        while True:
            block, mine = self._claim(number)
            if mine:
                return self._make(number, block)
            # Nobody waits who could be making what is needed next.
            if not block.done.is_set() and (number + 1) * self._source.step < self.shape[0]:
                following, mine = self._claim(number + 1)
                if mine:
                    self._make(number + 1, following)
            while not block.done.wait(_PATIENCE):
                continue
            if block.pixels is not None:
                return block.pixels

    def _claim(self, number: int) -> tuple[_MadeBlock, bool]:
        """Return a block, and whether the caller is who makes it."""
        with self._lock:
            block = self._blocks.get(number)
            mine = block is None
            if block is None:
                block = self._blocks[number] = _MadeBlock()
            self._blocks.move_to_end(number)
            while len(self._blocks) > self._most:
                self._blocks.popitem(last=False)
            return block, mine

    def _make(self, number: int, block: _MadeBlock) -> NDArray[Any]:
        start = number * self._source.step
        stop = min(start + self._source.step, self.shape[0])
        try:
            room = np.empty((stop - start, *self.shape[1:]), self.dtype)
            block.pixels = made = self._source.rows(start, stop, room)
            return made
        except BaseException:
            with self._lock:
                self._blocks.pop(number, None)
            raise
        finally:
            block.done.set()


class _MadeBlock:
    """Some rows that are being made, or are there."""

    def __init__(self) -> None:
        self.done, self.taken = Event(), 0
        self.pixels: NDArray[Any] | None = None
