"""JPEG 2000's other boxes: resolution, and what programs add (ITU-T T.800, annex I).

GeoJP2 and IPTC stand in boxes of their own numbers, GML (OGC 05-047) among associations.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from math import floor, log10

from convcli.errors import ImageError
from convcli.image.beside import photoshop
from convcli.image.beside.block import CHANNELS, CREDENTIAL, DEPTH, PLACE, SIZE, Block
from convcli.image.boxes import box, boxes
from convcli.image.header import printable

_KIND = "JPEG2000 "
_GEO_UUID = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")
_IPTC_UUID = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
_PHOTOSHOP_UUID = bytes.fromhex("2c4c0100850440b9a03e562148d6dfeb")
_ANYTHING = frozenset({SIZE, PLACE, CHANNELS, DEPTH})
#: Boxes that stay as they are, what they are called, and what they tell of.
_KEPT = {
    b"xml ": ("XML box", frozenset({SIZE, PLACE})),
    b"asoc": ("associations (GML)", frozenset({SIZE, PLACE})),
    b"uinf": ("UUID info box", frozenset[str]()),
    b"jp2i": ("rights box", frozenset[str]()),
}
_STRUCTURE = frozenset((b"jP  ", b"ftyp", b"jp2h", b"jp2c", b"rreq", b"free"))
_METRES_AN_INCH = 0.0254
_RATIONAL = struct.Struct(">HHHHbb")
_MOST = 65535


def blocks_of(found: Iterable[tuple[bytes, bytes]]) -> tuple[Block, ...]:
    """Return the blocks of a file's boxes, without those of EXIF and XMP."""
    blocks: list[Block] = []
    for name, content in found:
        if name == b"uuid":
            blocks += _of_uuid(content[:16], content)
        elif name in _KEPT:
            words, tells = _KEPT[name]
            blocks.append(Block(_KIND + name.decode(), words, content, tells))
        elif name == b"jumb":
            words = CREDENTIAL if b"c2pa" in content else "JUMBF data"
            blocks.append(Block(_KIND + "jumb", words))
        elif name not in _STRUCTURE:
            words = f"box {printable(name).strip()}"
            blocks.append(Block(_KIND + "other", words))
    return tuple(blocks)


def _of_uuid(number: bytes, content: bytes) -> list[Block]:
    if number == _IPTC_UUID:
        return [Block(photoshop.IPTC, "IPTC", content[16:])]
    if number == _PHOTOSHOP_UUID:
        return photoshop.taken_apart(content[16:])
    if number == _GEO_UUID:
        return [Block(_KIND + "uuid", "GeoJP2", content, frozenset({SIZE, PLACE}))]
    return [Block(_KIND + "uuid", f"UUID box {number.hex()[:8]}", content, _ANYTHING)]


def written(blocks: Iterable[Block]) -> list[bytes]:
    """Return the boxes of blocks, which stand before the codestream."""
    found = []
    for block in blocks:
        if block.kind == photoshop.IPTC and block.content:
            found.append(box(b"uuid", _IPTC_UUID + block.content))
        elif block.kind.startswith(_KIND) and isinstance(block.content, bytes):
            found.append(box(block.kind[len(_KIND) :].encode(), block.content))
    return found


def resolution(header: bytes) -> tuple[float, float] | None:
    """Return the pixels an inch (x, y) of a header box: to be shown with, or captured with."""
    said: dict[bytes, bytes] = {}
    try:
        for name, content in boxes(header):
            if name == b"res ":
                said |= dict(boxes(content))
        content = said.get(b"resd") or said.get(b"resc") or b""
        above_y, below_y, above_x, below_x, power_y, power_x = _RATIONAL.unpack(content)
    except (ImageError, struct.error):
        return None
    if not (above_y and below_y and above_x and below_x):
        return None
    x, y = above_x / below_x * 10.0**power_x, above_y / below_y * 10.0**power_y
    return x * _METRES_AN_INCH, y * _METRES_AN_INCH


def resolution_box(dpi: tuple[float, float]) -> bytes:
    """Return a box that says with how many pixels an inch an image is shown and was captured."""
    (above_x, below_x, power_x), (above_y, below_y, power_y) = (
        _rational(each / _METRES_AN_INCH) for each in dpi
    )
    content = _RATIONAL.pack(above_y, below_y, above_x, below_x, power_y, power_x)
    return box(b"res ", box(b"resc", content) + box(b"resd", content))


def _rational(value: float) -> tuple[int, int, int]:
    """Return a number as a fraction, below 2¹⁶ each, times a power of ten."""
    # Numbers of metres, where these are exact enough: some readers show no others.
    power = 0 if 1 <= value <= _MOST // 2 else min(max(floor(log10(value)), -100), 100)
    scaled = value / 10.0**power
    near = Fraction(scaled).limit_denominator(max(1, int(_MOST / max(scaled, 10))))
    return min(near.numerator, _MOST), near.denominator, power
