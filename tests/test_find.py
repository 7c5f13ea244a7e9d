"""Which images a batch has: folders, lists, patterns."""

from __future__ import annotations

import os
import sys
from fnmatch import fnmatchcase

import numpy as np
import pytest
from command import call, spawn
from hypothesis import given
from hypothesis import strategies as st

from convcli.batch import Request, listed, plan
from convcli.batch.patterns import Patterns
from convcli.errors import UsageError
from convcli.image.files import write
from convcli.image.image import Image

linux = pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Images at several depths."""
    monkeypatch.chdir(tmp_path)
    for name in ("in/a.png", "in/b.jpg", "in/raw/a.png", "in/raw/old/c.png", "in/thumbs/a.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, Image(np.full((3, 4), 7, dtype=np.uint8)))
    return tmp_path


def sources(*inputs, **options):
    jobs = plan(Request(inputs, options.pop("output", None), "k", **options))
    return [job.source for job in jobs if not job.error]


def failures(*inputs, **options):
    jobs = plan(Request(inputs, None, "k", **options))
    return {job.source: job.error for job in jobs if job.error}


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["*.jpg"], [], ["b.jpg"]),
        (["*.jpg", "c.*"], [], ["b.jpg", "raw/old/c.png"]),
        ([], ["raw"], ["a.png", "b.jpg", "thumbs/a.png"]),
        ([], ["raw/"], ["a.png", "b.jpg", "thumbs/a.png"]),
        ([], ["raw/old"], ["a.png", "b.jpg", "raw/a.png", "thumbs/a.png"]),
        (["raw/*"], [], ["raw/a.png"]),
        (["raw/**"], [], ["raw/a.png", "raw/old/c.png"]),
        (["**/old/*"], [], ["raw/old/c.png"]),
        (["/a.png"], [], ["a.png"]),
        (["a.png"], ["thumbs/**"], ["a.png", "raw/a.png"]),
        (["[bc].???"], [], ["b.jpg", "raw/old/c.png"]),
        ([], ["[!c].png"], ["b.jpg", "raw/old/c.png"]),
    ],
)
def test_patterns_choose(include, exclude, expected, tree):
    found = sources("in", recursive=True, include=include, exclude=exclude)
    assert found == [f"in/{name}" for name in expected]


@given(st.text("ab*?[]!-.", min_size=1, max_size=8), st.text("ab.-]!", min_size=1, max_size=6))
def test_patterns_for_names_are_those_of_the_shell(pattern, name):
    assert Patterns([pattern]).take(f"folder/{name}") == fnmatchcase(name, pattern)


def test_patterns_that_leave_nothing_are_told(tree):
    assert "`include` and `exclude` choose" in failures("in", include=["*.tif"])["in"]
    with pytest.raises(UsageError, match="leave none of the 2 images given"):
        sources("in/a.png", "in/b.jpg", include=["*.tif"])
    for option in ("include", "exclude"):
        with pytest.raises(UsageError, match=f"`{option}` is empty"):
            sources("in", **{option: [""]})


def test_hidden_files_and_the_output_folder_are_left_out(tree):
    for name in ("in/.hidden.png", "in/.folder/a.png", "in/out/a.png"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_bytes(b"")
    found = sources("in", recursive=True, output="in/out", exclude=["raw", "thumbs"])
    assert found == ["in/a.png", "in/b.jpg"]
    assert sources("in/.hidden.png") == ["in/.hidden.png"]


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_folders_that_are_links_are_not_entered_and_loops_end(tree):
    (tree / "in/loop").symlink_to("../in")
    (tree / "in/z.png").symlink_to("a.png")
    (tree / "in/gone.png").symlink_to("nowhere.png")
    found = sources("in", recursive=True, exclude=["raw", "thumbs"])
    assert found == ["in/a.png", "in/b.jpg", "in/gone.png", "in/z.png"]
    (tree / "way").symlink_to("in/raw")
    assert sources("way") == ["way/a.png"]
    said = call("apply", "box3", "in/gone.png", "-o", "out.png")
    assert said.lines == ["convcli: in/gone.png: can't be read: no such file or directory"]


def test_a_deep_tree_is_walked(tree):
    folder = tree / "deep"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    depth = 600
    for _ in range(depth):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("x.png", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)
    assert sources("deep", recursive=True) == ["deep/" + "d/" * depth + "x.png"]


def test_a_folder_that_cannot_be_read_is_a_failure_among_others(tree, monkeypatch):
    real = os.scandir

    def refuse(path):
        if str(path).endswith("raw"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert failures("in", recursive=True) == {
        "in/raw": "this folder can't be read: permission denied"
    }
    assert sources("in", recursive=True) == ["in/a.png", "in/b.jpg", "in/thumbs/a.png"]


def test_lists_name_images():
    assert listed(b"a.png\n\nb c.png\r\n\xc3\xa4.png", null=False) == ("a.png", "b c.png", "ä.png")
    assert listed(b"a\n.png\0\0b.png\0", null=True) == ("a\n.png", "b.png")
    with pytest.raises(UsageError, match="give `null`, too"):
        listed(b"a.png\0b.png\0", null=False)


def test_a_list_keeps_paths_below_the_output_folder(tree):
    entries = ["in/a.png", "in/raw/a.png", str(tree / "in/b.jpg"), "in/../in/raw/old/c.png"]
    jobs = plan(Request((), "out", "k", listed=entries))
    assert [job.target for job in jobs] == [
        "out/in/a.png", "out/in/raw/a.png", "out/b.jpg", "out/c.png",
    ]  # fmt: skip
    (folder,) = plan(Request((), "out", "k", listed=["in/raw"]))
    assert (folder.source, folder.target) == ("in/raw/a.png", "out/in/raw/a.png")


def test_lists_from_files_and_pipes(tree):
    (tree / "list").write_text("in/a.png\nin/raw/a.png\n")
    said = call("apply", "box3", "--from-file", "list", "-o", "out", "in/b.jpg")
    assert said.status == 0
    assert (tree / "out/in/raw/a.png").is_file()
    assert (tree / "out/b.jpg").is_file()
    said = call("apply", "box3", "--from-file", "-", "-0", stdin=b"in/a.png\0in/thumbs/a.png\0")
    assert said.status == 0
    assert (tree / "in/thumbs/a-box3.png").is_file()


@pytest.mark.parametrize(
    ("args", "stdin", "words"),
    [
        (["--from-file", "none"], b"", "--from-file none: no such file or directory"),
        (["--from-file", "in"], b"", "--from-file in: is a directory"),
        (["--from-file", "-"], b"\n\n", "--from-file -: names no image"),
        (["--from-file", "-"], b"a\0b", "give -0, too"),
        ([], b"", "missing argument 'IMAGE...'"),
        (["-0", "in/a.png"], b"", "--null says how --from-file LIST is read"),
    ],
)
def test_wrong_lists_make_the_command_line_wrong(args, stdin, words, tree):
    said = call("apply", "box3", *args, stdin=stdin)
    assert said.status == 2
    assert words in said.err
    assert len(said.lines) == 1


def test_a_name_in_a_list_that_looks_like_a_pipe_is_a_file(tree):
    (tree / "-").write_bytes((tree / "in/a.png").read_bytes())
    (job,) = plan(Request((), "out.png", "k", listed=["-"]))
    assert job.source == f".{os.sep}-"


@linux
@pytest.mark.parametrize(
    "name",
    [b"\xff\xfe.png", b"-o.png", b"--help.png", b"two\nlines.png", b"\x1b[31mred.png", b" .png"],
)
def test_odd_names_are_filtered_and_said_in_one_line(name, tree):
    name = os.fsdecode(name)
    (tree / "odd").mkdir()
    (tree / "odd" / name).write_bytes((tree / "in/a.png").read_bytes())
    said = spawn("apply", "box3", "odd", "in/a.png", "-o", "out")
    assert said.status == 0
    assert (tree / "out" / name).is_file()
    assert len(said.lines) == 3
    assert all(line.isprintable() for line in said.lines)
    given = os.fsencode(f"odd/{name}")
    said = spawn("apply", "box3", "--from-file", "-", "-0", "-o", "again", stdin=given)
    assert said.status == 0
    assert (tree / "again/odd" / name).is_file()
