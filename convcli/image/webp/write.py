"""Writing WebP, and animations of it frame by frame.

WebP container specification (Google, 2011): a RIFF file of chunks, of which each ANMF is a frame.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from convcli.image.canvas import changed
from convcli.image.depth import as_bytes
from convcli.image.frames import Frames
from convcli.image.image import Image
from convcli.image.limits import check_sides
from convcli.image.pillow import blocks, save
from convcli.image.webp.chunks import chunk
from convcli.image.webp.others import added, written
from convcli.image.webp.read import chunks
from convcli.record import replace

#: Quality without a word from the user, for a source that had lost something already.
QUALITY = 90
#: Pixels that a side may have, as the fields of a file count them.
SIDE = 2**14 - 1
_ICC, _ALPHA, _EXIF, _XMP, _MOVES = 0x20, 0x10, 0x08, 0x04, 0x02
#: A frame replaces what was there, and stays: it is neither blended nor disposed of.
_REPLACES = 0x02
#: The chunks that hold an image, and the longest time and the most repetitions.
_IMAGE = (b"ALPH", b"VP8 ", b"VP8L")
_LONGEST, _PLAYS = 2**24 - 1, 65535


def encode(image: Image, quality: int | None = None) -> bytes:
    """Return a WebP file.

    Parameters
    ----------
    image
        bool (written as 0 and 255) or uint8; gray becomes equal red, green and blue.
    quality
        1 to 100 for lossy coding. None is lossless, or 90 if the source's coding was lossy.
    """
    check_sides(image.size, "WebP", SIDE)
    lossless = quality is None and not image.meta.lossy
    options: dict[str, Any] = {"lossless": lossless, "exact": True, **blocks(image)}
    if not lossless:
        options["quality"] = quality or QUALITY
    coded = save(as_bytes(image.pixels), "WEBP", options)
    return added(coded, image.meta.beside, image.size, image.has_alpha)


def parts(frames: Frames, quality: int | None = None) -> Iterator[bytes]:
    """Yield an animated WebP file.

    After the first frame only what differs from the one before is stored. The file begins with its
    size: it is held in memory, packed, until the last frame is known.

    Parameters
    ----------
    frames
        All of one size, of bool or uint8.
    quality
        As for one image: None is lossless, unless the source's coding was lossy.
    """
    stored: list[bytes] = []
    before: Image | None = None
    for image, duration in zip(frames, frames.steps(1.0, _LONGEST), strict=True):
        region = slice(0, image.size[0]), slice(0, image.size[1])
        if before is None:
            head = _head(image, frames.loop)
        else:
            region = _even(changed(before.pixels, image.pixels))
        stored.append(_frame(image, region, duration, quality))
        before = image
    if before is not None:
        body = [b"WEBP", *head, *stored, *_tail(before)]
        yield b"RIFF" + struct.pack("<I", sum(map(len, body)))
        yield from body


def _even(region: tuple[slice, slice]) -> tuple[slice, slice]:
    """Return a region whose first row and column are even, as they are stored halved."""
    rows, cols = region
    return slice(rows.start & ~1, rows.stop), slice(cols.start & ~1, cols.stop)


def _number(value: int) -> bytes:
    return value.to_bytes(3, "little")


def _head(image: Image, plays: int) -> list[bytes]:
    """Return the chunks before the frames."""
    rows, cols = image.size
    check_sides(image.size, "WebP", SIDE)
    metadata = blocks(image)
    profile = metadata["icc_profile"]
    flags = _MOVES | _ALPHA * image.has_alpha | _ICC * bool(profile)
    flags |= _EXIF * ("exif" in metadata) | _XMP * ("xmp" in metadata)
    head = struct.pack("<I", flags) + _number(cols - 1) + _number(rows - 1)
    chunks = [chunk(b"VP8X", head)]
    if profile:
        chunks.append(chunk(b"ICCP", profile))
    chunks.append(chunk(b"ANIM", struct.pack("<IH", 0, min(plays, _PLAYS))))
    return chunks


def _tail(image: Image) -> list[bytes]:
    """Return the chunks after the frames."""
    metadata = blocks(image)
    known = ((b"EXIF", "exif"), (b"XMP ", "xmp"))
    found = [chunk(name, metadata[key]) for name, key in known if key in metadata]
    return found + written(image.meta.beside)


def _frame(image: Image, region: tuple[slice, slice], duration: int, quality: int | None) -> bytes:
    """Return a frame's chunk: the image's own chunks after where, how large and how long."""
    bare = replace(image.meta, icc=None, exif=None, xmp=None, beside=())
    coded = encode(Image(image.pixels[region], image.channels, bare), quality)
    held = b"".join(chunk(name, bytes(found)) for name, found in chunks(coded) if name in _IMAGE)
    place = (region[1].start // 2, region[0].start // 2)
    size = tuple(side.stop - side.start - 1 for side in (region[1], region[0]))
    numbers = b"".join(map(_number, (*place, *size, duration)))
    return chunk(b"ANMF", numbers + bytes([_REPLACES]) + held)
