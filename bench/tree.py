"""The peak memory of a command and of all processes that it starts."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from time import perf_counter

from bench.timing import CommandError

#: Seconds from one look to the next. A look takes about a millisecond for each process.
EVERY = 0.05


@dataclass(frozen=True)
class Watched:
    """How a command went.

    Parameters
    ----------
    seconds
        Wall time.
    peak
        The most memory that it and its descendants had at once, in bytes.
    first
        How much of that the command's own process had.
    processes
        How many there were then.
    """

    seconds: float
    peak: int
    first: int
    processes: int


def measurable() -> bool:
    """Whether this system tells what is needed; Linux does."""
    here = Path(f"/proc/{os.getpid()}")
    return all((here / name).exists() for name in ("smaps_rollup", f"task/{here.name}/children"))


def run(command: list[str], cwd: str | Path | None = None, every: float = EVERY) -> Watched:
    """Run a command, and look at its memory from time to time until it ends.

    A page that several processes share counts once: what is added up is their proportional set
    size, as `/proc/PID/smaps_rollup` has it.

    Raises
    ------
    CommandError
        If it ends with another status than 0; with what it said.
    """
    # As for other commands that are measured: see `timing`.
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as said:
        start = perf_counter()
        child = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        with _Looking(child.pid, every) as looking:
            status = child.wait()
            seconds = perf_counter() - start
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    if status != 0:
        raise CommandError(f"{' '.join(command)[:200]}: {text.strip()[-500:]}")
    most = max(looking.seen, key=lambda sizes: sum(sizes), default=[0])
    return Watched(seconds, sum(most), most[0], len(most))


class _Looking:
    """A thread that looks, until its context ends."""

    def __init__(self, pid: int, every: float) -> None:
        self.seen: list[list[int]] = []
        self._pid, self._every = pid, every
        self._ended = Event()
        self._thread = Thread(target=self._look)

    def __enter__(self) -> _Looking:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.is_set():
            self.seen.append([_share(pid) for pid in _tree(self._pid)])
            self._ended.wait(self._every)


def _tree(pid: int) -> Iterator[int]:
    """Yield a process and its descendants; those that end meanwhile may be left out."""
    yield pid
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text(encoding="ascii").split():
                yield from _tree(int(child))


def _share(pid: int) -> int:
    """Return a process's proportional set size in bytes, or 0 if it has ended."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return 0
