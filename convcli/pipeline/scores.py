"""How like a patch each place of an image is: normalised cross-correlation, rows on demand.

At each place the score is Σ(T − T̄)(I − Ī) / √(Σ(T − T̄)²·Σ(I − Ī)²), summed over the channels: from
−1 to 1, whatever the brightness and the contrast. As Σ(T − T̄)·Ī is 0, the numerator is a
correlation with the patch less its mean, which the engine plans as it does for any kernel;
n·Σ(I − Ī)² is n·ΣI² − (ΣI)², of two boxes, exact for whole samples. With a mask all is as OpenCV
defines `TM_CCOEFF_NORMED` with one. Where an image is flat there is nothing to compare, and the
score is 0.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil, lcm, prod
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.borders import Border
from convcli.errors import ImageError
from convcli.geometry import plan_geometry
from convcli.pipeline.arrays import one_by_one
from convcli.pipeline.patch import Patch
from convcli.spec import Mapping

#: Patches with more rows or columns are cut, into parts of this size at the most: of tiles of 512,
#: the largest of `fft`, a wider part would leave too little.
_UNCUT, _PART = 352, 256
#: Samples that are worked on at a time, and those of a chunk of rows.
_AT_ONCE, _CHUNK = 1 << 14, 1 << 19
#: Cycles a sample beside the correlations.
_CYCLES = 12.0
#: Whole numbers up to here are exact in float64.
_EXACT = 2.0**53
#: n·Σ(I − Ī)² is nothing but rounding below these parts of n·ΣI²: of whole samples whose sums are
#: rounded, and of others; and of the greatest ΣI² there is, which running sums keep traces of.
_WHOLE, _REAL, _TRACES = 2.0**-48, 1e-12, 1e-15


class Scores(engine.Stage):
    """A score for each place that a patch fits in: that of its upper left corner.

    Parameters
    ----------
    pixels
        (rows, cols, channels) of a type that images have.
    patch
        With as many channels.
    jobs
        Threads that may ask for rows.

    Raises
    ------
    ImageError
        If the patch doesn't fit, or samples are infinite or no numbers.
    """

    def __init__(self, pixels: NDArray[Any], patch: Patch, jobs: int) -> None:
        _check_size(pixels.shape, patch.size)
        source = _Source(pixels, patch)
        products = [
            _Sum(source.channel(number), weights, np.float32, jobs)
            for number, weights in enumerate(patch.products)
        ]
        squares = _Sum(source.squares, patch.squared, np.float64, jobs)
        sums = _Sum(source.summed, patch.squared, np.float64, jobs)
        self._parts = [*products, squares, sums]
        if patch.soft is not None:
            self._parts.append(_Sum(source.summed, patch.soft, np.float64, jobs))
        step = lcm(*(part.step for part in self._parts))
        super().__init__(squares.shape, np.dtype(np.float32), step)
        self.chunk = max(1, _CHUNK // self.shape[1] // step) * step
        self.jobs, self._channels, self._counted = jobs, len(products), patch.counted
        self._rounds, self._own_places = source.rounds, local()

    @property
    def cycles(self) -> float:
        """About how many a processor takes for all rows."""
        return sum(part.cycles for part in self._parts) + _CYCLES * prod(self.shape)

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        out, (rows, cols) = self.room(stop - start, into), (stop - start, self.shape[1])
        found = [part.rows(start, stop).reshape(rows, cols, -1) for part in self._parts]
        each = max(1, _AT_ONCE // cols)
        for first in range(0, rows, each):
            some = slice(first, min(first + each, rows))
            roots = self._roots([part[some] for part in found[self._channels :]])
            products = found[0][some, :, 0]
            for others in found[1 : self._channels]:
                products = products + others[some, :, 0]
            np.divide(products, roots, out=out[some]).clip(-1.0, 1.0, out=out[some])
        return out

    def _roots(self, sums: list[NDArray[Any]]) -> NDArray[np.float32]:
        """Return √(n·Σ(I − Ī)²); infinite where that is nothing but rounding."""
        rows, cols, channels = sums[1].shape
        variances, one = self._places(rows * cols).reshape(2, rows, cols)
        np.multiply(sums[0][:, :, 0], self._counted, out=variances)
        for channel in range(channels):
            np.subtract(variances, np.square(sums[1][:, :, channel], out=one), out=variances)
            for soft in sums[2:]:
                np.add(variances, np.square(soft[:, :, channel], out=one), out=variances)
        part, least = self._rounds
        if part:
            np.multiply(sums[0][:, :, 0], part * self._counted, out=one)
            one += least
        flat = variances <= (one if part else least)
        if flat.any():
            variances[flat] = np.inf
        roots = variances.astype(np.float32)
        return np.sqrt(roots, out=roots)

    def _places(self, count: int) -> NDArray[np.float64]:
        """Return a thread's own places for twice as many numbers."""
        places: NDArray[np.float64] | None = getattr(self._own_places, "places", None)
        if places is None or places.size < 2 * count:
            places = self._own_places.places = np.empty(2 * count)
        return places[: 2 * count]


def _check_size(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    """Refuse a patch that has no place in an image."""
    if size[0] > shape[0] or size[1] > shape[1]:
        raise ImageError(
            f"the patch is {size[1]}×{size[0]} and the image {shape[1]}×{shape[0]}: it has to fit "
            f"into the image; use a smaller patch"
        )


class _Source:
    """The samples of an image as they are summed.

    Whole ones are as they are, others in units in which the middle is 0 and the greatest 1. Sums
    of squares need float64. Others could do with less, but loops for fewer types are compiled so.

    Parameters
    ----------
    pixels
        (rows, cols, channels).
    patch
        What they are compared with.
    """

    def __init__(self, pixels: NDArray[Any], patch: Patch) -> None:
        pixels = pixels.view(np.uint8) if pixels.dtype == np.bool_ else pixels
        self._channels, self._patch = pixels.shape[2], patch
        self._whole = pixels.dtype in (np.uint8, np.uint16)
        self.samples: engine.Rows = engine.Held(pixels[:, :, 0] if self._channels == 1 else pixels)
        self._top = float(np.iinfo(pixels.dtype).max) if self._whole else 1.0
        narrow = pixels.dtype == np.uint8 and patch.is_box
        self._type = np.dtype(np.uint16 if narrow else np.float64)
        self._square_type = self._type if self._channels == 1 else np.dtype(np.float64)
        if not self._whole:
            middle, unit = _spread(pixels)
            self.samples = engine.Pixels(
                self.samples, lambda rows, _: (rows.astype(np.float64) - middle) / unit
            )

    def channel(self, number: int) -> engine.Rows:
        """Return one channel."""
        if self._channels == 1:
            return self.samples
        return engine.Pixels(self.samples, lambda rows, _: np.ascontiguousarray(rows[..., number]))

    @property
    def summed(self) -> engine.Rows:
        """All samples, in the type that sums begin with."""
        if self.samples.dtype == self._type:
            return self.samples
        return engine.Pixels(self.samples, lambda rows, _: rows.astype(self._type))

    @property
    def squares(self) -> engine.Rows:
        """ΣI² over the channels."""
        return engine.Pixels(self.samples, self._square)

    def _square(self, rows: NDArray[Any], _: int) -> NDArray[Any]:
        if self._channels == 1:
            squares: NDArray[Any] = np.multiply(rows, rows, dtype=self._square_type)
            return squares
        total = np.zeros(rows.shape[:2], self._square_type)
        for channel in range(self._channels):
            one = rows[:, :, channel]
            total += np.multiply(one, one, dtype=self._square_type)
        return total

    @property
    def rounds(self) -> tuple[float, float]:
        """Up to which part of n·ΣI², and up to which number, a variance is only rounding."""
        greatest = self._patch.counted**2 * self._channels * self._top**2
        if self._whole and self._patch.is_box:
            return (0.0 if greatest <= _EXACT else _WHOLE), 0.0
        return _REAL, 0.0 if self._whole else _TRACES * greatest


def _spread(pixels: NDArray[Any]) -> tuple[float, float]:
    """Return the middle of some floats, and how far they are from it; 1 if they are all alike."""
    low, high = float(pixels.min()), float(pixels.max())
    if not np.isfinite((low, high)).all():
        raise ImageError(
            "the image has samples that are infinite or no numbers, which no place can be "
            "compared with; replace them first"
        )
    middle = low / 2 + high / 2
    return middle, max(high - middle, middle - low) or 1.0


class _Sum:
    """A correlation of rows with weights of any size, where they fit in.

    Parameters
    ----------
    source
        (rows, cols), or (rows, cols, channels) that are correlated alike.
    weights
        (rows, cols), int64 if they are whole.
    dtype
        What the sums are kept in.
    jobs
        Threads that may ask for rows.
    """

    def __init__(self, source: engine.Rows, weights: NDArray[Any], dtype: Any, jobs: int) -> None:
        rows, cols = (n - of + 1 for n, of in zip(source.shape, weights.shape, strict=False))
        self.shape = (rows, cols, *source.shape[2:])
        self._parts = []
        for top, left, part in _cut(weights):
            size = rows + part.shape[0] - 1, cols + part.shape[1] - 1
            whole = size == source.shape[:2]
            seen = source if whole else _Shifted(source, (top, left), size)
            stage = _correlated(seen, part, np.dtype(dtype), jobs)
            # Boxes are so quick that their rows had better stay in the cache.
            quick = stage.prepared.plan.method == "box"
            self._parts.append(stage if quick else one_by_one(stage, jobs))

    @property
    def step(self) -> int:
        """Rows that are made together."""
        return lcm(*(part.step for part in self._parts))

    @property
    def cycles(self) -> float:
        """About how many a processor takes for all rows."""
        return sum(part.cycles for part in self._parts)

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Return some rows, there until this thread asks for others."""
        first, *others = (part.rows(start, stop) for part in self._parts)
        for other in others:
            first = first + other
        return first


def _cut(weights: NDArray[Any]) -> list[tuple[int, int, NDArray[Any]]]:
    """Return the parts that weights are summed in, each with its first row and column."""
    if max(weights.shape) <= _UNCUT or (weights == weights[0, 0]).all():
        return [(0, 0, weights)]
    edges = [
        [n * number // count for number in range(count + 1)]
        for n in weights.shape
        for count in (ceil(n / _PART) if n > _UNCUT else 1,)
    ]
    downs, acrosses = (list(pairwise(each)) for each in edges)
    return [
        (top, left, np.ascontiguousarray(weights[top:bottom, left:right]))
        for top, bottom in downs
        for left, right in acrosses
    ]


def _correlated(
    source: engine.Rows, weights: NDArray[Any], dtype: np.dtype[Any], jobs: int
) -> engine.Correlated:
    """Return the correlation of rows with weights, where they fit in."""
    prepared = engine.prepare(
        engine.ArrayKind(source.shape, source.dtype),
        engine.KernelSet(weights[None]),
        plan_geometry((source.shape[0], source.shape[1]), weights.shape, padding="valid"),
        engine.Border2D(Border.ZERO),
        engine.finish(Mapping.RAW, dtype, scale=engine.Scale(1.0)),
        engine.Options(jobs=jobs, double=True, watch=False),
    )
    return engine.Correlated(prepared, source)


class _Shifted:
    """A part of an image, as rows.

    Parameters
    ----------
    source
        The image, whose rows are made one by one.
    corner, size
        Its first row and column, and (rows, cols).
    """

    step, in_parts, held = 1, True, None

    def __init__(self, source: engine.Rows, corner: tuple[int, int], size: tuple[int, int]) -> None:
        self._source, self._corner = source, corner
        self.shape, self.dtype, self.chunk = (*size, *source.shape[2:]), source.dtype, source.chunk

    def part(self, start: int, stop: int, left: int, right: int) -> NDArray[Any]:
        """Return some columns of some rows."""
        top, first = self._corner
        return self._source.part(start + top, stop + top, left + first, right + first)

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        return engine.put_into(into, self.part(start, stop, 0, self.shape[1]))
