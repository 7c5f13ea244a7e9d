"""A picture that is read before it is needed, while modules are still being imported."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Generic, TypeVar

from convcli.errors import ImageError
from convcli.image.limits import MAX_PIXELS
from convcli.image.load import load
from convcli.image.png_frame import SIGNATURE, Header, parse_header

if TYPE_CHECKING:
    from convcli.image.inflating import Inflating
    from convcli.image.picture import Image  # noqa: F401 (named in a string)

Result = TypeVar("Result")

#: Seconds between two looks for Ctrl-C, which can't interrupt a wait on Windows.
_PATIENCE = 0.2
#: From so many bytes of rows on they are inflated before NumPy is there.
_LARGE = 2**20


class Ahead(Generic[Result]):
    """A task that is done on a thread of its own, from now on.

    Nothing may be left half-done by it: a process that ends doesn't wait for it.

    Parameters
    ----------
    task
        What to do.
    """

    def __init__(self, task: Callable[[], Result]) -> None:
        self._found: list[Result] = []
        self._error: BaseException | None = None
        self._thread = Thread(target=self._do, args=(task,), daemon=True)
        self._thread.start()

    def _do(self, task: Callable[[], Result]) -> None:
        try:
            self._found.append(task())
        except BaseException as error:
            self._error = error

    def take(self) -> Result:
        """Wait for the result and return it, once; or raise what was raised."""
        while self._thread.is_alive():
            self._thread.join(_PATIENCE)
        if self._error is not None:
            raise self._error
        return self._found.pop()


class Reading(Ahead["Image"]):
    """A file that is being read.

    Parameters
    ----------
    source
        Its path.
    data, name
        As `load` gives them.
    rows
        What is in a PNG file's rows, if that is already being found.
    """

    def __init__(self, source: str, data: bytes, name: str, rows: Inflating | None) -> None:
        from convcli.image.files import decode

        self.source = source
        super().__init__(lambda: decode(data, name, rows))


def look_ahead(source: str) -> Reading | None:
    """Begin to read a file, if it is one and a picture.

    What takes no interpreter's time is begun first; then what a decoder needs is imported, and
    nothing else, so that it can begin.

    Returns
    -------
    Reading or None
        None for what is better read when all is ready: a folder, a pipe, what can't be opened.
    """
    try:
        if not stat.S_ISREG(os.stat(source).st_mode):  # noqa: PTH116
            return None
        data, name = load(source)
    except (OSError, ValueError, ImageError):
        return None
    rows = _inflate(data) if name == "PNG" else None
    if name in _CODECS:
        getattr(import_module("imagecodecs"), _CODECS[name])
    return Reading(source, data, name, rows)


#: What decodes most of these files.
_CODECS = {"PNG": "spng_decode", "JPEG": "jpeg8_decode"}


def _inflate(data: bytes) -> Inflating | None:
    """Begin to inflate a PNG file's rows, if there are many, and not too many."""
    header = _header(data)
    if header is None or header.width * header.height > MAX_PIXELS:
        return None
    if header.interlaced or header.height * header.row_bytes(header.width) <= _LARGE:
        return None
    from convcli.image.inflating import Inflating

    return Inflating(_content(data))


def _header(data: bytes) -> Header | None:
    """Return a PNG file's header; None if there is none that makes sense."""
    try:
        return parse_header(data[12:16], data[16:29])
    except (ImageError, struct.error):
        return None


def _content(data: bytes) -> list[memoryview]:
    """What is in the IDAT chunks; whether they are whole is seen to later."""
    view, at = memoryview(data), len(SIGNATURE)
    found = []
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if name == b"IDAT":
            found.append(view[at + 8 : at + 8 + size])
        at += 12 + size
    return found
