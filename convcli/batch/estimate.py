"""What an image will take in memory, told from its header before anybody reads it."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from convcli.batch.jobs import STREAM, Job, Writing
from convcli.batch.target import format_for
from convcli.errors import ConvError
from convcli.image.formats import FORMATS, codec_of
from convcli.image.source import facts_of

if TYPE_CHECKING:
    from convcli.image.header import Header
    from convcli.image.image import Image
    from convcli.pipeline.memory import Output, StageMemory, Sums

#: What is thought of a file whose header doesn't tell: that nothing fits beside it.
_UNKNOWN = 2**62
#: What is thought of a filter that doesn't say: so many times the samples.
_SILENT = 4


def estimate(work: Any, writing: Writing, job: Job) -> int:
    """Return how many bytes an image takes at its peak; 0 for what will be refused at once.

    Parameters
    ----------
    work, writing
        What is done to it, and how the result is written.
    job
        Which it is.
    """
    if job.source == STREAM:
        return 0
    try:
        status = os.stat(job.source)  # noqa: PTH116 (a third of Path's time)
        if not stat.S_ISREG(status.st_mode):
            return 0
        header = facts_of(job.source)
        return _takes(work, writing, job, (header, status.st_size)) if header else _UNKNOWN
    except (OSError, ValueError, MemoryError, ConvError):
        return 0


def _takes(work: Any, writing: Writing, job: Job, source: tuple[Header, int]) -> int:
    header, size = source
    if not hasattr(work, "takes"):
        return size + _SILENT * header.nbytes
    kind = header.lossy, header.frames, header.progressive
    output = output_of(writing, job, header.format, kind)
    if not output.format:
        # It is refused for its name.
        return 0
    found: int = work.takes(header, size, output)
    return found


def estimated_stages(work: Any, writing: Writing, job: Job) -> tuple[StageMemory, ...]:
    """Return the stages that an image would go through; none if its header doesn't tell."""
    try:
        header = facts_of(job.source) if job.source != STREAM else None
        if header is None:
            return ()
        kind = header.lossy, header.frames, header.progressive
        output = output_of(writing, job, header.format, kind)
        if not output.format:
            return ()
        found: tuple[StageMemory, ...] = work.stages(header, output)
    except (OSError, ValueError, MemoryError, ConvError):
        return ()
    return found


def output_of(writing: Writing, job: Job, source: str, file: tuple[bool, int, bool]) -> Output:
    """Return what becomes of a result.

    Parameters
    ----------
    writing, job
        How it is written, and where.
    source
        The source's format; '' if it has none.
    file
        Whether the source's coding has lost something, how many images it holds, and whether it
        is progressive.
    """
    from convcli.pipeline.memory import Output

    try:
        name = format_for(writing, job, source)
    except ConvError:
        name = ""
    lossy, count, progressive = file
    moves = count > 1 and writing.frame is None and source in FORMATS
    return Output(
        name,
        lossy=lossy or writing.quality is not None,
        compared=writing.compare is not None or writing.show is not None,
        several=moves and codec_of(source).several,
        progressive=progressive and name == source,
    )


def known(work: Any, writing: Writing, job: Job, image: Image) -> Sums:
    """Return what filtering and writing take now that samples are there, by the same sum."""
    size = image.nbytes
    if not hasattr(work, "sums"):
        from convcli.pipeline.memory import StageMemory, Sums

        return Sums(size, size, (StageMemory("unknown", _SILENT * size),))
    meta = image.meta
    kind = bool(meta.lossy), meta.frames, meta.progressive
    output = output_of(writing, job, meta.format, kind)
    found: Sums = work.sums(image, output)
    return found
