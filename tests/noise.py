"""What a child process that judges many cases says beside its findings."""

from __future__ import annotations

import os


def drained(noise):
    """Return what was written to a file since the last time, and empty it."""
    size = os.fstat(noise).st_size
    if not size:
        return ""
    text = os.pread(noise, 2000, 0).decode("utf-8", "replace")
    os.ftruncate(noise, 0)
    os.lseek(noise, 0, os.SEEK_SET)
    return text
