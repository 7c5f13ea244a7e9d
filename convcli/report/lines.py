"""Lines of text that suit a terminal: no wider than it, and with no control characters."""

from __future__ import annotations

import os
from math import isfinite
from typing import Any, TextIO


def printable(text: str) -> str:
    r"""Return a text as one line: what isn't printable in the name of a file is written out.

    Examples
    --------
    >>> print(printable("two\nlines.png"))
    two\nlines.png
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def as_json(data: Any) -> str:
    """Return JSON-ready values as one line of JSON; numbers that it hasn't, as null."""
    import json

    try:
        return json.dumps(data, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(data))


def _finite(data: Any) -> Any:
    """Return values with None for what is infinite or no number."""
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not isfinite(data) else data


def columns(stream: TextIO) -> int | None:
    """Return how wide what is said on a stream may be; None for any width.

    That is COLUMNS, or the terminal's width; a file or a pipe gets whole lines.
    """
    if os.environ.get("COLUMNS", "").isdecimal() or stream.isatty():
        import shutil

        return max(20, shutil.get_terminal_size().columns)
    return None


def wrapped(head: str, said: str, width: int | None) -> str:
    """Return a label and what it labels; lines that follow stand below what was said first.

    Examples
    --------
    >>> print(wrapped("note  ", "a line that is too wide", 20))
    note  a line that is
          too wide
    """
    if width is None:
        return head + said
    import textwrap

    return textwrap.fill(
        said,
        width,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
