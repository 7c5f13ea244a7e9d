"""The loops as C-callable entries, compiled for given sample types.

An entry takes the arrays of its loop as pointers. What comes out is the object code of that entry
and all it calls, which needs nothing of Numba to run.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from numba import types

from convcli.engine import loops
from convcli.engine.loops.compiling import lowered
from convcli.engine.objects import object_code


def _band_at_once(respond, store, *types, band=loops.band):
    """`loops.band` for a single kernel whose sums nobody looks at."""
    how = {"band": band, "filter_rows": loops.rows_at_once}
    return _band(respond, loops.combine_nothing, store, *types, **how)


def _band(
    respond, combine, store, source, work, out, real, band=loops.band,
    filter_rows=loops.rows_by_sums,
):  # fmt: skip
    """`loops.band` with its arrays as pointers."""
    sums = "float64" if combine is not loops.combine_nothing else work
    as_they_are = respond is loops.respond_box or respond is loops.respond_terms
    strip_type = source if as_they_are else work

    def entry(
        src, row_source, col_source, fill, offsets, weights, row_offsets, row_weights, strip,
        column, sums, acc, rest, target, sizes, numbers, limits, extremes,
    ):  # fmt: skip
        band(
            filter_rows, respond, combine, store, src, row_source, col_source, fill, offsets,
            weights, row_offsets, row_weights, strip, column, sums, acc, rest, target, sizes,
            numbers, limits, extremes,
        )  # fmt: skip

    arrays = (
        source, "intp", "intp", strip_type, "int64", work, "int64", work, strip_type, work, work,
        "float64", out, out, "int64", real, sums, sums,
    )  # fmt: skip
    return entry, arrays


def _store_rows(store, source, out, real):
    """`loops.store_rows` with its arrays as pointers."""
    store_rows = loops.store_rows

    def entry(responses, acc, rest, target, sizes, numbers, limits, extremes):
        store_rows(store, responses, acc, rest, target, sizes, numbers, limits, extremes)

    return entry, (source, source, out, out, "int64", real, source, source)


def _tiles(combine, store, source, out, real):
    """`loops.tiles` with its arrays as pointers."""
    tiles = loops.tiles

    def entry(
        src, row_source, col_source, fill, factors_re, factors_im, cosines, sines, offsets,
        levels, lines, re, im, product_re, product_im, sums, acc, rest, target, sizes, numbers,
        limits, extremes,
    ):  # fmt: skip
        tiles(
            combine, store, src, row_source, col_source, fill, factors_re, factors_im, cosines,
            sines, offsets, levels, lines, re, im, product_re, product_im, sums, acc, rest,
            target, sizes, numbers, limits, extremes,
        )  # fmt: skip

    return entry, (
        source, "intp", "intp", source, *("float64",) * 6, source, *("float64",) * 6, out, out,
        "int64", real, "float64", "float64",
    )  # fmt: skip


_ENTRIES = {
    "band": _band,
    "band_at_once": _band_at_once,
    "band_strided": partial(_band, band=loops.band_strided),
    "band_at_once_strided": partial(_band_at_once, band=loops.band_strided),
    "store_rows": _store_rows,
    "tiles": _tiles,
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
    make: Any = _ENTRIES[name]
    entry, arrays = make(*(getattr(loops, f) for f in functions), *samples)
    arguments = [types.CPointer(getattr(types, dtype)) for dtype in arrays]
    module: tuple[str, str] = lowered(entry, types.void(*arguments))
    return module
