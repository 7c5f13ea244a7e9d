"""Numbers as people write them, kept exactly, and the mistakes made in writing them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from math import lcm
from numbers import Rational, Real
from typing import TYPE_CHECKING, Any, TypeAlias

from convcli.errors import KernelError
from convcli.record import field, record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: The largest kernel, in taps a side.
MAX_TAPS = 1001
#: Weights whose denominators have a common multiple up to here are kept as whole numbers.
MAX_DENOMINATOR = 10**6
#: Whole numbers up to here are exact in double precision.
_EXACT = 2**53
#: Larger numbers overflow single precision once they meet an image.
_LARGEST = 10**30
_MOST_DIGITS = 400
_ONE = Fraction(1)

Cells: TypeAlias = list[list[Fraction]]

# No stretch of digits can be matched in two ways: a hundred thousand would take hours.
_DECIMAL = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER = re.compile(rf"({_DECIMAL})(?:/({_DECIMAL}))?")
_COMPLEX = re.compile(rf"\(?(?:{_DECIMAL})?[+-]?(?:{_DECIMAL})?\*?[ijIJ]\)?")
EXPECTED = "expected a number such as 5, -0.5, 1e-3 or 1/9"


class PlacedError(KernelError):
    """A mistake in something that was written, and where it is.

    Parameters
    ----------
    reason
        What is wrong, one line.
    line, column
        Where, counted from 1; None if not known.
    key
        The key of the table in which it is, or ''.
    cell
        (row, column) of the weight, counted from 0, where the text itself isn't known.
    source
        What it is in, such as the name of a file.
    """

    def __init__(
        self,
        reason: str,
        line: int | None = None,
        column: int | None = None,
        key: str = "",
        cell: tuple[int, int] | None = None,
        source: str = "",
    ) -> None:
        where = [source] if source else []
        where += [] if line is None else [f"line {line}", f"column {column}"]
        super().__init__(": ".join([", ".join(where), reason] if where else [reason]))
        self.reason = reason
        self.line, self.column = line, column
        self.key = key
        self.cell = cell


@record
class Matrix:
    """Weights and what their sum is divided by, as they were written and as a `Kernel` takes them.

    Parameters
    ----------
    weights
        Rows of one length.
    divisor
        Not 0.
    denominator
        What the weights are whole numbers over; None for floats that are taken as they are.
    threshold
        As for a `Kernel`.
    """

    weights: Sequence[Sequence[float]]
    divisor: float = 1
    denominator: float | None = None
    threshold: float = field(default=0, repr=False)

    @property
    def array(self) -> NDArray[np.float64]:
        """The weights as an array."""
        import numpy as np

        return np.array(self.weights, dtype=np.float64)


@lru_cache(maxsize=4096)
def parse_number(text: str) -> Fraction:
    """Read `5`, `-.5`, `1e-3` or `1/9` exactly.

    Raises
    ------
    KernelError
        If it isn't a number, its divisor is 0, or it is beyond ±1e30.

    Examples
    --------
    >>> parse_number("0.25")
    Fraction(1, 4)
    """
    match = _NUMBER.fullmatch(text.strip().replace("−", "-"))
    if match is None:
        raise KernelError(_not_a_number(text))
    above, below = match.groups()
    value = _decimal(above)
    if below is not None:
        divisor = _decimal(below)
        if divisor == 0:
            raise KernelError(f"{quoted(text)} divides by 0; {EXPECTED}")
        value /= divisor
    if abs(value) > _LARGEST:
        raise KernelError(f"{quoted(text)} is too large; expected a number within ±1e30")
    return value


def to_fraction(value: object) -> Fraction:
    """Return a number from a file, or the text of one, exactly as it is.

    Raises
    ------
    KernelError
        If it isn't a finite number within ±1e30.
    """
    if isinstance(value, str):
        return parse_number(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise KernelError(f"{quoted(value)} is not a number; {EXPECTED}")
    # NumPy's whole numbers are rational, too, and overflow.
    number: Any = float(value) if not isinstance(value, Rational) else _of_python(value)
    if not abs(number) <= _LARGEST:
        raise KernelError(f"{quoted(value)} is not a finite number within ±1e30")
    return Fraction(number)


def _of_python(value: Rational) -> Fraction:
    """Return a ratio of Python's own whole numbers: NumPy's would overflow."""
    return Fraction(int(value.numerator), int(value.denominator))


def exact(cells: Cells, divisor: Fraction = _ONE, times: Fraction = _ONE) -> Matrix:
    """Return weights as they were written, and the denominator that they have in common, if any.

    Parameters
    ----------
    cells
        Rows of one length.
    divisor
        What their sum is divided by; not 0.
    times
        A factor of all cells; not 0.

    Examples
    --------
    >>> exact([[Fraction(1, 2), Fraction(1, 4)]])
    Matrix(weights=[[0.5, 0.25]], divisor=1, denominator=4)
    """
    common = _common_denominator(cell for row in cells for cell in row)
    denominator = None
    if common is not None and _stays_exact(cells, common):
        over = abs(common / times)
        short = over.denominator <= MAX_DENOMINATOR
        denominator = over.numerator if short else as_divisor(over)
    weights = [[_plain(cell * times) for cell in row] for row in cells]
    return Matrix(weights, as_divisor(divisor), denominator)


def tabulated(cells: Cells) -> Matrix:
    """Return cells as tables print them: whole weights, over a divisor of their own.

    Examples
    --------
    >>> tabulated([[Fraction(1, 2), Fraction(1, 4)]])
    Matrix(weights=[[2, 1]], divisor=4, denominator=1)
    """
    common = exact(cells).denominator
    if common is None:
        return exact(cells)
    whole = Fraction(common)
    return exact([[cell * whole for cell in row] for row in cells], whole)


def over_whole(denominator: float, divisor: float) -> tuple[int, float]:
    """Return what whole weights are multiplied by, and their divisor, a whole one if it can be.

    Parameters
    ----------
    denominator, divisor
        Weights · denominator are whole; their sum is divided by both.

    Examples
    --------
    >>> over_whole(4, 4), over_whole(1, 2.5), over_whole(1, -3)
    ((1, 16), (2, 5), (-1, 3))
    """
    both = written(denominator) * written(divisor)
    factor = -1 if both < 0 else 1
    if both.denominator <= MAX_DENOMINATOR:
        factor *= both.denominator
    return factor, as_divisor(both * factor)


def written(value: float) -> Fraction:
    """Return the number that a person wrote for a float: 0.1 is 1/10, and 1/3 is not 0.333….

    Examples
    --------
    >>> str(written(0.1)), str(written(1 / 3)), str(written(2.8284271247461903))
    ('1/10', '1/3', '28284271247461903/10000000000000000')
    """
    decimal = Fraction(repr(float(value)))
    if decimal.denominator <= MAX_DENOMINATOR:
        return decimal
    simple = Fraction(value).limit_denominator(MAX_DENOMINATOR)
    return simple if float(simple) == value else decimal


def format_number(value: float | Fraction) -> str:
    """Write a number in the shortest way that reads back the same.

    Examples
    --------
    >>> format_number(2.0), format_number(0.1), format_number(Fraction(1, 3))
    ('2', '0.1', '1/3')
    """
    if value == int(value) and not (isinstance(value, float) and abs(value) > _EXACT):
        return str(int(value))
    if isinstance(value, Fraction) and Fraction(repr(float(value))) != value:
        return str(value)
    return repr(float(value))


def line_column(text: str, place: int) -> tuple[int, int]:
    """Line and column, counted from 1, of the character at `place`."""
    return text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)


def _not_a_number(text: str) -> str:
    """Say what a text is that is no number which a weight may be."""
    word = text.strip().replace("−", "-")
    if len(word) <= _MOST_DIGITS and _COMPLEX.fullmatch(word):
        return (
            f"{quoted(text)} is complex; expected real numbers: filter with their real and their "
            f"imaginary parts apart"
        )
    if word.lower().lstrip("+-") in ("nan", "na", "inf", "infinity"):
        return f"{quoted(text)} is not a number; expected 0 for a weight that is not there"
    return f"{quoted(text)} is not a number; {EXPECTED}"


def _decimal(text: str) -> Fraction:
    """Return the value, unless its exponent would take forever to write out."""
    mantissa, _, exponent = text.lower().partition("e")
    if max(len(mantissa), len(exponent)) > _MOST_DIGITS:
        raise KernelError(f"{quoted(text)} is too long; expected at most {_MOST_DIGITS} digits")
    if len(exponent) > 6 or (exponent and int(exponent) > 30):
        raise KernelError(f"{quoted(text)} is too large; expected a number within ±1e30")
    return Fraction(0) if exponent and int(exponent) < -400 else Fraction(text)


def _stays_exact(cells: Cells, common: int) -> bool:
    """Whether all cells times their common denominator are exact in double precision."""
    most = (abs(c.numerator) * (common // c.denominator) for row in cells for c in row)
    # As floats these are divided and multiplied by it again, each rounded.
    return max(most, default=0) <= (_EXACT if common == 1 else _EXACT // 4)


def _plain(number: Fraction) -> float:
    """Return a number as an int if it is one and not too great, else as a float."""
    return int(number) if number.denominator == 1 and abs(number) <= _EXACT else float(number)


def as_divisor(divisor: Fraction) -> float:
    """Return a divisor as a number.

    Raises
    ------
    KernelError
        If it is too great or too near to 0 for one.
    """
    try:
        number = _plain(divisor)
    except OverflowError:
        raise KernelError("the factor is too near to 0: nothing would be left") from None
    if not number:
        raise KernelError("the factor is too large; expected a number within ±1e30")
    return number


def _common_denominator(cells: Iterable[Fraction]) -> int | None:
    common = 1
    for cell in cells:
        common = lcm(common, cell.denominator)
        if common > MAX_DENOMINATOR:
            return None
    return common


def quoted(value: object) -> str:
    """Return a value as a message shows it: short, on one line."""
    text = repr(value)
    return text if len(text) <= 32 else f"{text[:28]}…{text[-1]}"


def exact_rank(matrix: NDArray[np.int64]) -> int:
    """Rank by elimination over the rationals."""
    rows = [[Fraction(int(w)) for w in row] for row in matrix]
    rank = 0
    for col in range(matrix.shape[1]):
        pivot = next((r for r in range(rank, len(rows)) if rows[r][col]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for r in range(rank + 1, len(rows)):
            ratio = rows[r][col] / rows[rank][col]
            if ratio:
                rows[r] = [a - ratio * b for a, b in zip(rows[r], rows[rank], strict=True)]
        rank += 1
    return rank
