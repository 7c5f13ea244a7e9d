"""Metadata put into an AVIF file of one image: a profile, EXIF and XMP, as items of their own.

JUSTIFICATION: only imagecodecs codes more than 8 bits, and it writes none of these. Layouts that
it doesn't write are refused, and never made worse (ISO/IEC 14496-12, 8.11; 23008-12, 6 and 9).
"""

from __future__ import annotations

import struct

from convcli.errors import ImageError
from convcli.image.boxes import box, boxes
from convcli.image.image import Meta
from convcli.image.light.profile import fits

_XMP_TYPE = b"application/rdf+xml"
#: Places and sizes of 4 bytes each, from the file's beginning, and no more to an entry.
_PLACES = b"\x44\0"
_ENTRY = struct.Struct(">HHHII")
_MOST_PROPERTIES = 127


def with_metadata(coded: bytes, meta: Meta, channels: str) -> bytes:
    """Return a file with what the metadata say.

    Parameters
    ----------
    coded
        A file of one image without any.
    meta, channels
        What to say, and the image's channels.

    Raises
    ------
    ImageError
        If the file isn't laid out as is expected.
    """
    payloads = []
    if meta.exif:
        payloads.append((b"Exif", b"", bytes(4) + meta.exif))
    if meta.xmp:
        payloads.append((b"mime", _XMP_TYPE, meta.xmp))
    icc = meta.icc if meta.icc and fits(meta.icc, channels) else None
    if not payloads and icc is None:
        return coded
    try:
        return _rewritten(coded, payloads, icc)
    except (struct.error, KeyError, IndexError) as error:
        raise ImageError(f"metadata can't be put beside its pixels: {error}") from error


def _rewritten(
    coded: bytes, payloads: list[tuple[bytes, bytes, bytes]], icc: bytes | None
) -> bytes:
    outer = list(boxes(coded))
    inner = dict(boxes(dict(outer)[b"meta"][4:]))
    (primary,) = struct.unpack_from(">H", inner[b"pitm"], 4)
    numbers = range(1 + _highest(inner[b"iloc"]), 1 + _highest(inner[b"iloc"]) + len(payloads))
    inner[b"iinf"] = _with_items(inner[b"iinf"], numbers, payloads)
    if payloads:
        inner[b"iref"] = _with_references(inner.get(b"iref", bytes(4)), numbers, primary)
    if icc is not None:
        inner[b"iprp"] = _with_profile(inner[b"iprp"], icc, primary)
    places = inner[b"iloc"]
    # All that is stored moves by as much as the boxes before it grow.
    inner[b"iloc"] = places + bytes(_ENTRY.size * len(payloads))
    grown = len(_meta_box(inner)) - len(box(b"meta", dict(outer)[b"meta"]))
    inner[b"iloc"] = _moved(places, grown, numbers, payloads, len(coded) + grown + 8)
    parts = [_meta_box(inner) if name == b"meta" else box(name, content) for name, content in outer]
    return b"".join((*parts, box(b"mdat", b"".join(each for _, _, each in payloads))))


def _meta_box(inner: dict[bytes, bytes]) -> bytes:
    return box(b"meta", bytes(4) + b"".join(box(*each) for each in inner.items()))


def _highest(places: bytes) -> int:
    """Return the greatest number of an item."""
    if places[:4] != bytes(4) or places[4:6] != _PLACES:
        raise KeyError("its items are placed in another way")
    (count,) = struct.unpack_from(">H", places, 6)
    numbers = (_ENTRY.unpack_from(places, 8 + _ENTRY.size * k)[0] for k in range(count))
    return int(max(numbers))


def _moved(
    places: bytes,
    grown: int,
    numbers: range,
    payloads: list[tuple[bytes, bytes, bytes]],
    at: int,
) -> bytes:
    """Return where items are: those that were there, and more from a place on."""
    (count,) = struct.unpack_from(">H", places, 6)
    entries = []
    for k in range(count):
        number, source, extents, start, size = _ENTRY.unpack_from(places, 8 + _ENTRY.size * k)
        if extents != 1:
            raise KeyError("an item lies in several pieces")
        entries.append(_ENTRY.pack(number, source, extents, start + grown, size))
    for number, (_, _, content) in zip(numbers, payloads, strict=True):
        entries.append(_ENTRY.pack(number, 0, 1, at, len(content)))
        at += len(content)
    return places[:6] + struct.pack(">H", len(entries)) + b"".join(entries)


def _with_items(infos: bytes, numbers: range, payloads: list[tuple[bytes, bytes, bytes]]) -> bytes:
    (count,) = struct.unpack_from(">H", infos, 4)
    entries = [
        # Of version 2, hidden from no one, without a name.
        box(b"infe", b"\2\0\0\1" + struct.pack(">HH4s", number, 0, kind) + b"\0" + _ended(content))
        for number, (kind, content, _) in zip(numbers, payloads, strict=True)
    ]
    return infos[:4] + struct.pack(">H", count + len(entries)) + infos[6:] + b"".join(entries)


def _ended(content: bytes) -> bytes:
    return content + b"\0" if content else b""


def _with_references(references: bytes, numbers: range, primary: int) -> bytes:
    """Say that items describe the image."""
    return references + b"".join(
        box(b"cdsc", struct.pack(">HHH", number, 1, primary)) for number in numbers
    )


def _with_profile(properties: bytes, icc: bytes, primary: int) -> bytes:
    """Give the image a profile, before which its numbers for colours don't count."""
    inner = dict(boxes(properties))
    number = 1 + len(list(boxes(inner[b"ipco"])))
    associations = bytearray(inner[b"ipma"])
    (item, many) = struct.unpack_from(">HB", associations, 8)
    if associations[:4] != bytes(4) or item != primary or number > _MOST_PROPERTIES:
        raise KeyError("its properties are told of in another way")
    associations[10] = many + 1
    associations[11 + many : 11 + many] = bytes([number])
    inner[b"ipco"] += box(b"colr", b"prof" + icc)
    inner[b"ipma"] = bytes(associations)
    return b"".join(box(*each) for each in inner.items())
