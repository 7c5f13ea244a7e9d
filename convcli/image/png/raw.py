"""Profiles that stand in PNG's text as hexadecimal digits, as ImageMagick and exiftool write them.

Their keyword is `Raw profile type` and a name; the text has the name, the size, and the digits.
"""

from __future__ import annotations

from collections.abc import Iterable

from convcli.image import exif
from convcli.image.beside import photoshop
from convcli.image.beside.block import Block
from convcli.record import field, record

PREFIX = "Raw profile type "
#: IPTC and Photoshop's resources, EXIF and XMP; others stay text.
_IPTC, _EXIF, _XMP = ("iptc", "8bim"), ("exif", "APP1"), "xmp"
_XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
_DIGITS = 72


@record(frozen=False)
class Raw:
    """What was found: text that is nothing else, and what profiles say."""

    text: list[tuple[str, str]] = field(default_factory=list)
    exif: bytes | None = None
    xmp: bytes | None = None
    blocks: list[Block] = field(default_factory=list)


def unpacked(text: Iterable[tuple[str, str]]) -> Raw:
    """Return text, and profiles that were part of it.

    Parameters
    ----------
    text
        (keyword, text) of each chunk.
    """
    found = Raw()
    for key, value in text:
        content = _content(value) if key.startswith(PREFIX) else b""
        if not content or not _take(found, key[len(PREFIX) :], content):
            found.text.append((key, value))
    return found


def _take(found: Raw, name: str, content: bytes) -> bool:
    """Take a profile; return whether it is of a known kind."""
    if name in _EXIF and content.startswith((b"Exif\0", b"II*\0", b"MM\0*")):
        found.exif = exif.strip_prefix(content)
    elif name == _XMP or (name in _EXIF and content.startswith(_XMP_MARK)):
        found.xmp = content.removeprefix(_XMP_MARK)
    elif name in _IPTC and content.startswith(b"8BIM"):
        found.blocks += photoshop.taken_apart(content)
    elif name in _IPTC and content.startswith(b"\x1c"):
        found.blocks.append(Block(photoshop.IPTC, "IPTC", content))
    else:
        return False
    return True


def _content(value: str) -> bytes:
    """Return what the digits stand for; nothing if they make no sense."""
    parts = value.split(maxsplit=2)
    if len(parts) == 3 and not parts[1].isdecimal():
        # exiftool says what it is in two words: "IPTC profile".
        parts = value.split(maxsplit=3)[1:]
    try:
        content = bytes.fromhex(parts[2])
        return content if len(content) == int(parts[1]) else b""
    except (ValueError, IndexError):
        return b""


def written(blocks: Iterable[Block]) -> list[tuple[str, str]]:
    """Return the text that says what IPTC and Photoshop's resources say; none if there are none."""
    content = photoshop.joined(blocks)
    if not content:
        return []
    digits = content.hex()
    lines = [digits[at : at + _DIGITS] for at in range(0, len(digits), _DIGITS)]
    return [(f"{PREFIX}iptc", "\n".join(("", "iptc", f"{len(content):8}", *lines, "")))]
