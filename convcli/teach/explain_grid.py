"""A small grid of numbers, typed or in a file, as an image whose samples stand for themselves."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from convcli.errors import ImageError, KernelError
from convcli.image.image import Image
from convcli.kernels.grids import read_csv
from convcli.kernels.matrix import read_cells
from convcli.kernels.texts import FileKind

#: Files that hold a grid, not an image.
SUFFIXES = (".csv", ".txt")
#: Larger files hold no grid that anybody would read.
_MAX_BYTES = 2**24
_KIND = FileKind("number", _MAX_BYTES, ImageError)

#: A bright corner: along its left edge brightness grows to the right, along its top edge down.
BUILT_IN = "0 0 0 0 0; 0 0 0 0 0; 0 0 10 10 10; 0 0 10 10 10; 0 0 10 10 10"


def typed_grid(text: str) -> Image:
    """Read a grid as a matrix is typed: `1 1 1 0; 1 1 0 0`.

    Raises
    ------
    ImageError
        If it isn't one.

    Examples
    --------
    >>> typed_grid("1 2; 3 4").pixels.tolist()
    [[1, 2], [3, 4]]
    """
    try:
        cells, divisor, times = read_cells(text)
    except KernelError as error:
        raise ImageError(f"the grid can't be read: {_of_numbers(error)}") from None
    return _image([[cell * times / divisor for cell in row] for row in cells])


def read_grid(path: str) -> Image:
    """Read a grid from a file of rows of numbers, between commas, blanks, tabs or semicolons.

    Raises
    ------
    ImageError
        If there is no such file, or no grid in it.
    """
    try:
        with _KIND.open(Path(path)) as file:
            data = file.read(_MAX_BYTES + 1)
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise ImageError(f"{path}: can't be read: {(error.strerror or '').lower()}") from None
    except ValueError:
        raise ImageError(f"{path}: not a text of numbers") from None
    if len(data) > _MAX_BYTES:
        raise ImageError(f"{path}: larger than {_MAX_BYTES // 2**20} MB; not a small grid")
    try:
        return _image(read_csv(text)[0])
    except KernelError as error:
        raise ImageError(f"{path}: {_of_numbers(error)}") from None


def _of_numbers(error: KernelError) -> str:
    """What is wrong with a matrix, said of a grid, which has no weights."""
    return str(error).replace("weight", "number").replace("the matrix", "the grid")


def _image(cells: Sequence[Sequence[Fraction]]) -> Image:
    """Bytes if the numbers are, else 16 bits, else float64."""
    numbers = [cell for row in cells for cell in row]
    kind: type = np.float64
    if all(cell.denominator == 1 and cell >= 0 for cell in numbers):
        most = max(numbers)
        kind = np.uint8 if most < 2**8 else np.uint16 if most < 2**16 else np.float64
    return Image(np.array([[float(cell) for cell in row] for row in cells]).astype(kind))
