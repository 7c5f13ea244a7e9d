"""Compiled loops: made once a machine, kept in a store, loaded without a compiler.

Importing Numba takes longer than filtering a picture. So an entry's machine code is kept in a
file (`folder`), laid out so that a later process only has to put it into memory (`flat`,
`machine`). What can't be laid out so is kept as object code, and loaded through llvmlite.
The first time, LLVM makes it of what the package has of the common loops (`lowered`, `objects`);
only the others need Numba (`entries`).
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from contextlib import suppress
from struct import Struct
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from convcli.engine import folder, machine

#: Begins what is kept: whether it is flat, and where its function begins if so.
_HEAD = Struct("<?7xQ")

_lock = threading.Lock()
_loaded: dict[tuple[str, ...], _Entry] = {}
_seconds = 0.0


class _Entry:
    """A loaded function, called with the arrays of its loop."""

    def __init__(self, content: bytes) -> None:
        is_flat, start = _HEAD.unpack_from(content)
        code = content[_HEAD.size :]
        begin, self._keep = machine.place(code) if is_flat else machine.link(code)
        self._address = begin + start
        self._function: Callable[..., int] | None = None

    def __call__(self, *arrays: NDArray[Any]) -> None:
        # Numba's own convention: where to put a result, where to put an exception, arguments.
        nothing = ctypes.byref(ctypes.c_void_p())
        if self._function is None:
            kinds = [ctypes.c_void_p] * (2 + len(arrays))
            self._function = ctypes.CFUNCTYPE(ctypes.c_int, *kinds)(self._address)
        self._function(nothing, nothing, *(array.ctypes.data for array in arrays))


def load(name: str, functions: tuple[str, ...], samples: tuple[str, ...]) -> Callable[..., None]:
    """Return a loop compiled for given sample types, from the store if it is there.

    Parameters
    ----------
    name
        `band` or `store_rows`.
    functions
        The names of the loops it is given.
    samples
        Its sample types, as `entries.compile_entry` takes them.

    Returns
    -------
    callable
        Takes C-contiguous arrays in the loop's order; single values as arrays of one. It holds
        no lock while it runs.
    """
    key = (name, *functions, *samples)
    with _lock:
        entry = _loaded.get(key)
        if entry is None:
            entry = _loaded[key] = _from_store(key) or _compile(key, functions, samples)
    return entry


def _from_store(key: tuple[str, ...]) -> _Entry | None:
    """Load an entry that an earlier process compiled; None if there is none that works."""
    content = folder.read(key)
    if content is None:
        return None
    try:
        return _Entry(content)
    except (RuntimeError, OSError, ImportError):
        return None


def _compile(key: tuple[str, ...], functions: tuple[str, ...], samples: tuple[str, ...]) -> _Entry:
    global _seconds
    start = perf_counter()
    content = _content(_object_code(key, functions, samples))
    entry = _Entry(content)
    folder.write(key, content)
    _seconds += perf_counter() - start
    return entry


def _object_code(
    key: tuple[str, ...], functions: tuple[str, ...], samples: tuple[str, ...]
) -> bytes:
    """Compile a loop: from what the package has of it, or else from its source."""
    from convcli.engine import lowered

    text = lowered.text(key)
    if text is not None:
        from convcli.engine.objects import object_code

        # An LLVM that doesn't read what another one has written says so, and Numba does it all.
        with suppress(RuntimeError, NameError):
            return object_code(text, "entry")
    from convcli.engine.entries import compile_entry

    return compile_entry(key[0], functions, samples)


def _content(code: bytes) -> bytes:
    """Return what is kept of object code."""
    from convcli.engine.flat import NotFlatError, flatten

    if not machine.can_place():
        return _HEAD.pack(False, 0) + code
    try:
        piece, start = flatten(code)
    except NotFlatError:
        return _HEAD.pack(False, 0) + code
    return _HEAD.pack(True, start) + piece


def keeps_loops() -> bool:
    """Whether there is a folder that compiled loops are kept in."""
    return folder.folder() is not None


def seconds_compiling() -> float:
    """How long this process has spent compiling loops that no store had."""
    return _seconds
