"""Reading GIF: every frame as it is seen (GIF 89a, CompuServe 1990)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.beside.block import letters
from convcli.image.canvas import Patch, compose, is_opaque
from convcli.image.frames import Frames, check_total
from convcli.image.gif.blocks import GRAYS, STRAY, GifFile, GifFrame, split
from convcli.image.guard import READS, overlook
from convcli.image.image import Image, Meta
from convcli.record import replace


def decode(data: bytes, limit: int, *, lenient: bool = False) -> Image:
    """Read a GIF file's first frame: gray if its colours are, with alpha if one is clear."""
    file = _open(data, limit, lenient)
    image = next(_frames(file, _solid_first(file))(0))
    return replace(narrowed(image), meta=replace(image.meta, frames=len(file.stored)))


def open_frames(data: bytes, limit: int, *, lenient: bool = False) -> Frames:
    """Open a GIF file.

    A region that is to be restored to the background becomes clear, as in browsers. Frames are gray
    if all colours of the file are, and have alpha if anything may be clear.

    Parameters
    ----------
    data
        The file.
    limit
        The most pixels that a frame may have.
    lenient
        Whether what is there of a damaged file is given, with notes: missing pixels are clear.

    Raises
    ------
    ImageError
        If it is damaged, or has too many pixels.
    """
    file = _open(data, limit, lenient)
    cols, rows = file.size
    count = len(file.stored)
    if count == 1:
        return Frames.of([decode(data, limit, lenient=lenient)], format="GIF")
    check_total(count, count * rows * cols, limit)
    repeats = file.repeats
    return Frames(
        count,
        _frames(file, _solid_first(file)),
        durations=tuple(each.control.duration for each in file.stored),
        loop=1 if repeats is None else repeats and repeats + 1,
        format="GIF",
        sizes=(4 * rows * cols,) * count,
        notes=tuple(file.notes),
    )


def narrowed(image: Image) -> Image:
    """Return an image without channels that say nothing: gray, if all its colours are."""
    colour = image.pixels
    if image.channels not in ("RGB", "RGBA"):
        return image
    if (colour[..., 0] != colour[..., 1]).any() or (colour[..., 1] != colour[..., 2]).any():
        return image
    if image.channels == "RGB":
        return Image(colour[..., 0], "L", image.meta)
    return Image(colour[..., 2:], "LA", image.meta)


def _open(data: bytes, limit: int, lenient: bool) -> GifFile:
    """Take a file apart, and look for what is missing of one that may be damaged."""
    file = split(data, limit, lenient)
    if lenient:
        _note_damage(file)
    return file


def _solid_first(file: GifFile) -> bool:
    """Whether the first frame's pixels are all opaque, whatever it says of a clear index."""
    first = file.stored[0]
    clear = first.control.clear
    return first.whole and (clear is None or not bool((_indices(first) == clear).any()))


def _frames(file: GifFile, solid: bool) -> Callable[[int], Iterator[Image]]:
    """Return what gives a file's frames from a number on."""
    cols, rows = file.size
    patches = [_patch(each, file.size) for each in file.stored]
    patches[0] = replace(patches[0], solid=solid)
    alpha = not is_opaque(patches, (rows, cols))
    gray = all(_is_gray(each.palette) for each in file.stored)
    names = ("L" if gray else "RGB") + "A" * alpha
    meta = _meta(file)

    def draw(number: int, region: NDArray[Any]) -> None:
        _draw(file.stored[number], region, file.lenient)

    def start(first: int) -> Iterator[Image]:
        shape = (rows, cols) if names == "L" else (rows, cols, len(names))
        for pixels in compose(np.zeros(shape, dtype=np.uint8), patches, draw, first):
            yield Image(pixels, names, meta)

    return start


def _is_gray(palette: NDArray[np.uint8]) -> bool:
    return bool((palette == palette[:, :1]).all())


def _patch(stored: GifFrame, size: tuple[int, int]) -> Patch:
    """Return a frame's region, as far as it is on the canvas."""
    left, top, cols, rows = stored.place
    left, top = min(left, size[0]), min(top, size[1])
    return Patch(
        top,
        left,
        min(rows, size[1] - top),
        min(cols, size[0] - left),
        stored.control.disposal,
        solid=stored.control.clear is None and stored.whole,
    )


def _indices(stored: GifFrame) -> NDArray[np.uint8]:
    """Unpack a frame's indices, (rows, cols)."""
    from PIL import Image as PillowImage

    _, _, cols, rows = stored.place
    options = (stored.bits, stored.interlaced, -1)
    try:
        unpacked = PillowImage.frombytes("L", (cols, rows), bytes(stored.data), "gif", options)
    except ValueError as error:
        said = "the GIF file is damaged or cut short: pixels are missing, or codes make no sense"
        raise ImageError(said + READS) from error
    return np.asarray(unpacked)


def _known(stored: GifFrame) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Unpack as many of a frame's indices as can be, and tell which are known."""
    from PIL import Image as PillowImage

    _, _, cols, rows = stored.place
    found = []
    for empty in (0, 255):
        image = PillowImage.new("L", (cols, rows), empty)
        with suppress(ValueError):
            image.frombytes(bytes(stored.data), "gif", stored.bits, stored.interlaced, -1)
        found.append(np.asarray(image))
    return found[0], found[0] == found[1]


def _draw(stored: GifFrame, region: NDArray[Any], lenient: bool) -> None:
    """Draw a frame into its region, where it isn't clear."""
    known = None
    if not stored.whole:
        overlook(STRAY, lenient)
    if stored.whole:
        indices = _indices(stored)
    else:
        indices, known = _known(stored)
    indices = indices[: region.shape[0], : region.shape[1]]
    seen = _seen(stored, indices, known)
    highest = int(np.max(indices, where=True if seen is None else seen, initial=0))
    if highest >= len(stored.palette):
        overlook(f"the GIF file is damaged: {_beyond(stored, highest)}", lenient)
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


def _seen(
    stored: GifFrame, indices: NDArray[np.uint8], known: NDArray[np.bool_] | None
) -> NDArray[np.bool_] | None:
    """Which pixels of a frame are drawn; None for all."""
    clear = stored.control.clear
    seen = None if clear is None else indices != clear
    if known is None:
        return seen
    known = known[: indices.shape[0], : indices.shape[1]]
    return known if seen is None else seen & known


def _beyond(stored: GifFrame, highest: int) -> str:
    return f"a pixel has colour {highest} of a palette of {len(stored.palette)}"


def _note_damage(file: GifFile) -> None:
    """Say of each frame what is missing, and mark it; those without any pixels are left out."""
    kept = []
    for number, stored in enumerate(file.stored):
        indices, known = _known(stored)
        if not known.any():
            file.notes.append(f"frame {number} has no pixels that can be read: left out")
            continue
        if not known.all():
            rows = int(known.all(axis=1).sum())
            said = f"frame {number} is cut short or damaged: {rows} of {len(known)} rows are whole"
            file.notes.append(f"{said}, what is missing is clear")
        seen = _seen(stored, indices, known)
        highest = int(np.max(indices, where=True if seen is None else seen, initial=0))
        if highest >= len(stored.palette):
            file.notes.append(f"frame {number}: {_beyond(stored, highest)}: it is black")
        kept.append(replace(stored, whole=bool(known.all())))
    if not kept:
        raise ImageError("the GIF file is cut short or damaged: no pixel can be read")
    file.stored = kept


def _meta(file: GifFile) -> Meta:
    said = "\n".join(map(letters, file.comments))
    gray = all(each.palette is GRAYS for each in file.stored)
    return Meta(
        format="GIF",
        mode="8-bit gray" if gray else "8-bit palette",
        icc=file.said.icc,
        xmp=file.said.xmp,
        text=(("Comment", said),) if said else (),
        beside=tuple(file.said.blocks),
        frames=len(file.stored),
        notes=tuple(file.notes),
    )
