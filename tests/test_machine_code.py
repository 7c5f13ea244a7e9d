"""Machine code that stands alone: laid out, checked, put into memory, run."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convcli.engine import folder, machine, native
from convcli.engine.flat import NotFlatError, flatten

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.uname().machine != "x86_64",
    reason="only known how on Linux on x86-64",
)


@pytest.fixture(scope="module")
def compiler():
    """Turn LLVM's text into object code, for a model of how far things are apart."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()

    def compile_(text, model="small"):
        target = llvm.Target.from_default_triple().create_target_machine(
            reloc="pic", codemodel=model, jit=True
        )
        return target.emit_object(llvm.parse_assembly(text))

    return compile_


TABLE = """
@table = internal constant [4 x double] [double 1.0, double 2.5, double 4.0, double 8.0], align 64
define internal double @pick(i64 %k) noinline {
  %place = getelementptr [4 x double], ptr @table, i64 0, i64 %k
  %value = load double, ptr %place
  ret double %value
}
define double @first(i64 %k) {
  ret double 0.0
}
define double @entry(i64 %k) {
  %value = call double @pick(i64 %k)
  %sum = fadd double %value, 0.25
  ret double %sum
}
"""


def call(code, result, *kinds):
    """Put a piece into memory and return its function."""
    piece, start = flatten(code)
    begin, keep = machine.place(piece)
    assert begin % 4096 == 0
    function = ctypes.CFUNCTYPE(result, *kinds)(begin + start)
    function.keep = keep
    return function


def test_references_between_sections_are_filled_in(compiler):
    function = call(compiler(TABLE), ctypes.c_double, ctypes.c_int64)
    assert [function(k) for k in range(4)] == [1.25, 2.75, 4.25, 8.25]


def test_the_same_piece_runs_at_any_place(compiler):
    piece, start = flatten(compiler(TABLE))
    results = []
    for pages in (0, 1, 7):
        begin, keep = machine.place(bytes(4096 * pages) + piece)
        function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64)(begin + 4096 * pages + start)
        results.append(function(1))
        del keep
    assert results == [2.75] * 3


def test_alignment_is_kept(compiler):
    piece, _ = flatten(compiler(TABLE))
    assert piece.index(np.array([1.0, 2.5, 4.0, 8.0]).tobytes()) % 64 == 0


REFUSED = {
    "a variable": (
        "@n = internal global i64 1 define i64 @entry() { %v = load i64, ptr @n\n"
        "store volatile i64 2, ptr @n ret i64 %v }",
        "needs memory that can be written",
    ),
    "a variable of zeros": (
        "@n = internal global i64 0 define i64 @entry() { %v = load volatile i64, ptr @n\n"
        "store volatile i64 2, ptr @n ret i64 %v }",
        "needs memory that can be written",
    ),
    "a function of a library": (
        "declare double @atan2(double, double) define double @entry(double %y) {\n"
        "%a = call double @atan2(double %y, double 1.0) ret double %a }",
        "needs 'atan2', which is elsewhere",
    ),
    "the address of something elsewhere": (
        "@n = external global i64 define i64 @entry() { %v = load i64, ptr @n ret i64 %v }",
        "refers to 'n' in a way of kind ",
    ),
    "a table of addresses": (
        "define internal void @f() { ret void }\n"
        "@n = internal constant [2 x ptr] [ptr @f, ptr @entry]\n"
        "define ptr @entry(i64 %k) { %p = getelementptr ptr, ptr @n, i64 %k\n"
        "%v = load ptr, ptr %p ret ptr %v }",
        "needs memory that can be written",
    ),
    "a variable of each thread": (
        "@n = internal thread_local global i64 1 define i64 @entry() {\n"
        "%v = load volatile i64, ptr @n ret i64 %v }",
        "needs memory that can be written",
    ),
    "no entry": ("define i64 @other() { ret i64 1 }", "no function named 'entry'"),
    "too large an alignment": (
        "@n = internal constant [9 x i64] [i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7, i64 8,"
        "i64 9], align 8192 define i64 @entry(i64 %k) {\n"
        "%p = getelementptr i64, ptr @n, i64 %k %v = load i64, ptr %p ret i64 %v }",
        "needs an alignment of 8192 bytes",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_needs_more_than_distances_is_refused(why, compiler):
    text, message = REFUSED[why]
    code = compiler(text)
    with pytest.raises(NotFlatError, match=re.escape(message)):
        flatten(code)


def test_code_for_far_sections_is_refused(compiler):
    """The large model reaches through a table of addresses."""
    with pytest.raises(NotFlatError, match="in a way of kind"):
        flatten(compiler(TABLE, model="jitdefault"))


@pytest.mark.parametrize(
    "change",
    [
        lambda code: b"",
        lambda code: b"MZ" + code[2:],
        lambda code: code[:4] + b"\x01" + code[5:],  # 32 bits
        lambda code: code[:5] + b"\x02" + code[6:],  # big-endian
        lambda code: code[:16] + b"\x03" + code[17:],  # a shared library
        lambda code: code[:18] + b"\xb7" + code[19:],  # for aarch64
    ],
)
def test_other_files_are_refused(change, compiler):
    with pytest.raises(NotFlatError, match="not a relocatable ELF file for x86-64"):
        flatten(change(compiler(TABLE)))


def test_object_code_cut_anywhere_is_refused(compiler):
    code = compiler(TABLE)
    for size in range(len(code)):
        with pytest.raises(NotFlatError):
            flatten(code[:size])


def test_memory_is_never_writable_and_executable(compiler):
    piece, _ = flatten(compiler(TABLE))
    begin, keep = machine.place(piece)
    lines = Path("/proc/self/maps").read_text().splitlines()
    spans = [(*line.split()[0].split("-"), line.split()[1]) for line in lines]
    # Linux tells of neighbouring pieces as one.
    here = [rights for start, end, rights in spans if int(start, 16) <= begin < int(end, 16)]
    assert here == ["r-xp"]
    assert keep is not None


def test_a_system_that_forbids_it_has_object_code(monkeypatch):
    def forbid(code):
        raise OSError("not here")

    machine.can_place.cache_clear()
    assert machine.can_place()
    monkeypatch.setattr(machine, "place", forbid)
    machine.can_place.cache_clear()
    assert not machine.can_place()
    monkeypatch.undo()
    machine.can_place.cache_clear()


def test_only_linux_is_known(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(OSError, match="Linux"):
        machine.place(b"\xc3")


@pytest.fixture(scope="module")
def memory(compiler):
    """The functions that set and copy memory, by name."""
    from convcli.engine.objects import _MEMORY

    found = {}
    for name, kind in (("memset", "i32"), ("memcpy", "ptr"), ("memmove", "ptr")):
        entry = (
            f"\ndefine ptr @entry(ptr %a, {kind} %b, i64 %n) {{\n"
            f"%r = call ptr @{name}(ptr %a, {kind} %b, i64 %n) ret ptr %r }}"
        )
        given_ = ctypes.c_int if name == "memset" else ctypes.c_void_p
        found[name] = call(
            compiler(_MEMORY + entry), ctypes.c_void_p, ctypes.c_void_p, given_, ctypes.c_size_t
        )
    return found


places = st.integers(0, 200)


@given(at=places, size=places, value=st.integers(-300, 300))
@settings(max_examples=200)
def test_memset_is_the_c_library_s(memory, at, size, value):
    buffer = np.arange(400, dtype=np.uint16).astype(np.uint8)
    wanted = buffer.copy()
    wanted[at : at + size] = value % 256
    assert memory["memset"](buffer.ctypes.data + at, value, size) == buffer.ctypes.data + at
    assert np.array_equal(buffer, wanted)


@given(at=places, start=places, size=places)
@settings(max_examples=400)
def test_memmove_is_the_c_library_s(memory, at, start, size):
    buffer = np.random.default_rng(1).integers(0, 256, 400, dtype=np.uint8)
    wanted = buffer.copy()
    wanted[at : at + size] = buffer[start : start + size].copy()
    data = buffer.ctypes.data
    assert memory["memmove"](data + at, data + start, size) == data + at
    assert np.array_equal(buffer, wanted)


@given(at=places, start=places, size=places)
def test_memcpy_is_the_c_library_s(memory, at, start, size):
    target, source = np.zeros(400, np.uint8), np.arange(400, dtype=np.uint16).astype(np.uint8)
    wanted = target.copy()
    wanted[at : at + size] = source[start : start + size]
    memory["memcpy"](target.ctypes.data + at, source.ctypes.data + start, size)
    assert np.array_equal(target, wanted)


KEY = ("band", "some", "loops", "uint8")


@pytest.fixture
def store(monkeypatch, tmp_path):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(tmp_path / "store"))
    folder.folder.cache_clear()
    yield tmp_path / "store"
    folder.folder.cache_clear()


def test_what_is_kept_is_read_back(store):
    folder.write(KEY, b"machine code")
    assert folder.read(KEY) == b"machine code"
    folder.write(KEY, b"")
    assert folder.read(KEY) == b""
    assert len(list(store.iterdir())) == 1


def test_a_byte_changed_anywhere_is_seen(store):
    folder.write(KEY, b"machine code")
    (path,) = store.iterdir()
    whole = path.read_bytes()
    for k in range(len(whole)):
        for bit in (1, 128):
            path.write_bytes(whole[:k] + bytes([whole[k] ^ bit]) + whole[k + 1 :])
            assert folder.read(KEY) is None
    path.write_bytes(whole)
    assert folder.read(KEY) == b"machine code"


def test_a_file_cut_anywhere_is_seen(store):
    folder.write(KEY, b"machine code")
    (path,) = store.iterdir()
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert folder.read(KEY) is None


def test_a_file_under_another_name_is_not_taken_for_it(store):
    folder.write(KEY, b"machine code")
    (path,) = store.iterdir()
    other = (*KEY[:-1], "uint16")
    path.rename(folder.path_of(other))
    assert folder.read(other) is None


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("kernel", "given_"),
    [("box3", {}), ("sobel", {}), ("gaussian:sigma=1.3", {"dtype": "float32"})],
)
def test_a_flat_loop_gives_what_a_linked_one_gives(kernel, given_, store, monkeypatch, rng):
    from convcli import correlate

    pixels = rng.integers(0, 256, (37, 53), dtype=np.uint8)
    results = []
    for allowed in (True, False):
        monkeypatch.setattr(native, "_loaded", {})
        monkeypatch.setattr(machine, "can_place", lambda allowed=allowed: allowed)
        for path in store.glob("*"):
            path.unlink()
        results.append(correlate(pixels, kernel, **given_))
        kept = [path.read_bytes()[40:] for path in store.iterdir()]
        assert [content[0] == 1 for content in kept] == [allowed] * len(kept)
        monkeypatch.setattr(native, "_loaded", {})
        assert np.array_equal(correlate(pixels, kernel, **given_), results[-1])  # from the store
    assert np.array_equal(*results)
