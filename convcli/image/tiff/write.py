"""Writing TIFF: every depth, every number of channels, with what its metadata say."""

from __future__ import annotations

import io
from typing import Any, Literal

from convcli.image import codecs
from convcli.image.image import Image, Meta
from convcli.image.light.profile import fits
from convcli.image.tiff import directories
from convcli.image.tiff.read import TEXT_TAGS

#: Of deflate, without a word from the user: 2 % larger than level 6 in two thirds of the time.
LEVEL = 2
#: Offsets of classic TIFF have 32 bits; this leaves room for what stands around the pixels.
CLASSIC_BYTES = 2**32 - 2**25
_UNASSOCIATED = 2
_PHOTOMETRIC = {"L": "minisblack", "RGB": "rgb", "CMYK": "separated", "?": "minisblack"}
_DESCRIPTION, _SOFTWARE, _DATE, _XMP = 270, 305, 306, 700


def encode(
    image: Image,
    compress: int | None = None,
    *,
    big: bool | None = None,
    order: Literal["<", ">"] | None = None,
) -> bytes:
    """Return a TIFF file, or BigTIFF if it may need more than 4 GB.

    Parameters
    ----------
    image
        Of any depth and channels. Alpha is stored unassociated: colour isn't multiplied by it.
    compress
        0 (stored) to 9 (smallest): deflate with a predictor; None for 2.
    big
        Whether it is BigTIFF; None to tell from the image's size.
    order
        `<` for little-endian numbers, `>` for big-endian ones; None for those of its EXIF.
        BigTIFF is always little-endian: Pillow reads no other.
    """
    tifffile = codecs.load("tifffile")

    level = LEVEL if compress is None else compress
    if big is None:
        big = image.pixels.nbytes > CLASSIC_BYTES
    options: dict[str, Any] = {}
    if level:
        options = {"compression": "zlib", "compressionargs": {"level": level}}
        options["predictor"] = image.pixels.dtype != bool
    target = io.BytesIO()
    order = "<" if big else order or directories.byte_order(image.meta.exif)
    with tifffile.TiffWriter(target, bigtiff=big, byteorder=order) as file:
        file.write(
            image.pixels,
            metadata=None,
            maxworkers=codecs.workers(image.pixels.nbytes),
            **options,
            **_layout(image),
            **_descriptions(image),
        )
    coded = target.getvalue()
    return directories.put_exif(coded, image.meta.exif) if image.meta.exif else coded


def _layout(image: Image) -> dict[str, Any]:
    """Say what the channels are."""
    colours = image.channels.removesuffix("A") if image.has_alpha else image.channels
    layout: dict[str, Any] = {"photometric": _PHOTOMETRIC.get(colours, "minisblack")}
    if len(image.channels) > 1:
        layout["planarconfig"] = "contig"
    if image.has_alpha:
        layout["extrasamples"] = [_UNASSOCIATED]
    elif "?" in image.channels and len(image.channels) > 1:
        layout["extrasamples"] = [0] * (len(image.channels) - 1)
    return layout


def _descriptions(image: Image) -> dict[str, Any]:
    meta = image.meta
    options: dict[str, Any] = {"software": "", "extratags": _tags(meta)}
    if meta.dpi:
        options |= {"resolution": meta.dpi, "resolutionunit": "INCH"}
    if meta.icc and fits(meta.icc, image.channels):
        options["iccprofile"] = meta.icc
    return options


def _tags(meta: Meta) -> list[tuple[int, str | int, int, bytes, bool]]:
    """Return text and XMP as tags; text that TIFF has no tag for joins the description."""
    by_key = {key: tag for tag, key in TEXT_TAGS.items()}
    texts: dict[int, list[str]] = {}
    for key, value in meta.text:
        known = key in by_key
        tag = by_key.get(key, _DESCRIPTION)
        texts.setdefault(tag, []).append(value if known or key == "Comment" else f"{key}: {value}")
    tags: list[tuple[int, str | int, int, bytes, bool]] = []
    for tag, values in sorted(texts.items()):
        text = "\n".join(values).replace("\0", " ").encode() + b"\0"
        tags.append((tag, 2, len(text), text, True))
    if meta.xmp:
        tags.append((_XMP, 1, len(meta.xmp), meta.xmp, True))
    return tags
