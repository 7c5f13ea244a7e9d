"""Tries the writers: images by the thousand, written every way and read by other people's decoders.

    python tests/written.py --images 50000 --seed 1 --jobs 2 [--only png,gif] [--keep FOLDER]
    python tests/written.py --seed 1 --case png:1234

Every case follows from the seed, its writer and its number. Cases run in child processes, many in
each; a child that dies is a finding like any other, and the next goes on behind it. A file that a
decoder refuses, remarks upon or sees otherwise than it was meant is kept, beside the command that
makes it again. Exit status 1 if anything was found.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from noise import drained
from written_cases import SHARES, WRITERS, make
from written_checks import Judge

#: Images of a child, and seconds that one may take.
_SHARE, PATIENCE = 400, 120
_KEPT = 3
MIB = 2**20


def schedule(first, count, writers=WRITERS):
    """(writer, number) of images from one on: writers take turns by their shares, spread out."""
    shares = {writer: SHARES[writer] for writer in writers}
    total = sum(shares.values())
    places = sorted(
        ((2 * k + 1) / (2 * share), writer, k)
        for writer, share in shares.items()
        for k in range(share)
    )
    for at in range(first, first + count):
        _, writer, k = places[at % total]
        yield writer, at // total * shares[writer] + k


# The child


def _child(first, count, seed, folder, writers):
    """Judge cases; tell of them in lines of JSON."""
    import faulthandler

    folder = Path(folder)
    tell = os.fdopen(os.dup(1), "w", buffering=1)
    noise = os.open(folder / "noise", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    os.dup2(noise, 1)
    os.dup2(noise, 2)
    judge = Judge(folder, lambda: drained(noise))
    for writer, number in schedule(first, count, writers):
        start = time.perf_counter()
        (folder / "current").write_text(f"{writer}:{number}")
        faulthandler.dump_traceback_later(PATIENCE, exit=True, file=noise)
        if os.environ.get("CONVCLI_WRITTEN_DIES_AT") == f"{writer}:{number}":
            os.abort()
        case = make(writer, number, seed)
        found = judge.judge(case)
        faulthandler.cancel_dump_traceback_later()
        if found:
            (folder / f"{writer}-{number}").write_bytes(judge.data)
        tell.write(json.dumps(_line(case, judge, found, time.perf_counter() - start)) + "\n")
    tell.flush()
    os._exit(0)


def _line(case, judge, found, seconds):
    """What is told of a case."""
    first = case.images[0]
    return {
        "writer": case.writer, "number": case.number, "kind": case.kind, "road": case.road,
        "scene": case.scene, "large": first.pixels.nbytes > MIB, "frames": len(case.images),
        "pixels": first.size[0] * first.size[1] * len(case.images), "bytes": len(judge.data),
        "options": {k: v for k, v in case.options.items()}, "used": judge.used,
        "seconds": round(seconds, 4), "findings": found, "says": case.says(),
    }  # fmt: skip


# The parent


class Campaign:
    """What was written, and what was found."""

    def __init__(self, seed, keep, writers=WRITERS):
        self.seed, self.keep, self.writers = seed, keep, writers
        self.tried, self.used, self.kinds, self.roads = Counter(), Counter(), Counter(), Counter()
        self.scenes, self.options, self.large = Counter(), Counter(), Counter()
        self.frames, self.pixels, self.seconds = Counter(), Counter(), Counter()
        self.found = Counter()
        self.lock = threading.Lock()

    def go_on(self, first, count):
        """Have a child judge images; return the number after the last that was tried."""
        with tempfile.TemporaryDirectory(dir=_quick_folder()) as name:
            command = [sys.executable, __file__, "--child", str(first), str(count), str(self.seed)]
            command += [name, ",".join(self.writers)]
            done = 0
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
                for text in child.stdout:
                    self._count(json.loads(text), Path(name))
                    done += 1
            if child.returncode:
                self._post_mortem(Path(name), child.returncode)
                done += 1
            return first + done

    def _count(self, line, folder):
        writer = line["writer"]
        with self.lock:
            self.tried[writer] += 1
            self.kinds[writer, line["kind"]] += 1
            self.roads[writer, line["road"]] += 1
            self.scenes[line["scene"]] += 1
            for name, value in line["options"].items():
                self.options[writer, name, value] += 1
            for name in line["used"]:
                self.used[writer, name] += 1
            self.large[writer] += line["large"]
            self.frames[writer] += line["frames"]
            self.pixels[writer] += line["pixels"]
            self.seconds[writer] += line["seconds"]
            for kind, what in line["findings"]:
                self._add(writer, line["number"], kind, what, line["says"], folder)

    def _post_mortem(self, folder, status):
        if not (folder / "current").exists():
            raise SystemExit(f"a child could not begin: {(folder / 'noise').read_text()[-500:]}")
        writer, number = (folder / "current").read_text().split(":")
        said = (folder / "noise").read_text(errors="replace")[-300:]
        with self.lock:
            self.tried[writer] += 1
            self._add(writer, int(number), "died", f"status {status}: {said}", "", folder)

    def _add(self, writer, number, kind, what, says, folder):
        self.found[writer, kind] += 1
        if self.found[writer, kind] > _KEPT:
            return
        self.keep.mkdir(parents=True, exist_ok=True)
        made = folder / f"{writer}-{number}"
        again = f"python tests/written.py --seed {self.seed} --case {writer}:{number}"
        name = f"{writer}-{number}-seed-{self.seed}"
        if made.exists():
            (self.keep / name).write_bytes(made.read_bytes())
        with (self.keep / f"{name}.txt").open("a") as file:
            file.write(f"{kind}: {what}\n{says}\n{again}\n")
        _say(f"{writer} {number} {kind}: {what}\n    {says}\n    {again}")

    def report(self):
        """Say what was written and found; return the exit status."""
        _say(
            f"{'writer':12} {'files':>7} {'> 1 MiB':>7} {'frames':>7} {'Mpixels':>8} {'s':>7}  read"
        )
        for writer, count in self.tried.items():
            used = ", ".join(f"{n} {c}" for (w, n), c in sorted(self.used.items()) if w == writer)
            numbers = (self.large[writer], self.frames[writer], self.pixels[writer] / 1e6,
                       self.seconds[writer])  # fmt: skip
            _say(f"{writer:12} {' '.join(f'{n:8.0f}' for n in (count, *numbers))}  {used}")
        for title, counts in (("kinds", self.kinds), ("roads", self.roads)):
            for writer in self.tried:
                told = ", ".join(f"{n} {c}" for (w, n), c in sorted(counts.items()) if w == writer)
                _say(f"{title} of {writer}: {told}")
        _say("scenes: " + ", ".join(f"{n} {c}" for n, c in sorted(self.scenes.items())))
        for (writer, kind), count in sorted(self.found.items()):
            _say(f"{count:6} × {writer} {kind}")
        _say(f"{sum(self.tried.values())} files, {sum(self.found.values())} findings")
        return int(bool(self.found))


def _quick_folder():
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run(campaign, images, jobs, first=0):
    """Have so many children at once judge so many images."""
    shares = iter(range(first, first + images, _SHARE))
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                at = next(shares, None)
            if at is None:
                return
            end = min(at + _SHARE, first + images)
            while at < end:
                at = campaign.go_on(at, end - at)

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _again(text, seed, large):
    """Write one case again, and say what is found."""
    writer, number = text.split(":")
    case = make(writer, int(number), seed, large)
    with tempfile.TemporaryDirectory(dir=_quick_folder()) as folder:
        judge = Judge(folder, asked=1)
        found = judge.judge(case)
    target = Path(f"{writer}-{number}-seed-{seed}")
    target.write_bytes(judge.data)
    _say(f"{case.says()}\nread by {', '.join(judge.used)}; the file is {target}")
    _say("\n".join(f"{kind}: {what}" for kind, what in found) or "nothing is found")
    return int(bool(found))


def _main():
    if sys.argv[1:2] == ["--child"]:
        first, count, seed, folder, writers = sys.argv[2:7]
        _child(int(first), int(count), int(seed), folder, writers.split(","))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first image")
    parser.add_argument("--jobs", type=int, default=1, help="children at once")
    parser.add_argument("--only", default=",".join(WRITERS), help="writers")
    parser.add_argument("--case", default="", help="WRITER:NUMBER, to write one again")
    parser.add_argument("--small", action="store_true", help="that case, as the tests make it")
    parser.add_argument("--keep", type=Path, default=Path("written-findings"))
    given = parser.parse_args()
    if given.case:
        return _again(given.case, given.seed, not given.small)
    writers = given.only.split(",")
    if unknown := set(writers) - set(WRITERS):
        parser.error(f"no such writer: {', '.join(sorted(unknown))}")
    campaign = Campaign(given.seed, given.keep, writers)
    start = time.monotonic()
    run(campaign, given.images, given.jobs, given.first)
    status = campaign.report()
    _say(f"{time.monotonic() - start:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(_main())
