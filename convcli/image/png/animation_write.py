"""Writing animated PNG: every depth, and what the metadata say (third edition, W3C 2025)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import count

from convcli.image.canvas import changed
from convcli.image.frames import Frames
from convcli.image.image import Image
from convcli.image.png import text as png_text
from convcli.image.png import write as png_write
from convcli.image.png.chunks import SIGNATURE, frame

#: The largest number in a frame's time, and of repetitions.
_MOST, _PLAYS = 65535, 2**31 - 1


def parts(frames: Frames, compress: int | None = None) -> Iterator[bytes]:
    """Yield an animated PNG file bit by bit.

    After the first frame only what differs from the one before is stored; it replaces what was
    there.

    Parameters
    ----------
    frames
        All of one size, of bool, uint8 or uint16; L, LA, RGB or RGBA.
    compress
        0 (stored) to 9 (smallest); None for quick and about as small as level 6.
    """
    number = count()
    before = None
    for image, duration in zip(frames, frames.times, strict=True):
        pixels = image.pixels
        if before is None:
            region = slice(0, image.size[0]), slice(0, image.size[1])
            control = struct.pack(">II", frames.count, min(frames.loop, _PLAYS))
            yield SIGNATURE
            yield from frame(
                [
                    (b"IHDR", png_write.header_of(image).pack()),
                    (b"acTL", control),
                    *png_text.before_pixels(image),
                    (b"fcTL", _control(next(number), region, duration)),
                ]
            )
            yield from frame((b"IDAT", part) for part in png_write.stream(image, compress))
        else:
            region = changed(before, pixels)
            yield from frame([(b"fcTL", _control(next(number), region, duration))])
            stream = png_write.stream(Image(pixels[region], image.channels), compress)
            yield from frame((b"fdAT", struct.pack(">I", next(number)) + part) for part in stream)
        before = pixels
    yield from frame([(b"IEND", b"")])


def _control(number: int, region: tuple[slice, slice], duration: float) -> bytes:
    """Return an fcTL chunk's content."""
    rows, cols = (side.stop - side.start for side in region)
    place = cols, rows, region[1].start, region[0].start
    # As near as can be with both numbers below 65536.
    length = min(duration / 1000, float(_MOST))
    seconds = Fraction(length).limit_denominator(int(_MOST / max(length, 1.0)))
    # Disposal 0 leaves the frame, blending 0 replaces what is there.
    return struct.pack(">IIIIIHHBB", number, *place, seconds.numerator, seconds.denominator, 0, 0)
