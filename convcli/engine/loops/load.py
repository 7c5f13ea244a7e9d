"""Loading: a strip's rows, converted to the working type, with their border."""

from __future__ import annotations

from convcli.engine.loops.places import RUN_AT, RUN_FROM, RUN_LENGTH, jit


@jit
def load_rows(source, row_source, col_source, sizes, fill, first, count, strip):
    """Fill `count` rows of a strip, from padded row `first` on: convert and fill the border.

    Parameters
    ----------
    source : (rows, samples) array
        The picture.
    row_source : (padded rows,) intp
        The picture's row for each padded row, -1 for the fill value.
    col_source : (pitch,) intp
        The sample of a picture's row for each sample of a strip's row, -1 for the fill value.
    sizes : int64 array
        RUN_AT, RUN_LENGTH, RUN_FROM: a run of `col_source` that grows by 1 a sample.
    fill
        What lies outside, in the working type.
    strip : flat array, written
        ``strip[r * pitch + i] = source[row_source[first + r], col_source[i]]``.
    """
    pitch = len(col_source)
    at, length, start = sizes[RUN_AT], sizes[RUN_LENGTH], sizes[RUN_FROM]
    for r in range(count):
        target = strip[r * pitch : (r + 1) * pitch]
        row_index = row_source[first + r]
        if row_index < 0:
            for i in range(pitch):
                target[i] = fill
            continue
        row = source[row_index]
        # JUSTIFICATION: slices indexed by the plain loop variable vectorise; `row[start + i]`
        # keeps the negative-index check and runs six times slower (bench: load).
        run, inner = row[start : start + length], target[at : at + length]
        for i in range(length):
            inner[i] = run[i]
        for i in range(at):
            target[i] = fill if col_source[i] < 0 else row[col_source[i]]
        for i in range(at + length, pitch):
            target[i] = fill if col_source[i] < 0 else row[col_source[i]]
