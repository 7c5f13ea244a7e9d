"""An image made ready for filtering: which channels, what happens to alpha, which types."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.borders import Border, by_axis
from convcli.errors import UsageError
from convcli.geometry import anchor_tap
from convcli.image import channels as ch
from convcli.image.image import Image
from convcli.kernels.kernel import AnyKernel, Kernel, Kind
from convcli.pipeline import arrays
from convcli.pipeline.half_even import has_halves
from convcli.pipeline.responses import Target
from convcli.record import record
from convcli.spec import Alpha, Depth, Mapping, Precision, Spec

#: Rows whose alpha is looked at together.
_OPAQUE_ROWS = 64


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
        return self.image.has_alpha and self.alpha is Alpha.FILTER

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
        if self.weighs or self.spec.linear or self.spec.luma:
            return True
        return has_halves(self.kernels, self.spec, self.target)

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
) -> Work:
    """Choose channels, alpha and sample types.

    Parameters
    ----------
    image, kernels, spec, span, watch
        As `pipeline.lay` takes them.

    Raises
    ------
    ConvError
        If the spec doesn't fit the image.
    """
    mapping = spec.mapping or arrays.own_mapping(kernels)
    spec.check_mapping(mapping)
    if spec.luma:
        _check_luma(image.channels)
    mode = _alpha_mode(image, kernels, spec)
    ready = _ready(image, spec, drop=image.has_alpha and mode is Alpha.DROP)
    names = ready.channels
    if spec.gray:
        names = "LA" if names.endswith("A") else "L"
    return Work(
        image=ready,
        channels=names,
        chosen=_chosen(names, ready.has_alpha and mode is Alpha.FILTER, spec),
        kernels=kernels,
        spec=spec,
        target=Target(
            _result_dtype(ready, spec, mapping), mapping, ready.maximum, span=span, watch=watch
        ),
        alpha=mode,
    )


def rows_of(image: Image) -> engine.Rows:
    """Return an image's rows, whether they are there or still to be made."""
    made: Any = image.made
    return engine.Held(squeezed(image.pixels)) if made is None else made


def _ready(image: Image, spec: Spec, *, drop: bool) -> Image:
    """Return an image as the engine takes it."""
    gray = spec.gray and not spec.linear
    if not (image.dtype == np.bool_ or drop or gray):
        return image

    def work(block: NDArray[Any], _: int) -> NDArray[Any]:
        if block.dtype == np.bool_:
            block = block.astype(np.uint8) * np.uint8(255)
        names = image.channels
        if drop:
            block, names = ch.select(planes_of(block), range(len(names) - 1)), names[:-1]
        return squeezed(gray_with_alpha(planes_of(block), names)[0] if gray else block)

    names = image.channels[:-1] if drop else image.channels
    if gray:
        names = "LA" if names.endswith("A") else "L"
    return Image.of(engine.Pixels(rows_of(image), work), names, image.meta)


def planes_of(block: NDArray[Any]) -> NDArray[Any]:
    """Return rows as (rows, cols, channels), of one channel too; a view."""
    return block.reshape(*block.shape[:2], -1)


def gray_with_alpha(
    pixels: NDArray[Any], names: str, *, linear: bool = False
) -> tuple[NDArray[Any], str]:
    """Gray, with alpha beside it if there is one."""
    gray = ch.gray(ch.colours(pixels, names), names, linear=linear)
    alpha = ch.alpha(pixels, names)
    return (gray, "L") if alpha is None else (np.dstack((gray, alpha)), "LA")


def squeezed(pixels: NDArray[Any]) -> NDArray[Any]:
    """(rows, cols) instead of (rows, cols, 1)."""
    return pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _chosen(names: str, with_alpha: bool, spec: Spec) -> tuple[int, ...]:
    """Places of the channels that are filtered."""
    if spec.channels:
        return tuple(ch.pick(spec.channels, names))
    return tuple(range(ch.colour_count(names) + with_alpha))


def _check_luma(names: str) -> None:
    if names.removesuffix("A") not in ("L", "RGB"):
        raise UsageError(f"`luma` needs red, green and blue; this image's channels are {names}")


def _alpha_mode(image: Image, kernels: tuple[AnyKernel, ...], spec: Spec) -> Alpha:
    """`auto` made definite."""
    if spec.alpha is not Alpha.AUTO or not image.has_alpha:
        return spec.alpha
    if spec.channels or any(_measures_change(kernel) for kernel in kernels):
        return Alpha.KEEP
    if all(_is_point(kernel, spec) for kernel in kernels):
        return Alpha.KEEP
    fills = not {Border.ZERO, Border.CONSTANT}.isdisjoint(by_axis(spec.border))
    # Weighting by an alpha that is the same everywhere changes nothing.
    return Alpha.FILTER if fills or not is_opaque(image) else Alpha.KEEP


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


def _result_dtype(image: Image, spec: Spec, mapping: Mapping) -> np.dtype[Any]:
    """Return the sample type that depth and mapping ask for."""
    double = spec.precision is Precision.DOUBLE or image.dtype == np.float64
    real = np.dtype(np.float64 if double else np.float32)
    if mapping is Mapping.RAW:
        return real
    if spec.depth is Depth.SAME:
        return image.dtype
    whole = {Depth.EIGHT: np.uint8, Depth.SIXTEEN: np.uint16}
    return np.dtype(whole[spec.depth]) if spec.depth in whole else real
