"""Volumes in NumPy's `.npy` files: (planes, rows, cols), or with channels behind these."""

from __future__ import annotations

import io
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from numpy.lib import format as npy

from convcli.errors import ImageError
from convcli.image.depth import storable
from convcli.image.frames import Frames, check_total
from convcli.image.image import Image, Meta
from convcli.image.npy.array import behind, check_numbers, read_header

_SHAPES = "(planes, rows, cols) or (planes, rows, cols, channels)"


def open_planes(data: bytes, limit: int) -> Frames:
    """Open an array of planes; each is taken from the file when it is asked for.

    Raises
    ------
    ImageError
        If it is damaged, has another shape, objects in it, or planes of more than `limit` pixels.
    """
    header = read_header(data)
    shape, kind, across, start = header
    if len(shape) not in (3, 4) or 0 in shape:
        raise ImageError(f"the array has shape {shape}; expected {_SHAPES}, none of them 0")
    check_numbers(data, header, (shape[1], shape[2]), limit)
    check_total(shape[0], prod(shape[:3]), limit)
    stored = np.frombuffer(data, kind, prod(shape), start)
    volume = stored.reshape(shape, order="F" if across else "C")

    def planes(first: int) -> Iterator[Image]:
        for number in range(first, shape[0]):
            pixels = storable(volume[number])
            if pixels.ndim == 3 and pixels.shape[2] == 1:
                pixels = pixels[:, :, 0]
            meta = Meta("NPY", f"array of {kind.name}", frames=shape[0])
            yield Image(pixels, meta=meta)

    size = prod(shape[1:]) * kind.itemsize
    sizes, notes = (size,) * shape[0], behind(data, header)
    return Frames(shape[0], planes, format="NPY", sizes=sizes, notes=notes)


def parts(frames: Frames) -> Iterator[bytes]:
    """Yield a `.npy` file of planes, which are all of the first one's shape and type."""
    for number, image in enumerate(frames):
        if number == 0:
            header = io.BytesIO()
            shape = (frames.count, *image.pixels.shape)
            described: dict[str, Any] = {
                "descr": npy.dtype_to_descr(image.pixels.dtype),
                "fortran_order": False,
                "shape": shape,
            }
            npy.write_array_header_1_0(header, described)
            yield header.getvalue()
        yield image.pixels.tobytes()
        del image
