"""Two images in one, side by side: a source and its result."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.channels import Bands, alpha, colour_of, colours
from convcli.image.depth import full_range
from convcli.image.image import Image
from convcli.image.light.lab import middle_of
from convcli.record import replace

#: The gap is a hundredth of the wider image.
_GAP = 100


def side_by_side(source: Image, result: Image, *, raw: bool = False) -> Image:
    """Put a source and its result side by side, with a thin gap between them.

    The deeper sample type of both is taken. Gray beside colour becomes colour; alpha is full in
    the one that has none. Both are aligned at the top; gap and what else is free are mid-gray.

    Parameters
    ----------
    source, result
        What is on the left and what on the right. Values stay in their own units.
    raw
        Whether the result's samples are responses in levels of the source: then the source's
        become floats of these levels.

    Returns
    -------
    Image
        With the metadata of the one whose channels it has.

    Raises
    ------
    ImageError
        If their channels have nothing in common.

    Examples
    --------
    >>> both = side_by_side(Image(np.zeros((3, 4), np.uint8)), Image(np.ones((2, 2, 3), np.uint16)))
    >>> both.size, both.channels, both.depth
    ((3, 7), 'RGB', '16-bit')
    """
    own = raw or source.has_values
    if not own:
        source, result = full_range(source), full_range(result)
    names = _channels(source.channels, result.channels)
    kind = np.result_type(*(_kind(image) for image in (source, result)))
    full = source.maximum if raw else 1.0
    if source.has_values:
        # Mid-gray is the middle of what is there.
        ends = [(float(each.pixels.min()), float(each.pixels.max())) for each in (source, result)]
        full = min(low for low, _ in ends) + max(high for _, high in ends)
    elif kind.kind == "u":
        full = float(np.iinfo(kind).max)
    elif raw and source.pixels.dtype == np.bool_:
        full = 255.0
    left, right = (
        _as(image, names, kind, (_step(image, kind, levels=own), full))
        for image in (source, result)
    )
    gap = max(1, max(left.shape[1], right.shape[1]) // _GAP)
    canvas = np.empty(
        (max(len(left), len(right)), left.shape[1] + gap + right.shape[1], len(names)), kind
    )
    canvas[:] = _gray(names, full, _opaque(kind)).astype(kind)
    canvas[: len(left), : left.shape[1]] = left
    canvas[: len(right), left.shape[1] + gap :] = right
    alike = names.removesuffix("A") == source.channels.removesuffix("A")
    whose = source if alike else result
    bands = whose.meta.bands if names == whose.channels else Bands(kind=whose.meta.bands.kind)
    meta = replace(whose.meta, frames=1, bands=bands, peak=None)
    return Image(canvas[:, :, 0] if len(names) == 1 else canvas, names, meta)


def _channels(one: str, other: str) -> str:
    """Return the channels that both can have."""
    kinds = {one.removesuffix("A"), other.removesuffix("A")}
    if len(kinds) > 1:
        kinds.discard("L")
    if len(kinds) > 1 and len(found := set(map(colour_of, kinds))) == 1 and found != {""}:
        # What only one of them has beside its colours isn't shown.
        kinds = found
    name = kinds.pop()
    if kinds or (not colour_of(name) and one != other):
        raise ImageError(f"images of channels {one} and {other} can't be put side by side")
    return name + "A" * (one.endswith("A") or other.endswith("A"))


def _kind(image: Image) -> np.dtype[Any]:
    return np.dtype(np.uint8) if image.pixels.dtype == np.bool_ else image.pixels.dtype


def _step(image: Image, kind: np.dtype[Any], *, levels: bool) -> float:
    """Return by what samples are multiplied: 257 from 8 to 16 bits, 1/255 to floats."""
    if levels:
        return 255.0 if image.pixels.dtype == np.bool_ else 1.0
    return _opaque(kind) / image.maximum


def _as(image: Image, names: str, kind: np.dtype[Any], levels: tuple[float, float]) -> NDArray[Any]:
    """Return samples of these channels and this type; `levels` are a step and a full sample."""
    step, full = levels
    light = _times(colours(image.pixels, image.channels), kind, step)
    wanted = names.removesuffix("A")
    if light.shape[2] > len(wanted):
        light = light[:, :, : len(wanted)]
    elif light.shape[2] < len(wanted):
        light = _coloured(light, wanted, full)
    if not names.endswith("A"):
        return light
    opacity = alpha(image.pixels, image.channels)
    if opacity is None:
        opacity = np.full(image.size, _opaque(kind), kind)
    else:
        opacity = _times(opacity, kind, _step(image, kind, levels=False))
    return np.dstack((light, opacity))


def _times(samples: NDArray[Any], kind: np.dtype[Any], step: float) -> NDArray[Any]:
    """Return samples of a type, multiplied."""
    wide = kind if step >= 1 else np.dtype(np.float64)
    result: NDArray[Any] = (samples.astype(wide) * wide.type(step)).astype(kind, copy=False)
    return result


def _opaque(kind: np.dtype[Any]) -> float:
    """Return full alpha: 1 among floats, be they responses or not."""
    return float(np.iinfo(kind).max) if kind.kind in "iu" else 1.0


def _coloured(light: NDArray[Any], wanted: str, full: float) -> NDArray[Any]:
    """Return gray as colours, as black ink alone, or as lightness; further channels are empty."""
    colour, kind = colour_of(wanted), light.dtype.type
    none = np.zeros_like(light)
    if colour == "CMYK":
        found = [none, none, none, kind(full) - light]
    elif colour == "Lab":
        middle = np.full_like(light, middle_of(light.dtype))
        found = [light * kind(100) if light.dtype.kind == "f" else light, middle, middle]
    else:
        found = [light] * len(colour)
    return np.dstack([*found, *[none] * (len(wanted) - len(colour))])


def _gray(names: str, full: float, opaque: float) -> NDArray[np.float64]:
    """Return a pixel of mid-gray, opaque."""
    middle = full / 2 if full <= 1 else float(int(full / 2 + 0.5))
    pixel = np.full(len(names), middle)
    if names.startswith("CMYK"):
        pixel[:3], pixel[4:] = 0, 0
    if names.startswith("Lab") and full <= 1:
        pixel[:3] = 50, 0, 0
    if names.endswith("A"):
        pixel[-1] = opaque
    return pixel
