"""Sharing bands of an image among threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any, TypeAlias

from convcli.threads import Task

#: Bands a thread gets at the most, so that one that is held up doesn't hold up the others, and
#: the cycles of one at the least: between bands threads wait for one another (the interpreter's
#: lock), up to 0.05 ms.
_BANDS_A_THREAD, _LEAST_BAND = 8, 5e5
#: Processor cycles under which waking threads takes longer than it saves, one to two milliseconds:
#: a processor that has nothing to do needs up to one to begin (bench: growth).
_SMALL = 4e6

#: Does units of a band, from the first up to the last.
Work: TypeAlias = Callable[[int, int], Any]


def run_bands(
    units: tuple[int, int],
    cycles: float,
    jobs: int,
    begin: Callable[[], Work],
    small: float = _SMALL,
) -> list[Any]:
    """Call ``begin()(first, last)`` for bands that cover all units, on up to `jobs` threads.

    Parameters
    ----------
    units
        How many there are to share, and what every `first` is a multiple of.
    cycles
        About how many a processor takes for all; where these are few, one thread does it.
    jobs
        Threads, the caller's among them.
    begin
        Called once on every thread, for what works on its bands, which must not depend on how
        units are shared out. The first exception is raised when all threads have stopped.
    small
        Cycles under which one thread does it.
    """
    total, step = units
    steps = -(-total // step)
    if jobs == 1 or steps == 1 or cycles < small:
        return [begin()(0, total)]
    count = min(steps, max(jobs, min(jobs * _BANDS_A_THREAD, int(cycles / _LEAST_BAND))))
    edges = [*(steps * k // count * step for k in range(count)), total]
    shared = _SharedBands(begin, list(pairwise(edges)))
    return shared.run(min(jobs, count))


class _SharedBands:
    """Threads that share bands; the caller works from the first moment."""

    def __init__(self, begin: Callable[[], Work], bands: list[tuple[int, int]]) -> None:
        self._begin = begin
        self._left = deque(bands)
        self._done: list[Any] = []
        self._error: BaseException | None = None

    def run(self, threads: int) -> list[Any]:
        """Do all bands; return what they gave, in no order."""
        asked: list[Task[None]] = []
        try:
            with suppress(MemoryError):  # a thread that can't be had is one less
                for _ in range(threads - 1):
                    asked.append(Task(self._help, apart=True))
            self._drain()
        except BaseException:
            self._left.clear()
            raise
        finally:
            for each in asked:
                if not each.take_over():
                    each.wait()
        if self._error is not None:
            raise self._error
        return self._done

    def _help(self) -> None:
        """Do what bands are left; keep what is raised, for the caller."""
        try:
            self._drain()
        except BaseException as error:  # raised again by the caller
            self._error = error
            self._left.clear()

    def _drain(self) -> None:
        work: Work | None = None
        while True:
            try:
                first, last = self._left.popleft()
            except IndexError:
                return
            work = work or self._begin()
            self._done.append(work(first, last))
