"""Kernels in files: which ones a file holds, and each of them when asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from convcli.errors import KernelError
from convcli.kernels import grids
from convcli.kernels.exact import PlacedError, quoted
from convcli.kernels.kernel import Compound, Kernel
from convcli.kernels.npy import read_npy, shape_of
from convcli.kernels.positions import place
from convcli.kernels.registry import get_kernel, normal
from convcli.kernels.tables import make_entry
from convcli.kernels.texts import FileKind
from convcli.kernels.typed import (
    TypedMatrix,
    decimal_points,
    is_magick,
    line_doubts,
    read_typed,
    typed_kernel,
)

#: Enough for a kernel of 1001 × 1001 weights of 30 characters.
MAX_BYTES = 2**25
#: Files that kernels are read from.
FILE = FileKind("kernel", MAX_BYTES, KernelError)
#: Python's parser of TOML takes a second a megabyte.
_MOST_TOML, _MOST_KERNELS = 2**22, 1000

Loader: TypeAlias = Callable[[], Kernel | Compound]

_GRIDS = {
    ".csv": grids.read_csv,
    ".tsv": grids.read_csv,
    ".txt": grids.read_txt,
    ".mat": grids.read_mat,
}
_BARE = ("weights", "column", "row", "parts")


def read_kernel(path: str | Path, name: str | None = None) -> Kernel | Compound:
    """Read a kernel from a file.

    Parameters
    ----------
    path
        A `.toml`, `.json`, `.csv`, `.tsv`, `.txt`, `.mat` (libvips) or `.npy` file.
    name
        Which of those in it; may be left out if there is one.

    Raises
    ------
    KernelError
        If the file can't be read, has no such kernel, or a mistake in it; with file, line and
        column.
    """
    loaders = open_file(path)
    if name is None:
        if len(loaders) == 1:
            return next(iter(loaders.values()))()
        raise KernelError(
            f"{path} holds {len(loaders)} kernels: {_some(loaders)}; "
            f"say which, such as {path}#{next(iter(loaders))[:32]}"
        )
    by_name = {normal(known): loader for known, loader in loaders.items()}
    if normal(name) in by_name:
        return by_name[normal(name)]()
    from difflib import get_close_matches

    close = get_close_matches(normal(name)[:64], by_name, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"it has {_some(loaders)}"
    raise KernelError(f"{path} has no kernel {name[:40]!r}; {hint}")


def open_file(path: str | Path) -> dict[str, Loader]:
    """Return what a file holds, by name; a mistake in a kernel shows when its loader is called.

    Raises
    ------
    KernelError
        If the file can't be read at all, or holds nothing.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    data = FILE.read(file)
    if suffix == ".npy":
        return {file.stem: partial(_from_npy, file, data)}
    if data.startswith(b"MATLAB"):
        raise KernelError(f"{file} is MATLAB's own format; save the matrix as text, such as CSV")
    text = FILE.decode(file, data)
    if suffix in _GRIDS:
        return {file.stem: partial(_from_grid, file, text)}
    if suffix == ".toml":
        if len(data) > _MOST_TOML:
            raise KernelError(f"{file} is larger than {_MOST_TOML // 2**20} MB; use .csv or .npy")
        return _from_toml(file, text)
    if suffix == ".json":
        return _from_json(file, text)
    known = ", ".join((*_GRIDS, ".toml", ".json", ".npy"))
    raise KernelError(f"{file} is not a kernel file; expected one that ends in {known}")


def _from_grid(file: Path, text: str) -> Kernel:
    suffix = file.suffix.lower()
    notes: tuple[str, ...] = ()
    try:
        if suffix != ".mat":
            if is_magick(text):
                return typed_kernel(file.stem, read_typed(text))
            text, notes = decimal_points(text) if suffix == ".txt" else (text, ())
        cells, divisor, offset = _GRIDS[suffix](text)
    except PlacedError as error:
        raise PlacedError(error.reason, error.line, error.column, source=str(file)) from None
    except KernelError as error:
        raise KernelError(f"{file}: {error}") from None
    more = line_doubts(cells) if suffix != ".mat" else ()
    return typed_kernel(
        file.stem, TypedMatrix(cells, divisor, offset=offset, notes=(*notes, *more))
    )


def _from_npy(file: Path, data: bytes) -> Kernel:
    try:
        cells = read_npy(data)
    except KernelError as error:
        raise KernelError(f"{file}: {error}") from None
    doubts = line_doubts(cells) if len(shape_of(data) or ()) == 1 else ()
    return typed_kernel(file.stem, TypedMatrix(cells, notes=doubts))


def _from_toml(file: Path, text: str) -> dict[str, Loader]:
    found = kernels_of(file, text)
    if found:
        return found
    if holds_banks(FILE.parse_toml(file, text)):
        raise KernelError(f"{file} holds banks of filters, and no kernel")
    raise KernelError(f"{file} holds no kernel; expected [kernel.NAME] with weights")


def kernels_of(file: Path, text: str) -> dict[str, Loader]:
    """Return the kernels of a TOML file by name, which may have banks beside them.

    Raises
    ------
    KernelError
        If it isn't TOML, has two kernels of one name, or what should be a kernel is no table.
    """
    tables = FILE.parse_toml(file, text)
    if holds_banks(tables):
        del tables["bank"]
    if any(key in tables for key in _BARE):
        return {file.stem: partial(_entry, file, text, "", {file.stem: tables}, file.stem)}
    found: dict[str, Any] = {}
    for key, value in tables.items():
        inner = value if key in ("kernel", "compound") and _holds_tables(value) else {key: value}
        for name, table in inner.items():
            if not isinstance(table, dict):
                reason = f"{quoted(name)} stands outside a table; expected [kernel.NAME] before it"
                raise place(PlacedError(reason, key=name), text, str(file))
            if name in found:
                raise KernelError(f"{file} has two entries named {quoted(name)}; rename one")
            found[name] = table
    if len(found) > _MOST_KERNELS:
        raise KernelError(f"{file} holds {len(found)} kernels; expected at most {_MOST_KERNELS}")
    return {name: partial(_entry, file, text, name, found, name) for name in found}


def _from_json(file: Path, text: str) -> dict[str, Loader]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg}"
        raise PlacedError(reason, error.lineno, error.colno, source=str(file)) from None
    except (ValueError, RecursionError):
        raise KernelError(f"{file} is nested too deeply, or has a number too long") from None
    if isinstance(value, list):
        value = {"weights": value}
    if not isinstance(value, dict):
        raise KernelError(f"{file} holds no kernel; expected a list of rows, or weights")
    table = {key: item for key, item in value.items() if key != "name"}
    name = value.get("name", file.stem)
    if not isinstance(name, str) or not name.strip():
        raise KernelError(f"{file}: name must be a text")
    return {name: partial(_entry, file, text, "", {name: table}, name)}


def _entry(
    file: Path, text: str, section: str, tables: dict[str, Any], name: str
) -> Kernel | Compound:
    """Make one entry; its parts may be others of the same file."""

    def resolve(part: str) -> Kernel | Compound:
        table = tables.get(part)
        if table is None or "parts" in table:
            return get_kernel(part) if table is None else _compound_part(part)
        return make_entry(part, table, get_kernel)

    try:
        return make_entry(name, tables[name], resolve)
    except PlacedError as error:
        raise place(error, text, str(file), section) from None
    except KernelError as error:
        raise KernelError(f"{file}: {error}") from None


def _compound_part(part: str) -> NoReturn:
    raise KernelError(f"{quoted(part)} is a compound; expected a single kernel")


def _holds_tables(value: object) -> bool:
    return (
        isinstance(value, dict)
        and not any(key in value for key in _BARE)
        and all(isinstance(item, dict) for item in value.values())
    )


def holds_banks(tables: dict[str, Any]) -> bool:
    """Whether a file has banks: a kernel may be called so, too."""
    return _holds_tables(tables.get("bank"))


def _some(names: dict[str, Loader]) -> str:
    listed = [name if len(name) <= 32 else f"{name[:31]}…" for name in [*names][:8]]
    return ", ".join(listed) + (", …" if len(names) > len(listed) else "")
