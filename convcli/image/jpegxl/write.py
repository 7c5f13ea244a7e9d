"""Writing JPEG XL, and animations of it: pixels by libjxl, the rest around them (`rewrite`)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from convcli.errors import ImageError
from convcli.image import codecs, exif
from convcli.image.boxes import box, boxes
from convcli.image.depth import as_bytes
from convcli.image.frames import Frames
from convcli.image.image import Image, Meta
from convcli.image.jpegxl import icc, rewrite
from convcli.image.jpegxl.bits import Reader
from convcli.image.jpegxl.frames import frames as stored_frames
from convcli.image.jpegxl.stream import MAGIC, Animation, read_image
from convcli.image.light import linear
from convcli.image.light.profile import fits

#: Quality without a word from the user, for a source that had lost something already.
QUALITY = 90
#: JUSTIFICATION: of 4 megapixels, lossless, effort 2 takes 0.6 s and 3, for a tenth fewer bytes,
#: 1.1 s; 5, libjxl's own, takes 8 s for two hundredths more. Lossy, all are of one size to 3 %.
_LOSSLESS, _LOSSY = 2, 3
#: Ticks a second: for whole milliseconds, and for others.
_TICKS, _FINE_TICKS = 1000, 100_000
_LONGEST = 2**32 - 1
_SIGNATURE = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")


def encode(image: Image, quality: int | None = None) -> bytes:
    """Return a JPEG XL file, or a bare codestream where there is nothing beside it.

    Parameters
    ----------
    image
        bool (written as 0 and 255), uint8, uint16 or float32; L, LA, RGB or RGBA.
    quality
        1 to 99 for lossy coding; 100 is lossless. None is lossless, or 90 if the source's coding
        was lossy, and its colours need no profile.

    Raises
    ------
    ImageError
        If its colours need a profile and are to be coded with loss.
    """
    return b"".join(_parts(Frames.of([image]), None, quality))


def parts(frames: Frames, quality: int | None = None) -> Iterator[bytes]:
    """Yield an animated JPEG XL file bit by bit; every frame is whole, and replaces the one before.

    Parameters
    ----------
    frames
        All of one size, depth and channels. Each is shown for at least a millisecond.
    quality
        As for one image.
    """
    whole = all(float(each).is_integer() for each in frames.times)
    ticks = _TICKS if whole else _FINE_TICKS
    return _parts(frames, Animation((ticks, 1), frames.loop, timecodes=False), quality)


def _parts(images: Frames, animation: Animation | None, quality: int | None) -> Iterator[bytes]:
    times = [1]
    if animation is not None:
        ticks = animation.ticks[0]
        # A frame that takes no time is a part of the next one.
        times = [max(ticks // 1000, each) for each in images.steps(1000 / ticks, _LONGEST)]
    for number, (image, duration) in enumerate(zip(images, times, strict=True)):
        code, level = _coded(image, _quality(image, quality))
        reader = Reader(code)
        said = read_image(reader)
        reader.align()
        stored = [*stored_frames(code, reader.at >> 3, said)]
        if number == 0:
            yield from _container(image.meta, level)
            yield rewrite.header(
                code,
                said,
                colours=image.meta.cicp or _profile(image),
                orientation=exif.orientation(image.meta.exif),
                animation=animation,
                bits=_bits(image),
            )
        last = number == images.count - 1
        for frame in stored:
            if animation is None:
                yield code[frame.start : frame.end]
            else:
                yield rewrite.frame(code, said, frame, duration, last)


def _coded(image: Image, quality: int | None) -> tuple[bytes, bytes]:
    """Return a codestream of an image, and the box that says what it asks of a decoder."""
    encoder = codecs.load("imagecodecs").jpegxl_encode
    if quality is None:
        pixels, bits = as_bytes(image.pixels), _bits(image) or None
        coded = bytes(encoder(pixels, effort=_LOSSLESS, lossless=True, bitspersample=bits))
    else:
        pixels = as_bytes(image.pixels)
        if pixels.dtype != np.uint8:
            # libjxl is told that such samples are linear light.
            bare = Image(pixels, image.channels, Meta(peak=image.meta.peak))
            pixels = linear.decode(bare)
        coded = bytes(encoder(pixels, quality, effort=_LOSSY, lossless=False))
    if coded[:2] == MAGIC:
        return coded, b""
    found = dict(boxes(coded))
    level = found.get(b"jxll")
    return found[b"jxlc"], box(b"jxll", level) if level else b""


def _bits(image: Image) -> int:
    """Return the bits of a sample of more than 8; 0 for others."""
    if image.meta.peak is not None:
        return image.meta.peak.bit_length()
    return 16 if image.dtype == np.uint16 else 0


def _quality(image: Image, quality: int | None) -> int | None:
    """Return the quality of lossy coding; None for lossless."""
    if quality is None:
        return QUALITY if image.meta.lossy and not _tells_colours(image) else None
    if quality >= 100:
        return None
    if _tells_colours(image):
        raise ImageError(
            "JPEGXL with loss holds sRGB colours, and the source has a colour profile; leave "
            "`quality` out, or use `path` NAME.webp"
        )
    return quality


def _tells_colours(image: Image) -> bool:
    """Whether colours are others than sRGB's: libjxl codes those alone with loss."""
    return image.meta.cicp is not None or _profile(image) is not None


def _profile(image: Image) -> bytes | None:
    """Return the profile that is written."""
    profile = image.meta.icc
    if not profile or not fits(profile, image.channels) or not 128 < len(profile) <= icc.MOST:
        return None
    return profile


def _container(meta: Meta, level: bytes) -> Iterator[bytes]:
    """Yield what stands before a codestream, if anything does."""
    metadata = []
    if meta.exif:
        metadata.append(box(b"Exif", bytes(4) + meta.exif))
    if meta.xmp:
        metadata.append(box(b"xml ", meta.xmp))
    if metadata or level:
        yield from (_SIGNATURE, level, *metadata)
        # Of no size: up to the end.
        yield bytes(4) + b"jxlc"
