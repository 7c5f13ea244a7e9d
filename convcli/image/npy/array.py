"""Reading and writing NumPy's `.npy` files, never running code from them."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from numpy.lib import format as npy

from convcli.errors import ImageError
from convcli.image.depth import storable
from convcli.image.image import Image, Meta
from convcli.image.limits import check_size

#: Of the file format.
_VERSIONS = ((1, 0), (2, 0), (3, 0))


def decode(data: bytes, limit: int) -> Image:
    """Read a `.npy` file of shape (rows, cols) or (rows, cols, channels).

    Raises
    ------
    ImageError
        If it is damaged, has another shape, objects in it, or more than `limit` pixels.
    """
    # What Python 2 wrote takes a little longer to read, and NumPy says so.
    warnings.filterwarnings("ignore", message="Reading `.npy`", category=UserWarning)
    if b"\\" in data[: data.find(b"\n", 10) + 1]:
        # Python's parser would remark upon what is escaped in it.
        raise ImageError("the array is damaged: its header is no header")
    file = io.BytesIO(data)
    shape, kind = _header(file)
    if len(shape) not in (2, 3):
        raise ImageError(
            f"the array has shape {shape}; expected (rows, cols) or (rows, cols, channels)"
        )
    if kind.hasobject or kind.fields is not None or kind.subdtype is not None:
        raise ImageError(f"the array holds {kind.name}, not numbers, and is not read")
    check_size(shape[1], shape[0], limit)
    expected = int(np.prod(shape, dtype=object)) * kind.itemsize
    if len(data) - file.tell() < expected:
        raise ImageError(f"the array is cut short: {len(data) - file.tell()} bytes of {expected}")
    file.seek(0)
    array = npy.read_array(file, allow_pickle=False)
    pixels, notes = storable(array)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return Image(pixels, meta=Meta(format="NPY", mode=f"array of {kind.name}", notes=notes))


def _header(file: io.BytesIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return an array's shape and type, and leave the file where its samples begin."""
    try:
        version = npy.read_magic(file)
        if version not in _VERSIONS:
            raise ValueError(f"version {version}")
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, kind = read_header(file)
    except MemoryError:
        raise
    except Exception as error:
        # NumPy has Python read it, which raises what it likes.
        raise ImageError("the array is damaged: its header can't be understood") from error
    # True is a whole number to Python, and to NumPy's check.
    if any(type(size) is not int or size < 0 for size in shape):
        raise ImageError(f"the array is damaged: its shape is {shape}")
    return shape, kind


def encode(image: Image) -> bytes:
    """Return a `.npy` file of the pixels; metadata have no place in it."""
    file = io.BytesIO()
    npy.write_array(file, image.pixels, allow_pickle=False)
    return file.getvalue()
