"""How soon a command is done when there is little to do."""

from __future__ import annotations

import sys
from functools import partial
from itertools import count
from pathlib import Path

from bench import timing, tools
from bench.cases import Case, Work, Wrong
from bench.commands import pixels
from bench.scale import Scale

TITLE = "Start-up"
ABOUT = """Whole processes, warm: compiled loops are in their store, bytecode beside its sources.
`sobel-x` is on a 512×512 RGB JPEG; beside it stand other tools that sharpen the same file, and
Python importing what is needed at the least. The *first run ever* has an empty store and compiles
what it needs."""

_SIDE = 512
#: What a command needs at the least, in Python.
FLOOR = "import click, numpy, PIL.Image"
CLICK = "import click"

_SHAPE_ARGUMENTS = ("shape", "--n", "227x227x3", "--f", "11", "--s", "4", "--k", "96")


def cases(scale: Scale) -> list[Case]:
    """Every command."""
    source, target = tools.source((_SIDE, _SIDE), ".jpg"), tools.folder() / "small.jpg"
    apply = tools.ours_apply("sobel-x", source, target)
    others: dict[str, Work] = {
        tool.name: partial(tools.run, tool.command(source, tools.folder() / f"{place}.jpg"))
        for place, tool in enumerate(tools.for_suffix(".jpg"))
        if tool.programs and not tool.only
    }
    floor = _python(FLOOR)
    click = _python(CLICK)

    def commands(row: str, command: list[str], peers: dict[str, Work]) -> Case:
        def check() -> None:
            _ends_well(command, target if row.startswith("apply") else None)
            for work in peers.values():
                work()

        return Case("warm", row, partial(tools.run, command), peers, check=check, runs=runs)

    runs = 5 if scale.quick else 21
    return [
        commands("apply sobel-x", apply, {FLOOR: floor, **others}),
        commands("shape", tools.ours(*_SHAPE_ARGUMENTS), {CLICK: click}),
        commands("kernels", tools.ours("kernels"), {CLICK: click}),
        commands("kernels sobel-x", tools.ours("kernels", "sobel-x"), {CLICK: click}),
        commands("--help", tools.ours("--help"), {CLICK: click}),
        first_run(source, target, 1 if scale.quick else 3),
    ]


def first_run(source: Path, target: Path, runs: int) -> Case:
    """A command whose store is empty."""
    numbers = count()
    command = tools.ours_apply("sobel-x", source, target)

    def work() -> timing.Ended:
        store = tools.folder() / f"store-{next(numbers)}"
        return timing.run(command, cwd=tools.folder(), env={"CONVCLI_CACHE": str(store)})

    return Case("first run ever", "apply sobel-x", work, unit="s", runs=runs)


def _python(code: str) -> Work:
    return partial(tools.run, [sys.executable, "-c", code])


def _ends_well(command: list[str], target: Path | None) -> None:
    tools.run(command, target)
    if target is not None and pixels(target).shape != (_SIDE, _SIDE, 3):
        raise Wrong(f"{target.name} has shape {pixels(target).shape}")
