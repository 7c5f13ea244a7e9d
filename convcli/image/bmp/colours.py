"""What Windows' longer BMP headers say of colours: a profile, or primaries and curves.

BITMAPV4HEADER and BITMAPV5HEADER, with places counted from the file's beginning.
"""

from __future__ import annotations

import struct

from convcli.image.beside.block import Block
from convcli.image.image import Meta
from convcli.record import replace

_START, _V4, _V5 = 14, 108, 124
_KIND, _ENDS, _GAMMA, _PROFILE = 70, 74, 110, 126
_CALIBRATED, _EMBEDDED, _LINKED = 0, 0x4D424544, 0x4C494E4B
_PERCEPTUAL = 4
_UNIT = 100_000


def with_colours(meta: Meta, data: bytes) -> Meta:
    """Return metadata with what a file's header says of colours."""
    (size,) = struct.unpack_from("<I", data, _START)
    if size not in (_V4, _V5) or len(data) < _START + size:
        return meta
    (kind,) = struct.unpack_from("<I", data, _KIND)
    if kind == _CALIBRATED:
        return replace(meta, chunks=_calibrated(data))
    if size == _V5 and kind == _EMBEDDED:
        start, length = struct.unpack_from("<II", data, _PROFILE)
        icc = data[_START + start : _START + start + length]
        if length > 128 and len(icc) == length:
            return replace(meta, icc=icc)
        return replace(meta, beside=(Block("BMP", "colour profile, which is damaged"),))
    if size == _V5 and kind == _LINKED:
        return replace(meta, beside=(Block("BMP", "link to a colour profile"),))
    return meta


def _calibrated(data: bytes) -> tuple[tuple[str, bytes], ...]:
    """Return primaries and curve as PNG's chunks have them; nothing if they make no sense."""
    ends = [each / 2**30 for each in struct.unpack_from("<9I", data, _ENDS)]
    gammas = [each / 2**16 for each in struct.unpack_from("<3I", data, _GAMMA)]
    colours = [ends[k : k + 3] for k in (0, 3, 6)]
    # All three together are white.
    white = [sum(parts) for parts in zip(*colours, strict=True)]
    if not all(sum(each) > 0 for each in colours) or not 0.1 < gammas[0] < 10:
        return ()
    places = [part / sum(each) for each in (white, *colours) for part in each[:2]]
    return (
        ("gAMA", struct.pack(">I", round(_UNIT / gammas[0]))),
        ("cHRM", struct.pack(">8I", *(round(_UNIT * place) for place in places))),
    )


def with_profile(coded: bytes, icc: bytes) -> bytes:
    """Return a file with a profile, behind its pixels, in a longer header.

    Parameters
    ----------
    coded
        A file with Windows' usual header, of 40 bytes.
    icc
        The profile.
    """
    (start,) = struct.unpack_from("<I", coded, 10)
    more = _V5 - 40
    body = coded[54:]
    place = _V5 + len(body)
    colours = bytes(16) + struct.pack("<I", _EMBEDDED) + bytes(48)
    tail = struct.pack("<IIII", _PERCEPTUAL, place, len(icc), 0)
    head = struct.pack("<2sIII", b"BM", _START + place + len(icc), 0, start + more)
    return b"".join((head, struct.pack("<I", _V5), coded[18:54], colours, tail, body, icc))
