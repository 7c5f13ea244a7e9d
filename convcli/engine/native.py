"""Compiled loops: made once a machine, kept in a store, loaded without a compiler.

Importing Numba takes longer than filtering an image. So an entry's machine code is kept in a
file (`folder`), laid out so that a later process only has to put it into memory (`flat`,
`machine`). What can't be laid out so is kept as object code, and loaded through llvmlite.
The first time, LLVM makes it of what the package has of the common loops (`lowered`, `objects`);
only the others need Numba (`entries`).
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from contextlib import suppress
from struct import Struct, error
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from convcli.engine import folder, machine

#: Begins what is kept: whether it is flat, and where its function begins if so.
_HEAD = Struct("<?7xQ")

#: An entry, by Numba's own convention: where to put a result, where to put an exception, and the
#: one argument, a table of addresses.
_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 3)

_lock = threading.Lock()
_loaded: dict[tuple[str, ...], Loop] = {}
_seconds = 0.0


class Call:
    """A loop and the arrays that it is called with."""

    def __init__(self, loop: Loop, arrays: Sequence[NDArray[Any]]) -> None:
        self._loop, self._held = loop, list(arrays)
        self._addresses = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
        self._nothing = ctypes.byref(ctypes.c_void_p())

    def put(self, k: int, array: NDArray[Any]) -> None:
        """Have another array in the k-th one's place."""
        self._held[k], self._addresses[k] = array, array.ctypes.data

    def __call__(self) -> None:
        """Run the loop; no lock is held meanwhile."""
        self._loop.function(self._nothing, self._nothing, self._addresses)


class Loop:
    """A compiled loop."""

    def __init__(self, content: bytes) -> None:
        is_flat, start = _HEAD.unpack_from(content)
        code = content[_HEAD.size :]
        begin, self._keep = machine.place(code) if is_flat else machine.link(code)
        self.function = _ENTRY(begin + start)

    def bind(self, *structs: Sequence[NDArray[Any]]) -> Call:
        """Return what runs it on the arrays of its structs (`structs`), all C-contiguous."""
        return Call(self, [array for struct in structs for array in struct])


def load(
    name: str,
    functions: tuple[str, ...],
    samples: tuple[str, ...],
    fixed: tuple[int, ...] = (),
) -> Loop:
    """Return a loop compiled for given sample types, from the store if it is there.

    Parameters
    ----------
    name, functions, samples
        The loop, those it is given, and its sample types, as `entries.lower_entry` takes them.
    fixed
        Numbers that it is compiled for, as `objects.object_code` takes them.

    Returns
    -------
    Loop
    """
    key = (name, *functions, *samples, *map(str, fixed))
    with _lock:
        entry = _loaded.get(key)
        if entry is None:
            entry = _from_store(key) or _compile(key, functions, samples, fixed)
            _loaded[key] = entry
    return entry


def _from_store(key: tuple[str, ...]) -> Loop | None:
    """Load an entry that an earlier process compiled; None if there is none that works."""
    content = folder.read(key)
    if content is None:
        return None
    try:
        return Loop(content)
    except (RuntimeError, OSError, ImportError, ValueError, error):
        return None


def _compile(
    key: tuple[str, ...],
    functions: tuple[str, ...],
    samples: tuple[str, ...],
    fixed: tuple[int, ...],
) -> Loop:
    global _seconds
    start = perf_counter()
    content = _content(_object_code(key[0], functions, samples, fixed))
    entry = Loop(content)
    folder.write(key, content)
    _seconds += perf_counter() - start
    return entry


def _object_code(
    name: str, functions: tuple[str, ...], samples: tuple[str, ...], fixed: tuple[int, ...]
) -> bytes:
    """Compile a loop: from what the package has of it, or else from its source."""
    from convcli.engine import lowered

    text = lowered.text((name, *functions, *samples))
    if text is not None:
        from convcli.engine.objects import object_code

        # An LLVM that doesn't read what another one has written says so, and Numba does it all.
        with suppress(RuntimeError, NameError):
            return object_code(text, "entry", fixed)
    from convcli.engine.entries import compile_entry

    return compile_entry(name, functions, samples, fixed)


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
