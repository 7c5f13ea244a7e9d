"""Files that appear whole or not at all.

A result is written to a file without a name (`O_TMPFILE`), synced, and then linked to its name,
which fails if that is taken: if the process is killed nothing is left. Where there are no such
files, a locked temporary file in the same folder stands for it; the next batch sweeps away what
nobody has locked any more, if it is a regular file of this user's.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import stat
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import IO, TypeAlias

from convcli.errors import ImageError, TakenError
from convcli.paths import reason, shortened, status

try:
    import fcntl
except ImportError:  # Windows: there an open file can't be removed, which is as good.
    fcntl = None  # type: ignore[assignment]

#: A file's bytes, its parts, or what writes it into an open file.
Content: TypeAlias = bytes | Iterable[bytes] | Callable[[IO[bytes]], None]

#: Between a target's name and the random end of the temporary file beside it.
MARK = ".convcli-"
_TEMPORARY = re.compile(rf"\..*{re.escape(MARK)}[0-9a-f]{{12}}", re.DOTALL)
#: Seconds to wait for a lock, and between two tries.
_PATIENCE, _PAUSE = 1.0, 0.005
#: The system takes the umask off, as for any new file (mkstemp would give 0600).
_MODE = 0o666
#: Where a process finds its open files (Linux).
_OPEN = "/proc/self/fd"
#: AT_FDCWD, and RENAME_NOREPLACE of renameat2(2).
_HERE, _NO_REPLACE = -100, 1
#: What a file system says that has no files without names: open(2) on O_TMPFILE.
_NONE_SUCH = {errno.EOPNOTSUPP, errno.ENOTSUP, errno.EISDIR, errno.EINVAL, errno.ENOSYS}
#: Why a file without a name may not be given one, where one that has a name may.
_NO_LINKS = {errno.EPERM, errno.EACCES, errno.ENOENT, errno.EXDEV, errno.EMLINK} | _NONE_SUCH


def write_atomic(path: str | Path, data: Content, overwrite: bool = False) -> Path:
    """Write a file so that its name never stands for half of it.

    The content goes to a file that has no name yet, or to a temporary one in the same folder; to
    the disk; and then gets its name in one step. That step fails if the name is taken, unless
    `overwrite` is set; even if another process took it meanwhile. An error, or Ctrl-C, leaves
    what was there.

    Parameters
    ----------
    path
        The target. A symbolic link is followed.
    data
        The whole content, or its parts, or what writes it into an open file.
    overwrite
        Whether a file of that name may be replaced. Its permissions are kept.

    Returns
    -------
    Path
        The target.

    Raises
    ------
    ImageError
        If the file exists and `overwrite` is not set, or it can't be written.
    """
    path = target = Path(path)
    try:
        target = _target(path, overwrite)
        handle = _nameless(target.parent)
        if handle is None:
            _write_temporary(target, data, overwrite)
        else:
            _write_nameless(target, handle, data, overwrite)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        raise ImageError(f"can't write: {reason(error)}") from error
    return path


def sweep(folder: str | Path) -> None:
    """Remove what processes that were killed have left in a folder.

    A temporary file that is still being written is locked, and left alone. So is what only has
    such a name: what is no regular file, or another user's.
    """
    with suppress(OSError, ValueError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and _TEMPORARY.fullmatch(entry.name):
                with suppress(OSError):
                    _remove_stale(entry.path)


def _remove_stale(path: str) -> None:
    """Remove a temporary file of one's own that nobody has locked.

    In a folder that others can write to, a name may stand for something else at any time: what
    is looked at is what is opened, and what is opened is what has the name in the end. A name
    that is taken in between can only be another one of this form.
    """
    before = os.lstat(path)
    if not _is_own(before):
        return
    if fcntl is None:
        os.unlink(path)  # noqa: PTH108
        return
    # Nothing is followed, and nobody waited for, if it has been replaced by a link or a FIFO.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        opened = os.fstat(handle)
        if not os.path.samestat(before, opened) or not _is_own(opened):
            return
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.lstat(path), opened):
            os.unlink(path)  # noqa: PTH108
    finally:
        os.close(handle)


def _is_own(found: os.stat_result) -> bool:
    """Whether it is a regular file that belongs to this user."""
    return stat.S_ISREG(found.st_mode) and (
        not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    )


def _target(path: Path, overwrite: bool) -> Path:
    """Return what is to be written, where a link leads; refuse early what would fail late."""
    try:
        found = status(path)
    except NotADirectoryError:
        if os.path.islink(path):  # noqa: PTH114
            raise
        found = None
    if found is not None and stat.S_ISDIR(found.st_mode):
        raise ImageError("can't write: it is a folder; name a file in it")
    if found is not None and not overwrite:
        raise _exists(path)
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise ImageError(
            "can't write: it is not a regular file; use `output` - for standard output"
        )
    target = Path(os.path.realpath(path)) if os.path.islink(path) else path  # noqa: PTH114
    if not os.path.isdir(target.parent):  # noqa: PTH112 (Path raises for some names)
        raise ImageError(f"can't write: there is no folder {str(target.parent)!r}")
    if found is not None and target is not path and not _is_same(target, found):
        raise ImageError("can't write: the file that the link leads to has no name any more")
    return target


def _is_same(path: Path, found: os.stat_result) -> bool:
    """Whether a path leads to a file."""
    now = status(path)
    return now is not None and os.path.samestat(now, found)


def _exists(target: Path) -> ImageError:
    return TakenError(f"{target.name!r} exists; use `overwrite` to replace it, or another name")


def _nameless(folder: Path) -> int | None:
    """Open a file that has no name: nothing is left of it if this process is killed.

    Returns
    -------
    int or None
        Its descriptor; None where the system or the file system has no such files.
    """
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir(_OPEN):  # noqa: PTH112
        return None
    try:
        return os.open(folder, os.O_RDWR | flag, _MODE)
    except OSError as error:
        if error.errno not in _NONE_SUCH:
            raise
        return None


def _write_nameless(target: Path, handle: int, data: Content, overwrite: bool) -> None:
    """Write a file without a name, and give it the target's."""
    with os.fdopen(handle, "w+b") as file:
        _fill(file, data)
        try:
            if not (overwrite and os.path.lexists(target)) and _named(handle, target, overwrite):
                return
            with _removed(_beside(target)) as temporary:
                _name(handle, temporary)
                _replace(temporary, target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            file.seek(0)
            _write_temporary(target, iter(lambda: file.read(2**20), b""), overwrite)


def _name(handle: int, target: Path) -> None:
    """Give an open file a name, failing if that is taken."""
    # With a descriptor, any one, Python calls linkat, which alone can follow the link in /proc.
    os.link(f"{_OPEN}/{handle}", target, src_dir_fd=handle, follow_symlinks=True)


def _named(handle: int, target: Path, overwrite: bool) -> bool:
    """Give an open file a name; whether it has it, where one that was taken may be replaced.

    Raises
    ------
    FileExistsError
        If it is taken, and may not be.
    """
    try:
        _name(handle, target)
    except FileExistsError:
        if not overwrite:
            raise
        return False
    return True


def _write_temporary(target: Path, data: Content, overwrite: bool) -> None:
    """Write a temporary file, give it the target's name, and remove it whatever happens."""
    with _removed(_beside(target)) as temporary, _locked(temporary) as handle:
        # On Windows an open file can't be renamed; elsewhere it is locked while it is open.
        with open(handle, "w+b", closefd=fcntl is None) as file:
            _fill(file, data)
        if overwrite:
            _replace(temporary, target)
        else:
            _claim(temporary, target)


def _beside(target: Path) -> Path:
    """Return a hidden name that leaves room for the random end (names have 255 bytes)."""
    stem = shortened(target.name, 200)
    return target.with_name(f".{stem}{MARK}{os.urandom(6).hex()}")


@contextmanager
def _removed(path: Path) -> Generator[Path, None, None]:
    """Have no file of that name in the end."""
    try:
        yield path
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Generator[int, None, None]:
    """Make a file, locked so that `sweep` leaves it alone."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, _MODE)
    if fcntl is None:
        yield handle
        return
    try:
        _lock(handle)
        if os.fstat(handle).st_nlink:
            yield handle
            return
    finally:
        os.close(handle)
    # It was swept away before it was locked.
    with _locked(path) as handle:
        yield handle


def _lock(handle: int) -> None:
    """Lock a file, unless the file system has no locks, or somebody keeps it locked.

    `sweep` does for a moment; who can read a file could keep it locked for ever.
    """
    end = monotonic() + _PATIENCE
    while monotonic() < end:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(_PAUSE)
        except OSError:
            return
        else:
            return


def _fill(file: IO[bytes], data: Content) -> None:
    """Write the content, and bring it to the disk."""
    if callable(data):
        data(file)
    else:
        file.writelines([data] if isinstance(data, bytes) else data)
    file.flush()
    os.fsync(file.fileno())


def _replace(temporary: Path, target: Path) -> None:
    """Put a file in another one's place, with its permissions."""
    with suppress(OSError):
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))
    temporary.replace(target)


def _claim(temporary: Path, target: Path) -> None:
    """Give the temporary file the target's name, failing if that is taken.

    Raises
    ------
    FileExistsError
        If it is.
    """
    # A hard link fails if the name is taken; a rename would replace the file on POSIX.
    for way in (os.link, _rename_to_free):
        try:
            way(temporary, target)
        except FileExistsError:
            raise
        except OSError:  # no hard links here (FAT, some network folders), or no such rename
            continue
        return
    _reserve(temporary, target)


def _rename_to_free(temporary: Path, target: Path) -> None:
    """Rename a file, failing if the name is taken: Linux alone can, in one step (renameat2).

    Raises
    ------
    OSError
        If the name is taken, or this can't be done here.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # musl, macOS; Windows has no such None
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    here, from_, to = _HERE, os.fsencode(temporary), os.fsencode(target)
    if rename(here, from_, here, to, ctypes.c_uint(_NO_REPLACE)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _reserve(temporary: Path, target: Path) -> None:
    """Take a name with an empty file, and rename over it; an interrupt leaves neither."""
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
        temporary.replace(target)
    except FileExistsError:
        raise
    except BaseException:
        with suppress(OSError):
            if not target.stat().st_size:
                target.unlink()
        raise
