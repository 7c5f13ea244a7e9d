"""Reading JPEG: its segments, and pixels of 8, 12 and 16 bits (ITU-T T.81; JFIF 1.02)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image import codecs, exif
from convcli.image.depth import widen_bits
from convcli.image.limits import check_size
from convcli.image.picture import Image, Meta
from convcli.record import field, record

if TYPE_CHECKING:
    from convcli.image.room import Room

EXIF_MARK = b"Exif\0\0"
XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
ICC_MARK = b"ICC_PROFILE\0"
APP0, APP1, APP2, APP14, COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_SOS, _EOI, _DQT = 0xDA, 0xD9, 0xDB
#: Start-of-frame markers; 0xC4, 0xC8 and 0xCC in between are none.
_SOF = (0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_LOSSLESS = (0xC3, 0xC7, 0xCB, 0xCF)
#: A marker within pixels that is neither a stuffed zero nor a restart.
_SCAN_END = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]", re.DOTALL)
#: What may follow coded pixels without changing them.
_FILLING = b"\x55" * 64
#: Where the k-th stored coefficient belongs, row by row (T.81, figure A.6).
ZIGZAG = (
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
)  # fmt: skip
#: What components are, by their number.
_CHANNELS = {1: "L", 3: "RGB", 4: "CMYK"}
#: Pillow's numbers for the sampling factors of the first component, the others having 1 × 1.
_SUBSAMPLING = {(1, 1): 0, (2, 1): 1, (2, 2): 2}


@record(frozen=False)
class Segments:
    """What stands before the coded pixels, and where these begin."""

    frame: int = 0
    scan: int = 0
    precision: int = 8
    width: int = 0
    height: int = 0
    sampling: list[tuple[int, int]] = field(default_factory=list)
    tables: dict[int, list[int]] = field(default_factory=dict)
    icc: dict[int, bytes] = field(default_factory=dict)
    exif: bytes | None = None
    xmp: bytes | None = None
    density: tuple[float, float] | None = None
    adobe: int | None = None
    comments: list[str] = field(default_factory=list)
    frames: int = 1


def decode(data: bytes, limit: int, room: Room | None = None) -> Image:
    """Read a JPEG file, its pixels as stored.

    12-bit samples are scaled to 16 bits by repeating their bits; CMYK has 0 for no ink. `room` is
    memory for the samples, if there is some already.

    Raises
    ------
    ImageError
        If it is damaged or cut short, or has more than `limit` pixels.
    """
    found = read_segments(data, limit)
    pixels = _pixels(data, found, room)
    if pixels.shape[:2] != (found.height, found.width):
        raise ImageError(f"the JPEG file is damaged: its pixels have shape {pixels.shape}")
    _check_end(data, found, pixels)
    if found.precision not in (8, 16):
        pixels = widen_bits(pixels, found.precision)
    channels = _CHANNELS[len(found.sampling)]
    if channels == "CMYK" and found.adobe is not None:
        # Adobe's programs store ink inverted, and mark the file (Technical Note 5116).
        pixels = np.iinfo(pixels.dtype).max - pixels
    return Image(pixels, channels, _meta(found, channels))


def _pixels(data: bytes, found: Segments, room: Room | None) -> NDArray[Any]:
    """Decode samples, into memory that is there if they fit."""
    coder = codecs.load_quiet().jpeg8_decode
    count = len(found.sampling)
    size = found.height, found.width
    out = room.array(size if count == 1 else (*size, count)) if room is not None else None
    if out is not None:
        # What is damaged is said of the file alone.
        with suppress(Exception):
            coder(data, out=out)
            return out
    pixels: NDArray[Any] = coder(data)
    return pixels


def like(data: bytes, limit: int) -> Image | None:
    """Return a picture like the one a file holds, upright, its samples left as they may be.

    None for one whose samples aren't of 8 bits. The errors are those of `read_segments`.
    """
    found = read_segments(data, limit)
    if found.precision != 8:
        return None
    size = found.height, found.width
    if exif.orientation(found.exif) >= 5:
        size = size[::-1]
    count = len(found.sampling)
    # Memory that nobody writes to isn't taken.
    pixels = np.empty(size if count == 1 else (*size, count), dtype=np.uint8)
    return Image(pixels, _CHANNELS[count])


def read_segments(data: bytes, limit: int) -> Segments:
    """Return what stands before the coded pixels, and make sure that they have an end.

    Raises
    ------
    ImageError
        If the file is cut short, has no frame, or more than `limit` pixels.
    """
    found = Segments()
    start = 0
    for marker, content, end in _walk(data):
        if marker == _SOS:
            start = end
            break
        _take(found, marker, content)
    if not found.frame or not start:
        raise ImageError("the JPEG file is cut short: it ends before its pixels")
    check_size(found.width, found.height, limit)
    if len(found.sampling) not in (1, 3, 4):
        raise ImageError(f"a JPEG file of {len(found.sampling)} channels can't be read")
    # Within coded pixels 0xFF is followed by 0 or a restart marker, so this is no coincidence.
    if data.rfind(bytes((0xFF, _EOI)), start) < 0:
        raise ImageError("the JPEG file is cut short: its end is missing")
    found.scan = start
    return found


def _check_end(data: bytes, found: Segments, pixels: NDArray[Any]) -> None:
    """Refuse pixels that are cut short and yet have an end: the library makes the rest grey.

    JUSTIFICATION: nothing else tells, as it keeps its warnings to itself. It ignores what follows
    the last block, and takes it for blocks if some are missing. To decode again takes as long as
    the first time, but few pictures end in the middle grey.
    """
    if (pixels[-1, -1] != 1 << (found.precision - 1)).any():
        return
    end = _SCAN_END.search(data, found.scan)
    at = end.start() if end else len(data)
    longer = data[:at] + _FILLING + data[at:]
    if not np.array_equal(codecs.load_quiet().jpeg8_decode(longer), pixels):
        raise ImageError("the JPEG file is cut short: its last rows are missing")


def _walk(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """(marker, content, where it ends) of each segment up to the first scan."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise ImageError(f"the JPEG file is damaged: no segment begins at byte {at}")
        marker = data[at + 1]
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == _EOI:
            return
        (size,) = struct.unpack_from(">H", data, at + 2)
        end = at + 2 + size
        if size < 2 or end > len(data):
            raise ImageError("the JPEG file is cut short: it ends within a segment")
        yield marker, data[at + 4 : end], end
        at = end


def _take(found: Segments, marker: int, content: bytes) -> None:
    """Add what one segment says."""
    if marker in _SOF:
        _take_frame(found, marker, content)
    elif marker == _DQT:
        _take_tables(found, content)
    elif marker == COMMENT:
        found.comments.append(_text(content))
    elif marker == APP0 and content[:5] == b"JFIF\0" and len(content) >= 12:
        _take_density(found, content)
    elif marker == APP1:
        _take_app1(found, content)
    elif marker == APP2:
        _take_app2(found, content)
    elif marker == APP14 and content[:5] == b"Adobe" and len(content) >= 12:
        found.adobe = content[11]


def _take_frame(found: Segments, marker: int, content: bytes) -> None:
    if found.frame:
        raise ImageError("a hierarchical JPEG file can't be read")
    if len(content) < 6 or len(content) < 6 + 3 * content[5]:
        raise ImageError("the JPEG file is damaged: its frame header is cut short")
    found.frame = marker
    found.precision, found.height, found.width, count = struct.unpack_from(">BHHB", content)
    factors = [content[6 + 3 * k + 1] for k in range(count)]
    found.sampling = [(factor >> 4, factor & 15) for factor in factors]


def _take_tables(found: Segments, content: bytes) -> None:
    at = 0
    while at < len(content):
        number, wide = content[at] & 15, content[at] >> 4
        form = ">64H" if wide else ">64B"
        if at + 1 + struct.calcsize(form) > len(content):
            raise ImageError("the JPEG file is damaged: a quantisation table is cut short")
        table = [0] * 64
        for k, value in enumerate(struct.unpack_from(form, content, at + 1)):
            table[ZIGZAG[k]] = value
        found.tables[number] = table
        at += 1 + struct.calcsize(form)


def _take_density(found: Segments, content: bytes) -> None:
    unit, x, y = struct.unpack_from(">BHH", content, 7)
    if unit in (1, 2) and x and y:
        scale = 1.0 if unit == 1 else 2.54
        found.density = (x * scale, y * scale)


def _take_app1(found: Segments, content: bytes) -> None:
    if content.startswith(EXIF_MARK[:5]) and found.exif is None:
        found.exif = content[len(EXIF_MARK) :]
    elif content.startswith(XMP_MARK):
        found.xmp = content[len(XMP_MARK) :]


def _take_app2(found: Segments, content: bytes) -> None:
    if content.startswith(ICC_MARK) and len(content) > 14:
        found.icc[content[12]] = content[14:]
    elif content.startswith(b"MPF\0"):
        found.frames = _count_frames(content[4:])


def _count_frames(index: bytes) -> int:
    """Pictures in a multi-picture file (CIPA DC-007, tag 0xB001)."""
    order = ">" if index[:2] == b"MM" else "<"
    try:
        (at,) = struct.unpack_from(order + "I", index, 4)
        (count,) = struct.unpack_from(order + "H", index, at)
        for k in range(count):
            tag, _, _, value = struct.unpack_from(order + "HHII", index, at + 2 + 12 * k)
            if tag == 0xB001:
                return max(1, int(value))
    except struct.error:
        pass
    return 1


def _text(content: bytes) -> str:
    content = content.rstrip(b"\0")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _meta(found: Segments, channels: str) -> Meta:
    lossless = found.frame in _LOSSLESS
    kind = {"L": "grey", "RGB": "colour", "CMYK": "CMYK"}[channels]
    colour = channels == "RGB" and not lossless
    plain = found.sampling[0] if set(found.sampling[1:]) == {(1, 1)} else None
    parts = [found.icc[k] for k in sorted(found.icc)]
    return Meta(
        format="JPEG",
        mode=f"{found.precision}-bit {kind}",
        icc=b"".join(parts) or None,
        exif=found.exif,
        xmp=found.xmp,
        dpi=found.density or exif.resolution(found.exif),
        text=tuple(("Comment", comment) for comment in found.comments),
        quantization=dict(found.tables) if not lossless else None,
        subsampling=_SUBSAMPLING.get(plain, 0) if colour and plain else 0 if colour else None,
        frames=found.frames,
        lossy=not lossless,
    )
