"""What programs put into a GIF file (89a, section 26): XMP, profiles, and blocks of their own.

XMP specification part 3, section 1.1.2; ICC's "ICCRGBG1" block.
"""

from __future__ import annotations

from collections.abc import Sequence

from convcli.image.beside.block import CREDENTIAL, Block
from convcli.image.image import Meta
from convcli.image.light.profile import fits
from convcli.record import field, record

_KIND = "GIF "
_XMP, _ICC, _CREDENTIAL = b"XMP DataXMP", b"ICCRGBG1012", b"C2PA_GIF"
#: What follows XMP, so that readers who take it for blocks find its end (with the last zero).
_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
_BLOCK = 255


@record(frozen=False)
class Applications:
    """What was found of that."""

    xmp: bytes | None = None
    icc: bytes | None = None
    blocks: list[Block] = field(default_factory=list)

    def take(self, parts: Sequence[bytes], whole: bytes) -> None:
        """Add an extension.

        Parameters
        ----------
        parts
            Its blocks, the first of which says whose it is.
        whole
            All bytes behind that one, the last zero included.
        """
        name = parts[0] if parts else b""
        if name == _XMP:
            self.xmp = whole[: -len(_TRAILER)] if len(whole) > len(_TRAILER) else None
        elif name == _ICC:
            self.icc = b"".join(parts[1:])
        elif name.startswith(_CREDENTIAL):
            self.blocks.append(Block(_KIND + "C2PA", CREDENTIAL))
        elif len(name) == len(_XMP):
            said = name.decode("ascii", "replace").strip()
            words = f"application block {said if said.isprintable() else ''}".strip()
            self.blocks.append(Block(_KIND + "application", words, name + whole))


def written(meta: Meta) -> bytes:
    """Return the extensions of what the metadata say."""
    parts = []
    if meta.icc and fits(meta.icc, "RGB"):
        parts.append(_extension(_ICC + in_blocks(meta.icc)))
    if meta.xmp:
        parts.append(_extension(_XMP + meta.xmp + _TRAILER))
    for block in meta.beside:
        if block.kind == _KIND + "application" and isinstance(block.content, bytes):
            parts.append(_extension(block.content))
    return b"".join(parts)


def in_blocks(content: bytes) -> bytes:
    """Return content in blocks of up to 255 bytes, each behind its size, and a zero."""
    pieces = [content[at : at + _BLOCK] for at in range(0, len(content), _BLOCK)]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def _extension(content: bytes) -> bytes:
    return b"!\xff\x0b" + content
