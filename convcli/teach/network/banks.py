"""Layers with weights that slide: convolution, depthwise convolution, transposed convolution."""

from __future__ import annotations

from math import prod

from convcli.errors import UsageError
from convcli.geometry import Axis
from convcli.record import record
from convcli.teach.network.volume import Cost, ReceptiveField, Sizes, Volume
from convcli.teach.network.windows import (
    Window,
    bias_word,
    joined,
    named,
    need_axes,
    need_groups,
    size_text,
)


@record
class Conv:
    """A bank of filters.

    Parameters
    ----------
    window
        The size of a filter, and how it slides.
    filters
        How many; the output's channels.
    groups
        Parts that channels and filters are divided into, each filtered on its own.
    bias
        Whether each filter has one.

    Examples
    --------
    >>> Conv(Window((3, 3)), 64).cost(Volume((32, 32), 3)).parameters
    1792
    """

    window: Window
    filters: int
    groups: int = 1
    bias: bool = True

    @property
    def text(self) -> str:
        """The layer as it is written in a specification."""
        window = self.window
        groups = f"g{self.groups}" if self.groups > 1 else ""
        name, size = named("conv", window.dims), size_text(window.size)
        return joined(name, size, self.filters, *window.words(), groups, bias_word(self.bias))

    def axes(self, volume: Volume) -> tuple[Axis, ...]:
        """Lay a filter over the volume."""
        return self.window.laid(volume)

    def output(self, volume: Volume) -> Volume:
        """Return one map a filter."""
        out = tuple(axis.out for axis in self.axes(volume))
        need_groups(volume.channels, self.filters, self.groups)
        return Volume(out, self.filters)

    def cost(self, volume: Volume) -> Cost:
        """Return what the bank takes: each filter sees the channels of its group."""
        weights = prod(self.window.size) * (volume.channels // self.groups) * self.filters
        places = prod(axis.out for axis in self.axes(volume))
        return Cost(weights, self.filters * self.bias, weights * places)

    def see(self, fields: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return what its outputs see."""
        return fields.slid(self.axes(volume))


@record
class Depthwise:
    """A filter, or several, for each channel alone.

    Parameters
    ----------
    multiplier
        Filters a channel.
    window, bias
        As for `Conv`.
    """

    window: Window
    multiplier: int = 1
    bias: bool = True

    @property
    def text(self) -> str:
        """The layer as it is written in a specification."""
        window = self.window
        several = self.multiplier if self.multiplier > 1 else ""
        name, size = named("depthwise", window.dims), size_text(window.size)
        return joined(name, size, several, *window.words(), bias_word(self.bias))

    def conv(self, volume: Volume) -> Conv:
        """Return the layer as a convolution with as many groups as channels."""
        filters = volume.channels * self.multiplier
        return Conv(self.window, filters, volume.channels, self.bias)

    def axes(self, volume: Volume) -> tuple[Axis, ...]:
        """Lay a filter over the volume."""
        return self.window.laid(volume)

    def output(self, volume: Volume) -> Volume:
        """Return one map a filter."""
        return self.conv(volume).output(volume)

    def cost(self, volume: Volume) -> Cost:
        """Return what the filters take."""
        return self.conv(volume).cost(volume)

    def see(self, fields: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return what its outputs see."""
        return self.conv(volume).see(fields, volume)


@record
class Transposed:
    """A transposed convolution: every input is spread over a window of outputs.

    Parameters
    ----------
    window
        As for `Conv`; its padding is what is cut off at either side.
    extra
        Outputs that are put back at the end of every axis; none if empty.
    shape
        How many outputs there are to be along every axis, in place of `extra`; empty if that is
        told from the rest.
    filters, groups, bias
        As for `Conv`.
    """

    window: Window
    filters: int
    extra: Sizes = ()
    shape: Sizes = ()
    groups: int = 1
    bias: bool = True

    @property
    def text(self) -> str:
        """The layer as it is written in a specification."""
        window = self.window
        words = window.words()
        words += [f"g{self.groups}"] if self.groups > 1 else []
        words += [f"o{size_text(self.extra)}"] if any(self.extra) else []
        words += [f"to{size_text(self.shape)}"] if self.shape else []
        name, size = named("transposed", window.dims), size_text(window.size)
        return joined(name, size, self.filters, *words, bias_word(self.bias))

    def output(self, volume: Volume) -> Volume:
        """Return one map a filter.

        N inputs with stride S spread over (N − 1)S − 2P + D(F − 1) + O + 1 outputs, which a
        convolution with the same numbers takes back to N (Dumoulin and Visin, 2016, relation 14).
        """
        need_axes(volume, self.window.dims)
        need_groups(volume.channels, self.filters, self.groups)
        out = tuple(self._out(k, size) for k, size in enumerate(volume.grid))
        return Volume(out, self.filters)

    def put_back(self, volume: Volume) -> Sizes:
        """Return how many outputs are put back at the end of every axis."""
        return tuple(self._extra(k, size) for k, size in enumerate(volume.grid))

    def _least(self, k: int, size: int) -> int:
        """Return the outputs along an axis if none are put back."""
        span = self.window.dilation[k] * (self.window.size[k] - 1) + 1
        return (size - 1) * self.window.stride[k] - sum(self._cut(k)) + span

    def _cut(self, k: int) -> tuple[int, int]:
        assert not isinstance(self.window.padding, str)
        return self.window.padding[k]

    def _extra(self, k: int, size: int) -> int:
        most = max(self.window.stride[k], self.window.dilation[k]) - 1
        if not self.shape:
            extra = self.extra[k] if self.extra else 0
            if extra > most:
                raise UsageError(
                    f"output padding must be smaller than the stride or the dilation, "
                    f"{most + 1}; got {extra}"
                )
            return extra
        least = self._least(k, size)
        if not 0 <= self.shape[k] - least <= most:
            raise UsageError(
                f"its output can't be {self.shape[k]} long: expected "
                + (f"{least} to {least + most}" if most else f"{least}")
                + "; change the padding"
            )
        return self.shape[k] - least

    def _out(self, k: int, size: int) -> int:
        out = self._least(k, size) + self._extra(k, size)
        if out < 1:
            before, after = self._cut(k)
            padding = f"{before}" if before == after else f"{before},{after}"
            raise UsageError(f"padding {padding} leaves nothing; use a smaller one")
        return out

    def formulas(self, volume: Volume) -> tuple[str, ...]:
        """Return the formula of every axis, with the numbers in it."""
        return tuple(self._formula(k, size) for k, size in enumerate(volume.grid))

    def _formula(self, k: int, size: int) -> str:
        taps, dilation = self.window.size[k], self.window.dilation[k]
        extra, (before, after) = self._extra(k, size), self._cut(k)
        cut = f"2·{before}" if before == after else f"({before} + {after})"
        span = f"{taps}" if dilation == 1 else f"{dilation}·({taps} − 1) + 1"
        more = f" + {extra}" if extra else ""
        steps = f"({size} − 1)·{self.window.stride[k]} − {cut}"
        return f"{steps} + {span}{more} = {self._out(k, size)}"

    def cost(self, volume: Volume) -> Cost:
        """Return what the bank takes: every input meets every weight of its channel."""
        each = prod(self.window.size) * volume.channels * self.filters // self.groups
        return Cost(each, self.filters * self.bias, each * prod(volume.grid))

    def see(self, fields: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return what its outputs see."""
        window = self.window
        return ReceptiveField(
            tuple(
                field.spread(window.size[k], window.stride[k], window.dilation[k], self._cut(k)[0])
                for k, field in enumerate(fields.axes)
            )
        )
