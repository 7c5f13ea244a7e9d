"""Doing the jobs: in this process, or handed out to others."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from convcli.batch.jobs import BatchLimits, Job, Outcome, Writing
from convcli.batch.one import Common, foresee
from convcli.image.atomic import sweep
from convcli.image.decode_ahead import Ahead, Reading
from convcli.image.files import read
from convcli.processors import processors
from convcli.record import record

if TYPE_CHECKING:
    from convcli.batch.worker_pool import WorkerPool
    from convcli.image.image import Image


@record
class FirstImage:
    """The first image, on its way before all is ready to filter it."""

    job: Job
    image: Ahead[Image] | Reading


def begin(jobs: Sequence[Job], writing: Writing, ahead: Reading | None = None) -> FirstImage | None:
    """Begin to read the first image, while the caller gets ready to filter it.

    Parameters
    ----------
    jobs, writing
        As `run` takes them.
    ahead
        An image that is already being read; what `writing` says of reading doesn't count for it.

    Returns
    -------
    FirstImage or None
        For `run`; None if there is nothing that can be read ahead.
    """
    job = jobs[0] if jobs else None
    if job is None or writing.frame is not None or writing.volume:
        return None
    if not os.path.isfile(job.source):  # noqa: PTH113
        return None
    outcome = foresee(job, writing)
    if outcome.error or outcome.skipped:
        return None
    if ahead is not None and ahead.source == job.source:
        return FirstImage(job, ahead)
    limit, lenient = writing.max_pixels, writing.lenient
    return FirstImage(
        job, Ahead(partial(read, Path(job.source), max_pixels=limit, lenient=lenient))
    )


def share(images: int, jobs: int | None, timeout: float | None) -> BatchLimits:
    """Share out threads: images first, as these need nothing from each other.

    Parameters
    ----------
    images
        How many there are.
    jobs
        Threads in all; None for one a processor.
    timeout
        As `BatchLimits` has it.
    """
    threads = jobs or processors()
    workers = max(1, min(threads, images))
    return BatchLimits(workers, threads // workers, timeout)


def run(
    jobs: Sequence[Job],
    common: Common,
    *,
    begun: FirstImage | None = None,
    limits: BatchLimits | None = None,
) -> Generator[Outcome, None, None]:
    """Filter images; one that fails doesn't stop the others.

    Close the iterator when what comes of the rest doesn't matter: then nothing goes on.

    Parameters
    ----------
    jobs
        As `plan` made them.
    common
        What to do with them, and how results are written.
    begun
        What `begin` returned for these jobs.
    limits
        How much is done at once; outcomes come as they are done then. None for one image after
        the other, in this process.
    """
    if limits is not None:
        from convcli.batch.worker_pool import WorkerPool, can_hand_out

        # What a batch that was killed has left.
        for folder in {os.path.dirname(job.target) or "." for job in jobs if job.target}:  # noqa: PTH120
            sweep(folder)
        if can_hand_out(jobs):
            return _handed_out(WorkerPool(jobs, common, limits))
    return _here(jobs, common, begun)


def _handed_out(pool: WorkerPool) -> Generator[Outcome, None, None]:
    """Have workers filter the images; this process, if there can't be any."""
    if pool.start():
        yield from pool.run()
    else:
        yield from _here(pool.jobs, pool.common, None)


def _here(
    jobs: Sequence[Job], common: Common, begun: FirstImage | None
) -> Generator[Outcome, None, None]:
    """Filter one image after the other."""
    for job in jobs:
        outcome = foresee(job, common.writing)
        if not outcome.error and not outcome.skipped:
            ahead = begun.image.take if begun is not None and begun.job is job else None
            outcome = common.do(job, ahead=ahead)
        yield outcome
