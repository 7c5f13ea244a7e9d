"""The parameters of a generated kernel: declared once, for checks, messages and help."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

from convcli.errors import KernelError
from convcli.kernels.exact import format_number, parse_number
from convcli.record import record

Value: TypeAlias = float | Fraction | str


class Type(StrEnum):
    """What a parameter holds."""

    NUMBER = "number"
    EXACT = "fraction"
    INTEGER = "whole number"
    ODD = "odd whole number"
    WORD = "word"


@record
class Parameter:
    """One parameter.

    Parameters
    ----------
    name
        As it is written: `sigma`.
    meaning
        What it does, a few words.
    default
        Its value if none is given; None if it follows from the others, as `derived` says.
    type
        What it holds.
    low, high
        The least and the greatest value, both allowed unless `above` is set.
    above
        Whether it must be more than `low`.
    unit
        `pixels`, `degrees`, or ''.
    choices
        The words it may be, for a WORD; any if empty.
    derived
        Where the default comes from, if not a constant.
    """

    name: str
    meaning: str
    default: Value | None = None
    type: Type = Type.NUMBER
    low: float = -1000
    high: float = 1000
    above: bool = False
    unit: str = ""
    choices: tuple[str, ...] = ()
    derived: str = ""

    @property
    def range(self) -> str:
        """What is allowed, in words: `a number above 0 and at most 500`."""
        if self.type is Type.WORD:
            return f"one of {', '.join(self.choices)}" if self.choices else "a word"
        article = "an" if self.type is Type.ODD else "a"
        low = f"above {self.low:g} and at most" if self.above else f"from {self.low:g} to"
        return f"{article} {self.type} {low} {self.high:g}"

    @property
    def default_text(self) -> str:
        """The default as it would be written, or where it comes from."""
        return self.derived if self.default is None else show(self.default)

    def parse(self, text: str, owner: str) -> Value:
        """Read and check a value.

        Raises
        ------
        KernelError
            If it isn't of the type, or out of range.
        """
        if self.type is Type.WORD:
            return self._word(text, owner)
        try:
            value = parse_number(text)
        except KernelError:
            raise self._wrong(owner, text) from None
        return self._checked(value, text, owner)

    def take(self, value: object, owner: str) -> Value:
        """Check a value that is a Python number or text."""
        try:
            # NumPy's floats are Python's, too, and have a repr of their own.
            text = float.__repr__(value) if isinstance(value, float) else str(value)
        except ValueError:  # Python writes whole numbers of up to 4300 digits
            raise self._wrong(owner, "more digits than can be written") from None
        return self.parse(text, owner)

    def _word(self, text: str, owner: str) -> str:
        word = text.strip().lower()
        if self.choices and word not in self.choices:
            raise self._wrong(owner, text)
        return word

    def _checked(self, value: Fraction, text: str, owner: str) -> Value:
        whole = value.denominator == 1
        number = value if self.type is Type.EXACT else int(value) if whole else float(value)
        # Of the number that is used: what isn't 0 as it is written may be as a float.
        inside = (self.low < number if self.above else self.low <= value) and value <= self.high
        if not inside or (self.type in (Type.INTEGER, Type.ODD) and not whole):
            raise self._wrong(owner, text)
        if self.type is Type.ODD and value % 2 == 0:
            raise KernelError(
                f"{owner}: {self.name} must be odd, so that the kernel has a centre: "
                f"got {text.strip()}; try {value - 1 if value > 1 else 1} or {value + 1}"
            )
        return number

    def _wrong(self, owner: str, text: str) -> KernelError:
        return KernelError(f"{owner}: {self.name} must be {self.range}, got {text.strip()[:32]!r}")


def assign(owner: str, parameters: tuple[Parameter, ...], given: Mapping[str, object]) -> Values:
    """Check the values given for an owner's parameters.

    Parameters
    ----------
    owner
        The name of the generator, for messages.
    parameters
        All that it has.
    given
        Values by name; text, or Python numbers. None stands for the default.

    Returns
    -------
    dict
        The given ones, checked, in the order of `parameters`.

    Raises
    ------
    KernelError
        If a name is unknown, or a value wrong.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            raise _unknown(owner, name, tuple(known))
    return {
        name: parameter.take(given[name], owner)
        for name, parameter in known.items()
        if given.get(name) is not None
    }


Values: TypeAlias = dict[str, Value]


def split(owner: str, text: str, parameters: tuple[Parameter, ...]) -> dict[str, str]:
    """Take `sigma=2,size=9` apart; a first value without a name is the first parameter's.

    Raises
    ------
    KernelError
        If a part has no value, or is given twice.

    Examples
    --------
    >>> split("gaussian", "2, size=9", (Parameter("sigma", "width"),))
    {'sigma': '2', 'size': '9'}
    """
    found: dict[str, str] = {}
    for position, part in enumerate(text.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            name, value = (parameters[0].name if position == 0 else ""), part
        name = name.strip().lower().replace("-", "_")
        if not name or not value.strip():
            example = f"{parameters[0].name}={parameters[0].default_text}"
            raise KernelError(
                f"{owner}: {part.strip()[:32]!r} is not a parameter; expected "
                f"name=value, such as {example}"
            )
        if name in found:
            raise KernelError(f"{owner}: {name} is given twice")
        found[name] = value.strip()
    return found


def show(value: Value) -> str:
    """Write a value as it could be typed."""
    return value if isinstance(value, str) else format_number(value)


def _unknown(owner: str, name: str, known: tuple[str, ...]) -> KernelError:
    from difflib import get_close_matches

    close = get_close_matches(name[:64], known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    return KernelError(f"{owner} has no parameter {name[:32]!r}{hint} it has {', '.join(known)}")
