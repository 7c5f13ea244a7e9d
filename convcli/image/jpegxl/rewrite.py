"""The header of a JPEG XL codestream written anew: with other colours, or as an animation's.

JUSTIFICATION: the library writes frames, but knows no profiles, no times, and no curve for samples
of 16 bits but a straight one; and it reads colours stored without a device as linear light if
they have a profile. Frames begin at whole bytes and say none of that, so they stay as they are.
"""

from __future__ import annotations

from convcli.image.jpegxl import icc
from convcli.image.jpegxl.bits import ENUM, Reader, Writer
from convcli.image.jpegxl.frames import DURATION, Frame
from convcli.image.jpegxl.profile import written
from convcli.image.jpegxl.stream import (
    D65,
    LOOPS,
    SRGB,
    SRGB_CURVE,
    TICKS,
    TICKS_OVER,
    Animation,
    Codestream,
)
from convcli.image.light.numbers import Cicp

#: Of colours relative to white, as viewers show photographs.
_RELATIVE = 1


def header(
    data: bytes,
    image: Codestream,
    *,
    colours: bytes | Cicp | None = None,
    orientation: int = 1,
    animation: Animation | None = None,
    bits: int = 0,
) -> bytes:
    """Return a header like another one, up to the first frame.

    Parameters
    ----------
    data, image
        A codestream and what it says.
    colours
        Their profile, or numbers; None for sRGB's, or gray with its curve.
    orientation, animation
        How the image is turned, as EXIF counts, and what to say of an animation; 1 and None for
        what is said.
    bits
        With how many bits samples are to be read, whatever they are stored with; 0 for these.
    """
    reader, writer = Reader(data), Writer()
    writer.copy(reader, 0, image.size_end)
    writer.bits(0, 1)
    more = animation is not None or orientation > 1
    if more:
        writer.bits(1, 1)
        # No other size, and no preview.
        writer.bits(orientation - 1, 5)
        _write_animation(writer, animation)
    elif image.depth_at:
        writer.copy(reader, image.size_end + 1, image.depth_at)
    else:
        writer.bits(0, 1)
    _write_samples(reader, writer, image, bits)
    _write_colours(writer, image, colours)
    if more:
        # The usual brightness, which is said only beside these.
        writer.bits(1, 1)
    if image.depth_at:
        writer.copy(reader, image.colours_end, image.end)
    else:
        # No extensions, before what is said in any case.
        writer.bits(0, 2)
        writer.copy(reader, image.size_end + 1, image.end)
    if isinstance(colours, bytes):
        icc.write(writer, colours)
    return writer.finish()


def _write_animation(writer: Writer, animation: Animation | None) -> None:
    writer.bits(int(animation is not None), 1)
    if animation is None:
        return
    above, below = animation.ticks
    writer.number(above, TICKS)
    writer.number(below, TICKS_OVER)
    writer.number(animation.loops, LOOPS)
    writer.bits(int(animation.timecodes), 1)


def _write_samples(reader: Reader, writer: Writer, image: Codestream, bits: int) -> None:
    """Write how samples are stored, which other channels there are, and whether colours are XYB."""
    if bits:
        writer.bits(0b110, 3)
        writer.bits(bits - 1, 6)
    elif image.depth_at:
        writer.copy(reader, image.depth_at, image.extra_at)
    else:
        writer.bits(0, 3)
    if image.depth_at:
        writer.copy(reader, image.extra_at, image.colours_at)
    else:
        # Small numbers will do for whole samples; no channels; XYB.
        writer.bits(0b1001, 4)


def _write_colours(writer: Writer, image: Codestream, colours: bytes | Cicp | None) -> None:
    writer.bits(0, 1)
    writer.bits(int(isinstance(colours, bytes)), 1)
    writer.number(image.colours.space, ENUM)
    if isinstance(colours, bytes):
        return
    white, primaries, curve = written(colours) if colours else (D65, SRGB, SRGB_CURVE)
    writer.number(white, ENUM)
    if not image.is_gray:
        writer.number(primaries, ENUM)
    writer.bits(0, 1)
    writer.number(curve, ENUM)
    writer.number(_RELATIVE, ENUM)


def frame(data: bytes, image: Codestream, found: Frame, duration: int, last: bool) -> bytes:
    """Return a frame of a still image as one of an animation.

    Parameters
    ----------
    data, image, found
        A codestream, what it says, and one of its frames.
    duration
        Ticks, at least 1.
    last
        Whether no other frame follows.
    """
    if not found.regular:
        return data[found.start : found.end]
    reader, writer = Reader(data), Writer()
    writer.bits(0, 1)
    if found.usual:
        # A regular frame without flags, of one pass and the usual scales, that replaces all.
        writer.bits(0, 7 + 2 * len(image.extra))
        writer.bits(3 | 2 << 3, 6)
        writer.bits(0, 5 + 2 * len(image.extra))
    else:
        writer.copy(reader, 8 * found.start + 1, found.timed_at)
    writer.number(duration, DURATION)
    writer.bits(int(found.last and last), 1)
    if not (found.last and last):
        writer.bits(0, 2)
    if found.usual:
        # No name, the usual filters, no extensions.
        writer.bits(0b100, 5)
    writer.copy(reader, found.rest_at, found.order_end)
    return writer.finish() + data[found.parts_at : found.end]
