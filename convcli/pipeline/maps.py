"""Maps of an image under layers: made band by band, each layer from rows of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from convcli import memory
from convcli.borders import by_axis, source
from convcli.errors import ImageError, UsageError
from convcli.geometry import Axis, Geometry
from convcli.image import channels as ch
from convcli.image.image import Image
from convcli.kernels.bank import Bank
from convcli.kernels.bank_notation import parse_layer
from convcli.pipeline.banks import correlate_bank
from convcli.pipeline.layers import LAYERS, Laid, Layer, Pool, Relu, Stack, stack
from convcli.pipeline.responses import Target
from convcli.record import replace
from convcli.spec import Mapping, Spec

#: Bytes that all layers' rows of a band may take together; and what a filter's sums take beside
#: its source and its result, a byte of these.
_BAND_BYTES, _BESIDE = 2**26, 2
#: A fill value counts in levels of an 8-bit image, and samples from 0 to 1.
_LEVELS = 255


class _Source(Protocol):
    """Gives some rows as an array of its own, (rows, cols, channels)."""

    def rows(self, start: int, stop: int) -> NDArray[Any]: ...


def feature_maps(
    image: Image, layers: Layer | str | Sequence[Layer | str], spec: Spec | None = None
) -> NDArray[Any]:
    """Return the maps of an image under banks of filters, kernels, ReLU and pooling.

    Parameters
    ----------
    image
        The image, whose samples are taken from 0 to 1: 8-bit ones are divided by 255.
    layers
        One, or several one after the other: a `Bank`, a kernel (for each channel alone), what
        would be typed for one of these, `Relu()`, or a `Pool`.
    spec
        Its padding, stride, dilation and border are the banks', where these say nothing else; the
        command line's defaults if left out.

    Returns
    -------
    ndarray of shape (H', W', K)
        float32, or float64 for `precision` double.

    Raises
    ------
    ConvError
        If a layer doesn't fit what it is given, or there isn't memory for the maps.

    Examples
    --------
    >>> from convcli import Bank, Image, Relu, Spec
    >>> edges = Bank("edges", [[[-1, 1]], [[1, -1]]])
    >>> image = Image(np.array([[[255, 0], [0, 51]]], np.uint8), "??")
    >>> feature_maps(image, [edges, Relu()], Spec(padding="valid"))[0, 0]
    array([0.], dtype=float32)
    """
    given = [layers] if isinstance(layers, (str, *LAYERS)) else list(layers)
    found = [parse_layer(each) if isinstance(each, str) else each for each in given]
    if not isinstance(image, Image) or not found:
        raise UsageError("expected an Image and at least one layer")
    wrong = [each for each in found if not isinstance(each, LAYERS)]
    if wrong:
        raise UsageError(f"expected a Bank, a kernel, Relu() or a Pool; got {wrong[0]!r}")
    used = spec or Spec()
    return make_maps(image, stack(image, found, used), used)


def make_maps(image: Image, found: Stack, spec: Spec, *, apart: bool = False) -> NDArray[Any]:
    """Return all maps of an image.

    Parameters
    ----------
    image
        Its samples are taken from 0 to 1: 8-bit ones are divided by 255.
    found
        The layers, laid over it.
    spec
        Its border, fill value, flip, method and threads are used here.
    apart
        Whether each map lies by itself in memory.

    Returns
    -------
    ndarray of shape (rows, cols, maps)
        float32, or float64 where the stack says so.

    Raises
    ------
    ImageError
        If there isn't memory for it.
    """
    need = bytes_of(found)
    check_memory(need, found)
    rows, cols, count = found.output
    if apart:
        maps = np.moveaxis(np.empty((count, rows, cols), found.real), 0, 2)
    else:
        maps = np.empty(found.output, found.real)
    last: _Source = _Samples(image, found)
    for laid in found.layers:
        last = _Rows(laid, last, spec, found.real)
    step = _band_rows(found)
    for start in range(0, rows, step):
        band = last.rows(start, min(start + step, rows))
        # JUSTIFICATION: a row of all maps stays in the cache while each goes to its own place.
        for row, values in enumerate(band, start):
            maps[row] = values
    return maps


def bytes_of(stack: Stack) -> int:
    """Return what making maps takes: all of the last layer's, and a band of the others'."""
    rows, cols, count = stack.output
    band = _band_bytes(stack, _band_rows(stack))
    return rows * cols * count * stack.real.itemsize + band


def check_memory(need: int, stack: Stack) -> None:
    """Refuse to begin what there isn't memory for.

    Raises
    ------
    ImageError
        If there isn't; it says how much is needed, and what would help.
    """
    left = memory.left()
    if (left is None or need <= left) and memory.is_had(need):
        return
    rows, cols, count = stack.output
    there = "" if left is None else f", and {left / 1e9:.1f} GB are left"
    raise ImageError(
        f"{count} maps of {cols}×{rows} take {need / 1e9:.1f} GB of memory{there}; use a larger "
        f"`stride`, pooling, fewer filters, or a smaller image"
    )


def _band_rows(stack: Stack) -> int:
    """Return how many of the last layer's rows are made together."""
    most, least = stack.output[0], 1
    while least < most:
        middle = (least + most + 1) // 2
        if _band_bytes(stack, middle) <= _BAND_BYTES:
            least = middle
        else:
            most = middle - 1
    return least


def _band_bytes(stack: Stack, rows: int) -> int:
    """Return what the rows of all layers take that so many of the last one's need."""
    total = 0
    for laid in reversed(stack.layers):
        total += rows * laid.output[1] * laid.output[2]
        if laid.geometry is not None:
            axis = laid.geometry.rows
            rows = min(axis.padded, (rows - 1) * axis.stride + axis.span)
        total += _BESIDE * rows * laid.input[1] * laid.input[2]
    return total * stack.real.itemsize


class _Samples:
    """An image's samples from 0 to 1; values as they are."""

    def __init__(self, image: Image, stack: Stack) -> None:
        self._image, self._stack = image, stack

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        image, real = self._image, self._stack.real
        block = image.rows(start, stop)
        block = block.reshape(*block.shape[:2], -1)
        if self._stack.gray:
            full = None if image.has_values else image.maximum
            block = ch.gray(ch.colours(block, image.channels), image.channels, full)[:, :, None]
        elif self._stack.places != tuple(range(block.shape[2])):
            block = ch.select(block, self._stack.places)
        samples = block.astype(real, order="C")
        # Values have no full scale.
        if image.maximum != 1 and not image.has_values:
            samples /= real.type(image.maximum)
        return samples


class _Rows:
    """A layer over rows of the one before."""

    def __init__(self, laid: Laid, before: _Source, spec: Spec, real: np.dtype[Any]) -> None:
        self._laid, self._before, self._spec = laid, before, spec
        self._start, self._held = 0, np.empty((0, 0, 0), real)
        if laid.geometry is not None:
            axis = laid.geometry.rows
            self._index = _places(axis, laid.layer, spec)

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Return some rows of the layer, made now."""
        layer, geometry = self._laid.layer, self._laid.geometry
        if geometry is None:
            values = self._before.rows(start, stop)
            np.maximum(values, 0, out=values)
            return values
        axis = geometry.rows
        places = self._index[start * axis.stride : (stop - 1) * axis.stride + axis.span]
        if isinstance(layer, Pool):
            outside = -np.inf if layer.how == "max" else 0.0
            return _pooled(self._taken(places, outside), layer, geometry)
        assert isinstance(layer, Bank)
        block = self._taken(places, self._spec.fill / _LEVELS)
        return self._filtered(block, layer)

    def _taken(self, places: NDArray[np.intp], outside: float) -> NDArray[Any]:
        """Return rows of the layer before, by their numbers; -1 stands for what lies outside."""
        inside = places[places >= 0]
        shape = (len(places), *self._laid.input[1:])
        if not inside.size:
            return np.full(shape, outside, self._held.dtype)
        first = int(inside.min())
        held = self._window(first, int(inside.max()) + 1)
        if len(held) == len(places) and (places == np.arange(first, first + len(places))).all():
            return held
        block: NDArray[Any] = held[np.where(places < 0, first, places) - first]
        block[places < 0] = outside
        return block

    def _window(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows of the layer before, of which those that are held aren't made again."""
        end = self._start + len(self._held)
        if start < self._start or start >= end:
            self._start, self._held = start, self._before.rows(start, stop)
        elif stop > end:
            more = self._before.rows(end, stop)
            self._held = np.concatenate((self._held[start - self._start :], more))
            self._start = start
        held: NDArray[Any] = self._held[start - self._start : stop - self._start]
        return held

    def _filtered(self, block: NDArray[Any], bank: Bank) -> NDArray[Any]:
        geometry, spec = self._laid.geometry, self._spec
        assert geometry is not None
        rows, cols = geometry.rows, geometry.cols
        asked = replace(
            spec,
            padding=((0, 0), (cols.before, cols.after)),
            stride=(rows.stride, cols.stride),
            dilation=(rows.dilation, cols.dilation),
            fill=spec.fill / _LEVELS,
            mapping=Mapping.RAW,
        )
        target = Target(block.dtype, Mapping.RAW, 1.0, in_levels=False, watch=False)
        return correlate_bank(
            np.ascontiguousarray(block),
            bank.weights,
            bias=bank.bias,
            groups=bank.groups,
            spec=asked,
            target=target,
        )


def _places(axis: Axis, layer: Bank | Pool | Relu, spec: Spec) -> NDArray[np.intp]:
    """Return where each row of a padded axis comes from."""
    if isinstance(layer, Pool):
        place = np.arange(-axis.before, axis.size + axis.after)
        return np.where((place >= 0) & (place < axis.size), place, -1)
    return source(axis.size, axis.before, axis.after, by_axis(spec.border)[0])


def _pooled(block: NDArray[Any], pool: Pool, axes: Geometry) -> NDArray[Any]:
    """Pool rows that are there, and columns, which are padded here."""
    join = np.maximum if pool.how == "max" else np.add
    rows, cols = axes.rows, axes.cols
    count = (len(block) - rows.taps) // rows.stride + 1
    down = _joined(block, join, (rows.taps, rows.stride, count))
    if cols.before:
        outside = -np.inf if pool.how == "max" else 0.0
        around = ((0, 0), (cols.before, cols.after), (0, 0))
        down = np.pad(down, around, constant_values=outside)
    across = _joined(np.swapaxes(down, 0, 1), join, (cols.taps, cols.stride, cols.out))
    if pool.how == "avg":
        across /= across.dtype.type(rows.taps * cols.taps)
    return np.ascontiguousarray(np.swapaxes(across, 0, 1))


def _joined(block: NDArray[Any], join: np.ufunc, window: tuple[int, int, int]) -> NDArray[Any]:
    """Join the rows of each window; `window` is its size, its stride, and how many there are."""
    size, stride, count = window
    last = (count - 1) * stride + 1
    found = block[:last:stride].copy()
    for k in range(1, size):
        join(found, block[k : k + last : stride], out=found)
    return found
