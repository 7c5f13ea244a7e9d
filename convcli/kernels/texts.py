"""Text files that people write: read, decoded, parsed as TOML, mistakes with their place."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Generator
from contextlib import contextmanager, suppress
from errno import EISDIR
from pathlib import Path
from typing import Any, BinaryIO

from convcli.errors import ConvError
from convcli.kernels.exact import PlacedError, line_column
from convcli.record import record

_AT = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")
#: Parts of a dotted key. JUSTIFICATION: Python's parser takes a time that grows with their square:
#: minutes for 100,000 of them, which are 200 kB.
_PARTS = 32
#: What dots within don't count: texts and comments of TOML; one that doesn't end goes to the end.
_QUOTED = (
    r'(?s)"""(?:\\.|[^\\])*?(?:"""|\Z)|'
    r"'''.*?(?:'''|\Z)|"
    r'"(?:\\.|[^"\\\n])*+"?|'
    r"'[^'\n]*+'?|#[^\n]*+"
)
_DOTTED = r'(?<![\w"-])[\w"-]++(?:[ \t]*+\.[ \t]*+[\w"-]++)' + f"{{{_PARTS}}}"


@record
class FileKind:
    """A kind of file.

    Parameters
    ----------
    holds
        What it holds, as `kernel`.
    most
        Bytes that it may have.
    error
        What is raised if it can't be read; a mistake at a place in it is a `PlacedError`.
    """

    holds: str
    most: int
    error: type[ConvError]

    def read(self, file: Path) -> bytes:
        """Return a file's bytes.

        Raises
        ------
        ConvError
            Of the kind's own class, if it is missing, can't be read, or is too large.
        """
        with self.opened(file) as stream:
            data = stream.read(self.most + 1)
        if len(data) > self.most:
            raise self.error(f"{file} is larger than {self.most // 2**20} MB; not a {self.holds}")
        return data

    @contextmanager
    def opened(self, file: Path) -> Generator[BinaryIO, None, None]:
        """Open a file to read of it.

        Raises
        ------
        ConvError
            Of the kind's own class, if it is missing or can't be read.
        """
        try:
            with self.open(file) as stream:
                yield stream
        except FileNotFoundError:
            raise self.error(f"no such file: {file}") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            shown = str(file) if len(str(file)) <= 256 else f"…{str(file)[-99:]}"
            raise self.error(f"{shown!r} can't be read: {reason}") from None

    def open(self, file: Path) -> BinaryIO:
        """Open a file without waiting for anybody: a FIFO without a writer is empty.

        Raises
        ------
        ConvError
            Of the kind's own class, if it is a device.
        OSError
            If the system has something against it.
        """
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
        handle = os.open(file, flags)
        kind = os.fstat(handle).st_mode
        if stat.S_ISDIR(kind) or stat.S_ISCHR(kind) or stat.S_ISBLK(kind):
            os.close(handle)
            if stat.S_ISDIR(kind):
                raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
            raise self.error(
                f"{str(file)!r} can't be read: it is a device, not a file of {self.holds}s"
            )
        with suppress(AttributeError, OSError):
            os.set_blocking(handle, True)
        return os.fdopen(handle, "rb")

    def decode(self, file: Path, data: bytes) -> str:
        """Return a file's text, with a line's end always as one newline.

        Raises
        ------
        ConvError
            Of the kind's own class if it is UTF-16; a `PlacedError` if it isn't UTF-8.
        """
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise self.error(f"{file} is UTF-16; save it as UTF-8")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            column = error.start - data.rfind(b"\n", 0, error.start)
            reason = "a byte that is not UTF-8 text; save it as UTF-8"
            raise PlacedError(reason, line, column, source=str(file)) from None
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def parse_toml(self, file: str | Path, text: str) -> dict[str, Any]:
        """Return what a TOML file says.

        Raises
        ------
        ConvError
            A `PlacedError` if it isn't TOML; of the kind's own class where no place can be told.
        """
        if _is_dotted(text):
            raise self.error(f"{file} has a key of more than {_PARTS} parts; not a {self.holds}")
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            message = str(error)
        except ValueError:
            raise self.error(f"{file} has a number that is too long; not a {self.holds}") from None
        except RecursionError:
            raise self.error(f"{file} is nested too deeply; not a {self.holds}") from None
        match = _AT.search(message)
        if match is None:
            raise self.error(f"{file} is not TOML: {message[:80]}") from None
        line, column = (int(match[1]), int(match[2])) if match[1] else line_column(text, len(text))
        reason = "not TOML: " + message[: match.start()]
        raise PlacedError(reason, line, column, source=str(file)) from None


def _is_dotted(text: str) -> bool:
    """Whether a TOML file has a key of too many parts."""
    return text.count(".") >= _PARTS and bool(re.search(_DOTTED, re.sub(_QUOTED, '""', text)))
