"""A network as a table, or as two where one would be too wide."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import groupby, zip_longest

import click

from convcli.record import record
from convcli.report.lines import columns, named
from convcli.report.numbers import fraction, short
from convcli.teach.network.banks import Transposed
from convcli.teach.network.fields import Field
from convcli.teach.network.stack import LayerStep, Trace
from convcli.teach.network.volume import ReceptiveField

_LEAST = 12
#: Columns of texts; numbers stand to the right.
_TEXTS = ("layer", "formula")
_COST = ("#", "layer", "output", "parameters", "multiply-adds", "memory")
_VIEW = ("#", "formula", "field", "jump", "start")
#: The same where columns are few.
_COST_NARROW = ("#", "layer", "output", "parameters", "mult-adds")
_VIEW_NARROW = ("#", "formula", "memory", "field", "jump", "start")


@record
class Row:
    """What a table says of a layer, by the names of its columns; a formula may take two lines."""

    cells: dict[str, str]

    def lines(self, name: str) -> list[str]:
        """Return the lines of a cell."""
        return self.cells.get(name, "").split("\n")


def layers(trace: Trace) -> dict[int, tuple[LayerStep, ...]]:
    """Return the layers by number, each with those that are done in place after it."""
    return {
        number: tuple(steps) for number, steps in groupby(trace.steps, lambda step: step.number)
    }


def rows(trace: Trace) -> list[Row]:
    """Return a row for the input, one for every layer, and one for the sum."""
    start = {"layer": "input", "output": str(trace.input), "memory": memory(trace.input.bytes)}
    found = [Row(start | _view(trace.steps[0].before))]
    before: tuple[str, ...] = ()
    for number, steps in layers(trace).items():
        found.append(
            Row({"#": str(number), "layer": _tree(steps[0], before) + name(steps)} | _cells(steps))
        )
        before = steps[0].path
    return [
        *found,
        Row(
            {
                "layer": "sum",
                **_costs(trace.cost.parameters, trace.cost.multiply_adds),
                "memory": memory(trace.bytes),
            }
        ),
    ]


def _cells(steps: Sequence[LayerStep]) -> dict[str, str]:
    head = steps[0]
    parameters = sum(step.cost.parameters for step in steps)
    used = sum(step.bytes for step in steps)
    return {
        "output": str(steps[-1].output),
        "memory": memory(used) if used else "",
        "formula": "\n".join(dict.fromkeys(formulas(head))),
        **_costs(parameters, sum(step.cost.multiply_adds for step in steps)),
        **_view(head.fields),
    }


def _costs(parameters: int, multiply_adds: int) -> dict[str, str]:
    return {
        "parameters": f"{parameters:,}" if parameters else "",
        "multiply-adds": f"{multiply_adds:,}" if multiply_adds else "",
        "mult-adds": short(multiply_adds) if multiply_adds else "",
    }


def _view(fields: ReceptiveField) -> dict[str, str]:
    return {
        "field": each([str(field.size) for field in fields.axes]),
        "jump": each([jump(field) for field in fields.axes]),
        "start": each([start(field) for field in fields.axes]),
    }


def jump(field: Field) -> str:
    """Return how far it is to the next output; a dash if there is none."""
    return fraction(field.jump) if field.step else "–"


def start(field: Field) -> str:
    """Return the middle of what output 0 sees; a dash if it sees nothing."""
    return "–" if field.start is None else fraction(field.start)


def memory(count: int) -> str:
    """Return bytes as `12.8 MB`."""
    said = short(count)
    return f"{said}B" if " " in said else f"{said} B"


def name(steps: Sequence[LayerStep]) -> str:
    """Return a layer and those done in place after it, as they are written."""
    label = f"{named(steps[0].label)}: " if steps[0].label else ""
    return label + "; ".join(step.layer.text for step in steps)


def formulas(step: LayerStep) -> tuple[str, ...]:
    """Return the formula of the output's size along every axis; none if the layer has none."""
    if isinstance(step.layer, Transposed):
        return step.layer.formulas(step.input)
    return tuple(axis.formula for axis in step.axes)


def each(texts: list[str]) -> str:
    """Return what is said of every axis, once if it is the same."""
    return texts[0] if len({*texts}) == 1 else "×".join(texts)


def _tree(step: LayerStep, before: tuple[str, ...]) -> str:
    """Return what stands before a layer in a block: ┌ the first, ├ the shortcut, └ the sum."""
    marks = []
    for depth, part in enumerate(step.path):
        same = before[: depth + 1] == step.path[: depth + 1] and before[depth] != "add"
        if part == "add":
            marks.append("└")
        elif same:
            marks.append("│")
        else:
            marks.append("┌" if part == "main" else "├")
    return "".join(f"{mark} " for mark in marks)


def table(trace: Trace) -> list[str]:
    """Return the lines of the table, as wide as the terminal allows."""
    found = rows(trace)
    width = columns(sys.stdout)
    whole = (*_COST, *_VIEW[1:])
    if width is None or _width(found, whole) <= width:
        return _lines(found, whole, None)
    wide = _width(found, _COST) <= width and _width(found, _VIEW) <= width
    upper, lower = (_COST, _VIEW) if wide else (_COST_NARROW, _VIEW_NARROW)
    inner = [row for row in found if "field" in row.cells]
    inner[0] = Row(inner[0].cells | {"formula": "input"})
    return [*_lines(found, upper, width), "", *_lines(inner, lower, width)]


def _width(found: Sequence[Row], names: Sequence[str], gap: int = 2) -> int:
    return sum(_widths(found, names)) + gap * (len(names) - 1)


def _widths(found: Sequence[Row], names: Sequence[str]) -> list[int]:
    return [
        max([len(column), *(len(line) for row in found for line in row.lines(column))])
        for column in names
    ]


def _lines(found: Sequence[Row], names: Sequence[str], width: int | None) -> list[str]:
    """Return a heading and the rows; where they are too wide, the first text is cut."""
    gap = 2 if width is None or _width(found, names) <= width else 1
    widths = _widths(found, names)
    over = 0 if width is None else _width(found, names, gap) - width
    if over > 0:
        widths[1] = max(_LEAST, widths[1] - over)
    lines = [styled(_line(names, names, widths, gap), bold=True)]
    for row in found:
        for cells in zip_longest(*(row.lines(column) for column in names), fillvalue=""):
            lines.append(_line(cells, names, widths, gap))
    return lines


def _line(cells: Sequence[str], names: Sequence[str], widths: Sequence[int], gap: int) -> str:
    parts = []
    for cell, column, width in zip(cells, names, widths, strict=True):
        cut = cell if len(cell) <= width else cell[: width - 1] + "…"
        parts.append(cut.ljust(width) if column in _TEXTS else cut.rjust(width))
    return (" " * gap).join(parts).rstrip()


def styled(text: str, **style: object) -> str:
    """Return a text as it is shown; Click takes colours out of what goes to no terminal."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain else click.style(text, **style)  # type: ignore[arg-type]
