"""The one place where a command line begins, and where errors end."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from convcli.cli import streams
from convcli.cli.status import DONE, FAILED, INTERRUPTED, WRONG_USAGE, Stopped, say
from convcli.errors import ConvError, StreamError, UsageError

if TYPE_CHECKING:
    from convcli.cli.group import cli

__all__ = ["DONE", "FAILED", "INTERRUPTED", "WRONG_USAGE", "Stopped", "cli", "main", "run"]

#: Seconds until a thread that waits for Python's lock gets it. Python's own 5 ms are as long as
#: decoding a small image, which has to wait so a few times while modules are imported.
_TURN = 0.0005
#: What says how large a terminal is, and digits of more than that: Rich makes lines so wide.
_SIZES, _DIGITS = ("COLUMNS", "LINES"), 4
#: Windows leaves wildcards to programs, and Click expands them.
_EXPANDS = os.name == "nt"
#: mallopt's numbers for M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_ARENA_MAX.
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _ARENA_MAX = -3, -1, -8


def __getattr__(name: str) -> Any:
    """Import the group when it is asked for: it needs Click."""
    if name != "cli":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from convcli.cli.group import cli

    return cli


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status; every expected error is one line."""
    try:
        return _told(arguments)
    except StreamError as error:
        return _unheard(error)


def _told(arguments: Sequence[str] | None) -> int:
    """Run a command line, say what went wrong, and return the exit status."""
    try:
        result = _call(arguments)
        sys.stdout.flush()
    except UsageError as error:
        return say(str(error), WRONG_USAGE)
    except ConvError as error:
        return say(str(error), FAILED)
    except (Stopped, KeyboardInterrupt) as error:
        return _stopped(error)
    except Exception as error:
        return _failed(error)
    return result if isinstance(result, int) else DONE


def _call(arguments: Sequence[str] | None) -> Any:
    """Run the usual command line without Click, any other with it."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    wild = _EXPANDS and any(sign in word for word in given for sign in "*?[")
    if given[:1] == ["apply"] and not wild:
        from convcli.cli import quick

        status = quick.attempt(given[1:])
        if status is not None:
            return status
    from convcli.cli import group

    return group.call(arguments)


def _failed(error: Exception) -> int:
    """Say what the system has against it; what is none of its faults is a bug, and raised."""
    from convcli import memory

    # Modules and libraries that can't be loaded for want of memory say so in words of their own.
    if isinstance(error, MemoryError) or not memory.is_had(memory.SLACK):
        return say(memory.NOT_ENOUGH, FAILED)
    if isinstance(error, OSError):
        return _stopped(error)
    raise error


def _stopped(error: BaseException) -> int:
    """Say why all came to an end."""
    reason = error.__cause__ if isinstance(error, Stopped) else error
    if isinstance(reason, OSError):
        from convcli.paths import told

        return say(told(reason), FAILED)
    # The terminal has shown ^C.
    sys.stderr.write("\n" * sys.stderr.isatty())
    return say("interrupted; what was finished is whole", INTERRUPTED)


def _unheard(error: StreamError) -> int:
    """Say that a stream takes no more, unless it is that nobody listens."""
    if not isinstance(error.reason, BrokenPipeError):
        with suppress(StreamError):  # nobody reads standard error, either
            say(str(error), FAILED)
    return FAILED


def run() -> NoReturn:
    """Entry point of the `convcli` script."""
    # Nothing here multiplies matrices. OpenBLAS, which comes with NumPy, would start a thread for
    # each processor all the same, and these would keep the others from their work for a while.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for name in ("SIGTERM", "SIGHUP"):
        # As Ctrl-C: what was begun is removed. Who started this may have had one ignored (nohup).
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    _check_sizes()
    streams.take_over()
    # What modules are made of stays to the end: looking for cycles in it takes 7 % of the imports.
    gc.set_threshold(50_000, 50, 50)
    sys.setswitchinterval(_TURN)
    if sys.argv[1:2] == ["apply"]:
        _give_back()
    _leave(main())


def _check_sizes() -> None:
    """Have the environment say of the terminal's size only what can be one.

    Rich ends with a traceback at `²` and at five thousand digits, and takes the memory for any
    width at all.
    """
    for name in _SIZES:
        given = os.environ.get(name, "")
        if not (given.isascii() and given.isdecimal() and given.strip("0")):
            os.environ.pop(name, None)
        elif len(given) > _DIGITS:
            os.environ[name] = "9" * _DIGITS


def _give_back() -> None:
    """Have glibc return what large arrays took; elsewhere nothing is done.

    JUSTIFICATION: once it has seen a large block freed it keeps twice as much for later; that
    adds 30 MB to the peak of a 12-megapixel PNG (bench: memory). With the first number alone
    the other stays at 128 KB, and every buffer's pages are had anew: a seventh more time. As
    each thread's heap keeps as much, they share one: 13 MB less for two threads and a large
    kernel on colour weighted by alpha, in the same time.
    """
    import ctypes

    with suppress(OSError, AttributeError, TypeError):
        glibc = ctypes.CDLL(None)
        glibc.mallopt(_MMAP_THRESHOLD, 2**23)
        glibc.mallopt(_TRIM_THRESHOLD, 2**24)
        glibc.mallopt(_ARENA_MAX, 1)


def _leave(status: int) -> NoReturn:
    """End the process; who was told less than all is told by the exit status."""
    try:
        whole = streams.finish()
    except StreamError as error:
        status, whole = _unheard(error), True
    except KeyboardInterrupt:
        status, whole = INTERRUPTED, True
    # JUSTIFICATION: to take NumPy apart object by object takes 20 ms, a tenth of what a small
    # image takes. Files are closed and synced by now, threads have ended, streams are flushed.
    os._exit(status if whole else status or FAILED)
