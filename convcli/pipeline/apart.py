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
from convcli.kernels.kernel import Kernel
from convcli.pipeline.anchors import AtAnchors
from convcli.pipeline.arrays import Step
from convcli.pipeline.edges import KeptEdges
from convcli.pipeline.facts import Facts
from convcli.pipeline.responses import after, fill_level, scaled
from convcli.pipeline.work import (
    Work,
    planes_of,
    prepare,
    rows_of,
    squeezed,
    white_of,
)
from convcli.record import record, replace
from convcli.spec import Alpha, Mapping, Rounding, Spec


class OneRoad(Protocol):
    """The road of an image of one kind of channels."""

    work: Work
    steps: tuple[Step, ...]

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
    work
        Of an image of these alone, and of alpha where that counts.
    places
        Which of the result's channels its first ones are.
    """

    work: Work
    places: tuple[int, ...]


def differ(image: Image, spec: Spec) -> bool:
    """Whether an image's channels are filtered in different ways.

    Parameters
    ----------
    image, spec
        As `work.selected` gives it, and as `pipeline.lay` takes it.
    """
    names = image.channels
    if ch.colour_of(names) == "Lab":
        return True
    more = ch.further(names) and ch.colour_of(names) == "RGB"
    return bool(more and spec.linear and not spec.luma)


def check_alike(image: Image, spec: Spec, what: str) -> None:
    """Refuse an image whose channels are filtered in different ways, where all must be alike.

    Raises
    ------
    UsageError
        If they aren't; `what` can't be had for such.
    """
    if differ(image, spec):
        words = ch.channel_words(image.channels)
        raise UsageError(f"{what} is not for {words}, whose channels differ in kind; use `gray`")


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
        self.roads = tuple(make(given, group.work) for group in self._groups)
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
        _ = first.result
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
        self.roads = (first, *(self._make(self._given, group.work) for group in groups[1:]))

    @property
    def facts(self) -> Facts:
        """What was done: what is said of responses is true once every row was made."""
        result, facts = self.result, [road.facts for road in self.roads]
        notes = dict.fromkeys((*(note for one in facts for note in one.notes), *result.meta.notes))
        return replace(
            facts[0],
            channels=self._given.channels,
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


def _scaled(work: Work, gain: float) -> Work:
    return replace(work, spec=replace(work.spec, scale=gain))


def _groups(whole: Work) -> list[Group]:
    """Return the kinds of channels of which some are filtered."""
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
        spec = replace(whole.spec, luma=False)
        wanted = None if len(chosen) == len(places) else "".join(names[k] for k in chosen)
        if wanted == names[: len(first)] and not weighs:
            wanted = None
        spec = replace(spec, channels=wanted, alpha=whole.alpha if has_alpha else Alpha.AUTO)
        groups.append(Group(_first_work(whole, part, spec), places))
    signed = [k for k in range(1, 3) if colour == "Lab" and k in whole.chosen]
    if signed:
        if not groups and whole.target.mapping is Mapping.NORMALIZE:
            raise UsageError("`mapping` normalize stretches L*: name it in `channels`, too")
        groups.append(Group(_signed_work(whole, signed), tuple(signed)))
    others = [k for k in more if k in whole.chosen]
    if others:
        part = _part(whole.image, (*others, *[last] * weighs))
        alpha = Alpha.FILTER if weighs else Alpha.AUTO
        spec = replace(whole.spec, channels=None, luma=False, linear=False, alpha=alpha)
        work = prepare(part, whole.kernels, spec, whole.target.span, watch=whole.target.watch)
        groups.append(Group(work, tuple(others)))
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
    white = white_of(whole.image)
    maximum = white
    if work.target.mapping is not Mapping.RAW:
        full, (top, _) = _full(work.target.dtype), units(whole, work.target.dtype)
        maximum = full * white / top
    return replace(work, target=replace(work.target, maximum=maximum, white=white))


def _signed_work(whole: Work, places: Sequence[int]) -> Work:
    """Return what is done to a* and b*.

    Of whole samples under one kernel sums are exact: their middle is taken from them at the end.
    Of others it is taken from samples, which become floats.
    """
    image, target = whole.image, whole.target
    spec = replace(whole.spec, channels=None, luma=False, mapping=target.mapping)
    kernels = tuple(
        replace(kernel, offset=0) if isinstance(kernel, Kernel) else kernel
        for kernel in whole.kernels
    )
    spec = replace(spec, bias=None, divisor=None, scale=_factor(whole))
    middle = middle_of(image.dtype)
    is_whole = len(kernels) == 1 and isinstance(kernels[0], Kernel) and middle != 0
    is_whole = is_whole and not whole.weighs and spec.rounding is not Rounding.EVEN
    step_in, step_out = units(whole, image.dtype)[1], units(whole, target.dtype)[1]
    maximum = image.maximum
    if target.mapping is Mapping.RAW:
        step_out = step_in
    else:
        maximum = _full(target.dtype) * step_in / step_out
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
    return replace(work, target=target)


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
    middle, full = middle_of(image.dtype), image.maximum
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


def middle_of(dtype: np.dtype[Any]) -> float:
    """Return the sample that a* and b* of 0 have."""
    return float((int(np.iinfo(dtype).max) + 1) // 2) if dtype.kind == "u" else 0.0


def units(whole: Work, dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the samples of a type that white has, and that a* or b* are 1 apart."""
    if dtype.kind == "f":
        return 100.0, 1.0
    if dtype.itemsize == 1:
        return 255.0, 1.0
    return (65280.0 if whole.image.meta.bands.kind == "ICCLab" else 65535.0), 256.0


def _full(dtype: np.dtype[Any]) -> float:
    return float(np.iinfo(dtype).max) if dtype.kind == "u" else 1.0


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
        return middle_of(image.dtype)
    white = white_of(image) if place == 0 else image.maximum
    return fill_level(work.spec.fill, image.dtype, Fraction(white) / 255)


def _step(work: Work, place: int) -> tuple[float, float, float]:
    """Return what is taken from a channel's samples, what they are multiplied by, and get then."""
    image, target = work.image, work.target
    one, other = image.dtype, target.dtype
    if ch.colour_of(image.channels) != "Lab" or place > 2:
        is_alpha = image.has_alpha and place == len(image.channels) - 1
        as_is = target.mapping is Mapping.RAW and not is_alpha
        return 0.0, 1.0 if as_is else _full(other) / image.maximum, 0.0
    was, now = units(work, one), units(work, other)
    if target.mapping is Mapping.RAW:
        now = was
    if place == 0:
        return 0.0, now[0] / was[0], 0.0
    return middle_of(one), now[1] / was[1], middle_of(other)


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
