"""Which parts of an image are filtered, and the result that has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.errors import UsageError
from convcli.geometry import Geometry
from convcli.image.image import Image
from convcli.pipeline import arrays
from convcli.pipeline.arrays import Filtered, Step
from convcli.pipeline.edges import check_kept, in_sight
from convcli.pipeline.inside import ITSELF, Filled, Inside, Mixed, PartlyFiltered
from convcli.pipeline.masks import Mask, mask_for
from convcli.pipeline.parts import Part, lay_part
from convcli.pipeline.work import Work, chains, prepare, rows_of
from convcli.pipeline.working import working_rows
from convcli.processors import processors
from convcli.record import record, replace
from convcli.region import Box, disjoint
from convcli.spec import Alpha, Depth, Mapping, Precision, Spec

#: Given a work, its responses, and where these begin: what makes samples of them.
MakesRows = Callable[[Work, Sequence[Filtered], tuple[int, int]], Any]


@record(eq=False)
class Partly:
    """An image of which parts are filtered.

    Parameters
    ----------
    image, work
        The image, as it was given, and what is done to it.
    geometries
        One a kernel, over the whole image.
    inside
        Which parts, for people.
    boxes
        What is filtered of it, no pixel twice.
    mask
        How much of what is filtered there is; None for all.
    notes
        What is to be said of it.
    """

    image: Image
    work: Work
    geometries: tuple[Geometry, ...]
    inside: Inside
    boxes: tuple[Box, ...]
    mask: Mask | None
    notes: tuple[str, ...]

    @cached_property
    def parts(self) -> tuple[tuple[Part, ...], ...]:
        """For each box what is summed for it."""
        return tuple(_laid(self.work, box) for box in self.boxes)

    @property
    def steps(self) -> tuple[Step, ...]:
        """How the largest part, or that of the first pixel, is computed."""
        if not self.parts:
            return _laid(self.work, Box(0, 0, 1, 1))[0].steps
        return max(self.parts, key=lambda parts: parts[0].box.pixels)[0].steps

    def stage(self, make: MakesRows) -> PartlyFiltered:
        """Return the result, its rows made when they are asked for."""
        work, jobs = self._spanned(make), self.work.spec.jobs or processors()
        made = [self._made(make, work, box) for box in self.boxes]
        parts: list[Filled | Mixed] = []
        for box, rows in zip(self.boxes, made, strict=True):
            filled = Filled(box, rows, jobs)
            if self.mask is None:
                parts.append(filled)
                continue
            soft = None
            if self.mask.is_soft(box):
                floats = _as_floats(self.image, work)
                soft = self._made(make, floats, box), self._before(work, make)
            parts.append(Mixed(filled, soft, self.mask, work, jobs))
        dtype = made[0].dtype if made else work.target.dtype
        outside = self._outside(work, dtype, make)
        return PartlyFiltered(outside, parts, made, work.spec.jobs or 0)

    def _made(self, make: MakesRows, work: Work, box: Box) -> Any:
        """Have a part made samples of."""
        rows = working_rows(work)
        found = [part.filter(rows) for part in _laid(work, box)]
        return make(work, found, (box.top, box.left))

    def _spanned(self, make: MakesRows) -> Work:
        """Return the work with the range of all parts' responses, if that is stretched."""
        work = self.work
        alone = len(self.boxes) < 2 and (self.mask is None or not self.inside.partly)
        if work.target.mapping is not Mapping.NORMALIZE or work.target.span is not None or alone:
            return work
        made = [self._made(make, work, box) for box in self.boxes]
        for rows in made:
            engine.each_part(rows, rows.cycles, work.spec.jobs or processors(), lambda *_: None)
        lows, highs = zip(*(rows.seen.ends for rows in made), strict=True)
        span = float(np.min(lows)), float(np.max(highs))
        return replace(work, target=replace(work.target, span=span))

    def _outside(self, work: Work, dtype: np.dtype[Any], make: MakesRows) -> engine.Rows:
        """Return the image as samples of the result."""
        image = self.image
        # 12 bits and 16 are of one type.
        alike = image.dtype == dtype and (dtype.kind != "u" or work.plain.scale.levels(dtype) == 1)
        if image.channels == work.channels and alike:
            return rows_of(image)
        return _itself(image, work, dtype, make)

    def _before(self, work: Work, make: MakesRows) -> engine.Rows:
        """Return the image as samples of the result that weren't rounded."""
        image = self.image
        if image.channels == work.channels and image.dtype == work.target.dtype:
            return rows_of(image)
        return _itself(image, work, np.dtype(np.float64), make)


def lay_partly(image: Image, work: Work) -> Partly:
    """Find out which parts of an image are filtered.

    Raises
    ------
    ConvError
        If a region or the mask doesn't fit the image, or the result has another size than it.
    """
    spec, size = work.spec, image.size
    part = _laid(work, Box(0, 0, 1, 1))[0]
    geometries = tuple(step.geometry for step in part.steps)
    for geometry in geometries:
        if geometry.out != size:
            rows, cols = geometry.out
            raise UsageError(
                f"`{'region' if spec.region else 'mask'}` keeps the image's size, {size[1]}×"
                f"{size[0]}, and the result has {cols}×{rows}; leave `padding` and `stride` out"
            )
    asked = tuple(region.box(size) for region in spec.region)
    notes = [
        f"`region` {region} reaches beyond the image: what is inside of it was filtered"
        for region in spec.region
        if region.reaches_beyond(size)
    ]
    boxes = disjoint(asked) if asked else (Box(0, 0, *size),)
    mask = None
    if spec.mask is not None:
        mask = mask_for(spec.mask, size)
        mask = mask.within(boxes) if asked else mask
        boxes, (pixels, partly) = mask.boxes(), mask.counts()
        if not pixels:
            notes.append("the mask is 0 everywhere: nothing was filtered")
    else:
        pixels, partly = sum(box.pixels for box in boxes), 0
    inside = Inside(asked, pixels, partly, mask is not None)
    if spec.keep_edges:
        check_kept(rows_of(work.image), work.target.dtype, len(work.channels), work)
        down = in_sight([geometry.rows for geometry in geometries])
        across = in_sight([geometry.cols for geometry in geometries])
        sight = Box(down[0], across[0], down[1], across[1])
        boxes = tuple(cut for box in boxes if (cut := box.cut(sight)))
    return Partly(image, work, geometries, inside, boxes, mask, tuple(notes))


def _laid(work: Work, box: Box) -> tuple[Part, ...]:
    rows = working_rows(work)
    return tuple(
        lay_part(rows, kernels, spec, target, box)
        for kernels, spec, target in chains(work, rows.dtype)
    )


def _as_floats(image: Image, work: Work) -> Work:
    """Return the work whose result are floats that weren't rounded."""
    target = work.target
    spec = replace(work.spec, depth=Depth.FLOAT, precision=Precision.DOUBLE, mapping=target.mapping)
    one_bit = work.alpha is Alpha.WEIGH
    return prepare(image, work.kernels, spec, target.span, watch=False, one_bit=one_bit)


def _itself(image: Image, work: Work, dtype: np.dtype[Any], make: MakesRows) -> engine.Rows:
    """Return the image as samples of the result: as a kernel leaves it that changes nothing."""
    spec, mapping = work.spec, work.target.mapping
    hue = mapping is Mapping.HUE
    gray = image.channels.removesuffix("A") != "RGB" if hue else spec.gray
    wide = dtype == np.float64
    own = Spec(
        gray=gray,
        linear=spec.linear and gray,
        mapping=Mapping.RAW if mapping is Mapping.RAW else Mapping.CLIP,
        alpha=Alpha.DROP if work.alpha is Alpha.DROP else Alpha.KEEP,
        depth=spec.depth if dtype.kind == "u" or mapping is Mapping.RAW else Depth.FLOAT,
        precision=Precision.DOUBLE if wide else Precision.SINGLE,
        jobs=spec.jobs,
    )
    itself = prepare(image, (ITSELF,), own, watch=False)
    rows = working_rows(itself)
    ((kernels, asked, target),) = chains(itself, rows.dtype)
    steps = arrays.steps_for(rows.shape, rows.dtype, kernels, asked, target)
    stage = make(itself, [arrays.filter_rows(rows, steps)], (0, 0))
    found: engine.Rows = arrays.one_by_one(stage, spec.jobs or processors())
    if hue and gray:
        found = engine.Pixels(found, lambda block, _: _tripled(block))
    if found.dtype != dtype:
        found = engine.Pixels(found, lambda block, _: block.astype(dtype))
    return found


def _tripled(block: NDArray[Any]) -> NDArray[Any]:
    """Return gray rows as red, green and blue, with alpha beside them if there is one."""
    planes = block.reshape(*block.shape[:2], -1)
    return np.concatenate((*[planes[:, :, :1]] * 3, planes[:, :, 1:]), axis=2)
