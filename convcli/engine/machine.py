"""Machine code put into memory, where it can be run and no longer be written."""

from __future__ import annotations

import ctypes
import mmap
import sys
from functools import cache
from typing import Any


def place(code: bytes) -> tuple[int, object]:
    """Put a piece of machine code, as `flat.flatten` makes it, into memory of its own.

    Returns
    -------
    tuple of int and object
        Where it begins, at the beginning of a page; and what must be kept for as long as it may
        be called.

    Raises
    ------
    OSError
        If the system doesn't let this process run what it has written.
    """
    if not sys.platform.startswith("linux"):
        raise OSError("only known how on Linux")
    # JUSTIFICATION: it takes 0.1 ms, and 50 ms through llvmlite, which loads a library of 100 MB.
    # What is run are the very bytes that were checked, in memory that nobody else can change, as
    # they could change a file that is mapped; it works where homes are mounted noexec; and the
    # memory is never writable and executable at once.
    memory = mmap.mmap(-1, len(code), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.write(code)
    whole = (ctypes.c_char * len(code)).from_buffer(memory)
    address = ctypes.addressof(whole)
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    if protect(address, len(code), mmap.PROT_READ | mmap.PROT_EXEC):
        raise OSError(ctypes.get_errno(), "memory can't be made executable")
    return address, whole


@cache
def can_place() -> bool:
    """Whether the system lets this process run what it has written into memory."""
    try:
        place(b"\xc3")
    except OSError:
        return False
    return True


def link(code: bytes) -> tuple[int, object]:
    """Have llvmlite link and load object code.

    Returns
    -------
    tuple of int and object
        Where its function `entry` is; and what must be kept for as long as it may be called.

    Raises
    ------
    RuntimeError, OSError
        If it isn't object code for this machine, or has no such function.
    """
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine: Any = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address: int = engine.get_function_address("entry")
    if not address:
        raise RuntimeError("object code has no entry")
    return address, engine
