"""Which images a batch has, what their results are called, and what became of each."""

from __future__ import annotations

import io

import numpy as np
import pytest
from command import spawn
from hypothesis import given
from hypothesis import strategies as st

from convcli.batch import Common, Job, Request, Writing, foresee, label_of, plan, run
from convcli.errors import ImageError, UsageError
from convcli.image.files import write
from convcli.image.image import Image
from convcli.kernels import parse_kernel
from convcli.pipeline import lay
from convcli.spec import Spec


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A folder with images at several depths, and other files."""
    monkeypatch.chdir(tmp_path)
    for name in ("in/b.png", "in/a.PNG", "in/deep/c.png", "in/deep/er/d.png", "x.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, Image(np.full((3, 4), 7, dtype=np.uint8)), format="PNG")
    (tmp_path / "in" / "notes.txt").write_text("no image")
    (tmp_path / "in" / "folder.png").mkdir()
    (tmp_path / "empty").mkdir()
    return tmp_path


def pairs(inputs, output=None, **options):
    """(source, target) of each job."""
    jobs = plan(Request(inputs, output, "k", **options))
    return [(job.source, job.target) for job in jobs]


def test_images_of_a_folder_come_in_order_and_nothing_else_comes(tree):
    assert pairs(["in"]) == [("in/a.PNG", "in/a-k.PNG"), ("in/b.png", "in/b-k.png")]


def test_recursive_enters_folders_and_mirrors_them(tree):
    assert pairs(["in"], "out", recursive=True) == [
        ("in/a.PNG", "out/a.PNG"),
        ("in/b.png", "out/b.png"),
        ("in/deep/c.png", "out/deep/c.png"),
        ("in/deep/er/d.png", "out/deep/er/d.png"),
    ]


def test_the_order_is_that_of_the_arguments(tree):
    found = pairs(["x.png", "in/deep"])
    assert [source for source, _ in found] == ["x.png", "in/deep/c.png"]


def test_a_format_replaces_the_suffix(tree):
    assert pairs(["x.png"], writing=Writing(format="JPEG")) == [("x.png", "x-k.jpg")]
    assert pairs(["x.png"], "out/", writing=Writing(format="JPEG")) == [("x.png", "out/x.jpg")]


@pytest.mark.parametrize(
    ("output", "target"),
    [("out", "out/x.png"), ("out.d/", "out.d/x.png"), ("in", "in/x.png"), ("y.tif", "y.tif"),
     ("new/y.tif", "new/y.tif"), ("-", "-"), ("a.b/y.jpg", "a.b/y.jpg")],
)  # fmt: skip
def test_what_o_names_is_told_by_its_look_or_by_what_is_there(output, target, tree):
    assert pairs(["x.png"], output) == [("x.png", target)]


def test_a_folder_goes_into_a_folder_even_if_its_name_has_a_dot(tree):
    assert pairs(["in/deep"], "out.v2") == [("in/deep/c.png", "out.v2/c.png")]


def test_a_pipe_goes_to_a_pipe_or_a_file(tree):
    assert pairs(["-"]) == [("-", "-")]
    assert pairs(["-"], "y.png") == [("-", "y.png")]
    with pytest.raises(UsageError, match="no name"):
        plan(Request(["-"], "in", "k"))


def test_a_folder_without_images_is_a_failed_job_among_others(tree):
    jobs = plan(Request(["empty", "x.png"], None, "k"))
    assert [(job.source, bool(job.error)) for job in jobs] == [("x.png", False), ("empty", True)]
    assert "no images in this folder" in foresee(jobs[1], Writing()).error


def test_results_of_an_earlier_run_are_no_images(tree):
    (tree / "in" / "b-k.png").touch()
    (tree / "in" / "lone-k.png").touch()
    sources = [source for source, _ in pairs(["in"])]
    assert sources == ["in/a.PNG", "in/b.png", "in/lone-k.png"]
    everything = [source for source, _ in pairs(["in"], "out")]
    assert "in/b-k.png" in everything


def test_a_folder_of_results_within_the_folder_is_left_out(tree):
    (tree / "in" / "out").mkdir()
    (tree / "in" / "out" / "b.png").touch()
    sources = [source for source, _ in pairs(["in"], "in/out", recursive=True)]
    assert "in/out/b.png" not in sources
    assert "in/b.png" in sources


def test_the_same_job_twice_is_one_job(tree):
    assert pairs(["x.png", "x.png"]) == [("x.png", "x-k.png")]


@pytest.mark.parametrize(
    ("inputs", "output", "words"),
    [
        (["x.png"], "x.png", "never overwritten"),
        (["x.png"], "in/../x.png", "never overwritten"),
        (["in"], "in", "never overwritten"),
        (["x.png", "in/b.png"], "y.png", "names a file"),
        (["x.png", "in/b.png"], "-", "takes one image"),
        (["in/b.png", "in/deep/../b.png"], "out", "both be written to"),
        (["x.png"], "y.xyz", "`output` y.xyz: suffix"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_read(inputs, output, words, tree):
    with pytest.raises(UsageError, match=words):
        plan(Request(inputs, output, "k"))


def test_a_format_that_is_not_known_is_refused(tree):
    with pytest.raises(UsageError, match="`format`: no image format"):
        plan(Request(["x.png"], None, "k", writing=Writing(format="xyz")))


@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_labels_are_safe_in_file_names(names):
    label = label_of(names)
    assert 0 < len(label.encode()) <= 80
    assert not set(label) & set('/\\:*?"<>| \n\0')
    assert label == label.strip()


def test_labels_join_a_chain():
    assert label_of(["gaussian:sigma=2", "sobel-x"]) == "gaussian-sigma-2+sobel-x"
    assert label_of(["///"]) == "filtered"


def test_labels_leave_room_for_the_file_s_own_name():
    """Names are limited in bytes: eighty characters of three bytes left 12 for all else."""
    label = label_of(["漢" * 100])
    assert label == "漢" * 26
    assert label_of(["x" * 79 + "漢"]) == "x" * 79


# What became of each.


def outcomes(jobs, writing=None, streams=None, work=None):
    """Run jobs with the identity kernel."""
    kernel = parse_kernel("identity")
    pipes = streams or (io.BytesIO(), io.BytesIO())
    todo = work or (lambda image: lay(image, (kernel,), Spec()))
    return [*run(jobs, Common(todo, writing or Writing(), pipes))]


def test_one_failure_does_not_stop_the_others(tree):
    jobs = plan(Request(["nope.png", "in/notes.txt", "x.png"], "out", "k"))
    found = outcomes(jobs)
    assert [bool(outcome.error) for outcome in found] == [True, True, False]
    assert found[2].facts.size == (3, 4)
    assert (tree / "out" / "x.png").is_file()


def test_what_is_not_our_mistake_is_not_hidden(tree):
    """A bug in a filter must show: it is no failure of an image."""

    def broken(image):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        outcomes(plan(Request(["x.png"], "y.png", "k")), work=broken)


@pytest.mark.parametrize("error", [ImageError("no good"), MemoryError()])
def test_what_may_happen_to_an_image_is_an_outcome(error, tree):
    def fails(image):
        raise error

    (found,) = outcomes(plan(Request(["x.png"], "y.png", "k")), work=fails)
    assert found.error
    assert not (tree / "y.png").exists()


def test_existing_results_fail_are_skipped_or_replaced(tree):
    job = Job("x.png", "y.png")
    (tree / "y.png").write_bytes(b"mine")
    assert "exists already" in foresee(job, Writing()).error
    assert foresee(job, Writing(skip_existing=True)).skipped == "exists"
    assert outcomes([job])[0].error
    assert outcomes([job], Writing(skip_existing=True))[0].skipped
    assert (tree / "y.png").read_bytes() == b"mine"
    assert outcomes([job], Writing(overwrite=True))[0].facts
    assert (tree / "y.png").read_bytes() != b"mine"


@pytest.mark.parametrize("options", [{}, {"skip_existing": True}, {"overwrite": True}])
def test_a_result_that_another_batch_writes_meanwhile(options, tree):
    """With `skip_existing` it was a failure."""
    kernel = parse_kernel("identity")

    def slow(image):
        (tree / "y.png").write_bytes(b"theirs")
        return lay(image, (kernel,), Spec())

    (found,) = outcomes([Job("x.png", "y.png")], Writing(**options), work=slow)
    theirs = (tree / "y.png").read_bytes() == b"theirs"
    assert (bool(found.error), found.skipped, bool(found.facts), theirs) == {
        "": (True, "", False, True),
        "skip_existing": (False, "exists", False, True),
        "overwrite": (False, "", True, False),
    }["".join(options)]


def test_streams_are_read_and_written(tree):
    out = io.BytesIO()
    source = io.BytesIO((tree / "x.png").read_bytes())
    (found,) = outcomes([Job("-", "-")], streams=(source, out))
    assert found.error == ""
    assert out.getvalue().startswith(b"\x89PNG")


def test_what_cannot_be_known_before_reading_is_not_foreseen(tree):
    assert foresee(Job("in/notes.txt", "y.png"), Writing()).error == ""
    assert "no such file" in foresee(Job("nope.png", "y.png"), Writing()).error
    assert "name too long" in foresee(Job("n" * 400 + ".png", "y.png"), Writing()).error


@pytest.mark.parametrize("seconds", ["3000000", "1e300", "0"])
def test_the_longest_timeouts_are_waited_for(seconds, tree):
    """The system waits for 2**31 milliseconds at the most: more is waited for bit by bit."""
    said = spawn("apply", "box3", "in", "-o", "out", "-q", "-j", "2", "--timeout", seconds)
    assert (said.status, said.err) == (0, "")
    assert (tree / "out" / "b.png").exists()
