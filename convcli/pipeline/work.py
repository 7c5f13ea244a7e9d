"""An image made ready for filtering: which channels, what happens to alpha, which types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.borders import Border, by_axis
from convcli.errors import UsageError
from convcli.geometry import anchor_tap
from convcli.image import channels as ch
from convcli.image.image import Image
from convcli.image.light import lab
from convcli.kernels.kernel import AnyKernel, Kernel, Kind
from convcli.pipeline import arrays
from convcli.pipeline.half_even import has_halves
from convcli.pipeline.responses import Target
from convcli.pipeline.sample_types import check_kind, stored_type, target_of, working_type
from convcli.record import record, replace
from convcli.spec import Alpha, Mapping, Spec

if TYPE_CHECKING:
    from convcli.pipeline.missing import Gaps

#: Rows whose alpha is looked at together.
_OPAQUE_ROWS = 64
#: Letters of channels that a message has.
_MOST_LETTERS = 16


@record
class Work:
    """An image made ready, and what to do with it.

    Parameters
    ----------
    image
        With samples of a type that the engine takes, without alpha if that is dropped, gray if
        that is made of stored values; its rows on demand.
    channels
        The result's; they differ from the image's where gray is still to be made.
    chosen
        Which of the result's channels are filtered; the others are sampled at the anchors.
    kernels, spec, target
        What to do.
    alpha
        `keep`, `weigh` or `filter`, or `drop` if it is gone.
    stored
        The type of the result's samples; the target's is what they are made of.
    gaps
        What is missing; None if nothing is.
    """

    image: Image
    channels: str
    chosen: tuple[int, ...]
    kernels: tuple[AnyKernel, ...]
    spec: Spec
    target: Target
    alpha: Alpha
    stored: np.dtype[Any]
    gaps: Gaps | None = None

    @property
    def planes(self) -> NDArray[Any]:
        """The image's samples, (rows, cols, channels)."""
        return self.image.pixels.reshape(*self.image.size, -1)

    @property
    def chooses(self) -> bool:
        """Whether some channels are not filtered."""
        return len(self.chosen) < len(self.channels)

    @property
    def weighs(self) -> bool:
        """Whether colour is weighted by alpha."""
        return self.image.has_alpha and self.alpha in (Alpha.FILTER, Alpha.WEIGH)

    @property
    def filters_alpha(self) -> bool:
        """Whether alpha is among the filtered channels."""
        return self.image.has_alpha and len(self.channels) - 1 in self.chosen

    @property
    def keeps_brightness(self) -> bool:
        """Whether filtered alpha still says how much of a pixel there is."""
        return not any(_measures_change(kernel) for kernel in self.kernels)

    @property
    def needs_floats(self) -> bool:
        """Whether samples can't be filtered as they are stored."""
        if self.weighs or self.spec.linear or self.spec.luma or self.is_hue:
            return True
        if getattr(self.kernels[-1], "threshold", 0) or self.gaps is not None:
            return True
        return has_halves(self.kernels, self.spec, self.target)

    def said_of_alpha(self, given: Image) -> str:
        """Return what happens to the alpha of the image as it was given; '' if it had none."""
        if not given.has_alpha:
            return ""
        if not self.image.has_alpha:
            bands = self.spec.bands
            taken = ch.places(bands, given.channels, given.meta.bands) if bands else []
            return "" if len(given.channels) - 1 in taken else str(Alpha.DROP)
        return "alone" if self.filters_alpha and not self.weighs else str(self.alpha)

    @property
    def plain(self) -> Target:
        """The target of samples that only become the result's, and aren't mapped."""
        target = self.target
        return Target(
            target.dtype,
            Mapping.CLIP,
            self.image.maximum,
            in_levels=target.in_levels,
            top=target.top,
            least=target.least,
            same=target.same,
        )

    @property
    def is_hue(self) -> bool:
        """Whether directions become hues."""
        return self.target.mapping is Mapping.HUE

    @property
    def full(self) -> float:
        """The value of a full sample among those that are filtered."""
        return 1.0 if self.spec.linear else self.image.maximum


def prepare(
    image: Image,
    kernels: tuple[AnyKernel, ...],
    spec: Spec,
    span: tuple[float, float] | None = None,
    *,
    watch: bool = True,
    one_bit: bool = False,
) -> Work:
    """Choose channels, alpha and sample types.

    Parameters
    ----------
    image, kernels, spec, span, watch, one_bit
        As `pipeline.lay` takes them.

    Raises
    ------
    ConvError
        If the spec doesn't fit the image.
    """
    mapping = spec.mapping or arrays.own_mapping(kernels)
    spec.check_mapping(mapping)
    if mapping is Mapping.HUE:
        spec = replace(spec, gray=True)
    if spec.luma:
        _check_luma(image.channels)
    check_kind(image, spec, mapping)
    mode = _alpha_mode(image, kernels, spec, one_bit=one_bit)
    ready = _ready(image, kernels, spec, drop=image.has_alpha and mode is Alpha.DROP)
    names = ready.channels
    if spec.gray:
        colour = "RGB" if mapping is Mapping.HUE else "L"
        names = f"{colour}A" if names.endswith("A") else colour
    return Work(
        image=ready,
        channels=names,
        chosen=_chosen(ready, names, spec, with_alpha=mode is Alpha.FILTER),
        kernels=kernels,
        spec=spec,
        target=replace(target_of(image, ready, spec, mapping), span=span, watch=watch),
        alpha=mode,
        stored=stored_type(image, ready, spec, mapping),
    )


def chains(
    work: Work, dtype: np.dtype[Any]
) -> tuple[tuple[tuple[AnyKernel, ...], Spec, Target], ...]:
    """Return what is summed: kernels one after the other, the spec and the target of each chain.

    Parameters
    ----------
    work
        What is done to an image.
    dtype
        Of the samples that are filtered.
    """
    kernels, spec, target = work.kernels, work.spec, work.target
    if not work.needs_floats:
        return ((kernels, spec, target),)
    # Mapping, offset and scale come last, in one rounding.
    kernels, spec = tuple(arrays.without_offset(kernels)), replace(spec, scale=1.0)
    weighed = work.weighs and work.keeps_brightness
    levels = target.in_levels
    target = Target(dtype, Mapping.RAW, work.full, levels, between=True, weighed=weighed)
    if not work.is_hue:
        return ((kernels, spec, target),)
    return tuple(((*kernels[:-1], part), spec, target) for part in kernels[-1].parts)


def rows_of(image: Image) -> engine.Rows:
    """Return an image's rows, whether they are there or still to be made."""
    made: Any = image.made
    return engine.Held(squeezed(image.pixels)) if made is None else made


def _ready(image: Image, kernels: Sequence[AnyKernel], spec: Spec, *, drop: bool) -> Image:
    """Return an image as the engine takes it."""
    gray = spec.gray and not spec.linear
    dtype = working_type(image, kernels, spec)
    if not (dtype != image.dtype or drop or gray):
        return image
    full = None if image.dtype.kind == "f" else image.maximum
    meta = replace(image.meta, peak=int(full)) if full and image.has_values else image.meta

    def work(block: NDArray[Any], _: int) -> NDArray[Any]:
        if block.dtype == np.bool_:
            block = block.astype(np.uint8) * np.uint8(255)
        block = block.astype(dtype, copy=False)
        names = image.channels
        if drop:
            block, names = ch.select(planes_of(block), range(len(names) - 1)), names[:-1]
        return squeezed(gray_with_alpha(planes_of(block), names, full)[0] if gray else block)

    names, bands = image.channels, image.meta.bands
    if drop:
        _, bands = ch.of_places(bands, names, range(len(names) - 1))
        names = names[:-1]
    if gray:
        names, bands = "LA" if names.endswith("A") else "L", ch.PLAIN
    return Image.of(engine.Pixels(rows_of(image), work), names, replace(meta, bands=bands))


def planes_of(block: NDArray[Any]) -> NDArray[Any]:
    """Return rows as (rows, cols, channels), of one channel too; a view."""
    return block.reshape(*block.shape[:2], -1)


def gray_with_alpha(
    pixels: NDArray[Any], names: str, full: float | None = None, *, linear: bool = False
) -> tuple[NDArray[Any], str]:
    """Gray, with alpha beside it if there is one; `full` is the value of a full sample."""
    gray = ch.gray(ch.colours(pixels, names), names, full, linear=linear)
    alpha = ch.alpha(pixels, names)
    return (gray, "L") if alpha is None else (np.dstack((gray, alpha)), "LA")


def squeezed(pixels: NDArray[Any]) -> NDArray[Any]:
    """(rows, cols) instead of (rows, cols, 1)."""
    return pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _chosen(image: Image, names: str, spec: Spec, *, with_alpha: bool) -> tuple[int, ...]:
    """Places of the channels that are filtered."""
    if spec.channels:
        return tuple(ch.pick(spec.channels, names, image.meta.bands))
    # What is no colour has no part in lightness.
    colour = ch.colour_of(names)
    in_light = 1 if colour == "Lab" else len(colour)
    count = in_light if spec.luma else ch.colour_count(names)
    alpha = (len(names) - 1,) if image.has_alpha and with_alpha else ()
    return (*range(count), *alpha)


def _check_luma(names: str) -> None:
    if ch.colour_of(names) not in ("L", "RGB", "Lab"):
        there = names if len(names) <= _MOST_LETTERS else ch.channel_words(names)
        raise UsageError(f"`luma` needs red, green and blue; this image's channels are {there}")


def selected(image: Image, spec: Spec) -> Image:
    """Return the channels of an image that are wanted, its rows on demand.

    Those of `bands`, in their order. Of those under `gray` that have further ones beside their
    colours these are left out; of L*a*b* it is L* alone, a full sample for white.

    Parameters
    ----------
    image, spec
        As `pipeline.lay` takes them.
    """
    if spec.bands:
        image = _taken(image, ch.places(spec.bands, image.channels, image.meta.bands, "bands"))
    names, colour = image.channels, ch.colour_of(image.channels)
    as_gray = spec.gray or spec.mapping is Mapping.HUE
    if not as_gray or not colour or (colour != "Lab" and not ch.further(names)):
        return image
    if spec.linear and colour == "Lab":
        raise UsageError("`linear` is not for L*a*b*, which isn't light; leave it out")
    more = ch.further(names)
    words = "the further channel is" if more == 1 else f"the {more} further channels are"
    note = f"gray is that of {colour}: {words} left out"
    if colour == "Lab":
        note = "gray is L*, the lightness of L*a*b*"
    count = 1 if colour == "Lab" else len(colour)
    return _taken(image, [*range(count), *[len(names) - 1] * image.has_alpha], note)


def _taken(image: Image, places: Sequence[int], note: str = "") -> Image:
    """Return some channels of an image: alpha last, and three of any meaning as a colour."""
    names = image.channels
    last = len(names) - 1
    if image.has_alpha and last in places:
        places = [*(place for place in places if place != last), last]
    letters, bands = ch.of_places(image.meta.bands, names, places)
    opaque = letters.removesuffix("A")
    is_light = ch.colour_of(names) in ("", "RGB") and not image.meta.bands.kind
    if opaque == "???" and is_light:
        letters, bands = "RGB" + letters[3:], replace(bands, kind="", extra=())
        note = "three bands are written as red, green and blue"
    white = lab.white_of(image) if opaque == "L" and places[0] == 0 else image.maximum

    def work(block: NDArray[Any], _: int) -> NDArray[Any]:
        found = ch.select(planes_of(block), places)
        if white != image.maximum:
            found[:, :, 0] = lab.stretched(found[:, :, 0], white)
        return squeezed(found)

    meta = replace(image.meta, bands=bands, notes=(*image.meta.notes, *[note] * bool(note)))
    return Image.of(engine.Pixels(rows_of(image), work), letters, meta)


def differ(image: Image, spec: Spec) -> bool:
    """Whether an image's channels are filtered in different ways.

    Parameters
    ----------
    image, spec
        As `selected` gives it, and as `pipeline.lay` takes it.
    """
    names = image.channels
    if ch.colour_of(names) == "Lab":
        return True
    more = ch.further(names) and ch.colour_of(names) == "RGB"
    return bool(more and spec.linear and not spec.luma)


def _alpha_mode(
    image: Image, kernels: tuple[AnyKernel, ...], spec: Spec, *, one_bit: bool
) -> Alpha:
    """`auto` made definite; an alpha that has to be one bit is not smoothed."""
    if not image.has_alpha:
        return Alpha.KEEP
    if spec.alpha is not Alpha.AUTO:
        return spec.alpha
    if spec.channels or any(_measures_change(kernel) for kernel in kernels):
        return Alpha.KEEP
    if all(_is_point(kernel, spec) for kernel in kernels):
        return Alpha.KEEP
    fills = not {Border.ZERO, Border.CONSTANT}.isdisjoint(by_axis(spec.border))
    # Weighting by an alpha that is the same everywhere changes nothing.
    if not fills and is_opaque(image):
        return Alpha.KEEP
    return Alpha.WEIGH if one_bit else Alpha.FILTER


class Absent(engine.Stage):
    """An image of which only the header is known: nothing can be made of it but plans."""


def is_opaque(image: Image) -> bool:
    """Whether an image's alpha is known to be full everywhere."""
    if isinstance(image.made, Absent):
        return False
    source = rows_of(image)
    for start in range(0, image.size[0], _OPAQUE_ROWS):
        rows = source.rows(start, min(start + _OPAQUE_ROWS, image.size[0]))
        if (rows[:, :, -1] != image.maximum).any():
            return False
    return True


def _measures_change(kernel: AnyKernel) -> bool:
    """Whether it tells of differences; what several kernels combine to is taken for that."""
    return not isinstance(kernel, Kernel) or kernel.kind is Kind.ZERO_SUM


def _is_point(kernel: AnyKernel, spec: Spec) -> bool:
    """Whether a kernel sees nothing but the sample under its anchor."""
    used = np.argwhere(kernel.parts[0].weights).tolist()
    return len(kernel.parts) == 1 and used == [
        [anchor_tap(kernel.shape, k, spec.anchor) for k in (0, 1)]
    ]
