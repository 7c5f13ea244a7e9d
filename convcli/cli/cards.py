"""Printing what Rich lays out."""

from __future__ import annotations

import os
import re
from typing import Any

from convcli.cli.echo import echo


def print_rich(renderable: Any) -> None:
    """Print to a terminal in colour, to all else as plain text."""
    from rich.console import Console

    system: Any = None if os.environ.get("NO_COLOR") else "auto"
    console = Console(highlight=False, color_system=system)
    with console.capture() as captured:
        console.print(renderable)
    # Cells are filled with blanks that nobody needs.
    echo(re.sub(r" +$", "", captured.get(), flags=re.MULTILINE), end="", color=True)
