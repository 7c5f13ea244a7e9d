"""Where a result goes: in which format, whether the name is free, and its folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from convcli.batch.jobs import STREAM, Job, Writing
from convcli.errors import ImageError
from convcli.image.formats import FORMATS, format_of, parse_format
from convcli.paths import reason, status


def format_for(writing: Writing, job: Job, source: str) -> str:
    """Return the format of a result: as asked, as its name says, or the source's for a pipe."""
    if writing.format:
        return parse_format(writing.format)
    return source or next(iter(FORMATS)) if job.target == STREAM else format_of(job.target)


def found_at(path: str) -> tuple[bool, str]:
    """Return whether a name is taken, and what there is against writing to it; '' if nothing."""
    try:
        found = status(path)
    except OSError as error:
        # To make a folder below a file will fail, and say more.
        below = isinstance(error, NotADirectoryError) and not os.path.islink(path)  # noqa: PTH114
        return False, "" if below else f"can't write {path}: {reason(error)}"
    if found is not None and stat.S_ISDIR(found.st_mode):
        return True, f"can't write {path}: it is a folder; name a file in it"
    return found is not None, ""


@contextmanager
def making_room(target: str) -> Generator[None, None, None]:
    """Make the folder that a result goes into; what the system has against it is one line."""
    _make_folder(Path(target).parent)
    try:
        yield
    except OSError as error:
        raise ImageError(f"can't write: {reason(error)}") from error


def _make_folder(folder: Path) -> None:
    """Make a folder for results, and those above it."""
    try:
        _make_levels(str(folder))
    except FileExistsError as error:
        if str(folder) != error.filename:
            raise ImageError(f"can't write: {folder} is below a file, not a folder") from error
        link = os.path.islink(folder)  # noqa: PTH114
        what = "a link that leads to no folder" if link else "a file, not a folder"
        raise ImageError(f"can't write: {folder} is {what}") from error
    except OSError as error:
        raise ImageError(f"can't make the folder {folder}: {reason(error)}") from error


def _make_levels(folder: str) -> None:
    """Make folders from the highest that is missing on; there may be two thousand of them."""
    missing = []
    while folder and not os.path.isdir(folder):  # noqa: PTH112 (Path raises for some names)
        missing.append(folder)
        folder = os.path.dirname(folder)  # noqa: PTH120
    for level in reversed(missing):
        try:
            os.mkdir(level)  # noqa: PTH102
        except FileExistsError:
            if not os.path.isdir(level):  # noqa: PTH112
                raise
