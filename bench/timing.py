"""Times and peak memory, of calls in this process and of commands in their own."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

__all__ = ["Budget", "CommandError", "Ended", "alternate", "median", "run"]

#: Seconds to wait before a run. OpenCV's and PyTorch's threads keep turning for some milliseconds
#: after their work, and would take a processor from whoever comes next (seen: twice the time).
REST = 0.01

_LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True)
class Budget:
    """How long one comparison may take, in seconds, and its least and most runs of each."""

    seconds: float
    least: int
    most: int

    def runs(self, one_round: float) -> int:
        """How often a round that takes so long is run."""
        return int(min(self.most, max(self.least, self.seconds / max(one_round, 1e-9))))


FULL = Budget(seconds=1.0, least=5, most=15)
QUICK = Budget(seconds=0.1, least=3, most=5)


def alternate(
    works: Mapping[str, Callable[[], Any]],
    budget: Budget,
    *,
    rest: float = REST,
    runs: int | None = None,
    twice: bool = False,
) -> dict[str, list[float]]:
    """Run all in turns, A B A B, so that noise meets all alike; before, each once to warm up.

    Parameters
    ----------
    works
        What to run, by name. A work that returns an `Ended` is timed by that.
    budget
        Decides on the rounds, from what the first run took.
    rest
        Seconds to wait before every run.
    runs
        Rounds, whatever the budget says, and without warming up.
    twice
        Whether each run follows one that isn't counted, of the same work.

    Returns
    -------
    dict
        Seconds of each run, in order.
    """
    rounds = runs or budget.runs(sum(_seconds(work, rest) for work in works.values()))
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            if twice:
                work()
            taken[name].append(_seconds(work, rest))
    return taken


def _seconds(work: Callable[[], Any], rest: float) -> float:
    if rest:
        sleep(rest)
    start = perf_counter()
    result = work()
    passed = perf_counter() - start
    return result.seconds if isinstance(result, Ended) else passed


class CommandError(Exception):
    """A command that failed."""


@dataclass(frozen=True)
class Ended:
    """How a command went: wall time in seconds, and its greatest resident memory in bytes."""

    seconds: float
    peak: int


def run(
    command: list[str], cwd: str | Path | None = None, env: Mapping[str, str] | None = None
) -> Ended:
    """Run a command and wait for it.

    It is started by a small process: a child's greatest memory counts that of the process which
    it was forked from, and forking a large one takes time of its own.

    Raises
    ------
    CommandError
        If it ends with another status than 0; with what it said.
    """
    launcher = _launch()
    assert launcher.stdin is not None
    assert launcher.stdout is not None
    asked = {"command": command, "cwd": str(cwd) if cwd else None, "env": dict(env or {})}
    launcher.stdin.write(json.dumps(asked) + "\n")
    launcher.stdin.flush()
    answer = json.loads(launcher.stdout.readline())
    if answer["status"] != 0:
        raise CommandError(f"{' '.join(command)[:200]}: {answer['said'].strip()[-500:]}")
    return Ended(answer["seconds"], answer["peak"])


@cache
def _launch() -> subprocess.Popen[str]:
    arguments = [sys.executable, "-I", "-S", str(_LAUNCHER)]
    pipe = subprocess.PIPE
    # With it Python would compile our sources again in every process, as no user's does.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    launcher = subprocess.Popen(arguments, stdin=pipe, stdout=pipe, text=True, env=environment)
    atexit.register(launcher.communicate)  # it ends when nothing more can come
    return launcher
