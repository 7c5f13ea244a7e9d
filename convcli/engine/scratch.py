"""What a thread needs to run a loop, kept for the next image of the kind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from convcli.engine.native import Call, Loop
from convcli.engine.structs import Result
from convcli.engine.thread_pool import Work

#: How many are kept, and bytes that the arrays of one may have for that.
_MOST_KEPT, _KEPT_BYTES = 16, 1 << 19

#: Stands where an image, the places of its rows, and a result will.
NOTHING = np.empty(0, np.uint8)


class Columns(NamedTuple):
    """Some columns of a result.

    Parameters
    ----------
    piece
        Which of its pieces they are.
    places
        Which column of the source each padded one is, from the first that is read on; -1 outside.
    samples
        Of a row of the source.
    """

    piece: int
    places: NDArray[np.intp]
    samples: int


class CalledFor(NamedTuple):
    """What a loop is called for.

    Parameters
    ----------
    padded_rows, out_rows
        That there are of the source with its border, and of the result.
    columns
        None for all.
    """

    padded_rows: int
    out_rows: int
    columns: Columns | None


class Scratch:
    """One thread's scratch and arguments of a loop: all but the image and the result.

    Parameters
    ----------
    loop, structs
        What is run, and on what (`structs`): what it reads, scratch and result, with `NOTHING` in
        place of the image, of the places of its rows, and of the result.
    work
        Given what calls the loop, what it is called for, and some units, filters these.
    """

    def __init__(
        self,
        loop: Loop,
        structs: tuple[Sequence[NDArray[Any]], Sequence[NDArray[Any]], Result],
        work: Callable[[Call, CalledFor, int, int], Any],
    ) -> None:
        self._call = loop.bind(*structs)
        self._work = partial(work, self._call)
        arrays = [array for struct in structs for array in struct]
        self._places = [k for k, array in enumerate(arrays) if array is NOTHING]
        self._seen, self._before = structs[2].extremes, structs[2].extremes.copy()
        self.size = sum(array.nbytes for array in arrays)
        self.maker: object = None

    def on(
        self,
        source: NDArray[Any],
        places: NDArray[np.intp],
        out: NDArray[Any],
        columns: Columns | None = None,
    ) -> Work:
        """Return what filters some units.

        Parameters
        ----------
        source
            (rows, samples) of an image.
        places
            (padded rows,) which of these each padded row is, -1 outside.
        out
            (rows, samples): the result of all units.
        columns
            Which of the result these are, if its loop can make some of them; None for all.
        """
        self._seen[...] = self._before
        self._put(source, places, out)
        return partial(self._work, CalledFor(len(places), len(out), columns))

    def clear(self) -> None:
        """Let go of the image and the result."""
        self._put(NOTHING, NOTHING, NOTHING)

    def _put(self, *arrays: NDArray[Any]) -> None:
        for place, array in zip(self._places, arrays, strict=True):
            self._call.put(place, array)


#: The last ones that were used, of all makers.
_kept: deque[Scratch] = deque(maxlen=_MOST_KEPT)


def take(maker: Callable[[], Scratch]) -> Scratch:
    """Return a scratch of this maker that nobody uses, or a new one.

    JUSTIFICATION: making one takes 0.2 ms, as long as a small image (bench: growth).
    """
    for scratch in tuple(_kept):
        if scratch.maker is maker:
            try:
                _kept.remove(scratch)
            except ValueError:  # another thread has it now
                continue
            return scratch
    scratch = maker()
    scratch.maker = maker
    return scratch


def give_back(scratch: Scratch) -> None:
    """Keep a scratch for the next image, without this one."""
    scratch.clear()
    if scratch.size <= _KEPT_BYTES:
        _kept.append(scratch)
