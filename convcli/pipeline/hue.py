"""Directions as hues: two responses, along x and along y, as red, green and blue.

The hue is the angle of (x, y): 0° (red) where it grows brighter to the right, 90° (yellow-green)
down, 180° (cyan) to the left, 270° (violet) up. The brightness is how strongly it does,
√(x² + y²), as the magnitude of the same two kernels is stored. Saturation is full (HSV).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.image.light import linear as light
from convcli.kernels.kernel import Combine
from convcli.pipeline.arrays import Filtered
from convcli.pipeline.responses import Target, after, scaled
from convcli.pipeline.result import Unfiltered
from convcli.pipeline.work import Work
from convcli.record import replace
from convcli.spec import Mapping

#: How far each of red, green and blue is from where its hue begins, in sixths of a turn.
_SIXTHS = (5, 3, 1)
#: Cycles a pixel for an angle and its colour.
_CYCLES = 120.0


class HueRows(engine.Stage):
    """The last stage: two responses as colours.

    Parameters
    ----------
    work
        What is done to the image.
    filtered
        Responses along x, and along y.
    origin
        Where in the result these begin.
    """

    def __init__(
        self, work: Work, filtered: Sequence[Filtered], origin: tuple[int, int] = (0, 0)
    ) -> None:
        self._work, self._filtered, self._origin = work, filtered, origin
        self._across, self._down = (each.rows for each in filtered)
        step = max(self._across.step, self._down.step)
        if step % self._across.step or step % self._down.step:
            step = self._across.step * self._down.step
        count, dtype = len(work.channels), work.target.dtype
        super().__init__((*self._across.shape[:2], count), dtype, step)
        self.chunk, self.jobs = engine.chunk_of(self.shape, dtype, step), work.spec.jobs or 0
        self._beside = Unfiltered(work, filtered[0].geometries) if work.chooses else None
        self._slope = _slope(work)
        self._seen: dict[int, engine.Seen] = {}

    @property
    def plans(self) -> tuple[engine.Plan, ...]:
        """How it was computed, one a kernel."""
        return self._filtered[0].plans

    @property
    def seen(self) -> HueRows:
        """What was seen of its responses."""
        return self

    @property
    def ends(self) -> tuple[float, float]:
        """The range of the strengths in the rows that were made, in levels of the source."""
        seen = engine.Seen.of((engine.Seen(inf, -inf, 0), *self._seen.values()))
        return seen.lowest, seen.highest

    @property
    def clipped(self) -> int:
        """Pixels that are stronger than the brightest."""
        return sum(seen.clipped for seen in self._seen.values())

    @property
    def samples(self) -> int:
        """How many pixels there are."""
        return prod(self.shape[:2])

    @property
    def cycles(self) -> float:
        """About how many a processor takes for all rows, those of earlier stages included."""
        return self._across.cycles + self._down.cycles + _CYCLES * self.samples

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        out = self.room(stop - start, into)
        few = engine.chunk_of(self.shape, np.dtype(np.float64), self.step)
        for first in range(start, stop, few):
            last = min(first + few, stop)
            across, down = (
                each.rows(first, last).reshape(last - first, self.shape[1])
                for each in (self._across, self._down)
            )
            out[first - start : last - start] = self._coloured(first, across, down)
        return out

    def _coloured(self, first: int, across: NDArray[Any], down: NDArray[Any]) -> NDArray[Any]:
        """Return the samples of some rows, given what grows along x and along y."""
        x, y = across.astype(np.float64), down.astype(np.float64)
        # Samples may be no numbers, or beyond what a square holds.
        with np.errstate(all="ignore"):
            strength = np.hypot(x, y) * self._slope
            turn = np.degrees(np.arctan2(y, x)) / 60
        shown = strength / self._work.full
        top = float(np.iinfo(self.dtype).max) if self.dtype.kind == "u" else 1.0
        clipped = int(np.count_nonzero(shown * top >= top + 0.5)) if top > 1 else 0
        lowest, highest = np.fmin.reduce(strength, None), np.fmax.reduce(strength, None)
        self._seen[first] = engine.Seen(float(lowest), float(highest), clipped)
        samples = self._stored(_colours(turn, self._bright(shown)), top)
        if self._beside is None:
            return samples
        return self._beside.merged(samples, (first + self._origin[0], self._origin[1]))

    def _bright(self, shown: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the brightness of strengths, where 1 is the greatest that whole levels hold."""
        if self.dtype.kind == "u":
            shown = np.nan_to_num(np.clip(shown, 0, 1), nan=0.0)
        if not self._work.spec.linear:
            return shown
        meta = replace(self._work.image.meta, icc=None)
        encoded = light.encode(shown, meta, np.float64)
        return np.asarray(encoded, dtype=np.float64).reshape(shown.shape)

    def _stored(self, colours: NDArray[np.float64], top: float) -> NDArray[Any]:
        """Return colours as samples of the result."""
        if top > 1:
            colours = np.floor(colours * top + 0.5)
        return colours.astype(self.dtype)


def _slope(work: Work) -> float:
    """Return what strengths are multiplied by."""
    kernel = work.kernels[-1]
    strength = replace(kernel, combine=Combine.MAGNITUDE, full_scale=None)
    target = Target(work.target.dtype, Mapping.ABS, work.full)
    target = after(work.kernels[:-1], work.spec, target)
    one = 1 / Fraction(kernel.divisor)
    return float(scaled(strength, (one, Fraction(0)), work.spec.scale, target)[0])


def _colours(turn: NDArray[np.float64], bright: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (rows, cols, 3) of full saturation (HSV), for hues in sixths of a turn."""
    found = np.empty((*turn.shape, 3))
    for channel, begins in enumerate(_SIXTHS):
        place = (turn + begins) % 6
        found[:, :, channel] = bright * (1 - np.clip(np.minimum(place, 4 - place), 0, 1))
    return found
