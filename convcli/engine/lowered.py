"""What Numba's front end makes of the common loops, kept in the package.

JUSTIFICATION: importing Numba and having it type and lower a loop takes two seconds, and LLVM 0.3
for the rest. The first half doesn't depend on the machine, so a first run needn't repeat it:
`lowered.bin` has its result, LLVM's language, for the loops that most filters take (bench:
startup). `docs/lower.py` makes it. A file that follows from other sources is not used: then Numba
compiles, as it does for all loops that are not in it.

The file: what it begins with, a digest of the sources, a digest of the rest; then, compressed as
one, since most of each text is in others too: for each loop a NUL, its key, a newline, its text.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

FILE = Path(__file__).with_name("lowered.bin")

#: What the file begins with; the digit is for its layout and for how texts are simplified.
_MAGIC = b"convlow1"
_DIGEST = 32
_SOURCES_END = len(_MAGIC) + _DIGEST
_HEAD = _SOURCES_END + _DIGEST

#: What texts follow from, beside this file: in a folder, or one by one. What `objects` does to
#: a text before LLVM compiles it, it does again when it is read.
_FOLDER, _FILES = "loops", ("bank_structs.py", "entries.py", "structs.py", "tile_structs.py")


def text(key: tuple[str, ...]) -> str | None:
    """Return a loop in LLVM's language, a module whose function is named `entry`.

    Parameters
    ----------
    key
        The loop's name, the functions it is given, and its sample types.

    Returns
    -------
    str or None
        None if there is no such loop in the file, or no whole file that follows from these
        sources, or if pointers have other than 64 bits here.
    """
    if sys.maxsize != 2**63 - 1 or sys.byteorder != "little":
        return None
    try:
        body = _body(FILE.read_bytes())
    except (OSError, ValueError, ImportError):  # ImportError: a Python without lzma
        return None
    _, found, rest = body.partition(f"\0{' '.join(key)}\n".encode())
    return rest.partition(b"\0")[0].decode() if found else None


def packed(texts: Mapping[tuple[str, ...], str]) -> bytes:
    """Return the file that holds these loops, and follows from the sources as they are."""
    import lzma

    body = "".join(f"\0{' '.join(key)}\n{texts[key]}" for key in sorted(texts))
    packed_body = lzma.compress(body.encode(), filters=[_compression()])
    head = _MAGIC + sources_digest()
    return head + _digest(head, packed_body) + packed_body


def unpacked(data: bytes) -> dict[tuple[str, ...], str]:
    """Return the loops that a file holds.

    Raises
    ------
    ValueError
        If it isn't whole, or follows from other sources.
    """
    pairs = (part.partition("\n") for part in _body(data).decode().split("\0")[1:])
    return {tuple(key.split(" ")): text for key, _, text in pairs}


def _body(data: bytes) -> bytes:
    import lzma

    head, body = data[:_SOURCES_END], data[_HEAD:]
    if data[_SOURCES_END:_HEAD] != _digest(head, body):
        raise ValueError(f"{FILE.name} is not whole")
    if head != _MAGIC + sources_digest():
        raise ValueError(f"{FILE.name} follows from other sources than these")
    return lzma.decompress(body)


def sources_digest() -> bytes:
    """Return a digest of what the loops' texts follow from, whatever ends its lines."""
    here = Path(__file__).parent
    paths = (*sorted((here / _FOLDER).glob("*.py")), *(here / name for name in _FILES))
    return _digest(*(path.read_bytes().replace(b"\r\n", b"\n") for path in paths))


def _digest(*parts: bytes) -> bytes:
    joined = b"".join(b"%d:%s" % (len(part), part) for part in parts)
    return blake2b(joined, digest_size=_DIGEST).digest()


def _compression() -> dict[str, int]:
    """LZMA that needs 8 MB to read."""
    import lzma

    return {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 2**23}
