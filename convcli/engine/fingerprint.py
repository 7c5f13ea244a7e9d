"""What compiled loops follow from: their source, what compiles them, and the processor.

LLVM compiles a loop either from Numba's text or from the package's (`lowered`). Which of them, the
sources, the versions and the package's file decide, so these are all in the fingerprint. Either
gives the same results: a file that follows from other sources is not read.
"""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

#: Sources of machine code, beside this file: in a folder, or one by one.
_FOLDERS, _FILES = ("loops",), (
    "bank_structs.py", "entries.py", "flat.py", "lowered.py", "objects.py", "structs.py",
    "tile_structs.py",
)  # fmt: skip
#: Begins with digests of all it holds, in so many bytes.
_LOWERED, _HEAD = "lowered.bin", 72
_PROCESSOR = Path("/proc/cpuinfo")
#: Lines of it that tell what code a processor runs; the others change from moment to moment.
_TELLING = {
    "vendor_id", "cpu family", "model", "model name", "stepping", "flags",
    "CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Features",
}  # fmt: skip


@cache
def fingerprint() -> bytes:
    """Return all that compiled loops follow from; other code can't have the same."""
    here = Path(__file__).parent
    sources = [path for folder in _FOLDERS for path in sorted((here / folder).glob("*.py"))]
    parts = [path.read_bytes() for path in (*sources, *(here / name for name in _FILES))]
    parts += [_begin(here / _LOWERED, _HEAD)]
    parts += [_version(package) for package in ("numba", "llvmlite")]
    facts = (np.__version__, sys.version, sys.platform, _processor())
    parts += [fact.encode() for fact in facts]
    return b"".join(b"%d:%s" % (len(part), part) for part in parts)


def _begin(path: Path, size: int) -> bytes:
    """Return a file's first bytes; none if there is no such file."""
    try:
        with path.open("rb", buffering=0) as file:
            return file.read(size)
    except OSError:
        return b""


def _version(package: str) -> bytes:
    """Return what tells a package's version, without importing the package."""
    spec = find_spec(package)
    if spec is not None and spec.origin:
        # importlib.metadata takes 30 ms to import.
        try:
            return Path(spec.origin).with_name("_version.py").read_bytes()
        except OSError:
            from importlib.metadata import PackageNotFoundError, version

            try:
                return version(package).encode()
            except PackageNotFoundError:
                pass
    return b""


def _processor() -> str:
    """Return a processor's name and what it can do."""
    return _processor_of_linux() or _processor_of_llvm()


def _processor_of_linux() -> str:
    """Return what Linux says of the first processor; '' if it doesn't say what that can do."""
    try:
        handle = os.open(_PROCESSOR, os.O_RDONLY)
    except OSError:
        return ""
    try:
        # The text has a part for each processor and is made as it is read: one part is enough.
        text = os.read(handle, 8192).decode("ascii", "replace")
    except OSError:
        return ""
    finally:
        os.close(handle)
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    known = {name.strip(): value.strip() for name, _, value in pairs}
    if not known.get("flags") and not known.get("Features"):
        return ""
    return "\n".join(
        (os.uname().machine, *(f"{name}:{known[name]}" for name in sorted(_TELLING & {*known})))
    )


def _processor_of_llvm() -> str:
    import llvmlite.binding as llvm

    return f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"


@cache
def has_wide_vectors() -> bool:
    """Whether the processor has AVX-512: 32 registers of 64 bytes."""
    return re.search(r"(?<![-\w])\+?avx512f\b", _processor()) is not None
