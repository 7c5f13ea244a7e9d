"""An image whose rows are made when they are written."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from convcli.image.image import Image, Meta


class Rows(Protocol):
    """What makes rows when they are asked for, on whatever thread asks."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def make(self, start: int, stop: int) -> NDArray[Any]:
        """Return some rows."""


class Pending(Image):
    """An image whose rows aren't there yet; `rows` makes them, `pixels` all of them.

    Those of formats that are written in bands take them so; each row is to be asked for once.

    Parameters
    ----------
    source
        Makes rows.
    channels, meta
        As `Image` has them.
    """

    _rows: Rows

    def __init__(self, source: Rows, channels: str, meta: Meta) -> None:
        vars(self).update(_rows=source, channels=channels, meta=meta)

    @cached_property
    def pixels(self) -> NDArray[Any]:
        """All rows, made at once."""
        return self._rows.make(0, self.size[0])

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Make some rows."""
        return self._rows.make(start, stop)

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, cols) or (rows, cols, channels)."""
        return self._rows.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The samples' type."""
        return self._rows.dtype
