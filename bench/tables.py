"""Markdown from records: one table for each group of a section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.cases import Record


@dataclass(frozen=True)
class About:
    """What a section is called, and what it says above its tables."""

    name: str
    title: str
    text: str


def grouped(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Return records by group, in the order they came."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.group, []).append(record)
    return groups


def figure(value: float, unit: str) -> str:
    """Write a figure with three digits that count."""
    if unit == "bytes":
        return f"{value:,.0f}"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f}"


def fact(value: Any) -> str:
    """Write a further column's value."""
    return figure(value, "") if isinstance(value, float) else str(value)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first row is its head, and all but the first column is right."""
    head, *body = rows
    align = [":---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, align, *body))


#: Facts that have a table of their own.
_ELSEWHERE = ("size", "sizes")


def of_group(records: Sequence[Record]) -> str:
    """Return a group's table: ours, then each peer's figure and its ratio, then facts."""
    unit = records[0].unit
    peers = _names(record.peers for record in records)
    facts = [name for name in _names(record.facts for record in records) if name not in _ELSEWHERE]
    counts = sorted({record.runs for record in records})
    head = [f"n = {_span(counts)}", f"ours, {unit}", *(f"{peer} (ratio)" for peer in peers), *facts]
    rows = [head]
    for record in records:
        row = [record.row, f"**{figure(record.ours, unit)}**"]
        for peer in peers:
            if peer in record.peers:
                row.append(f"{figure(record.peers[peer], unit)} ({record.ratio(peer):.2f})")
            else:
                row.append("–")
        rows.append([*row, *(fact(record.facts.get(name, "–")) for name in facts)])
    return table(rows)


def sizes(records: Sequence[Record]) -> str:
    """Return a table of the sizes of files written, if records have them."""
    having = [record for record in records if "sizes" in record.facts]
    if not having:
        return ""
    peers = _names(record.facts["sizes"] for record in having)
    rows = [["file size, MB", "ours", *peers]]
    for record in having:
        theirs = [record.facts["sizes"].get(peer) for peer in peers]
        cells = [figure(size, "MB") if size else "–" for size in theirs]
        rows.append([record.row, figure(record.facts["size"], "MB"), *cells])
    return table(rows)


def of_section(about: About, records: Sequence[Record]) -> str:
    """Return a section's heading, text and tables."""
    parts = [f"## {about.title}", about.text]
    if about.name == "regret":
        parts.append(_regret(records))
    else:
        for group, members in grouped(records).items():
            parts += [f"### {group}", of_group(members)]
        parts.append(sizes(records))
    return "\n\n".join(filter(None, parts))


#: A choice this much slower than the best is listed.
_LISTED = 1.2


def _regret(records: Sequence[Record]) -> str:
    """Return how often each method was chosen and best, and the cells with much regret."""
    chosen, best = ([record.facts[name] for record in records] for name in ("chosen", "best"))
    methods = _names(record.peers for record in records)
    counts = [["method", "chosen", "fastest", "could compute"]]
    for method in methods:
        able = sum(method in record.peers for record in records)
        tally = (chosen.count(method), best.count(method), able)
        counts.append([method, *(str(count) for count in tally)])
    worse = [record for record in records if record.facts["regret"] > _LISTED]
    worse.sort(key=lambda record: -record.facts["regret"])
    if not worse:
        return table(counts) + f"\n\nNo cell is above {_LISTED}."
    rows = [["image", "kernel", "regret", "chosen", *(f"{method}, ms" for method in methods)]]
    for record in worse:
        figures = [record.peers.get(method) for method in methods]
        cells = [figure(value, "ms") if value else "–" for value in figures]
        about = (f"{record.facts['regret']:.2f}", record.facts["chosen"])
        rows.append([record.group, record.row, *about, *cells])
    return table(counts) + "\n\n" + table(rows)


def _names(mappings: Any) -> list[str]:
    """Return all keys of several mappings, in the order they are met."""
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def _span(counts: list[int]) -> str:
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
