"""Reading PNG: every chunk is checked, every depth kept (PNG third edition, W3C 2025)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image import codecs
from convcli.image.codec import LazyFunction
from convcli.image.guard import READS, overlook
from convcli.image.header import peek_into
from convcli.image.image import Image, Meta
from convcli.image.limits import check_size
from convcli.image.png import text as png_text
from convcli.image.png import wide as png_wide
from convcli.image.png.chunks import (
    COLOUR,
    COLOUR_ALPHA,
    GRAY,
    GRAY_ALPHA,
    PALETTE,
    SAMPLES,
    PngHeader,
    assemble,
    parse_header,
    passes_of,
    walk,
)
from convcli.image.png.inflate import Inflating
from convcli.image.png.salvage import salvage
from convcli.image.png.unfilter import decode_bands
from convcli.record import field, record

#: Chunks without which the pixels would be wrong; a wrong checksum of another only drops it.
_ESSENTIAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")
#: What says how frames move, and holds them (section 11.3.6).
ANIMATION_CHUNKS = (b"acTL", b"fcTL", b"fdAT")
#: What PNG says on colour, carried to a PNG result as it is.
COLOUR_CHUNKS = (b"mDCV", b"cLLI", b"gAMA", b"cHRM", b"sRGB")
_OTHERS = LazyFunction("png.others", "blocks_of")
#: From so many bytes of rows on they are decoded in bands, on two threads.
_LARGE = 2**20
#: Bytes of them that may be found before they are decoded.
_WAITING = 2**22


@record(frozen=False)
class Chunks:
    """A PNG file taken apart.

    `animation` has the chunks that control and hold frames, in order: (name, content, whether any
    pixels came before). `known` is how many rows are there, if that isn't all.
    """

    header: PngHeader
    palette: bytes = b""
    transparency: bytes | None = None
    data: list[memoryview] = field(default_factory=list)
    animation: list[tuple[bytes, memoryview, bool]] = field(default_factory=list)
    others: list[tuple[bytes, bytes]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: Inflating | None = None
    lenient: bool = False
    known: int | None = None


def decode(
    data: bytes, limit: int, rows: Inflating | None = None, *, lenient: bool = False
) -> Image:
    """Read a PNG file, its pixels as stored.

    Parameters
    ----------
    data
        The file.
    limit
        The most pixels it may have.
    rows
        What is in its rows, if that is already being found.
    lenient
        Whether damage is noted, and what is there given; what is missing is black, or clear.

    Raises
    ------
    ImageError
        If it is damaged, or has more than `limit` pixels.
    """
    try:
        chunks = split(data, limit, lenient)
        chunks.rows = rows
        pixels = pixels_of(chunks)
    finally:
        if rows is not None:
            rows.close()
    channels = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[1 if pixels.ndim == 2 else pixels.shape[2]]
    return Image(pixels, channels, meta_of(chunks))


def split(data: bytes, limit: int, lenient: bool = False) -> Chunks:
    """Check a PNG file's chunks, and sort them by what they are for.

    Raises
    ------
    ImageError
        If one that matters is damaged or missing, or there are more than `limit` pixels.
    """
    given = _walk(data)
    chunks = Chunks(_header(given, limit), lenient=lenient)
    ended = False
    for name, content, wrong in given:
        if wrong and name in _ESSENTIAL:
            chunks.notes.append(overlook(wrong, lenient))
        if name == b"IEND":
            ended = True
            break
        if not wrong or name in _ESSENTIAL:
            _sort(chunks, name, content)
        else:
            chunks.notes.append(f"chunk {_say(name)} has a wrong checksum and was left out")
    if not chunks.data:
        raise ImageError("the PNG file is cut short: its pixels are missing")
    if not ended and not (lenient and chunks.notes):
        said = "the PNG file is cut short: its end is missing"
        chunks.notes.append(overlook(said, lenient))
    return chunks


def _header(given: Iterator[tuple[bytes, memoryview, str]], limit: int) -> PngHeader:
    """Return what the first chunk says."""
    first = next(given, None)
    if first is None:
        raise ImageError("the PNG file is cut short: it ends within its header")
    name, content, wrong = first
    if wrong:
        raise ImageError(wrong)
    header = parse_header(name, content)
    check_size(header.width, header.height, limit)
    return header


def _walk(data: bytes) -> Iterator[tuple[bytes, memoryview, str]]:
    """(name, content, what is wrong with it) of every chunk; one that is cut short is the last."""
    view = memoryview(data)
    crc32 = codecs.packing().crc32
    for at, size, name in walk(peek_into(data)):
        end = at + 8 + size
        if end + 4 > len(data) or not name.isalpha():
            said = (
                f"the PNG file is cut short or damaged: chunk {_say(name)} has {size} bytes, "
                f"{max(len(data) - at - 12, 0)} are left"
            )
            # Bytes that can't be a chunk's name are no chunk, but end what is there all the same.
            yield (name, view[at + 8 : end], said) if name.isalpha() else (b"IEND", view[:0], said)
            return
        (stated,) = struct.unpack_from(">I", data, end)
        right = crc32(view[at + 4 : end]) == stated
        said = f"the PNG file is damaged: wrong checksum in its {_say(name)} chunk"
        yield name, view[at + 8 : end], "" if right else said


def _say(name: bytes) -> str:
    return name.decode("latin-1") if name.isalpha() and name.isascii() else repr(name)[1:]


def _sort(chunks: Chunks, name: bytes, content: memoryview) -> None:
    if name == b"IDAT":
        chunks.data.append(content)
    elif name in (b"PLTE", b"tRNS"):
        _take_colours(chunks, name, content)
    elif name in ANIMATION_CHUNKS:
        chunks.animation.append((name, content, bool(chunks.data)))
    elif name[:1].isupper():
        raise ImageError(f"the PNG file needs chunk {_say(name)}, which is not known")
    else:
        chunks.others.append((name, bytes(content)))


def _take_colours(chunks: Chunks, name: bytes, content: memoryview) -> None:
    """Take the palette, or what is clear; both come once, and before the pixels."""
    known = chunks.palette if name == b"PLTE" else chunks.transparency
    if chunks.data or known:
        raise ImageError(f"the PNG file is damaged: its {_say(name)} chunk is out of place")
    if name == b"PLTE":
        chunks.palette = bytes(content)
    else:
        chunks.transparency = bytes(content)


def pixels_of(chunks: Chunks) -> NDArray[Any]:
    """Return (rows, cols[, channels]) bool, uint8 or uint16, palette and alpha applied."""
    pixels = _meant(_samples(chunks), chunks)
    if chunks.known is not None:
        pixels[chunks.known :] = 0
    return pixels


def _meant(stored: NDArray[Any], chunks: Chunks) -> NDArray[Any]:
    """Return what stored samples stand for."""
    header = chunks.header
    if header.colour == PALETTE:
        return _look_up(stored, chunks)
    full = 1 if header.depth == 1 else 255 if header.depth <= 8 else 65535
    pixels = stored * np.uint8(255 // (2**header.depth - 1)) if header.depth < 8 else stored
    if chunks.transparency is None or header.colour in (GRAY_ALPHA, COLOUR_ALPHA):
        return stored.astype(bool) if full == 1 else pixels
    return _with_alpha(pixels, stored, chunks)


def _with_alpha(pixels: NDArray[Any], stored: NDArray[Any], chunks: Chunks) -> NDArray[Any]:
    """Make the one colour that tRNS names transparent."""
    transparency = chunks.transparency or b""
    count = 1 if stored.ndim == 2 else 3
    if len(transparency) != 2 * count:
        raise ImageError("the PNG file is damaged: its tRNS chunk doesn't fit its colour type")
    # Only the bits that a sample has count (section 11.3.1.1); some writers set others.
    least = 2**chunks.header.depth - 1
    colour = np.array(struct.unpack(f">{count}H", transparency)) & least
    clear = stored == colour[0] if count == 1 else (stored == colour).all(axis=2)
    full = np.iinfo(pixels.dtype).max
    alpha = np.where(clear, 0, full).astype(pixels.dtype)
    return np.dstack([pixels, alpha])


def _look_up(indices: NDArray[Any], chunks: Chunks) -> NDArray[Any]:
    """Colours for palette indices; RGBA if a palette entry is transparent."""
    entries = np.frombuffer(chunks.palette, dtype=np.uint8)
    if not entries.size or entries.size % 3:
        raise ImageError("the PNG file is damaged: it has no palette, or half a colour in it")
    entries = entries.reshape(-1, 3)
    highest = int(indices.max())
    beyond = max(0, highest + 1 - len(entries))
    if beyond:
        said = f"a pixel has colour {highest} of a palette of {len(entries)}"
        said = overlook(f"the PNG file is damaged: {said}", chunks.lenient)
        chunks.notes.append(f"{said}: it is black")
    if chunks.transparency is not None:
        alpha = np.full(len(entries), 255, dtype=np.uint8)
        given = np.frombuffer(chunks.transparency, dtype=np.uint8)[: len(entries)]
        alpha[: given.size] = given
        entries = np.column_stack([entries, alpha])
    if beyond:
        black = [0, 0, 0, 255][: entries.shape[1]]
        entries = np.vstack([entries, np.full((beyond, entries.shape[1]), black, np.uint8)])
    colours: NDArray[Any] = np.ascontiguousarray(entries).take(indices, axis=0)
    return colours


def _samples(chunks: Chunks) -> NDArray[Any]:
    """Stored samples, (rows, cols) or (rows, cols, samples), each in 0 … 2**depth − 1."""
    try:
        return _all_samples(chunks)
    except MemoryError:
        raise
    except ImageError as error:
        why = overlook(str(error), chunks.lenient)
    except Exception as error:
        # Libraries have words of their own for each of these.
        said = "its compressed pixels are cut short, have a wrong checksum or make no sense"
        if not chunks.lenient:
            raise ImageError(f"the PNG file is damaged: {said}{READS}") from error
        why = f"the PNG file is damaged: {said}"
    header = chunks.header
    everywhere = header.width, header.height, (slice(0, None, 1), slice(0, None, 1))
    passes = [*passes_of(header)] if header.interlaced else [everywhere]

    def work(width: int, height: int, raw: bytes) -> NDArray[Any]:
        return _decode_pass(header, width, height, [memoryview(zlib.compress(raw, 0))])

    samples, chunks.known, said = salvage(header, b"".join(chunks.data), passes, work)
    chunks.notes.append(said if chunks.notes else f"{why}: {said}")
    return samples


def _all_samples(chunks: Chunks) -> NDArray[Any]:
    header = chunks.header
    if not header.interlaced:
        return _decode_pass(header, header.width, header.height, chunks.data, chunks.rows)
    raw = _inflate(b"".join(chunks.data), header)
    shape: tuple[int, ...] = (header.height, header.width)
    if SAMPLES[header.colour] > 1:
        shape += (SAMPLES[header.colour],)
    image = np.zeros(shape, dtype=np.uint16 if header.depth == 16 else np.uint8)
    at = 0
    for width, height, place in passes_of(header):
        size = height * header.row_bytes(width)
        # Stored, not compressed: the decoder only undoes the row filters.
        part = memoryview(zlib.compress(raw[at : at + size], 0))
        image[place] = _decode_pass(header, width, height, [part])
        at += size
    return image


def _inflate(data: bytes, header: PngHeader) -> bytes:
    """Undo the compression of an interlaced image, never into more bytes than it can have."""
    expected = sum(height * header.row_bytes(width) for width, height, _ in passes_of(header))
    # One byte more, or the checksum behind the last one would not be looked at.
    raw = zlib.decompressobj().decompress(data, expected + 1)
    if len(raw) < expected:
        raise ImageError(f"the PNG file is cut short: {len(raw)} bytes of pixels of {expected}")
    return raw


def _decode_pass(
    header: PngHeader,
    width: int,
    height: int,
    data: Sequence[memoryview],
    rows: Inflating | None = None,
) -> NDArray[Any]:
    """Decode rows that are not interlaced, as they are stored: without palette or transparency.

    The decoder gets a file of the bare rows as gray, colour, … samples, so that it has nothing
    to expand and nothing to remark upon.
    """
    # Palette indices are read as gray; less than 8 bits a sample as bytes of packed pixels.
    colour = GRAY if header.colour == PALETTE else header.colour
    packed = header.depth < 8
    wide, depth = (header.row_bytes(width) - 1, 8) if packed else (width, header.depth)
    bare = PngHeader(wide, height, depth, colour, interlaced=False)
    samples = _decode_bare(bare, data, rows)
    if packed:
        return _unpack(samples, header.depth, width)
    return samples.reshape(height, width) if SAMPLES[colour] == 1 else samples


def _decode_bare(
    header: PngHeader, data: Sequence[memoryview], rows: Inflating | None
) -> NDArray[Any]:
    decoder = _library(header)
    if header.height * header.row_bytes(header.width) > _LARGE:
        # What is refused here the library may accept; if not, its words are the ones reported.
        with suppress(Exception):
            return decode_bands(header, rows or Inflating(data, _WAITING), decoder)
    samples: NDArray[Any] = decoder(assemble(header, b"".join(data)))
    return samples


def _library(header: PngHeader) -> Any:
    """Return the fastest decoder that is exact for a header's depth and colour type."""
    small = header.depth == 8 and header.colour in (GRAY, COLOUR, COLOUR_ALPHA)
    if small:
        return codecs.load_quiet().spng_decode
    return png_wide.decode if header.width > png_wide.WIDEST else codecs.png_decode


def _unpack(rows: NDArray[np.uint8], depth: int, width: int) -> NDArray[np.uint8]:
    """Take 1-, 2- or 4-bit samples out of bytes, the leftmost from the highest bits."""
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    samples = (rows[:, :, None] >> shifts) & np.uint8(2**depth - 1)
    return samples.reshape(len(rows), -1)[:, :width]


def meta_of(chunks: Chunks) -> Meta:
    """What the other chunks say."""
    found = png_text.Found()
    for name, held, after in chunks.animation:
        if name == b"acTL" and not after:
            png_text.collect(found, name, bytes(held))
    for name, content in chunks.others:
        png_text.collect(found, name, content)
    png_text.unpack_raw(found)
    kept = tuple((each.decode(), said) for each, said in chunks.others if each in COLOUR_CHUNKS)
    header = chunks.header
    if any(name not in png_text.KNOWN for name, _ in chunks.others):
        clear = chunks.transparency is not None
        found.blocks += _OTHERS(chunks.others, chunks.header, chunks.palette, clear)
    return Meta(
        format="PNG",
        mode=_mode(header, chunks.transparency is not None),
        icc=found.icc,
        exif=found.exif,
        xmp=found.xmp,
        dpi=found.dpi,
        text=tuple(found.text),
        cicp=found.cicp,
        frames=found.frames,
        chunks=kept,
        beside=tuple(found.blocks),
        notes=png_text.few(chunks.notes + found.notes),
    )


def _mode(header: PngHeader, transparent: bool) -> str:
    kind = {
        GRAY: "gray",
        COLOUR: "colour",
        PALETTE: "palette",
        GRAY_ALPHA: "gray with alpha",
        COLOUR_ALPHA: "colour with alpha",
    }[header.colour]
    extra = " with transparency" if transparent else ""
    return f"{header.depth}-bit {kind}{extra}{', interlaced' if header.interlaced else ''}"
