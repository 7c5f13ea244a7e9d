"""How much memory whole commands take at their peak."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from PIL import Image

from bench import images, tools
from bench.cases import Case, Wrong
from bench.scale import Scale
from bench.tools import Arguments

TITLE = "Peak memory"
ABOUT = """Greatest resident memory of a whole command in a process of its own, in MB (millions of
bytes), one run. *allowed* is the decoded image, the result, and 100 MB. Other tools sharpen;
what they take for the larger PNG, which takes them long, is left out."""

_ALLOWANCE = 100e6
_MOST_AS_PNG = 40_000_000
_DENSE_SIZE = 63
KERNELS = ("sharpen", "sobel-x", "gaussian:sigma=5", "dense 63×63")


def cases(scale: Scale) -> list[Case]:
    """Both sizes, both kinds of file, every kernel."""
    factors = (1,) if scale.quick else (1, 4)
    return [
        case(scale.times(factor), suffix, kernel)
        for factor in factors
        for suffix in (".jpg", ".png")
        for kernel in KERNELS
    ]


def case(shape: tuple[int, int], suffix: str, kernel: str) -> Case:
    """One image and kernel."""
    target = tools.folder() / f"memory{suffix}"
    typed = dense_file() if kernel.startswith("dense") else kernel
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


@cache
def dense_file() -> Path:
    """Return a file of dense real weights."""
    path = tools.folder() / "dense.csv"
    rows = images.real_kernel(_DENSE_SIZE)
    lines = (",".join(f"{weight:.9g}" for weight in row) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path
