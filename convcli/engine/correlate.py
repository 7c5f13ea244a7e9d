"""Correlation of one array, and storing what was computed elsewhere."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.engine import native
from convcli.engine.bands import Seen, Storing
from convcli.engine.correlated import Finished, run
from convcli.engine.costs import block
from convcli.engine.finish import Finish
from convcli.engine.options import Border2D, Options
from convcli.engine.passes import KernelSet
from convcli.engine.prepared import ArrayKind, prepare
from convcli.engine.rows import allocate
from convcli.engine.structs import RowsInput, RowsScratch, RowsSizes
from convcli.geometry import Geometry


def correlate_planned(
    pixels: NDArray[Any],
    kernel_set: KernelSet,
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
    kernel_set
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
    kind = ArrayKind(pixels.shape, pixels.dtype)
    return run(prepare(kind, kernel_set, geometry, outside, finish, options), pixels, again=False)


class Store:
    """Makes samples of responses that were computed elsewhere, as `correlate_planned` does.

    Parameters
    ----------
    dtype
        Of the responses, floats.
    finish
        How they become samples.
    largest, exact
        The greatest of them in size, and whether they are exact whole numbers, if that is known.
    """

    def __init__(
        self,
        dtype: np.dtype[Any],
        finish: Finish,
        largest: float = inf,
        *,
        exact: bool = False,
    ) -> None:
        self._dtype, self._finish = dtype, finish
        name, numbers = finish.loop(dtype, largest, exact=exact)
        self._storing = Storing(numbers, finish.limits(dtype))
        types = (dtype.name, finish.dtype.name, numbers.dtype.name)
        self._loop = native.load("store_rows", (name,), types)

    def __call__(
        self, responses: NDArray[Any], into: NDArray[Any] | None = None
    ) -> tuple[NDArray[Any], Seen]:
        """Return the samples of responses of any shape with at least one axis, and their range.

        They are put `into` an array that is C-contiguous and of their shape, if there is one.
        """
        out = allocate(responses.shape, self._finish.dtype) if into is None else into
        rows = np.ascontiguousarray(responses, self._dtype).reshape(len(responses), -1)
        given = RowsInput(
            responses=rows,
            numbers=self._storing.numbers,
            limits=self._storing.limits,
            sizes=np.array(RowsSizes(*rows.shape), dtype=np.int64),
        )
        scratch = RowsScratch(
            acc=np.empty(rows.shape[1] + block(rows.dtype), dtype=rows.dtype),
            rest=np.empty(block(np.dtype(np.uint8)), dtype=out.dtype),
        )
        result = self._storing.result(out)
        self._loop.bind(given, scratch, result)()
        return out, self._storing.seen(result)
