"""Writing AVIF, and sequences of it, of which Pillow asks for one frame after the other."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from convcli.errors import ImageError
from convcli.image import codecs
from convcli.image.avif import WITHIN
from convcli.image.avif.rewrite import with_metadata
from convcli.image.beside import photograph
from convcli.image.boxes import places
from convcli.image.depth import as_bytes
from convcli.image.exif import ORIENTATION
from convcli.image.frames import Frames
from convcli.image.header import peek_into
from convcli.image.image import Image, Meta
from convcli.image.limits import check_sides
from convcli.image.pillow import blocks, hush, save

#: Quality without a word from the user.
QUALITY = 85
_SPEED = 7
#: Pixels that a side may have: libavif reads so many unless told otherwise
#: (AVIF_DEFAULT_IMAGE_DIMENSION_LIMIT); the format has twice as many.
_SIDE = 2**15
#: The longest time that is written, in milliseconds.
_LONGEST = 2**31 - 1


def encode(image: Image, quality: int | None = None) -> bytes:
    """Return an AVIF file: uint16 as 12 bits, or 10 of 10.

    Parameters
    ----------
    image
        bool (written as 0 and 255), uint8 or uint16.
    quality
        1 to 100; None is 85. With 100, 12-bit images lose nothing but the lowest 4 bits.
    """
    check_sides(image.size, "AVIF", _SIDE)
    quality = quality or QUALITY
    if image.pixels.dtype == np.uint16:
        peak, coder = image.meta.peak, codecs.load("imagecodecs").avif_encode
        samples = image.pixels if peak else image.pixels >> 4
        bits = peak.bit_length() if peak else 12
        numbers = {"primaries": cicp[0], "transfer": cicp[1]} if (cicp := image.meta.cicp) else {}
        coded = bytes(coder(samples, level=quality, bitspersample=bits, speed=_SPEED, **numbers))
        return with_metadata(coded, image.meta, image.channels)
    options = {
        "quality": quality,
        "speed": _SPEED,
        "subsampling": "4:0:0" if image.channels == "L" else "4:4:4",
        **_blocks(image),
    }
    return _told(save(as_bytes(image.pixels), "AVIF", options), image.meta)


def _blocks(image: Image) -> dict[str, Any]:
    """Return Pillow's options of metadata.

    JUSTIFICATION: Pillow writes EXIF that tells an orientation anew, and makers' notes and letters
    beyond ASCII don't outlast that.
    """
    options = blocks(image)
    if "exif" in options:
        options["exif"] = photograph.without(options["exif"], ORIENTATION)
    return options


def _told(coded: bytes, meta: Meta) -> bytes:
    """Return a file whose colours are told by the source's numbers.

    JUSTIFICATION: Pillow has no option for them, and writes those of sRGB; in the same bytes.
    """
    if meta.cicp is None:
        return coded
    changed = bytearray(coded)
    for name, start, _ in places(peek_into(coded), within=WITHIN):
        if name == b"colr" and coded[start : start + 4] == b"nclx":
            struct.pack_into(">HH", changed, start + 4, *meta.cicp[:2])
    return bytes(changed)


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
    sequence = _sequence(frames)
    options: dict[str, Any] = {
        "quality": quality or QUALITY,
        "speed": _SPEED,
        "subsampling": "4:4:4",
        "duration": frames.steps(1.0, _LONGEST),
        **_blocks(sequence.first),
    }
    hush()
    sequence.save(target, "AVIF", save_all=True, **options)
    yield _told(target.getvalue(), sequence.first.meta)


def _sequence(frames: Frames) -> Any:
    """Return an image of Pillow's that becomes the next frame when Pillow asks for it.

    JUSTIFICATION: Pillow asks for each frame once and in order, and for a list of them; so one
    is in memory instead of all.
    """
    from PIL import Image as PillowImage

    class PillowSequence(PillowImage.Image):
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
            check_sides(image.size, "AVIF", _SIDE)
            if number == 0:
                self.first = image
            self.at = number
            shown = PillowImage.fromarray(_colour(image))
            self._mode, self._size, self.im = shown.mode, shown.size, shown.im

        def tell(self) -> int:
            return 0

    return PillowSequence()


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
