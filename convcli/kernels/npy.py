"""A kernel in a NumPy array file, whose header is read by its own rule and nothing of it is run.

The format: "NEP 1 — A Simple File Format for NumPy Arrays"; versions 1 to 3.
"""

from __future__ import annotations

import ast
import re
import warnings
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from convcli.errors import KernelError
from convcli.kernels.exact import MAX_TAPS, Cells, quoted, to_fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY"
#: Bytes of a header's length by version, and of the longest header: arrays of numbers take 128.
_LENGTHS, _MOST = {(1, 0): 2, (2, 0): 4, (3, 0): 4}, 10_000
#: Bytes that the longest header ends in.
HEAD = _MOST + 12
_KEYS = {"descr", "fortran_order", "shape"}
#: Types of numbers, and of what else there is: its letter, and a size.
_TYPE = re.compile(r"[<>|=]?[?a-zA-Z]\d{0,4}")
_COMPLEX = "cFDG"
_REAL = re.compile(r"[<>|=]?(?:\?|b1|[iu][1248]|f(?:2|4|8|10|12|16))")


class _NpyHeader(NamedTuple):
    """What a header says, and where it ends."""

    type: str
    across: bool
    shape: tuple[int, ...]
    end: int


def read_npy(data: bytes) -> Cells:
    """Read an array of one or two dimensions; pickled objects are refused.

    Raises
    ------
    KernelError
        If it isn't one, or not of real numbers, or too large: told from its header.
    """
    header = _real(data)
    shape = header.shape
    if not 1 <= len(shape) <= 2 or not 0 < min(shape) <= max(shape) <= MAX_TAPS:
        raise KernelError(
            f"the array has shape {quoted(shape)}; expected rows × columns, "
            f"at most {MAX_TAPS} a side"
        )
    array = _plain(_array(data, header))
    return [[to_fraction(v) for v in row] for row in np.atleast_2d(array).tolist()]


def read_array(data: bytes, most: int) -> NDArray[Any]:
    """Read an array of real numbers of any shape; pickled objects are refused.

    Parameters
    ----------
    data
        The file.
    most
        Numbers that it may have.

    Raises
    ------
    KernelError
        If it isn't one, or not of real numbers, or too large: told from its header.
    """
    header = _real(data)
    if prod(header.shape) > most:
        raise KernelError(
            f"the array has shape {quoted(header.shape)}; expected at most {most:,} numbers"
        )
    return _array(data, header)


def shape_of(data: bytes) -> tuple[int, ...] | None:
    """Return the shape of an array of real numbers, told from its header; None for anything else.

    Parameters
    ----------
    data
        The beginning of the file: `HEAD` bytes are enough.
    """
    try:
        return _real(data).shape
    except KernelError:
        return None


def is_complex(data: bytes) -> bool:
    """Whether an array file holds complex numbers, told from its beginning, as `shape_of` is."""
    try:
        return _header(data).type.lstrip("<>|=")[:1] in _COMPLEX
    except KernelError:
        return False


def _real(data: bytes) -> _NpyHeader:
    """Return the header of an array of real numbers."""
    header = _header(data)
    if not _REAL.fullmatch(header.type):
        if header.type.lstrip("<>|=")[:1] in _COMPLEX:
            raise KernelError(
                "the array doesn't hold real numbers, but complex ones; expected its real and its "
                "imaginary parts apart"
            )
        raise KernelError("the array doesn't hold real numbers; expected integers or floats")
    return header


def _array(data: bytes, header: _NpyHeader) -> NDArray[Any]:
    """Return the numbers behind a header."""
    shape = header.shape
    try:
        kind = np.dtype(header.type)
    except TypeError:  # a float of other machines
        raise KernelError(f"the array holds {header.type}, which this machine hasn't") from None
    need, there = prod(shape) * kind.itemsize, len(data) - header.end
    if there < need:
        raise KernelError(f"the array is cut off: it has {there} bytes of {need}")
    flat = np.frombuffer(data, kind, prod(shape), header.end)
    return flat.reshape(shape, order="F" if header.across else "C")


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """Return numbers of types that Python has, too."""
    if array.dtype.kind in "b":
        return array.astype(np.int64)
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            return array.astype(np.float64)
    return array


def _header(data: bytes) -> _NpyHeader:
    """Return what the header of an array file says.

    Raises
    ------
    KernelError
        If it isn't one.
    """
    version = tuple(data[6:8])
    if not data.startswith(_MAGIC) or version not in _LENGTHS:
        _refuse("it doesn't begin as one")
    start = 8 + _LENGTHS[version]
    size = int.from_bytes(data[8:start], "little")
    text = data[start : start + size]
    if size > _MOST or len(text) < size:
        _refuse("its header is cut off, or too long")
    try:
        with warnings.catch_warnings():  # Python's parser would remark upon what is odd in it
            warnings.simplefilter("ignore")
            # Python 2 wrote long numbers with an L.
            found = ast.literal_eval(re.sub(r"(?<=\d)L", "", text.decode("latin-1")).strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        _refuse("its header can't be understood")
    if not isinstance(found, dict) or found.keys() != _KEYS:
        _refuse("its header lacks descr, fortran_order and shape, or has more")
    return _checked(found, start + size)


def _checked(found: dict[str, object], end: int) -> _NpyHeader:
    """Check the types of what a header says."""
    kind, across, shape = found["descr"], found["fortran_order"], found["shape"]
    if not isinstance(across, bool):
        _refuse("its fortran_order is neither True nor False")
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        _refuse("its shape isn't one of whole numbers")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        kind = "O" if isinstance(kind, list) else _refuse("its descr is no type of numbers")
    return _NpyHeader(kind, across, shape, end)


def _refuse(reason: str) -> NoReturn:
    raise KernelError(f"not a NumPy array that can be read: {reason}")
