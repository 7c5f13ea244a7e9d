"""What programs and cameras put into a JPEG file beside its image: segments, and what follows it.

JFIF 1.02; Exif 2.32, section 4.7; ICC.1:2022, annex B.4; XMP specification part 3, section 1.1.3;
CIPA DC-007; ISO/IEC 19566-5; exiftool's list of segments.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from convcli.image.beside.block import (
    CHANNELS,
    CREDENTIAL,
    DEPTH,
    FILM,
    GAIN_MAP,
    PLACE,
    SIZE,
    Block,
    letters,
)
from convcli.image.codec import LazyFunction
from convcli.image.tags import Form, entries, first_of
from convcli.record import field, record

EXIF_MARK = b"Exif\0\0"
XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
ICC_MARK = b"ICC_PROFILE\0"
MORE_XMP_MARK = b"http://ns.adobe.com/xmp/extension/\0"
#: A digest, how long all of it is, and where a piece belongs.
MORE_HEAD = struct.Struct(">32sII")
_MORE = b"HasExtendedXMP"
PHOTOSHOP_MARK = b"Photoshop 3.0\0"
_GAIN_MAP_MARK = b"urn:iso:std:iso:ts:21496:-1"
APP0, APP1, APP2, APP8, APP11, APP13, APP14 = 0xE0, 0xE1, 0xE2, 0xE8, 0xEB, 0xED, 0xEE
COMMENT = 0xFE
#: Bytes that a segment has room for.
LARGEST = 65533
_APPLICATIONS = range(0xE0, 0xF0)
#: Segments that hold another image, or tell of how this one is coded: how they begin.
_UNTRUE = (
    (APP0, b"JFXX\0", "JFXX thumbnail"),
    (APP1, b"FLIR\0", "thermal image (FLIR)"),
    (APP2, b"FPXR\0", "FlashPix data"),
    (APP2, _GAIN_MAP_MARK, GAIN_MAP),
    (APP8, b"SPIFF\0", "SPIFF header"),
    (APP11, b"HDR_RI", "ratio image (JPEG-HDR)"),
)
#: What unknown segments may tell of.
_ANYTHING = frozenset({SIZE, PLACE, CHANNELS, DEPTH})
_PREVIEWS = LazyFunction("beside.photograph", "previews")
_TAKEN_APART = LazyFunction("beside.photoshop", "taken_apart")
_SAYS_FILM = LazyFunction("beside.xmp", "says_film")
_JOIN = LazyFunction("jpeg.extended", "join")
#: Longer than all sensible packets.
_MOST_XMP = 64 * 2**20
#: How many letters of an unknown segment's name are shown.
_SHOWN = 16
#: The boxes that films begin with, by what they say they are.
_FILMS = (b"ftypmp4", b"ftypisom", b"ftypqt  ", b"ftypM4V", b"ftypavc1", b"ftyp3g", b"ftyphvc1")


@record(frozen=False)
class Pieces:
    """What was found of the rest, by digest: how long it is, and its pieces by their places."""

    found: dict[bytes, tuple[int, dict[int, bytes]]] = field(default_factory=dict)

    def take(self, content: bytes) -> None:
        """Add a segment, behind its mark."""
        if len(content) < MORE_HEAD.size:
            return
        digest, size, at = MORE_HEAD.unpack_from(content)
        self.found.setdefault(digest, (size, {}))[1][at] = content[MORE_HEAD.size :]

    def whole(self, digest: bytes) -> bytes | None:
        """Return the rest that has a digest; None if a piece is missing."""
        size, pieces = self.found.get(digest, (0, {}))
        joined = b"".join(pieces[at] for at in sorted(pieces))
        return joined if joined and len(joined) == size <= _MOST_XMP else None


@record(frozen=False)
class Applications:
    """What was found of that so far."""

    icc: dict[int, bytes] = field(default_factory=dict)
    exif: bytes | None = None
    packet: bytes | None = None
    more: Pieces = field(default_factory=Pieces)
    density: tuple[float, float] | None = None
    jfif: bool = False
    adobe: int | None = None
    comments: list[bytes] = field(default_factory=list)
    frames: int = 1
    resources: list[bytes] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def take(self, marker: int, content: bytes) -> None:
        """Add what one segment says."""
        if marker == COMMENT:
            if self.comments and len(self.comments[-1]) % LARGEST == 0 < len(self.comments[-1]):
                # What goes on where a segment was full.
                self.comments[-1] += content
            else:
                self.comments.append(content)
        elif marker in _APPLICATIONS and not self._takes(marker, content):
            self.blocks.append(_block(marker, content))

    def _takes(self, marker: int, content: bytes) -> bool:
        """Take a segment of a known kind; return whether it was one."""
        if marker == APP0 and content[:5] == b"JFIF\0" and len(content) >= 12:
            self._take_jfif(content)
        elif marker == APP1:
            return self._takes_app1(content)
        elif marker == APP2 and content.startswith(ICC_MARK) and len(content) > 14:
            self.icc[content[12]] = content[14:]
        elif marker == APP2 and content.startswith(b"MPF\0"):
            self.frames = _count_frames(content[4:])
        elif marker == APP13 and content.startswith(PHOTOSHOP_MARK):
            self.resources.append(content[len(PHOTOSHOP_MARK) :])
        elif marker == APP14 and content[:5] == b"Adobe" and len(content) >= 12:
            self.adobe = content[11]
        else:
            return False
        return True

    def _take_jfif(self, content: bytes) -> None:
        self.jfif = True
        unit, x, y = struct.unpack_from(">BHH", content, 7)
        if unit in (1, 2) and x and y:
            scale = 1.0 if unit == 1 else 2.54
            self.density = (x * scale, y * scale)
        if content[12:14] > b"\0\0" and all(content[12:14]):
            self.blocks.append(Block("JPEG thumbnail", "JFIF thumbnail"))

    def _takes_app1(self, content: bytes) -> bool:
        if content.startswith(EXIF_MARK[:5]):
            self._take_exif(content[len(EXIF_MARK) :])
        elif content.startswith(XMP_MARK):
            self.packet = content[len(XMP_MARK) :]
        elif content.startswith(MORE_XMP_MARK):
            self.more.take(content[len(MORE_XMP_MARK) :])
        else:
            return False
        return True

    def _take_exif(self, content: bytes) -> None:
        """Take EXIF; what begins with no header goes on where another segment was full."""
        if self.exif is None:
            self.exif = content
        elif content[:4] not in (b"II*\0", b"MM\0*"):
            self.exif += content

    def text(self) -> tuple[tuple[str, str], ...]:
        """Return the comments."""
        return tuple(("Comment", letters(content.rstrip(b"\0"))) for content in self.comments)

    def xmp(self) -> bytes | None:
        """Return all XMP; what is missing is noted among the blocks."""
        if self.packet is None:
            return None
        packet, is_whole = self.packet, True
        if self.more.found or _MORE in packet:
            packet, is_whole = _JOIN(packet, self.more)
        if not is_whole:
            self.blocks.append(Block("JPEG more XMP", "extended XMP, which is damaged"))
        return packet

    def others(self, behind: memoryview) -> tuple[Block, ...]:
        """Return what else is beside the image.

        Parameters
        ----------
        behind
            What follows its end mark.
        """
        blocks = self.blocks
        if self.resources:
            blocks = blocks + _TAKEN_APART(b"".join(self.resources))
        told = self.packet is not None and _SAYS_FILM(self.packet)
        blocks += (Block("JPEG behind", words) for words in _behind(behind, self.frames, told))
        return tuple(blocks)


def _block(marker: int, content: bytes) -> Block:
    """Return a segment that no field of `Meta` has."""
    for known, begins, words in _UNTRUE:
        if marker == known and content.startswith(begins):
            return Block("JPEG image", words)
    if marker == APP11 and content.startswith(b"JP"):
        return Block("JPEG JUMBF", CREDENTIAL if b"c2pa" in content else "JUMBF data")
    name = content[:_SHOWN].split(b"\0", 1)[0]
    said = f" {name.decode('ascii')}" if name.isascii() and name.decode().isprintable() else ""
    words = f"APP{marker - APP0} segment{said.rstrip()}"
    if b"\xff\xd8\xff" in content and next(_PREVIEWS(content), None):
        return Block("JPEG image", f"preview in {words}")
    return Block(f"JPEG APP {marker - APP0}", words, content, _ANYTHING)


def _behind(data: memoryview, frames: int, film: bool) -> Iterator[str]:
    """Give words for what follows an image; other images that the file counts are counted there."""
    held = bytes(data)
    if not held.strip(b"\0\xff\r\n "):
        return
    known = False
    if b"hdr-gain-map" in held or _GAIN_MAP_MARK in held or b"HDRGainMap" in held:
        known = True
        yield GAIN_MAP
    if film or any(kind in held for kind in _FILMS):
        known = True
        yield FILM
    if b"SEFH" in held:
        known = True
        yield "Samsung trailer"
    if frames > 1 or known:
        return
    is_image = held.lstrip(b"\0").startswith(b"\xff\xd8\xff")
    yield "image behind the image" if is_image else f"{len(held)} bytes behind the image"


def _count_frames(index: bytes) -> int:
    """Images in a multi-image file (CIPA DC-007, tag 0xB001)."""
    form = Form(">" if index[:2] == b"MM" else "<", big=False)
    try:
        for place, tag, _, _ in entries(index, first_of(index, form), form):
            if tag == 0xB001:
                return max(1, int(struct.unpack_from(form.place, index, place)[0]))
    except struct.error:
        pass
    return 1
