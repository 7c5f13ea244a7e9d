"""Whole files behind a file's end, as images sent through one pipe are: only the first is read.

Formats that allow for several images have ways of their own; these here end somewhere, and other
programs, too, show what comes before.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress

from convcli.image.boxes import places

#: Files that are counted at the most.
_MOST = 10_000
#: What is left there by programs that write in blocks; and formats whose end isn't told for sure.
_FILLING, _UNSURE = b"\0\xff\r\n\x1a ", ("BMP",)
#: The first box of files that are made of boxes.
_BEGINS = (b"ftyp", b"jP  ", b"JXL ")


def following(data: bytes, name: str) -> tuple[str, ...]:
    """Say that further files of the same format stand behind one, or what else does.

    Parameters
    ----------
    data
        The file.
    name
        Its format.

    Examples
    --------
    >>> small = b"BM" + bytes([26, 0, 0, 0]) + bytes(20)
    >>> following(small, "BMP"), following(3 * small, "BMP")
    ((), ('only the first of 3 images in the file was read: the others follow it',))
    """
    ends = _ENDS.get(name)
    if ends is None:
        return ()
    count, at, behind = 1, 0, 0
    with suppress(IndexError, struct.error):
        while count < _MOST and (end := ends(data, at)) is not None:
            if data[end : end + 4] != data[at : at + 4]:
                behind = len(data) - end if bytes(data[end:]).strip(_FILLING) else 0
                break
            count, at = count + 1, end
    if count < 2:
        told = behind and name not in _UNSURE
        return (f"{behind} bytes behind the image: left out",) if told else ()
    return (f"only the first of {count} images in the file was read: the others follow it",)


def _png(data: bytes, at: int) -> int | None:
    """Return where a PNG file ends: behind its last chunk."""
    at += 8
    while at + 12 <= len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        at += 12 + size
        if name == b"IEND":
            return at
    return None


def _gif(data: bytes, at: int) -> int | None:
    """Return where a GIF file ends: at its mark of the end."""
    at += 13 + _palette(data[at + 10])
    while (kind := data[at]) in (0x21, 0x2C):
        at += 2 if kind == 0x21 else 11 + _palette(data[at + 9])
        while size := data[at]:
            at += size + 1
        at += 1
    return at + 1 if kind == 0x3B else None


def _palette(flags: int) -> int:
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _webp(data: bytes, at: int) -> int:
    size: int = struct.unpack_from("<I", data, at + 4)[0]
    return at + 8 + size + size % 2


def _bmp(data: bytes, at: int) -> int | None:
    size: int = struct.unpack_from("<I", data, at + 2)[0]
    # Some programs write 0, or the size of something else.
    return at + size if size > 14 else None


def _boxes(data: bytes, at: int) -> int | None:
    """Return where the next file's first box is."""
    found = places(lambda start, size: data[at + start : at + start + size])
    begun = [start - 8 for name, start, _ in found if name in _BEGINS]
    # JPEG 2000 and JPEG XL have a box of their own before that of the brands.
    begun = [place for place in begun if place > 40]
    return at + begun[0] if begun else None


_ENDS: dict[str, Callable[[bytes, int], int | None]] = {
    "PNG": _png,
    "GIF": _gif,
    "WEBP": _webp,
    "BMP": _bmp,
    "AVIF": _boxes,
    "HEIF": _boxes,
    "JPEGXL": _boxes,
}
