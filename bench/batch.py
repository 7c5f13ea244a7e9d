"""Folders of images: memory against their number, and images a second beside other tools."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from bench import checks, folders, timing, tools, tree
from bench.cases import Case, Record, Wrong
from bench.folders import Folder
from bench.scale import Scale

MOGRIFY, VIPS = "mogrify", "libvips, parallel -j2"

TITLE = "Folders of images"
ABOUT = f"""A folder's images sharpened by `0 -1 0; -1 5 -1; 0 -1 0`, each to the format and
quality that it has, into an empty folder; its files were just made, so they come out of memory.
Small images are {folders.SMALL[0]}×{folders.SMALL[1]} parts of `samples/`, a third of them gray,
and one in {folders.PNG_EVERY} is PNG, the others JPEG; {folders.DIFFERENT:,} differ, further ones
are hard links to these. Large ones are JPEG, {folders.LARGE_DIFFERENT} that differ. JPEG is quality
{tools.QUALITY} with halved chroma, PNG what each tool writes if nothing is said.

*Peak memory* is the most that the command and all its processes had at once: the sum of their
proportional set sizes, looked at every {tree.EVERY * 1000:g} ms, in MB (millions of bytes), of one
run; *first process* is the one that hands images out. The rate is that of the same run. Linux
only.

*{MOGRIFY}* is one process for the whole folder; *{VIPS}* is `vips conv` under GNU parallel, two at
a time, a process an image. Neither gets faster with the number of images beyond these; ours is
timed on the same ones. Seconds are for the whole folder."""

_SMALL_COUNTS, _LARGE_COUNTS = (100, 1000, 10_000), (10, 50, 200)
#: How many others are timed on: `mogrify` takes 7 ms a small image, `vips` 55 in each process.
_SMALL_SHARED = {MOGRIFY: 2000, VIPS: 200}
_LARGE_SHARED = 12

#: Decoders differ by a level or two, which sharpening makes up to nine times as large.
_JPEG_MEAN = 4.0
#: And how much nearer a peer's result is to ours than the source is, at least.
_NEARER = 2.0


@dataclass(frozen=True)
class BatchCase(Case):
    """A case whose seconds are those of so many images: how many a second is said, too."""

    images: int = 1

    def measure(self, section: str, budget: timing.Budget) -> Record:
        """Run ours and theirs in turns, and return the medians."""
        found = super().measure(section, budget)
        taken = {"ours": found.ours, **found.peers}
        rates = {f"{name}, images/s": self.images / each for name, each in taken.items()}
        return replace(found, facts={**rates, **found.facts})


def cases(scale: Scale) -> list[Case]:
    """Memory against the number of images, then rates beside others."""
    small, large = (_SMALL_COUNTS, _LARGE_COUNTS) if not scale.quick else ((20, 60), (2, 6))
    found = [Folder(count) for count in small] + [Folder(count, scale.shape) for count in large]
    measured = [peak(folder) for folder in found] if tree.measurable() else []
    shared = {name: 40 if scale.quick else count for name, count in _SMALL_SHARED.items()}
    by_count = {count: [n for n in shared if shared[n] == count] for count in shared.values()}
    beside = [rate(Folder(count), names, scale) for count, names in by_count.items()]
    large_shared = Folder(4 if scale.quick else _LARGE_SHARED, scale.shape)
    return [*measured, *beside, rate(large_shared, [MOGRIFY, VIPS], scale)]


def peak(folder: Folder) -> Case:
    """Our peak memory, and our rate."""
    last: list[tree.Watched] = []

    def work() -> float:
        target = _emptied("ours")
        last[:] = [tree.run(_ours(folder, target), cwd=tools.folder())]
        same_names(folder, target)
        return last[0].peak / 1e6

    def facts() -> dict[str, Any]:
        (run,) = last
        megabytes = {"first process, MB": run.first / 1e6, "processes": run.processes}
        return {**megabytes, "images/s": folder.count / run.seconds}

    group = f"peak memory, {folder.kind}"
    return Case(group, f"{folder.count:,}", work, unit="MB", facts=facts)


def rate(folder: Folder, names: list[str], scale: Scale) -> Case:
    """The time that we and others take for a folder."""
    absent = {name: why for name in names if (why := missing(name))}
    theirs = {name: COMMANDS[name] for name in names if name not in absent}
    works = {name: partial(_run, name, command, folder) for name, command in theirs.items()}
    own = partial(_run, "ours", _ours, folder)

    def check() -> None:
        own()
        right(folder, _target("ours"))
        for name, work in works.items():
            work()
            alike(name, folder, _target(name), _target("ours"))

    def facts() -> dict[str, Any]:
        sizes = {name: _size(_target(name)) for name in ("ours", *works)}
        found: dict[str, Any] = {"size": sizes.pop("ours"), "sizes": sizes}
        return found | ({"not installed": ", ".join(absent.values())} if absent else {})

    return BatchCase(
        "beside others, in seconds",
        f"{folder.count:,} {folder.kind}",
        own,
        works,
        check=check,
        unit="s",
        facts=facts,
        runs=2 if scale.quick else 3,
        images=folder.count,
    )


# --- commands


def _ours(folder: Folder, target: Path) -> list[str]:
    where = (folder.path, "-o", target, "--overwrite", "--quiet")
    return tools.ours("apply", "sharpen", *where)


def _mogrify(folder: Folder, target: Path) -> list[str]:
    """Return a command that keeps a file's format and quality, as ours does."""
    rows = " ".join(",".join(map(str, row)) for row in tools.SHARPEN)
    how = ("-define", "convolve:scale=1", "-morphology", "Convolve", f"3x3: {rows}")
    return [str(shutil.which("mogrify")), "-path", str(target), *how, *map(str, folder.files)]


def _vips(folder: Folder, target: Path) -> list[str]:
    """Return a command that runs a command an image, from a list of these."""
    commands = tools.folder() / f"{folder.path.name}.commands"
    each = (shlex.join(_TOOL.command(path, target / path.name)) for path in folder.files)
    commands.write_text("\n".join(each) + "\n", encoding="utf-8")
    return [str(shutil.which("parallel")), "--will-cite", "-j2", "--arg-file", str(commands)]


COMMANDS: dict[str, Callable[[Folder, Path], list[str]]] = {MOGRIFY: _mogrify, VIPS: _vips}

_TOOL = next(tool for tool in tools.TOOLS if tool.name == "libvips")


def missing(name: str) -> str:
    """Return which of the programs that a peer needs is not installed; '' if all are."""
    if name == MOGRIFY:
        return "" if shutil.which("mogrify") else "mogrify"
    absent = [] if _TOOL.program else ["vips"]
    return ", ".join(absent + ([] if _is_gnu(shutil.which("parallel")) else ["GNU parallel"]))


def _is_gnu(program: str | None) -> bool:
    """Whether this is GNU's: others have the same name."""
    if program is None:
        return False
    done = subprocess.run([program, "--version"], capture_output=True, text=True)
    return done.stdout.startswith("GNU parallel")


def _run(name: str, command: Callable[[Folder, Path], list[str]], folder: Folder) -> timing.Ended:
    return timing.run(command(folder, _emptied(name)), cwd=tools.folder())


def _target(name: str) -> Path:
    return tools.folder() / f"results-{name.partition(',')[0]}"


def _emptied(name: str) -> Path:
    """Return the folder for a tool's results, without those of before."""
    target = _target(name)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    return target


def _size(folder: Path) -> float:
    """Return what a folder's files take, in MB."""
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e6


# --- results


def same_names(folder: Folder, target: Path) -> None:
    """Check that there is a result of every image, and nothing else.

    Raises
    ------
    Wrong
        If not.
    """
    wanted, found = ({path.name for path in where.iterdir()} for where in (folder.path, target))
    if wanted != found:
        few = ", ".join(sorted(wanted ^ found)[:3])
        raise Wrong(f"{len(wanted)} images, {len(found)} results; first that are apart: {few}")


def right(folder: Folder, target: Path) -> None:
    """Check our results: PNG by the definition, JPEG by its quality; others are checked by ours.

    Raises
    ------
    Wrong
        If one is not what it must be.
    """
    same_names(folder, target)
    for source in folder.different:
        result = target / source.name
        if source.suffix == ".png":
            pixels = _pixels(source)
            what = f"{folder.kind}, {source.name}"
            checks.by_definition(what, _pixels(result), pixels, np.array(tools.SHARPEN))
        elif _coding(result) != _coding(source):
            raise Wrong(f"{source.name}: not the source's quality and subsampling")


def alike(name: str, folder: Folder, theirs: Path, ours: Path) -> None:
    """Check a peer's results: PNG are ours to the bit, JPEG about so, and as good.

    Raises
    ------
    Wrong
        If one is not.
    """
    same_names(folder, theirs)
    for source, mine, other in _results(folder, ours, theirs):
        what = f"{source.name} by {name} and by ours"
        lossy = source.suffix == ".jpg"
        one, two = _pixels(other), _pixels(mine)
        checks.alike(what, one, two, 255 if lossy else 0, _JPEG_MEAN if lossy else 0)
        if lossy and _coding(other) != _coding(source):
            raise Wrong(f"{what}: not the source's quality and subsampling")
        if _apart(one, two) * _NEARER > _apart(_pixels(source), two):
            raise Wrong(f"{what}: {name} did not sharpen")


def _results(folder: Folder, ours: Path, theirs: Path) -> Iterator[tuple[Path, Path, Path]]:
    """Yield each different image's source, our result and theirs."""
    return ((path, ours / path.name, theirs / path.name) for path in folder.different)


def _pixels(path: Path) -> NDArray[np.uint8]:
    """Read a file's pixels as RGB: ImageMagick writes gray ones as gray, with as few bits."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _coding(path: Path) -> tuple[Any, ...]:
    """Return a JPEG file's quantization tables, and its sampling factors if these mean anything."""
    with Image.open(path) as image:
        assert isinstance(image, JpegImageFile)
        factors = [part[1:3] for part in image.layer]
        return image.quantization, factors if len(factors) > 1 else []


def _apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return how far two images are apart on average."""
    return float(np.abs(one.astype(np.int16) - other).mean())
