"""Standard streams: all that is written arrives, or the exit status and a line say that it didn't.

Each with and without Python's own buffer, which many containers turn off (`PYTHONUNBUFFERED`).
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from command import program

from convcli.cli import streams
from convcli.cli.main import main
from convcli.errors import StreamError
from convcli.image.files import read, write
from convcli.image.image import Image

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and devices of POSIX")

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks how much a pipe holds")

FULL = b"convcli: standard output: no space left on device\n"
#: Of an image that no pipe takes at once (64 KiB).
SIZE = (300, 400, 3)


@pytest.fixture
def here(tmp_path, monkeypatch, rng):
    """A folder with an image of noise, and a small one."""
    monkeypatch.chdir(tmp_path)
    write("large.png", Image(rng.integers(0, 256, SIZE, dtype=np.uint8), "RGB"))
    write("small.png", Image(rng.integers(0, 256, (4, 5), dtype=np.uint8)))
    return tmp_path


@pytest.fixture(params=["1", ""], ids=["unbuffered", "buffered"])
def unbuffered(request):
    """What PYTHONUNBUFFERED says."""
    return {"PYTHONUNBUFFERED": request.param}


IMAGE = ("apply", "box3", "large.png", "-o", "-", "-q")
COMMANDS = [
    IMAGE,
    ("apply", "box3", "small.png", "-o", "s.png", "--json"),
    ("kernels",),
    ("kernels", "--json"),
    ("kernels", "sobel"),
    ("explain", "sobel", "--json"),
    ("explain", "sobel"),
    ("network", "vgg16"),
    ("shape", "--n", "7", "--f", "3"),
    ("--help",),
    ("--version",),
]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_a_full_disk_is_told_by_everything_that_writes(args, here):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        asked = program(*args, PYTHONUNBUFFERED="1") | {"stdout": full}
        done = subprocess.run(**asked, timeout=60)
    assert (done.returncode, done.stderr) == (1, FULL)


def test_a_disk_that_takes_a_part_is_told(here, unbuffered):
    """A limit on a file's size takes what fits, as a disk that gets full does."""
    import resource

    limit = 50_000
    with open("part.png", "wb") as part:  # noqa: PTH123
        asked = program(*IMAGE, CONVCLI_CACHE="", **unbuffered) | {"stdout": part}
        done = subprocess.run(
            **asked,
            timeout=60,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
    assert (done.returncode, done.stderr) == (1, b"convcli: standard output: file too large\n")
    assert (here / "part.png").stat().st_size == limit


def test_a_reader_that_leaves_after_a_while_is_an_exit_status(here, unbuffered):
    with subprocess.Popen(**program(*IMAGE, **unbuffered)) as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


@linux
def test_a_writer_that_is_stopped_while_it_writes_goes_on(here, unbuffered):
    with subprocess.Popen(**program(*IMAGE, **unbuffered)) as process:
        _wait_until_full(process.stdout)
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert read(out).pixels.shape == SIZE


def _wait_until_full(pipe):
    """Wait until a pipe takes no more; nothing is taken out of it."""
    import fcntl
    import struct
    import termios

    size, end = fcntl.fcntl(pipe, 1032), time.monotonic() + 60  # F_GETPIPE_SZ
    while struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0] < size:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_streams_that_do_not_wait_are_waited_for(here, unbuffered):
    """Whoever started this may have set O_NONBLOCK on both ends of it."""
    out, into = os.pipe()
    source, feed = os.pipe()
    os.set_blocking(into, False)
    os.set_blocking(source, False)
    asked = program("apply", "box3", "-", "-o", "-", "-q", **unbuffered)
    process = subprocess.Popen(**asked | {"stdin": source, "stdout": into, "stderr": None})
    os.close(into)
    os.close(source)
    data = (here / "large.png").read_bytes()

    def deal():
        with open(feed, "wb") as file:  # noqa: PTH123
            for at in range(0, len(data), 100_000):
                time.sleep(0.05)
                file.write(data[at : at + 100_000])
                file.flush()

    thread = threading.Thread(target=deal)
    thread.start()
    time.sleep(0.5)
    with open(out, "rb") as file:  # noqa: PTH123
        found = file.read()
    thread.join()
    assert process.wait(60) == 0
    assert read(found).pixels.shape == SIZE


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_a_wait_for_a_reader(number, here, unbuffered):
    with subprocess.Popen(**program(*IMAGE, **unbuffered)) as process:
        _wait_until_full(process.stdout)
        process.send_signal(number)
        assert process.wait(30) == 130
        assert process.stderr.read() == b"convcli: interrupted; what was finished is whole\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_batch_goes_on_when_its_talk_is_lost(here):
    """Results are worth more than lines about them; the exit status says that those are missing."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        asked = program("apply", "box3", "small.png", "large.png", "-o", "out")
        done = subprocess.run(**asked | {"stderr": full}, timeout=60)
    assert done.returncode == 1
    assert {path.name for path in (here / "out").iterdir()} == {"small.png", "large.png"}


@pytest.mark.parametrize(
    ("args", "closed", "status", "said"),
    [
        (("-o", "-"), ">&-", 1, b"convcli: standard output: it is closed\n"),
        (("-o", "r.png", "--json"), ">&-", 1, b"convcli: standard output: it is closed\n"),
        (("-o", "r.png", "-q"), "<&- >&- 2>&-", 0, b""),
        (("-", "-o", "r", "-q"), "<&-", 1, b"convcli: -: can't be read: it is closed\n"),
    ],
)
def test_closed_streams(args, closed, status, said, here):
    """An image that goes nowhere isn't done; an image in a file is, whoever listens."""
    source = () if args[0] == "-" else ("small.png",)
    named = [arg if arg != "r" else "r.png" for arg in args]
    asked = program("apply", "box3", *source, *named)
    asked["args"] = ["sh", "-c", f'exec "$@" {closed}', "sh", *asked["args"]]
    done = subprocess.run(**asked, timeout=60)
    assert (done.returncode, done.stderr) == (status, said)


class _Mouthful(io.RawIOBase):
    """Takes a little at a time, and then what is said."""

    def __init__(self, *answers):
        self.taken, self.answers = b"", list(answers)

    def writable(self):
        return True

    def write(self, data):
        if self.answers and isinstance(self.answers[0], OSError):
            raise self.answers.pop(0)
        count = self.answers.pop(0) if self.answers else 3
        self.taken += bytes(data[:count])
        return count


def outlet(raw, name="standard output"):
    return streams._Outlet(raw, name)


def test_an_outlet_writes_all_and_says_how_much():
    raw = _Mouthful(1, 0, 5)
    assert outlet(raw).write(memoryview(np.arange(20, dtype=np.uint16))) == 40
    assert raw.taken == np.arange(20, dtype=np.uint16).tobytes()


def test_an_outlet_that_failed_takes_no_more_and_remembers():
    raw = _Mouthful(2, OSError(28, "No space left on device"))
    out = outlet(raw)
    with pytest.raises(StreamError, match="standard output: no space left on device"):
        out.write(b"abcdef")
    assert (out.lost, out.write(b"xyz"), raw.taken) == (True, 3, b"ab")


def test_what_standard_error_does_not_take_is_remembered_but_not_raised():
    out = outlet(_Mouthful(OSError(28, "No space left on device")), "standard error")
    assert (out.write(b"abc"), out.lost) == (3, True)
    gone = outlet(_Mouthful(BrokenPipeError(32, "Broken pipe")), "standard error")
    with pytest.raises(StreamError):
        gone.write(b"abc")


def test_a_disk_that_is_full_when_the_file_is_closed_is_told(monkeypatch, tmp_path):
    """As on a network's file system, where a quota may be told only then."""
    with (tmp_path / "out").open("wb", buffering=0) as raw:
        out = outlet(raw)
        out.write(b"abc")

        def quota(_descriptor):
            raise OSError(122, "Disk quota exceeded")

        with monkeypatch.context() as patch:
            patch.setattr(os, "close", quota)
            with pytest.raises(StreamError, match="standard output: disk quota exceeded"):
                out.end()


def test_only_a_stream_is_called_one(monkeypatch, capsys):
    """What the system has against a file is told of the file."""

    def refused(_arguments):
        raise PermissionError(13, "Permission denied", "secret/x.png")

    monkeypatch.setattr("convcli.cli.main._call", refused)
    assert main([]) == 1
    assert capsys.readouterr().err == "convcli: secret/x.png: permission denied\n"


def test_want_of_memory_is_one_line(monkeypatch, capsys):
    def full(_arguments):
        raise MemoryError

    monkeypatch.setattr("convcli.cli.main._call", full)
    assert main([]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("convcli: there is not enough memory")


def test_every_stream_of_the_program_is_taken_over():
    """No writer is left with a stream that may lose what it is given."""
    asked = program(PYTHONUNBUFFERED="1")
    code = (
        "import sys; from convcli.cli import streams; streams.take_over(); "
        "print(*(type(s.buffer).__name__ for s in (sys.stdout, sys.stderr)), flush=True)"
    )
    asked["args"] = [sys.executable, "-c", code]
    done = subprocess.run(**asked, timeout=60)
    assert done.stdout.split() == [b"_Outlet", b"_Outlet"]
