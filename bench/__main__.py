"""`python -m bench`: check, then time dense kernels on a 12-megapixel grey picture."""

from __future__ import annotations

from statistics import median
from time import perf_counter

import numpy as np

import convcli
from bench.peers import PEERS, threads

SHAPE = (3000, 4000)
SIZES = (3, 5, 7, 9, 11, 15)
RUNS = 9


def kernel(size, rng):
    """Random whole weights without zeros that sum to 1, so that few samples are clipped."""
    weights = rng.choice([-2, -1, 1, 2], size=(size, size))
    weights[size // 2, size // 2] += 1 - weights.sum()
    return weights


def ours(pixels, weights, jobs):
    return convcli.correlate(pixels, weights, mapping="clip", jobs=jobs)


def check(pixels, weights, name, work):
    """Compare a peer's result with ours, borders left out; say how they differ."""
    margin = weights.shape[0]
    inner = (slice(margin, -margin),) * 2
    part = np.ascontiguousarray(pixels[:400, :400])
    difference = np.abs(work(part, weights).astype(int) - ours(part, weights, 1))[inner]
    if difference.max() > 1:
        raise SystemExit(f"{name} and convcli differ by {difference.max()} on {weights.shape}")


def measure(work):
    work()
    times = []
    for _ in range(RUNS):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return 1000 * median(times)


def main():
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, SHAPE, dtype=np.uint8)
    print("8-bit grey, 4000×3000, dense whole kernels; milliseconds (their time / ours)")
    for jobs in (1, 2):
        threads(jobs)
        print(
            f"\n{jobs} thread{'s' * (jobs > 1)}  convcli  " + "  ".join(f"{n:>16}" for n in PEERS)
        )
        for size in SIZES:
            row(pixels, kernel(size, rng), jobs)


def row(pixels, weights, jobs):
    size = weights.shape[0]
    mine = measure(lambda: ours(pixels, weights, jobs))
    cells = []
    for name, work in PEERS.items():
        if (name == "Pillow" and size not in (3, 5)) or (
            name == "SciPy" and (size > 7 or jobs > 1)
        ):
            cells.append("–")
            continue
        try:
            check(pixels, weights, name, work)
        except ImportError:
            cells.append("not installed")
            continue
        theirs = measure(lambda work=work: work(pixels, weights))
        cells.append(f"{theirs:.1f} ({theirs / mine:.1f})")
    print(f"{size:>4}×{size:<4}  {mine:7.1f}  " + "  ".join(f"{cell:>16}" for cell in cells))


if __name__ == "__main__":
    main()
