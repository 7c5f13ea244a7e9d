"""What ImageJ writes beside a stack in two tags of its own: labels, ranges, colours, regions.

Layout: `ij.io.TiffEncoder` and `TiffDecoder` of ImageJ 1.53.
"""

from __future__ import annotations

import struct

from convcli.image.beside.block import CHANNELS, DEPTH, FRAMES, PIXELS, PLACE, SIZE, Block
from convcli.image.tiff.fields import BYTES, LONG, Field, numbers

COUNTS, CONTENT = 50838, 50839
KIND = "TIFF ImageJ"
_MARK = b"IJIJ"
_ANYWHERE: frozenset[str] = frozenset()
#: Bytes of a number in each kind of entry, what it is called, and what it tells of.
_ENTRIES = {
    b"info": (2, "ImageJ info", _ANYWHERE),
    b"labl": (2, "ImageJ labels", frozenset({FRAMES})),
    b"rang": (8, "ImageJ display ranges", frozenset({CHANNELS, DEPTH})),
    b"luts": (1, "ImageJ colour tables", frozenset({CHANNELS, DEPTH})),
    b"plot": (1, "ImageJ plot", frozenset({PIXELS})),
    b"roi ": (1, "ImageJ region", frozenset({SIZE, PLACE})),
    b"over": (1, "ImageJ overlay", frozenset({SIZE, PLACE})),
    b"prop": (2, "ImageJ properties", _ANYWHERE),
}
_OTHER = (1, "ImageJ data", _ANYWHERE)
#: Bytes of a display range: its ends.
_RANGE = 16


def blocks(counts: Field, content: Field) -> list[Block]:
    """Return what the tags hold, one block a kind of entry.

    Parameters
    ----------
    counts, content
        The two tags.
    """
    sizes, data = list(counts.values), content.content
    if counts.kind != LONG or not sizes or sizes[0] > len(data) or data[:4] not in _marks():
        return [Block(KIND, "ImageJ data")]
    swapped = data[:4] != _MARK
    order = "<" if swapped else ">"
    found, at, taken = [], sizes[0], 1
    for place in range(4, sizes[0] - 7, 8):
        name = data[place : place + 4]
        name = name[::-1] if swapped else name
        (number,) = struct.unpack_from(order + "I", data, place + 4)
        width, words, tells = _ENTRIES.get(name, _OTHER)
        values = []
        for size in sizes[taken : taken + number]:
            value = data[at : at + size]
            values.append(_turned(value, width) if swapped else value)
            at += size
        taken += number
        found.append(Block(KIND, words, (name, tuple(values)), tells))
    return found


def fields(blocks: list[Block], order: str, channels: int, alone: int | None) -> list[Field]:
    """Return the two tags that hold some blocks.

    Parameters
    ----------
    blocks
        As `blocks` gives them.
    order
        The file's: this is written in it.
    channels
        Of how many images each stands for one colour.
    alone
        Which of the source's images is written alone; None if all are.
    """
    swapped = order == "<"
    header, body, sizes = [_marks()[swapped]], [], [0]
    for block in blocks:
        if block.content is None:
            continue
        name, values = block.content
        if alone is not None:
            values = _one(name, values, channels, alone)
        width = _ENTRIES.get(name, _OTHER)[0]
        header.append(name[::-1] if swapped else name)
        header.append(struct.pack(order + "I", len(values)))
        for value in values:
            body.append(_turned(value, width) if swapped else value)
            sizes.append(len(value))
    if not body:
        return []
    sizes[0] = sum(map(len, header))
    return [
        numbers(COUNTS, LONG, *sizes),
        Field(CONTENT, BYTES, b"".join(header + body)),
    ]


def _one(name: bytes, values: tuple[bytes, ...], channels: int, alone: int) -> tuple[bytes, ...]:
    """Return what is said of one image of a stack."""
    if name == b"labl":
        return values[alone : alone + 1] or values[:1]
    colour = alone % channels
    if name == b"rang" and len(values) == 1 and len(values[0]) >= _RANGE * channels:
        return (values[0][_RANGE * colour : _RANGE * (colour + 1)],)
    if name == b"luts" and len(values) == channels:
        return values[colour : colour + 1]
    return values


def _marks() -> tuple[bytes, bytes]:
    return _MARK, _MARK[::-1]


def _turned(value: bytes, width: int) -> bytes:
    """Return numbers in the other byte order."""
    if width == 1 or len(value) % width:
        return value
    return b"".join(value[at : at + width][::-1] for at in range(0, len(value), width))
