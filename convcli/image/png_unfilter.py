"""Undoing PNG's compression on one thread and its row filters on another."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from convcli.image import codecs
from convcli.image.png_frame import SAMPLES, Header, assemble

if TYPE_CHECKING:
    from concurrent.futures import Future

Decoder: TypeAlias = Callable[..., NDArray[Any]]

#: About so many bytes of rows pass from one thread to the other at a time; so many such bands
#: are there at a time.
_BAND, _BANDS = 2**19, 4
#: Compressed bytes are handed over in pieces: what isn't needed yet is copied each time.
_PIECE = 2**15
#: The longest stored block (RFC 1951, section 3.2.4).
_STORED = 65535
#: Where the content of the only IDAT chunk begins: after signature, IHDR, size and name.
_CONTENT = 8 + 25 + 8


def decode_bands(header: Header, data: Sequence[memoryview], decoder: Decoder) -> NDArray[Any]:
    """Return the samples of a picture that is not interlaced.

    Parameters
    ----------
    header
        Of samples of 8 or 16 bits, without a palette.
    data
        What is in the IDAT chunks.
    decoder
        What decodes such a PNG file.

    Raises
    ------
    Exception
        Of any kind, if the data are damaged, or more or less than needed.

    Notes
    -----
    JUSTIFICATION: libraries inflate with plain zlib, which takes three quarters of the time.
    Here zlib-ng inflates, and the library gets bands of rows that are stored, not compressed.
    Each begins with the row above it, already decoded, which the filters refer to. For 12
    megapixels 140 ms instead of 240. The bands' memory is used again and again: memory that is
    new costs as much as inflating into it.
    """
    from concurrent.futures import ThreadPoolExecutor

    step = max(1, _BAND // header.row_bytes(header.width))
    samples = _empty(header)
    spare = [_Band(header, min(step, header.height)) for _ in range(_BANDS)]
    waiting: deque[tuple[_Band, Future[None]]] = deque()
    stream = Inflated(data)
    with ThreadPoolExecutor(1) as worker:
        for start in range(0, header.height, step):
            if len(waiting) == _BANDS:
                band, done = waiting.popleft()
                done.result()
                spare.append(band)
            band = spare.pop()
            if start + step > header.height:
                band = _Band(header, header.height - start)
            stream.fill(band.rows)
            waiting.append((band, worker.submit(band.decode, samples, start, decoder)))
        stream.finish()
        for _, done in waiting:
            done.result()
    return samples[1:]


def _empty(header: Header) -> NDArray[Any]:
    """Return room for the samples, below a row of zeros, to which the first row refers."""
    count = SAMPLES[header.colour]
    shape = (header.height + 1, header.width) + ((count,) if count > 1 else ())
    samples = np.empty(shape, dtype=np.uint16 if header.depth == 16 else np.uint8)
    samples[0] = 0
    return samples


class Inflated:
    """What a zlib stream holds, taken out a part at a time."""

    def __init__(self, data: Sequence[memoryview]) -> None:
        self._unpacker = codecs.packing().decompressobj()
        self._pieces: Iterator[memoryview] = (
            each[at : at + _PIECE] for each in data for at in range(0, len(each), _PIECE)
        )

    def fill(self, room: Sequence[memoryview]) -> None:
        """Put the next bytes into buffers, one after the other.

        Raises
        ------
        ValueError
            If there are not as many.
        """
        for part in room:
            at = 0
            while at < len(part):
                found = self._next(len(part) - at)
                part[at : at + len(found)] = found
                at += len(found)

    def finish(self) -> None:
        """Make sure that the stream ends here, and that its checksum is right.

        Raises
        ------
        ValueError
            If there is more, or it is cut short.
        """
        while not self._unpacker.eof:
            if self._next(1):
                raise ValueError("the stream holds more than the rows")

    def _next(self, most: int) -> bytes:
        piece = self._unpacker.unconsumed_tail or next(self._pieces, b"")
        found: bytes = self._unpacker.decompress(piece, most)
        if not found and not piece:
            raise ValueError("the stream is cut short")
        return found


class _Band:
    """The memory of a PNG file of a few rows below the row above them, stored, not compressed."""

    def __init__(self, header: Header, height: int) -> None:
        width = header.row_bytes(header.width)
        above, rows = _blocks(width), _blocks(width * height)
        stored = [_head(size) + bytes(size) for size in above + rows]
        content = b"".join((b"\x78\x01", *stored, _head(0, last=True), bytes(4)))
        whole = assemble(replace(header, height=height + 1), content)
        self._height = height
        self._file = memoryview(bytearray(whole))
        places, at = [], _CONTENT + 2
        for size in above + rows:
            places.append(self._file[at + 5 : at + 5 + size])
            at += 5 + size
        #: Where the row above and the rows belong, piece by piece.
        self._above, self.rows = places[: len(above)], places[len(above) :]

    def decode(self, samples: NDArray[Any], start: int, decoder: Decoder) -> None:
        """Decode the rows into samples from row `start` + 1 on; row `start` is there."""
        row = samples[start]
        line = memoryview(b"\0" + row.astype(row.dtype.newbyteorder(">"), copy=False).tobytes())
        for place in self._above:
            place[:], line = line[: len(place)], line[len(place) :]
        checksum = 1
        for place in (*self._above, *self.rows):
            checksum = codecs.packing().adler32(place, checksum)
        self._file[-20:-16] = struct.pack(">I", checksum)
        crc = codecs.packing().crc32(self._file[_CONTENT - 4 : -16])
        self._file[-16:-12] = struct.pack(">I", crc)
        decoder(self._file, out=samples[start : start + self._height + 1])


def _head(size: int, last: bool = False) -> bytes:
    """Return what stands before a stored block."""
    return struct.pack("<BHH", last, size, 0xFFFF - size)


def _blocks(size: int) -> list[int]:
    """Sizes of the stored blocks that so many bytes take."""
    return [min(_STORED, size - at) for at in range(0, size, _STORED)]
