"""Samples left as they are where a kernel would reach beyond the image."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.errors import UsageError
from convcli.geometry import Axis, Geometry
from convcli.pipeline.anchors import AtAnchors
from convcli.pipeline.work import Work, rows_of


class KeptEdges(engine.Stage):
    """A result, but for its edges, which are the source's samples below the anchors.

    Parameters
    ----------
    result
        All of it, rows on demand.
    work, geometries
        What was done to the image: one a kernel.

    Raises
    ------
    UsageError
        If the result's samples are of another kind than the source's.
    """

    def __init__(self, result: engine.Stage, work: Work, geometries: tuple[Geometry, ...]) -> None:
        source = rows_of(work.image)
        check_kept(source, result.dtype, prod(result.shape[2:]), work)
        super().__init__(result.shape, result.dtype, result.step, result.chunk)
        self.jobs = result.jobs
        self._result = result
        self._kept = AtAnchors(source, geometries, work.spec, work.target)
        self._down = in_sight([geometry.rows for geometry in geometries])
        self._across = in_sight([geometry.cols for geometry in geometries])

    @property
    def cycles(self) -> float:
        """Those of the result."""
        return self._result.cycles

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        out = self.room(stop - start, into)
        self._result.rows(start, stop, out)
        kept = self._kept.rows(start, stop)
        outside = np.ones(out.shape[:2], dtype=bool)
        inside = slice(max(self._down[0] - start, 0), max(self._down[1] - start, 0))
        outside[inside, slice(*self._across)] = False
        out[outside] = kept[outside]
        return out


def check_kept(source: engine.Rows, dtype: np.dtype[Any], channels: int, work: Work) -> None:
    """Refuse a result whose samples are of another kind than the source's."""
    one, alike = source.dtype, prod(source.shape[2:]) == channels
    if one.kind == "u":
        # 12 bits and 16 are of one type.
        alike &= one == dtype and work.plain.scale.levels(dtype) == 1
    else:
        alike &= one == dtype or (one.kind == dtype.kind and work.target.same)
    if not alike:
        raise UsageError(
            "`keep_edges` leaves samples as they are, so the result can't have another "
            "`depth` or other channels than the image; leave one of these out"
        )


def in_sight(axes: list[Axis]) -> tuple[int, int]:
    """Return the first output of an axis that sees nothing outside of the image, and past the last.

    Parameters
    ----------
    axes
        One a kernel, in order.
    """
    first, stop = 0, axes[0].size
    for axis in axes:
        first = max(-(-(first + axis.before) // axis.stride), 0)
        stop = min((stop - axis.span + axis.before) // axis.stride + 1, axis.out)
        stop = max(stop, first)
    return first, stop
