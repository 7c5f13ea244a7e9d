"""Where a sample outside the image comes from, for every border, here and nowhere else."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from convcli.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Border(StrEnum):
    """What the samples outside the image hold."""

    REPLICATE = "replicate"
    ZERO = "zero"
    CONSTANT = "constant"
    REFLECT = "reflect"
    SYMMETRIC = "symmetric"
    WRAP = "wrap"

    @classmethod
    def parse(cls, text: str) -> Border:
        """Return the border of that name or alias.

        Raises
        ------
        UsageError
            If there is none.
        """
        name = ALIASES.get(text.lower(), text.lower())
        try:
            return cls(name)
        except ValueError:
            known = ", ".join(border.value for border in cls)
            raise UsageError(f"no border named {text!r}; there are {known}") from None


ALIASES = {
    "edge": "replicate",
    "nearest": "replicate",
    "reflect101": "reflect",
    "circular": "wrap",
    "periodic": "wrap",
}


def source(size: int, before: int, after: int, border: Border) -> NDArray[np.intp]:
    """Where each sample of a padded axis comes from.

    Parameters
    ----------
    size
        Samples along the axis, at least 1.
    before, after
        Samples of padding at either end; they may be more than `size`.
    border
        What lies outside.

    Returns
    -------
    ndarray of shape (before + size + after,)
        Indices into the axis; -1 where the fill value belongs.

    Examples
    --------
    >>> source(3, 1, 1, Border.REFLECT)
    array([1, 0, 1, 2, 1])
    >>> source(2, 2, 1, Border.ZERO)
    array([-1, -1,  0,  1, -1])
    """
    import numpy as np

    place = np.arange(-before, size + after, dtype=np.intp)
    match border:
        case Border.REPLICATE:
            return place.clip(0, size - 1)
        case Border.WRAP:
            return place % size
        case Border.SYMMETRIC:
            place %= 2 * size
            return np.minimum(place, 2 * size - 1 - place)
        case Border.REFLECT:
            # A single sample has no neighbour to mirror: its period is 1, not 2·1 − 2 = 0.
            period = max(2 * size - 2, 1)
            place %= period
            return np.minimum(place, period - place) if size > 1 else place
        case _:
            return np.where((place >= 0) & (place < size), place, -1)
