"""Windows over a volume, and how they are written in a specification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from convcli.errors import UsageError
from convcli.geometry import Axis, Pair, plan_geometry
from convcli.record import record
from convcli.teach.network.volume import FORMS, Sizes, Volume

#: A word as `plan_geometry` has them, or (before, after) of every axis.
Sides: TypeAlias = str | tuple[Pair, ...]


@record
class Window:
    """A window that slides over a volume, along one axis, two or three.

    Parameters
    ----------
    size
        Taps along every axis.
    stride, dilation
        Along every axis; 1 if empty.
    padding
        Samples before and after every axis, or a word; none if empty.

    Examples
    --------
    >>> [axis.out for axis in Window((3,), (2,)).laid(Volume((9,), 1))]
    [4]
    """

    size: Sizes
    stride: Sizes = ()
    dilation: Sizes = ()
    padding: Sides = ()

    def __post_init__(self) -> None:
        ones = (1,) * self.dims
        object.__setattr__(self, "stride", self.stride or ones)
        object.__setattr__(self, "dilation", self.dilation or ones)
        object.__setattr__(self, "padding", self.padding or ((0, 0),) * self.dims)

    @property
    def dims(self) -> int:
        """Axes that it slides along."""
        return len(self.size)

    def laid(self, volume: Volume, *, whole: bool = False) -> tuple[Axis, ...]:
        """Lay it over a volume.

        Parameters
        ----------
        volume
            What it slides over.
        whole
            Whether the end is padded until a last, incomplete window fits, as PyTorch does with
            `ceil_mode`. A window that would begin behind the image is left out.

        Raises
        ------
        UsageError
            If the volume has other axes, or the window doesn't fit.
        """
        need_axes(volume, self.dims)
        lay = self._ended if whole else self._axis
        return tuple(lay(k, size) for k, size in enumerate(volume.grid))

    def _axis(self, k: int, size: int) -> Axis:
        sides = self.padding if isinstance(self.padding, str) else (self.padding[k],) * 2
        taps, stride, dilation = self.size[k], self.stride[k], self.dilation[k]
        both = plan_geometry(
            (size, size), (taps, taps), stride=stride, dilation=dilation, padding=sides
        )
        return both.rows

    def _ended(self, k: int, size: int) -> Axis:
        """Return an axis with as much padding as its last window needs."""
        longer = self._axis(k, size + self.stride[k] - 1)
        last = (longer.out - 1) * longer.stride
        if last >= size + longer.before:
            last -= longer.stride
        lacking = max(0, last + longer.span - (size + longer.before + longer.after))
        return Axis(
            size, longer.taps, longer.stride, longer.dilation, longer.before, longer.after + lacking
        )

    def words(self, usual: Sizes = ()) -> list[str]:
        """Return the words for what isn't as usual.

        Parameters
        ----------
        usual
            The stride that goes without saying; 1 if empty.
        """
        ones = (1,) * self.dims
        words = [] if self.stride == (usual or ones) else [f"s{size_text(self.stride)}"]
        if isinstance(self.padding, str):
            words.append(self.padding)
        elif any(map(any, self.padding)):
            words.append(f"p{_padding_text(self.padding)}")
        return words + ([] if self.dilation == ones else [f"d{size_text(self.dilation)}"])


def need_samples(axes: Sequence[Axis]) -> None:
    """Raise UsageError if a window would hold nothing but padding."""
    for axis in axes:
        # Those that begin within the axis hold their first tap; of those before it the first holds
        # least, unless taps may miss the axis.
        last = (axis.out - 1) * axis.stride - axis.before
        early = range(-axis.before, min(last, 0), axis.stride)
        for first in (*(early if axis.dilation > axis.size else early[:1]), last):
            tap = first + axis.dilation * max(0, -(first // axis.dilation))
            if tap >= min(axis.size, first + axis.span):
                raise UsageError(
                    f"with padding {axis.before} before and {axis.after} behind {axis.size} "
                    f"samples, the window from sample {first} on holds nothing but padding; use "
                    f"less of it"
                )


def need_axes(volume: Volume, dims: int | None = None) -> None:
    """Raise UsageError for a list of values, or a volume of other axes."""
    if volume.flat:
        needed = "rows and columns" if dims in (None, 2) else FORMS[dims]
        raise UsageError(
            f"it needs {needed}, but gets a list of values; put it before fc and flatten"
        )
    if dims is not None and len(volume.grid) != dims:
        raise UsageError(f"it takes {FORMS[dims]}")


def need_groups(channels: int, filters: int, groups: int) -> None:
    """Raise UsageError if channels and filters can't be divided into groups."""
    for number, name in ((channels, "input channels"), (filters, "filters")):
        if number % groups:
            raise UsageError(f"{number} {name} can't be divided into {groups} groups")


def joined(*words: object) -> str:
    """Join words that aren't empty."""
    return " ".join(str(word) for word in words if word != "")


def named(name: str, dims: int) -> str:
    """Return a layer's name: `conv1d`, `conv`, `conv3d`."""
    return name if dims == 2 else f"{name}{dims}d"


def size_text(size: Sizes) -> str:
    """Return `3` for (3, 3) and `3x5` for (3, 5)."""
    return str(size[0]) if len({*size}) == 1 else "x".join(map(str, size))


def _padding_text(padding: tuple[Pair, ...]) -> str:
    """Return `1`, `1x2` if axes differ, `1,2,1,2` if sides do."""
    if all(before == after for before, after in padding):
        return size_text(tuple(before for before, _ in padding))
    return ",".join(str(side) for sides in padding for side in sides)


def bias_word(bias: bool) -> str:
    """Return the word for a layer without bias."""
    return "" if bias else "nobias"
