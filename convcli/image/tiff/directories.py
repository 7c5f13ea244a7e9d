"""Tag directories carried from one TIFF structure to another: EXIF out of TIFF files, and in.

TIFF 6.0, section 2: a directory is a count, entries of 12 bytes (BigTIFF: 20), and a link to the
next one.
"""

from __future__ import annotations

import struct
from typing import Literal

from convcli.image.exif import ORIENTATION
from convcli.image.tags import Form, entries, first_of, form_of
from convcli.record import record

_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
#: Tags whose value says where a directory is.
POINTERS = (_EXIF, _GPS, _INTEROPERABILITY)
#: Tags of the first directory that speak of the photograph and not of how the file is laid out:
#: make, model, software, date, artist, copyright, EXIF and GPS.
_ABOUT = (0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298, _EXIF, _GPS)
#: Those and others that EXIF of other formats has there: names of the document and description,
#: host, rating, and what Windows says (title, comment, author, keywords, subject).
_GIVEN = (*_ABOUT, 0x010D, 0x010E, 0x013C, 0x4746, 0x4749, *range(0x9C9B, 0x9CA0))
_SIZES = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4},
    **{16: 8, 17: 8, 18: 8},
}
#: Numbers that are places, by their type, and these types in BigTIFF and out of it.
_PLACES = {4: "I", 13: "I", 16: "Q", 18: "Q"}
_WIDE, _NARROW = {4: 16, 13: 18}, {16: 4, 18: 13}
#: Bytes of the longest entry.
_BIG_ENTRY = 20
#: Bytes of the numbers in a value, where that isn't all of it: fractions are two numbers.
_NUMBERS = _SIZES | {5: 4, 10: 4}
_CLASSIC = (b"II*\0", b"MM\0*")
#: What every file begins with: 4 bytes, and BigTIFF 4 more.
_KINDS = (*_CLASSIC, b"II+\0", b"MM\0+")
#: An entry: tag, type, count, and the value or where it is.
Entry = tuple[int, int, int, bytes]


def take_exif(tiff: bytes, at: int | None = None) -> bytes | None:
    """Return an EXIF block with what a TIFF file says of the photograph, or None.

    None, too, if it has neither an EXIF nor a GPS directory: plain tags are text.

    Parameters
    ----------
    tiff
        The file.
    at
        Where the page's directory is; None for the first page's.
    """
    if tiff[:4] not in _KINDS:
        return None
    order = _order(tiff)
    try:
        first = first_of(tiff, form_of(tiff)) if at is None else at
        entries = _read(tiff, first)
        if not any(entry[0] in (_EXIF, _GPS) for entry in entries):
            return None
        block = bytearray(_CLASSIC[order == ">"] + bytes(4))
        grafting = _Grafting(tiff, block, 0, Form(order, big=False), 2 * len(tiff))
        start = grafting.graft([entry for entry in entries if entry[0] in _ABOUT], 0)
    except struct.error:
        return None
    struct.pack_into(order + "I", block, 4, start)
    return bytes(block)


def put_exif(tiff: bytes, block: bytes) -> bytes:
    """Return a TIFF file with the photograph tags of a block added.

    The file's own tags win. The first directory is written anew at the end. Numbers get the
    file's byte order; what only its maker understands stays as it is.
    """
    found = exif_end(tiff, len(tiff), block)
    if found is None:
        return tiff
    at, start, end = found
    return b"".join((tiff[:at], start, tiff[at + len(start) :], end))


def exif_end(head: bytes, size: int, block: bytes) -> tuple[int, bytes, bytes] | None:
    """Return where a TIFF file says where its first directory is, what it is to say, and its end.

    Parameters
    ----------
    head
        The file up to the end of its first directory, or more of it.
    size
        Its length.
    block
        EXIF.

    Returns
    -------
    tuple or None
        None if the file can't have them.
    """
    if block[:4] not in _CLASSIC or head[:4] not in _KINDS:
        return None
    form = form_of(head)
    try:
        own = _read(head, first_of(head, form))
        given = _read(block, struct.unpack_from(_order(block) + "I", block, 4)[0])
        taken = {entry[0] for entry in own} | {ORIENTATION}
        added = [entry for entry in given if entry[0] in _GIVEN and entry[0] not in taken]
        end = bytearray(size % 2)
        most = _BIG_ENTRY * (len(own) + 2) + 3 * len(block)
        grafting = _Grafting(block, end, size, form, most)
        moved = [grafting.move(entry, 0) for entry in added]
        start = grafting.write(sorted(own + moved))
    except struct.error:
        return None
    return (8 if form.big else 4), struct.pack(form.place, start), bytes(end)


def byte_order(block: bytes | None) -> Literal["<", ">"]:
    """Return `>` for a big-endian block, else `<`."""
    return _order(block) if block else "<"


def _order(data: bytes | bytearray) -> Literal["<", ">"]:
    return ">" if data[:2] == b"MM" else "<"


def _read(data: bytes, at: int) -> list[Entry]:
    form = form_of(data)
    found = entries(data, at, form)
    return [
        (tag, kind, count, bytes(data[place : place + form.width]))
        for place, tag, kind, count in found
    ]


@record
class _Grafting:
    """Copies directories, and all that they point to, from one structure to the end of another.

    `end` is what is appended, from byte `base` on, in the form `form`; `most` is how long that may
    get. An honest file holds each value once; a crafted one has thousands of entries that point to
    the same megabyte, or to each other.
    """

    source: bytes
    end: bytearray
    base: int
    form: Form
    most: int

    def graft(self, entries: list[Entry], depth: int) -> int:
        """Append a directory of these entries, and all that they point to; return where it is."""
        return self.write([self.move(entry, depth) for entry in entries])

    def move(self, entry: Entry, depth: int) -> Entry:
        """Append what an entry points to; return the entry with its new place."""
        tag, kind, count, value = entry
        size, given = _SIZES.get(kind, 1) * count, form_of(self.source)
        if tag in POINTERS and depth < len(POINTERS):
            at = struct.unpack_from(given.order + _PLACES.get(kind, "I"), value)[0]
            place = self.graft(_read(self.source, at), depth + 1)
            kind = _WIDE.get(kind, kind) if self.form.big else _NARROW.get(kind, kind)
            return tag, kind, 1, struct.pack(self.form.place, place)
        if size > given.width:
            (at,) = struct.unpack(given.place, value)
            if at + size > len(self.source):
                raise struct.error("a value lies beyond the end")
            value = self.source[at : at + size]
        content = self._turned(value[:size], kind)
        if size > self.form.width:
            return tag, kind, count, struct.pack(self.form.place, self._append(content))
        rest = value[size : self.form.width] if size <= given.width else b""
        return tag, kind, count, (content + rest).ljust(self.form.width, b"\0")

    def _turned(self, value: bytes, kind: int) -> bytes:
        """Return a value in the target's byte order."""
        width = _NUMBERS.get(kind, 1)
        if width == 1 or _order(self.source) == self.form.order:
            return value
        return b"".join(value[at : at + width][::-1] for at in range(0, len(value), width))

    def write(self, entries: list[Entry]) -> int:
        """Append a directory of entries as they are; return where it is."""
        form = self.form
        packed = (struct.pack(form.entry, *entry[:3]) + entry[3] for entry in entries)
        count = struct.pack(form.count, len(entries))
        return self._append(b"".join((count, *packed, bytes(form.width))))

    def _append(self, content: bytes) -> int:
        self.end.extend(bytes((self.base + len(self.end)) % 2))
        start = len(self.end)
        if start + len(content) > self.most:
            raise struct.error("the directories point to the same things again and again")
        self.end.extend(content)
        return self.base + start
