"""How large a coded image says it is, told from its header: before anybody makes room for it.

Pillow and libavif have limits of their own, and name no option when they refuse an image.
"""

from __future__ import annotations

import struct

from convcli.errors import ImageError
from convcli.image.jpeg.segments import FRAMES, walk
from convcli.image.limits import check_size

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG, _SIZ = b"\xff\xd8\xff", b"\xff\x4f\xff\x51"
_ISPE = b"ispe\0\0\0\0"
_BOXED = b"\0\0\0\x0cjP  "


def coded_size(data: bytes | memoryview) -> tuple[int, int] | None:
    """Return (width, height) of a PNG, JPEG, WebP, AVIF or JPEG 2000 image; None of others.

    Parameters
    ----------
    data
        The image; its first kilobytes are enough.

    Examples
    --------
    >>> coded_size(b"RIFF    WEBPVP8X" + bytes(8) + bytes([9, 0, 0, 4, 0, 0]))
    (10, 5)
    """
    head = bytes(data[:32])
    try:
        if head.startswith(_PNG):
            width, height = struct.unpack_from(">II", head, 16)
            return width, height
        if head.startswith(_JPEG):
            return _jpeg(data)
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp(head)
        if head.startswith((_SIZ, _BOXED)):
            return _jpeg2000(bytes(data[:4096]))
        if head[4:8] == b"ftyp":
            return _avif(bytes(data[:65536]))
    except (struct.error, ImageError):
        pass
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


def _jpeg(data: bytes | memoryview) -> tuple[int, int] | None:
    frame = jpeg_frame(data)
    return None if frame is None else (frame[1], frame[0])


def jpeg_frame(data: bytes | memoryview) -> tuple[int, int, int, int] | None:
    """Return (height, width, components, bits of a sample) of a JPEG file's first frame.

    None if it has no frame; ImageError or struct.error if it is cut short before or in it.
    """
    for segment in walk(data):
        if segment.marker in FRAMES:
            precision, height, width, count = struct.unpack_from(">BHHB", data, segment.start)
            return height, width, count, precision
    return None


def _webp(head: bytes) -> tuple[int, int] | None:
    """WebP's three kinds of first chunk (RFC 9649, sections 2.5 to 2.7)."""
    kind = head[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg2000(data: bytes) -> tuple[int, int] | None:
    at = data.find(_SIZ)
    if at < 0:
        return None
    right, bottom, left, top = struct.unpack_from(">IIII", data, at + 8)
    return right - left, bottom - top


def _avif(data: bytes) -> tuple[int, int] | None:
    """Return the largest of the sizes that a file's items have (ISO/IEC 23008-12, 6.5.3)."""
    found, at = [], data.find(_ISPE)
    while at >= 0:
        if at + 16 <= len(data):
            width, height = struct.unpack_from(">II", data, at + 8)
            found.append((width, height))
        at = data.find(_ISPE, at + 8)
    return max(found, key=lambda size: size[0] * size[1], default=None)
