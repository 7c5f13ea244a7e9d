"""How far a large GIF file is read: up to its mark of the end."""

from __future__ import annotations

from convcli.image.extent import ALLOWANCE, FRAME, TIMES
from convcli.image.header import Header, Peek
from convcli.image.limits import TOGETHER

#: Bytes between blocks that are passed over, and bytes that are looked at together.
_JUNK, _WINDOW = 2**16, 2**16


def extent(peek: Peek, header: Header | None, limit: int) -> int:
    """Return how many bytes are to be read."""
    walk = _SubBlocks(peek, TOGETHER * limit)
    try:
        return walk.end()
    except IndexError:
        return walk.at + 1


class _SubBlocks:
    """A GIF file's blocks, looked at one after the other; IndexError where the file ends."""

    def __init__(self, peek: Peek, pixels: int) -> None:
        self._peek, self._pixels = peek, pixels
        self._window, self._start = b"", 0
        self.at, self._most = 0, ALLOWANCE

    def _byte(self, at: int) -> int:
        if not 0 <= at - self._start < len(self._window):
            self._window, self._start = self._peek(at, _WINDOW), at
        return self._window[at - self._start]

    def _palette(self, flags: int) -> int:
        return 3 * (2 << (flags & 7)) if flags & 0x80 else 0

    def end(self) -> int:
        """Return where the file's mark of its end is, or where it makes no sense any more."""
        self.at = 13 + self._palette(self._byte(10))
        junk = 0
        while self.at < self._most and self._pixels > 0 and junk < _JUNK:
            kind = self._byte(self.at)
            self.at += 1
            if kind == 0x3B:
                break
            if kind == 0x21:
                self.at += 1
                self._blocks()
            elif kind == 0x2C:
                self._image()
            else:
                junk += 1
        return min(self.at, self._most) + 1

    def _image(self) -> None:
        place = [self._byte(self.at + k) for k in range(9)]
        area = (place[4] | place[5] << 8) * (place[6] | place[7] << 8)
        self._pixels -= max(area, FRAME)
        self._most += TIMES * area + FRAME
        self.at += 10 + self._palette(place[8])
        self._blocks()

    def _blocks(self) -> None:
        while self.at < self._most:
            size = self._byte(self.at)
            self.at += 1 + size
            if not size:
                return
