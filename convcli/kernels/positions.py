"""Where a value stands in the text of a TOML or JSON file, so that a mistake can be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from convcli.kernels.exact import PlacedError, line_column

_LONG = r'"""(?s:.*?)"""|' + r"'''(?s:.*?)'''|"
_PIECE = re.compile(_LONG + r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\],]|[^\s\[\],#"\']+')
_HEADER = re.compile(r"^[ \t]*\[[^\[\],\n]*\][ \t]*(?:#.*)?$", re.MULTILINE)


def place(error: PlacedError, text: str, source: str, table: str = "") -> PlacedError:
    """Return the error with the line and column of the file in which it is.

    Parameters
    ----------
    error
        With a key, and perhaps a place in the key's text or a cell of its array.
    text
        The whole file.
    source
        Its name.
    table
        The name of the table it is in; '' for a file without tables.
    """
    start, end = _table(text, table)
    value = _value(text[:end], start, error.key) if error.key else None
    if value is None and not table and text.lstrip().startswith("["):
        value = text.index("[")  # a list alone, without a key
    if value is None:
        return PlacedError(error.reason, *line_column(text, start), error.key, source=source)
    line, column = line_column(text, value)
    if error.line is not None and error.column is not None:
        line, column = _inside(text, value, error.line, error.column)
    elif error.cell is not None:
        line, column = line_column(text, _cell(text, value, *error.cell))
    return PlacedError(error.reason, line, column, error.key, source=source)


def _table(text: str, name: str) -> tuple[int, int]:
    """Where the table begins and ends."""
    if not name:
        return 0, len(text)
    header = re.compile(
        rf"^[ \t]*\[[ \t]*(?:\w+[ \t]*\.[ \t]*)?[\"']?{re.escape(name)}[\"']?[ \t]*\]",
        re.MULTILINE,
    )
    match = header.search(text)
    if match is None:
        return 0, len(text)
    after = _HEADER.search(text, match.end())
    start = match.start() + len(match[0]) - len(match[0].lstrip())
    return start, after.start() if after else len(text)


def _value(text: str, start: int, key: str) -> int | None:
    """Where the value of a key begins."""
    name = re.escape(key)
    pattern = rf"(?:^[ \t]*[\"']?{name}[\"']?[ \t]*=|\"{name}\"\s*:)\s*"
    match = re.compile(pattern, re.MULTILINE).search(text, start)
    return match.end() if match else None


def _inside(text: str, value: int, line: int, column: int) -> tuple[int, int]:
    """Where a place within a quoted text stands in the file."""
    at_line, at_column = line_column(text, value)
    long = text[value : value + 3] in ('"""', "'''")
    quotes = 3 if long else 1
    if long and text[value + 3 : value + 4] == "\n":
        return at_line + line, column
    if line == 1:
        return at_line, at_column + quotes + column - 1
    return at_line + line - 1, column


def _cell(text: str, value: int, row: int, col: int) -> int:
    """Where a cell of an array of arrays begins; of a flat array if its items aren't arrays."""
    found = value
    for at_row, at_col, offset in _items(text, value):
        if (at_row, at_col) > (row, col):
            break
        if at_row == row and at_col <= col:
            found = offset
    return found


def _items(text: str, value: int) -> Iterator[tuple[int, int, int]]:
    """Row, column and place of everything in an array of arrays, brackets of rows included."""
    depth = row = col = 0
    for match in _PIECE.finditer(text, value):
        piece = match.group()
        if piece == "]":
            depth -= 1
        elif piece == ",":
            row, col = (row + 1, 0) if depth == 1 else (row, col + 1)
        elif piece[0] != "#" and depth > 0:
            yield row, col, match.start()
        if piece == "[":
            depth += 1
        if depth == 0:
            return
