"""XMP packets: statements found, set, and taken out; the rest stays as it is written.

XMP specification part 1: properties are attributes or elements, whose prefix stands for a name
space that the packet declares.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from convcli.image.beside.block import CREDENTIAL, DEPTH_MAP, FILM, GAIN_MAP
from convcli.record import record

TIFF, EXIF = b"http://ns.adobe.com/tiff/1.0/", b"http://ns.adobe.com/exif/1.0/"
XAP = b"http://ns.adobe.com/xap/1.0/"
NOTE = b"http://ns.adobe.com/xmp/note/"
_CAMERA = b"http://ns.google.com/photos/1.0/camera/"
_TERMS = b"http://purl.org/dc/terms/"


@record
class Gone:
    """What isn't true of any result: a name space, names in it (all of them if none), words."""

    space: bytes
    words: str
    names: tuple[bytes, ...] = ()


#: Images, films and maps that stand beside an image are not filtered, and not written.
_GONE = (
    Gone(b"http://ns.adobe.com/hdr-gain-map/1.0/", GAIN_MAP),
    Gone(b"http://ns.apple.com/HDRGainMap/1.0/", GAIN_MAP),
    Gone(
        _CAMERA,
        FILM,
        (
            b"MotionPhoto",
            b"MotionPhotoVersion",
            b"MotionPhotoPresentationTimestampUs",
            b"MicroVideo",
            b"MicroVideoVersion",
            b"MicroVideoOffset",
            b"MicroVideoPresentationTimestampUs",
        ),
    ),
    Gone(b"http://ns.google.com/photos/1.0/container/", ""),
    Gone(b"http://ns.google.com/photos/1.0/container/item/", ""),
    Gone(b"http://ns.google.com/photos/dd/1.0/container/", ""),
    Gone(b"http://ns.google.com/photos/1.0/depthmap/", DEPTH_MAP),
    Gone(b"http://ns.google.com/photos/dd/1.0/device/", DEPTH_MAP),
    Gone(b"http://ns.google.com/photos/1.0/image/", "image within XMP (GImage)"),
    Gone(XAP, "XMP thumbnail", (b"Thumbnails",)),
    Gone(_TERMS, CREDENTIAL, (b"provenance",)),
)


def settled(xmp: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return a packet without what is true of no result, and what that is called."""
    words: list[str] = []
    for gone in _GONE:
        if gone.space not in xmp:
            continue
        without = removed(xmp, gone.space, gone.names)
        # Zero says that there is no film; then there is nothing to be told.
        told = gone.words and without != xmp
        if told and not (gone.words == FILM and _says_none(xmp)):
            words.append(gone.words)
        xmp = without
    return xmp, tuple(dict.fromkeys(words))


def _says_none(xmp: bytes) -> bool:
    found = (value(xmp, _CAMERA, name) for name in (b"MotionPhoto", b"MicroVideo"))
    return all(each in (None, b"0") for each in found)


def says_film(xmp: bytes | None) -> bool:
    """Whether a packet says that a film stands behind the image."""
    return bool(xmp) and _CAMERA in (xmp or b"") and not _says_none(xmp or b"")


def value(xmp: bytes, space: bytes, name: bytes) -> bytes | None:
    """Return what a simple property is; None if it isn't there."""
    for found in _found(xmp, space, (name,)):
        whole = found[0]
        if whole.startswith(b"<"):
            return re.sub(rb"^<[^>]*>|</[^>]*>$", b"", whole).strip()
        return whole.split(b"=", 1)[1].strip()[1:-1]
    return None


def replaced(xmp: bytes, space: bytes, name: bytes, now: bytes) -> bytes:
    """Return a packet in which a simple property is another, if it is there at all."""
    for prefix in _prefixes(xmp, space):
        full = re.escape(prefix + b":" + name)
        attribute = rb"(\s" + full + rb"\s*=\s*)(\"[^\"]*\"|'[^']*')"
        xmp = re.sub(attribute, rb'\g<1>"' + now + rb'"', xmp)
        element = rb"(<" + full + rb"(?:\s[^>]*)?(?<!/)>)[^<]*(</" + full + rb"\s*>)"
        xmp = re.sub(element, rb"\g<1>" + now + rb"\g<2>", xmp)
    return xmp


def removed(xmp: bytes, space: bytes, names: Iterable[bytes] = ()) -> bytes:
    """Return a packet without properties of a name space; all of them if none is named."""
    chosen = tuple(names)
    for found in reversed(list(_found(xmp, space, chosen))):
        xmp = xmp[: found.start()] + xmp[found.end() :]
    return xmp if chosen else re.sub(rb"\s" + _declared(space), b"", xmp)


def _found(xmp: bytes, space: bytes, names: tuple[bytes, ...]) -> Iterator[re.Match[bytes]]:
    """Give where properties stand, from the first on; none lies within another."""
    places = sorted(
        (
            match
            for prefix in _prefixes(xmp, space)
            for match in _pattern(prefix, names).finditer(xmp)
        ),
        key=lambda match: match.start(),
    )
    end = 0
    for match in places:
        if match.start() >= end:
            end = match.end()
            yield match


def _prefixes(xmp: bytes, space: bytes) -> set[bytes]:
    return set(re.findall(_declared(space), xmp))


def _declared(space: bytes) -> bytes:
    return rb"xmlns:([\w.-]+)\s*=\s*[\"']" + re.escape(space) + rb"[\"']"


@lru_cache(maxsize=64)
def _pattern(prefix: bytes, names: tuple[bytes, ...]) -> re.Pattern[bytes]:
    chosen = b"|".join(map(re.escape, names)) or rb"[\w.-]+"
    full = re.escape(prefix) + b":(?:" + chosen + b")"
    attribute = rb"\s" + full + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')"
    inside = rb"<(" + full + rb")(?:\s[^>]*?)?(?:/>|>.*?</\1\s*>)"
    return re.compile(inside + b"|" + attribute, re.DOTALL)
