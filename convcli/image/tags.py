"""Directories of tags, as TIFF has them: its pages, EXIF, and indices within JPEG files.

TIFF 6.0, section 2: a directory is a count, entries of a tag, a type, a count and a value or where
it is, and a link to the next one. BigTIFF counts with 8 bytes instead of 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from convcli.record import record


@record
class Form:
    """How a TIFF file writes its numbers: `order` is `<` or `>`, `big` whether it is BigTIFF."""

    order: str
    big: bool

    @property
    def place(self) -> str:
        """A place in the file."""
        return self.order + ("Q" if self.big else "I")

    @property
    def count(self) -> str:
        """How many entries a directory has."""
        return self.order + ("Q" if self.big else "H")

    @property
    def entry(self) -> str:
        """An entry without its value: tag, type, count."""
        return self.order + ("HHQ" if self.big else "HHI")

    @property
    def width(self) -> int:
        """Bytes of a value or a place."""
        return 8 if self.big else 4


def form_of(data: bytes) -> Form:
    """Return how a file writes its numbers."""
    order = ">" if data[:2] == b"MM" else "<"
    return Form(order, struct.unpack_from(order + "H", data, 2)[0] == 43)


def first_of(data: bytes, form: Form) -> int:
    """Return where the first directory is."""
    place: int = struct.unpack_from(form.place, data, 8 if form.big else 4)[0]
    return place


def link_of(data: bytes, at: int, form: Form) -> int:
    """Return where a directory says where the next one is."""
    (count,) = struct.unpack_from(form.count, data, at)
    size = struct.calcsize(form.entry) + form.width
    link: int = at + struct.calcsize(form.count) + count * size
    return link


def entries(data: bytes, at: int, form: Form) -> Iterator[tuple[int, int, int, int]]:
    """Give (where its value is, tag, type, count) of each entry.

    Raises
    ------
    struct.error
        At the first one that is cut short.
    """
    (count,) = struct.unpack_from(form.count, data, at)
    head = struct.calcsize(form.entry)
    start = at + struct.calcsize(form.count)
    whole = form.entry + form.place[1:]
    for k in range(count):
        place = start + k * (head + form.width)
        tag, kind, number, _ = struct.unpack_from(whole, data, place)
        yield place + head, tag, kind, number
