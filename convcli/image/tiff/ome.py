"""OME-XML (2016-06) made true of a result: its sizes, its planes, and where they are in the file.

Only what tells of these is rewritten; all other text stays as it was.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate
from math import prod

from convcli.image.beside.changes import Change
from convcli.image.tiff.elements import Element, elements, replaced, without
from convcli.record import record

_FILE = re.compile(r"<(?:\w{1,99}:)?UUID\b[^<>]*?FileName\s*=\s*[\"']([^\"'<>]*)")
_ORDER = "XYZCT"
_TYPES = {"bool": "bit", "float32": "float", "float64": "double"}
_IN_PLANE = (("X", 1), ("Y", 0))


@record
class _Planes:
    """Which pages an image of the result has.

    Parameters
    ----------
    first, count
        The number of its first page, and how many there are.
    alone
        Which of the source's planes the only one is; None if there are several.
    """

    first: int
    count: int
    alone: int | None = None


def is_ome(text: str) -> bool:
    """Whether a description is OME-XML."""
    return text[-10:].strip().endswith("OME>") and text[:1] == "<"


# Every page of a stack is asked, and may have a text of megabytes.
@lru_cache(4)
def is_elsewhere(text: str) -> bool:
    """Whether it only says in which file the OME-XML is."""
    return bool(elements(text, "BinaryOnly"))


@lru_cache(4)
def unlike(text: str) -> bool:
    """Whether it tells of images of several kinds."""
    kinds = set()
    for image in elements(text, "Image"):
        for pixels in elements(image.inner, "Pixels")[:1]:
            kinds.add(tuple(_value(pixels.tag, name) for name in ("SizeX", "SizeY", "Type")))
    return len(kinds) > 1


def other_files(text: str) -> int:
    """Return in how many files beside this one the planes are that it tells of."""
    return max(0, len(set(_FILE.findall(text))) - 1)


def made_true(
    text: str, shape: tuple[int, int, int], dtype: str, count: int, alone: int | None
) -> str:
    """Return OME-XML that is true of a result.

    Parameters
    ----------
    text
        The source's.
    shape
        (rows, cols, samples) of the result's images.
    dtype
        Of their samples.
    count
        How many there are.
    alone
        Which of the source's images the only one is; None if there are several.
    """
    images = elements(text, "Image")
    sizes = [_count(image) for image in images]
    if len(images) > 1 and sum(sizes) != count:
        return _of_one(text, images, sizes, (shape, dtype, _Planes(0, count, alone)))
    # Those of several kinds stay as they were, or the text had been left out.
    found = None if unlike(text) else shape
    counts = sizes if len(images) > 1 else [count]
    places = zip(accumulate(counts, initial=0), counts, strict=False)

    def one(image: Element) -> str:
        return _image(image, found, dtype, _Planes(*next(places), alone))

    return replaced(text, images, one)


def _of_one(
    text: str,
    images: list[Element],
    sizes: list[int],
    result: tuple[tuple[int, int, int], str, _Planes],
) -> str:
    """Return the text with the only one of its images that has a result."""
    shape, dtype, planes = result
    number, before = 0, 0
    while number < len(images) - 1 and before + sizes[number] <= (planes.alone or 0):
        before += sizes[number]
        number += 1
    chosen = None if planes.alone is None else planes.alone - before
    kept = _Planes(0, planes.count, chosen)

    def one(image: Element) -> str:
        return _image(image, shape, dtype, kept) if image == images[number] else ""

    return replaced(text, images, one)


def moved(text: str, change: Change) -> str:
    """Return OME-XML whose sizes of pixels are those of samples that stand further apart."""
    steps = {f"PhysicalSize{axis}": change.step[k] for axis, k in _IN_PLANE}
    steps["PhysicalSizeZ"] = change.spacing
    for name, step in steps.items():
        if step != 1:
            text = _stretched(text, name, step)
    return text


@lru_cache(4)
def _stretched(text: str, name: str, step: float) -> str:
    def one(found: re.Match[str]) -> str:
        return f"{found[1]}{float(found[2]) * step:.12g}{found[3]}"

    number = r"[0-9]{1,99}(?:\.[0-9]{0,99})?(?:[eE][-+]?[0-9]{1,9})?"
    return re.sub(rf"(\b{name}=[\"'])({number})([\"'])", one, text)


def _value(tag: str, name: str, default: str = "1") -> str:
    found = re.search(rf"\b{name}\s?=\s?[\"']([^\"']*)[\"']", tag)
    return found[1] if found else default


def _length(tag: str, name: str) -> int:
    found = _value(tag, name)
    return max(1, int(found)) if re.fullmatch("[0-9]{1,9}", found) else 1


def _samples(pixels: Element) -> int:
    channels = elements(pixels.inner, "Channel")
    return _length(channels[0].tag, "SamplesPerPixel") if channels else 1


def _count(image: Element) -> int:
    """Return how many pages an image has."""
    found = elements(image.inner, "Pixels")
    if not found:
        return 0
    return prod(_length(found[0].tag, f"Size{axis}") for axis in "ZCT") // _samples(found[0])


def _image(image: Element, shape: tuple[int, int, int] | None, dtype: str, planes: _Planes) -> str:
    """Return an image's element."""
    found = elements(image.inner, "Pixels")[:1]
    inner = replaced(image.inner, found, lambda pixels: _pixels(pixels, shape, dtype, planes))
    return f"{image.tag}>{inner}{image.end}" if image.end[:2] == "</" else image.tag + image.end


def _pixels(
    pixels: Element, shape: tuple[int, int, int] | None, dtype: str, planes: _Planes
) -> str:
    """Return the element that tells of sizes and planes."""
    tag, inner, samples = pixels.tag, pixels.inner, _samples(pixels)
    lengths = {axis: _length(tag, f"Size{axis}") for axis in "ZCT"}
    lengths["C"] = max(1, lengths["C"] // samples)
    if prod(lengths.values()) != planes.count:
        inner = without(inner, "Plane")
        if planes.count == 1:
            inner = _coloured(inner, _colour(tag, lengths, planes.alone))
        lengths = _fewer(lengths, planes.count)
    inner = without(inner, "TiffData")
    own = shape[2] if shape else samples
    told = {"SizeC": lengths["C"] * own, "SizeZ": lengths["Z"], "SizeT": lengths["T"]}
    if shape:
        told |= {"SizeX": shape[1], "SizeY": shape[0]}
        inner = _set(inner, "SamplesPerPixel", str(own))
    for name, length in told.items():
        tag = _set(tag, name, str(length))
    kind = _TYPES.get(dtype, dtype)
    if shape and kind != _value(tag, "Type", ""):
        tag = re.sub(r"\sSignificantBits\s?=\s?[\"'][^\"']*[\"']", "", _set(tag, "Type", kind))
    data = f'<{pixels.prefix}TiffData IFD="{planes.first}" PlaneCount="{planes.count}"/>'
    channels = elements(inner, "Channel")
    after = channels[-1].stop if channels else 0
    close = pixels.end if pixels.end[:2] == "</" else f"</{pixels.prefix}Pixels>"
    return f"{tag}>{inner[:after]}{data}{inner[after:]}{close}"


def _set(tag: str, name: str, value: str) -> str:
    return re.sub(rf"(\b{name}\s?=\s?[\"'])[^\"']*", rf"\g<1>{value}", tag)


def _fewer(lengths: dict[str, int], count: int) -> dict[str, int]:
    """Return the lengths of dimensions of which other planes are there than were."""
    wide = [axis for axis, length in lengths.items() if length > 1]
    kept = wide[0] if len(wide) == 1 else "Z"
    return {axis: count if axis == kept else 1 for axis in lengths}


def _colour(tag: str, lengths: dict[str, int], number: int | None) -> int:
    """Return which channel a plane is of."""
    left = number or 0
    for axis in _value(tag, "DimensionOrder", _ORDER):
        if axis == "C":
            return left % lengths["C"]
        left //= lengths.get(axis, 1)
    return 0


def _coloured(inner: str, colour: int) -> str:
    """Return the elements with one channel of several."""
    channels = elements(inner, "Channel")
    if colour >= len(channels):
        return inner
    kept = channels[colour]
    return replaced(
        inner,
        channels,
        lambda channel: inner[kept.start : kept.stop] if channel == kept else "",
    )
