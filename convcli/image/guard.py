"""What becomes of a library's exception: one clear line, and words of memory where that is why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from convcli import memory
from convcli.errors import ConvError, ImageError

Result = TypeVar("Result")

#: What follows the words on damage that can be overlooked.
READS = "; `lenient` reads what is there"


def guard(work: Callable[[], Result], what: str, need: Callable[[], int] = lambda: 0) -> Result:
    """Do work with other people's libraries; whatever they raise becomes one clear line.

    Libraries have words of their own for a want of memory, or none: where there isn't what the
    work needs, that is what is said, and never that a good file is damaged.

    Parameters
    ----------
    work
        What to do.
    what
        What it means if it can't be done: how the line begins.
    need
        Says how many bytes the work takes; asked only if it can't be done.

    Raises
    ------
    ImageError
        If it can't.
    """
    try:
        return work()
    except MemoryError as error:
        raise ImageError(memory.NOT_ENOUGH) from error
    except Exception as error:
        # What a reader of ours made of a library's words is believed no more than these.
        ours = isinstance(error, ConvError)
        if not (ours and error.__context__ is None) and not memory.is_had(need() + memory.SLACK):
            raise ImageError(memory.NOT_ENOUGH) from error
        if ours:
            raise
        # Pillow alone raises eight kinds of exception on damaged files.
        from convcli.image.reasons import describe

        raise ImageError(describe(error, what)) from error


def guarded(
    parts: Iterable[bytes], what: str, need: Callable[[], int] = lambda: 0
) -> Iterator[bytes]:
    """Give a file's parts; whatever is raised meanwhile becomes one clear line."""
    left = iter(parts)
    while (part := guard(lambda: next(left, None), what, need)) is not None:
        yield part


def overlook(said: str, lenient: bool) -> str:
    """Return what is said of damage as a note.

    Raises
    ------
    ImageError
        If it isn't to be overlooked; the message names the option.
    """
    if not lenient:
        raise ImageError(said + READS)
    return said
