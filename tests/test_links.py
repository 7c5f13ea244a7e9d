"""Names that the system has something against: one line that names them, and the rest is done.

And files that are read: nothing that is written takes their place, whatever they are called.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys

import numpy as np
import pytest
from command import call, program, spawn

from convcli.batch import Job, Request, Writing, foresee, plan
from convcli.errors import UsageError
from convcli.image.files import read, write
from convcli.image.frames import Frames
from convcli.image.image import Image
from convcli.paths import Identities, reason, shortened, status, told

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and devices of POSIX")
linux = pytest.mark.skipif(sys.platform != "linux", reason="descriptors in /proc")

LOOP, BELOW, LONG = "too many levels of symbolic links", "not a directory", "file name too long"
#: Links that lead nowhere one may go, and what the system says of each.
LINKS = {"loop": LOOP, "below": BELOW, "long": LONG}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Images, and one of each link."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "in/1.png", "in/2.png", "in/3.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(name, Image(np.arange(12, dtype=np.uint8).reshape(3, 4)))
    return tmp_path


def make_link(what, path):
    """Make a link of that kind."""
    to = {
        "loop": path.name,
        "below": str(path.parent.parent / "a.png" / "x.png"),
        "long": "y" * 300,
        "nowhere": "nowhere.png",
    }
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(to[what])
    return path


def results(folder):
    """Names of the images in a folder that can be read."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            read(path)
            found.append(path.name)
    return found


# A bad name among many.


@pytest.mark.parametrize("what", LINKS)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_link_as_a_source_is_one_line_and_the_rest_is_done(what, jobs, here):
    make_link(what, here / "in" / "2b.png")
    said = call("apply", "box3", "in", "-o", "out", "-q", "-j", jobs)
    assert said.status == 1
    assert said.lines == [f"convcli: in/2b.png: can't be read: {LINKS[what]}"]
    assert results(here / "out") == ["1.png", "2.png", "3.png"]


@pytest.mark.parametrize("what", LINKS)
@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)])
def test_a_link_as_a_result_is_one_line_and_the_rest_is_done(what, overwrite, here):
    make_link(what, here / "out" / "2.png")
    said = call("apply", "box3", "in", "-o", "out", "-q", "-j", "1", *overwrite)
    assert said.status == 1
    assert said.lines == [f"convcli: in/2.png: can't write out/2.png: {LINKS[what]}"]
    assert (here / "out" / "2.png").is_symlink()
    for name in ("1.png", "3.png"):
        assert read(here / "out" / name).size == (3, 4)


def test_links_that_lead_to_each_other_are_a_loop(here):
    (here / "out").mkdir()
    (here / "out" / "2.png").symlink_to("q.png")
    (here / "out" / "q.png").symlink_to("2.png")
    said = call("apply", "box3", "in", "-o", "out", "-q", "--overwrite")
    assert said.lines == [f"convcli: in/2.png: can't write out/2.png: {LOOP}"]


@pytest.mark.parametrize("what", LINKS)
def test_a_single_result_that_is_such_a_link(what, here):
    make_link(what, here / "x" / "to.png")
    said = call("apply", "box3", "a.png", "-o", "x/to.png", "-q", "--overwrite")
    assert (said.status, len(said.lines)) == (1, 1)
    assert said.lines[0] == f"convcli: a.png: can't write x/to.png: {LINKS[what]}"


@pytest.mark.parametrize("what", [*LINKS, "nowhere"])
def test_an_output_folder_that_is_such_a_link(what, here):
    make_link(what, here / "x" / "out")
    said = call("apply", "box3", "in/1.png", "a.png", "-o", "x/out", "-q")
    assert (said.status, len(said.lines)) == (1, 2)
    assert all("x/out" in line for line in said.lines)


@pytest.mark.exhaustive
@pytest.mark.parametrize("what", LINKS)
@pytest.mark.parametrize(
    ("args", "status"),
    [
        (("apply", "box3", "a.png", "-o", "r.png", "--compare", "x/l.png", "--overwrite"), 1),
        (("apply", "box3", "--from-file", "x/l.png", "-o", "r"), 2),
        (("explain", "box3", "x/l.png"), 1),
        (("explain", "box3", "x/l.csv"), 1),
        (("explain", "box3", "--page", "x/l.html", "--overwrite"), 1),
        (("apply", "x/l.csv", "a.png", "-o", "r.png"), 2),
        (("kernels", "x/l.toml"), 2),
        (("network", "x/l.toml", "--input", "9x9x3"), 2),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else None,
)
def test_such_a_link_wherever_a_file_is_named(args, status, what, here):
    for suffix in (".png", ".csv", ".html", ".toml"):
        make_link(what, here / "x" / f"l{suffix}")
    said = call(*args)
    assert (said.status, len(said.lines)) == (status, 1)
    assert "x/l." in said.lines[0]
    assert LINKS[what] in said.lines[0].lower()
    assert not (here / "r.png").exists()


def test_a_link_to_nowhere_is_followed_when_it_is_written(here):
    make_link("nowhere", here / "to.png")
    assert call("apply", "box3", "a.png", "-o", "to.png", "-q").status == 1
    assert call("apply", "box3", "a.png", "-o", "to.png", "-q", "--overwrite").status == 0
    assert (here / "to.png").is_symlink()
    assert read(here / "nowhere.png").size == (3, 4)


def test_two_results_that_a_link_makes_one_are_refused(here):
    """The link leads to a name that is free, and that another result is to have."""
    (here / "out").mkdir()
    (here / "out" / "1.png").symlink_to("2.png")
    said = call("apply", "box3", "in", "-o", "out", "--overwrite")
    assert said.status == 2
    assert "in/1.png and in/2.png would both be written to" in said.lines[0]


def test_results_that_were_one_file_by_hard_links_are_two(here):
    """A result takes the place of a name, not of a file."""
    (here / "out").mkdir()
    shutil.copy("a.png", "out/1.png")
    (here / "out" / "2.png").hardlink_to(here / "out" / "1.png")
    assert call("apply", "box3", "in", "-o", "out", "--overwrite", "-q").status == 0
    assert not (here / "out" / "1.png").samefile(here / "out" / "2.png")


def _without_privileges():
    """Have root's rights over others' files taken away by the next program (PR_CAPBSET_DROP)."""
    import ctypes

    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)


@pytest.fixture
def unprivileged(here):
    """Return a runner of the program as one to whom `secret` is closed."""
    secret = here / "secret"
    secret.mkdir()
    shutil.copy("a.png", secret / "x.png")
    if os.geteuid() == 0:
        if sys.platform != "linux":
            pytest.skip("root may enter any folder")
        os.chown(secret, 65534, -1)
        secret.chmod(0o700)
    else:
        secret.chmod(0)
    asked = program("--version")
    probe = asked | {"args": ["ls", "secret"], "preexec_fn": _without_privileges}
    if subprocess.run(**probe, timeout=60).returncode == 0:
        pytest.skip("root's rights can't be taken away here")

    def run(*args):
        asked = program(*args) | {"preexec_fn": _without_privileges}
        done = subprocess.run(**asked, timeout=60)
        return done.returncode, done.stderr.decode().splitlines()

    yield run
    secret.chmod(0o700)


def test_a_closed_folder_is_told_of_the_file_and_never_of_standard_output(unprivileged, here):
    (here / "in" / "l.png").symlink_to("../secret/x.png")
    (here / "out").mkdir()
    (here / "out" / "2.png").symlink_to("../secret/y.png")
    status, lines = unprivileged("apply", "box3", "in", "-o", "out", "-q")
    assert status == 1
    assert sorted(lines) == [
        "convcli: in/2.png: can't write out/2.png: permission denied",
        "convcli: in/l.png: can't be read: permission denied",
    ]
    assert read("out/1.png").size == read("out/3.png").size == (3, 4)


@pytest.mark.parametrize(
    ("args", "status", "named"),
    [
        (("apply", "box3", "a.png", "-o", "secret/r.png"), 1, "can't write secret/r.png"),
        (("apply", "box3", "a.png", "-o", "secret/new/"), 1, "can't write secret/new/a.png"),
        (("apply", "box3", "a.png", "in/1.png", "-o", "secret/new", "-q"), 1, "secret/new/1.png"),
        (("apply", "box3", "secret", "-o", "out"), 1, "secret: this folder can't be read"),
        (
            ("apply", "box3", "a.png", "-o", "r.png", "--compare", "secret/b.png"),
            1,
            "--compare secret/b.png",
        ),
        (("apply", "box3", "--from-file", "secret/list", "-o", "out"), 2, "secret/list"),
        (("explain", "box3", "--page", "secret/p.html"), 1, "--page secret/p.html"),
        (("explain", "box3", "secret/x.png"), 1, "secret/x.png: can't be read"),
        (("explain", "secret/k.csv"), 2, "secret/k.csv"),
    ],
    ids=lambda value: " ".join(value[:4]) if isinstance(value, tuple) else None,
)
def test_a_closed_folder_wherever_a_file_is_named(args, status, named, unprivileged):
    found, lines = unprivileged(*args)
    assert found == status
    assert any(named in line for line in lines)
    assert all("ermission denied" in line and "standard output" not in line for line in lines)


# Names in which something is wrong, and things that aren't files.


def test_a_name_with_a_nul_is_one_line(here):
    for args in (
        ("apply", "box3", "a\0.png", "-o", "r.png"),
        ("apply", "box3", "a.png", "-o", "r\0.png"),
        ("apply", "box3", "a.png", "in/1.png", "-o", "r\0/", "-q"),
        ("apply", "box3", "a.png", "-o", "r.png", "--compare", "b\0.png"),
        ("apply", "box3", "--from-file", "l\0", "-o", "out"),
        ("explain", "box3", "--page", "p\0.html"),
    ):
        said = call(*args)
        assert said.status in (1, 2)
        assert all("no file can have this name" in line for line in said.lines)
        assert said.lines
        assert "\0" not in said.err


def test_what_is_no_file_is_told_as_a_result(here):
    (here / "out" / "1.png").mkdir(parents=True)
    os.mkfifo("out/2.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("out/3.png")
    said = call("apply", "box3", "in", "-o", "out", "-q", "--overwrite", "-j", "1")
    assert said.status == 1
    assert sorted(said.lines) == [
        "convcli: in/1.png: can't write out/1.png: it is a folder; name a file in it",
        *(
            f"convcli: in/{n}.png: can't write: it is not a regular file; use -o - for "
            f"standard output"
            for n in (2, 3)
        ),
    ]
    skipped = call("apply", "box3", "in/1.png", "in/2.png", "-o", "out", "--skip-existing")
    assert "it is a folder" in skipped.err


def test_an_output_folder_that_becomes_a_file_in_between(here):
    """Foreseen is nothing; each result that can't be written is a line."""
    jobs = plan(Request(["in"], "out/deep", "k"))
    (here / "out").write_bytes(b"")
    assert [foresee(job, Writing()).error for job in jobs] == [""] * 3
    said = call("apply", "box3", "in", "-o", "out/deep", "-q")
    assert said.status == 1
    assert len(said.lines) == 3
    assert all("is below a file, not a folder" in line for line in said.lines)


def test_folders_as_deep_as_a_path_can_be_are_made(here):
    deep = "d/" * 1200
    assert call("apply", "box3", "a.png", "-o", deep, "-q").status == 0
    assert read(f"{deep}a.png").size == (3, 4)
    subprocess.run(["rm", "-r", "d"], check=True)  # Python's own way is too deep for it
    said = call("apply", "box3", "a.png", "-o", "e/" * 3000, "-q")
    assert (said.status, len(said.lines)) == (1, 1)
    assert LONG in said.lines[0]


def test_a_folder_that_was_removed_while_one_is_in_it(here, monkeypatch):
    (here / "gone").mkdir()
    monkeypatch.chdir("gone")
    (here / "gone").rmdir()
    said = call("apply", "box3", str(here / "a.png"), "-o", "x.png", "-q")
    assert said.status == 1
    assert said.lines[0].startswith(f"convcli: {here}/a.png: can't write")


def test_a_list_has_an_end(here, monkeypatch):
    monkeypatch.setattr("convcli.cli.filtering._MOST_LISTED", 2**20)
    said = call("apply", "box3", "--from-file", "/dev/zero", "-o", "out")
    assert said.status == 2
    assert said.lines[0].startswith("convcli: --from-file /dev/zero: is larger than 1 MB")


def test_a_grid_that_nobody_writes_is_empty(here):
    os.mkfifo("grid.csv")
    said = spawn("explain", "box3", "grid.csv")
    assert (said.status, len(said.lines)) == (1, 1)


@linux
def test_descriptors_are_files_like_others(here):
    asked = program("apply", "box3", "/dev/stdin", "-o", "r.png", "-q")
    with open("a.png", "rb") as source:  # noqa: PTH123
        assert subprocess.run(**asked | {"stdin": source}, timeout=60).returncode == 0
    asked = program("apply", "box3", "/dev/stdin", "-o", "a.png", "-q", "--overwrite")
    with open("a.png", "rb") as source:  # noqa: PTH123
        done = subprocess.run(**asked | {"stdin": source}, timeout=60)
    assert done.returncode == 2
    assert b"a.png is a source" in done.stderr


@linux
def test_a_file_that_was_removed_is_not_written_under_its_last_words(here):
    """The link of a descriptor says `x.png (deleted)`, which is no name of the file."""
    with open("x.png", "wb") as file:  # noqa: PTH123
        (here / "x.png").unlink()
        link = f"/proc/self/fd/{file.fileno()}"
        said = call("apply", "box3", "a.png", "-o", link, "--format", "png", "--overwrite")
    assert said.status == 1
    assert "has no name any more" in said.lines[0]
    assert sorted(path.name for path in here.iterdir()) == ["a.png", "in"]


# Files that are read are kept.


def run(*args, stdin=None, stdout=None):
    """Run the program with files as its streams; status and what it said."""
    asked = program(*args)
    with open(stdin or os.devnull, "rb") as given, open(stdout or os.devnull, "ab") as taken:  # noqa: PTH123
        done = subprocess.run(**asked | {"stdin": given, "stdout": taken}, timeout=60)
    return done.returncode, done.stderr.decode()


@pytest.fixture
def kept(here):
    """Everything that is read, and its content; nothing of it may change."""
    (here / "link.png").symlink_to("a.png")
    (here / "hard.png").hardlink_to(here / "a.png")
    (here / "list.png").write_text("a.png\n")
    (here / "k.csv").write_text("1,2\n3,4\n")
    (here / "k.html").symlink_to("k.csv")
    np.save("k.npy", np.ones((3, 3), np.uint8))
    shutil.copy("a.png", "p.html")
    shutil.copy("a.png", "fit.toml")
    before = {path: path.read_bytes() for path in here.iterdir() if path.is_file()}
    yield here
    assert {path: path.read_bytes() for path in before} == before
    assert {path for path in here.iterdir() if path.is_file()} == set(before)


A = ("apply", "box3")
FIT = ("kernels", "fit", "fit.toml", "list.png")
FORCED = ("-o", "k.csv", "--format", "png", "--overwrite")


@pytest.mark.parametrize(
    ("args", "streams", "words"),
    [
        ((*A, "-", "-o", "a.png"), {"stdin": "a.png"}, "a.png is a source, standard input"),
        ((*A, "-", "-o", "link.png"), {"stdin": "a.png"}, "link.png is a source"),
        ((*A, "-", "-o", "a.png"), {"stdin": "link.png"}, "a.png is a source"),
        ((*A, "-", "-o", "hard.png"), {"stdin": "a.png"}, "hard.png is a source"),
        (
            (*A, "-", "-o", "new.png", "--compare", "a.png"),
            {"stdin": "a.png"},
            "--compare a.png: is the source itself",
        ),
        ((*A, "a.png", "-o", "-"), {"stdout": "a.png"}, "standard output is a source"),
        ((*A, "hard.png", "-o", "-"), {"stdout": "a.png"}, "standard output is a source"),
        ((*A, "-"), {"stdin": "a.png", "stdout": "a.png"}, "standard output is a source"),
        ((*A, "a.png", "-o", "n.png", "--json"), {"stdout": "a.png"}, "standard output is a"),
        (
            (*A, "a.png", "-o", "-", "--compare", "hard.png"),
            {"stdout": "list.png"},
            "--compare hard.png: is the source itself",
        ),
        (
            (*A, "a.png", "-o", "-", "--compare", "list.png"),
            {"stdout": "list.png"},
            "--compare list.png: is standard output itself",
        ),
        (
            (*A, "a.png", "-o", "list.png", "--json"),
            {"stdout": "list.png"},
            "list.png is standard output itself",
        ),
        ((*A, "--from-file", "list.png", "-o", "list.png"), {}, "is the list of images"),
        (
            (*A, "--from-file", "-", "-o", "list.png"),
            {"stdin": "list.png"},
            "list.png is the list of images",
        ),
        (("apply", "k.csv", "a.png", *FORCED), {}, "k.csv is the kernel's file"),
        ((*A, "--then", "k.csv", "a.png", *FORCED), {}, "k.csv is the kernel's file"),
        (("apply", "k.npy", "a.png", "-o", "k.npy"), {}, "k.npy is the kernel's file"),
        (("apply", "k.csv", "a.png", "-o", "-"), {"stdout": "k.csv"}, "is the kernel's file"),
        (
            ("apply", "k.npy", "a.png", "-o", "n.png", "--compare", "k.npy"),
            {},
            "--compare k.npy: is the kernel's file",
        ),
        (("explain", "box3", "p.html", "--page", "p.html"), {}, "p.html itself"),
        (("explain", "box3", "-", "--page", "p.html"), {"stdin": "p.html"}, "standard input"),
        (("explain", "k.csv", "--page", "k.html"), {}, "--page k.html: is k.csv itself"),
        (("explain", "k.csv", "--json"), {"stdout": "k.csv"}, "standard output is k.csv"),
        (("explain", "box3", "a.png"), {"stdout": "hard.png"}, "standard output is a.png"),
        (("signal", "k.csv#1", "1", "-o", "k.csv"), {}, "-o k.csv: is k.csv itself"),
        (("signal", "k.csv#1", "1"), {"stdout": "k.csv"}, "standard output is k.csv"),
        ((*FIT, "-o", "fit.toml"), {}, "-o fit.toml: is fit.toml itself, which is read"),
        ((*FIT, "--trace", "list.png"), {}, "--trace list.png: is list.png itself"),
        (("kernels", "fit", "-", "a.png", "--trace", "a.png"), {"stdin": "list.png"}, "is a.png"),
        ((*FIT, "--json"), {"stdout": "list.png"}, "standard output is list.png"),
        (("kernels", "k.csv"), {"stdout": "k.csv"}, "standard output is k.csv"),
        (("kernels", "--check", "k.csv"), {"stdout": "k.csv"}, "standard output is k.csv"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_nothing_that_is_read_is_overwritten(args, streams, words, kept):
    named = {*args} & {"apply", "explain", "signal", "fit"} and "--overwrite" not in args
    status, said = run(*args, *["--overwrite"] * bool(named), **streams)
    assert status == 2
    assert words in said
    assert len(said.splitlines()) == 1


def test_other_streams_are_as_good_as_ever(here):
    (here / "log").write_text("begin\n")
    status, said = run(*A, "a.png", "-o", "r.png", "--json", stdin="a.png", stdout="log")
    assert (status, said) == (0, "")
    assert (here / "log").read_text().startswith('begin\n{"source": "a.png"')
    assert run(*A, "-", "-o", "s.png", "-q", stdin="a.png", stdout="a2.png")[0] == 0
    assert run(*A, "-", "-q", stdin="a.png", stdout="t.png")[0] == 0
    assert read("t.png").size == (3, 4)


# What tells all this.


def test_identities(here):
    (here / "l.png").symlink_to("free.png")
    of = Identities().of
    assert of("a.png") == of("./in/../a.png") == of(str(here / "a.png"))
    assert of("l.png") == of("free.png") == of("in/../free.png")
    assert len({of(name) for name in ("a.png", "in", "b.png", "a\0b", "in/b.png")}) == 5
    with open("a.png", "rb") as file:  # noqa: PTH123
        assert Identities().of_open(file.fileno()) == of("a.png")
    with open(os.devnull, "rb") as file:  # noqa: PTH123
        assert Identities().of_open(file.fileno()) is None
    assert Identities().of_open(None) is None


@pytest.mark.parametrize(
    ("name", "most", "kept"),
    [
        ("a.png", 5, "a.png"), ("a.png", 4, "a.pn"), ("漢字", 5, "漢"), ("漢字", 6, "漢字"),
        ("é", 1, ""), ("aé", 2, "a"), ("😀😀", 7, "😀"),
        # No UTF-8: cut anywhere, but not to nothing.
        (os.fsdecode(b"\x80" * 9), 5, os.fsdecode(b"\x80" * 5)),
    ],
)  # fmt: skip
def test_names_are_cut_between_characters(name, most, kept):
    assert shortened(name, most) == kept


def test_the_status_of_a_name():
    assert status("nothing here") is None
    with pytest.raises(OSError, match="no file can have this name"):
        status("a\0b")


def test_an_error_names_its_file():
    assert told(PermissionError(13, "Permission denied", "x")) == "x: permission denied"
    assert told(OSError(24, "Too many open files")) == "too many open files"
    assert told(PermissionError(13, "Permission denied", 7)) == "permission denied"
    assert reason(OSError("odd")) == "odd"


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), OSError(5, "I/O", "x")])
def test_what_the_system_says_of_one_image_ends_no_batch(error, here, monkeypatch):
    real = read

    def refuse(job, *rest):
        if job.source.endswith("2.png"):
            raise error
        return Frames.of([real(job.source)], format="PNG"), 0

    monkeypatch.setattr("convcli.batch.file.File._open", lambda self, *_: refuse(self._job))
    said = call("apply", "box3", "in", "-o", "out", "-q", "-j", "1")
    assert said.status == 1
    assert said.lines == [f"convcli: in/2.png: {told(error)}"]
    assert results(here / "out") == ["1.png", "3.png"]


def test_a_result_over_a_kernel_is_refused_by_the_plan_alone(here):
    with pytest.raises(UsageError, match=r"r.npy is the kernel's file"):
        plan(Request(["a.png"], "r.npy", "k", kernel_files=["r.npy"]))
    assert plan(Request(["a.png"], "r.npy", "k", kernel_files=["s.npy"])) == [Job("a.png", "r.npy")]
