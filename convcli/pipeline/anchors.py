"""Samples that are picked from an image: at the anchors of kernels, or those that a part needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.borders import by_axis
from convcli.borders import source as border_source
from convcli.engine.window import Window, cut_out
from convcli.geometry import Geometry, anchor_tap
from convcli.pipeline.responses import Target, fill_level
from convcli.spec import Spec


class Picked(engine.Stage):
    """Rows and columns of other rows, in any order.

    Parameters
    ----------
    rows
        The samples.
    down, across
        Which rows and columns; -1 for those that lie outside.
    fill
        What these hold: a sample, or one for each channel.
    """

    def __init__(
        self,
        rows: engine.Rows,
        down: NDArray[np.intp],
        across: NDArray[np.intp],
        fill: Any,
    ) -> None:
        super().__init__((len(down), len(across), *rows.shape[2:]), rows.dtype)
        self.chunk = engine.chunk_of(self.shape, self.dtype)
        self._window, self._source = Window(rows), rows
        self._down, self._across, self._fill = down, across, fill

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        found, places = self._window.at(self._down[start:stop])
        return engine.put_into(into, self._picked(found, places, self._across))

    def part(self, start: int, stop: int, left: int, right: int) -> NDArray[Any]:
        """Return some columns of some rows."""
        if (left, right) == (0, self.shape[1]) or not self._source.in_parts:
            return super().part(start, stop, left, right)
        return self._picked(
            *cut_out(self._source, self._down[start:stop], self._across[left:right])
        )

    def _picked(
        self, found: NDArray[Any], down: NDArray[np.intp], across: NDArray[np.intp]
    ) -> NDArray[Any]:
        """Return rows and columns of what was found, and the fill for those outside."""
        out = _taken(_taken(found, down, 0), across, 1)
        if (down < 0).any() or (across < 0).any():
            out = out.copy()
            out[down < 0] = self._fill
            out[:, across < 0] = self._fill
        return out


class AtAnchors(Picked):
    """The samples under the kernels' anchors: what identity kernels would leave.

    Parameters
    ----------
    rows
        The samples.
    geometries
        One a kernel.
    spec, target
        Its border and fill, and the target's levels, say what lies outside.
    fills
        What lies outside in each channel, if that isn't alike.
    """

    def __init__(
        self,
        rows: engine.Rows,
        geometries: tuple[Geometry, ...],
        spec: Spec,
        target: Target,
        fills: Sequence[float] | None = None,
    ) -> None:
        down, across = (_places(geometries, k, spec) for k in range(2))
        fill: Any = fill_level(spec.fill, rows.dtype, target)
        super().__init__(rows, down, across, fill if fills is None else np.array(fills))

    def like(self, filtered: NDArray[Any], corner: tuple[int, int]) -> NDArray[Any]:
        """Return the part that begins at a row and column and is as large as another."""
        (top, left), (rows, cols) = corner, filtered.shape[:2]
        return self.part(top, top + rows, left, left + cols)


def placed(
    geometries: Sequence[Geometry], spec: Spec
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the place of an image that the result's first sample stands on, and their distance.

    Parameters
    ----------
    geometries
        One a kernel.
    spec
        Whose anchor and flip they were planned with.

    Returns
    -------
    origin, step
        (rows, cols): samples from the image's first, where a padded result begins below 0.
    """
    origin, step = [0.0, 0.0], [1.0, 1.0]
    for geometry in geometries:
        taps = geometry.rows.taps, geometry.cols.taps
        for k, axis in enumerate((geometry.rows, geometry.cols)):
            anchor = anchor_tap(taps, k, spec.anchor, flip=spec.convolve)
            origin[k] += step[k] * (anchor * axis.dilation - axis.before)
            step[k] *= axis.stride
    return (origin[0], origin[1]), (step[0], step[1])


def _taken(found: NDArray[Any], places: NDArray[np.intp], axis: int) -> NDArray[Any]:
    """Take what is at some places along an axis: a view, where they follow one another."""
    first, last = int(places[0]), int(places[0]) + len(places)
    if first >= 0 and np.array_equal(places, np.arange(first, last)):
        return found[first:last] if axis == 0 else found[:, first:last]
    return found.take(places, axis=axis)


def _places(geometries: tuple[Geometry, ...], k: int, spec: Spec) -> NDArray[np.intp]:
    """Return which row (or column, if k is 1) of an image each one of the result stands on."""
    border = by_axis(spec.border)[k]
    found = np.arange((geometries[0].rows, geometries[0].cols)[k].size)
    for geometry in geometries:
        axis, taps = (geometry.rows, geometry.cols)[k], (geometry.rows.taps, geometry.cols.taps)
        anchor = anchor_tap(taps, k, spec.anchor, flip=spec.convolve)
        places = border_source(axis.size, axis.before, axis.after, border)
        picked = places[anchor * axis.dilation :: axis.stride][: axis.out]
        # What lies outside an image lies outside all that are made of it.
        found = np.where(picked < 0, -1, found[picked])
    return found
