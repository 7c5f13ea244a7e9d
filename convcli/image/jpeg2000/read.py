"""Reading JPEG 2000 of up to 16 bits (ITU-T T.800, annexes A and I)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from convcli.errors import ImageError
from convcli.image import codecs
from convcli.image.beside.block import letters
from convcli.image.boxes import box, boxes
from convcli.image.depth import widen_bits
from convcli.image.image import Image, Meta
from convcli.image.jpeg2000 import SIZ, coded_size
from convcli.image.jpeg2000.others import blocks_of, resolution
from convcli.image.limits import check_size
from convcli.image.pillow import open_with_pillow, to_pixels
from convcli.record import replace

#: Pillow's reader.
_READER = "Jpeg2KImagePlugin.Jpeg2KImageFile"
#: Kinds of colours, by their numbers (T.801, table M.25); 0 where none is told.
_CMYK, _SRGB, _GRAY, _SYCC = 12, 16, 17, 18
_SPACES = (0, _CMYK, _SRGB, _GRAY, _SYCC)
_UNREAD_SPACES = {1: "YCbCr", 3: "YCbCr", 4: "YCbCr", 9: "PhotoYCC", 11: "CMY", 13: "YCCK",
                  14: "CIE L*a*b*", 15: "black and white with 1 for black", 19: "CIE JAB",
                  20: "e-sRGB", 21: "ROMM RGB", 24: "e-sYCC"}  # fmt: skip
#: Markers that tell of the coding, that begin a tile, and of comments (table A.2); what a comment
#: of letters begins with (table A.43).
_COD, _SOT, COM = 0x52, 0x90, 0x64
LATIN = b"\0\1"
#: Bytes of a comment that a segment has room for.
LARGEST = 65531
#: Comments that say nothing but which program coded the pixels begin so.
_CODERS = ("Created by OpenJPEG", "Kakadu", "Kdu-Layer-Info")
_CONVERT = 'convert it first, with ImageMagick for instance: "magick IN.jp2 OUT.png"'
EXIF_UUID = b"JpgTiffExif->JP2"
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def decode(data: bytes, limit: int) -> Image:
    """Read a JPEG 2000 file or bare codestream.

    9 to 15 bits a sample stay as they are, in 16; fewer than 8 are scaled to 8.

    Raises
    ------
    ImageError
        If it is damaged or cut short, has signed samples or more than 16 bits, or more than
        `limit` pixels.
    """
    meta, code, space = _read_boxes(data)
    bits = _check_codestream(code, limit)
    even = _check_components(code, bits, space)
    if bits == 8 or not even:
        opened = open_with_pillow(data, _READER)
        if opened.size != coded_size(code):
            raise ImageError("the JPEG 2000 file is damaged: its headers contradict each other")
        opened.load()
        pixels, channels = to_pixels(opened)
        return Image(pixels, channels, meta)
    if meta.icc:
        data = _without_profile(data, code)
    samples = codecs.load("imagecodecs").jpeg2k_decode(data)
    if bits < 8:
        samples = widen_bits(samples, bits)
    elif bits < 16:
        meta = replace(meta, peak=2**bits - 1)
    return Image(samples, "CMYK" if space == _CMYK else "", meta)


def _check_codestream(code: bytes, limit: int) -> int:
    """Check the codestream's header and end; return its bits a sample."""
    if not code.startswith(SIZ) or len(code) < 44:
        raise ImageError("the JPEG 2000 file is damaged: it has no codestream")
    right, bottom, left, top = struct.unpack_from(">IIII", code, 8)
    check_size(right - left, bottom - top, limit)
    (count,) = struct.unpack_from(">H", code, 40)
    check_size(right - left, (bottom - top) * -(-count // 4), limit)
    depths = {code[42 + 3 * k] for k in range(count) if 42 + 3 * k < len(code)}
    if len(depths) != 1:
        raise ImageError(f"its channels have different depths, which isn't read; {_CONVERT}")
    if max(depths) & 0x80 or max(depths) > 15:
        kind = "signed" if max(depths) & 0x80 else "unsigned"
        raise ImageError(
            f"its samples are {kind} and have {(max(depths) & 0x7F) + 1} bits, which isn't read; "
            f"expected unsigned ones of up to 16"
        )
    if b"\xff\xd9" not in code[-64:]:
        raise ImageError("the JPEG 2000 file is cut short: its end is missing")
    return max(depths) + 1


def _check_components(code: bytes, bits: int, space: int) -> bool:
    """Refuse numbers and spacings of channels that aren't read; return whether all are even."""
    (count,) = struct.unpack_from(">H", code, 40)
    even = set(code[43 + 3 * k : 45 + 3 * k] for k in range(count)) <= {b"\1\1"}
    if count > 4:
        raise ImageError(f"it has {count} channels, which isn't read in JPEG 2000; {_CONVERT}")
    if bits != 8 and (space == _SYCC or not even):
        raise ImageError(
            f"its samples are YCbCr or thinned out, and have {bits} bits, which isn't read; "
            f"{_CONVERT}"
        )
    return even


def _read_boxes(data: bytes) -> tuple[Meta, bytes, int]:
    """Return what the boxes say, the codestream, and the number of its colours; 0 if unknown."""
    meta = Meta(format="JPEG2000", mode="codestream")
    if data.startswith(SIZ):
        return _with_segments(meta, data), data, 0
    code, space = b"", 0
    others = []
    for name, content in boxes(data):
        if name == b"jp2c" and not code:
            code = content
        elif name == b"uuid" and content.startswith(EXIF_UUID):
            meta = replace(meta, exif=content[16:])
        elif name == b"uuid" and content.startswith(XMP_UUID):
            meta = replace(meta, xmp=content[16:])
        elif name == b"jp2h":
            meta = replace(meta, icc=_profile(content), dpi=resolution(content))
            space = _check_header(content)
        else:
            others.append((name, content))
    if others:
        meta = replace(meta, beside=blocks_of(others))
    kind = "8-bit or less" if len(code) > 42 and code[42] < 8 else "more than 8 bits"
    return _with_segments(replace(meta, mode=kind), code), code, space


def _check_header(header: bytes) -> int:
    """Refuse palettes and colours that aren't read; return the number of the colours, or 0."""
    space = 0
    for name, content in boxes(header):
        if name == b"pclr":
            raise ImageError(f"its colours are in a palette, which isn't read; {_CONVERT}")
        if name == b"colr" and content[:1] == b"\1" and len(content) >= 7 and not space:
            (space,) = struct.unpack_from(">I", content, 3)
    if space not in _SPACES:
        what = _UNREAD_SPACES.get(space, f"of an unknown kind ({space})")
        raise ImageError(f"its colours are {what}, which isn't read in JPEG 2000; {_CONVERT}")
    return space


def _profile(header: bytes) -> bytes | None:
    """Return the ICC profile of a header box, if it has one."""
    for name, content in boxes(header):
        if name == b"colr" and content[:1] in (b"\x02", b"\x03"):
            return content[3:]
    return None


def _without_profile(data: bytes, code: bytes) -> bytes:
    """Return a file without its profile: OpenJPEG would turn the samples by it, into sRGB."""
    (count,) = struct.unpack_from(">H", code, 40)
    plain = box(b"colr", b"\x01\0\0" + struct.pack(">I", _SRGB if count > 2 else _GRAY))
    parts = []
    for name, content in boxes(data):
        if name == b"jp2h":
            inner = (plain if n == b"colr" else box(n, c) for n, c in boxes(content))
            content = b"".join(inner)
        parts.append(box(name, content))
    return b"".join(parts)


def _with_segments(meta: Meta, code: bytes) -> Meta:
    """Return metadata with what the codestream's main header says."""
    lossy, comments = False, list[bytes]()
    for marker, content in _segments(code):
        if marker == _COD and len(content) > 9:
            # The wavelet is the irreversible one (table A.20).
            lossy = content[9] == 0
        elif marker == COM and content[:2] == LATIN:
            if comments and len(comments[-1]) % LARGEST == 0:
                # What goes on where a segment was full.
                comments[-1] += content[2:]
            elif content[2:]:
                comments.append(content[2:])
    said = (letters(each.rstrip(b"\0")) for each in comments)
    text = tuple(("Comment", each) for each in said if not each.startswith(_CODERS))
    return replace(meta, lossy=lossy, text=text)


def _segments(code: bytes) -> Iterator[tuple[int, bytes]]:
    """Give (marker, content) of the main header's segments behind the first one."""
    at = 2
    while at + 4 <= len(code) and code[at] == 0xFF and code[at + 1] != _SOT:
        end = at + 2 + int.from_bytes(code[at + 2 : at + 4], "big")
        yield code[at + 1], code[at + 4 : end]
        at = end
