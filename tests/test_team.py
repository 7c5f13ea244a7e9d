"""Threads that share bands: the same ones again, also where there are none left of before."""

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path
from threading import Barrier, get_ident

import pytest

from convcli.engine.team import run_bands

LARGE = 1 << 20


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


def test_waiting_threads_keep_nothing_of_what_they_did():
    class Scratch:
        pass

    scratch = Scratch()
    gone = weakref.ref(scratch)
    run_bands((100, 2), LARGE, 2, lambda held=scratch: lambda first, last: held)
    del scratch
    gc.collect()
    assert gone() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_copy_of_the_process_has_threads_of_its_own():
    script = """
import os, sys
sys.path.insert(0, sys.argv[1])
from test_team import who_works
who_works(2)
child = os.fork()
if child == 0:
    os._exit(7 if len(who_works(2)) == 2 else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    here = str(Path(__file__).parent)
    arguments = [sys.executable, "-W", "ignore", "-c", script, here]
    assert subprocess.run(arguments, timeout=120, check=False).returncode == 7
