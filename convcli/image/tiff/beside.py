"""All that a TIFF page holds beside its pixels: as blocks, and as fields of a result's page.

Each field of a directory is one of `Meta`'s, or the writer's own, or a block here.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from convcli.image.beside import photoshop
from convcli.image.beside.block import PIXELS, PLACE, Block
from convcli.image.beside.changes import ADAPTERS, Change
from convcli.image.image import Image, Meta
from convcli.image.tiff import geo, imagej, layout, stacks
from convcli.image.tiff.fields import (
    BYTES,
    LONG,
    PLACES,
    RATIONAL,
    SHORT,
    SIZES,
    UNDEFINED,
    Field,
    fields,
    numbers,
)
from convcli.image.tiff.names import HELD, LAYOUT, NAMED, PRIVATE, STACKS, UNTRUE
from convcli.image.tiff.stacks import Stack
from convcli.record import replace

_DESCRIPTION = 270
_PAGED = 2
#: Types of values that can be written again: not places in a file.
_KNOWN = frozenset(SIZES) - frozenset(PLACES)
#: Tags that aren't looked at here.
_SKIPPED = frozenset({*LAYOUT, *HELD} - {282, 283, 296})
_X, _Y, _UNIT, _PAGE_NUMBER = 282, 283, 296, 297
_IPTC, _PHOTOSHOP = 33723, 34377
_GRAFTED = (34665, 34853)
_IIM = b"\x1c"
#: What stands behind the header of Micro-Manager's files, in either byte order.
_MICRO_MANAGER = (struct.pack("<I", 54773648), struct.pack(">I", 54773648))
_RESOLUTION, _TAG = "TIFF resolution", "TIFF tag"
_NO_UNIT, _UNITS = 1, (1, 2, 3)
_LIMITS = (280, 281)
#: Beside a stack of a program that has no use for it, nothing is said of a plain resolution.
_PLAIN = (1, 1)
#: Private tags that are named each; of more the first and the last are.
_FEW = 6


_DONE = frozenset({_X, _Y, _UNIT, *geo.REFERENCE, geo.RPC, geo.GDAL, _IPTC, _PHOTOSHOP})


class Around:
    """What is known of a file when one of its pages is read.

    Parameters
    ----------
    stack
        What a description of all says; None for none.
    first
        The first page's fields that all images share: those of ImageJ and of resolution.
    number, total
        Which of the file's images it is, and how many there are.
    """

    def __init__(
        self,
        stack: Stack | None = None,
        first: Sequence[Field] = (),
        number: int = 0,
        total: int = 1,
    ) -> None:
        self.stack, self.first, self.number, self.total = stack, first, number, total


def blocks(page: Any, data: bytes, around: Around, taken: frozenset[int]) -> tuple[Block, ...]:
    """Return what a page holds beside its pixels that no field of `Meta` has.

    Parameters
    ----------
    page
        As tifffile has it.
    data
        The whole file.
    around
        The rest of the file.
    taken
        Tags that are in `Meta`.
    """
    found = {field.tag: field for field in fields(data, page.offset, _SKIPPED)}
    for field in around.first:
        found.setdefault(field.tag, field)
    # What is of a type that nobody knows is named, whatever its tag.
    odd = [found.pop(tag) for tag, field in list(found.items()) if field.kind not in _KNOWN]
    turned = page.tags.valueof(274, 1) not in (0, 1)
    paged = bool(page.subfiletype & _PAGED)
    result = [Block(layout.KIND, "", layout.layout_of(page, paged))]
    if around.stack is not None:
        result += stacks.blocks(around.stack)
    else:
        stated = stacks.stated(page.description or "")
        result += [stated] if stated else []
    if data[8:12] in _MICRO_MANAGER:
        result.append(Block(f"{_TAG}s", "Micro-Manager index"))
    if imagej.COUNTS in found and imagej.CONTENT in found:
        result += imagej.blocks(found.pop(imagej.COUNTS), found.pop(imagej.CONTENT))
    result += _resolution(found, around.stack, turned)
    result += geo.blocks(found, turned)
    result += _press(found)
    rest = [*odd, *(field for tag, field in found.items() if tag not in _DONE)]
    return (*result, *_rest([field for field in rest if field.tag not in taken], page))


def shared(page: Any, data: bytes, total: int) -> tuple[Field, ...]:
    """Return those fields of a first page that stand for all images of a stack."""
    if total == 1:
        return ()
    tags = {imagej.COUNTS, imagej.CONTENT, _X, _Y, _UNIT, *STACKS}
    return tuple(fields(data, page.offset, wanted=tags))


def _resolution(found: dict[int, Field], stack: Stack | None, turned: bool) -> list[Block]:
    """Return resolution that isn't an inch's, or belongs to a calibration."""
    unit = found[_UNIT].values[0] if _UNIT in found and found[_UNIT].content else 2
    calibrates = stack is not None and stack.program == stacks.IMAGEJ
    counts = unit == _NO_UNIT or (calibrates and unit in _UNITS)
    if _X not in found or _Y not in found or not counts:
        return []
    x, y = found[_X].values, found[_Y].values
    fractions = found[_X].kind == found[_Y].kind == RATIONAL
    if not fractions or len(x) != len(_PLAIN) or len(y) != len(_PLAIN) or 0 in (*x, *y):
        return []
    if x == y == _PLAIN and not calibrates:
        return []
    if turned:
        x, y = y, x
    named = "ImageJ calibration" if calibrates else "resolution without a unit"
    return [Block(_RESOLUTION, named, (x, y, unit), frozenset({PLACE}))]


def _coarser(block: Block, change: Change) -> Block:
    """Return a resolution of samples that stand further apart."""
    x, y, unit = block.content
    x, y = (_divided(each, step) for each, step in zip((x, y), reversed(change.step), strict=True))
    return replace(block, content=(x, y, unit))


def _divided(fraction: tuple[int, int], step: float) -> tuple[int, int]:
    above, below = fraction
    if step == int(step) and below * int(step) < 2**32:
        return above, below * int(step)
    return round(above / below / step * 10**6), 10**6


def _press(found: dict[int, Field]) -> list[Block]:
    """Return IPTC and Photoshop's resources, of which IPTC may be one."""
    result = photoshop.taken_apart(found[_PHOTOSHOP].content) if _PHOTOSHOP in found else []
    if _IPTC not in found:
        return result
    # Some wrote bytes as numbers of 4, in either order.
    ways = _both(found[_IPTC])
    iptc = next((way for way in ways if way[:1] == _IIM), ways[0]).rstrip(b"\0")
    return [Block(photoshop.IPTC, "IPTC", iptc), *(b for b in result if b.kind != photoshop.IPTC)]


def _both(field: Field) -> tuple[bytes, ...]:
    return (field.content, field.ordered(">")) if field.kind == LONG else (field.content,)


def _rest(found: list[Field], page: Any) -> list[Block]:
    """Return all other fields: each by its name, and those that have none together."""
    result: list[Block] = []
    private: list[Field] = []
    lost: list[Field] = []
    for field in found:
        if field.tag in UNTRUE:
            result.append(Block(f"{_TAG} {field.tag}", UNTRUE[field.tag]))
        elif field.tag in _GRAFTED or field.kind not in _KNOWN:
            lost.append(field)
        elif field.tag in NAMED:
            named, tells = NAMED[field.tag]
            if not _says_nothing(field, page):
                content = () if PIXELS in tells else (field,)
                result.append(Block(f"{_TAG} {field.tag}", named, content, tells))
        else:
            (private if field.content else lost).append(field)
    if private:
        result.append(Block(f"{_TAG}s", _called(private), tuple(private)))
    if lost:
        result.append(Block(f"{_TAG}s", _called(lost)))
    return result


def _says_nothing(field: Field, page: Any) -> bool:
    """Whether a field has no values, or only says which samples there can be."""
    if field.tag in _LIMITS and isinstance(page.bitspersample, int):
        return set(field.values) <= {0, 2**page.bitspersample - 1}
    return not field.content


def _called(found: list[Field]) -> str:
    tags = sorted(field.tag for field in found)
    if tags == [34665] or tags == [34853]:
        return "EXIF"
    kind = "private tag" if tags[0] >= PRIVATE else "tag"
    if len(tags) == 1:
        return f"{kind} {tags[0]}"
    if len(tags) <= _FEW:
        return f"{kind}s {', '.join(map(str, tags))}"
    return f"{len(tags)} {kind}s from {tags[0]} to {tags[-1]}"


def written(image: Image, order: str, number: int, count: int) -> list[Field]:
    """Return the fields of a result's page that stand beside those of `Meta`.

    Parameters
    ----------
    image
        The page, with its source's metadata.
    order
        The file's byte order.
    number, count
        Which of the file's images it is, and how many there are.
    """
    beside = image.meta.beside
    stack = stack_of(image.meta)
    result = [
        field
        for block in beside
        if block.kind.startswith((_TAG, "TIFF georeference", "TIFF RPC"))
        for field in block.content or ()
    ]
    result = [_numbered(field, number, count) for field in result]
    if number == 0:
        ours = [block for block in beside if block.kind == imagej.KIND]
        alone = stack.number if stack and count == 1 else None
        result += imagej.fields(ours, order, stacks.colours_of(stack), alone)
    gdal = geo.field_of([block for block in beside if block.kind == "TIFF GDAL"])
    result += [gdal] if gdal else []
    press = {block.kind: block.content for block in beside if block.content}
    if photoshop.IPTC in press:
        result.append(Field(_IPTC, UNDEFINED, press[photoshop.IPTC]))
    if any(kind.split(" ")[0] == photoshop.RESOURCES for kind in press):
        result.append(Field(_PHOTOSHOP, BYTES, photoshop.joined(beside)))
    return result


def stack_of(meta: Meta) -> Stack | None:
    """Return what the source says of the stack that an image comes from."""
    found = (block.content for block in meta.beside if block.kind == stacks.KIND)
    return next(found, None)


def description(image: Image, own: str, number: int, count: int) -> str:
    """Return what a result's page says of the file's shape, or of itself; '' for nothing.

    Parameters
    ----------
    image
        The page, with its source's metadata.
    own
        What is said of this page alone.
    number, count
        Which of the file's images it is, and how many there are.
    """
    stack = stack_of(image.meta)
    shown = {block.kind: block.content for block in image.meta.beside}
    if stack is None:
        return shown.get(stacks.STATED) or own
    begins = stack.number == 0 and count == stack.total if number else True
    if not begins or (number and stack.program != stacks.TIFFFILE):
        return own
    shape = (*image.size, len(image.channels))
    text = stacks.made_true(stack, shape, image.dtype.name, count)
    if stacks.DISPLAY in shown:
        text = "\n".join([text.rstrip("\n"), *shown[stacks.DISPLAY], ""])
    return stacks.joined(stack, text, own)


def resolution(
    beside: Sequence[Block],
) -> tuple[tuple[int, int], tuple[int, int], int] | None:
    """Return resolution that isn't in `Meta.dpi`: two fractions and a unit."""
    found = (block.content for block in beside if block.kind == _RESOLUTION)
    return next(found, None)


def _numbered(field: Field, number: int, count: int) -> Field:
    """Return a page number that is true of a result of other pages than the source had."""
    if field.tag != _PAGE_NUMBER or len(field.values) != len(_PLAIN):
        return field
    return numbers(_PAGE_NUMBER, SHORT, number, count) if field.values[1] != count else field


ADAPTERS[_RESOLUTION] = _coarser
