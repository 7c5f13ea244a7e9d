"""Elements of XML found in a text, which is read as far as it is needed and otherwise left alone.

Time grows with the length of the text, whatever it is: a file may say anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple


class Element(NamedTuple):
    """An element: its name's prefix, its opening tag without what ends it, its content, its end."""

    prefix: str
    tag: str
    inner: str
    end: str
    start: int
    stop: int


@cache
def _opening(names: tuple[str, ...]) -> re.Pattern[str]:
    inside = r"(?:[^<>\"'/]|/(?!>)|\"[^\"<]*\"|'[^'<]*')*"
    return re.compile(rf"(<((?:\w{{1,99}}:)?)({'|'.join(names)})\b{inside})(/?>)")


def elements(text: str, *names: str) -> list[Element]:
    """Return the elements of some names, none of which is within another.

    Parameters
    ----------
    text
        Which they are in.
    names
        Theirs, without a prefix.
    """
    found, at = [], 0
    lost = set[str]()
    pattern = _opening(names)
    while (opened := pattern.search(text, at)) is not None:
        tag, prefix, name, end = opened.groups()
        inner, stop = "", opened.end()
        closing = f"</{prefix}{name}"
        if end == ">":
            closed = -1 if closing in lost else text.find(closing, stop)
            last = text.find(">", closed) if closed >= 0 else -1
            if last < 0:
                lost.add(closing)
                at = stop
                continue
            inner, end, stop = text[stop:closed], text[closed : last + 1], last + 1
        found.append(Element(prefix, tag, inner, end, opened.start(), stop))
        at = stop
    return found


def replaced(text: str, found: Iterable[Element], work: Callable[[Element], str]) -> str:
    """Return a text with something else in place of some elements, in their order."""
    parts, at = [], 0
    for element in found:
        parts += [text[at : element.start], work(element)]
        at = element.stop
    return "".join((*parts, text[at:]))


def without(text: str, *names: str) -> str:
    """Return a text without the elements of some names."""
    return replaced(text, elements(text, *names), lambda element: "")
