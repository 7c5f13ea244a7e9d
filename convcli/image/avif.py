"""Sequences of AVIF: every frame, read and written by Pillow one after the other."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from convcli.errors import ImageError
from convcli.image import codecs
from convcli.image.coded_size import check_coded
from convcli.image.depth import widen_bits
from convcli.image.frames import Frames, check_total
from convcli.image.image import Image
from convcli.image.limits import check_sides, check_size
from convcli.image.pillow import (
    avif_bits,
    count_frames,
    decode_avif,
    meta_of,
    open_with_pillow,
    to_pixels,
)
from convcli.image.pillow_write import AVIF_QUALITY, AVIF_SPEED, as_bytes, blocks
from convcli.image.upright import upright
from convcli.record import replace

_THOUSAND = 1000.0
#: The longest time that is written, in milliseconds.
_LONGEST = 2**31 - 1


def open_frames(data: bytes, limit: int) -> Frames:
    """Open an AVIF file: its frames, or its one image.

    Raises
    ------
    ImageError
        If it is damaged, or has too many pixels.
    """
    check_coded(data, limit)
    opened = open_with_pillow(data, "AVIF")
    count = count_frames(opened)
    if count == 1:
        return Frames.of([upright(decode_avif(data, limit))], format="AVIF")
    check_size(*opened.size, limit)
    deep = avif_bits(data) > 8
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
    bits = avif_bits(data)
    opened = open_with_pillow(data, "AVIF")
    mode = opened.mode if bits == 8 else f"{bits}-bit colour"
    meta = replace(meta_of(opened, mode), format="AVIF", lossy=True)
    if bits > 8:
        # Never with an index: see `pillow.decode_avif`.
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


def parts(frames: Frames, quality: int | None = None) -> Iterator[bytes]:
    """Yield an AVIF file of several frames, held in memory, packed, until the last is known.

    Parameters
    ----------
    frames
        All of one size, of bool or uint8. How often they are played is not written.
    quality
        1 to 100; None is 85.
    """
    target = io.BytesIO()
    reel = _reel(frames)
    options: dict[str, Any] = {
        "quality": quality or AVIF_QUALITY,
        "speed": AVIF_SPEED,
        "subsampling": "4:4:4",
        "duration": frames.steps(1.0, _LONGEST),
        **blocks(reel.first),
    }
    reel.save(target, "AVIF", save_all=True, **options)
    yield target.getvalue()


def _reel(frames: Frames) -> Any:
    """Return an image of Pillow's that becomes the next frame when Pillow asks for it.

    JUSTIFICATION: Pillow asks for each frame once and in order, and for a list of them; so one
    is in memory instead of all.
    """
    from PIL import Image as PillowImage

    class Reel(PillowImage.Image):
        is_animated, n_frames = frames.count > 1, frames.count

        def __init__(self) -> None:
            super().__init__()
            self.left = iter(frames)
            self.at = -1
            self.seek(0)

        def seek(self, number: int) -> None:
            if number >= frames.count:
                raise EOFError
            if number != self.at + 1:
                return
            image = next(self.left)
            check_sides(image.size, "AVIF")
            if number == 0:
                self.first = image
            self.at = number
            shown = PillowImage.fromarray(_colour(image))
            self._mode, self._size, self.im = shown.mode, shown.size, shown.im

        def tell(self) -> int:
            return 0

    return Reel()


def _colour(image: Image) -> Any:
    """Return bytes of three channels, or four with alpha."""
    pixels = as_bytes(image.pixels)
    if pixels.dtype != np.uint8:
        raise ImageError(
            f"AVIF can't hold frames of {image.depth} samples; use `depth` 8, or `path` NAME.png"
        )
    if image.channels == "L":
        return np.repeat(pixels[:, :, None], 3, axis=2)
    return pixels[:, :, [0, 0, 0, 1]] if image.channels == "LA" else pixels
