"""What can be said of a file of kernels before it meets an image."""

from __future__ import annotations

from collections import Counter
from math import prod
from pathlib import Path

import numpy as np

from convcli.errors import KernelError
from convcli.kernels.exact import PlacedError, format_number
from convcli.kernels.files import open_file
from convcli.kernels.kernel import Compound, Kernel
from convcli.kernels.registry import canonical, normal
from convcli.record import record

#: A sum within this share of Σ|w| of 0 or 1, but not there, is likely meant to be there.
_NEARLY = 0.02
#: What the sum of a family's kernels is.
_CLAIMS = {
    "smoothing": 1,
    "sharpening": 1,
    "gradient": 0,
    "compass": 0,
    "second-derivative": 0,
    "line": 0,
}


@record
class Checked:
    """One kernel of a file: itself, or what is wrong with it.

    Parameters
    ----------
    name
        What the file calls it; '' if the file can't be read at all.
    kernel
        The kernel; None if there is a mistake.
    error
        The mistake, one line, with file and place; '' if there is none.
    line, column
        Where it is; None if not known.
    warnings
        What is allowed but may not be meant.
    notes
        What is good to know.
    """

    name: str
    kernel: Kernel | Compound | None = None
    error: str = ""
    line: int | None = None
    column: int | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@record
class FileCheck:
    """A file and its kernels.

    Parameters
    ----------
    path
        The file.
    kernels
        Each of its kernels, in the file's order.
    """

    path: str
    kernels: tuple[Checked, ...]

    @property
    def ok(self) -> bool:
        """Whether every kernel can be used."""
        return not any(item.error for item in self.kernels)


def check_file(path: str | Path) -> FileCheck:
    """Read every kernel of a file and say what a user should hear of it; raises nothing.

    Parameters
    ----------
    path
        As for `read_kernel`.
    """
    try:
        loaders = open_file(path)
    except KernelError as error:
        return FileCheck(str(path), (_failed("", error),))
    seen = Counter(normal(name) for name in loaders)
    checked: list[Checked] = []
    for name, load in loaders.items():
        try:
            kernel = load()
        except KernelError as error:
            checked.append(_failed(name, error))
            continue
        twice = (
            ["another kernel of the file differs only in case or hyphens"]
            if seen[normal(name)] > 1
            else []
        )
        warnings = (*twice, *_warnings(kernel))
        checked.append(Checked(name, kernel, warnings=warnings, notes=_notes(kernel)))
    return FileCheck(str(path), tuple(checked))


def _failed(name: str, error: KernelError) -> Checked:
    if isinstance(error, PlacedError):
        return Checked(name, error=str(error), line=error.line, column=error.column)
    return Checked(name, error=str(error))


def _warnings(kernel: Kernel | Compound) -> tuple[str, ...]:
    found = [_clash(kernel)]
    if isinstance(kernel, Kernel):
        found += [_sum(kernel), _empty_edge(kernel)]
    return tuple(warning for warning in found if warning)


def _notes(kernel: Kernel | Compound) -> tuple[str, ...]:
    found = [_anchor(kernel)]
    if isinstance(kernel, Kernel):
        found += [_rank(kernel), *kernel.doubts]
    return tuple(note for note in found if note)


def _clash(kernel: Kernel | Compound) -> str:
    known = canonical(kernel.name)
    if known is None:
        return ""
    also = " too" if known == normal(kernel.name) else f", also called {kernel.name[:64]!r}"
    return f"convcli has a kernel {known!r}{also}; the name alone means that one"


def _sum(kernel: Kernel) -> str:
    """Return what is odd about the sum, if anything."""
    total = kernel.sum
    claim = _CLAIMS.get(kernel.family)
    if total == claim or (claim is None and total in (0, 1)):
        return ""
    shown = format_number(round(total, 6))
    size = float(np.abs(kernel.scaled).sum())
    for goal in (0, 1) if claim is None else (claim,):
        if abs(total - goal) <= _NEARLY * size:
            return f"the sum is {shown}, nearly but not {goal}; is a weight rounded or mistyped?"
    if claim is not None:
        return f"the sum is {shown}, but a {kernel.family} kernel has sum {claim}"
    effect = "brighter" if total > 1 else "darker" if total > 0 else "negative"
    advice = f"; divisor {format_number(total * kernel.divisor)} would keep them" if total else ""
    return f"the sum is {shown}: flat areas become {effect}{advice}"


def _empty_edge(kernel: Kernel) -> str:
    """Return whether rows or columns of zeros surround the weights on all sides."""
    if min(kernel.shape) < 3:
        return ""
    weights = kernel.weights
    rim = (weights[0], weights[-1], weights[:, 0], weights[:, -1])
    if any(side.any() for side in rim) or not weights[1:-1, 1:-1].any():
        return ""
    rows, cols = kernel.shape
    return f"the outermost weights are all 0; {rows - 2}×{cols - 2} would do the same"


def _anchor(kernel: Kernel | Compound) -> str:
    rows, cols = kernel.shape
    if rows % 2 and cols % 2:
        return ""
    return (
        f"the size {rows}×{cols} is even, so there is no centre: the result stands at row "
        f"{rows // 2 + 1}, column {cols // 2 + 1} of the kernel"
    )


def _rank(kernel: Kernel) -> str:
    if min(kernel.shape) == 1 or kernel.rank != 1:
        return ""
    rows, cols = kernel.shape
    return (
        f"separable: a column and a row do the same with {rows + cols} "
        f"multiplications instead of {prod(kernel.shape)}"
    )
