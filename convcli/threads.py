"""Threads that can't be waited for in vain.

`threading.Thread.start` waits until the new thread says that it runs. One that can't have memory
for its first call ends before that, and the wait has no end: so it went under `ulimit -v`. Here
work belongs to whoever takes it first, the thread or the one that waits for it.
"""

from __future__ import annotations

import os
from _thread import LockType, allocate_lock, start_new_thread
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

Result = TypeVar("Result")

#: Seconds between two looks for Ctrl-C, which can't interrupt a wait on Windows.
_PATIENCE = 0.2
#: Seconds after which a thread that hasn't begun is done without, and between two looks for it.
_LATE, _SOON = 0.25, 0.0005
#: Threads of this module that run.
_running: set[LockType] = set()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_running.clear)


def running() -> bool:
    """Whether any of these threads runs: then the process can't be copied safely."""
    return bool(_running)


class Task(Generic[Result]):
    """Work that is done on a thread of its own, from now on.

    Nothing may be left half-done by it: a process that ends doesn't wait for it.

    Parameters
    ----------
    work
        What to do.

    Examples
    --------
    >>> Task(lambda: 6 * 7).take()
    42
    """

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work: Callable[[], Result] | None = work
        self._claim, self._done = allocate_lock(), allocate_lock()
        self._found: list[Result] = []
        self._error: BaseException | None = None
        self._late = monotonic() + _LATE
        self._done.acquire()
        try:
            start_new_thread(self._serve, ())
        except (RuntimeError, MemoryError):  # no more threads can be had
            self._late = 0.0

    def _serve(self) -> None:
        _running.add(self._done)
        try:
            if self._claim.acquire(blocking=False):
                try:
                    self._do()
                finally:
                    self._done.release()
        finally:
            _running.discard(self._done)

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

        With `patience` a thread gets a moment to begin.
        """
        if patience:
            while self._late > monotonic() and not self._claim.locked():
                if self._done.acquire(timeout=_SOON):
                    self._done.release()
        if not self._claim.acquire(blocking=False):
            return False
        self._done.release()
        return True

    def wait(self) -> None:
        """Wait until the thread has done the work, unless the caller has taken it over."""
        while not self._done.acquire(timeout=_PATIENCE):
            continue
        self._done.release()
