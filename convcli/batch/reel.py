"""One file of several images: all its frames filtered, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING

from convcli.batch.foretell import Known
from convcli.batch.jobs import STREAM, Job
from convcli.image.formats import check_several
from convcli.image.frame_files import encode_parts, open_frames, timing_notes, write_frames
from convcli.image.image import Image
from convcli.pipeline.frames import together
from convcli.record import replace
from convcli.spec import Mapping

if TYPE_CHECKING:
    from convcli.batch.comparison import Comparison
    from convcli.batch.one import Common
    from convcli.image.frames import Frames
    from convcli.image.show.preview import Preview
    from convcli.pipeline import Facts

#: Images that there are beside one that is filtered: what frames are put together of.
_HELD = 2
_ALIKE = "all frames were stretched alike, so that they don't flicker"
_APART = "each page was stretched by itself"
_FIRST = "the first frame is the one that is shown or compared"


def all_frames(
    common: Common, job: Job, content: tuple[bytes, str], resize: Callable[[int], None] | None
) -> tuple[Facts, Preview | None]:
    """Read, filter and write all frames of a file.

    Parameters
    ----------
    common, job, resize
        As for one image.
    content
        The file's bytes and format.

    Returns
    -------
    Facts
        What was done to all of them.
    Preview or None
        The first one before and after, if that is asked for.

    Raises
    ------
    ConvError
        If the result's format holds one image only, or a frame can't be read or filtered; then
        nothing is written.
    """
    from convcli.batch.one import notes_on

    writing = common.writing
    frames = open_frames(*content, max_pixels=writing.max_pixels, lenient=writing.lenient)
    name = common.format_for(job, frames.format)
    check_several(name, frames.count)
    done: list[Facts] = []
    seen: list[Comparison | None] = []
    # A file that is mapped takes no memory of its own.
    held = len(content[0]) if isinstance(content[0], bytes) else 0

    span: list[tuple[float, float]] = []

    def work(image: Image) -> Image:
        result, facts = common.work(image, *span)
        if not done and facts.mapping is Mapping.NORMALIZE and frames.durations is not None:
            span.append(_span(common, frames))
            result, facts = common.work(image, *span)
        if resize and not done:
            sums = Known(common, job).sums(image)
            resize(held + _HELD * sums.source + max(sums.filtering, sums.writing))
        if not done:
            seen.append(common.look(image, result, facts))
        facts = replace(facts, notes=notes_on(result, facts, name))
        done[:] = [together(done[0] if done else None, facts)]
        return result

    _write(common, job, frames.each(work), name)
    facts = done[0]
    notes = dict.fromkeys((*facts.notes, *frames.notes, *timing_notes(frames, name)))
    if facts.mapping is Mapping.NORMALIZE:
        notes[_ALIKE if span else _APART] = None
    first = seen[0]
    if first is not None:
        notes |= dict.fromkeys((*first.write(), _FIRST))
    return replace(facts, notes=tuple(notes)), first.preview if first is not None else None


def _write(common: Common, job: Job, results: Frames, name: str) -> None:
    """Write all frames, as they are filtered."""
    from convcli.batch.one import making_room

    writing = common.writing
    chosen = {"quality": writing.quality, "compress": writing.compress}
    if job.target == STREAM:
        common.streams[1].write(b"".join(encode_parts(results, name, **chosen)))
        common.streams[1].flush()
        return
    with making_room(job.target):
        write_frames(job.target, results, format=name, overwrite=writing.overwrite, **chosen)


def _span(common: Common, frames: Frames) -> tuple[float, float]:
    """Return the least and the greatest response of all frames: they are filtered for that."""
    lowest, highest = inf, -inf
    for image in frames:
        facts = common.work(image)[1]
        lowest, highest = min(lowest, facts.lowest), max(highest, facts.highest)
    return lowest, highest
