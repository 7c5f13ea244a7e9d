"""Dense random kernels against `cv2.filter2D`."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np

import convcli
from bench import checks, images, peers
from bench.cases import Case
from bench.scale import Scale

TITLE = "Dense random kernels"
ABOUT = """Random weights, none zero, of full rank, on random samples of one channel: nothing but
the multiplications helps. OpenCV is `cv2.filter2D`, which goes over to a transform where kernels
are large."""

SIZES = (3, 5, 7, 9, 11, 15, 21, 31, 63)
QUICK_SIZES = (3, 7, 15, 31)
DEPTHS = {
    "8-bit, whole weights": ("uint8", True),
    "8-bit, real weights": ("uint8", False),
    "16-bit, whole weights": ("uint16", True),
    "float32, real weights": ("float32", False),
}


def cases(scale: Scale) -> list[Case]:
    """Every depth and size, on one and on two threads."""
    counts, sizes = sorted({1, peers.THREADS}), QUICK_SIZES if scale.quick else SIZES
    return [case(scale, of) for of in product(DEPTHS, sizes, counts)]


def case(scale: Scale, of: tuple[str, int, int]) -> Case:
    """One depth, size and number of threads."""
    what, size, jobs = of
    depth, whole = DEPTHS[what]
    pixels = images.random(scale.shape, depth)
    weights = images.whole_kernel(size) if whole else images.real_kernel(size)
    mapping = "raw" if depth == "float32" else "clip"
    ours = partial(convcli.correlate, pixels, weights, mapping=mapping, jobs=jobs)
    theirs = {"OpenCV": peers.opencv(pixels, weights)} if peers.installed("OpenCV") else {}

    def check() -> None:
        name = f"dense {size}×{size}, {what}"
        result = ours()
        error = checks.float32_error(weights, depth)
        checks.by_definition(name, result, pixels, weights, 0 if whole else error)
        for peer, work in theirs.items():
            checks.alike(f"{name}: {peer} and ours", work(), result, error)

    return Case(
        f"{what}, {jobs} thread{'s' * (jobs > 1)}",
        f"{size}×{size}",
        ours,
        theirs,
        check=check,
        before=partial(peers.set_threads, jobs),
        facts=lambda: {"method": plan_of(pixels, weights)},
    )


def plan_of(pixels: np.ndarray, weights: np.ndarray | str) -> str:
    """Return the method the planner chooses."""
    kernel = weights if isinstance(weights, str) else convcli.Kernel("weights", weights)
    return str(convcli.choose_plan(pixels.shape, kernel, dtype=pixels.dtype).method)
