"""What is asked for besides the filters: what lies outside an image, and how to run."""

from __future__ import annotations

from convcli.borders import Border, Borders, by_axis
from convcli.record import record


@record
class Border2D:
    """What lies outside an image, for both axes.

    Parameters
    ----------
    border
        Where a sample outside comes from; (rows, cols) if that differs.
    fill
        The value of samples that come from nowhere under a `constant` border, in levels of the
        image; it is 0 under `zero`.
    """

    border: Borders = Border.REPLICATE
    fill: float = 0.0

    @property
    def level(self) -> float:
        """The value of samples that come from nowhere."""
        return 0.0 if Border.ZERO in by_axis(self.border) else self.fill


@record
class Options:
    """How to run: `jobs` threads, None for all processors; `double` precision; `stretch`.

    `method` is `auto`, or one of the methods of a `Plan`. Without `watch` nobody asks for the range
    of sums and how many were clipped. `finite` says whether all samples are finite numbers.
    """

    jobs: int | None = None
    double: bool = False
    stretch: bool = False
    method: str = "auto"
    watch: bool = True
    finite: bool = True
