"""The loops as C-callable entries, compiled for given sample types.

An entry takes the address of a table of addresses: the fields of its loop's three structs, in order
(`structs`, `native.Call`). What comes out is the object code of that entry and all it calls, which
needs nothing of Numba to run.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, TypeAlias

from numba import types

from convcli.engine import loops
from convcli.engine.bank_structs import BankInput, BankScratch, BankSizes, BankTask
from convcli.engine.loops.compiling import lowered
from convcli.engine.loops.numbers import Struct, taking
from convcli.engine.loops.parts import BandLoops, TileLoops
from convcli.engine.objects import object_code
from convcli.engine.structs import (
    READS_SAMPLES,
    AlphaInput,
    AlphaLevels,
    BandInput,
    BandScratch,
    BandSizes,
    BandTask,
    JoinInput,
    Limits,
    NoScratch,
    Numbers,
    PixelSizes,
    Result,
    RowsInput,
    RowsScratch,
    RowsSizes,
)
from convcli.engine.tile_structs import (
    Levels,
    TileInput,
    TileScratch,
    TileSizes,
    TileTask,
)

#: The type of a field's samples; or of its numbers, with the struct that names them.
_Field: TypeAlias = str | tuple[type[Any], str]


class _LoopEntry(NamedTuple):
    """A loop, the functions that it takes, its structs but for `Result`, and all fields' types."""

    loop: Any
    functions: Any
    structs: tuple[type[Any], type[Any]]
    fields: dict[str, _Field]


#: Those of all loops.
_FIELDS: dict[str, _Field] = {
    "row_source": "intp", "col_source": "intp", "offsets": "int64", "row_offsets": "int64",
    "acc": "float64", "clipped": "int64",
}  # fmt: skip


def _band(
    functions: tuple[Any, ...], samples: tuple[str, ...], *, band: Any, by_sums: bool
) -> _LoopEntry:
    """`band` and its kind, by sums or, for a single kernel whose sums nobody looks at, at once."""
    respond, *others, level = functions
    combine = others[0] if others else loops.combine_nothing
    source, work, out, real = samples
    strip = source if respond.__name__ in READS_SAMPLES else work
    sums = work if combine is loops.combine_nothing else "float64"
    fields = _FIELDS | {
        "source": source, "fill": strip, "strip": strip, "weights": work, "row_weights": work,
        "column": work, "sums": work, "rest": out, "out": out, "extremes": sums,
        "numbers": (Numbers, real), "limits": (Limits, sums), "sizes": (BandSizes, "int64"),
        "task": (BandTask, "int64"),
    }  # fmt: skip
    filter_rows = loops.rows_by_sums if by_sums else loops.rows_at_once
    called = BandLoops(filter_rows, respond, combine, level)
    return _LoopEntry(band, called, (BandInput, BandScratch), fields)


def _store_rows(functions: tuple[Any, ...], samples: tuple[str, ...]) -> _LoopEntry:
    """`store_rows`."""
    source, out, real = samples
    fields = _FIELDS | {
        "responses": source, "acc": source, "rest": out, "out": out, "extremes": source,
        "numbers": (Numbers, real), "limits": (Limits, source), "sizes": (RowsSizes, "int64"),
    }  # fmt: skip
    return _LoopEntry(loops.store_rows, functions[0], (RowsInput, RowsScratch), fields)


def _tiles(functions: tuple[Any, ...], samples: tuple[str, ...]) -> _LoopEntry:
    """`tiles`."""
    source, out, real = samples
    spectra = ("factors_re", "factors_im", "cosines", "sines", "offsets")
    sets = ("re", "im", "product_re", "product_im", "sums", "extremes")
    fields = _FIELDS | dict.fromkeys((*spectra, *sets), "float64") | {
        "source": source, "fill": source, "lines": source, "rest": out, "out": out,
        "numbers": (Numbers, real), "limits": (Limits, "float64"), "levels": (Levels, "float64"),
        "sizes": (TileSizes, "int64"), "task": (TileTask, "int64"),
    }  # fmt: skip
    return _LoopEntry(loops.tiles, TileLoops(*functions), (TileInput, TileScratch), fields)


def _bank(functions: tuple[Any, ...], samples: tuple[str, ...]) -> _LoopEntry:
    """`bank`."""
    source, work, out = samples
    fields = _FIELDS | dict.fromkeys(("fill", "strip", "weights", "sums"), work) | {
        "source": source, "bias": "float64", "columns": "int64", "places": "int64",
        "tile_maps": "int64", "out": out, "extremes": "float64",
        "sizes": (BankSizes, "int64"), "task": (BankTask, "int64"),
    }  # fmt: skip
    return _LoopEntry(loops.bank, functions[0], (BankInput, BankScratch), fields)


def _alpha(functions: tuple[Any, ...], samples: tuple[str, ...], *, loop: Any) -> _LoopEntry:
    """`weigh`, which computes in the type of its result, and `unweigh`."""
    source, work = samples
    fields = _FIELDS | {
        "samples": source, "out": work, "extremes": "float64", "nothing": "float64",
        "levels": (AlphaLevels, work), "sizes": (PixelSizes, "int64"),
    }  # fmt: skip
    return _LoopEntry(loop, functions, (AlphaInput, NoScratch), fields)


def _join(functions: tuple[Any, ...], samples: tuple[str, ...]) -> _LoopEntry:
    """`join`."""
    (kind,) = samples
    fields = _FIELDS | dict.fromkeys(("colour", "alpha", "out"), kind) | {
        "extremes": "float64", "nothing": "float64", "sizes": (PixelSizes, "int64"),
    }  # fmt: skip
    return _LoopEntry(loops.join, functions, (JoinInput, NoScratch), fields)


_ENTRIES: dict[str, Any] = {
    "band": partial(_band, band=loops.band, by_sums=True),
    "band_at_once": partial(_band, band=loops.band, by_sums=False),
    "band_strided": partial(_band, band=loops.band_strided, by_sums=True),
    "band_at_once_strided": partial(_band, band=loops.band_strided, by_sums=False),
    "store_rows": _store_rows,
    "tiles": _tiles,
    "bank": _bank,
    "weigh": partial(_alpha, loop=loops.weigh),
    "unweigh": partial(_alpha, loop=loops.unweigh),
    "join": _join,
}


def compile_entry(
    name: str, functions: tuple[str, ...], samples: tuple[str, ...], fixed: tuple[int, ...] = ()
) -> bytes:
    """Compile a loop for given sample types, as `lower_entry` takes them.

    Returns
    -------
    bytes
        Object code for this machine, holding one function named `entry`.
    """
    return object_code(*lower_entry(name, functions, samples), fixed)


def lower_entry(name: str, functions: tuple[str, ...], samples: tuple[str, ...]) -> tuple[str, str]:
    """Bring a loop for given sample types into LLVM's language.

    Parameters
    ----------
    name : str
        `band` or `band_at_once`, with `_strided` for columns sorted by their phase; `store_rows`
        or `tiles`.
    functions : sequence of str
        The names of the loops it is given: how to respond, combine and store; `band_at_once`
        combines nothing.
    samples : sequence of str
        Its sample types: source, work, out, real; without work for `store_rows` and `tiles`.

    Returns
    -------
    tuple of str and str
        A module as text, and the name in it of the function to be called.
    """
    made = _ENTRIES[name](tuple(getattr(loops, f) for f in functions), samples)
    loop, called, (given, scratch), fields = made
    first, second = len(given._fields), len(given._fields) + len(scratch._fields)
    take_input = taking(_seen(given, fields), 0)
    take_scratch = taking(_seen(scratch, fields), first)
    take_result = taking(_seen(Result, fields), second)

    def entry(addresses):
        loop(called, take_input(addresses), take_scratch(addresses), take_result(addresses))

    module: tuple[str, str] = lowered(entry, types.void(types.CPointer(types.voidptr)))
    return module


def _seen(struct: Any, fields: dict[str, _Field]) -> Any:
    """A struct of arrays as Numba's type: its fields are pointers, or structs of numbers."""
    kinds = [fields[name] for name in struct._fields]
    return types.NamedTuple(
        [
            types.CPointer(getattr(types, kind))
            if isinstance(kind, str)
            else Struct(kind[0], getattr(types, kind[1]))
            for kind in kinds
        ],
        struct,
    )
