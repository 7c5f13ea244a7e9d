"""The shape formula along three axes: planes, rows and columns of a volume."""

from __future__ import annotations

from operator import index
from typing import Any, TypeAlias

from convcli.errors import GeometryError
from convcli.geometry import Axis, Geometry, plan_geometry
from convcli.record import record

Triple: TypeAlias = tuple[int, int, int]


@record
class VolumeGeometry:
    """The three axes of a volume under a kernel: its planes, and rows and columns of each.

    The shape formula holds along each of them.
    """

    planes: Axis
    plane: Geometry

    @property
    def out(self) -> Triple:
        """Outputs along (planes, rows, cols)."""
        return self.planes.out, *self.plane.out


@record
class Steps:
    """How a kernel steps over a volume.

    Parameters
    ----------
    stride, dilation
        One number for all axes, or (planes, rows, cols).
    padding
        A word, as `plan_geometry` takes it; a number for every side; or for each of the three
        axes a number, or (before, after).
    flip
        Whether the kernel is flipped before it slides.
    """

    stride: Any = 1
    dilation: Any = 1
    padding: Any = "same"
    flip: bool = False

    def within(self) -> dict[str, Any]:
        """Return what holds for rows and columns, as `plan_geometry` takes it."""
        padding = self.padding
        return {
            "stride": triple(self.stride, "stride")[1:],
            "dilation": triple(self.dilation, "dilation")[1:],
            "padding": padding if isinstance(padding, str) else _sides(padding)[1:],
        }


def plan_volume(size: Triple, taps: Triple, steps: Steps) -> VolumeGeometry:
    """Lay a kernel over a volume.

    Parameters
    ----------
    size, taps
        (planes, rows, cols) of the volume and of the kernel.
    steps
        How it steps.

    Raises
    ------
    GeometryError
        As for `plan_geometry`; along the planes the message says so.

    Examples
    --------
    >>> plan_volume((20, 64, 64), (5, 3, 3), Steps(stride=(2, 1, 1), padding="valid")).out
    (8, 62, 62)
    """
    word = steps.padding if isinstance(steps.padding, str) else ""
    plane = plan_geometry(size[1:], taps[1:], flip=steps.flip, **steps.within())
    try:
        depth = plan_geometry(
            (size[0], 1),
            (taps[0], 1),
            stride=(triple(steps.stride, "stride")[0], 1),
            dilation=(triple(steps.dilation, "dilation")[0], 1),
            padding=word or (_sides(steps.padding)[0], (0, 0)),
            flip=steps.flip,
        )
    except GeometryError as error:
        raise GeometryError(f"along the planes: {error}") from None
    return VolumeGeometry(depth.rows, plane)


def triple(value: Any, name: str) -> Triple:
    """One whole number for all axes, or one for each.

    Raises
    ------
    GeometryError
        If it is neither.
    """
    given = value if isinstance(value, tuple | list) else (value,) * 3
    try:
        planes, rows, cols = (index(number) for number in given)
    except (TypeError, ValueError):
        raise GeometryError(
            f"`{name}` of a volume takes one whole number, or three as (planes, rows, cols); "
            f"got {value!r}"
        ) from None
    return planes, rows, cols


def _sides(padding: Any) -> tuple[tuple[int, int], ...]:
    """(before, after) of each axis."""
    given = padding if isinstance(padding, tuple | list) else (padding,) * 3
    try:
        pairs = [each if isinstance(each, tuple | list) else (each, each) for each in given]
        (a, b), (c, d), (e, f) = ((index(one), index(other)) for one, other in pairs)
    except (TypeError, ValueError):
        raise GeometryError(
            f"`padding` of a volume takes a word, a whole number, or one for each axis as "
            f"(planes, rows, cols); got {padding!r}"
        ) from None
    return (a, b), (c, d), (e, f)
