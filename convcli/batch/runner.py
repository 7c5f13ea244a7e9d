"""Doing the jobs: read, filter, write; one that fails doesn't stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

from convcli.batch.jobs import STREAM, Job, Outcome, Writing
from convcli.batch.names import exists
from convcli.errors import ConvError, ImageError
from convcli.image.files import encode, read, write
from convcli.image.formats import FORMATS, check_holds, format_of, left_out, parse_format
from convcli.image.picture import Image
from convcli.pipeline import Facts
from convcli.spec import Mapping


def run(
    jobs: Sequence[Job],
    work: Callable[[Image], tuple[Image, Facts]],
    writing: Writing,
    streams: tuple[BinaryIO, BinaryIO],
) -> Iterator[Outcome]:
    """Filter pictures one after the other; one that fails doesn't stop the others.

    Parameters
    ----------
    jobs
        As `plan` made them.
    work
        What to do with a picture.
    writing
        How results are written.
    streams
        Standard input and output.
    """
    for job in jobs:
        start = perf_counter()
        outcome = foresee(job, writing)
        if outcome.error or outcome.skipped:
            yield outcome
            continue
        try:
            facts = _one(job, work, writing, streams)
        except ConvError as error:
            yield Outcome(job, seconds=perf_counter() - start, error=str(error))
        except MemoryError:
            error_ = "there is not enough memory for this picture, its padding and its result"
            yield Outcome(job, seconds=perf_counter() - start, error=error_)
        else:
            yield Outcome(job, facts, perf_counter() - start)


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


def _one(
    job: Job,
    work: Callable[[Image], tuple[Image, Facts]],
    writing: Writing,
    streams: tuple[BinaryIO, BinaryIO],
) -> Facts:
    """Read, filter and write one picture."""
    source = streams[0].read() if job.source == STREAM else Path(job.source)
    image = read(source, max_pixels=writing.max_pixels)
    result, facts = work(image)
    name = parse_format(writing.format) if writing.format else _target_format(job, image)
    notes = _notes(image, result, facts, name)
    chosen = {"quality": writing.quality, "compress": writing.compress}
    if job.target == STREAM:
        streams[1].write(encode(result, name, **chosen))
        streams[1].flush()
    else:
        _make_folder(Path(job.target).parent)
        try:
            write(job.target, result, format=name, overwrite=writing.overwrite, **chosen)
        except OSError as error:
            raise ImageError(f"can't write: {_reason(error)}") from error
    return replace(facts, notes=notes)


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
