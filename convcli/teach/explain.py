"""What a kernel does at one place of an image, worked out in whole numbers and fractions.

`study` filters an image once, with the engine; `Study.at` then works any output out by hand, out
of the samples, the geometry and the borders, and checks that the engine stored the same.

>>> from convcli.kernels import parse_kernel
>>> from convcli.teach.explain_grid import typed_grid
>>> study = study_grid(typed_grid("1 2; 3 4"), parse_kernel("1 0; 0 1"), Spec(padding="valid"))
>>> place = study.at(0, 0)
>>> [[str(product.value) for product in row] for row in place.parts[0].products]
[['1', '0'], ['0', '4']]
>>> str(place.value), place.stored
('5', 5.0)
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from convcli import pipeline
from convcli.borders import by_axis, source
from convcli.errors import GeometryError, ImageError, UsageError
from convcli.geometry import Axis, Pair, plan_geometry
from convcli.image.channels import colour_of, pick
from convcli.image.header import VALUES
from convcli.image.image import Image
from convcli.kernels.exact import written
from convcli.kernels.kernel import AnyKernel, Kernel
from convcli.pipeline.arrays import filter_array, overridden
from convcli.pipeline.sample_types import Settling
from convcli.pipeline.work import Work, prepare, selected
from convcli.record import replace
from convcli.spec import Depth, Mapping, Spec
from convcli.teach.explain_parts import Part, Place, Product, SampleStep
from convcli.teach.explain_responses import Responses
from convcli.teach.explain_steps import finished
from convcli.teach.explain_way import Way, way_of

__all__ = ["Part", "Place", "Product", "SampleStep", "Study", "study", "study_grid"]


class Study(Responses):
    """An image, a kernel, and what the engine made of them: every output can be worked out."""

    @cached_property
    def _ways(self) -> tuple[Way, Way]:
        return way_of(self, alpha=False), way_of(self, alpha=True)

    def way(self, *, alpha: bool) -> Way:
        """How sums become samples; `alpha` if of alpha that colour is weighted by."""
        return self._ways[alpha]

    def at(self, row: int, col: int, channel: int = 0) -> Place:
        """Work one output out, and check it against the engine's.

        Parameters
        ----------
        row, col
            In the result, counted from 0.
        channel
            Its place in `channels`.

        Raises
        ------
        GeometryError
            If the result has no such place.
        ImageError
            If a sample there is infinite or no number.
        """
        rows, cols = self.out
        if not (0 <= row < rows and 0 <= col < cols):
            raise GeometryError(
                f"the result has rows 0 to {rows - 1} and columns 0 to {cols - 1}; "
                f"got row {row}, column {col}"
            )
        parts = self.parts(row, col, channel)
        way = self.way(alpha=self.is_alpha(channel))
        return finished(self, way, (row, col), channel, parts)

    @cached_property
    def other_way(self) -> Study:
        """The same with the kernel turned by 180°, or not turned; its `result` is not its own."""
        spec = replace(self.spec, convolve=not self.spec.convolve)
        geometry = plan_geometry(
            self.work.image.size,
            self.kernel.shape,
            stride=spec.stride,
            dilation=spec.dilation,
            padding=spec.padding,
            flip=spec.convolve,
            anchor=spec.anchor,
        )
        return replace(self, work=replace(self.work, spec=spec), geometry=geometry)

    def parts(self, row: int, col: int, channel: int = 0) -> tuple[Part, ...]:
        """Lay the kernel, or each of a compound's, over the image at one place."""
        axes = self.geometry.rows, self.geometry.cols
        rows, cols = (_under(axis, at) for axis, at in zip(axes, (row, col), strict=True))
        planes = [channel]
        if self.work.weighs and self.channels[channel] != "A":
            planes.append(len(self.channels) - 1)
        return tuple(
            self._part(k, (rows, cols), plane)
            for plane in planes
            for k in range(len(self.kernel.parts))
        )

    @cached_property
    def _weights(self) -> list[list[list[Fraction]]]:
        """Each part's weights, as they slide."""
        step = -1 if self.spec.convolve else 1
        return [[row[::step] for row in part.fractions[::step]] for part in self.kernel.parts]

    def _part(self, number: int, places: tuple[range, range], plane: int) -> Part:
        kernel = self.kernel.parts[number]
        products = tuple(
            tuple(
                Product(weight, (row, col), *self.sample(row, col, plane))
                for weight, col in zip(line, places[1], strict=True)
            )
            for line, row in zip(self._weights[number], places[0], strict=True)
        )
        return Part(kernel.name, products, written(kernel.divisor))

    def sample(self, row: int, col: int, channel: int = 0) -> tuple[Pair | None, Fraction]:
        """Return where the sample at a place comes from, None for the fill value, and the sample.

        Parameters
        ----------
        row, col
            Counted from the image's first sample; in the image or in its padding.
        channel
            Its place in `channels`. Colour that is weighted by alpha is given as such.

        Raises
        ------
        ImageError
            If the sample is infinite, no number, or missing.
        """
        rows, cols = self.sources
        axes = self.geometry.rows, self.geometry.cols
        found = int(rows[row + axes[0].before]), int(cols[col + axes[1].before])
        if min(found) < 0:
            return None, self.fill
        value = self.samples[(*found, channel)].item()
        if not isfinite(value) or value == self.work.image.meta.nodata:
            raise ImageError(
                f"the sample at row {found[0]}, column {found[1]} is {value}: nothing can be "
                f"worked out with it; choose another place"
            )
        if self.work.weighs and self.channels[channel] != "A":
            alpha = self.samples[(*found, -1)].item()
            return found, Fraction(value) * Fraction(alpha) / Fraction(self.work.image.maximum)
        return found, Fraction(value)

    @cached_property
    def sources(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """For rows and for columns: where each sample of the padded axis comes from."""
        axes = self.geometry.rows, self.geometry.cols
        rows, cols = (
            source(axis.size, axis.before, axis.after, border)
            for axis, border in zip(axes, by_axis(self.spec.border), strict=True)
        )
        return rows, cols


def _under(axis: Axis, at: int) -> range:
    """The place of each weight along an axis, for output `at`."""
    first = at * axis.stride - axis.before
    return range(first, first + axis.span, axis.dilation)


def study(image: Image, kernel: AnyKernel, spec: Spec) -> Study:
    """Filter an image, so that its outputs can be worked out.

    Parameters
    ----------
    image, kernel, spec
        As `convcli.apply` takes them; but neither `linear` nor `luma`.

    Raises
    ------
    ConvError
        If they don't fit each other.
    """
    for name in ("linear", "luma"):
        if getattr(spec, name):
            raise UsageError(f"samples are explained as they are stored; leave `{name}` out")
    if spec.depth is Depth.ONE:
        raise UsageError("black and white isn't explained; leave `depth` 1 out")
    image = selected(image, spec)
    if colour_of(image.channels) == "Lab" and pick(spec.channels or "Lab", image.channels) != [0]:
        raise UsageError("a* and b* have a sign: L* alone is explained; use `channels` L")
    spec = replace(spec, bands=None)
    kernel = _explained(kernel, spec)
    work = prepare(image, overridden([kernel], spec), spec)
    if work.weighs:
        result, facts = pipeline.apply(image, [kernel], spec)
        planes = result.pixels.reshape(*result.size, -1)[:, :, list(work.chosen)]
        return Study(work, facts.geometries[0], facts.plans[0], planes, facts.lowest, facts.highest)
    return _studied(work)


def study_grid(grid: Image, kernel: AnyKernel, spec: Spec) -> Study:
    """Filter a small grid of numbers, as `convcli.correlate` does.

    Parameters
    ----------
    grid
        As `teach.explain_grid` makes it.
    kernel, spec
        Without a mapping the response itself is the result; `fill` and `bias` count in the
        grid's own units.
    """
    raw = replace(spec, mapping=spec.mapping or Mapping.RAW)
    kernel = _explained(kernel, spec)
    work = prepare(selected(grid, spec), overridden([kernel], raw), raw)
    target = replace(work.target, in_levels=False)
    if target.mapping is Mapping.RAW:
        target = replace(target, dtype=np.dtype(np.float64))
    return _studied(replace(work, target=target), is_grid=True)


def _explained(kernel: AnyKernel, spec: Spec) -> AnyKernel:
    """Return what is explained of a kernel: its sums, without a threshold behind them."""
    if Mapping.HUE in (spec.mapping, kernel.default_mapping):
        raise UsageError("one number is explained, not a colour; leave `mapping` hue out")
    return replace(kernel, threshold=0) if isinstance(kernel, Kernel) else kernel


def _studied(work: Work, *, is_grid: bool = False) -> Study:
    pixels = np.ascontiguousarray(work.planes[:, :, list(work.chosen)])
    done = filter_array(pixels, work.kernels, work.spec, work.target)
    result = done.pixels
    if not is_grid and work.stored.name in VALUES:
        result = Settling(work.stored, work.target, work.spec.rounding)(result, 0)
    return Study(work, done.geometries[0], done.plans[0], result, *done.ends, is_grid)
