"""PBM, PGM, PPM and PFM (netpbm's format pages): their codecs, and what a header says."""

from __future__ import annotations

import re

from convcli.image.codec import GRAY, OPAQUE, Codec, LazyFunction
from convcli.image.header import HEAD, WIDTHS, Header, Peek, whole_type

_NUMBER = re.compile(rb"(?:\s|#[^\r\n]*[\r\n])+([^\s#]+)")
#: What a file holds, by how it begins.
NAMES = {
    b"P1": "PBM", b"P4": "PBM", b"P2": "PGM", b"P5": "PGM", b"P3": "PPM", b"P6": "PPM",
    b"Pf": "PFM", b"PF": "PFM",
}  # fmt: skip


def _header(peek: Peek) -> Header | None:
    head = peek(0, HEAD)
    magic, at, numbers = head[:2], 2, []
    for _ in range(2 if magic in (b"P1", b"P4") else 3):
        found = _NUMBER.match(head, at)
        if found is None:
            return None
        numbers.append(found[1])
        at = found.end()
    cols, rows = int(numbers[0]), int(numbers[1])
    channels = 3 if magic in (b"P3", b"P6", b"PF") else 1
    samples = rows * cols * channels
    name = NAMES[magic]
    dtype, wide = "float32", 4
    if name == PBM.name:
        dtype, wide = "bool", 1
    elif name != PFM.name:
        dtype = whole_type(8 if int(numbers[2]) < 256 else 16)
        wide = WIDTHS[dtype]
    plain = magic in (b"P1", b"P2", b"P3")
    # Words of text are objects of 33 bytes and more, and a place in a list each.
    overhead = samples * (60 if plain and name != PBM.name else 3 * wide)
    stored = samples * 16 if plain else samples * wide
    return Header(name, (rows, cols), channels, dtype, overhead, stored=stored + at)


_DECODE = LazyFunction("netpbm.read", "decode")


def _codec(
    name: str,
    holds: dict[str, frozenset[str]],
    wide: float | None = None,
    proposed: int = 0,
    peaks: range = range(0),
) -> Codec:
    return Codec(
        name,
        holds,
        decode=_DECODE,
        encode=LazyFunction("netpbm.read", "encode", format=name),
        header=_header,
        coder=2.0,
        coder_wide=wide,
        proposed=proposed,
        peaks=peaks,
    )


#: All but that of black and white.
_PEAKS = range(2, 2**16)

PBM = _codec("PBM", {"bool": GRAY})
PGM = _codec("PGM", {"bool": GRAY, "uint8": GRAY, "uint16": GRAY}, 3.0, 2, _PEAKS)
PPM = _codec("PPM", {"bool": GRAY, "uint8": OPAQUE, "uint16": OPAQUE}, 3.0, 3, _PEAKS)
#: Whichever of the three fits.
PNM = _codec("PNM", PPM.holds, 3.0, peaks=_PEAKS)
PFM = _codec("PFM", {"float32": OPAQUE})
