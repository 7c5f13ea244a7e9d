"""Files of named arrays, `.npz` and `.safetensors`: which ones there are, and each when asked for.

Nothing of a file is run: pickled objects are refused by the arrays' headers.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from functools import partial
from math import prod
from os import SEEK_END
from pathlib import Path
from typing import Any, NoReturn, TypeGuard
from zipfile import BadZipFile, LargeZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from convcli.errors import KernelError
from convcli.kernels.bank import MAX_WEIGHTS
from convcli.kernels.npy import HEAD, is_complex, read_array, shape_of
from convcli.kernels.texts import FileKind
from convcli.record import record

#: Bytes of an array that is read: float64 weights, and a header.
_MOST = 8 * MAX_WEIGHTS + HEAD
_KIND = FileKind("bank", _MOST, KernelError)
#: Arrays of a file. Large networks have some thousands.
_MOST_ARRAYS = 20_000
#: Bytes of a safetensors header, as its own library has it.
_MOST_HEADER = 100_000_000
_LENGTH = 8
#: Types of safetensors that are numbers, and NumPy's. BF16 is the upper half of an F32.
_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1", "BOOL": "|b1",
}  # fmt: skip
#: What a damaged or odd ZIP archive makes Python's reader raise.
_UNZIPPED = (
    BadZipFile, LargeZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError,
    ValueError, LookupError,
)  # fmt: skip


@record(eq=False)
class Tensors:
    """The arrays of a file by name.

    Parameters
    ----------
    shapes
        Of each that holds numbers.
    load
        Reads one of them.
    complex
        Those that hold complex numbers.
    """

    shapes: dict[str, tuple[int, ...]]
    load: Callable[[str], NDArray[Any]]
    complex: tuple[str, ...] = ()


def open_npz(file: Path) -> Tensors:
    """Return the arrays of a `.npz` file.

    Raises
    ------
    KernelError
        If it can't be read.
    """
    if file.is_file():
        try:
            with ZipFile(file) as archive:
                names = [name for name in archive.namelist() if name.endswith(".npy")]
                _check_count(file, len(names))
                heads = {name[: -len(".npy")]: _head(archive, name) for name in names}
        except _UNZIPPED as error:
            _damaged(file, "npz", error)
        found = {name: shape for name, (shape, _) in heads.items() if shape is not None}
        unreal = tuple(name for name, (_, unreal) in heads.items() if unreal)
        return Tensors(found, partial(_from_npz, file), unreal)
    _KIND.read(file)
    raise KernelError(f"{file} is not a file; expected a .npz file")


def _head(archive: ZipFile, name: str) -> tuple[tuple[int, ...] | None, bool]:
    """Return the shape of an array of real numbers, and whether it is one of complex ones."""
    with archive.open(name) as member:
        head = member.read(HEAD)
    return shape_of(head), is_complex(head)


def _from_npz(file: Path, name: str) -> NDArray[Any]:
    try:
        with ZipFile(file) as archive, archive.open(f"{name}.npy") as member:
            data = member.read(_MOST + 1)
    except _UNZIPPED as error:
        _damaged(file, "npz", error)
    try:
        return read_array(data, MAX_WEIGHTS)
    except KernelError as error:
        raise KernelError(f"{file}, {name[:64]}: {error}") from None


def _damaged(file: Path, kind: str, error: Exception) -> NoReturn:
    if isinstance(error, OSError) and error.strerror:
        raise KernelError(f"{str(file)!r} can't be read: {error.strerror}") from None
    raise KernelError(
        f"{file} is no {kind} file that can be read: it is damaged, cut off, or of another kind"
    ) from None


def _check_count(file: Path, count: int) -> None:
    if count > _MOST_ARRAYS:
        raise KernelError(f"{file} holds {count:,} arrays; expected at most {_MOST_ARRAYS:,}")


def open_safetensors(file: Path) -> Tensors:
    """Return the tensors of a `.safetensors` file.

    The format: the header's length as 8 bytes, little-endian; the header, JSON, which has dtype,
    shape and first and last byte of each tensor; their bytes.

    Raises
    ------
    KernelError
        If it can't be read, or its header and its length contradict each other.
    """
    with _KIND.opened(file) as stream:
        head = stream.read(_LENGTH)
        length = int.from_bytes(head, "little")
        size = stream.seek(0, SEEK_END) - _LENGTH
        if len(head) < _LENGTH or length > size:
            _refuse(file, f"its header would have {length:,} bytes, and {max(size, 0):,} are left")
        if length > _MOST_HEADER:
            _refuse(file, f"its header has {length:,} bytes; expected {_MOST_HEADER:,} at most")
        stream.seek(_LENGTH)
        header = _parsed(file, stream.read(length))
    start = _LENGTH + length
    entries = {name: _entry(file, name, each, size - length) for name, each in header.items()}

    def load(name: str) -> NDArray[Any]:
        return _from_safetensors(file, name, entries[name], start)

    shapes = {name: entry.shape for name, entry in entries.items() if entry.dtype in _TYPES}
    unknown = sorted({entry.dtype for entry in entries.values()} - {*_TYPES})
    if not shapes and unknown:
        raise KernelError(
            f"{file} holds {', '.join(unknown)[:64]}; expected numbers of {', '.join(_TYPES)}"
        )
    return Tensors(shapes, load)


@record
class _Entry:
    """A tensor: its type and shape, and between which bytes it stands."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def _parsed(file: Path, text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        _refuse(file, "its header isn't JSON")
    if not isinstance(found, dict):
        _refuse(file, "its header isn't a table of tensors")
    _check_count(file, len(found))
    found.pop("__metadata__", None)
    return found


def _entry(file: Path, name: str, found: Any, size: int) -> _Entry:
    """Check what a header says of a tensor; `size` bytes follow the header."""
    what = name[:64]
    if not isinstance(found, dict):
        _refuse(file, f"tensor {what!r} has no dtype, shape and data_offsets")
    dtype, shape, offsets = (found.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or not _are_sizes(shape) or not _are_sizes(offsets):
        _refuse(file, f"tensor {what!r} has no dtype, shape and data_offsets")
    if len(offsets) != 2 or not offsets[0] <= offsets[1] <= size:
        _refuse(file, f"tensor {what!r} stands at bytes {str(offsets)[:40]} of {size:,}")
    need = prod(shape) * np.dtype(_TYPES[dtype]).itemsize if dtype in _TYPES else None
    if need is not None and need != offsets[1] - offsets[0]:
        _refuse(
            file,
            f"tensor {what!r} has {offsets[1] - offsets[0]:,} bytes, and {dtype} of shape "
            f"{str(shape)[:40]} takes {need:,}",
        )
    return _Entry(dtype, tuple(shape), offsets[0], offsets[1])


def _are_sizes(found: Any) -> TypeGuard[list[int]]:
    return isinstance(found, list) and all(type(size) is int and size >= 0 for size in found)


def _from_safetensors(file: Path, name: str, entry: _Entry, start: int) -> NDArray[Any]:
    size = entry.end - entry.begin
    if size > _MOST:
        raise KernelError(f"{file}, {name[:64]}: has over {MAX_WEIGHTS:,} weights; not a bank")
    with _KIND.opened(file) as stream:
        stream.seek(start + entry.begin)
        data = stream.read(size)
    if len(data) < size:
        _refuse(file, f"tensor {name[:64]!r} is cut off: {len(data):,} bytes of {size:,}")
    array = np.frombuffer(data, _TYPES[entry.dtype]).reshape(entry.shape)
    if entry.dtype == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array


def _refuse(file: Path, reason: str) -> NoReturn:
    raise KernelError(f"{file} is not a safetensors file that can be read: {reason}")
