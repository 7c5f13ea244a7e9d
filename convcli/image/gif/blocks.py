"""A GIF file taken apart: its blocks, its palettes, its frames as they are stored (GIF 89a)."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.beside.block import Block
from convcli.image.canvas import Disposal
from convcli.image.gif.applications import Applications
from convcli.image.guard import overlook
from convcli.image.limits import check_size
from convcli.record import field, record, replace

_EXTENSION, _IMAGE, _END = 0x21, 0x2C, 0x3B
_PLAIN_TEXT, _CONTROL, _COMMENT, _APPLICATION = 0x01, 0xF9, 0xFE, 0xFF
_KINDS = (b"!", b",", b";")
#: Applications that say how often an animation is repeated.
_LOOPING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
#: Disposal methods (section 23): others than these leave the frame.
_DISPOSALS = {2: Disposal.CLEAR, 3: Disposal.RESTORE}
#: Colours of an image that has no palette, if it is read nevertheless.
GRAYS = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
_HUNDREDTH = 10.0
STRAY = "the GIF file is damaged: there are bytes between its blocks that don't belong there"
#: So many of these are looked at.
_LOOKED_AT = 2**16


@record
class Control:
    """What stands before a frame: how long, what becomes of it, which index is clear."""

    duration: float = 0.0
    disposal: Disposal = Disposal.KEEP
    clear: int | None = None


@record
class GifFrame:
    """A frame as it is stored: its place, its colours, its packed indices; whether it has all."""

    place: tuple[int, int, int, int]
    interlaced: bool
    palette: NDArray[np.uint8]
    bits: int
    data: memoryview
    control: Control
    whole: bool = True


@record(frozen=False)
class GifFile:
    """A GIF file taken apart. `size` is (cols, rows); `repeats` None where nothing is said."""

    size: tuple[int, int]
    palette: NDArray[np.uint8] | None
    lenient: bool
    stored: list[GifFrame] = field(default_factory=list)
    comments: list[bytes] = field(default_factory=list)
    said: Applications = field(default_factory=Applications)
    repeats: int | None = None
    control: Control = field(default_factory=Control)
    notes: list[str] = field(default_factory=list)


def split(data: bytes, limit: int, lenient: bool) -> GifFile:
    """Take a file apart; nothing is unpacked.

    Raises
    ------
    ImageError
        If it holds no image, is cut short, or a frame would have more than `limit` pixels.
    """
    if len(data) < 13:
        raise ImageError("the GIF file is cut short: it ends within its header")
    cols, rows, flags = struct.unpack_from("<HHB", data, 6)
    palette, at = _palette(data, 13, flags)
    file = GifFile((cols, rows), palette, lenient)
    while (place := _next_block(data, at)) is not None:
        kind = data[place]
        # Zeros are what some writers leave there.
        if place > at and data[at : min(place, at + _LOOKED_AT)].strip(b"\0"):
            _note_stray(file, ends=kind == _END)
        if kind == _END:
            break
        take = _take_extension if kind == _EXTENSION else _take_image
        at = take(file, data, place + 1, limit)
    if not file.stored:
        raise ImageError("the GIF file holds no image, or is cut short before it")
    if place is None and not file.notes:
        file.notes.append("the GIF file has no mark at its end: frames may be missing")
    return file


def _next_block(data: bytes, at: int) -> int | None:
    """Where the next block begins; None if there is none.

    JUSTIFICATION: three searches for a byte are twenty times as fast as one for any of three.
    """
    size = 1
    while at < len(data):
        part = data[at : at + size]
        places = [place for kind in _KINDS if (place := part.find(kind)) >= 0]
        if places:
            return at + min(places)
        at += size
        size = min(4 * size, _LOOKED_AT)
    return None


def _note_stray(file: GifFile, ends: bool) -> None:
    """Refuse what is between blocks, or note it: before the end mark, and if damage is overlooked.

    Else the frame before is at fault, whose data end too early as likely as not.
    """
    if file.stored and not ends and not file.lenient:
        file.stored[-1] = replace(file.stored[-1], whole=False)
    elif STRAY not in file.notes:
        file.notes.append(overlook(STRAY, file.lenient or ends))


def _palette(data: bytes, at: int, flags: int) -> tuple[NDArray[np.uint8] | None, int]:
    """Return a palette, (colours, 3), and where what follows begins."""
    if not flags & 0x80:
        return None, at
    count = 2 << (flags & 7)
    end = at + 3 * count
    if end > len(data):
        raise ImageError("the GIF file is cut short: it ends within a palette")
    return np.frombuffer(data, np.uint8, 3 * count, at).reshape(count, 3), end


def _take_extension(file: GifFile, data: bytes, at: int, limit: int) -> int:
    """Note what an extension says; return where what follows begins."""
    label = data[at] if at < len(data) else 0
    if label not in (_CONTROL, _COMMENT, _APPLICATION):
        words = "plain text" if label == _PLAIN_TEXT else f"extension {label:#04x}"
        file.said.blocks.append(Block("GIF extension", words))
        return _skip(data, at + 1)[0]
    blocks, end = _blocks(data, at + 1)
    if label == _CONTROL and blocks and len(blocks[0]) >= 4:
        flags, delay, clear = struct.unpack_from("<BHB", blocks[0])
        disposal = _DISPOSALS.get(flags >> 2 & 7, Disposal.KEEP)
        file.control = Control(_HUNDREDTH * delay, disposal, clear if flags & 1 else None)
    elif label == _COMMENT:
        file.comments.append(b"".join(blocks))
    elif label == _APPLICATION and _is_loop(blocks):
        (file.repeats,) = struct.unpack_from("<H", blocks[1], 1)
    elif label == _APPLICATION and blocks and blocks[0] not in _LOOPING:
        file.said.take(blocks, data[at + 2 + len(blocks[0]) : end])
    return end


def _is_loop(blocks: list[bytes]) -> bool:
    """Whether an application's blocks say how often the animation is repeated."""
    return (
        len(blocks) > 1 and blocks[0] in _LOOPING and len(blocks[1]) >= 3 and blocks[1][0] & 7 == 1
    )


def _take_image(file: GifFile, data: bytes, at: int, limit: int) -> int:
    """Note a frame; return where what follows begins."""
    number = len(file.stored)
    if at + 9 > len(data):
        return _end(file, data, f"it ends within frame {number}'s header")
    left, top, cols, rows, flags = struct.unpack_from("<HHHHB", data, at)
    try:
        palette, at = _palette(data, at + 9, flags)
    except ImageError:
        return _end(file, data, f"it ends within frame {number}'s palette")
    if not file.stored:
        # Some files say nothing, or too little, of their size.
        file.size = max(file.size[0], left + cols), max(file.size[1], top + rows)
        check_size(*file.size, limit)
    if cols < 1 or rows < 1:
        raise ImageError(f"the GIF file is damaged: frame {number} has no pixels")
    check_size(cols, rows, limit)
    start = at + 1
    end, whole = _skip(data, start)
    if at >= len(data) or not whole:
        _end(file, data, f"it ends within frame {number}")
    chosen = file.palette if palette is None else palette
    if chosen is None:
        said = "the GIF file is damaged: it has no palette"
        file.notes.append(overlook(said, file.lenient) + "; its indices are shown as grays")
        chosen = file.palette = GRAYS
    place = left, top, cols, rows
    bits = data[at] if at < len(data) else 0
    content = memoryview(data)[start:end]
    file.stored.append(
        GifFrame(place, bool(flags & 0x40), chosen, bits, content, file.control, whole)
    )
    file.control = Control()
    return end


def _end(file: GifFile, data: bytes, said: str) -> int:
    """Refuse what is cut short, or note it; return where the file ends."""
    file.notes.append(overlook(f"the GIF file is cut short: {said}", file.lenient))
    return len(data)


def _skip(data: bytes, at: int) -> tuple[int, bool]:
    """Return where sub-blocks end that begin at a place, and whether they are whole."""
    size = len(data)
    while at < size:
        length = data[at]
        at += 1 + length
        if not length:
            return at, True
    return size, False


def _blocks(data: bytes, at: int) -> tuple[list[bytes], int]:
    """Return the sub-blocks from a place on, and where they end."""
    found: list[bytes] = []
    end, _ = _skip(data, at)
    while at < end and data[at]:
        found.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return found, end
