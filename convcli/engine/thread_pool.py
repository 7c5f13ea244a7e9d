"""Sharing bands of an image among threads."""

from __future__ import annotations

import ctypes
import os
from _thread import LockType, allocate_lock, get_native_id, start_new_thread
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any, TypeAlias

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
    units: tuple[int, int], cycles: float, jobs: int, begin: Callable[[], Work]
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
    """
    total, step = units
    steps = -(-total // step)
    if jobs == 1 or steps == 1 or cycles < _SMALL:
        return [begin()(0, total)]
    count = min(steps, max(jobs, min(jobs * _BANDS_A_THREAD, int(cycles / _LEAST_BAND))))
    edges = [*(steps * k // count * step for k in range(count)), total]
    shared = _SharedBands(begin, list(pairwise(edges)))
    return shared.run(min(jobs, count))


class _SharedBands:
    """Threads that share bands.

    JUSTIFICATION: the caller works from the first moment and nobody waits for a thread to start,
    which takes longer than filtering a small image; an executor does wait (bench: threads).
    """

    def __init__(self, begin: Callable[[], Work], bands: list[tuple[int, int]]) -> None:
        self._begin = begin
        self._left = deque(bands)
        self._done: list[Any] = []
        self._error: BaseException | None = None

    def run(self, threads: int) -> list[Any]:
        """Do all bands; return what they gave, in no order."""
        asked: list[tuple[_Helper, _Job]] = []
        try:
            # A thread that can't be had is one less.
            with suppress(RuntimeError, MemoryError):
                for _ in range(threads - 1):
                    helper = _helper()
                    asked.append((helper, helper.help(self)))
            self._drain()
        except BaseException:
            self._left.clear()
            raise
        finally:
            for helper, job in asked:
                helper.leave(job)
        if self._error is not None:
            raise self._error
        return self._done

    def help(self) -> None:
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


#: Who is to be helped, and a lock that is let go of when that is done.
_Job: TypeAlias = tuple[_SharedBands, LockType]


class _Helper:
    """A thread that helps with one set of bands after another.

    JUSTIFICATION: a thread that waits begins after 0.05 ms, a new one after 2, a fifth of the time
    that two threads take for a blur of 12 megapixels (bench: named).
    """

    def __init__(self) -> None:
        self._asked, self._jobs = allocate_lock(), deque[_Job]()
        self._id: int | None = None
        self._asked.acquire()
        start_new_thread(self._serve, ())

    def help(self, shared: _SharedBands) -> _Job:
        """Help with bands; return what is to be given to `leave`."""
        done = allocate_lock()
        done.acquire()
        self._jobs.append((shared, done))
        if self._id is not None:
            _leave_processor(self._id)
        # It may not have noticed yet that it was asked before.
        with suppress(RuntimeError):
            self._asked.release()
        return shared, done

    def leave(self, job: _Job) -> None:
        """Wait until it has done what it was asked to; if it hasn't begun, it needn't.

        JUSTIFICATION: waking up takes it half a millisecond at times, and the caller has filtered
        a small image alone by then (bench: growth).
        """
        try:
            self._jobs.remove(job)
        except ValueError:
            job[1].acquire()
        else:
            _waiting.append(self)

    def _serve(self) -> None:
        self._id = get_native_id()
        while True:
            self._asked.acquire()
            try:
                shared, done = self._jobs.pop()
            except IndexError:
                continue
            try:
                shared.help()
            finally:
                # Images aren't kept until the next one comes.
                del shared
                _waiting.append(self)
                done.release()


#: Threads that have nothing to do; a process that is a copy of this one has none.
_waiting: deque[_Helper] = deque()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.clear)


def _leave_processor(thread: int) -> None:
    """Have a thread run anywhere but where this one does, if there is anywhere else.

    JUSTIFICATION: Linux often wakes a thread on the processor of the one that wakes it, and leaves
    both there until the first has used up its time, 4 ms, though another processor is idle: in a
    third of the calls here, and then a blur of 12 megapixels takes 9 ms and not 5.5 (bench: named).
    """
    if _current_processor is None:
        return
    others = os.sched_getaffinity(0) - {_current_processor()}
    if others:
        # A thread that can't be moved does its work where it is.
        with suppress(OSError):
            os.sched_setaffinity(thread, others)


def _find_current_processor() -> Callable[[], int] | None:
    if not hasattr(os, "sched_setaffinity"):
        return None
    try:
        found: Callable[[], int] = ctypes.PyDLL(None).sched_getcpu
    except (OSError, AttributeError):
        return None
    return found


_current_processor = _find_current_processor()


def _helper() -> _Helper:
    """Return a thread that waits, or a new one; RuntimeError if none can be had."""
    try:
        return _waiting.pop()
    except IndexError:
        return _Helper()
