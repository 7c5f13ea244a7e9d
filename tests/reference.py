"""Correlation in float64 by NumPy: fast enough for many sizes, checked against the oracle.

Borders are the oracle's walk, done once for each place of an axis; sums are NumPy's.
"""

from __future__ import annotations

import numpy as np
from oracle import lookup


def sources(size, before, after, border):
    """The sample each padded place stands for; `size` itself where the fill value belongs."""
    found = [lookup(place, size, border) for place in range(-before, size + after)]
    return np.array([size if place is None else place for place in found])


def padded(pixels, padding, border, fill):
    """The image with its border, in float64."""
    filled = np.full((pixels.shape[0] + 1, pixels.shape[1] + 1, *pixels.shape[2:]), float(fill))
    filled[:-1, :-1] = pixels
    rows, cols = (sources(pixels.shape[k], *padding[k], border) for k in (0, 1))
    return filled[rows][:, cols]


def correlate(
    pixels,
    weights,
    *,
    stride=(1, 1),
    dilation=(1, 1),
    padding=None,
    border="replicate",
    fill=0,
    flip=False,
):
    """As `oracle.correlate`, with arrays in and out; `padding` None keeps the size (`same`)."""
    weights = np.asarray(weights, dtype=np.float64)
    if padding is None:
        padding = same(weights.shape, dilation, flip)
    weights = weights[::-1, ::-1] if flip else weights
    samples = padded(pixels, padding, border, fill)
    out = [
        (samples.shape[k] - dilation[k] * (weights.shape[k] - 1) - 1) // stride[k] + 1
        for k in (0, 1)
    ]
    total = np.zeros((*out, *samples.shape[2:]))
    for i, j in np.argwhere(weights):
        top, left = i * dilation[0], j * dilation[1]
        down = slice(top, top + (out[0] - 1) * stride[0] + 1, stride[0])
        along = slice(left, left + (out[1] - 1) * stride[1] + 1, stride[1])
        total += weights[i, j] * samples[down, along]
    return total


def same(taps, dilation=(1, 1), flip=False):
    """Padding that keeps the size: the anchor is tap ⌊taps/2⌋, and a flip takes it along."""
    sides = []
    for f, d in zip(taps, dilation, strict=True):
        anchor = f - 1 - f // 2 if flip else f // 2
        sides.append((d * anchor, d * (f - 1 - anchor)))
    return tuple(sides)
