"""Loading: a strip's rows, converted to its type, with their border."""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.vectors import at
from convcli.engine.places import (
    RUN_AT,
    RUN_FROM,
    RUN_LENGTH,
    SOURCE_SAMPLES,
    STRIP_PITCH,
)


@jit
def load_rows(
    source, row_source, col_source, sizes, fill, first, count, start, stop, strip
):  # fmt: skip
    """Fill some columns of `count` rows of a strip: convert and fill the border.

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
        What lies outside, in the strip's type.
    first, count
        Padded rows.
    start, stop
        Columns of the strip.
    strip : written
        ``strip[r * STRIP_PITCH + i] = source[row_source[first + r], col_source[i]]``.
    """
    pitch = sizes[STRIP_PITCH]
    begin = min(max(sizes[RUN_AT], start), stop)
    end = max(min(sizes[RUN_AT] + sizes[RUN_LENGTH], stop), begin)
    for r in range(count):
        target = at(strip, r * pitch)
        row_index = row_source[first + r]
        if row_index < 0:
            for i in range(start, stop):
                target[i] = fill
            continue
        row = at(source, row_index * sizes[SOURCE_SAMPLES])
        run, inner = at(row, sizes[RUN_FROM] + begin - sizes[RUN_AT]), at(target, begin)
        for i in range(end - begin):
            inner[i] = run[i]
        for i in range(start, begin):
            target[i] = fill if col_source[i] < 0 else row[col_source[i]]
        for i in range(end, stop):
            target[i] = fill if col_source[i] < 0 else row[col_source[i]]
