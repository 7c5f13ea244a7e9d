"""Memory for an image's samples, had while the interpreter is busy with something else."""

from __future__ import annotations

import ctypes
import mmap
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from convcli.threads import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray


class DecodeMemory:
    """Memory that is being had, on a thread of its own.

    JUSTIFICATION: systems hand memory out as it is first written to. For 12 megapixels that may
    take a tenth of the time to decode them, or three times as long, where a virtual machine's host
    has to find it, too (bench: commands). While modules are imported there is a processor that can
    do it.

    Parameters
    ----------
    size
        Bytes.

    Raises
    ------
    OSError
        If there isn't so much.
    """

    def __init__(self, size: int) -> None:
        self._memory = mmap.mmap(-1, size)
        advice = getattr(mmap, "MADV_HUGEPAGE", None)
        if advice is not None:
            with suppress(OSError):
                self._memory.madvise(advice)
        self._thread = Task(self._fill)

    def _fill(self) -> None:
        """Write to all of it; the interpreter isn't needed meanwhile."""
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        ctypes.memset(start, 0, len(self._memory))

    def array(self, shape: tuple[int, ...]) -> NDArray[Any] | None:
        """Return it as an array of uint8; None if it is of another size."""
        import numpy as np

        if not self._thread.take_over():
            self._thread.wait()
        found = np.frombuffer(self._memory, np.uint8)
        return found.reshape(shape) if found.size == np.prod(shape) else None
