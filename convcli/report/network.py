"""Networks for people: the table and what to know of it, two beside each other, the list."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from convcli.geometry import Axis
from convcli.report.lines import columns, printable, prose, wrapped
from convcli.report.network_table import (
    each,
    jump,
    layers,
    memory,
    name,
    styled,
    table,
)
from convcli.report.numbers import short
from convcli.report.shape import leftover
from convcli.teach.network.notes import Stack, dense_parameters, stacks
from convcli.teach.network.stack import Network, Trace
from convcli.teach.network.volume import BYTES, ReceptiveField

#: How wide text is where nothing says how wide it may be.
_WIDTH = 96
#: What the sides of a volume are called, by how many it has; a layer that slides none has none.
SIDES = {
    0: (), 1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width"),
}  # fmt: skip
#: Warnings that are written out; more are counted.
_MOST = 6


def text(trace: Trace, *, compare_fc: bool = False) -> str:
    """Return a network, layer by layer, and what to know of it."""
    lines = [*_title(trace.network), *table(trace), "", *_totals(trace), ""]
    lines += [*_warnings(trace), *_stacks(trace)]
    if compare_fc:
        lines += [*_dense(trace), ""]
    return "\n".join([*lines, *_legend(trace)])


def _title(network: Network) -> list[str]:
    if not network.title and not network.source:
        return []
    lines = [styled(prose(network.title) or printable(network.name), bold=True)]
    return [*lines, *([_wrapped("", prose(network.source))] if network.source else []), ""]


def _totals(trace: Trace) -> list[str]:
    cost = trace.cost
    held = memory(BYTES * cost.parameters)
    return [
        _wrapped("parameters     ", f"{cost.parameters:,}: {held} as float32"),
        _wrapped("multiply-adds  ", f"{cost.multiply_adds:,} for one image"),
        _wrapped(
            "memory         ", f"{memory(trace.bytes)} for the input and all that layers put out"
        ),
    ]


def _legend(trace: Trace) -> list[str]:
    said = {
        "field": "how many samples of the input an output sees, padding included",
        "jump": "how many samples of the input lie from one output to the next",
        "start": "the middle of what the first output sees; 0 is the first sample",
        "multiply-adds": "multiplications with weights, those of padding included; without "
        "biases, bn and pooling",
        "memory": "4 bytes for every value put out (float32); relu, bn and the like work in place",
    }
    lines = [_wrapped(f"{word:15}", words) for word, words in said.items()]
    typed = trace.network.name or "…"
    hint = f"convcli network {typed} --layer 1 works a layer out step by step."
    return [*lines, "", _wrapped("", hint)]


def _warnings(trace: Trace) -> list[str]:
    """Say where a division isn't whole, at length where rows or columns are lost."""
    lines: list[str] = []
    harmless = []
    lossy = []
    for at, steps in layers(trace).items():
        axes = steps[0].axes
        if any(axis.unvisited or axis.skipped for axis in axes):
            lossy.append((f"layer {at}, {steps[0].layer.text}", axes))
        elif any(axis.leftover for axis in axes):
            harmless.append(at)
    for head, axes in lossy[:_MOST]:
        lines.append(styled(head, fg="yellow"))
        lines += [*(_wrapped("  ", line) for line in axis_lines(axes)), ""]
    if len(lossy) > _MOST:
        lines += [f"{len(lossy) - _MOST} more layers leave rows or columns out", ""]
    if harmless:
        which = f"layer{'s' * (len(harmless) > 1)} {_listed(harmless)}"
        said = "the division isn't whole, but only padding is left out"
        lines += [_wrapped("", f"{which}: {said}"), ""]
    return lines


def axis_lines(axes: Sequence[Axis]) -> list[str]:
    """Return what is left over along every axis; no lines if all is well."""
    return [
        f"{side}: {'; '.join(said)}"
        for side, axis in zip(SIDES[len(axes)], axes, strict=False)
        if (said := leftover(axis, side))
    ]


def _stacks(trace: Trace) -> list[str]:
    lines = [_wrapped("", _stack(stack)) for stack in stacks(trace)]
    return [*lines, ""] if lines else []


def _stack(stack: Stack) -> str:
    """Say what a stack saves: two convolutions of 3×3 take 18C² weights, one of 5×5 25C²."""
    which = " and ".join(f"{found[0]}–{found[-1]}" for found in stack.numbers[:_MOST])
    times = {2: "two", 3: "three", 4: "four"}.get(stack.count, str(stack.count))
    taps, field = ("×".join([f"{n}"] * stack.dims) for n in (stack.taps, stack.field))
    of, square = "of " if stack.dims == 1 else "", stack.channels**2
    saved = 100 - 100 * stack.weights / stack.weights_of_one
    return (
        f"layers {which}: {times} {of}{taps} in a row see {field}, as one {of}{field} does, and "
        f"take {stack.weights // square}C² weights for its {stack.weights_of_one // square}C²: "
        f"with C = {stack.channels}, {stack.weights:,} for {stack.weights_of_one:,}, "
        f"{abs(saved):.0f} % {'fewer' if saved >= 0 else 'more'}"
    )


def _dense(trace: Trace) -> list[str]:
    """Return every convolution beside the fully connected layer that it replaces."""
    lines = [styled("fully connected instead of a convolution", bold=True)]
    lines.append(f"{'#':>4}{'parameters':>14}{'fully connected':>24}{'times':>14}")
    for at, steps in layers(trace).items():
        dense = dense_parameters(steps[0])
        if dense is not None:
            own = steps[0].cost.parameters
            lines.append(f"{at:4}{own:14,}{dense:24,}{dense / own:14,.0f}")
    return lines


def versus(one: Trace, other: Trace) -> str:
    """Return two networks beside each other, and how many times as much the other takes."""
    rows = [("", "this", "other", "times"), *_facts(one, other)]
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    lines = []
    for row in rows:
        cells = [row[k].rjust(widths[k]) for k in (1, 2, 3)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    said = [_wrapped("this   ", spoken(one)), _wrapped("other  ", spoken(other))]
    return "\n".join([*said, "", styled(lines[0], bold=True), *lines[1:]])


def spoken(trace: Trace) -> str:
    """Return a network's name, or its layers."""
    if trace.network.name:
        return prose(trace.network.title) or printable(trace.network.name)
    return "; ".join(name(steps) for steps in layers(trace).values())


def _facts(one: Trace, other: Trace) -> Iterator[tuple[str, str, str, str]]:
    yield "output", str(one.output), str(other.output), ""
    seen, also = one.steps[-1].fields, other.steps[-1].fields
    yield "field", _sides(seen, "size"), _sides(also, "size"), ""
    yield "jump", _sides(seen, "jump"), _sides(also, "jump"), ""
    counts = {
        "weights": (one.cost.weights, other.cost.weights),
        "parameters": (one.cost.parameters, other.cost.parameters),
        "multiply-adds": (one.cost.multiply_adds, other.cost.multiply_adds),
    }
    for label, (left, right) in counts.items():
        yield label, f"{left:,}", f"{right:,}", _times(left, right)
    yield "memory", memory(one.bytes), memory(other.bytes), _times(one.bytes, other.bytes)


def _times(one: int, other: int) -> str:
    return f"{other / one:.3g}" if one else ""


def _sides(fields: ReceptiveField, what: str) -> str:
    return each([jump(field) if what == "jump" else str(field.size) for field in fields.axes])


def listing(traces: Sequence[Trace]) -> str:
    """Return the networks that are known by name."""
    width = max(len(trace.network.name) for trace in traces) + 2
    lines = []
    for trace in traces:
        cost = trace.cost
        head = styled(trace.network.name.ljust(width), fg="cyan")
        said = (
            f"{trace.network.title}, {trace.input}: {cost.parameters:,} parameters, "
            f"{short(cost.multiply_adds)} multiply-adds"
        )
        lines.append(head + _wrapped(" " * width, said)[width:])
    return "\n".join([*lines, "", "convcli network NAME shows one of them, layer by layer."])


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _wrapped(head: str, said: str) -> str:
    return wrapped(head, said, min(columns(sys.stdout) or _WIDTH, _WIDTH))
