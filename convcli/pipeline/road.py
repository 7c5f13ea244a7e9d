"""The road of one image: from its rows to the result's, each stage made when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.engine import keeps_loops, seconds_compiling
from convcli.geometry import Geometry
from convcli.image.beside.changes import Change, changed
from convcli.image.image import Image, Meta
from convcli.kernels.kernel import AnyKernel
from convcli.pipeline import arrays
from convcli.pipeline.anchors import placed
from convcli.pipeline.arrays import Filtered
from convcli.pipeline.decoded import source_of
from convcli.pipeline.edges import KeptEdges
from convcli.pipeline.facts import Facts
from convcli.pipeline.responses import Target
from convcli.pipeline.result import FloatResult, Unfiltered
from convcli.pipeline.work import Work, prepare
from convcli.pipeline.working import working_rows
from convcli.processors import processors
from convcli.record import replace
from convcli.spec import Mapping, Spec

#: Seconds of compiling that a user is told of.
_NOTICED = 1.0
#: Seconds of compiling that a user has been told of.
_told = 0.0


def lay(
    image: Image,
    kernels: Sequence[AnyKernel],
    spec: Spec,
    span: tuple[float, float] | None = None,
    *,
    watch: bool = True,
) -> Road:
    """Plan how an image is filtered; nothing is made yet.

    Parameters
    ----------
    image
        The image.
    kernels
        At least one; applied one after the other without rounding between them.
    spec
        Everything else.
    span
        The range of responses that `normalize` stretches, so that several images are treated
        alike; None for the image's own.
    watch
        Whether the range of responses and how many samples are clipped will be asked for: to look
        at them takes a third of a small kernel's time.

    Raises
    ------
    ConvError
        If the spec doesn't fit the image, or the kernel doesn't fit into it.
    """
    image = source_of(image, spec.jobs)
    return Road(image, prepare(image, arrays.overridden(kernels, spec), spec, span, watch=watch))


class Road:
    """An image, the stages that it goes through, and what comes out.

    Parameters
    ----------
    image
        As it was given.
    work
        What is done to it.
    """

    def __init__(self, image: Image, work: Work) -> None:
        self._image, self.work = image, work
        self._rows = working_rows(work)
        kernels, spec, target = work.kernels, work.spec, work.target
        if work.needs_floats:
            # Mapping, offset and scale come last, in one rounding.
            kernels, spec = arrays.without_offset(kernels), replace(spec, scale=1.0)
            target = Target(self._rows.dtype, Mapping.RAW, work.full, between=True)
        self.steps = arrays.steps_for(self._rows.shape, self._rows.dtype, kernels, spec, target)

    def load(self) -> None:
        """Have the loops loaded before there are samples."""
        for step in self.steps:
            step.prepared.load()

    @cached_property
    def result(self) -> Image:
        """The result, with the source's metadata; its rows are made when they are asked for.

        Where the range of all responses decides, they are made once now.
        """
        rows = arrays.one_by_one(self._stage, self._stage.jobs or processors(), once=True)
        if self.work.spec.keep_edges:
            rows = KeptEdges(rows, self.work, self._stage.filtered.geometries)
        meta = _meta(self._image, self.work, rows, self._stage.filtered.geometries)
        return Image.of(rows, self.work.channels, meta)

    @property
    def facts(self) -> Facts:
        """What was done: what is said of responses is true once every row was made."""
        image, result, work, done = self._image, self.result, self.work, self._stage
        return Facts(
            size=image.size,
            channels=image.channels,
            depth=image.depth,
            out_size=result.size,
            out_channels=result.channels,
            out_depth=result.depth,
            geometries=done.filtered.geometries,
            plans=done.filtered.plans,
            mapping=work.target.mapping,
            lowest=done.seen.ends[0],
            highest=done.seen.ends[1],
            clipped=done.seen.clipped,
            samples=done.samples,
            alpha=_alpha(work, image),
            avoidable=work.spec.scale != "auto" and not work.spec.luma and image.dtype.kind in "bu",
            notes=(*work.spec.notes, *result.meta.notes, *compiled()),
        )

    @cached_property
    def _stage(self) -> _ResultRows:
        return _ResultRows(self.work, arrays.filter_rows(self._rows, self.steps))


class _ResultRows(engine.Stage):
    """The last stage: responses as samples of the result, beside what wasn't filtered.

    Parameters
    ----------
    work
        What is done to the image.
    filtered
        Its responses.
    """

    def __init__(self, work: Work, filtered: Filtered) -> None:
        self.filtered, self._floats = filtered, None
        dtype = work.target.dtype
        if work.needs_floats:
            self._floats = FloatResult(work, filtered)
            dtype = dtype if work.chooses else self._floats.dtype
        self._unfiltered = Unfiltered(work, filtered.geometries) if work.chooses else None
        self.seen: Filtered | FloatResult = self._floats or filtered
        count = len(work.channels)
        size = filtered.rows.shape[:2]
        rows = filtered.rows
        super().__init__(size if count == 1 else (*size, count), dtype, rows.step, rows.chunk)
        self.jobs = work.spec.jobs or 0
        if self._makes and not self.chunk:
            self.chunk = engine.chunk_of(self.shape, dtype, self.step)

    @property
    def cycles(self) -> float:
        """About how many a processor takes for all rows."""
        return self.filtered.rows.cycles + (super().cycles if self._makes else 0.0)

    @property
    def samples(self) -> int:
        """How many samples were filtered."""
        return self.filtered.samples if self._floats is None else self._floats.samples

    @property
    def _makes(self) -> bool:
        """Whether anything is done to what the kernels give."""
        return self._floats is not None or self._unfiltered is not None

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """(left, right) of the columns that the last kernel gives one after the other."""
        return self.filtered.rows.pieces

    def piece(self, start: int, stop: int, number: int) -> NDArray[Any]:
        """Return one of the pieces of some rows, there until this thread asks for others."""
        responses = self.filtered.rows.piece(start, stop, number)
        samples = self._samples(responses, (start, self.pieces[number][0]))
        return samples.reshape(*samples.shape[:2], *self.shape[2:])

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        rows = self.filtered.rows
        if not self._makes:
            flat = None if into is None else into.reshape(len(into), *rows.shape[1:])
            return rows.rows(start, stop, flat).reshape(stop - start, *self.shape[1:])
        out = self.room(stop - start, into)
        if len(self.pieces) > 1:
            engine.put_pieces(self, start, stop, out)
            return out
        responses, few = rows.rows(start, stop), engine.chunk_of(rows.shape, rows.dtype)
        for first in range(0, stop - start, few):
            part = self._samples(responses[first : first + few], (start + first, 0))
            out[first : first + few] = part.reshape(len(part), *self.shape[1:])
        return out

    def _samples(self, samples: NDArray[Any], corner: tuple[int, int]) -> NDArray[Any]:
        """Return what becomes of the responses of a part of the image."""
        if self._floats is not None:
            samples = self._floats.part(samples, corner)
        return samples if self._unfiltered is None else self._unfiltered.merged(samples, corner)

    def whole(self, jobs: int) -> NDArray[Any]:
        """Return all rows, made on up to `jobs` threads."""
        if self._makes:
            return super().whole(jobs)
        return np.ascontiguousarray(self.filtered.rows.whole(jobs).reshape(self.shape))


def _meta(image: Image, work: Work, rows: engine.Stage, geometries: Sequence[Geometry]) -> Meta:
    """Return the source's metadata as they are true of the result."""
    meta, channels = image.meta, work.channels
    if meta.beside:
        origin, step = placed(geometries, work.spec)
        change = Change(
            sizes=(image.size, (rows.shape[0], rows.shape[1])),
            origin=origin,
            step=step,
            channels=(image.channels, channels),
            depths=(image.dtype.name, rows.dtype.name),
        )
        blocks, notes = changed(meta.beside, change)
        meta = replace(meta, beside=blocks, notes=(*meta.notes, *notes))
    was, now = (len(names.removesuffix("A")) for names in (image.channels, channels))
    if was == now or meta.icc is None:
        return meta
    note = "the colour profile was left out: it doesn't describe a gray image"
    return replace(meta, icc=None, notes=(*meta.notes, note))


def _alpha(work: Work, image: Image) -> str:
    """Say what happened to alpha."""
    if not image.has_alpha:
        return ""
    return "alone" if work.filters_alpha and not work.weighs else str(work.alpha)


def compiled() -> tuple[str, ...]:
    """Say, once, what took long and won't again."""
    global _told
    seconds = seconds_compiling() - _told
    if seconds < _NOTICED:
        return ()
    _told += seconds
    note = f"{seconds:.1f} s went into compiling the loops for this machine"
    if not keeps_loops():
        note += "; they are not kept, as the cache folder is none that only you can write to"
    return (note,)
