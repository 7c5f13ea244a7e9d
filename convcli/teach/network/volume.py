"""Volumes: what goes from one layer to the next."""

from __future__ import annotations

import re

from convcli.errors import UsageError
from convcli.geometry import Geometry
from convcli.record import record
from convcli.teach.network.fields import INPUT, Field

#: Bytes of a float32.
BYTES = 4
_MOST = 1_000_000
_SIZES = re.compile(r"([0-9]{1,7})(?:[x×,]([0-9]{1,7}))?(?:[x×,]([0-9]{1,7}))?", re.IGNORECASE)


@record
class Volume:
    """A stack of maps, or a list of values.

    Parameters
    ----------
    rows, cols, channels
        The size; `channels` is the number of maps.
    flat
        Whether the values stand in a list.

    Examples
    --------
    >>> print(Volume(55, 55, 96))
    55×55×96
    """

    rows: int
    cols: int
    channels: int
    flat: bool = False

    @property
    def values(self) -> int:
        """Numbers in it."""
        return self.rows * self.cols * self.channels

    @property
    def bytes(self) -> int:
        """Memory as float32."""
        return BYTES * self.values

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, cols, channels), or (values,) of a list."""
        return (self.values,) if self.flat else (self.rows, self.cols, self.channels)

    def __str__(self) -> str:
        return "×".join(map(str, self.shape))


@record
class ReceptiveField:
    """What an output sees, along both axes."""

    rows: Field = INPUT
    cols: Field = INPUT

    def slid(self, geometry: Geometry) -> ReceptiveField:
        """Return the fields of a window that slides over these."""
        return ReceptiveField(self.rows.slid(geometry.rows), self.cols.slid(geometry.cols))

    def whole(self, volume: Volume) -> ReceptiveField:
        """Return the fields of one output that sees a whole volume."""
        return ReceptiveField(self.rows.whole(volume.rows), self.cols.whole(volume.cols))

    def joined(self, other: ReceptiveField, volume: Volume) -> ReceptiveField:
        """Return the fields of the sum of two volumes of one shape.

        Raises
        ------
        GeometryError
            If they step differently.
        """
        rows = _joined(self.rows, other.rows, volume.rows)
        return ReceptiveField(rows, _joined(self.cols, other.cols, volume.cols))


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


def parse_volume(text: str) -> Volume:
    """Read `224x224x3`, `32x32` for one channel, or `3072` for a list.

    Raises
    ------
    UsageError
        If it isn't such a size.

    Examples
    --------
    >>> parse_volume("32x32").channels
    1
    """
    match = _SIZES.fullmatch(text.strip())
    sizes = [int(size) for size in match.groups() if size is not None] if match else []
    if not sizes or not all(1 <= size <= _MOST for size in sizes):
        raise UsageError(
            f"expected HEIGHTxWIDTHxCHANNELS, such as 224x224x3, of whole numbers from 1 to "
            f"{_MOST:,}; got {text!r}"
        )
    if len(sizes) == 1:
        return Volume(1, 1, sizes[0], flat=True)
    return Volume(sizes[0], sizes[1], sizes[2] if len(sizes) > 2 else 1)
