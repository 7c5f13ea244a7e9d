"""Reading AVIF, and sequences of it: every frame, one after the other."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from convcli.errors import ImageError
from convcli.image import codecs, pillow
from convcli.image.depth import widen_bits
from convcli.image.frames import Frames, check_total
from convcli.image.image import Image
from convcli.image.limits import check_size
from convcli.image.orientation import upright
from convcli.image.pillow import count_frames, meta_of, open_with_pillow, to_pixels
from convcli.image.recognise import check_coded
from convcli.record import replace

#: Pillow's reader.
READER = "AvifImagePlugin.AvifImageFile"
_THOUSAND = 1000.0


def decode(data: bytes, limit: int) -> Image:
    """Read an AVIF file's first frame; 10 and 12 bits are scaled to 16 by repeating bits."""
    check_coded(data, limit)
    bits = _bits(data)
    if bits == 8:
        image = pillow.decode(data, READER, "AVIF", limit)
        return Image(image.pixels, image.channels, replace(image.meta, lossy=True))
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
    pixels = widen_bits(stored, bits)
    meta = replace(meta_of(opened, f"{bits}-bit colour"), format="AVIF", lossy=True)
    return Image(pixels, meta=meta)


def _bits(data: bytes) -> int:
    """Bits a sample, from the AV1 configuration (AV1 in ISOBMFF 1.2, section 2.3.3)."""
    at = data.find(b"av1C")
    flags = data[at + 6] if 0 <= at < len(data) - 6 else 0
    if not flags & 0x40:
        return 8
    return 12 if flags & 0x20 else 10


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
        return Frames.of([upright(decode(data, limit))], format="AVIF")
    check_size(*opened.size, limit)
    deep = _bits(data) > 8
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
    bits = _bits(data)
    opened = open_with_pillow(data, READER)
    mode = opened.mode if bits == 8 else f"{bits}-bit colour"
    meta = replace(meta_of(opened, mode), format="AVIF", lossy=True)
    if bits > 8:
        # Never with an index: see `decode`.
        for coded in codecs.load("imagecodecs").avif_decode(data)[first:]:
            yield upright(Image(widen_bits(coded, bits), meta=meta))
        return
    for number in range(first, count_frames(opened)):
        opened.seek(number)
        opened.load()
        yield upright(Image(*to_pixels(opened), meta))


def _durations(data: bytes, count: int) -> tuple[float, ...]:
    """Return the times of frames from the boxes that have them (ISO/IEC 14496-12, 8.4.2, 8.6.1).

    Frames of a file in which they can't be found are shown for 100 ms each.
    """
    try:
        header, times = data.index(b"mdhd") + 4, data.index(b"stts") + 8
        (scale,) = struct.unpack_from(">I", data, header + (20 if data[header] == 1 else 12))
        (entries,) = struct.unpack_from(">I", data, times)
        found: list[float] = []
        for place in range(min(entries, count)):
            number, delta = struct.unpack_from(">II", data, times + 4 + 8 * place)
            found += [_THOUSAND * delta / scale] * min(number, count)
    except (ValueError, struct.error, ZeroDivisionError):
        found = []
    return tuple(found) if len(found) == count else (100.0,) * count
