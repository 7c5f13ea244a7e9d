"""Exit statuses, and lines on standard error; without Click, which not every command needs."""

from __future__ import annotations

import sys

from convcli.report.lines import harmless, printable
from convcli.report.option_names import as_options

#: Exit statuses, all there are.
DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


class Stopped(Exception):
    """Ctrl-C, or what the system has said: what Click would otherwise end in its own way."""


def say(message: str, status: int) -> int:
    """Say what is wrong, in a line that names options, and return the exit status."""
    tell(f"convcli: {printable(as_options(message))}")
    return status


def tell(text: str) -> None:
    """Say something on standard error, at once."""
    sys.stderr.write(f"{harmless(text)}\n")
    sys.stderr.flush()
