"""Compiled loops: made once a machine, kept in a store, loaded without Numba.

Importing Numba takes longer than filtering a picture. So an entry's object code is kept in a
file whose name is a hash of all that it follows from; a later process loads it through llvmlite
in about 2 ms. A store that can't be read or written costs time, never a result.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import stat
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Set to a folder to keep compiled loops there; set but empty to keep none.
STORE_VARIABLE = "CONVCLI_CACHE"

_lock = threading.Lock()
_loaded: dict[tuple[str, ...], _Entry] = {}
_seconds = 0.0


class _Entry:
    """A loaded function, called with the arrays of its loop."""

    def __init__(self, code: bytes) -> None:
        import llvmlite.binding as llvm

        _start_llvm()
        target = llvm.Target.from_default_triple().create_target_machine(jit=True)
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self._address = self._engine.get_function_address("entry")
        if not self._address:
            raise RuntimeError("object code has no entry")

    def __call__(self, *arrays: NDArray[Any]) -> None:
        # Numba's own convention: where to put a result, where to put an exception, arguments.
        nothing = ctypes.c_void_p()
        values: list[Any] = [ctypes.byref(nothing), ctypes.byref(nothing)]
        kinds: list[Any] = [ctypes.c_void_p, ctypes.c_void_p]
        for array in arrays:
            values += [array.ctypes.data, *array.shape]
            kinds += [ctypes.c_void_p] + [ctypes.c_ssize_t] * array.ndim
        ctypes.CFUNCTYPE(ctypes.c_int, *kinds)(self._address)(*values)


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
    """Load an entry that an earlier process compiled; None if there is none that is whole."""
    path = _path(key)
    if path is None:
        return None
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, code = data[:32], data[32:]
    if hashlib.sha256(code).digest() != digest:
        return None
    try:
        return _Entry(code)
    except (RuntimeError, OSError):
        return None


def _compile(key: tuple[str, ...], functions: tuple[str, ...], samples: tuple[str, ...]) -> _Entry:
    global _seconds
    start = perf_counter()
    from convcli.engine.entries import compile_entry

    code: bytes = compile_entry(key[0], functions, samples)
    entry = _Entry(code)
    path = _path(key)
    if path is not None:
        with suppress(OSError):
            _write(path, hashlib.sha256(code).digest() + code)
    _seconds += perf_counter() - start
    return entry


def keeps_loops() -> bool:
    """Whether there is a folder that compiled loops are kept in."""
    return _store() is not None


def seconds_compiling() -> float:
    """How long this process has spent compiling loops that no store had."""
    return _seconds


def _write(path: Path, data: bytes) -> None:
    """Write a file that other processes see whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _path(key: tuple[str, ...]) -> Path | None:
    """Where an entry is kept; None if nothing can be."""
    folder = _store()
    if folder is None:
        return None
    name = hashlib.sha256("\0".join((_fingerprint(), *key)).encode()).hexdigest()[:32]
    return folder / f"{key[0]}-{name}.o"


@cache
def _store() -> Path | None:
    """Return the folder of compiled loops, made if missing; None if no safe one can be had."""
    chosen = os.environ.get(STORE_VARIABLE)
    if chosen == "":
        return None
    folder = Path(chosen) if chosen else _user_cache() / "convcli"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError:
        return None
    # Code is loaded from here: nobody else may be able to put any in.
    if hasattr(os, "getuid") and (
        found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        return None
    return folder


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@cache
def _fingerprint() -> str:
    """Everything that compiled loops follow from: sources, compilers, processor."""
    import llvmlite
    import llvmlite.binding as llvm

    here = Path(__file__).parent
    digest = hashlib.sha256()
    for source in (*sorted((here / "loops").glob("*.py")), here / "entries.py"):
        digest.update(source.read_bytes())
    numba = find_spec("numba")
    if numba is not None and numba.origin:
        # Numba's version without importing it; importlib.metadata takes 30 ms to import.
        with suppress(OSError):
            digest.update(Path(numba.origin).with_name("_version.py").read_bytes())
    facts = (
        llvmlite.__version__,
        np.__version__,
        platform.python_version(),
        platform.machine(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
    )
    return "\0".join((digest.hexdigest(), *facts))


@cache
def _start_llvm() -> None:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
