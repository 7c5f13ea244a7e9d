"""`convcli explain --play`: a kernel that slides, on a pseudo-terminal."""

from __future__ import annotations

import os
import re
import select
import signal
import struct
import subprocess
import time

import pytest
from command import program, spawn

from convcli.report.play import Player, parsed

posix = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-9]m")


class Terminal:
    """A program on a pseudo-terminal: what it showed, and the terminal's modes."""

    def __init__(self, *args, size=(24, 80), **environment):
        import fcntl
        import termios

        self.reader, self.writer = os.openpty()
        self.fcntl, self.termios = fcntl, termios
        self.resize(*size)
        self.before = termios.tcgetattr(self.writer)
        self.shown, self.at = "", 0
        options = program(*args, **({"TERM": "xterm-256color"} | environment))
        streams = dict(stdin=self.writer, stdout=self.writer, stderr=self.writer)
        self.process = subprocess.Popen(**(options | streams))

    def resize(self, rows, cols):
        size = struct.pack("HHHH", rows, cols, 0, 0)
        self.fcntl.ioctl(self.writer, self.termios.TIOCSWINSZ, size)

    def read(self, seconds):
        """Read what there is, for so long at the most."""
        if select.select([self.reader], [], [], seconds)[0]:
            self.shown += os.read(self.reader, 65536).decode("utf-8", "replace")
            return True
        return False

    def until(self, words, seconds=60.0):
        """Read until something is shown after what was waited for before; return what is new."""
        start, end = self.at, time.monotonic() + seconds
        codes = f"(?:{_CODES.pattern})*"
        wanted = re.compile(codes.join(map(re.escape, words)))
        while (found := wanted.search(self.shown, start)) is None:
            assert time.monotonic() < end, f"{words!r} is not shown: {self.shown[start:]!r}"
            self.read(0.1)
        self.at = found.end()
        return self.shown[start:]

    def send(self, keys):
        os.write(self.reader, keys)

    def close(self):
        """Wait for the end; exit status, and whether the terminal is as it was."""
        end = time.monotonic() + 60
        while self.process.poll() is None:
            assert time.monotonic() < end
            self.read(0.1)
        while self.read(0):
            pass
        after = self.termios.tcgetattr(self.writer)
        os.close(self.reader)
        os.close(self.writer)
        return self.process.returncode, after == self.before


@pytest.fixture
def terminal():
    made = []

    def start(*args, **options):
        made.append(Terminal("explain", *args, **options))
        return made[-1]

    yield start
    for each in made:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


GRID = ("box3", "--grid", "1 2 3; 4 5 6; 7 8 9", "--padding", "same", "--play")


@posix
def test_it_plays_and_stops_and_leaves_the_terminal_as_it_was(terminal):
    it = terminal(*GRID)
    it.until("step 1 of 9")
    it.until("step 2 of 9")  # by itself
    it.send(b" ")
    it.until("paused")
    it.send(b"\x1b[F")
    it.until("step 9 of 9")
    it.send(b"\x1b[D")
    it.until("step 8 of 9")
    it.send(b"\x1b[A")
    shown = it.until("step 5 of 9")
    assert "1·1 + 1·2 + 1·3 + 1·4 + 1·5 + 1·6 + 1·7 + 1·8 + 1·9 = 45" in _CODES.sub("", shown)
    it.send(b"\x1b[H")
    it.until("step 1 of 9")
    it.send(b"q")
    assert it.close() == (0, True)
    assert it.shown.count("\x1b[?1049h") == it.shown.count("\x1b[?1049l") == 1
    assert it.shown.rstrip().endswith("\x1b[?25h\x1b[?1049l")
    assert _COLOUR.search(it.shown)


@posix
def test_no_colour_where_none_is_wanted(terminal):
    it = terminal(*GRID, NO_COLOR="1")
    it.until("step 1 of 9")
    it.send(b"q")
    assert it.close() == (0, True)
    assert not _COLOUR.search(it.shown)


@posix
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)], ids=["int", "term"]
)
def test_the_terminal_is_given_back_whatever_happens(terminal, number, status):
    it = terminal(*GRID)
    it.until("step 1 of 9")
    it.process.send_signal(number)
    assert it.close() == (status, True)
    assert it.shown.count("\x1b[?25h\x1b[?1049l") == 1


@posix
def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(terminal):
    it = terminal(*GRID)
    it.until("step 1 of 9")
    it.send(b" ")
    it.until("paused")
    it.process.send_signal(signal.SIGTSTP)
    _, how = os.waitpid(it.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(how)
    assert it.termios.tcgetattr(it.writer) == it.before
    it.process.send_signal(signal.SIGCONT)
    it.until("paused")
    it.send(b"q")
    assert it.close() == (0, True)
    assert it.shown.count("\x1b[?1049h") == it.shown.count("\x1b[?1049l") == 2


@posix
def test_another_size_of_the_terminal_is_followed(terminal, samples):
    it = terminal("sobel-x", samples / "camera.png", "--at", "9,9", "--play", size=(40, 120))
    it.until("step 4,618 of 262,144")
    it.send(b" ")
    it.until("paused")
    it.resize(16, 50)
    it.process.send_signal(signal.SIGWINCH)
    shown = it.until("paused")
    lines = [
        _CODES.sub("", line).rstrip("\r") for line in shown.rpartition("\x1b[H")[2].split("\n")
    ]
    assert len(lines) <= 16
    assert max(map(len, lines)) < 50
    it.send(b"q")
    assert it.close() == (0, True)


@posix
@pytest.mark.parametrize("size", [(5, 20), (2, 1)])
def test_a_tiny_terminal_does_no_harm(terminal, size):
    it = terminal(*GRID, size=size)
    it.until("play")
    it.send(b"q")
    assert it.close() == (0, True)


@posix
def test_samples_that_are_no_numbers_do_not_stop_it(terminal, tmp_path):
    import numpy as np

    pixels = np.zeros((3, 3), np.float32)
    pixels[0, 0] = np.inf
    np.save(tmp_path / "a.npy", pixels)
    it = terminal("box3", tmp_path / "a.npy", "--at", "0,1", "--play")
    status, same = it.close()
    assert (status, same) == (1, True)


def test_without_a_terminal_it_is_printed():
    said = spawn("explain", *GRID)
    assert said.status == 0
    assert len(said.lines) == 1
    assert "--play needs a terminal" in said.err
    assert "step 9 of 9" in said.out
    assert "\x1b" not in said.out


def test_without_a_terminal_a_large_image_is_explained_at_one_place(samples):
    said = spawn("explain", "box3", samples / "camera.png", "--play")
    assert said.status == 0
    assert len(said.lines) == 1
    assert "of the result" in " ".join(said.out.splitlines()[:4])


def test_the_player_steps_pauses_and_ends():
    player = Player((2, 3))
    for _ in range(5):
        assert player.moving
        player.tick()
    assert (player.step, player.moving) == (5, False)
    player.press("pause")  # from the end it begins anew
    assert (player.step, player.moving) == (0, True)
    player.press("down")
    assert (player.step, player.moving) == (3, False)
    player.press("down")  # there is no row below
    assert player.step == 3
    player.press("up")
    player.press("left")
    assert player.step == 0
    player.press("last")
    assert player.step == 5
    player.press("right")
    assert player.step == 5
    player.press("first")
    assert player.step == 0
    pauses = [player.pause]
    for key in ("faster",) * 9 + ("slower",) * 9:
        player.press(key)
        pauses.append(player.pause)
    assert min(pauses) == 1 / 20
    assert pauses[-1] == 2
    player.press("quit")
    assert player.done


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b" ", ["pause"]),
        (b"\x1b[A\x1b[B\x1bOC\x1bOD", ["up", "down", "right", "left"]),
        (b"\x1b", ["quit"]),
        (b"\x1b[1~\x1b[4~", ["first", "last"]),
        (b"x+-Q", ["faster", "slower", "quit"]),
        (b"\x1b[5;2~", []),
        (b"", ["quit"]),
    ],
)
def test_keys(data, keys):
    assert [*parsed(data)] == keys
