"""Damage that `lenient` overlooks: refused with the option named, or noted."""

from __future__ import annotations

from convcli.errors import ImageError

#: What follows the words on damage that can be overlooked.
READS = "; `lenient` reads what is there"


def overlook(said: str, lenient: bool) -> str:
    """Return what is said of damage as a note.

    Raises
    ------
    ImageError
        If it isn't to be overlooked; the message names the option.
    """
    if not lenient:
        raise ImageError(said + READS)
    return said
