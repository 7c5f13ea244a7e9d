"""How time grows with the image and with the kernel."""

from __future__ import annotations

from functools import partial
from typing import Any

from numpy.typing import NDArray

import convcli
from bench import checks, images, peers
from bench.cases import Case
from bench.dense import plan_of
from bench.scale import Scale

TITLE = "Growth"
ABOUT = """Time against the size of the image, for dense kernels of whole weights, and against
the size of the kernel on a fixed image; 8-bit random samples of one channel, two threads.
OpenCV is `filter2D`, `GaussianBlur` and `blur`.

![Time against image size and kernel size, both axes logarithmic](growth.svg)"""

MEGAPIXELS = (0.1, 0.3, 1, 3, 12, 48)
SIZES = (3, 5, 7, 9, 15, 21, 31, 45, 63, 91, 127)
#: The image that kernels grow on, in megapixels.
_GROUND = 4


def cases(scale: Scale) -> list[Case]:
    """Growth with the image, then with the kernel."""
    largest = 3 if scale.quick else 48
    grow = [(size, mp) for size in (3, 15) for mp in MEGAPIXELS if mp <= largest]
    sizes = SIZES[::3] if scale.quick else SIZES
    ground = 1 if scale.quick else _GROUND
    return [by_image(size, mp) for size, mp in grow] + [
        by_kernel(kind, size, ground) for kind in ("dense", "gaussian", "box") for size in sizes
    ]


def by_image(size: int, megapixels: float) -> Case:
    """A dense kernel on an image of so many megapixels."""
    pixels = _pixels(megapixels)
    weights = images.whole_kernel(size)
    work = peers.opencv(pixels, weights) if peers.installed("OpenCV") else None
    return _case((f"image, {size}×{size}", f"{megapixels:g} MP"), pixels, weights, work)


def by_kernel(kind: str, size: int, megapixels: float) -> Case:
    """A kernel of a kind and size."""
    pixels = _pixels(megapixels)
    weights: NDArray[Any] | str
    if kind == "dense":
        weights = images.real_kernel(size)
    elif kind == "box":
        weights = f"box:size={size}"
    else:
        weights = f"gaussian:sigma={size / 8},size={size}"
    work = _opencv(kind, pixels, size) if peers.installed("OpenCV") else None
    return _case((f"kernel on {megapixels:g} MP, {kind}", f"{size}×{size}"), pixels, weights, work)


def _opencv(kind: str, pixels: NDArray[Any], size: int) -> Any:
    if kind == "dense":
        return peers.opencv(pixels, images.real_kernel(size))
    if kind == "box":
        return peers.opencv_call("blur", pixels, (size, size))
    return peers.opencv_call("GaussianBlur", pixels, (size, size), size / 8)


def _pixels(megapixels: float) -> NDArray[Any]:
    rows = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    return images.random((rows, rows * 4 // 3), "uint8")


def _case(
    place: tuple[str, str], pixels: NDArray[Any], weights: NDArray[Any] | str, peer: Any
) -> Case:
    ours = partial(convcli.correlate, pixels, weights, mapping="clip", jobs=peers.THREADS)

    def check() -> None:
        result = ours()
        exact = images.kernel(weights).scaled if isinstance(weights, str) else weights
        whole = exact.dtype.kind == "i"
        name = ", ".join(place)
        error = checks.float32_error(exact, "uint8")
        checks.by_definition(name, result, pixels, exact, 0 if whole else error)
        if peer is not None:
            error = max(error, peers.GAUSSIAN_ERROR if place[0].endswith("gaussian") else 0)
            checks.alike(f"{name}: OpenCV and ours", peer(), result, error)

    return Case(
        *place,
        ours,
        {"OpenCV": peer} if peer is not None else {},
        check=check,
        before=partial(peers.set_threads, peers.THREADS),
        facts=lambda: {"method": plan_of(pixels, weights)},
    )
