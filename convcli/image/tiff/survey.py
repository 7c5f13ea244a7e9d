"""Which images a TIFF file has beyond its directories, and what it says of all of them."""

from __future__ import annotations

import struct
from bisect import bisect_right
from math import prod
from typing import Any

from convcli.image.tiff import ifd, ome, stacks
from convcli.image.tiff.beside import Around, shared
from convcli.image.tiff.raw import WITHIN, within
from convcli.image.tiff.stacks import Stack

#: MetaMorph's tag with a value for each plane.
_PLANES = 33629


def described(page: Any) -> str:
    """Return a page's description, if it tells of a stack; else ''."""
    text = page.description
    return text if text and stacks.program_of(text) else ""


def whole_page(page: Any) -> Any:
    """Return a page with all its tags: tifffile has those of LSM files like their first page.

    What it knows better than these tags stays: where strips are, and how long.
    """
    if not hasattr(page, "aspage") or hasattr(page, "tags"):
        return page
    whole = page.aspage()
    whole.dataoffsets, whole.databytecounts = page.dataoffsets, page.databytecounts
    return whole


def planes(page: Any, size: int) -> int:
    """Return how many images stand one after the other behind a file's only directory.

    ImageJ writes stacks of more than 4 GB so, tifffile those that it is asked to truncate, and
    MetaMorph all.

    Parameters
    ----------
    page
        As tifffile has it.
    size
        The file's length.
    """
    if int(page.compression) != 1:
        return 1
    count = _told(page)
    # What isn't there can't be read.
    if count < 2 or not page.is_contiguous or page.dataoffsets[0] + count * page.nbytes > size:
        return 1
    return count


def missing(page: Any, count: int) -> tuple[str, ...]:
    """Say which images aren't there that a file's first page tells of.

    Parameters
    ----------
    page
        As tifffile has it.
    count
        How many images there are.
    """
    text = described(page)
    if stacks.program_of(text) == stacks.OME:
        others = ome.other_files(text)
        files = "another file" if others == 1 else f"{others} other files"
        return (f"its OME-XML tells of {files}, which wasn't read",) if others else ()
    told = _told(page)
    if told <= count:
        return ()
    is_there = "image is" if count == 1 else "images are"
    return (f"its description tells of {told} images, of which {count} {is_there} there",)


def inner(page: Any, data: bytes) -> tuple[str, ...]:
    """Say which images within a page were left out.

    Parameters
    ----------
    page
        As tifffile has it.
    data
        The whole file.
    """
    if WITHIN not in page.tags:
        return ()
    try:
        reduced = [not ifd.is_image(data, place) for place in within(data, page.offset)]
    except struct.error:
        return ()
    small, whole = sum(reduced), len(reduced) - sum(reduced)
    notes = []
    if small:
        levels = "a reduced version" if small == 1 else f"{small} reduced versions"
        notes.append(f"{levels} of a page (thumbnail or pyramid) left out")
    if whole:
        images = "an image" if whole == 1 else f"{whole} images"
        notes.append(f"{images} within a page (SubIFD) left out")
    return tuple(notes)


class Survey:
    """What a file says of all its images.

    Parameters
    ----------
    file
        As tifffile has it.
    data
        The whole file.
    numbers
        Which of its pages are images; one number again and again for planes behind one directory.
    """

    def __init__(self, file: Any, data: bytes, numbers: list[int]) -> None:
        first = file.pages[numbers[0]]
        self._total = len(numbers)
        self._first = shared(first, data, self._total)
        self._starts: list[int] = []
        self._stacks: list[Stack] = []
        number = 0
        while number < self._total:
            stack = _stack(
                whole_page(file.pages[numbers[number]]), self._total - number, self._total
            )
            if stack is None:
                break
            self._starts.append(number)
            self._stacks.append(stack)
            number += stack.count

    def around(self, number: int) -> Around:
        """Return what is known of the rest of the file when an image is read."""
        k = bisect_right(self._starts, number) - 1
        stack = None
        if k >= 0 and number < self._starts[k] + self._stacks[k].count:
            stack = self._stacks[k].of(number - self._starts[k])
        return Around(stack, self._first, number, self._total)


def _stack(page: Any, left: int, total: int) -> Stack | None:
    text = described(page)
    if not text:
        return None
    shape = int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel)
    program = stacks.program_of(text)
    count = min(stacks.told(text, prod(shape)), left) if program == stacks.TIFFFILE else left
    return Stack(program, text, shape, 0, count, total)


def _told(page: Any) -> int:
    """Return how many images a page tells of."""
    if _PLANES in page.tags:
        return max(1, int(page.tags[_PLANES].count))
    size = int(page.imagelength) * int(page.imagewidth) * int(page.samplesperpixel)
    text = described(page)
    return stacks.told(text, size) if text else 1
