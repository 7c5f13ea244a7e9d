"""A table of a TOML or JSON file, made into a kernel or a compound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

from convcli import spec
from convcli.errors import KernelError
from convcli.kernels.exact import (
    MAX_TAPS,
    Cells,
    PlacedError,
    exact,
    quoted,
    to_fraction,
)
from convcli.kernels.kernel import Combine, Compound, Kernel
from convcli.kernels.matrix import check_rows, read_cells
from convcli.kernels.typed import TypedMatrix, as_square, read_typed

Table: TypeAlias = Mapping[str, Any]
Resolve: TypeAlias = Callable[[str], Kernel | Compound]

MAPPINGS = tuple(str(word) for word in spec.Mapping)
TEXT_KEYS = ("family", "effect", "source", "note")
KERNEL_KEYS = (
    "weights", "column", "row", "divisor", "offset", "mapping", *TEXT_KEYS, "aliases",
)  # fmt: skip
COMPOUND_KEYS = (
    "parts", "combine", "share", "divisor", "full_scale", "mapping", *TEXT_KEYS, "aliases",
)  # fmt: skip


def make_entry(name: str, table: Table, resolve: Resolve) -> Kernel | Compound:
    """Make what a table describes.

    Parameters
    ----------
    name
        What it is called.
    table
        With `parts` for a compound, else with `weights`, or `column` and `row`.
    resolve
        Finds the kernels that `parts` names.

    Raises
    ------
    PlacedError
        If a key is unknown or missing, or a value makes no sense; it has the key, and the place
        within the key's value if that is a text, or the cell if it is an array.
    """
    if "parts" in table or "combine" in table:
        return _compound(name, table, resolve)
    return _kernel(name, table)


def _kernel(name: str, table: Table) -> Kernel:
    check_keys(table, KERNEL_KEYS, f"kernel {quoted(name)}")
    typed = _weights(name, table)
    divisor = number_of(table, "divisor", 1)
    if divisor == 0:
        raise PlacedError("divisor is 0; expected any other number", key="divisor")
    matrix = exact(typed.cells, typed.divisor * divisor, typed.times)
    return Kernel(
        name,
        matrix.array,
        matrix.divisor,
        float(number_of(table, "offset", 0) + typed.offset),
        denominator=matrix.denominator,
        threshold=0.0,
        doubts=typed.notes,
        mapping=_mapping(table),
        aliases=_aliases(table),
        **_texts(table),
    )


def _compound(name: str, table: Table, resolve: Resolve) -> Compound:
    check_keys(table, COMPOUND_KEYS, f"compound {quoted(name)}")
    parts = _parts(table, resolve)
    combine = _combine(table)
    share = number_of(table, "share", 0)
    if combine is Combine.SHARE and not (share.denominator == 1 and 0 < share < len(parts)):
        raise PlacedError(
            f"share must be a whole number from 1 to {len(parts) - 1}, got {float(share):g}",
            key="share" if "share" in table else "combine",
        )
    if combine is Combine.DIRECTION and len(parts) != 2:
        raise PlacedError(
            f"direction needs 2 parts, along x and along y, got {len(parts)}", key="parts"
        )
    divisor = number_of(table, "divisor", 1)
    if divisor == 0:
        raise PlacedError("divisor is 0; expected any other number", key="divisor")
    full_scale = number_of(table, "full_scale", 0)
    if "full_scale" in table and full_scale <= 0:
        raise PlacedError("full_scale must be above 0", key="full_scale")
    try:
        return Compound(
            name,
            parts,
            combine,
            share=int(share),
            divisor=_plain(divisor),
            full_scale=_plain(full_scale) if "full_scale" in table else None,
            mapping=_mapping(table) or "clip",
            aliases=_aliases(table),
            **_texts(table),
        )
    except PlacedError:
        raise
    except KernelError as error:
        raise PlacedError(str(error), key="parts") from None


def _weights(name: str, table: Table) -> TypedMatrix:
    """Return the cells, their own divisor, a factor of all of them, and how they were taken."""
    if "weights" in table:
        if "column" in table or "row" in table:
            raise PlacedError("has weights and also column or row; keep one", key="weights")
        return _cells(table["weights"], "weights")
    if "column" not in table or "row" not in table:
        raise PlacedError(
            f"kernel {quoted(name)} has no weights; expected weights, or column and row"
        )
    column, *down = _vector(table, "column")
    row, *across = _vector(table, "row")
    divisor, times = (a * b for a, b in zip(down, across, strict=True))
    return TypedMatrix([[a * b for b in row] for a in column], divisor, times)


def _vector(table: Table, key: str) -> tuple[list[Fraction], Fraction, Fraction]:
    value = table[key]
    if isinstance(value, list):
        value = [value]
    typed = _cells(value, key, flat=True)
    cells = typed.cells
    if len(cells) > 1 and len(cells[0]) > 1:
        raise PlacedError(f"{key} is a matrix; expected one line of numbers", key=key)
    return [cell for line in cells for cell in line], typed.divisor, typed.times


def _cells(value: object, key: str, flat: bool = False) -> TypedMatrix:
    """Read a matrix that is a text, or a list of lists of numbers; `flat` for a single line."""
    if isinstance(value, str):
        try:
            return TypedMatrix(*read_cells(value)) if flat else read_typed(value)
        except PlacedError as error:
            raise PlacedError(error.reason, error.line, error.column, key) from None
    if not isinstance(value, list):
        raise PlacedError(f"{key} must be a list of rows, or a text; got {quoted(value)}", key=key)
    return _listed(value, key, flat)


def _listed(value: list[object], key: str, flat: bool) -> TypedMatrix:
    """Read a matrix that is a list of lists of numbers, or a list of numbers."""
    rows: Cells = []
    lines = value if any(isinstance(v, list) for v in value) else [value]
    longest = max((len(line) for line in lines if isinstance(line, list)), default=0)
    if max(len(lines), longest) > MAX_TAPS:
        raise PlacedError(
            f"the matrix is {len(lines)}×{longest}; expected at most {MAX_TAPS} weights a side",
            key=key,
            cell=(0, 0),
        )
    for r, line in enumerate(lines):
        if not isinstance(line, list):
            raise PlacedError(
                f"row {r + 1} is {quoted(line)}; expected a list", key=key, cell=(r, 0)
            )
        rows.append([_cell(v, key, (c, 0) if flat else (r, c)) for c, v in enumerate(line)])
    try:
        check_rows(rows)
    except PlacedError as error:
        raise PlacedError(error.reason, key=key, cell=error.cell) from None
    if flat or lines is value:
        return TypedMatrix(rows)
    square, notes = as_square(rows)
    return TypedMatrix(square, notes=notes)


def _cell(value: object, key: str, cell: tuple[int, int]) -> Fraction:
    try:
        return to_fraction(value)
    except KernelError as error:
        raise PlacedError(str(error), key=key, cell=cell) from None


def number_of(table: Table, key: str, default: int) -> Fraction:
    """Return the number that a table has under a key; a mistake names the key."""
    try:
        return to_fraction(table.get(key, default))
    except KernelError as error:
        raise PlacedError(f"{key}: {error}", key=key) from None


def _plain(value: Fraction) -> float:
    return int(value) if value.denominator == 1 else float(value)


def _parts(table: Table, resolve: Resolve) -> tuple[Kernel, ...]:
    names = table.get("parts")
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise PlacedError("parts must be a list of names of kernels", key="parts")
    parts: list[Kernel] = []
    for place, name in enumerate(names):
        try:
            part = resolve(name)
        except KernelError as error:
            raise PlacedError(
                f"part {name[:64]!r}: {error}", key="parts", cell=(place, 0)
            ) from None
        if not isinstance(part, Kernel):
            raise PlacedError(
                f"part {quoted(name)} is a compound; expected a single kernel",
                key="parts",
                cell=(place, 0),
            )
        parts.append(part)
    return tuple(parts)


def _combine(table: Table) -> Combine:
    word = table.get("combine", "magnitude")
    try:
        return Combine(word)
    except ValueError:
        raise PlacedError(
            f"combine is {quoted(word)}; expected {_list(tuple(Combine))}", key="combine"
        ) from None


def _mapping(table: Table) -> str | None:
    word = table.get("mapping")
    if word is not None and word not in MAPPINGS:
        raise PlacedError(f"mapping is {quoted(word)}; expected {_list(MAPPINGS)}", key="mapping")
    return word


def _texts(table: Table) -> dict[str, str]:
    found = {key: table[key] for key in TEXT_KEYS if key in table}
    for key, value in found.items():
        if not isinstance(value, str):
            raise PlacedError(f"{key} must be a text, got {quoted(value)}", key=key)
    return found


def _aliases(table: Table) -> tuple[str, ...]:
    aliases = table.get("aliases", [])
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise PlacedError("aliases must be a list of names", key="aliases")
    return tuple(aliases)


def check_keys(table: Table, known: tuple[str, ...], owner: str) -> None:
    """Refuse keys that aren't known, and propose the one that is meant."""
    for key in table:
        if key not in known:
            from difflib import get_close_matches

            close = get_close_matches(key[:64], known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; it may have {_list(known)}"
            raise PlacedError(f"{owner} has an unknown key {quoted(key)}{hint}", key=key)


def _list(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
