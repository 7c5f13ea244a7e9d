"""Which pictures there are, and what their results are called, before anything is read."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from convcli.batch.find import Found, find
from convcli.batch.jobs import STREAM, Job, Request
from convcli.errors import ImageError, UsageError
from convcli.image.formats import FORMATS, SUFFIXES, format_of, parse_format

#: Formats that any of them may be named after.
_PORTABLE = {"PBM", "PGM", "PPM", "PNM"}
_UNSAFE = re.compile(r"[^\w.+]+")


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
        result that would overwrite a source. Or if the patterns leave none of the pictures.
    """
    found, failed = find(request)
    if request.output == STREAM and len(found) > 1:
        raise UsageError(f"-o - takes one picture, and there are {len(found)}; name a folder")
    target_of = _naming(request, found)
    # A picture that is named twice, as by its folder and by itself, is one job.
    jobs = [*dict.fromkeys(Job(source, target_of(source, place)) for source, place in found)]
    _check_collisions(jobs)
    if request.writing.compare is not None:
        _check_compare(jobs + failed, request.writing.compare)
    return jobs + failed


def _naming(request: Request, found: list[Found]) -> Callable[[str, str], str]:
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


def _beside(label: str, suffix: str | None, source: str, place: str) -> str:
    """Name a result after its source and the kernel."""
    if source == STREAM:
        return STREAM
    stem, own = os.path.splitext(source)  # noqa: PTH122
    return f"{stem}-{label}{suffix or own}"


def _inside(folder: str, suffix: str | None, source: str, place: str) -> str:
    """Name a result in the output folder as its source."""
    if source == STREAM:
        raise UsageError("a picture from standard input has no name; give -o FILE or -o -")
    name = os.path.splitext(place)[0] + suffix if suffix else place  # noqa: PTH122
    return os.path.join(folder, name)  # noqa: PTH118


def _names_folder(output: str, request: Request, found: list[Found]) -> bool:
    path = Path(output)
    if output.endswith(("/", os.sep)):
        return True
    if exists(path):
        return path.is_dir()
    folders = any(exists(Path(given)) and Path(given).is_dir() for given in request.inputs)
    return not path.suffix or (folders and path.suffix.lower() not in SUFFIXES)


def _check_collisions(jobs: list[Job]) -> None:
    """Refuse results that would overwrite a source, or each other."""
    identity = _Identities()
    sources = {identity.of(job.source) for job in jobs if job.source != STREAM}
    seen: dict[Any, str] = {}
    for job in jobs:
        if job.target == STREAM:
            continue
        found = identity.of(job.target)
        if found in sources:
            raise UsageError(
                f"{job.target} is a source, and sources are never overwritten; "
                f"choose another -o, or leave -o out for a new name beside the source"
            )
        if found in seen:
            raise UsageError(
                f"{seen[found]} and {job.source} would both be written to {job.target}; "
                f"leave --format out, filter them one by one, or give the folder above them"
            )
        seen[found] = job.source


def _check_compare(jobs: list[Job], path: str) -> None:
    """Refuse a file for source and result that is one of them, or that would be for many."""
    option = f"--compare {path}"
    if len(jobs) > 1:
        raise UsageError(f"{option}: compares one picture, and there are {len(jobs)}")
    if path == STREAM or path.endswith(("/", os.sep)) or os.path.isdir(path):  # noqa: PTH112
        raise UsageError(f"{option}: name a file, such as both.png")
    _asked(option, format_of, path)
    identity = _Identities()
    for job in jobs:
        for what, other in (("source", job.source), ("result", job.target)):
            if other != STREAM and identity.of(other) == identity.of(path):
                raise UsageError(f"{option}: is the {what} itself; name another file")


class _Identities:
    """What tells whether two paths are the same file."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def of(self, path: str) -> Any:
        """Return the same for two paths of the same file, be it there or not."""
        try:
            found = os.stat(path)  # noqa: PTH116
        except (OSError, ValueError):
            folder, name = os.path.split(path)
            if folder not in self._folders:
                self._folders[folder] = os.path.realpath(folder)
            return os.path.normcase(os.path.join(self._folders[folder], name))  # noqa: PTH118
        return found.st_dev, found.st_ino


def exists(path: Path) -> bool:
    """Whether something is there, followed to where links lead; not if the name is too long."""
    try:
        path.stat()
    except (OSError, ValueError) as error:
        return getattr(error, "errno", None) in (errno.EACCES, errno.EPERM)
    return True
