"""Failures of many images: one that has no cause like it is told, of others how many there are."""

from __future__ import annotations

import re

#: So many images that fail alike, after the first, are each named in the end.
_FEW = 9
_NUMBER = re.compile(r"\d[\d,.]*")


class Failures:
    """What failed so far, by its cause.

    Parameters
    ----------
    each
        Whether every one is told as it comes.
    shown
        What has the command name each, in words.

    Examples
    --------
    >>> failures = Failures()
    >>> lines = [failures.add(f"{k}.png: no PNG", f"{k}.png") for k in range(50)]
    >>> lines[0], lines[1]
    ('0.png: no PNG', '')
    >>> failures.rest()
    ['and 49 more failed like 0.png (--verbose or --json names each)']
    """

    def __init__(self, *, each: bool = False, shown: str = "--verbose or --json names") -> None:
        self._each, self._shown = each, shown
        self._first: dict[str, str] = {}
        self._later: dict[str, list[str]] = {}

    def add(self, line: str, source: str, *names: str) -> str:
        """Return what is to be said of a failure now; '' for nothing yet.

        Parameters
        ----------
        line
            All that there is to say.
        source
            The image's name as it stands in the line.
        names
            Other names in it, that differ from image to image.
        """
        if self._each:
            return line
        cause = line
        for name in sorted({source, *names} - {""}, key=len, reverse=True):
            cause = cause.replace(name, "\0")
        # Sizes differ, and causes don't.
        cause = _NUMBER.sub("\1", cause)
        if cause not in self._first:
            self._first[cause] = source
            return line
        self._later.setdefault(cause, []).append(line)
        return ""

    def rest(self) -> list[str]:
        """Return what is to be said in the end; nothing is left to be said then."""
        said = []
        for cause, lines in self._later.items():
            if len(lines) <= _FEW:
                said += lines
                continue
            first = self._first[cause]
            said.append(f"and {len(lines):,} more failed like {first} ({self._shown} each)")
        self._later.clear()
        return said
