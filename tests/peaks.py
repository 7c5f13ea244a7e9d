"""What whole commands take at their peak, beside what is foretold from their headers.

`python tests/peaks.py` prints a table of all cases at 12 megapixels, in some minutes; the tests do
a few of them, smaller.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from command import program
from PIL import Image as PillowImage

from convcli.batch import Common, Job, Writing
from convcli.batch.estimate import estimate
from convcli.cli.filtering import _KernelFilter
from convcli.image.files import write
from convcli.image.image import Image
from convcli.kernels import parse_kernel
from convcli.spec import Spec

#: Runs a command and prints the peak of its memory: see test_hostile.py.
_LAUNCH = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stderr=subprocess.PIPE)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, done.returncode, done.stderr[-300:])
"""
UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Case:
    """A source's kind, kernels, a spec, the result's suffix, and more options."""

    source: str
    kernel: str = "box3"
    spec: dict = field(default_factory=dict)
    suffix: str = ".png"
    then: str = ""
    quality: int | None = None
    compare: bool = False

    def __str__(self):
        spec = " ".join(f"{name}={value}" for name, value in self.spec.items())
        more = f"{'then ' + self.then if self.then else ''}{' compared' * self.compare}"
        return f"{self.source} → {self.suffix} {self.kernel} {spec}{more}".strip()

    @property
    def kernels(self):
        return [parse_kernel(name) for name in (self.kernel, self.then) if name]

    def options(self, folder):
        """As they are typed."""
        for name, value in self.spec.items():
            option = {"mapping": "--map"}.get(name, f"--{name}")
            yield from (option,) if value is True else (option, str(value))
        if self.then:
            yield from ("--then", self.then)
        if self.quality:
            yield from ("--quality", str(self.quality))
        if self.compare:
            yield from ("--compare", str(folder / "compared.png"), "--overwrite")


def _plain(source, *suffixes):
    return [Case(source, suffix=suffix) for suffix in suffixes]


CASES = [
    *(Case(name, suffix=".ppm") for name in (
        "a.png", "i.png", "p.png", "a.jpg", "p.jpg", "a.webp", "a.avif", "a.jp2", "a.jxl", "a.tif",
        "z.tif", "a.bmp", "a.ppm", "16.png")),
    *(Case(name, suffix=".pgm") for name in ("g.png", "g.jpg", "1.png")),
    *(Case(name, suffix=".tif") for name in ("f.tif", "f.npy", "a.gif")),
    *_plain("a.png", ".png", ".jpg", ".webp", ".avif", ".jxl", ".tif", ".bmp", ".gif"),
    Case("a.png", suffix=".jp2", quality=80),
    Case("a.png", suffix=".webp", quality=80),
    Case("a.png", suffix=".jxl", quality=80),
    *(Case("a.png", kernel, spec) for kernel, spec in (
        ("gaussian:sigma=2", {}),
        ("gaussian:sigma=2", {"linear": True}),
        ("unsharp:sigma=2", {"luma": True}),
        ("unsharp:sigma=2", {"luma": True, "linear": True}),
        ("sobel", {}),
        ("sobel", {"mapping": "normalize"}),
        ("gaussian:sigma=2", {"padding": "full"}),
        ("gaussian:sigma=2", {"padding": "full", "linear": True}),
        ("box3", {"gray": True}),
        ("sobel-x", {"gray": True, "linear": True}),
        ("box3", {"method": "fft"}),
        ("gaussian:sigma=20", {}),
        ("laplacian", {"mapping": "offset"}),
        ("box3", {"channels": "R"}),
        ("box3", {"precision": "double"}),
        ("box3", {"stride": 2}),
    )),
    Case("a.png", "gaussian:sigma=2", then="sharpen"),
    Case("a.png", spec={"depth": "float"}, suffix=".tif"),
    Case("a.png", "sobel-x", {"mapping": "raw"}, ".tif"),
    Case("a.png", compare=True),
    Case("a.png", spec={"linear": True}, compare=True),
    *(Case("4.png", kernel, spec) for kernel, spec in (
        ("gaussian:sigma=2", {}),
        ("gaussian:sigma=2", {"linear": True}),
        ("unsharp:sigma=2", {"luma": True}),
        ("sobel-x", {}),
        ("gaussian:sigma=9", {"method": "fft"}),
        ("gaussian:sigma=9", {"method": "fft", "linear": True}),
    )),
    Case("16.png", "gaussian:sigma=2"),
    Case("16.png", "gaussian:sigma=2", {"linear": True}),
    Case("f.tif", "gaussian:sigma=2", {"linear": True}, ".tif"),
    Case("g.png", "gaussian:sigma=2", {"linear": True}),
    Case("a.jpg", "gaussian:sigma=2", {"linear": True}, ".jpg"),
]  # fmt: skip


def make(path, rows, cols):
    """Write an image that is like a photograph; the name says of which kind."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    wave = 127 + 60 * np.sin(x / 97) + 50 * np.cos(y / 83)
    planes = [wave + rng.normal(0, 6, wave.shape).astype(np.float32) for _ in range(4)]
    pixels = np.clip(np.dstack(planes), 0, 255).astype(np.uint8)
    kind, rgb = path.stem.partition("-")[2], pixels[..., :3].copy()
    special = {
        "g": lambda: write(path, Image(rgb[..., 0].copy())),
        "1": lambda: write(path, Image(rgb[..., 0] > 127)),
        "4": lambda: write(path, Image(pixels)),
        "16": lambda: write(path, Image(rgb.astype(np.uint16) * 257)),
        "f": lambda: write(path, Image((rgb / 255).astype(np.float32))),
        "z": lambda: tifffile.imwrite(path, rgb, photometric="rgb", compression="zlib"),
    }
    if kind == "p":
        image = PillowImage.fromarray(rgb)
        if path.suffix == ".png":
            image.quantize(64).save(path)
        else:
            image.save(path, progressive=True)
    elif kind == "i":
        subprocess.run(["convert", "-size", f"{cols}x{rows}", "-depth", "8", "rgb:-", "-interlace",
                        "PNG", str(path)], input=rgb.tobytes(), check=True)  # fmt: skip
    elif kind in special:
        special[kind]()
    elif path.suffix in (".jp2", ".avif", ".webp", ".jxl"):
        write(path, Image(rgb), quality=80)
    elif path.suffix == ".gif":
        PillowImage.fromarray(rgb).quantize(64).save(path)
    else:
        write(path, Image(rgb))


def _source(case, folder, size):
    stem, suffix = case.source.split(".")
    path = folder / f"{size[0]}-{stem}.{suffix}"
    if not path.exists():
        make(path, *size)
    return path


def _run(case, source, folder):
    target = folder / f"result{case.suffix}"
    target.unlink(missing_ok=True)
    asked = program("apply", case.kernel, source, "-o", target, "-q", *case.options(folder))
    asked["args"] = [sys.executable, "-S", "-c", _LAUNCH, *asked["args"]]
    said = subprocess.run(**asked, timeout=300).stdout.split(None, 2)
    assert said[1] == b"0", (str(case), said)
    return int(said[0]) * UNIT


def measure(case, folder, size):
    """Return what a command takes beyond what it does for a tiny image, and what was foretold."""
    small, large = (_source(case, folder, each) for each in ((16, 20), size))
    _run(case, small, folder)  # compiles what isn't in the store
    _run(case, large, folder)
    taken = _run(case, large, folder) - _run(case, small, folder)
    compare = str(folder / "compared.png") if case.compare else None
    writing = Writing(quality=case.quality, compare=compare)
    common = Common(_KernelFilter(tuple(case.kernels), Spec(**case.spec), False), writing, None)
    return taken, estimate(
        common.work, common.writing, Job(str(large), str(folder / f"result{case.suffix}"))
    )


def main():
    with tempfile.TemporaryDirectory() as name:
        for case in CASES:
            taken, said = measure(case, Path(name), (3000, 4000))
            fair = "" if 0.9 * taken <= said <= 2 * taken else "  <<<"
            print(f"{taken / 1e6:8.1f} MB, foretold {said / 1e6:8.1f} = {said / taken:5.2f}  "  # noqa: T201
                  f"{case}{fair}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
