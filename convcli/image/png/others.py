"""PNG's other chunks: kept, as far as they stay true, or named (third edition, W3C 2025, 11.3).

What a chunk tells of the image, and whether one that is not known may be copied where pixels have
changed (the fourth letter of its name, section 5.4), decides which it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from convcli.image.beside import xmp
from convcli.image.beside.block import CHANNELS, DEPTH, FRAMES, PLACE, SIZE, Block
from convcli.image.beside.changes import ADAPTERS, Change
from convcli.record import replace

KIND = "PNG "
#: Those that stay, what they are called, and what they tell of.
_KEPT: dict[bytes, tuple[str, frozenset[str]]] = {
    b"bKGD": ("background colour (bKGD)", frozenset({CHANNELS, DEPTH})),
    b"oFFs": ("place on a page (oFFs)", frozenset({SIZE, PLACE})),
    b"sCAL": ("physical scale (sCAL)", frozenset({PLACE})),
    b"pCAL": ("calibration (pCAL)", frozenset({CHANNELS, DEPTH})),
    b"pHYs": ("pixel aspect (pHYs)", frozenset()),
    b"sTER": ("stereo layout (sTER)", frozenset({SIZE, PLACE, FRAMES})),
    b"sBIT": ("significant bits (sBIT)", frozenset({CHANNELS, DEPTH})),
    b"sPLT": ("suggested palette (sPLT)", frozenset({CHANNELS, DEPTH})),
}
#: Those that tell of what is filtered away, or of when a file was changed.
_UNTRUE = {
    b"hIST": "histogram (hIST)",
    b"tIME": "time of the last change (tIME)",
    b"dSIG": "signature (dSIG)",
    b"caBX": xmp.CREDENTIAL,
    b"fRAc": "fractal parameters (fRAc)",
    b"gIFg": "GIF control (gIFg)",
}
#: What other readers take.
_ELSEWHERE = frozenset((b"iCCP", b"eXIf", b"acTL", b"tEXt", b"zTXt", b"iTXt", b"gAMA", b"cHRM",
                        b"sRGB", b"cICP", b"mDCV", b"cLLI"))  # fmt: skip
#: How many palette and histogram chunks, or others, are kept.
_MOST = 64
#: Units of sCAL: metres and radians a pixel.
_OFFSET = struct.Struct(">iiB")


def blocks_of(chunks: Iterable[tuple[bytes, bytes]]) -> Iterator[Block]:
    """Give the blocks of a file's other chunks."""
    count = 0
    for name, content in chunks:
        if name in _ELSEWHERE:
            continue
        count += 1
        if count > _MOST:
            yield Block(KIND + "more", f"more than {_MOST} other chunks")
            return
        if (block := _block(name, content)) is not None:
            yield block


def _block(name: bytes, content: bytes) -> Block | None:
    kind = KIND + name.decode("latin-1")
    if name == b"pHYs":
        # In metres it is a resolution, which `Meta` has.
        shape = len(content) == 9 and content[8] == 0
        shape = shape and content[:4] != content[4:8]
        return Block(kind, *_KEPT[name][:1], content) if shape else None
    if name in _KEPT:
        words, tells = _KEPT[name]
        return Block(kind, words, content, tells)
    if name in _UNTRUE:
        return Block(kind, _UNTRUE[name])
    # A small fourth letter: safe to copy.
    safe = name[3:].islower()
    return Block(kind, f"chunk {name.decode('latin-1')}", content if safe else None)


def written(blocks: Iterable[Block]) -> list[tuple[bytes, bytes]]:
    """Return the chunks of blocks, which may all stand before the pixels."""
    return [
        (block.kind[len(KIND) :].encode("latin-1"), block.content)
        for block in blocks
        if block.kind.startswith(KIND) and isinstance(block.content, bytes)
    ]


def _with_offset(block: Block, change: Change) -> Block | None:
    """Move a place on a page along with the image's first pixel."""
    if change.step != (1.0, 1.0) or len(block.content) != _OFFSET.size:
        return None
    x, y, unit = _OFFSET.unpack(block.content)
    if unit != 0:
        # Micrometres, which need a resolution.
        return None
    moved = _OFFSET.pack(x + round(change.origin[1]), y + round(change.origin[0]), unit)
    return replace(block, content=moved)


def _with_scale(block: Block, change: Change) -> Block | None:
    """Make pixels as much larger as the result's stand further apart."""
    unit, sides = block.content[:1], block.content[1:].split(b"\0")
    try:
        width, height = (float(side) for side in sides)
    except ValueError:
        return None
    down, across = change.step
    if (down, across) == (1.0, 1.0):
        return block
    numbers = (f"{side:.9g}".encode() for side in (width * across, height * down))
    return replace(block, content=unit + b"\0".join(numbers))


ADAPTERS[KIND + "oFFs"] = _with_offset
ADAPTERS[KIND + "sCAL"] = _with_scale
