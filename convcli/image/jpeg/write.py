"""Writing JPEG: as good as its source was, with what its metadata say."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image import codecs
from convcli.image.codec import LazyFunction
from convcli.image.depth import as_bytes
from convcli.image.image import Image, Meta
from convcli.image.jpeg import application as app
from convcli.image.jpeg import bands as jpeg_bands
from convcli.image.jpeg.segments import walk
from convcli.image.light.profile import fits
from convcli.image.limits import check_sides
from convcli.record import replace

#: Quality without a word from the user or the source; ImageMagick's habit, too.
QUALITY = 92
#: Pixels that a side may have: the standard has 65535 (T.81, table B.2); libjpeg, and so nearly
#: all, read these.
_SIDE = 65500
#: From here up colour keeps its full resolution (ImageMagick's rule).
_FULL_COLOUR = 90
_SAMPLING = ("444", "422", "420")
#: Rows and columns of their minimum coded units.
_UNITS = ((8, 8), (8, 16), (16, 16))
_JOINED = LazyFunction("beside.photoshop", "joined")
_SPLIT = LazyFunction("jpeg.extended", "split")
_SEGMENTS = LazyFunction("jpeg.extended", "segments")
#: The kind of a segment that is written as it was, up to its number.
APPLICATION = "JPEG APP "
#: Annex K's tables (T.81, K.1 and K.2), row by row; quality scales them as libjpeg does.
_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99,
) + (99,) * 32  # fmt: skip


def encode(image: Image, quality: int | None = None) -> bytes:
    """Return a JPEG file; its parameters are those of `parts`."""
    return b"".join(parts(image, quality))


def parts(image: Image, quality: int | None = None) -> Iterator[bytes]:
    """Yield a JPEG file bit by bit, while later rows are still being coded.

    Parameters
    ----------
    image
        bool (written as 0 and 255) or uint8; L, RGB or CMYK.
    quality
        1 to 100. None keeps the source's quantisation tables, if it was a JPEG file; else 92.
        Chroma is subsampled as in the source, or, without one, by 2 × 2 below quality 90.

    Notes
    -----
    EXIF and XMP beyond 64 KB are continued in further segments; an image that was seen as a whole
    before it was there (progressive coding) is again, and coded on one thread.

    Raises
    ------
    ImageError
        If it has more than 65500 rows or columns, or too much stands beside the pixels.
    """
    check_sides(image.size, "JPEG", _SIDE)
    if image.dtype == bool:
        image = replace(image, pixels=as_bytes(image.pixels))
    meta = image.meta
    tables = meta.quantization if quality is None else None
    if tables and not _are_8_bit(tables):
        tables = None
    if quality is None:
        quality = quality_of(tables) if tables else QUALITY
    sampling = _sampling(meta, quality)
    if quality is None and tables is not None and image.channels != "CMYK":
        coded = _encode_with_tables(image, tables, sampling)
    elif meta.progressive:
        coded = iter((_progressive(image.pixels, quality=quality or QUALITY, sampling=sampling),))
    else:
        coded = _encode_quick(image, quality or QUALITY, sampling)
    yield from _with_segments(next(coded), image)
    yield from coded


def quality_of(tables: dict[int, list[int]]) -> int | None:
    """Return the libjpeg quality that makes exactly these tables, or None.

    Examples
    --------
    >>> quality_of({0: standard_table(0, 75), 1: standard_table(1, 75)})
    75
    """
    if 0 not in tables or not tables.keys() <= {0, 1}:
        return None
    return _quality(tuple(tables[0]), tuple(tables.get(1, ())))


@lru_cache(maxsize=64)
def _quality(luma: tuple[int, ...], chroma: tuple[int, ...]) -> int | None:
    """Return the quality of a luma table, and of a chroma table if there is one."""
    for quality in range(100, 0, -1):
        if standard_table(0, quality) == [*luma] and (
            not chroma or standard_table(1, quality) == [*chroma]
        ):
            return quality
    return None


def standard_table(number: int, quality: int) -> list[int]:
    """Return the standard table for luma (0) or chroma (1), scaled as libjpeg does."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    base = _CHROMA if number else _LUMA
    return [min(max((value * scale + 50) // 100, 1), 255) for value in base]


def _are_8_bit(tables: dict[int, list[int]]) -> bool:
    return all(min(table) >= 1 and max(table) <= 255 for table in tables.values())


def _sampling(meta: Meta, quality: int | None) -> int:
    """Pillow's number for the chroma subsampling."""
    if meta.subsampling in (0, 1, 2):
        return meta.subsampling
    return 0 if quality is None or quality >= _FULL_COLOUR else 2


def _encode_quick(image: Image, quality: int, sampling: int) -> Iterator[bytes]:
    if image.channels == "CMYK":
        # Inverted and with Adobe's marker, as other programs expect it.
        coder = _coder(level=quality, colorspace="CMYK", outcolorspace="CMYK")
        return iter((coder(255 - image.pixels),))
    options = {} if image.channels == "L" else {"subsampling": _SAMPLING[sampling]}
    return jpeg_bands.parts(image, _unit(image, sampling), _coder(level=quality, **options))


def _unit(image: Image, sampling: int) -> tuple[int, int]:
    """Rows and columns of a minimum coded unit."""
    return (8, 8) if image.channels == "L" else _UNITS[sampling]


def _coder(**options: Any) -> Callable[[NDArray[Any]], bytes]:
    encode: Callable[..., bytes] = codecs.load_quiet().jpeg8_encode
    return lambda pixels: encode(pixels, **options)


def _encode_with_tables(
    image: Image, tables: dict[int, list[int]], sampling: int
) -> Iterator[bytes]:
    """Encode with a source's own tables, which imagecodecs doesn't take."""
    gray = image.channels == "L"
    ordered = [tables[k] for k in sorted(tables)][: 1 if gray else 2]
    if image.meta.progressive:
        return iter((_progressive(image.pixels, qtables=ordered, sampling=sampling),))

    def coder(rows: NDArray[Any]) -> bytes:
        return _with_pillow(rows, qtables=ordered, sampling=sampling)

    return jpeg_bands.parts(image, _unit(image, sampling), coder)


def _progressive(pixels: NDArray[Any], **options: Any) -> bytes:
    """Encode in scans of more and more detail, which imagecodecs can't."""
    return _with_pillow(pixels, progressive=True, **options)


def _with_pillow(pixels: NDArray[Any], *, sampling: int, **options: Any) -> bytes:
    from PIL import Image as PillowImage

    if pixels.ndim == 3 and pixels.shape[2] == 4:
        # It inverts ink itself.
        rows, cols = pixels.shape[:2]
        image = PillowImage.frombytes("CMYK", (cols, rows), pixels.tobytes())
    else:
        image = PillowImage.fromarray(pixels)
    if image.mode == "RGB":
        options["subsampling"] = sampling
    target = io.BytesIO()
    image.save(target, "JPEG", **options)
    return target.getvalue()


def _with_segments(coded: bytes, image: Image) -> tuple[bytes, ...]:
    """Put the metadata's segments where JPEG wants them: right after a file's beginning."""
    at = 2
    adobe = b""
    for segment in walk(coded):
        if segment.marker not in (app.APP0, app.APP14):
            break
        at = segment.end
        if segment.marker == app.APP14:
            adobe = coded[segment.at : at]
    segments = b"".join(_segments(image.meta, image.channels, bool(adobe)))
    return coded[:2], segments, adobe, coded[at:]


def _segments(meta: Meta, channels: str, adobe: bool) -> Iterator[bytes]:
    # With Adobe's marker JFIF's says nothing but the density.
    if not adobe or meta.dpi:
        unit, x, y = (1, *_density(meta.dpi)) if meta.dpi else (0, 1, 1)
        yield _segment(app.APP0, b"JFIF\0" + struct.pack(">HBHHBB", 0x0101, unit, x, y, 0, 0))
    if meta.exif:
        yield from _exif(meta.exif)
    if meta.xmp:
        yield from _xmp(meta.xmp)
    if meta.icc and fits(meta.icc, channels):
        yield from _profile(meta.icc)
    for key, value in meta.text:
        words = (value if key == "Comment" else f"{key}: {value}").encode()
        for at in range(0, max(1, len(words)), app.LARGEST):
            yield _segment(app.COMMENT, words[at : at + app.LARGEST])
    yield from _others(meta)


def _exif(block: bytes) -> Iterator[bytes]:
    """Split EXIF over segments, of which the standard has one, and exiftool and Pillow any."""
    room = app.LARGEST - len(app.EXIF_MARK)
    for at in range(0, len(block), room):
        yield _segment(app.APP1, app.EXIF_MARK + block[at : at + room])


def _xmp(packet: bytes) -> Iterator[bytes]:
    room = app.LARGEST - len(app.XMP_MARK)
    rest = b""
    if len(packet) > room:
        packet, rest = _SPLIT(packet, room)
    yield _segment(app.APP1, app.XMP_MARK + packet)
    for content in _SEGMENTS(rest, app.LARGEST) if rest else ():
        yield _segment(app.APP1, content)


def _others(meta: Meta) -> Iterator[bytes]:
    """Write what other programs put there, and press photographs' captions."""
    resources = _JOINED(meta.beside) if meta.beside else b""
    room = app.LARGEST - len(app.PHOTOSHOP_MARK)
    for at in range(0, len(resources), room):
        yield _segment(app.APP13, app.PHOTOSHOP_MARK + resources[at : at + room])
    for block in meta.beside:
        if block.content is not None and block.kind.startswith(APPLICATION):
            yield _segment(app.APP0 + int(block.kind[len(APPLICATION) :]), block.content)


def _profile(icc: bytes) -> Iterator[bytes]:
    """Split a profile over segments (ICC.1:2022, annex B.4)."""
    room = app.LARGEST - len(app.ICC_MARK) - 2
    parts = [icc[start : start + room] for start in range(0, len(icc), room)]
    if len(parts) > 255:
        raise ImageError(f"JPEG can't hold an ICC profile of {len(icc)} bytes; use `path` NAME.png")
    for k, part in enumerate(parts):
        yield _segment(app.APP2, app.ICC_MARK + bytes((k + 1, len(parts))) + part)


def _density(dpi: tuple[float, float]) -> tuple[int, int]:
    x, y = (min(max(round(value), 1), 65535) for value in dpi)
    return x, y


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content
