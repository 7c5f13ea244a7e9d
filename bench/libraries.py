"""Small dense kernels against SciPy, PyTorch and Pillow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import convcli
from bench import checks, images, peers
from bench.cases import Case, Work
from bench.scale import Scale

TITLE = "SciPy, PyTorch and Pillow"
ABOUT = """Dense kernels of whole weights on one channel, two threads for those that have them.
*float32* is filtering alone: SciPy and PyTorch get float32 samples, PyTorch with the border made
before. *8-bit* is the way from an 8-bit array to an 8-bit array: SciPy and PyTorch, which would
overflow in 8 bits, are given float32 and clipped after. Pillow has 3×3 and 5×5 on 8 bits only.
Each run follows one of the same work that isn't counted: others take a second or two, in which a
virtual machine's host takes back the memory for results, and to get it again takes longer than
to filter."""

SIZES = (3, 5, 7)
#: Threads of PyTorch's keep turning for a while after they have worked.
_REST = 0.02

_PEERS: dict[str, Callable[[NDArray[Any], NDArray[Any]], Work]] = {
    "SciPy": peers.scipy,
    "PyTorch": peers.torch,
    "Pillow": peers.pillow,
}


def cases(scale: Scale) -> list[Case]:
    """Both depths, every size."""
    return [case(scale, depth, size) for depth in ("uint8", "float32") for size in SIZES]


def case(scale: Scale, depth: str, size: int) -> Case:
    """One depth and size."""
    pixels = images.random(scale.shape, depth)
    weights = images.whole_kernel(size)
    mapping = "clip" if depth == "uint8" else "raw"
    jobs = peers.THREADS
    ours = partial(convcli.correlate, pixels, weights, mapping=mapping, jobs=jobs)
    theirs = {
        name: make(pixels, weights)
        for name, make in _PEERS.items()
        if peers.installed(name) and (name != "Pillow" or (depth == "uint8" and size < 7))
    }

    def check() -> None:
        result = ours()
        error = checks.float32_error(weights, depth)
        exact = 0 if depth == "uint8" else error
        checks.by_definition(f"{size}×{size}, {depth}", result, pixels, weights, exact)
        inside = (slice(size, -size),) * 2  # Pillow leaves borders as they are
        for name, work in theirs.items():
            place = inside if name == "Pillow" else (slice(None),) * 2
            what = f"{size}×{size}, {depth}: {name} and ours"
            checks.alike(what, np.asarray(work())[place], result[place], error)

    return Case(
        "8-bit" if depth == "uint8" else depth,
        f"{size}×{size}",
        ours,
        theirs,
        check=check,
        before=partial(peers.set_threads, jobs),
        rest=_REST,
        twice=True,
    )
