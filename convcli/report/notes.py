"""Notes on many images: each once, and of how many images it is true."""

from __future__ import annotations

from collections.abc import Mapping

from convcli.report.option_names import as_options

#: So many are said; of others how many there are.
_MOST = 8


def summed(notes: Mapping[str, int]) -> list[str]:
    """Return lines for notes.

    Parameters
    ----------
    notes
        Of how many images each is true.

    Examples
    --------
    >>> summed({"the source's gain map: left out": 2, "made 8-bit": 1})
    ["note: the source's gain map: left out (2 images)", 'note: made 8-bit (1 image)']
    """
    ranked = sorted(notes.items(), key=lambda said: (-said[1], said[0]))
    lines = [
        f"note: {as_options(note)} ({count:,} image{'s' * (count > 1)})"
        for note, count in ranked[:_MOST]
    ]
    more = max(0, len(ranked) - _MOST)
    return lines + [f"note: and {more:,} more (--verbose or --json says them)"] * bool(more)
