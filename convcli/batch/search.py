"""Images in which a patch is looked for: one after the other, and what was found in each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from convcli import memory
from convcli.batch.find import find
from convcli.batch.jobs import STREAM, Job, Request
from convcli.batch.names import plan
from convcli.batch.target import making_room
from convcli.errors import ConvError, UsageError
from convcli.geometry import Pair
from convcli.image.files import check_free, read, write
from convcli.image.formats import codec_of, format_of
from convcli.image.image import Image
from convcli.image.show.marks import marked
from convcli.paths import Identities, told
from convcli.pipeline.find import Found, Match, PatchScores, found_in, scores_of
from convcli.record import record, replace


@record
class SearchJob:
    """An image in which the patch is looked for.

    Parameters
    ----------
    source
        Its path, or `-`.
    marks, scores
        Where the image is written with marks on it, and its scores; None for nowhere.
    error, left_out
        As `Job` has them.
    """

    source: str
    marks: str | None = None
    scores: str | None = None
    error: str = ""
    left_out: str = ""


def plan_search(request: Request, marks: str | None, scores: str | None) -> list[SearchJob]:
    """Find the images and name what is written, before anything is read.

    Parameters
    ----------
    request
        Which images; without an output.
    marks, scores
        A file or a folder for images with marks on them, and for their scores; None for neither.

    Raises
    ------
    UsageError
        If results would overwrite what is read, or each other; or if the patterns leave no image.
    """
    outputs = {"marks": marks, "scores": scores}
    named = {name: _plan(request, name, path) for name, path in outputs.items() if path}
    if not named:
        found, failed, unread = find(request)
        jobs = [SearchJob(source) for source in dict.fromkeys(source for source, _ in found)]
        others = failed + unread
        return jobs + [_without_results(job) for job in others]
    jobs = []
    for alike in zip(*named.values(), strict=True):
        targets = {name: job.target for name, job in zip(named, alike, strict=True)}
        job = alike[0]
        targets = {} if job.left_out else targets
        jobs.append(replace(_without_results(job), **targets))
    identities = Identities()
    for job in jobs:
        if job.marks and job.scores and _is_one(identities, job.marks, job.scores):
            raise UsageError(f"`marks` and `scores` would both be written to {job.marks}; name two")
    return jobs


def _without_results(job: Job) -> SearchJob:
    return SearchJob(job.source, error=job.error, left_out=job.left_out)


def _plan(request: Request, name: str, path: str) -> list[Job]:
    """Name the results of one kind."""
    try:
        return plan(replace(request, output=path))
    except UsageError as error:
        raise UsageError(str(error).replace("`output`", f"`{name}`")) from None


def _is_one(identities: Identities, one: str, other: str) -> bool:
    return identities.of_result(one) == identities.of_result(other)


@record
class SearchOutcome:
    """What was found in an image.

    Parameters
    ----------
    job
        Which.
    size
        (rows, cols) of the image.
    found
        Nothing if it failed.
    more
        Whether there are more places than were asked for.
    notes
        What there is to say about reading it.
    error
        Why it failed; '' if it didn't.
    """

    job: SearchJob
    size: Pair = (0, 0)
    found: Found | None = None
    more: bool = False
    notes: tuple[str, ...] = ()
    error: str = ""

    @property
    def matches(self) -> Sequence[Match]:
        """The places that were found."""
        return self.found.matches if self.found else ()


@record
class Reading:
    """How images are read: as `image.files.read` takes it, and what `-` stands for."""

    stdin: BinaryIO
    frame: int | None = None
    max_pixels: int | None = None
    lenient: bool = False

    def image(self, path: str) -> Image:
        """Read an image."""
        return read(
            self.stdin if path == STREAM else path,
            frame=self.frame,
            max_pixels=self.max_pixels,
            lenient=self.lenient,
        )


@record
class Search:
    """What is looked for, and how.

    Parameters
    ----------
    patch
        What is looked for.
    reading
        How images are read.
    top
        How many places at the most; None for all.
    least, apart, gray, jobs
        As `convcli.find` takes them.
    overwrite
        Whether results may be replaced.
    """

    patch: Image
    reading: Reading
    top: int | None
    least: float
    apart: int | Pair | None = None
    gray: bool = False
    jobs: int | None = None
    overwrite: bool = False

    def do(self, job: SearchJob) -> SearchOutcome:
        """Look for the patch in an image, and write what is to be written."""
        if job.error:
            return SearchOutcome(job, error=job.error)
        try:
            return self._do(job)
        except ConvError as error:
            return SearchOutcome(job, error=str(error))
        except OSError as error:
            return SearchOutcome(job, error=told(error))
        except MemoryError:
            return SearchOutcome(job, error=memory.NOT_ENOUGH)

    def _do(self, job: SearchJob) -> SearchOutcome:
        for path in filter(None, (job.marks, job.scores)):
            check_free(path, self.overwrite)
        image = self.reading.image(job.source)
        scores = scores_of(self.patch, image, gray=self.gray, jobs=self.jobs)
        if job.scores:
            scores = scores.held
        top = None if self.top is None else self.top + 1
        found = found_in(scores, top=top, least=self.least, apart=self.apart)
        more = len(found.matches) == top
        found = Found(found.matches[: self.top], found.best)
        if job.scores:
            self._write(job.scores, _as_image(scores, job.scores))
        if job.marks:
            boxes = [(m.y, m.x, m.y + m.height, m.x + m.width) for m in found.matches]
            self._write(job.marks, marked(image, boxes))
        return SearchOutcome(job, image.size, found, more, self._notes(image))

    def _notes(self, image: Image) -> tuple[str, ...]:
        """Return what there is to say of an image."""
        notes = image.meta.notes if self.reading.lenient else ()
        if image.meta.frames > 1 and self.reading.frame is None:
            several = f"looked at one of {image.meta.frames} frames; `frame` chooses another"
            return (*notes, several)
        return notes

    def _write(self, path: str, image: Image) -> None:
        with making_room(path):
            write(path, image, overwrite=self.overwrite)


def _as_image(scores: PatchScores, path: str) -> Image:
    """Return scores as they are where a format holds them; else 0 to 1 as black to white."""
    samples: NDArray[np.float32] = scores.whole
    if codec_of(format_of(path)).has("float32", "L"):
        return Image(samples, "L")
    return Image((samples.clip(0, 1) * 255 + 0.5).astype(np.uint8), "L")
