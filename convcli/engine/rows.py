"""Rows on demand: what images, stages and writers have in common, and what stands between."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from threading import local
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from convcli.engine.thread_pool import run_bands
from convcli.errors import ImageError

#: Bytes of a stage's rows that are made at a time: so few that a whole chain stays in the cache.
CHUNK_BYTES = 2**20
#: Cycles a sample that a stage takes which only looks at one pixel after the other.
_PIXEL_CYCLES = 8.0


class Rows(Protocol):
    """An image whose rows are made, or read, when they are asked for, on the thread that asks.

    Attributes
    ----------
    shape, dtype
        (rows, cols) or (rows, cols, channels), and the type of the samples.
    step
        Rows that are made together: what is asked for begins at a multiple of it, and ends at one
        or with the image.
    chunk
        How many rows are best asked for at a time, a multiple of `step`; 0 if it doesn't matter.
    held
        All rows, if they are there.
    in_parts
        Whether some columns can be had without the others.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, cols) or (rows, cols, channels)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The samples' type."""

    @property
    def step(self) -> int:
        """Rows that are made together."""

    @property
    def chunk(self) -> int:
        """Rows that are best asked for at a time; 0 if it doesn't matter."""

    @property
    def held(self) -> NDArray[Any] | None:
        """All rows, if they are there."""

    @property
    def in_parts(self) -> bool:
        """Whether some columns can be had without the others."""

    def part(self, start: int, stop: int, left: int, right: int) -> NDArray[Any]:
        """Return some columns of some rows, as `rows` does."""

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows.

        Parameters
        ----------
        start, stop
            Which.
        into
            Where they are to be, C-contiguous; None for anywhere.

        Returns
        -------
        ndarray of shape (stop - start, …)
            Not to be written to, and only there until this thread asks for others.
        """


class Held:
    """An array, as rows.

    Parameters
    ----------
    pixels
        (rows, cols) or (rows, cols, channels).
    """

    step, chunk, in_parts = 1, 0, True

    def __init__(self, pixels: NDArray[Any]) -> None:
        self.held = np.ascontiguousarray(pixels)
        self.shape, self.dtype = self.held.shape, self.held.dtype

    def part(self, start: int, stop: int, left: int, right: int) -> NDArray[Any]:
        """Return some columns of some rows, a view."""
        return self.held[start:stop, left:right]

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, a view."""
        return put_into(into, self.held[start:stop])


class Stage:
    """Rows that are made of other rows: what all stages have.

    Parameters
    ----------
    shape, dtype
        Of the image that it gives.
    step, chunk
        As `Rows` has them.
    """

    held: NDArray[Any] | None = None
    in_parts: bool = False
    #: Threads that may ask for rows; 0 for one a processor.
    jobs: int = 0

    def __init__(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], step: int = 1, chunk: int = 0
    ) -> None:
        self.shape, self.dtype, self.step, self.chunk = shape, dtype, step, chunk
        self._own = local()

    @property
    def cycles(self) -> float:
        """About how many a processor takes for all rows, those of earlier stages included."""
        return _PIXEL_CYCLES * prod(self.shape)

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        raise NotImplementedError

    def part(self, start: int, stop: int, left: int, right: int) -> NDArray[Any]:
        """Return some columns of some rows, of which the others are made, too."""
        return self.rows(start, stop)[:, left:right]

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """(left, right) of the columns that are best made one after the other; mostly all."""
        return ((0, self.shape[1]),)

    def piece(self, start: int, stop: int, number: int) -> NDArray[Any]:
        """Return one of the pieces of some rows, there until this thread asks for others."""
        left, right = self.pieces[number]
        return self.rows(start, stop)[:, left:right]

    def room(
        self, rows: int, into: NDArray[Any] | None = None, cols: int | None = None
    ) -> NDArray[Any]:
        """Return where some rows, or so many columns of them, are to be made.

        That is where it was asked for, or the thread's own place.
        """
        if into is not None:
            return into
        shape = (rows, *self.shape[1:]) if cols is None else (rows, cols, *self.shape[2:])
        room: NDArray[Any] | None = getattr(self._own, "room", None)
        if room is None or room.size < prod(shape):
            room = self._own.room = np.empty(prod(shape), dtype=self.dtype)
        return room[: prod(shape)].reshape(shape)

    def band(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows for who writes them, there until this thread asks for others.

        Raises
        ------
        ValueError
            If rows that are made together would be made apart.
        """
        if start % self.step or (stop % self.step and stop != self.shape[0]):
            raise ValueError(f"rows {start} to {stop} are not made in steps of {self.step}")
        band: NDArray[Any] | None = getattr(self._own, "band", None)
        if band is None or len(band) < stop - start:
            band = self._own.band = np.empty((stop - start, *self.shape[1:]), dtype=self.dtype)
        put(self, start, stop, band[: stop - start])
        return band[: stop - start]

    def whole(self, jobs: int) -> NDArray[Any]:
        """Return all rows, made on up to `jobs` threads."""
        return whole(self, self.cycles, jobs)


class Pixels(Stage):
    """A stage that makes each pixel of the one in the same place.

    Parameters
    ----------
    source
        What it makes them of.
    work
        Given a block of the source's rows, and the first of these, returns what becomes of them:
        as many rows.
    """

    def __init__(self, source: Rows, work: Callable[[NDArray[Any], int], NDArray[Any]]) -> None:
        # One pixel tells what becomes of all.
        one = work(np.zeros((1, 1, *source.shape[2:]), source.dtype), -1)
        shape = (*source.shape[:2], *one.shape[2:])
        super().__init__(shape, one.dtype, source.step, source.chunk)
        self.chunk = source.chunk or chunk_of(shape, one.dtype)
        self.in_parts = source.in_parts
        self._source, self._work = source, work

    @property
    def cycles(self) -> float:
        """Its own, and those of what it stands on."""
        return super().cycles + cycles_of(self._source)

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        return put_into(into, self._work(self._source.rows(start, stop), start))

    def part(self, start: int, stop: int, left: int, right: int) -> NDArray[Any]:
        """Return some columns of some rows."""
        return self._work(self._source.part(start, stop, left, right), start)


def chunk_of(shape: tuple[int, ...], dtype: np.dtype[Any], step: int = 1) -> int:
    """Return how many rows of an image are made at a time, a multiple of `step`."""
    row = prod(shape[1:]) * dtype.itemsize
    return max(1, CHUNK_BYTES // row // step) * step


def cycles_of(source: Rows) -> float:
    """Return about how many cycles it takes to make all rows of a source; 0 if they are there."""
    return float(getattr(source, "cycles", 0.0))


def put(source: Rows, start: int, stop: int, out: NDArray[Any]) -> None:
    """Make rows where they are wanted, as many at a time as is best."""
    chunk = source.chunk or stop - start
    for first in range(start, stop, chunk):
        last = min(first + chunk, stop)
        source.rows(first, last, out[first - start : last - start])


def whole(source: Rows, cycles: float, jobs: int) -> NDArray[Any]:
    """Return all rows of a source, made on up to `jobs` threads; `cycles` is what they take."""
    out = allocate(source.shape, source.dtype)

    def work(first: int, last: int) -> None:
        put(source, first, last, out[first:last])

    run_bands((source.shape[0], source.step), cycles, jobs, lambda: work)
    return out


def put_pieces(source: Stage, start: int, stop: int, out: NDArray[Any]) -> None:
    """Make rows where they are wanted, one piece after the other."""
    for number, (left, right) in enumerate(source.pieces):
        out[:, left:right] = source.piece(start, stop, number)


def each_part(
    source: Rows, cycles: float, jobs: int, look: Callable[[int, NDArray[Any]], None]
) -> None:
    """Have all rows of a source made on up to `jobs` threads, looked at, and forgotten.

    Parameters
    ----------
    source, cycles, jobs
        As `whole` takes them.
    look
        Is given the first of some rows, and these.
    """
    chunk = source.chunk or chunk_of(source.shape, source.dtype, source.step)

    def work(first: int, last: int) -> None:
        for start in range(first, last, chunk):
            stop = min(start + chunk, last)
            look(start, source.rows(start, stop))

    run_bands((source.shape[0], source.step), cycles, jobs, lambda: work)


def allocate(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Make room for a result; ImageError if there is none."""
    try:
        return np.empty(shape, dtype=dtype)
    except MemoryError:
        size = prod(shape) * dtype.itemsize
        raise ImageError(
            f"a result of {' × '.join(map(str, shape))} {dtype} samples takes {size:,} bytes, "
            f"more than there is memory; use a larger stride or a smaller image"
        ) from None


def put_into(into: NDArray[Any] | None, rows: NDArray[Any]) -> NDArray[Any]:
    """Return rows where they are, or in the place that they are wanted in, if there is one."""
    if into is None:
        return rows
    into[...] = rows
    return into
