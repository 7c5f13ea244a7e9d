"""Rows that are made many together, given out one by one."""

from __future__ import annotations

from collections import OrderedDict, deque
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
    """Rows that are made many together: each block once, by all threads that need of it.

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
        self.chunk, self.jobs = chunk_of(source.shape, source.dtype), source.jobs
        self._source, self._lock = source, Lock()
        self._blocks: OrderedDict[int, _Block] = OrderedDict()
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
            if block is None:
                return
            block.taken += rows
            if block.taken >= len(block.pixels):
                del self._blocks[number]

    def _block(self, number: int) -> NDArray[Any]:
        while True:
            block = self._claim(number)
            self._help(number, block)
            follows = (number + 1) * self._source.step < self.shape[0]
            # Nobody waits who could be making what is needed next.
            if follows and len(self._source.pieces) == 1 and not block.done.is_set():
                self._help(number + 1, self._claim(number + 1))
            while not block.done.wait(_PATIENCE):
                continue
            if not block.failed:
                return block.pixels

    def _claim(self, number: int) -> _Block:
        """Return a block, which is being made, is there, or is to be made."""
        with self._lock:
            block = self._blocks.get(number)
            if block is None:
                rows = min(self._source.step, self.shape[0] - number * self._source.step)
                pixels = np.empty((rows, *self.shape[1:]), self.dtype)
                block = self._blocks[number] = _Block(pixels, len(self._source.pieces))
            self._blocks.move_to_end(number)
            while len(self._blocks) > self._most:
                self._blocks.popitem(last=False)
            return block

    def _help(self, number: int, block: _Block) -> None:
        """Make the pieces of a block that no other thread has begun."""
        start = number * self._source.step
        stop = start + len(block.pixels)
        try:
            while (piece := block.next_piece()) is not None:
                if len(self._source.pieces) == 1:
                    self._source.rows(start, stop, block.pixels)
                else:
                    left, right = self._source.pieces[piece]
                    block.pixels[:, left:right] = self._source.piece(start, stop, piece)
                block.made(piece)
        except BaseException:
            with self._lock:
                if self._blocks.get(number) is block:
                    del self._blocks[number]
            block.failed = True
            block.done.set()
            raise


class _Block:
    """Some rows that are to be made, are being made, or are there.

    Parameters
    ----------
    pixels
        Where they are made.
    pieces
        How many they are made of.
    """

    def __init__(self, pixels: NDArray[Any], pieces: int) -> None:
        self.pixels, self.done, self.failed, self.taken = pixels, Event(), False, 0
        self._waiting = deque(range(pieces))
        self._missing = set(range(pieces))

    def next_piece(self) -> int | None:
        """Return a piece that nobody makes."""
        try:
            return None if self.failed else self._waiting.popleft()
        except IndexError:
            return None

    def made(self, piece: int) -> None:
        """Note that a piece is there."""
        self._missing.remove(piece)
        if not self._missing:
            self.done.set()
