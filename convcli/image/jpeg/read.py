"""Reading JPEG: its segments, and pixels of 8, 12 and 16 bits (ITU-T T.81; JFIF 1.02)."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image import codecs, exif
from convcli.image.depth import widen_bits
from convcli.image.guard import overlook
from convcli.image.image import Image, Meta
from convcli.image.jpeg.application import Applications
from convcli.image.jpeg.check import copied, first_changed, may_be_cut, watched
from convcli.image.jpeg.scans import (
    LOSSLESS,
    PROGRESSIVE,
    Grid,
    Scans,
    misplaced,
    missing,
    read_scans,
)
from convcli.image.jpeg.segments import EOI, FRAMES, SOS, Segment, walk
from convcli.image.limits import check_size
from convcli.record import field, record, replace

if TYPE_CHECKING:
    from convcli.image.decode_memory import DecodeMemory

_DQT, _DRI = 0xDB, 0xDD
#: Frames that can't be decoded, and what they are called.
_UNKNOWN = {
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical"),
    0xCB: "lossless and arithmetic-coded",
}
#: The frame of another format, ITU-T T.87, whose files begin alike.
_JPEG_LS = 0xF7
#: Frames whose coded data may end before the coder does (T.81, section D.1.8).
_ARITHMETIC = (0xC9, 0xCA)
_END = bytes((0xFF, EOI))
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
    """What stands before the coded pixels; where the frame's content is, and the first scan."""

    frame: int = 0
    at: int = 0
    scan: Segment | None = None
    interval: int = 0
    stray: int = 0
    precision: int = 8
    width: int = 0
    height: int = 0
    sampling: list[tuple[int, int]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    tables: dict[int, list[int]] = field(default_factory=dict)
    said: Applications = field(default_factory=Applications)
    end: int | None = None
    notes: list[str] = field(default_factory=list)


def decode(
    data: bytes, limit: int, room: DecodeMemory | None = None, *, lenient: bool = False
) -> Image:
    """Read a JPEG file, its pixels as stored.

    12-bit samples are scaled to 16 bits by repeating their bits; CMYK has 0 for no ink.

    Parameters
    ----------
    data
        The file.
    limit
        The most pixels it may have.
    room
        Memory for the samples, if there is some already.
    lenient
        Whether one that is cut short is read as libjpeg has it, with a note.

    Raises
    ------
    ImageError
        If it is damaged or cut short, or has more than `limit` pixels.
    """
    found = read_segments(data, limit)
    pixels = _checked(data, found, room, lenient)
    channels = _CHANNELS[len(found.sampling)]
    peak = None
    if found.precision < 8:
        pixels = widen_bits(pixels, found.precision)
    elif found.precision not in (8, 16):
        peak = 2**found.precision - 1
    if channels == "CMYK" and found.said.adobe is not None:
        # Adobe's programs store ink inverted, and mark the file (Technical Note 5116).
        pixels = pixels.dtype.type(peak or np.iinfo(pixels.dtype).max) - pixels
    behind = memoryview(data)[len(data) if found.end is None else found.end :]
    return Image(pixels, channels, replace(_meta(found, channels, behind), peak=peak))


def _checked(
    data: bytes, found: Segments, room: DecodeMemory | None, lenient: bool
) -> NDArray[Any]:
    """Decode samples, and make sure that all are there."""
    assert found.scan is not None
    scans = read_scans(data, found.scan, found.interval)
    if found.stray or scans.stray:
        found.notes.append(f"{found.stray + scans.stray} bytes between segments were skipped")
    if not scans.ended:
        data = data[: scans.end] + _END
    else:
        found.end = scans.end + len(_END)
    factors = zip(found.numbers, found.sampling, strict=True)
    grid = Grid(found.width, found.height, tuple((n, *each) for n, each in factors))
    said = _incomplete(found, scans, grid)
    known: NDArray[Any] | str | None = _restarts(found, scans, grid)
    if not said and not known and (len(scans.found) > 1 or not scans.ended):
        known = _watched(data, found)
    pixels = _pixels(data, found, room, None if isinstance(known, str) else known)
    if pixels.shape[:2] != (found.height, found.width):
        raise ImageError(f"the JPEG file is damaged: its pixels have shape {pixels.shape}")
    if not said and (known is None or isinstance(known, str)):
        said = _cut(data, found, scans, pixels, known)
    if said:
        found.notes.append(overlook(f"the JPEG file is {said}", lenient))
    elif not scans.ended:
        found.notes.append("the JPEG file has no mark at its end; all of its pixels are there")
    return pixels


def _incomplete(found: Segments, scans: Scans, grid: Grid) -> str:
    """Return what the headers say is missing; '' if nothing is."""
    if missing(scans.found, grid, found.frame in PROGRESSIVE):
        return "cut short: later scans are missing, and detail or colour with them"
    if not scans.ended and found.frame in _ARITHMETIC:
        return "cut short: its end is missing"
    return ""


def _restarts(found: Segments, scans: Scans, grid: Grid) -> str | None:
    """Return what is wrong with the markers within coded data; None if nothing is."""
    for scan in scans.found if found.frame not in LOSSLESS else ():
        wrong = misplaced(scan, grid)
        if wrong is not None:
            return f"restart marker {wrong} of a scan is missing or wrong"
    return None


def _watched(data: bytes, found: Segments) -> NDArray[Any] | str | None:
    """Decode 8-bit gray, or luma and chroma, so that what libjpeg has against it is known."""
    coded = found.precision == 8 and found.frame not in (*LOSSLESS, *_ARITHMETIC)
    if not coded or (len(found.sampling) == 3 and not _has_luma(found)):
        return None
    sampling = found.sampling
    if len(sampling) == 1 and sampling[0] != (1, 1):
        # To one component alone its sampling means nothing, but libtiff wants this.
        factor = found.at + 7
        data, sampling = data[:factor] + b"\x11" + data[factor + 1 :], [(1, 1)]
    return watched(data, (found.height, found.width), sampling)


def _has_luma(found: Segments) -> bool:
    """Whether three components are luma and chroma (JFIF; Adobe's Technical Note 5116)."""
    if found.said.jfif or found.said.adobe is not None:
        return found.said.jfif or found.said.adobe == 1
    return found.numbers == [1, 2, 3]


def _cut(
    data: bytes, found: Segments, scans: Scans, pixels: NDArray[Any], against: str | None
) -> str:
    """Return what is missing of coded data; '' if nothing is.

    JUSTIFICATION: to decode again takes as long as the first time, but few images end in gray,
    and few are of kinds that `watched` doesn't know.
    """
    if found.frame in _ARITHMETIC:
        return f"damaged: {against}" if against else ""
    if len(scans.found) == 1 and scans.ended and against is None:
        luma = _has_luma(found) if len(found.sampling) == 3 else found.said.adobe == 2
        block, middle = 1 if found.frame in LOSSLESS else 8, 1 << (found.precision - 1)
        if not may_be_cut(pixels, found.sampling, luma, block, middle):
            return ""
    row = first_changed(data, scans, pixels)
    if row is None and against:
        return f"damaged: {' '.join(against.split())}"
    if row is None:
        # That two ways to go on give the same is no proof.
        return "" if scans.ended else "cut short: its end is missing"
    if len(scans.found) > 1:
        return f"cut short: a scan lacks its end, from row {row} of {found.height} on"
    return f"cut short: its last rows are missing, from row {row} of {found.height} on"


def _pixels(
    data: bytes, found: Segments, room: DecodeMemory | None, known: NDArray[Any] | None
) -> NDArray[Any]:
    """Decode samples, if they aren't known, into memory that is there if they fit."""
    coder = codecs.load_quiet().jpeg8_decode
    count = len(found.sampling)
    size = found.height, found.width
    shape = size if count == 1 else (*size, count)
    out = room.array(shape) if room is not None else None
    if known is not None:
        return copied(known, np.empty(shape, np.uint8) if out is None else out)
    if out is not None:
        # What is damaged is said of the file alone.
        with suppress(Exception):
            coder(data, out=out)
            return out
    pixels: NDArray[Any] = coder(data)
    return pixels


def like(data: bytes, limit: int) -> Image | None:
    """Return an image like the one a file holds, upright, its samples left as they may be.

    None for one whose samples aren't of 8 bits. The errors are those of `read_segments`.
    """
    found = read_segments(data, limit)
    if found.precision != 8:
        return None
    size = found.height, found.width
    if exif.orientation(found.said.exif) >= 5:
        size = size[::-1]
    count = len(found.sampling)
    # Memory that nobody writes to isn't taken.
    pixels = np.empty(size if count == 1 else (*size, count), dtype=np.uint8)
    return Image(pixels, _CHANNELS[count])


def read_segments(data: bytes, limit: int) -> Segments:
    """Return what stands before the coded pixels.

    Raises
    ------
    ImageError
        If the file is cut short, has no frame, or more than `limit` pixels.
    """
    found = Segments()
    for segment in walk(data):
        found.stray += segment.stray
        if segment.marker == SOS:
            found.scan = segment
        elif segment.marker != EOI:
            found.at = segment.start if segment.marker in FRAMES else found.at
            _take(found, segment.marker, data[segment.start : segment.end])
        if segment.marker == _JPEG_LS:
            raise ImageError("this is a JPEG-LS image, which can't be read; save it as PNG")
    if not found.frame or found.scan is None:
        raise ImageError("the JPEG file is cut short: it ends before its pixels")
    check_size(found.width, found.height, limit)
    if len(found.sampling) not in (1, 3, 4):
        raise ImageError(f"a JPEG file of {len(found.sampling)} channels can't be read")
    if found.precision not in (8, 12) and found.frame not in LOSSLESS:
        raise ImageError(f"a JPEG file of {found.precision}-bit samples can't be read")
    return found


def _take(found: Segments, marker: int, content: bytes) -> None:
    """Add what one segment says."""
    if marker in FRAMES:
        _take_frame(found, marker, content)
    elif marker == _DQT:
        _take_tables(found, content)
    elif marker == _DRI and len(content) >= 2:
        (found.interval,) = struct.unpack_from(">H", content)
    else:
        found.said.take(marker, content)


def _take_frame(found: Segments, marker: int, content: bytes) -> None:
    if found.frame or marker in _UNKNOWN:
        kind = _UNKNOWN.get(marker, "hierarchical")
        raise ImageError(f"a {kind} JPEG file can't be read; save it as a usual one, or PNG")
    if len(content) < 6 or len(content) < 6 + 3 * content[5]:
        raise ImageError("the JPEG file is damaged: its frame header is cut short")
    found.frame = marker
    found.precision, found.height, found.width, count = struct.unpack_from(">BHHB", content)
    found.numbers = [content[6 + 3 * k] for k in range(count)]
    factors = [content[6 + 3 * k + 1] for k in range(count)]
    found.sampling = [(factor >> 4, factor & 15) for factor in factors]
    if not all(1 <= factor <= 4 for each in found.sampling for factor in each):
        raise ImageError("the JPEG file is damaged: a component is sampled less than once")


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


def _meta(found: Segments, channels: str, behind: memoryview) -> Meta:
    lossless = found.frame in LOSSLESS
    kind = {"L": "gray", "RGB": "colour", "CMYK": "CMYK"}[channels]
    colour = channels == "RGB" and not lossless
    plain = found.sampling[0] if set(found.sampling[1:]) == {(1, 1)} else None
    said = found.said
    parts = [said.icc[k] for k in sorted(said.icc)]
    return Meta(
        format="JPEG",
        mode=f"{found.precision}-bit {kind}",
        icc=b"".join(parts) or None,
        exif=said.exif,
        xmp=said.xmp(),
        dpi=said.density or exif.resolution(said.exif),
        text=said.text(),
        quantization=dict(found.tables) if not lossless else None,
        subsampling=_SUBSAMPLING.get(plain, 0) if colour and plain else 0 if colour else None,
        progressive=found.frame in PROGRESSIVE,
        frames=said.frames,
        lossy=not lossless,
        beside=said.others(behind),
        notes=tuple(found.notes),
    )
