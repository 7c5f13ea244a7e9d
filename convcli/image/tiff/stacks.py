"""Descriptions that say how many images a file holds, and of what shape, made true of a result.

What tifffile writes (a shape as JSON), ImageJ's lines of `key=value`, and OME-XML; other programs
that state sizes are named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from math import prod
from typing import Any

from convcli.image.beside.block import CHANNELS, DEPTH, PLACE, SIZE, Block
from convcli.image.beside.changes import ADAPTERS, Change
from convcli.image.tiff import ome
from convcli.record import record, replace

TIFFFILE, IMAGEJ, OME = "tifffile", "ImageJ", "OME-XML"
KIND, DISPLAY, STATED = "TIFF stack", "TIFF display", "TIFF description"
_STRUCTURE = frozenset({"shape", "truncated"})
_COLOURS, _SLICES, _TIMES = "channels", "slices", "frames"
_DIMENSIONS = (_COLOURS, _SLICES, _TIMES)
_DISPLAYED = ("min=", "max=")
#: How descriptions begin that state sizes, or places, and whose they are.
_STATING = {
    "Aperio": "Aperio's description",
    "<scn": "Leica's description",
    "<DataObject": "Philips's description",
    "<PerkinElmer-QPI": "PerkinElmer's description",
    "<indica": "Indica's description",
    "[Acquisition Parameters]": "FluoView's description",
}
_BEGINNING = 1000
#: Dimensions that a shape has at the most: NumPy's limit.
_MOST = 64


@record
class Stack:
    """A description of a stack.

    Parameters
    ----------
    program
        By whose rules it is written.
    text
        The description.
    shape
        (rows, cols, samples) of an image as it is stored.
    number, count
        Which of the images it tells of an image is, and how many these are.
    total
        How many images the file has.
    """

    program: str
    text: str
    shape: tuple[int, int, int]
    number: int = 0
    count: int = 1
    total: int = 1

    def of(self, number: int) -> Stack:
        """Return it for another one of its images."""
        return replace(self, number=number)


def program_of(text: str) -> str:
    """Return by whose rules a description tells of a stack; '' for an ordinary one."""
    if text.startswith(("ImageJ=", "SCIFIO=")):
        return IMAGEJ
    if text.startswith("{") and '"shape":' in text:
        return TIFFFILE if _read(text) else ""
    return OME if ome.is_ome(text) else ""


def told(text: str, page: int) -> int:
    """Return how many images a description tells of.

    Parameters
    ----------
    text
        It.
    page
        How many samples an image has.
    """
    program = program_of(text)
    if program == TIFFFILE:
        lengths: list[int] = _read(text)["shape"]
        return max(1, prod(lengths) // max(1, page))
    if program == IMAGEJ:
        return max(1, _number(_lines(text), "images"))
    return 1


def blocks(stack: Stack) -> list[Block]:
    """Return what a description holds: what it says of a display counts for its sample type."""
    if stack.program != IMAGEJ:
        more = stack.program != TIFFFILE or bool(_read(stack.text).keys() - _STRUCTURE)
        words = {TIFFFILE: "tifffile metadata"}.get(stack.program, stack.program) if more else ""
        if stack.program == OME and ome.is_elsewhere(stack.text):
            return [Block(KIND, "OME-XML in another file")]
        unlike = stack.program == OME and ome.unlike(stack.text)
        more_told = {SIZE, CHANNELS, DEPTH} if unlike else set()
        return [Block(KIND, words, stack, frozenset({PLACE} | more_told))]
    lines = stack.text.split("\n")
    shown = tuple(line for line in lines if line.startswith(_DISPLAYED))
    rest = "\n".join(line for line in lines if line not in shown)
    kept = [Block(KIND, "ImageJ calibration", replace(stack, text=rest), frozenset({PLACE}))]
    if shown:
        kept.append(Block(DISPLAY, "ImageJ display range", shown, frozenset({DEPTH})))
    return kept


def stated(text: str) -> Block | None:
    """Return a description that states sizes in a program's own way, or None."""
    for mark, words in _STATING.items():
        if mark in text[:_BEGINNING]:
            return Block(STATED, words, text, frozenset({SIZE, PLACE, CHANNELS, DEPTH}))
    return None


def is_stated(text: str) -> bool:
    """Whether a description is a program's statement on sizes, and not anybody's words."""
    return bool(program_of(text)) or stated(text) is not None


def joined(stack: Stack, text: str, own: str) -> str:
    """Return a description of a stack with what is said of one of its images beside it."""
    if not own or stack.program == OME:
        return text
    if stack.program == IMAGEJ:
        return "\n".join([text.rstrip("\n"), own])
    return json.dumps(json.loads(text) | {"description": own})


def made_true(stack: Stack, shape: tuple[int, int, int], dtype: str, count: int) -> str:
    """Return a description that is true of a result.

    Parameters
    ----------
    stack
        The source's.
    shape
        (rows, cols, samples) of an image of the result.
    dtype
        Of its samples.
    count
        How many images it has.
    """
    told = stack.count if count == stack.total else count
    if stack.program == TIFFFILE:
        return _shaped(stack, shape, told)
    if stack.program == IMAGEJ:
        return _imagej(stack, shape, told)
    alone = stack.number if told == 1 else None
    return ome.made_true(stack.text, shape, dtype, told, alone)


def colours_of(stack: Stack | None) -> int:
    """Return of how many images each stands for one colour."""
    if stack is None or stack.program != IMAGEJ:
        return 1
    return max(1, _number(_lines(stack.text), _COLOURS))


def _dimensions(given: list[int], count: int) -> list[int] | None:
    """Return the lengths of a stack's dimensions, with so many images; None if they are lost."""
    if prod(given) == count:
        return given
    if count == 1:
        return [1] * len(given)
    wide = [k for k, length in enumerate(given) if length > 1]
    return [count if k in wide else 1 for k in range(len(given))] if len(wide) == 1 else None


def _read(text: str) -> dict[str, Any]:
    """Return what tifffile's JSON says; empty if it doesn't say a shape."""
    try:
        found = json.loads(text)
        lengths = [int(length) for length in found["shape"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}
    fits = len(lengths) <= _MOST and all(0 < length < 2**32 for length in lengths)
    return found if fits else {}


def _shaped(stack: Stack, shape: tuple[int, int, int], count: int) -> str:
    found = _read(stack.text)
    lengths, axes = found["shape"], found.get("axes", "")
    told = prod(lengths) // prod(stack.shape)
    leading = 0
    while leading < len(lengths) and prod(lengths[:leading]) < told:
        leading += 1
    given = _dimensions(lengths[:leading], count)
    names = axes[:leading]
    if given is None:
        given, names = [count], "Q"
    if prod(given) == 1:
        given, names = [], ""
    own = list(shape) if shape[2] > 1 else list(shape[:2])
    if (
        (shape, count) == (stack.shape, told)
        and "truncated" not in found
        and lengths[-1] == own[-1]
    ):
        return stack.text
    found["shape"] = given + own
    found.pop("truncated", None)
    if axes:
        found["axes"] = names + "YXS"[: len(own)]
    if len(axes) != len(lengths):
        found.pop("axes", None)
    return json.dumps(found)


def _lines(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.split("\n") if "=" in line)


def _number(lines: dict[str, str], key: str, default: int = 1) -> int:
    found = lines.get(key, "")
    return int(found) if re.fullmatch(r"[0-9]{1,9}", found) else default


def _imagej(stack: Stack, shape: tuple[int, int, int], count: int) -> str:
    lines = _lines(stack.text)
    images = _number(lines, "images")
    given = [max(1, _number(lines, key)) for key in _DIMENSIONS]
    samples = given[0] > 1 and given[0] == stack.shape[2] and images == given[1] * given[2]
    if samples or prod(given) == 1:
        # Bio-Formats counts the samples of a pixel as channels.
        given = [1, *given[1:]] if samples else [1, images, 1]
    lengths = _dimensions(given, count) or [1, count, 1]
    if lengths == given and not (samples and shape[2] != stack.shape[2]):
        return stack.text
    found = {key: str(n) for key, n in zip(_DIMENSIONS, lengths, strict=True) if n > 1}
    if count > 1:
        found = {"images": str(count), **found}
    dropped = {"images", *_DIMENSIONS, "hyperstack"} | ({"mode"} if lengths[0] == 1 else set())
    if sum(length > 1 for length in lengths) > 1 and "hyperstack" in lines:
        found["hyperstack"] = lines["hyperstack"]
    kept = [line for line in stack.text.split("\n") if line.split("=", 1)[0] not in dropped]
    return "\n".join([kept[0], *(f"{key}={value}" for key, value in found.items()), *kept[1:]])


def _moved(block: Block, change: Change) -> Block | None:
    """Return a description of samples that stand elsewhere, as far as it says where."""
    stack = block.content
    if change.what & block.tells - {PLACE}:
        return None
    if stack.program == OME:
        return replace(block, content=replace(stack, text=ome.moved(stack.text, change)))
    if stack.program != IMAGEJ:
        return block
    places: dict[str, Callable[[float], float]] = {
        "xorigin": lambda x: (x - change.origin[1]) / change.step[1],
        "yorigin": lambda y: (y - change.origin[0]) / change.step[0],
        "spacing": lambda distance: distance * change.spacing,
    }
    lines = stack.text.split("\n")
    for k, line in enumerate(lines):
        key, _, value = line.partition("=")
        if key in places:
            try:
                lines[k] = f"{key}={places[key](float(value)):.12g}"
            except ValueError:
                continue
    return replace(block, content=replace(stack, text="\n".join(lines)))


ADAPTERS[KIND] = _moved
