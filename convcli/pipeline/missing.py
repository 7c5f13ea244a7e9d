"""Samples that are missing: which they are, and rows of what is there beside rows that say where.

A sample is missing that is no number, or the file's nodata value. Of colour of which one number is
made (gray, lightness), or that is weighted by alpha, a pixel is missing as a whole.
"""

from __future__ import annotations

from math import isfinite, prod
from threading import local
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.image import channels as ch
from convcli.image.image import Image
from convcli.processors import processors
from convcli.record import field, record
from convcli.spec import Spec


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
    count
        How many are missing.
    there
        (rows, cols, chosen) of bool: which samples are there.
    """

    image: Image
    chosen: tuple[int, ...]
    nodata: float | None
    count: int
    there: NDArray[np.bool_] = field(repr=False)

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
        Its samples are looked at if they are floats, or if a value says what is missing.
    chosen
        The channels that are filtered, of the image's.
    spec
        What is missing, and what becomes of it.
    """
    dtype = image.dtype
    nodata = nodata_of(image, spec)
    value = None if nodata is None else as_sample(nodata, dtype)
    if dtype.kind != "f" and value is None:
        return None
    source, jobs = engine.Held(image.pixels), spec.jobs or processors()
    if value is None and _all_numbers(source, jobs):
        return None
    found = np.empty((*image.size, len(chosen)), dtype=bool)

    def look(first: int, block: NDArray[Any]) -> None:
        planes = block.reshape(*block.shape[:2], -1)
        some = planes if len(chosen) == planes.shape[2] else ch.select(planes, chosen)
        _look(some, value, found[first : first + len(block)])

    engine.each_part(source, float(image.pixels.size), jobs, look)
    count = found.size - int(np.count_nonzero(found))
    # Whole samples that were there could become the nodata value.
    if not count and dtype.kind == "f":
        return None
    return Gaps(image, chosen, value, count, found)


def there_of(planes: NDArray[Any], spec: Spec) -> tuple[NDArray[np.bool_], float | None]:
    """Return which samples are there, and the nodata value that a spec names, as one of them.

    Parameters
    ----------
    planes
        (rows, cols, channels) of a type that images have.
    spec
        Its nodata value counts.
    """
    value = None if isinstance(spec.nodata, str | None) else as_sample(spec.nodata, planes.dtype)
    there = np.empty(planes.shape, dtype=bool)
    _look(planes, value, there)
    return there, value


def _all_numbers(source: engine.Rows, jobs: int) -> bool:
    """Whether each sample is a number."""
    least = []

    def look(_: int, block: NDArray[Any]) -> None:
        # One that is no number makes this so.
        least.append(block.min())

    engine.each_part(source, float(prod(source.shape)), jobs, look)
    return not np.isnan(least).any()


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


def _look(planes: NDArray[Any], nodata: float | None, out: NDArray[np.bool_]) -> None:
    """Put whether samples are there."""
    if nodata is None:
        np.equal(planes, planes, out=out)
        return
    np.not_equal(planes, planes.dtype.type(nodata), out=out)
    if planes.dtype.kind == "f":
        out &= planes == planes


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
        self.samples, self.there, self.rows = values, there, rows

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

        def widened(block: NDArray[Any], _: int) -> NDArray[np.uint8]:
            if together:
                return np.repeat(block.all(axis=2, keepdims=True), count, axis=2).view(np.uint8)
            there = np.ones_like(block[:, :, :1])
            return np.concatenate((block, there), axis=2).view(np.uint8)

        held: engine.Rows = engine.Held(gaps.there.view(np.uint8))
        if count != gaps.there.shape[2] or (together and count > 1):
            held = engine.Pixels(held, widened)
        return cls(values, held, np.asarray(~gaps.there.all(axis=(1, 2))))

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
    """Put values, and 0 where one isn't there, which 0 times what is no number is not."""
    bits = f"u{values.itemsize}"
    np.multiply(values.view(bits), there, out=out.view(bits))


def put_where(target: NDArray[Any], where: NDArray[np.bool_], value: float) -> None:
    """Put a value at some places, as `np.copyto` does.

    JUSTIFICATION: a product and a sum of bits take a fifth of the time.

    Parameters
    ----------
    target
        (rows, cols, channels).
    where
        The same, or (rows, cols, 1) for all channels.
    value
        Of the target's type.
    """
    bits = target.view(f"u{target.itemsize}")
    np.multiply(bits, (~where).view(np.uint8), out=bits)
    word = np.array(value, target.dtype).view(bits.dtype)
    if word:
        bits |= where.view(np.uint8) * word


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
