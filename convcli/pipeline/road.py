"""The road of one image: from its rows to the result's, each stage made when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.engine import keeps_loops, seconds_compiling
from convcli.image.image import Image
from convcli.kernels.given import doubts_of
from convcli.kernels.kernel import AnyKernel
from convcli.pipeline import arrays
from convcli.pipeline.applied import applied
from convcli.pipeline.arrays import Filtered
from convcli.pipeline.decoded import source_of
from convcli.pipeline.edges import KeptEdges
from convcli.pipeline.facts import Facts
from convcli.pipeline.gaps import with_gaps
from convcli.pipeline.result import FloatResult, Unfiltered
from convcli.pipeline.result_meta import meta_of
from convcli.pipeline.sample_types import Settling, plans_told
from convcli.pipeline.work import Absent, Work, chains, differ, prepare, selected
from convcli.pipeline.working import present_rows, response_type, working_rows
from convcli.processors import processors
from convcli.record import replace
from convcli.spec import Spec

if TYPE_CHECKING:
    from convcli.pipeline.apart import ApartRoad
    from convcli.pipeline.hue import HueRows
    from convcli.pipeline.marked import Marks
    from convcli.pipeline.partly import Partly

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
    one_bit: bool = False,
) -> Road | ApartRoad:
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
    one_bit
        Whether the result is for a format with one bit of alpha: under `auto`, the source's alpha
        is kept then where it would be filtered, and colour is weighted by it all the same.

    Raises
    ------
    ConvError
        If the spec doesn't fit the image, or the kernel doesn't fit into it.
    """
    image = source_of(image, spec.jobs)
    kernels, chosen = arrays.overridden(kernels, spec), selected(image, spec)
    whole = prepare(chosen, kernels, spec, span, watch=watch, one_bit=one_bit)
    if not isinstance(image.made, Absent):
        whole = with_gaps(whole, chosen)
    if differ(chosen, spec):
        # Few images need it.
        from convcli.pipeline.apart import ApartRoad

        return ApartRoad(image, whole, Road, meta_of)
    return Road(image, whole, chosen)


class Road:
    """An image, the stages that it goes through, and what comes out.

    Parameters
    ----------
    image
        As it was given.
    work
        What is done to it.
    chosen
        Its channels that the result is made of, as `selected` gives them; None for all.
    """

    def __init__(self, image: Image, work: Work, chosen: Image | None = None) -> None:
        self._image, self.work = image, work
        self._rows = working_rows(work)
        self.roads = (self,)
        self.partly: Partly | None = None
        if work.spec.is_partly:
            from convcli.pipeline.partly import lay_partly

            self.partly = lay_partly(image if chosen is None else chosen, work)
            self.steps = self.partly.steps
            return
        if work.gaps is not None:
            from convcli.pipeline.masked import masked_steps

            self._present = present_rows(work, work.gaps)
            (self._asked,) = chains(work, response_type(work, self._rows))
            self.steps = masked_steps(self._present, *self._asked)
            return
        kind = self._rows.shape, self._rows.dtype
        #: One chain of kernels; for a hue there are two.
        self._chains = [
            arrays.steps_for(*kind, kernels, spec, target)
            for kernels, spec, target in chains(work, kind[1])
        ]
        self.steps = self._chains[0]

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
        geometries = tuple(step.geometry for step in self.steps)
        if self.work.spec.keep_edges and self.partly is None:
            rows = KeptEdges(rows, self.work, geometries)
        if rows.dtype != self.work.stored:
            rows, jobs = engine.Pixels(rows, self._settling), rows.jobs
            rows.jobs = jobs
        meta = meta_of(self._image, self.work, rows, geometries)
        return Image.of(rows, self.work.channels, meta)

    @cached_property
    def _settling(self) -> Settling:
        """What makes samples of another type than the engine does."""
        work = self.work
        return Settling(work.stored, work.target, work.spec.rounding)

    @property
    def facts(self) -> Facts:
        """What was done: what is said of responses is true once every row was made."""
        image, result, work, done = self._image, self.result, self.work, self._stage
        partly, seen = self.partly, done.seen
        said = partly.notes if partly else ()
        target = replace(work.target, maximum=work.full) if work.needs_floats else work.target
        scale, offset = applied(work.kernels, work.spec, target, seen.ends)
        return Facts(
            size=image.size,
            channels=image.channels,
            depth=image.depth,
            out_size=result.size,
            out_channels=result.channels,
            out_depth=result.depth,
            geometries=tuple(step.geometry for step in self.steps),
            plans=plans_told(image, done.plans),
            mapping=work.target.mapping,
            lowest=seen.ends[0],
            highest=seen.ends[1],
            scale=scale,
            offset=offset,
            clipped=seen.clipped + self._settling.clipped,
            samples=done.samples,
            alpha=work.said_of_alpha(image),
            avoidable=work.spec.scale != "auto" and not work.spec.luma and image.dtype.kind in "bu",
            notes=(
                *work.spec.notes,
                *doubts_of(work.kernels),
                *said,
                *result.meta.notes,
                *compiled(),
            ),
            inside=partly.inside if partly else None,
            missing=done.marks.facts if self.work.gaps else None,
            nodata=image.meta.nodata,
        )

    @cached_property
    def _stage(self) -> Any:
        """The last stage, which knows what was seen of responses."""
        if self.partly is not None:
            return self.partly.stage(_rows_of)
        if self.work.gaps is not None:
            from convcli.pipeline.masked import masked_responses

            rows = masked_responses(self._present, self.steps, *self._asked)
            return _ResultRows(self.work, Filtered(rows, self.steps))
        found = [arrays.filter_rows(self._rows, steps) for steps in self._chains]
        return _rows_of(self.work, found)


def _rows_of(
    work: Work, filtered: Sequence[Filtered], origin: tuple[int, int] = (0, 0)
) -> _ResultRows | HueRows:
    """Return what makes samples of responses that begin at a place of the result."""
    if work.is_hue:
        from convcli.pipeline.hue import HueRows

        return HueRows(work, filtered, origin)
    return _ResultRows(work, filtered[0], origin)


def _marks(work: Work, filtered: Filtered) -> Marks | None:
    """Return what marks samples that are missing; None if none is."""
    if work.gaps is None:
        return None
    from convcli.pipeline.marked import Marks

    return Marks(work.gaps, work, filtered.geometries)


class _ResultRows(engine.Stage):
    """The last stage: responses as samples of the result, beside what wasn't filtered.

    Parameters
    ----------
    work
        What is done to the image.
    filtered
        Its responses.
    origin
        Where in the result these begin.
    """

    def __init__(self, work: Work, filtered: Filtered, origin: tuple[int, int] = (0, 0)) -> None:
        self.filtered, self._floats, self._origin = filtered, None, origin
        dtype = work.target.dtype
        if work.needs_floats:
            self._floats = FloatResult(work, filtered)
            dtype = dtype if work.chooses else self._floats.dtype
        self._unfiltered = Unfiltered(work, filtered.geometries) if work.chooses else None
        self.marks = _marks(work, filtered)
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
    def plans(self) -> tuple[engine.Plan, ...]:
        """How it was computed, one a kernel."""
        return self.filtered.plans

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
            into = out[first : first + few]
            part = self._samples(responses[first : first + few], (start + first, 0), into)
            if not np.may_share_memory(part, into):
                into[...] = part.reshape(into.shape)
        return out

    def _samples(
        self, samples: NDArray[Any], corner: tuple[int, int], into: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return what becomes of the responses of a part of the image; it may be put `into`."""
        corner = corner[0] + self._origin[0], corner[1] + self._origin[1]
        if self._floats is not None:
            responses = samples
            samples = self._floats.part(responses, corner, None if self._unfiltered else into)
            if self.marks is not None:
                samples = self.marks.put(samples, responses, corner)
        return samples if self._unfiltered is None else self._unfiltered.merged(samples, corner)

    def whole(self, jobs: int) -> NDArray[Any]:
        """Return all rows, made on up to `jobs` threads."""
        if self._makes:
            return super().whole(jobs)
        return np.ascontiguousarray(self.filtered.rows.whole(jobs).reshape(self.shape))


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
