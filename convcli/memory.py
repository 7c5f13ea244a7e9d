"""How much memory there is, asked of the system and never guessed."""

from __future__ import annotations

import mmap
import os

#: What is said where there isn't enough.
NOT_ENOUGH = (
    "there is not enough memory for this image, its padding and its result; "
    "use a smaller image, or raise the limit if one is set (ulimit -v)"
)
#: Bytes that importing a library, or starting a thread, may take.
SLACK = 2**27
#: Where Linux says what there is; what a control group may have and has, versions 2 and 1.
_MEMINFO = "/proc/meminfo"
_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def is_had(size: int) -> bool:
    """Whether so many bytes could be had now, by what the system would allow (`ulimit -v`).

    Nothing is written to them, so it takes microseconds, however many they are.

    Examples
    --------
    >>> is_had(2**20), is_had(2**62)
    (True, False)
    """
    try:
        mmap.mmap(-1, max(1, size)).close()
    except (OSError, OverflowError, ValueError, MemoryError, ImportError):
        return False
    return True


def left() -> int | None:
    """Return how many bytes can be written to before somebody is killed; None if nobody says."""
    found = [_available(), *(_in_group(*names) for names in _GROUPS)]
    known = [size for size in found if size is not None]
    return max(0, min(known)) if known else None


def _available() -> int | None:
    """Return what the machine has left (Linux, proc(5): MemAvailable)."""
    for line in _text(_MEMINFO).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return None


def _in_group(most: str, used: str) -> int | None:
    """Return what the control group has left; files that are cached count as used there."""
    limit, taken = _text(most).strip(), _text(used).strip()
    if not (limit.isdecimal() and taken.isdecimal()):
        return None
    return int(limit) - int(taken) + _cached(os.path.dirname(most))  # noqa: PTH120


def _cached(group: str) -> int:
    """Return what the control group would give up: files that nobody has used for a while."""
    for line in _text(f"{group}/memory.stat").splitlines():
        name, _, size = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file") and size.isdecimal():
            return int(size)
    return 0


def _text(path: str) -> str:
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return os.read(handle, 2**14).decode("ascii", "replace")
    except OSError:
        return ""
    finally:
        os.close(handle)
