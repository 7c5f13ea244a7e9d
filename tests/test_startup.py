"""Commands start quickly: none imports what it doesn't need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from platform import machine

import pytest
from command import call, program, spawn

#: What takes long to import, a few tens of milliseconds each or more.
HEAVY = {"numpy", "numba", "llvmlite", "scipy", "rich", "PIL", "tifffile", "imagecodecs", "cv2"}

_REPORT = """
import sys
from convcli.cli.main import main
status = main(sys.argv[1:])
print("MODULES", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(status)
"""


def imported(*args, cwd=None):
    """Names of the heavy packages that a command imports."""
    asked = program(*args)
    asked["args"][1:3] = ["-c", _REPORT]
    done = subprocess.run(**asked, cwd=cwd, timeout=120)
    err = done.stderr.decode()
    assert done.returncode == 0, err
    return HEAVY & set(err.rpartition("MODULES")[2].split())


def test_importing_the_library_imports_nothing_heavy():
    code = "import sys, convcli; print(*{name.partition('.')[0] for name in sys.modules})"
    asked = program()
    asked["args"][1:] = ["-c", code]
    done = subprocess.run(**asked, timeout=60)
    assert done.returncode == 0
    assert not HEAVY & set(done.stdout.decode().split())


@pytest.mark.parametrize(
    "args",
    [
        ("--help",),
        ("--version",),
        ("apply", "--help"),
        ("shape", "--n", "7", "--f", "3"),
        ("shape", "--n", "227x227x3", "--f", "11", "--s", "4", "--k", "96", "--json"),
    ],
)
def test_help_and_shape_import_neither_numpy_nor_rich(args):
    assert imported(*args) == set()


@pytest.mark.parametrize("args", [(), ("--json",), ("--family", "compass")])
def test_the_list_of_kernels_imports_nothing_heavy(args):
    assert imported("kernels", *args) == set()


def test_one_kernel_imports_no_more_than_numpy_and_rich():
    assert imported("kernels", "sobel-x") <= {"numpy", "rich"}


def test_a_dry_run_imports_no_compiler_and_no_codec(tmp_path, samples):
    shutil.copy(samples / "camera.png", tmp_path)
    assert imported("apply", "sobel-x", "camera.png", "--dry-run", cwd=tmp_path) <= {"numpy"}


#: Elsewhere llvmlite puts compiled loops into memory.
LINKER = set() if sys.platform.startswith("linux") and machine() == "x86_64" else {"llvmlite"}


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("coffee.jpg", set()),
        ("camera.png", set()),
        ("logo.png", set()),
        ("float.tif", {"tifffile"}),
        ("grid-4x4.png", set()),
    ],
)
def test_a_filter_that_was_compiled_before_imports_what_it_needs(name, more, tmp_path, samples):
    """No compiler, no linker, and no codec but the image's."""
    shutil.copy(samples / name, tmp_path)
    assert call("apply", "box", tmp_path / name).status == 0
    needed = imported("apply", "box", name, "--overwrite", cwd=tmp_path)
    assert needed <= {"numpy", "imagecodecs"} | LINKER | more


@pytest.mark.parametrize("module", ["convcli.record", "convcli.spec", "convcli.geometry"])
def test_small_modules_make_no_data_classes(module):
    """Those take a millisecond each to make; `convcli.record` makes them of its own."""
    asked = program()
    asked["args"][1:] = ["-c", f"import sys, {module}; print('dataclasses' in sys.modules)"]
    done = subprocess.run(**asked, timeout=60)
    assert done.stdout.decode().split() == ["False"]


@pytest.mark.parametrize(
    "command", [("--help",), ("--version",), ("kernels",), ("kernels", "box3")]
)
def test_a_quick_end_loses_nothing_that_was_said(command):
    """The process ends without taking its modules apart; what it said is out by then."""
    said = spawn(*command)
    assert (said.status, said.out) == (0, call(*command).out)


def test_no_module_is_imported_twice_under_two_names():
    """`python -m convcli` must not import the command line as __main__ and again by its name."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "convcli", "--version"],
        **{key: value for key, value in program().items() if key != "args"},
        timeout=60,
    )
    lines = [line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()]
    assert lines.count("convcli.cli.main") == 1


@pytest.mark.skipif(os.name == "nt", reason="streams are closed by a POSIX shell here")
@pytest.mark.parametrize(
    ("closed", "status", "said"),
    [
        (">&-", 1, b"convcli: standard output: it is closed\n"),
        ("2>&-", 0, b""),
        (">&- 2>&-", 1, b""),
        ("<&-", 0, b""),
    ],
)
def test_a_closed_stream_is_told_if_it_was_to_take_a_result(closed, status, said):
    asked = program("shape", "--n", "7", "--f", "3")
    asked["args"] = ["sh", "-c", f'exec "$@" {closed}', "sh", *asked["args"]]
    done = subprocess.run(**asked, timeout=60)
    assert (done.returncode, done.stderr) == (status, said)
