"""All frames of a GIF file, by the book and with no mercy (GIF89a)."""

from __future__ import annotations

import struct

import numpy as np
from fuzz_gif import _blocks, _unpack

_CLEARED = 2


def decode_gif_frames(data):
    """(rows, cols, 4) of each frame as browsers show it; ValueError if anything is amiss."""
    cols, rows, flags, _, _ = struct.unpack_from("<HHBBB", data, 6)
    at, table = _table(data, 13, flags)
    canvas, frames = np.zeros((rows, cols, 4), np.uint8), []
    disposal, clear = 0, None
    while data[at] != 0x3B:
        if data[at] == 0x21 and data[at + 1] == 0xF9:
            size, packed, _, index, end = struct.unpack_from("<BBHBB", data, at + 2)
            if (size, end) != (4, 0):
                raise ValueError("a control block of another size")
            disposal, clear = packed >> 2 & 7, index if packed & 1 else None
            at += 8
        elif data[at] == 0x21:
            _, at = _blocks(data, at + 2)
        else:
            place, drawn, at = _frame(data, at, table, clear)
            canvas[place][drawn[..., 3] > 0] = drawn[drawn[..., 3] > 0]
            frames.append(canvas.copy())
            if disposal == _CLEARED:
                canvas[place] = 0
            disposal, clear = 0, None
    if at != len(data) - 1:
        raise ValueError("more after the end")
    return frames


def _table(data, at, flags):
    size = 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
    return at + size, np.frombuffer(data[at : at + size], np.uint8).reshape(-1, 3)


def _frame(data, at, table, clear):
    """Where a frame belongs, its RGBA, and where it ends."""
    if data[at] != 0x2C:
        raise ValueError(f"block {data[at]:#x}")
    left, top, cols, rows, flags = struct.unpack_from("<HHHHB", data, at + 1)
    if flags & 0x40:
        raise ValueError("interlaced, which convcli never writes")
    at, own = _table(data, at + 10, flags)
    coded, end = _blocks(data, at + 1)
    indices = np.array(_unpack(coded, data[at], rows * cols), np.uint8)
    if indices.size != rows * cols:
        raise ValueError(f"{indices.size} pixels of {rows * cols}")
    indices = indices.reshape(rows, cols)
    colours = (own if len(own) else table)[indices]
    alpha = np.where(indices == (-1 if clear is None else clear), 0, 255).astype(np.uint8)
    place = slice(top, top + rows), slice(left, left + cols)
    return place, np.dstack([colours, alpha]), end
