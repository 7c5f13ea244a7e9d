"""What commands print on standard output: text that a terminal can be shown, or JSON."""

from __future__ import annotations

from typing import Any

import click

from convcli.report.lines import as_json, harmless


def echo(text: str, *, end: str = "\n", color: bool | None = None) -> None:
    """Print text.

    Parameters
    ----------
    text
        It may have colours; what else a terminal would obey is written out.
    end
        What follows it.
    color
        Whether colours stay; None for where there is a terminal.
    """
    click.echo(harmless(text) + end, nl=False, color=color)


def echo_json(data: Any) -> None:
    """Print JSON-ready values as one line of JSON, which has no control characters."""
    click.echo(as_json(data))
