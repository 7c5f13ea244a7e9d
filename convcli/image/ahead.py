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

if TYPE_CHECKING:
    from convcli.image.inflating import Inflating
    from convcli.image.picture import Image
    from convcli.image.room import Room

Result = TypeVar("Result")

#: Seconds between two looks for Ctrl-C, which can't interrupt a wait on Windows.
_PATIENCE = 0.2
#: From so many bytes of rows on they are inflated before NumPy is there.
_LARGE = 2**20
#: A file that says it has more samples a byte is taken for one made to look large: an empty block
#: of 64 takes 4 bits or more (T.81, annex K).
_DENSEST = 128


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


class Reading:
    """A file that is being read.

    JUSTIFICATION: a JPEG file's pixels take longer than what is imported meanwhile, so all that
    isn't needed for them waits (bench: commands).

    Parameters
    ----------
    source
        Its path.
    data, name
        As `load` gives them.
    """

    def __init__(self, source: str, data: bytes, name: str) -> None:
        self.source = source
        self._data, self._name = data if name == "JPEG" else b"", name
        rows = _inflate(data) if name == "PNG" else None
        room = _make_room(data) if name == "JPEG" else None
        if name in _CODECS:
            getattr(import_module("imagecodecs"), _CODECS[name])
        self._stored: Ahead[Image] | None = None
        if name == "JPEG":
            from convcli.image import jpeg

            self._stored = Ahead(lambda: jpeg.decode(data, MAX_PIXELS, room))
            return
        from convcli.image.files import decode

        self._whole = Ahead(lambda: decode(data, name, rows))

    def like(self) -> Image | None:
        """Return a picture like the one that is to come, its samples left as they may be.

        None for kinds of which the header doesn't tell enough.
        """
        if self._stored is None:
            return None
        from convcli.image import jpeg

        try:
            return jpeg.like(self._data, MAX_PIXELS)
        except ImageError:
            return None

    def take(self) -> Image:
        """Wait for the picture and return it, once; or raise what is against it."""
        if self._stored is None:
            return self._whole.take()
        from convcli.image.files import decode

        data, self._data = self._data, b""
        return decode(data, self._name, stored=self._stored.take)


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
    return Reading(source, data, name)


#: What decodes most of these files.
_CODECS = {"PNG": "spng_decode", "JPEG": "jpeg8_decode"}


def _make_room(data: bytes) -> Room | None:
    """Begin to have memory for a JPEG file's samples, if there are many, and not too many."""
    from convcli.image.coded_size import jpeg_frame

    try:
        height, width, count, precision = jpeg_frame(data) or (0, 0, 0, 0)
    except (struct.error, ImageError):
        return None
    size = height * width * count
    if precision != 8 or not _LARGE < size <= len(data) * _DENSEST:
        return None
    if height * width > MAX_PIXELS or count not in (1, 3, 4):
        return None
    from convcli.image.room import Room

    try:
        return Room(size)
    except (OSError, OverflowError, RuntimeError):  # RuntimeError: no thread can be had
        return None


def _inflate(data: bytes) -> Inflating | None:
    """Begin to inflate a PNG file's rows, if there are many, and not too many."""
    from convcli.image.png_frame import SIGNATURE, parse_header

    try:
        header = parse_header(data[12:16], data[16:29])
    except (ImageError, struct.error):
        return None
    if header.width * header.height > MAX_PIXELS:
        return None
    if header.interlaced or header.height * header.row_bytes(header.width) <= _LARGE:
        return None
    from convcli.image.inflating import Inflating

    return Inflating(_content(data, len(SIGNATURE)))


def _content(data: bytes, at: int) -> list[memoryview]:
    """What is in the IDAT chunks from a place on; whether they are whole is seen to later."""
    view = memoryview(data)
    found = []
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if name == b"IDAT":
            found.append(view[at + 8 : at + 8 + size])
        at += 12 + size
    return found
