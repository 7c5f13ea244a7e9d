"""Responses that were made elsewhere as samples: mapped, rounded, and looked at."""

from __future__ import annotations

from fractions import Fraction
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.kernels.exact import written
from convcli.kernels.kernel import AnyKernel, Kernel
from convcli.pipeline.arrays import sums_of
from convcli.pipeline.half_even import HalvesToEven
from convcli.pipeline.responses import Target, ends_of, finish_of, scaled
from convcli.spec import Mapping, Rounding, Spec


class _Same:
    """Leaves floats as they are, as `engine.Store` would in six times the time."""

    def __call__(
        self, responses: NDArray[Any], into: NDArray[Any] | None = None
    ) -> tuple[NDArray[Any], engine.Seen]:
        """Return them, and their range."""
        out = np.empty_like(responses) if into is None else into
        np.copyto(out, responses)
        low, high = (each.reduce(responses, None) for each in (np.fmin, np.fmax))
        nothing = low != low
        return out, engine.Seen(inf if nothing else float(low), -inf if nothing else float(high), 0)


class Stored:
    """Responses that become samples as `filter_array` makes them, bit by bit.

    Parameters
    ----------
    dtype
        Of the responses: floats in levels of the source, before the kernel's offset and the
        spec's scale.
    kernel
        What gave them; None for samples that are only brought to another type.
    spec, target
        As `filter_array` takes them.
    own
        The range of all responses, which `normalize` stretches unless the target has a span.
    """

    def __init__(
        self,
        dtype: np.dtype[Any],
        kernel: AnyKernel | None,
        spec: Spec,
        target: Target,
        own: tuple[float, float] | None = None,
    ) -> None:
        slope, shift = Fraction(1), Fraction(0)
        if kernel is not None:
            if isinstance(kernel, Kernel):
                shift = written(kernel.offset) * target.level
            elif kernel.full_scale is not None and not target.in_pixels:
                slope = Fraction(kernel.full_scale) / target.full
            slope, shift = scaled(kernel, (slope, shift), spec.scale, target)
        finish = finish_of(target, slope, shift, spec)
        if target.mapping is Mapping.NORMALIZE:
            ends = sums_of(target.span, slope, shift) if target.span else own
            finish = finish.stretch(*ends) if ends else finish
        self._store: HalvesToEven | engine.Store | _Same
        if finish.is_same(dtype):
            self._store = _Same()
        elif finish.is_levels and finish.rounding is Rounding.EVEN:
            self._store = HalvesToEven(finish)
        else:
            self._store = engine.Store(np.promote_types(dtype, np.float32), finish)
        self._slope, self._shift = float(slope), float(shift)
        self._seen: dict[tuple[int, int], engine.Seen] = {}

    def part(
        self, responses: NDArray[Any], corner: tuple[int, int], into: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """Return the samples of a part of an image, of which `corner` is the first row, column."""
        out, self._seen[corner] = self._store(responses, into)
        return out

    @property
    def ends(self) -> tuple[float, float]:
        """The range of the responses of all rows, in levels of the source."""
        return ends_of(self._seen.values(), self._slope, self._shift)

    @property
    def clipped(self) -> int:
        """Samples that did not fit."""
        return sum(seen.clipped for seen in self._seen.values())
