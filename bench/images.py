"""Images made in code, the same in every run, and kernels to filter them with."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import convcli

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"

#: The photographs that fill a quarter each.
_PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.jpg", "rocket.jpg")

#: Standard deviation of what a sensor adds, in levels; without it an enlarged image is smoother
#: than one that was taken at its size, and easier for an encoder.
_SENSOR = 2.0


@cache
def photograph(height: int, width: int) -> NDArray[np.uint8]:
    """Return four enlarged photographs with the noise of a sensor, (height, width, 3)."""
    from PIL import Image

    rows, cols = (height + 1) // 2, (width + 1) // 2
    image = np.empty((2 * rows, 2 * cols, 3), dtype=np.uint8)
    for place, name in enumerate(_PHOTOGRAPHS):
        with Image.open(SAMPLES / name) as opened:
            large = opened.convert("RGB").resize((cols, rows), Image.Resampling.BICUBIC)
        down, right = divmod(place, 2)
        image[down * rows :, right * cols :][:rows, :cols] = np.asarray(large)
    rng = np.random.default_rng(3)
    for band in range(0, height, 256):
        part = image[band : band + 256]
        noise = rng.standard_normal(part.shape, dtype=np.float32) * _SENSOR
        part[:] = np.clip(np.rint(part + noise), 0, 255)
    return np.ascontiguousarray(image[:height, :width])


@cache
def faded(height: int, width: int) -> NDArray[np.uint8]:
    """Return the photograph fading away to its corners, (height, width, 4)."""
    down, along = np.ogrid[-1 : 1 : 1j * height, -1 : 1 : 1j * width]
    alpha = np.clip(300 * (1.42 - np.hypot(down, along)), 0, 255).astype(np.uint8)
    return np.dstack((photograph(height, width), alpha))


@cache
def random(shape: tuple[int, ...], depth: str) -> NDArray[Any]:
    """Return random samples over the whole range of uint8 or uint16, or 0 to 1 for float32."""
    rng = np.random.default_rng(1)
    if depth == "float32":
        return rng.random(shape, dtype=np.float32)
    return rng.integers(0, np.iinfo(depth).max + 1, shape, dtype=depth)


def whole_kernel(size: int) -> NDArray[np.int64]:
    """Return random weights of ±1 and ±2, none zero, that sum to 1.

    So the mean of an image is kept, and few samples are clipped. No weight stands out: those
    taken to bring the sum to 1 are random ones, each moved by one step.
    """
    rng = np.random.default_rng(size)
    ladder = np.array([-2, -1, 1, 2])
    steps = rng.integers(0, 4, size * size)
    while excess := int(ladder[steps].sum()) - 1:
        place = rng.integers(size * size)
        steps[place] = np.clip(steps[place] - np.sign(excess), 0, 3)
    return ladder[steps].reshape(size, size)


def real_kernel(size: int) -> NDArray[np.float64]:
    """Return random real weights of both signs that sum to 1, none zero, of full rank."""
    rng = np.random.default_rng(size + 1000)
    signs = rng.choice([-1.0, 1.0], (size, size))
    weights: NDArray[np.float64] = signs * rng.uniform(0.5, 1.5, (size, size))
    weights /= np.abs(weights).sum() / 3
    weights[size // 2, size // 2] += 1 - weights.sum()
    return weights


def kernel(typed: str) -> convcli.Kernel:
    """Return a kernel by what is typed for it: a name with parameters, or rows of a matrix."""
    if ";" in typed:
        rows = [[int(word) for word in row.split()] for row in typed.split(";")]
        return convcli.Kernel("typed", np.array(rows))
    found = convcli.get_kernel(typed)
    assert isinstance(found, convcli.Kernel)
    return found


def windows(height: int, width: int, taps: int) -> list[tuple[slice, slice]]:
    """Return small windows of an image, its corners and one within; smaller for large kernels."""
    side = 40 if taps <= 400 else 16 if taps <= 4000 else 8
    rows, cols = min(height, side), min(width, side + 16)
    tops, lefts = (0, height - rows), (0, width - cols)
    places = [(top, left) for top in tops for left in lefts]
    places.append(((height - rows) // 2, (width - cols) // 2))
    return [(slice(top, top + rows), slice(left, left + cols)) for top, left in places]
