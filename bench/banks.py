"""Banks of filters over many channels against PyTorch."""

from __future__ import annotations

from functools import cache, partial
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

import convcli
from bench import checks, images, peers
from bench.cases import Case
from bench.scale import Scale

TITLE = "Banks of filters"
ABOUT = """K filters over all of C channels, float32, zeros outside, two threads: a layer of a
network. Ours takes and gives arrays of (rows, columns, channels), PyTorch's `conv2d` tensors of
(channels, rows, columns), which are made ready outside the time. Each run follows one of the same
work that isn't counted, as in the section before."""

SIZES, CHANNELS, FILTERS = (256, 512, 1024), (3, 16, 32, 64), (3, 5, 7)
#: Threads of PyTorch's keep turning for a while after they have worked.
_REST = 0.02


def cases(scale: Scale) -> list[Case]:
    """Every size, channels, maps and size of filters."""
    if scale.quick:
        return [case(128, of) for of in product((3, 32), (3, 32), (3,))]
    return [case(size, of) for size in SIZES for of in product(CHANNELS, CHANNELS, FILTERS)]


def case(size: int, of: tuple[int, int, int]) -> Case:
    """One image, and a bank: channels, maps, and rows of a filter."""
    channels, maps, taps = of
    pixels, weights = images.random((size, size, channels), "float32"), bank(*of)
    jobs = peers.THREADS
    ours = partial(convcli.correlate, pixels, weights, border="zero", jobs=jobs)
    theirs = {}
    if peers.installed("PyTorch"):
        theirs["PyTorch"] = peers.torch_bank(planes(size, channels), weights)

    def check() -> None:
        result, name = ours(), f"{channels} to {maps} channels, {taps}×{taps}"
        error = tolerance(weights)
        for window in images.windows(size, size, taps * taps * channels):
            right = by_definition(pixels, weights, window)
            checks.alike(f"{name}, by definition", right, result[window], error)
        for peer, work in theirs.items():
            maps_last = np.moveaxis(work(), 0, -1)
            checks.alike(f"{name}: {peer} and ours", maps_last, result, 2 * error)

    return Case(
        f"{size}×{size}",
        f"{channels} → {maps}, {taps}×{taps}",
        ours,
        theirs,
        check=check,
        before=partial(peers.set_threads, jobs),
        rest=_REST,
        twice=True,
    )


@cache
def planes(size: int, channels: int) -> NDArray[np.float32]:
    """Return the image with its channels first."""
    pixels = images.random((size, size, channels), "float32")
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))


@cache
def bank(channels: int, maps: int, taps: int) -> NDArray[np.float32]:
    """Return random filters of both signs, (maps, channels, taps, taps)."""
    rng = np.random.default_rng(taps)
    weights: NDArray[np.float32] = rng.uniform(-1, 1, (maps, channels, taps, taps)).astype("f4")
    return weights


def tolerance(weights: NDArray[np.float32]) -> float:
    """How far a map may be from the exact one: a sum of n products in float32, one by one.

    Each of n additions rounds a partial sum, which is no greater than Σ|w|, by 2⁻²⁴ of it; their
    signs are as good as random, so √n of these are four times what is likely.
    """
    taps = weights[0].size
    return float(4 * taps**0.5 * 2.0**-24 * np.abs(weights).sum(axis=(1, 2, 3)).max())


def by_definition(
    pixels: NDArray[np.float32], weights: NDArray[np.float32], window: tuple[slice, slice]
) -> NDArray[np.float64]:
    """Sum a window of all maps in float64; zeros lie outside."""
    before = weights.shape[2] // 2
    padded = np.pad(pixels, ((before, before), (before, before), (0, 0)))
    part = [slice(each.start, each.stop + 2 * before) for each in window]
    views = sliding_window_view(padded[tuple(part)], weights.shape[2:], axis=(0, 1))
    summed: NDArray[np.float64] = np.einsum(
        "hwckl,mckl->hwm", views.astype(np.float64), weights.astype(np.float64), optimize=True
    )
    return summed
