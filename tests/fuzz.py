"""A fuzzer: damaged images, kernel files and texts, by the thousand.

    python tests/fuzz.py --minutes 30 --seed 7 [--only png,tiff,matrix,kernel-file] [--keep FOLDER]
    python tests/fuzz.py --cuts

Cases run in child processes, many in each. A child that dies, takes over 10 seconds for a case or
more than its memory is a finding like any other: its input is kept, and the next child goes on
behind it. Every case follows from the seed, its group and its number, but for what encoders do
differently each time. Exit status 1 if anything was found; what other decoders see differently is
listed, to be looked at, and doesn't count.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from fuzz_checks import ImageCheck, TextCheck
from fuzz_mutate import damaged
from fuzz_seeds import IMAGES, MATRICES, NOTATIONS, TEXTS, images, kernel_files
from fuzz_texts import misspelt
from noise import drained

from convcli.errors import ImageError
from convcli.image.files import read

#: Seconds and bytes that a case may take.
PATIENCE, MEMORY = 10, 4 * 2**30
#: Cases of a group in a child.
_SHARE = 400
#: Inputs kept of findings that look the same.
_KEPT = 3


class Cases:
    """The cases of a group, each made from its number."""

    def __init__(self, group, seed):
        self.group, self.seed = group, seed
        if group in IMAGES:
            self.seeds = [*images(group).values()]
        elif group == "kernel-file":
            self.seeds = [*kernel_files().values()]
        else:
            self.seeds = MATRICES if group == "matrix" else NOTATIONS

    def make(self, number):
        """A case's generator of random numbers, and its input."""
        rng = Random(f"{self.seed} {self.group} {number}")
        chosen = rng.choice(self.seeds)
        if self.group in IMAGES:
            others = rng.sample(self.seeds, 3)
            return rng, damaged(chosen, rng, self.group, others)
        if self.group == "kernel-file":
            return rng, self._file(chosen, rng)
        return rng, misspelt(chosen, rng, self.seeds)

    def _file(self, chosen, rng):
        suffix, content = chosen
        others = [other for _, other in self.seeds]
        if suffix == ".npy" or rng.random() < 0.3:
            return suffix, damaged(content, rng, "", others)
        texts = [other.decode("latin-1") for other in others]
        text = misspelt(content.decode(), rng, texts)
        return suffix, text.encode("utf-8", "surrogatepass")


def cuts(group, most=10**9):
    """Yield (name, whole file, lengths to cut it to): `most` of them, or all if there are fewer."""
    for name, whole in images(group).items():
        step = max(1, len(whole) // most)
        yield name, whole, sorted({*range(0, len(whole), step), *range(len(whole))[-20:]})


def wrong_cuts(group, most=10**9):
    """What is read of files cut short, but isn't what the whole file shows."""
    wrong = []
    for name, whole, lengths in cuts(group, most):
        pixels = _pixels(whole)
        for length in lengths:
            found = _pixels(whole[:length])
            if found is not None and not np.array_equal(found, pixels, equal_nan=True):
                wrong.append(f"{group} {name}: {length} bytes of {len(whole)}")
    return wrong


def _pixels(data):
    try:
        return read(data).pixels
    except ImageError:
        return None


def check_of(group, folder, said=lambda: ""):
    """What judges the cases of a group."""
    return ImageCheck(group, folder, said) if group in IMAGES else TextCheck(group, folder, said)


# The child


def _child(group, seed, first, count, folder, patience):
    """Judge cases; tell of them in lines of JSON."""
    import resource

    folder = Path(folder)
    tell = os.fdopen(os.dup(1), "w", buffering=1)
    noise = os.open(folder / "noise", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    os.dup2(noise, 1)
    os.dup2(noise, 2)
    cases = Cases(group, seed)
    check = check_of(group, folder, lambda: drained(noise))
    check.warm_up()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    trace = (folder / "trace").open("w")
    for number in range(first, first + count):
        rng, case = cases.make(number)
        _note(folder, number, case)
        if os.environ.get("CONVCLI_FUZZ_DIES_AT") == str(number):
            os.abort()
        faulthandler.dump_traceback_later(patience, exit=True, file=trace)
        found = check.judge(case, rng)
        faulthandler.cancel_dump_traceback_later()
        if found:
            (folder / "current").rename(folder / f"case-{number}")
        line = {"number": number, "read": check.was_read, "findings": found}
        tell.write(json.dumps(line) + "\n")
    tell.flush()
    os._exit(0)


def _note(folder, number, case):
    """Leave behind what is tried now, should it be the last."""
    content = case[1] if isinstance(case, tuple) else case
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    (folder / "current").write_bytes(data)
    (folder / "number").write_text(str(number))


# The parent


class Campaign:
    """What was tried, and what was found."""

    def __init__(self, seed, keep, patience=PATIENCE):
        self.seed, self.keep, self.patience = seed, keep, patience
        self.tried, self.read = Counter(), Counter()
        self.found = Counter()
        keep.mkdir(parents=True, exist_ok=True)

    def go_on(self, group, first, count):
        """Have a child judge cases; return the number after the last that was tried."""
        with tempfile.TemporaryDirectory(dir=_quick_folder()) as name:
            folder = Path(name)
            command = [sys.executable, __file__, "--child", group, str(self.seed), str(first)]
            told = subprocess.run(
                [*command, str(count), name, str(self.patience)],
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
            done = [json.loads(line) for line in told.stdout.splitlines() if line.endswith("}")]
            for line in done:
                self.tried[group] += 1
                self.read[group] += line["read"]
                for kind, what in line["findings"]:
                    self._add(group, kind, what, folder, line["number"])
            if told.returncode == 0:
                return first + count
            return self._post_mortem(group, folder, told.returncode)

    def _post_mortem(self, group, folder, status):
        number = int((folder / "number").read_text()) if (folder / "number").exists() else -1
        trace = (folder / "trace").read_text() if (folder / "trace").exists() else ""
        stage = (folder / "stage").read_text() if (folder / "stage").exists() else "?"
        kind = "hung" if "Timeout" in trace else "died"
        where = re.findall(r'File ".*?([^/"]+)", line (\d+) in (\w+)', trace)[:4]
        said = (folder / "noise").read_text(errors="replace")[-300:]
        if number < 0:
            raise SystemExit(f"a child of {group} could not begin: {said}")
        self._add(group, f"{kind} ({stage})", f"status {status}; {where}; {said}", folder, number)
        self.tried[group] += 1
        return number + 1

    def _add(self, group, kind, what, folder, number):
        look = (group, kind, re.sub(r"\d+", "N", what)[:160])
        self.found[look] += 1
        if self.found[look] > _KEPT:
            return
        made = folder / f"case-{number}"
        data = (made if made.exists() else folder / "current").read_bytes()
        digest = hashlib.sha256(data).hexdigest()[:8]
        name = f"{group}-{kind.split()[0]}-{number}-{digest}"
        (self.keep / name).write_bytes(data)
        _say(f"{group} {number} {kind}: {what[:300]}  [{name}]")

    def report(self):
        """Say what was tried and found; return the exit status."""
        for group in self.tried:
            _say(f"{group:12} {self.tried[group]:8} tried, {self.read[group]:8} read")
        for (group, kind, what), count in sorted(self.found.items()):
            _say(f"{count:6} × {group} {kind}: {what}")
        return int(any(not kind.startswith("differs") for _, kind, _ in self.found))


def _quick_folder():
    """A folder in memory, if there is one: every result is synced to disk."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run(groups, seed, minutes, first=0, keep=Path("fuzz-findings")):
    """Try cases of the groups in turn until time is up; return the campaign."""
    campaign = Campaign(seed, keep)
    at = dict.fromkeys(groups, first)
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        for group in groups:
            at[group] = campaign.go_on(group, at[group], _SHARE)
            if time.monotonic() >= end:
                break
    _say(f"the next numbers are {at}")
    return campaign


def _main():
    if sys.argv[1:2] == ["--child"]:
        group, seed, first, count, folder, patience = sys.argv[2:8]
        _child(group, int(seed), int(first), int(count), folder, float(patience))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", default="", help=f"groups: {', '.join((*IMAGES, *TEXTS))}")
    parser.add_argument("--cuts", action="store_true", help="cut every file at every length")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    given = parser.parse_args()
    groups = given.only.split(",") if given.only else [*IMAGES, *TEXTS]
    if unknown := set(groups) - {*IMAGES, *TEXTS}:
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    if given.cuts:
        wrong = [line for group in groups if group in IMAGES for line in wrong_cuts(group)]
        _say("\n".join([*wrong, f"{len(wrong)} cut short and read"]))
        return int(bool(wrong))
    return run(groups, given.seed, given.minutes, given.first, given.keep).report()


if __name__ == "__main__":
    sys.exit(_main())
