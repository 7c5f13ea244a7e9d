"""A result of which only some parts are filtered, or mixed with what was there by a mask."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.engine.rows import Stage, chunk_of, cycles_of
from convcli.kernels.kernel import Kernel
from convcli.pipeline.masks import Mask
from convcli.pipeline.work import Work
from convcli.record import record
from convcli.region import Box
from convcli.spec import Mapping, Rounding

#: Under so much of a level, what a float is off, a half is a half.
_OFF = 1e-9


@record
class Inside:
    """Which part of an image was filtered.

    Parameters
    ----------
    boxes
        Regions, as they were asked for, in pixels of the image.
    pixels
        How many there are in these, each counted once, where the mask isn't 0.
    partly
        How many of them a mask lets through in part.
    masked
        Whether there is a mask.
    """

    boxes: tuple[Box, ...]
    pixels: int
    partly: int = 0
    masked: bool = False


class Seen(Protocol):
    """What was seen of the responses of a part."""

    @property
    def ends(self) -> tuple[float, float]:
        """Their range."""

    @property
    def clipped(self) -> int:
        """How many did not fit."""

    @property
    def samples(self) -> int:
        """How many there are."""


class Filled:
    """A part of a result that is filtered.

    Parameters
    ----------
    box
        Its pixels.
    stage
        The samples of its rows.
    jobs
        Threads that ask for rows.
    """

    def __init__(self, box: Box, stage: Stage, jobs: int) -> None:
        self.box, self.cycles = box, stage.cycles
        self._stage = _any_rows(stage, jobs)

    def put(self, out: NDArray[Any], start: int, stop: int) -> None:
        """Write some of its rows into their place in the result."""
        out[...] = self._stage.rows(start, stop)


class Mixed:
    """A part of a result in which a mask says how much of it is filtered.

    Parameters
    ----------
    filled
        It, filtered.
    soft
        The same as floats that weren't rounded, and the image as floats; None where the mask is 0
        or full only.
    mask
        The mask of the image.
    work
        What is done to the image.
    jobs
        Threads that ask for rows.
    """

    def __init__(
        self,
        filled: Filled,
        soft: tuple[Stage, engine.Rows] | None,
        mask: Mask,
        work: Work,
        jobs: int,
    ) -> None:
        self.box, self._filled, self._mask, self._work = filled.box, filled, mask, work
        self.cycles = filled.cycles + (soft[0].cycles if soft else 0)
        self._soft = _any_rows(soft[0], jobs) if soft else None
        self._before = soft[1] if soft else None

    def put(self, out: NDArray[Any], start: int, stop: int) -> None:
        """Write some of its rows into their place in the result, which holds the image's."""
        top, left, _, right = self.box
        shares = self._mask.shares(Box(top + start, left, top + stop, right))
        whole, some = shares == 1, (shares > 0) & (shares < 1)
        filled = np.empty(out.shape, out.dtype)
        # All of it, for what is seen of its responses.
        self._filled.put(filled, start, stop)
        out[whole] = filled[whole]
        if self._soft is not None and self._before is not None and some.any():
            before = self._before.rows(top + start, top + stop)[:, left:right]
            filtered = self._soft.rows(start, stop)
            # Of one channel too: (pixels, channels).
            pixels = before[some].reshape(np.count_nonzero(some), -1)
            mixed = self._mixed(filtered[some].reshape(pixels.shape), pixels, shares[some], out)
            out[some] = mixed.reshape(out[some].shape)

    def _mixed(
        self,
        filtered: NDArray[Any],
        before: NDArray[Any],
        shares: NDArray[np.float64],
        out: NDArray[Any],
    ) -> NDArray[Any]:
        """Return share·filtered + (1 − share)·before as samples of the result."""
        work, top = self._work, self._work.target.scale.full(out.dtype)
        # Values are in their own units already.
        unit = 1.0 if work.target.same and not work.target.top else top
        unit = unit if out.dtype.kind == "u" else 1.0
        filtered = filtered.astype(np.float64) * unit
        if before.dtype.kind == "f":
            before = before * unit
        before = before.astype(np.float64)
        if out.dtype.kind == "u":
            filtered = self._levels(filtered, top)
        share = shares[:, None]
        # Samples of floats may be no numbers.
        with np.errstate(invalid="ignore", over="ignore"):
            if work.weighs:
                mixed = _weighed(filtered, before, share)
            else:
                mixed = share * filtered + (1 - share) * before
        if out.dtype.kind != "u":
            return mixed.astype(out.dtype)
        rounding = work.spec.rounding
        if rounding is Rounding.EVEN:
            mixed = np.rint(mixed.round(9))
        else:
            mixed = np.floor(mixed + (_OFF if rounding is Rounding.TRUNCATE else 0.5 + _OFF))
        return np.clip(mixed, 0, top).astype(out.dtype)

    def _levels(self, filtered: NDArray[np.float64], top: float) -> NDArray[np.float64]:
        """Return responses as levels that aren't rounded, as the filtered image has them."""
        work = self._work
        plain = not (work.spec.linear or work.spec.luma)
        if plain and work.target.mapping is Mapping.OFFSET:
            # Of whole levels that above the middle stands for zero, of floats the middle itself.
            count = filtered.shape[1]
            moved = [k for k in work.chosen if k < count]
            if work.weighs and work.keeps_brightness:
                moved = [k for k in moved if k < count - 1]
            filtered[:, moved] += 0.5
        return np.clip(np.nan_to_num(filtered, nan=0.0, posinf=top, neginf=0.0), 0, top)


class PartlyFiltered(Stage):
    """A result that is filtered in some parts, and the image elsewhere.

    Parameters
    ----------
    outside
        The image, as samples of the result.
    parts
        What is put into it; no two overlap.
    made
        The rows of each part, which know what was seen of its responses.
    jobs
        Threads that may ask for rows; 0 for one a processor.
    """

    def __init__(
        self, outside: engine.Rows, parts: Sequence[Filled | Mixed], made: Sequence[Any], jobs: int
    ) -> None:
        super().__init__(outside.shape, outside.dtype, outside.step, outside.chunk)
        self.jobs = jobs
        self._outside, self._parts = outside, parts
        self._seen: list[Seen] = [rows.seen for rows in made]
        #: How the first part was computed, one a kernel.
        self.plans: tuple[engine.Plan, ...] = made[0].plans if made else ()

    @property
    def cycles(self) -> float:
        """Those of the parts, and of the image around them."""
        return sum(part.cycles for part in self._parts) + cycles_of(self._outside)

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        parts = self._within(start, stop)
        if not parts:
            return self._outside.rows(start, stop, into)
        out = self.room(stop - start, into)
        engine.put(self._outside, start, stop, out)
        for part in parts:
            top, left, bottom, right = part.box
            first, last = max(start, top), min(stop, bottom)
            part.put(out[first - start : last - start, left:right], first - top, last - top)
        return out

    def band(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows for who writes them; the image's own, where nothing is filtered."""
        held = self._outside.held
        if held is not None and not self._within(start, stop):
            return held[start:stop]
        return super().band(start, stop)

    @property
    def seen(self) -> Seen:
        """What was seen of the responses in all parts."""
        return self

    @property
    def ends(self) -> tuple[float, float]:
        """The range of the responses in all parts."""
        ends = [seen.ends for seen in self._seen]
        whole = engine.Seen.of([engine.Seen(inf, -inf, 0), *(engine.Seen(*e, 0) for e in ends)])
        return whole.lowest, whole.highest

    @property
    def clipped(self) -> int:
        """Samples of the parts that did not fit."""
        return sum(seen.clipped for seen in self._seen)

    @property
    def samples(self) -> int:
        """Samples of the parts."""
        return sum(seen.samples for seen in self._seen)

    def _within(self, start: int, stop: int) -> list[Filled | Mixed]:
        """Return the parts that some rows are of."""
        return [part for part in self._parts if part.box.top < stop and part.box.bottom > start]


class _Grouped(Stage):
    """A stage whose rows are asked for so many at a time that to ask costs nothing beside them."""

    def __init__(self, stage: Stage) -> None:
        step = chunk_of(stage.shape, stage.dtype, stage.step)
        super().__init__(stage.shape, stage.dtype, step)
        self.jobs, self._stage = stage.jobs, stage

    @property
    def cycles(self) -> float:
        """Those of the stage."""
        return self._stage.cycles

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        out = self.room(stop - start, into)
        engine.put(self._stage, start, stop, out)
        return out


def _any_rows(stage: Stage, jobs: int) -> engine.Blocks:
    """Return a stage of which any rows can be asked for; each is made once."""
    grouped = _Grouped(stage) if len(stage.pieces) == 1 and stage.step <= 2 else stage
    return engine.Blocks(grouped, jobs, once=True)


def _weighed(
    filtered: NDArray[np.float64], before: NDArray[np.float64], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mix colour by how much there is of it, alpha as it is; alpha is the last channel."""
    much, little = share * filtered[:, -1:], (1 - share) * before[:, -1:]
    alpha = much + little
    colour = much * filtered[:, :-1] + little * before[:, :-1]
    with np.errstate(divide="ignore"):
        colour = np.where(alpha > 0, colour / alpha, before[:, :-1])
    return np.concatenate((colour, alpha), axis=1)


#: What outside of a region stands for: each sample itself.
ITSELF = Kernel("identity", np.ones((1, 1)))
