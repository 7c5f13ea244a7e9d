"""Writing TIFF: every depth, every number of channels, with what its metadata say."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO, Any, Literal, TypeAlias

from convcli.image import codecs, exif
from convcli.image.image import Image
from convcli.image.light.profile import fits
from convcli.image.tiff import bands, directories, layout, nodata
from convcli.image.tiff import stored as samples_of
from convcli.image.tiff.beside import description, resolution, written
from convcli.image.tiff.fields import BYTES, FRACTIONS, TEXT, Field, words
from convcli.image.tiff.read import TEXT_TAGS

#: Offsets of classic TIFF have 32 bits; this leaves room for what stands around the pixels.
CLASSIC_BYTES = 2**32 - 2**25
#: Bytes that a file's first directory is in.
_HEAD = 2**22
_DESCRIPTION, _XMP, _PAGE = 270, 700, 2
#: What tifffile takes as a tag.
_Extra: TypeAlias = tuple[int, int, int, Any, bool]


def encode(
    image: Image,
    compress: int | None = None,
    *,
    big: bool | None = None,
    order: Literal["<", ">"] | None = None,
    place: tuple[int, int] = (0, 1),
) -> bytes:
    """Return a TIFF file, or BigTIFF if it may need more than 4 GB.

    Parameters
    ----------
    image
        Of any depth and channels. Alpha is stored unassociated: colour isn't multiplied by it.
    compress
        0 (stored) to 9 (smallest): deflate with a predictor; None for what the source had, or 2.
    big
        Whether it is BigTIFF; None to tell from the image's size, and its source.
    order
        `<` for little-endian numbers, `>` for big-endian ones; None for those of its source, or
        its EXIF. BigTIFF is always little-endian: Pillow reads no other.
    place
        Which of the file's pages it is, and how many there are.
    """
    target = io.BytesIO()
    _put(image, compress, target, place, big=big, order=order)
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
    place: tuple[int, int] = (0, 1),
    *,
    big: bool | None = None,
    order: Literal["<", ">"] | None = None,
) -> None:
    tifffile = codecs.load("tifffile")

    image, how = bands.as_stored(image), layout.kept(image.meta)
    size = image.size[0] * image.row_bytes
    big = (how.big or size > CLASSIC_BYTES) if big is None else big
    order = "<" if big else order or byte_order(image)
    options, right = layout.stored(image, how, compress, order)
    if how.paged and place[1] > 1:
        options["subfiletype"] = _PAGE
    with tifffile.TiffWriter(_Nameless(target), bigtiff=big, byteorder=order) as file:
        try:
            file.write(
                metadata=None,
                maxworkers=codecs.workers(size),
                **options,
                **bands.layout(image),
                **_descriptions(image, order, place),
            )
        finally:
            # tifffile takes as many strips as there are, and doesn't ask whether that was all:
            # the threads that made them would be waited for when the interpreter ends.
            getattr(options["data"], "close", lambda: None)()
    bands.settle(target, image)
    if right is not None:
        samples_of.set_right(target, *right)
    if image.meta.exif:
        _put_exif(target, image.meta.exif)


def byte_order(image: Image) -> Literal["<", ">"]:
    """Return the byte order of a result: its source's, or its EXIF's."""
    return layout.kept(image.meta).order or directories.byte_order(image.meta.exif)


class _Nameless:
    """An open file whose name tifffile doesn't ask for: a file without one has a number."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        """Give all but the name."""
        if name == "name":
            raise AttributeError(name)
        return getattr(self._file, name)


def _put_exif(file: IO[bytes], block: bytes) -> None:
    """Add photograph tags to a file that is written."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    found = directories.exif_end(file.read(_HEAD), size, block)
    if found is None:
        return
    at, start, end = found
    file.seek(at)
    file.write(start)
    file.seek(size)
    file.write(end)


def _descriptions(image: Image, order: str, place: tuple[int, int]) -> dict[str, Any]:
    meta = image.meta
    told = resolution(meta.beside)
    tags = [*_tags(image, order, place), *bands.tags(image)]
    options: dict[str, Any] = {"software": "", "extratags": tags}
    if told:
        options |= {"resolution": told[:2], "resolutionunit": told[2]}
    elif dpi := meta.dpi or exif.resolution(meta.exif):
        options |= {"resolution": dpi, "resolutionunit": "INCH"}
    if meta.icc and fits(meta.icc, image.channels):
        options["iccprofile"] = meta.icc
    return options


def _tags(image: Image, order: str, place: tuple[int, int]) -> list[_Extra]:
    """Return text and XMP as tags, and what stood beside the pixels of the source.

    Text that TIFF has no tag for joins the description.
    """
    meta = image.meta
    by_key = {key: tag for tag, key in TEXT_TAGS.items()}
    texts: dict[int, list[str]] = {}
    for key, value in meta.text:
        known = key in by_key
        tag = by_key.get(key, _DESCRIPTION)
        texts.setdefault(tag, []).append(value if known or key == "Comment" else f"{key}: {value}")
    stated = description(image, "\n".join(texts.get(_DESCRIPTION, ())), *place)
    if stated:
        texts[_DESCRIPTION] = [stated]
    found = [words(tag, "\n".join(values)) for tag, values in sorted(texts.items())]
    found += [Field(_XMP, BYTES, meta.xmp)] if meta.xmp else []
    if meta.nodata is not None:
        mark = image.maximum - meta.nodata if samples_of.is_turned(image) else meta.nodata
        found.append(Field(nodata.TAG, TEXT, nodata.text_of(mark)))
    found += written(image, order, *place)
    return [_extra(field, order) for field in found]


def _extra(field: Field, order: str) -> _Extra:
    """Return a field as tifffile takes it, which counts the numbers of fractions twice in bytes."""
    values = field.values if field.kind in FRACTIONS else field.ordered(order)
    return field.tag, field.kind, len(values) // 2, values, True
