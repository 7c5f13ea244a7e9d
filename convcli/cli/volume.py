"""What `--volume` changes of how a command line is read: kernels, steps and padding have 3 axes."""

from __future__ import annotations

from typing import Any

import click

#: Under which name it is said in Click's `Context.meta` that files are volumes.
_VOLUME = "convcli.volume"
#: Digits that no number here has.
_LONG = 30


def note_volume(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    """Have what is read after this option, which is eager, be a volume's."""
    ctx.meta[_VOLUME] = value
    return value


def is_volume(ctx: click.Context | None) -> bool:
    """Whether files are volumes."""
    return ctx is not None and bool(ctx.meta.get(_VOLUME))


def volume_kernel(text: str) -> Any:
    """Return the 3-D kernel that a text stands for."""
    from convcli.kernels.volume_library import parse_volume_kernel

    return parse_volume_kernel(text)


def three_numbers(text: str, least: int, most: int) -> Any:
    """Return one whole number, or three for planes, rows and columns.

    Raises
    ------
    click.BadParameter
        If it is neither.
    """
    parts = [part.strip() for part in text.split(",")]
    found = [int(part) if part.isdecimal() and len(part) < _LONG else -1 for part in parts]
    if len(found) not in (1, 3) or not all(least <= number <= most for number in found):
        raise click.BadParameter(
            f"expected a whole number from {least} to {most:,}, or three as PLANES,ROWS,COLS; "
            f"got {text!r}"
        )
    return found[0] if len(found) == 1 else tuple(found)
