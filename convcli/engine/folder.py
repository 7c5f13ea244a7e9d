"""The store of compiled loops: files in the user's cache folder, whole or not used."""

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


def read(key: tuple[str, ...]) -> bytes | None:
    """Return what an earlier process kept under a key; None if there is nothing that is whole."""
    path = path_of(key)
    if path is None:
        return None
    try:
        data = path.read_bytes()
    except OSError:
        return None
    head = len(_MAGIC) + _DIGEST
    content = data[head:]
    return content if data[:head] == _MAGIC + _digest(key, content) else None


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
        found = place.stat()
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return None
    # Code is loaded from here: nobody else may be able to put any in.
    if hasattr(os, "getuid") and (
        found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        return None
    return place


def _user_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
