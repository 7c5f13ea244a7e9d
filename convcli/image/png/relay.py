"""What each part of an image leaves for the next one, whichever threads make them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from threading import Condition
from typing import Generic, TypeVar

Left = TypeVar("Left")


class Relay(Generic[Left]):
    """Things that parts leave for the part that follows, each put once and taken once.

    Parts are to be begun in their order: then whoever waits for a part waits for one that is being
    made, and never for ever.

    Examples
    --------
    >>> relay = Relay()
    >>> relay.put(0, "the end of part 0")
    >>> relay.take(0)
    'the end of part 0'
    """

    def __init__(self) -> None:
        self._left: dict[int, Left] = {}
        self._error: BaseException | None = None
        self._changed = Condition()

    def put(self, part: int, left: Left) -> None:
        """Leave something for who follows a part."""
        with self._changed:
            self._left[part] = left
            self._changed.notify_all()

    def take(self, part: int) -> Left:
        """Wait for what a part leaves, and return it.

        Raises
        ------
        BaseException
            What was raised in a part that could not be made: nothing more is to come then.
        """
        with self._changed:
            while part not in self._left:
                if self._error is not None:
                    raise self._error
                self._changed.wait()
            return self._left.pop(part)

    @contextmanager
    def part(self) -> Generator[None, None, None]:
        """Make a part; if that fails, nobody waits for what it would have left."""
        try:
            yield
        except BaseException as error:
            with self._changed:
                self._error = self._error or error
                self._changed.notify_all()
            raise
