"""Runs a grid of images, kernels and options in any version, and says where two versions differ.

    python tests/grid.py make --with PYTHON --out FILE     in the version that PYTHON imports
    python tests/grid.py compare REFERENCE FILE            exit status 1 if they differ
    python tests/grid.py show --with PYTHON 'KEY'          one case, by what is printed of it

Every case is run twice, with `--json`, where sums are looked at, and with `--quiet`, where they are
not. What is kept: the exit status, hashes of the decoded samples and of what the file says beside
them, and the numbers of `--json`. `--divisor` is left out: in 48d738a it replaces the divisor over
which decimal weights are held, not the one that was written.
The first run of a version takes longer: its loops are compiled.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from math import isclose, isfinite
from pathlib import Path

import grid_sources
import numpy as np
from grid_cases import GROUPS, Case, cases
from grid_seen import digest, numbers, see

RUNNER = Path(__file__).with_name("grid_runner.py")
#: What the runner's process imports beforehand is what these import.
WARM = ("l8.png", "rgb-420.jpg", "rgba-float32.tif", "rgba.webp", "rgb.avif", "moving.gif",
        "rgb8.jp2", "rgb16.ppm", "rgb8.npy", "moving-rgba.png", "rgb.bmp")  # fmt: skip

#: Differences from 48d738a that are meant: pattern of the case, of what differs, whether it is
#: the one that is meant, and why it is.
EXPECTED = (
    (
        "*-rgb-float32-nan.tif *", "response.*est",
        lambda before, after: not isfinite(before) and after is None,
        "JSON has no numbers for what isn't finite; null is printed where Infinity and NaN were",
    ),
    (
        # The samples after are those that 48d738a writes as TIFF.
        "1200x1500-rgb8.png sobel --linear → .png", "[kms]*",
        lambda before, after: before in ("unreadable", None) or after == "d9dccce8ea8e7f58",
        "48d738a wrote a PNG file whose bands didn't fit together: its check sum is wrong",
    ),
    (
        "*", "kernels",
        lambda before, after: after == [
            each | {"kind": each["kind"].replace("derivative", "zero-sum")} for each in before
        ],
        "a kernel whose weights add up to 0 is called zero-sum, and was called derivative",
    ),
    (
        "*-float64.npy bank-*", "samples", lambda before, after: True,
        "the filters of a bank are summed together: floats in another order (test_banks_together)",
    ),
    *(
        (
            pattern, "*", lambda before, after: True,
            "integers without a full scale, 10 bits, and white as zero come back as they were",
        )
        for pattern in ("*int16*", "*int32*", "*l10.pgm*", "*l8-white*")
    ),
    (
        "*-nan.tif *", "*", lambda before, after: True,
        "what is no number is missing, and doesn't count",
    ),
    *(
        (
            pattern, "meta", lambda before, after: True,
            "what stands beside the pixels of a file stays, or is named",
        )
        for pattern in ("*.tif*", "*.gif*", "*.jp2*", "*-told.png*")
    ),
    (
        "*-gamma.png *--linear*", "[rs]*", lambda before, after: True,
        "--linear follows PNG's gAMA",
    ),
    (
        "*-clear.gif *", "*", lambda before, after: True,
        "alpha of one bit is kept, with colour weighted by it; smoothing was refused",
    ),
    (
        "*--linear*--precision double → *", "*", lambda before, after: True,
        "raw responses of linear light are double with --precision double",
    ),
    *(
        (
            pattern, field, lambda before, after: True,
            "products of spectra are transformed back along columns first: floats, an ulp",
        )
        for pattern in (
            *("*--method fft*", "*dense*.npy*", "*whole*.npy*"),
            *("*float64.* unsharp:sigma=2*", "*gabor:theta=30 --map raw → .npy"),
            "*box:size=9*--map raw*",
        )
        for field in ("samples", "response.clipped")
    ),
    (
        "*a16.png *", "response.*est", lambda before, after: True,
        "where all alpha is 0, products of spectra leave a quotient of two roundings",
    ),
    (
        "*-told.* → .p?m", "*", lambda before, after: True,
        "netpbm's files have the source's text as comments",
    ),
    (
        "*", "response.*est",
        lambda before, after: None not in (before, after) and isclose(before, after, rel_tol=1e-12),
        "products of spectra are transformed back along columns first: floats, an ulp",
    ),
)  # fmt: skip


def say(words):
    """Print, at once."""
    print(words, flush=True)  # noqa: T201


class Runner:
    """A process of one version, and a folder for what it reads and writes."""

    def __init__(self, python, folder):
        self.folder = folder
        command = [python, "-I", str(RUNNER)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=folder)
        warm = [Case("", f"9x9-{kind}", ("gaussian:sigma=2",), "--linear") for kind in WARM]
        self._send([self.asked(case, "--json", "warm") for case in warm])

    def _send(self, given):
        self.process.stdin.write(json.dumps(given) + "\n")
        self.process.stdin.flush()

    def asked(self, case, how, name):
        """What the runner is told to do, and its sources made."""
        sources = self.folder.parent
        source = str(grid_sources.make(case.source, sources))
        kernels = [self._kernel(kernel) for kernel in case.kernels]
        target = str(self.folder / f"{name}{case.ending}")
        if not case.call:
            then = [word for kernel in kernels[1:] for word in ("--then", kernel)]
            words = [*then, *case.options.split(), "-o", target, "--overwrite", how]
            return {"arguments": ["apply", *kernels[:1], source, *words]}
        given = {**case.given}
        if case.call == "choose":
            given["kernel"] = kernels[0]
        else:
            given |= {"source": source, "target": target}
        if case.call == "correlate":
            given["weights"] = kernels[0]
        elif case.call == "apply":
            given["kernels"] = kernels
        return {"call": case.call, "given": given}

    def _kernel(self, kernel):
        """A kernel as typed; weights of a name that says their size are put into a file."""
        if not kernel.endswith(".npy"):
            return kernel
        path = self.folder / kernel
        if not path.exists():
            if kernel.startswith("bank"):
                shape = tuple(map(int, path.stem.split("-")[1:]))
                made = np.random.Generator(np.random.PCG64(9)).integers(-9, 10, shape) / 8
            else:
                whole = kernel.startswith("whole")
                make = grid_sources.whole_weights if whole else grid_sources.weights
                made = make(int(path.stem.removeprefix("whole" if whole else "dense")))
            np.save(path, made)
        return str(path)

    def once(self, case, how):
        """Run a case in one way; return what came of it."""
        for old in self.folder.glob("result*"):
            old.unlink()
        asked = self.asked(case, how, "result")
        self._send(asked)
        answer = json.loads(self.process.stdout.readline())
        found = {"status": answer["status"]}
        target = self.folder / f"result{case.ending}"
        if target.exists():
            found |= see(target)
        if answer["out"]:
            found |= numbers(answer["out"].replace(str(self.folder), ""))
        if answer["status"]:
            found["said"] = answer["err"].replace(str(self.folder), "")[:300]
        return found

    def run(self, case):
        """Run a case in both ways; the second is told only where it differs."""
        found = self.once(case, "--json")
        if not case.call:
            quiet = self.once(case, "--quiet")
            keys = ("status", "kind", "samples", "meta")
            found |= {f"quiet {key}": quiet.get(key) for key in keys
                      if quiet.get(key) != found.get(key)}  # fmt: skip
        return found

    def close(self):
        """End the process."""
        self.process.communicate()


def make(python, chosen, jobs=2, tell=lambda done: None):
    """Run cases; return what came of each, by key."""
    here, runners, found = threading.local(), [], {}

    def begun():
        folder = Path(tempfile.mkdtemp(dir=top))
        here.runner = Runner(python, folder)
        runners.append(here.runner)

    def done(case):
        found[case.key] = {"group": case.group, **here.runner.run(case)}
        tell(len(found))

    with tempfile.TemporaryDirectory(prefix="grid-") as top:
        for kind in dict.fromkeys(case.source for case in chosen):
            grid_sources.make(kind, Path(top))
        for kind in WARM:
            grid_sources.make(f"9x9-{kind}", Path(top))
        sources = {path.name: digest(path.read_bytes()) for path in sorted(Path(top).iterdir())}
        with ThreadPoolExecutor(jobs, initializer=begun) as pool:
            for ended in [pool.submit(done, case) for case in chosen]:
                ended.result()
        for runner in runners:
            runner.close()
    return {"sources": sources, "cases": {case.key: found[case.key] for case in chosen}}


def differences(one, other):
    """(group, key, what, its value in one, in the other) of all that differ in groups of both."""
    groups = {each["group"] for each in one["cases"].values()}
    groups &= {each["group"] for each in other["cases"].values()}
    for key in one["cases"].keys() | other["cases"].keys():
        first, second = one["cases"].get(key), other["cases"].get(key)
        if (first or second)["group"] not in groups:
            continue
        if first is None or second is None:
            yield (first or second)["group"], key, "case", bool(first), bool(second)
            continue
        for what in sorted(first.keys() | second.keys()):
            printed = "." in what or what in ("became", "frames", "kernels")
            if what == "said" or (printed and not (what in first and what in second)):
                continue
            if repr(first.get(what)) != repr(second.get(what)):  # NaN is like NaN
                yield first["group"], key, what, first.get(what), second.get(what)


def reason(key, what, before, after):
    """Why a difference is meant; None if it isn't."""
    for keys, fields, fits, why in EXPECTED:
        if fnmatchcase(key, keys) and fnmatchcase(what, fields) and fits(before, after):
            return why
    return None


def compare(one, other, most=20):
    """Print all differences by group; return how many aren't meant."""
    shared = one["sources"].keys() & other["sources"].keys()
    if changed := sorted(name for name in shared if one["sources"][name] != other["sources"][name]):
        say(f"sources are other bytes: {', '.join(changed)}; do other libraries make them?")
    meant, other_ones = Counter(), {}
    for group, key, what, before, after in sorted(differences(one, other), key=lambda d: d[:3]):
        if why := reason(key, what, before, after):
            meant[why] += 1
        else:
            other_ones.setdefault(group, {}).setdefault(key, []).append((what, before, after))
    for why, count in meant.items():
        say(f"meant, {count} values: {why}")
    for group, found in other_ones.items():
        say(f"\n{group}: {len(found)} cases differ")
        for key, values in [*found.items()][:most]:
            say(f"  {key}")
            for what, before, after in values:
                say(f"      {what}: {before!r} → {after!r}")
            for name, each in (("before", one), ("after", other)):
                if said := each["cases"].get(key, {}).get("said"):
                    say(f"      said {name}: {said.strip()}")
    count = sum(map(len, other_ones.values()))
    say(f"{len(one['cases'])} and {len(other['cases'])} cases; {count} differ")
    return count


def _main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    does = parser.add_subparsers(dest="does", required=True)
    for name in ("make", "show"):
        part = does.add_parser(name)
        part.add_argument("--with", dest="python", required=True, help="an interpreter")
        if name == "show":
            part.add_argument("key")
            continue
        part.add_argument("--out", type=Path, required=True)
        part.add_argument("--only", default=",".join(GROUPS), help="groups, with commas")
        part.add_argument("--jobs", type=int, default=2)
    part = does.add_parser("compare")
    part.add_argument("files", nargs=2, type=Path)
    part.add_argument("--most", type=int, default=20, help="cases of a group that are printed")
    asked = parser.parse_args()
    if asked.does == "compare":
        files = (json.loads(path.read_text(encoding="utf-8")) for path in asked.files)
        return int(bool(compare(*files, asked.most)))
    # A virtual environment's python is a link that must not be followed.
    python = str(Path(asked.python).absolute())
    if asked.does == "show":
        chosen = [case for case in cases() if case.key == asked.key]
        say(json.dumps(make(python, chosen, 1)["cases"], indent=1, ensure_ascii=False))
        return 0
    start = time.perf_counter()
    chosen = cases(asked.only.split(","))

    def tell(done):
        if not done % 500:
            say(f"{done} of {len(chosen)}, {time.perf_counter() - start:.0f} s")

    found = make(python, chosen, asked.jobs, tell)
    text = json.dumps(found, indent=0, ensure_ascii=False)
    asked.out.write_text(text + "\n", encoding="utf-8")
    statuses = Counter(each["status"] for each in found["cases"].values())
    say(f"{len(chosen)} cases, {time.perf_counter() - start:.0f} s; by status {dict(statuses)}")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
