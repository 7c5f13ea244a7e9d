"""A file's rows, decoded when they are asked for, as the first stage of a road."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from convcli import engine
from convcli.image.image import Image, Made
from convcli.processors import processors


def source_of(image: Image, jobs: int | None) -> Image:
    """Return an image whose rows stages can ask for, whether a file or an array has them.

    Parameters
    ----------
    image
        As it was read.
    jobs
        Threads that may ask for rows; None for one a processor.
    """
    made = image.made
    if made is None or isinstance(made, engine.Stage):
        return image
    blocks = engine.Blocks(_Decoded(made), jobs or processors())
    return Image.of(blocks, image.channels, image.meta)


class _Decoded(engine.Stage):
    """Rows that a codec decodes together, in pieces that several threads may decode.

    Parameters
    ----------
    made
        Decodes them.
    """

    def __init__(self, made: Made) -> None:
        super().__init__(made.shape, made.dtype, made.step)
        self._made = made
        self._pieces: tuple[tuple[int, int], ...] = getattr(made, "pieces", super().pieces)

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """(left, right) of the columns that are decoded together."""
        return self._pieces

    def piece(self, start: int, stop: int, number: int) -> NDArray[Any]:
        """Return one of the pieces of some rows."""
        decoder: Any = self._made
        found: NDArray[Any] = decoder.piece(start, stop, number)
        return found

    def rows(self, start: int, stop: int, into: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return some rows, as `Rows` does."""
        return engine.put_into(into, self._made.band(start, stop))
