"""How many threads this process uses where nobody says how many."""

from __future__ import annotations

import os

#: This process's share of the processors, if it has one.
_share: int | None = None


def processors() -> int:
    """Return this process's share of the processors, or else how many it may run on."""
    if _share is not None:
        return _share
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def take_share(threads: int) -> None:
    """Have this process use so many threads, as it shares the processors with others."""
    global _share
    _share = threads
