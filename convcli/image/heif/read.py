"""Reading HEIC: the primary image, as it is to be seen; what else is in the file is named."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from convcli.errors import ImageError
from convcli.image import exif
from convcli.image.avif import parts
from convcli.image.avif.items import outside
from convcli.image.beside.block import Block
from convcli.image.boxes import places
from convcli.image.depth import divide_alpha, widen_bits
from convcli.image.header import peek_into
from convcli.image.image import Image, Meta
from convcli.image.limits import check_size
from convcli.image.orientation import upright

#: What images beside the primary one are for, by a part of their type's name.
_BESIDE = {"hdrgainmap": "HDR gain map", "gainmap": "HDR gain map", "matte": "matte",
           "depth": "depth image", "disparity": "depth image"}  # fmt: skip
#: Boxes that hold boxes, and how many bytes stand before these (ISO/IEC 14496-12, 8.11); and those
#: with words, and how many bytes stand before them.
_WITHIN = {b"meta": 4, b"iinf": 6, b"iprp": 0, b"ipco": 0}
_WORDS = {b"infe": 8, b"auxC": 4}
#: Primaries and transfer that everybody takes colour for that says nothing (ITU-T H.273): BT.709
#: and sRGB, or not told.
_USUAL = ((1, 2), (13, 2))


def decode(data: bytes, limit: int) -> Image:
    """Read a HEIC file's primary image; 10 and 12 bits are scaled to 16 by repeating bits.

    It is turned as its file says (`irot`, `imir`). Orientation in EXIF only tells the same again,
    and never counts (ISO/IEC 23008-12, 8.4 of 2022); the result's says that it is upright.

    Raises
    ------
    ImageError
        If it is damaged, or has more than `limit` pixels.
    """
    try:
        library: Any = import_module("pi_heif")
    except ImportError as error:
        raise ImageError("HEIC is read by an extra: install convcli[heic]") from error
    _check_words(data)
    opened = library.open_heif(
        io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False, remove_stride=True
    )
    image = opened[opened.primary_index]
    width, height = image.size
    check_size(width, height, limit)
    pixels = np.asarray(image)
    channels = image.mode.partition(";")[0].replace("I", "L")
    if pixels.dtype != np.uint8:
        pixels = widen_bits(pixels, int(image.mode.partition(";")[2].rstrip("L") or 16))
    if channels.endswith("a"):
        pixels, channels = divide_alpha(pixels), channels[:-1] + "A"
    meta = _meta(image, (*_others(opened), *_beside(image), *_around(data)))
    return upright(Image(np.array(pixels), channels, meta), 1)


def _check_words(data: bytes) -> None:
    """Refuse words that aren't text, of which pi-heif (1.4) crashes.

    Raises
    ------
    ImageError
        If there are some.
    """
    for name, start, end in places(peek_into(data), within=_WITHIN):
        if name not in _WORDS or end is None:
            continue
        content = data[start:end]
        words = content[_WORDS[name] + 2 * (content[:1] == b"\3") :]
        # What follows the type of an auxiliary image are bytes of its own.
        words = words.partition(b"\0")[0] if name == b"auxC" else words
        try:
            words.decode()
        except UnicodeDecodeError as error:
            raise ImageError("the HEIF file is damaged: a word in it is not text") from error


def _meta(image: Any, blocks: tuple[Block, ...]) -> Meta:
    """Return what the file says beside the pixels."""
    info = image.info
    block = info.get("exif")
    return Meta(
        format="HEIF",
        mode=f"{info.get('bit_depth', 8)}-bit colour",
        icc=info.get("icc_profile") or None,
        exif=exif.strip_prefix(bytes(block)) if block else None,
        xmp=info.get("xmp") or None,
        lossy=True,
        cicp=None if info.get("icc_profile") else _colour(info.get("nclx_profile")),
        beside=blocks,
    )


def _colour(nclx: dict[str, Any] | None) -> tuple[int, int, int, int] | None:
    """Return what is said of colour otherwise than by a profile, by CICP's numbers."""
    if not nclx:
        return None
    primaries, transfer = int(nclx["color_primaries"]), int(nclx["transfer_characteristics"])
    if primaries in _USUAL[0] and transfer in _USUAL[1]:
        return None
    # The decoder has made full-range RGB of it.
    return primaries, transfer, 0, 1


def _others(opened: Any) -> Iterator[Block]:
    """Tell the images that are left out."""
    count = len(opened) - 1
    if count > 0:
        yield Block("HEIF images", "other image" if count == 1 else f"{count} other images")


def _beside(image: Any) -> Iterator[Block]:
    """Tell what goes with the primary image, and isn't kept."""
    info = image.info
    if info.get("depth_images"):
        yield Block("HEIF depth", "depth image")
    if info.get("thumbnails"):
        yield Block("HEIF thumbnail", "thumbnail")
    for kind in info.get("aux") or {}:
        known = (words for part, words in _BESIDE.items() if part in str(kind).lower())
        yield Block(f"HEIF {kind}", next(known, "auxiliary image"))
    for item in info.get("metadata") or ():
        # XMP is RDF of XML (ISO 16684-1).
        if item.get("type") not in ("Exif", "XMP") and "rdf+xml" not in _content_type(item):
            yield Block("HEIF metadata", f"metadata of type {item.get('type')!s}")


def _around(data: bytes) -> Iterator[Block]:
    """Tell a sequence of images (`moov`), a phone's film, and what else stands beside images."""
    names = {name for name, _ in parts(peek_into(data))}
    if b"stsz" in names:
        yield Block("HEIF sequence", "image sequence")
    for words in dict.fromkeys(outside(data)):
        yield Block("HEIF outside", words)


def _content_type(item: dict[str, Any]) -> str:
    said = item.get("content_type") or ""
    return (said.decode("latin-1") if isinstance(said, bytes) else str(said)).lower()
