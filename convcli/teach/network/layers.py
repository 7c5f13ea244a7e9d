"""What a network is made of, and the layers without a bank of filters."""

from __future__ import annotations

from typing import Protocol

from convcli.errors import UsageError
from convcli.geometry import Geometry, Padding, Pair
from convcli.record import record
from convcli.teach.network.volume import Cost, ReceptiveField, Volume
from convcli.teach.network.windows import (
    bias_word,
    joined,
    laid,
    laid_whole,
    need_grid,
    size_text,
    step_words,
)

#: Layers that change values, not shapes, and may be done in place.
PLAIN = ("relu", "bn", "lrn", "dropout", "sigmoid", "tanh", "gelu", "softmax")
_ONE = (1, 1)


class Layer(Protocol):
    """What a network is made of."""

    @property
    def text(self) -> str:
        """The layer as it is written in a specification."""

    def output(self, volume: Volume) -> Volume:
        """Return what comes out; UsageError if the volume doesn't suit."""

    def cost(self, volume: Volume) -> Cost:
        """Return what it takes."""

    def see(self, fields: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return what its outputs see, from what its inputs do."""


@record
class Pool:
    """The greatest or the mean of every window, channel by channel.

    Parameters
    ----------
    how
        `max` or `avg`.
    ceil
        Whether a last window that isn't complete counts.
    size, stride, dilation, padding
        As for `Conv`.
    """

    how: str
    size: Pair
    stride: Pair
    dilation: Pair = _ONE
    padding: Padding = 0
    ceil: bool = False

    @property
    def text(self) -> str:
        """The layer as it is written in a specification."""
        steps = step_words(self.stride, self.dilation, self.padding, usual=self.size)
        name = "pool" if self.how == "max" else "avgpool"
        return joined(name, size_text(self.size), *steps, "ceil" if self.ceil else "")

    def geometry(self, volume: Volume) -> Geometry:
        """Lay the window over the volume."""
        lay = laid_whole if self.ceil else laid
        found = lay((self.size, self.stride, self.dilation), self.padding, volume)
        for axis in (found.rows, found.cols):
            if 2 * axis.before > axis.taps:
                raise UsageError(
                    f"padding {axis.before} is over half of the window's {axis.taps}, so that a "
                    f"window could hold nothing but padding"
                )
        return found

    def output(self, volume: Volume) -> Volume:
        """Return one value a window."""
        return Volume(*self.geometry(volume).out, volume.channels)

    def cost(self, volume: Volume) -> Cost:
        """Return nothing: nothing is learnt or multiplied."""
        return Cost()

    def see(self, fields: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return what its outputs see."""
        return fields.slid(self.geometry(volume))


@record
class Global:
    """The mean or the greatest of every whole map."""

    how: str = "avg"

    @property
    def text(self) -> str:
        """The layer as it is written in a specification."""
        return joined("global", "" if self.how == "avg" else self.how)

    def output(self, volume: Volume) -> Volume:
        """Return one value a channel."""
        need_grid(volume)
        return Volume(1, 1, volume.channels)

    def cost(self, volume: Volume) -> Cost:
        """Return nothing: nothing is learnt or multiplied."""
        return Cost()

    def see(self, fields: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return what its outputs see: all that the map does."""
        return fields.whole(volume)


@record
class Dense:
    """A fully connected layer: every unit sees every value."""

    units: int
    bias: bool = True

    @property
    def text(self) -> str:
        """The layer as it is written in a specification."""
        return joined("fc", self.units, bias_word(self.bias))

    def output(self, volume: Volume) -> Volume:
        """Return one value a unit."""
        return Volume(1, 1, self.units, flat=True)

    def cost(self, volume: Volume) -> Cost:
        """Return what the units take."""
        weights = volume.values * self.units
        return Cost(weights, self.units * self.bias, weights)

    def see(self, fields: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return what its outputs see: all that the volume does."""
        return fields.whole(volume)


@record
class Plain:
    """A layer that works value by value and keeps the shape, such as `relu`."""

    text: str

    def output(self, volume: Volume) -> Volume:
        """Return the same shape."""
        return volume

    def cost(self, volume: Volume) -> Cost:
        """Return a scale and a shift a channel for `bn`, which a convolution can take over."""
        each = volume.values if volume.flat else volume.channels
        return Cost(each, each) if self.text == "bn" else Cost()

    def see(self, fields: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return the same fields."""
        return fields


@record
class Flatten:
    """The values of a volume in a list."""

    text: str = "flatten"

    def output(self, volume: Volume) -> Volume:
        """Return the list."""
        return Volume(volume.rows, volume.cols, volume.channels, flat=True)

    def cost(self, volume: Volume) -> Cost:
        """Return nothing."""
        return Cost()

    def see(self, fields: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return the same fields: every value still is where it was."""
        return fields


@record
class Add:
    """The sum of a block's two paths."""

    text: str = "add"

    def output(self, volume: Volume) -> Volume:
        """Return the same shape."""
        return volume

    def cost(self, volume: Volume) -> Cost:
        """Return nothing: sums alone aren't counted."""
        return Cost()

    def see(self, fields: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return the same fields; those of two paths are joined where they meet."""
        return fields
