"""An image that is read before it is needed, while modules are still being imported."""

from __future__ import annotations

import os
import stat
import struct
from importlib import import_module
from typing import TYPE_CHECKING

from convcli import memory
from convcli.errors import ImageError
from convcli.image.limits import MAX_PIXELS
from convcli.image.source import load
from convcli.threads import Task

if TYPE_CHECKING:
    from convcli.image.decode_memory import DecodeMemory
    from convcli.image.image import Image
    from convcli.image.png.inflate import Inflating

#: From so many bytes of rows on they are inflated before NumPy is there.
_LARGE = 2**20
#: Bytes without which nothing is begun early: an address space that holds so little is limited.
_SPARE = 2**29
#: A file that says it has more samples a byte is taken for one made to look large: an empty block
#: of 64 takes 4 bits or more (T.81, annex K).
_DENSEST = 128


#: A task that is done on a thread of its own, from now on.
Ahead = Task


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
            from convcli.image.jpeg import read as jpeg

            self._stored = Ahead(lambda: jpeg.decode(data, MAX_PIXELS, room))
            return
        from convcli.image.files import decode

        self._whole = Ahead(lambda: decode(data, name, rows))

    def like(self) -> Image | None:
        """Return an image like the one that is to come, its samples left as they may be.

        None for kinds of which the header doesn't tell enough.
        """
        if self._stored is None:
            return None
        from convcli.image.jpeg import read as jpeg

        try:
            return jpeg.like(self._data, MAX_PIXELS)
        except (ImageError, MemoryError):
            return None

    def take(self) -> Image:
        """Wait for the image and return it, once; or raise what is against it."""
        if self._stored is None:
            return self._whole.take()
        from convcli.image.files import decode

        data, self._data = self._data, b""
        return decode(data, self._name, stored=self._stored.take)


def look_ahead(source: str) -> Reading | None:
    """Begin to read a file, if it is one and an image.

    What takes no interpreter's time is begun first; then what a decoder needs is imported, and
    nothing else, so that it can begin.

    Returns
    -------
    Reading or None
        None for what is better read when all is ready: a folder, a pipe, what can't be opened, or
        has too many pixels, or where memory is scarce.
    """
    try:
        # What is made ready beside the decoder takes memory of its own.
        if not stat.S_ISREG(os.stat(source).st_mode) or not memory.is_had(_SPARE):  # noqa: PTH116
            return None
        return Reading(source, *load(source))
    except (OSError, ValueError, ImageError, MemoryError, ImportError, AttributeError):
        return None


#: What decodes most of these files.
_CODECS = {"PNG": "spng_decode", "JPEG": "jpeg8_decode"}


def _make_room(data: bytes) -> DecodeMemory | None:
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
    from convcli.image.decode_memory import DecodeMemory

    try:
        return DecodeMemory(size)
    except (OSError, OverflowError, MemoryError):
        return None


def _inflate(data: bytes) -> Inflating | None:
    """Begin to inflate a PNG file's rows, if there are many, and not too many."""
    from convcli.image.png.chunks import SIGNATURE, parse_header

    try:
        header = parse_header(data[12:16], data[16:29])
    except (ImageError, struct.error):
        return None
    if header.width * header.height > MAX_PIXELS:
        return None
    if header.interlaced or header.height * header.row_bytes(header.width) <= _LARGE:
        return None
    from convcli.image.png.inflate import Inflating

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
