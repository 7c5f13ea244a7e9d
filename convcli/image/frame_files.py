"""Reading and writing files of several images: animations, and stacks of pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

from convcli.errors import ImageError
from convcli.image.atomic import write_atomic
from convcli.image.files import (
    LENIENT,
    WRITING,
    check_free,
    check_options,
    check_room,
    decode,
    guard,
)
from convcli.image.formats import check_holds, check_several, format_of, parse_format
from convcli.image.frames import DURATION, Frames
from convcli.image.image import Image
from convcli.image.limits import MAX_PIXELS
from convcli.image.source import Source, load
from convcli.record import replace

#: Where each format is read: module and function of (data, limit), giving `Frames`.
_READERS = {
    "GIF": ("gif.read", "open_frames"),
    "PNG": ("png.animation", "open_frames"),
    "WEBP": ("webp", "open_frames"),
    "AVIF": ("avif", "open_frames"),
    "TIFF": ("tiff.pages", "open_frames"),
}
#: Where each format is written: module and function of (frames, …), and what it takes beside.
_WRITERS = {
    "GIF": ("gif.write", "frame_parts", ""),
    "PNG": ("png.animation_write", "parts", "compress"),
    "WEBP": ("webp", "parts", "quality"),
    "AVIF": ("avif", "parts", "quality"),
    "TIFF": ("tiff.pages", "parts", "compress"),
}


def read_frames(source: Source, *, max_pixels: int | None = None, lenient: bool = False) -> Frames:
    """Open a file of one image or several.

    Parameters
    ----------
    source
        A path, an open binary file, or the file's bytes.
    max_pixels
        The most pixels that a frame may have; None for 178,956,970. All frames together may have
        64 times as many.
    lenient
        As for `read`; an animation that is cut short has the frames that are there.

    Returns
    -------
    Frames
        Pages of TIFF; the frames of an animation in GIF, PNG, WebP or AVIF; else one image.

    Raises
    ------
    ImageError
        If it can't be read. A later frame that is damaged raises it when it is asked for.
    """
    return open_frames(*load(source, max_pixels), max_pixels=max_pixels, lenient=lenient)


def open_frames(
    data: bytes, name: str, *, max_pixels: int | None = None, lenient: bool = False
) -> Frames:
    """Open a file of one image or several, as `read_frames` does.

    Parameters
    ----------
    data, name
        As `load` gives them.
    max_pixels, lenient
        As for `read_frames`.
    """
    if name not in _READERS:
        image = decode(data, name, max_pixels=max_pixels, lenient=lenient)
        return Frames.of([image], format=name)
    module, function = _READERS[name]
    opener = getattr(import_module(f"convcli.image.{module}"), function)
    limit = MAX_PIXELS if max_pixels is None else max_pixels
    options = {"lenient": True} if lenient and name in LENIENT else {}
    what = f"the {name} file is damaged"
    frames: Frames = guard(lambda: opener(data, limit, **options), what)
    return frames


def write_frames(
    path: str | Path,
    frames: Frames | Iterable[Image],
    *,
    format: str | None = None,
    quality: int | None = None,
    compress: int | None = None,
    overwrite: bool = False,
) -> Path:
    """Write images to one file, which appears whole or not at all.

    Parameters
    ----------
    path
        The target; its suffix says the format unless `format` does: TIFF, or an animation in GIF,
        PNG, WebP or AVIF.
    frames
        As `read_frames` gives them, or images; `Frames.of` gives these times. Those of an
        animation have one size, one depth and the same channels; without times each is shown for
        100 ms.
    format, quality, compress, overwrite
        As for `write`.

    Raises
    ------
    ImageError
        If the format can't hold the frames, the file exists, one can't be read, or it can't be
        written.
    """
    if not isinstance(frames, Frames):
        frames = Frames.of(frames)
    name = parse_format(format_of(path) if format is None else format)
    check_free(path, overwrite)
    parts = encode_parts(frames, name, quality=quality, compress=compress)
    return write_atomic(path, parts, overwrite)


def encode_parts(
    frames: Frames, format: str, *, quality: int | None = None, compress: int | None = None
) -> Iterator[bytes]:
    """Return a file of frames bit by bit; each frame is asked for when its turn comes.

    Parameters
    ----------
    frames, quality, compress
        As for `write_frames`.
    format
        A format's name.

    Raises
    ------
    ImageError
        At once if the format can't hold several images or a number is out of range; while
        parts are asked for, if it can't hold a frame, or that can't be read.
    """
    check_several(format, frames.count)
    check_options(quality, compress)
    if format not in _WRITERS:
        from convcli.image.files import encode

        one = encode(frames[0], format, quality=quality, compress=compress)
        return iter((one,))
    module, function, option = _WRITERS[format]
    values = {"quality": quality, "compress": compress}
    options = {option: values[option]} if option else {}
    coder = getattr(import_module(f"convcli.image.{module}"), function)
    check_room(format, WRITING * max(frames.sizes, default=0))
    checked = replace(frames, start=lambda first: _checked(frames, format))
    return _guarded(coder(checked, **options), f"can't be written as {format}")


def _guarded(parts: Iterator[bytes], what: str) -> Iterator[bytes]:
    """Give parts; whatever another's library raises becomes one clear line."""
    while (part := guard(lambda: next(parts, None), what)) is not None:
        yield part


def _checked(frames: Frames, format: str) -> Iterator[Image]:
    """Give frames that a format holds; those of an animation are alike."""
    first = None
    for number, image in enumerate(frames):
        try:
            check_holds(image.pixels.dtype.name, image.channels, format)
        except ImageError as error:
            raise ImageError(f"frame {number}: {error}") from error
        kind = image.size, image.channels, image.depth
        first = first or kind
        if format != "TIFF" and kind != first:
            raise ImageError(
                f"frame {number} is {_say(*kind)} and the first {_say(*first)}; the frames of "
                f"an animation are alike: use `path` NAME.tif"
            )
        yield image
        del image


def _say(size: tuple[int, int], channels: str, depth: str) -> str:
    return f"{size[1]}×{size[0]} {channels} {depth}"


def pick(
    data: bytes,
    name: str,
    number: int,
    *,
    max_pixels: int | None = None,
    lenient: bool = False,
) -> Image:
    """Return one frame of a file, as `files.read` does.

    Parameters
    ----------
    data, name
        As `load` gives them.
    number
        Which frame, counted from 0.
    max_pixels
        As for `read_frames`.

    Raises
    ------
    ImageError
        If there is no such frame, or it can't be read.
    """
    frames = open_frames(data, name, max_pixels=max_pixels, lenient=lenient)
    if not 0 <= number < frames.count:
        raise ImageError(
            f"there is no frame {number}: the file has {_say_count(frames.count)}, "
            f"and the first is frame 0"
        )
    if frames.count == 1:
        return decode(data, name, max_pixels=max_pixels, lenient=lenient)
    return frames[number]


def _say_count(count: int) -> str:
    return "one frame" if count == 1 else f"{count} frames"


def timing_notes(frames: Frames, format: str) -> tuple[str, ...]:
    """Say what a format can't say of when frames are shown, or what it says of its own.

    Parameters
    ----------
    frames
        The source.
    format
        The name of the format to be written.
    """
    if format == "TIFF":
        return ("TIFF can't hold the animation's timing: left out",) if frames.durations else ()
    if frames.durations is None:
        return (f"the pages have no timing: each is shown for {DURATION:g} ms, over and over",)
    if format == "AVIF" and frames.loop:
        return ("AVIF can't hold how often the animation is played: left out",)
    return ()
