"""Doing the jobs: read, filter, write; one that fails doesn't stop the others."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from convcli.batch.flow import Room, in_order
from convcli.batch.jobs import STREAM, Job, Outcome, Writing
from convcli.batch.one import Common, foresee
from convcli.image.ahead import Ahead, Reading
from convcli.image.files import read
from convcli.record import record

if TYPE_CHECKING:
    from convcli.batch.one import Filter
    from convcli.image.picture import Image

#: Pictures at once: one is read, one filtered, one written.
AT_ONCE = 3
#: Memory that pictures take before no further one is begun, in bytes.
_ROOM = 2**29
#: What a picture takes, decoded and filtered, by what its file takes: JPEG packs the closest.
_UNPACKED = 24


@record
class Begun:
    """The first picture, on its way before all is ready to filter it."""

    job: Job
    image: Ahead[Image]


def begin(jobs: Sequence[Job], writing: Writing, ahead: Reading | None = None) -> Begun | None:
    """Begin to read the first picture, while the caller gets ready to filter it.

    Parameters
    ----------
    jobs, writing
        As `run` takes them.
    ahead
        A picture that is already being read; what `writing` says of reading doesn't count for it.

    Returns
    -------
    Begun or None
        For `run`; None if there is nothing that can be read ahead.
    """
    job = jobs[0] if jobs else None
    if job is None or job.source == STREAM:
        return None
    outcome = foresee(job, writing)
    if outcome.error or outcome.skipped:
        return None
    if ahead is not None and ahead.source == job.source:
        return Begun(job, ahead)
    return Begun(job, Ahead(partial(read, Path(job.source), max_pixels=writing.max_pixels)))


def run(
    jobs: Sequence[Job],
    work: Filter,
    writing: Writing,
    streams: tuple[BinaryIO, BinaryIO],
    *,
    begun: Begun | None = None,
    at_once: int = AT_ONCE,
) -> Generator[Outcome, None, None]:
    """Filter pictures, some at once; one that fails doesn't stop the others.

    Close the iterator when what comes of the rest doesn't matter: then nothing goes on.

    Parameters
    ----------
    jobs
        As `plan` made them. Outcomes come in their order.
    work
        What to do with a picture.
    writing
        How results are written.
    streams
        Standard input and output.
    begun
        What `begin` returned for these jobs.
    at_once
        How many pictures there may be in memory.
    """
    room = Room(_ROOM)
    runner = _Runner(Common(work, writing, streams), begun, room)
    tasks = [partial(runner.do, place, job) for place, job in enumerate(jobs)]
    return in_order(tasks, at_once, room)


@record
class _Runner:
    """Does the jobs, as far as there is room."""

    common: Common
    begun: Begun | None
    room: Room

    def do(self, place: int, job: Job) -> Outcome:
        """Filter a picture and say what came of it."""
        outcome = foresee(job, self.common.writing)
        if outcome.error or outcome.skipped:
            return outcome
        self.room.enter(place, _guess(job))
        begun = self.begun is not None and self.begun.job is job
        try:
            ahead = self.begun.image.take if self.begun is not None and begun else None
            return self.common.do(job, partial(self.room.resize, place), ahead)
        finally:
            self.room.leave(place)


def _guess(job: Job) -> int:
    """Guess how much memory a picture will take."""
    try:
        return _UNPACKED * Path(job.source).stat().st_size
    except OSError:
        return 0
