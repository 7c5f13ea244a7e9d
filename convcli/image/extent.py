"""How far a large file is read: to where its structure ends, or to what its image can take.

Behind that may be anything: a film beside a photograph, an archive, zeros without end. None of it
is read.
"""

from __future__ import annotations

import struct

from convcli.image.header import Header, Peek
from convcli.image.limits import TOGETHER

#: Bytes for all that isn't pixels: profiles, text, previews, a film behind a photograph.
ALLOWANCE = 2**26
#: A file may be so many times as large as its samples uncompressed. JUSTIFICATION: noise, which
#: no coding makes smaller, is made larger by a hundredth in PNG, WebP and JPEG 2000, by a third in
#: JPEG of the best quality, and by half in GIF (12 bits for a byte).
_TIMES = 2
#: Bytes a pixel for a file whose header isn't understood.
_UNKNOWN = 8
#: Bytes between the blocks of a GIF file that are passed over.
_JUNK = 2**16
#: Bytes of a GIF file that are looked at together.
_WINDOW = 2**16
#: A frame is counted as at least so many pixels.
_FRAME = 2**12


def extent(peek: Peek, format: str, header: Header | None, limit: int) -> int:
    """Return how many bytes of a large file are to be read.

    Parameters
    ----------
    peek
        Gives the file's bytes.
    format
        As `recognise` names it.
    header
        As `header_of` gives it.
    limit
        The most pixels of an image.
    """
    if format == "GIF":
        return _gif(peek, limit)
    if header is None:
        return ALLOWANCE + _UNKNOWN * limit
    one = _TIMES * max(header.stored, header.nbytes)
    if format == "PNG":
        return _png(peek, ALLOWANCE + one * (1 + min(header.frames, _frames(header, limit))))
    if format == "WEBP":
        return _webp(peek, header, limit)
    if format == "TIFF":
        # What is stored of all pages is counted already.
        return ALLOWANCE + _TIMES * header.stored
    return ALLOWANCE + one * min(header.frames, _frames(header, limit))


def _frames(header: Header, limit: int) -> int:
    """Return how many frames there may be."""
    return TOGETHER * limit // max(header.pixels, _FRAME) + 1


def _png(peek: Peek, most: int) -> int:
    at = 8
    while at < most:
        head = peek(at, 8)
        if len(head) < 8 or not head[4:].isalpha():
            return at + 12
        at += 12 + int.from_bytes(head[:4], "big")
        if head[4:] == b"IEND":
            return at
    return most


def _webp(peek: Peek, header: Header, limit: int) -> int:
    """Return what the file says of its size, if its frames can take that."""
    (stated,) = struct.unpack_from("<I", peek(0, 12), 4)
    most = ALLOWANCE + _TIMES * header.nbytes
    if header.frames == 1:
        return int(min(stated + 8, most))
    at, frames = 12, 0
    while at < min(stated + 8, most):
        head = peek(at, 8)
        if len(head) < 8 or not head[:3].isalnum():
            break
        if head[:4] == b"ANMF" and frames < _frames(header, limit):
            frames += 1
            most += _TIMES * header.nbytes
        size = int.from_bytes(head[4:], "little")
        at += 8 + size + size % 2
    return int(min(stated + 8, most))


def _gif(peek: Peek, limit: int) -> int:
    walk = _Gif(peek, TOGETHER * limit)
    try:
        return walk.end()
    except IndexError:
        return walk.at + 1


class _Gif:
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
        self._pixels -= max(area, _FRAME)
        self._most += _TIMES * area + _FRAME
        self.at += 10 + self._palette(place[8])
        self._blocks()

    def _blocks(self) -> None:
        while self.at < self._most:
            size = self._byte(self.at)
            self.at += 1 + size
            if not size:
                return
