"""Several tasks at once, their results in order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from threading import Condition, Thread
from typing import Generic, TypeAlias, TypeVar

Result = TypeVar("Result")

#: Seconds between two looks for Ctrl-C, which can't interrupt a wait on Windows.
_PATIENCE = 0.2


class StoppedError(BaseException):
    """Nobody waits for the result any more; not an `Exception`, which a task might deal with."""


class Room:
    """Memory that tasks share: one may always begin, further ones while there is room.

    Parameters
    ----------
    size
        Bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._taken: dict[int, int] = {}
        self._changed = Condition()
        self._stopped = False

    def enter(self, task: int, size: int) -> None:
        """Wait until there is room for a task that is thought to take `size` bytes.

        Raises
        ------
        StoppedError
            If all was stopped meanwhile.
        """
        with self._changed:
            while not self._stopped and self._taken and self._used() + size > self.size:
                self._changed.wait()
            self._taken[task] = size
        self.check()

    def resize(self, task: int, size: int) -> None:
        """Say what a task takes, now that it is known; also whether to go on, as `check`."""
        with self._changed:
            self._taken[task] = size
            self._changed.notify_all()
        self.check()

    def leave(self, task: int) -> None:
        """Give back what a task took."""
        with self._changed:
            self._taken.pop(task, None)
            self._changed.notify_all()

    def check(self) -> None:
        """Go on, or not: a task asks between its steps.

        Raises
        ------
        StoppedError
            If all was stopped.
        """
        if self._stopped:
            raise StoppedError

    def stop(self) -> None:
        """Have no further step begun."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _used(self) -> int:
        return sum(self._taken.values())


Task: TypeAlias = Callable[[], Result]


def in_order(
    tasks: Sequence[Task[Result]], at_once: int, room: Room
) -> Generator[Result, None, None]:
    """Do tasks on threads, and give what they return in their order.

    When the iterator is closed, or an error or Ctrl-C ends it, no further step is begun, and what
    has begun is waited for: nothing goes on in the background.

    Parameters
    ----------
    tasks
        Each asks `room` before each of its steps.
    at_once
        How many are done at once, at the most; 1 for none on another thread.
    room
        What they share.
    """
    if min(at_once, len(tasks)) <= 1:
        for task in tasks:
            yield task()
        return
    flow = _Flow(tasks, room)
    threads = [Thread(target=flow.work) for _ in range(min(at_once, len(tasks)))]
    try:
        for thread in threads:
            thread.start()
        for place in range(len(tasks)):
            yield flow.wait(place)
    finally:
        room.stop()
        for thread in threads:
            while thread.is_alive():
                thread.join(_PATIENCE)


class _Flow(Generic[Result]):
    """Tasks that threads take one after the other, and what came of them."""

    def __init__(self, tasks: Sequence[Task[Result]], room: Room) -> None:
        self._waiting = iter(enumerate(tasks))
        self._room = room
        self._done: dict[int, Result | BaseException] = {}
        self._changed = Condition()

    def work(self) -> None:
        """Do tasks until there are none left, or one fails in a way that it doesn't know."""
        while True:
            with self._changed:
                place, task = next(self._waiting, (-1, None))
            if task is None:
                return
            found: Result | BaseException
            try:
                self._room.check()
                found = task()
            except BaseException as error:
                found = error
            with self._changed:
                self._done[place] = found
                self._changed.notify_all()
            if isinstance(found, BaseException):
                return

    def wait(self, place: int) -> Result:
        """Return a task's result, or raise what it raised."""
        with self._changed:
            while place not in self._done:
                self._changed.wait(_PATIENCE)
            found = self._done.pop(place)
        if isinstance(found, BaseException):
            raise found
        return found
