"""Reading and writing images: from anything to an `Image`, and back to a whole file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from convcli import memory
from convcli.errors import ConvError, ImageError, TakenError
from convcli.image.atomic import write_atomic
from convcli.image.formats import check_holds, format_of, parse_format
from convcli.image.image import Image
from convcli.image.limits import MAX_PIXELS
from convcli.image.source import Source, load
from convcli.image.upright import upright

if TYPE_CHECKING:
    from convcli.image.png.inflate import Inflating

Result = TypeVar("Result")

#: Where each format is read: module and function of (data, limit).
_DECODERS = {
    "PNG": ("png.read", "decode"),
    "JPEG": ("jpeg.read", "decode"),
    "TIFF": ("tiff.read", "decode"),
    "WEBP": ("pillow", "decode_webp"),
    "BMP": ("pillow", "decode_bmp"),
    "GIF": ("gif.read", "decode"),
    "AVIF": ("pillow", "decode_avif"),
    "JPEG2000": ("jpeg2000", "decode"),
    "NPY": ("npy", "decode"),
    **dict.fromkeys(("PBM", "PGM", "PPM", "PFM"), ("netpbm", "decode")),
}
#: Where each format is written: module and function of (image, …), and what it takes beside.
_ENCODERS = {
    "PNG": ("png.write", "parts", "compress"),
    "JPEG": ("jpeg.write", "parts", "quality"),
    "TIFF": ("tiff.write", "encode", "compress"),
    "WEBP": ("pillow_write", "encode_webp", "quality"),
    "BMP": ("pillow_write", "encode_bmp", ""),
    "GIF": ("gif.write", "encode", ""),
    "AVIF": ("pillow_write", "encode_avif", "quality"),
    "JPEG2000": ("jpeg2000", "encode", "quality"),
    "NPY": ("npy", "encode", ""),
    **dict.fromkeys(("PBM", "PGM", "PPM", "PFM", "PNM"), ("netpbm", "encode", "format")),
}
#: Formats of which a damaged file may be read in part.
LENIENT = ("GIF", "JPEG", "PNG")
#: Bytes that a coder takes at the most, a byte of samples (AVIF, JPEG 2000).
WRITING = 16
#: Formats whose library doesn't look whether it got memory (libaom 3.12: SIGSEGV).
_CRASHES = ("AVIF",)
#: Formats that are written band by band, on threads that ask for a band's rows each.
IN_BANDS = ("PNG", "JPEG")


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
    if frame is None:
        return decode(*load(source, max_pixels), max_pixels=max_pixels, lenient=lenient)
    from convcli.image.frame_files import pick

    return pick(*load(source, max_pixels), frame, max_pixels=max_pixels, lenient=lenient)


def decode(
    data: bytes,
    name: str,
    rows: Inflating | None = None,
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
    rows
        What is in a PNG file's rows, if that is already being found.
    stored
        Gives the image as it is stored, if that is already being found.
    max_pixels, lenient
        As for `read`, which raises the same errors.
    """
    limit = MAX_PIXELS if max_pixels is None else max_pixels
    more = () if rows is None else (rows,)

    def work() -> Image:
        image = stored() if stored else _decode(data, name, limit, *more, lenient=lenient)
        # TIFF has turned its pages already: its orientation is a tag of its own.
        return image if name == "TIFF" else upright(image)

    return guard(work, f"the {name} file is damaged", lambda: _reading(data, name))


def encode(
    image: Image, format: str, *, quality: int | None = None, compress: int | None = None
) -> bytes:
    """Return a file of an image, as bytes.

    Parameters
    ----------
    image
        What the format holds exactly; see `formats.check_holds`.
    format
        A format's name, or a suffix.
    quality
        1 to 100, for JPEG, WebP, AVIF and JPEG 2000. None keeps what the source had, or loses
        nothing if it had lost nothing; JPEG's 92 and AVIF's 85 apart.
    compress
        0 (stored) to 9 (smallest), for PNG and TIFF. None is quick and small.

    Raises
    ------
    ImageError
        If the format can't hold the image, or a number is out of range.
    """
    return b"".join(_parts(image, format, quality=quality, compress=compress))


def _parts(
    image: Image, format: str, *, quality: int | None, compress: int | None
) -> Iterable[bytes]:
    """Return a file bit by bit: some are written while the rest is still being made."""
    name = parse_format(format)
    check_holds(image.dtype.name, image.channels, name)
    check_options(quality, compress)
    module, function, option = _ENCODERS[name]
    values = {"quality": quality, "compress": compress, "format": name}
    options = {option: values[option]} if option else {}
    coder = getattr(import_module(f"convcli.image.{module}"), function)
    what = f"can't be written as {name}"
    need = WRITING * image.dtype.itemsize * prod(image.size) * len(image.channels)
    check_room(name, need)
    coded = guard(lambda: coder(image, **options), what, lambda: need)
    return [coded] if isinstance(coded, bytes) else _guarded(coded, what, need)


def check_room(format: str, need: int) -> None:
    """Refuse to begin what would end the process for want of memory.

    Parameters
    ----------
    format
        A format's name.
    need
        Bytes that its coder takes.

    Raises
    ------
    ImageError
        If there aren't as many.
    """
    if format in _CRASHES and not memory.is_had(need + memory.SLACK):
        raise ImageError(memory.NOT_ENOUGH)


def _guarded(parts: Iterator[bytes], what: str, need: int) -> Iterator[bytes]:
    """Yield a file bit by bit; whatever is raised meanwhile becomes one clear line."""
    while (part := guard(lambda: next(parts, None), what, lambda: need)) is not None:
        yield part


def write(
    path: str | Path,
    image: Image,
    *,
    format: str | None = None,
    quality: int | None = None,
    compress: int | None = None,
    overwrite: bool = False,
) -> Path:
    """Write an image to a file that appears whole or not at all.

    Parameters
    ----------
    path
        The target; its suffix says the format unless `format` does.
    image, format, quality, compress
        As for `encode`.
    overwrite
        Whether a file of that name may be replaced.

    Raises
    ------
    ImageError
        If the format can't hold the image, the file exists, or it can't be written.
    """
    name = format_of(path) if format is None else format
    check_free(path, overwrite)
    parts = _parts(image, name, quality=quality, compress=compress)
    return write_atomic(path, parts, overwrite)


def _decode(data: bytes, name: str, limit: int, *rows: Inflating, lenient: bool) -> Image:
    module, function = _DECODERS[name]
    decoder = getattr(import_module(f"convcli.image.{module}"), function)
    options = {"lenient": True} if lenient and name in LENIENT else {}
    image: Image = decoder(data, limit, *rows, **options)
    return image


def _reading(data: bytes, name: str) -> int:
    """Return what reading a file takes, told from its header."""
    from convcli.image.header import header_of, peek_into

    header = header_of(peek_into(data), name)
    return 0 if header is None else 2 * header.nbytes + header.beside


def guard(work: Callable[[], Result], what: str, need: Callable[[], int] = lambda: 0) -> Result:
    """Do work with other people's libraries; whatever they raise becomes one clear line.

    Libraries have words of their own for a want of memory, or none: where there isn't what the
    work needs, that is what is said, and never that a good file is damaged.

    Parameters
    ----------
    work
        What to do.
    what
        What it means if it can't be done: how the line begins.
    need
        Says how many bytes the work takes; asked only if it can't be done.

    Raises
    ------
    ImageError
        If it can't.
    """
    try:
        return work()
    except MemoryError as error:
        raise ImageError(memory.NOT_ENOUGH) from error
    except Exception as error:
        # What a reader of ours made of a library's words is believed no more than these.
        ours = isinstance(error, ConvError)
        if not (ours and error.__context__ is None) and not memory.is_had(need() + memory.SLACK):
            raise ImageError(memory.NOT_ENOUGH) from error
        if ours:
            raise
        # Pillow alone raises eight kinds of exception on damaged files.
        from convcli.image.reasons import describe

        raise ImageError(describe(error, what)) from error


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
