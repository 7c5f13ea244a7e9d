"""Tag directories carried from one TIFF structure to another: EXIF out of TIFF files, and in.

TIFF 6.0, section 2: a directory is a count, entries of 12 bytes, and a link to the next one.
"""

from __future__ import annotations

import struct
from typing import Literal

from convcli.image.exif import ORIENTATION

_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_POINTERS = (_EXIF, _GPS, _INTEROPERABILITY)
#: Tags of the first directory that speak of the photograph and not of how the file is laid out:
#: make, model, software, date, artist, copyright, EXIF and GPS.
_ABOUT = (0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298, _EXIF, _GPS)
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_CLASSIC = (b"II*\0", b"MM\0*")
#: Entries of 12 bytes: tag, type, count, and the value or where it is.
Entry = tuple[int, int, int, bytes]


def take_exif(tiff: bytes) -> bytes | None:
    """Return an EXIF block with what a classic TIFF file says of the photograph, or None.

    None, too, if it has neither an EXIF nor a GPS directory: plain tags are text.
    """
    if tiff[:4] not in _CLASSIC:
        return None
    order = _order(tiff)
    try:
        entries = _read(tiff, struct.unpack_from(order + "I", tiff, 4)[0])
        if not any(entry[0] in (_EXIF, _GPS) for entry in entries):
            return None
        block = bytearray(tiff[:4] + bytes(4))
        start = _graft(tiff, [entry for entry in entries if entry[0] in _ABOUT], block, 0)
    except struct.error:
        return None
    struct.pack_into(order + "I", block, 4, start)
    return bytes(block)


def put_exif(tiff: bytes, block: bytes) -> bytes:
    """Return a classic TIFF file with the photograph tags of a block of its byte order added.

    The file's own tags win. The first directory is written anew at the end.
    """
    if block[:4] != tiff[:4] or tiff[:4] not in _CLASSIC:
        return tiff
    order = _order(tiff)
    try:
        own = _read(tiff, struct.unpack_from(order + "I", tiff, 4)[0])
        given = _read(block, struct.unpack_from(order + "I", block, 4)[0])
        target = bytearray(tiff + bytes(len(tiff) % 2))
        taken = {entry[0] for entry in own} | {ORIENTATION}
        added = [entry for entry in given if entry[0] in _ABOUT and entry[0] not in taken]
        moved = [_move(block, entry, target, 0) for entry in added]
    except struct.error:
        return tiff
    start = _write(target, order, sorted(own + moved))
    struct.pack_into(order + "I", target, 4, start)
    return bytes(target)


def byte_order(block: bytes | None) -> Literal["<", ">"]:
    """Return `>` for a big-endian block, else `<`."""
    return _order(block) if block else "<"


def _order(data: bytes) -> Literal["<", ">"]:
    return ">" if data[:2] == b"MM" else "<"


def _read(data: bytes, at: int) -> list[Entry]:
    order = _order(data)
    (count,) = struct.unpack_from(order + "H", data, at)
    return [struct.unpack_from(order + "HHI4s", data, at + 2 + 12 * k) for k in range(count)]


def _graft(source: bytes, entries: list[Entry], target: bytearray, depth: int) -> int:
    """Append a directory of these entries, and all that they point to; return where it is."""
    moved = [_move(source, entry, target, depth) for entry in entries]
    return _write(target, _order(source), moved)


def _move(source: bytes, entry: Entry, target: bytearray, depth: int) -> Entry:
    """Append what an entry points to; return the entry with its new place."""
    tag, kind, count, value = entry
    order = _order(source)
    size = _SIZES.get(kind, 1) * count
    (at,) = struct.unpack(order + "I", value)
    if tag in _POINTERS and depth < len(_POINTERS):
        place = _graft(source, _read(source, at), target, depth + 1)
    elif size > 4:
        if at + size > len(source):
            raise struct.error("a value lies beyond the end")
        target.extend(bytes(len(target) % 2))
        place = len(target)
        target.extend(source[at : at + size])
    else:
        return entry
    return tag, kind, count, struct.pack(order + "I", place)


def _write(target: bytearray, order: str, entries: list[Entry]) -> int:
    target.extend(bytes(len(target) % 2))
    start = len(target)
    target.extend(struct.pack(order + "H", len(entries)))
    for entry in entries:
        target.extend(struct.pack(order + "HHI4s", *entry))
    target.extend(bytes(4))
    return start
