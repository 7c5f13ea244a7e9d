"""How far a large file is read: to where its structure ends, or to what its image can take.

Behind that may be anything: a film beside a photograph, an archive, zeros without end. None of it
is read.
"""

from __future__ import annotations

from convcli.image.formats import codec_of
from convcli.image.header import Header, Peek
from convcli.image.limits import TOGETHER

#: Bytes for all that isn't pixels: profiles, text, previews, a film behind a photograph.
ALLOWANCE = 2**26
#: A file may be so many times as large as its samples uncompressed. JUSTIFICATION: noise, which
#: no coding makes smaller, is made larger by a hundredth in PNG, WebP and JPEG 2000, by a third in
#: JPEG of the best quality, and by half in GIF (12 bits for a byte).
TIMES = 2
#: Bytes a pixel for a file whose header isn't understood.
_UNKNOWN = 8
#: A frame is counted as at least so many pixels.
FRAME = 2**12


def extent(peek: Peek, format: str, header: Header | None, limit: int) -> int:
    """Return how many bytes of a large file are to be read.

    Parameters
    ----------
    peek
        Gives the file's bytes.
    format
        As `recognise` names it.
    header
        As `header_of` gives it.
    limit
        The most pixels of an image.
    """
    own = codec_of(format).extent
    return own(peek, header, limit) if own else most(header, limit)


def most(header: Header | None, limit: int) -> int:
    """Return the bytes that a file's samples may take, with what stands beside them."""
    if header is None:
        return ALLOWANCE + _UNKNOWN * limit
    return ALLOWANCE + one(header) * min(header.frames, frames(header, limit))


def one(header: Header) -> int:
    """Return the bytes that one image may take."""
    return TIMES * max(header.stored, header.nbytes)


def frames(header: Header, limit: int) -> int:
    """Return how many frames there may be."""
    return TOGETHER * limit // max(header.pixels, FRAME) + 1
