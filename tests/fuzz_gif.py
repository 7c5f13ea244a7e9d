"""The first image of a GIF file, by the book and with no mercy: a reference (GIF89a, W3C)."""

from __future__ import annotations

import struct

import numpy as np


def decode_gif(data):
    """RGB of the first image on its own, (rows, cols, 3); ValueError if anything is missing."""
    _, _, flags, _, _ = struct.unpack_from("<HHBBB", data, 6)
    at, table = 13, None
    if flags & 0x80:
        size = 3 * 2 ** ((flags & 7) + 1)
        table, at = data[at : at + size], at + size
    while data[at] == 0x21:
        _, at = _blocks(data, at + 2)
    if data[at] != 0x2C:
        raise ValueError("no image follows")
    left, top, width, height, flags = struct.unpack_from("<HHHHB", data, at + 1)
    at += 10
    if flags & 0x80:
        size = 3 * 2 ** ((flags & 7) + 1)
        table, at = data[at : at + size], at + size
    coded, _ = _blocks(data, at + 1)
    indices = _unpack(coded, data[at], width * height)
    rows = np.array(indices[: width * height], dtype=np.uint8).reshape(height, width)
    if flags & 0x40:
        order = [
            *range(0, height, 8),
            *range(4, height, 8),
            *range(2, height, 4),
            *range(1, height, 2),
        ]
        whole = np.empty_like(rows)
        whole[order] = rows
        rows = whole
    colours = np.frombuffer(table, np.uint8).reshape(-1, 3)
    return (left, top), colours[rows]


def _blocks(data, at):
    """What is in a list of sub-blocks, and where it ends."""
    parts = []
    while data[at]:
        part = data[at + 1 : at + 1 + data[at]]
        if len(part) < data[at]:
            raise ValueError("cut short in a block")
        parts.append(part)
        at += 1 + data[at]
    return b"".join(parts), at + 1


def _unpack(coded, least, count):
    """LZW codes to indices (appendix F)."""
    clear, width = 1 << least, least + 1
    table = [bytes([k]) for k in range(clear)] + [b"", b""]
    known, previous, found = [*table], b"", bytearray()
    held = bits = 0
    for byte in coded:
        held |= byte << bits
        bits += 8
        while bits >= width and len(found) < count:
            code, held, bits = held & ((1 << width) - 1), held >> width, bits - width
            if code == clear:
                known, width, previous = [*table], least + 1, b""
                continue
            if code == clear + 1:
                raise ValueError(f"{len(found)} pixels of {count}")
            if code > len(known) or (code == len(known) and not previous):
                raise ValueError("a code that is not there yet")
            entry = known[code] if code < len(known) else previous + previous[:1]
            found += entry
            if previous and len(known) < 4096:
                known.append(previous + entry[:1])
                width += len(known) == 1 << width and width < 12
            previous = entry
    if len(found) < count:
        raise ValueError(f"{len(found)} pixels of {count}")
    return found
