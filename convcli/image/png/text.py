"""What a PNG file says beside its pixels: profile, EXIF, XMP, text, pixel density."""

from __future__ import annotations

import struct
import zlib

from convcli.image import exif
from convcli.image.beside.block import Block
from convcli.image.codec import LazyFunction
from convcli.image.image import Image
from convcli.image.light.profile import fits
from convcli.record import field, record

#: The keyword of the text chunk that holds XMP (XMP specification part 3, section 1.1.5).
_XMP_KEYWORD = "XML:com.adobe.xmp"
_LANGUAGE = "PNG iTXt"
_WRITTEN = LazyFunction("png.others", "written")
_UNPACKED, _RAW = LazyFunction("png.raw", "unpacked"), LazyFunction("png.raw", "written")
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
    cicp: tuple[int, int, int, int] | None = None
    blocks: list[Block] = field(default_factory=list)
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


def unpack_raw(found: Found) -> None:
    """Take profiles out of text, if there are any; chunks of their own count before these."""
    if not any(key.startswith("Raw profile type ") for key, _ in found.text):
        return
    raw = _UNPACKED(found.text)
    found.text, found.blocks = raw.text, [*found.blocks, *raw.blocks]
    found.exif, found.xmp = found.exif or raw.exif, found.xmp or raw.xmp


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
    # Without a unit it tells of the shape of pixels, which `others` takes if they aren't square.
    if unit == 1 and x and y:
        found.dpi = (x * _METRES_AN_INCH, y * _METRES_AN_INCH)


def _take_numbers(found: Found, content: bytes) -> None:
    primaries, curve, matrix, full = struct.unpack(">4B", content)
    found.cicp = primaries, curve, matrix, full


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
    language, translated, value = rest[2:].split(b"\0", 2)
    value = _unfold(found, value) if folded else value
    if key.decode("latin-1") == _XMP_KEYWORD:
        found.xmp = value
    else:
        found.text.append((key.decode("latin-1"), value.decode("utf-8")))
        if language or translated:
            said = (found.text[-1], language + b"\0" + translated + b"\0")
            found.blocks.append(Block(_LANGUAGE, "language of text", said))


_READERS = {
    b"iCCP": _take_icc,
    b"eXIf": _take_exif,
    b"pHYs": _take_density,
    b"cICP": _take_numbers,
    b"acTL": _take_frames,
    b"tEXt": _take_text,
    b"zTXt": _take_folded_text,
    b"iTXt": _take_international_text,
}


#: Chunks that are taken here, or are colour's.
KNOWN = frozenset(_READERS) - {b"pHYs"} | {b"gAMA", b"cHRM", b"sRGB", b"mDCV", b"cLLI"}


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
    chunks = [(name.encode(), content) for name, content in meta.chunks]
    if meta.cicp is not None:
        # Samples are red, green and blue, of no matrix.
        chunks.insert(0, (b"cICP", bytes((*meta.cicp[:2], 0, meta.cicp[3]))))
    if meta.icc and fits(meta.icc, image.channels):
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(meta.icc)))
    if meta.dpi:
        x, y = (min(round(d / _METRES_AN_INCH), 2**31 - 1) for d in meta.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", x, y, 1)))
    if meta.exif:
        chunks.append((b"eXIf", meta.exif))
    if meta.xmp:
        chunks.append((b"iTXt", _XMP_KEYWORD.encode() + b"\0\0\0\0\0" + meta.xmp))
    languages = {block.content[0]: block.content[1] for block in meta.beside if _tells(block)}
    text = [*meta.text, *(_RAW(meta.beside) if meta.beside else ())]
    chunks.extend(_text_chunk(*said, language=languages.get(said, b"")) for said in text)
    return chunks + (_WRITTEN(meta.beside) if meta.beside else [])


def _tells(block: Block) -> bool:
    return block.kind == _LANGUAGE and block.content is not None


def _text_chunk(key: str, value: str, *, language: bytes) -> tuple[bytes, bytes]:
    """Latin text as tEXt, any other as iTXt. Keywords have 1 to 79 Latin-1 bytes."""
    keyword = " ".join(
        key.encode("latin-1", "replace").replace(b"\0", b" ").decode("latin-1").split()
    )
    keyword = keyword[:79].strip() or "Comment"
    value = value.replace("\0", " ")
    if language:
        return b"iTXt", keyword.encode("latin-1") + b"\0\0\0" + language + value.encode()
    try:
        return b"tEXt", keyword.encode("latin-1") + b"\0" + value.encode("latin-1")
    except UnicodeEncodeError:
        return b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + value.encode()
