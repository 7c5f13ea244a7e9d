"""Channels of different kinds: each kind is filtered in its own way, and put beside the others.

L*a*b*: L* is filtered as gray is. a* and b* have a sign, and are stored around the middle: there
lies their neutral, which fill values and offsets leave alone. In linear light what is no colour is
filtered as it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.borders import Border, by_axis
from convcli.errors import UsageError
from convcli.geometry import Geometry
from convcli.image import channels as ch
from convcli.image.image import Image, Meta
from convcli.image.light import lab
from convcli.kernels.kernel import Kernel
from convcli.pipeline.arrays import Step
from convcli.pipeline.edges import KeptEdges
from convcli.pipeline.facts import Facts
from convcli.pipeline.merged import Beside, Kept
from convcli.pipeline.responses import after, scaled
from convcli.pipeline.work import (
    Work,
    planes_of,
    prepare,
    rows_of,
    squeezed,
)
from convcli.record import record, replace
from convcli.spec import Alpha, Mapping, Rounding, Spec


class OneRoad(Protocol):
    """The road of an image of one kind of channels."""

    work: Work
    steps: tuple[Step, ...]
    partly: Any

    def load(self) -> None:
        """Have the loops loaded."""

    @property
    def result(self) -> Image:
        """What comes out."""

    @property
    def facts(self) -> Facts:
        """What was done."""


@record
class Group:
    """Channels of one kind, what is done to them, and where they are in the whole.

    Parameters
    ----------
    image
        These alone, and alpha where that counts.
    work
        What is done to it.
    places
        Which of the result's channels its first ones are.
    """

    image: Image
    work: Work
    places: tuple[int, ...]


class ApartRoad:
    """An image, and the road of each kind of its channels.

    Parameters
    ----------
    given
        The image as it was given.
    whole
        What is done to all of it.
    make
        Makes the road of an image of one kind, given the whole image and what is done.
    meta_of
        Returns the metadata of the result, given the whole image and what is done to it, the
        result's rows, and where the kernels lie.
    """

    def __init__(
        self,
        given: Image,
        whole: Work,
        make: Callable[[Image, Work], OneRoad],
        meta_of: Callable[[Image, Work, engine.Stage, Sequence[Geometry]], Meta],
    ) -> None:
        self._given, self._make, self._meta_of = given, make, meta_of
        _check(whole)
        if whole.target.mapping is Mapping.RAW and ch.colour_of(whole.channels) == "Lab":
            # Responses to colours are none.
            whole = replace(whole, channels="???" + whole.channels[3:])
        self.work = whole
        self._groups = tuple(_groups(whole))
        self.roads = tuple(make(group.image, group.work) for group in self._groups)
        self.steps = self.roads[0].steps

    def load(self) -> None:
        """Have the loops loaded before there are samples."""
        for road in self.roads:
            road.load()

    @cached_property
    def result(self) -> Image:
        """The result, its rows made when they are asked for."""
        work, first = self.work, self.roads[0]
        if work.target.mapping is Mapping.NORMALIZE and ch.colour_of(work.image.channels) == "Lab":
            self._stretch()
        geometries = tuple(step.geometry for step in first.steps)
        parts = [
            (rows_of(road.result), group.places)
            for road, group in zip(self.roads, self._groups, strict=True)
        ]
        taken = {place for group in self._groups for place in group.places}
        kept = tuple(place for place in range(len(work.channels)) if place not in taken)
        if kept:
            parts.append((Kept(work, kept, geometries), kept))
        rows: engine.Stage = Beside(parts, len(work.channels), work.target.dtype)
        rows.jobs = work.spec.jobs or 0
        if work.spec.keep_edges:
            rows = KeptEdges(rows, work, geometries)
        meta = self._meta_of(self._given, work, rows, geometries)
        return Image.of(rows, work.channels, meta)

    def _stretch(self) -> None:
        """Stretch a* and b* by what L* is stretched by, once that is known."""
        work, first = self.work, self.roads[0]
        # Its range is known once it is made, and it is needed again.
        _ = first.result.pixels
        low, high = work.target.span or (first.facts.lowest, first.facts.highest)
        if not low < high:
            return
        target = first.work.target
        gain = target.maximum / (high - low)
        groups = [
            replace(group, work=_scaled(group.work, gain)) if group.work.target.signed else group
            for group in self._groups
        ]
        self._groups = tuple(groups)
        self.roads = (first, *(self._make(group.image, group.work) for group in groups[1:]))

    @property
    def facts(self) -> Facts:
        """What was done: what is said of responses is true once every row was made."""
        result, facts = self.result, [road.facts for road in self.roads]
        notes = dict.fromkeys((*(note for one in facts for note in one.notes), *result.meta.notes))
        return replace(
            facts[0],
            alpha=self.work.said_of_alpha(self._given),
            size=self._given.size,
            channels=self._given.channels,
            depth=self._given.depth,
            out_channels=result.channels,
            out_depth=result.depth,
            mapping=self.work.target.mapping,
            lowest=min(one.lowest for one in facts),
            highest=max(one.highest for one in facts),
            clipped=sum(one.clipped for one in facts),
            samples=sum(one.samples for one in facts),
            notes=tuple(notes),
        )


def _check(whole: Work) -> None:
    if ch.colour_of(whole.image.channels) == "Lab" and whole.spec.linear:
        raise UsageError("`linear` is not for L*a*b*, which isn't light; leave it out")
    if ch.colour_of(whole.image.channels) != "Lab" or not whole.spec.is_partly:
        return
    what = "region" if whole.spec.region else "mask"
    if not {1, 2}.isdisjoint(whole.chosen):
        raise UsageError(f"`{what}` is for L* of L*a*b* alone; use `channels` L")
    if whole.image.dtype != whole.target.dtype:
        raise UsageError(f"`{what}` leaves samples of L*a*b* as they are; leave `depth` out")


def _scaled(work: Work, gain: float) -> Work:
    return replace(work, spec=replace(work.spec, scale=gain))


def _groups(whole: Work) -> list[Group]:
    """Return the kinds of channels of which some are filtered."""
    whole = replace(whole, spec=replace(whole.spec, luma=False, keep_edges=False))
    names, weighs = whole.image.channels, whole.weighs
    colour = ch.colour_of(names)
    last = len(names) - 1
    has_alpha = whole.image.has_alpha
    first = range(1 if colour == "Lab" else len(colour))
    more = range(len(colour), len(names) - has_alpha)
    groups = []
    chosen = [k for k in (*first, *[last] * has_alpha) if k in whole.chosen]
    if chosen:
        places = (*first, *[last] * has_alpha)
        part = _part(whole.image, places, profile=whole.spec.linear)
        wanted = None if len(chosen) == len(places) else "".join(names[k] for k in chosen)
        if wanted == names[: len(first)] and not weighs:
            wanted = None
        spec = replace(whole.spec, channels=wanted, alpha=whole.alpha if has_alpha else Alpha.AUTO)
        groups.append(Group(part, _first_work(whole, part, spec), places))
    signed = [k for k in range(1, 3) if colour == "Lab" and k in whole.chosen]
    if signed:
        if not groups and whole.target.mapping is Mapping.NORMALIZE:
            raise UsageError("`mapping` normalize stretches L*: name it in `channels`, too")
        groups.append(Group(*_signed_work(whole, signed), tuple(signed)))
    others = [k for k in more if k in whole.chosen]
    if others:
        part = _part(whole.image, (*others, *[last] * weighs))
        alpha = Alpha.FILTER if weighs else Alpha.AUTO
        spec = replace(whole.spec, channels=None, linear=False, alpha=alpha)
        work = prepare(part, whole.kernels, spec, whole.target.span, watch=whole.target.watch)
        groups.append(Group(part, work, tuple(others)))
    return groups


def _part(image: Image, places: Sequence[int], *, profile: bool = False) -> Image:
    """Return an image of some channels; of what its file said, a profile at most."""
    letters, _ = ch.of_places(ch.PLAIN, image.channels, places)
    rows = engine.Pixels(
        rows_of(image), lambda block, _: squeezed(ch.select(planes_of(block), places))
    )
    return Image.of(rows, letters, Meta(icc=image.meta.icc if profile else None))


def _first_work(whole: Work, part: Image, spec: Spec) -> Work:
    """Return what is done to colours, or to L*: its white may be no full sample."""
    work = prepare(part, whole.kernels, spec, whole.target.span, watch=whole.target.watch)
    if ch.colour_of(whole.image.channels) != "Lab":
        return work
    white = lab.white_of(whole.image)
    maximum = white
    if work.target.mapping is not Mapping.RAW:
        full, (top, _) = lab.full_of(work.target.dtype), lab.units(_kind(whole), work.target.dtype)
        maximum = full * white / top
    return replace(work, target=replace(work.target, maximum=maximum, white=white))


def _signed_work(whole: Work, places: Sequence[int]) -> tuple[Image, Work]:
    """Return a* and b*, and what is done to them.

    Of whole samples under one kernel sums are exact: their middle is taken from them at the end.
    Of others it is taken from samples, which become floats.
    """
    image, target = whole.image, whole.target
    spec = replace(whole.spec, channels=None, mapping=target.mapping)
    kernels = tuple(
        replace(kernel, offset=0) if isinstance(kernel, Kernel) else kernel
        for kernel in whole.kernels
    )
    spec = replace(spec, bias=None, divisor=None, scale=_factor(whole))
    middle = lab.middle_of(image.dtype)
    is_whole = len(kernels) == 1 and isinstance(kernels[0], Kernel) and middle != 0
    is_whole = is_whole and not whole.weighs and spec.rounding is not Rounding.EVEN
    step_in, step_out = (lab.units(_kind(whole), one)[1] for one in (image.dtype, target.dtype))
    maximum = image.maximum
    if target.mapping is Mapping.RAW:
        step_out = step_in
    else:
        maximum = lab.full_of(target.dtype) * step_in / step_out
    mapping = Mapping.CLIP if target.mapping is Mapping.NORMALIZE else target.mapping
    spec = replace(spec, mapping=mapping, fill=0.0)
    target = replace(
        target, mapping=mapping, maximum=maximum, signed=True, span=None, samples=(-middle, middle)
    )
    if is_whole:
        part = _part(image, places)
        down, across = (
            Border.CONSTANT if border is Border.ZERO else border for border in by_axis(spec.border)
        )
        border = down if down is across else (down, across)
        fill = float(Fraction(middle) / target.level)
        spec = replace(spec, border=border, fill=fill, alpha=Alpha.AUTO)
        target = replace(target, zero=middle)
    else:
        part = _centred(image, [*places, *[len(image.channels) - 1] * whole.weighs])
        spec = replace(spec, alpha=Alpha.FILTER if whole.weighs else Alpha.AUTO)
    work = prepare(part, kernels, spec, None, watch=target.watch)
    return part, replace(work, target=target)


def _kind(whole: Work) -> str:
    return whole.image.meta.bands.kind


def _factor(whole: Work) -> float:
    """Return what responses are multiplied by: an automatic factor is that of L*."""
    spec, target = whole.spec, whole.target
    if not isinstance(spec.scale, str):
        return spec.scale
    kernel = whole.kernels[-1]
    target = after(whole.kernels[:-1], spec, target)
    return float(scaled(kernel, (Fraction(1), Fraction(0)), spec.scale, target)[0])


def _centred(image: Image, places: list[int]) -> Image:
    """Return a* and b* as floats around 0; alpha, if it is among them, from 0 to 1."""
    middle, full = lab.middle_of(image.dtype), image.maximum
    has_alpha = image.has_alpha and places[-1] == len(image.channels) - 1

    def work(block: NDArray[Any], _: int) -> NDArray[Any]:
        found = ch.select(planes_of(block), places).astype(np.float64)
        count = len(places) - has_alpha
        found[:, :, :count] -= middle
        if has_alpha:
            found[:, :, -1] /= full
        return squeezed(found)

    letters, _ = ch.of_places(ch.PLAIN, image.channels, places)
    return Image.of(engine.Pixels(rows_of(image), work), letters, Meta())
