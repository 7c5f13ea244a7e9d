"""A block: something that a file holds beside its pixels; comments."""

from __future__ import annotations

from typing import Any

from convcli.record import field, record

#: What a block may tell of an image; a result of which that isn't true any more doesn't get it.
SIZE, PLACE, CHANNELS, DEPTH, FRAMES = "size", "place", "channels", "depth", "frames"
#: All of these, and that samples are the very same: a thumbnail tells of them, or a checksum.
PIXELS = "pixels"

#: Words for what several formats hold.
GAIN_MAP, FILM, DEPTH_MAP = "gain map", "film of a motion photo", "depth map"
CREDENTIAL = "content credential (C2PA)"


def letters(content: bytes) -> str:
    """Return a comment: programs write UTF-8, whatever their format asks for, or Latin-1."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


@record
class Block:
    """Something that a file holds beside its pixels and no field of `Meta` has.

    Parameters
    ----------
    kind
        What codecs know it by: the format's name and its own key, such as `TIFF 33550` and
        `PNG tIME`, or a name that formats share, such as `IPTC`.
    words
        What it is called in messages: `GeoTIFF scale`, `private tag 65000`. Empty for what is of
        use to its own format alone, which nothing is said of.
    content
        What the codec that made it, or another one that knows this kind, writes again: bytes, or
        anything that can be pickled. None for what is only named, because nobody can write it.
    tells
        What it tells of the image, of the words above: where that changes, `changes` adapts the
        block, or leaves it out and says so.
    """

    kind: str
    words: str
    content: Any = field(default=None, repr=False)
    tells: frozenset[str] = frozenset()
