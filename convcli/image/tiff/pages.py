"""TIFF files of several pages: each read, and written, when its turn comes."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

from convcli.errors import ImageError
from convcli.image import codecs
from convcli.image.frames import Frames, check_total
from convcli.image.image import Image
from convcli.image.tiff import directories, ifd
from convcli.image.tiff import write as tiff_write
from convcli.image.tiff.kinds import check_types
from convcli.image.tiff.read import read_page, stream_of
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

    check_types(data)
    with tifffile.TiffFile(stream_of(data)) as file:
        if not ifd.names_more(data):
            return read_page(file.pages.first, data, limit)
    return open_frames(data, limit)[0]


def open_frames(data: bytes, limit: int) -> Frames:
    """Open a TIFF file: its pages, each of a size, depth and kind of its own.

    Pages that are reduced versions of others, or masks for them, are left out, unless there is
    nothing else.

    Raises
    ------
    ImageError
        If it is damaged at its first page, or has too many pixels.
    """
    check_types(data)
    places, broken = _places(data)
    numbers = [k for k, place in enumerate(places) if ifd.is_image(data, place)] or [0]
    left_out = len(places) - len(numbers) if len(numbers) < len(places) else 0
    sizes, pixels = _sizes(data, numbers)
    check_total(len(numbers), pixels, limit)
    count = len(numbers) + bool(broken)
    notes: tuple[str, ...] = ()
    if left_out:
        pages = "page that is a" if left_out == 1 else "pages that are"
        kind = "reduced version or a mask" if left_out == 1 else "reduced versions or masks"
        notes = (f"{left_out} {pages} {kind} of another was left out",)
        if left_out > 1:
            notes = (f"{left_out} {pages} {kind} of others were left out",)

    def start(first: int) -> Iterator[Image]:
        with codecs.load("tifffile").TiffFile(stream_of(data)) as file:
            for number in numbers[first:]:
                check_types(data, places[number] if places else None)
                image = read_page(file.pages[number], data, limit, count)
                if notes:
                    meta = image.meta
                    image = replace(image, meta=replace(meta, notes=(*meta.notes, *notes)))
                yield image
                del image
        if broken:
            raise ImageError(
                f"the TIFF file is damaged or cut short: {broken}; "
                f"use `frame` to filter one of the {len(numbers)} that are there"
            )

    return Frames(count, start, format="TIFF", sizes=(*sizes, *[0] * bool(broken)), notes=notes)


def _places(data: bytes) -> tuple[list[int], str]:
    """Return where pages are, and why the chain of them breaks off; '' if it doesn't."""
    places = []
    try:
        for place in ifd.directories(data):
            places.append(place)
    except ValueError as error:
        return places, str(error)
    return places, ""


def _sizes(data: bytes, numbers: list[int]) -> tuple[list[int], int]:
    """Return about how many bytes each page takes, and how many pixels all have."""
    sizes, pixels = [], 0
    with codecs.load("tifffile").TiffFile(stream_of(data)) as file:
        for number in numbers:
            try:
                area, samples, bits = _shape(file.pages[number])
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
            big, order = _is_big(frames, image), directories.byte_order(image.meta.exif)
        page = tiff_write.encode(image, compress, big=big, order=order)
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
    """Whether a result may be larger than 4 GB, told from its first page."""
    given = frames.sizes or (first.nbytes,) * frames.count
    growth = max(1.0, first.nbytes / max(1, given[0]))
    return growth * sum(given) * _SURPRISE > tiff_write.CLASSIC_BYTES
