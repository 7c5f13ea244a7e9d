"""Several pictures at once: in order, within bounds, and nothing left when it ends early."""

from __future__ import annotations

import threading
import time
from functools import partial

import numpy as np
import pytest
from command import call

from convcli.batch import Job, Writing, begin, run
from convcli.batch.flow import Room, StoppedError, in_order
from convcli.errors import ImageError
from convcli.image.ahead import Ahead
from convcli.image.files import read, write
from convcli.image.picture import Image

PLENTY = 2**30


class Counter:
    """Counts how many tasks there are at once."""

    def __init__(self):
        self.lock, self.now, self.most, self.begun = threading.Lock(), 0, 0, 0

    def task(self, room, place, size, seconds=0.01, error=None):
        room.enter(place, size)
        with self.lock:
            self.now, self.begun = self.now + 1, self.begun + 1
            self.most = max(self.most, self.now)
        time.sleep(seconds)
        with self.lock:
            self.now -= 1
        room.leave(place)
        if error is not None:
            raise error
        return place

    def tasks(self, room, sizes, **given):
        return [partial(self.task, room, k, size, **given) for k, size in enumerate(sizes)]


@pytest.mark.parametrize("at_once", [1, 2, 3, 20])
def test_results_come_in_order_and_no_more_are_done_at_once(at_once):
    counter, room = Counter(), Room(PLENTY)
    tasks = [
        partial(counter.task, room, k, 1, seconds=0.03 if k % 3 == 0 else 0) for k in range(12)
    ]
    assert list(in_order(tasks, at_once, room)) == list(range(12))
    assert counter.most <= at_once


def test_tasks_are_done_at_once():
    """Each of two waits for the other: one after the other they would wait for ever."""
    both = threading.Barrier(2)
    done = in_order([lambda: both.wait(20), lambda: both.wait(20)], 2, Room(PLENTY))
    assert sorted(done) == [0, 1]


def test_large_tasks_are_not_done_at_once():
    counter, room = Counter(), Room(100)
    assert list(in_order(counter.tasks(room, [60] * 6), 3, room)) == list(range(6))
    assert counter.most == 1


def test_one_that_is_larger_than_all_memory_is_done_alone():
    counter, room = Counter(), Room(100)
    assert list(in_order(counter.tasks(room, [10**9, 10, 10**9]), 3, room)) == [0, 1, 2]
    assert counter.most == 1


def test_a_task_that_turns_out_small_makes_room():
    room, both = Room(100), threading.Barrier(2)

    def task(place):
        room.enter(place, 90)
        room.resize(place, 10)
        return both.wait(20)

    assert sorted(in_order([partial(task, 0), partial(task, 1)], 2, room)) == [0, 1]


def test_an_error_comes_in_its_turn_and_nothing_goes_on():
    counter, room = Counter(), Room(PLENTY)
    tasks = counter.tasks(room, [1] * 40)
    tasks[2] = partial(counter.task, room, 2, 1, error=ZeroDivisionError("two"))
    got = []
    with pytest.raises(ZeroDivisionError, match="two"):
        got.extend(in_order(tasks, 2, room))
    assert counter.now == 0
    begun = counter.begun
    assert begun < 40
    time.sleep(0.05)
    assert counter.begun == begun


def test_closing_waits_for_what_has_begun_and_begins_nothing_more():
    counter, room, before = Counter(), Room(PLENTY), threading.active_count()
    flow = in_order(counter.tasks(room, [1] * 40, seconds=0.02), 3, room)
    assert next(flow) == 0
    assert threading.active_count() > before
    flow.close()
    assert counter.now == 0
    assert counter.begun < 40
    assert threading.active_count() == before


def test_closing_wakes_tasks_that_wait_for_room():
    room, in_it = Room(10), threading.Event()

    def first():
        room.enter(0, 10)
        in_it.set()
        return 0

    def second():
        in_it.wait(20)
        room.enter(1, 10)
        raise AssertionError("there was no room")

    flow = in_order([first, second], 2, room)
    assert next(flow) == 0
    flow.close()


def test_steps_are_not_begun_after_the_end():
    room = Room(10)
    room.stop()
    for step in (room.check, partial(room.enter, 0, 1), partial(room.resize, 0, 1)):
        with pytest.raises(StoppedError):
            step()


def test_a_task_ahead_gives_its_result_once_or_its_error():
    ahead = Ahead(lambda: [1])
    assert ahead.take() == [1]
    with pytest.raises(IndexError):
        ahead.take()  # nothing is kept that takes memory

    def fail():
        raise ImageError("damaged")

    with pytest.raises(ImageError, match="damaged"):
        Ahead(fail).take()


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Eight pictures, the fourth of which is none."""
    monkeypatch.chdir(tmp_path)
    for k in range(8):
        pixels = np.full((30 + k, 40, 3), 10 * k, dtype=np.uint8)
        write(tmp_path / f"{k}.png", Image(pixels), format="PNG")
    (tmp_path / "3.png").write_text("no picture")
    return [Job(f"{k}.png", f"out/{k}.png") for k in range(8)]


@pytest.mark.parametrize("at_once", [1, 2, 3])
@pytest.mark.parametrize("ahead", [False, True])
def test_one_that_fails_does_not_stop_the_others(at_once, ahead, pictures):
    jobs, writing = pictures, Writing()

    def work(image):
        if image.size[0] == 35:
            raise MemoryError
        return Image(255 - image.pixels, image.channels, image.meta), facts()

    begun = begin(jobs, writing) if ahead else None
    outcomes = list(run(jobs, work, writing, (None, None), begun=begun, at_once=at_once))
    assert [outcome.job for outcome in outcomes] == jobs
    assert [bool(outcome.error) for outcome in outcomes] == [k in (3, 5) for k in range(8)]
    assert "not a picture" in outcomes[3].error
    assert "not enough memory" in outcomes[5].error
    for k in (0, 1, 2, 4, 6, 7):
        assert np.all(read(jobs[k].target).pixels == 255 - 10 * k)


def facts():
    """What a filter says that does nothing."""
    from convcli.kernels import parse_kernel
    from convcli.pipeline import apply
    from convcli.spec import Spec

    return apply(Image(np.zeros((2, 2), np.uint8)), (parse_kernel("identity"),), Spec())[1]


@pytest.mark.parametrize(
    "job",
    [
        Job("-", "out/x.png"),
        Job("none.png", "out/x.png"),
        Job("0.png", "1.png"),
        Job("0.png", "", "no pictures in this folder"),
    ],
)
def test_nothing_is_read_ahead_that_would_not_be_read(job, pictures):
    assert begin([job], Writing()) is None
    assert begin([], Writing()) is None


def test_an_error_of_one_read_ahead_is_its_outcome(pictures):
    jobs = [pictures[3], pictures[0]]
    begun = begin(jobs, Writing())
    assert begun.job is jobs[0]
    work = lambda image: (image, facts())  # noqa: E731
    first, second = run(jobs, work, Writing(), (None, None), begun=begun)
    assert "not a picture" in first.error
    assert second.error == ""


def test_many_give_what_each_gives_alone(tmp_path, samples):
    names = ["camera.png", "coffee.jpg", "logo.png", "ramp-gray16.png", "page-1bit.png"]
    paths = [samples / name for name in names]
    said = call("apply", "box3", *paths, "-o", tmp_path / "many")
    assert said.status == 0, said.err
    assert [line.split(" ")[0].rpartition("/")[2] for line in said.err.splitlines()[:5]] == names
    for path in paths:
        alone = tmp_path / "alone" / path.name
        assert call("apply", "box3", path, "-o", alone).status == 0
        assert alone.read_bytes() == (tmp_path / "many" / path.name).read_bytes()
