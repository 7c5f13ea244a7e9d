"""Whole commands: ours, and those of other tools that sharpen an image file."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench import images, peers, timing

#: What every tool is asked for.
SHARPEN = ((0, -1, 0), (-1, 5, -1), (0, -1, 0))

#: Quality of JPEG sources, which ours keeps; other tools are told. All halve the chroma.
QUALITY = 90

#: A source and a target file in, arguments out.
Arguments = Callable[[Path, Path], list[str]]


@dataclass(frozen=True)
class Tool:
    """A program that sharpens.

    Parameters
    ----------
    name
        What it is called in tables.
    programs
        The first of these that is installed is used; none for a script of this Python's.
    arguments
        What follows the program.
    modules
        Libraries the script needs, by their names in `peers.MODULES`.
    only
        The suffix it is for, if it isn't for all.
    """

    name: str
    programs: tuple[str, ...]
    arguments: Arguments
    modules: tuple[str, ...] = ()
    only: str = ""

    @property
    def program(self) -> str | None:
        """Where it is, or None."""
        if not all(peers.installed(name) for name in self.modules):
            return None
        found = (shutil.which(name) for name in self.programs)
        return next(filter(None, found), None) if self.programs else sys.executable

    def command(self, source: Path, target: Path) -> list[str]:
        """The whole command."""
        assert self.program is not None
        return [self.program, *self.arguments(source, target)]

    def version(self) -> str:
        """What it says of its version, in a few words."""
        if self.program is None:
            return "not installed"
        if not self.programs:
            return "this Python"
        flag = "--version" if "vips" in self.programs else "-version"
        done = subprocess.run([self.program, flag], capture_output=True, text=True)
        first = done.stdout.splitlines()[0] if done.stdout else "unknown"
        words = first.replace("Version:", "").split()
        return " ".join(words[: 4 if words[0] == "ffmpeg" else 3]).removesuffix(" Copyright")


def ours(*arguments: str | Path) -> list[str]:
    """Return our command, as its script runs it, from these sources."""
    code = (
        f"import sys; sys.path.insert(0, {str(images.ROOT)!r}); sys.argv[0] = 'convcli'; "
        "from convcli.cli.main import run; run()"
    )
    return [sys.executable, "-c", code, *map(str, arguments)]


def ours_apply(kernel: str | Path, source: Path, target: Path) -> list[str]:
    """Return our command that filters a file."""
    return ours("apply", kernel, source, "-o", target, "--overwrite", "--quiet")


def _vips(source: Path, target: Path) -> list[str]:
    how = f"[Q={QUALITY},subsample_mode=on]" if target.suffix == ".jpg" else ""
    return ["conv", str(source), f"{target}{how}", str(_matrix()), "--precision", "integer"]


def _vips_as_is(source: Path, target: Path) -> list[str]:
    return ["conv", str(source), str(target), str(_matrix()), "--precision", "integer"]


def _magick(source: Path, target: Path) -> list[str]:
    rows = " ".join(",".join(map(str, row)) for row in SHARPEN)
    return [
        *(str(source), "-define", "convolve:scale=1", "-morphology", "Correlate", f"3x3: {rows}"),
        *(("-quality", str(QUALITY)) if target.suffix == ".jpg" else ()),
        str(target),
    ]


def _graphicsmagick(source: Path, target: Path) -> list[str]:
    weights = ",".join(str(weight) for row in SHARPEN for weight in row)
    quality = ("-quality", str(QUALITY)) if target.suffix == ".jpg" else ()
    return ["convert", str(source), "-convolve", weights, *quality, str(target)]


def _ffmpeg(source: Path, target: Path) -> list[str]:
    weights = " ".join(str(weight) for row in SHARPEN for weight in row)
    planes = ":".join(f"{plane}m='{weights}':{plane}rdiv=1" for plane in range(3))
    jpeg = ("-q:v", "2", "-pix_fmt", "yuvj420p") if target.suffix == ".jpg" else ()
    colour = f"format=gbrp,convolution={planes}"
    return [*("-v", "error", "-y", "-i", str(source), "-vf", colour), *jpeg, str(target)]


_OPENCV = f"""
import sys, cv2, numpy as np
image = cv2.imread(sys.argv[1], cv2.IMREAD_COLOR)
result = cv2.filter2D(image, -1, np.float32({SHARPEN}), borderType=cv2.BORDER_REPLICATE)
cv2.imwrite(sys.argv[2], result, [cv2.IMWRITE_JPEG_QUALITY, {QUALITY}])
"""

_PILLOW = f"""
import sys
from PIL import Image, ImageFilter
weights = [weight for row in {SHARPEN} for weight in row]
result = Image.open(sys.argv[1]).filter(ImageFilter.Kernel((3, 3), weights, scale=1))
result.save(sys.argv[2], quality={QUALITY}, subsampling=2)
"""


def _script(code: str) -> Arguments:
    return lambda source, target: ["-c", code, str(source), str(target)]


TOOLS = (
    Tool("libvips", ("vips",), _vips),
    Tool("libvips, quality 75", ("vips",), _vips_as_is, only=".jpg"),
    Tool("ImageMagick", ("magick", "convert-im6.q16", "convert"), _magick),
    Tool("GraphicsMagick", ("gm",), _graphicsmagick),
    Tool("ffmpeg", ("ffmpeg",), _ffmpeg),
    Tool("Python + OpenCV", (), _script(_OPENCV), ("OpenCV",)),
    Tool("Python + Pillow", (), _script(_PILLOW), ("Pillow",)),
)


def for_suffix(suffix: str) -> list[Tool]:
    """Return the installed tools for a kind of file."""
    return [tool for tool in TOOLS if tool.program and tool.only in ("", suffix)]


@cache
def folder() -> Path:
    """Return a folder for this run's files; it is gone when the run ends."""
    path = Path(tempfile.mkdtemp(prefix="convcli-bench-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@cache
def _matrix() -> Path:
    path = folder() / "sharpen.mat"
    rows = "\n".join(" ".join(map(str, row)) for row in SHARPEN)
    path.write_text(f"3 3\n{rows}\n", encoding="ascii")
    return path


@cache
def source(shape: tuple[int, int], suffix: str, *, alpha: bool = False) -> Path:
    """Return a file of the photograph of that size, which fades away if it has alpha."""
    from PIL import Image

    path = folder() / f"{'faded' if alpha else 'photograph'}-{shape[1]}x{shape[0]}{suffix}"
    image = Image.fromarray((images.faded if alpha else images.photograph)(*shape))
    if suffix == ".jpg":
        image.save(path, quality=QUALITY, subsampling=2)
    else:
        image.save(path, compress_level=1)
    return path


def run(command: list[str], target: Path | None = None) -> timing.Ended:
    """Run a command away from these sources; a target that is there is removed before."""
    if target is not None:
        target.unlink(missing_ok=True)
    return timing.run(command, cwd=folder())
