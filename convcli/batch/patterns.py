"""Patterns that choose images by their paths."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from convcli.errors import UsageError

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]]*\]|.", re.DOTALL)
_MEANS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class Patterns:
    """What is taken and what is left out.

    Parameters
    ----------
    include
        An image is taken if one of these fits its path; all are if there are none.
    exclude
        An image or folder is left out if one of these fits its path.

    Raises
    ------
    UsageError
        If a pattern is empty.

    Examples
    --------
    >>> patterns = Patterns(["*.jpg"], ["thumbs/**"])
    >>> patterns.take("2024/a.jpg"), patterns.take("a.png"), patterns.take("thumbs/a.jpg")
    (True, False, False)
    """

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._include = [_compiled(text, "`include`") for text in include]
        self._exclude = [_compiled(text, "`exclude`") for text in exclude]

    def take(self, path: str) -> bool:
        """Whether an image of that path is taken."""
        return (not self._include or _fits(self._include, path)) and not self.excluded(path)

    def excluded(self, path: str) -> bool:
        """Whether an image or folder of that path is left out."""
        return _fits(self._exclude, path)


def _fits(patterns: Sequence[tuple[re.Pattern[str], bool]], path: str) -> bool:
    path = path.replace(os.sep, "/")
    name = path.rpartition("/")[2]
    return any(pattern.fullmatch(path if whole else name) for pattern, whole in patterns)


def _compiled(text: str, option: str) -> tuple[re.Pattern[str], bool]:
    """Return a pattern as a regular expression, and whether it is for paths, not for names."""
    if not text.strip("/"):
        raise UsageError(f"{option} is empty; expected a pattern such as '*.jpg' or 'raw/**'")
    body = text.strip("/")
    return re.compile("".join(map(_regex, _TOKEN.findall(body))), re.DOTALL), "/" in text.rstrip(
        "/"
    )


def _regex(token: str) -> str:
    """Return the regular expression for one part of a pattern."""
    if token in _MEANS:
        return _MEANS[token]
    if len(token) < 3 or not token.startswith("["):
        return re.escape(token)
    inside = token[1:-1]
    negated = inside[0] in "!^"
    inside = inside[negated:].replace("\\", r"\\").replace("[", r"\[").replace("]", r"\]")
    return f"[{'^/' if negated else ''}{inside}]"
