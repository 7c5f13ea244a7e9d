"""Batches on worker processes: all results, whatever becomes of one of the processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import misbehave
import numpy as np
import pytest
from command import Said, program

from convcli.batch import BatchLimits, Common, Job, Writing, run, share, worker_pool
from convcli.batch.memory_budget import MemoryBudget
from convcli.batch.worker_pool import WorkerPool, can_hand_out
from convcli.image.files import read, write
from convcli.image.image import Image

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
COUNT = 24


def command(*args, **options):
    """Run the command, with filters that misbehave, as a process of its own."""
    asked = program(*args, **options)
    asked["args"][1:3] = [str(Path(misbehave.__file__))]
    return asked


def told(*args, **options):
    done = subprocess.run(**command(*args, **options), timeout=100)
    return Said(done.returncode, done.stdout, done.stderr.decode())


@pytest.fixture
def folder(tmp_path):
    """A folder of images, and a function that has some of them misbehave."""
    images = tmp_path / "in"
    images.mkdir()

    def fill(signs=(), count=COUNT):
        signs = dict(signs)
        for k in range(count):
            pixels = np.full((20, 30), k, dtype=np.uint8)
            pixels[0, 0] = signs.get(k, k)
            write(images / f"{k:02}.png", Image(pixels))
        return images

    return fill


def names(path):
    return sorted(p.name for p in path.iterdir())


def all_but(*missing):
    return [f"{k:02}.png" for k in range(COUNT) if k not in missing]


def test_results_are_those_of_one_process(folder, tmp_path):
    images = folder()
    said = told("apply", "box3", images, "-o", tmp_path / "out")
    assert said.status == 0
    assert said.lines[-1].startswith(f"{COUNT} done in ")
    assert sorted(line.split(" ")[0] for line in said.lines[:-1]) == [
        str(path) for path in sorted(images.iterdir())
    ]
    for path in [*images.iterdir()][::8]:
        alone = tmp_path / "alone.png"
        assert told("apply", "box3", path, "-o", alone, "--overwrite").status == 0
        assert alone.read_bytes() == (tmp_path / "out" / path.name).read_bytes()


@posix
@pytest.mark.parametrize(
    ("sign", "words"),
    [
        (misbehave.CRASH, "crashed the library that reads it (SIGSEGV)"),
        (misbehave.LEAVE, "ended with status 3"),
        (misbehave.KILLED, "was killed, perhaps for want of memory"),
    ],
)
def test_a_process_that_dies_takes_one_image_with_it(sign, words, folder, tmp_path):
    said = told("apply", "box3", folder({3: sign, 11: sign}), "-o", tmp_path / "out", "-q")
    assert said.status == 1
    assert names(tmp_path / "out") == all_but(3, 11)
    assert sorted(Path(line.split(": ")[1]).name for line in said.lines) == ["03.png", "11.png"]
    assert all(words in line for line in said.lines)


@posix
def test_two_that_crash_at_once_are_both_found_out(folder, tmp_path):
    signs = dict.fromkeys(range(4), misbehave.CRASH)
    said = told("apply", "box3", folder(signs), "-o", tmp_path / "out", "-q")
    assert len(said.lines) == 4
    assert names(tmp_path / "out") == all_but(*range(4))


def test_a_result_that_was_written_before_its_process_died_is_no_failure(folder, tmp_path):
    images = folder({3: misbehave.WRITTEN, 9: misbehave.WRITTEN})
    out = tmp_path / "out"
    said = told("apply", "identity", images, "-o", out, DIES_AFTER_WRITING="1")
    assert said.status == 0
    assert names(out) == all_but()
    lines = [line for line in said.lines if "was written by a process that died" in line]
    assert {"03.png", "09.png"} <= {Path(line.split(": ")[0]).name for line in lines}
    assert re.match(r"2\d done, \d skipped in ", said.lines[-1])


def test_one_that_hangs_is_given_up(folder, tmp_path):
    images = folder({5: misbehave.HANG})
    said = told("apply", "box3", images, "-o", tmp_path / "out", "--timeout", "1.5")
    assert said.status == 1
    (failure,) = [line for line in said.lines if line.startswith("convcli:")]
    assert "05.png: took longer than 1.5 seconds; --timeout" in failure
    assert names(tmp_path / "out") == all_but(5)


def test_a_bug_is_not_a_failure_of_an_image(folder, tmp_path):
    said = told("apply", "box3", folder({5: misbehave.BUG}), "-o", tmp_path / "out")
    assert "ZeroDivisionError: a bug" in said.err


def test_fail_fast_begins_no_more(folder, tmp_path):
    images = folder({k: misbehave.SLOW for k in range(1, COUNT)})
    (images / "00.png").write_bytes(b"no image")
    said = told("apply", "box3", images, "-o", tmp_path / "out", "--fail-fast")
    assert said.status == 1
    assert " 1 failed, " in said.lines[-1]
    assert " left in " in said.lines[-1]
    out = tmp_path / "out"
    assert not out.exists() or len(names(out)) < COUNT - 8
    assert told("apply", "box3", images, "-o", tmp_path / "out").status == 1


def test_json_comes_as_images_are_done(folder, tmp_path):
    said = told("apply", "box3", folder(), "-o", tmp_path / "out", "--json")
    found = [json.loads(line) for line in said.out.splitlines()]
    assert said.err == ""
    assert sorted(Path(each["source"]).name for each in found) == all_but()
    assert {each["status"] for each in found} == {"done"}


def test_an_interrupted_batch_is_carried_on(folder, tmp_path):
    images = folder({k: misbehave.SLOW for k in range(COUNT)})
    out, whole = tmp_path / "out", tmp_path / "whole"
    process = subprocess.Popen(**command("apply", "box3", images, "-o", out, "-q"))
    _until(lambda: out.exists() and len(names(out)) > 2)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, b"convcli: interrupted; what was finished is whole\n")
    assert 2 < len(names(out)) < COUNT
    said = told("apply", "box3", images, "-o", out, "--skip-existing")
    assert said.status == 0
    assert " skipped in " in said.lines[-1]
    assert told("apply", "box3", images, "-o", whole).status == 0
    for name in all_but():
        assert (out / name).read_bytes() == (whole / name).read_bytes()
    assert names(out) == names(whole)


def _until(ready):
    for _ in range(600):
        if ready():
            return
        time.sleep(0.05)
    raise AssertionError("it never got that far")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_end_when_the_process_that_hands_out_is_killed(folder, tmp_path):
    images = folder({k: misbehave.SLOW for k in range(COUNT)})
    process = subprocess.Popen(
        **command("apply", "box3", images, "-o", tmp_path / "out", "-q", "-j", "2")
    )
    _until(lambda: (tmp_path / "out").exists())
    workers = _children(process.pid)
    assert len(workers) == 2
    process.kill()
    process.communicate(timeout=30)
    _until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
    assert len(names(tmp_path / "out")) < COUNT


def _children(pid):
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


@posix
def test_a_full_disk_costs_the_results_that_it_cannot_hold(folder, tmp_path):
    """A limit on the size of files stands for it; every third result is larger."""
    images = folder()
    noise = np.random.default_rng(7).integers(0, 255, (100, 100), dtype=np.uint8)
    for k in range(0, COUNT, 3):
        write(images / f"{k:02}.png", Image(noise), overwrite=True)
    said = told("apply", "box3", images, "-o", tmp_path / "out", "-q", LIMIT="FSIZE=4096")
    assert said.status == 1
    assert names(tmp_path / "out") == all_but(*range(0, COUNT, 3))
    assert len(said.lines) == COUNT // 3
    assert all(line.endswith(".png: can't write: file too large") for line in said.lines)


@posix
@pytest.mark.parametrize("count", [8, 12, 16, 24])
def test_few_open_files_are_enough(count, folder, tmp_path):
    said = told("apply", "box3", folder(), "-o", tmp_path / "out", "-q", LIMIT=f"NOFILE={count}")
    assert said.err == ""
    assert said.status == 0
    assert names(tmp_path / "out") == all_but()


@pytest.mark.exhaustive
def test_many_at_once_in_one_folder_with_one_new_store(folder, tmp_path):
    """Every result is written once, by one of them, and none of them writes half of one."""
    images, out = folder(count=8), tmp_path / "out"
    asked = command("apply", "box3", images, "-o", out, "-q", CONVCLI_CACHE=str(tmp_path / "new"))
    processes = [subprocess.Popen(**asked) for _ in range(4)]
    lines = [line for process in processes for line in process.communicate()[1].splitlines()]
    assert all(b"exists" in line for line in lines)
    assert len(lines) == 3 * 8
    whole = tmp_path / "whole"
    assert told("apply", "box3", images, "-o", whole).status == 0
    assert {p.name: p.read_bytes() for p in out.iterdir()} == {
        p.name: p.read_bytes() for p in whole.iterdir()
    }


# In this process.


def negative(image):
    """A filter; workers that are spawned import it from here."""
    from convcli.kernels import parse_kernel
    from convcli.pipeline import lay
    from convcli.spec import Spec

    return lay(
        Image(255 - image.pixels, image.channels, image.meta), [parse_kernel("identity")], Spec()
    )


def test_processes_that_are_spawned_do_as_well(folder, tmp_path, monkeypatch):
    """As on macOS and Windows."""
    monkeypatch.setattr(worker_pool, "_way", lambda: "spawn")
    images = folder(count=5)
    jobs = [Job(str(path), str(tmp_path / "out" / path.name)) for path in images.iterdir()]
    common = Common(negative, Writing(), None)
    found = list(run(jobs, common, limits=BatchLimits(2, 1)))
    assert {outcome.job for outcome in found} == set(jobs)
    assert not any(outcome.error for outcome in found)
    for job in jobs:
        assert np.array_equal(read(job.target).pixels, 255 - read(job.source).pixels)


def test_a_batch_that_nobody_waits_for_ends(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(worker_pool, "_way", lambda: "spawn")
    images = folder(count=8)
    jobs = [Job(str(path), str(tmp_path / "out" / path.name)) for path in images.iterdir()]
    pool = WorkerPool(jobs, Common(negative, Writing(), None), BatchLimits(1, 1))
    outcomes = pool.run()
    next(outcomes)
    (process,) = [worker.process for worker in pool.workers]
    outcomes.close()
    assert not process.is_alive()
    assert len(names(tmp_path / "out")) < 8


@pytest.mark.parametrize(
    ("images", "jobs", "expected"),
    [(10, 4, (4, 1)), (3, 8, (3, 2)), (2, 1, (1, 1)), (0, 4, (1, 4)), (100, 2, (2, 1))],
)
def test_threads_are_shared_out(images, jobs, expected):
    limits = share(images, jobs, 7.0)
    assert (limits.workers, limits.threads, limits.timeout) == (*expected, 7.0)


def test_what_comes_or_goes_through_a_pipe_is_not_handed_out(monkeypatch):
    monkeypatch.setattr(worker_pool, "_way", lambda: "spawn")
    assert can_hand_out([Job("a.png", "b.png")])
    assert not can_hand_out([Job("-", "b.png"), Job("a.png", "c.png")])
    assert not can_hand_out([Job("a.png", "-")])


def test_memory_is_bounded():
    room = MemoryBudget(100)
    assert room.fits(10**9)  # one may always begin
    room.enter(0, 60)
    assert room.fits(40)
    assert not room.fits(41)
    room.enter(0, 90)
    assert not room.fits(40)
    room.leave(0)
    assert room.fits(40)
