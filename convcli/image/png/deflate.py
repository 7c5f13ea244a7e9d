"""Deflate in bands: compressed apart, each the way that suits it, and joined (RFC 1950, 1951)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from convcli.image import codecs
from convcli.record import record

#: How far back a match may lie.
WINDOW = 32768
#: Ways are tried on so many bytes out of a band's middle, or on the whole of a small band.
_SPOT, _SMALL = 32768, 100_000
#: A band that a way makes so many times smaller is flat: a spot says little of it, and there is
#: time to try the other ways on the whole of it.
_FLAT = 8
#: Adler-32's modulus.
_PRIME = 65521
_HEADER = b"\x78\x5e"


@record
class Compression:
    """How bytes are compressed.

    Parameters
    ----------
    level, strategy
        zlib's numbers.
    price
        What a byte of the result counts when ways are compared: 1.01 for a slow one, that
        must be a hundredth smaller to be taken.
    follows
        Whether it is tried only where the way before it is the cheapest so far.
    """

    level: int
    strategy: int
    price: float = 1.0
    follows: bool = False


@record
class DeflatedBand:
    """A compressed band, and the size and Adler-32 checksum of what is in it."""

    data: bytes
    size: int
    checksum: int


def compress(
    own: memoryview, past: memoryview, ways: Sequence[Compression], last: bool
) -> DeflatedBand:
    """Compress one band of a stream; bands may be compressed in any order, or at once.

    Parameters
    ----------
    own
        The band's bytes.
    past
        What stands in the stream just before them, up to `WINDOW` bytes, to be referred to.
    ways
        What to choose from.
    last
        Whether the stream ends here. Other bands end with an empty stored block, on a byte's
        boundary.
    """
    ending = zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH
    way, tried = _choose(own, past, ways)
    # What was tried on all there is needn't be done again.
    data = tried if last and tried is not None else _pack(own, past, way, ending)
    if len(data) * _FLAT < len(own):
        others = (
            _pack(own, past, each, ending) for each in ways if each != way and not each.follows
        )
        data = min((data, *others), key=len)
    return DeflatedBand(data, len(own), codecs.packing().adler32(own))


def choose(own: memoryview, past: memoryview, ways: Sequence[Compression]) -> Compression:
    """Return the way that makes a spot in the middle of a band cheapest."""
    return _choose(own, past, ways)[0]


def _choose(
    own: memoryview, past: memoryview, ways: Sequence[Compression]
) -> tuple[Compression, bytes | None]:
    """Return the cheapest way, and what it made of a band if the spot was all of it."""
    if len(ways) == 1:
        return ways[0], None
    size = _SPOT if len(own) > _SMALL else _SMALL
    start = max(0, (len(own) - size) // 2)
    spot = own[start : start + size]
    before = own[max(0, start - WINDOW) : start] if start else past
    best, made = ways[0], _pack(spot, before, ways[0], zlib.Z_FINISH)
    for before_it, way in pairwise(ways):
        if way.follows and best is not before_it:
            continue
        found = _pack(spot, before, way, zlib.Z_FINISH)
        if way.price * len(found) < best.price * len(made):
            best, made = way, found
    return best, made if len(spot) == len(own) else None


def join(bands: Iterable[DeflatedBand]) -> Iterator[bytes]:
    """Yield the parts of a zlib stream that holds bands, one after the other."""
    checksum, held = 1, _HEADER
    for number, band in enumerate(bands):
        if number:
            yield held
        held = band.data if number else held + band.data
        checksum = combine(checksum, band.checksum, band.size)
    yield held + checksum.to_bytes(4, "big")


def combine(first: int, second: int, size: int) -> int:
    """Return the Adler-32 of two pieces, one after the other; `size` is the second's.

    Examples
    --------
    >>> combine(zlib.adler32(b"Wiki"), zlib.adler32(b"pedia"), 5) == zlib.adler32(b"Wikipedia")
    True
    """
    low = (first & 0xFFFF) - 1
    high = (first >> 16) + (second >> 16) + size * low
    return (high % _PRIME) << 16 | (low + (second & 0xFFFF)) % _PRIME


def _pack(content: memoryview, past: memoryview, way: Compression, ending: int) -> bytes:
    """Return bytes as bare deflate blocks, which may refer to what came before them."""
    options: list[Any] = [way.level, zlib.DEFLATED, -15, 9, way.strategy]
    if way.strategy != zlib.Z_RLE and way.level > 0 and len(past) > 0:
        options.append(past)
    packer = codecs.packing().compressobj(*options)
    data: bytes = packer.compress(content) + packer.flush(ending)
    return data
