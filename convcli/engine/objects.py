"""From LLVM's text to object code that stands alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import llvmlite.binding as llvm

from convcli.engine import machine
from convcli.engine.flat import NotFlatError, flatten
from convcli.engine.structs import FIXED, FIXED_NAME

_FROM_C_LIBRARY = {"memset", "memcpy", "memmove", "atan2", "atan2f"}

#: What is never called, or never looked at, with what stands in its place.
_UNUSED = (
    # Slices count references to a memory block that pointers don't have.
    (
        re.compile(r"declare void @NRT_MemInfo_call_dtor\(.*"),
        "define internal void @NRT_MemInfo_call_dtor(ptr %block) { ret void }",
    ),
    # Functions that are arguments are compiled in; the objects they were in Python are passed on
    # and not used. Without their addresses the same sources give the same code.
    (
        re.compile(r"^(@numba\.dynamic\.globals\.\w+) = .*$", re.MULTILINE),
        r"\1 = internal constant ptr null",
    ),
    # What is raised for steps of zero, of which there are none: pointers, which need a linker.
    (
        re.compile(r"^(@\.const\.picklebuf\.\S+ = internal constant \{[^{}]*\}) .*$", re.MULTILINE),
        r"\1 zeroinitializer",
    ),
)

#: What gives a number is not written yet, but does nothing else.
_NUMBER = re.compile(rf"^declare i64 @({FIXED_NAME}\w+)\(.*$", re.MULTILINE)
_DECLARED = r"declare i64 @\1(i64) nounwind willreturn memory(none)"

# JUSTIFICATION: the C library's functions of these names, which LLVM calls to set and copy memory,
# would be the only thing that a loop needs from outside; with its own it can be put anywhere
# (`flat`) and needs no linker, which takes 50 ms to load. 32 bytes a step fill a row that is in the
# cache as quickly as the C library does. Copying up when the target is below the source and down
# when it is above is right for memory that overlaps (memmove, C17 7.24.2.2), so for memcpy too.
# LLVM must not see the loops as memset and memcpy, or they would call themselves: hence
# no-builtins.
_MEMORY = """
define hidden ptr @memset(ptr %to, i32 %value, i64 %size) noinline nounwind "no-builtins" {
  %byte = trunc i32 %value to i8
  %one = insertelement <32 x i8> poison, i8 %byte, i64 0
  %many = shufflevector <32 x i8> %one, <32 x i8> poison, <32 x i32> zeroinitializer
  %whole = and i64 %size, -32
  br label %steps
steps:
  %k = phi i64 [0, %0], [%k.next, %step]
  %more = icmp ult i64 %k, %whole
  br i1 %more, label %step, label %rest
step:
  %to.k = getelementptr i8, ptr %to, i64 %k
  store <32 x i8> %many, ptr %to.k, align 1
  %k.next = add i64 %k, 32
  br label %steps
rest:
  %j = phi i64 [%whole, %steps], [%j.next, %single]
  %left = icmp ult i64 %j, %size
  br i1 %left, label %single, label %done
single:
  %to.j = getelementptr i8, ptr %to, i64 %j
  store i8 %byte, ptr %to.j, align 1
  %j.next = add i64 %j, 1
  br label %rest
done:
  ret ptr %to
}

define hidden ptr @memcpy(ptr %to, ptr %from, i64 %size) noinline nounwind "no-builtins" {
  %same = call ptr @memmove(ptr %to, ptr %from, i64 %size)
  ret ptr %to
}

define hidden ptr @memmove(ptr %to, ptr %from, i64 %size) noinline nounwind "no-builtins" {
  %whole = and i64 %size, -32
  %below = icmp ult ptr %to, %from
  br i1 %below, label %up, label %down
up:
  %k = phi i64 [0, %0], [%k.next, %up.step]
  %more = icmp ult i64 %k, %whole
  br i1 %more, label %up.step, label %up.rest
up.step:
  %from.k = getelementptr i8, ptr %from, i64 %k
  %to.k = getelementptr i8, ptr %to, i64 %k
  %block = load <32 x i8>, ptr %from.k, align 1
  store <32 x i8> %block, ptr %to.k, align 1
  %k.next = add i64 %k, 32
  br label %up
up.rest:
  %j = phi i64 [%whole, %up], [%j.next, %up.single]
  %left = icmp ult i64 %j, %size
  br i1 %left, label %up.single, label %done
up.single:
  %from.j = getelementptr i8, ptr %from, i64 %j
  %to.j = getelementptr i8, ptr %to, i64 %j
  %byte = load i8, ptr %from.j, align 1
  store i8 %byte, ptr %to.j, align 1
  %j.next = add i64 %j, 1
  br label %up.rest
down:
  %m = phi i64 [%size, %0], [%m.next, %down.step]
  %enough = icmp uge i64 %m, 32
  br i1 %enough, label %down.step, label %down.rest
down.step:
  %m.next = sub i64 %m, 32
  %from.m = getelementptr i8, ptr %from, i64 %m.next
  %to.m = getelementptr i8, ptr %to, i64 %m.next
  %block.m = load <32 x i8>, ptr %from.m, align 1
  store <32 x i8> %block.m, ptr %to.m, align 1
  br label %down
down.rest:
  %n = phi i64 [%m, %down], [%n.next, %down.single]
  %some = icmp ugt i64 %n, 0
  br i1 %some, label %down.single, label %done
down.single:
  %n.next = sub i64 %n, 1
  %from.n = getelementptr i8, ptr %from, i64 %n.next
  %to.n = getelementptr i8, ptr %to, i64 %n.next
  %byte.n = load i8, ptr %from.n, align 1
  store i8 %byte.n, ptr %to.n, align 1
  br label %down.rest
done:
  ret ptr %to
}
"""


def object_code(ir: str, name: str, fixed: Sequence[int] = ()) -> bytes:
    """Optimise a function and all it calls as one, and emit it.

    Parameters
    ----------
    ir
        A module as text, for any 64-bit machine.
    name
        The function's in it.
    fixed
        The numbers that it is compiled for, in the order of `structs.FIXED`; without them it takes
        those that stand in `sizes`.

    Returns
    -------
    bytes
        Object code for this machine, holding one function named `entry`: one that `flat.flatten`
        takes, if it can be had.

    Raises
    ------
    RuntimeError
        If LLVM can't read the module, or it needs what nothing provides.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    if machine.can_place():
        code = _emit(own_module(ir + _MEMORY, name), "small", fixed)
        try:
            flatten(code)
        except NotFlatError:
            pass
        else:
            return code
    # For a linker, which may put sections far from each other.
    return _emit(own_module(ir, name), "jitdefault", fixed)


def own_module(ir: str, name: str) -> Any:
    """Return a module of one function, named `entry`, and what it calls.

    Raises
    ------
    RuntimeError
        If LLVM can't read it.
    """
    for unused, instead in (*_UNUSED, (_NUMBER, _DECLARED)):
        ir = unused.sub(instead, ir)
    module = llvm.parse_assembly(ir)
    module.verify()
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name not in (name, *_FROM_C_LIBRARY):
            value.linkage = "internal"
    entry = module.get_function(name)
    entry.name, entry.linkage = "entry", "external"
    return module


def _emit(module: Any, model: str, fixed: Sequence[int]) -> bytes:
    # JUSTIFICATION: Numba leaves AVX out on some processors, for what LLVM once made of it, and
    # under systems that don't save its registers, which LLVM asks for itself by now.
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel=model,
        jit=True,
    )
    module = _optimised(module, target) if not fixed else _unrolled(module, target, fixed)
    needs = {f.name for f in module.functions if f.is_declaration} - _FROM_C_LIBRARY
    needs = {f for f in needs if not f.startswith("llvm.")}
    if needs:
        raise RuntimeError(f"compiled loops need {sorted(needs)}, which nothing provides")
    code: bytes = target.emit_object(module)
    return code


def _optimised(module: Any, target: Any, *, unroll: bool = True) -> Any:
    """Do what LLVM does for a language's compiler; without `unroll` numbers may still be open."""
    if unroll:
        module = llvm.parse_assembly(_with_numbers(str(module), ()))
    module.triple, module.data_layout = target.triple, str(target.target_data)
    # JUSTIFICATION: 3 takes half as long again and makes a half more code, by a copy of each
    # loop for each outcome of a test; none of the loops is quicker for it (bench: named, dense).
    tuning = llvm.create_pipeline_tuning_options(speed_level=2)
    tuning.loop_unrolling = unroll
    builder = llvm.create_pass_builder(target, tuning)
    builder.getModulePassManager().run(module, builder)
    return module


def _unrolled(module: Any, target: Any, fixed: Sequence[int]) -> Any:
    """Fill in the numbers of an optimised module, and unroll the loops that they end.

    JUSTIFICATION: with numbers from the start, LLVM moves one sum's products behind the other's
    and keeps in memory what both read, as it takes blocks of instructions to be one another's
    successors that unrolling makes one (`InstCombine` sinks). So these passes alone: a tenth to a
    fifth less time than with numbers in `sizes` (bench: named).
    """
    text = str(_optimised(module, target, unroll=False))
    module = llvm.parse_assembly(_with_numbers(text, fixed))
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_sccp_pass()
    passes.add_simplify_cfg_pass()
    passes.add_loop_simplify_pass()
    passes.add_lcssa_pass()
    passes.add_loop_unroll_pass()
    passes.add_sccp_pass()
    passes.add_simplify_cfg_pass()
    passes.add_new_gvn_pass()
    passes.add_simplify_cfg_pass()
    passes.add_dead_code_elimination_pass()
    passes.run(module, llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options()))
    return module


def _with_numbers(ir: str, fixed: Sequence[int]) -> str:
    """Return a module's text with the functions that give the numbers it is compiled for."""
    numbers = {f"{FIXED_NAME}{name}": "%number" for name in FIXED}
    numbers.update(zip(numbers, map(str, fixed), strict=False))

    def defined(declared: re.Match[str]) -> str:
        name = declared[1]
        head = f"define internal i64 @{name}(i64 %number) alwaysinline"
        return f"{head} {{ ret i64 {numbers[name]} }}"

    return _NUMBER.sub(defined, ir)
