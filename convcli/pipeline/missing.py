"""Samples that are missing: which they are, and rows of what is there beside rows that say where.

A sample is missing that is no number, or the file's nodata value. Of colour of which one number is
made (gray, lightness), or that is weighted by alpha, a pixel is missing as a whole.
"""

from __future__ import annotations

from math import isfinite
from threading import Lock, local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.image import channels as ch
from convcli.image.image import Image
from convcli.processors import processors
from convcli.record import record
from convcli.spec import Missing, Spec


@record(eq=False)
class Gaps:
    """The samples of an image that are missing, and what becomes of them.

    Parameters
    ----------
    image
        As it was given.
    chosen
        The channels that are looked at, of the image's.
    nodata
        The sample that says that one is missing, as a value of the image's type; None for none.
    missing, least_share
        As `Spec` has them.
    count
        How many are missing.
    rows
        (rows,) of bool: which rows have one.
    """

    image: Image
    chosen: tuple[int, ...]
    nodata: float | None
    missing: Missing
    least_share: float
    count: int
    rows: NDArray[np.bool_]

    def there(self, planes: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which samples are there, of (rows, cols, channels) of the image's type."""
        return _there(planes, self.nodata)

    @property
    def mark(self) -> float:
        """What stands for a missing sample: the nodata value, or what is no number."""
        return np.nan if self.nodata is None else self.nodata


def gaps_of(image: Image, chosen: tuple[int, ...], spec: Spec) -> Gaps | None:
    """Return what is missing of an image; None if all is there.

    JUSTIFICATION: floats are looked at once, a chunk at a time, for their least one: that is no
    number if any is, and takes a tenth of the time of a small kernel (bench: floats).

    Parameters
    ----------
    image
        Its samples are looked at if they are there: of floats, or if a value says what is missing.
    chosen
        The channels that are filtered, of the image's.
    spec
        What is missing, and what becomes of it.
    """
    dtype = image.dtype
    nodata = nodata_of(image, spec)
    value = None if nodata is None else as_sample(nodata, dtype)
    if (dtype.kind != "f" and value is None) or image.made is not None:
        return None
    source = engine.Held(image.pixels)
    rows, count, lock = np.zeros(image.size[0], dtype=bool), [0], Lock()

    def look(first: int, block: NDArray[Any]) -> None:
        if value is None and not np.isnan(block.min()):
            return
        planes = block.reshape(*block.shape[:2], -1)
        some = planes if len(chosen) == planes.shape[2] else ch.select(planes, chosen)
        there = _there(some, value)
        rows[first : first + len(block)] = ~there.all(axis=(1, 2))
        with lock:
            count[0] += there.size - int(np.count_nonzero(there))

    jobs = spec.jobs or processors()
    engine.each_part(source, float(image.pixels.size), jobs, look)
    # Whole samples that were there could become the nodata value.
    if not count[0] and dtype.kind == "f":
        return None
    return Gaps(image, chosen, value, spec.missing, spec.least_share, count[0], rows)


def nodata_of(image: Image, spec: Spec) -> float | None:
    """Return the sample that says that one is missing: the user's word, or the file's."""
    if isinstance(spec.nodata, str):
        return None
    return image.meta.nodata if spec.nodata is None else float(spec.nodata)


def as_sample(value: float, dtype: np.dtype[Any]) -> float | None:
    """Return a value as a sample of a type has it; None if there is none, or it is no number."""
    if value != value:
        return None
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            sample = float(dtype.type(value))
        return sample if isfinite(sample) or not isfinite(value) else None
    if dtype == np.bool_ or not float(value).is_integer():
        return None
    info = np.iinfo(dtype)
    return float(value) if info.min <= value <= info.max else None


def _there(planes: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    there: NDArray[np.bool_]
    if nodata is None:
        there = planes == planes
        return there
    there = planes != planes.dtype.type(nodata)
    if planes.dtype.kind == "f":
        there &= planes == planes
    return there


class Present:
    """Rows of samples, 0 where one is missing, and rows that say where one is there.

    Parameters
    ----------
    values
        (rows, cols, channels) of samples, whatever they are where they are missing.
    there
        As many of uint8: 1 where a sample is there, 0 where it is missing.
    rows
        Which rows have a missing one; None if that isn't known.
    """

    def __init__(
        self, values: engine.Rows, there: engine.Rows, rows: NDArray[np.bool_] | None = None
    ) -> None:
        self.values: engine.Rows = _Cleaned(values, there, rows)
        self.there, self.rows = there, rows

    @classmethod
    def of(cls, gaps: Gaps, values: engine.Rows, count: int, *, together: bool) -> Present:
        """Return an image's samples as they are filtered, and which are there.

        Parameters
        ----------
        gaps
            What is missing of the image.
        values
            What is filtered, made of the image pixel by pixel.
        count
            How many channels that has: of what is looked at, or alpha beside it.
        together
            Whether a pixel is there or not as a whole.
        """

        def there(block: NDArray[Any], _: int) -> NDArray[np.uint8]:
            planes = block.reshape(*block.shape[:2], -1)
            some = planes if len(gaps.chosen) == planes.shape[2] else planes[:, :, gaps.chosen]
            found = gaps.there(some)
            if together:
                found = np.repeat(found.all(axis=2, keepdims=True), count, axis=2)
            elif count > found.shape[2]:
                found = np.concatenate((found, np.ones_like(found[:, :, :1])), axis=2)
            return found.view(np.uint8)

        return cls(values, engine.Pixels(engine.Held(gaps.image.pixels), there), gaps.rows)

    @classmethod
    def responses(cls, stage: engine.Stage, behind: int) -> Present:
        """Return responses, no numbers where they are missing, and which are there.

        Parameters
        ----------
        stage
            Gives them.
        behind
            How many rows before the last ones may still be asked for.
        """
        shared = _Recent(stage, behind)

        def there(block: NDArray[Any], _: int) -> NDArray[np.uint8]:
            found: NDArray[np.uint8] = (block == block).view(np.uint8)
            return found

        return cls(shared, engine.Pixels(shared, there))


class _Cleaned(engine.Stage):
    """Samples, and 0 where one is missing; `some` says which rows have one, if that is known."""

    def __init__(
        self, values: engine.Rows, there: engine.Rows, some: NDArray[np.bool_] | None
    ) -> None:
        super().__init__(values.shape, values.dtype)
        self.chunk = values.chunk or engine.chunk_of(self.shape, self.dtype)
        self.in_parts = values.in_parts and there.in_parts
        self._values, self._there, self._some = values, there, some

    @property
    def cycles(self) -> float:
        """Its own, and those of what it stands on."""
        return super().cycles + getattr(self._values, "cycles", 0.0)

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        if self._some is not None and not self._some[start:stop].any():
            return self._values.rows(start, stop, into)
        there = self._there.rows(start, stop)
        out = self.room(stop - start, into)
        _clean(self._values.rows(start, stop), there, out)
        return out

    def part(self, start: int, stop: int, left: int, right: int) -> NDArray[Any]:
        """Return some columns of some rows."""
        if self._some is not None and not self._some[start:stop].any():
            return self._values.part(start, stop, left, right)
        there = self._there.part(start, stop, left, right)
        out = np.empty((stop - start, right - left, *self.shape[2:]), self.dtype)
        _clean(self._values.part(start, stop, left, right), there, out)
        return out


def _clean(values: NDArray[Any], there: NDArray[Any], out: NDArray[Any]) -> None:
    out[...] = 0
    np.copyto(out, values, where=there.view(np.bool_))


class _Recent:
    """Rows of a stage, of which a thread keeps the last ones: several ask for the same.

    Parameters
    ----------
    stage
        Makes them, one by one.
    behind
        How many rows before the last ones are kept.
    """

    step, in_parts, held = 1, False, None

    def __init__(self, stage: engine.Stage, behind: int) -> None:
        self.shape, self.dtype, self.chunk = stage.shape, stage.dtype, stage.chunk
        self.cycles = stage.cycles
        self._stage, self._behind, self._own = stage, behind, local()

    def part(self, start: int, stop: int, left: int, right: int) -> NDArray[Any]:
        """Return some columns of some rows."""
        return self.rows(start, stop)[:, left:right]

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        first, kept = getattr(self._own, "kept", (0, np.empty((0, *self.shape[1:]), self.dtype)))
        last, step = first + len(kept), self._stage.step
        if not first <= start <= last:
            first = last = start // step * step
            kept = kept[:0]
        if last < stop:
            begin, end = max(first, min(start, last - self._behind)), -(-stop // step) * step
            end = min(end, self.shape[0])
            grown = np.empty((end - begin, *self.shape[1:]), self.dtype)
            grown[: last - begin] = kept[begin - first :]
            engine.put(self._stage, last, end, grown[last - begin :])
            self._own.kept = first, kept = begin, grown
        return engine.put_into(into, kept[start - first : stop - first])
