"""A band: output rows, strip by strip."""

from __future__ import annotations

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.load import load_rows, load_strided_rows
from convcli.engine.loops.parts import KernelData, PartOfRows, Room, RowData, Several, SumTarget
from convcli.engine.loops.store import count_row, store_row, unchanged
from convcli.engine.loops.vectors import at, lanes, seen_as
from convcli.engine.structs import Result


@jit
def _follow(row_source, first, count):
    """Whether these padded rows are rows of the image that follow one another.

    None is more than one row below the one before it, so it is enough to look at both ends.
    """
    top = row_source[first]
    return top >= 0 and row_source[first + count - 1] - top == count - 1


@jit
def _inner(given, first, count, rows):
    """Where the samples begin and end that are read in the image, for some output rows."""
    sizes = given.sizes
    if rows % sizes.at_once != 0 or not _follow(given.row_source, first, count):
        return sizes.width, sizes.width
    return sizes.inner_from, sizes.inner_to


@jit
def _part(left, part, block):
    """How many of the samples that are left are filtered next: never less than a block."""
    if left <= part:
        return left
    return part - block if left - part < block else part


@jit
def rows_at_once(loops, given, scratch, result, part):
    """Filter a part by one kernel, whose sums become samples as they come.

    This and `rows_by_sums` take what `band` takes, but `result` begins with the part's.
    """
    sizes = given.sizes
    kernel = KernelData(part.offsets, given.weights, given.row_offsets, given.row_weights)
    room = Room(scratch.column, scratch.sums)
    r = 0
    while r < part.rows:
        base = at(part.strip, r * sizes.stride * part.pitch)
        into = at(result.out, r * sizes.width)
        # What is below the last row is written there first.
        below = at(into, sizes.width) if r + 1 < part.rows else into
        row = RowData(base, part.pitch, part.samples, r)
        loops.respond(row, sizes, kernel, room, SumTarget(loops.level, given.numbers, into, below))
        r += sizes.at_once


@jit
def rows_by_sums(loops, given, scratch, result, part):
    """Filter a part, whose sums are combined and looked at."""
    sizes = given.sizes
    at_once, pitch = sizes.at_once, sizes.sums_pitch
    down, along = sizes.terms * sizes.taps * at_once, sizes.terms * sizes.row_taps
    several = Several(sizes.kernels, sizes.share, at_once * pitch, part.samples)
    r = 0
    while r < part.rows:
        base = at(part.strip, r * sizes.stride * part.pitch)
        row = RowData(base, part.pitch, part.samples, r)
        for g in range(sizes.kernels):
            weights, row_weights = at(given.weights, g * down), at(given.row_weights, g * along)
            kernel = KernelData(part.offsets, weights, given.row_offsets, row_weights)
            own = at(scratch.sums, g * several.apart)
            target = SumTarget(unchanged, given.numbers, own, at(own, pitch))
            loops.respond(row, sizes, kernel, Room(scratch.column, own), target)
        for k in range(min(at_once, part.rows - r)):
            done = loops.combine(at(scratch.sums, k * pitch), several, scratch.acc)
            if sizes.watch:
                count_row(done, part.samples, given.limits, result)
            out = at(result.out, (r + k) * sizes.width)
            store_row(loops.level, done, part.samples, out, given.numbers, scratch.rest)
        r += at_once


def _banding(load_rows):
    """Make the loop over a band; `load_rows` is how a strip is loaded.

    JUSTIFICATION: a strip is filtered in parts of `part` samples a row, so that what neighbouring
    output rows both read is still in the cache (bench: named).
    """

    @jit
    def band(loops, given, scratch, result):
        """Filter the task's output rows by one kernel, or by several that are combined.

        Parameters
        ----------
        loops : BandLoops
            With `rows_at_once` for a single kernel whose sums nobody looks at, or `rows_by_sums`.
        given : BandInput
        scratch : BandScratch
        result : Result
        """
        sizes, task = given.sizes, given.task
        stride, y = sizes.stride, task.first
        while y < task.last:
            rows = min(sizes.strip_rows, task.last - y)
            first, count = y * stride, (rows - 1) * stride + sizes.span
            begin, end = _inner(given, first, count, rows)
            edges = (0, begin + sizes.halo), (end, sizes.loaded if begin < end else end)
            for edge in edges:
                load_rows(given, first, count, *edge, scratch.strip)
            inner = given.row_source[first] * sizes.source_samples + sizes.run_from - sizes.run_at
            start = 0
            while start < sizes.width:
                stop, base, offsets = begin, at(scratch.strip, start), given.offsets
                pitch = sizes.strip_pitch
                if start >= end:
                    stop = sizes.width
                elif start >= begin:
                    stop, base = end, at(seen_as(given.source, scratch.strip), inner + start)
                    offsets = at(given.offsets, sizes.terms * sizes.taps)
                    pitch = sizes.source_samples
                samples = _part(stop - start, sizes.part, lanes(scratch.column))
                out = at(result.out, y * sizes.width + start)
                part = PartOfRows(base, pitch, offsets, samples, rows)
                into = Result(out, result.clipped, result.extremes)
                loops.filter_rows(loops, given, scratch, into, part)
                start += samples
            y += rows

    return band


band, band_strided = _banding(load_rows), _banding(load_strided_rows)
