"""The words of a layer, as in `conv 3 64 s2 p1`, and the layer they make."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from convcli.errors import UsageError
from convcli.record import field, record
from convcli.teach.network.banks import Conv, Depthwise, Transposed
from convcli.teach.network.layers import PLAIN, Dense, Flatten, Global, Layer, Plain, Pool
from convcli.teach.network.volume import Sizes
from convcli.teach.network.windows import Sides, Window, named

EXPECTED = "expected layers such as 'conv 3 64 p1; relu; pool 2; fc 10'"
#: Larger numbers are slips of the finger.
_MOST = 1_000_000
_OPTION = re.compile(r"([a-z]+?)[=]?([0-9]+(?:[x×][0-9]+)*|[0-9]+(?:,[0-9]+)+|same|valid|full)")
_DIMS = re.compile(r"([a-z]+)([123])d")


@record
class _LayerKind:
    """How a kind of layer is written.

    Parameters
    ----------
    usage
        An example, without the name.
    sizes
        How many numbers it needs, and how many it may have.
    options
        What may stand before a number.
    flags
        Words alone.
    """

    usage: str = ""
    sizes: tuple[int, int] = (0, 0)
    options: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


_STEPS = ("s", "p", "d")
#: Layers that slide; `1d` or `3d` behind the name says along how many axes, if not two.
_SLIDING = {
    "conv": _LayerKind("3 64 s1 p1", (2, 2), (*_STEPS, "g"), ("nobias",)),
    "depthwise": _LayerKind("3 s1 p1", (1, 2), _STEPS, ("nobias",)),
    "transposed": _LayerKind("4 64 s2 p1", (2, 2), (*_STEPS, "g", "o", "to"), ("nobias",)),
    "pool": _LayerKind("2 s2", (1, 1), _STEPS, ("ceil",)),
    "avgpool": _LayerKind("2 s2", (1, 1), _STEPS, ("ceil",)),
}
_KINDS = {
    **_SLIDING,
    "global": _LayerKind(flags=("avg", "max")),
    "fc": _LayerKind("1000", (1, 1), flags=("nobias",)),
    "flatten": _LayerKind(),
    **{name: _LayerKind() for name in PLAIN},
}
_ALIASES = {
    **dict.fromkeys(("convolution",), "conv"),
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

_OPTIONS = {
    "s": "stride",
    "p": "padding",
    "d": "dilation",
    "g": "groups",
    "o": "output padding",
    "to": "output shape",
}
_LONG = {name.replace(" ", ""): short for short, name in _OPTIONS.items()}
_LEAST = {"p": 0, "o": 0}
_SIDES = {
    1: "BEFORE,AFTER",
    2: "TOP,BOTTOM,LEFT,RIGHT",
    3: "FRONT,BACK,TOP,BOTTOM,LEFT,RIGHT",
}
_SEVERAL = {1: "", 2: ", or two as 3x5", 3: ", or three as 3x5x5"}


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
    return word.lower() in NAMES or _kind(word)[0] in _KINDS


def _kind(word: str) -> tuple[str, int]:
    """Return which kind of layer a word names, and along how many axes it slides."""
    name = word.lower()
    numbered = _DIMS.fullmatch(name)
    if numbered:
        base = _ALIASES.get(numbered[1], numbered[1])
        if base in _SLIDING:
            return base, int(numbered[2])
    return _ALIASES.get(name, name), 2


@record
class _Words:
    """What is known of a layer from its name on."""

    kind: str
    dims: int
    sizes: list[Sizes] = field(default_factory=list)
    numbers: dict[str, Sizes] = field(default_factory=dict)
    padding: list[Sides] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The layer's name as it is written."""
        return named(self.kind, self.dims)

    @property
    def usage(self) -> str:
        """An example."""
        return f"{self.name} {_KINDS[self.kind].usage}".strip()

    def given(self, option: str) -> Sizes:
        """Return the numbers of an option; empty if it wasn't given."""
        return self.numbers.get(option, ())


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
    kind, dims = _kind(words[0])
    if kind not in _KINDS:
        raise WordError(_unknown(words[0]))
    read = _Words(kind, dims)
    for index, word in enumerate(words[1:], start=1):
        _read(word.lower(), index, read)
    needed = _KINDS[kind].sizes[0]
    if len(read.sizes) < needed:
        what = "its size and how many filters" if needed > 1 else _FIRST.get(kind, "its size")
        raise WordError(f"{read.name} needs {what}, as in {read.usage!r}")
    return _made(read)


_FIRST = {"fc": "its units"}


def _read(word: str, index: int, read: _Words) -> None:
    """Understand one word."""
    kind = _KINDS[read.kind]
    if word in kind.flags:
        read.flags.add(word)
    elif word[0].isdecimal():
        size = _sizes(word, index, 1, read.dims)
        alone = read.kind == "fc" or len(read.sizes) == 1
        if len(read.sizes) == kind.sizes[1] or (alone and len({*size}) > 1):
            raise WordError(
                f"{word!r} is one number too many for {read.name}; {_allowed(read)}", index
            )
        read.sizes.append(size)
    elif "p" in kind.options and word in ("same", "valid", "full") and read.kind != "transposed":
        read.padding.append(word)
    else:
        _option(word, index, read)


def _option(word: str, index: int, read: _Words) -> None:
    """Understand a word of letters and numbers."""
    match = _OPTION.fullmatch(word)
    option = _LONG.get(match[1], match[1]) if match else ""
    if match is None or option not in _KINDS[read.kind].options:
        raise WordError(f"{word!r} means nothing to {read.name}; {_hint(word, read)}", index)
    if option == "p":
        read.padding.append(_padding(word, match[2], index, read))
        return
    if not match[2][0].isdecimal() or "," in match[2]:
        raise WordError(f"{word!r} is no {_OPTIONS[option]}; expected a number", index)
    sizes = _sizes(match[2], index, _LEAST.get(option, 1), read.dims)
    if option == "g" and len({*sizes}) > 1:
        raise WordError(f"groups are one number; got {word!r}", index)
    read.numbers[option] = sizes


def _padding(word: str, text: str, index: int, read: _Words) -> Sides:
    """Read padding: `same`, `1`, `1x2` for axes, `1,2,1,2` for sides."""
    if not text[0].isdecimal():
        if read.kind == "transposed":
            raise WordError(f"{word!r} is no padding; expected a number", index)
        return text
    if "," not in text:
        return tuple((each, each) for each in _sizes(text, index, 0, read.dims))
    numbers = [whole(part) for part in text.split(",")]
    found = [n for n in numbers if n is not None and n <= _MOST]
    if len(numbers) != 2 * read.dims or len(found) < len(numbers):
        expected = f"p{_SIDES[read.dims]}, whole numbers up to {_MOST:,}"
        raise WordError(f"{word!r} is no padding; expected {expected}", index)
    return tuple(zip(found[::2], found[1::2], strict=True))


def _sizes(text: str, index: int, least: int, dims: int) -> Sizes:
    """Read `3`, the same for every axis, or `3x5`."""
    numbers = [whole(part) for part in re.split("[x×]", text)]
    found = [n for n in numbers if n is not None and least <= n <= _MOST]
    if len(found) < len(numbers) or len(found) not in (1, dims):
        raise WordError(
            f"expected a whole number from {least} to {_MOST:,}{_SEVERAL[dims]}; got {text!r}",
            index,
        )
    return tuple(found) if len(found) == dims else (found[0],) * dims


def whole(text: str) -> int | None:
    """Return a whole number; None for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None


def _made(read: _Words) -> Layer:
    """Make the layer of words that fit it."""
    if read.kind in PLAIN:
        return Plain(read.kind)
    if read.kind == "flatten":
        return Flatten()
    if read.kind == "global":
        return Global("max" if "max" in read.flags else "avg")
    bias = "nobias" not in read.flags
    if read.kind == "fc":
        return Dense(read.sizes[0][0], bias)
    return _sliding(read, bias)


def _sliding(read: _Words, bias: bool) -> Layer:
    size, stride = read.sizes[0], read.given("s")
    padding = read.padding[-1] if read.padding else ()
    pooled = read.kind in ("pool", "avgpool")
    window = Window(size, stride or (size if pooled else ()), read.given("d"), padding)
    number = read.sizes[1][0] if len(read.sizes) > 1 else 1
    groups = (read.given("g") or (1,))[0]
    if read.kind == "conv":
        return Conv(window, number, groups, bias)
    if read.kind == "depthwise":
        return Depthwise(window, number, bias)
    if pooled:
        return Pool("max" if read.kind == "pool" else "avg", window, "ceil" in read.flags)
    extra, shape = read.given("o"), read.given("to")
    if any(extra) and shape:
        raise WordError("output padding follows from the output shape; give o or to, not both")
    return Transposed(window, number, extra, shape, groups, bias)


def _unknown(word: str) -> str:
    known = {**{name: name for name in NAMES}, **_ALIASES}
    close = get_close_matches(word.lower()[:32], known, n=1)
    joined = re.fullmatch(r"([a-z]+)[0-9].*", word.lower())
    if joined and joined[1] in known:
        close = [joined[1]]
    hint = f"did you mean {known[close[0]]!r}?" if close else f"there are {', '.join(NAMES)}"
    shown = word if len(word) <= 32 else word[:31] + "…"
    return f"no layer {shown!r}; {hint}"


def _hint(word: str, read: _Words) -> str:
    """Say what was meant, or may stand there."""
    kind = _KINDS[read.kind]
    words = {_OPTIONS[option].replace(" ", ""): f"{option}1" for option in kind.options}
    words |= {flag: flag for flag in kind.flags}
    if _kind(word)[0] in _KINDS:
        return f"a layer of its own needs a ; before it: '{read.name} …; {word}'"
    bare, digits = re.sub("[^a-z].*", "", word), re.sub("[^0-9x,]", "", word)
    close = get_close_matches(bare[:64], words, n=1)
    if not close:
        return _allowed(read)
    meant = words[close[0]]
    if meant in kind.flags or not digits:
        return f"did you mean {meant}?"
    return f"did you mean {meant[:-1]}{digits}?"


def _allowed(read: _Words) -> str:
    kind = _KINDS[read.kind]
    numbers = {option: "0" if option in _LEAST else "1" for option in kind.options}
    options = [f"{option}{n} ({_OPTIONS[option]})" for option, n in numbers.items()]
    words = ", ".join([*options, *kind.flags])
    return f"expected {read.usage!r}" + (f", with {words}" if words else "")
