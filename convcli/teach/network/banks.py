"""Layers with weights that slide: convolution, depthwise convolution, transposed convolution."""

from __future__ import annotations

from convcli.errors import UsageError
from convcli.geometry import Geometry, Padding, Pair
from convcli.record import record
from convcli.teach.layer import ConvLayer
from convcli.teach.network.volume import Cost, ReceptiveField, Volume
from convcli.teach.network.windows import (
    bias_word,
    joined,
    laid,
    need_grid,
    need_groups,
    size_text,
    step_words,
)

_ONE = (1, 1)


@record
class Conv:
    """A bank of filters.

    Parameters
    ----------
    size
        (rows, cols) of a filter.
    filters
        How many; the output's channels.
    stride, dilation
        (rows, cols).
    padding
        As `plan_geometry` takes it.
    groups
        Parts that channels and filters are divided into, each filtered on its own.
    bias
        Whether each filter has one.

    Examples
    --------
    >>> Conv((3, 3), 64).cost(Volume(32, 32, 3)).parameters
    1792
    """

    size: Pair
    filters: int
    stride: Pair = _ONE
    dilation: Pair = _ONE
    padding: Padding = 0
    groups: int = 1
    bias: bool = True

    @property
    def text(self) -> str:
        """The layer as it is written in a specification."""
        steps = step_words(self.stride, self.dilation, self.padding)
        groups = f"g{self.groups}" if self.groups > 1 else ""
        return joined(
            "conv", size_text(self.size), self.filters, *steps, groups, bias_word(self.bias)
        )

    def geometry(self, volume: Volume) -> Geometry:
        """Lay a filter over the volume."""
        return laid((self.size, self.stride, self.dilation), self.padding, volume)

    def output(self, volume: Volume) -> Volume:
        """Return one map a filter."""
        out = self.geometry(volume).out
        need_groups(volume.channels, self.filters, self.groups)
        return Volume(*out, self.filters)

    def cost(self, volume: Volume) -> Cost:
        """Return what the bank takes: each filter sees the channels of its group."""
        each = ConvLayer(
            self.geometry(volume), volume.channels // self.groups, self.filters, self.bias
        )
        biases = self.filters * self.bias
        return Cost(each.parameters - biases, biases, each.multiplications)

    def see(self, fields: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return what its outputs see."""
        return fields.slid(self.geometry(volume))


@record
class Depthwise:
    """A filter, or several, for each channel alone.

    Parameters
    ----------
    multiplier
        Filters a channel.
    size, stride, dilation, padding, bias
        As for `Conv`.
    """

    size: Pair
    multiplier: int = 1
    stride: Pair = _ONE
    dilation: Pair = _ONE
    padding: Padding = 0
    bias: bool = True

    @property
    def text(self) -> str:
        """The layer as it is written in a specification."""
        several = self.multiplier if self.multiplier > 1 else ""
        steps = step_words(self.stride, self.dilation, self.padding)
        return joined("depthwise", size_text(self.size), several, *steps, bias_word(self.bias))

    def conv(self, volume: Volume) -> Conv:
        """Return the layer as a convolution with as many groups as channels."""
        filters, groups = volume.channels * self.multiplier, volume.channels
        return Conv(self.size, filters, self.stride, self.dilation, self.padding, groups, self.bias)

    def geometry(self, volume: Volume) -> Geometry:
        """Lay a filter over the volume."""
        return self.conv(volume).geometry(volume)

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
    padding, extra
        Outputs that are cut off on either side, and put back at the end, (rows, cols).
    size, filters, stride, dilation, groups, bias
        As for `Conv`.
    """

    size: Pair
    filters: int
    stride: Pair = _ONE
    dilation: Pair = _ONE
    padding: Pair = (0, 0)
    extra: Pair = (0, 0)
    groups: int = 1
    bias: bool = True

    @property
    def text(self) -> str:
        """The layer as it is written in a specification."""
        words = step_words(self.stride, self.dilation, self.padding)
        words += [f"g{self.groups}"] if self.groups > 1 else []
        words += [f"o{size_text(self.extra)}"] if any(self.extra) else []
        return joined(
            "transposed", size_text(self.size), self.filters, *words, bias_word(self.bias)
        )

    def output(self, volume: Volume) -> Volume:
        """Return one map a filter.

        N inputs with stride S spread over (N − 1)S − 2P + D(F − 1) + O + 1 outputs, which a
        convolution with the same numbers takes back to N (Dumoulin and Visin, 2016, relation 14).
        """
        need_grid(volume)
        need_groups(volume.channels, self.filters, self.groups)
        rows, cols = (self._out(k, (volume.rows, volume.cols)[k]) for k in (0, 1))
        return Volume(rows, cols, self.filters)

    def _out(self, k: int, size: int) -> int:
        span = self.dilation[k] * (self.size[k] - 1) + 1
        if self.extra[k] >= max(self.stride[k], self.dilation[k]):
            raise UsageError(
                f"output padding must be smaller than the stride or the dilation, "
                f"{max(self.stride[k], self.dilation[k])}; got {self.extra[k]}"
            )
        out = (size - 1) * self.stride[k] - 2 * self.padding[k] + span + self.extra[k]
        if out < 1:
            raise UsageError(f"padding {self.padding[k]} leaves nothing; use a smaller one")
        return out

    def formulas(self, volume: Volume) -> tuple[str, str]:
        """Return the formula of rows and of cols, with the numbers in it."""
        rows, cols = (self._formula(k, (volume.rows, volume.cols)[k]) for k in (0, 1))
        return rows, cols

    def _formula(self, k: int, size: int) -> str:
        taps, dilation, extra = self.size[k], self.dilation[k], self.extra[k]
        span = f"{taps}" if dilation == 1 else f"{dilation}·({taps} − 1) + 1"
        more = f" + {extra}" if extra else ""
        steps = f"({size} − 1)·{self.stride[k]} − 2·{self.padding[k]}"
        return f"{steps} + {span}{more} = {self._out(k, size)}"

    def cost(self, volume: Volume) -> Cost:
        """Return what the bank takes: every input meets every weight of its channel."""
        each = self.size[0] * self.size[1] * volume.channels * self.filters // self.groups
        return Cost(each, self.filters * self.bias, each * volume.rows * volume.cols)

    def see(self, fields: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return what its outputs see."""
        rows, cols = (
            field.spread(self.size[k], self.stride[k], self.dilation[k], self.padding[k])
            for k, field in enumerate((fields.rows, fields.cols))
        )
        return ReceptiveField(rows, cols)
