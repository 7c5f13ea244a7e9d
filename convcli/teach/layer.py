"""A convolution layer by its numbers: output volume, parameters, and what a dense layer costs."""

from __future__ import annotations

from convcli.errors import GeometryError
from convcli.geometry import Axis, Geometry
from convcli.record import record


@record
class ConvLayer:
    """A bank of filters over a volume.

    Parameters
    ----------
    geometry
        Of the input under one kernel.
    channels
        The input's.
    filters
        Filters in the bank; the output has as many channels.
    bias
        Whether each filter has one.

    Raises
    ------
    GeometryError
        If a number is below 1.

    Examples
    --------
    >>> from convcli.geometry import plan_geometry
    >>> layer = ConvLayer(plan_geometry((32, 32), (3, 3)), channels=3, filters=64)
    >>> layer.output, layer.parameters
    ((32, 32, 64), 1792)
    """

    geometry: Geometry
    channels: int
    filters: int
    bias: bool = True

    def __post_init__(self) -> None:
        for name in ("channels", "filters"):
            if getattr(self, name) < 1:
                raise GeometryError(f"{name} must be at least 1, got {getattr(self, name)}")

    @property
    def input(self) -> tuple[int, int, int]:
        """(rows, cols, channels)."""
        return self.geometry.rows.size, self.geometry.cols.size, self.channels

    @property
    def output(self) -> tuple[int, int, int]:
        """(rows, cols, filters)."""
        return *self.geometry.out, self.filters

    @property
    def filter_weights(self) -> int:
        """Weights of one filter: rows · cols · channels."""
        return self.geometry.rows.taps * self.geometry.cols.taps * self.channels

    @property
    def parameters(self) -> int:
        """Weights and biases of the bank."""
        return (self.filter_weights + self.bias) * self.filters

    @property
    def multiplications(self) -> int:
        """Multiply-adds for one image."""
        rows, cols, filters = self.output
        return self.filter_weights * rows * cols * filters

    @property
    def dense_parameters(self) -> int:
        """Weights and biases of a fully connected layer between the same two volumes."""
        rows, cols, channels = self.input
        out_rows, out_cols, filters = self.output
        units = out_rows * out_cols * filters
        return (rows * cols * channels + self.bias) * units


@record
class Shape:
    """The answer to `convcli shape`.

    Parameters
    ----------
    axes
        One, or (rows, cols).
    layer
        The layer, if the number of filters is known.
    """

    axes: tuple[Axis, ...]
    layer: ConvLayer | None = None
