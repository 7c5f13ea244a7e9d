"""Standard streams that take all they are given, or say that they don't.

Python's own lose what a system takes only a part of where they have no buffer
(`PYTHONUNBUFFERED`, `python -u`), or where whoever started this made them not wait.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from select import select
from typing import Any, TextIO

from convcli.errors import StreamError, UsageError

_OUT, _ERR = "standard output", "standard error"


def take_over() -> None:
    """Put streams in the place of Python's that lose nothing in silence.

    What can't be written to standard output raises `StreamError`, and so does a reader of
    standard error who has gone. For anything else that becomes of standard error the work goes
    on; `finish` tells.
    """
    # In this order: each that was closed takes the number that nothing else may have.
    sys.stdin = _reading(sys.stdin)
    sys.stdout = _writing(sys.stdout, _OUT)
    sys.stderr = _writing(sys.stderr, _ERR)


def finish() -> bool:
    """Write what is still to be written, and return whether all has gone where it should.

    Raises
    ------
    StreamError
        As for what was written before.
    """
    whole = True
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        outlet = getattr(stream, "buffer", None)
        if isinstance(outlet, _Outlet):
            outlet.end()
            whole &= not outlet.lost
    return whole


def descriptor(stream: TextIO) -> int | None:
    """Return a stream's descriptor; None if it has none."""
    with suppress(OSError, ValueError, AttributeError):
        return stream.fileno()
    return None


def check_apart(reads: Iterable[str]) -> None:
    """Refuse to write to standard output if it is one of the files that are read.

    Parameters
    ----------
    reads
        Their paths; `-` is standard input.

    Raises
    ------
    UsageError
        If it is.
    """
    if what := same_file(descriptor(sys.stdout), reads):
        raise UsageError(f"{_OUT} is {what} itself, which is read; send it to another file")


def check_targets(targets: Mapping[str, str | None], reads: Iterable[str]) -> None:
    """Refuse to write over what is read, or what another option writes.

    Parameters
    ----------
    targets
        Paths by the options that name them; None for those that weren't given.
    reads
        Paths of what is read; `-` is standard input.

    Raises
    ------
    UsageError
        If one is.
    """
    apart = list(reads)
    for option, path in targets.items():
        if path is None:
            continue
        if what := same_file(path, apart):
            used = "which is read" if what in reads or what == "standard input" else "written, too"
            raise UsageError(f"{option} {path}: is {what} itself, {used}; name another file")
        apart.append(path)


def same_file(written: str | int | None, reads: Iterable[str]) -> str:
    """Return which of the files that are read is one that is written; '' if none is.

    Parameters
    ----------
    written
        Its path or descriptor. What isn't a regular file, such as a pipe, is none of them.
    reads
        Their paths; `-` is standard input.
    """
    from convcli.paths import Identities

    identities = Identities()
    kept = identities.of(written) if isinstance(written, str) else identities.of_open(written)
    if kept is None:
        return ""
    for each in reads:
        given = each == "-"
        found = identities.of_open(descriptor(sys.stdin)) if given else identities.of(each)
        if found == kept:
            return "standard input" if given else each
    return ""


class _Outlet(io.RawIOBase):
    """A stream that takes all it is given, at once: a text stream above it collects lines.

    A signal's handler may write while something is written: nothing here is locked.

    Parameters
    ----------
    raw
        The stream below, which may take less; None for one that was closed.
    name
        What it is called.
    """

    def __init__(self, raw: io.RawIOBase | None, name: str) -> None:
        #: Whether anything was not written. What comes after that goes nowhere.
        self.lost = False
        self.name = name
        self._closed = raw is None
        self._vital = name == _OUT
        self._raw: Any = raw or io.FileIO(os.devnull, "w")

    def write(self, data: Any, /) -> int:
        """Write all of it.

        Raises
        ------
        StreamError
            If it can't be, and that matters.
        """
        view = memoryview(data).cast("B")
        size = len(view)
        try:
            while view and not self.lost:
                view = view[self._some(view) :]
        except OSError as error:
            self._lose(error)
        return size

    def _some(self, view: memoryview) -> int:
        """Write what is taken, and wait if nothing is."""
        if self._closed and self._vital:
            raise OSError(errno.EBADF, "it is closed")
        taken: int | None = self._raw.write(view)
        if taken is None:
            select([], [self._raw], [])
        return taken or 0

    def _lose(self, error: OSError) -> None:
        self.lost = True
        if self._vital or isinstance(error, BrokenPipeError):
            raise StreamError(self.name, error) from error

    def end(self) -> None:
        """Close standard output: a full disk far away may be told only then."""
        if not self._vital or self.lost or self._closed:
            return
        try:
            os.close(self._raw.fileno())
        except OSError as error:
            self._lose(error)

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return bool(self._raw.isatty())


class _Inlet(io.RawIOBase):
    """A raw stream that waits for what is to come.

    Parameters
    ----------
    raw
        The stream below, which may not wait; None for one that was closed.
    """

    def __init__(self, raw: io.RawIOBase | None) -> None:
        self.name = "standard input"
        self._closed = raw is None
        self._raw: Any = raw or io.FileIO(os.devnull, "r")

    def readinto(self, buffer: Any, /) -> int:
        """Read some."""
        if self._closed:
            raise OSError(errno.EBADF, "it is closed", self.name)
        while (count := self._raw.readinto(buffer)) is None:
            select([self._raw], [], [])
        return int(count)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Whether it is a file."""
        return not self._closed and bool(self._raw.seekable())

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go elsewhere in it."""
        return int(self._raw.seek(offset, whence))

    def fileno(self) -> int:
        """Return the descriptor."""
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return bool(self._raw.isatty())


def _writing(stream: TextIO | None, name: str) -> TextIO:
    """Return a stream that loses nothing, instead of one that is Python's."""
    if stream is None:
        return io.TextIOWrapper(_Outlet(None, name), "utf-8", "replace")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    outlet = _Outlet(getattr(stream.buffer, "raw", stream.buffer), name)
    # A terminal without ⌊ or × gets a ? instead.
    return io.TextIOWrapper(
        outlet,
        stream.encoding,
        "replace",
        line_buffering=stream.line_buffering or stream.write_through,
    )


def _reading(stream: TextIO | None) -> TextIO:
    """Return a stream that waits, instead of one that doesn't or was closed."""
    if stream is None:
        return io.TextIOWrapper(io.BufferedReader(_Inlet(None)), "utf-8")
    waits = True
    with suppress(OSError, ValueError, AttributeError):
        waits = os.get_blocking(stream.fileno())
    if waits or not isinstance(stream, io.TextIOWrapper):
        return stream
    raw = getattr(stream.buffer, "raw", stream.buffer)
    return io.TextIOWrapper(io.BufferedReader(_Inlet(raw)), stream.encoding)
