"""Doing the jobs: read, filter, write; one that fails doesn't stop the others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from convcli.batch.flow import Room, in_order
from convcli.batch.jobs import STREAM, Job, Outcome, Writing
from convcli.batch.names import exists
from convcli.errors import ConvError, ImageError
from convcli.image.ahead import Ahead, Reading
from convcli.image.files import encode, read, write
from convcli.image.formats import FORMATS, check_holds, format_of, left_out, parse_format
from convcli.record import record, replace
from convcli.spec import Mapping

if TYPE_CHECKING:
    from convcli.image.picture import Image
    from convcli.pipeline import Facts

    Filter: TypeAlias = Callable[[Image], tuple[Image, Facts]]

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
    runner = _Runner(work, writing, streams, begun, room)
    tasks = [partial(runner.do, place, job) for place, job in enumerate(jobs)]
    return in_order(tasks, at_once, room)


def foresee(job: Job, writing: Writing) -> Outcome:
    """Return what can be told of a picture's outcome before it is read."""
    if job.error:
        return Outcome(job, error=job.error)
    if job.target != STREAM and exists(Path(job.target)):
        if writing.skip_existing:
            return Outcome(job, skipped="exists")
        if not writing.overwrite:
            return Outcome(
                job,
                error=f"{job.target} exists already; use --overwrite to replace it, or "
                f"--skip-existing to leave it",
            )
    if job.source != STREAM and not exists(Path(job.source)):
        return Outcome(job, error="can't be read: no such file or directory")
    return Outcome(job)


@record
class _Runner:
    """What all pictures of a batch have in common."""

    work: Filter
    writing: Writing
    streams: tuple[BinaryIO, BinaryIO]
    begun: Begun | None
    room: Room

    def do(self, place: int, job: Job) -> Outcome:
        """Filter a picture and say what came of it."""
        outcome = foresee(job, self.writing)
        if outcome.error or outcome.skipped:
            return outcome
        self.room.enter(place, _guess(job))
        start = perf_counter()
        try:
            facts = self._one(place, job)
        except ConvError as error:
            return Outcome(job, seconds=perf_counter() - start, error=str(error))
        except MemoryError:
            error_ = "there is not enough memory for this picture, its padding and its result"
            return Outcome(job, seconds=perf_counter() - start, error=error_)
        finally:
            self.room.leave(place)
        return Outcome(job, facts, perf_counter() - start)

    def _one(self, place: int, job: Job) -> Facts:
        """Read, filter and write one picture."""
        image = self._read(job)
        self.room.resize(place, 2 * image.pixels.nbytes)
        result, facts = self.work(image)
        self.room.resize(place, image.pixels.nbytes + result.pixels.nbytes)
        writing = self.writing
        name = parse_format(writing.format) if writing.format else _target_format(job, image)
        notes = _notes(image, result, facts, name)
        chosen = {"quality": writing.quality, "compress": writing.compress}
        if job.target == STREAM:
            self.streams[1].write(encode(result, name, **chosen))
            self.streams[1].flush()
        else:
            _make_folder(Path(job.target).parent)
            try:
                write(job.target, result, format=name, overwrite=writing.overwrite, **chosen)
            except OSError as error:
                raise ImageError(f"can't write: {_reason(error)}") from error
        return replace(facts, notes=notes)

    def _read(self, job: Job) -> Image:
        if self.begun is not None and self.begun.job is job:
            return self.begun.image.take()
        source = self.streams[0].read() if job.source == STREAM else Path(job.source)
        return read(source, max_pixels=self.writing.max_pixels)


def _guess(job: Job) -> int:
    """Guess how much memory a picture will take."""
    try:
        return _UNPACKED * Path(job.source).stat().st_size
    except OSError:
        return 0


def _notes(image: Image, result: Image, facts: Facts, name: str) -> tuple[str, ...]:
    """What the user should know of what is written; refuse what the format can't hold."""
    dtype = result.pixels.dtype.name
    if facts.mapping is Mapping.RAW and dtype not in FORMATS[name].holds:
        raise ImageError(
            f"{name} can't hold the signed floats of --map raw; use --map offset, or -o NAME.tif"
        )
    notes = [*facts.notes, *check_holds(dtype, result.channels, name)]
    notes += left_out(result.meta, name)
    if image.meta.frames > 1:
        notes.append(f"only the first of {image.meta.frames} pictures in the file was filtered")
    return tuple(notes)


def _make_folder(folder: Path) -> None:
    """Make a folder for results, and those above it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise ImageError(f"can't write: {folder} is a file, not a folder") from error
    except NotADirectoryError as error:
        raise ImageError(f"can't write: {folder} is below a file, not a folder") from error
    except OSError as error:
        raise ImageError(f"can't make the folder {folder}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _target_format(job: Job, image: Image) -> str:
    """Return the format that a result's name asks for, or the source's for a pipe."""
    return image.meta.format or "PNG" if job.target == STREAM else format_of(job.target)
