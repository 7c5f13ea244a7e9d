"""A layer as people write it: a kernel, or a bank in a file; and a bank as a list of kernels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from convcli.errors import KernelError
from convcli.kernels.bank import Bank, stacked
from convcli.kernels.bank_files import parse_settings, read_bank
from convcli.kernels.bank_tables import banks_of
from convcli.kernels.exact import quoted
from convcli.kernels.files import FILE, kernels_of
from convcli.kernels.kernel import AnyKernel
from convcli.kernels.notation import BANK_SUFFIXES, as_bank, parse_kernel
from convcli.kernels.npy import HEAD, shape_of

#: A further parameter of the kernel before: `wavelength=8` in `gabor:theta=45,wavelength=8`.
_PARAMETER = re.compile(r"\s*[\w-]+\s*=")
_WEIGHT = re.compile(r"\s*[+-]?[\d.]+\s*")
_BRACKETS = {"[": 1, "(": 1, "]": -1, ")": -1}


def parse_layer(text: str) -> AnyKernel | Bank:
    """Return the bank or the kernel that a text stands for.

    Parameters
    ----------
    text
        A file of banks, with which of them and where it is laid: `net.safetensors#features.0`,
        `bank.npz:stride=2,padding=1`; or what `parse_kernel` takes.

    Raises
    ------
    KernelError
        If it is none of these, or there is a mistake in it.
    """
    path, name, said = as_bank(text.strip())
    if path and _is_bank(Path(path), name, said):
        return read_bank(path, name, **parse_settings(said, path))
    return parse_kernel(text)


def _is_bank(file: Path, name: str | None, said: str) -> bool:
    """Whether what is meant in a file is a bank, and no kernel."""
    suffix = file.suffix.lower()
    if suffix in BANK_SUFFIXES or said:
        return True
    if suffix == ".npy":
        with FILE.opened(file) as stream:
            shape = shape_of(stream.read(HEAD))
        return shape is not None and len(shape) > 2
    text = FILE.decode(file, FILE.read(file))
    banks = banks_of(file, text)
    kernels = kernels_of(file, text) if banks else {}
    both = [*banks, *kernels] if name is None else {*banks} & {*kernels} & {name}
    if banks and kernels and both:
        raise KernelError(
            f"{file} holds kernels and banks: {', '.join(both)[:200]}; say which"
            + ("" if name is None else ", and rename one")
        )
    return bool(banks) and (name is None or name in banks)


def parse_bank(text: str) -> Bank:
    """Return a bank of 2-D kernels, parted by commas, each a filter over one channel.

    Parameters
    ----------
    text
        Such as `sobel-x,sobel-y,log` or `gabor:theta=0,wavelength=8,gabor:theta=90`.

    Raises
    ------
    KernelError
        If one of them isn't known, or combines several.

    Examples
    --------
    >>> parse_bank("gaussian:sigma=1,size=5,[[1,1],[1,1]]").maps
    ('gaussian:sigma=1,size=5', 'custom')
    """
    kernels = []
    parts = [*_parts(text)]
    if len(parts) > 1 and any(_WEIGHT.fullmatch(part) for part in parts):
        raise KernelError(
            f"{quoted(text)}: commas part kernels here; put a matrix into brackets, as in "
            f"sobel-x,[[0,1,0],[1,-4,1],[0,1,0]]"
        )
    for part in parts:
        if not part.strip():
            raise KernelError(
                f"a name is missing in {text[:64]!r}; expected kernels parted by commas, such as "
                f"sobel-x,sobel-y"
            )
        kernels.append(parse_kernel(part))
    return stacked("bank", kernels)


def _parts(text: str) -> Iterator[str]:
    """Split a text at commas that are in no brackets and before no further parameter."""
    depth, start = 0, 0
    for at, sign in enumerate(text):
        depth += _BRACKETS.get(sign, 0)
        if sign == "," and depth <= 0 and not _is_parameter(text[start:at], text[at + 1 :]):
            yield text[start:at]
            start = at + 1
    yield text[start:]


def _is_parameter(before: str, behind: str) -> bool:
    part = behind.partition(",")[0]
    return ":" in before and ":" not in part.partition("=")[0] and bool(_PARAMETER.match(part))
