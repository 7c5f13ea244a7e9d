"""Kernels in plain tables of numbers: CSV, text, libvips' matrices."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import islice

from convcli.errors import KernelError
from convcli.kernels.exact import (
    MAX_TAPS,
    Cells,
    PlacedError,
    parse_number,
)
from convcli.kernels.matrix import check_rows

#: Cells, what their sum is divided by, and the offset.
Sheet = tuple[Cells, Fraction, Fraction]
_PLAIN = Fraction(1), Fraction(0)

#: A line with more than blanks before its comment, up to there.
_FILLED = re.compile(r"^[^\S\n]*+[^\s#][^\n#]*+", re.MULTILINE)
#: A comma that is no decimal one.
_PARTING = re.compile(r"(?<!\d),|,(?!\d)")
_WORD = re.compile(r"[^\s,]+")
_VIPS_WORD = re.compile(r'[^\s,"]+')


def read_csv(text: str) -> Sheet:
    """Read rows of numbers between commas, tabs or semicolons; those with decimal commas.

    Raises
    ------
    PlacedError
        If it isn't a matrix of numbers; with line and column.
    """
    filled = [*_lines(text)]
    found = [s for s in ";,\t" if any(s in line for _, line in filled)]
    separator = found[0] if found else None
    if found == [",", "\t"] and not any(_PARTING.search(line) for _, line in filled):
        separator = "\t"  # and decimal commas
    if separator is None:
        return _read_words(filled)
    rows = [(number, _fields(line, number, separator)) for number, line in filled]
    return _checked(rows), *_PLAIN


def read_txt(text: str) -> Sheet:
    """Read rows of numbers between blanks or commas.

    Raises
    ------
    PlacedError
        If it isn't a matrix of numbers; with line and column.
    """
    return _read_words(_lines(text))


def read_mat(text: str) -> Sheet:
    """Read libvips' format: a line `width height [scale [offset]]`, then the rows.

    Raises
    ------
    PlacedError
        If it isn't a matrix of numbers, or not of the size that its first line tells.
    """
    filled = [*_lines(text)]
    if not filled:
        raise PlacedError("the file is empty; expected a line 'width height'", 1, 1)
    number, line = filled[0]
    header = _words(line, number, _VIPS_WORD)
    size = [int(value) for value in header[:2]]
    if not 2 <= len(header) <= 4 or size != header[:2] or min(size) < 1:
        raise PlacedError(
            "the first line must be 'width height [scale [offset]]', such as '3 3 9 0'",
            number,
            1,
        )
    cols, rows = size
    scale, offset = (*header[2:], *_PLAIN[len(header) - 2 :])
    if scale == 0:
        raise PlacedError("scale is 0; expected any other number", number, 1)
    lines = [(n, _words(words, n, _VIPS_WORD)) for n, words in filled[1:]]
    for n, words in lines:
        if len(words) != cols:
            raise PlacedError(f"this row has {len(words)} numbers; expected {cols}", n, 1)
    if len(lines) != rows:
        raise PlacedError(f"there are {len(lines)} rows; the first line says {rows}", number, 1)
    return _checked(lines), scale, offset


def _lines(text: str) -> list[tuple[int, str]]:
    """Lines and their numbers; comments, from `#` on, and blank lines left out.

    JUSTIFICATION: 32 MB may be 33 million lines, which are never made into as many texts.
    """
    filled: list[tuple[int, str]] = []
    number, at = 1, 0
    for match in _FILLED.finditer(text):
        number += text.count("\n", at, match.start())
        at = match.start()
        filled.append((number, match[0]))
        if len(filled) == 2 * MAX_TAPS:
            raise PlacedError(f"there are more than {MAX_TAPS} rows of numbers", number, 1)
    return filled


def _read_words(lines: list[tuple[int, str]]) -> Sheet:
    return _checked([(n, _words(line, n, _WORD)) for n, line in lines]), *_PLAIN


def _words(line: str, number: int, word: re.Pattern[str]) -> list[Fraction]:
    found = [*islice(word.finditer(line), 2 * MAX_TAPS)]
    if len(found) == 2 * MAX_TAPS:
        raise PlacedError(f"this row has more than {MAX_TAPS} numbers", number, 1)
    return [_value(match[0], number, match.start() + 1) for match in found]


def _fields(line: str, number: int, separator: str) -> list[Fraction]:
    """Numbers of a line of CSV; one separator may end the line."""
    row: list[Fraction] = []
    column = 1
    fields = line.split(separator)
    if not fields[-1].strip():
        fields.pop()
    if len(fields) >= 2 * MAX_TAPS:
        raise PlacedError(f"this row has more than {MAX_TAPS} numbers", number, 1)
    for field in fields:
        text = field.strip().strip("\"'").strip()
        if not text:
            raise PlacedError("an empty cell; expected a number", number, column)
        row.append(_value(text.replace(",", "."), number, column))
        column += len(field) + 1
    return row


def _value(text: str, line: int, column: int) -> Fraction:
    try:
        return parse_number(text)
    except KernelError as error:
        raise PlacedError(str(error), line, column) from None


def _checked(rows: list[tuple[int, list[Fraction]]]) -> Cells:
    """Check that the rows make a matrix; they come with their line numbers."""
    cells = [row for _, row in rows]
    try:
        check_rows(cells)
    except PlacedError as error:
        line = rows[error.cell[0]][0] if rows and error.cell else 1
        raise PlacedError(error.reason, line, 1) from None
    return cells
