"""What is done to the images of a batch, whatever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from convcli.image.frames import Frames
    from convcli.image.image import Image
    from convcli.pipeline import Facts
    from convcli.pipeline.memory import StageMemory


class Filtering(Protocol):
    """An image that is filtered as its rows are asked for, and what was done to it."""

    @property
    def result(self) -> Image:
        """The result, its rows made when they are asked for."""

    @property
    def facts(self) -> Facts:
        """What was done; of responses, once all rows are made."""


class Filter(Protocol):
    """What is done to an image: filtered, and stretched over a range if one is given.

    With `one_bit` the result is for a format with one bit of alpha.
    """

    def __call__(
        self, image: Image, span: tuple[float, float] | None = None, *, one_bit: bool = False
    ) -> Filtering:
        """Have an image filtered."""


class FilteringVolume(Protocol):
    """A volume that is filtered as its planes are asked for, and what was done to it."""

    @property
    def result(self) -> Frames:
        """The planes of the result, made when they are asked for."""

    @property
    def facts(self) -> Facts:
        """What was done; of responses, once all planes are made."""

    def stages(self, format: str) -> tuple[StageMemory, ...]:
        """Return what it goes through on its way into a file of a format."""


class VolumeFilter(Protocol):
    """What is done to a volume."""

    def lay(self, frames: Frames) -> FilteringVolume:
        """Have planes filtered as one volume."""
