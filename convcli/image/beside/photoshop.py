"""Photoshop's image resources, which JPEG and TIFF files hold, and IPTC among them.

Adobe Photoshop File Formats Specification, "Image Resources". The kinds `IPTC` (records as IIM has
them) and `Photoshop` (all other resources) are shared by formats.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from convcli.image.beside.block import CHANNELS, PLACE, SIZE, Block

IPTC, RESOURCES = "IPTC", "Photoshop"
_PLACES, _NAMES = f"{RESOURCES} places", f"{RESOURCES} channels"
_IPTC = 1028
_THUMBNAILS = (1033, 1036)
#: A profile, EXIF and XMP, of which the file has another copy.
_COPIES = (1039, 1058, 1059, 1060)
_GUIDES, _SLICES, _PATHS = 1032, 1050, range(2000, 2999)
#: Alpha channels' names, colours and numbers.
_ALPHA = (1006, 1007, 1045, 1053, 1077)
_HEAD = struct.Struct(">4sH")


def taken_apart(resources: bytes) -> list[Block]:
    """Return the blocks of some resources; what makes no sense is left as it is."""
    found: dict[str, list[bytes]] = {}
    blocks = []
    for number, whole, content in _resources(resources):
        if number == _IPTC:
            blocks.append(Block(IPTC, "IPTC", content))
        elif number in _THUMBNAILS:
            blocks.append(Block("Photoshop thumbnail", "Photoshop thumbnail"))
        elif number not in _COPIES:
            found.setdefault(_kind(number), []).append(whole)
    words = {
        RESOURCES: ("Photoshop resources", frozenset[str]()),
        _PLACES: ("Photoshop paths, guides and slices", frozenset({SIZE, PLACE})),
        _NAMES: ("Photoshop names of channels", frozenset({CHANNELS})),
    }
    return blocks + [
        Block(kind, words[kind][0], b"".join(parts), words[kind][1])
        for kind, parts in found.items()
    ]


def joined(blocks: Iterable[Block]) -> bytes:
    """Return the resources of the blocks that are such; empty if there are none."""
    known = [block for block in blocks if block.content]
    iptc = [block.content for block in known if block.kind == IPTC][:1]
    parts = [_packed(_IPTC, content) for content in iptc]
    for block in known:
        if block.kind == RESOURCES or block.kind.startswith(f"{RESOURCES} "):
            resources = _resources(block.content)
            parts += [whole for number, whole, _ in resources if not (iptc and number == _IPTC)]
    return b"".join(parts)


def _kind(number: int) -> str:
    if number in (_GUIDES, _SLICES) or number in _PATHS:
        return _PLACES
    return _NAMES if number in _ALPHA else RESOURCES


def _packed(number: int, content: bytes) -> bytes:
    head = _HEAD.pack(b"8BIM", number) + bytes(2) + struct.pack(">I", len(content))
    return head + content + bytes(len(content) % 2)


def _resources(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Give (number, all of it, its content) of each; one that is cut short is the last."""
    at = 0
    while at + 12 <= len(data):
        _, number = _HEAD.unpack_from(data, at)
        # A name of any length and its count, filled up to an even number of bytes.
        start = at + 6 + (data[at + 6] // 2 + 1) * 2
        if start + 4 > len(data):
            return
        (size,) = struct.unpack_from(">I", data, start)
        start += 4
        end = start + size
        if end > len(data):
            return
        yield number, data[at : end + size % 2], data[start:end]
        at = end + size % 2
