"""The store of compiled loops: it saves time, and never costs a result."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from convcli import correlate
from convcli.engine import native

#: Prints the result, whether Numba was needed, and which entries there are.
PROGRAM = """
import sys
import numpy as np
from convcli import correlate
pixels = np.arange(63, dtype=np.uint8).reshape(7, 9) * 4
print(correlate(pixels, 'box3', dtype='uint8', jobs=1).tobytes().hex())
print('numba' in sys.modules)
"""
posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="folders have no such owners here")


def expected():
    """The picture of `PROGRAM` filtered by its own definition."""
    pixels = np.pad(np.arange(63).reshape(7, 9) * 4, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (3, 3))
    return ((windows.sum(axis=(2, 3)) * 2 + 9) // 18).astype(np.uint8).tobytes().hex()


def start(store):
    """Start another process with a store of its own."""
    environment = os.environ | {"CONVCLI_CACHE": str(store)}
    root = Path(__file__).resolve().parent.parent
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(root), os.environ.get("PYTHONPATH")])
    )
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def finish(process):
    """Check its result and return whether it needed Numba."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err == ""
    result, needed = out.split()
    assert result == expected()
    return {"True": True, "False": False}[needed]


def run(store):
    with start(store) as process:
        return finish(process)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A store that one process has filled."""
    store = tmp_path_factory.mktemp("filled") / "store"
    assert run(store)
    return store


@pytest.fixture
def store(filled, tmp_path):
    """A copy of the filled store."""
    return Path(shutil.copytree(filled, tmp_path / "store"))


def entries(store):
    return sorted(path.name for path in store.iterdir())


def test_a_second_process_does_without_numba(filled):
    names = entries(filled)
    assert len(names) == 1
    assert names[0].startswith("band-")
    assert not run(filled)
    assert entries(filled) == names


@posix
def test_only_the_owner_may_write(filled):
    assert stat.S_IMODE(filled.stat().st_mode) == 0o700
    for path in filled.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


DAMAGE = {
    "empty": lambda data: b"",
    "shorter than its digest": lambda data: data[:20],
    "digest only": lambda data: data[:32],
    "truncated": lambda data: data[:-100],
    "longer": lambda data: data + b"\0",
    "one bit": lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:],
    "digest changed": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "something else": lambda data: b"not object code" * 100,
}


@pytest.fixture
def fresh(monkeypatch):
    """Forget what was loaded and where the store is, before and after."""
    for cached in (native._store, native._fingerprint):
        cached.cache_clear()
    monkeypatch.setattr(native, "_loaded", {})
    yield
    native._store.cache_clear()
    native._fingerprint.cache_clear()


@pytest.fixture(scope="module")
def once():
    """The compiler, which compiles nothing twice, to save time."""
    from convcli.engine.entries import compile_entry

    return cache(compile_entry)


@pytest.fixture
def compiled(once, monkeypatch):
    """List what was compiled."""
    calls = []

    def compile_entry(*key):
        calls.append(key)
        return once(*key)

    monkeypatch.setattr("convcli.engine.entries.compile_entry", compile_entry)
    return calls


def filter_here():
    pixels = np.arange(63, dtype=np.uint8).reshape(7, 9) * 4
    result = correlate(pixels, "box3", dtype="uint8", jobs=1)
    assert result.tobytes().hex() == expected()


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_made_anew(damage, store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(native.STORE_VARIABLE, str(store))
    (path,) = store.iterdir()
    whole = path.read_bytes()
    path.write_bytes(DAMAGE[damage](whole))
    filter_here()
    assert len(compiled) == 1
    assert entries(store) == [path.name]
    data = path.read_bytes()
    monkeypatch.setattr(native, "_loaded", {})
    filter_here()  # from the store again
    assert len(compiled) == 1
    assert len(data) > 1000


def test_a_whole_entry_is_loaded_once(store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(native.STORE_VARIABLE, str(store))
    filter_here()
    shutil.rmtree(store)
    filter_here()
    assert compiled == []


def test_a_folder_in_place_of_an_entry_costs_no_result(store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(native.STORE_VARIABLE, str(store))
    (path,) = store.iterdir()
    path.unlink()
    path.mkdir()
    filter_here()
    assert len(compiled) == 1
    assert entries(store) == [path.name]  # and no temporary file beside it


def test_no_store_when_the_variable_is_empty(fresh, compiled, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(native.STORE_VARIABLE, "")
    filter_here()
    assert native._store() is None
    assert len(compiled) == 1
    assert not list(tmp_path.iterdir())


def test_the_store_is_made_where_the_variable_says(fresh, compiled, monkeypatch, tmp_path):
    place = tmp_path / "deep" / "er"
    monkeypatch.setenv(native.STORE_VARIABLE, str(place))
    filter_here()
    assert len(entries(place)) == 1


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the rule of other systems")
def test_the_store_is_in_the_user_s_cache_by_default(fresh, monkeypatch, tmp_path):
    monkeypatch.delenv(native.STORE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert native._store() == tmp_path / "cache" / "convcli"
    native._store.cache_clear()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert native._store() == tmp_path / "home" / ".cache" / "convcli"


@posix
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o720, 0o1777])
def test_a_store_that_others_may_write_is_not_used(mode, store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(native.STORE_VARIABLE, str(store))
    before = entries(store)
    store.chmod(mode)
    filter_here()
    assert native._store() is None
    assert len(compiled) == 1
    assert entries(store) == before


@posix
def test_a_store_of_somebody_else_is_not_used(store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(native.STORE_VARIABLE, str(store))
    monkeypatch.setattr(os, "getuid", lambda: store.stat().st_uid + 1)
    assert native._store() is None


def test_a_store_that_cannot_be_written_costs_no_result(store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(native.STORE_VARIABLE, str(store))
    for path in store.iterdir():
        path.unlink()

    def refuse(*args, **options):
        raise PermissionError("read-only")

    monkeypatch.setattr(native.tempfile, "mkstemp", refuse)
    filter_here()
    assert len(compiled) == 1
    assert entries(store) == []


@posix
def test_a_read_only_store_is_read(store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(native.STORE_VARIABLE, str(store))
    for path in store.iterdir():
        path.chmod(0o400)
    store.chmod(0o500)
    try:
        filter_here()
        assert compiled == []
    finally:
        store.chmod(0o700)


@posix
@pytest.mark.skipif(hasattr(os, "getuid") and os.getuid() == 0, reason="root writes anywhere")
def test_an_empty_read_only_store_costs_no_result(tmp_path, fresh, compiled, monkeypatch):
    tmp_path.chmod(0o500)
    monkeypatch.setenv(native.STORE_VARIABLE, str(tmp_path))
    try:
        filter_here()
        assert len(compiled) == 1
    finally:
        tmp_path.chmod(0o700)


def test_a_file_in_place_of_the_store_costs_no_result(tmp_path, fresh, compiled, monkeypatch):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        native._store.cache_clear()
        monkeypatch.setattr(native, "_loaded", {})
        monkeypatch.setenv(native.STORE_VARIABLE, str(place))
        filter_here()
        assert native._store() is None
    assert len(compiled) == 2


def test_a_write_that_fails_leaves_nothing_behind(store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(native.STORE_VARIABLE, str(store))
    for path in store.iterdir():
        path.unlink()

    def fail(self, target):
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", fail)
    filter_here()
    assert entries(store) == []


KEY = ("band", "store_rounded", "uint8", "int16", "uint8", "float32")


def test_each_combination_has_a_file_of_its_own(fresh, monkeypatch, tmp_path):
    monkeypatch.setenv(native.STORE_VARIABLE, str(tmp_path / "store"))
    other = [(*KEY[:k], "other", *KEY[k + 1 :]) for k in range(len(KEY))]
    joined = [("band", "store_roundeduint8", *KEY[3:]), (*KEY, "")]
    paths = {native._path(key) for key in (KEY, *other, *joined)}
    assert len(paths) == len(KEY) + 3


@pytest.mark.parametrize("source", ["loops/respond.py", "entries.py"])
def test_a_changed_source_has_another_key(source, fresh, monkeypatch, tmp_path):
    monkeypatch.setenv(native.STORE_VARIABLE, str(tmp_path / "store"))
    here = Path(native.__file__).parent
    shutil.copytree(here / "loops", tmp_path / "loops")
    for name in ("entries.py", "native.py"):
        shutil.copy(here / name, tmp_path / name)
    monkeypatch.setattr(native, "__file__", str(tmp_path / "native.py"))
    before = native._path(KEY)
    native._fingerprint.cache_clear()
    assert native._path(KEY) == before
    with (tmp_path / source).open("a") as file:
        file.write("# changed\n")
    native._fingerprint.cache_clear()
    assert native._path(KEY) != before


def test_another_numba_has_another_key(fresh, monkeypatch, tmp_path):
    monkeypatch.setenv(native.STORE_VARIABLE, str(tmp_path / "store"))
    before = native._path(KEY)
    (tmp_path / "_version.py").write_text("version = '9.9'")
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(native, "find_spec", lambda name: {"numba": spec}[name])
    native._fingerprint.cache_clear()
    assert native._path(KEY) != before


@pytest.mark.parametrize("package", ["llvmlite", "numpy"])
def test_another_version_has_another_key(package, fresh, monkeypatch, tmp_path):
    monkeypatch.setenv(native.STORE_VARIABLE, str(tmp_path / "store"))
    before = native._path(KEY)
    monkeypatch.setattr(f"{package}.__version__", "9.9")
    native._fingerprint.cache_clear()
    assert native._path(KEY) != before


def test_another_processor_has_another_key(fresh, monkeypatch, tmp_path):
    import llvmlite.binding as llvm

    monkeypatch.setenv(native.STORE_VARIABLE, str(tmp_path / "store"))
    before = native._path(KEY)
    monkeypatch.setattr(llvm, "get_host_cpu_name", lambda: "another")
    native._fingerprint.cache_clear()
    assert native._path(KEY) != before


def test_threads_that_come_at_once_compile_once(fresh, compiled, monkeypatch, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setenv(native.STORE_VARIABLE, str(tmp_path / "store"))
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(filter_here) for _ in range(12)]:
            done.result()
    assert len(compiled) == 1


@pytest.mark.slow
def test_processes_that_come_at_once_are_all_right(tmp_path):
    store = tmp_path / "store"
    with ExitStack() as stack:
        processes = [stack.enter_context(start(store)) for _ in range(3)]
        assert any([finish(process) for process in processes])
    assert len(entries(store)) == 1
    assert not run(store)


@pytest.mark.slow
def test_a_truncated_entry_is_made_anew_by_another_process(store):
    (path,) = store.iterdir()
    path.write_bytes(path.read_bytes()[:-50])
    assert run(store)
    assert not run(store)
