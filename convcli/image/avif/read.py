"""Reading AVIF, and sequences of it: every frame, one after the other."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from convcli.errors import ImageError
from convcli.image import codecs, exif, pillow
from convcli.image.avif import parts, sample_bits
from convcli.image.avif.items import read_items
from convcli.image.frames import Frames, check_total
from convcli.image.header import peek_into
from convcli.image.image import Image, Meta
from convcli.image.light.numbers import are_usual
from convcli.image.limits import check_size
from convcli.image.orientation import upright
from convcli.image.pillow import count_frames, meta_of, open_with_pillow, to_pixels
from convcli.image.recognise import check_coded
from convcli.record import replace

#: Pillow's reader.
READER = "AvifImagePlugin.AvifImageFile"
_THOUSAND = 1000.0


def decode(data: bytes, limit: int) -> Image:
    """Read an AVIF file's first frame; 10 and 12 bits stay as they are, in 16."""
    check_coded(data, limit)
    bits = sample_bits(parts(peek_into(data)))
    if bits == 8:
        image = pillow.decode(data, READER, "AVIF", limit)
        return _upright(image, data)
    imagecodecs = codecs.load("imagecodecs")

    opened = open_with_pillow(data, READER)
    width, height = opened.size
    count = count_frames(opened)
    check_size(width, height * count, limit)
    # Never with an index: imagecodecs (2026.3.6) then makes room for one image and writes all
    # of them, beyond its end.
    stored = imagecodecs.avif_decode(data)
    stored = stored[0] if count > 1 else stored
    if stored.shape[:2] != (height, width):
        raise ImageError(f"the AVIF file is damaged: its pixels have shape {stored.shape}")
    meta = replace(meta_of(opened, f"{bits}-bit colour"), peak=2**bits - 1)
    return _upright(Image(stored, meta=meta), data)


def _upright(image: Image, data: bytes) -> Image:
    """Return an image of Pillow's metadata as its file has it to be seen."""
    # Pillow makes an orientation in EXIF of how the file says that the image is turned.
    stored = exif.orientation(image.meta.exif)
    return upright(image.with_meta(_with_items(image.meta, data)), stored)


def _with_items(meta: Meta, data: bytes) -> Meta:
    """Return metadata with what a file's items say."""
    items = read_items(data)
    colours = items.colours
    if colours is None or are_usual(colours):
        colours = None
    return replace(
        meta,
        format="AVIF",
        lossy=True,
        exif=items.exif or meta.exif,
        cicp=colours,
        chunks=items.light,
        beside=items.blocks,
    )


def open_frames(data: bytes, limit: int) -> Frames:
    """Open an AVIF file: its frames, or its one image.

    Raises
    ------
    ImageError
        If it is damaged, or has too many pixels.
    """
    check_coded(data, limit)
    opened = open_with_pillow(data, READER)
    count = count_frames(opened)
    if count == 1:
        return Frames.of([decode(data, limit)], format="AVIF")
    check_size(*opened.size, limit)
    deep = sample_bits(parts(peek_into(data))) > 8
    if deep:
        # These are decoded all at once.
        check_size(opened.width, count * opened.height, limit)
    check_total(count, count * opened.width * opened.height, limit)
    size = 4 * opened.width * opened.height * (1 + deep)
    return Frames(
        count,
        lambda first: _frames(data, first),
        durations=_durations(data, count),
        format="AVIF",
        sizes=(size,) * count,
    )


def _frames(data: bytes, first: int) -> Iterator[Image]:
    """Give frames from a number on."""
    bits = sample_bits(parts(peek_into(data)))
    opened = open_with_pillow(data, READER)
    mode = opened.mode if bits == 8 else f"{bits}-bit colour"
    shown = meta_of(opened, mode)
    stored, meta = exif.orientation(shown.exif), _with_items(shown, data)
    if bits > 8:
        # Never with an index: see `decode`.
        for coded in codecs.load("imagecodecs").avif_decode(data)[first:]:
            yield upright(Image(coded, meta=replace(meta, peak=2**bits - 1)), stored)
        return
    for number in range(first, count_frames(opened)):
        opened.seek(number)
        opened.load()
        yield upright(Image(*to_pixels(opened), meta), stored)


def _durations(data: bytes, count: int) -> tuple[float, ...]:
    """Return the times of frames, of the first track that has as many (ISO/IEC 14496-12, 8.6.1).

    Frames of a file in which there is none are shown for 100 ms each.
    """
    scale = 0
    try:
        for name, content in parts(peek_into(data), len(data)):
            if name == b"mdhd":
                (scale,) = struct.unpack_from(">I", content, 20 if content[0] == 1 else 12)
            elif name == b"stts" and len(times := _times(content, scale, count)) == count:
                return times
    except (IndexError, struct.error, ZeroDivisionError):
        pass
    return (100.0,) * count


def _times(content: bytes, scale: int, most: int) -> tuple[float, ...]:
    """Return the milliseconds of a track's samples, of which it counts those of one length."""
    (entries,) = struct.unpack_from(">I", content, 4)
    found: list[float] = []
    for place in range(min(entries, most)):
        number, delta = struct.unpack_from(">II", content, 8 + 8 * place)
        found += [_THOUSAND * delta / scale] * min(number, most)
    return tuple(found)
