"""Reading animated PNG: every frame as it is seen, at its full depth (third edition, W3C 2025)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.canvas import Disposal, Patch, compose, is_opaque
from convcli.image.frames import Frames, check_total
from convcli.image.guard import overlook
from convcli.image.image import Image, Meta
from convcli.image.orientation import upright
from convcli.image.png.chunks import COLOUR, GRAY, PALETTE, PngHeader
from convcli.image.png.read import Chunks, decode, meta_of, pixels_of, split
from convcli.record import record, replace

_DISPOSALS = (Disposal.KEEP, Disposal.CLEAR, Disposal.RESTORE)
_HUNDRED = 100
_ASIDE = "the image beside the animation, for viewers that can't move it, was left out"


@record
class _ApngFrame:
    """A frame as it is stored: its region, whether it is blended, its time, and its rows."""

    patch: Patch
    over: bool
    duration: float
    data: list[memoryview]


def open_frames(data: bytes, limit: int, *, lenient: bool = False) -> Frames:
    """Open a PNG file: its frames, or its one image if it doesn't move.

    Parameters
    ----------
    data
        The file.
    limit
        The most pixels that a frame may have.
    lenient
        Whether damage is noted; an animation has the frames before the first that isn't whole.

    Raises
    ------
    ImageError
        If it is damaged, or has too many pixels.
    """
    chunks = split(data, limit, lenient)
    control = next(
        (found for name, found, after in chunks.animation if name == b"acTL" and not after), b""
    )
    if len(control) != 8:
        return Frames.of([upright(decode(data, limit, lenient=lenient))], format="PNG")
    count, plays = struct.unpack(">II", control)
    stored = _whole(chunks) if lenient else _stored(chunks)
    if count != len(stored) or not stored:
        said = f"it should have {count} frames, and has {len(stored)}"
        said = overlook(f"the PNG file is damaged or cut short: {said}", lenient)
        chunks.notes.append(said)
        if len(stored) < 2:
            still = upright(decode(data, limit, lenient=True))
            meta = replace(still.meta, frames=1, notes=(said, *still.meta.notes))
            return Frames.of([replace(still, meta=meta)], format="PNG")
        count = len(stored)
    meta = replace(meta_of(chunks), frames=count)
    header = chunks.header
    check_total(count, count * header.width * header.height, limit)
    if stored[0].data is not chunks.data:
        meta = replace(meta, notes=(*meta.notes, _ASIDE))
    size = header.height * header.row_bytes(header.width)
    return Frames(
        count,
        lambda first: _frames(chunks, stored, meta, first),
        durations=tuple(each.duration for each in stored),
        loop=plays,
        format="PNG",
        sizes=(size,) * count,
        notes=meta.notes,
    )


def _whole(chunks: Chunks) -> list[_ApngFrame]:
    """Return the frames before the first that can't be decoded."""
    found: list[_ApngFrame] = []
    with suppress(ImageError):
        _stored(chunks, found)
    for number, each in enumerate(found):
        try:
            _decode(chunks, each)
        except ImageError:
            return found[:number]
    return found


def _stored(chunks: Chunks, found: list[_ApngFrame] | None = None) -> list[_ApngFrame]:
    """Return the frames as they are stored, and put them into `found` meanwhile.

    Raises
    ------
    ImageError
        If a chunk is missing or makes no sense.
    """
    found = [] if found is None else found
    for place, (name, content, after) in enumerate(_numbered(chunks)):
        if name == b"fcTL":
            found.append(_control(content, chunks.header, len(found)))
            # The frame that comes before the pixels which every PNG file has is made of these.
            if not after:
                found[-1] = replace(found[-1], data=chunks.data)
        elif not found or found[-1].data is chunks.data:
            raise ImageError(
                f"the PNG file is damaged: its animation's chunk {place} comes too soon"
            )
        else:
            found[-1].data.append(content[4:])
    for number, each in enumerate(found):
        if not each.data:
            raise ImageError(f"the PNG file is damaged: frame {number} has no pixels")
    return found


def _numbered(chunks: Chunks) -> Iterator[tuple[bytes, memoryview, bool]]:
    """Give the chunks of frames, and make sure that none is missing."""
    held = (each for each in chunks.animation if each[0] != b"acTL")
    for expected, (name, content, after) in enumerate(held):
        if len(content) < 4 or struct.unpack_from(">I", content)[0] != expected:
            raise ImageError(f"the PNG file is damaged: chunk {expected} of its frames is missing")
        yield name, content, after


def _control(content: memoryview, header: PngHeader, number: int) -> _ApngFrame:
    """Return what an fcTL chunk says."""
    if len(content) != 26:
        raise ImageError(f"the PNG file is damaged: frame {number}'s control has a wrong size")
    _, cols, rows, left, top, above, below, disposal, blend = struct.unpack(">IIIIIHHBB", content)
    outside = left + cols > header.width or top + rows > header.height
    if outside or cols < 1 or rows < 1 or disposal > 2 or blend > 1:
        raise ImageError(
            f"the PNG file is damaged: frame {number} is {cols}×{rows} at {left}, {top} of "
            f"{header.width}×{header.height}, disposal {disposal}, blending {blend}"
        )
    patch = Patch(top, left, rows, cols, _DISPOSALS[disposal], solid=not blend)
    return _ApngFrame(patch, bool(blend), 1000 * above / (below or _HUNDRED), [])


def _frames(chunks: Chunks, stored: list[_ApngFrame], meta: Meta, first: int) -> Iterator[Image]:
    """Give frames as they are seen, from a number on."""
    header = chunks.header
    see_through = header.colour not in (GRAY, COLOUR, PALETTE) or chunks.transparency is not None
    # Without alpha there is nothing that could be seen through.
    patches = [replace(each.patch, solid=each.patch.solid or not see_through) for each in stored]
    alpha = see_through or not is_opaque(patches, (header.height, header.width))
    names = ("L" if header.colour in (GRAY, 4) else "RGB") + "A" * alpha
    whole = header.depth == 1 and names == "L"
    dtype = np.bool_ if whole else np.uint16 if header.depth == 16 else np.uint8
    shape = (header.height, header.width, len(names))[: 2 + (len(names) > 1)]

    def draw(number: int, region: NDArray[Any]) -> None:
        pixels = _decode(chunks, stored[number])
        if pixels.dtype != dtype:
            pixels = pixels.astype(np.uint8) * np.uint8(255)
        count = 1 if pixels.ndim == 2 else pixels.shape[2]
        if count < len(names):
            full = np.full(pixels.shape[:2], np.iinfo(pixels.dtype).max, pixels.dtype)
            pixels = np.dstack((pixels, full))
        if stored[number].over and see_through:
            blend(region, pixels)
        else:
            region[...] = pixels

    for pixels in compose(np.zeros(shape, dtype), patches, draw, first):
        yield upright(Image(pixels, names, meta))


def _decode(chunks: Chunks, stored: _ApngFrame) -> NDArray[Any]:
    """Return a stored frame's pixels."""
    header = replace(chunks.header, width=stored.patch.cols, height=stored.patch.rows)
    return pixels_of(Chunks(header, chunks.palette, chunks.transparency, stored.data))


def blend(under: NDArray[Any], over: NDArray[Any]) -> None:
    """Lay samples over others, in place (section 13.16, "Alpha channel processing").

    Parameters
    ----------
    under, over
        (rows, cols, count) uint8 or uint16, alpha last; colour is not multiplied by it.
    """
    full = np.iinfo(under.dtype).max
    opacity = over[:, :, -1]
    solid = opacity == full
    under[solid] = over[solid]
    mixed = (opacity > 0) & ~solid
    if not mixed.any():
        return
    top, below = over[mixed].astype(np.float64), under[mixed].astype(np.float64)
    share = top[:, -1:] / full
    rest = below[:, -1:] / full * (1 - share)
    alpha = share + rest
    colour = (top[:, :-1] * share + below[:, :-1] * rest) / alpha
    samples = np.concatenate((colour, alpha * full), axis=1)
    under[mixed] = np.floor(samples + 0.5).astype(under.dtype)
