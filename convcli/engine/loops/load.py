"""Loading: a strip's rows, converted to its type, with their border."""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.pick import (
    every_fourth,
    every_second,
    every_second_of_four,
    every_second_of_three,
    every_third,
)
from convcli.engine.loops.vectors import at
from convcli.engine.places import (
    AHEAD,
    COLS,
    NEEDED,
    PHASE_APART,
    PHASES,
    ROW_APART,
    RUN_AT,
    RUN_FROM,
    RUN_LENGTH,
    SOURCE_SAMPLES,
    STEP,
    STRIDE,
    STRIDE_COLS,
    STRIDE_READ,
    STRIP_PITCH,
)


@jit
def _run(row, col_source, sizes, fill, start, stop, target):
    """Fill some columns of a row: ``target[i] = row[col_source[i]]``.

    RUN_AT, RUN_LENGTH, RUN_FROM are a run of `col_source` that grows by 1 a sample.
    """
    begin = min(max(sizes[RUN_AT], start), stop)
    end = max(min(sizes[RUN_AT] + sizes[RUN_LENGTH], stop), begin)
    run, inner = at(row, sizes[RUN_FROM] + begin - sizes[RUN_AT]), at(target, begin)
    for i in range(end - begin):
        inner[i] = run[i]
    for i in range(start, begin):
        target[i] = fill if col_source[i] < 0 else row[col_source[i]]
    for i in range(end, stop):
        target[i] = fill if col_source[i] < 0 else row[col_source[i]]


@jit
def _one_by_one(pixel, into, count, apart, step):
    """Copy up to `count` pixels of one to four samples, `apart` from one another; return how many.

    Several samples at once, as LLVM does worse with one (bench: regret, stride 2).
    """
    i, k = 0, 0
    while step == 1 and i + 4 <= count:
        one, two, three, four = pixel[0], pixel[apart], pixel[2 * apart], pixel[3 * apart]
        into[i], into[i + 1], into[i + 2], into[i + 3] = one, two, three, four
        pixel, i, k = at(pixel, 4 * apart), i + 4, k + 4
    while step == 2 and i < count:
        one, two = pixel[0], pixel[1]
        into[k], into[k + 1] = one, two
        pixel, i, k = at(pixel, apart), i + 1, k + 2
    while step == 3 and i < count:
        one, two, three = pixel[0], pixel[1], pixel[2]
        into[k], into[k + 1], into[k + 2] = one, two, three
        pixel, i, k = at(pixel, apart), i + 1, k + 3
    while step == 4 and i < count:
        one, two, three, four = pixel[0], pixel[1], pixel[2], pixel[3]
        into[k], into[k + 1], into[k + 2], into[k + 3] = one, two, three, four
        pixel, i, k = at(pixel, apart), i + 1, k + 4
    return i


@jit
def _phases(row, col_source, sizes, fill, start, stop, target):
    """Fill all of a row, its columns sorted by their phase: ``target[i] = row[col_source[i]]``.

    JUSTIFICATION: those of a phase lie STRIDE_COLS apart, so they can be picked out of blocks of
    the image's, a quarter of the time of looking each up; with that a strided filter takes less
    than one without a stride (bench: regret, stride 2).
    """
    stride, step, begin = sizes[STRIDE_COLS], sizes[STEP], 0
    for phase in range(0, sizes[PHASES], sizes[PHASE_APART]):
        count = (sizes[NEEDED] - phase + stride - 1) // stride
        first = phase - sizes[AHEAD]
        low = min((max(-first, 0) + stride - 1) // stride, count)
        # Blocks are read whole, up to the image's last column.
        high = min((sizes[COLS] - first) // stride, count)
        done = low
        if stride == 2 and step == 1:
            done = every_second(row, first, target, begin, low, high)
        elif stride == 2 and step == 3:
            done = every_second_of_three(row, first, target, begin, low, high)
        elif stride == 2 and step == 4:
            done = every_second_of_four(row, first, target, begin, low, high)
        elif stride == 3 and step == 1:
            done = every_third(row, first, target, begin, low, high)
        elif stride == 4 and step == 1:
            done = every_fourth(row, first, target, begin, low, high)
        inside = max(min((sizes[COLS] - 1 - first) // stride + 1, count), done)
        pixel, into = (first + done * stride) * step, (begin + done) * step
        done += _one_by_one(at(row, pixel), at(target, into), inside - done, stride * step, step)
        for i in range(begin * step, (begin + low) * step):
            target[i] = fill if col_source[i] < 0 else row[col_source[i]]
        for i in range((begin + done) * step, (begin + count) * step):
            target[i] = fill if col_source[i] < 0 else row[col_source[i]]
        begin += count


def _loading(load_row):
    """Make a loop over rows, which `_run` fills, or `_phases` for columns sorted by theirs."""

    @jit
    def load_rows(
        source, row_source, col_source, sizes, fill, first, count, start, stop, strip
    ):  # fmt: skip
        """Fill some columns of `count` rows of a strip: convert and fill the border.

        Parameters
        ----------
        source : (rows, SOURCE_SAMPLES)
            The image.
        row_source : (padded rows,) intp
            The image's row for each padded row, -1 for the fill value.
        col_source : (LOADED,) intp
            The sample of an image's row for each sample of a strip's row, -1 for the fill value.
        sizes : int64
            Of every STRIDE rows the first STRIDE_READ are filled, and of these every ROW_APART-th.
        fill
            What lies outside, in the strip's type.
        first, count
            Padded rows.
        start, stop
            Columns of the strip; where they are sorted by phase all are filled.
        strip : written
            ``strip[r * STRIP_PITCH + i] = source[row_source[first + r], col_source[i]]``.
        """
        for r in range(count if start < stop else 0):
            if r % sizes[STRIDE] >= sizes[STRIDE_READ] or r % sizes[ROW_APART] != 0:
                continue
            target, row_index = at(strip, r * sizes[STRIP_PITCH]), row_source[first + r]
            if row_index < 0:
                for i in range(start, stop):
                    target[i] = fill
            else:
                row = at(source, row_index * sizes[SOURCE_SAMPLES])
                load_row(row, col_source, sizes, fill, start, stop, target)

    return load_rows


load_rows, load_strided_rows = _loading(_run), _loading(_phases)
