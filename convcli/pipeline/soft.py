"""A soft threshold: what a kernel changes little stays as it is, what it changes more changes less.

Of a response r and the sample s below the kernel's anchor, s + sign(r − s)·max(|r − s| − t, 0).
This isn't linear, so it is no part of a kernel's weights: a stage behind its sums, before the
kernel that follows, or the mapping, sees them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.engine import Plan, Prepared, Seen
from convcli.geometry import Geometry
from convcli.pipeline.anchors import AtAnchors
from convcli.pipeline.responses import Target
from convcli.record import record
from convcli.spec import Spec


@record(eq=False)
class Soft:
    """A soft threshold of a kernel.

    Parameters
    ----------
    threshold
        t, in levels of what is filtered.
    geometry, spec, target
        Of the kernel: they tell which sample is below its anchor.
    """

    threshold: float
    geometry: Geometry
    spec: Spec
    target: Target

    def over(self, responses: engine.Correlated, source: engine.Rows) -> Softened:
        """Have responses to a source softened as they are asked for."""
        return Softened(self, responses, source)


class Softened(engine.Stage):
    """Responses behind a soft threshold.

    Parameters
    ----------
    soft
        It.
    responses
        In levels of what is filtered, as floats.
    source
        What they are responses to.
    """

    def __init__(self, soft: Soft, responses: engine.Correlated, source: engine.Rows) -> None:
        super().__init__(responses.shape, responses.dtype, responses.step, responses.chunk)
        self.chunk = self.chunk or engine.chunk_of(self.shape, self.dtype, self.step)
        self._soft, self._responses = soft, responses
        self._below = AtAnchors(source, (soft.geometry,), soft.spec, soft.target)

    @property
    def prepared(self) -> Prepared:
        """What gives the responses."""
        return self._responses.prepared

    @property
    def seen(self) -> Seen:
        """What was seen of the sums, before the threshold."""
        return self._responses.seen

    @property
    def planned(self) -> Plan:
        """How they are computed."""
        return self.prepared.planned

    @property
    def cycles(self) -> float:
        """Its own, and those of the responses."""
        return super().cycles + self._responses.cycles

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        out = self.room(stop - start, into)
        responses, below = self._responses.rows(start, stop), self._below.rows(start, stop)
        # Samples may be no numbers.
        with np.errstate(invalid="ignore", over="ignore"):
            if self._soft.target.weighed:
                out[...] = self._weighed(responses, below)
            else:
                out[...] = self._softened(responses, below.astype(self.dtype))
        return out

    def _softened(self, responses: NDArray[Any], below: NDArray[Any]) -> NDArray[Any]:
        change = responses - below
        size = np.abs(change) - self.dtype.type(self._soft.threshold)
        softened: NDArray[Any] = below + np.copysign(np.maximum(size, 0), change)
        return softened

    def _weighed(self, responses: NDArray[Any], below: NDArray[Any]) -> NDArray[Any]:
        """Soften colour that isn't weighted by alpha, and alpha, and weight it again."""
        full = self._soft.target.maximum
        after, alpha_after = engine.unweigh(responses, full, 1.0)
        before, alpha_before = engine.unweigh(below.astype(self.dtype), full, 1.0)
        # What can't be seen has no colour of its own.
        colour = np.where(alpha_before > 0, self._softened(after, before), after)
        colour = np.where(alpha_after > 0, colour, before)
        alpha = self._softened(alpha_after, alpha_before)
        return engine.weigh(engine.join(colour, alpha), self.dtype, full)
