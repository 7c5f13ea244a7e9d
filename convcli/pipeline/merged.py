"""Channels that were made apart, and those that aren't filtered, beside one another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.geometry import Geometry
from convcli.image import channels as ch
from convcli.image.light import lab
from convcli.pipeline.anchors import AtAnchors
from convcli.pipeline.responses import fill_level
from convcli.pipeline.work import Work, planes_of, rows_of
from convcli.record import replace
from convcli.spec import Mapping


class Kept(engine.Stage):
    """Channels that are not filtered, as samples of the result.

    Parameters
    ----------
    work
        What is done to the whole image.
    places
        Which channels.
    geometries
        One a kernel.
    """

    def __init__(
        self, work: Work, places: tuple[int, ...], geometries: tuple[Geometry, ...]
    ) -> None:
        rows = engine.Pixels(
            rows_of(work.image), lambda block, _: ch.select(planes_of(block), places)
        )
        fills = [_fill(work, place) for place in places]
        self._rows = AtAnchors(rows, geometries, work.spec, work.target, fills)
        self._steps = [_step(work, place) for place in places]
        self._same = work.image.dtype == work.target.dtype
        super().__init__(self._rows.shape, work.target.dtype, 1, self._rows.chunk)

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        found = self._rows.rows(start, stop)
        if self._same:
            return engine.put_into(into, found)
        out = self.room(stop - start, into)
        for k, (before, gain, behind) in enumerate(self._steps):
            samples = (found[:, :, k].astype(np.float64) - before) * gain + behind
            if self.dtype.kind == "u":
                samples = np.floor(samples + 0.5).clip(0, np.iinfo(self.dtype).max)
            out[:, :, k] = samples
        return out


def _fill(work: Work, place: int) -> float:
    """Return what lies outside a channel."""
    image = work.image
    is_lab = ch.colour_of(image.channels) == "Lab"
    if is_lab and place in (1, 2):
        return lab.middle_of(image.dtype)
    white = lab.white_of(image) if place == 0 else image.maximum
    target = replace(work.target, maximum=image.maximum, white=white)
    return fill_level(work.spec.fill, image.dtype, target)


def _step(work: Work, place: int) -> tuple[float, float, float]:
    """Return what is taken from a channel's samples, what they are multiplied by, and get then."""
    image, target = work.image, work.target
    one, other = image.dtype, target.dtype
    if ch.colour_of(image.channels) != "Lab" or place > 2:
        is_alpha = image.has_alpha and place == len(image.channels) - 1
        as_is = target.mapping is Mapping.RAW and not is_alpha
        return 0.0, 1.0 if as_is else lab.full_of(other) / image.maximum, 0.0
    kind = image.meta.bands.kind
    was, now = lab.units(kind, one), lab.units(kind, other)
    if target.mapping is Mapping.RAW:
        now = was
    if place == 0:
        return 0.0, now[0] / was[0], 0.0
    return lab.middle_of(one), now[1] / was[1], lab.middle_of(other)


class Beside(engine.Stage):
    """Channels that were made apart, beside one another.

    Parameters
    ----------
    parts
        Rows on demand of some channels, and which of the result's these are.
    count
        How many the result has.
    dtype
        The samples' type.
    """

    def __init__(
        self,
        parts: list[tuple[engine.Rows, tuple[int, ...]]],
        count: int,
        dtype: np.dtype[Any],
    ) -> None:
        size = parts[0][0].shape[:2]
        step = max(rows.step for rows, _ in parts)
        super().__init__(size if count == 1 else (*size, count), dtype, step)
        self.chunk = engine.chunk_of(self.shape, dtype, step)
        self._parts, self._count = parts, count

    @property
    def cycles(self) -> float:
        """Those of all parts."""
        return super().cycles + sum(getattr(rows, "cycles", 0.0) for rows, _ in self._parts)

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        out = self.room(stop - start, into)
        planes = out.reshape(*out.shape[:2], -1)
        for rows, places in self._parts:
            found = planes_of(rows.rows(start, stop))
            for k, place in enumerate(places):
                planes[:, :, place] = found[:, :, k]
        return out
