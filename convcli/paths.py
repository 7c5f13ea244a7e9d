"""What is at a path, whatever the system has against its name."""

from __future__ import annotations

import errno
import os
import stat
from typing import TypeAlias, Union

#: A path, or the descriptor of an open file.
Place: TypeAlias = Union[str, "os.PathLike[str]", int]
#: What two paths of the same file have in common: device and number, or a name that is free.
Identity: TypeAlias = tuple[int, int] | str


def status(place: Place) -> os.stat_result | None:
    """Return what is at a path, where links lead; None if nothing is.

    Raises
    ------
    OSError
        If that can't be told: links that loop, a folder that may not be entered or is none, a
        name that no file can have.
    """
    try:
        return os.stat(place)  # noqa: PTH116 (a third of Path's time)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise OSError(errno.EINVAL, "no file can have this name") from error


def reason(error: OSError) -> str:
    """Return what the system has against something, in its words.

    Examples
    --------
    >>> reason(PermissionError(13, "Permission denied"))
    'permission denied'
    """
    return (error.strerror or str(error)).lower()


def told(error: OSError) -> str:
    """Return what the system has against something, and against which file, if that is known."""
    name = error.filename2 or error.filename
    if isinstance(name, bytes | str):
        return f"{os.fsdecode(name)}: {reason(error)}"
    return reason(error)


def shortened(name: str, most: int) -> str:
    """Return the beginning of a name: whole characters, and at most so many bytes.

    Systems count a name's bytes, and some take no half characters.

    Examples
    --------
    >>> shortened("naïve", 3)
    'na'
    """
    coded = os.fsencode(name)
    if len(coded) <= most:
        return name
    # A character has four bytes at most, all but the first 10xxxxxx (UTF-8).
    ends = (end for end in range(most, max(-1, most - 4), -1) if coded[end] & 0xC0 != 0x80)
    return os.fsdecode(coded[: next(ends, most)])


def is_regular(place: Place) -> bool:
    """Whether a regular file is there, and nothing is against its name."""
    try:
        found = status(place)
    except OSError:
        return False
    return found is not None and stat.S_ISREG(found.st_mode)


class Identities:
    """What tells whether two paths are the same file."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def of(self, path: str) -> Identity:
        """Return the same for two paths of the same file, be it there or not."""
        try:
            found = status(path)
        except OSError:
            found = None
        return self._name(path) if found is None else (found.st_dev, found.st_ino)

    def of_result(self, path: str) -> Identity:
        """Return the same for two paths if what is written to one replaces the other.

        A result takes the place of a name: the other names that its file may have are left.
        """
        try:
            found = status(path)
        except OSError:
            found = None
        if found is None or found.st_nlink > 1:
            return self._name(path)
        return found.st_dev, found.st_ino

    def of_open(self, descriptor: int | None) -> Identity | None:
        """Return an open file's; None for what isn't a regular one, as a pipe or a terminal."""
        if descriptor is None or not is_regular(descriptor):
            return None
        found = os.fstat(descriptor)
        return found.st_dev, found.st_ino

    def _name(self, path: str) -> str:
        """Return a name without links."""
        if os.path.islink(path):  # noqa: PTH114
            return os.path.normcase(_real(path))
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = _real(folder)
        return os.path.normcase(os.path.join(self._folders[folder], name))  # noqa: PTH118


def _real(path: str) -> str:
    """Return where links lead; the path itself if that can't be told."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # as where the folder that one is in has been removed
        return path
