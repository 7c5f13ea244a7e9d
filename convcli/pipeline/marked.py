"""What stands for missing samples in a result."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.geometry import Geometry
from convcli.image.image import Image
from convcli.pipeline.anchors import AtAnchors
from convcli.pipeline.facts import MissingFacts
from convcli.pipeline.missing import Gaps, as_sample, put_where
from convcli.pipeline.stored import Stored
from convcli.pipeline.work import Work, planes_of, rows_of
from convcli.spec import Mapping


def mark_of(gaps: Gaps, work: Work) -> float | None:
    """Return what stands for a missing sample in the result; None if its type has nothing for it.

    That is the nodata value in the result's levels, or what is no number.
    """
    source, out, raw = gaps.image.dtype, work.target.dtype, work.target.mapping is Mapping.RAW
    if gaps.nodata is None:
        return np.nan if out.kind == "f" else None
    if source.kind == "f" or raw:
        return as_sample(gaps.nodata, out) if out.kind == "f" or source.kind != "f" else None
    return as_sample(gaps.nodata * float(work.target.scale.levels(out)), out)


def nodata_kept(image: Image, work: Work) -> tuple[float | None, tuple[str, ...]]:
    """Return the nodata value that a result has, and what is to be said of it.

    Parameters
    ----------
    image
        As it was given.
    work
        What is done to it.
    """
    told, wanted = image.meta.nodata, work.spec.nodata
    if wanted is not None and told is not None and told == told and wanted not in (told, "none"):
        note: tuple[str, ...] = (f"the file's own nodata value {told:g} was filtered as data",)
    else:
        note = ()
    if work.gaps is not None and work.gaps.nodata is not None:
        return mark_of(work.gaps, work), note
    out = work.target.dtype
    if wanted is not None or told is None or out == image.dtype or out.kind == "f":
        return (None if wanted is not None else told), note
    return None, (f"the nodata value {told:g} was left out: the result's samples can't be that",)


class Marks:
    """Puts marks where a result's samples are missing, and counts them.

    Parameters
    ----------
    gaps
        What is missing of the image.
    work
        What is done to it.
    geometries
        One a kernel.
    """

    def __init__(self, gaps: Gaps, work: Work, geometries: tuple[Geometry, ...]) -> None:
        self._gaps, self._work, out = gaps, work, work.target.dtype
        self.mark = mark_of(gaps, work)
        levels = work.target.scale.full(out) if out.kind != "f" else 0.0
        middle = (levels + 1) // 2 * (work.target.mapping is Mapping.OFFSET)
        self._instead = middle if self.mark is None else self.mark
        self._has_alpha = work.weighs or work.filters_alpha
        self._loses = work.weighs or work.spec.luma or work.spec.linear
        self._counts: dict[tuple[int, int], tuple[int, int, int]] = {}
        self._nans: AtAnchors | None = None
        self._alpha: AtAnchors | None = None
        source = rows_of(gaps.image)
        at = geometries, work.spec, work.target
        if source.dtype.kind == "f" and gaps.nodata is not None and self.mark is not None:
            self._nans = AtAnchors(engine.Pixels(source, self._no_numbers), *at, fills=[0.0])
        if work.weighs:
            alpha = engine.Pixels(source, lambda block, _: planes_of(block)[:, :, -1:].copy())
            self._alpha = AtAnchors(alpha, *at)
            target = work.plain
            self._stored = Stored(
                np.promote_types(alpha.dtype, np.float32), None, work.spec, target
            )

    def _no_numbers(self, block: NDArray[Any], _: int) -> NDArray[np.uint8]:
        planes = planes_of(block)
        found = np.isnan(planes[:, :, : len(self._gaps.chosen)]).any(axis=2, keepdims=True)
        result: NDArray[np.uint8] = found.astype(np.uint8)
        return result

    def put(
        self, samples: NDArray[Any], responses: NDArray[Any], corner: tuple[int, int]
    ) -> NDArray[Any]:
        """Return samples with marks where their responses are no numbers.

        Parameters
        ----------
        samples
            (rows, cols, channels) of the result.
        responses
            What they were made of.
        corner
            The first row and column.
        """
        seen = responses[:, :, : responses.shape[2] - self._has_alpha]
        lacking = np.isnan(seen)
        colours = samples.shape[2] - (self._has_alpha and samples.shape[2] > 1)
        colour, moved = samples[:, :, :colours], 0
        if self.mark is not None and self._gaps.nodata is not None:
            same = colour == self._instead
            same &= ~lacking
            if moved := int(np.count_nonzero(same)):
                colour[same] = _beside(self._instead, samples.dtype)
        count = int(np.count_nonzero(lacking)) * (colours // lacking.shape[2])
        if count:
            # What is no number mostly is none in the samples either.
            if self._instead == self._instead or self._loses:
                put_where(colour, lacking, self._instead)
            if self._nans is not None:
                nans = self._nans.like(samples, corner).astype(bool)
                np.copyto(colour, np.nan, where=lacking & nans)
            if self._alpha is not None:
                kept = self._stored.part(self._alpha.like(samples, corner), corner)
                np.copyto(samples[:, :, -1:], kept, where=lacking[:, :, :1])
        self._counts[corner] = count, moved, colour.size
        return samples

    @property
    def facts(self) -> MissingFacts:
        """What was missing, and is, of the rows that were made."""
        lacking, moved, samples = (sum(each[k] for each in self._counts.values()) for k in range(3))
        return MissingFacts(
            source=self._gaps.count,
            nodata=self._gaps.nodata,
            result=lacking,
            samples=samples,
            mark=self.mark,
            instead=self._instead,
            moved=moved,
        )


def _beside(mark: float, dtype: np.dtype[Any]) -> float:
    """Return the sample next to a mark, nearer to 0."""
    if dtype.kind == "f":
        zero = float(np.finfo(dtype).tiny)
        return zero if mark == 0 else float(np.nextafter(dtype.type(mark), dtype.type(0)))
    return 1 if mark == 0 else mark - np.sign(mark)
