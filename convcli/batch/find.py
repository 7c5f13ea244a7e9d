"""Which images there are: in folders, in lists, and chosen by patterns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import PurePath
from typing import TypeAlias

from convcli.batch.jobs import STREAM, Job, Request
from convcli.batch.patterns import Patterns
from convcli.errors import UsageError
from convcli.image.formats import FORMATS, SUFFIXES, lacks
from convcli.image.recognise import ENOUGH
from convcli.paths import reason, status

#: (source, place below the output folder) of an image.
Found: TypeAlias = tuple[str, str]


def listed(text: bytes, *, null: bool) -> tuple[str, ...]:
    r"""Return the paths that a list names.

    Parameters
    ----------
    text
        One path a line, in the file system's encoding; empty lines count for nothing.
    null
        Whether NUL characters end the paths, as after ``find -print0``, and not line ends.

    Examples
    --------
    >>> listed(b"a.png\nb c.png\n", null=False)
    ('a.png', 'b c.png')
    """
    parts = text.split(b"\0") if null else text.splitlines()
    if not null and b"\0" in text:
        raise UsageError("`list_file`: paths are separated by NUL characters; give `null`, too")
    return tuple(os.fsdecode(part) for part in parts if part)


def find(request: Request) -> tuple[list[Found], list[Job], list[Job]]:
    """Find the images, what can't be looked into, and pictures of folders that can't be read.

    Returns
    -------
    list of (source, place)
        In the order of the inputs, and by name in folders.
    list of Job
        With errors: folders that can't be read, or in which there are no images.
    list of Job
        Files of folders that are pictures by their names, of kinds that aren't read.

    Raises
    ------
    UsageError
        If a pattern is wrong, or the patterns leave none of several images.
    """
    finder = _Finder(request)
    for given in request.inputs:
        finder.add(given, mirrored=False)
    for given in request.listed:
        # What a list calls - is a file: images on standard input can't be told from the list.
        finder.add(f".{os.sep}-" if given == STREAM else given, mirrored=True)
    if finder.left_out and not finder.found and not finder.failed:
        raise UsageError(
            f"`include` and `exclude` leave none of the {finder.left_out} images given"
        )
    return finder.found, finder.failed, finder.unread


def _place_of(given: str, *, mirrored: bool) -> str:
    """Where a file's result stands below the output folder."""
    path = PurePath(given)
    if not mirrored or path.is_absolute() or ".." in path.parts:
        return path.name or given
    return str(path)


class _Finder:
    """What was found so far."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.patterns = Patterns(request.include, request.exclude)
        self.output = None if request.output in (None, STREAM) else _identity(str(request.output))
        self.found: list[Found] = []
        self.failed: list[Job] = []
        self.unread: list[Job] = []
        self.left_out = 0

    def add(self, given: str, *, mirrored: bool) -> None:
        """Add what an argument, or a line of a list, names; `mirrored` if its path is kept."""
        if given == STREAM:
            self.found.append((STREAM, "stdin"))
        elif os.path.isdir(given):  # noqa: PTH112 (a path may hold what no Path can)
            self._add_folder(given, _place_of(given, mirrored=True) if mirrored else "")
        elif self.patterns.take(given):
            self.found.append((given, _place_of(given, mirrored=mirrored)))
        else:
            self.left_out += 1

    def _add_folder(self, folder: str, below: str) -> None:
        """Add the images of a folder; it is a failure if there are none."""
        failures, unread = len(self.failed), len(self.unread)
        images = _without_results([*self._walk(folder, below)], self.request)
        self.found += images
        if not images and len(self.failed) == failures:
            hint = "" if self.request.recursive else "; `recursive` also looks into its folders"
            if self.request.include or self.request.exclude:
                hint += "; `include` and `exclude` choose among them"
            read = " that can be read" if len(self.unread) > unread else ""
            self.failed.append(Job(folder, "", f"no images{read} in this folder{hint}"))

    def _walk(self, folder: str, below: str) -> Iterator[Found]:
        """Yield a folder's images by name; hidden ones, and folders that are links, are not."""
        levels = [self._listing(folder, below)]
        while levels:
            for entry, place in levels[-1]:
                if _is_folder(entry):
                    if self._enters(entry, place):
                        levels.append(self._listing(entry.path, place))
                        break
                elif (unread := _unread(entry.name)) is not None:
                    if unread and _is_picture(entry) and self.patterns.take(place):
                        self.unread.append(Job(entry.path, "", left_out=unread))
                elif _is_file(entry) and self.patterns.take(place):
                    yield entry.path, place
            else:
                levels.pop()

    def _listing(self, folder: str, below: str) -> Iterator[tuple[os.DirEntry[str], str]]:
        """Return what is in a folder, by name, each with its place below the output folder."""
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            self.failed.append(Job(folder, "", f"this folder can't be read: {reason(error)}"))
            return iter(())
        return (
            (entry, os.path.join(below, entry.name))  # noqa: PTH118
            for entry in entries
            if not entry.name.startswith(".")
        )

    def _enters(self, entry: os.DirEntry[str], place: str) -> bool:
        """Whether to look into a folder: not into the one that results go to."""
        if not self.request.recursive or self.patterns.excluded(place):
            return False
        return self.output is None or _identity(entry.path) != self.output


def _unread(name: str) -> str | None:
    """Say why a file isn't read, told from its name: '' if it is no picture; None if it is read."""
    suffix = os.path.splitext(name)[1]  # noqa: PTH122
    format = SUFFIXES.get(suffix.lower())
    if format is not None:
        said = lacks(FORMATS[format])
        return f"{suffix} can't be read: {said}" if said else None
    from convcli.image.foreign.kinds import LEFT_OUT

    kind = LEFT_OUT.get(suffix.lower())
    return "" if kind is None else f"{suffix} can't be read: {kind.way}"


def _is_picture(entry: os.DirEntry[str]) -> bool:
    """Whether a file of an unread kind is one: some endings are other kinds' as well."""
    from convcli.image.foreign.kinds import LEFT_OUT, SHARED
    from convcli.image.foreign.tell import foreign_of

    suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122
    if suffix not in SHARED or not _is_file(entry):
        return _is_file(entry)
    try:
        with open(entry.path, "rb") as file:  # noqa: PTH123
            return foreign_of(file.read(ENOUGH)) is LEFT_OUT[suffix]
    except OSError:
        return True


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether a file's name is one of a file; a link that leads nowhere is one that fails."""
    try:
        return entry.is_file() or (entry.is_symlink() and status(entry.path) is None)
    except OSError:  # links that loop, or lead where one may not look
        return True


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, and no link to one."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _without_results(images: list[Found], request: Request) -> list[Found]:
    """Leave out what an earlier run wrote beside its sources: it is no new image."""
    if request.output is not None or not request.label:
        return images
    ending = f"-{request.label}"
    names = {os.path.splitext(source)[0] for source, _ in images}  # noqa: PTH122

    def is_result(source: str) -> bool:
        stem = os.path.splitext(source)[0]  # noqa: PTH122
        return stem.endswith(ending) and stem.removesuffix(ending) in names

    return [found for found in images if not is_result(found[0])]


def _identity(folder: str) -> tuple[int, int] | None:
    """Two folders of the same identity are the same; None for none."""
    try:
        found = status(folder)
    except OSError:
        return None
    return None if found is None else (found.st_dev, found.st_ino)
