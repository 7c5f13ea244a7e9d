"""A rectangle of a result, made of no more of the image than it needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.borders import by_axis
from convcli.borders import source as border_source
from convcli.engine.window import cut_out
from convcli.geometry import Axis, Geometry
from convcli.kernels.kernel import AnyKernel
from convcli.pipeline import arrays
from convcli.pipeline.anchors import Picked
from convcli.pipeline.arrays import Filtered, Step
from convcli.pipeline.responses import Target, after, between, fill_level
from convcli.record import record, replace
from convcli.region import Box
from convcli.spec import Spec


class Cut(Picked):
    """What a kernel sees of an image for a part of its result, borders included."""

    def __init__(
        self,
        rows: engine.Rows,
        down: NDArray[np.intp],
        across: NDArray[np.intp],
        fill: float,
    ) -> None:
        super().__init__(rows, down, across, fill)
        self.in_parts = rows.in_parts

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        if not self._source.in_parts:
            return super().rows(start, stop, into)
        found = cut_out(self._source, self._down[start:stop], self._across)
        return engine.put_into(into, self._picked(*found))

    def part(self, start: int, stop: int, left: int, right: int) -> NDArray[Any]:
        """Return some columns of some rows."""
        if not self._source.in_parts:
            return super().part(start, stop, left, right)
        found = cut_out(self._source, self._down[start:stop], self._across[left:right])
        return self._picked(*found)


@record(eq=False)
class Part:
    """A rectangle of a result, and kernels that are made ready for it.

    Parameters
    ----------
    box
        Its pixels in the result.
    seen
        For each kernel which (rows, columns) it sees: of the image, or of what the kernel before
        it gives for the part; -1 for those outside.
    steps
        The kernels, each with its geometry over the whole image.
    fills
        What lies outside for each.
    """

    box: Box
    seen: tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]
    steps: tuple[Step, ...]
    fills: tuple[float, ...]

    def load(self) -> None:
        """Have the loops loaded."""
        for step in self.steps:
            step.prepared.load()

    def filter(self, source: engine.Rows) -> Filtered:
        """Have the part filtered as its rows are asked for; `source` is the whole image."""
        done: list[Step] = []
        for step, seen, fill in zip(self.steps, self.seen, self.fills, strict=True):
            last = step.over(Cut(source, *seen, fill))
            done.append(replace(step, prepared=last.prepared))
            source = arrays.one_by_one(last, last.prepared.planned.jobs)
        return Filtered(last, tuple(done))


def lay_part(
    rows: engine.Rows, kernels: Sequence[AnyKernel], spec: Spec, target: Target, box: Box
) -> Part:
    """Make kernels ready for a part of their result.

    Parameters
    ----------
    rows
        The image that is filtered.
    kernels, spec, target
        As `arrays.steps_for` takes them.
    box
        The part; the result is as large as the image.
    """
    geometries: list[Geometry] = []
    for kernel in kernels:
        shape = geometries[-1].out if geometries else rows.shape
        geometries.append(arrays.lay_over(shape, kernel, spec))
    seen = _seen(geometries, spec, box)
    inner = replace(spec, padding="valid", keep_edges=False, region=(), mask=None)
    last, dtype = after(kernels[:-1], spec, target), rows.dtype
    steps, fills = [], []
    for kernel, places, geometry in zip(kernels, seen, geometries, strict=True):
        shape = (*map(len, places), *rows.shape[2:])
        fill = fill_level(spec.fill, dtype, target)
        fills.append(engine.Border2D(spec.border, fill).level)
        ends = len(fills) == len(kernels)
        real = arrays.sums_type(dtype, spec)
        to, scale = (last, spec.scale) if ends else (between(target, real), 1.0)
        step = arrays.step_of(shape, dtype, kernel, inner, to, scale)
        steps.append(replace(step, geometry=geometry))
        dtype = real
    return Part(box, seen, tuple(steps), tuple(fills))


def _seen(
    geometries: Sequence[Geometry], spec: Spec, box: Box
) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]:
    """Return what each kernel sees, counted in what the one before it gives for the part."""
    borders = by_axis(spec.border)
    found: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
    ends = [(box.top, box.bottom), (box.left, box.right)]
    for geometry in reversed(geometries):
        axes = geometry.rows, geometry.cols
        places = [_places(axes[k], borders[k], *ends[k]) for k in (0, 1)]
        ends = [_span(each) for each in places]
        found.append((places[0], places[1]))
        if len(found) < len(geometries):
            down, across = (
                np.where(each < 0, -1, each - low)
                for each, (low, _) in zip(places, ends, strict=True)
            )
            found[-1] = down, across
    return tuple(reversed(found))


def _places(axis: Axis, border: Any, first: int, stop: int) -> NDArray[np.intp]:
    """Return what some outputs see along an axis; -1 for what is outside."""
    places = border_source(axis.size, axis.before, axis.after, border)
    return places[first * axis.stride : (stop - 1) * axis.stride + axis.span]


def _span(places: NDArray[np.intp]) -> tuple[int, int]:
    """Return the first of some places and the one past the last; the first there is if none is."""
    inside = places[places >= 0]
    return (int(inside.min()), int(inside.max()) + 1) if inside.size else (0, 1)
