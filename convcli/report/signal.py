"""What `convcli signal` says: the numbers, how they were had, and worked forms."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Any

from convcli.report.lines import printable
from convcli.report.numbers import as_json_number, fraction
from convcli.signals.convolution import Product, span
from convcli.signals.files import Signal
from convcli.signals.forms import LongMultiplication, Place

_POWERS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
#: Numbers that a line of the report shows of a signal.
_FEW = 8
_BAR = 30


def values_text(values: Any) -> str:
    """Numbers, a sample a line, channels beside one another."""
    rows = values.reshape(len(values), -1).tolist()
    return "\n".join(" ".join(map(str, row)) for row in rows)


def summary(pair: Sequence[Signal], product: Product, mode: str, *, flip: bool) -> str:
    """Say what was done, in two lines."""
    n, m = (len(signal.values) for signal in pair)
    low, high = span(n, m, mode)
    sizes = {
        "full": f"{n} + {m} − 1 = {high - low}",
        "same": f"the {high - low} in the middle of {n + m - 1}",
        "valid": f"|{n} − {m}| + 1 = {high - low}",
    }
    did, sign = ("correlated", "⋆") if flip else ("convolved", "∗")
    names = f" {sign} ".join(_named(signal) for signal in pair)
    return f"{names}\n  {did}, {mode}: {sizes[mode]} samples"


def plan_line(product: Product) -> str:
    """Say how it was computed, and why."""
    return f"  {product.plan.method}: {product.plan.reason}"


def swapped_lines(product: Product, other: Product, *, flip: bool) -> list[str]:
    """Say whether the two signals may be swapped, and show it."""
    first, second = product.values, other.values
    sign = "⋆" if flip else "∗"
    lines = [f"  A {sign} B = {_shown(first)}", f"  B {sign} A = {_shown(second)}"]
    if _alike(first, second):
        why = "convolution commutes" if not flip else "both are symmetric here, or alike"
        return [*lines, f"  the same: {why}"]
    if _alike(first, second[::-1]):
        return [*lines, "  not the same: to swap signals of a correlation turns the result round"]
    return [*lines, "  not the same"]


def _alike(first: Any, second: Any) -> bool:
    if first.shape != second.shape:
        return False
    most = max((abs(float(value)) for value in first.ravel().tolist()), default=0.0)
    pairs = zip(first.ravel().tolist(), second.ravel().tolist(), strict=True)
    return all(abs(x - y) <= 1e-12 * most for x, y in pairs)


def _shown(values: Any) -> str:
    flat = values.ravel().tolist()
    said = " ".join(
        f"{value:.6g}" if isinstance(value, float) else str(value) for value in flat[:_FEW]
    )
    return said + (" …" if len(flat) > _FEW else "")


def _named(signal: Signal) -> str:
    if signal.name.strip().startswith("-") or " " in signal.name or len(signal.values) <= 1:
        name = f"({signal.name})"
    else:
        name = signal.name
    count = len(signal.values)
    channels = f" × {signal.values.shape[1]} channels" if signal.values.ndim == 2 else ""
    return printable(name if len(name) <= 40 else f"{name[:37]}…") + f" [{count}{channels}]"


def data(
    pair: Sequence[Signal], product: Product, mode: str, values: tuple[Any, Any], *, flip: bool
) -> dict[str, Any]:
    """Return the facts, for JSON; `values` are the result's, and those of swapped signals."""
    found = {
        "operation": "correlate" if flip else "convolve",
        "mode": mode,
        "a": _signal_data(pair[0]),
        "b": _signal_data(pair[1]),
        "method": product.plan.method,
        "reason": product.plan.reason,
        "values": _values_data(values[0]),
    }
    if values[1] is not None:
        found["swapped"] = _values_data(values[1])
    return found


def _values_data(values: Any) -> list[Any]:
    return [
        [as_json_number(each) for each in row] if isinstance(row, list) else as_json_number(row)
        for row in values.tolist()
    ]


def _signal_data(signal: Signal) -> dict[str, Any]:
    found: dict[str, Any] = {"name": signal.name, "samples": len(signal.values)}
    if signal.values.ndim == 2:
        found["channels"] = signal.values.shape[1]
    if signal.form is not None:
        found["rate"], found["bits"] = signal.form.rate, signal.form.bits
    return found


def places_data(places: Sequence[Place]) -> list[dict[str, Any]]:
    """Return worked places, for JSON."""
    return [
        {"at": place.at, "products": place.products, "sum": as_json_number(place.sum)}
        for place in places
    ]


def polynomial_text(a: Sequence[Fraction], b: Sequence[Fraction], places: Sequence[Place]) -> str:
    """Write the product of two polynomials, coefficients from the constant on."""
    rows = []
    for place in places:
        products = " + ".join(f"{_factor(a[i])}·{_factor(b[j])}" for i, j in place.products)
        rows.append((_power(place.at) or "1", products, fraction(place.sum)))
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    lines = [f"A(x) = {_polynomial(a)}", f"B(x) = {_polynomial(b)}", ""]
    for power, products, total in rows:
        lines.append(f"{power:>{widths[0]}}: {products:{widths[1]}} = {total:>{widths[2]}}")
    return "\n".join([*lines, "", f"A(x)·B(x) = {_polynomial([place.sum for place in places])}"])


def _factor(value: Fraction) -> str:
    return f"({fraction(value)})" if value < 0 else fraction(value)


def _power(exponent: int) -> str:
    if exponent == 0:
        return ""
    return "x" if exponent == 1 else "x" + str(exponent).translate(_POWERS)


def _polynomial(coefficients: Sequence[Fraction]) -> str:
    said = ""
    for exponent, value in enumerate(coefficients):
        if value == 0:
            continue
        size, power = abs(value), _power(exponent)
        shown = fraction(size)
        if power and "/" in shown:
            shown = f"({shown})"
        term = power if power and size == 1 else shown + power
        if not said:
            said = f"−{term}" if value < 0 else term
        else:
            said += (" − " if value < 0 else " + ") + term
    return said or "0"


def digits_text(done: LongMultiplication) -> str:
    """Write a long multiplication: rows, the sums of columns, carries."""
    count = len(done.columns) + 1
    cell = max(len(str(number)) for number in done.columns) + 1
    width = count * cell

    def line(numbers: Sequence[object], shift: int = 0) -> str:
        text = "".join(f"{number!s:>{cell}}" for number in numbers)
        return f"{text:>{width - shift * cell}}"

    lines = [line(done.first), f"×{line(done.second)[1:]}", "─" * width]
    digits = [[digit * each for each in done.first] for digit in reversed(done.second)]
    lines += [line(products, shift).rstrip() for shift, products in enumerate(digits)]
    lines += ["─" * width, f"{line(done.columns)}   sums of the columns: the digits convolved", ""]
    for at, step in enumerate(done.carried):
        carry = f" + {step.carry_in} carried" if step.carry_in else ""
        ends = f"write {step.digit}" + (f", carry {step.carry_out}" if step.carry_out else "")
        total = f" = {step.sum + step.carry_in}" if step.carry_in else ""
        lines.append(f"10{str(at).translate(_POWERS)}: {step.sum}{carry}{total}: {ends}")
    a, b = ("".join(map(str, number)) for number in (done.first, done.second))
    return "\n".join([*lines, "", f"{a} × {b} = {done.result}"])


def dice_text(a: Sequence[Fraction], b: Sequence[Fraction], places: Sequence[Place]) -> str:
    """Write the table of two dice, and the chance of each total: a diagonal of the table."""
    sides = [[Fraction(face) / sum(faces) for face in faces] for faces in (a, b)]
    cell = max(3, len(str(len(a) + len(b))) + 1)
    lines = ["total of each pair; equal totals lie on a diagonal", ""]
    lines.append("A\\B".ljust(cell + 1) + "".join(f"{j + 1:>{cell}}" for j in range(len(b))))
    for i in range(len(a)):
        row = "".join(f"{i + j + 2:>{cell}}" for j in range(len(b)))
        lines.append(f"{i + 1:>{cell}} " + row)
    lines.append("")
    most = max(place.sum for place in places)
    common = _common(places)
    for place in places:
        chance = f"{place.sum * common}/{common}"
        bar = "█" * round(_BAR * place.sum / most)
        products = (
            " + ".join(f"{sides[0][i]}·{sides[1][j]}" for i, j in place.products)
            if len(place.products) == 1
            else f"{len(place.products)} pairs"
        )
        lines.append(
            f"{place.at + 2:>4}  {products:>9}  {chance:>8}  {float(place.sum):6.1%}  {bar}"
        )
    return "\n".join(lines)


def _common(places: Sequence[Place]) -> int:
    """Return a denominator that all chances have."""
    return lcm(*(place.sum.denominator for place in places))


def written_line(target: str, count: int, notes: Sequence[str]) -> str:
    """Say what was written."""
    return "\n".join([f"→ {printable(target)}, {count} samples", *(f"  {note}" for note in notes)])


def digits_data(done: LongMultiplication) -> dict[str, Any]:
    """Return a long multiplication, for JSON."""
    return {
        "form": "digits",
        "a": done.first,
        "b": done.second,
        "columns": done.columns,
        "carried": [
            {
                "sum": step.sum,
                "carry_in": step.carry_in,
                "digit": step.digit,
                "carry_out": step.carry_out,
            }
            for step in done.carried
        ],
        "result": done.result,
    }
