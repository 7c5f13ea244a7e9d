"""Networks for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convcli.report.network_table import formulas
from convcli.report.numbers import as_json_number
from convcli.report.shape import axis_data
from convcli.teach.network.fields import Field
from convcli.teach.network.notes import dense_parameters, stacks
from convcli.teach.network.stack import LayerStep, Trace
from convcli.teach.network.volume import Cost


def data(trace: Trace) -> dict[str, Any]:
    """Return a network as JSON-ready values."""
    network = trace.network
    return {
        "name": network.name,
        "title": network.title,
        "source": network.source,
        "input": list(trace.input.shape),
        "output": list(trace.output.shape),
        **_cost(trace.cost),
        "bytes": trace.bytes,
        "layers": layers_data(trace.steps),
        "stacks": [
            {
                "layers": [list(numbers) for numbers in stack.numbers],
                "taps": stack.taps,
                "channels": stack.channels,
                "field": stack.field,
                "weights": stack.weights,
                "weights_of_one": stack.weights_of_one,
            }
            for stack in stacks(trace)
        ],
    }


def layers_data(steps: Sequence[LayerStep]) -> list[dict[str, Any]]:
    """Return layers as JSON-ready values."""
    return [_step(step) for step in steps]


def listing_data(traces: Sequence[Trace]) -> list[dict[str, Any]]:
    """Return the networks that are known by name as JSON-ready values."""
    return [
        {key: value for key, value in data(trace).items() if key not in ("layers", "stacks")}
        for trace in traces
    ]


def _step(step: LayerStep) -> dict[str, Any]:
    return {
        "layer": step.number,
        "name": step.label,
        "text": step.layer.text,
        "path": list(step.path),
        "in_place": step.follows,
        "input": list(step.input.shape),
        "output": list(step.output.shape),
        "formulas": list(formulas(step)),
        "axes": [axis_data(axis) for axis in step.axes],
        **_cost(step.cost),
        "bytes": step.bytes,
        "fields": [_field(field) for field in step.fields.axes],
        "dense_parameters": dense_parameters(step),
    }


def _cost(cost: Cost) -> dict[str, int]:
    return {
        "weights": cost.weights,
        "biases": cost.biases,
        "parameters": cost.parameters,
        "multiply_adds": cost.multiply_adds,
    }


def _field(field: Field) -> dict[str, Any]:
    return {
        "size": field.size,
        "jump": as_json_number(field.jump) if field.step else None,
        "start": None if field.start is None else as_json_number(field.start),
        "first": field.at(0),
    }
