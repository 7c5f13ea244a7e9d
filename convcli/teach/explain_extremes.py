"""Where in an image a kernel's response is greatest and least."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from convcli import pipeline
from convcli.errors import ImageError
from convcli.geometry import Pair
from convcli.pipeline.arrays import filter_array
from convcli.record import record, replace
from convcli.spec import Depth, Mapping
from convcli.teach.explain import Place, Study


@record
class Extreme:
    """An output whose response is the greatest, or the least.

    Parameters
    ----------
    at
        (row, col) of the first one, in reading order.
    response
        The engine's, before the mapping.
    count
        How many outputs have the same.
    place
        That output, worked out; None if a sample there is infinite or no number.
    """

    at: Pair
    response: float
    count: int
    place: Place | None


def extremes(study: Study, channel: int = 0) -> tuple[Extreme, Extreme] | None:
    """Find where the response is greatest and least; None if it is a number nowhere.

    Parameters
    ----------
    study
        Of an image.
    channel
        Its place in `study.channels`.
    """
    found = responses(study, channel)
    numbers = np.isfinite(found)
    if not numbers.any():
        return None
    greatest = int(np.where(numbers, found, -np.inf).argmax())
    least = int(np.where(numbers, found, np.inf).argmin())
    return _extreme(study, channel, found, greatest), _extreme(study, channel, found, least)


def responses(study: Study, channel: int = 0) -> NDArray[np.floating]:
    """Return (rows, cols) of the engine's responses, before the mapping."""
    # The kernel has the divisor and bias already, and the image is gray.
    raw = replace(study.spec, mapping=Mapping.RAW, depth=Depth.SAME)
    raw = replace(raw, divisor=None, bias=None, gray=False)
    if study.work.weighs:
        result, _ = pipeline.apply(study.work.image, study.work.kernels, raw)
        planes: NDArray[np.floating] = result.pixels.reshape(*result.size, -1)
        return planes[:, :, study.work.chosen[channel]]
    real = np.dtype(np.float64 if study.is_double or study.is_grid else np.float32)
    target = replace(study.target, mapping=Mapping.RAW, dtype=real)
    plane = np.ascontiguousarray(study.samples[:, :, channel])
    return filter_array(plane, study.work.kernels, raw, target).pixels


def _extreme(study: Study, channel: int, found: NDArray[np.floating], where: int) -> Extreme:
    row, col = divmod(where, found.shape[1])
    try:
        place = study.at(row, col, channel)
    except ImageError:
        place = None
    value = found[row, col]
    return Extreme((row, col), float(value), int(np.count_nonzero(found == value)), place)
