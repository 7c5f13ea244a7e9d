"""Parts of an image on several threads, their results in order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from threading import Condition
from typing import Generic, TypeVar

from convcli.processors import processors
from convcli.threads import Task

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Seconds after which a thread looks for itself what there is, whether or not it was woken.
_PATIENCE = 0.2


def on_threads(
    work: Callable[[Item], Result], items: Sequence[Item], jobs: int | None = None
) -> Iterator[Result]:
    """Yield what work makes of items, in their order, made on threads.

    Parameters
    ----------
    work
        What to do with an item.
    items
        At least one.
    jobs
        Threads; None for one a processor.

    Examples
    --------
    >>> list(on_threads(len, ["a", "bc", ""]))
    [1, 2, 0]
    """
    threads = min(len(items), jobs or processors())
    if threads == 1:
        return map(work, items)
    return _SharedItems(work, items).run(threads)


class _SharedItems(Generic[Item, Result]):
    """Threads that take items one after the other."""

    def __init__(self, work: Callable[[Item], Result], items: Sequence[Item]) -> None:
        self._work = work
        self._left: Iterator[tuple[int, Item]] = iter(enumerate(items))
        self._count = len(items)
        self._done: dict[int, Result] = {}
        self._awaited = 0
        self._error: BaseException | None = None
        self._changed = Condition()

    def run(self, threads: int) -> Generator[Result, None, None]:
        """Yield the results; when that ends early, no further item is begun."""
        tasks: list[Task[None]] = []
        try:
            with suppress(MemoryError):  # a thread that can't be had is one less
                for _ in range(threads):
                    tasks.append(Task(self._drain))
            # Where no thread has begun, this one does all.
            alone = all(each.take_over(patience=True) for each in tasks)
            for place in range(self._count):
                if alone:
                    self._next()
                yield self._wait(place)
        finally:
            self._left = iter(())
            for each in tasks:
                if not each.take_over():
                    each.wait()

    def _wait(self, place: int) -> Result:
        with self._changed:
            self._awaited = place
            while place not in self._done:
                if self._error is not None:
                    raise self._error
                self._changed.wait(_PATIENCE)
            return self._done.pop(place)

    def _drain(self) -> None:
        """Do items until there are none; what is raised is the caller's."""
        try:
            while self._error is None and self._next():
                continue
        except BaseException as error:
            self._error = error
            with self._changed:
                self._changed.notify_all()

    def _next(self) -> bool:
        """Do the next item, and return whether there was one."""
        with self._changed:
            found = next(self._left, None)
        if found is None:
            return False
        result = self._work(found[1])
        with self._changed:
            self._done[found[0]] = result
            # Waking who can't go on yet would take a worker's processor for a moment.
            if found[0] == self._awaited:
                self._changed.notify_all()
        return True
