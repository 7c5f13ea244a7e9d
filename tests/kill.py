"""Kills batches at random moments, has them carried on, and looks at what is there.

By hand: ``python tests/kill.py --times 200``. `test_kill.py` does it a few times.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from convcli.image import atomic
from convcli.image.files import write
from convcli.image.image import Image

ROOT = Path(__file__).resolve().parent.parent
#: Endings of names, each with the shape of such images and their sample type.
KINDS = (
    (".png", (90, 120, 3), np.uint8),
    (".jpg", (160, 200, 3), np.uint8),
    (".tif", (60, 80), np.uint16),
    (".png", (400, 500, 3), np.uint8),
    (".webp", (60, 70, 4), np.uint8),
    (".gif", (50, 60), np.uint8),
    (".jxl", (60, 70, 3), np.uint16),
    (".jp2", (50, 70), np.uint8),
)


class Battle:
    """A folder of images, what becomes of it undisturbed, and batches that are killed.

    Parameters
    ----------
    place
        An empty folder.
    count
        Images.
    named
        Whether results are written under temporary names, as on systems without nameless files.
    seed
        Of the moments and of who is killed.
    """

    def __init__(self, place: Path, count: int, *, named: bool, seed: int) -> None:
        self.sources, self.out = place / "in", place / "out"
        self.named, self.random = named, random.Random(seed)
        self.sources.mkdir()
        _make(self.sources, count, seed)
        self.before = _files(self.sources)
        # The first run may compile loops: how long one takes is seen of the second.
        for _ in range(2):
            shutil.rmtree(place / "undisturbed", ignore_errors=True)
            start = time.monotonic()
            done = self._start(place / "undisturbed").wait()
            self.seconds = time.monotonic() - start
            assert done == 0, done
        self.expected = _files(place / "undisturbed")
        assert len(self.expected) == count

    def run(self, times: int) -> int:
        """Kill a batch so often, and return how often it was carried on to its end."""
        ends = killed = 0
        while killed < times:
            process = self._start(self.out)
            try:
                status = process.wait(self.random.uniform(0, 1.1 * self.seconds))
            except subprocess.TimeoutExpired:
                status = None
            if status is None:
                killed += 1
                self._kill(process)
            self.check(whole=False)
            if status == 0:
                ends += 1
                self.check(whole=True)
                shutil.rmtree(self.out)
        assert self._start(self.out).wait() == 0
        self.check(whole=True)
        return ends + 1

    def check(self, *, whole: bool) -> None:
        """Make sure that no source has changed and every result is whole."""
        assert _files(self.sources) == self.before
        found = _files(self.out) if self.out.exists() else {}
        left = {name for name in found if name.startswith(".")}
        assert not left or (self.named and not whole), f"left: {left}"
        for name in found.keys() - left:
            assert found[name] == self.expected[name], f"{name} is not what it should be"
        assert not whole or found.keys() == self.expected.keys(), "results are missing"

    def _start(self, out: Path) -> subprocess.Popen[bytes]:
        asked = ["apply", "sharpen", str(self.sources), "-o", str(out), "--skip-existing", "-q"]
        return subprocess.Popen(
            [sys.executable, __file__, "--child", *["--named"] * self.named, *asked],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the process, one of its workers, or all; or ask it to end."""
        what = self.random.choice(("process", "worker", "all", "end", "interrupt"))
        workers = _children(process.pid)
        try:
            if what == "worker" and workers:
                os.kill(self.random.choice(workers), signal.SIGKILL)
            elif what == "all":
                os.killpg(process.pid, signal.SIGKILL)
            elif what in ("end", "interrupt"):
                process.send_signal(signal.SIGTERM if what == "end" else signal.SIGINT)
            else:
                process.kill()
        except ProcessLookupError:  # it has just come to its end
            pass
        process.wait(60)
        # Workers whose process was killed end by themselves.
        end = time.monotonic() + 30
        while any(Path(f"/proc/{worker}").exists() for worker in workers):
            assert time.monotonic() < end, "workers are left"
            time.sleep(0.01)


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _make(folder: Path, count: int, seed: int) -> None:
    random_ = np.random.default_rng(seed)
    for k in range(count):
        suffix, shape, kind = KINDS[k % len(KINDS)]
        noise = random_.integers(0, np.iinfo(kind).max, shape[:2], dtype=kind, endpoint=True)
        noise[: shape[0] // 2] = k
        pixels = noise if len(shape) == 2 else np.repeat(noise[:, :, None], shape[2], axis=2)
        write(folder / f"{k:03}{suffix}", Image(np.ascontiguousarray(pixels)))


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _child(arguments: list[str]) -> None:
    """Run the command."""
    from convcli.cli.main import run

    if arguments[:1] == ["--named"]:
        arguments = arguments[1:]
        atomic._nameless = lambda folder: None
    sys.argv[1:] = arguments
    run()


def main() -> None:
    """Kill batches as often as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--count", type=int, default=60, help="images")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--named", action="store_true", help="without nameless files")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        battle = Battle(Path(place), given.count, named=given.named, seed=given.seed)
        ends = battle.run(given.times)
    sys.stdout.write(
        f"killed {given.times} times, carried on to the end {ends} times: every result whole\n"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2:])
    main()
