"""Which format a file has, told from its first bytes and never from its name; its header."""

from __future__ import annotations

import struct

from convcli.errors import ImageError
from convcli.image.formats import FORMATS, codec_of
from convcli.image.header import Header, Peek
from convcli.image.limits import check_size

#: Bytes from the beginning that are enough to tell.
ENOUGH = 64

#: Files that people take for images of ours, and what they are.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML document, perhaps an SVG drawing"),
    (b"PK\x03\x04", "a zip archive"),
    (b"8BPS", "a Photoshop document"),
    (b"\x76\x2f\x31\x01", "an OpenEXR image"),
    (b"P7\n", "a PAM image (netpbm's P7)"),
    (b"\x89PNG", "a PNG file damaged in transfer: its line ends were changed"),
)
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis")
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
    what = next((words for magic, words in _OTHERS if head.lstrip().startswith(magic)), None)
    raise ImageError(
        f"this is {what}, which can't be read"
        if what
        else f"this is not an image in a known format ({_known()})"
    )


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
    if any(brand in _HEIC_BRANDS for brand in brands):
        raise ImageError("this is a HEIC image, which can't be read: save it as JPEG or PNG")
    for entry in FORMATS.values():
        if any(brand in entry.brands for brand in brands):
            return entry.name
    raise ImageError("this is a film or another kind of media file, not an image")


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
