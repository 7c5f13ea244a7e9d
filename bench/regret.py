"""How good the planner's choice is: its time over that of the best method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

import convcli
from bench import checks, images, peers
from bench.cases import Case, Record
from bench.scale import Scale
from bench.timing import Budget, alternate, median
from convcli.errors import UsageError
from convcli.spec import Mapping, Method

TITLE = "The planner's regret"
ABOUT = """Every method that can compute a kernel is forced in turn; *regret* is the time of the
one that the planner chooses over the time of the fastest. Two threads. Cells above 1.2 are
listed; all are in `results.json`."""

KINDS = ("dense", "dense, real", "rank 1", "rank 1, real", "rank 2", "box", "sparse")
SIZES = (3, 5, 7, 9, 15, 21, 31, 63)
#: A method this many times slower than the fastest is run once and left at that.
_HOPELESS = 3.0


@dataclass(frozen=True)
class Cell:
    """What is filtered, and with what."""

    kind: str
    size: int
    depth: str = "uint8"
    channels: int = 1
    stride: int = 1
    megapixels: float = 1.0

    @property
    def group(self) -> str:
        """All but the kernel."""
        depth = {"uint8": "8-bit", "uint16": "16-bit"}.get(self.depth, self.depth)
        words = [depth, "gray" if self.channels == 1 else "RGB", f"{self.megapixels:g} MP"]
        return ", ".join(words + [f"stride {self.stride}"] * (self.stride > 1))

    @property
    def row(self) -> str:
        """The kernel."""
        return f"{self.kind} {self.size}×{self.size}"


def grid(*, quick: bool) -> list[Cell]:
    """Every kernel on 1 megapixel of 8 bits and of floats; each other property with some sizes."""
    few = (3, 7, 15, 31)
    cells = [Cell(kind, size) for kind, size in product(KINDS, (3, 9, 31) if quick else SIZES)]
    if quick:
        return cells
    cells += [Cell(kind, size, depth="float32") for kind, size in product(KINDS, SIZES)]
    changes: list[dict[str, Any]] = [{"depth": "uint16"}, {"channels": 3}, {"stride": 2}]
    changes += [{"megapixels": 0.25}, {"megapixels": 12.0}, {"channels": 3, "stride": 2}]
    cells += [Cell(kind, size, **more) for more in changes for kind, size in product(KINDS, few)]
    return cells


def kernel(kind: str, size: int) -> NDArray[Any]:
    """Return weights of a kind."""
    rng = np.random.default_rng(size)
    if kind == "dense":
        return images.whole_kernel(size)
    if kind == "dense, real":
        return images.real_kernel(size)
    if kind == "rank 1":
        down, along = (rng.choice([-1, 1, 2], size) for _ in range(2))
        return np.outer(down, along)
    if kind == "rank 1, real":
        return images.kernel(f"gaussian:sigma={size / 8},size={size}").scaled
    if kind == "rank 2":
        return images.kernel(f"log:sigma={size / 8},size={size}").scaled
    if kind == "box":
        return np.ones((size, size), dtype=np.int64)
    weights = np.zeros((size, size), dtype=np.int64)
    weights.flat[rng.choice(size * size, 5, replace=False)] = 1, 1, 2, -1, -2
    return weights


class RegretCase(Case):
    """A case whose peers are methods."""

    def measure(self, section: str, budget: Budget) -> Record:
        """Time every method that isn't hopeless in turns; ours is the chosen one's time."""
        self.before()
        first = alternate(self.peers, budget, rest=0, runs=1)
        once = {name: 1000 * times[0] for name, times in first.items()}
        bound = _HOPELESS * min(once.values())
        near = {name: work for name, work in self.peers.items() if once[name] <= bound}
        taken = alternate(near, replace(budget, seconds=budget.seconds / 3), rest=0)
        figures = once | {name: 1000 * median(times) for name, times in taken.items()}
        facts = self.facts()
        chosen = facts["chosen"]
        facts |= {"best": min(figures, key=figures.__getitem__)}
        facts |= {"regret": figures[chosen] / min(figures.values())}
        runs = len(next(iter(taken.values())))
        where = (section, self.group, self.row, "ms")
        return Record(*where, figures[chosen], figures, runs, facts)


def cases(scale: Scale) -> list[Case]:
    """Every cell of the grid."""
    return [case(cell) for cell in grid(quick=scale.quick)]


def case(cell: Cell) -> Case:
    """One cell."""
    rows = round((cell.megapixels * 1e6 * 3 / 4) ** 0.5)
    shape = (rows, rows * 4 // 3)
    pixels = images.random(shape if cell.channels == 1 else (*shape, 3), cell.depth)
    weights = kernel(cell.kind, cell.size)
    mapping = "raw" if cell.depth == "float32" else "clip"
    how: dict[str, Any] = {"stride": cell.stride, "mapping": mapping, "jobs": peers.THREADS}
    auto = partial(convcli.correlate, pixels, weights, **how)
    works = {
        str(method): partial(auto, method=method)
        for method in Method
        if method is not Method.AUTO and _can(method, weights, cell)
    }

    def check() -> None:
        result = auto()
        whole = weights.dtype.kind == "i" and cell.depth != "float32"
        error = 0 if whole else checks.float32_error(weights, cell.depth)
        if cell.stride == 1:
            checks.by_definition(f"{cell.group}, {cell.row}", result, pixels, weights, error)
        for name, work in works.items():
            what = f"{cell.group}, {cell.row}: {name} and the planner's choice"
            checks.alike(what, work(), result, error)

    def facts() -> dict[str, Any]:
        spec = convcli.Spec(mapping=Mapping(mapping), stride=cell.stride, jobs=peers.THREADS)
        plan = convcli.choose_plan(
            pixels.shape, convcli.Kernel("weights", weights), spec, pixels.dtype
        )
        return {"chosen": str(plan.method)}

    return RegretCase(cell.group, cell.row, auto, works, check=check, facts=facts)


def _can(method: Method, weights: NDArray[Any], cell: Cell) -> bool:
    """Whether a method can compute this kernel."""
    small = np.zeros((64, 64), dtype=cell.depth)
    mapping = "raw" if cell.depth == "float32" else "clip"
    try:
        convcli.correlate(small, weights, mapping=mapping, method=method, stride=cell.stride)
    except UsageError:
        return False
    return True
