"""A picture file's bytes, and which format they have; nothing is decoded."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, Union, cast

from convcli.errors import ImageError
from convcli.image.recognise import ENOUGH, recognise

if TYPE_CHECKING:
    from pathlib import Path

#: A path, an open binary file, or a file's bytes.
Source: TypeAlias = Union[str, "Path", BinaryIO, bytes]

#: From so many bytes on a TIFF file is not read as a whole.
_LARGE = 2**26


def load(source: Source) -> tuple[bytes, str]:
    """Return a source's bytes and format; what is no picture is not read to its end.

    Raises
    ------
    ImageError
        If it can't be read, or is no picture.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), recognise(bytes(source[:ENOUGH]))
    if not isinstance(source, str | os.PathLike):
        return _drain(source)
    try:
        with _open(source) as file:
            return _mapped(file) or _drain(file)
    except OSError as error:
        raise ImageError(f"can't be read: {(error.strerror or str(error)).lower()}") from error


def _open(path: str | Path) -> BinaryIO:
    """Open a file without waiting for anybody: a FIFO without a writer is empty."""
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags)
    kind = os.fstat(handle).st_mode
    if stat.S_ISDIR(kind) or stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
        os.close(handle)
        what = "a folder" if stat.S_ISDIR(kind) else "a device"
        raise ImageError(f"can't be read: it is {what}, not a picture")
    with suppress(AttributeError, OSError):
        os.set_blocking(handle, True)
    return os.fdopen(handle, "rb")


def _mapped(file: BinaryIO) -> tuple[bytes, str] | None:
    """Return a large TIFF file without reading it: its pages are read when they are asked for.

    JUSTIFICATION: a stack of a thousand pages takes no more memory than a few of them. All that
    reads TIFF treats a mapped file as bytes. One that another program cuts short meanwhile ends
    the process; so do the stacks of libvips and GDAL.
    """
    kind = os.fstat(file.fileno())
    if not stat.S_ISREG(kind.st_mode) or kind.st_size < _LARGE:
        return None
    head = file.read(ENOUGH)
    file.seek(0)
    if recognise(head) != "TIFF":
        return None
    from mmap import ACCESS_READ, mmap

    return cast(bytes, mmap(file.fileno(), 0, access=ACCESS_READ)), "TIFF"


def _drain(file: BinaryIO) -> tuple[bytes, str]:
    head = file.read(ENOUGH)
    name = recognise(head)
    # Read again from where it began, if that can be done: joining copies a large file.
    with suppress(OSError, ValueError):
        file.seek(-len(head), os.SEEK_CUR)
        head = b""
    return head + file.read(), name
