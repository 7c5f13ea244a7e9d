"""Which format a file has, told from its first bytes and never from its name; its header."""

from __future__ import annotations

import struct

from convcli.errors import ImageError
from convcli.image.formats import FORMATS, codec_of, lacks
from convcli.image.header import Header, Peek
from convcli.image.limits import check_size

#: Bytes from the beginning that are enough to tell.
ENOUGH = 512

#: Brands of files whose images are HEVC's (ISO/IEC 23008-12, annex B), and of those that may be.
_HEVC = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs")
_ANY_CODING = (b"mif1", b"msf1", b"mif2", b"miaf")
_ANY = ord("?")


def recognise(head: bytes) -> str:
    """Return the format's name.

    Parameters
    ----------
    head
        The file's first bytes, `ENOUGH` of them if it has as many.

    Raises
    ------
    ImageError
        If it is no image that can be read.

    Examples
    --------
    >>> recognise(b"GIF89a")
    'GIF'
    """
    if not head:
        raise ImageError("the file is empty: 0 bytes")
    for entry in FORMATS.values():
        if any(_begins(head, magic) for magic in entry.magic):
            return entry.name
    if head[4:8] == b"ftyp":
        return _boxed(head)
    raise ImageError(_refusal(head))


def _refusal(head: bytes) -> str:
    """Say what a file is that can't be read, and what to do."""
    from convcli.image.foreign.tell import foreign_of

    kind = foreign_of(head)
    if kind is None or not kind.way:
        what = f": it is {kind.what}" if kind else ""
        return f"this is not an image in a known format ({_known()}){what}"
    return f"this is {kind.what}, which can't be read: {kind.way}"


def _begins(head: bytes, magic: bytes) -> bool:
    if _ANY not in magic:
        return head.startswith(magic)
    return len(head) >= len(magic) and all(
        want in (_ANY, found) for want, found in zip(magic, head, strict=False)
    )


def _known() -> str:
    read = (entry for entry in FORMATS.values() if entry.magic or entry.brands)
    return ", ".join(entry.title or entry.name for entry in read)


def _boxed(head: bytes) -> str:
    """Tell relatives by the brands in a file's first box."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    if any(brand in _HEVC for brand in brands):
        return _installed("HEIF")
    if b"hvc1" in head and all(brand in (*_ANY_CODING, b"\0\0\0\0") for brand in brands):
        return _installed("HEIF")
    for entry in FORMATS.values():
        if any(brand in entry.brands for brand in brands):
            return entry.name
    raise ImageError(_refusal(head))


def _installed(name: str) -> str:
    """Return a format's name; refuse it if what reads it isn't there."""
    entry = FORMATS[name]
    said = lacks(entry)
    if said:
        raise ImageError(f"this is a {entry.title} image, which can't be read: {said}")
    return name


def header_of(peek: Peek, format: str) -> Header | None:
    """Return what a file's header says; None if it isn't there, or makes no sense.

    Parameters
    ----------
    peek
        Gives the file's bytes.
    format
        As `recognise` names it.

    Examples
    --------
    >>> data = b"P6 30 20 255 "
    >>> header_of(lambda at, size: data[at : at + size], "PPM").size
    (20, 30)
    """
    read = codec_of(format).header
    try:
        found = read(peek) if read else None
    except (ImageError, struct.error, ValueError, IndexError, KeyError, OverflowError):
        return None
    return found if found is not None and min(found.size) > 0 and found.channels > 0 else None


def coded_size(data: bytes | memoryview) -> tuple[int, int] | None:
    """Return (width, height) of an image within another file, told from its beginning.

    So nobody makes room for it before that is looked at: libraries have limits of their own, and
    name no option when they refuse an image. None of formats that don't lie within others.

    Parameters
    ----------
    data
        The image; its first kilobytes are enough.

    Examples
    --------
    >>> coded_size(b"RIFF    WEBPVP8X" + bytes(8) + bytes([9, 0, 0, 4, 0, 0]))
    (10, 5)
    """
    try:
        read = codec_of(recognise(bytes(data[:ENOUGH]))).coded_size
        return read(data) if read else None
    except (struct.error, ImageError):
        return None


def check_coded(data: bytes, limit: int) -> None:
    """Refuse an image that says it has more than `limit` pixels, if it says so at its beginning.

    Raises
    ------
    ImageError
        As `check_size`.
    """
    size = coded_size(data)
    if size is not None:
        check_size(*size, limit)
