"""How much memory whole commands take at their peak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from PIL import Image

import convcli
from bench import images, tools
from bench.cases import Case, Wrong
from bench.scale import Scale
from bench.tools import Arguments

TITLE = "Peak memory"
ABOUT = """Greatest resident memory of a whole command in a process of its own, in MB (millions of
bytes), one run. *allowed* is the decoded image, the result, and 100 MB; with *options* it is the
decoded image and 100 MB. Other tools sharpen; what they take for the larger PNG, which takes them
long, is left out."""

_ALLOWANCE = 100e6
_MOST_AS_PNG = 40_000_000
#: Group of the jobs whose results nothing may hold whole.
OPTIONS = "options"
KERNELS = ("sharpen", "sobel-x", "gaussian:sigma=5", "dense 63×63")


@dataclass(frozen=True)
class Job:
    """A command with options.

    Parameters
    ----------
    kernel
        As in `KERNELS`.
    options
        As typed.
    alpha
        Whether the source has it.
    suffix
        Of the result.
    """

    kernel: str
    options: tuple[str, ...] = ()
    alpha: bool = False
    suffix: str = ".png"

    def __str__(self) -> str:
        kinds = "RGBA" if self.alpha else "RGB"
        to = "" if self.suffix == ".png" else " → TIFF"
        return " ".join((f"{kinds}{to},", self.kernel, *self.options))


JOBS = (
    Job("gaussian:sigma=5", ("--linear",)),
    Job("gaussian:sigma=2", ("--then", "laplacian")),
    Job("unsharp:sigma=3", ("--luma",)),
    Job("gaussian:sigma=3", alpha=True),
    Job("dense 63×63", ("--alpha", "filter"), alpha=True),
    Job("dense 127×127"),
    Job("sobel", ("--map", "normalize")),
    Job("sobel-x", ("--depth", "float", "--map", "raw"), suffix=".tif"),
    Job("sharpen"),
)


def cases(scale: Scale) -> list[Case]:
    """Both sizes, both kinds of file, every kernel; then options."""
    factors = (1,) if scale.quick else (1, 4)
    plain = [
        case(scale.times(factor), suffix, kernel)
        for factor in factors
        for suffix in (".jpg", ".png")
        for kernel in KERNELS
    ]
    return plain + [with_options(scale.shape, job) for job in JOBS]


def case(shape: tuple[int, int], suffix: str, kernel: str) -> Case:
    """One image and kernel."""
    target = tools.folder() / f"memory{suffix}"
    typed = typed_as(kernel)
    decoded = 3 * shape[0] * shape[1]

    def run(command: Arguments) -> float:
        return tools.run(command(tools.source(shape, suffix), target), target).peak / 1e6

    own = partial(run, partial(tools.ours_apply, typed))

    def check() -> None:
        own()  # compiles what isn't in the store, which takes memory of its own
        with Image.open(target) as result:
            if (result.size, result.mode) != (shape[::-1], "RGB"):
                raise Wrong(f"{kernel} on {suffix} gave {result.size} pixels, {result.mode}")

    theirs: dict[str, Callable[[], Any]] = {}
    if kernel == "sharpen" and (suffix == ".jpg" or decoded <= _MOST_AS_PNG):
        for tool in tools.for_suffix(suffix):
            if not tool.only:
                theirs[tool.name] = partial(run, tool.command)
    return Case(
        f"{'JPEG' if suffix == '.jpg' else 'PNG'}, {shape[0] * shape[1] / 1e6:.3g} MP",
        kernel,
        own,
        theirs,
        check=check,
        unit="MB",
        facts=lambda: {"allowed": (2 * decoded + _ALLOWANCE) / 1e6},
    )


def with_options(shape: tuple[int, int], job: Job) -> Case:
    """One job on a PNG file."""
    target = tools.folder() / f"options{job.suffix}"
    decoded = (4 if job.alpha else 3) * shape[0] * shape[1]

    def own() -> float:
        source = tools.source(shape, ".png", alpha=job.alpha)
        command = tools.ours_apply(typed_as(job.kernel), source, target)
        return tools.run([*command, *job.options], target).peak / 1e6

    def check() -> None:
        own()  # compiles what isn't in the store
        result = convcli.read(target)
        given = (result.pixels.shape, result.pixels.dtype.kind)
        expected = ((*shape, 4 if job.alpha else 3), "f" if "float" in job.options else "u")
        if given != expected:
            raise Wrong(f"{job} gave {given}, not {expected}")

    return Case(
        f"{OPTIONS}, PNG, {shape[0] * shape[1] / 1e6:.3g} MP",
        str(job),
        own,
        check=check,
        unit="MB",
        facts=lambda: {"allowed": (decoded + _ALLOWANCE) / 1e6},
    )


def typed_as(kernel: str) -> str | Path:
    """Return what is typed for a kernel: a name, or a file for `dense N×N`."""
    return dense_file(int(kernel.rpartition("×")[2])) if kernel.startswith("dense") else kernel


@cache
def dense_file(size: int) -> Path:
    """Return a file of dense real weights."""
    path = tools.folder() / f"dense{size}.csv"
    rows = images.real_kernel(size)
    lines = (",".join(f"{weight:.9g}" for weight in row) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path
