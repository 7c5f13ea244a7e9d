"""The shape formula, written out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from convcli.geometry import Axis
from convcli.report.lines import columns, wrapped

if TYPE_CHECKING:
    from convcli.teach.layer import ConvLayer, Shape

#: Strides that are proposed where more would fit.
_FEW = 4
_FORMULA = "⌊(N − F + 2P)/S⌋ + 1"
_DILATED = "⌊(N − (D·(F − 1) + 1) + 2P)/S⌋ + 1"


def text(shape: Shape) -> str:
    """Lines for people, 60 columns at the most unless a number is very long."""
    names = ("height", "width") if len(shape.axes) == 2 else ("",)
    dilated = any(axis.dilation > 1 for axis in shape.axes)
    lines = [_DILATED if dilated else _FORMULA]
    for name, axis in zip(names, shape.axes, strict=True):
        lines.append(f"{name:8}{axis.formula}" if name else f"  = {axis.formula}")
    for name, axis in zip(names, shape.axes, strict=True):
        head = f"{name:8}" if name else "  "
        lines += [wrapped(head, line, columns(sys.stdout)) for line in leftover(axis, name)]
    lines += dict.fromkeys(_same(axis) for axis in shape.axes)
    if shape.layer is not None:
        lines += ["", *_volume(shape.layer)]
    return "\n".join(lines)


def leftover(axis: Axis, name: str = "") -> list[str]:
    """Say what is never visited along an axis, and what would fit; no lines if all is well."""
    thing = {"planes": "plane", "height": "row", "width": "column"}.get(name, "sample")
    lines = []
    if axis.leftover:
        rest = axis.padded - axis.span
        lines.append(f"{rest}/{axis.stride} is not whole: {axis.leftover} left over")
        if axis.unvisited:
            lines.append(f"never visited: {_places(axis, thing)}")
        else:
            lines.append(f"only padding is left out: every {thing} is visited")
        lines.append(f"what would fit: {_fits(axis)}")
    if axis.skipped:
        lines.append(
            f"stride {axis.stride} is wider than the kernel's {axis.span}: "
            f"{axis.skipped} of every {axis.stride} {thing}s are skipped"
        )
    return lines


def _same(axis: Axis) -> str:
    """Say which padding keeps the size: the same on either side, if it is even."""
    dilated = f", D = {axis.dilation}" if axis.dilation > 1 else ""
    before, after = same_padding(axis)
    said = str(before) if before == after else f"{before} before, {after} after"
    return f"`same` padding for F = {axis.taps}{dilated}: {said}"


def same_padding(axis: Axis) -> tuple[int, int]:
    """Return how many samples before and after an axis keep its size, for stride 1."""
    before = axis.dilation * (axis.taps // 2)
    return before, axis.span - 1 - before


def data(shape: Shape) -> dict[str, Any]:
    """Everything as JSON-ready values."""
    result: dict[str, Any] = {"axes": [axis_data(axis) for axis in shape.axes]}
    result["output"] = [axis.out for axis in shape.axes]
    if shape.layer is not None:
        layer = shape.layer
        result["layer"] = {
            "input": list(layer.input),
            "output": list(layer.output),
            "filters": layer.filters,
            "filter_weights": layer.filter_weights,
            "parameters": layer.parameters,
            "multiply_adds": layer.multiplications,
            "dense_parameters": layer.dense_parameters,
        }
    return result


def axis_data(axis: Axis) -> dict[str, Any]:
    """One axis as JSON-ready values."""
    return {
        "n": axis.size,
        "f": axis.taps,
        "s": axis.stride,
        "d": axis.dilation,
        "padding": [axis.before, axis.after],
        "span": axis.span,
        "out": axis.out,
        "formula": axis.formula,
        "leftover": axis.leftover,
        "never_visited": axis.unvisited,
        "skipped_between": axis.skipped,
        "strides_that_fit": list(axis.fitting_strides()),
        "padding_that_fits": axis.fitting_padding(),
        "same_padding": list(same_padding(axis)),
    }


def _places(axis: Axis, thing: str) -> str:
    first, last = axis.size - axis.unvisited + 1, axis.size
    if first == last:
        return f"the last {thing} ({last} of {axis.size})"
    return f"the last {axis.unvisited} {thing}s ({first} to {last} of {axis.size})"


def _fits(axis: Axis) -> str:
    nearest = sorted(axis.fitting_strides(), key=lambda s: abs(s - axis.stride))[:_FEW]
    choices = [f"stride {' or '.join(map(str, sorted(nearest)))}"]
    padding = axis.fitting_padding()
    if padding is not None:
        choices.append(f"padding {padding}")
    return ", or ".join(choices)


def _volume(layer: ConvLayer) -> list[str]:
    rows, cols, channels = layer.input
    f_rows, f_cols = layer.geometry.rows.taps, layer.geometry.cols.taps
    ratio = layer.dense_parameters / layer.parameters
    return [
        f"{rows}×{cols}×{channels} → {'×'.join(map(str, layer.output))}",
        f"filter      {f_rows}·{f_cols}·{channels} = {layer.filter_weights:,} weights + 1 bias",
        f"parameters  ({layer.filter_weights:,} + 1)·{layer.filters} = {layer.parameters:,}",
        f"multiply-adds            {layer.multiplications:,}",
        f"fully connected instead  {layer.dense_parameters:,} parameters,",
        f"                         {ratio:,.0f} times as many",
    ]
