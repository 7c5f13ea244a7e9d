"""The list of kernels, for people and for programs; without rich, which takes 100 ms to import."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from convcli.kernels.registry import Listing
from convcli.report.lines import columns, wrapped

#: Longer usages are cut.
_MOST = 26
#: How wide the list is where nothing says how wide it may be.
_WIDTH = 80


def listing(families: dict[str, tuple[Listing, ...]], option: str = "") -> str:
    """Every kernel by family, one paragraph each; coloured, which a terminal shows.

    Parameters
    ----------
    families
        What there is.
    option
        What is to be typed to see one of them, beside its name.
    """
    width = columns(sys.stdout) or _WIDTH
    parts = []
    for family, members in families.items():
        parts += [_styled(family, bold=True), *_rows(members, width), ""]
    return "\n".join([*parts, f"convcli kernels NAME{option} shows one of them."])


def _rows(members: tuple[Listing, ...], width: int) -> Iterator[str]:
    labels = [_cut(member.usage) for member in members]
    most = max(map(len, labels))
    for label, member in zip(labels, members, strict=True):
        lines = wrapped(" " * (most + 4), member.effect, width)
        yield f"  {_styled(label, fg='cyan')}{lines[len(label) + 2 :]}"


def _cut(usage: str) -> str:
    return usage if len(usage) <= _MOST else usage[: _MOST - 1] + "…"


def _styled(text: str, **style: Any) -> str:
    """Return a text as it is shown; Click takes colours out of what goes to no terminal."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain else click.style(text, **style)


def listing_data(families: dict[str, tuple[Listing, ...]]) -> list[dict[str, Any]]:
    """Every kernel as JSON-ready values."""
    return [
        {
            "name": member.name,
            "family": member.family,
            "form": member.form,
            "usage": member.usage,
            "effect": member.effect,
            "aliases": list(member.aliases),
        }
        for members in families.values()
        for member in members
    ]
