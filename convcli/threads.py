"""Threads that wait for work, for filters and codecs alike, and can't be waited for in vain.

`threading.Thread.start` waits until the new thread says that it runs. One that can't have memory
for its first call ends before that, and the wait has no end: so it went under `ulimit -v`. Here
work belongs to whoever takes it first, the thread or the one that waits for it.

JUSTIFICATION: a thread that waits begins after 0.05 ms, a new one after 2, a fifth of the time that
two threads take for a blur of 12 megapixels (bench: named). `concurrent.futures` waits for threads
to start, and takes 7 ms to import (bench: threads).
"""

from __future__ import annotations

import ctypes
import os
import threading  # noqa: F401 (takes the thread that imports it first for the main one, for good)
from _thread import LockType, allocate_lock, get_native_id, start_new_thread
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")

#: Seconds between two looks for Ctrl-C, which can't interrupt a wait on Windows.
_PATIENCE = 0.2
#: Seconds after which a thread that hasn't begun is done without, and between two looks for it.
_LATE, _SOON = 0.25, 0.0005
#: Work that threads of this module do now.
_running: set[LockType] = set()


def running() -> bool:
    """Whether any of these threads does something: then the process can't be copied safely."""
    return bool(_running)


class Task(Generic[Result]):
    """Work that is done on another thread, from now on.

    Nothing may be left half-done by it: a process that ends doesn't wait for it.

    Parameters
    ----------
    work
        What to do.
    apart
        Whether the caller works, too, and the thread had better keep off its processor.

    Examples
    --------
    >>> Task(lambda: 6 * 7).take()
    42
    """

    def __init__(self, work: Callable[[], Result], *, apart: bool = False) -> None:
        self._work: Callable[[], Result] | None = work
        self._done = allocate_lock()
        self._found: list[Result] = []
        self._error: BaseException | None = None
        self._late = monotonic() + _LATE
        self._done.acquire()
        self._thread = _thread()
        # Who takes it out of this does it.
        self._asked: deque[Task[Any]] = deque() if self._thread is None else self._thread.tasks
        self._asked.append(self)
        if self._thread is None:  # no more threads can be had
            self._late = 0.0
        else:
            self._thread.wake(apart)

    def serve(self) -> None:
        """Do the work, on the thread that has taken it."""
        _running.add(self._done)
        try:
            self._do()
        finally:
            _running.discard(self._done)

    def finish(self) -> None:
        """Have those who wait for it go on."""
        self._done.release()

    def _do(self) -> None:
        try:
            if self._work is not None:
                self._found.append(self._work())
        except BaseException as error:
            self._error = error
        finally:
            self._work = None

    def take(self) -> Result:
        """Wait for the result and return it, once; or raise what was raised.

        What no thread has begun is done now, and here.
        """
        if self.take_over():
            self._do()
        self.wait()
        if self._error is not None:
            raise self._error
        if not self._found:
            raise MemoryError
        return self._found.pop()

    def take_over(self, patience: bool = False) -> bool:
        """Whether the work has not been begun, and is the caller's from now on.

        JUSTIFICATION: waking up takes a thread half a millisecond at times, and the caller has
        filtered a small image alone by then (bench: growth). With `patience` it gets a moment.
        """
        if patience:
            while self._late > monotonic() and self in self._asked:
                if self._done.acquire(timeout=_SOON):
                    self._done.release()
        try:
            self._asked.remove(self)
        except ValueError:
            return False
        if self._thread is not None:
            self._thread.leave()
        self._done.release()
        return True

    def wait(self) -> None:
        """Wait until the thread has done the work, unless the caller has taken it over."""
        while not self._done.acquire(timeout=_PATIENCE):
            continue
        self._done.release()


class _Thread:
    """A thread that does one task after another, and waits in between."""

    def __init__(self) -> None:
        self.tasks: deque[Task[Any]] = deque()
        self._woken = allocate_lock()
        self._id: int | None = None
        self._apart = False
        self._due, self._given_up = monotonic() + _LATE, False
        self._woken.acquire()
        start_new_thread(self._serve, ())

    def wake(self, apart: bool) -> None:
        """Have it look for tasks."""
        if self._id is not None and (apart or self._apart):
            _move(self._id, apart)
            self._apart = apart
        # It may not have noticed yet that it was woken before.
        with suppress(RuntimeError):
            self._woken.release()

    def leave(self) -> None:
        """Have it wait for other tasks; one that hasn't begun by now may never."""
        if self._id is not None or monotonic() < self._due:
            _waiting.append(self)
        else:
            self._given_up = True

    def _serve(self) -> None:
        self._id = get_native_id()
        while True:
            self._woken.acquire()
            try:
                task = self.tasks.pop()
            except IndexError:
                if self._given_up:
                    return
                continue
            try:
                with suppress(MemoryError):  # whoever waits for the result finds none
                    task.serve()
            finally:
                _waiting.append(self)
                task.finish()
                # Images aren't kept until the next one comes.
                del task


#: Threads that have nothing to do; a process that is a copy of this one has none.
_waiting: deque[_Thread] = deque()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.clear)
    os.register_at_fork(after_in_child=_running.clear)


def _thread() -> _Thread | None:
    """Return a thread that waits, or a new one; None if none can be had."""
    try:
        return _waiting.pop()
    except IndexError:
        with suppress(RuntimeError, MemoryError):
            return _Thread()
    return None


def _move(thread: int, apart: bool) -> None:
    """Have a thread run where this one may, or anywhere but where this one does, if it can.

    JUSTIFICATION: Linux often wakes a thread on the processor of the one that wakes it, and leaves
    both there until the first has used up its time, 4 ms, though another processor is idle: in a
    third of the calls here, and then a blur of 12 megapixels takes 9 ms and not 5.5 (bench: named).
    """
    if _current_processor is None:
        return
    processors = os.sched_getaffinity(0)
    if apart:
        processors = processors - {_current_processor()} or processors
    # A thread that can't be moved does its work where it is.
    with suppress(OSError):
        os.sched_setaffinity(thread, processors)


def _find_current_processor() -> Callable[[], int] | None:
    if not hasattr(os, "sched_setaffinity"):
        return None
    try:
        found: Callable[[], int] = ctypes.PyDLL(None).sched_getcpu
    except (OSError, AttributeError):
        return None
    return found


_current_processor = _find_current_processor()
