"""What a PNG file says beside its pixels: profile, EXIF, XMP, text, pixel density."""

from __future__ import annotations

import struct
import zlib

from convcli.image import exif
from convcli.image.image import Image, Meta
from convcli.image.light.profile import fits
from convcli.record import field, record

#: The keyword of the text chunk that holds XMP (XMP specification part 3, section 1.1.5).
_XMP_KEYWORD = "XML:com.adobe.xmp"
#: Longer than all sensible texts and profiles of a file together: a chunk of kilobytes can unfold
#: to gigabytes, and there can be thousands of them.
_MOST = 64 * 2**20
_MOST_NOTES = 8
_METRES_AN_INCH = 0.0254


@record(frozen=False)
class Found:
    """What was found so far."""

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    text: list[tuple[str, str]] = field(default_factory=list)
    frames: int = 1
    notes: list[str] = field(default_factory=list)
    room: int = _MOST


def collect(found: Found, name: bytes, content: bytes) -> None:
    """Add what one chunk says; one that can't be understood is noted and left out."""
    take = _READERS.get(name)
    if take is None:
        return
    try:
        take(found, content)
    except (ValueError, struct.error, zlib.error, IndexError):
        found.notes.append(f"chunk {name.decode()} could not be understood and was left out")


def few(notes: list[str]) -> tuple[str, ...]:
    """Return each note once, and not too many: a crafted file is worth a hundred thousand.

    Examples
    --------
    >>> few(["one", "one", "two"])
    ('one', 'two')
    """
    once = tuple(dict.fromkeys(notes))
    more = len(once) - _MOST_NOTES
    return (*once[:_MOST_NOTES], f"and {more} more chunks were left out") if more > 0 else once


def _take_icc(found: Found, content: bytes) -> None:
    _, rest = content.split(b"\0", 1)
    found.icc = _unfold(found, rest[1:])


def _take_exif(found: Found, content: bytes) -> None:
    found.exif = exif.strip_prefix(content)


def _take_density(found: Found, content: bytes) -> None:
    x, y, unit = struct.unpack(">IIB", content)
    if unit == 1 and x and y:
        found.dpi = (x * _METRES_AN_INCH, y * _METRES_AN_INCH)


def _take_frames(found: Found, content: bytes) -> None:
    found.frames = max(1, struct.unpack(">II", content)[0])


def _take_text(found: Found, content: bytes) -> None:
    key, value = content.split(b"\0", 1)
    found.text.append((key.decode("latin-1"), value.decode("latin-1")))


def _take_folded_text(found: Found, content: bytes) -> None:
    key, rest = content.split(b"\0", 1)
    found.text.append((key.decode("latin-1"), _unfold(found, rest[1:]).decode("latin-1")))


def _take_international_text(found: Found, content: bytes) -> None:
    key, rest = content.split(b"\0", 1)
    folded = rest[0]
    _, _, value = rest[2:].split(b"\0", 2)
    value = _unfold(found, value) if folded else value
    if key.decode("latin-1") == _XMP_KEYWORD:
        found.xmp = value
    else:
        found.text.append((key.decode("latin-1"), value.decode("utf-8")))


_READERS = {
    b"iCCP": _take_icc,
    b"eXIf": _take_exif,
    b"pHYs": _take_density,
    b"acTL": _take_frames,
    b"tEXt": _take_text,
    b"zTXt": _take_folded_text,
    b"iTXt": _take_international_text,
}


def _unfold(found: Found, data: bytes) -> bytes:
    """Undo the compression of one chunk, in the room that others have left."""
    unfolding = zlib.decompressobj()
    # 0 would mean that there is no limit.
    whole = unfolding.decompress(data, found.room + 1)
    found.room = max(0, found.room - len(whole))
    if not unfolding.eof or not found.room:
        raise ValueError("cut short, or unreasonably large")
    return whole


def before_pixels(image: Image) -> list[tuple[bytes, bytes]]:
    """(name, content) of the chunks that go between header and pixels, in a right order."""
    meta = image.meta
    chunks = [(name.encode(), content) for name, content in _colour_chunks(meta, image.channels)]
    if meta.icc and fits(meta.icc, image.channels):
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(meta.icc)))
    if meta.dpi:
        x, y = (min(round(d / _METRES_AN_INCH), 2**31 - 1) for d in meta.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", x, y, 1)))
    if meta.exif:
        chunks.append((b"eXIf", meta.exif))
    if meta.xmp:
        chunks.append((b"iTXt", _XMP_KEYWORD.encode() + b"\0\0\0\0\0" + meta.xmp))
    chunks.extend(_text_chunk(key, value) for key, value in meta.text)
    return chunks


def _colour_chunks(meta: Meta, channels: str) -> list[tuple[str, bytes]]:
    """PNG's own words on colour that hold for the channels: gray has no primaries."""
    about_colour = ("cHRM", "cICP", "mDCV", "cLLI")
    gray = channels in ("L", "LA")
    return [(name, data) for name, data in meta.chunks if not (gray and name in about_colour)]


def _text_chunk(key: str, value: str) -> tuple[bytes, bytes]:
    """Latin text as tEXt, any other as iTXt. Keywords have 1 to 79 Latin-1 bytes."""
    keyword = " ".join(
        key.encode("latin-1", "replace").replace(b"\0", b" ").decode("latin-1").split()
    )
    keyword = keyword[:79].strip() or "Comment"
    value = value.replace("\0", " ")
    try:
        return b"tEXt", keyword.encode("latin-1") + b"\0" + value.encode("latin-1")
    except UnicodeEncodeError:
        return b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + value.encode()
