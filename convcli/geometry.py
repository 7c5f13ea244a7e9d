"""The shape formula: how many outputs a kernel has along each axis of an image.

With N samples, F taps, stride S, dilation D and P samples of padding on either side, the kernel
spans D(F − 1) + 1 samples and fits ⌊(N − (D(F − 1) + 1) + 2P)/S⌋ + 1 times; for D = 1 that is
⌊(N − F + 2P)/S⌋ + 1 (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning",
2016, relation 6).
"""

from __future__ import annotations

from operator import index
from typing import Any, TypeAlias

from convcli.errors import GeometryError
from convcli.record import record

Pair: TypeAlias = tuple[int, int]
#: One of `PADDING_WORDS`, a number for every side, (rows, cols),
#: or ((top, bottom), (left, right)).
Padding: TypeAlias = str | int | Pair | tuple[Pair, Pair]

PADDING_WORDS = ("same", "valid", "full", "same-upper", "same-lower")

#: A tap as (row, col), one number for both, or a word. A kernel of an even size has two taps in its
#: middle: `middle` is the second one, `first-middle` the first.
Anchor: TypeAlias = str | int | Pair

ANCHOR_WORDS = ("middle", "first-middle")


@record
class Axis:
    """One axis of an image, with the kernel's taps, steps and padding along it.

    Parameters
    ----------
    size
        Samples along the axis, at least 1.
    taps
        Weights of the kernel along the axis, at least 1.
    stride
        Samples from one output to the next, at least 1.
    dilation
        Samples from one tap to the next, at least 1.
    before, after
        Samples of padding at the axis's beginning and end, at least 0.

    Raises
    ------
    GeometryError
        If a number is too small, or the kernel doesn't fit even once.

    Examples
    --------
    >>> Axis(size=7, taps=3, stride=2, before=1, after=1).out
    4
    """

    size: int
    taps: int
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            try:
                index(value)
            except TypeError:
                raise GeometryError(
                    f"{_SPOKEN[name]} must be a whole number, got {value!r}"
                ) from None
            if value < least:
                raise GeometryError(f"{_SPOKEN[name]} must be at least {least}, got {value}")
        if self.padded < self.span:
            raise GeometryError(
                f"the kernel spans {self.span} samples but the axis has {self._samples()}: "
                f"it doesn't fit even once; use padding of at least "
                f"{-(-(self.span - self.size) // 2)} or a smaller kernel"
            )

    @property
    def span(self) -> int:
        """Samples from the first tap to the last, both included."""
        return self.dilation * (self.taps - 1) + 1

    @property
    def padded(self) -> int:
        """Samples along the axis, padding included."""
        return self.size + self.before + self.after

    @property
    def out(self) -> int:
        """Outputs along the axis."""
        return (self.padded - self.span) // self.stride + 1

    @property
    def leftover(self) -> int:
        """Samples at the end of the padded axis that no window reaches."""
        return (self.padded - self.span) % self.stride

    @property
    def unvisited(self) -> int:
        """Samples of the image itself, at its end, that no window reaches."""
        return min(self.size, max(0, self.leftover - self.after))

    @property
    def skipped(self) -> int:
        """Samples between two neighbouring windows that neither of them reaches."""
        return max(0, self.stride - self.span) if self.out > 1 else 0

    @property
    def formula(self) -> str:
        """The shape formula with this axis's numbers in it.

        Examples
        --------
        >>> Axis(size=7, taps=3, stride=2, before=1, after=1).formula
        '⌊(7 − 3 + 2·1)/2⌋ + 1 = 4'
        """
        if self.before == self.after:
            padding = f"2·{self.before}"
        else:
            padding = f"({self.before} + {self.after})"
        span = f"{self.span}"
        if self.dilation > 1:
            span = f"({self.dilation}·({self.taps} − 1) + 1)"
        return f"⌊({self.size} − {span} + {padding})/{self.stride}⌋ + 1 = {self.out}"

    def fitting_strides(self) -> tuple[int, ...]:
        """Strides up to the span or the stride that leave nothing over; none above 1000."""
        rest = self.padded - self.span
        most = min(max(self.span, self.stride), 1000)
        return tuple(s for s in range(1, most + 1) if rest % s == 0)

    def fitting_padding(self) -> int | None:
        """Least equal padding, from here up, that leaves nothing over, if any does."""
        start = max(self.before, self.after)
        # The least k with 2k ≡ lacking (mod stride): every second sample is padding on one side.
        lacking = (self.span - self.size - 2 * start) % self.stride
        if lacking % 2 and self.stride % 2 == 0:
            return None
        return start + (lacking + self.stride * (lacking % 2)) // 2

    def _samples(self) -> str:
        if self.padded == self.size:
            return f"{self.size}"
        return f"{self.size} + {self.before} + {self.after} of padding"


_LEAST = {"size": 1, "taps": 1, "stride": 1, "dilation": 1, "before": 0, "after": 0}
_SPOKEN = {
    "size": "the image's size",
    "taps": "the kernel's size",
    "stride": "stride",
    "dilation": "dilation",
    "before": "padding",
    "after": "padding",
}


@record
class Geometry:
    """Both axes of an image under a kernel."""

    rows: Axis
    cols: Axis

    @property
    def out(self) -> Pair:
        """Outputs along (rows, cols)."""
        return self.rows.out, self.cols.out


def plan_geometry(  # noqa: PLR0913
    size: Pair,
    taps: Pair,
    *,
    stride: int | Pair = 1,
    dilation: int | Pair = 1,
    padding: Padding = "same",
    flip: bool = False,
    anchor: Anchor = "middle",
) -> Geometry:
    """Lay a kernel over an image.

    Parameters
    ----------
    size, taps
        (rows, cols) of the image and of the kernel.
    stride, dilation
        One number for both axes, or (rows, cols).
    padding
        `same` keeps ⌈size/stride⌉ outputs and puts the anchor on every stride-th sample;
        `same-upper` and `same-lower` keep as many, with as little padding as that takes, half of
        it before and half after, and what is odd behind (`upper`) or in front (`lower`); `valid`
        adds nothing; `full` adds span − 1 on every side.
    flip
        Whether the kernel is flipped before it slides. Its anchor flips with it, which matters
        for `same` unless it lies in the middle.
    anchor
        The tap of the kernel, as it was written, that lies over an output's place.

    Raises
    ------
    GeometryError
        If a number is too small, a word unknown, or the kernel doesn't fit.
    """
    strides, dilations = pair(stride), pair(dilation)
    axes = []
    for k in (0, 1):
        tap = anchor_tap(taps, k, anchor, flip=flip)
        unpadded = _Unpadded(size[k], taps[k], max(strides[k], 1), max(dilations[k], 1), tap)
        around = _around(padding, k, unpadded)
        axes.append(Axis(size[k], taps[k], strides[k], dilations[k], *around))
    return Geometry(*axes)


def anchor_tap(taps: Pair, k: int, anchor: Anchor, *, flip: bool = False) -> int:
    """Return which tap of axis `k`, as the kernel slides, lies over an output's place.

    Parameters
    ----------
    taps
        (rows, cols) of the kernel.
    k
        0 for rows, 1 for columns.
    anchor, flip
        As `plan_geometry` takes them.

    Raises
    ------
    GeometryError
        If the kernel has no such tap.

    Examples
    --------
    >>> anchor_tap((4, 4), 0, "middle"), anchor_tap((4, 4), 0, "middle", flip=True)
    (2, 1)
    """
    count = max(taps[k], 1)
    if isinstance(anchor, str):
        if anchor not in ANCHOR_WORDS:
            raise GeometryError(
                f"`anchor` {anchor!r} is not known: expected {' or '.join(ANCHOR_WORDS)}, or the "
                f"row and column of a tap"
            )
        tap = (count - (anchor == "first-middle")) // 2
    else:
        tap = pair(anchor)[k]
    if not 0 <= tap < count:
        raise GeometryError(
            f"`anchor` {anchor} lies outside of a kernel of {taps[0]}×{taps[1]}: its "
            f"rows are 0 to {taps[0] - 1}, its columns 0 to {taps[1] - 1}"
        )
    return count - 1 - tap if flip else tap


def pair(value: int | Pair) -> Pair:
    """One whole number for both axes, or one for each.

    Raises
    ------
    GeometryError
        If it is neither.
    """
    given = value if isinstance(value, tuple | list) else (value, value)
    try:
        rows, cols = (index(number) for number in given)
    except (TypeError, ValueError):
        raise GeometryError(
            f"expected a whole number, or two as (rows, cols); got {value!r}"
        ) from None
    return rows, cols


def whole(value: Any) -> Any:
    """Steps or padding with every number an int; words and None stay as they are.

    1.0 equals 1, and would be taken for it where something is looked up.

    Raises
    ------
    GeometryError
        If something in it is no whole number.

    Examples
    --------
    >>> whole([[1, 2], 3])
    ((1, 2), 3)
    """
    if value is None or isinstance(value, str | int):
        return value
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, tuple | list):
        return tuple(whole(each) for each in value)
    return pair(value)[0]


@record
class _Unpadded:
    """An axis, and the tap that is its anchor, before its padding is known."""

    size: int
    taps: int
    stride: int
    dilation: int
    anchor: int


def _around(padding: Padding, k: int, axis: _Unpadded) -> Pair:
    """Samples before and after axis `k`."""
    if not isinstance(padding, str):
        sides = padding if isinstance(padding, tuple | list) else (padding, padding)
        if len(sides) != 2:
            raise GeometryError(f"padding takes one number or two, (rows, cols); got {padding!r}")
        return pair(sides[k])
    span = axis.dilation * (axis.taps - 1) + 1
    if padding == "valid":
        return 0, 0
    if padding == "full":
        return span - 1, span - 1
    if padding == "same":
        before = axis.dilation * axis.anchor
        return before, span - 1 - before
    if padding in ("same-upper", "same-lower"):
        # TensorFlow's and ONNX's: what ⌈size/stride⌉ windows need beside the samples there are.
        total = max((-(-axis.size // axis.stride) - 1) * axis.stride + span - axis.size, 0)
        less, more = total // 2, total - total // 2
        return (less, more) if padding == "same-upper" else (more, less)
    raise GeometryError(
        f"padding {padding!r} is not known: expected {', '.join(PADDING_WORDS)}, "
        f"a number, or two numbers ROWS,COLS"
    )


def output_size(n: int, f: int, s: int = 1, p: int = 0, d: int = 1) -> int:
    """Outputs along one axis: ⌊(n − (d(f − 1) + 1) + 2p)/s⌋ + 1.

    Parameters
    ----------
    n, f, s, p, d
        Samples, taps, stride, padding on either side, and dilation.

    Raises
    ------
    GeometryError
        If a number is too small, or the kernel doesn't fit.

    Examples
    --------
    >>> output_size(n=227, f=11, s=4)
    55
    """
    return Axis(n, f, s, d, p, p).out
