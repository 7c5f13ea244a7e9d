"""Undoing compression on a thread of its own, before anybody asks for what comes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from threading import Condition

from convcli.image import codecs
from convcli.threads import Task

#: About so many compressed bytes are handed to the library at a time, and it returns no more than
#: so many. JUSTIFICATION: after each such part, and after a few within, the thread waits for
#: Python's lock, which others hold while they import modules.
_PIECE, _PART = 2**20, 2**22
#: Bytes that may be waiting: what is inflated while the program is still being imported.
_WAITING = 3 * 2**23
#: Seconds after which a thread looks for itself what there is, whether or not it was woken.
_PATIENCE = 0.2


class Inflating:
    """What a zlib stream holds, taken out a part at a time.

    Parameters
    ----------
    data
        The stream, in parts.
    waiting
        About how many bytes may be found before they are taken.
    """

    def __init__(self, data: Sequence[memoryview], waiting: int = _WAITING) -> None:
        self._data = data
        self._most = waiting
        self._found: deque[memoryview] = deque()
        self._size = 0
        self._ended = False
        self._error: Exception | None = None
        self._changed = Condition()
        self._thread = Task(self._work)
        self._alone: Iterator[bytes] | None = None

    def fill(self, room: Sequence[memoryview]) -> None:
        """Put the next bytes into buffers, one after the other.

        Raises
        ------
        Exception
            If there are not as many.
        """
        for part in room:
            at = 0
            while at < len(part):
                found = self._take(len(part) - at)
                if not found:
                    raise ValueError("the stream holds less than the rows")
                part[at : at + len(found)] = found
                at += len(found)

    def finish(self) -> None:
        """Make sure that the stream ends here, and that its checksum is right.

        Raises
        ------
        Exception
            If there is more, or it is cut short.
        """
        if self._take(1):
            raise ValueError("the stream holds more than the rows")

    def close(self) -> None:
        """Look for no more."""
        with self._changed:
            self._ended = True
            self._found.clear()
            self._changed.notify_all()

    def _take(self, most: int) -> memoryview:
        """Return some of the next bytes; none at the stream's end."""
        self._help()
        with self._changed:
            while not self._found and not self._ended:
                self._changed.wait(_PATIENCE)
            if not self._found:
                if self._error is not None:
                    raise self._error
                return memoryview(b"")
            first = self._found[0]
            if len(first) <= most:
                self._found.popleft()
            else:
                self._found[0] = first[most:]
            found = first[:most]
            self._size -= len(found)
            self._changed.notify_all()
        return found

    def _help(self) -> None:
        """Find the next bytes here if no thread does."""
        if self._alone is None and self._thread.take_over(patience=True):
            self._alone = _inflate(self._data)
        if self._alone is not None and not self._found and not self._ended:
            part = memoryview(next(self._alone, b""))
            self._ended = not part
            self._found.extend([part] if part else ())
            self._size += len(part)

    def _work(self) -> None:
        try:
            for found in _inflate(self._data):
                if not self._put(memoryview(found)):
                    return
        except Exception as error:
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _put(self, found: memoryview) -> bool:
        """Hand over what was found when there is room; whether to go on."""
        with self._changed:
            while self._size > self._most and not self._ended:
                self._changed.wait(_PATIENCE)
            if self._ended:
                return False
            self._found.append(found)
            self._size += len(found)
            self._changed.notify_all()
        return True


def _inflate(data: Sequence[memoryview]) -> Iterator[bytes]:
    """Yield what a stream holds, and make sure that its end is there."""
    unpacker = codecs.packing().decompressobj()
    pieces = _pieces(data)
    while not unpacker.eof:
        piece = unpacker.unconsumed_tail or next(pieces, b"")
        found: bytes = unpacker.decompress(piece, _PART)
        if found:
            yield found
        elif not piece and not unpacker.eof:
            raise ValueError("the stream is cut short")


def _pieces(data: Sequence[memoryview]) -> Iterator[bytes | memoryview]:
    """Join small parts, and cut large ones."""
    held: list[memoryview] = []
    size = 0
    for part in data:
        for at in range(0, len(part), _PIECE):
            held.append(part[at : at + _PIECE])
            size += len(held[-1])
            if size >= _PIECE:
                yield b"".join(held)
                held, size = [], 0
    yield b"".join(held)
