"""The loops as C-callable entries, compiled for given sample types.

An entry takes each array of its loop as a pointer followed by its extents; a single value comes
as an array of one. What comes out is the object code of that entry and all it calls, which needs
nothing of Numba to run.
"""

from __future__ import annotations

import re
from typing import Any

import llvmlite.binding as llvm
from numba import carray, cfunc, types
from numba.core.codegen import get_host_cpu_features

from convcli.engine import loops

_INT = types.intp
_DESTRUCTOR = re.compile(r"declare void @NRT_MemInfo_call_dtor\(.*")
_NO_DESTRUCTOR = "define internal void @NRT_MemInfo_call_dtor(ptr %block) { ret void }"
_FROM_C_LIBRARY = {"memset", "memcpy", "memmove", "atan2", "atan2f"}


def _pointer(name):
    return types.CPointer(getattr(types, name))


def _band(respond, combine, store, source, work, out, real):
    """`loops.band` with its arrays as pointers."""
    band = loops.band
    sums = "float64" if combine is not loops.combine_nothing else work

    def entry(
        src, src_rows, src_samples, row_source, padded_rows, col_source, pitch, fill, _fill,
        offsets, taps, weights, kernels, _taps, row_offsets, row_taps, row_weights, _kernels,
        _row_taps, share, _share, strip, strip_size, column, _pitch, sums, _sums, samples, acc,
        _samples, target, out_rows, out_samples, sizes, _sizes, numbers, _numbers, limits,
        _limits, stats, _stats,
    ):  # fmt: skip
        band(
            respond,
            combine,
            store,
            carray(src, (src_rows, src_samples)),
            carray(row_source, padded_rows),
            carray(col_source, pitch),
            fill[0],
            carray(offsets, taps),
            carray(weights, (kernels, taps)),
            carray(row_offsets, row_taps),
            carray(row_weights, (kernels, row_taps)),
            share[0],
            carray(strip, strip_size),
            carray(column, pitch),
            carray(sums, (kernels, samples)),
            carray(acc, samples),
            carray(target, (out_rows, out_samples)),
            carray(sizes, _sizes),
            carray(numbers, _numbers),
            carray(limits, _limits),
            carray(stats, _stats),
        )

    arrays = (
        (source, 2), ("intp", 1), ("intp", 1), (work, 1), ("int64", 1), (work, 2), ("int64", 1),
        (work, 2), ("int64", 1), (work, 1), (work, 1), (work, 2), (sums, 1), (out, 2),
        ("int64", 1), (real, 1), ("float64", 1), ("float64", 1),
    )  # fmt: skip
    return entry, arrays


def _store_rows(store, source, out, real):
    """`loops.store_rows` with its arrays as pointers."""
    store_rows = loops.store_rows

    def entry(
        src, rows, samples, target, out_rows, out_samples, numbers, _numbers, limits, _limits,
        stats, _stats,
    ):  # fmt: skip
        store_rows(
            store,
            carray(src, (rows, samples)),
            carray(target, (out_rows, out_samples)),
            carray(numbers, _numbers),
            carray(limits, _limits),
            carray(stats, _stats),
        )

    arrays = ((source, 2), (out, 2), (real, 1), ("float64", 1), ("float64", 1))
    return entry, arrays


_ENTRIES = {"band": _band, "store_rows": _store_rows}


def compile_entry(name: str, functions: tuple[str, ...], samples: tuple[str, ...]) -> bytes:
    """Compile a loop for given sample types.

    Parameters
    ----------
    name : str
        `band` or `store_rows`.
    functions : sequence of str
        The names of the loops it is given: how to respond, combine and store.
    samples : sequence of str
        Its sample types: source, work, out, real; without work for `store_rows`.

    Returns
    -------
    bytes
        Object code for this machine, holding one function named `entry`.
    """
    make: Any = _ENTRIES[name]
    entry, arrays = make(*(getattr(loops, f) for f in functions), *samples)
    arguments = []
    for dtype, dimensions in arrays:
        arguments += [_pointer(dtype)] + [_INT] * dimensions
    compiled = cfunc(types.void(*arguments))(entry)
    code: bytes = _object_code(compiled._library.get_llvm_str(), compiled.native_name)
    return code


def _object_code(ir, wrapper):
    """Emit the function that Numba's C wrapper calls, without the wrapper and what it needs."""
    # Slices count references to a memory block that pointers don't have: never called.
    module = llvm.parse_assembly(_DESTRUCTOR.sub(_NO_DESTRUCTOR, ir))
    name = wrapper.removeprefix("cfunc.")
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name != name:
            value.linkage = "internal"
    entry = module.get_function(name)
    entry.name, entry.linkage = "entry", "external"
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=get_host_cpu_features(), opt=3, reloc="pic",
        codemodel="jitdefault", jit=True,
    )  # fmt: skip
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.add_strip_dead_prototype_pass()
    passes.run(module, llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options()))
    needs = {f.name for f in module.functions if f.is_declaration} - _FROM_C_LIBRARY
    needs = {f for f in needs if not f.startswith("llvm.")}
    if needs:
        raise RuntimeError(f"compiled loops need {sorted(needs)}, which nothing provides")
    return target.emit_object(module)
