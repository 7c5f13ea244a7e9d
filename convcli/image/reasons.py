"""What a library's exception means, in words for whoever has the file.

Libraries raise anything on files that they don't expect: their own names of functions and codes,
and Python's words on what went wrong in their code. Neither is shown.
"""

from __future__ import annotations

import re

#: Exceptions that speak of the program that raised them, never of the file.
_INTERNAL = (LookupError, TypeError, AttributeError, NameError, ImportError, AssertionError,
             ArithmeticError, UnicodeError, RecursionError, StopIteration)  # fmt: skip
#: What a sentence about a file doesn't have: names of functions and constants, calls, reprs,
#: containers, numbered errors, and Python's own phrases.
_CODE = re.compile(
    r"_|\(\W|[\[\]{}<>=@]|\b0x|::|\\x|\b[a-z]+[A-Z]\w*|\b[A-Z][a-z]+[A-Z]\w*|\berrno\b|-\d"
    r"|\b([Bb]uffer|dimensions|we|driver|object|argument|unpack|format string|dtype|array|NULL"
    r"|None|tuple|int|str|Pillow|PIL|reshape\w*|literal|decoder|codec|closed file|utf-8)\b",
)
#: How libraries say that they don't read a kind of file.
_UNREAD = re.compile(r"(?i)\bnot (yet )?(implemented|supported)|\bunsupported|\bonly support")
#: As much as is shown of it.
_LONGEST = 120
SILENT = "what it holds makes no sense"


def reason(error: BaseException) -> str:
    """Return why a file can't be read, in a few words.

    The library's own are kept if they are words, and speak of the file.

    Examples
    --------
    >>> reason(OSError("IDAT: CRC error"))
    'IDAT: CRC error'
    >>> reason(KeyError(32809))
    'what it holds makes no sense'
    >>> reason(RuntimeError("imcd_lzw_decode returned IMCD_LZW_CORRUPT"))
    'what it holds makes no sense'
    """
    words = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, _INTERNAL) or type(error).__module__ in ("struct", "zlib"):
        return SILENT
    if len(words) > _LONGEST or " " not in words or _CODE.search(words):
        return SILENT
    return words


def is_unread(error: BaseException) -> bool:
    """Whether an exception speaks of a kind of file that isn't read, rather than of damage.

    Examples
    --------
    >>> is_unread(OSError("Fractional sampling not implemented yet"))
    True
    """
    return isinstance(error, NotImplementedError) or bool(_UNREAD.search(str(error)))


def describe(error: BaseException, what: str) -> str:
    """Return one line on an exception.

    Parameters
    ----------
    error
        What a library raised.
    what
        What it means if the file is to blame, such as `the PNG file is damaged`.

    Examples
    --------
    >>> describe(NotImplementedError("no such predictor"), "the TIFF file is damaged")
    "it is of a kind that isn't read: no such predictor"
    """
    words = reason(error)
    if is_unread(error) and what.endswith("damaged"):
        return "it is of a kind that isn't read" + ("" if words == SILENT else f": {words}")
    if isinstance(error, ImportError):
        return "a library for such files is missing or damaged: install convcli again"
    return f"{what}: {words}"
