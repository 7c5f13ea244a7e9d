"""TIFF files of several pages: each read, and written, when its turn comes."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from math import ceil
from typing import Any

from convcli.errors import ImageError
from convcli.image import codecs
from convcli.image.frames import Frames, check_total
from convcli.image.image import Image
from convcli.image.tiff import ifd, layout, raw
from convcli.image.tiff import write as tiff_write
from convcli.image.tiff.kinds import check_types
from convcli.image.tiff.read import read_page, stream_of
from convcli.image.tiff.survey import Survey, inner, missing, planes, whole_page
from convcli.record import replace

#: Pages may turn out to be so many times larger than those before let expect.
_SURPRISE = 2
#: What is within a file begins at a multiple of so many bytes.
_STEP = 16


def decode(data: bytes, limit: int) -> Image:
    """Read a TIFF file's first page that is an image of its own, upright.

    Raises
    ------
    ImageError
        If it is damaged, cut short, of a kind that isn't held, or has more than `limit` pixels.
    """
    tifffile = codecs.load("tifffile")

    raw.check(data)
    check_types(data)
    with tifffile.TiffFile(stream_of(data)) as file:
        page = file.pages.first
        if not ifd.names_more(data) and planes(page, len(data)) == 1:
            around = Survey(file, data, [0]).around(0)
            image = read_page(page, data, limit, around=around)
            return _noted(image, (*missing(page, 1), *inner(page, data)))
    return open_frames(data, limit)[0]


def open_frames(data: bytes, limit: int) -> Frames:
    """Open a TIFF file: its pages, each of a size, depth and kind of its own.

    Pages that are reduced versions of others, or masks for them, are left out, unless there is
    nothing else. Planes behind one directory are pages, too.

    Raises
    ------
    ImageError
        If it is damaged at its first page, or has too many pixels.
    """
    raw.check(data)
    check_types(data)
    places, broken = _places(data)
    numbers = [k for k, place in enumerate(places) if ifd.is_image(data, place)] or [0]
    notes = _left_out(len(places) - len(numbers)) if len(numbers) < len(places) else ()
    with codecs.load("tifffile").TiffFile(stream_of(data)) as file:
        if len(places) == 1 and not broken:
            numbers *= planes(file.pages.first, len(data))
        sizes, pixels = _sizes(file, numbers)
        survey = Survey(file, data, numbers)
        if not broken:
            notes += missing(file.pages[numbers[0]], len(numbers))
    check_total(len(numbers), pixels, limit)
    count = len(numbers) + bool(broken)

    def start(first: int) -> Iterator[Image]:
        with codecs.load("tifffile").TiffFile(stream_of(data)) as file:
            for number, found in enumerate(numbers[first:], first):
                check_types(data, places[found] if places else None)
                page = _plane(whole_page(file.pages[found]), number if len(places) == 1 else 0)
                image = read_page(page, data, limit, count, survey.around(number))
                yield _noted(image, (*notes, *inner(page, data)))
                del image
        if broken:
            raise ImageError(
                f"the TIFF file is damaged or cut short: {broken}; "
                f"use `frame` to filter one of the {len(numbers)} that are there"
            )

    return Frames(count, start, format="TIFF", sizes=(*sizes, *[0] * bool(broken)), notes=notes)


def _noted(image: Image, notes: tuple[str, ...]) -> Image:
    """Return an image of which more is said."""
    meta = image.meta
    return replace(image, meta=replace(meta, notes=(*meta.notes, *notes))) if notes else image


def _plane(page: Any, number: int) -> Any:
    """Return a page as one of the planes that stand behind its directory."""
    if number:
        page = copy(page)
        page.dataoffsets = tuple(at + number * page.nbytes for at in page.dataoffsets)
    return page


def _left_out(count: int) -> tuple[str, ...]:
    """Say that pages were left out that are versions of others."""
    if count == 1:
        return ("1 page that is a reduced version or a mask of another was left out",)
    return (f"{count} pages that are reduced versions or masks of others were left out",)


def _places(data: bytes) -> tuple[list[int], str]:
    """Return where pages are, and why the chain of them breaks off; '' if it doesn't."""
    places = []
    try:
        for place in ifd.directories(data):
            places.append(place)
    except ValueError as error:
        return places, str(error)
    return places, ""


def _sizes(file: Any, numbers: list[int]) -> tuple[list[int], int]:
    """Return about how many bytes each page takes, and how many pixels all have."""
    sizes, pixels = [], 0
    for number in numbers:
        try:
            area, samples, bits = _shape(whole_page(file.pages[number]))
        except Exception:
            # It is reported when it is read.
            area, samples, bits = 0, 1, 8
        pixels += area * ceil(samples / 4)
        sizes.append(area * samples * max(1, bits // 8))
    return sizes, pixels


def _shape(page: Any) -> tuple[int, int, int]:
    """Return a page's pixels, samples a pixel, and bits a sample."""
    bits = page.bitspersample
    bits = int(bits if isinstance(bits, int) else max(bits))
    return int(page.imagewidth) * int(page.imagelength), max(1, int(page.samplesperpixel)), bits


def parts(frames: Frames, compress: int | None = None) -> Iterator[bytes]:
    """Yield a TIFF file of several pages, or BigTIFF if it may need more than 4 GB.

    A page is made as a file of its own, and moved to its place: its metadata stay with it. All
    have the first one's byte order, as the file has one.

    Parameters
    ----------
    frames
        Of any sizes, depths and channels.
    compress
        As for one page.

    Raises
    ------
    ImageError
        If pages turn out to need more than 4 GB when the first ones let expect half as much.
    """
    before, at, big = b"", 0, False
    for number, image in enumerate(frames):
        if number == 0:
            big, order = _is_big(frames, image), tiff_write.byte_order(image)
        page = tiff_write.encode(
            image, compress, big=big, order=order, place=(number, frames.count)
        )
        page += bytes(-len(page) % _STEP)
        del image
        if before:
            yield ifd.moved(before, at, at + len(before) + ifd.start_of(page))
            at += len(before)
        if not big and at + len(page) > tiff_write.CLASSIC_BYTES:
            raise ImageError("the pages need more than 4 GB; filter some of them with `frame`")
        before = page
    yield ifd.moved(before, at, 0)


def _is_big(frames: Frames, first: Image) -> bool:
    """Whether a result may be larger than 4 GB, told from its first page, or its source was."""
    if layout.kept(first.meta).big:
        return True
    given = frames.sizes or (first.nbytes,) * frames.count
    growth = max(1.0, first.nbytes / max(1, given[0]))
    return growth * sum(given) * _SURPRISE > tiff_write.CLASSIC_BYTES
