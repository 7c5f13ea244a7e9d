"""TIFF files made by hand: any bits, sample format, planes, strips or tiles, fill and byte order.

What is written is known without any reader, so readers can be compared with it.
"""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np

_CODES = {3: "H", 4: "I"}
COMPRESSIONS = {
    "none": (1, lambda data: data),
    "lzw": (5, imagecodecs.lzw_encode),
    "deflate": (8, imagecodecs.zlib_encode),
    "packbits": (32773, imagecodecs.packbits_encode),
    "zstd": (50000, imagecodecs.zstd_encode),
}


def file(tags, segments, order="<", tiled=False):
    """Return a file of one page.

    Parameters
    ----------
    tags
        Values, or lists of them, by tag; those above 65535 are written as LONG. ASCII and bytes
        are written as UNDEFINED.
    segments
        The strips or tiles.
    order
        `<` or `>`.
    tiled
        Whether they are tiles.
    """
    offsets, body, at = [], b"", 8
    for segment in segments:
        offsets.append(at)
        body += segment + bytes(len(segment) % 2)
        at = 8 + len(body)
    where, sizes = (324, 325) if tiled else (273, 279)
    tags = {where: offsets, sizes: [len(segment) for segment in segments]} | tags
    entries, beyond = b"", b""
    start = at + 2 + 12 * len(tags) + 4
    for tag, value in sorted(tags.items()):
        if isinstance(value, bytes):
            kind, count, packed = 7, len(value), value
        else:
            values = value if isinstance(value, list | tuple) else [value]
            kind = 4 if tag in (273, 279, 324, 325) or max(values) > 65535 else 3
            count = len(values)
            packed = struct.pack(f"{order}{count}{_CODES[kind]}", *values)
        if len(packed) > 4:
            place = start + len(beyond)
            beyond += packed + bytes(len(packed) % 2)
            packed = struct.pack(order + "I", place)
        entries += struct.pack(order + "HHI", tag, kind, count) + packed.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at)
    return head + body + struct.pack(order + "H", len(tags)) + entries + bytes(4) + beyond


def packed(rows, bits, order):
    """Return rows of samples, (rows, samples), as a strip has them: whole bytes a row."""
    if rows.dtype.kind == "f" or bits in (8, 16, 32, 64):
        return np.ascontiguousarray(rows, rows.dtype.newbyteorder(order)).tobytes()
    shifts = np.arange(bits - 1, -1, -1)
    one = (rows.astype(np.uint64)[..., None] >> shifts.astype(np.uint64)) & np.uint64(1)
    return np.packbits(one.astype(np.uint8).reshape(len(rows), -1), axis=1).tobytes()


def page(samples, *, photometric, bits, **how):
    """Return a TIFF file of one page.

    Parameters
    ----------
    samples
        (rows, cols, channels), of a type that holds `bits` bits.
    photometric, bits
        Tags 262 and 258.
    how
        `order`, `planar`, `compression` (of `COMPRESSIONS`), `fill` (1 or 2), `predictor`,
        `tile` (its side, or 0), `rows` (of a strip), and `tags` to add or to replace.
    """
    order, tile = how.get("order", "<"), how.get("tile", 0)
    height, width, count = samples.shape
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    code, encode = COMPRESSIONS[how.get("compression", "none")]
    tags = {256: width, 257: height, 258: [bits] * count, 259: code, 262: photometric,
            266: how.get("fill", 1), 277: count, 284: how.get("planar", 1),
            339: [kind] * count}  # fmt: skip
    predictor, rows = how.get("predictor", 1), how.get("rows", 5)
    tags |= {317: predictor} if predictor > 1 else {}
    tags |= {322: tile, 323: tile} if tile else {278: rows}
    planes = np.split(samples, count, axis=2) if tags[284] == 2 else [samples]
    segments = []
    for plane in planes:
        for part in _parts(plane, tile, rows):
            data = packed(_predicted(part, predictor, order).reshape(len(part), -1), bits, order)
            data = bytes(encode(data))
            if tags[266] == 2:
                data = bytes(imagecodecs.bitorder_encode(data))
            segments.append(data)
    return file(tags | how.get("tags", {}), segments, order, tiled=bool(tile))


def _parts(plane, tile, rows):
    """Yield strips, or tiles filled up with zeros."""
    height, width, _ = plane.shape
    if not tile:
        yield from (plane[at : at + rows] for at in range(0, height, rows))
        return
    filled = np.pad(plane, ((0, -height % tile), (0, -width % tile), (0, 0)))
    for y in range(0, height, tile):
        for x in range(0, width, tile):
            yield filled[y : y + tile, x : x + tile]


def _predicted(part, predictor, order):
    """Return samples as differences: TIFF 6.0, section 14, and Adobe's technical note 3."""
    if predictor == 2:
        part = part.copy()
        kind = part.dtype if part.dtype.kind != "f" else np.dtype(f"u{part.dtype.itemsize}")
        whole = part.view(kind)
        whole[:, 1:] -= whole[:, :-1].copy()
    if predictor == 3:
        count, size = part.shape[2], part.dtype.itemsize
        rows = np.ascontiguousarray(part, part.dtype.newbyteorder(">")).view(np.uint8)
        rows = rows.reshape(len(part), -1, size).transpose(0, 2, 1).reshape(len(part), -1).copy()
        rows[:, count:] -= rows[:, :-count].copy()
        return rows
    return part
