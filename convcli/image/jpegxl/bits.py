"""Bits of a JPEG XL codestream, the lowest of each byte first (ISO/IEC 18181-1, annex B)."""

from __future__ import annotations

from convcli.errors import ImageError

#: One of four ways to write a number: what is added, and how many bits follow.
Ways = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]

#: Numbers that stand for words.
ENUM: Ways = ((0, 0), (1, 0), (2, 4), (18, 6))
#: Lengths of names.
NAME: Ways = ((0, 0), (0, 4), (16, 5), (48, 10))
_CUT_SHORT = "the JPEG XL file is cut short"


class Reader:
    """Bytes that are read bit by bit; `at` is the next bit, `size` the bytes.

    Reading beyond the end raises `ImageError`.
    """

    def __init__(self, data: bytes | memoryview, at: int = 0) -> None:
        self._data, self.size = data, len(data)
        self._end = 8 * len(data)
        self.at = at

    def bits(self, count: int) -> int:
        """Return a number of so many bits."""
        end = self.at + count
        if end > self._end:
            raise ImageError(_CUT_SHORT)
        found = int.from_bytes(self._data[self.at >> 3 : (end + 7) >> 3], "little")
        found = (found >> (self.at & 7)) & ((1 << count) - 1)
        self.at = end
        return found

    def flag(self) -> bool:
        """Return one bit."""
        return self.bits(1) == 1

    def number(self, ways: Ways) -> int:
        """Return a number that is written in one of four ways."""
        start, count = ways[self.bits(2)]
        return start + self.bits(count)

    def long(self) -> int:
        """Return a number of up to 64 bits."""
        way = self.bits(2)
        if way < 3:
            return (0, 1, 17)[way] + self.bits((0, 4, 8)[way])
        value, shift = self.bits(12), 12
        while self.flag():
            count = 4 if shift == 60 else 8
            value |= self.bits(count) << shift
            shift += count
            if shift > 60:
                break
        return value

    def short(self) -> int:
        """Return a number of up to 8 bits, of which few are written if it is small."""
        if not self.flag():
            return 0
        count = self.bits(3)
        return (1 << count) + self.bits(count)

    def skip(self, count: int) -> None:
        """Pass over so many bits."""
        if self.at + count > self._end:
            raise ImageError(_CUT_SHORT)
        self.at += count

    def align(self) -> None:
        """Go on at the next byte."""
        self.at = (self.at + 7) & ~7

    def extensions(self) -> None:
        """Pass over what later versions of the format add."""
        used = self.long()
        self.skip(sum(self.long() for k in range(64) if used >> k & 1))

    def name(self) -> None:
        """Pass over a name."""
        self.skip(8 * self.number(NAME))


class Writer:
    """Bits that are written one after the other."""

    def __init__(self) -> None:
        self._done = bytearray()
        self._value = self._count = 0

    def bits(self, value: int, count: int) -> None:
        """Write a number of so many bits."""
        self._value |= value << self._count
        self._count += count
        whole = self._count >> 3
        self._done += (self._value & ((1 << 8 * whole) - 1)).to_bytes(whole, "little")
        self._value >>= 8 * whole
        self._count &= 7

    def number(self, value: int, ways: Ways) -> None:
        """Write a number in the first of four ways that can."""
        for way, (start, count) in enumerate(ways):
            if 0 <= value - start < 1 << count:
                self.bits(way, 2)
                self.bits(value - start, count)
                return
        raise ValueError(value)

    def long(self, value: int) -> None:
        """Write a number of less than 2³²."""
        if value < 273:
            self.number(value, ((0, 0), (1, 4), (17, 8), (0, 0)))
            return
        self.bits(3, 2)
        self.bits(value & 0xFFF, 12)
        value >>= 12
        while value:
            self.bits(1, 1)
            self.bits(value & 0xFF, 8)
            value >>= 8
        self.bits(0, 1)

    def copy(self, reader: Reader, start: int, end: int) -> None:
        """Write what a reader has between two places."""
        before, reader.at = reader.at, start
        self.bits(reader.bits(end - start), end - start)
        reader.at = before

    def finish(self) -> bytes:
        """Return all bytes, the last one filled with zeros."""
        if self._count:
            self.bits(0, 8 - self._count)
        return bytes(self._done)
