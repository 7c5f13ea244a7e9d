"""Volumes: what goes from one layer to the next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import TypeAlias

from convcli.errors import UsageError
from convcli.geometry import Axis
from convcli.record import record
from convcli.teach.network.fields import Field

#: Bytes of a float32.
BYTES = 4
_MOST = 1_000_000
_SIZE = re.compile("[0-9]{1,7}")
#: How a volume is written, by its axes.
FORMS = {
    1: "LENGTHxCHANNELS, such as 128x3",
    2: "HEIGHTxWIDTHxCHANNELS, such as 224x224x3",
    3: "DEPTHxHEIGHTxWIDTHxCHANNELS, such as 16x112x112x3",
}

#: A number for every axis.
Sizes: TypeAlias = tuple[int, ...]


@record
class Volume:
    """A stack of maps, or a list of values.

    Parameters
    ----------
    grid
        The size of a map along every axis: (rows, cols) of an image.
    channels
        The number of maps.
    flat
        Whether the values stand in a list.

    Examples
    --------
    >>> print(Volume((55, 55), 96))
    55×55×96
    """

    grid: Sizes
    channels: int
    flat: bool = False

    @property
    def values(self) -> int:
        """Numbers in it."""
        return prod(self.grid) * self.channels

    @property
    def bytes(self) -> int:
        """Memory as float32."""
        return BYTES * self.values

    @property
    def shape(self) -> Sizes:
        """The grid and the channels, or (values,) of a list."""
        return (self.values,) if self.flat else (*self.grid, self.channels)

    def __str__(self) -> str:
        return "×".join(map(str, self.shape))


@record
class ReceptiveField:
    """What an output sees, along every axis."""

    axes: tuple[Field, ...]

    def slid(self, axes: Sequence[Axis]) -> ReceptiveField:
        """Return the fields of a window that slides over these."""
        both = zip(self.axes, axes, strict=True)
        return ReceptiveField(tuple(field.slid(axis) for field, axis in both))

    def whole(self, volume: Volume) -> ReceptiveField:
        """Return the fields of one output that sees a whole volume."""
        both = zip(self.axes, volume.grid, strict=True)
        return ReceptiveField(tuple(field.whole(size) for field, size in both))

    def joined(self, other: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return the fields of the sum of two volumes of one shape.

        Raises
        ------
        GeometryError
            If they step differently.
        """
        all_three = zip(self.axes, other.axes, volume.grid, strict=True)
        return ReceptiveField(tuple(_joined(*each) for each in all_three))


def _joined(one: Field, other: Field, size: int) -> Field:
    """Join two fields; with one output alone, how far it would step doesn't matter."""
    if size == 1 and one.jump != other.jump:
        one, other = one.whole(1), other.whole(1)
    return one.joined(other)


@record
class Cost:
    """What a layer takes.

    Parameters
    ----------
    weights, biases
        Numbers that are learnt.
    multiply_adds
        Multiplications, each with an addition, for one image. Those with padding count; biases,
        pooling and what is done value by value don't, as is usual.
    """

    weights: int = 0
    biases: int = 0
    multiply_adds: int = 0

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.weights + self.biases


def parse_volume(text: str, dims: int = 2) -> Volume:
    """Read `224x224x3`, `32x32` for one channel, or `3072` for a list.

    Parameters
    ----------
    text
        The size along every axis, and the channels.
    dims
        Axes: with 1 `128x3` is a signal of three channels, with 3 `16x112x112x3` is a film.

    Raises
    ------
    UsageError
        If it isn't such a size.

    Examples
    --------
    >>> parse_volume("32x32").channels
    1
    >>> parse_volume("128x3", dims=1).grid
    (128,)
    """
    sizes = [int(size) if _SIZE.fullmatch(size) else 0 for size in re.split("[xX×,]", text.strip())]
    if len(sizes) > dims + 1 or not all(1 <= size <= _MOST for size in sizes):
        raise _wrong(text, dims)
    if len(sizes) == 1 and dims > 1:
        return Volume((1,) * dims, sizes[0], flat=True)
    if len(sizes) < dims:
        raise _wrong(text, dims)
    return Volume(tuple(sizes[:dims]), sizes[dims] if len(sizes) > dims else 1)


def _wrong(text: str, dims: int) -> UsageError:
    return UsageError(f"expected {FORMS[dims]}, of whole numbers from 1 to {_MOST:,}; got {text!r}")
