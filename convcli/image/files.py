"""Files of images: opened as `Frames`, one or many, or read as one `Image`; and written."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from math import prod
from pathlib import Path
from typing import IO, Any

from convcli import memory
from convcli.errors import ImageError, TakenError
from convcli.image import formats
from convcli.image.atomic import write_atomic
from convcli.image.codec import Codec
from convcli.image.depth import settled
from convcli.image.foreign.following import following
from convcli.image.formats import check_holds, check_several, codec_of, format_of, parse_format
from convcli.image.frames import DURATION, Frames
from convcli.image.guard import guard, guarded
from convcli.image.header import peek_into
from convcli.image.image import Image, described
from convcli.image.limits import MAX_PIXELS
from convcli.image.orientation import upright
from convcli.image.recognise import header_of
from convcli.image.source import Source, load
from convcli.record import replace

#: Bytes that a coder takes at the most, a byte of samples (AVIF, JPEG 2000).
_WRITING = 16


def open(source: Source, *, max_pixels: int | None = None, lenient: bool = False) -> Frames:
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
        Pages of TIFF; the frames of an animation in formats that move; else one image.

    Raises
    ------
    ImageError
        If it can't be read. A later frame that is damaged raises it when it is asked for.
    """
    return frames_of(*load(source, max_pixels), max_pixels=max_pixels, lenient=lenient)


def frames_of(
    data: bytes, name: str, *, max_pixels: int | None = None, lenient: bool = False
) -> Frames:
    """Open a file of one image or several, as `open` does.

    Parameters
    ----------
    data, name
        As `load` gives them.
    max_pixels, lenient
        As for `open`.
    """
    codec = codec_of(name)
    if codec.open is None:
        image = decode(data, name, max_pixels=max_pixels, lenient=lenient)
        return Frames.of([image], format=name)
    opener, limit = codec.open, _limit(max_pixels)
    options = {"lenient": True} if lenient and codec.lenient else {}
    frames: Frames = guard(lambda: opener(data, limit, **options), _damaged(name))
    notes = following(data, name)
    return replace(frames, notes=(*frames.notes, *notes)) if notes else frames


def read(
    source: Source,
    *,
    frame: int | None = None,
    max_pixels: int | None = None,
    lenient: bool = False,
) -> Image:
    """Read an image, upright, with nothing of it lost.

    Parameters
    ----------
    source
        A path, an open binary file, or the file's bytes.
    frame
        Which of the file's frames, counted from 0. None for what is seen where nothing moves: the
        first one, but for a PNG animation that has an image beside its frames.
    max_pixels
        The most pixels it may have, told from its header; None for 178,956,970.
    lenient
        Whether a damaged JPEG, PNG or GIF file is read as far as it goes; a note says what is
        missing.

    Returns
    -------
    Image
        The image. `meta.notes` say what reading changed or left out.

    Raises
    ------
    ImageError
        If it can't be read: missing, not an image, damaged, cut short, too large, of a kind that
        isn't held, or without that frame. The message doesn't name the file.
    """
    data, name = load(source, max_pixels)
    if frame is None:
        return decode(data, name, max_pixels=max_pixels, lenient=lenient)
    frames = frames_of(data, name, max_pixels=max_pixels, lenient=lenient)
    if not 0 <= frame < frames.count:
        there = "one frame" if frames.count == 1 else f"{frames.count} frames"
        raise ImageError(
            f"there is no frame {frame}: the file has {there}, and the first is frame 0"
        )
    if frames.count == 1:
        return decode(data, name, max_pixels=max_pixels, lenient=lenient)
    return frames[frame]


def decode(
    data: bytes,
    name: str,
    *,
    stored: Callable[[], Image] | None = None,
    max_pixels: int | None = None,
    lenient: bool = False,
) -> Image:
    """Read an image from its file's bytes, upright, with nothing of it lost.

    Parameters
    ----------
    data, name
        As `load` gives them.
    stored
        Gives the image as it is stored, if that is already being found.
    max_pixels, lenient
        As for `read`, which raises the same errors.
    """
    codec, limit = codec_of(name), _limit(max_pixels)
    options = {"lenient": True} if lenient and codec.lenient else {}
    decoder = codec.decode
    assert decoder is not None

    def work() -> Image:
        image = stored() if stored else decoder(data, limit, **options)
        image = image if codec.upright else upright(image)
        notes = following(data, name)
        if not notes:
            return image
        return replace(image, meta=replace(image.meta, notes=(*image.meta.notes, *notes)))

    return guard(work, _damaged(name), lambda: _reading(data, name))


def encode(
    images: Image | Frames,
    format: str,
    *,
    quality: int | None = None,
    compress: int | None = None,
) -> bytes:
    """Return a file of an image, or of frames, as bytes.

    Parameters
    ----------
    images
        What the format holds exactly; see `formats.check_holds`.
    format
        A format's name, or a suffix.
    quality
        1 to 100, for formats that can lose something. None keeps what the source had, or loses
        nothing if it had lost nothing; JPEG's 92 and AVIF's 85 apart.
    compress
        0 (stored) to 9 (smallest), for PNG and TIFF. None is quick and small.

    Raises
    ------
    ImageError
        If the format can't hold what is to be written, or a number is out of range.
    """
    return b"".join(parts(images, format, quality=quality, compress=compress))


def parts(
    images: Image | Frames,
    format: str,
    *,
    quality: int | None = None,
    compress: int | None = None,
) -> Iterator[bytes]:
    """Return a file bit by bit: some are written while the rest is still being made.

    Each frame is asked for when its turn comes. One frame without a time is written as an image.

    Parameters
    ----------
    images, format, quality, compress
        As for `encode`.

    Raises
    ------
    ImageError
        At once if the format can't hold an image, or several, or a number is out of range; while
        parts are asked for, if it can't hold a frame, or that can't be read.
    """
    coded = _coded(images, format, quality=quality, compress=compress)
    if not callable(coded):
        return coded
    target = io.BytesIO()
    coded(target)
    return iter((target.getvalue(),))


def _coded(
    images: Image | Frames, format: str, *, quality: int | None, compress: int | None
) -> Iterator[bytes] | Callable[[IO[bytes]], None]:
    """Return a file's parts, or what writes it where it may go back; as `parts` does."""
    name = parse_format(format)
    codec = codec_of(name)
    values = {"quality": quality, "compress": compress}
    options = {option: values[option] for option in codec.options}
    if isinstance(images, Frames):
        check_several(name, images.count)
        if images.count > 1 or (images.durations is not None and codec.several):
            check_options(quality, compress)
            return _frame_parts(images, codec, options)
        images = images[0]
    return _image_parts(images, codec, options, (quality, compress))


def _image_parts(
    image: Image, codec: Codec, options: dict[str, Any], numbers: tuple[int | None, int | None]
) -> Iterator[bytes] | Callable[[IO[bytes]], None]:
    check_holds(image.dtype.name, image.channels, codec.name)
    image = settled(image, codec.name)
    check_options(*numbers)
    image = image.with_meta(formats.with_colours(image.meta, image.channels, codec)[0])
    coder, what = codec.encode, f"can't be written as {codec.name}"
    assert coder is not None
    need = _WRITING * image.dtype.itemsize * prod(image.size) * len(image.channels)
    _check_room(codec, need)
    coded = guard(lambda: coder(image, **options), what, lambda: need)
    if callable(coded):
        into = coded
        return lambda file: guard(lambda: into(file), what, lambda: need)
    return iter((coded,)) if isinstance(coded, bytes) else guarded(coded, what, lambda: need)


def _frame_parts(frames: Frames, codec: Codec, options: dict[str, Any]) -> Iterator[bytes]:
    coder = codec.encode_frames
    assert coder is not None
    _check_room(codec, _WRITING * max(frames.sizes, default=0))
    checked = replace(frames, start=lambda first: _checked(frames, codec.name))
    return guarded(coder(checked, **options), f"can't be written as {codec.name}")


def _check_room(codec: Codec, need: int) -> None:
    """Refuse to begin what would end the process for want of memory."""
    if codec.crashes and not memory.is_had(need + memory.SLACK):
        raise ImageError(memory.NOT_ENOUGH)


def _checked(frames: Frames, format: str) -> Iterator[Image]:
    """Give frames that a format holds; those of an animation are alike."""
    first, pages = None, codec_of(format).pages
    for number, image in enumerate(frames):
        try:
            check_holds(image.dtype.name, image.channels, format)
        except ImageError as error:
            raise ImageError(f"frame {number}: {error}") from error
        image = settled(image, format)
        kind = image.size, image.channels, image.depth
        first = first or kind
        if not pages and kind != first:
            raise ImageError(
                f"frame {number} is {described(*kind)}, and the first {described(*first)}; the "
                f"frames of an animation are alike: use `path` NAME.tif"
            )
        yield image.with_meta(formats.with_colours(image.meta, image.channels, codec_of(format))[0])
        del image


def write(
    path: str | Path,
    image: Image | Frames | Iterable[Image],
    *,
    format: str | None = None,
    quality: int | None = None,
    compress: int | None = None,
    overwrite: bool = False,
) -> Path:
    """Write an image, or several, to a file that appears whole or not at all.

    Parameters
    ----------
    path
        The target; its suffix says the format unless `format` does. Several images go to TIFF, or
        to an animation in another format that holds several.
    image
        An image; frames, as `open` gives them; or images, to which `Frames.of` gives times. Those
        of an animation have one size, one depth and the same channels; without times each is
        shown for 100 ms.
    format, quality, compress
        As for `encode`.
    overwrite
        Whether a file of that name may be replaced.

    Raises
    ------
    ImageError
        If the format can't hold the images, the file exists, one can't be read, or it can't be
        written.
    """
    if not isinstance(image, Image | Frames):
        image = Frames.of(image)
    name = parse_format(format_of(path) if format is None else format)
    check_free(path, overwrite)
    coded = _coded(image, name, quality=quality, compress=compress)
    return write_atomic(path, coded, overwrite)


def _reading(data: bytes, name: str) -> int:
    """Return what reading a file takes, told from its header."""
    header = header_of(peek_into(data), name)
    return 0 if header is None else 2 * header.nbytes + header.overhead


def timing_notes(frames: Frames, format: str) -> tuple[str, ...]:
    """Say what a format can't say of when frames are shown, or what it says of its own.

    Parameters
    ----------
    frames
        The source.
    format
        The name of the format to be written.
    """
    if codec_of(format).pages:
        return (
            (f"{format} can't hold the animation's timing: left out",) if frames.durations else ()
        )
    if frames.durations is None:
        return (f"the pages have no timing: each is shown for {DURATION:g} ms, over and over",)
    codec, notes = codec_of(format), []
    if frames.loop and not codec.loops:
        notes.append(f"{format} can't hold how often the animation is played: left out")
    if min(frames.durations) < codec.shortest:
        notes.append(f"{format} shows each frame for {codec.shortest:g} ms at least")
    return tuple(notes)


def check_options(quality: int | None, compress: int | None) -> None:
    """Refuse numbers that are out of range.

    Raises
    ------
    ImageError
        If one is; the message names its option.
    """
    _check_range("`quality`", quality, 1, 100)
    _check_range("`compress`", compress, 0, 9)


def check_free(path: str | Path, overwrite: bool) -> None:
    """Refuse a name that is taken, before any work is done.

    Raises
    ------
    ImageError
        If it is, and may not be replaced.
    """
    if not overwrite and os.path.lexists(path):
        raise TakenError(
            f"{Path(path).name!r} exists; use `overwrite` to replace it, or another name"
        )


def _check_range(option: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise ImageError(f"{option} must be {least} to {most}, got {value}")


def _limit(max_pixels: int | None) -> int:
    return MAX_PIXELS if max_pixels is None else max_pixels


def _damaged(name: str) -> str:
    return f"the {name} file is damaged"
