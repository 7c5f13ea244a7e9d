"""Kinds of BMP files: which are read, and pixels with channels at any of their bits.

Windows: BITMAPINFOHEADER to BITMAPV5HEADER; OS/2: headers of 12 and 64 bytes.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.image import Image, Meta
from convcli.image.limits import check_size
from convcli.record import record

_CORE, _INFO, _OS2 = 12, 40, 64
_HEADERS = (_CORE, _INFO, 52, 56, _OS2, 108, 124)
#: Pixels without a coding.
PLAIN = 0
_RLE8, _RLE4, _FIELDS, _FIELDS_ALPHA = 1, 2, 3, 6
_DEPTHS = {
    PLAIN: (1, 4, 8, 16, 24, 32),
    _RLE8: (8,),
    _RLE4: (4,),
    _FIELDS: (16, 24, 32),
    _FIELDS_ALPHA: (16, 32),
}
#: Codings that aren't read.
_UNREAD = {4: "as a JPEG image", 5: "as a PNG image", 11: "as CMYK", 12: "as CMYK, run lengths",
           13: "as CMYK, run lengths"}  # fmt: skip
_UNREAD_OS2 = {3: "with Huffman's code", 4: "as run lengths of 24 bits"}
#: Masks that Pillow reads: of red, green, blue and alpha.
_USUAL = {
    16: ((0xF800, 0x7E0, 0x1F, 0), (0x7C00, 0x3E0, 0x1F, 0)),
    24: ((0xFF0000, 0xFF00, 0xFF, 0),),
    32: (
        (0xFF0000, 0xFF00, 0xFF, 0),
        (0xFF000000, 0xFF0000, 0xFF00, 0),
        (0xFF000000, 0xFF00, 0xFF, 0),
        (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
        (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
        (0xFF000000, 0xFF00, 0xFF, 0xFF0000),
    ),
}
_AS_PNG = "save it as PNG, or as BMP of 24 bits a pixel"
_INCHES = 39.3701


@record
class BmpHeader:
    """What a BMP file's header says; `masks` are those of red, green, blue and alpha, or ()."""

    start: int
    width: int
    height: int
    bits: int
    coding: int
    dpi: tuple[float, float] | None
    masks: tuple[int, ...]


def read_header(data: bytes) -> BmpHeader:
    """Return what a header says.

    Raises
    ------
    ImageError
        If it is cut short, or the file of a kind that isn't read.
    """
    try:
        return _header(data)
    except struct.error:
        raise ImageError("the BMP file is cut short: it ends within its header") from None


def _header(data: bytes) -> BmpHeader:
    start, size = struct.unpack_from("<II", data, 10)
    if size not in _HEADERS:
        raise ImageError(f"its BMP header has {size} bytes, a kind that isn't read; {_AS_PNG}")
    if size == _CORE:
        width, height, bits = struct.unpack_from("<HH2xH", data, 18)
        dpi, coding = None, PLAIN
    else:
        width, height, bits, coding, x, y = struct.unpack_from("<ii2xHI4xii", data, 18)
        dpi = (x / _INCHES, y / _INCHES) if x > 0 and y > 0 else None
    unread = _UNREAD_OS2 if size == _OS2 else _UNREAD
    if coding in unread or coding not in _DEPTHS:
        words = unread.get(coding, f"in an unknown way ({coding})")
        raise ImageError(f"its pixels are stored {words}, which isn't read in BMP; {_AS_PNG}")
    if bits not in _DEPTHS[coding]:
        known = ", ".join(map(str, _DEPTHS[coding]))
        raise ImageError(
            f"it has {bits} bits a pixel, which isn't read in such a BMP file; expected {known}"
        )
    return BmpHeader(start, width, height, bits, coding, dpi, _masks(data, size, coding))


def _masks(data: bytes, size: int, coding: int) -> tuple[int, ...]:
    """Return where channels are: within the header, or behind one that is too short."""
    if coding not in (_FIELDS, _FIELDS_ALPHA):
        return ()
    count = 4 if size >= 56 or coding == _FIELDS_ALPHA else 3
    masks: tuple[int, ...] = struct.unpack_from(f"<{count}I", data, 54)
    return (*masks, 0)[:4]


def is_unusual(header: BmpHeader) -> bool:
    """Whether pixels have channels at bits where Pillow doesn't expect them."""
    if header.coding == _FIELDS_ALPHA:
        return True
    return bool(header.masks) and header.masks not in _USUAL[header.bits]


def decode_fields(data: bytes, header: BmpHeader, limit: int) -> Image:
    """Read pixels whose channels are at any bits.

    Channels of up to 8 bits are scaled to 0..255, and all to 0..65535 if one has more, rounded
    to nearest.

    Raises
    ------
    ImageError
        If there are too many pixels, too few bytes, or masks that make no sense.
    """
    rows, cols = abs(header.height), header.width
    check_size(cols, rows, limit)
    if header.bits == 24:
        raise ImageError(f"its channels' places within 24 bits aren't the usual; {_AS_PNG}")
    kind = np.dtype("<u2" if header.bits == 16 else "<u4")
    pitch = -(-cols * kind.itemsize // 4) * 4
    stored = np.frombuffer(data[header.start : header.start + rows * pitch], np.uint8)
    if stored.size < rows * pitch:
        raise ImageError(f"the BMP file is cut short: {len(data)} bytes")
    whole = stored.reshape(rows, pitch).view(kind)[:, :cols].astype(np.uint32)
    whole = whole if header.height < 0 else whole[::-1]
    names = "RGBA" if header.masks[3] else "RGB"
    masks = header.masks[: len(names)]
    _check_masks(masks, header.bits)
    full = 65535 if max(mask.bit_count() for mask in masks) > 8 else 255
    planes = [_channel(whole, mask, full) for mask in masks]
    mode = f"{header.bits}-bit pixels of " + ", ".join(str(mask.bit_count()) for mask in masks)
    return Image(np.stack(planes, axis=2), names, Meta(format="BMP", mode=mode, dpi=header.dpi))


def _channel(whole: NDArray[np.uint32], mask: int, full: int) -> NDArray[np.uint16]:
    """Return one channel, scaled to 0..`full`."""
    most = (1 << mask.bit_count()) - 1
    place = (mask & -mask).bit_length() - 1
    values = (whole & np.uint32(mask)) >> np.uint32(place)
    scaled = (values.astype(np.uint64) * np.uint64(full) + np.uint64(most // 2)) // np.uint64(most)
    return scaled.astype(np.uint8 if full == 255 else np.uint16)


def _check_masks(masks: tuple[int, ...], bits: int) -> None:
    """Refuse channels that have no bits, more than 16, a gap, or another's."""
    used = 0
    for mask in masks:
        lowest = mask & -mask
        gap = mask and (mask // lowest) & (mask // lowest + 1)
        if not mask or gap or mask & used or mask.bit_count() > 16 or mask >> bits:
            raise ImageError(
                "the BMP file is damaged: the masks of its channels are "
                + ", ".join(f"{value:#x}" for value in masks)
            )
        used |= mask
