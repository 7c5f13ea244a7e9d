"""One layer of a network, worked out step by step."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from convcli.geometry import Axis
from convcli.report.lines import columns, wrapped
from convcli.report.network import SIDES, axis_lines
from convcli.report.network_table import formulas, jump, memory, name, start, styled
from convcli.teach.network.banks import Conv, Depthwise, Transposed
from convcli.teach.network.fields import Field
from convcli.teach.network.layers import Dense, Global, Plain, Pool
from convcli.teach.network.notes import dense_parameters
from convcli.teach.network.stack import LayerStep
from convcli.teach.network.volume import BYTES

_WIDTH = 96
_HEAD = 15
#: What is counted along the axes.
_ALONG = ("planes", "rows", "cols")

Line: TypeAlias = tuple[str, str]


def card(steps: Sequence[LayerStep]) -> str:
    """Return a layer, and those that are done in place after it."""
    head = steps[0]
    lines = [styled(f"layer {head.number}  {name(steps)}", bold=True)]
    lines += [_line(*line) for line in (*_shape(head), *_costs(head), *_receptive_field(head))]
    for step in steps[1:]:
        lines += [_line(*line) for line in _after(step)]
    return "\n".join([*lines, *(_line(*line) for line in _instead(head))])


def _line(label: str, said: str) -> str:
    width = min(columns(sys.stdout) or _WIDTH, _WIDTH)
    # A blank that no line ends at, within a formula.
    return wrapped(label.ljust(_HEAD), said, width).replace("\xa0", " ")


def _shape(step: LayerStep) -> Iterator[Line]:
    yield "shape", f"{step.input} → {step.output}"
    found = formulas(step)
    if not found:
        yield from _plain_shape(step)
        return
    yield "formula", _symbols(step)
    sides = SIDES[len(found)]
    if len({*found}) == 1 and len(sides) < 3:
        yield ", ".join(sides), found[0]
    elif len({*found}) == 1:
        yield "every axis", found[0]
    else:
        yield from zip(sides, found, strict=True)
    yield from (("", line) for line in axis_lines(step.axes))


def _plain_shape(step: LayerStep) -> Iterator[Line]:
    """Say what comes out of a layer that slides no window."""
    layer = step.layer
    if isinstance(layer, Dense):
        yield "", "one value a unit: each sees every value of the input"
    elif isinstance(layer, Global):
        mean = "mean" if layer.how == "avg" else "greatest"
        yield "", f"the {mean} of each channel's {_product(step.input.grid)} values"
    else:
        yield "", "the same values" if layer.text == "flatten" else "the same shape"


def _symbols(step: LayerStep) -> str:
    """Return the formula of the output's size in letters."""
    layer = step.layer
    assert isinstance(layer, Conv | Depthwise | Transposed | Pool)
    dilated = any(dilation > 1 for dilation in layer.window.dilation)
    span = "(D·(F − 1) + 1)" if dilated else "F"
    sides = () if isinstance(layer.window.padding, str) else layer.window.padding
    around = "2P" if all(before == after for before, after in sides) else "(P₁ + P₂)"
    if isinstance(layer, Transposed):
        return f"(N − 1)·S − {around} + {span.strip('()') if dilated else span}" + (
            " + O" if any(layer.put_back(step.input)) else ""
        )
    words = f"⌊(N − {span} + {around})/S⌋ + 1"
    if isinstance(layer, Pool) and layer.ceil:
        words += "; ceil pads the end until a last window fits"
    return words


def _costs(step: LayerStep) -> Iterator[Line]:
    cost, output = step.cost, step.output
    if cost.weights:
        yield "weights", f"{_weights(step)} = {cost.weights:,}"
    if cost.biases:
        each = "shift a channel" if isinstance(step.layer, Plain) else "bias a filter"
        each = "bias a unit" if isinstance(step.layer, Dense) else each
        yield "biases", f"{cost.biases:,}: one {each}"
    if cost.parameters:
        biases = f" + {cost.biases:,} = {cost.parameters:,}" if cost.biases else ", without biases"
        yield "parameters", f"{cost.weights:,}{biases}"
    if cost.multiply_adds:
        yield "multiply-adds", _multiply_adds(step)
    shape = "·".join(map(str, output.shape))
    if step.bytes:
        yield "memory", f"{shape}·{BYTES} bytes = {output.bytes:,} bytes ({memory(output.bytes)})"


def _weights(step: LayerStep) -> str:
    """Return the product that counts the weights."""
    layer, channels = step.layer, step.input.channels
    if isinstance(layer, Dense):
        return f"{'·'.join(map(str, step.input.shape))}·{layer.units}"
    if isinstance(layer, Plain):
        return "one scale a channel"
    if isinstance(layer, Depthwise):
        return f"{_product(layer.window.size)}·1·{step.output.channels}"
    assert isinstance(layer, Conv | Transposed)
    seen = f"{channels}" if layer.groups == 1 else f"({channels}/{layer.groups})"
    return f"{_product(layer.window.size)}·{seen}·{layer.filters}"


def _product(sizes: Sequence[int]) -> str:
    return "·".join(map(str, sizes))


def _multiply_adds(step: LayerStep) -> str:
    """Return what counts the multiply-adds: every weight is used at every place."""
    if isinstance(step.layer, Dense):
        return f"{step.cost.multiply_adds:,}: every weight is used once"
    grid = step.input if isinstance(step.layer, Transposed) else step.output
    where = "inputs" if isinstance(step.layer, Transposed) else "outputs"
    product = f"{step.cost.weights:,} weights · {_product(grid.grid)} {where}"
    return f"{product} = {step.cost.multiply_adds:,}"


def _receptive_field(step: LayerStep) -> Iterator[Line]:
    """Say what an output sees, and how that follows from what the layer's inputs see."""
    count = len(step.fields.axes)
    every = [list(_along(step, k)) for k in range(count)]
    if all(lines == every[0] for lines in every):
        yield from every[0]
        return
    for side, lines in zip(_ALONG[-count:], every, strict=True):
        yield from ((f"{label} {side}", said) for label, said in lines)


def _along(step: LayerStep, k: int) -> Iterator[Line]:
    """Say it of one axis."""
    field, before = step.fields.axes[k], step.before.axes[k]
    axis = step.axes[k] if step.axes else None
    yield "field", _field(field, before, axis)
    if field.step:
        moved = f"{jump(before)}·{axis.stride} = " if axis is not None else ""
        yield "jump", f"{moved}{jump(field)}: from one output to the next, in samples of the input"
    yield "start", _start(field, before, axis)


def _field(field: Field, before: Field, axis: Axis | None) -> str:
    sizes = {last - first + 1 for first, last in filter(None, field.spans)}
    if len(sizes) > 1:
        return f"{min(sizes)} to {max(sizes)} of the input's samples, as outputs differ"
    said = f"{field.size} of the input's samples"
    if axis is None or len(before.spans) > 1:
        return said
    return f"{before.size} + ({axis.span} − 1)·{jump(before)} = {said}"


def _start(field: Field, before: Field, axis: Axis | None) -> str:
    seen = field.at(0)
    where = f"; output 0 sees samples {seen[0]} to {seen[1]}".replace("-", "−") if seen else ""
    if axis is None or len(before.spans) > 1 or not before.step:
        return f"{start(field)}{where}"
    half = f"({axis.span} − 1)/2"
    return f"{start(before)} + ({half} − {axis.before})·{jump(before)} = {start(field)}{where}"


def _after(step: LayerStep) -> Iterator[Line]:
    """Say what a layer that is done in place adds."""
    cost = step.cost
    if cost.parameters:
        words = f"{cost.weights:,} scales + {cost.biases:,} shifts = {cost.parameters:,} parameters"
        yield step.layer.text, words
    else:
        yield step.layer.text, "value by value: the same shape, no parameters"


def _instead(step: LayerStep) -> Iterator[Line]:
    """Say which fully connected layer does a convolution's work, or the other way round."""
    dense = dense_parameters(step)
    volume, output = step.input, step.output
    if dense is not None:
        each = f"({volume.values:,}\xa0+\xa01)" if step.cost.biases else f"{volume.values:,}"
        times = dense / step.cost.parameters
        yield (
            "instead",
            f"a fully connected layer from {volume.values:,} to {output.values:,} values takes "
            f"{each}·{output.values:,} = {dense:,} parameters, {times:,.0f} "
            f"times as many",
        )
    elif isinstance(step.layer, Dense) and max(volume.grid) > 1:
        each = "×".join(map(str, (*volume.grid, volume.channels)))
        yield (
            "instead",
            f"{step.layer.units} filters of {each} without padding are the same layer",
        )
