"""Matrices as other programs and other countries write them, taken as meant where that is certain.

Nine numbers in one row are a 3×3 kernel to Pillow, ffmpeg, thumbor and ImageMagick, whose own form
is `3x3: 0,-1,0 -1,5,-1 0,-1,0`; and half of Europe writes 0.25 as 0,25.
"""

from __future__ import annotations

import itertools
import re
from fractions import Fraction
from math import isqrt
from typing import NoReturn

from convcli.errors import KernelError
from convcli.kernels.exact import MAX_TAPS, Cells, Matrix, exact, parse_number, quoted
from convcli.kernels.kernel import Kernel
from convcli.kernels.matrix import read_cells
from convcli.record import record

_ONE, _NONE = Fraction(1), Fraction(0)
# Texts: to compile these takes a millisecond, which kernels of the library needn't wait for.
#: ImageMagick's beginning of a kernel: 3x3, 3, 3x3+0+0, and flags that turn it.
_SIZE = (
    r"(?P<cols>\d{1,5})(?:x(?P<rows>\d{1,5}))?(?P<x>[+-]\d{1,5})?(?P<y>[+-]\d{1,5})?"
    r"(?P<flags>[@<>^!%]*)\s*:"
)
#: What ImageMagick writes for a weight that isn't there.
_ABSENT = r"(?i:nan|-)"
#: What follows one another where commas aren't all that parts numbers.
_WORDS = r",?[\s;]+,?"
_DECIMAL_COMMA = r"(?P<whole>[+-]?\d*),(?P<part>\d+(?:[eE][+-]?\d+)?)"
#: Numbers that can only have a decimal comma: ,5 and -0,5 and 0,05.
_SURELY = r"[+-]?,.*|[+-]0,.*|.*,0\d.*"
#: ffmpeg's filter, and the planes that it has.
_FFMPEG, _PLANES = "convolution=", 4
_MOST_CHARACTERS = 2**20


@record
class TypedMatrix:
    """What was typed for a kernel.

    Parameters
    ----------
    cells
        Rows of one length.
    divisor, times
        What their sum is divided by, and a factor of all of them.
    offset
        What is added, in levels of an 8-bit image.
    notes
        What is to be said of how they were understood.
    """

    cells: Cells
    divisor: Fraction = _ONE
    times: Fraction = _ONE
    offset: Fraction = _NONE
    notes: tuple[str, ...] = ()

    @property
    def matrix(self) -> Matrix:
        """The weights as a `Kernel` takes them."""
        return exact(self.cells, self.divisor, self.times)


def is_magick(text: str) -> bool:
    """Whether a text is in ImageMagick's form: `3x3: …`."""
    return re.match(_SIZE, text.strip()) is not None


def typed_kernel(name: str, typed: TypedMatrix) -> Kernel:
    """Return the kernel of what was typed."""
    matrix = typed.matrix
    return Kernel(
        name,
        matrix.array,
        matrix.divisor,
        float(typed.offset),
        denominator=matrix.denominator,
        doubts=typed.notes,
    )


def read_typed(text: str) -> TypedMatrix:
    """Read a kernel's matrix: rows between `;` or in lists, or as other programs write one.

    Parameters
    ----------
    text
        What `parse_matrix` takes; ``3x3: 0,-1,0 -1,5,-1 0,-1,0`` (ImageMagick);
        ``0 -1 0 -1 5 -1 0 -1 0`` (Pillow, ffmpeg); ``0,25 0,5 0,25``.

    Raises
    ------
    KernelError
        If it is none of these; mostly with line and column.

    Examples
    --------
    >>> read_typed("1 1 1 1 1 1 1 1 1").notes
    ('9 weights in one row are taken as 3×3; [[…]] around them makes 1×9',)
    >>> read_typed("[[1 1 1 1 1 1 1 1 1]]").notes
    ()
    >>> read_typed("0,25 0,5 0,25").matrix
    Matrix(weights=[[0.25, 0.5, 0.25]], divisor=1, denominator=4)
    """
    plain = text.strip().replace("−", "-")
    if len(plain) < _MOST_CHARACTERS and (":" in plain or plain.startswith(_FFMPEG)):
        if re.match(_SIZE, plain):
            return _from_magick(plain)
        return _from_ffmpeg(plain.removeprefix(_FFMPEG).strip("'\""))
    pointed, notes = decimal_points(text)
    rows = None if notes else _rows_of_commas(plain)
    if rows is not None:
        size, count = f"{len(rows)}×{len(rows[0])}", len(rows) * len(rows[0])
        said = f"{count} weights are taken as {size}, whose rows end at blanks"
        return TypedMatrix(rows, notes=(f"{said}; [[…]] around them makes 1×{count}",))
    cells, divisor, times = read_cells(pointed)
    nested = re.match(r"\[\s*\[", plain) is not None
    squared, more = (cells, ()) if nested else as_square(cells)
    return TypedMatrix(squared, divisor, times, notes=(*notes, *more))


def as_square(cells: Cells) -> tuple[Cells, tuple[str, ...]]:
    """Return n² weights in one row or column as n×n, and what is to be said of it.

    A row that is a profile by itself, which only grows up to its middle and falls behind it, or
    only grows, stays one: `1 8 28 56 70 56 28 8 1`.
    """
    count = len(cells) * len(cells[0])
    side = isqrt(count)
    if min(len(cells), len(cells[0])) != 1 or side * side != count or side % 2 == 0 or side < 3:
        return cells, ()
    flat = [cell for row in cells for cell in row]
    line, size = ("row", f"1×{count}") if len(cells) == 1 else ("column", f"{count}×1")
    if _is_profile(flat):
        said = f"{count} weights in one {line} are taken as {size}; for {side}×{side} write ; "
        return cells, (f"{said}after each {side}",)
    around = "[[…]] around them" if line == "row" else "[…] around each"
    square = [flat[at : at + side] for at in range(0, count, side)]
    said = f"{count} weights in one {line} are taken as {side}×{side}; {around} makes {size}"
    return square, (said,)


def line_doubts(cells: Cells) -> tuple[str, ...]:
    """Return what is to be said of n² weights in the only row or column of a table."""
    _, notes = as_square(cells)
    if not notes:
        return ()
    rows, cols = len(cells), len(cells[0])
    side = isqrt(rows * cols)
    return (
        f"{rows * cols} weights in one {'row' if rows == 1 else 'column'} are taken as "
        f"{rows}×{cols}; {side}×{side} takes {side} rows",
    )


def _is_profile(flat: list[Fraction]) -> bool:
    """Whether weights only grow, or fall, or do one up to their middle and the other behind."""
    steps = [b - a for a, b in itertools.pairwise(flat)]
    half = len(steps) // 2
    before, behind = steps[:half], steps[half:]
    return any(
        all(sign * step > 0 for step in before) and all(other * step > 0 for step in behind)
        for sign in (1, -1)
        for other in (1, -1)
    )


def decimal_points(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text whose decimal commas are points, and what is to be said of its commas.

    Commas are decimal ones where numbers are parted by blanks or `;`, none holds two, and it is
    certain: by a number such as 0,05 or -0,5, by numbers with and without one in a row, or as all
    begin with 0. Where it may be so, that is said.

    Examples
    --------
    >>> decimal_points("0,25 0,5 0,25")[0], decimal_points("1, 2; 3, 4")[0]
    ('0.25 0.5 0.25', '1, 2; 3, 4')
    """
    words = [word for word in re.split(_WORDS, text.strip(" ;\n\t").rstrip(",")) if word]
    if len(text) > _MOST_CHARACTERS or "[" in text or "." in text or "," not in text:
        return text, ()
    found = [re.fullmatch(_DECIMAL_COMMA, word) for word in words]
    whole = all(m or re.fullmatch(r"[+-]?\d+", w) for m, w in zip(found, words, strict=True))
    pairs = [match for match in found if match]
    if not pairs or not whole:
        return text, ()
    if len(words) > 1 and _is_certain(text, words, pairs):
        pointed = re.sub(r"(?<=\d),(?=\d)|(?<![\d]),(?=\d)", ".", text)
        return pointed, ("commas are taken as decimal ones",)
    tight = re.search(r"[^\s;],[^\s;]", text) is not None
    if tight and (not re.search(r"[;\n]", text) or _all_begin_with_0(pairs)):
        return text, ("commas part weights here; write decimals with a point, as in 0.25",)
    return text, ()


def _is_certain(text: str, words: list[str], pairs: list[re.Match[str]]) -> bool:
    """Whether commas within words can only be decimal ones."""
    if any(re.fullmatch(_SURELY, match[0]) for match in pairs):
        return True
    uneven = any(
        0 < sum("," in word for word in row.split()) < len(row.split())
        for row in re.split(r"[;\n]", re.sub(r",\s", " ", text))
    )
    blanks = bool(re.search(r"\d,?[^\S\n]+[+-]?\d", text))
    return uneven or (blanks and len(pairs) == len(words) and _all_begin_with_0(pairs))


def _all_begin_with_0(pairs: list[re.Match[str]]) -> bool:
    return all(match["whole"] in ("0", "") for match in pairs)


def _rows_of_commas(text: str) -> Cells | None:
    """Return rows that blanks part, as in `0,-1,0 -1,5,-1 0,-1,0`; None if these are none."""
    words = text.split()
    count = words[0].count(",") if words else 0
    if len(words) < 2 or count < 2 or any(sign in text for sign in "[];"):
        return None
    if any(word.count(",") != count or word[-1] == "," for word in words):
        return None
    return [[parse_number(cell) for cell in word.split(",")] for word in words]


def _from_magick(text: str) -> TypedMatrix:
    """Read ImageMagick's form; see "Morphology Kernels, User Defined" in its manual."""
    parts = [part for part in text.split(";") if part.strip()]
    if len(parts) > 1:
        raise KernelError(
            f"{quoted(text)} holds {len(parts)} kernels; expected one: give others as further "
            f"kernels of a chain, or as a bank"
        )
    match = re.match(_SIZE, parts[0].strip())
    assert match is not None
    cols, rows = int(match["cols"]), int(match["rows"] or match["cols"])
    if match["flags"]:
        raise KernelError(
            f"{quoted(match[0])} stands for turned kernels; expected WxH: and the weights of one"
        )
    if not 0 < min(rows, cols) <= max(rows, cols) <= MAX_TAPS:
        raise KernelError(f"{quoted(match[0])}: expected from 1 to {MAX_TAPS} weights a side")
    words = [word for word in re.split(r"[\s,]+", parts[0].strip()[match.end() :]) if word]
    if len(words) != rows * cols:
        raise KernelError(
            f"{quoted(match[0])} has {len(words)} weights; expected {rows * cols}, "
            f"{rows} rows of {cols}"
        )
    flat = [_NONE if re.fullmatch(_ABSENT, word) else parse_number(word) for word in words]
    cells = [flat[at : at + cols] for at in range(0, len(flat), cols)]
    # ImageMagick's own middle of an even size is the first of the two.
    at_x = (cols - 1) // 2 if match["x"] is None else int(match["x"])
    at_y = (rows - 1) // 2 if match["y"] is None else int(match["y"])
    if not (0 <= at_x < cols and 0 <= at_y < rows):
        _refuse_origin(match[0], rows, cols)
    absent = sum(1 for word in words if re.fullmatch(_ABSENT, word))
    notes = (f"{absent} weights that are not there count as 0",) if absent else ()
    return TypedMatrix(_around(cells, at_y, at_x), notes=notes)


def _refuse_origin(said: str, rows: int, cols: int) -> NoReturn:
    raise KernelError(
        f"{quoted(said)}: the origin lies outside; expected +X+Y from +0+0 to "
        f"+{cols - 1}+{rows - 1}"
    )


def _around(cells: Cells, row: int, col: int) -> Cells:
    """Return weights with zeros beside them, so that a tap is the middle one."""
    rows, cols = len(cells), len(cells[0])
    if (row, col) == (rows // 2, cols // 2):
        return cells
    down, across = max(row, rows - 1 - row), max(col, cols - 1 - col)
    blank = [_NONE] * (2 * across + 1)
    left, right = [_NONE] * (across - col), [_NONE] * (across - (cols - 1 - col))
    middle = [[*left, *line, *right] for line in cells]
    return [*[blank] * (down - row), *middle, *[blank] * (down - (rows - 1 - row))]


def _from_ffmpeg(text: str) -> TypedMatrix:
    """Read ffmpeg's `convolution`: a matrix a plane, then a factor each, then a bias each."""
    parts = [part.strip() for part in text.split(":")]
    counts = [len(part.split()) for part in parts]
    planes = next((at for at, count in enumerate(counts) if count < 2), len(parts))
    if not 0 < planes <= _PLANES or any(counts[at] > 1 for at in range(planes, len(parts))):
        raise KernelError(
            f"{quoted(text)} is no matrix; expected rows parted by ;, ImageMagick's 3x3: …, or "
            f"ffmpeg's matrices parted by :"
        )
    after = parts[planes:]
    if planes < _PLANES and after:
        raise KernelError(f"{quoted(text)}: ffmpeg's factors come after four matrices")
    matrices, factors, biases = parts[:planes], after[:_PLANES], after[_PLANES : 2 * _PLANES]
    shown = [[*map(parse_number, values)] for values in (factors, biases)]
    lists = [[*map(parse_number, matrix.split())] for matrix in matrices]
    # The fourth plane is alpha.
    alike = (lists[:3], shown[0][:3], shown[1][:3])
    if len(after) > 2 * _PLANES or any(len(set(map(str, each))) > 1 for each in alike):
        raise KernelError(
            f"{quoted(text)}: planes differ; expected one matrix, factor and bias: give each "
            f"plane's own with `channels`"
        )
    flat = lists[0]
    side = isqrt(len(flat))
    if side * side != len(flat) or side not in (3, 5, 7):
        raise KernelError(f"{quoted(text)}: a matrix of ffmpeg has 9, 25 or 49 weights")
    given = shown[0][0] if shown[0] else _NONE
    total = sum(flat, _NONE)
    divisor = 1 / given if given else total or _ONE
    notes = (f"taken as ffmpeg does: {side}×{side}, divided by {float(divisor):g}",)
    cells = [flat[at : at + side] for at in range(0, len(flat), side)]
    return TypedMatrix(cells, divisor, offset=shown[1][0] if shown[1] else _NONE, notes=notes)
