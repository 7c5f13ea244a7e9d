"""One image, from its samples to its result: channels, alpha, light, kernels, mapping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from numpy.typing import NDArray

from convcli import arrays
from convcli.arrays import Begun, Filtered
from convcli.engine import Plan, keeps_loops, seconds_compiling
from convcli.errors import ConvError
from convcli.geometry import Geometry
from convcli.image import channels as ch
from convcli.image.image import Image, Meta
from convcli.image.pending import Pending
from convcli.pipeline.kept import beside_kept
from convcli.pipeline.work import Work, prepare, squeezed
from convcli.record import field, record, replace
from convcli.spec import Mapping, Spec
from convcli.taps import AnyKernel

#: Seconds of compiling that a user is told of.
_NOTICED = 1.0
#: Seconds of compiling that a user has been told of.
_told = 0.0


@record
class Facts:
    """What was done to an image.

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
        What happened to alpha: `keep`, `filter`, `alone` or `drop`; '' if there is none.
    avoidable
        Whether an automatic scale would clip nothing.
    notes
        What else the user should know.
    frames
        How many images of one file these are: of several, the first is described.
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
    avoidable: bool = False
    notes: tuple[str, ...] = field(default=())
    frames: int = 1


def apply(
    image: Image,
    kernels: Sequence[AnyKernel],
    spec: Spec,
    span: tuple[float, float] | None = None,
    *,
    watch: bool = True,
) -> tuple[Image, Facts]:
    """Filter an image.

    Parameters
    ----------
    image
        The image.
    kernels
        At least one; applied one after the other without rounding between them.
    spec
        Everything else.
    span
        The range of responses that `normalize` stretches, so that several images are treated
        alike; None for the image's own.
    watch
        Whether the range of responses and how many samples are clipped will be asked for: to look
        at them takes a third of a small kernel's time.

    Returns
    -------
    Image
        With the source's metadata.
    Facts
        What was done.

    Raises
    ------
    ConvError
        If the spec doesn't fit the image, or the kernel doesn't fit into it.
    """
    work = prepare(image, arrays.overridden(kernels, spec), spec, span, watch=watch)
    return _at_once(image, work)


def begin(
    image: Image, kernels: Sequence[AnyKernel], spec: Spec, *, watch: bool = True
) -> tuple[Image, Callable[[], Facts]]:
    """Have an image filtered while it is written, or at once where that is better.

    Parameters
    ----------
    image, kernels, spec, watch
        As `apply` takes them.

    Returns
    -------
    Image
        `Pending` if it is still to be filtered.
    callable
        Gives the facts: those of responses once all rows are made.
    """
    work = prepare(image, arrays.overridden(kernels, spec), spec, watch=watch)
    begun = _begin(work)
    if begun is None:
        image, facts = _at_once(image, work)
        return image, lambda: facts
    result = Pending(begun.rows, work.channels, _meta(image, work.channels))
    return result, lambda: _facts(image, result, begun, work)


def get_ready(
    image: Image, kernels: Sequence[AnyKernel], spec: Spec, *, watch: bool = True
) -> None:
    """Do what can be done before there are samples: plan, and load loops.

    Parameters
    ----------
    image
        Like the image that is to come; without alpha, of which the samples decide.
    kernels, spec, watch
        As `apply` takes them, which says what is wrong with them.
    """
    with suppress(ConvError):
        _get_ready(prepare(image, arrays.overridden(kernels, spec), spec, watch=watch))


def _get_ready(work: Work) -> None:
    if not work.needs_floats and len(work.chosen) == len(work.channels) and len(work.kernels) == 1:
        pixels = work.image.pixels
        how = work.kernels[0], work.spec, work.target
        arrays.prepare_array(pixels.shape, pixels.dtype, *how).load()


def _at_once(image: Image, work: Work) -> tuple[Image, Facts]:
    """Filter all of an image that was made ready."""
    if work.needs_floats:
        from convcli.pipeline.floats import in_floats

        filtered, pixels = in_floats(work)
    else:
        filtered, pixels = _as_stored(work)
    result = Image(squeezed(pixels), work.channels, _meta(image, work.channels))
    return result, _facts(image, result, filtered, work)


def _begin(work: Work) -> Begun | None:
    """Have all channels filtered by one kernel as rows are asked for, if they can be."""
    whole = len(work.chosen) == len(work.channels)
    if work.needs_floats or not whole or len(work.kernels) > 1:
        return None
    return arrays.begin_array(work.image.pixels, work.kernels[0], work.spec, work.target)


def _as_stored(work: Work) -> tuple[Filtered, NDArray[Any]]:
    """Filter samples as they are."""
    pixels = work.image.pixels
    if len(work.chosen) < len(work.channels):
        pixels = ch.select(work.planes, work.chosen)
    filtered = arrays.filter_array(pixels, work.kernels, work.spec, work.target)
    del pixels
    return filtered, beside_kept(work, filtered.pixels, filtered.geometries)


def _meta(image: Image, channels: str) -> Meta:
    """Return the source's metadata, without a colour profile that a gray result can't have."""
    was, now = (len(names.removesuffix("A")) for names in (image.channels, channels))
    if was == now or image.meta.icc is None:
        return image.meta
    note = "the colour profile was left out: it doesn't describe a gray image"
    return replace(image.meta, icc=None, notes=(*image.meta.notes, note))


def _alpha(work: Work, image: Image) -> str:
    """Say what happened to alpha."""
    if not image.has_alpha:
        return ""
    return "alone" if work.filters_alpha and not work.weighs else str(work.alpha)


def _facts(image: Image, result: Image, filtered: Filtered | Begun, work: Work) -> Facts:
    return Facts(
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
        samples=filtered.samples,
        alpha=_alpha(work, image),
        avoidable=(
            work.spec.scale != "auto" and not work.spec.luma and image.pixels.dtype.kind in "bu"
        ),
        notes=(*result.meta.notes, *_compiled()),
    )


def _compiled() -> tuple[str, ...]:
    """Say, once, what took long and won't again."""
    global _told
    seconds = seconds_compiling() - _told
    if seconds < _NOTICED:
        return ()
    _told += seconds
    note = f"{seconds:.1f} s went into compiling the loops for this machine"
    if not keeps_loops():
        note += "; they are not kept, as the cache folder is none that only you can write to"
    return (note,)
