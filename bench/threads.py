"""What a second thread brings."""

from __future__ import annotations

import os
from functools import partial

import convcli
from bench import images
from bench.cases import Case, Wrong
from bench.scale import Scale

TITLE = "Threads"
ABOUT = """The same work on one thread, on two, and so on up to the processors; 8-bit random
samples of one channel. *ours* is on all of them; a ratio is how many times faster that is."""

KERNELS: dict[str, str | int] = {
    "sharpen 3×3": "sharpen",
    "dense 3×3": 3,
    "dense 7×7": 7,
    "Gaussian σ 5, 41×41": "gaussian:sigma=5",
    "dense 31×31": 31,
}


def counts() -> list[int]:
    """Powers of two below the processors, and these."""
    processors = os.cpu_count() or 1
    return sorted({2**power for power in range(8) if 2**power < processors} | {processors})


def cases(scale: Scale) -> list[Case]:
    """Every kernel."""
    return [case(scale, row, kernel) for row, kernel in KERNELS.items()]


def case(scale: Scale, row: str, kernel: str | int) -> Case:
    """One kernel, on every number of threads."""
    pixels = images.random(scale.shape, "uint8")
    weights = images.whole_kernel(kernel) if isinstance(kernel, int) else kernel
    *fewer, most = (
        (jobs, partial(convcli.correlate, pixels, weights, mapping="clip", jobs=jobs))
        for jobs in counts()
    )
    works = {f"{jobs} thread{'s' * (jobs > 1)}": work for jobs, work in fewer}

    def check() -> None:
        result = most[1]()
        for name, work in works.items():
            if work().tobytes() != result.tobytes():
                raise Wrong(f"{row}: {name} and {most[0]} give different bits")

    facts = {"threads": most[0]}
    return Case("8-bit", row, most[1], works, check=check, facts=lambda: facts)
