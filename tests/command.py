"""The command line as tests call it: in this process, or as a program of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from convcli.cli.main import main

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Said:
    """What a command returned and said."""

    status: int
    data: bytes
    err: str

    @property
    def out(self):
        """Standard output as text."""
        return self.data.decode("utf-8")

    @property
    def lines(self):
        """Standard error, line by line."""
        return self.err.splitlines()


def call(*args, stdin=b""):
    """Run a command in this process, with streams of its own."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    source = io.TextIOWrapper(io.BytesIO(stdin))
    with redirect_stdout(out), redirect_stderr(err), mock.patch.object(sys, "stdin", source):
        status = main([str(arg) for arg in args])
    for stream in (out, err):
        stream.flush()
    return Said(status, out.buffer.getvalue(), err.buffer.getvalue().decode("utf-8"))


def program(*args, **options):
    """Return the arguments of a process that runs a command; keywords are its environment."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | options
    return {
        "args": [sys.executable, "-m", "convcli", *map(str, args)],
        "env": environment,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }


def spawn(*args, stdin=b"", **options):
    """Run a command as a process of its own and wait for it."""
    done = subprocess.run(**program(*args, **options), input=stdin, timeout=120)
    return Said(done.returncode, done.stdout, done.stderr.decode("utf-8"))


def on_terminal(*args, **environment):
    """Run a command whose standard error is a terminal; return status, output, what it showed."""
    reader, writer = os.openpty()
    options = {"TERM": "xterm-256color", "COLUMNS": "80"} | environment
    process = subprocess.Popen(**(program(*args, **options) | {"stderr": writer}))
    os.close(writer)
    shown = b""
    while True:
        try:
            part = os.read(reader, 65536)
        except OSError:  # the other end was closed
            break
        if not part:
            break
        shown += part
    out, _ = process.communicate(timeout=60)
    os.close(reader)
    return process.returncode, out, shown.decode()
