"""What Numba's front end made of the common loops: used where it fits, and never noticed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from command import ROOT, call, program
from marks import exhaustive_but

from convcli import api, correlate
from convcli.engine import fingerprint, folder, lowered, native
from convcli.engine.structs import FIXED, FIXED_NAME
from convcli.pipeline import arrays

BAND = ("band", "respond_pairs", "combine_nothing", "store_whole")
KEY = (*BAND, "uint8", "int16", "uint8", "int16")
OTHER = (*BAND, "uint8", "int8", "uint8", "int8")


@pytest.fixture(scope="module")
def texts():
    return lowered.unpacked(lowered.FILE.read_bytes())


def forget():
    for cached in (folder.folder, folder._identity, fingerprint.fingerprint):
        cached.cache_clear()
    for ready in (api._ready, arrays.step_of):
        ready.cache_clear()


@pytest.fixture
def fresh(monkeypatch):
    """No store, and nothing loaded."""
    forget()
    monkeypatch.setenv(folder.STORE_VARIABLE, "")
    monkeypatch.setattr(native, "_loaded", {})
    yield
    forget()


def test_the_file_follows_from_the_sources(texts):
    """Make it again with `python docs/lower.py` after a change of the loops."""
    assert KEY in texts
    assert lowered.text(KEY) == texts[KEY]
    assert lowered.FILE.stat().st_size < 300_000


def test_a_loop_that_is_not_in_the_file_has_no_text():
    assert lowered.text(OTHER) is None
    assert lowered.text(KEY[:-1]) is None


def test_every_text_is_a_module_that_needs_nothing(texts):
    import llvmlite.binding as llvm

    for text in texts.values():
        module = llvm.parse_assembly(text)
        module.verify()
        called = [f for f in module.functions if not f.is_declaration and f.name != "entry"]
        needed = {f.name for f in module.functions if f.is_declaration}
        assert not module.get_function("entry").is_declaration
        assert {f.linkage.name for f in called} <= {"internal"}
        given = {f"{FIXED_NAME}{place}" for place in FIXED} | {"atan2"}
        assert {f for f in needed if not f.startswith("llvm.")} <= given


def test_no_text_tells_of_a_machine_or_of_a_run(texts):
    for text in texts.values():
        for word in ("target ", "attributes", "0x7f", "_ZN", "inttoptr"):
            assert word not in text


@pytest.mark.exhaustive
def test_texts_become_machine_code(texts):
    """Some of them that have every function and every type there is."""
    from convcli.engine.objects import object_code

    missing = {part for key in texts for part in key}
    while missing:
        key = max(sorted(texts), key=lambda key: (len(missing & {*key}), -len(texts[key])))
        missing -= {*key}
        native.Loop(native._content(object_code(texts[key], "entry")))


IMAGE = {"dtype": "uint8", "jobs": 1}
#: Of whole numbers, of floats, of sums that combine; each with another respond and store loop.
FILTERS = [
    ("emboss", IMAGE | {"mapping": "offset"}),
    pytest.param("gaussian:sigma=1", IMAGE, marks=pytest.mark.exhaustive),
    pytest.param("box:size=31", IMAGE, marks=pytest.mark.exhaustive),
    pytest.param("sobel-direction", {"jobs": 1}, marks=pytest.mark.exhaustive),
]


@pytest.mark.parametrize(("kernel", "options"), FILTERS)
def test_the_result_is_that_of_numba_s_own(kernel, options, rng, fresh, monkeypatch):
    pixels = rng.integers(0, 256, (61, 83), dtype=np.uint8)
    asked = []
    text = lowered.text
    monkeypatch.setattr(lowered, "text", lambda key: asked.append(key) or text(key))
    monkeypatch.setattr("convcli.engine.entries.compile_entry", None)
    shipped = correlate(pixels, kernel, **options)
    assert asked
    monkeypatch.undo()
    monkeypatch.setattr(native, "_loaded", {})
    monkeypatch.setenv(folder.STORE_VARIABLE, "")
    monkeypatch.setattr(lowered, "text", lambda key: None)
    forget()
    assert correlate(pixels, kernel, **options).tobytes() == shipped.tobytes()


@pytest.fixture
def file(monkeypatch, tmp_path):
    """A copy of the file, which is read in its place."""
    copy = tmp_path / "lowered.bin"
    copy.write_bytes(lowered.FILE.read_bytes())
    monkeypatch.setattr(lowered, "FILE", copy)
    return copy


DAMAGE = {
    "empty": lambda data: b"",
    "head only": lambda data: data[:72],
    "truncated": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "another layout": lambda data: b"convlow0" + data[8:],
    "another source": lambda data: data[:8] + bytes([data[8] ^ 1]) + data[9:],
    "another digest": lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:],
    "one bit": lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_not_used(damage, file):
    data = file.read_bytes()
    assert lowered.text(KEY) is not None
    file.write_bytes(DAMAGE[damage](data))
    assert lowered.text(KEY) is None


def test_a_file_that_is_not_there_is_not_used(file):
    file.unlink()
    assert lowered.text(KEY) is None


def test_a_file_of_other_sources_is_not_used(monkeypatch):
    monkeypatch.setattr(lowered, "sources_digest", lambda: bytes(32))
    assert lowered.text(KEY) is None


def test_pointers_of_32_bits_have_no_texts(monkeypatch):
    fake = SimpleNamespace(maxsize=2**31 - 1, byteorder="little")
    monkeypatch.setattr(lowered, "sys", fake)
    assert lowered.text(KEY) is None


def test_a_python_without_lzma_has_no_texts(monkeypatch):
    monkeypatch.setitem(sys.modules, "lzma", None)
    assert lowered.text(KEY) is None


@pytest.mark.parametrize("source", ["loops/respond.py", "loops/compiling.py", "entries.py"])
def test_sources_are_told_apart_but_not_by_what_ends_their_lines(source, monkeypatch, tmp_path):
    here = lowered.FILE.parent
    for path in (*(here / "loops").glob("*.py"), *(here / name for name in lowered._FILES)):
        copy = tmp_path / path.relative_to(here)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.setattr(lowered, "__file__", str(tmp_path / "lowered.py"))
    with_returns = lowered.sources_digest()
    with (tmp_path / source).open("a") as changed:
        changed.write("# changed\n")
    assert lowered.sources_digest() != with_returns
    monkeypatch.undo()
    assert lowered.sources_digest() == with_returns


@pytest.mark.parametrize("text", [None, "what no LLVM reads"])
def test_numba_compiles_what_has_no_text_that_can_be_read(text, fresh, monkeypatch):
    calls = []

    def compile_entry(*key):
        calls.append(key)
        return b"object code"

    monkeypatch.setattr(lowered, "text", lambda key: text)
    monkeypatch.setattr("convcli.engine.entries.compile_entry", compile_entry)
    asked = KEY[0], KEY[1:4], KEY[4:], (1, 2, 3, 4, 5)
    assert native._object_code(*asked) == b"object code"
    assert calls == [asked]


def test_another_file_has_another_key_in_the_store(fresh, monkeypatch, tmp_path):
    monkeypatch.setenv(folder.STORE_VARIABLE, str(tmp_path / "store"))
    forget()
    before = folder.path_of(KEY)
    monkeypatch.setattr(fingerprint, "_LOWERED", str(tmp_path / "lowered.bin"))
    forget()
    without = folder.path_of(KEY)
    (tmp_path / "lowered.bin").write_bytes(lowered.FILE.read_bytes())
    forget()
    assert folder.path_of(KEY) == before != without


_MODULES = """
import sys
from convcli.cli.main import main
status = main(sys.argv[1:])
print(*{name.partition(".")[0] for name in sys.modules})
sys.exit(status)
"""


@pytest.mark.parametrize("kernel", exhaustive_but(["sobel"], ["gaussian:sigma=2", "sobel"]))
def test_neither_the_first_nor_the_second_run_imports_numba(kernel, samples, tmp_path):
    asked = program("apply", kernel, str(samples / "camera.png"), "-q", "-o", "x.png")
    asked["args"][1:3] = ["-c", _MODULES]
    asked["args"].append("--overwrite")
    asked["env"] = (asked.get("env") or dict(os.environ)) | {
        folder.STORE_VARIABLE: str(tmp_path / "store")
    }
    for _ in range(2):
        done = subprocess.run(**asked, cwd=tmp_path, timeout=120)
        assert done.returncode == 0, done.stderr.decode()
        assert "numba" not in done.stdout.decode().split()


@pytest.fixture(scope="module")
def lower():
    spec = importlib.util.spec_from_file_location("docs_lower", ROOT / "docs" / "lower.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_text_made_again_is_the_same_but_for_names(lower, texts):
    """Names count what was compiled before in the same process."""
    name = r"%[\w.\"$]+"
    key = min(texts, key=lambda key: len(texts[key]))
    again = lower.text(key)
    assert lower.re.sub(name, "%", again) == lower.re.sub(name, "%", texts[key])


def test_what_differs_between_runs_is_left_out_of_a_text(lower):
    text = """\
; ModuleID = 'm'
target triple = "x86_64-unknown-linux-gnu"
define range(i32 0, 2) i32 @entry(ptr noalias captures(none) %a) local_unnamed_addr #0 {
"_ZN3x20at_200x7f38c9267.exit":   ; preds = %b
  %0 = load i64, ptr %a, align 8, !noalias !0
  br label %_ZN3other.exit
}
attributes #0 = { nounwind memory(argmem: readwrite) }
!0 = !{!"_ZN3x20at_200x7f38c9267"}
"""
    expected = """\
define i32 @entry(ptr %a) {
name.0:
  %0 = load i64, ptr %a, align 8
  br label %name.1
}
"""
    assert lower.portable(text) == expected


def test_a_stale_file_is_told_in_one_line(lower, file):
    file.write_bytes(b"something else")
    with pytest.raises(SystemExit) as left:
        lower.check()
    assert str(left.value) == "lowered.bin is not whole: run python docs/lower.py"


def test_the_command_line_has_nothing_of_it():
    assert "lower" not in call("--help").out
