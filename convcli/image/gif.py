"""Reading GIF: every frame as it is seen (GIF 89a, CompuServe 1990)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.canvas import Disposal, Patch, compose, is_opaque
from convcli.image.frames import Frames, check_total
from convcli.image.limits import check_size
from convcli.image.picture import Image, Meta
from convcli.record import field, record, replace

_EXTENSION, _IMAGE, _END = 0x21, 0x2C, 0x3B
#: What a block begins with. Some writers leave a byte or two between blocks.
_INTRODUCER = re.compile(b"[\x21\x2c\x3b]")
_CONTROL, _COMMENT, _APPLICATION = 0xF9, 0xFE, 0xFF
#: Applications that say how often an animation is repeated.
_LOOPING = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
#: Disposal methods (section 23): others than these leave the frame.
_DISPOSALS = {2: Disposal.CLEAR, 3: Disposal.RESTORE}
#: Colours of a picture that has no palette.
_GREYS = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
_HUNDREDTH = 10.0


@record
class _Control:
    """What stands before a frame: how long, what becomes of it, which index is clear."""

    duration: float = 0.0
    disposal: Disposal = Disposal.KEEP
    clear: int | None = None


@record
class _Stored:
    """A frame as it is stored: its place, its colours, its packed indices."""

    place: tuple[int, int, int, int]
    interlaced: bool
    palette: NDArray[np.uint8]
    bits: int
    data: memoryview
    control: _Control


@record(frozen=False)
class _File:
    """A GIF file taken apart. `size` is (cols, rows); `repeats` None where nothing is said."""

    size: tuple[int, int]
    palette: NDArray[np.uint8]
    stored: list[_Stored] = field(default_factory=list)
    comments: list[bytes] = field(default_factory=list)
    repeats: int | None = None
    control: _Control = field(default_factory=_Control)
    notes: tuple[str, ...] = ()


def decode(data: bytes, limit: int) -> Image:
    """Read a GIF file's first frame: grey if its colours are, with alpha if one is clear."""
    file = _split(data, limit)
    image = next(_frames(file, _solid_first(file))(0))
    return replace(narrowed(image), meta=replace(image.meta, frames=len(file.stored)))


def open_frames(data: bytes, limit: int) -> Frames:
    """Open a GIF file.

    A region that is to be restored to the background becomes clear, as in browsers. Frames are grey
    if all colours of the file are, and have alpha if anything may be clear.

    Raises
    ------
    ImageError
        If it is damaged, or has too many pixels.
    """
    file = _split(data, limit)
    cols, rows = file.size
    count = len(file.stored)
    if count == 1:
        return Frames.of([decode(data, limit)], format="GIF")
    check_total(count, count * rows * cols, limit)
    repeats = file.repeats
    return Frames(
        count,
        _frames(file, _solid_first(file)),
        durations=tuple(each.control.duration for each in file.stored),
        loop=1 if repeats is None else repeats and repeats + 1,
        format="GIF",
        sizes=(4 * rows * cols,) * count,
        notes=file.notes,
    )


def narrowed(image: Image) -> Image:
    """Return a picture without channels that say nothing: grey, if all its colours are."""
    colour = image.pixels
    if image.channels not in ("RGB", "RGBA"):
        return image
    if (colour[..., 0] != colour[..., 1]).any() or (colour[..., 1] != colour[..., 2]).any():
        return image
    if image.channels == "RGB":
        return Image(colour[..., 0], "L", image.meta)
    return Image(colour[..., 2:], "LA", image.meta)


def _solid_first(file: _File) -> bool:
    """Whether the first frame's pixels are all opaque, whatever it says of a clear index."""
    first = file.stored[0]
    return first.control.clear is None or not bool((_indices(first) == first.control.clear).any())


def _frames(file: _File, solid: bool) -> Callable[[int], Iterator[Image]]:
    """Return what gives a file's frames from a number on."""
    cols, rows = file.size
    patches = [_patch(each, file.size) for each in file.stored]
    patches[0] = replace(patches[0], solid=solid)
    alpha = not is_opaque(patches, (rows, cols))
    grey = all(_is_grey(each.palette) for each in file.stored)
    names = ("L" if grey else "RGB") + "A" * alpha
    meta = _meta(file)

    def draw(number: int, region: NDArray[Any]) -> None:
        _draw(file.stored[number], region)

    def start(first: int) -> Iterator[Image]:
        shape = (rows, cols) if names == "L" else (rows, cols, len(names))
        for pixels in compose(np.zeros(shape, dtype=np.uint8), patches, draw, first):
            yield Image(pixels, names, meta)

    return start


def _is_grey(palette: NDArray[np.uint8]) -> bool:
    return bool((palette == palette[:, :1]).all())


def _patch(stored: _Stored, size: tuple[int, int]) -> Patch:
    """Return a frame's region, as far as it is on the canvas."""
    left, top, cols, rows = stored.place
    left, top = min(left, size[0]), min(top, size[1])
    return Patch(
        top,
        left,
        min(rows, size[1] - top),
        min(cols, size[0] - left),
        stored.control.disposal,
        solid=stored.control.clear is None,
    )


def _indices(stored: _Stored) -> NDArray[np.uint8]:
    """Unpack a frame's indices, (rows, cols)."""
    from PIL import Image as PillowImage

    _, _, cols, rows = stored.place
    options = (stored.bits, stored.interlaced, -1)
    unpacked = PillowImage.frombytes("L", (cols, rows), bytes(stored.data), "gif", options)
    return np.asarray(unpacked)


def _draw(stored: _Stored, region: NDArray[Any]) -> None:
    """Draw a frame into its region, where it isn't clear."""
    indices = _indices(stored)[: region.shape[0], : region.shape[1]]
    clear = stored.control.clear
    seen = None if clear is None else indices != clear
    known = indices if seen is None else indices[seen]
    if known.size and int(known.max()) >= len(stored.palette):
        raise ImageError(
            f"the GIF file is damaged: a pixel has colour {int(known.max())} "
            f"of a palette of {len(stored.palette)}"
        )
    table = np.zeros((256, 4), dtype=np.uint8)
    table[: len(stored.palette), :3] = stored.palette
    table[:, 3] = 255
    count = 1 if region.ndim == 2 else region.shape[2]
    chosen = {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[count]
    colours = np.ascontiguousarray(table[:, chosen]).take(indices, axis=0).reshape(region.shape)
    if seen is None:
        region[...] = colours
    else:
        region[seen] = colours[seen]


def _meta(file: _File) -> Meta:
    said = b"\n".join(file.comments).decode("utf-8", "replace")
    grey = all(each.palette is _GREYS for each in file.stored)
    return Meta(
        format="GIF",
        mode="8-bit grey" if grey else "8-bit palette",
        text=(("Comment", said),) if said else (),
        frames=len(file.stored),
        notes=file.notes,
    )


def _split(data: bytes, limit: int) -> _File:
    """Take a file apart; nothing is unpacked.

    Raises
    ------
    ImageError
        If it holds no picture, is cut short, or a frame would have more than `limit` pixels.
    """
    if len(data) < 13:
        raise ImageError("the GIF file is cut short: it ends within its header")
    cols, rows, flags = struct.unpack_from("<HHB", data, 6)
    palette, at = _palette(data, 13, flags)
    file = _File((cols, rows), _GREYS if palette is None else palette)
    ended = False
    while (found := _INTRODUCER.search(data, at)) and not ended:
        at = found.start()
        kind = data[at]
        at += 1
        if kind == _EXTENSION:
            at = _take_extension(file, data, at)
        elif kind == _IMAGE:
            at = _take_image(file, data, at, limit)
        else:
            ended = True
    if not file.stored:
        raise ImageError("the GIF file holds no picture, or is cut short before it")
    if not ended:
        file.notes = ("the GIF file has no mark at its end: frames may be missing",)
    return file


def _palette(data: bytes, at: int, flags: int) -> tuple[NDArray[np.uint8] | None, int]:
    """Return a palette, (colours, 3), and where what follows begins."""
    if not flags & 0x80:
        return None, at
    count = 2 << (flags & 7)
    end = at + 3 * count
    if end > len(data):
        raise ImageError("the GIF file is cut short: it ends within a palette")
    return np.frombuffer(data, np.uint8, 3 * count, at).reshape(count, 3), end


def _take_extension(file: _File, data: bytes, at: int) -> int:
    """Note what an extension says; return where what follows begins."""
    label = data[at] if at < len(data) else 0
    blocks, end, _ = _blocks(data, at + 1)
    if label == _CONTROL and blocks and len(blocks[0]) >= 4:
        flags, delay, clear = struct.unpack_from("<BHB", blocks[0])
        disposal = _DISPOSALS.get(flags >> 2 & 7, Disposal.KEEP)
        file.control = _Control(_HUNDREDTH * delay, disposal, clear if flags & 1 else None)
    elif label == _COMMENT:
        file.comments.append(b"".join(blocks))
    elif label == _APPLICATION and _is_loop(blocks):
        (file.repeats,) = struct.unpack_from("<H", blocks[1], 1)
    return end


def _is_loop(blocks: list[bytes]) -> bool:
    """Whether an application's blocks say how often the animation is repeated."""
    return (
        len(blocks) > 1 and blocks[0] in _LOOPING and len(blocks[1]) >= 3 and blocks[1][0] & 7 == 1
    )


def _take_image(file: _File, data: bytes, at: int, limit: int) -> int:
    """Note a frame; return where what follows begins."""
    if at + 9 > len(data):
        raise ImageError("the GIF file is cut short: it ends within a frame's header")
    left, top, cols, rows, flags = struct.unpack_from("<HHHHB", data, at)
    palette, at = _palette(data, at + 9, flags)
    if not file.stored:
        # Some files say nothing, or too little, of their size.
        file.size = max(file.size[0], left + cols), max(file.size[1], top + rows)
        check_size(*file.size, limit)
    number = len(file.stored)
    if cols < 1 or rows < 1:
        raise ImageError(f"the GIF file is damaged: frame {number} has no pixels")
    check_size(cols, rows, limit)
    start = at + 1
    _, end, whole = _blocks(data, start)
    if at >= len(data) or not whole:
        raise ImageError(f"the GIF file is cut short: it ends within frame {number}")
    chosen = file.palette if palette is None else palette
    file.stored.append(
        _Stored(
            (left, top, cols, rows),
            bool(flags & 0x40),
            chosen,
            data[at],
            memoryview(data)[start:end],
            file.control,
        )
    )
    file.control = _Control()
    return end


def _blocks(data: bytes, at: int) -> tuple[list[bytes], int, bool]:
    """Return the sub-blocks from a place on, where they end, and whether they are whole."""
    found: list[bytes] = []
    while at < len(data):
        size = data[at]
        if size == 0:
            return found, at + 1, True
        found.append(data[at + 1 : at + 1 + size])
        at += 1 + size
    return found, len(data), False
