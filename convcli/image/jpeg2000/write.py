"""Writing JPEG 2000 of up to 16 bits (ITU-T T.800, annexes A and I)."""

from __future__ import annotations

import struct
from typing import Any

from convcli.image import codecs
from convcli.image.boxes import box, boxes
from convcli.image.depth import as_bytes
from convcli.image.image import Image, Meta
from convcli.image.jpeg2000.others import resolution_box, written
from convcli.image.jpeg2000.read import COM, EXIF_UUID, LARGEST, LATIN, XMP_UUID
from convcli.image.light.profile import fits

#: Peak signal-to-noise ratio in dB that qualities 0 and 100 stand for.
_LEAST_DB, _MOST_DB = 25.0, 55.0
#: Quality without a word from the user, for a source that had lost something already.
QUALITY = 80


def encode(image: Image, quality: int | None = None) -> bytes:
    """Return a JPEG 2000 file.

    Parameters
    ----------
    image
        bool (written as 0 and 255), uint8 or uint16; L, LA, RGB or RGBA.
    quality
        1 to 99 for lossy coding with 25 to 55 dB of signal to noise; 100 is lossless. None is
        lossless, or 80 if the source's coding was lossy.
    """
    imagecodecs = codecs.load("imagecodecs")

    pixels = as_bytes(image.pixels)
    if quality is None and image.meta.lossy:
        quality = QUALITY
    options: dict[str, Any] = {"codecformat": "jp2"}
    if image.meta.peak is not None:
        options["bitspersample"] = image.meta.peak.bit_length()
    if quality is None or quality >= 100:
        coded = imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True, **options)
    else:
        level = round(_LEAST_DB + (_MOST_DB - _LEAST_DB) * quality / 100)
        coded = imagecodecs.jpeg2k_encode(pixels, level=level, **options)
    return _with_boxes(bytes(coded), image)


def _with_boxes(coded: bytes, image: Image) -> bytes:
    """Add profile, EXIF, XMP, text and resolution."""
    meta = image.meta
    parts = []
    for name, content in boxes(coded):
        if name == b"jp2c":
            if meta.exif:
                parts.append(box(b"uuid", EXIF_UUID + meta.exif))
            if meta.xmp:
                parts.append(box(b"uuid", XMP_UUID + meta.xmp))
            parts += written(meta.beside)
        if name == b"jp2h" and meta.icc and fits(meta.icc, image.channels):
            inner = [box(n, c) for n, c in boxes(content) if n != b"colr"]
            # After the image header and the bits a component, as openjpeg writes them.
            inner.insert(1, box(b"colr", b"\x02\0\0" + meta.icc))
            content = b"".join(inner)
        if name == b"jp2h" and meta.dpi:
            content += resolution_box(meta.dpi)
        if name == b"jp2c" and meta.text:
            content = _with_comments(content, meta)
        parts.append(box(name, content))
    return b"".join(parts)


def _with_comments(code: bytes, meta: Meta) -> bytes:
    """Add text to a codestream, behind its first segment, the image's size (A.5.1)."""
    at = 4 + int.from_bytes(code[4:6], "big")
    parts = []
    for key, value in meta.text:
        said = (value if key == "Comment" else f"{key}: {value}").encode()
        for start in range(0, len(said), LARGEST):
            content = LATIN + said[start : start + LARGEST]
            parts.append(struct.pack(">BBH", 0xFF, COM, len(content) + 2) + content)
    return code[:at] + b"".join(parts) + code[at:]
