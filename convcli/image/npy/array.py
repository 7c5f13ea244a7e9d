"""Reading and writing NumPy's `.npy` files, never running code from them."""

from __future__ import annotations

import io
import warnings
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from convcli.errors import ImageError
from convcli.image.channels import file_order
from convcli.image.depth import storable
from convcli.image.image import Image, Meta
from convcli.image.limits import check_size

#: Of the file format.
_VERSIONS = ((1, 0), (2, 0), (3, 0))
#: Bytes that its header is in: NumPy reads none of more than 10,000.
_HEAD = 2**16


def decode(data: bytes, limit: int) -> Image:
    """Read a `.npy` file of shape (rows, cols) or (rows, cols, channels).

    Raises
    ------
    ImageError
        If it is damaged, has another shape, objects in it, or more than `limit` pixels.
    """
    header = read_header(data)
    shape, kind = header.shape, header.kind
    if len(shape) not in (2, 3):
        raise ImageError(
            f"the array has shape {shape}; expected (rows, cols) or (rows, cols, channels)"
        )
    check_numbers(data, header, (shape[0], shape[1]), limit)
    file = io.BytesIO(data)
    array = npy.read_array(file, allow_pickle=False)
    pixels = storable(array)
    notes = behind(data, header)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return Image(pixels, meta=Meta(format="NPY", mode=f"array of {kind.name}", notes=notes))


def behind(data: bytes, header: ArrayHeader) -> tuple[str, ...]:
    """Say that something follows the array: `numpy.save` may have been called several times."""
    end = header.start + prod(header.shape) * header.kind.itemsize
    following = data[end : end + len(npy.MAGIC_PREFIX)]
    if not following:
        return ()
    if following == npy.MAGIC_PREFIX:
        return ("only the first array in the file was filtered: others follow it",)
    return ("what follows the array in the file is left out",)


class ArrayHeader(NamedTuple):
    """What a header says: `across` for Fortran's order; samples begin at `start`."""

    shape: tuple[int, ...]
    kind: np.dtype[Any]
    across: bool
    start: int


def read_header(data: bytes) -> ArrayHeader:
    """Return what an array's header says.

    Raises
    ------
    ImageError
        If it is damaged.
    """
    # What Python 2 wrote takes a little longer to read, and NumPy says so.
    warnings.filterwarnings("ignore", message="Reading `.npy`", category=UserWarning)
    if b"\\" in data[: data.find(b"\n", 10) + 1]:
        # Python's parser would remark upon what is escaped in it.
        raise ImageError("the array is damaged: its header is no header")
    file = io.BytesIO(data[:_HEAD])
    try:
        version = npy.read_magic(file)
        if version not in _VERSIONS:
            raise ValueError(f"version {version}")
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, across, kind = reader(file)
    except MemoryError:
        raise
    except Exception as error:
        # NumPy has Python read it, which raises what it likes.
        raise ImageError("the array is damaged: its header can't be understood") from error
    # True is a whole number to Python, and to NumPy's check.
    if any(type(size) is not int or size < 0 for size in shape):
        raise ImageError(f"the array is damaged: its shape is {shape}")
    return ArrayHeader(shape, kind, across, file.tell())


def check_numbers(data: bytes, header: ArrayHeader, size: tuple[int, int], limit: int) -> None:
    """Refuse what holds no numbers, is cut short, or has more than `limit` pixels of a size.

    Raises
    ------
    ImageError
        If it does.
    """
    kind = header.kind
    if kind.hasobject or kind.fields is not None or kind.subdtype is not None:
        raise ImageError(f"the array holds {kind.name}, not numbers, and is not read")
    check_size(size[1], size[0], limit)
    expected, there = prod(header.shape) * kind.itemsize, len(data) - header.start
    if there < expected:
        raise ImageError(f"the array is cut short: {there} bytes of {expected}")


def encode(image: Image) -> bytes:
    """Return a `.npy` file of the pixels; metadata have no place in it."""
    file, pixels, bands = io.BytesIO(), image.pixels, image.meta.bands
    if bands.alpha is not None:
        pixels = pixels[:, :, file_order(image.channels, bands)]
    npy.write_array(file, np.ascontiguousarray(pixels), allow_pickle=False)
    return file.getvalue()
