"""A kernel at one place of its way over an image, drawn in characters; and its whole way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING

from rich.text import Text

from convcli.errors import ImageError, UsageError
from convcli.geometry import Axis
from convcli.report.explain import part_labels, sum_line
from convcli.report.explain_blocks import (
    DIM,
    LABEL,
    OUTSIDE,
    WIDEST,
    aligned,
    equals,
    sign_style,
)
from convcli.report.explain_steps import step_lines
from convcli.report.lines import named, wrapped
from convcli.report.numbers import number
from convcli.report.option_names import as_options

if TYPE_CHECKING:
    from convcli.teach.explain import Part, Place, Study

#: Outputs, samples a side (padding included) and weights a side that every step is printed of.
MOST_STEPS, MOST_SIDE, MOST_TAPS = 64, 16, 7
#: Rows and columns of a larger image that are drawn around the kernel: the most that fit.
_VIEWS = ((MOST_SIDE, MOST_SIDE), (11, 13), (9, 9), (7, 7), (5, 5), (3, 5))
#: Weights that are written out, each times its sample.
_FEW = 12
#: Parts of a compound whose products are written out.
_FEW_PARTS = 2
_HERE = "bold"


def check_small(study: Study) -> None:
    """Refuse to print every step of more than anybody would read.

    Raises
    ------
    UsageError
        If it is too much.
    """
    rows, cols = study.out
    side = max(study.geometry.rows.padded, study.geometry.cols.padded)
    taps = max(study.kernel.shape)
    if rows * cols > MOST_STEPS or side > MOST_SIDE or taps > MOST_TAPS:
        raise UsageError(
            f"--steps prints up to {MOST_STEPS} outputs of up to {MOST_SIDE}×{MOST_SIDE} samples, "
            f"padding included, under a kernel up to {MOST_TAPS}×{MOST_TAPS}; this gives "
            f"{rows * cols:,}: use --at ROW,COL, or --play"
        )


def every_step(study: Study, name: str, width: int) -> list[Text]:
    """Every output, one after the other."""
    rows, cols = study.out
    lines: list[Text] = []
    for number_ in range(rows * cols):
        lines += [*frame(study, name, number_, width), Text()]
    return lines


def frame(study: Study, name: str, step: int, width: int, height: int | None = None) -> list[Text]:
    """The image with the kernel on it, the result so far, and the sum at this place.

    Parameters
    ----------
    study
        Of the image.
    name
        What the image is called.
    step
        Which output, in reading order, from 0.
    width, height
        Of the terminal; None for any height.
    """
    width = min(width, WIDEST)
    rows, cols = study.out
    letter = f", channel {study.channels[0]}" if len(study.channels) > 1 else ""
    head = f"{named(study.kernel.name)} on {name}{letter}: step {step + 1:,} of {rows * cols:,}"
    lines = [Text(line, style=_HERE) for line in wrapped("", head, width).split("\n")]
    try:
        place = study.at(*divmod(step, cols))
    except ImageError as error:
        refusal = wrapped("", as_options(str(error)), width)
        return [*lines, *map(Text, refusal.split("\n"))]
    said = [Text(), *_worked_out(study, place, width)]
    room = None if height is None else height - len(lines) - len(said) - 1
    return [*lines, Text(), *_drawn(study, place, width, room), *said]


def _drawn(study: Study, place: Place, width: int, room: int | None) -> list[Text]:
    """Image, kernel and result, as much of them as there is room for."""
    lines: list[Text] = []
    for view in _VIEWS:
        blocks = [_image(study, place, view)]
        if len(place.parts) == 1 and max(study.kernel.shape) <= MOST_TAPS:
            blocks.append(_kernel(place.parts[0], turned=study.spec.convolve))
        blocks.append(_result(study, place, view))
        lines = [*_flow(blocks, width)]
        if max(map(len, lines)) <= width and (room is None or len(lines) <= room):
            break
    return lines


def _view(around: Sequence[int], first: int, last: int, most: int) -> range:
    """As much of first…last as is drawn, with the places around in its middle."""
    if last - first + 1 <= most:
        return range(first, last + 1)
    start = (around[0] + around[-1] + 1) // 2 - most // 2
    start = max(first, min(start, last + 1 - most))
    return range(start, start + most)


def _image(study: Study, place: Place, sizes: tuple[int, int]) -> list[Text]:
    """The image and its padding, an edge between them, the samples below weights in brackets."""
    axes = study.geometry.rows, study.geometry.cols
    products = place.parts[0].products
    below = {product.at for row in products for product in row}
    ways = [row[0].at[0] for row in products], [product.at[1] for product in products[0]]
    views = [
        _view(way, -axis.before, axis.size + axis.after - 1, most)
        for way, axis, most in zip(ways, axes, sizes, strict=True)
    ]
    texts = _aligned([[_sample(study, r, c) for c in views[1]] for r in views[0]])
    cell = max(len(text) for row in texts for text in row)
    lines = [Text("image", style=LABEL)]
    for r, said in zip(views[0], texts, strict=True):
        if r in (0, axes[0].size) and r != views[0][0]:
            lines.append(_rule(views[1], axes[1], cell))
        line = Text()
        for c, text in zip(views[1], said, strict=True):
            if c in (0, axes[1].size) and c != views[1][0]:
                line.append("│", style=DIM)
            inside = 0 <= r < axes[0].size and 0 <= c < axes[1].size
            text = text.rjust(cell)
            style = "" if inside else OUTSIDE
            marked = (r, c) in below
            line.append(f"[{text}]" if marked else f" {text} ", f"{style} {_HERE * marked}".strip())
        lines.append(line)
    return lines


def _rule(view: range, axis: Axis, cell: int) -> Text:
    """The image's edge between two rows."""
    line = ""
    for c in view:
        if c in (0, axis.size) and c != view[0]:
            line += "┼"
        line += "─" * (cell + 2)
    return Text(line, style=DIM)


def _sample(study: Study, row: int, col: int) -> Fraction | None:
    try:
        return study.sample(row, col)[1]
    except ImageError:
        return None


def _aligned(values: Sequence[Sequence[Fraction | None]], unknown: str = "?") -> list[list[str]]:
    """Numbers with as many decimals each, and a sign for those that aren't known."""
    known = [value for row in values for value in row if value is not None]
    texts = iter(aligned([known])[0] if known else [])
    return [[unknown if value is None else next(texts) for value in row] for row in values]


def _kernel(part: Part, *, turned: bool) -> list[Text]:
    texts = aligned([[product.weight for product in row] for row in part.products])
    cell = max(len(text) for row in texts for text in row)
    lines = [Text("kernel, turned" if turned else "kernel", style=LABEL)]
    for row, said in zip(part.products, texts, strict=True):
        line = Text()
        for product, text in zip(row, said, strict=True):
            line.append(f" {text.rjust(cell)} ", style=sign_style(product.weight))
        lines.append(line)
    return lines


def _result(study: Study, place: Place, sizes: tuple[int, int]) -> list[Text]:
    """The result up to this place; dots stand for what is still to come."""
    rows, cols = study.out
    row, col = place.at
    view = _view([row], 0, rows - 1, sizes[0]), _view([col], 0, cols - 1, sizes[1])
    shown = [
        [_stored(study, (r, c, 0)) if (r, c) <= (row, col) else None for c in view[1]]
        for r in view[0]
    ]
    texts = _aligned(shown, "·")
    cell = max(len(text) for line in texts for text in line)
    lines = [Text("result", style=LABEL)]
    for r, said in zip(view[0], texts, strict=True):
        line = Text()
        for c, text in zip(view[1], said, strict=True):
            text = text.rjust(cell)
            here = (r, c) == (row, col)
            style = _HERE if here else DIM if (r, c) > (row, col) else ""
            line.append(f"[{text}]" if here else f" {text} ", style=style)
        lines.append(line)
    return lines


def _stored(study: Study, at: tuple[int, int, int]) -> Fraction | None:
    value = study.result[at].item()
    return Fraction(value) if isfinite(value) else None


def _flow(blocks: Sequence[list[Text]], width: int) -> Iterator[Text]:
    """Put blocks side by side as long as they fit, then below."""
    row: list[list[Text]] = []
    for block in blocks:
        total = sum(_width(one) + 3 for one in [*row, block]) - 3
        if row and total > width:
            yield from _beside(row)
            row = []
        row.append(block)
    yield from _beside(row)


def _width(block: Sequence[Text]) -> int:
    return max(len(line) for line in block)


def _beside(blocks: Sequence[list[Text]]) -> Iterator[Text]:
    for k in range(max(map(len, blocks))):
        line = Text()
        for number_, block in enumerate(blocks):
            cell = block[k] if k < len(block) else Text()
            line.append(" " * (3 if number_ else 0))
            line.append_text(cell)
            line.append(" " * (_width(block) - len(cell)))
        yield line


def _worked_out(study: Study, place: Place, width: int) -> Iterator[Text]:
    """The sums at this place, and what becomes of them."""
    few = place.parts if len(place.parts) <= _FEW_PARTS else ()
    for part, label in zip(few, part_labels(study, place), strict=False):
        head = f"{label.partition(',')[0]}: " if label else ""
        yield from _say(f"{head}{dot_product(part)}", width)
    for label, said in step_lines(study, place):
        yield from _say(f"{label}: {said}", width)
    row, col = place.at
    yield from _say(f"row {row}, column {col} of the result: {number(place.value)}", width)


def _say(said: str, width: int) -> Iterator[Text]:
    yield from (Text(line) for line in wrapped("", said, width).split("\n"))


def dot_product(part: Part) -> str:
    """Every weight that isn't 0 times its sample, added up; only the products if there are many.

    Examples
    --------
    >>> from convcli.teach.explain import Part, Product
    >>> products = [Product(w, (0, 0), (0, 0), s) for w, s in ((1, 3), (-2, 4), (0, 9))]
    >>> dot_product(Part("own", (tuple(products),), 1))
    '1·3 − 2·4 = -5'
    """
    products = [product for row in part.products for product in row if product.weight]
    if not 0 < len(products) <= _FEW:
        return sum_line(part)
    said = ""
    for product in products:
        size, sample = number(abs(product.weight), 4), number(product.sample, 4)
        sample = f"({sample})" if sample.startswith("-") else sample
        sign = "-" if product.weight < 0 else ""
        if said:
            sign = " − " if product.weight < 0 else " + "
        said += f"{sign}{size}·{sample}"
    return f"{said} {equals(part.total)}"
