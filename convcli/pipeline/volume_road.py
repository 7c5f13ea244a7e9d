"""The road of one stack: its planes, the kernels, and the planes of the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError, UsageError
from convcli.geometry import Axis
from convcli.image.beside.changes import Change
from convcli.image.channels import channel_words
from convcli.image.frames import Frames
from convcli.image.image import Image, Meta, described
from convcli.kernels.volume import AnyVolumeKernel
from convcli.pipeline.anchors import placed
from convcli.pipeline.applied import applied
from convcli.pipeline.facts import Facts
from convcli.pipeline.memory import ImageKind, StageMemory
from convcli.pipeline.result_meta import stripped, true_of
from convcli.pipeline.road import compiled
from convcli.pipeline.sample_types import Settling, described_by, plans_told
from convcli.pipeline.volume import CorrelatedPlanes, correlated_planes, overridden_volume
from convcli.pipeline.volume_memory import volume_stages
from convcli.pipeline.work import Work, differ, prepare, selected
from convcli.record import replace
from convcli.spec import Alpha, Mapping, Spec

#: What counts of a `Spec`; the rest is for images only.
_USED = (
    *("padding", "border", "fill", "stride", "dilation", "convolve", "mapping", "divisor", "bias"),
    *(
        "scale",
        "rounding",
        "gray",
        "bands",
        "alpha",
        "depth",
        "method",
        "precision",
        "jobs",
        "notes",
    ),
)


def lay_volume(frames: Frames, kernels: Sequence[AnyVolumeKernel], spec: Spec) -> VolumeRoad:
    """Plan how a stack is filtered as one volume; no plane but the first is read yet.

    Parameters
    ----------
    frames
        Its planes, all of one kind.
    kernels
        At least one; applied one after the other without rounding between them. Channels are
        filtered each by itself.
    spec
        Everything else; steps and padding may have three numbers: (planes, rows, cols).

    Raises
    ------
    ConvError
        If the spec makes no sense for volumes or doesn't fit this one, or a kernel doesn't fit.
    """
    plain = Spec()
    for name, value in vars(plain).items():
        if name not in _USED and getattr(spec, name) != value:
            raise UsageError(f"`{name}` can't be had for a volume; leave it out")
    if spec.mapping is Mapping.HUE:
        raise UsageError("`mapping` hue can't be had for a volume; use another")
    planes = ReadPlanes(frames, overridden_volume(kernels, spec), spec)
    return VolumeRoad(planes, spec)


class ReadPlanes:
    """The planes of a stack, read when they are asked for.

    Parameters
    ----------
    frames, kernels, spec
        As `lay_volume` takes them.
    """

    def __init__(self, frames: Frames, kernels: tuple[AnyVolumeKernel, ...], spec: Spec) -> None:
        self._frames, self._spec, self.kernels = frames, spec, kernels
        self.first = frames[0]
        self._kind = self.first.size, self.first.channels, self.first.depth
        self.work = self._prepared(self.first)
        self.count = frames.count
        self.shape, self.dtype = self.work.image.shape, self.work.image.dtype
        self.metas: dict[int, Meta] = {}
        self._next = -1
        self._left: Iterator[Image] = iter(())

    def _prepared(self, image: Image) -> Work:
        """Make a plane ready: gray, or without alpha."""
        if image.has_alpha and self._spec.alpha is not Alpha.DROP:
            raise UsageError("pages with alpha can't be filtered as one volume; use `alpha` drop")
        image = selected(image, self._spec)
        if differ(image, self._spec):
            words = channel_words(image.channels)
            raise UsageError(
                f"{words} can't be filtered as one volume: its channels differ in kind; "
                f"use `gray`, or `bands` L"
            )
        return prepare(image, tuple(kernel.flat for kernel in self.kernels), self._spec)

    def plane(self, number: int) -> NDArray[Any]:
        """Return a plane; those that follow one another are read without going back."""
        if number != self._next:
            self._left = self._frames.since(number)
        image = next(self._left)
        self._next = number + 1
        kind = image.size, image.channels, image.depth
        if kind != self._kind:
            raise ImageError(
                f"frame {number} is {described(*kind)}, and the first {described(*self._kind)}; "
                f"the planes of a volume are alike"
            )
        prepared = self._prepared(image).image
        self.metas[number] = prepared.meta
        return prepared.pixels


class VolumeRoad:
    """A stack, the kernels that it goes through, and what comes out.

    Parameters
    ----------
    planes, spec
        What is filtered, and how.
    """

    def __init__(self, planes: ReadPlanes, spec: Spec) -> None:
        self._planes, self._spec = planes, spec
        self.work = planes.work
        self.steps = correlated_planes(planes, planes.kernels, spec, self.work.target)
        self._notes = [*spec.notes, *planes.work.image.meta.notes]
        self._settling = Settling(planes.work.stored, planes.work.target, spec.rounding)
        nodata = planes.first.meta.nodata
        if nodata is not None:
            self._notes.append(
                f"the nodata value {nodata:g} was left out, and filtered as data: volumes have no "
                "missing samples"
            )

    @property
    def _last(self) -> CorrelatedPlanes:
        return self.steps[-1]

    @cached_property
    def result(self) -> Frames:
        """The planes of the result, each made when it is asked for."""
        size = int(np.prod(self._last.shape)) * self.work.stored.itemsize
        count = self._last.count

        def start(first: int) -> Iterator[Image]:
            for number in range(first, count):
                pixels = self._last.plane(number)
                if pixels.dtype != self.work.stored:
                    pixels = self._settling(pixels, number)
                yield Image(pixels, self.work.channels, self._meta(number))
                del pixels

        return Frames(count, start, format=self._planes.first.meta.format, sizes=(size,) * count)

    def stages(self, format: str) -> tuple[StageMemory, ...]:
        """Return what the volume goes through, and the memory that each stage takes."""
        image = self._planes.first
        kind = ImageKind(image.size, len(image.channels), image.dtype.name)
        return volume_stages(kind, self._planes.kernels, self._spec, format)

    @property
    def facts(self) -> Facts:
        """What was done: what is said of responses is true once every plane was made."""
        image, last, work = self._planes.first, self._last, self.work
        shape = (1, 1, *last.shape[2:])
        blank = Image(np.zeros(shape, work.stored), work.channels, self._described(image.meta))
        flats = [kernel.flat for kernel in self._planes.kernels]
        scale, offset = applied(flats, self._spec, work.target, last.ends)
        return Facts(
            size=image.size,
            channels=image.channels,
            depth=image.depth,
            out_size=(last.shape[0], last.shape[1]),
            out_channels=work.channels,
            out_depth=blank.depth,
            geometries=tuple(step.geometry.plane for step in self.steps),
            plans=plans_told(image, tuple(step.plan for step in self.steps)),
            mapping=work.target.mapping,
            lowest=last.ends[0],
            highest=last.ends[1],
            scale=scale,
            offset=offset,
            clipped=last.clipped + self._settling.clipped,
            samples=last.count * int(np.prod(last.shape)),
            alpha="drop" if image.has_alpha else "",
            avoidable=self._spec.scale != "auto" and image.dtype.kind in "bu",
            notes=(*dict.fromkeys(self._notes), *compiled()),
            frames=last.count,
            planes=tuple(step.geometry.planes for step in self.steps),
        )

    @cached_property
    def _anchors(self) -> NDArray[np.intp]:
        """Which plane of the source each one of the result stands on, or the nearest."""
        found = np.arange(self._last.count)
        for step in reversed(self.steps):
            found = _anchored(step.geometry.planes, self._spec.convolve)[found]
        return found

    def _meta(self, number: int) -> Meta:
        """Return what the source says beside the plane that one of the result stands on."""
        anchor, metas = int(self._anchors[number]), self._planes.metas
        # What programs say of a whole stack stands in its first page.
        meta = metas.get(anchor if number else 0, self._planes.work.image.meta)
        for place in [place for place in metas if place < anchor]:
            del metas[place]
        said = len(meta.notes)
        if self._spec.strip:
            meta = stripped(meta, self.work.channels)
        meta = true_of(meta, self._change)
        self._notes += meta.notes[said:]
        if self._spec.gray and self._planes.first.channels != self.work.channels:
            meta = replace(meta, icc=None)
        return replace(self._described(meta), frames=self._last.count, nodata=None)

    def _described(self, meta: Meta) -> Meta:
        """Return metadata as they are true of the result's samples."""
        source, work = self._planes.first.dtype, self.work
        return described_by(meta, source, work.stored, work.target)

    @cached_property
    def _change(self) -> Change:
        """How the planes of the result differ from the source's."""
        last, first, count = self._last, self._planes.first, self._planes.count
        origin, step = placed([step.geometry.plane for step in self.steps], self._spec)
        return Change(
            sizes=(first.size, (last.shape[0], last.shape[1])),
            origin=origin,
            step=step,
            channels=(first.channels, self.work.channels),
            depths=(first.dtype.name, np.dtype(self.work.stored).name),
            frames=(count, last.count),
            spacing=prod(step.geometry.planes.stride for step in self.steps),
        )


def _anchored(axis: Axis, flip: bool) -> NDArray[np.intp]:
    """Return which sample of an axis is nearest to the anchor of each output."""
    anchor = axis.taps - 1 - axis.taps // 2 if flip else axis.taps // 2
    places = np.arange(axis.out) * axis.stride + anchor * axis.dilation - axis.before
    return places.clip(0, axis.size - 1)
