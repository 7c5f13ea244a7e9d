"""Reading JPEG XL, and animations of it: pixels by libjxl, the rest from the file itself."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image import codecs, exif
from convcli.image.beside.statements import settled
from convcli.image.boxes import boxes
from convcli.image.depth import divide_alpha, widen_bits
from convcli.image.frames import Frames, check_total
from convcli.image.image import Image, Meta
from convcli.image.jpegxl import icc, rewrite
from convcli.image.jpegxl.bits import Reader
from convcli.image.jpegxl.frames import Frame, frames
from convcli.image.jpegxl.others import others
from convcli.image.jpegxl.profile import numbers_of, profile_of
from convcli.image.jpegxl.stream import BLACK, MAGIC, Codestream, read_image
from convcli.image.limits import check_size
from convcli.record import record, replace

#: Bytes that a packed box may unfold to.
_MOST = 2**26
_CONVERT = "convert it first, with libjxl's djxl for instance"


@record
class _Container:
    """A file taken apart; `code` is what libjxl gets, `shown` the frames that are seen."""

    code: bytes
    said: Codestream
    shown: tuple[Frame, ...]
    meta: Meta


def decode(data: bytes, limit: int) -> Image:
    """Read a JPEG XL file's first frame, upright.

    Fewer than 8 bits are scaled to 8 and 9 to 15 to 16 by repeating bits; more than 16 are read as
    floats. Premultiplied alpha is divided out.

    Raises
    ------
    ImageError
        If it is damaged, cut short, of a kind that isn't held, or has more than `limit` pixels.
    """
    return _image(_open(data, limit), 0)


def open_frames(data: bytes, limit: int) -> Frames:
    """Open a JPEG XL file: its frames, or its one image.

    Raises
    ------
    ImageError
        If it is damaged, or has too many pixels.
    """
    file = _open(data, limit)
    count, animation = len(file.shown), file.said.animation
    if count == 1 or animation is None:
        return Frames.of([_image(file, 0)], format="JPEGXL")
    pixels = file.said.cols * file.said.rows
    check_total(count, count * pixels, limit)
    above, below = animation.ticks
    return Frames(
        count,
        lambda first: _frames(file, first),
        durations=tuple(1000 * frame.duration * below / above for frame in file.shown),
        loop=animation.loops,
        format="JPEGXL",
        sizes=(16 * pixels,) * count,
        notes=file.meta.notes,
    )


def _frames(file: _Container, first: int) -> Iterator[Image]:
    for number in range(first, len(file.shown)):
        yield _image(file, number)


def _open(data: bytes, limit: int) -> _Container:
    """Take a file apart, and make sure that it is whole and of a kind that is read."""
    code, metadata = _split(data)
    reader = Reader(code)
    said = read_image(reader)
    check_size(said.cols, said.rows, limit)
    _check_kind(said)
    profile = icc.read(reader) if said.colours.profile else None
    reader.align()
    start = reader.at >> 3
    stored = tuple(frames(code, start, said))
    notes, numbers = list[str](), None
    if said.xyb and profile:
        # Without a device libjxl gives linear light, of 8 bits as of any; asked for sRGB's it
        # gives that.
        code = rewrite.header(code, said) + code[start:]
        profile = None
        notes.append("its colours were stored apart from its profile's, and are read as sRGB's")
    elif profile is None and (numbers := numbers_of(said.colours)) is None:
        profile, note = profile_of(said.colours)
        notes += [note] if note else []
    notes += _left_out(said)
    block, packet = _exif(metadata.get(b"Exif")), metadata.get(b"xml ")
    block, packet, gone = settled(block, packet, said.orientation, (said.rows, said.cols))
    meta = Meta(
        format="JPEGXL",
        mode=_mode(said),
        icc=profile,
        exif=exif.settle(block),
        xmp=packet,
        cicp=numbers,
        beside=gone + others(metadata),
        frames=sum(frame.shown for frame in stored),
        lossy=any(frame.lossy for frame in stored),
        notes=tuple(notes),
    )
    return _Container(code, said, tuple(frame for frame in stored if frame.shown), meta)


def _split(data: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Return a file's codestream, and the first box of each other kind."""
    if data[:2] == MAGIC:
        return data, {}
    found: dict[bytes, bytes] = {}
    parts: list[bytes] = []
    for name, content in boxes(data):
        if name == b"jxlc":
            parts.append(content)
        elif name == b"jxlp":
            parts.append(content[4:])
        elif name == b"brob":
            found.setdefault(content[:4], _unpacked(content[4:]))
        else:
            found.setdefault(name, content)
    return parts[0] if len(parts) == 1 else b"".join(parts), found


def _unpacked(data: bytes) -> bytes:
    """Return what a box packed with Brotli holds; nothing if that makes no sense."""
    try:
        return bytes(codecs.load("imagecodecs").brotli_decode(data, out=_MOST))
    except MemoryError:
        raise
    except Exception:
        return b""


def _exif(box: bytes | None) -> bytes | None:
    """Return a box's EXIF, which begins where its first number says."""
    if not box or len(box) < 8:
        return None
    (skipped,) = struct.unpack_from(">I", box)
    return exif.strip_prefix(box[4 + skipped :]) or None


def _check_kind(said: Codestream) -> None:
    if any(each.kind == BLACK for each in said.extra):
        raise ImageError(f"its colours are CMYK, which isn't read in JPEG XL; {_CONVERT}")
    if said.is_gray and said.extra and said.alpha is None:
        raise ImageError(f"it has other channels beside gray, which isn't read; {_CONVERT}")
    if said.depth.exponent and said.depth.bits not in (16, 32):
        raise ImageError(f"its samples are floats of {said.depth.bits} bits; {_CONVERT}")


def _left_out(said: Codestream) -> list[str]:
    count = sum(each is not said.alpha for each in said.extra)
    words = "channel that is neither colour nor alpha was"
    if count > 1:
        words = "channels that are neither colour nor alpha were"
    return [f"{count} {words} left out"] * (count > 0)


def _mode(said: Codestream) -> str:
    kind = "gray" if said.is_gray else "colour"
    samples = f"{said.depth.bits}-bit" + " float" * bool(said.depth.exponent)
    return f"{samples} {kind}" + " with alpha" * (said.alpha is not None)


def _image(file: _Container, number: int) -> Image:
    """Return a frame as it is seen."""
    said, alpha = file.said, file.said.alpha
    pixels: NDArray[Any] = codecs.load("imagecodecs").jpegxl_decode(file.code, index=number)
    size = (said.rows, said.cols) if said.orientation < 5 else (said.cols, said.rows)
    if pixels.shape[:2] != size:
        raise ImageError(f"the JPEG XL file is damaged: its pixels have shape {pixels.shape}")
    bits = said.depth.bits
    if pixels.dtype == np.float16:
        pixels = pixels.astype(np.float32)
    elif pixels.dtype != np.float32 and bits < 8:
        pixels = pixels.astype(bool) if bits == 1 and pixels.ndim == 2 else widen_bits(pixels, bits)
    peak = 2**bits - 1 if pixels.dtype == np.uint16 and bits < 16 else None
    notes = file.meta.notes
    if alpha is not None and alpha.associated:
        pixels = divide_alpha(pixels, peak)
        notes += ("colour was stored multiplied by alpha, and was divided by it",)
    channels = ("L" if said.is_gray else "RGB") + "A" * (alpha is not None)
    return Image(pixels, channels, replace(file.meta, notes=notes, peak=peak))
