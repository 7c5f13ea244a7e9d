"""Runs the grid's cases in the interpreter of one version: `PYTHON -I grid_runner.py`.

A line of JSON asks for one case, and a line answers. Each runs in a fork of this process, which has
imported what convcli imports on the way, and none of its state. Only what every version has is
used: the entry point of the command, and the documented functions.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import tempfile
import time
from contextlib import suppress

#: Seconds that a case may take; loops that aren't in the store are compiled in them.
PATIENCE = 300
#: What must not be imported before a fork: it makes threads, or is imported by few.
LATE = ("numba", "multiprocessing", "concurrent", "__main__")


def run(asked, modules=None):
    """Run a case in a fork; return its exit status, what it said, and its errors."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            _become(asked, out.fileno(), err.fileno(), modules)
        _, status = os.waitpid(child, 0)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode("utf-8", "replace"))
    return {"status": os.waitstatus_to_exitcode(status), "out": said[0], "err": said[1][-500:]}


def _become(asked, out, err, modules):
    """Be the process of a case; never returns."""
    status = 70
    try:
        signal.alarm(PATIENCE)
        for number, stream in enumerate((os.open(os.devnull, os.O_RDONLY), out, err)):
            os.dup2(stream, number)
        if modules:
            _tell_modules(modules)
        if "call" in asked:
            CALLS[asked["call"]](**asked["given"])
            status = 0
        else:
            sys.argv = ["convcli", *asked["arguments"]]
            importlib.import_module("convcli.cli.main").run()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(bool(error.code))
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        status = 1
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _tell_modules(path):
    """Have the end of this process write down what it has imported."""
    leave = os._exit

    def left(status):
        with open(path, "a", encoding="ascii", errors="ignore") as file:  # noqa: PTH123
            file.writelines(f"{name}\n" for name in sys.modules)
        leave(status)

    os._exit = left


# The documented functions


def correlate(source, weights, target, **options):
    """Filter an array."""
    import numpy as np

    import convcli

    if weights.endswith(".npy"):
        weights = np.load(weights)
    if isinstance(options.get("bias"), list):
        options["bias"] = np.array(options["bias"])
    np.save(target, convcli.correlate(np.load(source), weights, **options))


def apply(source, kernels, target, **options):
    """Read, filter and write an image."""
    import convcli

    result = convcli.apply(convcli.read(source), kernels, convcli.Spec(**options))
    convcli.write(target, result)


def read(source, target):
    """Read an image; say what it is."""
    import numpy as np

    import convcli

    image = convcli.read(source)
    np.save(target, image.pixels)
    meta = image.meta
    blocks = [block and block.hex() for block in (meta.icc, meta.exif, meta.xmp)]
    facts = [image.channels, meta.format, meta.dpi, sorted(meta.text), meta.frames, meta.lossy]
    print(json.dumps({"read": [*facts, *blocks]}))  # noqa: T201


def choose(shape, kernel, dtype, **options):
    """Say how an array would be filtered."""
    import convcli

    plan = convcli.choose_plan(tuple(shape), kernel, convcli.Spec(**options), dtype)
    facts = [str(plan.method), str(plan.accumulator), plan.exact, plan.taps]
    print(json.dumps({"plan": facts}))  # noqa: T201


CALLS = {"correlate": correlate, "apply": apply, "read": read, "choose": choose}


def main():
    """Import what the warm-up imports; then run what each line asks for."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    tell = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    with tempfile.NamedTemporaryFile("r") as told:
        for asked in json.loads(sys.stdin.readline()):
            run(asked, told.name)
        names = dict.fromkeys(told.read().split())
    for name in names:
        if not name.startswith(LATE):
            with suppress(Exception):
                importlib.import_module(name)
    for line in sys.stdin:
        start = time.perf_counter()
        answer = run(json.loads(line))
        tell.write(json.dumps(answer | {"seconds": time.perf_counter() - start}) + "\n")


if __name__ == "__main__":
    main()
