"""Reading and writing BMP: 1-bit gray, gray, colour, and colour with alpha."""

from __future__ import annotations

import struct

from convcli.errors import ImageError
from convcli.image import pillow
from convcli.image.bmp import fields, palette
from convcli.image.bmp.colours import with_colours, with_profile
from convcli.image.image import Image
from convcli.image.light.profile import fits

#: Bytes before a file's header, and the least that one has.
_START, _HEADER = 14, 12
#: The coding without compression, and the two with channels' masks.
_PLAIN = (0, 3, 6)


def decode(data: bytes, limit: int) -> Image:
    """Read a BMP file.

    Raises
    ------
    ImageError
        If it is damaged, cut short or of a kind that isn't read, or has more than `limit` pixels.
    """
    header = fields.read_header(data)
    _check_whole(data)
    image = _decode(data, header, limit)
    return image.with_meta(with_colours(image.meta, data))


def _decode(data: bytes, header: fields.BmpHeader, limit: int) -> Image:
    """Read a BMP file's pixels."""
    if fields.is_unusual(header):
        return fields.decode_fields(data, header, limit)
    if header.bits <= 8:
        return palette.decode_indices(data, header, limit)
    return pillow.decode(data, palette.READER, "BMP", limit)


def _check_whole(data: bytes) -> None:
    """Refuse a BMP file that is cut short, or whose pixels begin within its header.

    A last row without its padding is let pass: some programs leave that out, and say so.

    Raises
    ------
    ImageError
        If it is.
    """
    try:
        stated, start, header = struct.unpack_from("<I4xII", data, 2)
        if header < 40:
            return
        width, height, bits, coding = struct.unpack_from("<ii2xHI", data, 18)
    except struct.error:
        raise ImageError("the BMP file is cut short: it ends within its header") from None
    if start < _START + _HEADER:
        raise ImageError(f"the BMP file is damaged: its pixels begin at byte {start}")
    end = start + abs(height) * ((max(width, 0) * bits + 31) // 32 * 4)
    if coding in _PLAIN and len(data) < min(stated, end):
        raise ImageError(f"the BMP file is cut short: {len(data)} bytes of {end}")


def encode(image: Image) -> bytes:
    """Return a BMP file: bool (1 bit), or uint8 L or RGB."""
    dpi, icc = image.meta.dpi, image.meta.icc
    coded = pillow.save(image.pixels, "BMP", {"dpi": dpi} if dpi else {})
    return with_profile(coded, icc) if icc and fits(icc, image.channels) else coded
