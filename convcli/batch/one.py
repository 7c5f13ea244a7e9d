"""One picture of a batch: read, filtered, written, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from convcli.batch.jobs import STREAM, Job, Outcome, Writing
from convcli.batch.names import exists
from convcli.errors import ConvError, ImageError
from convcli.image.files import encode, read, write
from convcli.image.formats import FORMATS, check_holds, format_of, left_out, parse_format
from convcli.record import record, replace
from convcli.spec import Mapping

if TYPE_CHECKING:
    from convcli.image.picture import Image
    from convcli.pipeline import Facts

    Filter: TypeAlias = Callable[[Image], tuple[Image, Facts]]


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
class Common:
    """What all pictures of a batch have in common.

    Parameters
    ----------
    work
        What is done to a picture.
    writing
        How results are written.
    streams
        Standard input and output.
    """

    work: Filter
    writing: Writing
    streams: tuple[BinaryIO, BinaryIO]

    def do(
        self, job: Job, resize: Callable[[int], None], ahead: Callable[[], Image] | None = None
    ) -> Outcome:
        """Filter a picture and say what came of it.

        Parameters
        ----------
        job
            Which; `foresee` has found nothing against it.
        resize
            Is told the bytes that the picture takes, each time that becomes known.
        ahead
            Gives the picture, if it is being read already.
        """
        start = perf_counter()
        try:
            facts = self._one(job, resize, ahead)
        except ConvError as error:
            return Outcome(job, seconds=perf_counter() - start, error=str(error))
        except MemoryError:
            error_ = "there is not enough memory for this picture, its padding and its result"
            return Outcome(job, seconds=perf_counter() - start, error=error_)
        return Outcome(job, facts, perf_counter() - start)

    def _one(
        self, job: Job, resize: Callable[[int], None], ahead: Callable[[], Image] | None
    ) -> Facts:
        """Read, filter and write one picture."""
        image = self._read(job) if ahead is None else ahead()
        resize(2 * image.pixels.nbytes)
        result, facts = self.work(image)
        resize(image.pixels.nbytes + result.pixels.nbytes)
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
        source = self.streams[0].read() if job.source == STREAM else Path(job.source)
        return read(source, max_pixels=self.writing.max_pixels)


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
