"""What was done to an image by layers, and what was written of its maps."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from convcli.batch.jobs import STREAM
from convcli.batch.maps import MapsFacts, MapsOutcome
from convcli.image.image import described
from convcli.kernels.bank import Bank
from convcli.pipeline.layers import Laid, Sizes
from convcli.report.lines import columns, named, printable, wrapped
from convcli.report.numbers import short
from convcli.report.option_names import as_options
from convcli.report.outcome import LEFT_OUT
from convcli.report.shape import axis_data, leftover

_SAMPLES = "0 to 1 of full scale, as torchvision's ToTensor has them"
_MAPPED = {
    True: "all maps stretched alike",
    False: "each map stretched by itself; --together stretches all alike",
}


def status(outcome: MapsOutcome) -> str:
    """Return what became of an image: `done`, `skipped`, `failed`, `planned` or `left out`."""
    if outcome.error:
        return "failed"
    if outcome.job.left_out:
        return LEFT_OUT
    return "skipped" if outcome.skipped else "done" if outcome.done else "planned"


def line(outcome: MapsOutcome) -> str:
    """One line, for one of many images."""
    source = printable(outcome.job.source)
    if outcome.error:
        return f"{source}: {printable(as_options(outcome.error))}"
    if outcome.job.left_out:
        return f"{source}: left out, {printable(outcome.job.left_out)}"
    facts = outcome.facts
    if facts is None:
        return f"{source}: skipped, its results exist"
    return f"{source} → {_written(facts)}  {_sizes(facts.stack.output)}, {outcome.seconds:.2f} s"


def text(outcome: MapsOutcome, *, together: bool, verbose: bool) -> str:
    """Lines for one image, each a label and what there is to say."""
    facts = outcome.facts
    if facts is None or outcome.error:
        return line(outcome)
    source = described(facts.size, facts.channels, facts.depth)
    rows = [("image", f"{source} → {_sizes(facts.stack.output)}"), ("samples", _SAMPLES)]
    if facts.stack.fed != facts.channels:
        rows[1] = ("samples", f"{facts.stack.fed}, {_SAMPLES}")
    for number, laid in enumerate(facts.stack.layers, 1):
        rows += _layer(number if len(facts.stack.layers) > 1 else 0, laid, verbose=verbose)
    if len(facts.stack.layers) > 1:
        rows.append(("in all", _cost(facts.stack.layers)))
    if facts.stack.layers[-1].maps and (verbose or facts.sheet):
        rows.append(("maps", ", ".join(map(named, facts.stack.maps))))
    rows += _responses(facts, together=together)
    rows += [("note", as_options(note)) for note in facts.notes]
    rows.append(("time", f"{outcome.seconds:.2f} s"))
    width = columns(sys.stderr)
    head = f"{printable(outcome.job.source)} → {_written(facts)}"
    return "\n".join([head, *(wrapped(f"  {label:8} ", said, width) for label, said in rows)])


def _written(facts: MapsFacts) -> str:
    """Return which files were written."""
    files = facts.files
    if not files:
        return printable(facts.sheet or "")
    if len(files) == 1:
        what = f" (one volume, {'×'.join(map(str, facts.stack.output))})" * facts.volume
        return f"{'standard output' if files[0] == STREAM else printable(files[0])}{what}"
    return (
        f"{printable(files[0])} … {printable(files[-1].rpartition('/')[2])} ({len(files)} images)"
    )


def _sizes(sizes: Sizes) -> str:
    rows, cols, count = sizes
    return f"{count} map{'s' * (count > 1)} of {cols}×{rows}"


def _layer(number: int, laid: Laid, *, verbose: bool) -> list[tuple[str, str]]:
    """Say what a layer is, its shapes by the formula, and what it takes."""
    layer = laid.layer
    head = named(layer.name)
    if isinstance(layer, Bank):
        count, depth, rows, cols = layer.shape
        groups = f" in {layer.groups} groups" if layer.groups > 1 else ""
        bias = "with a bias each" if layer.bias is not None else "no bias"
        head = f"{head}: {count} filter{'s' * (count > 1)} of {depth}×{rows}×{cols}{groups}, {bias}"
    said = [(f"layer {number}" if number else "bank", f"{head} → {_sizes(laid.output)}")]
    if laid.geometry is None:
        return said
    for name, axis in (("height", laid.geometry.rows), ("width", laid.geometry.cols)):
        said.append((name, axis.formula))
        said += [("", rest) for rest in leftover(axis, name)] if verbose else []
    if isinstance(layer, Bank):
        said.append(("cost", _cost([laid])))
    return said


def _cost(layers: Sequence[Laid]) -> str:
    parameters = sum(laid.parameters for laid in layers)
    times = sum(laid.multiply_adds for laid in layers)
    return f"{parameters:,} parameters, {short(times)} multiply-adds"


def _responses(facts: MapsFacts, *, together: bool) -> list[tuple[str, str]]:
    mapping = facts.mapping
    how = "written as they are" if mapping is None else f"mapped by {mapping}"
    if mapping == "normalize":
        how += f", {_MAPPED[together]}"
    if not facts.ranges:
        return [("response", how)]
    low, high = (min(low for low, _ in facts.ranges), max(high for _, high in facts.ranges))
    rows = [("response", f"{low:.6g} … {high:.6g}, {how}")]
    empty = sum(low == high for low, high in facts.ranges)
    if empty:
        rows.append(("", f"{empty} of {len(facts.ranges)} maps hold one value only"))
    if facts.clipped:
        rows.append(("clipped", f"{facts.clipped:,} samples"))
    return rows


def data(outcome: MapsOutcome, *, together: bool) -> dict[str, Any]:
    """Everything as JSON-ready values, with the same keys whatever happened."""
    facts = outcome.facts
    found: dict[str, Any] = {
        "source": outcome.job.source,
        "status": status(outcome),
        "error": as_options(outcome.error) or None,
        "seconds": round(outcome.seconds, 6),
        "input": None,
        "samples": [0, 1],
        "fed": None,
        "layers": [],
        "output": None,
        "parameters": None,
        "multiply_adds": None,
        "mapping": None,
        "stretch": "together" if together else "each",
        "maps": [],
        "volume": None,
        "montage": None,
        "clipped": None,
        "notes": [outcome.job.left_out] if outcome.job.left_out else [],
    }
    return found if facts is None else found | _facts_data(facts)


def _facts_data(facts: MapsFacts) -> dict[str, Any]:
    stack = facts.stack
    height, width = facts.size
    files = (None,) * stack.output[2] if facts.volume or not facts.files else facts.files
    ranges = facts.ranges or ((None, None),) * stack.output[2]
    return {
        "input": {
            "height": height,
            "width": width,
            "channels": facts.channels,
            "depth": facts.depth,
        },
        "fed": stack.fed,
        "layers": [_layer_data(laid) for laid in stack.layers],
        "output": list(stack.output),
        "parameters": sum(laid.parameters for laid in stack.layers),
        "multiply_adds": sum(laid.multiply_adds for laid in stack.layers),
        "mapping": None if facts.mapping is None else str(facts.mapping),
        "maps": [
            {"number": k, "name": name, "file": file, "lowest": ends[0], "highest": ends[1]}
            for k, (name, file, ends) in enumerate(zip(stack.maps, files, ranges, strict=True))
        ],
        "volume": facts.files[0] if facts.volume else None,
        "montage": facts.sheet,
        "clipped": facts.clipped,
        "notes": [as_options(note) for note in facts.notes],
    }


def _layer_data(laid: Laid) -> dict[str, Any]:
    layer, geometry = laid.layer, laid.geometry
    bank = layer if isinstance(layer, Bank) else None
    return {
        "name": layer.name,
        "kind": "bank" if bank else type(layer).__name__.lower(),
        "input": list(laid.input),
        "output": list(laid.output),
        "filters": list(bank.shape) if bank else None,
        "groups": bank.groups if bank else None,
        "bias": bank.bias is not None if bank else None,
        "parameters": laid.parameters,
        "multiply_adds": laid.multiply_adds,
        "axes": [] if geometry is None else [axis_data(geometry.rows), axis_data(geometry.cols)],
    }
