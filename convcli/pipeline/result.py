"""From responses to the rows of a result: mapped, encoded, and beside what wasn't filtered."""

from __future__ import annotations

from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.geometry import Geometry
from convcli.image import channels as ch
from convcli.image.image import Image
from convcli.image.light import linear as light
from convcli.kernels.kernel import Kernel
from convcli.pipeline.anchors import AtAnchors
from convcli.pipeline.arrays import Filtered
from convcli.pipeline.responses import Target, after
from convcli.pipeline.stored import Stored
from convcli.pipeline.work import Work, planes_of, rows_of, squeezed
from convcli.pipeline.working import float_rows, lightness
from convcli.record import replace
from convcli.spec import Alpha, Mapping

_Range: TypeAlias = tuple[float, float]

#: Under half a level of 16 bits is rounding, not clipping.
_ROUNDING = 2.0**-17


class Unfiltered:
    """The channels that are not filtered, as samples of the result.

    Parameters
    ----------
    work
        Whose `chosen` channels are filtered.
    geometries
        One a kernel: they tell where the others' samples lie.
    """

    def __init__(self, work: Work, geometries: tuple[Geometry, ...]) -> None:
        count = len(work.channels)
        self._work, self._chosen = work, list(work.chosen)
        self._others = [k for k in range(count) if k not in self._chosen]
        # Where nothing that the kernel sees can be seen, there is no colour to be kept opaque.
        self._fills = work.alpha is Alpha.WEIGH and work.image.channels == work.channels
        # Counted from the end: where gray was made, alpha is still the last of the image's.
        places = [k - count for k in (range(count) if self._fills else self._others)]
        unfiltered = engine.Pixels(rows_of(work.image), lambda block, _: _select(block, places))
        self._rows = AtAnchors(unfiltered, geometries, work.spec, work.target)
        self._stored: Stored | None = None
        kept, out, plain = unfiltered.dtype, work.target.dtype, work.plain
        # 12 bits and 16 are of one type.
        rescales = kept.kind == "u" and plain.scale.levels(out) != 1
        if (kept != out or rescales) and work.target.mapping is not Mapping.RAW:
            self._stored = Stored(kept, None, work.spec, plain)

    def merged(self, filtered: NDArray[Any], corner: tuple[int, int]) -> NDArray[Any]:
        """Put filtered channels of a part of an image beside those that weren't.

        Parameters
        ----------
        filtered
            (rows, cols, count): the chosen channels, or more of which the chosen are taken.
        corner
            Its first row and column.
        """
        work, chosen, others = self._work, self._chosen, self._others
        count = len(work.channels)
        out = np.empty((*filtered.shape[:2], count), dtype=work.target.dtype)
        out[:, :, chosen] = filtered if filtered.shape[2] == len(chosen) else filtered[:, :, chosen]
        kept = self._rows.like(filtered, corner)
        if self._stored:
            kept = self._stored.part(kept, corner)
        elif work.channels.endswith("A") and others[-1] == count - 1 and kept.dtype != out.dtype:
            # Colour is in levels of the source then, but alpha of floats is a share.
            kept = kept.astype(out.dtype)
            kept[:, :, -1] /= work.image.maximum
        if self._fills:
            unseen = filtered[:, :, -1] == 0
            out[unseen] = kept[unseen]
            kept = kept[:, :, others]
        out[:, :, others] = kept
        return out


def _select(block: NDArray[Any], places: list[int]) -> NDArray[Any]:
    return ch.select(planes_of(block), places)


class FloatResult:
    """Responses of floats as samples of the result, rounded once, at the end.

    Parameters
    ----------
    work
        What is done to an image.
    filtered
        Its responses, not mapped: those of lightness, or weighted by alpha.
    """

    def __init__(self, work: Work, filtered: Filtered) -> None:
        self._work, self._dtype = work, filtered.rows.dtype
        self.samples = filtered.samples
        if work.spec.luma:
            count = len(ch.colour_of(work.channels)) + self._has_alpha
            self.samples = prod(filtered.rows.shape[:2]) * count
        self._clipped: dict[tuple[int, int], int] = {}
        kinds = Mapping.CLIP if work.keeps_brightness else work.target.mapping
        more = work.spec.linear or work.spec.luma
        out = work.target.dtype
        target = replace(
            work.target,
            dtype=self._dtype if more else out,
            maximum=work.full if work.spec.linear else work.target.maximum,
            watch=True,
        )
        if more:
            target = replace(target, top=0.0, least=0.0, same=False)
        target = after(work.kernels[:-1], work.spec, target)
        stretches = target.mapping is Mapping.NORMALIZE
        colour, alpha = self._ranges(filtered) if stretches else (None, None)
        self._mapped = Stored(self._dtype, work.kernels[-1], work.spec, target, colour)
        self._alpha: Stored | None = None
        self._levels: Stored | None = None
        if self._has_alpha:
            plain = replace(work.plain, mapping=kinds)
            self._alpha = self._plain(replace(plain, maximum=work.full, same=False), alpha)
        if work.spec.luma and not work.spec.linear:
            top = replace(work.plain, maximum=1.0, same=False)
            self._levels = self._plain(top)
        self._before: AtAnchors | None = None
        if work.spec.luma:
            raw = Target(self._dtype, Mapping.RAW, work.full)
            self._before = AtAnchors(float_rows(work), filtered.geometries, work.spec, raw)

    def _plain(self, target: Target, own: _Range | None = None) -> Stored:
        """What brings floats to another type, and does nothing else."""
        return Stored(self._dtype, None, self._work.spec, target, own)

    @property
    def _has_alpha(self) -> bool:
        """Whether alpha is among the responses."""
        return self._work.weighs or self._work.filters_alpha

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the samples."""
        work = self._work
        if work.target.mapping is not Mapping.RAW or not (work.spec.linear or work.spec.luma):
            return work.target.dtype
        return np.promote_types(self._dtype, work.target.dtype) if self._has_alpha else self._dtype

    @property
    def ends(self) -> tuple[float, float]:
        """The range of the responses of the rows that were made."""
        return self._mapped.ends

    @property
    def clipped(self) -> int:
        """Samples that did not fit."""
        if self._work.spec.linear or self._work.spec.luma:
            return sum(self._clipped.values()) + (self._levels.clipped if self._levels else 0)
        return self._mapped.clipped

    def part(
        self, responses: NDArray[Any], corner: tuple[int, int], into: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return samples of the filtered channels of a part of an image.

        Parameters
        ----------
        responses
            Of that part.
        corner
            Its first row and column.
        into
            Where they may be put.
        """
        work = self._work
        if not (self._has_alpha or work.spec.linear or work.spec.luma):
            into = None if into is None else into.reshape(responses.shape)
            return self._mapped.part(responses, corner, into)
        colour, alpha = self._apart(responses)
        colour = self._mapped.part(colour, corner)
        if self._before is not None:
            colour = self._recoloured(colour, self._before, corner)
        if work.spec.linear or work.spec.luma:
            colour = self._encoded(colour, corner)
        if alpha is None or self._alpha is None:
            return colour
        stored = self._alpha.part(alpha, corner)
        if stored.dtype == colour.dtype:
            return engine.join(colour, stored)
        return np.concatenate((colour, stored), axis=2)

    def _ranges(self, filtered: Filtered) -> tuple[_Range, _Range | None]:
        """Return the ranges of colour's and alpha's responses: all rows are made for that."""
        ends: list[list[NDArray[Any]]] = [[], []]
        # One that is no number makes the range so, unless that says that it is missing.
        low, high = (np.fmin, np.fmax) if self._work.gaps else (np.minimum, np.maximum)

        def look(_: int, responses: NDArray[Any]) -> None:
            for found, part in zip(ends, self._apart(responses), strict=True):
                if part is not None:
                    found.append(np.array((low.reduce(part, None), high.reduce(part, None))))

        engine.each_part(filtered.rows, filtered.rows.cycles, filtered.jobs, look)
        colour, *alpha = [
            (float(low.reduce(part, None)), float(high.reduce(part, None))) for part in ends if part
        ]
        return colour, alpha[0] if alpha else None

    def _apart(self, responses: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Colour and, if it was filtered, alpha; both in 0..`full` again."""
        work = self._work
        if not self._has_alpha:
            return responses, None
        if not work.weighs:
            return responses[:, :, :-1], responses[:, :, -1:]
        if work.keeps_brightness:
            gain = prod(kernel.sum for kernel in work.kernels if isinstance(kernel, Kernel))
            return engine.unweigh(responses, work.full, gain)
        responses = responses / responses.dtype.type(work.full)
        return responses[:, :, :-1], responses[:, :, -1:]

    def _recoloured(
        self, changed: NDArray[Any], before: AtAnchors, corner: tuple[int, int]
    ) -> NDArray[Any]:
        """Add the change of lightness to every colour channel; all in 0..1."""
        planes = before.like(changed, corner) / before.dtype.type(self._work.full)
        was = lightness(self._work, planes)[:, :, :1]
        # Samples that aren't finite give some that are no number.
        with np.errstate(over="ignore", invalid="ignore"):
            count = len(ch.colour_of(self._work.channels))
            result: NDArray[Any] = planes[:, :, :count] + (changed - was)
        return result

    def _encoded(self, colour: NDArray[Any], corner: tuple[int, int]) -> NDArray[Any]:
        """Colour in 0..1 as samples of the result."""
        work, dtype = self._work, self._work.target.dtype
        if work.target.mapping is Mapping.RAW:
            return colour
        if self._levels is not None:
            return self._levels.part(colour, corner)
        if work.target.mapping is Mapping.OFFSET:
            # What looks mid-gray, not half of the light, stands for zero.
            gray = np.full((1, 1, colour.shape[2]), 0.5, dtype=np.float32)
            middle = light.decode(Image(squeezed(gray), meta=work.image.meta))
            colour = colour + (middle - 0.5)
        if dtype.kind == "u":
            below, above = colour < -_ROUNDING, colour > 1 + _ROUNDING
            self._clipped[corner] = int(np.count_nonzero(below) + np.count_nonzero(above))
        stored = light.encode(squeezed(colour), work.image.meta, dtype, work.target.top or None)
        return stored.reshape(colour.shape)
