"""What a run writes: its report, figures and plot; and how it compares with an earlier one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import growth, plot, sections, tables, targets
from bench.cases import Record

#: A ratio below this share of the earlier one is a regression.
WORSE = 0.85

#: Sections whose ratios compare our own methods with each other.
_INTERNAL = ("regret", "threads")

_NOTE = """Every result was compared with the definition of correlation, and with each peer's,
before anything was timed. Times are wall times, medians of n runs. Ours and the peers' runs take
turns, each after a rest of 10 ms, so that what else the machine does meets all alike. A *ratio* is
a peer's figure over ours: above 1, ours is faster, or smaller."""


@dataclass(frozen=True)
class Run:
    """All that a run found.

    Parameters
    ----------
    machine
        What it was measured on, and with, by what that is called.
    quick
        Whether it was a short run.
    seconds
        How long it took.
    records
        What was measured.
    """

    machine: Mapping[str, str]
    quick: bool
    seconds: float
    records: Sequence[Record]


def report(run: Run) -> str:
    """Return RESULTS.md."""
    facts = run.machine
    how = "`python -m bench --quick`: rough figures of small images" if run.quick else ""
    parts = [
        f"# Measured on {facts['CPU']}, {facts['instruction sets']}",
        f"Made by {how or '`python -m bench`'}, in {run.seconds / 60:.1f} minutes.",
        "\n".join(f"* {name}: {value}" for name, value in facts.items()),
        _NOTE,
        "## Targets",
        "They are stated for images of 12 megapixels and two threads.",
        summary(run.records),
    ]
    for name in sections.NAMES:
        if records := [record for record in run.records if record.section == name]:
            parts.append(tables.of_section(sections.describe(name), records))
    return "\n\n".join(parts) + "\n"


def summary(records: Sequence[Record]) -> str:
    """Return the table of targets."""
    rows = [["target", "limit", "measured", "worst at, or how many", "met"]]
    for found in targets.outcomes(records):
        figure = "not measured" if found.figure is None else f"{found.figure:.2f}"
        met = {True: "yes", False: "**no**", None: "–"}[found.met]
        rows.append([found.what, found.limit, figure, found.where, met])
    return tables.table(rows)


def charts(records: Sequence[Record]) -> list[plot.Chart]:
    """Return the charts of growth: against the image, and against the kernel."""
    found = tables.grouped([record for record in records if record.section == "growth"])
    images = {name: group for name, group in found.items() if name.startswith("image")}
    kernels = {name: group for name, group in found.items() if name.startswith("kernel")}
    megapixels = {float(size): f"{size:g}" for size in growth.MEGAPIXELS}
    taps = {float(size): str(size) for size in growth.SIZES}
    ground = next(iter(kernels), "").partition(",")[0].removeprefix("kernel ")
    return [
        plot.Chart("Image size", "megapixels", "milliseconds", _lines(images), megapixels),
        plot.Chart("Kernel size", f"taps a side, {ground}", "milliseconds", _lines(kernels), taps),
    ]


def _lines(groups: Mapping[str, Sequence[Record]]) -> list[plot.Line]:
    lines = []
    for colour, (name, group) in enumerate(groups.items()):
        label = name.partition(", ")[2]
        ours = [(_size(record.row), record.ours) for record in group]
        lines.append(plot.Line(f"{label}: ours", ours, colour))
        for peer in group[0].peers:
            theirs = [(_size(record.row), record.peers[peer]) for record in group]
            lines.append(plot.Line(f"{label}: {peer}", theirs, colour, dashed=True))
    return lines


def _size(row: str) -> float:
    """Return megapixels of `12 MP`, taps of `15×15`."""
    return float(row.split()[0].split("×")[0])


def dump(run: Run) -> str:
    """Return results.json."""
    records = [record.as_dict() for record in run.records]
    whole = {"machine": dict(run.machine), "quick": run.quick, "seconds": run.seconds}
    return json.dumps(whole | {"records": records}, indent=1, ensure_ascii=False) + "\n"


def load(path: Path) -> Run:
    """Read a results.json."""
    whole: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    whole["records"] = [Record(**record) for record in whole["records"]]
    return Run(**whole)


def regressions(earlier: Sequence[Record], now: Sequence[Record]) -> list[str]:
    """Return what got worse, a line each: ratios to peers below 85 % of the earlier ones."""
    before = {record.key: record for record in earlier}
    lines = []
    for record in now:
        old = before.get(record.key)
        if old is None or record.section in _INTERNAL:
            continue
        for peer in record.peers:
            if peer in old.peers and record.ratio(peer) < WORSE * old.ratio(peer):
                was, became = old.ratio(peer), record.ratio(peer)
                lines.append(f"{record.key} | {peer}: {was:.2f} → {became:.2f}")
    return lines


def write(folder: Path, run: Run) -> list[Path]:
    """Write RESULTS.md, results.json and, if growth was measured, growth.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"RESULTS.md": report(run), "results.json": dump(run)}
    if any(record.section == "growth" for record in run.records):
        texts["growth.svg"] = plot.svg(charts(run.records))
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]
