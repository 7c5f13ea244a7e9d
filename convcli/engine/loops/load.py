"""Loading: a strip's rows, converted to the working type, with their border."""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.vectors import at
from convcli.engine.places import (
    LOADED,
    PITCH,
    RUN_AT,
    RUN_FROM,
    RUN_LENGTH,
    SOURCE_SAMPLES,
)


@jit
def load_rows(source, row_source, col_source, sizes, fill, first, count, strip):
    """Fill `count` rows of a strip, from padded row `first` on: convert and fill the border.

    Parameters
    ----------
    source : (rows, SOURCE_SAMPLES)
        The picture.
    row_source : (padded rows,) intp
        The picture's row for each padded row, -1 for the fill value.
    col_source : (LOADED,) intp
        The sample of a picture's row for each sample of a strip's row, -1 for the fill value.
    sizes : int64
        RUN_AT, RUN_LENGTH, RUN_FROM: a run of `col_source` that grows by 1 a sample.
    fill
        What lies outside, in the working type.
    strip : of the working type, written
        ``strip[r * PITCH + i] = source[row_source[first + r], col_source[i]]``.
    """
    pitch, loaded = sizes[PITCH], sizes[LOADED]
    begin, length = sizes[RUN_AT], sizes[RUN_LENGTH]
    for r in range(count):
        target = at(strip, r * pitch)
        row_index = row_source[first + r]
        if row_index < 0:
            for i in range(loaded):
                target[i] = fill
            continue
        row = at(source, row_index * sizes[SOURCE_SAMPLES])
        run, inner = at(row, sizes[RUN_FROM]), at(target, begin)
        for i in range(length):
            inner[i] = run[i]
        for i in range(begin):
            target[i] = fill if col_source[i] < 0 else row[col_source[i]]
        for i in range(begin + length, loaded):
            target[i] = fill if col_source[i] < 0 else row[col_source[i]]
