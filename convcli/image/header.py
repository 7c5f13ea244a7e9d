"""What a file's header says of its image, before anything else of the file is read.

NumPy isn't needed: a batch asks this of every file before it is handed to a worker, and a single
file is asked while NumPy is still being imported.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TypeAlias

from convcli.record import record

#: Returns so many bytes from a place of a file on, or as many as there are.
Peek: TypeAlias = Callable[[int, int], bytes]

#: Bytes that most headers are in.
HEAD = 4096
#: Chunks, segments or boxes that are looked at before a header is given up.
MOST = 1000
#: Sample types whose samples are levels: shares of a full one, which is white.
LEVELS = ("bool", "uint8", "uint16", "float16", "float32", "float64")
#: Sample types whose samples are values in units of their own: no number of them is white.
VALUES = ("int8", "int16", "uint32", "int32", "uint64", "int64")
#: Bytes of a sample, by its type.
WIDTHS = {
    **{"bool": 1, "uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "float16": 2},
    **{"uint32": 4, "int32": 4, "float32": 4, "uint64": 8, "int64": 8, "float64": 8},
}


@record
class Header:
    """What a header says.

    Parameters
    ----------
    format
        The file's, as `recognise` names it.
    size
        (rows, cols) as they are stored; of the largest of several.
    channels
        How many a pixel has once it is read.
    dtype
        The name of the type that samples have then.
    overhead
        Bytes that reading takes at its peak beside the file and the samples.
    frames
        How many images there are, as far as the header says so.
    stored
        Bytes that all samples take uncompressed in the file; 0 for as many as in memory.
    lossy
        Whether its coding has lost something.
    together
        Bytes of samples that are decoded together, as rows are asked for; 0 where all of them are.
    progressive
        Whether it is coded so that a result of its format is coded whole, too.
    """

    format: str
    size: tuple[int, int]
    channels: int
    dtype: str
    overhead: int = 0
    frames: int = 1
    stored: int = 0
    lossy: bool = False
    progressive: bool = False
    together: int = 0

    @property
    def pixels(self) -> int:
        """Of one image."""
        return prod(self.size)

    @property
    def nbytes(self) -> int:
        """What one image's samples take in memory."""
        return self.pixels * self.channels * WIDTHS[self.dtype]


def peek_into(data: bytes | memoryview) -> Peek:
    """Return what gives a file's bytes when all of them are there."""
    return lambda at, size: bytes(data[at : at + size])


def printable(word: bytes) -> str:
    """Return a word of a file as it can be shown.

    Examples
    --------
    >>> printable(bytes([71, 66, 255, 0]))
    'GB??'
    """
    return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else "?" for byte in word)


def whole_type(bits: int) -> str:
    """Return the type of whole samples of so many bits."""
    return "uint8" if bits <= 8 else "uint16"


def number_type(kind: str, bits: int) -> str:
    """Return the type that samples get; `kind` is NumPy's letter: `u`, `i`, `f`, `b`."""
    if kind in "b?" or (kind == "u" and bits == 1):
        return "bool"
    if kind == "u" and bits <= 16:
        return whole_type(bits)
    name = {"u": "uint", "i": "int"}.get(kind, "float")
    width = next((width for width in (8, 16, 32) if bits <= width), 64)
    return f"{name}{max(width, 16) if name == 'float' else width}"
