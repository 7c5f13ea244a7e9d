"""What a network is made of, and the layers without a bank of filters."""

from __future__ import annotations

from typing import Protocol

from convcli.geometry import Axis
from convcli.record import record
from convcli.teach.network.volume import Cost, ReceptiveField, Volume
from convcli.teach.network.windows import (
    Window,
    bias_word,
    joined,
    named,
    need_axes,
    need_samples,
    size_text,
)

#: Layers that change values, not shapes, and may be done in place.
PLAIN = ("relu", "bn", "lrn", "dropout", "sigmoid", "tanh", "gelu", "softmax")


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
    window
        As for `Conv`.
    ceil
        Whether a last window that isn't complete counts.
    """

    how: str
    window: Window
    ceil: bool = False

    @property
    def text(self) -> str:
        """The layer as it is written in a specification."""
        window = self.window
        name = named("pool" if self.how == "max" else "avgpool", window.dims)
        steps = window.words(usual=window.size)
        return joined(name, size_text(window.size), *steps, "ceil" if self.ceil else "")

    def axes(self, volume: Volume) -> tuple[Axis, ...]:
        """Lay the window over the volume."""
        found = self.window.laid(volume, whole=self.ceil)
        need_samples(found)
        return found

    def output(self, volume: Volume) -> Volume:
        """Return one value a window."""
        return Volume(tuple(axis.out for axis in self.axes(volume)), volume.channels)

    def cost(self, volume: Volume) -> Cost:
        """Return nothing: nothing is learnt or multiplied."""
        return Cost()

    def see(self, fields: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return what its outputs see."""
        return fields.slid(self.axes(volume))


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
        need_axes(volume)
        return Volume((1,) * len(volume.grid), volume.channels)

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
        return Volume((1,) * len(volume.grid), self.units, flat=True)

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
        return Volume(volume.grid, volume.channels, flat=True)

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
