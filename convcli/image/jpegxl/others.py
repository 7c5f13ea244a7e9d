"""JPEG XL's other boxes (ISO/IEC 18181-2, 9): what of them to say."""

from __future__ import annotations

from collections.abc import Mapping

from convcli.image.beside.block import CREDENTIAL, GAIN_MAP, Block
from convcli.image.header import printable

_STRUCTURE = frozenset((b"JXL ", b"ftyp", b"jxll", b"jxlc", b"jxlp", b"jxli", b"Exif", b"xml ",
                        b"brob", b"free", b"skip"))  # fmt: skip
_WORDS = {b"jhgm": GAIN_MAP, b"jbrd": "data to make the JPEG file anew (jbrd)"}


def others(found: Mapping[bytes, bytes]) -> tuple[Block, ...]:
    """Return what isn't read of a file's boxes.

    Parameters
    ----------
    found
        Their contents, by name.
    """
    return tuple(
        Block("JPEGXL", _called(name, content))
        for name, content in found.items()
        if name not in _STRUCTURE
    )


def _called(name: bytes, content: bytes) -> str:
    if name == b"jumb":
        return CREDENTIAL if b"c2pa" in content else "JUMBF data"
    return _WORDS.get(name, f"box {printable(name).strip()}")
