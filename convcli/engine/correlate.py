"""Correlation of one array, and storing what was computed elsewhere."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.engine import native
from convcli.engine.bands import Storing
from convcli.engine.costs import block
from convcli.engine.finish import Finish
from convcli.engine.options import Border2D, Options
from convcli.engine.passes import Taps
from convcli.engine.prepared import Finished, Kind, allocate, prepare
from convcli.engine.structs import RowsInput, RowsScratch, RowsSizes
from convcli.geometry import Geometry


def correlate_planned(
    pixels: NDArray[Any],
    taps: Taps,
    geometry: Geometry,
    outside: Border2D,
    finish: Finish,
    options: Options | None = None,
) -> Finished:
    """Correlate an image with one kernel, or with several whose sums are combined.

    Parameters
    ----------
    pixels
        (rows, cols) or (rows, cols, channels), of uint8, uint16, float32 or float64.
    taps
        What is summed.
    geometry
        Of the image under the kernel.
    outside
        What lies outside the image.
    finish
        How sums become samples.
    options
        Threads, precision, and whether to stretch the sums seen over the whole range.

    Returns
    -------
    Finished
        The same to the bit for whole weights and integer samples, whatever the threads.
    """
    options = options or Options()
    kind = Kind(pixels.shape, pixels.dtype)
    return prepare(kind, taps, geometry, outside, finish, options).run(pixels, again=False)


def store(responses: NDArray[Any], finish: Finish) -> Finished:
    """Turn responses that were computed elsewhere into samples, as `correlate_planned` does.

    Parameters
    ----------
    responses
        Floats of any shape with at least one axis.
    finish
        How they become samples.
    """
    out = allocate(responses.shape, finish.dtype)
    rows = np.ascontiguousarray(responses).reshape(len(responses), -1)
    name, numbers = finish.loop(rows.dtype, inf, exact=False)
    storing = Storing(numbers, finish.limits(rows.dtype))
    sizes = np.array(RowsSizes(*rows.shape), dtype=np.int64)
    given = RowsInput(rows, storing.numbers, storing.limits, sizes)
    scratch = RowsScratch(
        acc=np.empty(rows.shape[1] + block(rows.dtype), dtype=rows.dtype),
        rest=np.empty(block(np.dtype(np.uint8)), dtype=out.dtype),
    )
    types = (rows.dtype.name, finish.dtype.name, numbers.dtype.name)
    result = storing.result(out)
    native.load("store_rows", (name,), types).bind(given, scratch, result)()
    return Finished(out, (), *storing.seen(result))
