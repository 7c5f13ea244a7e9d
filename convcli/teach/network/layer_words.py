"""The words of a layer, as in `conv 3 64 s2 p1`, and the layer they make."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import TypeAlias

from convcli.errors import UsageError
from convcli.geometry import Pair
from convcli.record import field, record
from convcli.teach.network.banks import Conv, Depthwise, Transposed
from convcli.teach.network.layers import PLAIN, Dense, Flatten, Global, Layer, Plain, Pool

EXPECTED = "expected layers such as 'conv 3 64 p1; relu; pool 2; fc 10'"
#: Larger numbers are slips of the finger.
_MOST = 1_000_000
_OPTION = re.compile(r"([a-z]+?)[=]?([0-9]+(?:[x×][0-9]+)?|same|valid|full)")

Value: TypeAlias = Pair | str


@record
class _LayerKind:
    """How a kind of layer is written.

    Parameters
    ----------
    usage
        An example.
    sizes
        How many numbers it needs, and how many it may have.
    options
        Letters that may stand before a number.
    flags
        Words alone.
    """

    usage: str
    sizes: tuple[int, int] = (0, 0)
    options: str = ""
    flags: tuple[str, ...] = ()


_KINDS = {
    "conv": _LayerKind("conv 3 64 s1 p1", (2, 2), "spdg", ("nobias",)),
    "depthwise": _LayerKind("depthwise 3 s1 p1", (1, 2), "spd", ("nobias",)),
    "transposed": _LayerKind("transposed 4 64 s2 p1", (2, 2), "spdgo", ("nobias",)),
    "pool": _LayerKind("pool 2 s2", (1, 1), "spd", ("ceil",)),
    "avgpool": _LayerKind("avgpool 2 s2", (1, 1), "spd", ("ceil",)),
    "global": _LayerKind("global", flags=("avg", "max")),
    "fc": _LayerKind("fc 1000", (1, 1), flags=("nobias",)),
    "flatten": _LayerKind("flatten"),
    **{name: _LayerKind(name) for name in PLAIN},
}
_ALIASES = {
    **dict.fromkeys(("conv2d", "convolution"), "conv"),
    **dict.fromkeys(("dw", "dwconv"), "depthwise"),
    **dict.fromkeys(("deconv", "tconv", "convtranspose"), "transposed"),
    **dict.fromkeys(("maxpool", "max"), "pool"),
    **dict.fromkeys(("avg", "averagepool"), "avgpool"),
    **dict.fromkeys(("gap", "globalavg", "globalpool"), "global"),
    **dict.fromkeys(("dense", "linear"), "fc"),
    "batchnorm": "bn",
}
#: Every word that begins a layer.
NAMES = (*_KINDS, "residual", "repeat")

_LETTERS = {
    "s": "stride",
    "p": "padding",
    "d": "dilation",
    "g": "groups",
    "o": "output padding",
}
_LONG = {name.replace(" ", ""): letter for letter, name in _LETTERS.items()}
_LEAST = {"p": 0, "o": 0}


class WordError(UsageError):
    """A word that can't be understood.

    Parameters
    ----------
    reason
        What is wrong, and what was expected.
    index
        Which word it is; 0 is the layer's name.
    """

    def __init__(self, reason: str, index: int = 0) -> None:
        super().__init__(reason)
        self.index = index


def is_layer(word: str) -> bool:
    """Whether a word begins a layer."""
    return word.lower() in NAMES or word.lower() in _ALIASES


@record
class _Words:
    """What follows a layer's name."""

    sizes: list[Pair] = field(default_factory=list)
    options: dict[str, Value] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)

    def pair(self, letter: str, default: Pair) -> Pair:
        """Return an option that must be numbers."""
        value = self.options.get(letter, default)
        assert not isinstance(value, str)
        return value


def make_layer(words: Sequence[str]) -> Layer:
    """Make a layer of its name and what follows it.

    Raises
    ------
    WordError
        If a word is unknown or missing.

    Examples
    --------
    >>> make_layer(["conv", "3", "64", "p1"]).text
    'conv 3 64 p1'
    """
    name = _ALIASES.get(words[0].lower(), words[0].lower())
    if name not in _KINDS:
        raise WordError(_unknown(words[0]))
    kind = _KINDS[name]
    read = _Words()
    for index, word in enumerate(words[1:], start=1):
        _read(word.lower(), index, name, read)
    if len(read.sizes) < kind.sizes[0]:
        what = (
            "its size and how many filters" if kind.sizes[0] > 1 else _FIRST.get(name, "its size")
        )
        raise WordError(f"{name} needs {what}, as in {kind.usage!r}")
    return _made(name, read)


_FIRST = {"fc": "its units"}


def _read(word: str, index: int, name: str, read: _Words) -> None:
    """Understand one word."""
    kind = _KINDS[name]
    if word in kind.flags:
        read.flags.add(word)
    elif word[0].isdecimal():
        size = _pair(word, index, least=1)
        alone = name == "fc" or len(read.sizes) == 1
        if len(read.sizes) == kind.sizes[1] or (alone and size[0] != size[1]):
            raise WordError(f"{word!r} is one number too many for {name}; {_allowed(name)}", index)
        read.sizes.append(size)
    elif "p" in kind.options and word in ("same", "valid", "full") and name != "transposed":
        read.options["p"] = word
    else:
        letter, value = _option(word, index, name)
        read.options[letter] = value


def _option(word: str, index: int, name: str) -> tuple[str, Value]:
    match = _OPTION.fullmatch(word)
    letter = _LONG.get(match[1], match[1]) if match else ""
    if match is None or not letter or letter not in _KINDS[name].options:
        raise WordError(f"{word!r} means nothing to {name}; {_hint(word, name)}", index)
    if not match[2][0].isdecimal():
        if letter == "p" and name != "transposed":
            return letter, match[2]
        raise WordError(f"{word!r} is no {_LETTERS[letter]}; expected a number", index)
    value = _pair(match[2], index, least=_LEAST.get(letter, 1))
    if letter == "g" and value[0] != value[1]:
        raise WordError(f"groups are one number; got {word!r}", index)
    return letter, value


def _pair(text: str, index: int, least: int) -> Pair:
    """Read `3` or `3x5`."""
    numbers = [whole(part) for part in re.split("[x×]", text)]
    found = [n for n in numbers if n is not None and least <= n <= _MOST]
    if len(found) < len(numbers) or len(found) > 2:
        raise WordError(
            f"expected a whole number from {least} to {_MOST:,}, or two as 3x5; got {text!r}", index
        )
    return found[0], found[-1]


def whole(text: str) -> int | None:
    """Return a whole number; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None


def _made(name: str, read: _Words) -> Layer:
    """Make the layer of words that fit it."""
    if name in PLAIN:
        return Plain(name)
    if name == "flatten":
        return Flatten()
    if name == "global":
        return Global("max" if "max" in read.flags else "avg")
    bias = "nobias" not in read.flags
    if name == "fc":
        return Dense(read.sizes[0][0], bias)
    return _sliding(name, read, bias)


def _sliding(name: str, read: _Words, bias: bool) -> Layer:
    size = read.sizes[0]
    stride, dilation = read.pair("s", (1, 1)), read.pair("d", (1, 1))
    padding = read.options.get("p", (0, 0))
    number = read.sizes[1][0] if len(read.sizes) > 1 else 1
    groups = read.pair("g", (1, 1))[0]
    if name == "conv":
        return Conv(size, number, stride, dilation, padding, groups, bias)
    if name == "depthwise":
        return Depthwise(size, number, stride, dilation, padding, bias)
    if name == "transposed":
        around, extra = read.pair("p", (0, 0)), read.pair("o", (0, 0))
        return Transposed(size, number, stride, dilation, around, extra, groups, bias)
    how = "max" if name == "pool" else "avg"
    return Pool(how, size, read.pair("s", size), dilation, padding, "ceil" in read.flags)


def _unknown(word: str) -> str:
    known = {**{name: name for name in NAMES}, **_ALIASES}
    close = get_close_matches(word.lower()[:32], known, n=1)
    joined = re.fullmatch(r"([a-z]+)[0-9].*", word.lower())
    if joined and joined[1] in known:
        close = [joined[1]]
    hint = f"did you mean {known[close[0]]!r}?" if close else f"there are {', '.join(NAMES)}"
    shown = word if len(word) <= 32 else word[:31] + "…"
    return f"no layer {shown!r}; {hint}"


def _hint(word: str, name: str) -> str:
    """Say what was meant, or may stand there."""
    kind = _KINDS[name]
    words = {_LETTERS[letter].replace(" ", ""): f"{letter}1" for letter in kind.options}
    words |= {flag: flag for flag in kind.flags}
    if word in _KINDS or word in _ALIASES:
        return f"a layer of its own needs a ; before it: '{name} …; {word}'"
    bare, digits = re.sub("[^a-z].*", "", word), re.sub("[^0-9x]", "", word)
    close = get_close_matches(bare[:64], words, n=1)
    if not close:
        return _allowed(name)
    meant = words[close[0]]
    return f"did you mean {meant[0] + digits if meant not in kind.flags and digits else meant}?"


def _allowed(name: str) -> str:
    kind = _KINDS[name]
    numbers = {letter: "0" if letter in _LEAST else "1" for letter in kind.options}
    options = [f"{letter}{n} ({_LETTERS[letter]})" for letter, n in numbers.items()]
    words = ", ".join([*options, *kind.flags])
    return f"expected {kind.usage!r}" + (f", with {words}" if words else "")
