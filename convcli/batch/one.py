"""One image of a batch: read, filtered, written, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any, BinaryIO

from convcli import memory
from convcli.batch.file import File
from convcli.batch.jobs import STREAM, Job, Outcome, Writing
from convcli.batch.target import found_at
from convcli.errors import ConvError, TakenError
from convcli.image.formats import SUFFIXES, unwritten
from convcli.paths import reason, status, told
from convcli.record import record

if TYPE_CHECKING:
    from convcli.batch.filter import Filter, VolumeFilter
    from convcli.image.image import Image
    from convcli.pipeline.memory import StageMemory


def foresee(job: Job, writing: Writing) -> Outcome:
    """Return what can be told of an image's outcome before it is read."""
    if job.error or job.left_out:
        return Outcome(job, error=job.error, skipped=job.left_out)
    if said := _unwritten(job, writing):
        return Outcome(job, error=said)
    if job.target != STREAM:
        there, said = found_at(job.target)
        if said:
            return Outcome(job, error=said)
        if there and writing.skip_existing:
            return Outcome(job, skipped="exists")
        if there and not writing.overwrite:
            found = f"{job.target} exists already; use `overwrite` to replace it, or "
            return Outcome(job, error=f"{found}`skip_existing` to leave it")
    error = _compare(writing) or ("" if job.source == STREAM else _unreadable(job.source))
    return Outcome(job, error=error)


def _unwritten(job: Job, writing: Writing) -> str:
    """Say that a result's format is only read, if its name tells; '' if it doesn't."""
    if writing.format or job.target == STREAM:
        return ""
    name = SUFFIXES.get(os.path.splitext(job.target)[1].lower())  # noqa: PTH122
    return unwritten(name) if name else ""


def _compare(writing: Writing) -> str:
    """Say what there is against writing source and result side by side; '' if nothing."""
    path = writing.compare
    if path is None:
        return ""
    there, said = found_at(path)
    if there and not said and not writing.overwrite:
        said = "exists already; use `overwrite` to replace it"
    return f"`compare` {path}: {said}" if said else ""


def _unreadable(path: str) -> str:
    """Say why a file can't be read, as far as its name tells; '' if it may be."""
    try:
        return "" if status(path) is not None else "can't be read: no such file or directory"
    except OSError as error:
        return f"can't be read: {reason(error)}"


@record
class Common:
    """What all images of a batch have in common.

    Parameters
    ----------
    work
        What is done to an image, or to a volume where `writing` says that files are volumes.
    writing
        How results are written.
    streams
        Standard input and output.
    tell_stages
        Is told an image's stages before work starts; None where nobody listens.
    """

    work: Filter | VolumeFilter
    writing: Writing
    streams: tuple[BinaryIO, BinaryIO]
    tell_stages: Callable[[Job, tuple[StageMemory, ...]], None] | None = None

    def do(
        self,
        job: Job,
        resize: Callable[[int], None] | None = None,
        ahead: Callable[[], Image] | None = None,
    ) -> Outcome:
        """Filter an image and say what came of it.

        Parameters
        ----------
        job
            Which; `foresee` has found nothing against it.
        resize
            Is told the bytes that the image takes, each time that becomes known.
        ahead
            Gives the image, if it is being read already.
        """
        start = perf_counter()
        try:
            file = self._file(job)
            facts, preview = file.filter(resize, ahead)
        except ConvError as error:
            seconds = perf_counter() - start
            if self.writing.skip_existing and isinstance(error, TakenError):
                # Somebody else was quicker: another batch carried on at the same time.
                return Outcome(job, seconds=seconds, skipped="exists")
            return Outcome(job, seconds=seconds, error=str(error))
        except OSError as error:
            # Standard output's are `StreamError`s: this is a file's, and the image's alone.
            return Outcome(job, seconds=perf_counter() - start, error=told(error))
        except Exception as error:
            # Under a limit libraries fail in their own ways.
            if not isinstance(error, MemoryError) and memory.is_had(memory.SLACK):
                raise
            return Outcome(job, seconds=perf_counter() - start, error=memory.NOT_ENOUGH)
        seconds = perf_counter() - start
        return Outcome(job, facts, seconds, preview=preview, stages=file.stages)

    def _file(self, job: Job) -> Any:
        """Return what filters one file."""
        kind: Any = File
        if self.writing.volume:
            from convcli.batch.volume import VolumeFile

            kind = VolumeFile
        return kind(self.work, self.writing, self.streams, job, self.tell_stages)
