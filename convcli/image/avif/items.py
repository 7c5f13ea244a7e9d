"""The items of an AVIF file and their properties: which are read, and what of the others to say.

ISO/IEC 14496-12, 8.11; ISO/IEC 23008-12, 6 and 9; ISO/IEC 21496-1 for gain maps.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

from convcli.errors import ImageError
from convcli.image.beside.block import CREDENTIAL, DEPTH_MAP, FILM, GAIN_MAP, Block
from convcli.image.boxes import boxes, places
from convcli.image.header import peek_into, printable
from convcli.record import field, record

_KIND = "AVIF"
#: Items that are images, or put together of images, and those that `Meta` has a field for.
_READ = (b"av01", b"grid", b"iovl", b"iden", b"Exif")
_XMP_TYPE = b"application/rdf+xml"
#: Properties and boxes without which an image isn't read, or that say what it says itself.
_STRUCTURE = frozenset((b"ispe", b"pixi", b"av1C", b"colr", b"irot", b"imir", b"auxC", b"lsel",
                        b"a1lx", b"a1op", b"free", b"skip", b"ftyp", b"meta", b"mdat", b"moov",
                        b"hdlr", b"pitm", b"iloc", b"iinf", b"iref", b"iprp", b"idat", b"dinf",
                        b"grpl", b"styp", b"pdin", b"sidx", b"clli", b"mdcv"))  # fmt: skip
_PROPERTIES = {
    b"clap": "clean aperture (clap)",
    b"amve": "ambient light (amve)",
    b"cclv": "content colour volume (cclv)",
}
#: What an auxiliary image is, by what its kind's name ends with; none for alpha, which is read.
_AUXILIARY = {b"alpha": "", b"auxid:1": "", b"depth": DEPTH_MAP, b"auxid:2": DEPTH_MAP,
              b"hdrgainmap": GAIN_MAP}  # fmt: skip
#: What some programs leave behind a file.
_FILLING = b"\0\xff\r\n "
_CREDENTIAL = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


@record(frozen=False)
class Items:
    """What a file says of its items.

    `kinds` has their type, and the type of content of some; `references` (kind, from, to);
    `properties` (name, content) from number 1 on, and `of` which ones an item has; `exif` is that
    item's content.
    """

    primary: int = 0
    kinds: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    references: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    of: dict[int, list[int]] = field(default_factory=dict)
    exif: bytes | None = None
    outside: list[str] = field(default_factory=list)

    def told(self, item: int) -> list[tuple[bytes, bytes]]:
        """Return the properties of an item."""
        numbers = self.of.get(item, [])
        return [self.properties[k - 1] for k in numbers if 0 < k <= len(self.properties)]

    @property
    def colours(self) -> tuple[int, int, int, int] | None:
        """The numbers of the image's colours; None where there are none, or a profile."""
        found = [content for name, content in self.told(self.primary) if name == b"colr"]
        if any(content[:4] in (b"prof", b"rICC") for content in found):
            return None
        for content in found:
            if content[:4] == b"nclx" and len(content) >= 10:
                # Pixels are given as red, green and blue, of full range.
                return (*struct.unpack_from(">HH", content, 4), 0, 1)
        return None

    @property
    def light(self) -> tuple[tuple[str, bytes], ...]:
        """What is said of the display and of the light of the content, as PNG's chunks say it."""
        said = dict(self.told(self.primary))
        chunks = []
        if len(display := said.get(b"mdcv", b"")) == 24:
            green, blue, red, rest = display[:4], display[4:8], display[8:12], display[12:]
            chunks.append(("mDCV", red + green + blue + rest))
        if len(level := said.get(b"clli", b"")) == 4:
            # In ten-thousandths of a candela a square metre.
            numbers = (10_000 * each for each in struct.unpack(">HH", level))
            chunks.append(("cLLI", struct.pack(">II", *numbers)))
        return tuple(chunks)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What isn't read."""
        return tuple(Block(_KIND, words) for words in dict.fromkeys(self._words()) if words)

    def _words(self) -> Iterator[str]:
        for kind, start, _ in self.references:
            if kind == b"thmb":
                yield "thumbnail"
            if kind == b"auxl":
                yield _auxiliary(dict(self.told(start)).get(b"auxC", b""))
        yield from (_item(kind, content) for kind, content in self.kinds.values())
        yield from (_property(name, content) for name, content in self.told(self.primary))
        yield from self.outside


def _property(name: bytes, content: bytes) -> str:
    if name == b"pasp":
        square = len(content) == 8 and content[:4] == content[4:]
        return "" if square else "pixel aspect (pasp)"
    return "" if name in _STRUCTURE else _PROPERTIES.get(name, f"property {_say(name)}")


def outside(data: bytes) -> Iterator[str]:
    """Give words for boxes that stand beside those of the images, and for what follows them."""
    for name, start, end in places(peek_into(data)):
        is_name = name.isascii() and name.decode().isprintable()
        if not is_name or (end or len(data)) > len(data):
            rest = data[start - 8 :]
            if rest.strip(_FILLING):
                yield f"{len(rest)} bytes behind the image"
            return
        if words := _box(name, data[start : start + 64]):
            yield words


def _box(name: bytes, content: bytes) -> str:
    if name == b"uuid" and content.startswith(_CREDENTIAL):
        return CREDENTIAL
    if name == b"jumb":
        return CREDENTIAL if b"c2pa" in content else "JUMBF data"
    if name == b"mpvd":
        return FILM
    return "" if name in _STRUCTURE else f"box {_say(name)}"


def _item(kind: bytes, content: bytes) -> str:
    if kind == b"tmap":
        return GAIN_MAP
    if kind in _READ or (kind == b"mime" and content == _XMP_TYPE):
        return ""
    said = content.decode("ascii", "replace") if kind == b"mime" else _say(kind)
    return f"item {said}"


def _auxiliary(content: bytes) -> str:
    name = content[4:].split(b"\0", 1)[0]
    return next(
        (words for end, words in _AUXILIARY.items() if name.endswith(end)), "auxiliary image"
    )


def _say(name: bytes) -> str:
    return printable(name).strip()


def read_items(data: bytes) -> Items:
    """Return what a file says of its items; what makes no sense is left to who decodes it."""
    found = Items()
    try:
        found.outside += outside(data)
        for name, content in boxes(data):
            if name == b"meta":
                _take_meta(found, content[4:])
                found.exif = _exif(found, dict(boxes(content[4:])), data)
    except (ImageError, struct.error, IndexError):
        pass
    return found


def _take_meta(found: Items, data: bytes) -> None:
    for name, content in boxes(data):
        if name == b"pitm":
            found.primary = int.from_bytes(content[4:], "big")
        elif name == b"iinf":
            inner = content[6 if content[0] == 0 else 8 :]
            for _, entry in boxes(inner):
                _take_item(found, entry)
        elif name == b"iref":
            _take_references(found, content)
        elif name == b"iprp":
            _take_properties(found, content)


def _exif(found: Items, inner: dict[bytes, bytes], data: bytes) -> bytes | None:
    """Return EXIF as it is stored, behind how many bytes come before it (23008-12, A.2.1)."""
    numbers = {number for number, (kind, _) in found.kinds.items() if kind == b"Exif"}
    for number, within, extents in _places(inner.get(b"iloc", b"")):
        if number in numbers:
            source = inner.get(b"idat", b"") if within else data
            content = b"".join(source[at : at + size] for at, size in extents)
            return content[4 + int.from_bytes(content[:4], "big") :]
    return None


def _places(content: bytes) -> Iterator[tuple[int, bool, list[tuple[int, int]]]]:
    """Give (item, whether it lies in this box's neighbour, where its parts are) (8.11.3)."""
    reader = io.BytesIO(content)

    def number(size: int) -> int:
        return int.from_bytes(reader.read(size), "big")

    version, _, sizes, more = number(1), number(3), number(1), number(1)
    wide, indexed = 4 if version == 2 else 2, version > 0
    for _ in range(number(wide)):
        item = number(wide)
        method = number(2) & 15 if indexed else 0
        number(2)
        base, extents = number(more >> 4), []
        for _ in range(number(2)):
            number(more & 15 if indexed else 0)
            extents.append((base + number(sizes >> 4), number(sizes & 15)))
        yield item, method == 1, extents


def _take_item(found: Items, entry: bytes) -> None:
    wide = entry[0] > 2
    (number,) = struct.unpack_from(">I" if wide else ">H", entry, 4)
    at = (8 if wide else 6) + 2
    # Its name, and what kind of content it is.
    texts = entry[at + 4 :].split(b"\0")
    content = texts[1] if len(texts) > 1 else b""
    found.kinds[number] = entry[at : at + 4], content


def _take_references(found: Items, content: bytes) -> None:
    form = ">I" if content[0] else ">H"
    width = struct.calcsize(form)
    for kind, entry in boxes(content[4:]):
        (start,) = struct.unpack_from(form, entry)
        (count,) = struct.unpack_from(">H", entry, width)
        ends = struct.unpack_from(f">{count}{form[1]}", entry, width + 2)
        found.references.append((kind, start, ends))


def _take_properties(found: Items, content: bytes) -> None:
    for name, inner in boxes(content):
        if name == b"ipco":
            found.properties = list(boxes(inner))
        elif name == b"ipma":
            _take_associations(found, inner)


def _take_associations(found: Items, content: bytes) -> None:
    wide, (count,) = content[3] & 1, struct.unpack_from(">I", content, 4)
    form, at = ">I" if content[0] else ">H", 8
    for _ in range(count):
        (number,) = struct.unpack_from(form, content, at)
        at += struct.calcsize(form) + 1
        many = content[at - 1]
        numbers = struct.unpack_from(f">{many}{'H' if wide else 'B'}", content, at)
        found.of[number] = [each & (0x7FFF if wide else 0x7F) for each in numbers]
        at += many * (2 if wide else 1)
