"""What was done to an image, and to several images of one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcli.engine import Plan
from convcli.geometry import Axis, Geometry
from convcli.record import field, record, replace
from convcli.spec import Mapping

if TYPE_CHECKING:
    from convcli.pipeline.inside import Inside

_UNLIKE = "frames differ in size or kind: the first is described"
_KINDS = ("size", "channels", "depth", "out_size", "out_channels", "out_depth")


@record
class MissingFacts:
    """What was missing of an image, and what of its result.

    Parameters
    ----------
    source
        How many samples of the source.
    nodata
        The sample that says so; None for what is no number.
    result, samples
        How many samples of the result, of how many.
    mark
        What stands for them, which may be no number; None if the result's type has nothing.
    instead
        The sample that they have.
    moved
        How many samples that are there had the mark's value, and got the one next to it.
    """

    source: int
    nodata: float | None
    result: int
    samples: int
    mark: float | None
    instead: float
    moved: int = 0

    def __add__(self, other: MissingFacts) -> MissingFacts:
        """Add up those of two images, which are described as the first one."""
        names = ("source", "result", "samples", "moved")
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in names})


@record
class Facts:
    """What was done to an image.

    Parameters
    ----------
    size, channels, depth
        Of the source: (rows, cols), channel names, sample type in words.
    out_size, out_channels, out_depth
        Of the result.
    geometries, plans
        One a kernel, in order.
    mapping
        How responses became samples.
    lowest, highest
        The range of the responses, in levels of the source.
    scale, offset
        What a sum over its divisor was multiplied by, and what was added, as `applied` gives them.
    clipped, samples
        Samples that did not fit the result's range, of how many.
    alpha
        What happened to alpha: `keep`, `filter`, `alone` or `drop`; '' if there is none.
    avoidable
        Whether an automatic scale would clip nothing.
    notes
        What else the user should know.
    frames
        How many images of one file these are: of several, the first is described.
    planes
        For a volume: the axis of its planes, one a kernel.
    missing
        What is missing; None if nothing is.
    inside
        Which part of the image was filtered; None for all of it.
    """

    size: tuple[int, int]
    channels: str
    depth: str
    out_size: tuple[int, int]
    out_channels: str
    out_depth: str
    geometries: tuple[Geometry, ...]
    plans: tuple[Plan, ...]
    mapping: Mapping
    lowest: float
    highest: float
    clipped: int
    samples: int
    alpha: str = ""
    avoidable: bool = False
    notes: tuple[str, ...] = field(default=())
    frames: int = 1
    planes: tuple[Axis, ...] = ()
    inside: Inside | None = None
    scale: float = 1.0
    offset: float = 0.0
    missing: MissingFacts | None = None


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
        missing=_both(before.missing, facts.missing),
        notes=tuple(notes),
    )


def _both(one: MissingFacts | None, other: MissingFacts | None) -> MissingFacts | None:
    return one + other if one and other else one or other
