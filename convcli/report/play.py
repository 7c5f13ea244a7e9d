"""A kernel that slides over an image, in the terminal: for `convcli explain --play`."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from convcli.errors import StreamError
from convcli.geometry import Pair
from convcli.report.explain_frames import frame
from convcli.report.lines import harmless
from convcli.teach.explain_extremes import extremes

if TYPE_CHECKING:
    from convcli.teach.explain import Study

#: Steps a second.
_SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 20.0)
_FIRST_SPEED = 2
#: Results of up to so many outputs begin with the first one.
_FEW = 400
#: What keys send; several terminals have two ways.
_KEYS = {
    b" ": "pause", b"q": "quit", b"Q": "quit", b"\x1b": "quit",
    b"\x1b[C": "right", b"\x1bOC": "right", b"l": "right",
    b"\x1b[D": "left", b"\x1bOD": "left", b"h": "left",
    b"\x1b[A": "up", b"\x1bOA": "up", b"k": "up",
    b"\x1b[B": "down", b"\x1bOB": "down", b"j": "down",
    b"\x1b[H": "first", b"\x1bOH": "first", b"\x1b[1~": "first",
    b"\x1b[F": "last", b"\x1bOF": "last", b"\x1b[4~": "last",
    b"+": "faster", b"=": "faster", b"-": "slower",
}  # fmt: skip
#: The second screen that terminals have, without a cursor; and back.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HELP = "space · ←→ step · ↑↓ row · +− speed · q quit"


def can_play() -> bool:
    """Whether the terminal can be drawn on and gives keys one by one."""
    if os.name != "posix" or os.environ.get("TERM", "dumb") == "dumb":
        return False
    return sys.stdin.isatty() and sys.stdout.isatty()


class Player:
    """Where the kernel is on its way, and whether it moves.

    Parameters
    ----------
    out
        (rows, cols) of the result.
    step
        The output to begin with, in reading order.
    """

    def __init__(self, out: Pair, step: int = 0) -> None:
        self.rows, self.cols = out
        self.step = step
        self.moving = True
        self.speed = _FIRST_SPEED
        self.done = False

    @property
    def last(self) -> int:
        """The last output."""
        return self.rows * self.cols - 1

    @property
    def pause(self) -> float:
        """Seconds from one step to the next."""
        return 1 / _SPEEDS[self.speed]

    def tick(self) -> None:
        """Go one step on; the last output is the end."""
        self.step = min(self.step + 1, self.last)
        self.moving = self.moving and self.step < self.last

    def press(self, key: str) -> None:
        """Do what a key means; stepping by hand pauses."""
        moves = {
            "right": self.step + 1,
            "left": self.step - 1,
            "down": self.step + self.cols,
            "up": self.step - self.cols,
            "first": 0,
            "last": self.last,
        }
        if key == "quit":
            self.done = True
        elif key == "pause":
            if self.step == self.last and not self.moving:
                self.step = 0
            self.moving = not self.moving
        elif key in ("faster", "slower"):
            speed = self.speed + (1 if key == "faster" else -1)
            self.speed = min(max(speed, 0), len(_SPEEDS) - 1)
        elif key in moves:
            self.moving = False
            if 0 <= moves[key] <= self.last:
                self.step = moves[key]


def play(study: Study, name: str, at: Pair | None = None) -> None:
    """Let a kernel slide over an image until `q` is pressed.

    Parameters
    ----------
    study
        Of the image.
    name
        What it is called.
    at
        Where to begin; None for the first output, or in a large image for the one whose
        response is largest.
    """
    rows, cols = study.out
    if at is None and rows * cols > _FEW:
        found = extremes(study)
        at = found[0].at if found else None
    row, col = at or (0, 0)
    player = Player(study.out, row * cols + col)
    player.moving = rows * cols > 1
    with _screen() as screen:
        while not player.done:
            screen.draw(study, name, player)
            for key in screen.keys(player.pause if player.moving else None):
                player.press(key)
            if screen.is_due(player):
                player.tick()


class Screen:
    """The terminal: drawn on as a whole, and read key by key."""

    def __init__(self) -> None:
        self.keyboard, self.out = sys.stdin.fileno(), sys.stdout
        self.wake, self.waker = os.pipe()
        for end in (self.wake, self.waker):
            os.set_blocking(end, False)
        self.next = monotonic()

    def draw(self, study: Study, name: str, player: Player) -> None:
        """Draw where the kernel is; no more lines and columns than there are."""
        size = os.get_terminal_size(self.out.fileno())
        width, height = max(size.columns, 20), max(size.lines, 2)
        lines = frame(study, name, player.step, width - 1, height - 2)[: height - 2]
        state = "playing" if player.moving else "paused"
        lines += [Text(), Text(f"{state} · {_HELP}"[: width - 1], style="dim")]
        system: Any = None if os.environ.get("NO_COLOR") else "auto"
        console = Console(
            color_system=system, width=width, highlight=False, soft_wrap=True, legacy_windows=False
        )
        with console.capture() as captured:
            for line in lines[-height:]:
                line.truncate(width - 1)
                console.print(line)
        said = harmless(captured.get()).rstrip("\n").replace("\n", "\x1b[K\r\n")
        self._write(f"\x1b[H{said}\x1b[K\x1b[J")

    def _write(self, said: str) -> None:
        self.out.write(said)
        self.out.flush()

    def keys(self, pause: float | None) -> Iterator[str]:
        """Wait for keys, or until the next step is due; another size of the terminal wakes, too."""
        left = None if pause is None else max(0.0, self.next - monotonic())
        ready, _, _ = select.select([self.keyboard, self.wake], [], [], left)
        if self.wake in ready:
            with suppress(BlockingIOError):
                os.read(self.wake, 512)
        if self.keyboard in ready:
            yield from parsed(os.read(self.keyboard, 512))

    def is_due(self, player: Player) -> bool:
        """Whether the next step is due; paused, none is."""
        now = monotonic()
        due = player.moving and now >= self.next
        if due or not player.moving:
            self.next = now + player.pause
        return due

    def woken(self, *_: Any) -> None:
        """The terminal has another size."""
        with suppress(BlockingIOError):
            os.write(self.waker, b"!")

    def enter(self) -> None:
        """Take the terminal."""
        self._write(_ENTER)

    def close(self) -> None:
        """Close what signals wake it through."""
        os.close(self.wake)
        os.close(self.waker)

    def leave(self) -> None:
        """Give it back."""
        with suppress(OSError, ValueError, StreamError):
            self._write(_LEAVE)


def parsed(data: bytes) -> Iterator[str]:
    r"""Keys in what a terminal sends; the end of its input quits.

    Examples
    --------
    >>> [*parsed(b" q"), *parsed(b"\x1b[C"), *parsed(b"")]
    ['pause', 'quit', 'right', 'quit']
    """
    if not data:
        yield "quit"
    while data:
        size = next((n for n in (4, 3, 1) if data[:n] in _KEYS), 0)
        if size == 1 and data[:1] == b"\x1b" and len(data) > 1:
            return  # another key's sequence
        if size:
            yield _KEYS[data[:size]]
        data = data[max(size, 1) :]


@contextmanager
def _screen() -> Iterator[Screen]:
    """Take the terminal, and give it back as it was whatever happens."""
    import termios
    import tty

    screen = Screen()
    before = termios.tcgetattr(screen.keyboard)

    def suspend(*_: Any) -> None:
        screen.leave()
        termios.tcsetattr(screen.keyboard, termios.TCSADRAIN, before)
        os.kill(os.getpid(), signal.SIGSTOP)
        tty.setcbreak(screen.keyboard)
        screen.enter()
        screen.woken()

    handlers = {signal.SIGWINCH: screen.woken, signal.SIGTSTP: suspend}
    kept = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    # A signal that comes just before `select` waits would not end its waiting.
    woken_before = signal.set_wakeup_fd(screen.waker, warn_on_full_buffer=False)
    try:
        tty.setcbreak(screen.keyboard)
        screen.enter()
        yield screen
    finally:
        screen.leave()
        with suppress(termios.error):  # the terminal has gone
            termios.tcsetattr(screen.keyboard, termios.TCSADRAIN, before)
        signal.set_wakeup_fd(woken_before)
        for number, handler in kept.items():
            signal.signal(number, handler)
        screen.close()
