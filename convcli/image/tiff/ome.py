"""OME-XML (2016-06) made true of a result: its sizes, its planes, and where they are in the file.

Only what tells of these is rewritten; all other text stays as it was.
"""

from __future__ import annotations

import re
from math import prod

from convcli.image.beside.changes import Change

_IMAGE = re.compile(r"<((?:\w+:)?)Image\b.*?</\1Image\s*>", re.DOTALL)
_PIXELS = re.compile(r"(<((?:\w+:)?)Pixels\b[^>]*?)(/?>)(?:(.*?)(</\2Pixels\s*>))?", re.DOTALL)
_PLANES = re.compile(
    r"\s*<((?:\w+:)?)(?:TiffData|Plane)\b(?:[^>]*/>|.*?</\1(?:TiffData|Plane)\s*>)", re.DOTALL
)
_DATA = re.compile(r"\s*<((?:\w+:)?)TiffData\b(?:[^>]*/>|.*?</\1TiffData\s*>)", re.DOTALL)
_CHANNEL = re.compile(r"<((?:\w+:)?)Channel\b(?:[^>]*/>|.*?</\1Channel\s*>)", re.DOTALL)
_FILE = re.compile(r"<(?:\w+:)?UUID\b[^>]*?FileName\s*=\s*[\"']([^\"']*)")
_ORDER = "XYZCT"
_TYPES = {
    "bool": "bit",
    "float32": "float",
    "float64": "double",
}
_IN_PLANE = (("X", 1), ("Y", 0))


def is_ome(text: str) -> bool:
    """Whether a description is OME-XML."""
    return text[-10:].strip().endswith("OME>") and "<" in text[:1]


def is_elsewhere(text: str) -> bool:
    """Whether it only says in which file the OME-XML is."""
    return re.search(r"<(?:\w+:)?BinaryOnly\b", text) is not None


def unlike(text: str) -> bool:
    """Whether it tells of images of several kinds."""
    kinds = set()
    for image in _IMAGE.finditer(text):
        tag = _PIXELS.search(image.group())
        if tag is not None:
            kinds.add((*(_value(tag[1], f"Size{axis}") for axis in "XY"), _value(tag[1], "Type")))
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
    images = list(_IMAGE.finditer(text))
    sizes = [_count(image.group()) for image in images]
    if len(images) > 1 and sum(sizes) != count:
        return _of_one(text, images, sizes, (shape, dtype, count, alone))
    first, alike = 0, not unlike(text)

    def one(image: re.Match[str]) -> str:
        nonlocal first
        planes = _count(image.group()) if len(images) > 1 else count
        # Those of other kinds stay as they were, or the text had been left out.
        found = shape if alike else None
        changed = _image(image.group(), found, dtype, (first, planes, alone))
        first += planes
        return changed

    return _IMAGE.sub(one, text)


def _of_one(
    text: str,
    images: list[re.Match[str]],
    sizes: list[int],
    result: tuple[tuple[int, int, int], str, int, int | None],
) -> str:
    """Return the text with the only one of its images that has a result."""
    shape, dtype, count, alone = result
    number, before = 0, 0
    while number < len(images) - 1 and before + sizes[number] <= (alone or 0):
        before += sizes[number]
        number += 1
    chosen = None if alone is None else alone - before
    for k in reversed(range(len(images))):
        start, end = images[k].span()
        kept = _image(images[k].group(), shape, dtype, (0, count, chosen)) if k == number else ""
        text = text[:start] + kept + text[end:]
    return text


def moved(text: str, change: Change) -> str:
    """Return OME-XML whose sizes of pixels are those of samples that stand further apart."""
    steps = {f"PhysicalSize{axis}": change.step[k] for axis, k in _IN_PLANE}
    steps["PhysicalSizeZ"] = change.spacing
    for name, step in steps.items():
        if step != 1:
            text = _stretched(text, name, step)
    return text


def _stretched(text: str, name: str, step: float) -> str:
    def one(found: re.Match[str]) -> str:
        return f"{found[1]}{float(found[2]) * step:.12g}{found[3]}"

    return re.sub(
        rf"(\b{name}\s*=\s*[\"'])([0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?)([\"'])", one, text
    )


def _value(tag: str, name: str, default: str = "1") -> str:
    found = re.search(rf"\b{name}\s*=\s*[\"']([^\"']*)[\"']", tag)
    return found[1] if found else default


def _length(tag: str, axis: str) -> int:
    found = _value(tag, f"Size{axis}")
    return max(1, int(found)) if found.isdecimal() else 1


def _samples(image: str) -> int:
    found = _value(image, "SamplesPerPixel")
    return max(1, int(found)) if found.isdecimal() else 1


def _count(image: str) -> int:
    """Return how many pages an image has."""
    tag = _PIXELS.search(image)
    if tag is None:
        return 0
    return prod(_length(tag[1], axis) for axis in "ZCT") // _samples(image)


def _image(
    image: str,
    shape: tuple[int, int, int] | None,
    dtype: str,
    planes: tuple[int, int, int | None],
) -> str:
    """Return an image's element: its first page, how many it has, and which one of old is alone."""
    found = _PIXELS.search(image)
    if found is None:
        return image
    first, count, alone = planes
    tag, prefix, samples = found[1], found[2], _samples(image)
    inner = found[4] or ""
    lengths = {axis: _length(tag, axis) for axis in "ZCT"}
    lengths["C"] = max(1, lengths["C"] // samples)
    order = [axis for axis in _value(tag, "DimensionOrder", _ORDER) if axis in "ZCT"]
    if prod(lengths.values()) != count:
        inner = _PLANES.sub("", inner)
        inner = _coloured(inner, _colour(lengths, order, alone)) if count == 1 else inner
        lengths = _fewer(lengths, count)
    inner = _DATA.sub("", inner)
    own = shape[2] if shape else samples
    tag = _told(tag, {"C": lengths["C"] * own, "Z": lengths["Z"], "T": lengths["T"]})
    if shape:
        tag = _told(tag, {"X": shape[1], "Y": shape[0]})
        inner = _set(inner, "SamplesPerPixel", str(own))
    kind = _TYPES.get(dtype, dtype)
    if shape and kind != _value(tag, "Type", ""):
        tag = re.sub(r"\s+SignificantBits\s*=\s*[\"'][^\"']*[\"']", "", _set(tag, "Type", kind))
    channels = list(_CHANNEL.finditer(inner))
    end = channels[-1].end() if channels else 0
    data = f'<{prefix}TiffData IFD="{first}" PlaneCount="{count}"/>'
    inner = inner[:end] + data + inner[end:]
    close = found[5] or f"</{prefix}Pixels>"
    return image[: found.start()] + tag + ">" + inner + close + image[found.end() :]


def _told(tag: str, lengths: dict[str, int]) -> str:
    for axis, length in lengths.items():
        tag = _set(tag, f"Size{axis}", str(length))
    return tag


def _set(tag: str, name: str, value: str) -> str:
    return re.sub(rf"(\b{name}\s*=\s*[\"'])[^\"']*", rf"\g<1>{value}", tag)


def _fewer(lengths: dict[str, int], count: int) -> dict[str, int]:
    """Return the lengths of dimensions of which other planes are there than were."""
    wide = [axis for axis, length in lengths.items() if length > 1]
    kept = wide[0] if len(wide) == 1 else "Z"
    return {axis: count if axis == kept else 1 for axis in lengths}


def _colour(lengths: dict[str, int], order: list[str], number: int | None) -> int:
    """Return which channel a plane is of."""
    left = number or 0
    for axis in order:
        if axis == "C":
            return left % lengths["C"]
        left //= lengths[axis]
    return 0


def _coloured(inner: str, colour: int) -> str:
    """Return the elements with one channel of several."""
    channels = list(_CHANNEL.finditer(inner))
    for k in reversed(range(len(channels))):
        if k != colour and colour < len(channels):
            inner = inner[: channels[k].start()] + inner[channels[k].end() :]
    return inner
