"""Threads that share bands: the same ones again, also where there are none left of before."""

import gc
import os
import subprocess
import sys
import weakref
from collections import deque
from pathlib import Path
from threading import Barrier, Thread, get_ident

import pytest

from convcli import threads
from convcli.engine.thread_pool import run_bands

LARGE = 1e9


def who_works(jobs):
    """The threads of one run, each of which does something."""
    together, seen = Barrier(jobs, timeout=60), set()

    def begin():
        together.wait()
        return lambda first, last: seen.add(get_ident())

    run_bands((100, 2), LARGE, jobs, begin)
    return seen


@pytest.mark.parametrize("jobs", [2, 3])
def test_threads_that_have_helped_help_again(jobs):
    first = who_works(jobs)
    assert len(first) == jobs
    assert who_works(jobs) == first


def test_threads_help_again_after_an_exception():
    def fails(first, last):
        raise ValueError(first)

    before = who_works(2)
    with pytest.raises(ValueError, match=r"^[0-9]+$"):
        run_bands((100, 2), LARGE, 2, lambda: fails)
    assert who_works(2) == before


def test_no_more_threads_are_made_than_are_asked_at_once(monkeypatch):
    """Also where the caller has done it all before a new one begins."""
    made, start = [], threads.start_new_thread
    monkeypatch.setattr(threads, "_waiting", deque())
    monkeypatch.setattr(threads, "start_new_thread", lambda *each: made.append(start(*each)))
    for _ in range(200):
        run_bands((16, 1), LARGE, 3, lambda: lambda first, last: None)
    assert len(made) <= 4


def test_waiting_threads_keep_nothing_of_what_they_did():
    class Scratch:
        pass

    scratch = Scratch()
    gone = weakref.ref(scratch)
    run_bands((100, 2), LARGE, 2, lambda held=scratch: lambda first, last: held)
    del scratch
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("callers", [1, 3])
def test_every_band_is_done_once_whoever_is_late(callers):
    """Most helpers find nothing left to do, and some are asked again before they have woken up."""
    wrong = []

    def call():
        for _ in range(400):
            done = []
            run_bands((96, 1), LARGE, 3, lambda done=done: lambda *band: done.append(band))
            if sorted(done) != [(k, k + 4) for k in range(0, 96, 4)]:
                wrong.append(done)

    started = [Thread(target=call) for _ in range(callers)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(60)
    assert not any(thread.is_alive() for thread in started)
    assert not wrong


def test_an_interrupt_loses_no_thread():
    before, caller = who_works(2), get_ident()

    def interrupted(first, last):
        if get_ident() == caller:
            raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run_bands((100, 2), LARGE, 2, lambda: interrupted)
    assert who_works(2) == before


def where_they_may_run():
    """The processors of the caller and of the thread that helps it."""
    together, caller, seen = Barrier(2, timeout=60), get_ident(), {}

    def begin():
        together.wait()
        seen[get_ident() == caller] = os.sched_getaffinity(0)
        return lambda first, last: None

    run_bands((100, 2), LARGE, 2, begin)
    return seen[True], seen[False]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="threads can't be moved here")
def test_a_thread_that_helps_keeps_off_the_callers_processor(monkeypatch):
    who_works(2)
    for processor in sorted(os.sched_getaffinity(0)):
        monkeypatch.setattr(threads, "_current_processor", lambda processor=processor: processor)
        caller, helper = where_they_may_run()
        assert caller == os.sched_getaffinity(0)
        assert helper == (caller - {processor} or caller)


@pytest.mark.parametrize("refused", [OSError(22, "Invalid argument"), None])
def test_a_thread_that_cannot_be_moved_helps_nevertheless(refused, monkeypatch):
    def refuse(thread, processors):
        raise refused

    if refused is None:
        monkeypatch.setattr(threads, "_current_processor", None)
    elif hasattr(os, "sched_setaffinity"):
        monkeypatch.setattr(os, "sched_setaffinity", refuse)
        monkeypatch.setattr(threads, "_current_processor", lambda: -1)
    assert len(who_works(2)) == 2
    assert len(who_works(2)) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_copy_of_the_process_has_threads_of_its_own():
    script = """
import os, sys
sys.path.insert(0, sys.argv[1])
from test_thread_pool import who_works
who_works(2)
child = os.fork()
if child == 0:
    os._exit(7 if len(who_works(2)) == 2 else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    here = str(Path(__file__).parent)
    arguments = [sys.executable, "-W", "ignore", "-c", script, here]
    assert subprocess.run(arguments, timeout=120, check=False).returncode == 7
