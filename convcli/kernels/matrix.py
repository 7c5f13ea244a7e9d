"""A matrix as people type it, read exactly: `0 -1 0; -1 5 -1; 0 -1 0` or `[[1,2],[3,4]]/16`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import islice
from typing import NoReturn, TypeAlias

from convcli.errors import KernelError
from convcli.kernels.exact import (
    EXPECTED,
    MAX_TAPS,
    Cells,
    Matrix,
    PlacedError,
    exact,
    format_number,
    line_column,
    parse_number,
    quoted,
)

#: Cells, what their sum is divided by, and what all of them are multiplied by.
Written: TypeAlias = tuple[Cells, Fraction, Fraction]
_ONE = Fraction(1)

#: A comma and a blank may follow each weight of the largest matrix, and more each row.
_MOST_TOKENS = 3 * MAX_TAPS * (MAX_TAPS + 3)
_TOKEN = re.compile(r"\n|[^\S\n]+|[\[\],;]|[^\s\[\],;]+")


def parse_matrix(text: str) -> Matrix:
    """Read a matrix: rows end with `;` or a line, or are lists in a list; a factor may follow.

    Parameters
    ----------
    text
        Such as ``'0 1; 1 0'``, ``'[0 1; 1 0]/2'`` or ``'[[0, 1], [1, 0]] * 2'``.

    Returns
    -------
    Matrix
        Entries as they are written, times `2` of `*2`, and the divisor that `/16` gives.

    Raises
    ------
    PlacedError
        If it isn't a matrix; with line and column.

    Examples
    --------
    >>> parse_matrix("[1 2 1]/4")
    Matrix(weights=[[1, 2, 1]], divisor=4, denominator=1)
    >>> parse_matrix("0.25 0.5 0.25")
    Matrix(weights=[[0.25, 0.5, 0.25]], divisor=1, denominator=4)
    """
    return exact(*read_cells(text))


def read_cells(text: str) -> Written:
    """Read a matrix as `parse_matrix`, into exact cells, their divisor and their factor."""
    return _MatrixReader(text.replace("−", "-")).read()


def check_rows(cells: Sequence[Sequence[object]]) -> None:
    """Check that the rows have one length and aren't too many.

    Raises
    ------
    PlacedError
        If they haven't, or are; `cell` tells the row.
    """
    if not cells or not cells[0]:
        raise PlacedError("the matrix is empty; expected at least one weight", cell=(0, 0))
    width = len(cells[0])
    for number, row in enumerate(cells):
        if len(row) != width:
            raise PlacedError(
                f"row {number + 1} has {_count(len(row))}, but row 1 has {width}; "
                f"expected rows of one length",
                cell=(number, 0),
            )
    if max(len(cells), width) > MAX_TAPS:
        raise PlacedError(
            f"the matrix is {len(cells)}×{width}; expected at most {MAX_TAPS} weights a side",
            cell=(0, 0),
        )


def format_matrix(weights: Iterable[Iterable[float]], divisor: float = 1) -> str:
    """Write a matrix so that `parse_matrix` reads the same.

    Examples
    --------
    >>> format_matrix([[1, 2, 1]], 4)
    '[1 2 1]/4'
    >>> format_matrix([[0, 1], [-1, 0.5]])
    '[0 1; -1 0.5]'
    """
    rows = "; ".join(" ".join(format_number(weight) for weight in row) for row in weights)
    return f"[{rows}]" + ("" if divisor == 1 else f"/{format_number(divisor)}")


class _MatrixReader:
    """Reads one text; `at` is the token under way."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = islice(_TOKEN.finditer(text), _MOST_TOKENS)
        self.tokens: list[tuple[str, int]] = [(match.group(), match.start()) for match in found]
        self.at = 0
        self.starts: list[int] = []
        if len(self.tokens) == _MOST_TOKENS:
            self._fail(f"this is too long; expected at most {MAX_TAPS} weights a side", 0)

    def read(self) -> Written:
        """Return the cells, and the divisor and the factor that follow them."""
        self._skip()
        bracketed = self._peek() == "["
        if not bracketed:
            self._forbid_factor()
            cells = self._rows("")
        else:
            self.at += 1
            self._skip()
            cells = self._lists() if self._peek() == "[" else self._rows("]")
        try:
            check_rows(cells)
        except PlacedError as error:
            row = error.cell[0] if error.cell else 0
            place = self.starts[row] if row < len(self.starts) else 0
            self._fail(error.reason, place)
        divisor, times = self._factor() if bracketed else (_ONE, _ONE)
        self._skip()
        if self._peek():
            self._fail(
                f"{quoted(self._peek())} follows the matrix; "
                f"expected nothing, or a factor such as /16 or *2"
            )
        return cells, divisor, times

    def _rows(self, end: str) -> Cells:
        """Rows that `;` or the end of a line ends, up to `end`."""
        cells: Cells = []
        while True:
            self._skip()
            if self._peek() == end:
                break
            self._start()
            cells.append(self._row((";", "\n", end)))
            if self._peek() == ";":
                self.at += 1
        self.at += 1
        return cells

    def _lists(self) -> Cells:
        """Rows that are lists themselves: `[1, 2], [3, 4]]`."""
        cells: Cells = []
        while self._peek() != "]":
            self._expect("[")
            self._start()
            cells.append(self._row(("]",)))
            self._expect("]")
            self._skip()
            if self._peek() in (",", ";"):
                self.at += 1
                self._skip()
        self.at += 1
        return cells

    def _row(self, ends: Sequence[str]) -> list[Fraction]:
        """Weights up to one of `ends`, which stays."""
        row: list[Fraction] = []
        comma = True
        while self._peek() not in ends:
            token = self._peek()
            if not token:
                self._fail("the matrix ends without its closing ]")
            if token.isspace():
                self.at += 1
            elif token == ",":
                if comma:
                    self._fail("a weight is missing before ','; " + EXPECTED)
                comma = True
                self.at += 1
            else:
                if len(row) == 2 * MAX_TAPS:
                    self._fail(f"this row has more than {MAX_TAPS} weights")
                row.append(self._number())
                comma = False
        if not row:
            self._fail(f"an empty row; {EXPECTED}")
        return row

    def _number(self) -> Fraction:
        try:
            value = parse_number(self._peek())
        except KernelError as error:
            self._fail(str(error))
        self.at += 1
        return value

    def _factor(self) -> tuple[Fraction, Fraction]:
        """What follows the closing bracket, `/16`, `* 2` or nothing, as a divisor and a factor."""
        self._skip()
        place = self.at
        rest = "".join(token for token, _ in self.tokens[place:]).strip()
        if not rest or rest[0] not in "/*":
            return _ONE, _ONE
        self.at = len(self.tokens)
        try:
            value = parse_number(rest[1:])
        except KernelError as error:
            self.at = place
            self._fail(str(error))
        if value == 0:
            self.at = place
            self._fail(f"{quoted(rest)} leaves nothing; expected a factor other than 0")
        return (value, _ONE) if rest[0] == "/" else (_ONE, value)

    def _forbid_factor(self) -> None:
        """Refuse `1 1; 1 1/4` and `1 1; 1 1 /4`, which may mean the last weight or all."""
        words = [n for n, (token, _) in enumerate(self.tokens) if token.strip(" ,;\t\r\n")]
        unclear = [n for n in words if self.tokens[n][0][0] in "/*"]
        if not unclear and len(words) > 1 and "/" in self.tokens[words[-1]][0]:
            others = "".join(self.tokens[n][0] for n in words[:-1])
            unclear = [] if "/" in others or "." in others else words[-1:]
        if unclear:
            self.at = unclear[0]
            self._fail(
                f"is {quoted(self._peek())} for one weight or for all? write [1 2; 3 4]/9 to "
                f"divide them all, or [1 2; 3 4/9] to divide one"
            )

    def _peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def _skip(self) -> None:
        while self._peek().isspace():
            self.at += 1

    def _start(self) -> None:
        if len(self.starts) == 2 * MAX_TAPS:
            self._fail(f"there are more than {MAX_TAPS} rows")
        self.starts.append(self.tokens[self.at][1] if self.at < len(self.tokens) else 0)

    def _expect(self, token: str) -> None:
        if self._peek() != token:
            got = quoted(self._peek()) if self._peek() else "the end"
            self._fail(f"got {got}; expected '{token}'")
        self.at += 1

    def _fail(self, reason: str, place: int | None = None) -> NoReturn:
        if place is None:
            place = self.tokens[self.at][1] if self.at < len(self.tokens) else len(self.text)
        raise PlacedError(reason, *line_column(self.text, place)) from None


def _count(number: int) -> str:
    return f"{number} weight{'' if number == 1 else 's'}"
