"""XMP that no segment has room for (XMP specification part 3, section 1.1.3.1).

A packet says by a digest that there is more; segments of that digest hold the rest in pieces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import md5

from convcli.image.beside import xmp
from convcli.image.jpeg.application import MORE_HEAD, MORE_XMP_MARK, Pieces

_RDF = re.compile(rb"(<rdf:RDF\b[^>]*>)(.*)</rdf:RDF\s*>", re.DOTALL)
_DESCRIPTION = re.compile(rb"<(/?)rdf:Description\b[^>]*?(/?)>")
_DECLARED = re.compile(rb"\sxmlns:([\w.-]+)\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_HEADED = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
_RDF_HEAD = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
_POINTER = (
    b'<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" '
    b'xmpNote:HasExtendedXMP="%s"/>'
)
_ENDED = b"</rdf:RDF></x:xmpmeta>"
#: What stands around a packet, but for the rest of one.
_BEGINS = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_ENDS = b'<?xpacket end="w"?>'


def join(packet: bytes, pieces: Pieces) -> tuple[bytes, bool]:
    """Return a packet with the rest of it, and whether that is there.

    Parameters
    ----------
    packet
        The one that stands in a segment of its own.
    pieces
        Of the rest.
    """
    digest = xmp.value(packet, xmp.NOTE, b"HasExtendedXMP")
    if digest is None:
        return packet, not pieces.found
    packet = xmp.removed(packet, xmp.NOTE, (b"HasExtendedXMP",))
    rest = _RDF.search(pieces.whole(digest) or b"")
    into = _RDF.search(packet)
    if rest is None or into is None:
        return packet, False
    known = set(_DECLARED.findall(into[1]))
    spaces = [each[0] for each in _DECLARED.finditer(rest[1]) if each[1] not in known]
    head = into[1][:-1] + b"".join(spaces) + b">"
    return packet[: into.start()] + head + into[2] + rest[2] + packet[into.end(2) :], True


def split(packet: bytes, room: int) -> tuple[bytes, bytes]:
    """Return a packet that has room in a segment, and the rest of it."""
    found = _RDF.search(packet)
    head = found[1] if found and len(found[1]) < room // 4 else _RDF_HEAD
    kept, left = [], room - len(_BEGINS + _HEADED + head + _POINTER % bytes(32) + _ENDED + _ENDS)
    moved = []
    for each in _descriptions(found[2]) if found else [packet]:
        if len(each) <= left:
            kept.append(each)
            left -= len(each)
        else:
            moved.append(each)
    rest = b"".join((_HEADED, head, *moved, _ENDED)) if found else packet
    pointer = _POINTER % _digest(rest)
    return b"".join((_BEGINS, _HEADED, head, pointer, *kept, _ENDED, _ENDS)), rest


def segments(rest: bytes, room: int) -> Iterator[bytes]:
    """Give what the segments of the rest hold."""
    room -= len(MORE_XMP_MARK) + MORE_HEAD.size
    for at in range(0, len(rest), room):
        yield MORE_XMP_MARK + MORE_HEAD.pack(_digest(rest), len(rest), at) + rest[at : at + room]


def _digest(rest: bytes) -> bytes:
    return md5(rest, usedforsecurity=False).hexdigest().upper().encode()


def _descriptions(content: bytes) -> Iterator[bytes]:
    """Give the descriptions of a packet, those within others with these."""
    depth, start = 0, 0
    for tag in _DESCRIPTION.finditer(content):
        if not depth:
            start = tag.start()
        if tag[1]:
            depth -= 1
        elif not tag[2]:
            depth += 1
        if depth <= 0:
            depth = 0
            yield content[start : tag.end()]
