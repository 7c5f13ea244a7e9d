"""What can be had of a PNG file's rows that are cut short or damaged."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.png.chunks import SAMPLES, PngHeader

#: Decodes so many rows of so many columns, stored as PNG has them.
Decoder: TypeAlias = Callable[[int, int, bytes], NDArray[Any]]
#: A pass of an interlaced image: its columns and rows, and where its samples belong.
Pass: TypeAlias = tuple[int, int, tuple[slice, slice]]

#: Compressed bytes that are taken at a time.
_PIECE = 2**14
#: The filters that there are (PNG third edition, section 9.2).
_FILTERS = 5


def inflate(data: bytes, most: int) -> bytes:
    """Return as many bytes of a stream as can be had, but no more than `most`."""
    unpacker = zlib.decompressobj()
    found: list[bytes] = []
    left = most
    for at in range(0, len(data), _PIECE):
        before = unpacker.copy()
        piece = data[at : at + _PIECE]
        try:
            part = unpacker.decompress(piece, left)
        except zlib.error:
            found.extend(_bytewise(before, piece, left))
            break
        found.append(part)
        left -= len(part)
        if left <= 0 or unpacker.eof:
            break
    return b"".join(found)


def _bytewise(unpacker: Any, piece: bytes, left: int) -> Iterator[bytes]:
    """Give what comes before the byte that makes no sense."""
    for at in range(len(piece)):
        try:
            part = unpacker.decompress(piece[at : at + 1], left) if left > 0 else b""
        except zlib.error:
            return
        left -= len(part)
        yield part


def salvage(
    header: PngHeader, data: bytes, passes: Sequence[Pass], decoder: Decoder
) -> tuple[NDArray[Any], int, str]:
    """Return samples as they are stored, the row from which on all are missing, and a line on that.

    Parameters
    ----------
    header
        The image's.
    data
        Its compressed rows.
    passes
        One for an image that isn't interlaced.
    decoder
        What decodes rows that are whole.

    Raises
    ------
    ImageError
        If no row can be had.
    """
    sizes = [height * header.row_bytes(width) for width, height, _ in passes]
    raw = inflate(data, sum(sizes))
    count = SAMPLES[header.colour]
    shape = (header.height, header.width) + ((count,) if count > 1 else ())
    image = np.zeros(shape, dtype=np.uint16 if header.depth == 16 else np.uint8)
    at = known = 0
    for (width, height, place), size in zip(passes, sizes, strict=True):
        rows = _whole_rows(raw[at : at + size], header.row_bytes(width))
        at += size
        known += rows
        if rows:
            part = decoder(width, rows, raw[at - size : at - size + rows * header.row_bytes(width)])
            _spread(image, part, place)
        if rows < height:
            break
    if not known:
        raise ImageError("the PNG file is cut short or damaged: not one row can be read")
    rows = sum(height for _, height, _ in passes)
    if len(passes) > 1:
        return image, header.height, f"{known} of {rows} rows of its passes are there"
    return image, known, f"{known} of {rows} rows are there"


def _whole_rows(raw: bytes, size: int) -> int:
    """Return how many rows are there up to one whose filter isn't known."""
    filters = np.frombuffer(raw, np.uint8)[: len(raw) // size * size : size]
    wrong = np.flatnonzero(filters >= _FILTERS)
    return int(wrong[0]) if wrong.size else len(filters)


def _spread(image: NDArray[Any], part: NDArray[Any], place: tuple[slice, slice]) -> None:
    """Put a pass's rows where they belong, and over what only later passes have."""
    down, across = place
    rows, cols = _block(down), _block(across)
    for below in range(rows):
        for right in range(cols):
            target = image[down.start + below :: down.step, across.start + right :: across.step]
            height, width = min(len(target), len(part)), min(target.shape[1], part.shape[1])
            target[:height, :width] = part[:height, :width]


def _block(axis: slice) -> int:
    """Samples that one of a pass stands for along an axis, until finer passes come."""
    start, step = int(axis.start), int(axis.step)
    return step - start if start else step
