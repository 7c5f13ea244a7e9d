"""Parts of a picture on several threads, their results in order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from threading import Condition, Thread
from typing import Generic, TypeVar

from convcli.processors import processors

Item = TypeVar("Item")
Result = TypeVar("Result")


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
    return _Team(work, items).run(threads)


class _Team(Generic[Item, Result]):
    """Threads that take items one after the other.

    JUSTIFICATION: `concurrent.futures` does the same, and takes 7 ms to import.
    """

    def __init__(self, work: Callable[[Item], Result], items: Sequence[Item]) -> None:
        self._work = work
        self._left: Iterator[tuple[int, Item]] = iter(enumerate(items))
        self._count = len(items)
        self._done: dict[int, Result] = {}
        self._awaited = 0
        self._errors: list[BaseException] = []
        self._changed = Condition()

    def run(self, threads: int) -> Generator[Result, None, None]:
        """Yield the results; when that ends early, no further item is begun."""
        team = [Thread(target=self._drain) for _ in range(threads)]
        try:
            for thread in team:
                thread.start()
            for place in range(self._count):
                yield self._wait(place)
        finally:
            self._left = iter(())
            for thread in team:
                if thread.ident is not None:
                    thread.join()

    def _wait(self, place: int) -> Result:
        with self._changed:
            self._awaited = place
            while place not in self._done:
                if self._errors:
                    raise self._errors[0]
                self._changed.wait()
            return self._done.pop(place)

    def _drain(self) -> None:
        while True:
            with self._changed:
                if self._errors:
                    return
                found = next(self._left, None)
            if found is None:
                return
            try:
                result = self._work(found[1])
            except BaseException as error:
                with self._changed:
                    self._errors.append(error)
                    self._changed.notify_all()
                return
            with self._changed:
                self._done[found[0]] = result
                # Waking who can't go on yet would take a worker's processor for a moment.
                if found[0] == self._awaited:
                    self._changed.notify_all()
