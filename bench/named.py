"""Well-known kernels against OpenCV's functions for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

import convcli
from bench import checks, images, peers
from bench.cases import Case, Work
from bench.dense import plan_of
from bench.scale import Scale

TITLE = "Named kernels"
ABOUT = """Kernels that OpenCV has functions of its own for, and some that it has not, on 8-bit
random samples, result 8-bit and clipped, two threads. Both sides use kernels of the same size.
OpenCV chooses 7, 13 and 31 taps for σ 1, 2 and 5; ours are 9, 17 and 41 by default, and either
size is compared. *16-bit result* is OpenCV's function without clipping, shown beside."""

_DOUBLED_LAPLACIAN = "2 0 2; 0 -8 0; 2 0 2"


@dataclass(frozen=True)
class Named:
    """A kernel, and OpenCV's way to it.

    Parameters
    ----------
    kernel
        As typed.
    call
        The function's name and what it takes after the image; `filter2D` takes the weights.
    signed
        The same with a signed result, if there is one.
    """

    kernel: str
    call: tuple[Any, ...] = ("filter2D",)
    signed: tuple[Any, ...] | None = None

    def work(self, pixels: NDArray[Any], *, signed: bool = False) -> Work:
        """What OpenCV does."""
        name, *arguments = (self.signed or self.call) if signed else self.call
        if name == "filter2D":
            return peers.opencv(pixels, images.kernel(self.kernel).scaled)
        return peers.opencv_call(name, pixels, *arguments)


def _gaussian(sigma: int, size: int) -> Named:
    return Named(f"gaussian:sigma={sigma},size={size}", ("GaussianBlur", (size, size), sigma))


_U8, _S16 = 0, 3  # cv2.CV_8U, cv2.CV_16S

KERNELS = {
    "Sobel x": Named("sobel-x", ("Sobel", _U8, 1, 0), ("Sobel", _S16, 1, 0)),
    "Scharr x": Named("scharr-x", ("Scharr", _U8, 1, 0), ("Scharr", _S16, 1, 0)),
    "Laplacian": Named("laplacian", ("Laplacian", _U8), ("Laplacian", _S16)),
    "Laplacian, ksize 3": Named(
        _DOUBLED_LAPLACIAN, ("Laplacian", _U8, None, 3), ("Laplacian", _S16, None, 3)
    ),
    **{
        f"Gaussian σ {sigma}, {size}×{size}": _gaussian(sigma, size)
        for sigma, sizes in {1: (7, 9), 2: (13, 17), 5: (31, 41)}.items()
        for size in sizes
    },
    "box 31×31": Named("box:size=31", ("blur", (31, 31))),
}
#: OpenCV has no function for these but `filter2D`.
GENERAL = {
    "sharpen 3×3": Named("sharpen"),
    "LoG σ 1.4, 13×13": Named("log:sigma=1.4"),
    "LoG σ 3, 25×25": Named("log:sigma=3"),
    "Gabor, oblique, 31×31": Named("gabor:theta=30,size=31"),
    "disk radius 7, 15×15": Named("disk:radius=7"),
}


def cases(scale: Scale) -> list[Case]:
    """Every kernel, on gray and on colour."""
    groups = {"OpenCV's own functions": KERNELS, "OpenCV's filter2D": GENERAL}
    return [
        case(scale, channels, (group, row), named)
        for group, kernels in groups.items()
        for channels in (1, 3)
        for row, named in kernels.items()
    ]


def case(scale: Scale, channels: int, place: tuple[str, str], named: Named) -> Case:
    """One kernel."""
    group, row = place
    pixels = images.random(scale.shape if channels == 1 else (*scale.shape, 3), "uint8")
    jobs = peers.THREADS
    ours = partial(convcli.correlate, pixels, named.kernel, mapping="clip", jobs=jobs)
    theirs: dict[str, Callable[[], Any]] = {}
    if peers.installed("OpenCV"):
        theirs["OpenCV"] = named.work(pixels)
        if named.signed:
            theirs["OpenCV, 16-bit result"] = named.work(pixels, signed=True)

    def check() -> None:
        name = f"{row}, {'gray' if channels == 1 else 'RGB'}"
        kernel = images.kernel(named.kernel)
        exact = kernel.is_integer and kernel.divisor == 1
        result = ours()
        weights = kernel.weights if exact else kernel.scaled
        checks.by_definition(name, result, pixels, weights, 0 if exact else 1)
        for peer, work in theirs.items():
            error = peers.GAUSSIAN_ERROR if named.call[0] == "GaussianBlur" else 1
            checks.alike(f"{name}: {peer} and ours", work().clip(0, 255), result, error)

    return Case(
        f"{group}, {'gray' if channels == 1 else 'RGB'}",
        row,
        ours,
        theirs,
        check=check,
        before=partial(peers.set_threads, jobs),
        facts=lambda: {"method": plan_of(pixels, named.kernel)},
    )
