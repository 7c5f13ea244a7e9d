"""The directories of a TIFF file: where each is, and how one is moved (TIFF 6.0, section 2).

Every page has one; each says where the next is. BigTIFF counts with 8 bytes instead of 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from convcli.image.tags import entries, first_of, form_of, link_of

_SUBFILE, _OLD_SUBFILE = 254, 255
#: Bits of NewSubfileType: a reduced version of another page, and a mask for one.
_REDUCED, _MASK = 1, 4
#: The old tag's word for a reduced version.
_OLD_REDUCED = 2
#: Tags whose values say where pixels are: strips, tiles.
_PIXELS = (273, 324)
#: Tags whose value says where a directory is: within pages, EXIF, GPS, interoperability.
_DIRECTORIES = (330, 0x8769, 0x8825, 0xA005)
_SIZES = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8},
    **{13: 4, 16: 8, 17: 8, 18: 8},
}
#: What a tag's whole numbers are written as, by its type.
CODES = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_DEEPEST = 4
#: So many values of a tag are looked at: there are as many as channels.
_MOST = 65535


def names_more(data: bytes) -> bool:
    """Whether the first directory says that there is another."""
    try:
        form = form_of(data)
        link = link_of(data, first_of(data, form), form)
        return bool(struct.unpack_from(form.place, data, link)[0])
    except struct.error:
        return False


def directories(data: bytes) -> Iterator[int]:
    """Give where each directory is.

    Raises
    ------
    ValueError
        After the last one that can be found, if it names another.
    """
    form = form_of(data)
    at, seen = first_of(data, form), set[int]()
    try:
        while at:
            link = link_of(data, at, form)
            if at in seen:
                raise ValueError("its pages name each other in a circle")
            seen.add(at)
            (following,) = struct.unpack_from(form.place, data, link)
            yield at
            at = following
    except struct.error:
        raise ValueError("its next page lies beyond the file's end") from None


def is_image(data: bytes, at: int) -> bool:
    """Whether a page is one of its own: neither a reduced version of another, nor a mask."""
    form = form_of(data)
    for place, tag, kind, _ in entries(data, at, form):
        if tag in (_SUBFILE, _OLD_SUBFILE) and kind in CODES:
            (value,) = struct.unpack_from(form.order + CODES[kind], data, place)
            return not value & (_REDUCED | _MASK) if tag == _SUBFILE else value != _OLD_REDUCED
    return True


def differ(data: bytes, at: int | None, tag: int) -> bool:
    """Whether a page's tag has several values that aren't alike; `at` is None for the first page.

    What can't be understood has none.
    """
    try:
        form = form_of(data)
        for place, found, kind, number in entries(
            data, first_of(data, form) if at is None else at, form
        ):
            if found == tag and kind in CODES:
                code = f"{form.order}{min(number, _MOST)}{CODES[kind]}"
                beyond = struct.calcsize(code) > form.width
                start = struct.unpack_from(form.place, data, place)[0] if beyond else place
                return len(set(struct.unpack_from(code, data, start))) > 1
    except (struct.error, IndexError):
        pass
    return False


def start_of(data: bytes) -> int:
    """Return where the first directory is."""
    return first_of(data, form_of(data))


def moved(page: bytes, by: int, following: int) -> bytes:
    """Return a file of one page as it must be for its place in a larger file.

    Parameters
    ----------
    page
        The file.
    by
        Where in the larger file it will begin.
    following
        Where the next page's directory will be; 0 for none.
    """
    form, target = form_of(page), bytearray(page)
    first = first_of(page, form)
    _move(page, target, first, by, 0)
    struct.pack_into(form.place, target, link_of(page, first, form), following)
    return bytes(target)


def _move(page: bytes, target: bytearray, at: int, by: int, depth: int) -> None:
    """Add to every place that a directory names, and to those in the directories below it."""
    form = form_of(page)
    for place, tag, kind, number in entries(page, at, form):
        value = place
        if _SIZES.get(kind, 1) * number > form.width:
            (value,) = struct.unpack_from(form.place, page, place)
            struct.pack_into(form.place, target, place, value + by)
        if tag not in _PIXELS and tag not in _DIRECTORIES:
            continue
        code = f"{form.order}{number}{CODES[kind]}"
        places = struct.unpack_from(code, page, value)
        struct.pack_into(code, target, value, *(each + by for each in places))
        if tag in _DIRECTORIES and depth < _DEEPEST:
            for each in places:
                _move(page, target, each, by, depth + 1)
