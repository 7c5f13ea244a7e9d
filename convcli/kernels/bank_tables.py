"""Banks in TOML files, beside kernels: `[bank.NAME]` with filters or weights.

::

    [bank.edges]
    filters = ["sobel-x", "sobel-y", "0 1 0; 1 -4 1; 0 1 0"]
    bias = [0, 0, 0.5]

    [bank.opponent]
    filters = [["1", "-1", "0"], ["0.5", "0.5", "-1"]]

A filter is the name of a kernel or a matrix, or a list of these, one for each channel. Or else
`weights` is an array of numbers of shape (K, C, F, F) or (C, F, F). `divisor` divides all of them;
`bias` has one number a filter; `groups`, `stride`, `padding` and `dilation` are as elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import KernelError
from convcli.kernels.bank import Bank, stacked
from convcli.kernels.exact import PlacedError, quoted, to_fraction
from convcli.kernels.files import FILE, holds_banks, kernels_of
from convcli.kernels.kernel import Kernel
from convcli.kernels.positions import place
from convcli.kernels.registry import canonical, get_kernel
from convcli.kernels.tables import TEXT_KEYS, Table, check_keys, number_of
from convcli.kernels.typed import read_typed, typed_kernel

KEYS = (
    "filters", "weights", "names", "bias", "divisor", "groups", "stride", "padding", "dilation",
    *TEXT_KEYS,
)  # fmt: skip
_STEPS = ("groups", "stride", "padding", "dilation")


def banks_of(file: Path, text: str) -> dict[str, Callable[[], Bank]]:
    """Return the banks of a TOML file by name; a mistake in one shows when it is called.

    Raises
    ------
    KernelError
        If it isn't TOML; with line and column.
    """
    found = FILE.parse_toml(file, text)
    tables = found["bank"] if holds_banks(found) else {}
    return {name: partial(_bank, file, text, name, table) for name, table in tables.items()}


def _bank(file: Path, text: str, name: str, table: Table) -> Bank:
    try:
        return _made(file, text, name, table)
    except PlacedError as error:
        raise place(error, text, str(file), name) from None
    except KernelError as error:
        raise KernelError(f"{file}: {error}") from None


def _made(file: Path, text: str, name: str, table: Table) -> Bank:
    check_keys(table, KEYS, f"bank {quoted(name)}")
    if ("filters" in table) == ("weights" in table):
        raise PlacedError(f"bank {quoted(name)} needs filters or weights, and not both")
    divisor = number_of(table, "divisor", 1)
    if divisor == 0:
        raise PlacedError("divisor is 0; expected any other number", key="divisor")
    if "weights" in table:
        bank = Bank(name, _numbers(table["weights"]))
    else:
        bank = _filters(name, table["filters"], partial(_kernel, kernels_of(file, text)))
    bias = _bias(table) if "bias" in table else bank.bias
    steps = {key: _step(table[key], key) for key in _STEPS if key in table}
    maps = _names(table["names"]) if "names" in table else bank.maps
    weights = bank.weights / float(divisor)
    return Bank(name, weights, bias, maps=maps, doubts=bank.doubts, **steps)


def _filters(name: str, found: object, kernel: Callable[[str], Kernel]) -> Bank:
    """Return the bank of a list of kernels, or of lists of one for each channel."""
    if not isinstance(found, list) or not found:
        raise PlacedError("filters must be a list of kernels, and hold one", key="filters")
    lists = [each if isinstance(each, list) else [each] for each in found]
    depth = len(lists[0])
    kernels = []
    for k, each in enumerate(lists):
        if len(each) != depth or not each:
            raise PlacedError(
                f"filter {k} has {len(each)} kernels, and the first has {depth}; expected one for "
                f"each channel",
                key="filters",
                cell=(k, 0),
            )
        kernels += [_placed(kernel, item, (k, c)) for c, item in enumerate(each)]
    bank = stacked(name, kernels)
    if not any(isinstance(each, list) for each in found):
        return bank
    weights = bank.weights.reshape(len(lists), depth, *bank.shape[2:])
    bias = None if bank.bias is None else bank.bias.reshape(len(lists), depth).sum(axis=1)
    return Bank(name, weights, bias, doubts=bank.doubts)


def _placed(kernel: Callable[[str], Kernel], item: object, cell: tuple[int, int]) -> Kernel:
    if not isinstance(item, str):
        raise PlacedError(
            f"{quoted(item)} is no kernel; expected a name or a matrix, as a text",
            key="filters",
            cell=cell,
        )
    try:
        return kernel(item)
    except KernelError as error:
        reason = error.reason if isinstance(error, PlacedError) else str(error)
        raise PlacedError(reason, key="filters", cell=cell) from None


def _kernel(own: dict[str, Callable[[], Any]], text: str) -> Kernel:
    """Return a kernel of the same file, one that is known by name, or a matrix."""
    if text in own:
        found = own[text]()
    elif _is_matrix(text):
        return typed_kernel("filter", read_typed(text))
    else:
        found = get_kernel(text)
    if not isinstance(found, Kernel):
        raise KernelError(f"{quoted(text)} combines several kernels; expected a single one")
    return found


def _is_matrix(text: str) -> bool:
    if any(sign in text for sign in " ;\n["):
        return canonical(text) is None
    try:
        to_fraction(text)
    except KernelError:
        return False
    return True


def _numbers(found: object) -> NDArray[np.float64]:
    """Return an array of three or four dimensions; a mistake is placed."""
    shape: list[int] = []
    inner = found
    while isinstance(inner, list):
        shape.append(len(inner))
        inner = inner[0] if inner else None
    if len(shape) not in (3, 4) or 0 in shape:
        raise PlacedError(
            "weights must be lists in lists, of shape (K, C, F, F) or (C, F, F)", key="weights"
        )
    parts = found if isinstance(found, list) else []
    flat = [
        _number(value, (k, at))
        for k, part in enumerate(parts)
        for at, value in enumerate(_flat(part, shape[1:], k))
    ]
    return np.array(flat, np.float64).reshape(shape)


def _flat(found: object, shape: list[int], k: int) -> Iterator[object]:
    """Give the numbers of lists in lists, all of one shape."""
    if not shape:
        yield found
        return
    if not isinstance(found, list) or len(found) != shape[0]:
        got = f"{len(found)} items" if isinstance(found, list) else quoted(found)
        raise PlacedError(
            f"expected {shape[0]} items everywhere at this depth, as in the first; got {got}",
            key="weights",
            cell=(k, 0),
        )
    for item in found:
        yield from _flat(item, shape[1:], k)


def _number(value: object, cell: tuple[int, int], key: str = "weights") -> float:
    try:
        return float(to_fraction(value))
    except KernelError as error:
        raise PlacedError(str(error), key=key, cell=cell) from None


def _bias(table: Table) -> NDArray[np.float64]:
    found = table["bias"]
    values = found if isinstance(found, list) else [found]
    return np.array([_number(value, (k, 0), "bias") for k, value in enumerate(values)])


def _names(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(name, str) and name for name in found):
        raise PlacedError("names must be a list of texts, one for each filter", key="names")
    return tuple(found)


def _step(found: object, key: str) -> Any:
    """Return a whole number, (rows, cols), four sides of padding, or a word for it."""
    values = found if isinstance(found, list) else [found]
    if key == "padding" and isinstance(found, str):
        return found
    if len(values) not in (1, 2, 4) or not all(type(v) is int and v >= 0 for v in values):
        raise PlacedError(f"{key} must be a whole number, or two: [rows, columns]", key=key)
    if len(values) == 4:
        return (values[0], values[1]), (values[2], values[3])
    return values[0] if len(values) == 1 else tuple(values)
