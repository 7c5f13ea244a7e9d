"""Lines of text that suit a terminal: no wider than it, and with no control characters.

What files say is never printed as it is: a control character in it could move the cursor, change
what stands on the terminal already, or send keys. Whoever puts a text together uses `printable`,
`named` or `wrapped`; and whatever is printed passes `harmless` last, for what was forgotten.
"""

from __future__ import annotations

import os
import re
from math import isfinite
from typing import Any, TextIO

#: Characters of a name, and of a message or any other text, that are shown at most.
_NAME, _TEXT = 128, 4000
#: Unicode 15, chapters 23.1 to 23.3: C0, DEL and C1; what shows as nothing, or turns the direction
#: of what follows; ends of lines and paragraphs; tags; halves of pairs.
_CONTROLS = (
    "\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
#: Ends of lines, and colours (ECMA-48, SGR), are ours: no other sequence is.
_OURS = r"\n|\x1b\[[\d;]*m"


def printable(text: str) -> str:
    r"""Return a text as one line: what isn't printable in the name of a file is written out.

    Examples
    --------
    >>> print(printable("two\nlines.png"))
    two\nlines.png
    """
    text = _cut(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def named(name: str) -> str:
    r"""Return the name of a kernel or the like, as a file has it, as one short line.

    Examples
    --------
    >>> print(named("\x1b[2Jx"), len(named("x" * 10**6)))
    \x1b[2Jx 128
    """
    return printable(name if len(name) <= _NAME else name[: _NAME - 1] + "…")


def softened(threshold: float) -> str:
    """Say what a soft threshold makes of a kernel's response.

    Examples
    --------
    >>> softened(8)
    'of a response r and the sample s apply makes s + sign(r − s)·max(|r − s| − 8, 0)'
    """
    soft = f"s + sign(r − s)·max(|r − s| − {threshold:g}, 0)"
    return f"of a response r and the sample s apply makes {soft}"


def prose(text: str) -> str:
    """Return what a file says of a kernel or the like, whose lines may end anywhere."""
    return printable(" ".join(text.split()))


def harmless(text: str) -> str:
    r"""Return lines that may have colours; other control characters are written out.

    Examples
    --------
    >>> print(harmless("a\n\x1b]0;b\a"))
    a
    \x1b]0;b\x07
    """
    return text if text.replace("\n", "").isprintable() else _cleaned(text, _OURS)


def _cleaned(text: str, kept: str = "(?!)") -> str:
    """Write control characters out, but for what a pattern tells; that of nothing, if none."""
    if text.isprintable():
        return text

    def written(found: re.Match[str]) -> str:
        return found[1] or ascii(found[0])[1:-1]

    # JUSTIFICATION: made when it is needed, which is seldom: a millisecond of a run's hundred.
    return re.sub(f"({kept})|[{_CONTROLS}]", written, text)


def _cut(text: str) -> str:
    """Return a text without its middle if nobody would read all of it."""
    return text if len(text) <= _TEXT else f"{text[: _TEXT // 2]} … {text[-_TEXT // 4 :]}"


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
    head, said = _cleaned(head), _cleaned(_cut(said))
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
