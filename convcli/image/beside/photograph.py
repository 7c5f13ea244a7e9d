"""What EXIF tells of an image, changed in place so that it is true of another one.

Tags: Exif 2.32 (CIPA DC-008), tables 3 to 5 and 13.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from convcli.image.tags import Form, entries, first_of, link_of

#: Takes a place in the image, (x, y), to where it is in another one.
Move: TypeAlias = Callable[[float, float], tuple[float, float]]

_PHOTOGRAPH, _INTEROPERABILITY = 0x8769, 0xA005
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)
#: Where the subject is: a point, a circle, or a rectangle by its middle.
_PLACES = (0x9214, 0xA214)
_COLOUR_SPACE, _GAMMA, _INDEX = 0xA001, 0xA500, 0x0001
#: What is said of samples, and is not true of others.
_BITS, _KIND, _COUNT = 0x0102, 0x0106, 0x0115
_SHORT, _LONG, _RATIONAL = 3, 4, 5
#: Where the thumbnail is: a JPEG file, or samples in one piece.
_JPEG_AT, _STRIP_AT, _STRIP_SIZE = 0x0201, 0x0111, 0x0117
#: How JPEG files begin and end; markers of segments, and that of a scan (T.81, table B.1).
_JPEG, _END = b"\xff\xd8\xff", b"\xff\xd9"
_FIRST_MARKER, _SCAN = 0xC0, 0xDA
#: What may be one is looked at so often and so far: a crafted file would take for ever.
_MOST_TRIED, _MOST_SEGMENTS = 100, 200
_ADOBE_RGB, _UNCALIBRATED = 2, 0xFFFF


class _Entry(NamedTuple):
    """A field: where its value or offset is, its tag, its type, how many values."""

    at: int
    tag: int
    kind: int
    many: int


def has_thumbnail(block: bytes) -> bool:
    """Whether there is a second directory, which tells of a small version."""
    return bool(_thumbnail(block))


def previews(data: bytes) -> Iterator[tuple[int, int]]:
    """Give where JPEG files begin and end that stand within something, as in makers' notes."""
    end = 0
    for _ in range(_MOST_TRIED):
        if (start := data.find(_JPEG, end)) < 0:
            return
        end = start + len(_JPEG)
        if scan := _scan(data, start + 2):
            behind = data.find(_END, scan)
            end = len(data) if behind < 0 else behind + len(_END)
            yield start, end


def _scan(data: bytes, at: int) -> int:
    """Return where the first scan is whose segments begin at a place; 0 if there is none."""
    for _ in range(_MOST_SEGMENTS):
        head = data[at : at + 4]
        if len(head) < 4 or head[0] != 0xFF or head[1] < _FIRST_MARKER:
            return 0
        if head[1] == _SCAN:
            return at
        at += 2 + int.from_bytes(head[2:], "big")
    return 0


def without_previews(block: bytes) -> tuple[bytes, bool]:
    """Return EXIF with zeros for images in it, and whether there is one but the thumbnail.

    The thumbnail is left to `exif.settle`, if it is a JPEG file.
    """
    told = {found.tag: _number(block, found) for found in _thumbnail(block)}
    within = [place for place in previews(block) if place[0] != told.get(_JPEG_AT)]
    changed, found = bytearray(block), bool(within)
    start, size = told.get(_STRIP_AT), told.get(_STRIP_SIZE)
    if start and size and start + size <= len(block):
        within.append((start, start + size))
    for start, end in within:
        changed[start:end] = bytes(end - start)
    return bytes(changed), found


def _thumbnail(block: bytes) -> list[_Entry]:
    """Return the fields of the second directory, those of the thumbnail."""
    form = _form(block)
    try:
        at = link_of(block, first_of(block, form), form)
        (second,) = struct.unpack_from(form.place, block, at)
        return [_Entry._make(each) for each in entries(block, second, form)] if second else []
    except (struct.error, ValueError):
        return []


def resized(block: bytes, size: tuple[int, int]) -> bytes:
    """Return EXIF that says (rows, cols) wherever it says a size."""
    changed = bytearray(block)
    for found in _fields(block):
        for tags, value in ((_HEIGHTS, size[0]), (_WIDTHS, size[1])):
            if found.tag in tags and found.many == 1 and _number(block, found) not in (None, value):
                # A long one has room for any number.
                struct.pack_into(_order(block) + "HII", changed, found.at - 6, _LONG, 1, value)
    return bytes(changed)


def moved(
    block: bytes, move: Move, *, scale: tuple[float, float] = (1.0, 1.0), swapped: bool = False
) -> bytes:
    """Return EXIF whose places of the subject are where they are in a result.

    Parameters
    ----------
    block
        EXIF.
    move
        Takes (x, y) of the source to the result's.
    scale
        By how much (width, height) of a part of the image grow.
    swapped
        Whether its width becomes its height.
    """
    changed = bytearray(block)
    for found in _fields(block):
        if found.tag not in _PLACES or found.kind != _SHORT or found.many not in (2, 3, 4):
            continue
        at = found.at
        if found.many > 2:
            (at,) = struct.unpack_from(_order(block) + "I", block, at)
        form = f"{_order(block)}{found.many}H"
        try:
            x, y, *sides = struct.unpack_from(form, block, at)
        except struct.error:
            continue
        sides = sides[::-1] if swapped else sides
        grown = [side * scale[k] for k, side in enumerate(sides)]
        numbers = [min(max(round(each), 0), 0xFFFF) for each in (*move(x, y), *grown)]
        struct.pack_into(form, changed, at, *numbers)
    return bytes(changed)


def places_subject(block: bytes) -> bool:
    """Whether it says where in the image the subject is."""
    return any(found.tag in _PLACES for found in _fields(block))


def without_samples(block: bytes) -> bytes:
    """Return EXIF that says nothing of how samples are stored: other files have others."""
    for tag in (_BITS, _KIND, _COUNT):
        block = without(block, tag)
    return block


def without(block: bytes, tag: int) -> bytes:
    """Return EXIF without a field of its first directory."""
    found = next((each for each in _fields(block, deep=False) if each.tag == tag), None)
    if found is None:
        return block
    form = _form(block)
    start = first_of(block, form)
    end = link_of(block, start, form) + form.width
    (count,) = struct.unpack_from(form.count, block, start)
    changed = bytearray(block)
    # What comes after it moves up, the link to the next directory too.
    at = found.at - 8
    changed[at : end - 12] = block[at + 12 : end]
    changed[end - 12 : end] = bytes(12)
    struct.pack_into(form.count, changed, start, count - 1)
    return bytes(changed)


def gamma(block: bytes) -> float:
    """Return the exponent of the curve that EXIF tells of; 0 if it is sRGB's, or not told.

    Cameras mark Adobe RGB (1998) by an index of R03, and an uncalibrated colour space (DCF 2.0).
    """
    told, space, index = 0.0, 1, b""
    for found in _fields(block):
        if found.tag == _COLOUR_SPACE and found.kind == _SHORT:
            (space,) = struct.unpack_from(_order(block) + "H", block, found.at)
        elif found.tag == _INDEX and found.many == 4:
            index = block[found.at : found.at + 3]
        elif found.tag == _GAMMA and found.kind == _RATIONAL:
            told = _rational(block, found.at)
    if space == _ADOBE_RGB or (space == _UNCALIBRATED and index == b"R03"):
        return 563 / 256
    return told if space == _UNCALIBRATED and 0.5 < told < 5 else 0.0


def is_adobe_rgb(block: bytes) -> bool:
    """Whether it says that colours are those of Adobe RGB (1998)."""
    return gamma(block) == 563 / 256


def _number(block: bytes, found: _Entry) -> int | None:
    form = {_SHORT: "H", _LONG: "I"}.get(found.kind)
    return struct.unpack_from(_order(block) + form, block, found.at)[0] if form else None


def _rational(block: bytes, at: int) -> float:
    try:
        (place,) = struct.unpack_from(_order(block) + "I", block, at)
        above, below = struct.unpack_from(_order(block) + "II", block, place)
    except struct.error:
        return 0.0
    return above / below if below else 0.0


def _fields(block: bytes, deep: bool = True) -> Iterator[_Entry]:
    """Give the fields of the first directory, and of those that it leads to."""
    form = _form(block)
    try:
        waiting = [first_of(block, form)]
    except struct.error:
        return
    seen: set[int] = set()
    while waiting:
        start = waiting.pop()
        if start in seen:
            continue
        seen.add(start)
        try:
            for found in map(_Entry._make, entries(block, start, form)):
                yield found
                # The index is told of in a directory of its own, whose tags mean other things.
                if deep and found.tag in (_PHOTOGRAPH, _INTEROPERABILITY):
                    waiting += struct.unpack_from(form.place, block, found.at)
        except struct.error:
            continue


def _form(block: bytes) -> Form:
    return Form(_order(block), big=False)


def _order(block: bytes) -> str:
    return ">" if block[:2] == b"MM" else "<"
