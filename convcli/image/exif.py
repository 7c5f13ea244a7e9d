"""EXIF as raw bytes: read and set its orientation and resolution, drop its thumbnail.

The block is changed in place and never written anew: makers' notes hold offsets into it.
Layout: TIFF 6.0, section 2; tags: Exif 2.32 (CIPA DC-008), tables 3 and 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress

from convcli.image.tags import Form, entries, first_of, link_of

ORIENTATION = 0x0112
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_THUMBNAIL_AT, _THUMBNAIL_SIZE = 0x0201, 0x0202
_SHORT, _LONG, _RATIONAL = 3, 4, 5
_CENTIMETRE = 3


def strip_prefix(block: bytes) -> bytes:
    """Return the block without the mark (`Exif`, two zeros) that JPEG puts before it."""
    return block[6:] if block.startswith(b"Exif\0") else block


def orientation(block: bytes | None) -> int:
    """Return the orientation, 1 to 8; 1 if there is none or it makes no sense."""
    for tag, kind, at in _entries(block, 0):
        if tag == ORIENTATION and block is not None:
            value = _number(block, kind, at)
            return value if value in range(1, 9) else 1
    return 1


def resolution(block: bytes | None) -> tuple[float, float] | None:
    """Return the pixels an inch (x, y), or None."""
    if block is None:
        return None
    found: dict[int, float] = {}
    unit = 2
    for tag, kind, at in _entries(block, 0):
        if tag in (_X_RESOLUTION, _Y_RESOLUTION) and kind == _RATIONAL:
            found[tag] = _rational(block, at)
        elif tag == _RESOLUTION_UNIT:
            unit = _number(block, kind, at)
    if len(found) < 2 or unit not in (2, _CENTIMETRE) or min(found.values()) <= 0:
        return None
    scale = 2.54 if unit == _CENTIMETRE else 1.0
    return found[_X_RESOLUTION] * scale, found[_Y_RESOLUTION] * scale


def settle(block: bytes | None) -> bytes | None:
    """Return the block for an upright image: orientation 1, and no thumbnail.

    A block that can't be understood is returned as it is.
    """
    if not block:
        return None
    changed = bytearray(block)
    for tag, kind, at in _entries(block, 0):
        if tag == ORIENTATION and kind in (_SHORT, _LONG):
            struct.pack_into(_order(block) + ("H" if kind == _SHORT else "I"), changed, at, 1)
    with suppress(struct.error):
        _drop_thumbnail(block, changed)
    return bytes(changed)


def _drop_thumbnail(block: bytes, changed: bytearray) -> None:
    """Unlink the second directory, blank its image, and cut that off if it comes last."""
    link = _link(block)
    if link is None or not any(_entries(block, 1)):
        return
    place = {
        tag: _number(block, kind, at)
        for tag, kind, at in _entries(block, 1)
        if tag in (_THUMBNAIL_AT, _THUMBNAIL_SIZE)
    }
    struct.pack_into(_order(block) + "I", changed, link, 0)
    start, size = place.get(_THUMBNAIL_AT, 0), place.get(_THUMBNAIL_SIZE, 0)
    # Only a JPEG is taken for a thumbnail: a wrong offset must not blank anything else.
    if size <= 0 or start < 8 or block[start : start + 2] != b"\xff\xd8":
        return
    end = min(start + size, len(block))
    changed[start:end] = bytes(end - start)
    if end >= len(block) - 1:
        del changed[start:]


def _order(block: bytes) -> str:
    return ">" if block[:2] == b"MM" else "<"


def _link(block: bytes) -> int | None:
    """Where the first directory says where the second is; None if there is no directory."""
    form = Form(_order(block), big=False)
    try:
        at = link_of(block, first_of(block, form), form)
        struct.unpack_from(form.place, block, at)
    except struct.error:
        return None
    return at


def _entries(block: bytes | None, directory: int) -> Iterator[tuple[int, int, int]]:
    """(tag, type, where its value or offset is) of the first directory or the second."""
    if not block or block[:4] not in (b"II*\0", b"MM\0*"):
        return
    form = Form(_order(block), big=False)
    with suppress(struct.error):
        at = 4 if directory == 0 else _link(block)
        if at is None:
            return
        (start,) = struct.unpack_from(form.place, block, at)
        if start:
            for place, tag, kind, _ in entries(block, start, form):
                yield tag, kind, place


def _number(block: bytes, kind: int, at: int) -> int:
    code = {_SHORT: "H", _LONG: "I"}.get(kind)
    return int(struct.unpack_from(_order(block) + code, block, at)[0]) if code else 0


def _rational(block: bytes, at: int) -> float:
    order = _order(block)
    try:
        (place,) = struct.unpack_from(order + "I", block, at)
        above, below = struct.unpack_from(order + "II", block, place)
    except struct.error:
        return 0.0
    return above / below if below else 0.0
