"""Correlation of what is there as it is defined, window by window, to compare with."""

from __future__ import annotations

import numpy as np
from oracle import lookup

#: How far the window's first row or column reaches before its anchor, for `same`.
POLICIES = ("ignore", "fill", "spread")


def places(size, before, after, border):
    """Where the samples of a padded axis come from; -1 for the fill value."""
    found = [lookup(place, size, border) for place in range(-before, size + after)]
    return np.array([-1 if place is None else place for place in found])


def windows(samples, shape, how, outside):
    """Every window's samples: (rows, cols, *shape)."""
    (top, bottom), (left, right) = how["padding"]
    down = places(samples.shape[0], top, bottom, how["border"])
    across = places(samples.shape[1], left, right, how["border"])
    padded = samples[down][:, across].astype(np.float64)
    padded[down < 0] = outside
    padded[:, across < 0] = outside
    spans = [how["dilation"][k] * (shape[k] - 1) + 1 for k in (0, 1)]
    every = np.lib.stride_tricks.sliding_window_view(padded, spans)
    every = every[:: how["stride"][0], :: how["stride"][1]]
    return every[..., :: how["dilation"][0], :: how["dilation"][1]]


def responses(samples, there, weights, how, missing="ignore", least=0.0):
    """The responses of one kernel, without a number where they are missing.

    `how` has padding ((top, bottom), (left, right)), border, fill, stride, dilation.
    """
    weights = np.asarray(weights, np.float64)
    values = windows(np.where(there, samples, 0), weights.shape, how, how["fill"])
    mask = windows(there, weights.shape, how, 1)
    anchor = weights.shape[0] // 2, weights.shape[1] // 2
    centre, seen = values[..., *anchor], mask[..., *anchor] > 0
    size = np.abs(weights)
    share = (size * mask).sum((-1, -2)) / size.sum()
    products, weight = (weights * mask * values).sum((-1, -2)), (weights * mask).sum((-1, -2))
    with np.errstate(all="ignore"):
        if missing == "spread":
            result = np.where(((weights != 0) & (mask == 0)).any((-1, -2)), np.nan, products)
        elif abs(weights.sum()) <= 1e-6 * size.sum():
            mean = (size * mask * values).sum((-1, -2)) / (size * mask).sum((-1, -2))
            result = products - np.where(seen, centre, mean) * weight
        else:
            signed = (weights < 0).any()
            result = weights.sum() * products / weight
            result[np.abs(weight) <= 1e-6 * signed * size.sum()] = np.nan
            result[share == 0] = np.nan
        if missing == "fill":
            result[~seen & (share == 0)] = np.nan
        result[share < least - 1e-6] = np.nan
    if missing != "fill":
        result[~seen] = np.nan
    return result
