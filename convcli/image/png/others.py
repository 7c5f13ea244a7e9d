"""PNG's other chunks: kept, as far as they stay true, or named (third edition, W3C 2025, 11.3).

What a chunk tells of the image, and whether one that is not known may be copied where pixels have
changed (the fourth letter of its name, section 5.4), decides which it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from convcli.image.beside.block import (
    CHANNELS,
    CREDENTIAL,
    DEPTH,
    FRAMES,
    PIXELS,
    PLACE,
    SIZE,
    Block,
)
from convcli.image.beside.changes import ADAPTERS, Change
from convcli.image.png.chunks import GRAY, PALETTE, SAMPLES, PngHeader
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
    b"caBX": CREDENTIAL,
    b"fRAc": "fractal parameters (fRAc)",
    b"gIFg": "GIF control (gIFg)",
}
_SIZES = {b"bKGD": (2, 6), b"oFFs": (9,), b"sTER": (1,)}
#: What other readers take.
_ELSEWHERE = frozenset((b"iCCP", b"eXIf", b"acTL", b"tEXt", b"zTXt", b"iTXt", b"gAMA", b"cHRM",
                        b"sRGB", b"cICP", b"mDCV", b"cLLI"))  # fmt: skip
#: How many palette and histogram chunks, or others, are kept.
_MOST = 64
#: Units of sCAL: metres and radians a pixel.
_OFFSET = struct.Struct(">iiB")


def blocks_of(
    chunks: Iterable[tuple[bytes, bytes]], header: PngHeader, palette: bytes, clear: bool
) -> Iterator[Block]:
    """Give the blocks of a file's other chunks, as they are true of the samples that are read.

    Parameters
    ----------
    chunks
        (name, content) of each.
    header, palette
        The file's.
    clear
        Whether a colour is clear, so that samples get alpha.
    """
    count = 0
    for name, content in chunks:
        if name in _ELSEWHERE:
            continue
        count += 1
        if count > _MOST:
            yield Block(KIND + "more", f"more than {_MOST} other chunks")
            return
        if name == b"sBIT":
            yield _bits(content, header, clear)
        elif (block := _block(name, _background(name, content, header, palette))) is not None:
            yield block


def _bits(content: bytes, header: PngHeader, clear: bool) -> Block:
    """Return how many bits of samples mean something: of filtered ones it is all of them."""
    words, tells = _KEPT[b"sBIT"]
    stored = 8 if header.colour == PALETTE else header.depth
    if set(content) != {stored}:
        return Block(KIND + "sBIT", words, content, tells | {PIXELS})
    count = 3 if header.colour == PALETTE else SAMPLES[header.colour]
    is_bits = header.depth == 1 and header.colour == GRAY and not clear
    full = 1 if is_bits else max(stored, 8)
    return Block(KIND + "sBIT", words, bytes([full] * (count + clear)), tells)


def _all_bits(block: Block, change: Change) -> Block | None:
    if PIXELS in block.tells:
        return None
    bits = {"bool": 1, "uint8": 8}.get(change.depths[1], 16)
    return replace(block, content=bytes([bits] * len(change.channels[1])))


def _background(name: bytes, content: bytes, header: PngHeader, palette: bytes) -> bytes:
    """Return a background colour in samples as they are read; others as they are."""
    if name != b"bKGD":
        return content
    if header.colour == PALETTE and content:
        return b"".join(bytes((0, each)) for each in palette[3 * content[0] :][:3])
    if header.depth in (2, 4) and len(content) == 2:
        return struct.pack(">H", content[1] * 255 // (2**header.depth - 1))
    return content


def _block(name: bytes, content: bytes) -> Block | None:
    kind = KIND + name.decode("latin-1")
    if name == b"pHYs":
        # In metres it is a resolution, which `Meta` has.
        shape = len(content) == 9 and content[8] == 0
        shape = shape and content[:4] != content[4:8]
        return Block(kind, *_KEPT[name][:1], content) if shape else None
    if name in _KEPT:
        words, tells = _KEPT[name]
        if len(content) not in _SIZES.get(name, (len(content),)):
            return Block(kind, f"{words}, which is damaged")
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


ADAPTERS[KIND + "sBIT"] = _all_bits
ADAPTERS[KIND + "oFFs"] = _with_offset
ADAPTERS[KIND + "sCAL"] = _with_scale
