"""The store of compiled loops: files in the user's cache folder, whole or not used.

Code is loaded from here. So a file is used only if it is one of the user's own that nobody else can
write, in a folder of which the same is true; and nothing is opened that could be waited for.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from convcli.engine.fingerprint import fingerprint

# JUSTIFICATION: hashlib is the public name, and takes 3 ms to import, for OpenSSL's library.
try:
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

#: Set to a folder to keep compiled loops there; set but empty to keep none.
STORE_VARIABLE = "CONVCLI_CACHE"

#: What every file begins with; the digit is for the layout of what follows.
_MAGIC = b"convcli2"
_DIGEST = 32
#: Bytes of a file beyond which it is none of ours; a loop takes some 12 kB.
_MOST = 2**24
#: A link isn't followed, and a FIFO without a writer isn't waited for.
_READING = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
    _READING |= getattr(os, _flag, 0)
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def read(key: tuple[str, ...]) -> bytes | None:
    """Return what an earlier process kept under a key; None if there is nothing that is whole."""
    path = path_of(key)
    if path is None:
        return None
    data = _read_own(path)
    head = len(_MAGIC) + _DIGEST
    content = data[head:]
    return content if data[:head] == _MAGIC + _digest(key, content) else None


def _read_own(path: Path) -> bytes:
    """Return what a regular file of the user's own holds; nothing of any other."""
    try:
        handle = os.open(path, _READING)
    except OSError:
        return b""
    try:
        found = os.fstat(handle)
        # Who has another name for a file may have been let in where that name is.
        usual = stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_size <= _MOST
        return os.read(handle, found.st_size + 1) if usual and _is_own(found) else b""
    except OSError:
        return b""
    finally:
        os.close(handle)


def _is_own(found: os.stat_result) -> bool:
    """Whether something belongs to the user, and nobody else can write to it."""
    if not hasattr(os, "geteuid"):
        return True
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_WRITE


def write(key: tuple[str, ...], content: bytes) -> None:
    """Keep something under a key; other processes see it whole or not at all.

    A store that can't be written costs time, never a result: nothing is raised.
    """
    path = path_of(key)
    if path is None:
        return
    import tempfile

    with suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + _digest(key, content) + content)
            Path(temporary).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise


def path_of(key: tuple[str, ...]) -> Path | None:
    """Return where something is kept; None if nothing can be."""
    place = folder()
    if place is None:
        return None
    name = blake2b(_joined(key), key=_identity(), digest_size=16).hexdigest()
    return place / f"{key[0]}-{name}.code"


def _digest(key: tuple[str, ...], content: bytes) -> bytes:
    """Of the key, too: a file under another one's name is not taken for it."""
    return blake2b(_joined(key) + content, key=_identity(), digest_size=_DIGEST).digest()


@cache
def _identity() -> bytes:
    return blake2b(fingerprint(), digest_size=_DIGEST).digest()


def _joined(key: tuple[str, ...]) -> bytes:
    return b"".join(b"%d:%s" % (len(part), part) for part in map(str.encode, key))


@cache
def folder() -> Path | None:
    """Return the folder of compiled loops, made if missing; None if no safe one can be had."""
    chosen = os.environ.get(STORE_VARIABLE)
    if chosen == "":
        return None
    try:
        place = Path(chosen) if chosen else _user_cache() / "convcli"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        return place if _is_own(place.stat()) and _stays(place) else None
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return None


def _stays(place: Path) -> bool:
    """Whether nobody else can put another folder in this one's place, or lead it elsewhere."""
    if not hasattr(os, "geteuid"):
        return True
    ways = {Path(os.path.abspath(place)), Path(os.path.realpath(place))}  # noqa: PTH100
    above = {folder for way in ways for folder in (way, *way.parents)} - {*ways}
    links = [way for way in ways if way.is_symlink()]
    return all(_keeps(folder.lstat()) for folder in (*above, *links))


def _keeps(found: os.stat_result) -> bool:
    """Whether others can't rename what is in a folder; those of one's own group are trusted.

    Where everybody has a group of their own, folders are often writable by it.
    """
    if found.st_uid not in (0, os.geteuid()):
        return False
    if stat.S_ISLNK(found.st_mode) or found.st_mode & stat.S_ISVTX:
        return True
    theirs = 0 if found.st_gid == os.getegid() else stat.S_IWGRP
    return not found.st_mode & (stat.S_IWOTH | theirs)


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    # "XDG Base Directory Specification": a path that isn't absolute is to be ignored.
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return chosen if chosen.is_absolute() else Path.home() / ".cache"
