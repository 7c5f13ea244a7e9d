"""Parts of an image worth a close look, and the images that show them."""

from __future__ import annotations

from math import isqrt

import numpy as np
from numpy.typing import NDArray

from convcli import pipeline
from convcli.borders import Border, by_axis, source
from convcli.errors import UsageError
from convcli.geometry import Axis, Pair
from convcli.image.image import Image, Meta
from convcli.kernels.kernel import Kernel
from convcli.pipeline.result import Unfiltered
from convcli.pipeline.work import gray_with_alpha, squeezed
from convcli.record import record, replace
from convcli.spec import Alpha, Depth, Mapping, Spec
from convcli.teach.explain import Study
from convcli.teach.explain import study as anew
from convcli.teach.explain_extremes import extremes
from convcli.teach.lessons import ITSELF

#: Products that a page holds for the user's image, about seven letters each.
MOST_PRODUCTS = 40_000
#: Outputs along a view's side.
WIDEST = 15
#: Samples along the longer side of a small image.
SMALL = 560
#: Larger colour profiles are left out.
_MOST_PROFILE = 4096


@record(eq=False)
class AxisView:
    """A part of the result along one axis, and what it is made of.

    Parameters
    ----------
    places
        The outputs.
    first
        Where the samples that they are made of begin on the padded axis.
    sources
        Where each of these comes from; −1 for the fill value.
    windows
        For each output, where those under the kernel lie among them.
    outside
        How many of them are padding, at either end.
    """

    places: range
    first: int
    sources: NDArray[np.intp]
    windows: tuple[tuple[int, ...], ...]
    outside: Pair


@record(eq=False)
class View:
    """A part of the result, and the part of the padded image that it is made of.

    Parameters
    ----------
    name
        Why it is worth a look: `asked`, `largest`, `smallest`, `middle`, `corner`.
    focus
        (row, col) of the output that it is there for.
    rows, cols
        Where it lies.
    before, after
        Both parts in 8 bits, to be looked at.
    """

    name: str
    focus: Pair
    rows: AxisView
    cols: AxisView
    before: Image
    after: Image


@record(eq=False)
class Views:
    """The user's image.

    Parameters
    ----------
    before, after
        Both whole, in 8 bits; `factor` samples of the image become one along either axis.
    factor
        1 for small images.
    stretched
        Whether the brightness of `before`, and of `after`, was stretched to be seen.
    channels
        Places in `study.channels` of those that are worked out.
    views
        At least one.
    """

    before: Image
    after: Image
    factor: int
    stretched: tuple[bool, bool]
    channels: tuple[int, ...]
    views: tuple[View, ...]


def opaque(study: Study) -> Study:
    """Return a study whose samples are those that are stored: not weighted by alpha."""
    if not study.work.weighs:
        return study
    return anew(study.work.image, study.kernel, _bare(study.spec))


def views(study: Study, at: Pair | None = None) -> Views:
    """Choose parts of an image, and make the images that show them.

    Parameters
    ----------
    study
        Of a kernel on an image whose colour isn't weighted by alpha.
    at
        The output that was asked for, if one was.

    Raises
    ------
    UsageError
        If the kernel is so large that not one output fits a page.
    """
    work = study.work
    kept = Unfiltered(work, (study.geometry,)) if work.chooses else None
    after = kept.merged(study.result, (0, 0)) if kept else study.result
    pair = work.image, Image(squeezed(after), work.channels)
    stretched = study.is_grid or _beyond(pair[0]), study.is_grid or _beyond(pair[1])
    shown = _eight_bits(pair[0], stretched[0]), _eight_bits(pair[1], stretched[1])
    focuses = _focuses(study, at)
    channels, side = _room(study, len(focuses))
    found = tuple(_view(study, shown, name, at, side) for name, at in focuses.items())
    factor = max(1, -(-max(*work.image.size, *study.out) // SMALL))
    small = [_smaller(image, factor) for image in shown]
    return Views(small[0], small[1], factor, stretched, channels, found)


def _bare(spec: Spec) -> Spec:
    """What is asked for of an image made ready already."""
    return replace(spec, gray=False, divisor=None, bias=None, alpha=Alpha.KEEP)


def _room(study: Study, count: int) -> tuple[tuple[int, ...], int]:
    """Return which channels are worked out, and how many outputs along each view's side."""
    weights = study.kernel.shape[0] * study.kernel.shape[1] * len(study.kernel.parts)
    names = study.channels
    colours = tuple(k for k in range(len(names)) if names[k] != "A")[:4]
    for channels in (colours, colours[:1]):
        side = min(WIDEST, isqrt(MOST_PRODUCTS // (weights * count * len(channels))))
        if side >= 5:
            return channels, side
    if side < 1:
        raise UsageError(
            f"{study.kernel.name!r} has {weights:,} weights; a page holds kernels of up to "
            f"{MOST_PRODUCTS // count:,}: use a smaller one"
        )
    return channels, side


def _focuses(study: Study, at: Pair | None) -> dict[str, Pair]:
    """Name outputs worth a look; one that is there already isn't named again."""
    rows, cols = study.out
    ends = extremes(study)
    wanted = {
        "asked": at,
        "largest": ends[0].at if ends else None,
        "smallest": ends[1].at if ends else None,
        "middle": (rows // 2, cols // 2),
        "corner": (0, 0),
    }
    found: dict[str, Pair] = {}
    for name, place in wanted.items():
        if place is not None and place not in found.values():
            found[name] = place
    return found


def _view(study: Study, shown: tuple[Image, Image], name: str, at: Pair, side: int) -> View:
    borders = by_axis(study.spec.border)
    rows = _along(study.geometry.rows, at[0], side, borders[0])
    cols = _along(study.geometry.cols, at[1], side, borders[1])
    before, after = shown
    part = before.pixels[np.ix_(rows.sources, cols.sources)]
    level = int(study.spec.fill + 0.5) if Border.CONSTANT in borders else 0
    part[rows.sources < 0], part[:, cols.sources < 0] = level, level
    result = after.pixels[np.ix_(rows.places, cols.places)]
    images = (replace(before, pixels=part), replace(after, pixels=result))
    return View(name, at, rows, cols, images[0], images[1])


def _along(axis: Axis, place: int, side: int, border: Border) -> AxisView:
    places = _around(place, axis.out, side)
    first = places[0] * axis.stride
    stop = places[-1] * axis.stride + axis.span
    starts = (place * axis.stride - first for place in places)
    windows = tuple(tuple(range(start, start + axis.span, axis.dilation)) for start in starts)
    begin, end = axis.before, axis.before + axis.size
    outside = (min(stop, begin) - min(first, begin), max(stop, end) - max(first, end))
    sources = source(axis.size, axis.before, axis.after, border)[first:stop]
    return AxisView(places, first, sources, windows, outside)


def _around(place: int, count: int, side: int) -> range:
    """Return places around one, as many as there are."""
    start = max(0, min(place - side // 2, count - side))
    return range(start, min(count, start + side))


def _beyond(image: Image) -> bool:
    """Whether an image has samples below black or above white."""
    pixels = image.pixels
    if image.has_values:
        return True
    return pixels.dtype.kind == "f" and bool(pixels.min() < 0 or pixels.max() > 1)


def _eight_bits(image: Image, stretch: bool) -> Image:
    """Return an image as a browser shows it."""
    pixels, names = image.pixels, image.channels
    profile = image.meta.icc
    peak = image.meta.peak
    meta = Meta(icc=profile if profile and len(profile) <= _MOST_PROFILE else None, peak=peak)
    if names == "CMYK":
        pixels, names = gray_with_alpha(pixels, names, image.maximum)
        meta = Meta(peak=peak)
    elif names not in ("L", "LA", "RGB", "RGBA"):
        pixels, names = pixels.reshape(*image.size, -1)[:, :, 0], "L"
    plain = Image(pixels, names, meta)
    if pixels.dtype == np.uint8 and peak is None and not stretch:
        return plain
    mapping = Mapping.NORMALIZE if stretch else Mapping.CLIP
    return _filtered(plain, ITSELF, Spec(mapping=mapping, depth=Depth.EIGHT))


def _smaller(image: Image, factor: int) -> Image:
    """Return an image whose samples are the means of squares of `factor` samples."""
    if factor == 1:
        return image
    after = tuple((0, -size % factor) for size in image.size)
    mean = Kernel("mean", np.ones((factor, factor), dtype=np.int64), factor**2)
    return _filtered(image, mean, Spec(stride=factor, padding=after))  # type: ignore[arg-type]


def _filtered(image: Image, kernel: Kernel, spec: Spec) -> Image:
    return pipeline.apply(image, [kernel], spec)[0]
