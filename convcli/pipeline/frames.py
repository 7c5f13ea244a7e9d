"""Several images of one file: what was done to all of them."""

from __future__ import annotations

from convcli.pipeline import Facts
from convcli.record import replace

_UNLIKE = "frames differ in size or kind: the first is described"
_KINDS = ("size", "channels", "depth", "out_size", "out_channels", "out_depth")


def together(before: Facts | None, facts: Facts) -> Facts:
    """Return what was done to frames, and then to one more.

    Responses are of all frames, clipped samples are added up; the rest is the first frame's.

    Parameters
    ----------
    before
        What was done to the frames before; None for none.
    facts
        What was done to this one.
    """
    if before is None:
        return facts
    unlike = any(getattr(before, name) != getattr(facts, name) for name in _KINDS)
    notes = dict.fromkeys((*before.notes, *facts.notes, *[_UNLIKE] * unlike))
    return replace(
        before,
        frames=before.frames + facts.frames,
        lowest=min(before.lowest, facts.lowest),
        highest=max(before.highest, facts.highest),
        clipped=before.clipped + facts.clipped,
        samples=before.samples + facts.samples,
        avoidable=before.avoidable and facts.avoidable,
        notes=tuple(notes),
    )
