"""What a worker does: a process that filters the images it is handed."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from convcli.batch.one import Common
from convcli.processors import take_share
from convcli.threads import Task

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

#: Signals that end a program. The process that hands out images gets them, too, and decides.
_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


class StoppedError(BaseException):
    """Nobody waits for the image any more; not an `Exception`, which a step might deal with."""


def serve(
    common: Common, lines: Sequence[Connection], others: Sequence[Connection], threads: int
) -> None:
    """Filter images until there are no more.

    Parameters
    ----------
    common
        What all images have in common.
    lines
        Each brings `Job`s, one at a time, and takes what is to be said of them: ("takes", bytes)
        each time that becomes known, then ("done", `Outcome`), or ("broken", exception).
    others
        The other ends of all lines, inherited: while they are open here, nobody would notice
        that the process which hands out images has gone.
    threads
        How many an image is filtered and written with.
    """
    for line in others:
        line.close()
    for name in _ENDING:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    take_share(threads)
    tasks = [Task(partial(_attend, common, (line,))) for line in lines[1:]]
    # Lines for which there is no thread are served by this one.
    alone = [line for line, task in zip(lines[1:], tasks, strict=True) if task.take_over(True)]
    _attend(common, (lines[0], *alone))
    for line, task in zip(lines[1:], tasks, strict=True):
        if line not in alone:
            task.wait()


def _attend(common: Common, lines: Sequence[Connection]) -> None:
    """Do what comes along lines, until one ends."""
    with suppress(EOFError, ConnectionError, StoppedError):
        while True:
            line: Any = lines[0] if len(lines) == 1 else wait(lines)[0]
            job = line.recv()
            try:
                said: tuple[str, Any] = "done", common.do(job, partial(_tell, line))
            except Exception as error:
                said = "broken", error
            line.send(said)


def _tell(line: Connection, size: int) -> None:
    """Say what an image takes, and go on, unless something waits: then all has ended."""
    line.send(("takes", size))
    if line.poll():
        raise StoppedError
