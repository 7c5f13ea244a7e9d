"""Entropy-coded numbers of a JPEG XL codestream (18181-1, annex C).

Of a file only the profile and the order of its parts are read here; pixels are the library's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convcli.errors import ImageError
from convcli.image.jpegxl.bits import Reader, Ways
from convcli.record import record

#: How the logarithm of a symbol's count is written: (bits, length) by logarithm; 13 repeats.
_LOGARITHMS = (
    (0x11, 5), (0x0B, 4), (0x0F, 4), (0x03, 4), (0x09, 4), (0x07, 4), (0x04, 3), (0x02, 3),
    (0x05, 3), (0x06, 3), (0x00, 3), (0x21, 6), (0x01, 7), (0x41, 7),
)  # fmt: skip
#: How the lengths of codes for lengths are written, in the order in which they come.
_LENGTHS = ((0x0, 2), (0x7, 4), (0x3, 3), (0x2, 2), (0x1, 2), (0xF, 4))
_ORDER = (1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15)
_LEAST: Ways = ((224, 0), (512, 0), (4096, 0), (8, 15))
_SHORTEST: Ways = ((3, 0), (4, 0), (5, 2), (9, 8))
#: Counts of an alphabet's symbols add up to this.
_TOTAL, _TOTAL_BITS = 4096, 12
_FINAL = 0x130000
_WINDOW = 1 << 20
_DAMAGED = "the JPEG XL file is damaged: its codes make no sense"


def _log2(value: int) -> int:
    """Return the bits that numbers of 0 to `value` take."""
    return value.bit_length()


@record
class _Hybrid:
    """How numbers above those that have a symbol of their own are split."""

    split: int
    high: int = 0
    low: int = 0

    @classmethod
    def read(cls, reader: Reader, size: int) -> _Hybrid:
        split = reader.bits(_log2(size))
        if split == size:
            return cls(split)
        high = reader.bits(_log2(split))
        if high > split:
            raise ImageError(_DAMAGED)
        low = reader.bits(_log2(split - high))
        if high + low > split:
            raise ImageError(_DAMAGED)
        return cls(split, high, low)

    def value(self, reader: Reader, token: int) -> int:
        """Return the number of a token and the bits behind it."""
        if token < 1 << self.split:
            return token
        kept = self.high + self.low
        count = self.split - kept + ((token - (1 << self.split)) >> kept)
        if count > 31:
            raise ImageError(_DAMAGED)
        low = token & ((1 << self.low) - 1)
        high = (token >> self.low) & ((1 << self.high) - 1) | (1 << self.high)
        return ((high << count | reader.bits(count)) << self.low) | low


def _symbol(reader: Reader, codes: dict[tuple[int, int], int]) -> int:
    """Return the symbol whose code comes next, its bits given from the lowest on."""
    code = 0
    for length in range(1, 17):
        code |= reader.bits(1) << (length - 1)
        if (length, code) in codes:
            return codes[length, code]
    raise ImageError(_DAMAGED)


class _Prefix:
    """Symbols with codes of whole bits."""

    def __init__(self, reader: Reader, size: int) -> None:
        self._only = 0
        self._codes: dict[tuple[int, int], int] = {}
        if size == 1:
            return
        skipped = reader.bits(2)
        found = _simple(reader, size) if skipped == 1 else _complex(reader, size, skipped)
        if len(found) == 1:
            self._only = next(iter(found))
        else:
            self._codes = _canonical(found)

    def read(self, reader: Reader) -> int:
        """Return the next symbol."""
        return _symbol(reader, self._codes) if self._codes else self._only


def _canonical(lengths: dict[int, int]) -> dict[tuple[int, int], int]:
    """Return symbols by (length, code), the code's first bit the lowest."""
    codes, code, before = {}, 0, 0
    for symbol, length in sorted(lengths.items(), key=lambda item: (item[1], item[0])):
        code <<= length - before
        codes[length, int(f"{code:0{length}b}"[::-1], 2)] = symbol
        code, before = code + 1, length
    if code != 1 << before:
        raise ImageError(_DAMAGED)
    return codes


def _simple(reader: Reader, size: int) -> dict[int, int]:
    """Return the lengths of the codes of up to four symbols."""
    count = reader.bits(2) + 1
    symbols = [reader.bits(_log2(size - 1)) for _ in range(count)]
    if len(set(symbols)) < count or max(symbols) >= size:
        raise ImageError(_DAMAGED)
    uneven = count == 4 and reader.flag()
    lengths = {1: (0,), 2: (1, 1), 3: (1, 2, 2), 4: (1, 2, 3, 3) if uneven else (2, 2, 2, 2)}
    return dict(zip(symbols, lengths[count], strict=True))


def _complex(reader: Reader, size: int, skipped: int) -> dict[int, int]:
    """Return the lengths of codes, which have codes of their own."""
    known = {(length, bits): number for number, (bits, length) in enumerate(_LENGTHS)}
    own: dict[int, int] = {}
    room = 32
    for number in _ORDER[skipped:]:
        length = _symbol(reader, known)
        if length:
            own[number] = length
            room -= 32 >> length
        if room <= 0:
            break
    if not own or (room and len(own) > 1):
        raise ImageError(_DAMAGED)
    codes = _canonical(own) if len(own) > 1 else {}
    only = next(iter(own))
    return _expanded(lambda: _symbol(reader, codes) if codes else only, reader, size)


def _expanded(read: Callable[[], int], reader: Reader, size: int) -> dict[int, int]:
    """Return lengths, of which repeated ones are written once."""
    lengths: list[int] = []
    room, before, repeats, kind = 32768, 8, 0, 0
    while len(lengths) < size and room > 0:
        code = read()
        value, extra = code, 1
        if code < 16:
            repeats = 0
            before = code or before
        else:
            value, bits = (before, 2) if code == 16 else (0, 3)
            repeats = repeats if code == kind else 0
            extra = 3 + reader.bits(bits)
            if repeats:
                extra += ((repeats - 2) << bits) - repeats
            repeats += extra
        if extra > size - len(lengths):
            raise ImageError(_DAMAGED)
        lengths += [value] * extra
        room -= extra * (32768 >> value) * bool(value)
        kind = code
    found = {symbol: length for symbol, length in enumerate(lengths) if length}
    if not found or (room and len(found) > 1):
        raise ImageError(_DAMAGED)
    return found


class _Ans:
    """Symbols with codes of fractions of bits: asymmetric numeral systems."""

    def __init__(self, reader: Reader, state: list[int], size: int) -> None:
        self._state, self._bits = state, _TOTAL_BITS - size
        counts = _counts(reader, 1 << size)
        self._counts = counts + [0] * ((1 << size) - len(counts))
        if len(self._counts) > 1 << size:
            raise ImageError(_DAMAGED)
        self._alias()

    def _alias(self) -> None:
        """Make the table in which each of equal buckets holds two symbols at the most."""
        bucket, counts = 1 << self._bits, self._counts
        self._cut, self._other, self._offset = (
            counts.copy(),
            [*range(len(counts))],
            [0] * len(counts),
        )
        if _TOTAL in counts:
            only = counts.index(_TOTAL)
            self._cut = [0] * len(counts)
            self._other = [only] * len(counts)
            self._offset = [k * bucket for k in range(len(counts))]
            return
        over = [k for k, count in enumerate(counts) if count > bucket]
        under = [k for k, count in enumerate(counts) if count < bucket]
        while over:
            if not under:
                raise ImageError(_DAMAGED)
            small, large = under.pop(), over.pop()
            self._cut[large] -= bucket - self._cut[small]
            self._other[small], self._offset[small] = large, self._cut[large]
            if self._cut[large] != bucket:
                (under if self._cut[large] < bucket else over).append(large)
        for k, cut in enumerate(self._cut):
            if cut == bucket:
                self._other[k] = k
                self._offset[k] = self._cut[k] = 0
            else:
                self._offset[k] -= cut

    def read(self, reader: Reader) -> int:
        """Return the next symbol."""
        if not self._state:
            self._state.append(reader.bits(32))
        state = self._state[0]
        place = state & (_TOTAL - 1)
        k, at = place >> self._bits, place & ((1 << self._bits) - 1)
        inside = at < self._cut[k]
        symbol = k if inside else self._other[k]
        offset = at if inside else self._offset[k] + at
        state = self._counts[symbol] * (state >> _TOTAL_BITS) + offset
        if state < 1 << 16:
            state = state << 16 | reader.bits(16)
        self._state[0] = state
        return symbol


def _counts(reader: Reader, size: int) -> list[int]:
    """Return how often each symbol comes in 4096."""
    if reader.flag():
        counts = [0] * 256
        if reader.flag():
            first, second = reader.short(), reader.short()
            counts[first] = reader.bits(_TOTAL_BITS)
            counts[second] += _TOTAL - counts[first]
            if first == second:
                raise ImageError(_DAMAGED)
        else:
            counts[reader.short()] = _TOTAL
        if any(counts[size:]):
            raise ImageError(_DAMAGED)
        return counts[:size]
    if reader.flag():
        count = 1 + reader.short()
        return [_TOTAL // count + (k < _TOTAL % count) for k in range(count)]
    return _listed(reader)


def _listed(reader: Reader) -> list[int]:
    """Return counts that are written one by one."""
    steps = 0
    while steps < 3 and reader.flag():
        steps += 1
    shift = (1 << steps | reader.bits(steps)) - 1
    logs = _logarithms(reader, 3 + reader.short())
    omitted = logs.index(max(logs))
    counts: list[int] = []
    repeated = 0
    for k, log in enumerate(logs):
        if log < 0:
            repeated = repeated if k and logs[k - 1] < 0 else (counts or [0])[-1]
            counts.append(repeated)
        elif k == omitted or log == 0:
            counts.append(0)
        else:
            bits = max(0, min(shift - ((_TOTAL_BITS + 1 - log) >> 1), log - 1))
            counts.append((1 << (log - 1)) + (reader.bits(bits) << (log - 1 - bits)))
    counts[omitted] = _TOTAL - sum(counts)
    if shift > 13 or counts[omitted] < 0 or -1 in logs[omitted + 1 : omitted + 2]:
        raise ImageError(_DAMAGED)
    return counts


def _logarithms(reader: Reader, size: int) -> list[int]:
    """Return the logarithms of counts; -1 for those that are as the one before."""
    known = {(length, bits): number for number, (bits, length) in enumerate(_LOGARITHMS)}
    logs: list[int] = []
    while len(logs) < size:
        log = _symbol(reader, known)
        logs += [-1] * (reader.short() + 4) if log == 13 else [log]
    if len(logs) > size or max(logs) < 0:
        raise ImageError(_DAMAGED)
    return logs


class CodedNumbers:
    """Numbers that are entropy-coded, each in one of some contexts.

    Parameters
    ----------
    reader
        Where their codes begin.
    contexts
        How many there are.
    """

    def __init__(self, reader: Reader, contexts: int) -> None:
        self._reader = reader
        self._state: list[int] = []
        self._window: list[int] = []
        self._copied = self._left = 0
        self._matches = reader.flag()
        if self._matches:
            self._least, self._shortest = reader.number(_LEAST), reader.number(_SHORTEST)
            self._length = _Hybrid.read(reader, 8)
            contexts += 1
        self._clusters = _clusters(reader, contexts)
        count = max(self._clusters) + 1
        prefix = reader.flag()
        size = 15 if prefix else 5 + reader.bits(2)
        self._hybrids = [_Hybrid.read(reader, size) for _ in range(count)]
        self._codes: Sequence[_Prefix | _Ans]
        if prefix:
            sizes = [_alphabet(reader) for _ in range(count)]
            self._codes = [_Prefix(reader, each) for each in sizes]
        else:
            self._codes = [_Ans(reader, self._state, size) for _ in range(count)]

    def read(self, context: int) -> int:
        """Return the next number."""
        if not self._left:
            cluster = self._clusters[context]
            token = self._codes[cluster].read(self._reader)
            if not self._matches or token < self._least:
                return self._keep(self._hybrids[cluster].value(self._reader, token))
            self._match(token)
        self._left -= 1
        self._copied += 1
        return self._keep(self._window[self._copied - 1] if self._window else 0)

    def _match(self, token: int) -> None:
        """Note that numbers of before come again."""
        self._left = self._shortest + self._length.value(self._reader, token - self._least)
        cluster = self._clusters[-1]
        token = self._codes[cluster].read(self._reader)
        distance = self._hybrids[cluster].value(self._reader, token) + 1
        self._copied = max(0, len(self._window) - min(distance, _WINDOW))

    def _keep(self, value: int) -> int:
        if self._matches:
            self._window.append(value)
        return value

    def finish(self) -> None:
        """Make sure that the codes end as they should."""
        if self._state and self._state[0] != _FINAL:
            raise ImageError(_DAMAGED)


def _alphabet(reader: Reader) -> int:
    if not reader.flag():
        return 1
    count = reader.bits(4)
    return 1 + (1 << count) + reader.bits(count)


def _clusters(reader: Reader, contexts: int) -> list[int]:
    """Return which code each context has."""
    if contexts == 1:
        return [0]
    if reader.flag():
        count = reader.bits(2)
        return [reader.bits(count) for _ in range(contexts)]
    to_front = reader.flag()
    numbers = CodedNumbers(reader, 1)
    found = [numbers.read(0) for _ in range(contexts)]
    numbers.finish()
    if max(found) > 255:
        raise ImageError(_DAMAGED)
    if to_front:
        order = [*range(256)]
        for k, place in enumerate(found):
            found[k] = order.pop(place)
            order.insert(0, found[k])
    return found
