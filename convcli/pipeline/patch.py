"""What is looked for: a patch, which of its samples count, and what is known of it beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.record import record


@record(eq=False)
class Patch:
    """A patch made ready: what places of an image are correlated with.

    With the mask M, the mean T̄ of each channel under it, and n = ΣM²; without one, M is 1.

    Parameters
    ----------
    products
        (channels, rows, cols): W − M·ΣW/ΣM for W = M²·(T − T̄), over √(Σ(M·(T − T̄))²/n). What an
        image's own mean would add is 0, so that it need not be taken from each place.
    squared
        (rows, cols): M²; whole, and a box, if all samples count alike.
    soft
        (rows, cols): M² − M·n/ΣM if there is a mask that counts some samples in part, else None.
    """

    products: NDArray[np.float64]
    squared: NDArray[Any]
    soft: NDArray[np.float64] | None

    @property
    def size(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.squared.shape[0], self.squared.shape[1]

    @property
    def is_box(self) -> bool:
        """Whether all samples count alike."""
        return self.squared.dtype == np.int64

    @property
    def counted(self) -> float:
        """The n of the formula: how many samples of a channel count."""
        return float(self.squared.sum())


def patch_of(samples: NDArray[Any], mask: NDArray[Any] | None = None) -> Patch:
    """Make a patch ready.

    Parameters
    ----------
    samples
        (rows, cols, channels), of any type and scale.
    mask
        (rows, cols) of how much each place counts, 0 for not at all; None if all count alike.

    Raises
    ------
    ImageError
        If nothing counts, all that counts is the same, or some of it is no finite number.
    """
    counts = np.ones(samples.shape[:2]) if mask is None else mask.astype(np.float64)
    if not counts.any():
        raise ImageError("nothing of the patch counts: its alpha is 0 everywhere")
    counts /= counts.max()
    planes = _apart(np.moveaxis(samples.astype(np.float64), -1, 0), counts)
    squared, total = counts**2, counts.sum()
    soft = None if np.isin(counts, (0.0, 1.0)).all() else squared - counts * squared.sum() / total
    weights = squared * planes
    weights -= counts * (weights.sum(axis=(1, 2)) / total)[:, None, None]
    weights *= np.sqrt(squared.sum()) / np.linalg.norm(counts * planes)
    return Patch(weights, squared.astype(np.int64) if (squared == 1).all() else squared, soft)


def _apart(planes: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each sample is from its channel's mean; of those that count, some by 1."""
    counted = planes[:, counts > 0]
    if not np.isfinite(counted).all():
        raise ImageError("the patch has samples that are infinite or no numbers; cut others out")
    if (counted == counted[:, :1]).all():
        values = ", ".join(f"{value:g}" for value in counted[:, 0])
        raise ImageError(
            f"the patch is flat: its samples are all {values}, so its variance is 0, and no place "
            f"can be more like it than another; cut out one with something to see in it"
        )
    # What doesn't count may be anything.
    planes = np.where(counts > 0, planes, counted[:, :1, None])
    planes -= planes[:, :1, :1]
    planes /= np.abs(planes).max()
    planes -= ((planes * counts).sum(axis=(1, 2)) / counts.sum())[:, None, None]
    planes /= np.abs(planes[:, counts > 0]).max()
    return planes
