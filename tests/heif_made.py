"""HEIC files with further properties: turned, mirrored, in other colours (ISO/IEC 23008-12)."""

from __future__ import annotations

import struct
from pathlib import Path

#: What libheif 1.15's `heif-enc` made of 128×64 pixels: redder upwards, bluer to the right.
FILES = Path(__file__).resolve().parent / "data" / "heic"
IROT, IMIR = b"\0\0\0\x09irot", b"\0\0\0\x09imir"


def heic(name):
    """Return one of the files."""
    return (FILES / f"{name}.heic").read_bytes()


def nclx(primaries, transfer):
    """Return a property that says what colours are."""
    return struct.pack(">I4s4sHHHB", 19, b"colr", b"nclx", primaries, transfer, 6, 0x80)


def with_property(data, box):
    """Return a file whose first item has one property more."""
    grown = len(box) + 1
    ipco, ipma = data.index(b"ipco") - 4, data.index(b"ipma") - 4
    ipco_size = int.from_bytes(data[ipco : ipco + 4], "big")
    number = _count(data[ipco + 8 : ipco + ipco_size]) + 1
    # version and flags, number of entries, item, number of its associations
    at = ipma + 8 + 4 + 4 + 2
    associations = data[at]
    entry = at + 1 + associations
    assert not data[ipma + 11] & 1, "associations of two bytes"
    changed = b"".join(
        (
            data[: ipco + ipco_size],
            box,
            data[ipco + ipco_size : at],
            bytes([associations + 1]),
            data[at + 1 : entry],
            bytes([0x80 | number]),
            data[entry:],
        )
    )
    changed = bytearray(changed)
    for name, more in ((b"ipco", len(box)), (b"ipma", 1), (b"iprp", grown), (b"meta", grown)):
        place = changed.index(name) - 4
        size = int.from_bytes(changed[place : place + 4], "big")
        changed[place : place + 4] = (size + more).to_bytes(4, "big")
    _shift(changed, grown)
    return bytes(changed)


def _count(boxes):
    """Return how many boxes there are."""
    at = found = 0
    while at < len(boxes):
        at += int.from_bytes(boxes[at : at + 4], "big")
        found += 1
    return found


def _shift(data, by):
    """Have `iloc` (ISO/IEC 14496-12, 8.11.3) say that items lie further behind."""
    at = data.index(b"iloc") + 4
    version, sizes = data[at], data[at + 4] << 8 | data[at + 5]
    offset, length, base = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index = sizes & 15 if version else 0
    items = int.from_bytes(data[at + 6 : at + 8], "big")
    at += 8
    for _ in range(items):
        at += 2
        in_file = not version or not data[at + 1] & 15
        at += 2 if version else 0
        at += 2 + base
        extents = int.from_bytes(data[at : at + 2], "big")
        at += 2
        for _ in range(extents):
            at += index
            if in_file:
                place = int.from_bytes(data[at : at + offset], "big") + by
                data[at : at + offset] = place.to_bytes(offset, "big")
            at += offset + length
