"""Whether the coded data of a JPEG file are whole: libjpeg keeps to itself what it makes up."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import local
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convcli.image import codecs
from convcli.image.jpeg.scans import Scans

if TYPE_CHECKING:
    from logging import LogRecord

_END = b"\xff\xd9"
#: What may follow coded pixels without changing them. One of two might happen to fit.
_FILLINGS = (b"\x55" * 64, b"\xaa" * 64)
#: How libjpeg's warnings begin that mean other pixels than were meant; others do no harm.
_WRONG = ("Corrupt JPEG data", "Premature end", "Inconsistent progression", "Invalid")
#: What it says of bytes behind a scan's last block.
_STRAY = "extraneous bytes"
#: By how much luma may be off that is worked out from rounded colours.
_ROUNDED = 2
#: TIFF's numbers for an image that begins with black, and for luma and chroma.
_BLACK, _LUMA = 1, 6
#: TIFF's tags are sorted, each with its type: 3 for two bytes, 4 for four.
_SHORT, _LONG = 3, 4


def watched(
    data: bytes, size: tuple[int, int], sampling: Sequence[tuple[int, int]]
) -> NDArray[Any] | str | None:
    """Return a file's samples, or what libjpeg has against them; None if that can't be had.

    JUSTIFICATION: of the libraries at hand only libtiff passes libjpeg's warnings on. So it gets
    the file as the one strip of a TIFF file. That takes a third more time; to decode twice and
    compare takes twice as long.

    Parameters
    ----------
    data
        A file of 8-bit gray, or of luma and chroma, with an end mark.
    size
        (rows, cols).
    sampling
        (across, down) of each component.
    """
    if len(sampling) not in (1, 3) or any(each != (1, 1) for each in sampling[1:]):
        return None
    if len(sampling) == 3 and not {*sampling[0]} <= {1, 2, 4}:
        return None
    try:
        with _listening() as said:
            pixels: NDArray[Any] = codecs.load("imagecodecs").tiff_decode(
                _wrapped(data, size, sampling), verbose=1
            )
    except Exception:
        # An older library, or what isn't JPEG as TIFF has it.
        return None
    against = [] if said is None else [words for words in said if words.startswith(_WRONG)]
    if against:
        # It says one thing only, and this may hide what comes after.
        return None if _STRAY in against[0] else against[0]
    right = pixels.shape == (size if len(sampling) == 1 else (*size, 3))
    return pixels if said is not None and right and pixels.dtype == np.uint8 else None


def copied(pixels: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
    """Copy samples that lie apart; a channel at a time, in a fifth of the time that all take."""
    if out.ndim == 2:
        out[...] = pixels
    else:
        for channel in range(out.shape[2]):
            out[..., channel] = pixels[..., channel]
    return out


def _wrapped(data: bytes, size: tuple[int, int], sampling: Sequence[tuple[int, int]]) -> bytes:
    """Return a TIFF file with a JPEG file as its only strip (TIFF 6.0; Technical Note 2)."""
    count = len(sampling)
    colour = count == 3
    tags: list[tuple[int, int, int, int]] = [
        (256, _LONG, 1, size[1]),
        (257, _LONG, 1, size[0]),
        (258, _SHORT, count, 8),
        (259, _SHORT, 1, 7),
        (262, _SHORT, 1, _LUMA if colour else _BLACK),
        (273, _LONG, 1, 0),
        (277, _SHORT, 1, count),
        (278, _LONG, 1, size[0]),
        (279, _LONG, 1, len(data)),
        (284, _SHORT, 1, 1),
    ]
    if colour:
        tags.append((530, _SHORT, 2, sampling[0][0] | sampling[0][1] << 16))
    behind = 8 + 2 + 12 * len(tags) + 4
    depths = struct.pack("<4H", 8, 8, 8, 8)
    places = {273: behind + len(depths)} | ({258: behind} if colour else {})
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    entries = [struct.pack("<HHII", *tag[:3], places.get(tag[0], tag[3])) for tag in tags]
    return b"".join((head, *entries, bytes(4), depths, data))


class _Listener(local):
    """What is said on a thread while somebody listens there; None while nobody does."""

    said: list[str] | None = None

    def filter(self, record: LogRecord) -> bool:
        """Take words for whoever listens; whether others are to hear them."""
        if self.said is None:
            return True
        self.said.append(record.getMessage())
        return False


_LISTENER = _Listener()


@contextmanager
def _listening() -> Iterator[list[str] | None]:
    """Give what the library says on this thread; None if it has been told to be quiet."""
    import logging

    logger = logging.getLogger("imagecodecs")
    # The same filter is kept only once.
    logger.addFilter(_LISTENER)
    if not logger.isEnabledFor(logging.WARNING):
        yield None
        return
    said: list[str] = []
    _LISTENER.said = said
    try:
        yield said
    finally:
        _LISTENER.said = None


def first_changed(data: bytes, scans: Scans, pixels: NDArray[Any]) -> int | None:
    """Return the first row that depends on what follows coded data; None if none does.

    libjpeg ignores what follows the last block, and takes it for blocks if some are missing.

    Parameters
    ----------
    data
        A file with an end mark.
    scans
        Its scans.
    pixels
        What is decoded of it.
    """
    for filling in _FILLINGS:
        parts, at = [], 0
        for scan in scans.found:
            parts += [data[at : scan.end], filling]
            at = scan.end
        other = codecs.load_quiet().jpeg8_decode(b"".join((*parts, data[at:])))
        if not np.array_equal(other, pixels):
            rows = (other != pixels).reshape(len(pixels), -1).any(axis=1)
            return int(np.flatnonzero(rows)[0])
    return None


def may_be_cut(
    pixels: NDArray[Any], sampling: Sequence[tuple[int, int]], luma: bool, block: int, middle: int
) -> bool:
    """Whether an image's last unit may be one that libjpeg makes up: gray, or luma that is.

    Parameters
    ----------
    pixels
        The image, as it is decoded.
    sampling
        (across, down) of each component; those that are coarser than others are mixed with others'
        units.
    luma
        Whether the first components are luma and chroma; black comes last.
    block
        Samples of a component that a unit has at least, down and across.
    middle
        The sample that stands for no difference from gray.
    """
    most = tuple(max(each[k] for each in sampling) for k in (0, 1))
    unit = (block, block) if len(sampling) == 1 else (block * most[1], block * most[0])
    top, left = ((size - 1) // step * step for size, step in zip(pixels.shape, unit, strict=False))
    last = pixels[top:, left:]
    if len(sampling) == 1:
        return bool((last == middle).all())
    fine = [k for k, each in enumerate(sampling) if each == most and not (luma and k < 3)]
    if fine:
        return bool((last[..., fine[0]] == middle).all())
    if len(sampling) > 3 or sampling[0] != most:
        return True
    return bool(_may_be_gray(last.reshape(-1, 3).astype(np.float64), middle).all())


def _may_be_gray(colours: NDArray[Any], middle: int) -> NDArray[Any]:
    """Whether colours may have the luma of gray: chroma is mixed with that of units before.

    What is clipped may have had any luma; but black and white can't have had gray's.
    """
    red, green, blue = colours.T
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    clipped = ((colours == 0) | (colours == 2 * middle - 1)).any(axis=1)
    achromatic = (red == green) & (green == blue)
    found: NDArray[Any] = (np.abs(luma - middle) <= _ROUNDED) | (clipped & ~achromatic)
    return found
