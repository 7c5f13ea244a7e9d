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


@jit
def _run(given, row, start, stop, target):
    """Fill some columns of a row: ``target[i] = row[col_source[i]]``."""
    sizes, col_source, fill = given.sizes, given.col_source, given.fill[0]
    begin = min(max(sizes.run_at, start), stop)
    end = max(min(sizes.run_at + sizes.run_length, stop), begin)
    run, inner = at(row, sizes.run_from + begin - sizes.run_at), at(target, begin)
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
def _phases(given, row, _start, _stop, target):
    """Fill all of a row, its columns sorted by their phase: ``target[i] = row[col_source[i]]``.

    JUSTIFICATION: those of a phase lie `stride_cols` apart, so they can be picked out of blocks of
    the image's, a quarter of the time of looking each up; with that a strided filter takes less
    than one without a stride (bench: regret, stride 2).
    """
    sizes, col_source, fill = given.sizes, given.col_source, given.fill[0]
    stride, step, begin = sizes.stride_cols, sizes.step, 0
    for phase in range(0, sizes.phases, sizes.phase_apart):
        count = (sizes.needed - phase + stride - 1) // stride
        first = phase - sizes.ahead
        low = min((max(-first, 0) + stride - 1) // stride, count)
        # Blocks are read whole, up to the image's last column.
        high = min((sizes.cols - first) // stride, count)
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
        inside = max(min((sizes.cols - 1 - first) // stride + 1, count), done)
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
    def load_rows(given, first, count, start, stop, strip):
        """Fill some columns of `count` rows of a strip: convert and fill the border.

        Parameters
        ----------
        given : BandInput
        first, count
            Padded rows.
        start, stop
            Columns of the strip; where they are sorted by phase all are filled.
        strip : written
            ``strip[r * strip_pitch + i] = source[row_source[first + r], col_source[i]]``.
        """
        sizes, fill = given.sizes, given.fill[0]
        for r in range(count if start < stop else 0):
            if r % sizes.stride >= sizes.stride_read or r % sizes.row_apart != 0:
                continue
            target, row_index = at(strip, r * sizes.strip_pitch), given.row_source[first + r]
            if row_index < 0:
                for i in range(start, stop):
                    target[i] = fill
            else:
                row = at(given.source, row_index * sizes.source_samples)
                load_row(given, row, start, stop, target)

    return load_rows


load_rows, load_strided_rows = _loading(_run), _loading(_phases)
