"""One picture, from its samples to its result: channels, alpha, light, kernels, mapping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import arrays
from convcli.arrays import AnyKernel, Filtered, Target
from convcli.borders import Border, source
from convcli.engine import Plan
from convcli.errors import UsageError
from convcli.geometry import Geometry
from convcli.image import channels as ch
from convcli.image import light
from convcli.image.picture import Image, Meta
from convcli.kernels.kernel import Kind
from convcli.spec import Alpha, Depth, Mapping, Precision, Spec


@dataclass(frozen=True)
class Facts:
    """What was done to a picture.

    Parameters
    ----------
    size, channels, depth
        Of the source: (rows, cols), channel names, sample type in words.
    out_size, out_channels, out_depth
        Of the result.
    geometries, plans
        One a kernel, in order.
    mapping
        How responses became samples.
    lowest, highest
        The range of the responses, in levels of the source.
    clipped, samples
        Samples that did not fit the result's range, of how many.
    alpha
        What happened to alpha: `keep`, `filter` or `drop`; '' if there is none.
    notes
        What else the user should know.
    """

    size: tuple[int, int]
    channels: str
    depth: str
    out_size: tuple[int, int]
    out_channels: str
    out_depth: str
    geometries: tuple[Geometry, ...]
    plans: tuple[Plan, ...]
    mapping: Mapping
    lowest: float
    highest: float
    clipped: int
    samples: int
    alpha: str = ""
    notes: tuple[str, ...] = field(default=())


def apply(image: Image, kernels: Sequence[AnyKernel], spec: Spec) -> tuple[Image, Facts]:
    """Filter a picture.

    Parameters
    ----------
    image
        The picture.
    kernels
        At least one; applied one after the other without rounding between them.
    spec
        Everything else.

    Returns
    -------
    Image
        With the source's metadata.
    Facts
        What was done.

    Raises
    ------
    ConvError
        If the spec doesn't fit the picture, or the kernel doesn't fit into it.
    """
    work = _prepare(image, arrays.overridden(kernels, spec), spec)
    filtered, pixels = _in_floats(work) if work.needs_floats else _as_stored(work)
    result = Image(_squeezed(pixels), work.channels, _meta(image, work.channels))
    return result, Facts(
        size=image.size,
        channels=image.channels,
        depth=image.depth,
        out_size=result.size,
        out_channels=result.channels,
        out_depth=result.depth,
        geometries=filtered.geometries,
        plans=filtered.plans,
        mapping=work.target.mapping,
        lowest=filtered.lowest,
        highest=filtered.highest,
        clipped=filtered.clipped,
        samples=filtered.pixels.size,
        alpha=str(work.alpha) if image.has_alpha else "",
        notes=result.meta.notes,
    )


@dataclass(frozen=True)
class _Work:
    """A picture made ready.

    Parameters
    ----------
    image
        With samples of a type that the engine takes, without alpha if that is dropped.
    channels
        The result's; they differ from the image's where grey is still to be made.
    chosen
        Which of the result's channels are filtered; the others are sampled at the anchors.
    kernels, spec, target
        What to do.
    alpha
        `keep` or `filter`, or `drop` if it is gone.
    """

    image: Image
    channels: str
    chosen: tuple[int, ...]
    kernels: tuple[AnyKernel, ...]
    spec: Spec
    target: Target
    alpha: Alpha

    @property
    def weighs(self) -> bool:
        """Whether colour is weighted by alpha."""
        return self.image.has_alpha and self.alpha is Alpha.FILTER

    @property
    def keeps_brightness(self) -> bool:
        """Whether filtered alpha still says how much of a pixel there is."""
        return all(kernel.kind is not Kind.DERIVATIVE for kernel in self.kernels)

    @property
    def needs_floats(self) -> bool:
        """Whether samples can't be filtered as they are stored."""
        return self.weighs or self.spec.linear or self.spec.luma


def _prepare(image: Image, kernels: tuple[AnyKernel, ...], spec: Spec) -> _Work:
    """Choose channels, alpha and sample types; make grey of stored values."""
    mapping = spec.mapping or arrays.own_mapping(kernels)
    pixels, names = image.pixels, image.channels
    if spec.luma:
        _check_luma(names, mapping)
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    mode = _alpha_mode(image, kernels, spec)
    if image.has_alpha and mode is Alpha.DROP:
        pixels, names = ch.colours(pixels, names), names[:-1]
    if spec.gray and not spec.linear:
        pixels, names = _grey(pixels, names)
    ready = Image(_squeezed(pixels), names, image.meta)
    out_names = names
    if spec.gray:
        out_names = "LA" if names.endswith("A") else "L"
    chosen = range(ch.colour_count(out_names) + (ready.has_alpha and mode is Alpha.FILTER))
    target = Target(_result_dtype(ready, spec, mapping), mapping, ready.maximum)
    if spec.channels:
        chosen = ch.pick(spec.channels, out_names)
    return _Work(ready, out_names, tuple(chosen), kernels, spec, target, mode)


def _meta(image: Image, channels: str) -> Meta:
    """Return the source's metadata, without a colour profile that a grey result can't have."""
    was, now = (len(names.removesuffix("A")) for names in (image.channels, channels))
    if was == now or image.meta.icc is None:
        return image.meta
    note = "the colour profile was left out: it doesn't describe a grey picture"
    return replace(image.meta, icc=None, notes=(*image.meta.notes, note))


def _check_luma(names: str, mapping: Mapping) -> None:
    if names.removesuffix("A") not in ("L", "RGB"):
        raise UsageError(
            f"--luma needs red, green and blue; this picture's channels are {names}"
        )
    if mapping is Mapping.RAW:
        raise UsageError(
            "--luma puts lightness back into colour, which --map raw can't; use --gray --map raw"
        )


def _alpha_mode(image: Image, kernels: tuple[AnyKernel, ...], spec: Spec) -> Alpha:
    """`auto` made definite."""
    if spec.alpha is not Alpha.AUTO or not image.has_alpha:
        return spec.alpha
    if spec.channels or any(kernel.kind is Kind.DERIVATIVE for kernel in kernels):
        return Alpha.KEEP
    fills = spec.border in (Border.ZERO, Border.CONSTANT)
    opaque = not fills and bool((image.pixels[:, :, -1] == image.maximum).all())
    # Weighting by an alpha that is the same everywhere changes nothing.
    return Alpha.KEEP if opaque else Alpha.FILTER


def _grey(
    pixels: NDArray[Any], names: str, *, linear: bool = False
) -> tuple[NDArray[Any], str]:
    """Grey, with alpha beside it if there is one."""
    grey = ch.grey(ch.colours(pixels, names), names, linear=linear)
    alpha = ch.alpha(pixels, names)
    return (grey, "L") if alpha is None else (np.dstack((grey, alpha)), "LA")


def _result_dtype(image: Image, spec: Spec, mapping: Mapping) -> np.dtype[Any]:
    """Return the sample type that depth and mapping ask for.

    Raises
    ------
    UsageError
        If they contradict each other.
    """
    double = spec.precision is Precision.DOUBLE or image.pixels.dtype == np.float64
    real = np.dtype(np.float64 if double else np.float32)
    if mapping is Mapping.RAW:
        if spec.depth in (Depth.EIGHT, Depth.SIXTEEN):
            raise UsageError(
                f"--map raw gives signed floats, which --depth {spec.depth} can't hold; "
                f"use --map offset, or leave --depth out"
            )
        return real
    match spec.depth:
        case Depth.EIGHT:
            return np.dtype(np.uint8)
        case Depth.SIXTEEN:
            return np.dtype(np.uint16)
        case Depth.FLOAT:
            return real
        case _:
            return image.pixels.dtype


def _as_stored(work: _Work) -> tuple[Filtered, NDArray[Any]]:
    """Filter samples as they are."""
    pixels = work.image.pixels
    if len(work.chosen) == len(work.channels):
        filtered = arrays.filter_array(pixels, work.kernels, work.spec, work.target)
        return filtered, filtered.pixels
    chosen = np.ascontiguousarray(pixels[:, :, list(work.chosen)])
    filtered = arrays.filter_array(chosen, work.kernels, work.spec, work.target)
    return filtered, _beside_kept(work, filtered.pixels, filtered.geometries)


def _in_floats(work: _Work) -> tuple[Filtered, NDArray[Any]]:
    """Filter in linear light, weighted by alpha, or the lightness alone; round once, at the end."""
    planes, full = _floats(work)
    source = planes if work.weighs else ch.colours(planes, work.channels)
    if work.spec.luma:
        colour = ch.colours(planes, work.channels)
        lightness = ch.grey(colour, work.channels, linear=work.spec.linear)
        source = lightness[:, :, None]
        if work.weighs:
            source = np.dstack((lightness, planes[:, :, -1]))
    if work.weighs:
        source = ch.weigh(source, full)
    raw = Target(source.dtype, Mapping.RAW, full)
    responses = arrays.filter_array(
        source, arrays.without_offset(work.kernels), replace(work.spec, scale=1.0), raw
    )
    values = responses.pixels
    if work.weighs:
        values = (
            ch.unweigh(values, full)
            if work.keeps_brightness
            else values / values.dtype.type(full)
        )
    colour, alpha = (values[:, :, :-1], values[:, :, -1:]) if work.weighs else (values, None)
    last = Target(work.target.dtype, work.target.mapping, full)
    if work.spec.linear or work.spec.luma:
        last = replace(last, dtype=source.dtype)
    done = arrays.store_responses(colour, work.kernels[-1], work.spec, last)
    colour = done.pixels
    if work.spec.luma:
        places = responses.geometries
        share = planes.dtype.type(full)
        before = _at_anchors(ch.colours(planes, work.channels), places, work.spec, raw) / share
        was = _at_anchors(lightness, places, work.spec, raw)[:, :, None] / share
        colour = before + (colour - was)
    clipped = done.clipped
    if last.dtype != work.target.dtype or work.spec.linear:
        colour, clipped = _encoded(work, colour)
    if alpha is not None:
        mapping = Mapping.CLIP if work.keeps_brightness else work.target.mapping
        top = Target(work.target.dtype, mapping, full)
        alpha = arrays.store_responses(alpha, None, work.spec, top).pixels
        colour = np.concatenate((colour, alpha), axis=2)
    filtered = replace(responses, pixels=colour, clipped=clipped)
    filtered = replace(filtered, lowest=done.lowest, highest=done.highest)
    return filtered, _beside_kept(work, colour, responses.geometries)


def _floats(work: _Work) -> tuple[NDArray[Any], float]:
    """Return samples as floats, (rows, cols, channels), and the value of a full one."""
    image, names = work.image, work.image.channels
    if work.spec.linear:
        samples = light.decode(image).reshape(*image.size, -1)
        if work.spec.gray:
            samples = _grey(samples, names, linear=True)[0].reshape(*image.size, -1)
        return samples, 1.0
    # Colour times alpha is exact in float32 for 8-bit samples only.
    wide = image.pixels.dtype.itemsize > 1 or work.spec.precision is Precision.DOUBLE
    dtype = np.float64 if wide and image.pixels.dtype != np.float32 else np.float32
    return image.pixels.astype(dtype).reshape(*image.size, -1), image.maximum


def _encoded(work: _Work, colour: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Colour in 0..1 as samples of the result, in the source's light; and how many were clipped."""
    dtype = work.target.dtype
    if work.target.mapping is Mapping.RAW:
        return colour, 0
    if not work.spec.linear:
        stored = arrays.store_responses(
            colour, None, work.spec, Target(dtype, Mapping.CLIP, 1.0)
        )
        return stored.pixels, stored.clipped
    if work.target.mapping is Mapping.OFFSET:
        # What looks mid-grey, not half of the light, stands for zero.
        grey = np.full((1, 1, colour.shape[2]), 0.5, dtype=np.float32)
        middle = light.decode(Image(_squeezed(grey), meta=work.image.meta))
        colour = colour + (middle - 0.5)
    # Under half a level of 16 bits is rounding, not clipping.
    over = (colour < -(2**-17)) | (colour > 1 + 2**-17)
    clipped = int(np.count_nonzero(over)) if dtype.kind == "u" else 0
    return light.encode(_squeezed(colour), work.image.meta, dtype).reshape(
        colour.shape
    ), clipped


def _beside_kept(
    work: _Work, pixels: NDArray[Any], geometries: tuple[Geometry, ...]
) -> NDArray[Any]:
    """Put filtered channels beside those that weren't: sampled at the anchors."""
    count = len(work.channels)
    if len(work.chosen) == count:
        return pixels
    image = work.image
    whole = image.pixels.reshape(*image.size, -1)
    out = np.empty((*pixels.shape[:2], count), dtype=work.target.dtype)
    given = list(work.chosen)
    out[:, :, given] = pixels if pixels.shape[2] == len(given) else pixels[:, :, given]
    others = [k for k in range(count) if k not in given]
    kept = _at_anchors(
        whole[:, :, [k - count for k in others]], geometries, work.spec, work.target
    )
    if kept.dtype != out.dtype:
        target = Target(out.dtype, Mapping.CLIP, image.maximum)
        if work.target.mapping is not Mapping.RAW:
            kept = arrays.store_responses(kept, None, work.spec, target).pixels
    out[:, :, others] = kept
    return out


def _at_anchors(
    pixels: NDArray[Any], geometries: tuple[Geometry, ...], spec: Spec, target: Target
) -> NDArray[Any]:
    """Return the samples under the kernels' anchors: what an identity kernel would leave."""
    for geometry in geometries:
        for k, axis in enumerate((geometry.rows, geometry.cols)):
            anchor = axis.taps - 1 - axis.taps // 2 if spec.convolve else axis.taps // 2
            places = source(axis.size, axis.before, axis.after, spec.border)
            first = anchor * axis.dilation
            picked = places[first :: axis.stride][: axis.out]
            pixels = pixels.take(picked, axis=k)
            if (picked < 0).any():
                outside = (slice(None),) * k + (picked < 0,)
                pixels[outside] = arrays.fill_level(spec.fill, pixels.dtype, target.level)
    return pixels


def _squeezed(pixels: NDArray[Any]) -> NDArray[Any]:
    """(rows, cols) instead of (rows, cols, 1)."""
    return pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
