"""Whether coded fax data are whole: ITU-T T.4 (groups 3, 1-D and 2-D), T.6 (group 4), TIFF's RLE.

The decoder in use fills up what it can't make sense of with white, and says nothing. So each row
is followed here: its codes must exist, and its runs must add up to the width.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from convcli.errors import ImageError

RLE, GROUP3, GROUP4 = 2, 3, 4
#: Bits of tag 292: lines may be coded by the one above, not at all, or filled up to bytes.
_TWO_DIMENSIONS, _UNCOMPRESSED, FILLED = 1, 2, 4
#: Bits looked at at once: as many as the longest code has.
_WINDOW = 13
_EOL, _EOL_BITS = 1, 12
#: Fewer bits than these may follow the last row, whatever they are.
_BYTE = 8
# Codes of runs of 0 to 63, then of 64, 128, … 1728 (T.4, tables 2 and 3a), and of 1792 to 2560
# in either colour (table 3b).
_WHITE = """00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011
110100 110101 101010 101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011
0010011 0100100 0011000 00000010 00000011 00011010 00011011 00010010 00010011 00010100 00010101
00010110 00010111 00101000 00101001 00101010 00101011 00101100 00101101 00000100 00000101 00001010
00001011 01010010 01010011 01010100 01010101 00100100 00100101 01011000 01011001 01011010 01011011
01001010 01001011 00110010 00110011 00110100
11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100
011001101 011010010 011010011 011010100 011010101 011010110 011010111 011011000 011011001
011011010 011011011 010011000 010011001 010011010 011000 010011011"""
_BLACK = """0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100
00000111 000011000 0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 00000110111
00000101000 00000010111 00000011000 000011001010 000011001011 000011001100 000011001101
000001101000 000001101001 000001101010 000001101011 000011010010 000011010011 000011010100
000011010101 000011010110 000011010111 000001101100 000001101101 000011011010 000011011011
000001010100 000001010101 000001010110 000001010111 000001100100 000001100101 000001010010
000001010011 000000100100 000000110111 000000111000 000000100111 000000101000 000001011000
000001011001 000000101011 000000101100 000001011010 000001100110 000001100111
0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101
0000001101100 0000001101101 0000001001010 0000001001011 0000001001100 0000001001101 0000001110010
0000001110011 0000001110100 0000001110101 0000001110110 0000001110111 0000001010010 0000001010011
0000001010100 0000001010101 0000001011010 0000001011011 0000001100100 0000001100101"""
_LONG = """00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101
000000010110 000000010111 000000011100 000000011101 000000011110 000000011111"""
#: Modes of two dimensions (T.4, table 4): vertical by so many, else pass or horizontal.
_PASS, _HORIZONTAL = 8, 9
_MODES = {"1": 0, "011": 1, "000011": 2, "0000011": 3, "010": -1, "000010": -2, "0000010": -3,
          "0001": _PASS, "001": _HORIZONTAL}  # fmt: skip


class _Damage(Exception):
    """What is wrong with a row."""


@cache
def _runs() -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return (bits, run) by what the window shows, for white and for black; 0 bits for no code."""
    tables = []
    for text in (_WHITE, _BLACK):
        lengths = [*range(64), *range(64, 1729, 64), *range(1792, 2561, 64)]
        codes = [*text.split(), *_LONG.split()]
        tables.append(_table(dict(zip(codes, lengths, strict=True)), _WINDOW))
    return tables[0], tables[1]


@cache
def _modes() -> list[tuple[int, int]]:
    """Return (bits, mode) by what seven bits show; 0 bits for no mode."""
    return _table(_MODES, 7)


def _table(codes: dict[str, int], width: int) -> list[tuple[int, int]]:
    table = [(0, 0)] * (1 << width)
    for code, value in codes.items():
        first = int(code, 2) << (width - len(code))
        for k in range(first, first + (1 << (width - len(code)))):
            table[k] = len(code), value
    return table


def check(data: bytes, coding: int, rows: int, width: int, options: int = 0) -> None:
    """Refuse coded fax data unless every row is whole, and nothing but an end follows the last.

    Parameters
    ----------
    data
        A strip or tile, the first bit of each byte being the highest.
    coding
        TIFF's number of it: `RLE`, `GROUP3` or `GROUP4`.
    rows, width
        What it should hold.
    options
        Tag 292 or 293.

    Raises
    ------
    ImageError
        If it isn't.
    NotImplementedError
        If it may have rows that aren't compressed.
    """
    if options & _UNCOMPRESSED and coding != RLE:
        raise NotImplementedError("it may have rows that aren't compressed")
    reader = _FaxReader(data, width)
    try:
        for _ in range(rows):
            if coding == RLE:
                reader.row()
                reader.align()
            elif coding == GROUP4:
                reader.row_by_row_above()
            else:
                reader.end_of_line()
                flat = not options & _TWO_DIMENSIONS or reader.bit()
                reader.row() if flat else reader.row_by_row_above()
        reader.end()
    except _Damage as damage:
        done = reader.done
        where = f"after row {rows}" if done == rows else f"in row {done + 1} of {rows}"
        raise ImageError(f"its fax data are damaged {where}: {damage}") from None


class _FaxReader:
    """Follows rows; nothing is drawn but where colours change in the last one."""

    def __init__(self, data: bytes, width: int) -> None:
        # Three bytes from each byte on: the window at a bit is `_words[at >> 3] >> 11 - (at & 7)`.
        single = np.frombuffer(data + bytes(4), np.uint8).astype(np.uint32)
        words: Any = (single[:-2] << 16) | (single[1:-1] << 8) | single[2:]
        self._words: Any = words.data
        self._at, self._size, self._width = 0, 8 * len(data), width
        self._above = [width] * 3
        self.done = 0

    def bit(self) -> int:
        """Return the next bit."""
        self._need(1)
        self._at += 1
        return self._peek(self._at - 1) >> (_EOL_BITS - 1)

    def _peek(self, at: int) -> int:
        """Return as many bits from there on as an end of a line has."""
        found: int = self._words[at >> 3] >> (24 - _EOL_BITS - (at & 7)) & ((1 << _EOL_BITS) - 1)
        return found

    def align(self) -> None:
        """Go to the next byte."""
        self._at = -(-self._at // 8) * 8

    def end_of_line(self) -> None:
        """Go past the end of a line, and the zeros that may fill up before it."""
        at, last = self._at, self._size - _EOL_BITS
        while at <= last and not self._peek(at):
            at += 1
        if at > last or self._peek(at) != _EOL:
            raise _Damage("no end of a line stands before it")
        self._at = at + _EOL_BITS

    def end(self) -> None:
        """Refuse data that go on: an end of a line may follow, or zeros that fill up."""
        at = self._at
        while at < self._size and not self._peek(at):
            at += 1
        if self._peek(at) != _EOL and self._size - at >= _BYTE:
            raise _Damage("its data go on")

    def row(self) -> None:
        """Follow a row of runs."""
        tables, width, at = _runs(), self._width, self._at
        colour, x, changes = 0, 0, []
        while x < width:
            at, run = self._run(tables[colour], at)
            x += run
            changes.append(x)
            colour ^= 1
        self._finish(at, x, changes)

    def row_by_row_above(self) -> None:
        """Follow a row that is told by where colours change in the one above it."""
        modes, words = _modes(), self._words
        above, width, at, size = self._above, self._width, self._at, self._size
        changes: list[int] = []
        x, colour, k = 0, 0, 0
        while x < width:
            bits, mode = modes[words[at >> 3] >> 17 - (at & 7) & 127] if at < size else (0, 0)
            at += bits
            if mode < _PASS:
                if not bits:
                    raise _Damage("there is no such code")
                before, x = x, above[k] + mode
                changes.append(x)
                if x < before or (x == before and len(changes) > 1):
                    raise _Damage("a run ends before it begins")
                colour ^= 1
                # The change before the next one may lie to the right of here, after a step back.
                k += 1 if mode >= 0 or k == 0 else -1
            elif mode == _PASS:
                x = above[k + 1]
                k += 2
                if x == width:
                    raise _Damage("nothing of the row above can be passed")
            else:
                at, x = self._two_runs(at, x, colour, changes)
            while x < width and above[k] <= x:
                k += 2
        self._finish(at, x, changes)

    def _two_runs(self, at: int, x: int, colour: int, changes: list[int]) -> tuple[int, int]:
        """Follow two runs from a place in the data and in the row; return where both end."""
        tables = _runs()
        at, first = self._run(tables[colour], at)
        at, second = self._run(tables[colour ^ 1], at)
        end = x + first + second
        # Decoders disagree about runs without pixels; only the row's edges have them.
        if (not first and x) or (not second and end != self._width):
            raise _Damage("a run has no pixels")
        changes += (x + first, end)
        return at, end

    def _run(self, table: list[tuple[int, int]], at: int) -> tuple[int, int]:
        """Return where the code of a run ends, and how long the run is."""
        total, run, words = 0, 64, self._words
        while run >= 64:
            bits, run = table[words[at >> 3] >> 11 - (at & 7) & 8191] if at < self._size else (0, 0)
            if not bits:
                raise _Damage("there is no such code")
            at += bits
            total += run
        return at, total

    def _finish(self, at: int, x: int, changes: list[int]) -> None:
        if x != self._width:
            raise _Damage(f"its runs add up to {x} pixels of {self._width}")
        self._at = at
        self._need(0)
        self._above = [*_proper(changes, x), x, x, x]
        self.done += 1

    def _need(self, bits: int) -> None:
        if self._at + bits > self._size:
            raise _Damage("the data are cut short")


def _proper(changes: list[int], width: int) -> list[int]:
    """Return changes without those of runs that have no pixels."""
    proper: list[int] = []
    for x in changes:
        if proper and proper[-1] == x:
            proper.pop()
        else:
            proper.append(x)
    while proper and proper[-1] >= width:
        proper.pop()
    return proper
