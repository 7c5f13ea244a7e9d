"""The sections there are, in the order of the report."""

from __future__ import annotations

from importlib import import_module

from bench.cases import Case
from bench.scale import Scale
from bench.tables import About

NAMES = (
    *("dense", "named", "libraries", "banks", "find", "commands", "modes", "startup"),
    *("png-sizes", "png-read-back", "memory", "batch", "threads", "regret", "growth"),
)


def describe(name: str) -> About:
    """Return a section's heading and what it says above its tables."""
    module = import_module(f"bench.{name.replace('-', '_')}")
    return About(name, module.TITLE, module.ABOUT)


def cases(name: str, scale: Scale) -> list[Case]:
    """Return a section's cases."""
    module = import_module(f"bench.{name.replace('-', '_')}")
    found: list[Case] = module.cases(scale)
    return found
