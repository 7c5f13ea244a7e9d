"""An image file's bytes, and which format they have; nothing is decoded.

A file is recognised by its first bytes, its header is looked at next, and of what is large no more
is read than its image can take.
"""

from __future__ import annotations

import io
import os
import stat
from contextlib import suppress
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, Union, cast

from convcli import memory
from convcli.errors import ImageError
from convcli.image.formats import codec_of
from convcli.image.header import HEAD, Header, Peek
from convcli.image.limits import MAX_PIXELS, check_size
from convcli.image.recognise import ENOUGH, header_of, recognise
from convcli.paths import reason

if TYPE_CHECKING:
    from pathlib import Path


#: A path, an open binary file, or a file's bytes.
Source: TypeAlias = Union[str, "Path", BinaryIO, bytes]

#: From so many bytes on a scattered file is mapped.
_LARGE = 2**26
#: Up to so many bytes a file is read at once; from so many on only as far as its image goes.
_LITTLE, _MUCH = 2**20, 2**26
#: Bytes that are taken from a stream at a time, and after which it is seen whether there is memory.
_PIECE, _LOOK = 2**22, 2**28
#: Bytes a pixel that may lie before a scattered file's header: four channels of float32.
_BEFORE = 16


def load(
    source: Source, max_pixels: int | None = None, *, in_parts: bool = False
) -> tuple[bytes, str]:
    """Return a source's bytes and format; what is no image is not read to its end.

    Parameters
    ----------
    source
        What is read.
    max_pixels
        The most pixels that an image may have; None for 178,956,970. A large file is not read if
        its header says that there are more.
    in_parts
        Whether parts of it are read one after the other: then a large file is mapped.

    Raises
    ------
    ImageError
        If it can't be read, is no image, or has too many pixels.
    """
    limit = MAX_PIXELS if max_pixels is None else max_pixels
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), recognise(bytes(source[:ENOUGH]))
    try:
        if not isinstance(source, str | os.PathLike):
            return _drain(source, limit)
        with _open(source) as file:
            return _mapped(file, in_parts) or _drain(file, limit)
    except MemoryError as error:
        raise ImageError(memory.NOT_ENOUGH) from error
    except OSError as error:
        raise ImageError(f"can't be read: {reason(error)}") from error
    except ValueError as error:
        # A name with a NUL in it, or a file that is closed.
        raise ImageError(f"can't be read: {error}") from error


def facts_of(path: str | Path) -> Header | None:
    """Return what a regular file's header says, and read no more; None if it doesn't tell.

    Raises
    ------
    ImageError, OSError
        If it is no image, or can't be read.
    """
    with _open(path) as file:
        head = file.read(HEAD)
        name = recognise(head[:ENOUGH])

        def peek(at: int, size: int) -> bytes:
            return head[at : at + size] if at + size <= len(head) else _look(file, at, size)

        return header_of(peek, name)


def _open(path: str | Path) -> BinaryIO:
    """Open a file without waiting for anybody: a FIFO without a writer is empty."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags)
    kind = os.fstat(handle).st_mode
    if stat.S_ISDIR(kind) or stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
        os.close(handle)
        what = "a folder" if stat.S_ISDIR(kind) else "a device"
        raise ImageError(f"can't be read: it is {what}, not an image")
    with suppress(AttributeError, OSError):
        os.set_blocking(handle, True)
    return os.fdopen(handle, "rb")


def _mapped(file: BinaryIO, in_parts: bool) -> tuple[bytes, str] | None:
    """Return a large file without reading it whose pages are read when they are asked for.

    JUSTIFICATION: a stack of a thousand pages takes no more memory than a few of them. What
    reads it treats a mapped file as bytes. One that another program cuts short meanwhile ends
    the process; so do the stacks of libvips and GDAL.
    """
    kind = os.fstat(file.fileno())
    if not stat.S_ISREG(kind.st_mode) or kind.st_size < _LARGE:
        return None
    head = file.read(ENOUGH)
    file.seek(0)
    name = recognise(head)
    if not (in_parts or codec_of(name).scattered):
        return None
    return cast(bytes, mmap(file.fileno(), 0, access=ACCESS_READ)), name


def _drain(file: BinaryIO, limit: int) -> tuple[bytes, str]:
    """Read a file from where it is, as far as it is needed; there is never a second copy."""
    start, size = _room(file)
    head = _take(file, ENOUGH)
    name = recognise(head)
    # Files of /proc say that they have no bytes.
    if size < len(head):
        return _Stream(file, head).drain(name, limit), name
    if size > _LITTLE:
        size = min(size, _wanted(lambda at, most: _look(file, start + at, most), name, limit, size))
    file.seek(start)
    return _take(file, size), name


def _take(file: BinaryIO, size: int) -> bytes:
    """Read so many bytes, or to the end: files without a buffer may give fewer at a time."""
    found = _piece(file, size)
    if not 0 < len(found) < size:
        return found
    parts, missing = [found], size - len(found)
    while missing and (found := _piece(file, missing)):
        parts.append(found)
        missing -= len(found)
    return b"".join(parts) if len(parts) > 1 else parts[0]


def _piece(file: BinaryIO, size: int) -> bytes:
    """Read as many bytes as there are now, and none only at the end."""
    found = file.read(size)
    if found is None:
        raise ImageError("can't be read: it doesn't wait for its bytes; open it as one that does")
    if isinstance(found, str):
        raise ImageError("can't be read: it was opened as text; open it in binary mode")
    return found


def _room(file: BinaryIO) -> tuple[int, int]:
    """Return where a file is, and how many bytes follow; (0, 0) for a stream."""
    try:
        start = file.seek(0, os.SEEK_CUR)
        size = file.seek(0, os.SEEK_END) - start
        file.seek(start)
    except (OSError, ValueError, AttributeError):
        return 0, 0
    return start, size


def _look(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return _take(file, size)


def _wanted(peek: Peek, name: str, limit: int, size: int) -> int:
    """Return how many bytes of a file are read; refuse what has too many pixels."""
    header = _checked(peek, name, limit)
    if size <= _MUCH:
        return size
    from convcli.image.extent import extent

    return extent(peek, name, header, limit)


def _checked(peek: Peek, name: str, limit: int) -> Header | None:
    """Return what a header says, unless it says that there are too many pixels."""
    header = header_of(peek, name)
    if header is not None and codec_of(name).sure:
        check_size(header.size[1], header.size[0], limit)
    return header


class _Stream:
    """A file that can only be read forwards, and what was read of it.

    Parameters
    ----------
    file
        The file.
    head
        What was read of it already.
    """

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file = file
        self._held = io.BytesIO()
        self._size = self._held.write(head)
        self._ended = False
        self._most = _MUCH

    def drain(self, name: str, limit: int) -> bytes:
        """Return its bytes, as far as they are needed."""
        if codec_of(name).scattered:
            self._most += _BEFORE * limit
        header = _checked(self.peek, name, limit)
        if not self._pull(_MUCH):
            from convcli.image.extent import extent

            self._most = 2**63
            self._pull(extent(self.peek, name, header, limit))
        # The buffer itself: it isn't copied.
        held, self._held = self._held, io.BytesIO()
        return held.getvalue()

    def peek(self, at: int, size: int) -> bytes:
        """Return some bytes, read as far as that if it isn't too far."""
        if at + size > self._most:
            return b""
        self._pull(at + size)
        self._held.seek(at)
        return self._held.read(size)

    def _pull(self, until: int) -> bool:
        """Read up to a place, and return whether the stream has ended before or there."""
        self._held.seek(0, os.SEEK_END)
        while self._size < until and not self._ended:
            piece = _piece(self._file, min(_PIECE, until - self._size))
            self._ended = not piece
            before = self._size
            self._size += self._held.write(piece)
            if before // _LOOK != self._size // _LOOK:
                self._check()
        return self._ended

    def _check(self) -> None:
        """Refuse a stream that is larger than what there is memory for."""
        left = memory.left()
        if left is not None and left < _LOOK + _LOOK // 4:
            raise ImageError(
                f"it goes on after {self._size >> 20} MB, and there is no memory for more; "
                f"save it to a file first"
            )
