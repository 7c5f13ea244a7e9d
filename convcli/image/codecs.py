"""The codec libraries: imported when a file needs them, and kept from talking to the user."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from convcli import memory
from convcli.processors import processors


@cache
def load(name: str) -> Any:
    """Return `imagecodecs` or `tifffile`.

    Both remark upon odd files through `logging`, and a logger without a handler prints on
    standard error.
    """
    import logging

    logging.getLogger(name).addHandler(logging.NullHandler())
    return import_module(name)


def load_quiet() -> Any:
    """Return `imagecodecs` for the codecs that remark upon nothing: spng and jpeg8.

    So `logging` needn't be imported, which takes as long as to decode a small image.
    """
    return import_module("imagecodecs")


#: References to None that were given back too often.
_OWED: list[None] = []


def png_decode(data: Any, **options: Any) -> Any:
    """Decode a PNG file with libpng, which reads all depths.

    JUSTIFICATION: when it raises, imagecodecs (2026.3.6) gives back a reference to None that it
    never had, and before Python 3.12 some thousands of these end the process. So one is taken.
    """
    try:
        return load("imagecodecs").png_decode(data, **options)
    except Exception:
        _OWED.append(None)
        raise


def workers(need: int) -> int:
    """Return how many threads tifffile may start for work that takes `need` bytes.

    They are `threading`'s, whose start is waited for in vain where a thread can't have memory.
    """
    count = processors()
    return count if memory.is_had(2 * need + memory.SLACK * count) else 1


@cache
def packing() -> Any:
    """Return zlib-ng's module, or Python's own of the same functions where it is missing.

    Python's makes results of the same size, give or take a hundredth, in twice the time.
    """
    try:
        return import_module("zlib_ng.zlib_ng")
    except ImportError:
        return import_module("zlib")
