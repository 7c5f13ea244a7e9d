"""An image that is read before it is needed, while modules are still being imported."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from convcli import memory
from convcli.errors import ImageError
from convcli.image.formats import codec_of
from convcli.image.limits import MAX_PIXELS
from convcli.image.source import load
from convcli.threads import Task

if TYPE_CHECKING:
    from convcli.image.image import Image

#: Bytes without which nothing is begun early: an address space that holds so little is limited.
_SPARE = 2**29

#: A task that is done on a thread of its own, from now on.
Ahead = Task


class Reading:
    """A file that is being read.

    JUSTIFICATION: a photograph's pixels take longer than what is imported meanwhile, so all that
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
        self._data, self._name, self._codec = data, name, codec_of(name)
        begun = self._codec.ahead(data) if self._codec.ahead else None
        more = () if begun is None else (begun,)
        decode = self._codec.decode
        assert decode is not None
        self._stored = Ahead(lambda: decode(data, MAX_PIXELS, *more))

    def like(self) -> Image | None:
        """Return an image like the one that is to come, its samples left as they may be.

        None for kinds of which the header doesn't tell enough.
        """
        if self._codec.like is None:
            return None
        try:
            return self._codec.like(self._data, MAX_PIXELS)
        except (ImageError, MemoryError):
            return None

    def take(self) -> Image:
        """Wait for the image and return it, once; or raise what is against it."""
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
