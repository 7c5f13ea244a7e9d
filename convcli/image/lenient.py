"""Damage that `--lenient` overlooks: refused with the option named, or noted."""

from __future__ import annotations

from convcli.errors import ImageError


def overlook(said: str, lenient: bool) -> str:
    """Return what is said of damage as a note.

    Raises
    ------
    ImageError
        If it isn't to be overlooked; the message names the option.
    """
    if not lenient:
        raise ImageError(f"{said}; --lenient reads what is there")
    return said
