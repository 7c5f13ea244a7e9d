"""The store of compiled loops: it saves time, and never costs a result."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from convcli import api, correlate
from convcli.engine import fingerprint, folder, native
from convcli.pipeline import arrays

#: Prints the result, and whether a loop was compiled.
PROGRAM = """
import numpy as np
from convcli import api, correlate
from convcli.pipeline import arrays
from convcli.engine import seconds_compiling
pixels = np.arange(63, dtype=np.uint8).reshape(7, 9) * 4
print(correlate(pixels, 'box3', dtype='uint8', jobs=1).tobytes().hex())
print(seconds_compiling() > 0)
"""
posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders have no such owners here")


def expected():
    """The image of `PROGRAM` filtered by its own definition."""
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
    """Check its result and return whether it compiled."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err == ""
    result, compiled = out.split()
    assert result == expected()
    return {"True": True, "False": False}[compiled]


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


def test_a_second_process_compiles_nothing(filled):
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
    "digest only": lambda data: data[:40],
    "head only": lambda data: data[:56],
    "truncated": lambda data: data[:-100],
    "longer": lambda data: data + b"\0",
    "another layout": lambda data: b"convcli1" + data[8:],
    "said to be object code": lambda data: data[:40] + bytes([1 - data[40]]) + data[41:],
    "beginning elsewhere": lambda data: data[:48] + bytes([data[48] ^ 16]) + data[49:],
    "one bit": lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:],
    "digest changed": lambda data: data[:8] + bytes([data[8] ^ 1]) + data[9:],
    "something else": lambda data: b"not machine code" * 100,
}


def forget():
    for cached in (folder.folder, folder._identity, fingerprint.fingerprint):
        cached.cache_clear()


@pytest.fixture
def fresh(monkeypatch):
    """Forget what was loaded and where the store is, before and after."""
    forget()
    monkeypatch.setattr(native, "_loaded", {})
    yield
    forget()


@pytest.fixture(scope="module")
def once():
    """The compiler, which compiles nothing twice, to save time."""
    return cache(native._object_code)


@pytest.fixture
def compiled(once, monkeypatch):
    """List what was compiled."""
    calls = []

    def object_code(*key):
        calls.append(key)
        return once(*key)

    monkeypatch.setattr(native, "_object_code", object_code)
    return calls


def filter_here():
    for ready in (api._ready, arrays.step_of):
        ready.cache_clear()
    pixels = np.arange(63, dtype=np.uint8).reshape(7, 9) * 4
    result = correlate(pixels, "box3", dtype="uint8", jobs=1)
    assert result.tobytes().hex() == expected()


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_made_anew(damage, store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(store))
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
    monkeypatch.setenv(folder.STORE_VARIABLE, str(store))
    filter_here()
    shutil.rmtree(store)
    filter_here()
    assert compiled == []


def test_a_folder_in_place_of_an_entry_costs_no_result(store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(store))
    (path,) = store.iterdir()
    path.unlink()
    path.mkdir()
    filter_here()
    assert len(compiled) == 1
    assert entries(store) == [path.name]  # and no temporary file beside it


def test_no_store_when_the_variable_is_empty(fresh, compiled, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(folder.STORE_VARIABLE, "")
    filter_here()
    assert folder.folder() is None
    assert len(compiled) == 1
    assert not list(tmp_path.iterdir())


def test_the_store_is_made_where_the_variable_says(fresh, compiled, monkeypatch, tmp_path):
    place = tmp_path / "deep" / "er"
    monkeypatch.setenv(folder.STORE_VARIABLE, str(place))
    filter_here()
    assert len(entries(place)) == 1


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the rule of other systems")
def test_the_store_is_in_the_user_s_cache_by_default(fresh, monkeypatch, tmp_path):
    monkeypatch.delenv(folder.STORE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert folder.folder() == tmp_path / "cache" / "convcli"
    folder.folder.cache_clear()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert folder.folder() == tmp_path / "home" / ".cache" / "convcli"


@posix
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o720, 0o1777])
def test_a_store_that_others_may_write_is_not_used(mode, store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(store))
    before = entries(store)
    store.chmod(mode)
    filter_here()
    assert folder.folder() is None
    assert len(compiled) == 1
    assert entries(store) == before


@posix
def test_a_store_of_somebody_else_is_not_used(store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(store))
    monkeypatch.setattr(os, "geteuid", lambda: store.stat().st_uid + 1)
    assert folder.folder() is None


@contextmanager
def in_time(seconds=20):
    """Fail where a test would hang."""

    def late(*_):
        pytest.fail("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(path.parent)  # its whole name may be too long
        listener.bind(path.name)
        os.chdir(here)


def linked(path):
    """The very loop that belongs there, behind a link."""
    path.symlink_to(path.with_name("elsewhere"))


#: What stands under a loop's name; the loop itself is `elsewhere`.
NO_FILES = {
    "a FIFO": os.mkfifo if hasattr(os, "mkfifo") else None,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to a FIFO": lambda path: (
        os.mkfifo(path.with_name("pipe")), path.symlink_to(path.with_name("pipe")),
    ),
    "a link to a loop": linked,
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to nothing": lambda path: path.symlink_to(path.with_name("nothing")),
    "a hard link": lambda path: path.hardlink_to(path.with_name("elsewhere")),
    "a socket": a_socket,
    "a sparse file": lambda path: (path.touch(), os.truncate(path, 2**40)),
}  # fmt: skip


def handles():
    """How many files this process has open, where that can be told."""
    here = Path("/proc/self/fd")
    return len([*here.iterdir()]) if here.exists() else 0


@posix
@pytest.mark.parametrize("name", NO_FILES)
def test_what_is_no_file_of_our_own_is_not_opened(name, store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(store))
    (path,) = store.iterdir()
    path.rename(store / "elsewhere")
    NO_FILES[name](path)
    opened = handles()
    with in_time():
        filter_here()
    assert len(compiled) == 1
    assert stat.S_ISREG(path.lstat().st_mode)  # it was replaced
    assert path.stat().st_nlink == 1
    assert handles() == opened
    monkeypatch.setattr(native, "_loaded", {})
    filter_here()
    assert len(compiled) == 1


@posix
@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o660])
def test_a_loop_that_others_may_write_is_not_used(mode, store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(store))
    (path,) = store.iterdir()
    path.chmod(mode)
    filter_here()
    assert len(compiled) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
def test_a_loop_of_somebody_else_is_not_used(store, fresh, compiled, monkeypatch):
    """In a folder of one's own, as where somebody may write to it for a while."""
    monkeypatch.setenv(folder.STORE_VARIABLE, str(store))
    fstat = os.fstat

    def strange(handle):
        found = [*fstat(handle)]
        found[stat.ST_UID] += 1
        return os.stat_result(found)

    monkeypatch.setattr(folder.os, "fstat", strange)
    (path,) = store.iterdir()
    assert folder._read_own(path) == b""
    monkeypatch.undo()
    assert folder._read_own(path) == path.read_bytes()


@posix
@pytest.mark.parametrize(
    ("mode", "used"),
    [(0o777, False), (0o757, False), (0o1777, True), (0o755, True), (0o775, True)],
)
def test_a_store_that_others_can_put_another_in_place_of_is_not_used(
    mode, used, tmp_path, fresh, monkeypatch
):
    """Those that only one's own group may write to are trusted, and those that are like /tmp."""
    above = tmp_path / "above"
    (above / "between" / "store").mkdir(parents=True, mode=0o700)
    above.chmod(mode)
    monkeypatch.setenv(folder.STORE_VARIABLE, str(above / "between" / "store"))
    assert (folder.folder() is not None) is used
    # Nor where a link leads into or through such a folder.
    (tmp_path / "link").symlink_to(above / "between")
    monkeypatch.setenv(folder.STORE_VARIABLE, str(tmp_path / "link" / "store"))
    folder.folder.cache_clear()
    assert (folder.folder() is not None) is used


@posix
def test_a_store_below_a_folder_of_another_group_is_not_used(tmp_path, fresh, monkeypatch):
    tmp_path.chmod(0o770)
    monkeypatch.setenv(folder.STORE_VARIABLE, str(tmp_path / "store"))
    group = tmp_path.stat().st_gid
    monkeypatch.setattr(os, "getegid", lambda: group + 1)
    assert folder.folder() is None
    monkeypatch.setattr(os, "getegid", lambda: group)
    folder.folder.cache_clear()
    assert folder.folder() is not None


@posix
@pytest.mark.parametrize("kind", ["FIFO", "device", "loop", "nothing"])
def test_what_is_no_folder_is_no_store(kind, tmp_path, fresh, compiled, monkeypatch):
    place = tmp_path / "store"
    if kind == "FIFO":
        os.mkfifo(place)
    else:
        place.symlink_to({"device": "/dev/zero", "loop": place, "nothing": tmp_path / "no"}[kind])
    monkeypatch.setenv(folder.STORE_VARIABLE, str(place))
    with in_time():
        filter_here()
    assert folder.folder() is None
    assert len(compiled) == 1


@posix
def test_a_full_disk_costs_no_result(store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(store))
    for path in store.iterdir():
        path.unlink()
    import tempfile

    def full(**options):
        handle, name = make(**options)
        os.dup2(os.open("/dev/full", os.O_WRONLY), handle)
        return handle, name

    make = tempfile.mkstemp
    monkeypatch.setattr(tempfile, "mkstemp", full)
    filter_here()
    assert len(compiled) == 1
    assert entries(store) == []


@posix
def test_a_path_that_is_not_absolute_is_no_cache(fresh, monkeypatch, tmp_path):
    """As the rule for XDG_CACHE_HOME has it: it would be another one in each folder."""
    monkeypatch.delenv(folder.STORE_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    if sys.platform not in ("win32", "darwin"):
        assert folder.folder() == tmp_path / ".cache" / "convcli"


def test_a_store_that_cannot_be_written_costs_no_result(store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(store))
    for path in store.iterdir():
        path.unlink()

    def refuse(*args, **options):
        raise PermissionError("read-only")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    filter_here()
    assert len(compiled) == 1
    assert entries(store) == []


@posix
def test_a_read_only_store_is_read(store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(store))
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
    monkeypatch.setenv(folder.STORE_VARIABLE, str(tmp_path))
    try:
        filter_here()
        assert len(compiled) == 1
    finally:
        tmp_path.chmod(0o700)


def test_a_file_in_place_of_the_store_costs_no_result(tmp_path, fresh, compiled, monkeypatch):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        folder.folder.cache_clear()
        monkeypatch.setattr(native, "_loaded", {})
        monkeypatch.setenv(folder.STORE_VARIABLE, str(place))
        filter_here()
        assert folder.folder() is None
    assert len(compiled) == 2


def test_a_user_without_a_home_has_no_store(fresh, monkeypatch):
    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    for name in (folder.STORE_VARIABLE, "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    assert folder.folder() is None


def test_a_write_that_fails_leaves_nothing_behind(store, fresh, compiled, monkeypatch):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(store))
    for path in store.iterdir():
        path.unlink()

    def fail(self, target):
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", fail)
    filter_here()
    assert entries(store) == []


KEY = ("band", "store_rounded", "uint8", "int16", "uint8", "float32")


def test_each_combination_has_a_file_of_its_own(fresh, monkeypatch, tmp_path):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(tmp_path / "store"))
    other = [(*KEY[:k], "other", *KEY[k + 1 :]) for k in range(len(KEY))]
    joined = [("band", "store_roundeduint8", *KEY[3:]), (*KEY, "")]
    paths = {folder.path_of(key) for key in (KEY, *other, *joined)}
    assert len(paths) == len(KEY) + 3


@pytest.mark.parametrize(
    "source",
    [
        "loops/respond.py",
        "entries.py",
        "flat.py",
        "lowered.py",
        "objects.py",
        "structs.py",
        "tile_structs.py",
    ],
)
def test_a_changed_source_has_another_key(source, fresh, monkeypatch, tmp_path):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(tmp_path / "store"))
    here = Path(native.__file__).parent
    shutil.copytree(here / "loops", tmp_path / "loops")
    for path in (*here.glob("*.py"), here / "lowered.bin"):
        shutil.copy(path, tmp_path / path.name)
    monkeypatch.setattr(fingerprint, "__file__", str(tmp_path / "fingerprint.py"))
    before = folder.path_of(KEY)
    forget()
    assert folder.path_of(KEY) == before
    with (tmp_path / source).open("a") as file:
        file.write("# changed\n")
    forget()
    assert folder.path_of(KEY) != before


@pytest.mark.parametrize("package", ["numba", "llvmlite"])
@pytest.mark.parametrize("told", ["version = '9.9'", None])
def test_another_compiler_has_another_key(package, told, fresh, monkeypatch, tmp_path):
    """Its version is read from a file of its own, or else from what was installed with it."""
    monkeypatch.setenv(folder.STORE_VARIABLE, str(tmp_path / "store"))
    before = folder.path_of(KEY)
    if told is not None:
        (tmp_path / "_version.py").write_text(told)
    elsewhere = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    find_spec = fingerprint.find_spec
    monkeypatch.setattr(
        fingerprint, "find_spec", lambda name: elsewhere if name == package else find_spec(name)
    )
    forget()
    first = folder.path_of(KEY)
    assert first != before
    monkeypatch.setattr("importlib.metadata.version", lambda name: "9.9")
    forget()
    assert (folder.path_of(KEY) == first) == (told is not None)


@pytest.mark.parametrize("place", ["numpy.__version__", "sys.version"])
def test_another_version_has_another_key(place, fresh, monkeypatch, tmp_path):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(tmp_path / "store"))
    before = folder.path_of(KEY)
    monkeypatch.setattr(place, "9.9")
    forget()
    assert folder.path_of(KEY) != before


CPUINFO = """\
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 1
model name\t: AMD EPYC
stepping\t: 1
cpu MHz\t\t: 2445.427
flags\t\t: fpu vme avx2

processor\t: 1
flags\t\t: fpu
"""
OTHERS = {
    "another feature": CPUINFO.replace("avx2", "avx2 avx512f"),
    "one feature less": CPUINFO.replace(" avx2", ""),
    "another model": CPUINFO.replace("model\t\t: 1", "model\t\t: 17"),
    "another name": CPUINFO.replace("EPYC", "EPYC 9554"),
    "another architecture": "CPU part\t: 0xd0c\nFeatures\t: fp asimd\n",
    "another part": "CPU part\t: 0xd40\nFeatures\t: fp asimd\n",
    "no features": "processor\t: 0\n",
    "no file": None,
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="read from there on Linux only")
def test_each_processor_has_a_key_of_its_own(fresh, monkeypatch, tmp_path):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(tmp_path / "store"))
    keys = {}
    for name, text in {"this": CPUINFO, **OTHERS}.items():
        monkeypatch.setattr(fingerprint, "_PROCESSOR", tmp_path / name)
        if text is not None:
            (tmp_path / name).write_text(text)
        forget()
        keys[name] = folder.path_of(KEY)
    assert keys.pop("no features") == keys["no file"]  # LLVM is asked
    assert len(set(keys.values())) == len(keys)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="read from there on Linux only")
@pytest.mark.parametrize(
    "same",
    [CPUINFO.replace("2445", "1500"), CPUINFO.replace(": fpu\n", ": other\n")],
    ids=["speed", "another processor than the first"],
)
def test_a_processor_keeps_its_key(same, fresh, monkeypatch, tmp_path):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(tmp_path / "store"))
    keys = []
    for text in (CPUINFO, same):
        (tmp_path / "cpuinfo").write_text(text)
        monkeypatch.setattr(fingerprint, "_PROCESSOR", tmp_path / "cpuinfo")
        forget()
        keys.append(folder.path_of(KEY))
    assert keys[0] == keys[1]


def test_llvm_tells_another_processor_where_linux_does_not(fresh, monkeypatch, tmp_path):
    import llvmlite.binding as llvm

    monkeypatch.setenv(folder.STORE_VARIABLE, str(tmp_path / "store"))
    monkeypatch.setattr(fingerprint, "_PROCESSOR", tmp_path / "none")
    before = folder.path_of(KEY)
    monkeypatch.setattr(llvm, "get_host_cpu_name", lambda: "another")
    forget()
    assert folder.path_of(KEY) != before


def test_threads_that_come_at_once_compile_once(fresh, compiled, monkeypatch, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setenv(folder.STORE_VARIABLE, str(tmp_path / "store"))
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(filter_here) for _ in range(12)]:
            done.result()
    assert len(compiled) == 1


@pytest.mark.exhaustive
def test_processes_that_come_at_once_are_all_right(tmp_path):
    store = tmp_path / "store"
    with ExitStack() as stack:
        processes = [stack.enter_context(start(store)) for _ in range(3)]
        assert any([finish(process) for process in processes])
    assert len(entries(store)) == 1
    assert not run(store)


@pytest.mark.exhaustive
def test_a_truncated_entry_is_made_anew_by_another_process(store):
    (path,) = store.iterdir()
    path.write_bytes(path.read_bytes()[:-50])
    assert run(store)
    assert not run(store)
