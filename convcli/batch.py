"""Many pictures: which, where to, in what order, and what became of each. Knows no terminal."""

from __future__ import annotations

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
_UNSAFE = re.compile(r"[^A-Za-z0-9._+]+")


@dataclass(frozen=True)
class Job:
    """One picture's way: from a file or standard input to a file or standard output.

    Parameters
    ----------
    source, target
        Paths, or `-`.
    """

    source: str
    target: str


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
    ImageError
        If a folder holds no pictures.
    """
    found: list[tuple[str, Path]] = []
    for given in request.inputs:
        found += _expand(given, request)
    if request.output == STREAM and len(found) > 1:
        raise UsageError(f"-o - takes one picture, and there are {len(found)}; name a folder")
    target_of = _naming(request, found)
    jobs = [Job(source, target_of(source, place)) for source, place in found]
    _check_collisions(jobs)
    return jobs


def _expand(given: str, request: Request) -> list[tuple[str, Path]]:
    """(source, place below the output folder) of each picture that an argument names."""
    if given == STREAM:
        return [(STREAM, Path("stdin"))]
    path = Path(given)
    if not path.is_dir():
        return [(given, Path(path.name))]
    walk = path.rglob("*") if request.recursive else path.glob("*")
    pictures = sorted(p for p in walk if _is_picture(p) and p.is_file())
    # A result of an earlier run beside its source is no new picture.
    ending = f"-{request.label}"
    names = {p.with_suffix("") for p in pictures}
    pictures = [
        p
        for p in pictures
        if not (
            p.stem.endswith(ending)
            and p.with_name(p.stem.removesuffix(ending)) in names
            and request.output is None
        )
    ]
    if not pictures:
        hint = "" if request.recursive else "; --recursive also looks into its folders"
        raise ImageError(f"{given}: no pictures in this folder{hint}")
    return [(str(p), p.relative_to(path)) for p in pictures]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _naming(request: Request, found: list[tuple[str, Path]]) -> Callable[[str, Path], str]:
    """Return a function from a source and its place to the target."""
    output, forced = request.output, request.writing.format
    suffix = FORMATS[parse_format(forced)].suffixes[0] if forced else None
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
    if not forced:
        format_of(output)
    return lambda source, place: output


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
    if path.is_dir() or output.endswith(("/", os.sep)):
        return True
    if path.exists():
        return False
    folders = any(Path(given).is_dir() for given in request.inputs)
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
        if job.target != STREAM and writing.skip_existing and Path(job.target).exists():
            yield Outcome(job, skipped="exists")
            continue
        try:
            facts = _one(job, work, writing, streams)
        except ConvError as error:
            yield Outcome(job, seconds=perf_counter() - start, error=str(error))
        else:
            yield Outcome(job, facts, perf_counter() - start)


def _one(
    job: Job,
    work: Callable[[Image], tuple[Image, Facts]],
    writing: Writing,
    streams: tuple[BinaryIO, BinaryIO],
) -> Facts:
    """Read, filter and write one picture."""
    if job.target != STREAM and not writing.overwrite and Path(job.target).exists():
        raise ImageError(
            f"{job.target} exists already; use --overwrite to replace it, or --skip-existing"
        )
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
        Path(job.target).parent.mkdir(parents=True, exist_ok=True)
        write(job.target, result, format=name, overwrite=writing.overwrite, **chosen)
    return replace(facts, notes=tuple(notes))


def _target_format(job: Job, image: Image) -> str:
    """Return the format that a result's name asks for, or the source's for a pipe."""
    return image.meta.format or "PNG" if job.target == STREAM else format_of(job.target)
