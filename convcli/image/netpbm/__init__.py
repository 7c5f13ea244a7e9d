"""PBM, PGM, PPM, PAM and PFM (netpbm's format pages): their codecs, and what a header says."""

from __future__ import annotations

from convcli.image.codec import ANY, GRAY, OPAQUE, Codec, LazyFunction
from convcli.image.header import MOST, Header, Peek
from convcli.image.netpbm.layout import images, layout
from convcli.record import replace


def _header(peek: Peek) -> Header | None:
    first = layout(peek)
    if first is None:
        return None
    found = [each.header for each in images(peek, MOST)]
    if len(found) < 2:
        return first.header
    largest = max(found, key=lambda each: each.pixels)
    stored = max(each.stored for each in found)
    return replace(largest, format=first.name, frames=len(found), stored=stored)


def _codec(
    name: str,
    holds: dict[str, frozenset[str]],
    wide: float | None = None,
    proposed: int = 0,
    peaks: range = range(0),
) -> Codec:
    several = name != "PFM"
    return Codec(
        name,
        holds,
        decode=LazyFunction("netpbm.stream", "decode"),
        encode=LazyFunction("netpbm.read", "encode", format=name),
        header=_header,
        open=LazyFunction("netpbm.stream", "open_frames") if several else None,
        encode_frames=LazyFunction("netpbm.stream", "frame_parts", format=name)
        if several
        else None,
        extent=LazyFunction("netpbm.stream", "extent"),
        carries=frozenset({"text"} if name != "PFM" else ()),
        pages=several,
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
PAM = _codec("PAM", {"bool": GRAY, "uint8": ANY, "uint16": ANY}, 3.0, peaks=_PEAKS)
PFM = _codec("PFM", {"float32": OPAQUE})
