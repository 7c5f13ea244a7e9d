"""Stacks as volumes: their planes opened as `Frames`, and written as they are made."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from convcli.errors import ImageError
from convcli.image.atomic import write_atomic
from convcli.image.codec import Codec
from convcli.image.files import check_free, check_options
from convcli.image.formats import FORMATS, codec_of, codecs
from convcli.image.frames import Frames
from convcli.image.guard import guard, guarded
from convcli.image.image import Image
from convcli.image.limits import MAX_PIXELS
from convcli.image.source import Source, load
from convcli.record import replace

#: Advice that pages of a mapped file aren't needed for now; None on systems that take none.
_DONE_WITH: int | None = getattr(mmap, "MADV_DONTNEED", None)


def open_volume(source: Source, *, max_pixels: int | None = None) -> Frames:
    """Open a stack: its planes, the first of them first.

    Parameters
    ----------
    source
        A path, an open binary file, or the file's bytes.
    max_pixels
        The most pixels that a plane may have; None for 178,956,970. All together may have 64 times
        as many.

    Raises
    ------
    ImageError
        If it can't be read, or is no stack.
    """
    limit = MAX_PIXELS if max_pixels is None else max_pixels
    data, name = load(source, max_pixels, in_parts=True)
    opener = codec_of(name).open_volume
    if opener is None:
        raise ImageError(f"a {name} file is no stack of planes; expected {_stacks()}")
    frames: Frames = guard(lambda: opener(data, limit), f"the {name} file is damaged")

    def start(first: int) -> Iterator[Image]:
        for plane in frames.start(first):
            yield plane
            _let_go(data)

    return replace(frames, start=start)


def _let_go(data: bytes) -> None:
    """Have the system take back what was read of a mapped file; what is needed is read again.

    Else all of it would count as this process's memory in the end.
    """
    if isinstance(data, mmap.mmap) and _DONE_WITH is not None:
        data.madvise(_DONE_WITH)


def check_stack(format: str) -> None:
    """Refuse a format that holds no volume.

    Raises
    ------
    ImageError
        If it doesn't; the message names those that do.
    """
    if codec_of(format).encode_volume is None:
        names = " or ".join(f"`path` NAME{FORMATS[codec.name].suffixes[0]}" for codec in _holding())
        raise ImageError(f"{format} can't hold a volume; use {names}")


def volume_parts(frames: Frames, format: str, compress: int | None = None) -> Iterator[bytes]:
    """Return a file of a volume bit by bit; each plane is asked for when its turn comes.

    Parameters
    ----------
    frames
        The planes, all of one kind.
    format
        A format's name.
    compress
        As `files.encode` takes it.

    Raises
    ------
    ImageError
        If the format can't hold a volume, or the number is out of range; while parts are asked
        for, if a plane can't be had.
    """
    check_stack(format)
    check_options(None, compress)
    codec = codec_of(format)
    coder = codec.encode_volume
    assert coder is not None
    options = {"compress": compress} if "compress" in codec.options else {}
    return guarded(coder(frames, **options), f"can't be written as {format}")


def write_volume(
    path: str | Path,
    frames: Frames,
    format: str,
    *,
    compress: int | None = None,
    overwrite: bool = False,
) -> None:
    """Write a volume to a file that appears whole or not at all.

    Parameters
    ----------
    path, overwrite
        As `files.write` takes them.
    frames, format, compress
        As `volume_parts` takes them.
    """
    check_free(path, overwrite)
    write_atomic(path, volume_parts(frames, format, compress), overwrite)


def _holding() -> list[Codec]:
    return [codec for codec in codecs() if codec.encode_volume is not None]


def _stacks() -> str:
    return "TIFF pages, or a .npy array of (planes, rows, cols)"
