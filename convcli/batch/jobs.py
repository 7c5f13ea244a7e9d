"""What a batch is made of: requests, jobs, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convcli.record import field, record

if TYPE_CHECKING:
    from convcli.image.show.preview import Preview
    from convcli.pipeline import Facts
    from convcli.pipeline.memory import StageMemory

#: What stands for standard input or output.
STREAM = "-"


@record
class Job:
    """One image's way: from a file or standard input to a file or standard output.

    Parameters
    ----------
    source, target
        Paths, or `-`.
    error
        Why nothing can be done, as for a folder without images; '' if something can.
    left_out
        Why a picture of a folder isn't even tried: its kind isn't read; '' if it is.
    """

    source: str
    target: str
    error: str = ""
    left_out: str = ""


def apart(jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
    """Return the jobs that there are to do, and those that are only told of as left out."""
    return [job for job in jobs if not job.left_out], [job for job in jobs if job.left_out]


@record
class Outcome:
    """What became of an image.

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
    preview
        Before and after, made small, if that was asked for.
    stages
        What the image goes through, and the memory that each stage takes, if that was asked for;
        of several frames, the first one's.
    """

    job: Job
    facts: Facts | None = None
    seconds: float = 0.0
    error: str = ""
    skipped: str = ""
    preview: Preview | None = None
    stages: tuple[StageMemory, ...] = ()


@record
class Writing:
    """How results are written, and what is to be seen of them.

    Parameters
    ----------
    format
        The format's name, or None for what the target's name says, or the source's.
    quality, compress
        As the format has them; None for its default.
    overwrite, skip_existing
        What to do when a result is already there; else it is an error.
    max_pixels
        The largest image that is read; None for the default limit.
    lenient
        Whether damaged files are read as far as they go.
    frame
        Which of a file's frames is filtered, counted from 0; None for all.
    compare
        A file for source and result in one image, or None.
    show
        (rows, cols) of pixels that there are to show before and after in, or None.
    stages
        Whether the stages and their memory are to be told.
    volume
        Whether a file's planes are one volume.
    """

    format: str | None = None
    quality: int | None = None
    compress: int | None = None
    overwrite: bool = False
    skip_existing: bool = False
    max_pixels: int | None = None
    lenient: bool = False
    frame: int | None = None
    compare: str | None = None
    show: tuple[int, int] | None = None
    stages: bool = False
    volume: bool = False


@record
class Request:
    """Which images, and where results go.

    Parameters
    ----------
    inputs
        Files, folders, or `-`.
    output
        A file, a folder, `-`, or None for beside the source.
    label
        What the kernel is called in a result's name; '' if nothing is written beside the source.
    recursive
        Whether folders are entered at every depth.
    listed
        Files and folders that a list names; below an output folder they keep their paths.
    include, exclude
        Patterns of what is taken and what is left out.
    writing
        How results are written.
    list_file
        The list itself, or `-`; no result may take its place, as none may a source's.
    kernel_files
        Files that kernels were read from, of which the same holds.
    patch
        The file of a patch that is looked for, or `-`, of which the same holds.
    mask
        The file of a mask, of which the same holds.
    stdin, stdout
        Descriptors of the standard streams, if they have any.
    reports
        Whether more than an image is written to standard output.
    """

    inputs: Sequence[str]
    output: str | None
    label: str
    recursive: bool = False
    listed: Sequence[str] = ()
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    writing: Writing = field(default_factory=Writing)
    list_file: str | None = None
    kernel_files: Sequence[str] = ()
    patch: str | None = None
    mask: str | None = None
    stdin: int | None = None
    stdout: int | None = None
    reports: bool = False


@record
class BatchLimits:
    """How much is done at once.

    Parameters
    ----------
    workers
        Processes.
    threads
        How many each filters an image with.
    timeout
        Seconds that an image may take; None for as long as it likes.
    """

    workers: int
    threads: int
    timeout: float | None = None
