"""Networks as people write them: `conv 3 64 p1; relu; pool 2; fc 10`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from convcli.kernels.exact import PlacedError
from convcli.record import replace
from convcli.teach.network.layer_words import EXPECTED, WordError, make_layer, whole
from convcli.teach.network.layers import Layer
from convcli.teach.network.origin import Origin
from convcli.teach.network.stack import MOST_LAYERS, Entry, Residual, Single

_TOKEN = re.compile(r"#[^\n]*|[ \t\r]+|(?P<end>[;\n])|(?P<mark>[{}+])|(?P<word>[^\s;{}+#]+)")
#: What a layer's words end at.
_ENDS = (";", "\n", "{", "}", "+", "")
#: Blocks in blocks.
_DEEPEST = 20


class _Token(NamedTuple):
    text: str
    place: int


def parse_entries(origin: Origin) -> tuple[Entry, ...]:
    """Read the layers of a specification.

    Layers stand one after the other, parted by `;` or a new line; `#` begins a remark. `NAME:`
    before a layer gives it a name. `residual { … }` adds its input to what its layers make of it;
    `residual { … } + { … }` adds what the layers of a shortcut make of it. `repeat N { … }`
    writes layers out N times.

    Raises
    ------
    PlacedError
        If something can't be read; with its place, and what was expected.
    """
    reader = _StackReader(origin)
    entries = reader.entries("")
    if not entries:
        raise origin.error(f"no layers; {EXPECTED}", 0)
    return tuple(entries)


class _StackReader:
    """A specification, and how far it was read."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.tokens = list(_tokens(origin.spec))
        self.at = 0
        self.depth = 0
        self.count = 0

    def entries(self, closing: str, opened: _Token | str = "") -> list[Entry]:
        """Read layers up to a closing brace, or the end."""
        found: list[Entry] = []
        while True:
            self._skip()
            token = self._take()
            if token.text == closing:
                return found
            if token.text in _ENDS:
                raise self._unexpected(token, opened)
            found += self._entry(token)
            self._count(found, token)
            if self._peek().text not in (";", "\n", "}", ""):
                raise self._unexpected(self._peek(), opened, "expected ; or a new line")

    def _count(self, found: list[Entry], token: _Token) -> None:
        self.count += 1
        if max(self.count, len(found)) > MOST_LAYERS:
            raise self.origin.error(f"over {MOST_LAYERS:,} layers", token.place)

    def _entry(self, token: _Token) -> list[Entry]:
        label, colon, rest = token.text.partition(":")
        if colon and not rest:
            first = self._take()
            if first.text in _ENDS:
                raise self.origin.error(f"no layer after {token.text!r}; {EXPECTED}", token.place)
            return [replace(entry, label=label) for entry in self._entry(first)]
        word = token.text.lower()
        if word == "residual":
            return [self._residual(token)]
        if word == "repeat":
            return self._repeat(token)
        return [Single(self._layer(token), token.place)]

    def _layer(self, token: _Token) -> Layer:
        words = [token]
        while self._peek().text not in _ENDS:
            words.append(self._take())
        try:
            return make_layer([word.text for word in words])
        except WordError as error:
            raise self.origin.error(str(error), words[error.index].place) from None

    def _residual(self, token: _Token) -> Residual:
        main = self._braced("residual")
        if not main:
            raise self.origin.error("residual { } has no layers", token.place)
        shortcut: list[Entry] = []
        back = self.at
        self._skip("\n")
        if self._peek().text == "+":
            self._take()
            shortcut = self._braced("+")
        else:
            self.at = back
        return Residual(tuple(main), tuple(shortcut), token.place)

    def _repeat(self, token: _Token) -> list[Entry]:
        times = self._take()
        number = whole(times.text)
        if number is None or number < 1:
            raise self._unexpected(times, "", "expected how often, as in repeat 3 { … }")
        found = self._braced("repeat")
        if number * len(found) > MOST_LAYERS:
            raise self.origin.error(f"over {MOST_LAYERS:,} layers", times.place)
        return found * number

    def _braced(self, before: str) -> list[Entry]:
        self._skip("\n")
        token = self._take()
        if token.text != "{":
            raise self._unexpected(token, "", f"expected {{ after {before}")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.origin.error(f"over {_DEEPEST} blocks in each other", token.place)
        found = self.entries("}", token)
        self.depth -= 1
        return found

    def _skip(self, marks: str = ";\n") -> None:
        while (text := self._peek().text) and text in marks:
            self.at += 1

    def _peek(self) -> _Token:
        return self.tokens[self.at]

    def _take(self) -> _Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def _unexpected(self, token: _Token, opened: _Token | str, expected: str = "") -> PlacedError:
        """Return what is wrong with a token that can't stand where it does."""
        if not token.text and isinstance(opened, _Token):
            return self.origin.error("this { is never closed; expected }", opened.place)
        got = repr(token.text) if token.text.strip() else "the end"
        words = expected or "expected a layer"
        return self.origin.error(f"{words}; got {got}", token.place)


def _tokens(spec: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(spec):
        if match.lastgroup:
            yield _Token(match.group(), match.start())
    yield _Token("", len(spec))
