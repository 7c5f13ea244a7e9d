"""Many pictures: which, where to, in what order, and what became of each. Knows no terminal."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, BinaryIO

from convcli.errors import ConvError, ImageError, UsageError
from convcli.image.files import encode, read, write
from convcli.image.formats import FORMATS, SUFFIXES, check_holds, format_of, parse_format
from convcli.image.picture import Image
from convcli.pipeline import Facts

#: What stands for standard input or output.
STREAM = "-"
#: Formats that any of them may be named after.
_PORTABLE = {"PBM", "PGM", "PPM", "PNM"}
_UNSAFE = re.compile(r"[^\w.+]+")


@dataclass(frozen=True)
class Job:
    """One picture's way: from a file or standard input to a file or standard output.

    Parameters
    ----------
    source, target
        Paths, or `-`.
    error
        Why nothing can be done, as for a folder without pictures; '' if something can.
    """

    source: str
    target: str
    error: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a picture.

    Parameters
    ----------
    job
        Where it came from and where it went.
    facts
        What was done; None if nothing was.
    seconds
        How long it took, reading and writing included.
    error
        Why it failed, in one line; '' if it didn't.
    skipped
        Why it was left alone; '' if it wasn't.
    """

    job: Job
    facts: Facts | None = None
    seconds: float = 0.0
    error: str = ""
    skipped: str = ""


@dataclass(frozen=True)
class Writing:
    """How results are written.

    Parameters
    ----------
    format
        The format's name, or None for what the target's name says, or the source's.
    quality, compress
        As the format has them; None for its default.
    overwrite, skip_existing
        What to do when a result is already there; else it is an error.
    max_pixels
        The largest picture that is read; None for the default limit.
    """

    format: str | None = None
    quality: int | None = None
    compress: int | None = None
    overwrite: bool = False
    skip_existing: bool = False
    max_pixels: int | None = None


@dataclass(frozen=True)
class Request:
    """Which pictures, and where results go.

    Parameters
    ----------
    inputs
        Files, folders, or `-`.
    output
        A file, a folder, `-`, or None for beside the source.
    label
        What the kernel is called in a result's name.
    recursive
        Whether folders are entered at every depth.
    writing
        How results are written.
    """

    inputs: Sequence[str]
    output: str | None
    label: str
    recursive: bool = False
    writing: Writing = field(default_factory=Writing)


def label_of(names: Sequence[str]) -> str:
    """Return what a chain of kernels is called in a file name.

    Examples
    --------
    >>> label_of(["gaussian:sigma=2", "sobel-x"])
    'gaussian-sigma-2+sobel-x'
    """
    return "+".join(_UNSAFE.sub("-", name).strip("-") for name in names)[:80] or "filtered"


def plan(request: Request) -> list[Job]:
    """Find the pictures and name the results, before anything is read.

    Raises
    ------
    UsageError
        If the output can't take them: a file for several pictures, two results of one name, a
        result that would overwrite a source.
    """
    found: list[tuple[str, Path]] = []
    failed: list[Job] = []
    for given in request.inputs:
        try:
            found += _expand(given, request)
        except ImageError as error:
            failed.append(Job(given, "", str(error)))
    if request.output == STREAM and len(found) > 1:
        raise UsageError(f"-o - takes one picture, and there are {len(found)}; name a folder")
    target_of = _naming(request, found)
    # A picture that is named twice, as by its folder and by itself, is one job.
    jobs = [*dict.fromkeys(Job(source, target_of(source, place)) for source, place in found)]
    _check_collisions(jobs)
    return jobs + failed


def _expand(given: str, request: Request) -> list[tuple[str, Path]]:
    """(source, place below the output folder) of each picture that an argument names."""
    if given == STREAM:
        return [(STREAM, Path("stdin"))]
    path = Path(given)
    if not _exists(path) or not path.is_dir():
        return [(given, Path(path.name))]
    if not os.access(path, os.R_OK | os.X_OK):
        raise ImageError("this folder can't be read: permission denied")
    walk = path.rglob("*") if request.recursive else path.glob("*")
    pictures = _without_results(sorted(p for p in walk if _is_picture(p) and p.is_file()), request)
    if not pictures:
        hint = "" if request.recursive else "; --recursive also looks into its folders"
        raise ImageError(f"no pictures in this folder{hint}")
    return [(str(p), p.relative_to(path)) for p in pictures]


def _without_results(pictures: list[Path], request: Request) -> list[Path]:
    """Leave out what an earlier run wrote: it is no new picture."""
    if request.output is not None:
        written = Path(request.output).resolve()
        inside = [p for p in pictures if not p.resolve().is_relative_to(written)]
        # A folder whose results go into itself is refused later, by the names of its pictures.
        return inside or pictures
    ending = f"-{request.label}"
    names = {p.with_suffix("") for p in pictures}
    return [
        p
        for p in pictures
        if not p.stem.endswith(ending) or p.with_name(p.stem.removesuffix(ending)) not in names
    ]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _naming(request: Request, found: list[tuple[str, Path]]) -> Callable[[str, Path], str]:
    """Return a function from a source and its place to the target."""
    output, forced = request.output, request.writing.format
    suffix = None
    if forced is not None:
        suffix = FORMATS[_asked("--format", parse_format, forced)].suffixes[0]
    if output == STREAM:
        return lambda source, place: STREAM
    if output is None:
        return partial(_beside, request.label, suffix)
    if _names_folder(output, request, found):
        return partial(_inside, output, suffix)
    if len(found) > 1:
        raise UsageError(
            f"-o {output} names a file, and there are {len(found)} pictures; name a folder"
        )
    if forced is None:
        _asked(f"-o {output}", format_of, output)
    else:
        _check_suffix(output, parse_format(forced))
    return lambda source, place: output


def _check_suffix(output: str, name: str) -> None:
    """Refuse to give one format's content another one's name."""
    named = SUFFIXES.get(Path(output).suffix.lower(), name)
    if named != name and not {named, name} <= _PORTABLE:
        raise UsageError(
            f"--format {name} and -o {output} contradict each other; leave --format out, or "
            f"write -o {Path(output).with_suffix(FORMATS[name].suffixes[0])}"
        )


def _asked(option: str, find: Callable[[str], str], text: str) -> str:
    """Return the format that an option asks for; a wrong one makes the command line wrong."""
    try:
        return find(text)
    except ImageError as error:
        raise UsageError(f"{option}: {error}") from error


def _beside(label: str, suffix: str | None, source: str, place: Path) -> str:
    """Name a result after its source and the kernel."""
    if source == STREAM:
        return STREAM
    path = Path(source)
    return str(path.with_name(f"{path.stem}-{label}{suffix or path.suffix}"))


def _inside(folder: str, suffix: str | None, source: str, place: Path) -> str:
    """Name a result in the output folder as its source."""
    if source == STREAM:
        raise UsageError("a picture from standard input has no name; give -o FILE or -o -")
    return str(Path(folder) / (place.with_suffix(suffix) if suffix else place))


def _names_folder(output: str, request: Request, found: list[tuple[str, Path]]) -> bool:
    path = Path(output)
    if output.endswith(("/", os.sep)):
        return True
    if _exists(path):
        return path.is_dir()
    folders = any(_exists(Path(given)) and Path(given).is_dir() for given in request.inputs)
    return not path.suffix or (folders and not _is_picture(path))


def _check_collisions(jobs: list[Job]) -> None:
    """Refuse results that would overwrite a source, or each other."""
    sources = {_identity(job.source): job.source for job in jobs if job.source != STREAM}
    seen: dict[Any, str] = {}
    for job in jobs:
        if job.target == STREAM:
            continue
        identity = _identity(job.target)
        if identity in sources:
            raise UsageError(
                f"{job.target} is a source, and sources are never overwritten; "
                f"choose another -o, or leave -o out for a new name beside the source"
            )
        if identity in seen:
            raise UsageError(
                f"{seen[identity]} and {job.source} would both be written to {job.target}; "
                f"filter them one by one, or give the folder above them"
            )
        seen[identity] = job.source


def _identity(path: str) -> Any:
    """Two paths with the same identity are the same file."""
    try:
        found = Path(path).stat()
    except OSError:
        return os.path.normcase(Path(path).absolute().parent.resolve() / Path(path).name)
    return found.st_dev, found.st_ino


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
    if job.target != STREAM and _exists(Path(job.target)):
        if writing.skip_existing:
            return Outcome(job, skipped="exists")
        if not writing.overwrite:
            return Outcome(
                job,
                error=f"{job.target} exists already; use --overwrite to replace it, or "
                f"--skip-existing to leave it",
            )
    if job.source != STREAM and not _exists(Path(job.source)):
        return Outcome(job, error="can't be read: no such file or directory")
    return Outcome(job)


def _exists(path: Path) -> bool:
    """Whether something is there, followed to where links lead; not if the name is too long."""
    try:
        path.stat()
    except (OSError, ValueError) as error:
        return getattr(error, "errno", None) in (errno.EACCES, errno.EPERM)
    return True


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
    name = writing.format or _target_format(job, image)
    notes = [*facts.notes, *check_holds(result.pixels.dtype.name, result.channels, name)]
    if image.meta.frames > 1:
        notes.append(f"only the first of {image.meta.frames} pictures in the file was filtered")
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
    return replace(facts, notes=tuple(notes))


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
