"""Writing GIF: one image, or an animation (GIF 89a, CompuServe 1990)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.canvas import changed
from convcli.image.depth import as_bytes
from convcli.image.frames import Frames
from convcli.image.gif.applications import in_blocks, written
from convcli.image.image import Image
from convcli.image.limits import check_sides
from convcli.record import record

#: Pixels that a side may have, as a file's fields count them.
_SIDE = 2**16 - 1
#: GIF has 256 colours, or 255 and a transparent one.
_COLOURS = 256
_BITS = 8
_KEEP, _CLEAR = 1, 2
_HUNDREDTH = 10.0
#: The most that a number can be, and the bytes of a comment that are written.
_MOST = 65535


@record
class _Coloured:
    """A frame's samples: (rows, cols, 3) colours, and which are clear, or None if none can be."""

    colours: NDArray[Any]
    clear: NDArray[Any] | None

    def cut(self, region: tuple[slice, slice]) -> _Coloured:
        """Return a region."""
        clear = None if self.clear is None else self.clear[region]
        return _Coloured(self.colours[region], clear)


def encode(image: Image) -> bytes:
    """Return a GIF file: exact up to 256 colours, else the nearest of 256 chosen ones.

    Raises
    ------
    ImageError
        If a pixel is neither opaque nor fully transparent.
    """
    return b"".join(frame_parts(Frames.of([image])))


def frame_parts(frames: Frames) -> Iterator[bytes]:
    """Yield a GIF file bit by bit: an image, or an animation.

    A frame has a palette of its own, chosen as for one image, unless the first one's has all its
    colours. An opaque frame holds what differs from the one before; one with alpha replaces it.

    Raises
    ------
    ImageError
        If a pixel is neither opaque nor fully transparent.
    """
    before: _Coloured | None = None
    table, first = b"", None
    delays = frames.steps(_HUNDREDTH, _MOST) if frames.durations or frames.count > 1 else [0]
    for image, delay in zip(frames, delays, strict=True):
        coloured = _coloured(image)
        rows, cols = image.size
        region = _region(before, coloured)
        indices, entries = _to_palette(coloured.cut(region), first)
        palette = _padded(entries)
        if before is None:
            table, first = palette, entries
            yield _screen(rows, cols, table) + _loop(frames) + written(image.meta) + _comment(image)
        yield _control(delay, coloured.clear is not None, len(entries))
        yield from _frame(indices, region, b"" if palette == table else palette)
        before = coloured
    yield b";"


def _coloured(image: Image) -> _Coloured:
    pixels = as_bytes(image.pixels)
    clear = None
    if image.has_alpha:
        alpha = pixels[..., -1]
        if ((alpha > 0) & (alpha < 255)).any():
            raise ImageError(
                "GIF can't hold partly transparent pixels; use `alpha` weigh if the source has "
                "none, `alpha` drop, or `path` NAME.png"
            )
        clear = alpha == 0
        pixels = pixels[..., :-1]
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return _Coloured(pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2), clear)


def _region(before: _Coloured | None, now: _Coloured) -> tuple[slice, slice]:
    """Return what of a frame must be written."""
    if before is None:
        return slice(0, len(now.colours)), slice(0, now.colours.shape[1])
    if now.clear is None:
        return changed(before.colours, now.colours)
    # The one before was cleared.
    return changed(now.clear, np.ones_like(now.clear))


def _to_palette(frame: _Coloured, known: NDArray[Any] | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return (rows, cols) indices and (n, 3) colours; index n is left for what is clear.

    The colours are those of a known palette if it has all that are needed: that is smaller, and
    Pillow shows a later frame's own colours wrongly where the first frame has all grays.
    """
    clear = frame.clear
    room = _COLOURS - (clear is not None)
    packed = _packed(frame.colours)
    seen = packed if clear is None else packed[~clear]
    values = np.unique(seen)
    if known is not None and len(known) and np.isin(values, _packed(known)).all():
        order = np.argsort(_packed(known))
        places = np.searchsorted(_packed(known), packed, sorter=order)
        # What is clear may be of any colour, and gets its index below.
        indices, entries = order[np.minimum(places, len(order) - 1)].astype(np.uint8), known
    elif len(values) <= room:
        entries = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1)
        entries = entries.astype(np.uint8)
        indices = np.searchsorted(values, packed).astype(np.uint8)
    else:
        from PIL import Image as PillowImage

        reduced = PillowImage.fromarray(np.ascontiguousarray(frame.colours)).quantize(
            room, dither=PillowImage.Dither.NONE
        )
        flat = reduced.getpalette() or []
        entries = np.array(flat, dtype=np.uint8).reshape(-1, 3)[:room]
        indices = np.array(reduced)
    if clear is not None:
        indices[clear] = len(entries)
    return indices, entries


def _packed(colours: NDArray[Any]) -> NDArray[Any]:
    """Return one number for each colour."""
    packed: NDArray[Any] = colours.astype(np.uint32) @ np.array([65536, 256, 1], dtype=np.uint32)
    return packed


def _padded(entries: NDArray[Any]) -> bytes:
    """Return a palette of 2, 4, 8, … colours, with room for a clear one."""
    count = 1 << max(1, len(entries).bit_length())
    return bytes(entries.tobytes().ljust(3 * min(count, _COLOURS), b"\0"))


def _size(palette: bytes) -> int:
    """Return the bits that say how large a palette is, and that there is one."""
    return 0x80 | (len(palette) // 3).bit_length() - 2


def _screen(rows: int, cols: int, palette: bytes) -> bytes:
    check_sides((rows, cols), "GIF", _SIDE)
    return b"GIF89a" + struct.pack("<HHBBB", cols, rows, 0x70 | _size(palette), 0, 0) + palette


def _loop(frames: Frames) -> bytes:
    """Return how often an animation is repeated: nothing is said of one that plays once."""
    if frames.count == 1 or frames.loop == 1:
        return b""
    repeats = frames.loop and min(frames.loop - 1, _MOST)
    return b"!\xff\x0bNETSCAPE2.0" + struct.pack("<BBHB", 3, 1, repeats, 0)


def _comment(image: Image) -> bytes:
    text = image.meta.text
    said = "\n".join(value if key == "Comment" else f"{key}: {value}" for key, value in text)
    return b"!\xfe" + in_blocks(said.encode()[:_MOST]) if said else b""


def _control(delay: int, clears: bool, index: int) -> bytes:
    """Return what stands before a frame."""
    if not clears and not delay:
        return b""
    flags = (_CLEAR if clears else _KEEP) << 2 | clears
    return b"!\xf9" + struct.pack("<BBHBB", 4, flags, delay, index if clears else 0, 0)


def _frame(indices: NDArray[Any], region: tuple[slice, slice], palette: bytes) -> Iterator[bytes]:
    from PIL import Image as PillowImage

    rows, cols = indices.shape
    flags = _size(palette) if palette else 0
    place = struct.pack("<HHHHB", region[1].start, region[0].start, cols, rows, flags)
    yield b"," + place + palette + bytes([_BITS])
    image = PillowImage.fromarray(np.ascontiguousarray(indices))
    yield image.tobytes("gif", "L", _BITS, 0)
    yield b"\0"
