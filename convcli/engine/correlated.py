"""An image that is correlated as its rows are asked for."""

from __future__ import annotations

from math import inf, isfinite, prod
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.engine.bands import Bands, Seen
from convcli.engine.plan import Plan
from convcli.engine.prepared import Prepared
from convcli.engine.rows import (
    Held,
    Rows,
    Stage,
    allocate,
    chunk_of,
    cycles_of,
    each_part,
    put_pieces,
)
from convcli.engine.scratch import Columns, Scratch, give_back, take
from convcli.engine.thread_pool import Work, run_bands
from convcli.engine.window import Window, cut_out
from convcli.record import field, record, replace

#: Samples that are smaller than the greatest by this lose bits of float32 to methods that round
#: to the greatest one in float64, 2⁻⁵³ of it a few times.
_DROWNED = 2.0**-26
#: Samples that are looked at for this; up to a hundredth may be so small.
_LOOKED_AT = 1 << 18


class Correlated(Stage):
    """A correlation of rows.

    JUSTIFICATION: who writes a result needs a few rows of it at a time. A band is coded while it is
    still in the cache, and the next one takes its place in memory. New memory is dear: 36 MB of it
    take as long to be had as to be filled (bench: commands).

    Parameters
    ----------
    prepared
        What is done to them.
    source
        The image.
    """

    def __init__(self, prepared: Prepared, source: Rows) -> None:
        loops, dtype = prepared.loops, prepared.finish.dtype
        super().__init__(prepared.shape, dtype, loops.together)
        if source.held is None:
            # With fewer rows, what strips load again would outweigh the rest.
            least = -(-loops.least_rows // self.step) * self.step
            self.chunk = max(chunk_of(self.shape, dtype, self.step), least)
        self.prepared = prepared
        self._source, self._window, self._threads = source, Window(source), local()
        self._used: list[Scratch] = []
        self._seen: dict[tuple[int, int], Seen] = {}

    @property
    def cycles(self) -> float:
        """About how many a processor takes for all rows, those of earlier stages included."""
        return self.prepared.choice.cost * prod(self.shape) + cycles_of(self._source)

    @property
    def seen(self) -> Seen:
        """What was seen of the responses' sums in all rows that were made so far."""
        return self.prepared.seen(Seen.of((Seen(inf, -inf, 0), *self._seen.values())))

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does.

        Raises
        ------
        ValueError
            If rows that are made together would be made apart.
        """
        if start % self.step or (stop % self.step and stop != self.shape[0]):
            raise ValueError(f"rows {start} to {stop} are not made in steps of {self.step}")
        if len(self.pieces) > 1:
            if into is None:
                into = np.empty((stop - start, *self.shape[1:]), self.dtype)
            put_pieces(self, start, stop, into)
            return into
        out, loops = self.room(stop - start, into), self.prepared.loops
        needed = loops.layout.row_source[loops.needed(start, stop)]
        source, places = self._window.at(needed)
        work = self._scratch.on(_flat(source), places, _flat(out))
        self._seen[start, 0] = work(0, loops.units_in(stop - start))
        return out

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """(left, right) of each group of tiles, if a part of the source is enough for one."""
        return self.prepared.loops.pieces if self._source.in_parts else super().pieces

    def piece(self, start: int, stop: int, number: int) -> NDArray[Any]:
        """Return one of the pieces of some rows, there until this thread asks for others."""
        loops = self.prepared.loops
        if isinstance(loops, Bands) or len(self.pieces) == 1:
            return self.rows(start, stop)
        left, right = self.pieces[number]
        out = self.room(stop - start, cols=right - left)
        down = loops.layout.row_source[loops.needed(start, stop)]
        across = loops.layout.col_map[loops.needed_columns(number)]
        source = self._source.held
        if source is None:
            source, down, across = cut_out(self._source, down, across)
            source = np.ascontiguousarray(source)
        columns = Columns(number, across, prod(source.shape[1:]))
        work = self._scratch.on(_flat(source), down, _flat(out), columns)
        self._seen[start, number] = work(0, loops.units_down(stop - start))
        return out

    def whole(self, jobs: int) -> NDArray[Any]:
        """Return all rows, made on up to `jobs` threads.

        JUSTIFICATION: where the source is there, threads share what is smaller than rows that are
        made together, and an image that one thread makes takes no more than one call (bench:
        growth).
        """
        if self._source.held is None:
            return super().whole(jobs)
        out, loops = allocate(self.shape, self.dtype), self.prepared.loops
        arrays = _flat(self._source.held), loops.layout.row_source, _flat(out)

        def begin() -> Work:
            return self._take().on(*arrays)

        seen = run_bands(loops.units, self.cycles, jobs, begin)
        self._seen = {(number, 0): each for number, each in enumerate(seen)}
        return out

    def look(self, jobs: int) -> Seen:
        """Return what is seen of all rows, and keep none of them."""
        each_part(self, self.cycles, jobs, lambda first, rows: None)
        return self.seen

    def give_back(self) -> None:
        """Leave what the threads needed to other images of the kind."""
        for scratch in self._used:
            give_back(scratch)

    def _take(self) -> Scratch:
        scratch = take(self.prepared.scratch)
        self._used.append(scratch)
        return scratch

    @property
    def _scratch(self) -> Scratch:
        """The thread's own."""
        scratch: Scratch | None = getattr(self._threads, "scratch", None)
        if scratch is None:
            scratch = self._threads.scratch = self._take()
        return scratch


@record
class Finished:
    """A result, and what was seen on the way.

    Parameters
    ----------
    pixels
        (rows, cols) or (rows, cols, channels).
    plans
        How it was computed; none if it wasn't here.
    lowest, highest
        The least and the greatest sum.
    clipped
        Samples that did not fit the result's range.
    """

    pixels: NDArray[Any] = field(repr=False)
    plans: tuple[Plan, ...]
    lowest: float
    highest: float
    clipped: int


def correlated(prepared: Prepared, source: Rows) -> Correlated:
    """Return the correlation of an image, as rows on demand.

    Where one sample could spoil others, or sums are stretched, the source is read once now.

    Parameters
    ----------
    prepared
        For images of this shape and sample type.
    source
        The image.
    """
    jobs, finish = prepared.planned.jobs, prepared.finish
    if prepared.spreads and not is_even(source, prepared.loops.fill, jobs):
        prepared = prepared.uneven
    if prepared.options.stretch:
        first = Correlated(prepared, source)
        lowest, highest, _ = first.look(jobs)
        first.give_back()
        prepared = replace(prepared, finish=finish.stretch(lowest, highest))
    return Correlated(prepared, source)


def run(prepared: Prepared, pixels: NDArray[Any], *, again: bool = True) -> Finished:
    """Correlate an array.

    Parameters
    ----------
    prepared
        For arrays of this shape and sample type.
    pixels
        The array.
    again
        Whether others may follow, so that scratch is kept for them.

    Returns
    -------
    Finished
        The same to the bit for whole weights and integer samples, whatever the threads.
    """
    rows = correlated(prepared, Held(pixels))
    out = rows.whole(rows.prepared.planned.jobs)
    # What stretches one image's range fits no other.
    if again and not prepared.options.stretch:
        rows.give_back()
    return Finished(out, (rows.prepared.planned,), *rows.seen)


def _flat(rows: NDArray[Any]) -> NDArray[Any]:
    return rows.reshape(len(rows), -1)


def is_even(source: Rows, fill: float, jobs: int) -> bool:
    """Whether all samples are finite, and none so great that it would drown the others.

    Parameters
    ----------
    source
        Where they are; all are made if they aren't there.
    fill
        What lies outside.
    jobs
        Threads that they are made on.
    """
    if source.dtype.kind == "u":
        return True
    row = prod(source.shape[1:])
    apart = max(1, row * source.shape[0] // _LOOKED_AT)
    ends, some = [fill], list[NDArray[Any]]()

    def look(first: int, rows: NDArray[Any]) -> None:
        ends.extend((float(rows.min()), float(rows.max())))
        some.append(np.abs(rows.reshape(-1)[-first * row % apart :: apart]))

    each_part(source, cycles_of(source), jobs, look)
    # One that is no number makes these so.
    low, high = float(np.min(ends)), float(np.max(ends))
    if not (isfinite(low) and isfinite(high)):
        return False
    sizes = np.concatenate(some)
    drowned = (sizes > 0) & (sizes < max(-low, high) * _DROWNED)
    return bool(np.count_nonzero(drowned) <= len(sizes) // 100)
