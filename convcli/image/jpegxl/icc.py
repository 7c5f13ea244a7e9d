"""Colour profiles as JPEG XL codestreams hold them, predicted and entropy-coded (18181-1, annex E).

Written ones are predicted no further than their header, and coded with about 8 bits a byte.
"""

from __future__ import annotations

import struct

from convcli.errors import ImageError
from convcli.image.jpegxl.bits import Reader, Writer
from convcli.image.jpegxl.entropy import CodedNumbers

_HEADER = 128
_CONTEXTS = 41
#: Larger ones are refused, or left out.
MOST = 2**22
#: What a header is before anything is known of it.
_EXPECTED = (
    bytes(8) + b"\4\0\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    + b"\0\0\xf6\xd6\0\1\0\0\0\0\xd3\x2d" + bytes(48)
)  # fmt: skip
#: What follows the first letter or two of a platform's name.
_PLATFORMS = {b"A": b"PPL", b"M": b"SFT", b"SG": b"I ", b"SU": b"NW"}
_TAGS = (
    b"cprt", b"wtpt", b"bkpt", b"rXYZ", b"gXYZ", b"bXYZ", b"kXYZ", b"rTRC", b"gTRC", b"bTRC",
    b"kTRC", b"chad", b"desc", b"chrm", b"dmnd", b"dmdd", b"lumi",
)  # fmt: skip
_TYPES = (b"XYZ ", b"desc", b"text", b"mluc", b"para", b"curv", b"sf32", b"gbd ")
_TRIPLES = (b"rXYZ", b"gXYZ", b"bXYZ", b"kXYZ", b"wtpt", b"bkpt", b"lumi")
_TAG_UNKNOWN, _TAG_TRC, _TAG_XYZ, _TAG_FIRST = 1, 2, 3, 4
_INSERT, _SHUFFLE2, _SHUFFLE4, _PREDICT, _XYZ, _TYPE_FIRST = 1, 2, 3, 4, 10, 16
_DAMAGED = "the JPEG XL file is damaged: its colour profile makes no sense"


def read(reader: Reader) -> bytes:
    """Return the profile that comes next.

    Raises
    ------
    ImageError
        If it makes no sense, or is larger than 4 MB.
    """
    size = reader.long()
    if size > MOST:
        raise ImageError(f"its colour profile has {size} bytes; expected {MOST} at the most")
    numbers = CodedNumbers(reader, _CONTEXTS)
    coded = bytearray()
    for _ in range(size):
        value = numbers.read(_context(coded))
        if value > 255:
            raise ImageError(_DAMAGED)
        coded.append(value)
    numbers.finish()
    try:
        return _Decoding(bytes(coded)).profile()
    except (IndexError, struct.error, OverflowError) as error:
        raise ImageError(_DAMAGED) from error


def _context(coded: bytearray) -> int:
    if len(coded) <= _HEADER:
        return 0
    last, before = coded[-1], coded[-2]
    return 1 + _kind(last, (4, 5, 6, 7)) + 8 * _kind(before, (2, 3, 3, 4))


def _kind(byte: int, numbers: tuple[int, int, int, int]) -> int:
    """Return what sort of byte one is: letter, digit, small, large, 255 or another."""
    small, large, full, other = numbers
    if 65 <= byte <= 90 or 97 <= byte <= 122:
        return 0
    if 48 <= byte <= 57 or byte in b".,":
        return 1
    if byte < 16:
        return 2 + byte if byte < 2 and small == 4 else small
    return full if byte == 255 else large if byte > 240 else other


def _expect(header: bytearray, done: bytes | bytearray) -> None:
    """Correct what is expected of a header by what is known of it."""
    at = len(done)
    if at == 8:
        header[80:84] = done[4:8]
    for start in (40, 41):
        rest = _PLATFORMS.get(bytes(done[40 : start + 1]))
        if at == start + 1 and rest:
            header[at:44] = rest


class _Decoding:
    """A profile that is put together by commands, from what stands behind them."""

    def __init__(self, coded: bytes) -> None:
        self._commands = coded
        self._at = 0
        self._size, size = self._whole(), self._whole()
        self._end = self._at + size
        self._data, self._place = coded[self._end :], 0
        self._commands = coded[: self._end]
        if self._size > MOST or self._end > len(coded):
            raise ImageError(_DAMAGED)
        self._done = bytearray()

    def profile(self) -> bytes:
        """Return it."""
        header = bytearray(struct.pack(">I", self._size) + _EXPECTED[4:])
        for at in range(min(_HEADER, self._size)):
            _expect(header, self._done)
            self._done.append((header[at] + self._take(1)[0]) & 255)
        if self._size > _HEADER:
            self._tags()
        while self._at < self._end and len(self._done) <= self._size:
            self._command(self._next())
        if len(self._done) != self._size or self._place != len(self._data):
            raise ImageError(_DAMAGED)
        return bytes(self._done)

    def _next(self) -> int:
        self._at += 1
        return self._commands[self._at - 1]

    def _whole(self) -> int:
        """Return a number of 7 bits a byte."""
        value = shift = 0
        while True:
            byte = self._next()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ImageError(_DAMAGED)

    def _take(self, count: int) -> bytes:
        found = self._data[self._place : self._place + count]
        if len(found) < count:
            raise ImageError(_DAMAGED)
        self._place += count
        return found

    def _tags(self) -> None:
        """Make the list of tags, of which each follows the one before unless it is said."""
        count = self._whole()
        if not count:
            return
        self._done += struct.pack(">I", count - 1)
        start, size = _HEADER + 12 * (count - 1), 0
        while self._at < self._end and (command := self._next()):
            code = command & 63
            name = self._tag(code)
            start += size
            size = 20 if name in _TRIPLES else size
            start = self._whole() if command & 64 else start
            size = self._whole() if command & 128 else size
            names = {_TAG_TRC: (b"rTRC", b"gTRC", b"bTRC"), _TAG_XYZ: (b"rXYZ", b"gXYZ", b"bXYZ")}
            for k, each in enumerate(names.get(code, (name,))):
                place = start + k * size * (code == _TAG_XYZ)
                self._done += each + struct.pack(">II", place, size)
            if len(self._done) > self._size:
                raise ImageError(_DAMAGED)

    def _tag(self, code: int) -> bytes:
        if code == _TAG_UNKNOWN:
            return self._take(4)
        if code in (_TAG_TRC, _TAG_XYZ):
            return b"rTRC" if code == _TAG_TRC else b"rXYZ"
        if code < _TAG_FIRST:
            return b""
        return _TAGS[code - _TAG_FIRST]

    def _command(self, command: int) -> None:
        """Add what a command says."""
        if command in (_INSERT, _SHUFFLE2, _SHUFFLE4):
            width = {_INSERT: 1, _SHUFFLE2: 2, _SHUFFLE4: 4}[command]
            self._done += _shuffled(self._take(self._whole()), width)
        elif command == _PREDICT:
            self._predict()
        elif command == _XYZ:
            self._done += b"XYZ " + bytes(4) + self._take(12)
        elif command >= _TYPE_FIRST:
            self._done += _TYPES[command - _TYPE_FIRST] + bytes(4)
        else:
            raise ImageError(_DAMAGED)

    def _predict(self) -> None:
        """Add numbers that are told by how far they are from what those before let expect."""
        flags = self._next()
        width, order = (flags & 3) + 1, flags >> 2 & 3
        stride = self._whole() if flags & 16 else width
        if width == 3 or order == 3 or stride < width or 4 * stride >= len(self._done):
            raise ImageError(_DAMAGED)
        given = _shuffled(self._take(self._whole()), width)
        for at in range(0, len(given), width):
            here = len(self._done)
            one, two, three = (self._number(here - k * stride, width) for k in (1, 2, 3))
            value = (one, 2 * one - two, 3 * one - 3 * two + three)[order]
            expected = (value & ((1 << 8 * width) - 1)).to_bytes(width, "big")
            part = given[at : at + width]
            self._done += bytes((a + b) & 255 for a, b in zip(expected, part, strict=False))

    def _number(self, at: int, width: int) -> int:
        return int.from_bytes(self._done[at : at + width], "big")


def _shuffled(data: bytes, width: int) -> bytes:
    """Return bytes that were sorted by their place within numbers, as they were."""
    height = -(-len(data) // width)
    return b"".join(data[k::height] for k in range(height)) if width > 1 else data


def write(writer: Writer, profile: bytes) -> None:
    """Write a profile of more than 128 bytes."""
    header = bytearray(struct.pack(">I", len(profile)) + _EXPECTED[4:])
    coded = bytearray()
    for at in range(_HEADER):
        _expect(header, profile[:at])
        coded.append((profile[at] - header[at]) & 255)
    commands = b"\0\1" + _packed(len(profile) - _HEADER)
    coded[:0] = _packed(len(profile)) + _packed(len(commands)) + commands
    coded += profile[_HEADER:]
    writer.long(len(coded))
    _write_codes(writer)
    for byte in coded:
        length, code = _CODES[byte]
        writer.bits(int(f"{code:0{length}b}"[::-1], 2), length)


def _packed(value: int) -> bytes:
    """Return a number in 7 bits a byte."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes((*found, value))


#: The code of each byte: 0 has 7 bits, 254 and 255 have 9, and the others 8.
_CODES = [(7, 0), *((8, 1 + k) for k in range(1, 254)), (9, 510), (9, 511)]


def _write_codes(writer: Writer) -> None:
    """Write how bytes are coded: without matches, in one context, with codes of 7, 8 or 9 bits."""
    writer.bits(0, 1)
    writer.bits(1, 3)
    writer.bits(1, 1)
    writer.bits(8, 4)
    writer.bits(0, 8)
    # 256 symbols: 1 + 2⁷ + 127.
    writer.bits(1, 1)
    writer.bits(7, 4)
    writer.bits(127, 7)
    # No length is left out; 7 and 9 get codes of two bits, 8 gets one.
    writer.bits(0, 2)
    for number in (1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9):
        bits, count = {7: (0x3, 3), 8: (0x7, 4), 9: (0x3, 3)}.get(number, (0x0, 2))
        writer.bits(bits, count)
    lengths = {8: (0b0, 1), 7: (0b01, 2), 9: (0b11, 2)}
    for length, _ in _CODES:
        writer.bits(*lengths[length])
