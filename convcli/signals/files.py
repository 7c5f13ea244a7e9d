"""Signals as they are typed and kept in files: numbers in place, CSV, `.npy`, WAV."""

from __future__ import annotations

import csv
import io
from fractions import Fraction
from math import isfinite, lcm
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import KernelError, UsageError
from convcli.kernels.exact import PlacedError, quoted
from convcli.kernels.matrix import read_cells
from convcli.kernels.texts import FileKind
from convcli.kernels.typed import decimal_points
from convcli.record import field, record
from convcli.signals import wav

#: A quarter of a gigabyte: 45 minutes of stereo sound.
MAX_BYTES = 2**28
_KIND = FileKind("signal", MAX_BYTES, UsageError)
SUFFIXES = (".csv", ".txt", ".tsv", ".npy", ".wav")
#: Denominators up to which numbers stay exact.
_MOST_DENOMINATOR = 10**12


@record(eq=False)
class Signal:
    """A signal.

    Parameters
    ----------
    name
        Where it is from: a path, or what was typed.
    values
        (samples,) or (samples, channels): int64, Python's integers, or float64.
    divisor
        What integers are divided by: 4 for 1/4, 1/2.
    form
        What a sound file says of its samples; None for other signals.
    notes
        What was left out, each a line.
    file
        Where it was read from; None if it was typed.
    """

    name: str
    values: NDArray[Any] = field(repr=False)
    divisor: int = 1
    form: wav.WavFormat | None = None
    notes: tuple[str, ...] = ()
    file: Path | None = None

    @property
    def fractions(self) -> tuple[Fraction, ...]:
        """The samples, exactly; of one channel."""
        return tuple(Fraction(value) / self.divisor for value in self.values.tolist())


def read_signal(text: str) -> Signal:
    """Read a signal: numbers as they are typed, or a file.

    Parameters
    ----------
    text
        ``'1 2 3'``, ``'[1, 2, 1]/4'``; or a `.csv`, `.txt`, `.tsv`, `.npy` or `.wav` file. A column
        of a table is chosen as in ``data.csv#2`` or ``data.csv#pressure``.

    Raises
    ------
    UsageError
        If it isn't one; with file, line and column where these can be told.
    """
    path, _, column = text.partition("#") if not Path(text).exists() else (text, "", "")
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        if Path(path).is_file():
            raise UsageError(f"{path} is not a signal; expected {', '.join(SUFFIXES)}, or numbers")
        return _typed(text)
    file = Path(path)
    data = _KIND.read(file)
    if suffix in (".npy", ".wav") and column:
        raise UsageError(f"{path} has no columns; write it without '#{column[:40]}'")
    if suffix == ".npy":
        return Signal(path, _from_npy(path, data), file=file)
    if suffix == ".wav":
        return _from_wav(file, data)
    return _from_table(text, file, _KIND.decode(file, data), column)


def _typed(text: str) -> Signal:
    pointed, notes = decimal_points(text)
    try:
        cells, divisor, times = read_cells(pointed)
    except KernelError as error:
        raise UsageError(
            f"{quoted(text)} is neither numbers nor a file of {', '.join(SUFFIXES)}: {error}"
        ) from None
    if len(cells) > 1 and len(cells[0]) > 1:
        raise UsageError(
            f"{quoted(text)} has {len(cells)} rows; a signal has one dimension: for images use "
            f"convcli apply"
        )
    numbers = [cell * times / divisor for row in cells for cell in row]
    values, common = _whole(numbers)
    return Signal(text, values, common, notes=notes)


def _whole(numbers: list[Fraction]) -> tuple[NDArray[Any], int]:
    """Return numbers as integers over a common divisor; as floats if that were too large."""
    common = 1
    for number in numbers:
        common = lcm(common, number.denominator)
        if common > _MOST_DENOMINATOR:
            return np.array([float(number) for number in numbers]), 1
    found = [int(number * common) for number in numbers]
    most = max(map(abs, found))
    return np.array(found, dtype=np.int64 if most < 2**63 else object), common


def _from_npy(path: str, data: bytes) -> NDArray[Any]:
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, OSError, EOFError, MemoryError, SyntaxError, TypeError) as error:
        raise UsageError(f"{path} can't be read: {str(error).splitlines()[0][:120]}") from None
    if isinstance(array, np.ndarray) and array.dtype.kind == "c":
        raise UsageError(
            f"{path} holds complex numbers; expected real ones: convolve their real and their "
            f"imaginary parts apart"
        )
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "buif":
        raise UsageError(f"{path} doesn't hold real numbers; expected integers or floats")
    if array.ndim not in (1, 2) or array.size == 0:
        raise UsageError(
            f"{path} has shape {array.shape}; expected (samples,) or (samples, channels)"
        )
    kind = np.float64 if array.dtype.kind == "f" else np.int64
    return array.astype(object if array.dtype == np.uint64 else kind)


def _from_wav(file: Path, data: bytes) -> Signal:
    try:
        values, form, others = wav.decode(data)
    except UsageError as error:
        raise UsageError(f"{file} can't be read: {error}") from None
    notes = (f"left out of {file}: the chunks {', '.join(others)}",) if others else ()
    plain = values[:, 0] if values.shape[1] == 1 else values
    return Signal(str(file), plain, 1, form, notes, file)


def _from_table(text: str, file: Path, content: str, column: str) -> Signal:
    """Read a column of a table."""
    first = next((line for line in content.split("\n") if line.strip()), "")
    comma = next((mark for mark in "\t;," if mark in first), None)
    if comma:
        rows = [(n, row) for n, row in _csv_rows(content, comma) if any(c.strip() for c in row)]
        if comma != ",":
            rows = [(n, [_pointed(cell) for cell in row]) for n, row in rows]
    else:
        lines = enumerate(content.split("\n"), 1)
        rows = [(n, line.split()) for n, line in lines if line.strip() and line.lstrip()[0] != "#"]
    if not rows:
        raise UsageError(f"{file} is empty; expected numbers, one a line")
    names: list[str] = []
    if not any(map(_is_number, rows[0][1])):
        names = [cell.strip() for cell in rows.pop(0)[1]]
    if not rows:
        raise UsageError(f"{file} has names of columns, and no numbers")
    if len(rows) == 1 and not column and not names:
        cells = [(rows[0][0], k, cell) for k, cell in enumerate(rows[0][1])]
    else:
        k = _which(file, names, len(rows[0][1]), column)
        cells = [(n, k, row[k] if k < len(row) else "") for n, row in rows]
    return Signal(text, _numbers(file, cells), file=file)


def _csv_rows(content: str, comma: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(content), delimiter=comma)
    try:
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise UsageError(f"line {reader.line_num} is no row of a table: {error}") from None


def _which(file: Path, names: list[str], count: int, column: str) -> int:
    """Return the number of the column that is meant."""
    said = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    if not column:
        if count == 1:
            return 0
        have = f"{count} columns" + (f": {said}" if names else "")
        example = names[-1] if names else "1"
        raise UsageError(f"{file} has {have}; say which, such as {file}#{example}")
    if column in names:
        return names.index(column)
    if column.isdecimal() and 1 <= int(column) <= count:
        return int(column) - 1
    have = said or f"1 to {count}"
    raise UsageError(f"{file} has no column {column[:40]!r}; it has {have}")


def _pointed(cell: str) -> str:
    """Return a number with a point for its decimal comma."""
    pointed = cell.replace(",", ".")
    return pointed if cell.count(",") == 1 and _is_number(pointed) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(file: Path, cells: list[tuple[int, int, str]]) -> NDArray[Any]:
    """Return cells of a table as int64 if all are whole, else as float64."""
    found: list[float] = []
    for line, column, cell in cells:
        try:
            number = float(cell)
        except ValueError:
            number = float("nan")
        if not isfinite(number):
            reason = f"{quoted(cell)} is not a finite number" if cell.strip() else "a cell is empty"
            raise PlacedError(reason, line, column + 1, source=str(file))
        found.append(number)
    texts = [cell.strip() for _, _, cell in cells]
    if all(text.lstrip("+-").isdecimal() for text in texts):
        whole = [int(text) for text in texts]
        fits = max(map(abs, whole)) < 2**63
        return np.array(whole, dtype=np.int64 if fits else object)
    return np.array(found)


def as_file(values: NDArray[Any], suffix: str, form: wav.WavFormat | None) -> bytes:
    """Return the bytes of a signal's file.

    Parameters
    ----------
    values
        (samples,) or (samples, channels); for sound those that `in_range` gives.
    suffix
        One of `SUFFIXES`.
    form
        What sound is written as.

    Raises
    ------
    UsageError
        If the suffix is none of these, or sound has no rate.
    """
    suffix = suffix.lower()
    if suffix == ".npy":
        out = io.BytesIO()
        np.save(out, values, allow_pickle=False)
        return out.getvalue()
    if suffix == ".wav":
        if form is None:
            raise UsageError(
                "a sound needs samples a second, and none of these signals is a sound; use .csv "
                "or .npy"
            )
        return wav.encode(values, form)
    if suffix not in SUFFIXES:
        raise UsageError(
            f"{suffix or 'a name without suffix'!r} is no signal's file; "
            f"expected {', '.join(SUFFIXES)}"
        )
    comma = {".csv": ",", ".tsv": "\t"}.get(suffix, " ")
    rows = values.reshape(len(values), -1).tolist()
    return ("\n".join(comma.join(map(repr, row)) for row in rows) + "\n").encode()


def in_range(values: NDArray[Any], form: wav.WavFormat) -> tuple[NDArray[Any], int]:
    """Return samples of a sound, those that don't fit cut off; and how many these are."""
    if form.is_float:
        return values, 0
    low, high = -form.full, form.full - 1
    whole = np.floor(values + 0.5) if values.dtype.kind == "f" else values
    clipped = int(np.count_nonzero((whole < low) | (whole > high)))
    return np.clip(whole, low, high).astype(np.int64), clipped


def loudest(values: NDArray[Any], form: wav.WavFormat) -> NDArray[Any]:
    """Return samples scaled so that the loudest is a full one; silence as it is."""
    peak = max(abs(float(values.min())), abs(float(values.max())))
    full = form.full if form.is_float else form.full - 1
    return values if peak == 0 else values * (full / peak)
