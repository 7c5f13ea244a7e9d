"""Matrices of numbers side by side, as wide as a terminal: for `convcli explain`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import floor, log10
from typing import TYPE_CHECKING

from rich.text import Text

from convcli.record import record
from convcli.report.lines import wrapped
from convcli.report.numbers import number

if TYPE_CHECKING:
    from convcli.teach.explain import Product

#: Lines are no wider, however wide the terminal is.
WIDEST = 96
#: Characters of a label and the blank behind it.
_LABEL = 11
#: Rows and columns of a larger matrix that are shown: its middle.
MOST = 9
#: Digits of the largest number of a matrix that isn't of whole ones.
_DIGITS = 4
POSITIVE, NEGATIVE, DIM, OUTSIDE, LABEL = "green", "red", "dim", "yellow", "cyan"


@record
class Cell:
    """A number in a matrix, how it looks, and whether it is in the padding."""

    text: str
    style: str = ""


@record
class Panel:
    """A matrix with a title above it."""

    title: str
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def cell_width(self) -> int:
        """Characters of the widest cell."""
        return max(len(cell.text) for row in self.rows for cell in row)

    @property
    def width(self) -> int:
        """Characters of a line."""
        return max(len(self.title), len(self.rows[0]) * (self.cell_width + 1) + 1)

    def lines(self) -> Iterator[Text]:
        """The title and the rows, all of one width."""
        width, cell_width = self.width, self.cell_width
        yield Text(self.title.ljust(width), style=LABEL)
        for row in self.rows:
            line = Text(" ")
            for cell in row:
                line.append(cell.text.rjust(cell_width), style=cell.style)
                line.append(" ")
            line.append(" " * (width - len(line)))
            yield line


def side_by_side(blocks: Sequence[Panel], signs: Sequence[str], width: int) -> list[Text]:
    """Put matrices side by side, with signs between them, or below each other if they don't fit.

    Parameters
    ----------
    blocks
        Of as many rows each.
    signs
        One fewer.
    width
        Of the terminal.
    """
    gap = 3
    total = sum(block.width for block in blocks) + gap * len(signs)
    if total > width:
        lines = []
        for block, sign in zip(blocks, ["", *signs], strict=True):
            first, *rest = block.lines()
            lines += [Text.assemble(f"{sign} " if sign else "", first), *rest]
        return lines
    height = len(blocks[0].rows)
    columns = [list(block.lines()) for block in blocks]
    lines = []
    for k in range(height + 1):
        line = Text()
        for place, column in enumerate(columns):
            if place:
                middle = k == (height + 1) // 2
                line.append(f" {signs[place - 1] if middle else ' '} ")
            line.append_text(column[k])
        lines.append(line)
    return lines


def aligned(values: Sequence[Sequence[Fraction]]) -> list[list[str]]:
    """Write a matrix of numbers with as many decimals each.

    Examples
    --------
    >>> aligned([[Fraction(1, 2), Fraction(1, 3)]]), aligned([[Fraction(3, 4), Fraction(2)]])
    ([['0.500', '0.333']], [['0.75', '2.00']])
    """
    flat = [value for row in values for value in row]
    if all(value.denominator == 1 for value in flat):
        return [[number(value, _DIGITS) for value in row] for row in values]
    top = float(max(abs(value) for value in flat))
    if not 1e-6 < top < 1e9:
        return [[number(value, _DIGITS) for value in row] for row in values]
    before = floor(log10(top)) + 1  # digits before the point; 0 or less for fractions
    decimals = max(1, _DIGITS - before - (before < 1))
    needed = min(decimals, max(_decimals(value, decimals) for value in flat))
    return [[_fixed(value, needed) for value in row] for row in values]


def _fixed(value: Fraction, decimals: int) -> str:
    said = f"{float(value):.{decimals}f}"
    return said.removeprefix("-") if not said.strip("-0.") else said


def _decimals(value: Fraction, most: int) -> int:
    """How many decimals a number needs, `most` if it has more."""
    return next((k for k in range(most) if (value * 10**k).denominator == 1), most)


def equals(value: Fraction | float, digits: int = 6) -> str:
    """Write `= 3`, or `≈ 0.333333` for what has more digits.

    Examples
    --------
    >>> equals(Fraction(1, 4)), equals(Fraction(1, 3))
    ('= 0.25', '≈ 0.333333')
    """
    said = number(value, digits)
    return f"{'=' if Fraction(said) == Fraction(value) else '≈'} {said}"


def sign_style(value: Fraction | float) -> str:
    """Green for positive numbers, red for negative ones, dim for zero."""
    return POSITIVE if value > 0 else NEGATIVE if value < 0 else DIM


def middle(size: int, most: int = MOST) -> range:
    """The middle of an axis, as much of it as is shown."""
    start = max(0, (size - most) // 2)
    return range(start, min(size, start + most))


class Lines:
    """Lines of a report, each a label and what there is to say, or a row of matrices."""

    def __init__(self, width: int) -> None:
        self.width = min(width, WIDEST)
        self.lines: list[Text] = []

    def title(self, said: str) -> None:
        """Begin a part of the report."""
        if self.lines:
            self.lines.append(Text())
        self.lines += [
            Text(line, style="bold") for line in wrapped("", said, self.width).split("\n")
        ]

    def say(self, label: str, said: str) -> None:
        """Say something, with a label before it."""
        head = f"{label:{_LABEL}}"
        for line in wrapped(head, said, self.width).split("\n"):
            text = Text(line)
            text.stylize(LABEL, 0, _LABEL)
            self.lines.append(text)

    def matrices(self, blocks: Sequence[Panel], signs: Sequence[str]) -> None:
        """Show matrices side by side."""
        begins = not self.lines or self.lines[-1].style == "bold"
        self.lines += [] if begins else [Text()]
        self.lines += [*side_by_side(blocks, signs, self.width), Text()]


def sample_cells(products: Sequence[Sequence[Product]]) -> tuple[tuple[Cell, ...], ...]:
    """Samples; those from the padding stand in parentheses."""
    texts = aligned([[product.sample for product in row] for row in products])
    return tuple(
        tuple(
            Cell(f"({text})", OUTSIDE) if product.outside else Cell(f" {text} ")
            for product, text in zip(row, line, strict=True)
        )
        for row, line in zip(products, texts, strict=True)
    )


def number_cells(values: Sequence[Sequence[Fraction]]) -> tuple[tuple[Cell, ...], ...]:
    """Numbers, coloured by their signs."""
    texts = aligned(values)
    return tuple(
        tuple(Cell(text, sign_style(value)) for value, text in zip(row, line, strict=True))
        for row, line in zip(values, texts, strict=True)
    )
