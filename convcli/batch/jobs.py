"""What a batch is made of: requests, jobs, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convcli.record import field, record

if TYPE_CHECKING:
    from convcli.pipeline import Facts

#: What stands for standard input or output.
STREAM = "-"


@record
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


@record
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


@record
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


@record
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
