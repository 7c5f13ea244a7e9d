"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from convcli.errors import ImageError

#: Between a target's name and the random end of the temporary file beside it.
MARK = ".convcli-"


def write_atomic(path: str | Path, data: bytes | Iterable[bytes], overwrite: bool = False) -> Path:
    """Write a file so that its name never stands for half of it.

    The content goes to a temporary file in the same folder, to the disk, and then gets its
    name in one step. That step fails if the name is taken, unless `overwrite` is set; even if
    another process took it meanwhile. An error, or Ctrl-C, leaves what was there.

    Parameters
    ----------
    path
        The target. A symbolic link is followed.
    data
        The whole content, or its parts.
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
    path = Path(path)
    target = path.resolve() if path.is_symlink() else path
    _check_target(target, overwrite)
    try:
        _write_beside(target, data, overwrite)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        raise ImageError(f"can't write: {(error.strerror or str(error)).lower()}") from error
    return path


def _check_target(target: Path, overwrite: bool) -> None:
    """Refuse early what would fail late."""
    if target.is_dir():
        raise ImageError("can't write: it is a folder; name a file in it")
    if target.exists() and not overwrite:
        raise _exists(target)
    if target.exists() and not target.is_file():
        raise ImageError("can't write: it is not a regular file; use -o - for standard output")
    if not target.parent.is_dir():
        raise ImageError(f"can't write: there is no folder {str(target.parent)!r}")


def _exists(target: Path) -> ImageError:
    return ImageError(f"{target.name!r} exists; use --overwrite to replace it, or another -o")


def _write_beside(target: Path, data: bytes | Iterable[bytes], overwrite: bool) -> None:
    """Write the temporary file, give it the target's name, and remove it whatever happens."""
    temporary = target.with_name(f"{_stem(target)}{MARK}{os.urandom(6).hex()}")
    try:
        # 0o666: the system takes the umask off, as for any new file (mkstemp would give 0600).
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with open(os.open(temporary, flags, 0o666), "wb") as file:  # noqa: PTH123
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            _keep_mode(target, temporary)
            temporary.replace(target)
        else:
            _claim(temporary, target)
        _sync_folder(target.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _stem(target: Path) -> str:
    """Return a hidden name that leaves room for the random end (names have 255 bytes)."""
    return "." + os.fsdecode(os.fsencode(target.name)[:200].rstrip(b"\x80-\xff"))


def _keep_mode(target: Path, temporary: Path) -> None:
    with suppress(OSError):
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))


def _claim(temporary: Path, target: Path) -> None:
    """Give the temporary file the target's name, failing if that is taken.

    Raises
    ------
    FileExistsError
        If it is.
    """
    try:
        # A hard link fails if the name is taken; a rename would replace the file on POSIX.
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:
        # No hard links here (FAT, some network folders): reserve the name, then rename over it.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            temporary.replace(target)
        except BaseException:
            with suppress(OSError):
                target.unlink()
            raise


def _sync_folder(folder: Path) -> None:
    """Bring the new name to the disk, too, where folders can be synced."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
