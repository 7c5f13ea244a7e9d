"""The worked forms of a convolution of two short lists: what is multiplied and added up."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from convcli.errors import UsageError
from convcli.record import record

FORMS = ("polynomial", "digits", "dice")
#: Numbers of each list up to which a form is worked out: it fits a screen or two.
MOST = 40


@record
class Place:
    """One number of the result: the products that add up to it.

    Parameters
    ----------
    at
        Its index, from 0.
    products
        (index, index) of the two lists: all that add up to `at`.
    sum
        Of the products.
    """

    at: int
    products: tuple[tuple[int, int], ...]
    sum: Fraction


@record
class Carried:
    """One digit of a long multiplication, from the last on.

    Parameters
    ----------
    sum
        What its column adds up to.
    carry_in, digit, carry_out
        sum + carry_in = 10·carry_out + digit.
    """

    sum: int
    carry_in: int
    digit: int
    carry_out: int


@record
class LongMultiplication:
    """A product of two whole numbers, by the convolution of their digits.

    Parameters
    ----------
    first, second
        Their digits, the first one the greatest.
    rows
        first · each digit of the second, from its last on, without zeros behind.
    columns
        Sums of the columns: the convolution of the digits.
    carried
        The digits of the result from the last on, while there are columns.
    result
        The product.
    """

    first: tuple[int, ...]
    second: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    carried: tuple[Carried, ...]
    result: int


def places(a: Sequence[Fraction], b: Sequence[Fraction]) -> tuple[Place, ...]:
    """Return every number of the convolution of two lists, with what adds up to it.

    Raises
    ------
    UsageError
        If a list is too long to be worked out.
    """
    if max(len(a), len(b)) > MOST:
        raise UsageError(
            f"lists of {len(a)} and {len(b)} numbers are too long to be worked out: at most {MOST}"
        )
    found = []
    for n in range(len(a) + len(b) - 1):
        pairs = tuple((k, n - k) for k in range(len(a)) if 0 <= n - k < len(b))
        found.append(Place(n, pairs, sum((a[i] * b[j] for i, j in pairs), Fraction(0))))
    return tuple(found)


def long_multiplication(a: Sequence[Fraction], b: Sequence[Fraction]) -> LongMultiplication:
    """Multiply two whole numbers as on paper.

    Parameters
    ----------
    a, b
        A whole number, or several digits.

    Raises
    ------
    UsageError
        If they are something else.

    Examples
    --------
    >>> long_multiplication([Fraction(12)], [Fraction(34)]).columns
    (3, 10, 8)
    """
    first, second = _digits(a), _digits(b)
    columns = tuple(int(place.sum) for place in places(_exact(first), _exact(second)))
    carried, carry = [], 0
    for total in reversed(columns):
        carry_out, digit = divmod(total + carry, 10)
        carried.append(Carried(total, carry, digit, carry_out))
        carry = carry_out
    number = _number(first)
    rows = tuple(number * digit for digit in reversed(second))
    return LongMultiplication(
        first, second, rows, columns, tuple(carried), number * _number(second)
    )


def dice(a: Sequence[Fraction], b: Sequence[Fraction]) -> tuple[Place, ...]:
    """Return the chances of every total of two dice, whose faces count from 1.

    Parameters
    ----------
    a, b
        The chance, or the weight, of each face.

    Raises
    ------
    UsageError
        If a weight is negative, or all are 0.
    """
    for faces in (a, b):
        if min(faces) < 0 or not any(faces):
            raise UsageError(
                "the weights of a die's faces must be 0 or more, and not all 0; "
                "'1 1 1 1 1 1' is a fair die"
            )
    first, second = ([face / sum(faces) for face in faces] for faces in (a, b))
    return places(first, second)


def _digits(number: Sequence[Fraction]) -> tuple[int, ...]:
    """Return the digits of a whole number that was typed as one, or digit by digit."""
    if any(part.denominator != 1 or part < 0 for part in number):
        raise UsageError("long multiplication needs whole numbers from 0 on, such as 123 456")
    whole = [int(part) for part in number]
    if len(whole) > 1 and max(whole) > 9:
        raise UsageError(
            f"{max(whole)} is no digit; write a number in one, such as 123, or its digits: '1 2 3'"
        )
    return tuple(int(digit) for digit in "".join(map(str, whole)))


def _number(digits: Sequence[int]) -> int:
    return int("".join(map(str, digits)))


def _exact(digits: Sequence[int]) -> list[Fraction]:
    return [Fraction(digit) for digit in digits]
