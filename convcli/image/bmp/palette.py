"""Reading BMP files whose pixels are places in a palette."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.bmp.fields import PLAIN, BmpHeader
from convcli.image.image import Image, Meta
from convcli.image.limits import check_size
from convcli.image.pillow import open_with_pillow

#: Pillow's reader.
READER = "BmpImagePlugin.BmpImageFile"
_FILE, _CORE, _INFO = 14, 12, 40


def decode_indices(data: bytes, header: BmpHeader, limit: int) -> Image:
    """Read a BMP file of 1, 4 or 8 bits a pixel, plain or as run lengths.

    JUSTIFICATION: Pillow looks the colours up itself, reads those beyond the palette as black, and
    reads 4 and 8 bits a pixel as 1 where the palette is black and white.

    Raises
    ------
    ImageError
        If there are too many pixels, too few bytes, or a colour that isn't in the palette.
    """
    rows, cols = abs(header.height), header.width
    check_size(cols, rows, limit)
    palette, start = _palette(data, header)
    plain = header.coding == PLAIN
    indices = _plain(data, header, start) if plain else _run_lengths(data, header, start)
    highest = int(indices.max())
    if highest >= len(palette):
        raise ImageError(
            f"the BMP file is damaged: a pixel has colour {highest} of a palette of {len(palette)}"
        )
    mode = "8-bit palette"
    if header.bits == 1 and palette.tolist() == [[0] * 3, [255] * 3]:
        pixels, mode = indices.astype(bool), "1-bit gray"
    elif palette.tolist() == [[0] * 3, [255] * 3]:
        pixels = indices * np.uint8(255)
    elif (palette == np.arange(len(palette))[:, None]).all():
        pixels, mode = indices, "8-bit gray"
    else:
        pixels = palette.take(indices, axis=0)
    return Image(pixels, meta=Meta(format="BMP", mode=mode, dpi=header.dpi))


def _palette(data: bytes, header: BmpHeader) -> tuple[NDArray[np.uint8], int]:
    """Return a palette, (colours, 3), as far as it goes, and where the pixels begin."""
    (size,) = struct.unpack_from("<I", data, _FILE)
    width = 3 if size == _CORE else 4
    count = 0 if size == _CORE else struct.unpack_from("<I", data, 46)[0]
    count = min(count or 1 << header.bits, 1 << header.bits) if count <= 65536 else 0
    first, start = _FILE + size, header.start
    if start == first:
        # Some writers leave the palette out of the sum.
        start += width * count
    end = min(first + width * count, start, len(data))
    count = (end - first) // width
    if count < 1:
        raise ImageError("the BMP file is damaged: it has no palette")
    entries = np.frombuffer(data, np.uint8, count * width, first).reshape(count, width)
    return np.ascontiguousarray(entries[:, 2::-1]), start


def _plain(data: bytes, header: BmpHeader, start: int) -> NDArray[np.uint8]:
    """Return indices, (rows, cols), of rows from the bottom up, or from the top."""
    rows, cols = abs(header.height), header.width
    used, pitch = -(-cols * header.bits // 8), -(-cols * header.bits // 32) * 4
    stored = np.frombuffer(data, np.uint8)[start : start + rows * pitch]
    missing = rows * pitch - stored.size
    if missing > pitch - used:
        raise ImageError(f"the BMP file is cut short: {len(data)} bytes of {start + rows * pitch}")
    if missing:
        stored = np.concatenate([stored, np.zeros(missing, np.uint8)])
    packed = stored.reshape(rows, pitch)[:: 1 if header.height < 0 else -1, :used]
    if header.bits == 8:
        return np.ascontiguousarray(packed)
    shifts = np.arange(8 - header.bits, -1, -header.bits, dtype=np.uint8)
    unpacked = packed[:, :, None] >> shifts & np.uint8((1 << header.bits) - 1)
    return np.ascontiguousarray(unpacked.reshape(rows, -1)[:, :cols])


def _run_lengths(data: bytes, header: BmpHeader, start: int) -> NDArray[Any]:
    """Return indices, (rows, cols): Pillow's, of a file with a palette that it takes for one."""
    palette = bytes(range(1, 5)) * (1 << header.bits)
    place = _FILE + _INFO + len(palette)
    size = struct.pack("<ii", header.width, header.height)
    head = struct.pack("<I", _INFO) + size + struct.pack("<HHI", 1, header.bits, header.coding)
    bare = struct.pack("<2sI4xI", b"BM", place + len(data) - start, place) + head + bytes(20)
    opened = open_with_pillow(bare + palette + data[start:], READER)
    opened.load()
    return np.array(opened)
