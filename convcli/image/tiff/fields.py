"""The fields of a TIFF directory as their bytes, read from one file and written to another."""

from __future__ import annotations

import struct
from collections.abc import Container, Iterator
from typing import Any

from convcli.image.tags import entries, form_of
from convcli.record import record

#: Bytes of a value, by its type.
SIZES = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8},
    **{13: 4, 16: 8, 17: 8, 18: 8},
}
#: What values are, by their type; fractions are two numbers.
_CODES = {
    **{1: "B", 3: "H", 4: "I", 5: "I", 6: "b", 8: "h", 9: "i", 10: "i", 11: "f", 12: "d"},
    **{13: "I", 16: "Q", 17: "q", 18: "Q"},
}
BYTES, TEXT, SHORT, LONG, RATIONAL, UNDEFINED, DOUBLE = 1, 2, 3, 4, 5, 7, 12
FRACTIONS = (5, 10)
#: Types of fields whose values say where a directory is.
PLACES = (13, 18)


@record
class Field:
    """A field: its tag, its type, and its values, little-endian.

    Parameters
    ----------
    tag, kind
        The numbers of TIFF 6.0.
    content
        The values.
    """

    tag: int
    kind: int
    content: bytes

    @property
    def values(self) -> tuple[Any, ...]:
        """Its numbers; two for a fraction."""
        code = _CODES.get(self.kind, "B")
        return struct.unpack(f"<{len(self.content) // struct.calcsize(code)}{code}", self.content)

    @property
    def text(self) -> str:
        """Its text."""
        return self.content.rstrip(b"\0").decode("utf-8", "replace")

    def ordered(self, order: str) -> bytes:
        """Return the values as a file of that byte order has them."""
        return _turned(self.content, self.kind) if order == ">" else self.content


def numbers(tag: int, kind: int, *values: float) -> Field:
    """Return a field of some numbers.

    Parameters
    ----------
    tag, kind
        The field's.
    values
        Its numbers; two for a fraction.
    """
    return Field(tag, kind, struct.pack(f"<{len(values)}{_CODES[kind]}", *values))


def words(tag: int, text: str) -> Field:
    """Return a field of text."""
    return Field(tag, TEXT, text.replace("\0", " ").encode() + b"\0")


def fields(
    data: bytes, at: int, skipped: Container[int] = (), wanted: Container[int] | None = None
) -> Iterator[Field]:
    """Give a directory's fields, each tag once; those that lie beyond the end have no content.

    Parameters
    ----------
    data
        The whole file.
    at
        Where the directory is.
    skipped
        Tags that are left out.
    wanted
        Tags that alone are given; None for all.
    """
    form, seen, left = form_of(data), set[int](), len(data)
    for place, tag, kind, number in entries(data, at, form):
        if tag in seen or tag in skipped or not (wanted is None or tag in wanted):
            continue
        seen.add(tag)
        size = SIZES.get(kind, 1) * number
        start = place
        if size > form.width:
            (start,) = struct.unpack_from(form.place, data, place)
        # An honest file holds each value once.
        left -= size
        content = bytes(data[start : start + size]) if left > 0 else b""
        if len(content) < size:
            content = b""
        yield Field(tag, kind, _turned(content, kind) if form.order == ">" else content)


def _turned(content: bytes, kind: int) -> bytes:
    width = struct.calcsize(_CODES.get(kind, "B"))
    if width == 1:
        return content
    turned = bytearray(len(content))
    for k in range(width):
        turned[k::width] = content[width - 1 - k :: width]
    return bytes(turned)
