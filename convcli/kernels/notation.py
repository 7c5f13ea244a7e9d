"""A kernel as people write it: a name, a matrix, or a file."""

from __future__ import annotations

import re
from os.path import isfile, splitext  # pathlib takes 0.1 ms each time
from typing import TYPE_CHECKING

from convcli.errors import KernelError
from convcli.kernels.registry import canonical, get_kernel

if TYPE_CHECKING:
    from convcli.kernels.kernel import Compound, Kernel

#: Files that hold kernels.
SUFFIXES = (".toml", ".csv", ".tsv", ".txt", ".mat", ".json", ".npy")
#: Files that hold banks of filters only.
BANK_SUFFIXES = (".npz", ".safetensors")
#: A file of banks, which of them, and what is said of it: bank.npz#conv1:stride=2.
_BANK = re.compile(
    r"(?P<path>.+?\.(?:npz|safetensors|npy|toml))(?:#(?P<name>.*?))?(?::(?P<said>\s*\w+\s*=.*))?",
    re.IGNORECASE,
)
_IMAGES = (
    *(".avif", ".bmp", ".exr", ".gif", ".heic", ".jp2", ".jpeg", ".jpg", ".jxl", ".pgm"),
    *(".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
_MATRIX = re.compile(r"[\[(]|[+−-]?[.,]?[0-9]|convolution=")


def parse_kernel(text: str) -> Kernel | Compound:
    """Return the kernel that a text stands for.

    Parameters
    ----------
    text
        A file if it ends in one of `SUFFIXES` (before any ``#name``), a matrix if it begins
        with a bracket or a number, else a name with or without parameters.

    Raises
    ------
    KernelError
        If it is none of these, or there is a mistake in it.

    Examples
    --------
    >>> parse_kernel("0 -1 0; -1 5 -1; 0 -1 0").sum
    1.0
    >>> parse_kernel("gaussian:2").name
    'gaussian:sigma=2'
    """
    stripped = text.strip()
    if not stripped:
        raise KernelError(
            "no kernel given; expected a name such as sobel, a matrix such as "
            "'0 -1 0; -1 5 -1; 0 -1 0', or a file"
        )
    path, name = _as_file(stripped)
    if path:
        from convcli.kernels.files import read_kernel

        return read_kernel(path, name)
    if canonical(stripped) is None:
        _refuse_path(stripped)
        if _MATRIX.match(stripped):
            return _matrix(text)
    return get_kernel(stripped)


def names_file(text: str) -> bool:
    """Whether a text names a kernel file, whose content may change."""
    return file_of(text) != ""


def file_of(text: str) -> str:
    """Return the file that a kernel's text names; '' if it names none.

    Examples
    --------
    >>> file_of("mine.toml#ridge"), file_of("sobel")
    ('mine.toml', '')
    """
    return _as_file(text.strip())[0] or as_bank(text.strip())[0]


def as_bank(text: str) -> tuple[str, str | None, str]:
    """Return path, name and settings of a text that may name a bank; '' if it can't.

    Examples
    --------
    >>> as_bank("net.safetensors#features.0:stride=4,padding=2")
    ('net.safetensors', 'features.0', 'stride=4,padding=2')
    """
    match = _BANK.fullmatch(text)
    if match is None:
        return "", None, ""
    path, name, said = match.group("path", "name", "said")
    return (text, None, "") if "#" in text and _exists(text) else (path, name or None, said or "")


def _as_file(text: str) -> tuple[str, str | None]:
    """Path and name of `mine.toml#name`; '' if it isn't a kernel file."""
    if "\n" in text:
        return "", None
    if text.lower().endswith(SUFFIXES):
        whole = "#" not in text or _exists(text)
        if whole:
            return text, None
    path, mark, name = text.partition("#")
    if path.lower().endswith(SUFFIXES) and splitext(path)[1]:  # noqa: PTH122
        return path, name.strip() if mark and name.strip() else None
    return "", None


def _refuse_path(text: str) -> None:
    """Refuse a text that names a file of another kind."""
    suffix = splitext(text)[1].lower()  # noqa: PTH122
    if suffix in _IMAGES:
        raise KernelError(
            f"{text[:60]!r} looks like an image; expected a kernel first, then images: "
            f"convcli apply KERNEL IMAGE"
        )
    if as_bank(text)[0]:
        raise KernelError(f"{text[:60]!r} names a bank of filters; expected a kernel here")
    looks = text.startswith(("./", "../", "/", "~", ".\\", "..\\")) or "\\" in text
    if looks or (_exists(text) and not _MATRIX.match(text)):
        raise KernelError(f"{text[:60]!r} is not a kernel file; those end in {', '.join(SUFFIXES)}")


def _exists(text: str) -> bool:
    try:
        return isfile(text)  # noqa: PTH113
    except ValueError:
        return False


def _matrix(text: str) -> Kernel:
    from convcli.kernels.typed import read_typed, typed_kernel

    try:
        return typed_kernel("custom", read_typed(text))
    except KernelError as error:
        raise KernelError(f"looks like a matrix, but {error}") from None
