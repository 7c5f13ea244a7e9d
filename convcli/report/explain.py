"""One place of an image under a kernel, explained: for people."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING

from rich.text import Text

from convcli.borders import Border, by_axis
from convcli.geometry import Axis
from convcli.report import explain_kernel as more
from convcli.report.explain_blocks import (
    MOST,
    Lines,
    Panel,
    equals,
    middle,
    number_cells,
    sample_cells,
)
from convcli.report.explain_steps import mapping_line, step_lines
from convcli.report.lines import named
from convcli.report.numbers import number
from convcli.report.shape import leftover

if TYPE_CHECKING:
    from convcli.teach.explain import Part, Place, Product, Study

#: Products that are written out as a sum.
_FEW = 12
#: Places along an axis that are listed.
_LISTED = 7

_OUTSIDE = {
    Border.REPLICATE: "outside the image its nearest edge sample is repeated",
    Border.ZERO: "outside the image all is 0",
    Border.REFLECT: "outside, the image is mirrored at its edge samples",
    Border.SYMMETRIC: "outside, the image is mirrored, edge samples included",
    Border.WRAP: "outside, the image begins again from its other side",
}


_FORMULA = (
    "output(r, c) = Σ kernel(i, j) · image(r·S − P + i·D, c·S − P + j·D), "
    "with stride S, padding P, dilation D"
)


def heading(study: Study, place: Place, name: str) -> str:
    """Say which kernel is where on which image."""
    row, col = place.at
    return f"{named(study.kernel.name)} on {name}: row {row}, column {col} of the result"


def show_place(lines: Lines, study: Study, place: Place, name: str) -> None:
    """Say where a place is, and work it out."""
    rows, cols = study.out
    lines.title(heading(study, place, name))
    for label, axis in (("height", study.geometry.rows), ("width", study.geometry.cols)):
        lines.say(label, axis.formula)
        for said in leftover(axis, label):
            lines.say("", said)
    lines.say("result", f"{rows}×{cols}: rows 0 to {rows - 1}, columns 0 to {cols - 1}")
    lines.say("formula", _FORMULA)
    for label, axis, at in (
        ("rows", study.geometry.rows, place.at[0]),
        ("columns", study.geometry.cols, place.at[1]),
    ):
        lines.say(label, _lies_on(axis, at, label))
    _show_outside(lines, study, place)
    if len(study.channels) > 1:
        lines.say("channel", f"{place.channel}, of {', '.join(study.channels)}")
    for part, label in zip(place.parts, part_labels(study, place), strict=True):
        show_part(lines, study, part, label)
    lines.say("mapping", mapping_line(study))
    for label, said in step_lines(study, place):
        lines.say(label, said)
    lines.say("sample", _sample(study, place))


def part_labels(study: Study, place: Place) -> list[str]:
    """What each part is; '' if there is only one."""
    if len(place.parts) == 1:
        return [""]
    if study.work.weighs:
        return ["colour · alpha, so that what can't be seen doesn't count", "alpha alone"]
    return [named(part.name) for part in place.parts]


def _sample(study: Study, place: Place) -> str:
    if not isfinite(place.stored):
        return f"{place.stored}, as the engine stored it: too large for its floats"
    value, stored = number(place.value), number(place.stored)
    if value == stored:
        return f"{value}; the engine stored the same"
    return f"{stored}, as the engine stored it: its sum of floats was rounded on the way"


def _lies_on(axis: Axis, at: int, label: str) -> str:
    """The formula for the first weight's place, and the places of all."""
    first = at * axis.stride - axis.before
    places = range(first, first + axis.span, axis.dilation)
    if len(places) > _LISTED:
        listed = f"{places[0]} to {places[-1]}"
    else:
        listed = ", ".join(map(str, places))
    word = label if len(places) > 1 else label[:-1]
    formula = f"{at}·{axis.stride} − {axis.before} = {first}"
    if axis.dilation > 1:
        formula += f", then every {axis.dilation}"
    return f"{formula}: the kernel lies on {word} {listed}"


def _show_outside(lines: Lines, study: Study, place: Place) -> None:
    """Say what stands in the padding below the kernel, if any of it does."""
    products = [product for part in place.parts[:1] for row in part.products for product in row]
    outside = [product for product in products if product.outside]
    if not outside:
        return
    across, along = by_axis(study.spec.border)
    rule = _rule(across, study)
    if along is not across:
        rule = f"above and below: {rule}; to the left and right: {_rule(along, study)}"
    where = _shown_instead([product for product in outside if product.source is not None])
    lines.say("padding", f"{rule}{where}; such samples stand in ( )")


def _rule(border: Border, study: Study) -> str:
    """Say what lies outside under a border."""
    if border is Border.CONSTANT:
        return f"outside the image all is {number(study.fill)}"
    return _OUTSIDE.get(border, f"what lies outside is filled by {border}")


def _shown_instead(outside: Sequence[Product]) -> str:
    """Say which rows and columns stand for those outside."""
    said = []
    for k, word in enumerate(("row", "column")):
        pairs = {product.at[k]: product.source[k] for product in outside if product.source}
        moved = [f"{word} {at} is {word} {came}" for at, came in pairs.items() if at != came]
        said += moved if len(moved) <= 3 else [moved[0], f"… {moved[-1]}"]
    return f": {', '.join(said)}" if said else ""


def show_part(lines: Lines, study: Study, part: Part, label: str = "") -> None:
    """Show a patch, a kernel, their products and the sum."""
    if label:
        lines.lines.append(Text())
        lines.say("part", label)
    blocks = part_blocks(study, part, lines.width)
    lines.matrices(blocks, ("×", "="))
    rows, cols = len(part.products), len(part.products[0])
    if len(blocks[0].rows) < rows or len(blocks[0].rows[0]) < cols:
        lines.say("", f"this is the middle of {rows}×{cols}; the sum is of all")
    lines.say("sum", sum_line(part))


def part_blocks(study: Study, part: Part, width: int) -> tuple[Panel, Panel, Panel]:
    """The patch, the kernel and their products; as much of their middle as fits."""
    most = MOST
    while True:
        rows, cols = middle(len(part.products)), middle(len(part.products[0]), most)
        products = [[part.products[r][c] for c in cols] for r in rows]
        blocks = (
            Panel("patch", sample_cells(products)),
            Panel(
                "kernel, turned" if study.spec.convolve else "kernel",
                number_cells([[product.weight for product in row] for row in products]),
            ),
            Panel(
                "products", number_cells([[product.value for product in row] for row in products])
            ),
        )
        if len(cols) <= 1 or max(block.width for block in blocks) <= width:
            return blocks
        most = len(cols) - 1


def sum_line(part: Part) -> str:
    """The sum of the products, written out if there are few that aren't 0."""
    products = [product.value for row in part.products for product in row if product.value]
    total = equals(part.total)
    if not products:
        return "every product is 0, so the sum is 0"
    if len(products) <= _FEW:
        first, *rest = products
        terms = [f"{'−' if p < 0 else '+'} {number(abs(p), 4)}" for p in rest]
        return " ".join([number(first, 4), *terms, total])
    positive = sum((p for p in products if p > 0), Fraction(0))
    negative = sum((p for p in products if p < 0), Fraction(0))
    said = f"{len(products)} products that aren't 0"
    if positive and negative:
        return f"{said}: {number(positive)} − {number(-negative)} {total}"
    return f"{said} {total}"


def explanation(study: Study, place: Place, name: str, width: int) -> list[Text]:
    """Everything that there is to say of a place.

    Parameters
    ----------
    study, place
        What to explain.
    name
        What the image is called.
    width
        Of the terminal.
    """
    lines = Lines(width)
    show_place(lines, study, place, name)
    more.show_channels(lines, study, place)
    more.show_weights(lines, study)
    more.show_flip(lines, study, place)
    more.show_cost(lines, study)
    more.show_likeness(lines, study, place)
    return lines.lines
