"""Layers over an image, one after the other: what each takes, gives and costs; nothing is made."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from convcli.errors import GeometryError, ImageError, UsageError
from convcli.geometry import Geometry, Pair, pair, plan_geometry
from convcli.image import channels as ch
from convcli.image.channels import channel_words
from convcli.image.image import Image
from convcli.kernels.bank import Bank, stacked
from convcli.kernels.kernel import Compound, Kernel
from convcli.record import record, replace
from convcli.spec import Alpha, Depth, Mapping, Missing, Precision, Rounding, Spec

#: Taps of a window, and steps, that can be meant.
_MOST = 10_000
_POOL = "expected max or avg, size, and if wanted stride and padding, such as max,2 or avg,3,2,1"


@record
class Pool:
    """The greatest value of each window, or its mean.

    Parameters
    ----------
    how
        `max` or `avg`.
    size
        Of the window, one number or (rows, cols).
    stride
        From one window to the next; None for windows beside each other.
    padding
        On either side, smaller than the window: it is never the greatest, and counts as 0 in
        means, as PyTorch has it.

    Examples
    --------
    >>> Pool("max", 3, 2).name
    'max pool 3×3, stride 2'
    """

    how: str
    size: int | Pair
    stride: int | Pair | None = None
    padding: int | Pair = 0

    def __post_init__(self) -> None:
        stride = self.size if self.stride is None else self.stride
        size, stride, padding = map(pair, (self.size, stride, self.padding))
        for name, value in (("size", size), ("stride", stride), ("padding", padding)):
            object.__setattr__(self, name, value)
        if self.how not in ("max", "avg") or not all(1 <= n <= _MOST for n in (*size, *stride)):
            raise UsageError(f"no pooling of {str(self.how)[:32]!r}, {size}, {stride}; {_POOL}")
        if any(not 0 <= p < n for p, n in zip(padding, size, strict=True)):
            raise UsageError(
                f"padding {_short(padding)} must be smaller than the window of {_short(size)}: "
                f"others would see nothing else"
            )

    @property
    def name(self) -> str:
        """The layer in words."""
        rows, cols = pair(self.size)
        said = f"{self.how} pool {rows}×{cols}, stride {_short(pair(self.stride or 1))}"
        padding = pair(self.padding)
        return said + (f", padding {_short(padding)}" if any(padding) else "")


@record
class Relu:
    """Values below 0 become 0."""

    name: str = "relu"


Layer: TypeAlias = Bank | Kernel | Compound | Pool | Relu
LAYERS = (Bank, Kernel, Compound, Pool, Relu)
#: (rows, cols, maps).
Sizes: TypeAlias = tuple[int, int, int]


def parse_pool(text: str) -> Pool:
    """Return the pooling that a text stands for.

    Raises
    ------
    UsageError
        If it can't be read.

    Examples
    --------
    >>> parse_pool("max,3,2").name
    'max pool 3×3, stride 2'
    """
    how, *numbers = (part.strip().lower() for part in text.split(","))
    pairs = [_numbers(part) for part in numbers]
    if not 1 <= len(pairs) <= 3 or how not in ("max", "avg") or None in pairs:
        raise UsageError(f"{text[:32]!r} is no pooling; {_POOL}")
    size, stride, padding = ([*pairs, None, None])[:3]
    assert size is not None
    return Pool(how, size, stride, padding or 0)


def _numbers(text: str) -> Pair | None:
    parts = text.replace("×", "x").split("x")
    if len(parts) > 2 or not all(part.isdecimal() and len(part) < 6 for part in parts):
        return None
    return int(parts[0]), int(parts[-1])


def _short(sides: Pair) -> str:
    return f"{sides[0]}×{sides[1]}" if sides[0] != sides[1] else str(sides[0])


@record(eq=False)
class Laid:
    """A layer laid over what it is given.

    Parameters
    ----------
    layer
        A bank, of a kernel too, pooling, or ReLU.
    input, output
        (rows, cols, channels or maps).
    geometry
        None where each value is taken by itself.
    maps
        What its maps are called; empty if they have numbers only.
    """

    layer: Bank | Pool | Relu
    input: Sizes
    output: Sizes
    geometry: Geometry | None
    maps: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.layer.parameters if isinstance(self.layer, Bank) else 0

    @property
    def multiply_adds(self) -> int:
        """Multiplications with weights, those of padding included."""
        return (
            self.layer.weights.size * prod(self.output[:2]) if isinstance(self.layer, Bank) else 0
        )


@record(eq=False)
class Stack:
    """Layers laid over an image.

    Parameters
    ----------
    places
        Which of the image's channels are given to the first layer, in this order.
    gray
        Whether it is given their gray version.
    fed
        What it is given, in words.
    layers
        At least one.
    real
        The type that maps are made in.
    notes
        What the user should know.
    """

    places: tuple[int, ...]
    gray: bool
    fed: str
    layers: tuple[Laid, ...]
    real: np.dtype[Any]
    notes: tuple[str, ...]

    @property
    def output(self) -> Sizes:
        """(rows, cols, maps) of the last layer."""
        return self.layers[-1].output

    @property
    def maps(self) -> tuple[str, ...]:
        """What the maps are called; numbers, as wide as the last, if nothing names them."""
        count = self.output[2]
        numbers = tuple(f"{k:0{len(str(count - 1))}}" for k in range(count))
        return self.layers[-1].maps or numbers


def stack(image: Image, layers: Sequence[Layer], spec: Spec) -> Stack:
    """Lay layers over an image.

    Parameters
    ----------
    image
        Its samples need not be there.
    layers
        At least one. A kernel is applied to each channel alone, and so is each filter of a bank
        over one channel if `channels` names several.
    spec
        Its padding, stride, dilation and border are the banks', where these say nothing else.

    Raises
    ------
    ConvError
        If a layer doesn't fit what it is given.
    """
    check_layers(layers, spec)
    first = layers[0]
    need = first.channels if isinstance(first, Bank) else None
    places, gray, notes = _fed(image, need, spec)
    names = ("L",) if gray else tuple(image.channels[place] for place in places)
    fed = "gray" if gray else channel_words("".join(names))
    sizes = (*image.size, len(names))
    laid: list[Laid] = []
    for number, layer in enumerate(layers):
        apart = number == 0 and bool(spec.channels)
        if number == 0:
            _check_depth(layer, len(names), fed, spec)
        elif isinstance(layer, Bank) and layer.channels != sizes[2]:
            raise UsageError(
                f"layer {number + 1}, {layer.name[:64]}, has filters over {layer.channels} "
                f"channels, and the layer before it gives {sizes[2]} maps; expected as many"
            )
        try:
            laid.append(_laid(layer, sizes, names, (spec, apart)))
        except GeometryError as error:
            raise GeometryError(f"layer {number + 1}, {layer.name[:64]}: {error}") from None
        sizes, names = laid[-1].output, laid[-1].maps
    return Stack(places, gray, fed, tuple(laid), real_type(image, spec), notes)


def real_type(image: Image, spec: Spec) -> np.dtype[Any]:
    """Return the type that maps of an image are made in."""
    wide = image.has_values and image.dtype.itemsize > 2
    double = spec.precision is Precision.DOUBLE or image.dtype == np.float64 or wide
    return np.dtype(np.float64 if double else np.float32)


def check_layers(layers: Sequence[Layer], spec: Spec) -> None:
    """Refuse what goes with kernels only, whatever the image.

    Raises
    ------
    UsageError
        If the spec asks for it, or a layer is a compound.
    """
    given = [name for name in ("divisor", "bias", "bands") if getattr(spec, name) is not None]
    given += [name for name in ("luma", "linear", "flip_rows", "keep_edges") if getattr(spec, name)]
    given += ["region"] * bool(spec.region) + ["mask"] * (spec.mask is not None)
    given += ["scale"] * (spec.scale != 1) + ["rounding"] * (spec.rounding is not Rounding.AWAY)
    given += ["alpha"] * (spec.alpha not in (Alpha.AUTO, Alpha.DROP))
    given += ["depth"] * (spec.depth is Depth.ONE)
    given += ["nodata"] * (spec.nodata is not None) + ["least_share"] * (spec.least_share != 0)
    given += ["missing"] * (spec.missing is not Missing.IGNORE)
    if spec.mapping is Mapping.HUE:
        raise UsageError("`mapping` hue goes with a single kernel, not with banks; use another")
    if given:
        raise UsageError(f"`{given[0]}` goes with a single kernel, not with banks; leave it out")
    for layer in layers:
        if isinstance(layer, Compound):
            stacked("", [layer])  # says what is wrong


def _fed(
    image: Image, need: int | None, spec: Spec
) -> tuple[tuple[int, ...], bool, tuple[str, ...]]:
    """Return which channels are filtered, whether as gray, and what there is to say of it."""
    names = image.channels
    colours = tuple(range(ch.colour_count(names)))
    if spec.channels:
        return _picked(spec.channels, image), False, ()
    every = tuple(range(len(names)))
    if need == len(every) and need != len(colours) and not spec.gray:
        return every, False, ("alpha is filtered as a channel of its own",)
    notes = ("alpha is left out",) * image.has_alpha
    known, more = len(ch.colour_of(names)), ch.further(names)
    colour = len(colours) > 1
    if need == known and need > 1 and more and not spec.gray:
        said = "the further channel is" if more == 1 else f"the {more} further channels are"
        return colours[:known], False, (*notes, f"{said} left out")
    if spec.gray or (need == 1 and colour and known):
        said = "a bank over one channel is given the gray version; `channels` RGB for each alone"
        return colours, colour, notes + (said,) * (not spec.gray)
    return colours, False, notes


def _picked(wanted: str, image: Image) -> tuple[int, ...]:
    """Return the places of channels, in the order given; one may be given several times."""
    names, bands = image.channels, image.meta.bands
    try:
        return tuple(ch.places(wanted, names, bands))
    except ImageError:
        advice = "as RGB or, the other way round, BGR"
        raise UsageError(ch.misfit(wanted, names, bands, advice)) from None


def _check_depth(layer: Layer, given: int, fed: str, spec: Spec) -> None:
    """Refuse a first bank that isn't for the channels that it is given, and say what helps."""
    need = layer.channels if isinstance(layer, Bank) else given
    if need == given or (need == 1 and spec.channels):
        return
    there = "is given" if spec.gray or spec.channels else "the image has"
    if spec.gray:
        advice = "leave `gray` out"
    elif spec.channels:
        advice = f"name {need} in `channels`"
    elif fed == "gray":
        advice = f"use `channels` {'L' * min(need, 9)} to give gray to each, or a colour image"
    elif need > given + 1:
        advice = "is it a network's later layer? Then it comes after those before it"
    else:
        advice = f"use `channels` with {need} of them"
    raise UsageError(
        f"{layer.name[:64]} has filters over {need} channels, and {there} {given} ({fed}); {advice}"
    )


def _laid(layer: Layer, sizes: Sizes, names: tuple[str, ...], how: tuple[Spec, bool]) -> Laid:
    """Lay a layer over what it is given; `how` is a spec, and whether channels are kept apart."""
    spec, apart = how
    if isinstance(layer, Relu):
        return Laid(layer, sizes, sizes, None, names)
    if isinstance(layer, Pool):
        geometry = plan_geometry(
            sizes[:2], pair(layer.size), stride=layer.stride or 1, padding=layer.padding
        )
        return Laid(layer, sizes, (*geometry.out, sizes[2]), geometry, names)
    if isinstance(layer, Kernel | Compound):
        bank = replace(stacked(layer.name, [layer]).apart(sizes[2]), maps=names)
    elif apart and layer.channels == 1 and sizes[2] > 1:
        maps = layer.maps or tuple(map(str, range(len(layer.weights))))
        bank = replace(
            layer.apart(sizes[2]), maps=tuple(f"{name}-{c}" for c in names for name in maps)
        )
    else:
        bank = layer
    geometry = _geometry(bank, sizes, spec)
    return Laid(bank, sizes, (*geometry.out, len(bank.weights)), geometry, bank.maps)


def _geometry(bank: Bank, sizes: Sizes, spec: Spec) -> Geometry:
    return plan_geometry(
        sizes[:2],
        bank.shape[2:],
        stride=spec.stride if bank.stride is None else bank.stride,
        dilation=spec.dilation if bank.dilation is None else bank.dilation,
        padding=spec.padding if bank.padding is None else bank.padding,
        flip=spec.convolve,
        anchor=spec.anchor,
    )
