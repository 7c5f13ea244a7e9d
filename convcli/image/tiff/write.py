"""Writing TIFF: every depth, every number of channels, with what its metadata say."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO, Any, Literal

import numpy as np

from convcli.image import codecs
from convcli.image.image import Image, Meta
from convcli.image.light.profile import fits
from convcli.image.parallel import on_threads
from convcli.image.tiff import bands, directories
from convcli.image.tiff import stored as samples_of
from convcli.image.tiff.nodata import TAG, text_of
from convcli.image.tiff.read import TEXT_TAGS
from convcli.record import replace

#: Of deflate, without a word from the user: 2 % larger than level 6 in two thirds of the time.
LEVEL = 2
#: Offsets of classic TIFF have 32 bits; this leaves room for what stands around the pixels.
CLASSIC_BYTES = 2**32 - 2**25
#: Bytes of rows that are coded together, and that a file's first directory is in.
_STRIP_BYTES, _HEAD = 2**18, 2**22
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
    target = io.BytesIO()
    _put(image, compress, target, big=big, order=order)
    return target.getvalue()


def coder(image: Image, compress: int | None = None) -> Callable[[IO[bytes]], None]:
    """Return what writes a TIFF file into one that is open: its directory stands before the rest.

    Parameters
    ----------
    image, compress
        As `encode` takes them.
    """
    return lambda file: _put(image, compress, file)


def _put(
    image: Image,
    compress: int | None,
    target: IO[bytes],
    *,
    big: bool | None = None,
    order: Literal["<", ">"] | None = None,
) -> None:
    tifffile = codecs.load("tifffile")

    image = bands.as_stored(image)
    level = LEVEL if compress is None else compress
    size = image.size[0] * image.row_bytes
    big = size > CLASSIC_BYTES if big is None else big
    order = "<" if big else order or directories.byte_order(image.meta.exif)
    bits = image.meta.peak.bit_length() if image.meta.peak else 0
    is_fax = image.dtype == bool and image.channels == "L" and compress is None
    if is_fax:
        bits, options = 1, _one_strip(image)
    else:
        options = _strips(image, level, order, bits)
        if level:
            options |= {"compression": "zlib", "compressionargs": {"level": level}}
            options["predictor"] = _is_predicted(image)
        elif bits:
            # tifffile would pack them itself.
            options["compression"] = "packbits"
    with tifffile.TiffWriter(_Nameless(target), bigtiff=big, byteorder=order) as file:
        try:
            file.write(
                metadata=None,
                maxworkers=codecs.workers(size),
                **options,
                **bands.layout(image),
                **_descriptions(image),
            )
        finally:
            # tifffile takes as many strips as there are, and doesn't ask whether that was all:
            # the threads that made them would be waited for when the interpreter ends.
            getattr(options["data"], "close", lambda: None)()
    bands.settle(target, image)
    if bits:
        coding = samples_of.GROUP_4 if is_fax else 0 if level else samples_of.NONE
        samples_of.set_right(target, bits, coding)
    if image.meta.exif:
        _put_exif(target, image.meta.exif)


class _Nameless:
    """An open file whose name tifffile doesn't ask for: a file without one has a number."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        """Give all but the name."""
        if name == "name":
            raise AttributeError(name)
        return getattr(self._file, name)


def _is_predicted(image: Image) -> bool:
    """Whether samples are stored as differences, which few programs read of 64 bits."""
    wide = image.dtype.itemsize == 8 and image.dtype.kind in "iu"
    return image.dtype != bool and image.meta.peak is None and not wide


def _one_strip(image: Image) -> dict[str, Any]:
    """Say that black and white is written as a fax."""
    strip = iter((samples_of.fax(image),))
    rows = {"shape": image.shape, "dtype": np.uint8, "rowsperstrip": image.size[0]}
    # tifffile codes no fax: its coding is named afterwards.
    return {"data": strip, "compression": "packbits", **rows}


def _strips(image: Image, level: int, order: str, bits: int) -> dict[str, Any]:
    """Say which samples are written: strips that are coded as they are made, if they aren't there.

    tifffile would want all rows of an array, and codes nothing while it waits for them. `bits` of a
    sample are packed, and stay whole samples if it is 0.
    """
    swapped = order == ">" and image.dtype.itemsize > 1
    if not bits and (image.made is None or image.dtype == bool or swapped):
        return {"data": samples_of.stored(image, 0, image.size[0])}
    rows, step = image.size[0], image.made.step if image.made else 1
    height = max(_STRIP_BYTES // image.row_bytes // step, 1) * step
    predict = codecs.load("tifffile").TIFF.PREDICTORS[3 if image.dtype.kind == "f" else 2]
    compress = codecs.load("imagecodecs").zlib_encode

    def strip(start: int) -> bytes:
        made = samples_of.stored(image, start, min(start + height, rows))
        if bits:
            coded = samples_of.packed(made, bits)
            return bytes(compress(coded, level=level)) if level else coded
        if not level:
            return made.tobytes()
        samples = np.ascontiguousarray(made).reshape(*made.shape[:2], -1)
        samples = predict(samples, axis=-2) if _is_predicted(image) else samples
        return bytes(compress(samples, level=level))

    return {
        "data": on_threads(strip, range(0, rows, height), image.jobs),
        "shape": image.shape,
        "dtype": image.dtype,
        "rowsperstrip": height,
    }


def _put_exif(file: IO[bytes], block: bytes) -> None:
    """Add photograph tags to a file that is written."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    found = directories.exif_end(file.read(_HEAD), size, block)
    if found is None:
        return
    file.seek(4)
    file.write(found[0])
    file.seek(size)
    file.write(found[1])


def _descriptions(image: Image) -> dict[str, Any]:
    meta = image.meta
    if meta.nodata is not None and samples_of.is_turned(image):
        meta = replace(meta, nodata=image.maximum - meta.nodata)
    options: dict[str, Any] = {"software": "", "extratags": [*_tags(meta), *bands.tags(image)]}
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
    if meta.nodata is not None:
        text = text_of(meta.nodata)
        tags.append((TAG, 2, len(text), text, True))
    return tags
