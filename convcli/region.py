"""Parts of an image: rectangles in pixels or per cent, and masks, as they are asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from os import PathLike, fspath
from typing import Any, NamedTuple

from convcli.errors import ImageError, UsageError
from convcli.record import field, record

#: As it is typed: X,Y,WxH, each a whole number of pixels, or any number with a per cent sign.
_NUMBER = r"\s*([+-]?\d{1,9}|[+-]?\d{0,9}(?:\.\d{0,9})?%)\s*"
_TYPED = rf"{_NUMBER},{_NUMBER},{_NUMBER}[x×X,]{_NUMBER}"
_EXPECTED = "X,Y,WxH in pixels or per cent, such as 20,30,240x100 or 10%,25%,50%x50%"


class Box(NamedTuple):
    """A rectangle of pixels: from `top` and `left` up to, and without, `bottom` and `right`."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.bottom - self.top, self.right - self.left

    @property
    def pixels(self) -> int:
        """How many there are in it."""
        return self.size[0] * self.size[1]

    def cut(self, other: Box) -> Box | None:
        """Return what is in both; None if nothing is."""
        ends = max(self.top, other.top), max(self.left, other.left)
        box = Box(*ends, min(self.bottom, other.bottom), min(self.right, other.right))
        return box if box.top < box.bottom and box.left < box.right else None


class Length(NamedTuple):
    """A number of pixels, or of hundredths of an image's width or height."""

    number: Fraction
    of_image: bool = False

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"{float(self.number):g}%" if self.of_image else str(self.number)

    def along(self, size: int) -> Fraction:
        """Return it in pixels of an axis."""
        return self.number * size / 100 if self.of_image else self.number


@record
class Region:
    """A rectangle of an image that is upright, in pixels or per cent of its width and height.

    Parameters
    ----------
    x, y
        Its left and its upper edge.
    width, height
        Its size, above 0.
    """

    x: Length
    y: Length
    width: Length
    height: Length

    @classmethod
    def parse(cls, given: Any) -> Region:
        """Return the region that is meant.

        Parameters
        ----------
        given
            A `Region`, X,Y,WxH as it is typed, or (x, y, width, height) in pixels.

        Raises
        ------
        UsageError
            If it is none, or nothing would be in it.

        Examples
        --------
        >>> str(Region.parse("10%,0,12.5%x8")), Region.parse((2, 3, 4, 5)).box((6, 9))
        ('10%,0,12.5%x8', Box(top=3, left=2, bottom=6, right=6))
        """
        if isinstance(given, Region):
            return given
        if isinstance(given, list | tuple) and len(given) == 4:
            text = "{},{},{}x{}".format(*given)
        else:
            text = given if isinstance(given, str) else ""
        found = re.fullmatch(_TYPED, text, re.ASCII)
        lengths = [_length(part) for part in found.groups()] if found else []
        if not lengths or None in lengths:
            raise UsageError(f"`region` {given!r} can't be read; expected {_EXPECTED}")
        x, y, width, height = (length for length in lengths if length is not None)
        if width.number <= 0 or height.number <= 0:
            raise UsageError(
                f"`region` {text} has no size; expected a width and a height above 0, as in "
                f"20,30,240x100"
            )
        return cls(x, y, width, height)

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"{self.x},{self.y},{self.width}x{self.height}"

    def box(self, size: tuple[int, int]) -> Box:
        """Return its pixels in an image of (rows, cols).

        What lies beyond the image is left out. Edges in per cent are at the nearest pixel, a half
        rounded up, so that regions that touch in per cent touch in pixels.

        Raises
        ------
        ImageError
            If none of its pixels is in the image.
        """
        left, right = _ends(self.x, self.width, size[1])
        top, bottom = _ends(self.y, self.height, size[0])
        box = Box(top, left, bottom, right)
        if box.top >= box.bottom or box.left >= box.right:
            raise ImageError(
                f"`region` {self} covers no pixel of an image of {size[1]}×{size[0]}; expected one "
                f"of 1×1 or larger"
            )
        inside = box.cut(Box(0, 0, *size))
        if inside is None:
            raise ImageError(
                f"`region` {self} lies outside of the image, which is {size[1]}×{size[0]}; "
                f"expected X from 0 to {size[1] - 1} and Y from 0 to {size[0] - 1}"
            )
        return inside

    def reaches_beyond(self, size: tuple[int, int]) -> bool:
        """Whether some of its pixels are outside of an image of (rows, cols)."""
        left, right = _ends(self.x, self.width, size[1])
        top, bottom = _ends(self.y, self.height, size[0])
        return min(left, top) < 0 or right > size[1] or bottom > size[0]


@record(eq=False)
class Mask:
    """A mask that is there: an array, or an image; one is the same as itself only.

    Parameters
    ----------
    pixels
        (rows, cols), or an `Image`.
    """

    pixels: Any = field(repr=False)


def parse_regions(given: Any) -> tuple[Region, ...]:
    """Return the regions that are meant by one, or by several; none by None."""
    if given is None:
        return ()
    one = isinstance(given, str | Region) or (
        isinstance(given, list | tuple) and len(given) == 4 and not _several(given)
    )
    listed: Iterable[Any] = (given,) if one else given
    if not isinstance(listed, Iterable):
        raise UsageError(f"`region` {given!r} can't be read; expected {_EXPECTED}")
    return tuple(Region.parse(each) for each in listed)


def parse_mask(given: Any) -> Any:
    """Return a mask as a path, as a `Mask`, or None."""
    if given is None or isinstance(given, str | Mask):
        return given
    return fspath(given) if isinstance(given, PathLike) else Mask(given)


def disjoint(boxes: Sequence[Box]) -> tuple[Box, ...]:
    """Return rectangles that cover the same pixels, each once.

    Examples
    --------
    >>> disjoint([Box(0, 0, 2, 4), Box(1, 2, 3, 6)])
    (Box(top=0, left=0, bottom=1, right=4), Box(top=1, left=0, bottom=2, right=6),
     Box(top=2, left=2, bottom=3, right=6))
    """
    edges = sorted({edge for box in boxes for edge in (box.top, box.bottom)})
    found: list[Box] = []
    open_: dict[tuple[int, int], int] = {}
    for top, bottom in pairwise(edges):
        runs = _joined([(b.left, b.right) for b in boxes if b.top <= top and b.bottom >= bottom])
        for run in [run for run in open_ if run not in runs]:
            found.append(Box(open_.pop(run), run[0], top, run[1]))
        for run in runs:
            open_.setdefault(run, top)
    found += [Box(top, left, edges[-1], right) for (left, right), top in open_.items()]
    return tuple(sorted(found))


def _joined(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return runs along a row that cover the same, and neither overlap nor touch."""
    joined: list[tuple[int, int]] = []
    for left, right in sorted(runs):
        if joined and left <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], right)
        else:
            joined.append((left, right))
    return joined


def _several(given: Sequence[Any]) -> bool:
    """Whether four things are four regions, not the numbers of one."""
    return any(isinstance(each, Region | list | tuple) or "," in str(each) for each in given)


def _length(text: str) -> Length | None:
    """Read a number of pixels or per cent; None if there is none before the sign."""
    try:
        return Length(Fraction(text.rstrip("%")), text.endswith("%"))
    except ValueError:
        return None


def _ends(start: Length, length: Length, size: int) -> tuple[int, int]:
    """Return the first pixel along an axis, and the one past the last."""
    first = start.along(size)
    low, high = ((end + Fraction(1, 2)) // 1 for end in (first, first + length.along(size)))
    return int(low), int(high)
