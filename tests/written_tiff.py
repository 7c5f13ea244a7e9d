"""TIFF and BigTIFF files as convcli writes them, by the book: strips, deflate, predictors."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np

_WIDTH = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 16: 8}
_CODE = {1: "B", 3: "H", 4: "I", 16: "Q"}


def decode_tiff(data):
    """All pages of a file; ValueError or struct.error if something isn't as it must be."""
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    (version,) = struct.unpack_from(order + "H", data, 2)
    big = {42: False, 43: True}[version]
    (at,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    pages = []
    while at:
        tags, at = _directory(data, at, order, big)
        pages.append(_page(data, tags, order))
    return pages


def _directory(data, at, order, big):
    """Tags and their values, and where the next directory is."""
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
    at += 8 if big else 2
    room = 8 if big else 4
    tags, before = {}, 0
    for _ in range(count):
        tag, kind, number = struct.unpack_from(order + ("HHQ" if big else "HHI"), data, at)
        if tag <= before:
            raise ValueError(f"tag {tag} after {before}")
        before = tag
        place = at + 4 + room
        if _WIDTH.get(kind, 1) * number > room:
            (place,) = struct.unpack_from(order + ("Q" if big else "I"), data, place)
            if place + _WIDTH.get(kind, 1) * number > len(data):
                raise ValueError(f"tag {tag} lies beyond the end")
        if kind in _CODE:
            tags[tag] = struct.unpack_from(f"{order}{number}{_CODE[kind]}", data, place)
        at += 4 + 2 * room
    return tags, struct.unpack_from(order + ("Q" if big else "I"), data, at)[0]


def _page(data, tags, order):
    cols, rows = tags[256][0], tags[257][0]
    bands, bits = tags.get(277, (1,))[0], tags[258][0] if 258 in tags else 1
    form = {1: "u", 2: "i", 3: "f"}[tags.get(339, (1,))[0]]
    strips = zip(tags[273], tags[279], strict=True)
    parts = [data[start : start + size] for start, size in strips]
    if tags[259][0] == 8:
        parts = [zlib.decompress(part) for part in parts]
    width = (cols * bands * bits + 7) // 8
    if tags[259][0] == 4:
        parts = [imagecodecs.ccittfax4_decode(part, rows, cols).tobytes() for part in parts]
        unpacked = np.frombuffer(b"".join(parts), np.uint8).reshape(rows, cols)
        return unpacked != 0
    high = tags.get(278, (rows,))[0]
    for number, part in enumerate(parts):
        expected = min(high, rows - number * high) * width
        if len(part) != expected:
            raise ValueError(f"a strip of {len(part)} bytes, expected {expected}")
    lines = np.frombuffer(b"".join(parts), np.uint8).reshape(rows, width)
    if bits == 1:
        return np.unpackbits(lines, axis=1)[:, :cols].astype(bool)
    kind, predictor = f"{form}{bits // 8}", tags.get(317, (1,))[0]
    pixels = _samples(lines, predictor, (rows, cols, bands), kind, order)
    return pixels if bands > 1 else pixels[..., 0]


def _samples(lines, predictor, shape, kind, order):
    rows, cols, bands = shape
    size = int(kind[1:])
    if predictor == 3:
        # Bytes of equal weight stand together, the high ones first, each a difference.
        steps = lines.reshape(rows, size * cols, bands)
        planes = np.cumsum(steps, axis=1, dtype=np.uint8).reshape(rows, size, cols * bands)
        return (
            np.ascontiguousarray(planes.transpose(0, 2, 1))
            .view(f">f{size}")
            .reshape(shape)
            .astype(kind)
        )
    pixels = lines.reshape(-1).view(order + kind).reshape(shape)
    if predictor == 2:
        pixels = np.cumsum(pixels, axis=1, dtype=kind)
    return pixels.astype(kind)
