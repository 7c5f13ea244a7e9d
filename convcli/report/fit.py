"""What `convcli kernels fit` says: the kernel, how good it is, what it is like."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.fitting.descent import Step
from convcli.fitting.fit import Fitted
from convcli.fitting.likeness import ALIKE, SAME
from convcli.image.image import Image
from convcli.kernels.exact import format_number

#: Pixels of an image of a kernel: at least so many a weight, and about so many in all.
_PIXELS, _SIDE = 8, 320


def facts(done: Fitted) -> list[str]:
    """Say how good a kernel is, in lines."""
    fit, sums = done.fit, done.sums
    lines = [_verdict(done)]
    every = f", every {_ordinal(sums.every)} row" if sums.every > 1 else ""
    clipped = f"; {sums.clipped:,} at an end of the range left out" if sums.clipped else ""
    lines.append(f"from {sums.count:,} samples{every}{clipped}")
    if fit.rank < fit.unknowns:
        lines.append(
            f"the images tell only {fit.rank} of {fit.unknowns} unknowns: the smallest of all "
            f"weights that fit are shown"
        )
    lines.append(
        f"residual {fit.residual:.3g} of 255 levels (root mean square; rounding alone: "
        f"{done.rounding:.2g}), {fit.explained:.4%} of the variance explained"
    )
    likely = done.likenesses[0] if done.likenesses else None
    if likely is not None and likely.cosine >= ALIKE:
        same = "is" if likely.cosine >= SAME else "is like"
        it = "it" if done.is_convolution else "the nearest kernel"
        factor = "" if abs(likely.factor - 1) < 0.005 else f" × {likely.factor:.4g}"
        lines.append(f"{it} {same} {likely.name}{factor} (cosine similarity {likely.cosine:.5f})")
    elif likely is not None:
        lines.append(
            f"like no kernel of the library; the nearest is {likely.name} (cosine similarity "
            f"{likely.cosine:.3f})"
        )
    return lines


def _verdict(done: Fitted) -> str:
    rows, cols = done.sums.size
    if done.agrees == 1:
        return "exact: whole weights give every sample of the second image"
    if done.agrees is not None:
        return (
            f"whole weights give {done.agrees:.2%} of the samples, and the others within one level"
        )
    if done.is_convolution:
        return "what it misses is what rounding misses"
    if done.fitting is not None:
        return f"a kernel of {rows}×{cols} is too small: one of {done.fitting}×{done.fitting} fits"
    tried = "".join(f"; {taps}×{taps}: {residual:.3g}" for taps, residual in done.larger)
    return (
        f"no kernel of this size turns the first image into the second: what was done is no "
        f"convolution (a median is none), or a larger one{tried and f' (residuals{tried[1:]})'}"
    )


def _ordinal(number: int) -> str:
    return f"{number}th" if number > 3 else {2: "2nd", 3: "3rd"}[number]


def toml(done: Fitted, name: str = "fitted") -> str:
    """Return a file of the kernel."""
    kernel = done.kernel
    rows = ",\n".join(
        "  [" + ", ".join(format_number(weight) for weight in row) + "]"
        for row in kernel.weights.tolist()
    )
    lines = [f"[kernel.{name}]", f"weights = [\n{rows},\n]"]
    if kernel.divisor != 1:
        lines.append(f"divisor = {format_number(kernel.divisor)}")
    if kernel.offset:
        lines.append(f"offset = {format_number(kernel.offset)}")
    return "\n".join(lines) + "\n"


def data(done: Fitted) -> dict[str, Any]:
    """Return the facts, for JSON."""
    fit, sums = done.fit, done.sums
    return {
        "weights": done.kernel.weights.tolist(),
        "divisor": done.kernel.divisor,
        "offset": done.kernel.offset,
        "least_squares": {"weights": fit.weights.tolist(), "offset": fit.offset},
        "errors": fit.errors.tolist(),
        "exact": done.agrees == 1,
        "agrees": done.agrees,
        "is_convolution": done.is_convolution,
        "residual": fit.residual,
        "rounding": done.rounding,
        "explained": fit.explained,
        "rank": fit.rank,
        "unknowns": fit.unknowns,
        "samples": sums.count,
        "clipped": sums.clipped,
        "like": [
            {"kernel": each.name, "cosine": each.cosine, "factor": each.factor}
            for each in done.likenesses
        ],
        "larger": [{"size": taps, "residual": residual} for taps, residual in done.larger],
    }


def trace_table(steps: list[Step]) -> str:
    """Return the steps of gradient descent as CSV."""
    count = steps[0].weights.size
    lines = [",".join(("step", "residual", *(f"w{k}" for k in range(count))))]
    for step in steps:
        numbers = (step.residual, *step.weights.ravel().tolist())
        lines.append(",".join((str(step.number), *(f"{number:.9g}" for number in numbers))))
    return "\n".join(lines) + "\n"


def trace_frames(steps: list[Step]) -> list[Image]:
    """Return images of the kernel on the way: blue below 0, white at 0, red above."""
    most = max(float(np.abs(step.weights).max()) for step in steps) or 1.0
    each = max(_PIXELS, _SIDE // max(steps[0].weights.shape))
    return [Image(_coloured(step.weights / most, each)) for step in steps]


def _coloured(shares: NDArray[np.float64], each: int) -> NDArray[np.uint8]:
    """Colour weights of −1 to 1, `each` pixels a side."""
    up, down = shares.clip(0, 1)[..., None], (-shares).clip(0, 1)[..., None]
    white, red, blue = (np.array(colour) for colour in ((247,) * 3, (178, 24, 43), (33, 102, 172)))
    colour = white + up * (red - white) + down * (blue - white)
    small: NDArray[np.uint8] = np.rint(colour).astype(np.uint8)
    return small.repeat(each, axis=0).repeat(each, axis=1)
