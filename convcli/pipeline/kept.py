"""Channels that are not filtered: sampled where the kernel's anchor lies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import arrays
from convcli.borders import source
from convcli.geometry import Geometry
from convcli.image import channels as ch
from convcli.pipeline.work import Work
from convcli.responses import Target, fill_level
from convcli.spec import Mapping, Spec


def beside_kept(
    work: Work, filtered: NDArray[Any], geometries: tuple[Geometry, ...]
) -> NDArray[Any]:
    """Put filtered channels beside those that weren't.

    Parameters
    ----------
    work
        Whose `chosen` channels were filtered.
    filtered
        (rows, cols, count): the chosen channels, or more of which the chosen are taken.
    geometries
        One a kernel.

    Returns
    -------
    ndarray of shape (rows, cols, channels)
    """
    count = len(work.channels)
    if len(work.chosen) == count:
        return filtered
    chosen = list(work.chosen)
    others = [k for k in range(count) if k not in chosen]
    out = np.empty((*filtered.shape[:2], count), dtype=work.target.dtype)
    out[:, :, chosen] = filtered if filtered.shape[2] == len(chosen) else filtered[:, :, chosen]
    # Counted from the end: where gray was made, alpha is still the last of the image's.
    unfiltered = ch.select(work.planes, [k - count for k in others])
    kept = at_anchors(unfiltered, geometries, work.spec, work.target)
    if kept.dtype != out.dtype and work.target.mapping is not Mapping.RAW:
        target = Target(out.dtype, Mapping.CLIP, work.image.maximum)
        kept = arrays.store_responses(kept, None, work.spec, target).pixels
    elif work.channels.endswith("A") and others[-1] == count - 1 and kept.dtype != out.dtype:
        # Colour is in levels of the source then, but alpha of floats is a share.
        kept = kept.astype(out.dtype)
        kept[:, :, -1] /= work.image.maximum
    out[:, :, others] = kept
    return out


def at_anchors(
    pixels: NDArray[Any], geometries: tuple[Geometry, ...], spec: Spec, target: Target
) -> NDArray[Any]:
    """Return the samples under the kernels' anchors: what identity kernels would leave."""
    for geometry in geometries:
        for k, axis in enumerate((geometry.rows, geometry.cols)):
            anchor = axis.taps - 1 - axis.taps // 2 if spec.convolve else axis.taps // 2
            places = source(axis.size, axis.before, axis.after, spec.border)
            picked = places[anchor * axis.dilation :: axis.stride][: axis.out]
            if np.array_equal(picked, np.arange(axis.size)):
                continue
            pixels = pixels.take(picked, axis=k)
            if (picked < 0).any():
                outside = (slice(None),) * k + (picked < 0,)
                pixels[outside] = fill_level(spec.fill, pixels.dtype, target.level)
    return pixels
