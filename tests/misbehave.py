"""The command, with filters that misbehave when an image's first sample says so.

Stands for what codecs do to hostile files: a process that runs this has no threads, so its batches
are handed out to workers as users' are.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import convcli.pipeline
from convcli.batch import Common
from convcli.cli.main import run
from convcli.image.files import read

CRASH, LEAVE, HANG, KILLED, BUG, SLOW, WRITTEN = 201, 202, 203, 204, 205, 206, 207

_lay, _do = convcli.pipeline.lay, Common.do


def lay(image, kernels, spec, *span, **more):
    """Have an image filtered, or not."""
    sign = int(image.pixels.reshape(-1)[0])
    if sign == CRASH:
        time.sleep(0.1)  # so that the worker has another image, too
        os.kill(os.getpid(), signal.SIGSEGV)
    if sign == LEAVE:
        os._exit(3)
    if sign == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    if sign == HANG:
        time.sleep(600)
    if sign == SLOW:
        time.sleep(0.2)
    if sign == BUG:
        raise ZeroDivisionError("a bug")
    return _lay(image, kernels, spec, *span, **more)


def do(common, job, *given):
    """Do an image, and die after it was written if that is its sign."""
    outcome = _do(common, job, *given)
    if read(job.target).pixels.reshape(-1)[0] == WRITTEN:
        os._exit(3)
    return outcome


def _limit():
    """Set what LIMIT names, such as `NOFILE=12`."""
    name, _, size = os.environ.get("LIMIT", "").partition("=")
    if name:
        import resource

        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (int(size), int(size)))


if __name__ == "__main__":
    convcli.pipeline.lay = lay
    if os.environ.get("DIES_AFTER_WRITING"):
        Common.do = do
    _limit()
    sys.argv[0] = "convcli"
    run()
